// SPDX-License-Identifier: MIT
/*
 * Mappings: addresses without pages.
 *
 * Life: shm_piece_map (or fork) makes a mapping or finds the one that shows
 * the same object at the same base; each of its pieces counts; the last
 * shm_piece_unmap clears, flushes, leaves the object's list, and only then
 * gives the reference back, so that a removal on another CPU either sees the
 * mapping or comes after the flush.
 *
 * Locks: all calls have the space lock exclusively; the object's mutex is
 * taken inside. A segment's bookkeeping (segment.h) comes after unlocking.
 */

#include "shm/mapping.h"
#include "shm/segment.h"
#include "shm/trace.h"
#include "abi/errno.h"

void shm_space_init(struct shm_space *space, struct shm *shm)
{
	*space = (struct shm_space){
		.shm = shm,
		.serial = __atomic_fetch_add(&shm->next_serial, 1, __ATOMIC_RELAXED),
	};
}

void shm_space_release(struct shm_space *space)
{
	shm_assert(space->shm, !space->mappings && !space->link_count);
	shm_table_release(space);
}

struct shm_object *shm_piece_object(const struct shm_piece *piece)
{
	return piece->mapping->object;
}

uint64_t shm_piece_index(const struct shm_piece *piece, uint64_t address)
{
	return (address - piece->mapping->base) >> SHM_PAGE_SHIFT;
}

uint64_t shm_piece_linked_entry(const struct shm_piece *piece, uint64_t address)
{
	struct shm_object *object = piece->mapping->object;
	uint64_t index = shm_piece_index(piece, address), entry = SHM_ENTRY_NONE;

	shm_object_lock(object);
	if (index < object->size_pages && shm_address_linked(piece->mapping, address)) {
		struct shm_leaf *leaf = shm_object_leaf(object, index);
		if (leaf)
			entry = *shm_leaf_entry(leaf, index);
	}
	shm_object_unlock(object);
	return entry;
}

/* ---- the lists ---- */

/* Pieces of one mapping come one after the other (the loader, fork): look at the last one only. */
static struct shm_mapping *mapping_find(struct shm_space *space, const struct shm_object *object,
					uint64_t base, bool private)
{
	struct shm_mapping *mapping = space->mappings;

	if (mapping && mapping->object == object && mapping->base == base &&
	    mapping->private == private)
		return mapping;
	return NULL;
}

/* Shows nothing yet. NULL: no memory. */
static struct shm_mapping *mapping_create(struct shm_space *space, struct shm_object *object,
					  uint64_t base, bool private)
{
	struct shm_mapping *mapping = shm_port(space->shm)->mem_alloc(sizeof(*mapping), 0);

	if (!mapping)
		return NULL;
	shm_object_get(object);
	/* Each field once, but for those that are set before they are read. */
	mapping->object = object;
	mapping->space = space;
	mapping->base = base;
	mapping->private = private;
	mapping->touched = false;
	mapping->pieces = 0;
	mapping->fork_serial = 0;
	mapping->first = UINT64_MAX;
	mapping->end = 0;
	mapping->object_link = NULL;
	mapping->space_next = space->mappings;
	mapping->space_link = &space->mappings;
	if (space->mappings)
		space->mappings->space_link = &mapping->space_next;
	space->mappings = mapping;
	shm_count(&space->mapping_count, 1);
	shm_count(&space->shm->counters.mappings, 1);
	return mapping;
}

uint64_t shm_object_mapping_count(struct shm_object *object)
{
	uint64_t count = 0;

	shm_object_lock(object);
	for (struct shm_mapping *mapping = object->mappings; mapping;
	     mapping = mapping->object_next)
		count++;
	shm_object_unlock(object);
	return count;
}

/* The private mapping whose space has the lowest serial from `serial` on. Object locked. */
static struct shm_mapping *private_lowest(const struct shm_object *object, uint64_t serial)
{
	struct shm_mapping *lowest = NULL;

	for (struct shm_mapping *mapping = object->mappings; mapping;
	     mapping = mapping->object_next)
		if (mapping->private && mapping->space->serial >= serial &&
		    (!lowest || mapping->space->serial < lowest->space->serial))
			lowest = mapping;
	return lowest;
}

struct shm_space *shm_object_private_space(struct shm_object *object, uint64_t *serial,
					   bool (*hold)(struct shm_space *space))
{
	struct shm_space *space = NULL;
	struct shm_mapping *mapping;

	shm_object_lock(object);
	while (!space && (mapping = private_lowest(object, *serial))) {
		*serial = mapping->space->serial + 1;
		if (hold(mapping->space))
			space = mapping->space;
	}
	shm_object_unlock(object);
	return space;
}

