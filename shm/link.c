// SPDX-License-Identifier: MIT
/*
 * Links: slots of a space's tables that point to an object's leaf, or one level
 * up to an object's middle table.
 *
 * A link is a cache of a fault's decision. It is made by a fault (fault.c)
 * when shm_span_linkable or shm_middle_linkable says so, and dropped here at
 * any time: by whoever changes an area in what it covers, by a resize, by the
 * last unmap. Dropping stores none; the caller flushes before anything that
 * the link reached is freed or shown otherwise.
 *
 * Slots change between link and none under the mutex of the object whose table
 * is linked, so a resize in one process can drop links in others.
 */

#include "shm/mapping.h"
#include "shm/trace.h"

/* A whole leaf is entered read-write without execute, or read-only where the parent restricts. */
static bool protection_linkable(const struct shm *shm, unsigned protection)
{
	if (protection & SHM_EXEC)
		return false;
	return (protection & SHM_WRITE) || (shm_port(shm)->capabilities & SHM_PARENT_RESTRICT);
}

/* Does another piece show the same object at the same base in the same way? */
static bool piece_alike(const struct shm_piece *piece, const struct shm_piece *other)
{
	return other && other->mapping == piece->mapping && other->protection == piece->protection;
}

/* All areas in the block of a level are alike and cover it up to covered_end. */
static bool block_covered(struct shm_space *space, const struct shm_piece *piece, uint64_t block,
			  unsigned level, uint64_t covered_end)
{
	uint64_t covered = block, block_end = block + shm_level_bytes(level), start, end;
	struct shm_piece *other;

	for (uint64_t at = block; at < block_end; at = end) {
		if (!shm_port(space->shm)->area_next(space, at, &start, &end, &other) ||
		    start >= block_end)
			break;
		if (!piece_alike(piece, other))
			return false;
		if (start > covered && covered < covered_end)
			return false;
		covered = end;
	}
	return covered >= covered_end;
}

bool shm_span_linkable(struct shm_space *space, const struct shm_piece *piece,
		       const struct shm_leaf *leaf, uint64_t address)
{
	const struct shm_mapping *mapping = piece->mapping;
	struct shm *shm = space->shm;
	uint64_t span = address & ~(SHM_SPAN_BYTES - 1);

	if (!shm->link || mapping->private || !leaf->table)
		return false;
	if (mapping->base % SHM_SPAN_BYTES != 0) {
		shm_trace(shm, "fallback space %x address %x: not aligned to a span",
			  SHM_TRACE_POINTER(space), address);
		return false;
	}
	if (!protection_linkable(shm, piece->protection)) {
		shm_trace(shm, "fallback space %x address %x: protection", SHM_TRACE_POINTER(space),
			  address);
		return false;
	}
	if (piece->start <= span && piece->end >= span + SHM_SPAN_BYTES)
		return true;

	/* The object may end within the span: what lies behind it must be nobody's. */
	uint64_t index = (span - mapping->base) >> SHM_PAGE_SHIFT;
	uint64_t pages = mapping->object->size_pages - index;
	if (pages > SHM_ENTRIES_PER_TABLE)
		pages = SHM_ENTRIES_PER_TABLE;
	if (block_covered(space, piece, span, SHM_LEVEL_SPAN, span + (pages << SHM_PAGE_SHIFT)))
		return true;
	shm_trace(shm, "fallback space %x address %x: span not covered alike",
		  SHM_TRACE_POINTER(space), address);
	return false;
}

/* No slack here: what lies behind the object's end in a GiB belongs to the mapping. */
bool shm_middle_linkable(struct shm_space *space, const struct shm_piece *piece, uint64_t address)
{
	const struct shm_mapping *mapping = piece->mapping;
	uint64_t middle = address & ~(SHM_MIDDLE_BYTES - 1), end = middle + SHM_MIDDLE_BYTES;

	if (!shm_object_is_large(mapping->object) || mapping->private ||
	    mapping->base % SHM_MIDDLE_BYTES != 0 ||
	    !protection_linkable(space->shm, piece->protection))
		return false;
	return (piece->start <= middle && piece->end >= end) ||
	       block_covered(space, piece, middle, SHM_LEVEL_MIDDLE, end);
}

bool shm_slot_link(const struct shm_piece *piece, struct shm_leaf *table, uint64_t address,
		   unsigned level)
{
	struct shm_mapping *mapping = piece->mapping;
	struct shm_space *space = mapping->space;
	struct shm *shm = space->shm;
	uint64_t link = shm_entry_link(table->table, piece->protection);

	if (!shm_slot_exchange(space, address, level, SHM_ENTRY_NONE, link))
		return false;
	table->links++;
	mapping->touched = true;
	shm_count(&space->link_count, 1);
	shm_count(&shm->counters.links, 1);
	shm_trace(shm, "link space %x address %x object %u", SHM_TRACE_POINTER(space), address,
		  mapping->object->serial);
	return true;
}