/* [start, end) of a piece shows from now on: faults may enter its pages. */
static void mapping_extend(struct shm_mapping *mapping, uint64_t start, uint64_t end)
{
	uint64_t first = (start - mapping->base) >> SHM_PAGE_SHIFT;
	uint64_t last = first + ((end - start) >> SHM_PAGE_SHIFT);
	struct shm_object *object = mapping->object;
	const struct shm_port *port = shm_port(object->shm);

	port->mutex_lock(&object->mutex);
	if (first < mapping->first)
		mapping->first = first;
	if (last > mapping->end)
		mapping->end = last;
	if (!mapping->object_link) {
		mapping->object_next = object->mappings;
		mapping->object_link = &object->mappings;
		if (object->mappings)
			object->mappings->object_link = &mapping->object_next;
		object->mappings = mapping;
	}
	port->mutex_unlock(&object->mutex);
}

/* One piece less; the last one ends the mapping. Everything it showed is cleared and flushed. */
static void mapping_release(struct shm_mapping *mapping)
{
	struct shm_space *space = mapping->space;
	struct shm_object *object = mapping->object;
	const struct shm_port *port = shm_port(object->shm);

	if (--mapping->pieces > 0)
		return;
	port->mutex_lock(&object->mutex);
	*mapping->object_link = mapping->object_next;
	if (mapping->object_next)
		mapping->object_next->object_link = mapping->object_link;
	port->mutex_unlock(&object->mutex);
	*mapping->space_link = mapping->space_next;
	if (mapping->space_next)
		mapping->space_next->space_link = mapping->space_link;
	shm_count(&space->mapping_count, -1);
	shm_count(&space->shm->counters.mappings, -1);
	port->mem_free(mapping, sizeof(*mapping));
	shm_object_put(object);
}

/* ---- pieces come ---- */

/* One more piece of the mapping, filled in but for that. */
static void piece_enter(struct shm_piece *piece, struct shm_mapping *mapping, int32_t pid)
{
	piece->mapping = mapping;
	mapping->pieces++;
	mapping_extend(mapping, piece->start, piece->end);
	if (piece->flags & SHM_PIECE_SEGMENT)
		shm_segment_attached(mapping->object->segment, pid);
}

/* Inline, here and below: called in one place that counts, and the call would be a part of its price. */
inline __attribute__((always_inline)) int
shm_piece_map(struct shm_space *space, struct shm_piece *piece, struct shm_object *object,
	      uint64_t start, uint64_t end, uint64_t index, unsigned protection, unsigned flags,
	      int32_t pid)
{
	uint64_t base = start - (index << SHM_PAGE_SHIFT);
	bool private = flags & SHM_PIECE_PRIVATE;
	struct shm_mapping *mapping = mapping_find(space, object, base, private);

	if (!mapping)
		mapping = mapping_create(space, object, base, private);
	if (!mapping)
		return -ENOMEM;
	piece->start = start;
	piece->end = end;
	piece->protection = protection;
	piece->flags = flags;
	piece->attach = 0;
	piece_enter(piece, mapping, pid);
	return 0;
}

int shm_piece_fork(struct shm_space *child_space, struct shm_piece *child,
		   const struct shm_piece *parent, int32_t pid)
{
	struct shm_mapping *mapping = parent->mapping;

	/* The child has as many mappings as the parent, in whatever order the pieces come. */
	if (mapping->fork_serial != child_space->serial) {
		struct shm_mapping *copy = mapping_create(child_space, mapping->object,
							  mapping->base, mapping->private);
		if (!copy)
			return -ENOMEM;
		mapping->fork_serial = child_space->serial;
		mapping->fork_copy = copy;
	}
	*child = *parent;
	piece_enter(child, mapping->fork_copy, pid);
	return 0;
}

/* Not inline: mostly there is nothing to do, and that is soon seen. */
static __attribute__((noinline)) void piece_fill(struct shm_space *space, struct shm_piece *piece)
{
	struct shm_mapping *mapping = piece->mapping;
	struct shm_object *object = mapping->object;

	shm_object_lock(object);
	uint64_t index = shm_piece_index(piece, piece->start);
	if (object->small && index < object->size_pages) {
		unsigned protection = piece->protection;
		if (mapping->private)
			protection &= ~SHM_WRITE;
		uint64_t count = object->size_pages - index;
		if (count > (piece->end - piece->start) >> SHM_PAGE_SHIFT)
			count = (piece->end - piece->start) >> SHM_PAGE_SHIFT;
		uint64_t to_next_span =
			(SHM_SPAN_BYTES - piece->start % SHM_SPAN_BYTES) >> SHM_PAGE_SHIFT;
		if (count > to_next_span)
			count = to_next_span;
		/* Where there is no own leaf yet, a fault will make it if anyone comes. */
		if (shm_port(space->shm)
			    ->pages_set(space, piece->start, &object->inlined.entries[index],
					(unsigned)count, protection) > 0)
			mapping->touched = true;
	}
	shm_object_unlock(object);
}

void shm_piece_settle(struct shm_space *space, struct shm_piece *piece)
{
	const struct shm_object *object = piece->mapping->object;

	if (piece->protection && object->small && object->resident)
		piece_fill(space, piece);
}

void shm_piece_split(struct shm_space *space, struct shm_piece *low, struct shm_piece *high,
		     uint64_t at, int32_t pid)
{
	(void)space;
	*high = *low;
	high->start = at;
	low->end = at;
	low->mapping->pieces++;
	if (!(low->flags & SHM_PIECE_SEGMENT))
		return;
	if (pid)
		shm_segment_attached(low->mapping->object->segment, pid);
	else
		shm_segment_split(low->mapping->object->segment);
}

void shm_piece_split_told(const struct shm_piece *piece, int32_t pid)
{
	if (piece->flags & SHM_PIECE_SEGMENT)
		shm_segment_used(piece->mapping->object->segment, pid);
}

void shm_piece_merge(struct shm_space *space, struct shm_piece *low, struct shm_piece *high)
{
	(void)space;
	struct shm_mapping *mapping = high->mapping;

	/* Two mappings that show the same become one: the bounds of the first take in the second. */
	if (mapping != low->mapping) {
		if (mapping->touched)
			low->mapping->touched = true;
		mapping_extend(low->mapping, high->start, high->end);
	}
	if (low->flags & SHM_PIECE_SEGMENT)
		shm_segment_merged(mapping->object->segment);
	low->end = high->end;
	high->mapping = NULL;
	mapping_release(mapping);
}

void shm_piece_extend(struct shm_space *space, struct shm_piece *piece, uint64_t new_end)
{
	(void)space;
	mapping_extend(piece->mapping, piece->start, new_end);
	piece->end = new_end;
}

/* ---- attaches that are moved ---- */

bool shm_piece_same_attach(const struct shm_piece *a, const struct shm_piece *b)
{
	return a->attach == b->attach && (a->attach || a->mapping->base == b->mapping->base);
}

uint64_t shm_piece_attach(struct shm_space *space, struct shm_piece *piece)
{
	struct shm_object *object = shm_piece_object(piece);
	uint64_t at = piece->mapping->base, start, end, name;
	uint64_t limit = at + (shm_object_size_pages(object) << SHM_PAGE_SHIFT);
	struct shm_piece *other;

	if (!(piece->flags & SHM_PIECE_SEGMENT) || piece->attach)
		return piece->attach;
	name = __atomic_fetch_add(&space->shm->next_serial, 1, __ATOMIC_RELAXED);
	/* It has no name, so all that it has is where it was attached. */
	while (at < limit && shm_port(space->shm)->area_next(space, at, &start, &end, &other)) {
		if (other && other != piece && other->flags & SHM_PIECE_SEGMENT &&
		    shm_piece_object(other) == object && shm_piece_same_attach(other, piece))
			other->attach = name;
		at = end;
	}
	piece->attach = name;
	return name;
}

/* ---- pieces change and go ---- */

/*
 * Clear every translation of the piece, and flush if there was one. A dropped
 * link showed its whole span or GiB, so all of that is flushed: neighbours would
 * otherwise keep translations that nobody finds when they go.
 */
static void piece_clear(struct shm_space *space, const struct shm_piece *piece)
{
	const struct shm_port *port = shm_port(space->shm);
	struct shm_mapping *mapping = piece->mapping;
	struct shm_range range = {piece->start, piece->end};
	bool own = false, dirty = false;
	uint64_t found;
	unsigned level;

	for (uint64_t at = piece->start; at < piece->end; at = found + shm_level_bytes(level)) {
		uint64_t slot = port->slot_next(space, at, piece->end, &found, &level);
		if (shm_entry_is_none(slot))
			break;
		if (!shm_entry_is_link(slot))
			own = true;
		else
			dirty = shm_slot_unlink(mapping, slot, found, level, &range);
	}
	if (own && port->pages_clear(space, piece->start, NULL,
				     (piece->end - piece->start) >> SHM_PAGE_SHIFT) > 0)
		dirty = true;
	if (dirty)
		port->flush_range(space, range.start, range.end);
}

inline __attribute__((always_inline)) void shm_piece_unmap(struct shm_space *space,
							   struct shm_piece *piece, int32_t pid)
{
	struct shm_mapping *mapping = piece->mapping;
	struct shm_object *object = mapping->object;
	struct shm_segment *segment =
		piece->flags & SHM_PIECE_SEGMENT ? shm_object_segment(object) : NULL;

	if (mapping->touched) {
		shm_object_lock(object);
		piece_clear(space, piece);
		shm_object_unlock(object);
	}
	piece->mapping = NULL;
	mapping_release(mapping);
	if (segment && shm_segment_detached(segment, pid))
		shm_segment_finish(segment);
}

void shm_piece_protect(struct shm_space *space, struct shm_piece *piece, unsigned protection)
{
	struct shm_object *object = piece->mapping->object;

	if (piece->protection == protection)
		return;
	if (piece->mapping->touched) {
		shm_object_lock(object);
		piece_clear(space, piece);
		shm_object_unlock(object);
	}
	piece->protection = protection;
}