/* The slot holds `entry`, a link to `leaf`. */
static void link_drop(struct shm_space *space, struct shm_leaf *leaf, uint64_t address,
		      unsigned level, uint64_t entry)
{
	struct shm *shm = space->shm;
	bool dropped = shm_slot_exchange(space, address, level, entry, SHM_ENTRY_NONE);

	shm_assert(shm, dropped && leaf->links > 0);
	leaf->links--;
	shm_count(&space->link_count, -1);
	shm_count(&shm->counters.drops, 1);
	shm_trace(shm, "drop space %x address %x", SHM_TRACE_POINTER(space), address);
}

bool shm_slot_unlink(const struct shm_mapping *mapping, uint64_t entry, uint64_t found,
		     unsigned level, struct shm_range *range)
{
	if (!shm_entry_is_link(entry))
		return false;
	uint64_t index = (found - mapping->base) >> SHM_PAGE_SHIFT;
	struct shm_leaf *leaf = level == SHM_LEVEL_SPAN ? shm_object_leaf(mapping->object, index)
							: shm_object_middle(mapping->object, index);
	shm_assert(mapping->space->shm, leaf && leaf->table == shm_entry_frame(entry));
	link_drop(mapping->space, leaf, found, level, entry);
	if (found < range->start)
		range->start = found;
	if (found + shm_level_bytes(level) > range->end)
		range->end = found + shm_level_bytes(level);
	return true;
}

void shm_leaf_unlink(struct shm_object *object, struct shm_leaf *leaf, uint64_t number,
		     unsigned level)
{
	uint64_t bytes = shm_level_bytes(level), pages = bytes >> SHM_PAGE_SHIFT;
	uint64_t first = number * pages;

	for (struct shm_mapping *mapping = object->mappings; mapping && leaf->links > 0;
	     mapping = mapping->object_next) {
		if (!mapping->touched || mapping->private || mapping->base % bytes != 0 ||
		    mapping->first >= first + pages || mapping->end <= first)
			continue;
		uint64_t address = shm_mapping_address(mapping, first);
		uint64_t entry = shm_slot_get(mapping->space, address, level);
		if (shm_entry_is_link(entry) && shm_entry_frame(entry) == leaf->table)
			link_drop(mapping->space, leaf, address, level, entry);
	}
	shm_assert(object->shm, leaf->links == 0);
}

/* Clear the copies of [first, end), pages of one leaf, in one mapping: at most two spans. */
static void mapping_hide(const struct shm_mapping *mapping, const uint64_t *entries, uint64_t first,
			 uint64_t end)
{
	while (first < end) {
		uint64_t address = shm_mapping_address(mapping, first);
		uint64_t count = (SHM_SPAN_BYTES - address % SHM_SPAN_BYTES) >> SHM_PAGE_SHIFT;
		if (count > end - first)
			count = end - first;
		shm_port(mapping->space->shm)->pages_clear(mapping->space, address, entries, count);
		entries += count;
		first += count;
	}
}

void shm_leaf_hide(struct shm_object *object, const uint64_t *entries, uint64_t index,
		   unsigned count)
{
	for (struct shm_mapping *mapping = object->mappings; mapping;
	     mapping = mapping->object_next) {
		uint64_t first = mapping->first > index ? mapping->first : index;
		uint64_t end = mapping->end < index + count ? mapping->end : index + count;
		if (mapping->touched && first < end)
			mapping_hide(mapping, &entries[first - index], first, end);
	}
}

/* The links in [start, end) of one piece: dropped. True: some were. Space locked exclusively. */
static bool piece_unlink(const struct shm_piece *piece, uint64_t start, uint64_t end,
			 struct shm_range *range)
{
	struct shm_mapping *mapping = piece->mapping;
	struct shm_space *space = mapping->space;
	uint64_t found, entry;
	bool dropped = false;
	unsigned level;

	shm_object_lock(mapping->object);
	for (; start < end; start = found + shm_level_bytes(level)) {
		entry = shm_port(space->shm)->slot_next(space, start, end, &found, &level);
		if (shm_entry_is_none(entry))
			break;
		dropped |= shm_slot_unlink(mapping, entry, found, level, range);
	}
	shm_object_unlock(mapping->object);
	return dropped;
}

void shm_place_links(struct shm_space *space, uint64_t start, uint64_t end)
{
	const struct shm_port *port = shm_port(space->shm);

	start &= ~(SHM_SPAN_BYTES - 1);
	end = (end + SHM_SPAN_BYTES - 1) & ~(SHM_SPAN_BYTES - 1);

	struct shm_range range = {start, end};
	uint64_t area_start, area_end;
	struct shm_piece *piece;
	bool dropped = false;
	for (uint64_t at = start; at < end; at = area_end) {
		if (!port->area_next(space, at, &area_start, &area_end, &piece) ||
		    area_start >= end)
			break;
		if (!piece || !piece->mapping || piece->mapping->private)
			continue;
		uint64_t from = area_start > start ? area_start : start;
		uint64_t to = area_end < end ? area_end : end;
		dropped |= piece_unlink(piece, from, to, &range);
	}
	if (dropped)
		port->flush_range(space, range.start, range.end);
}
