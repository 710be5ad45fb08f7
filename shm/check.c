// SPDX-License-Identifier: MIT
/*
 * Invariants: walks structures and calls fatal when a rule is broken. For
 * tests and debug builds; costs as much as what it walks.
 *
 * An object that is locked is in the middle of something and is skipped. A
 * space is checked by a caller that holds its lock, or runs alone.
 */

#include "shm/mapping.h"

struct leaf_sums {
	uint64_t resident, swapped, busy;
};

static void check_leaf(struct shm_object *object, struct shm_leaf *leaf, uint64_t first_index,
		       unsigned capacity, struct leaf_sums *sums)
{
	struct shm *shm = object->shm;
	unsigned used = 0;

	for (unsigned i = 0; i < capacity; i++) {
		uint64_t entry = leaf->entries[i];
		if (shm_entry_is_none(entry))
			continue;
		used++;
		shm_assert(shm, first_index + i < object->size_pages);
		if (shm_entry_is_present(entry)) {
			shm_assert(shm, !shm_entry_is_own(entry));
			shm_assert(shm, shm_entry_protection(entry) == (SHM_READ | SHM_WRITE));
			shm_assert(shm,
				   shm_port(shm)->frame_references(shm_entry_frame(entry)) > 0);
			sums->resident++;
		} else if (shm_entry_is_old(entry)) {
			shm_assert(shm,
				   shm_port(shm)->frame_references(shm_entry_old_frame(entry)) > 0);
			sums->resident++;
		} else if (shm_entry_is_swapped(entry)) {
			sums->swapped++;
		} else if (shm_entry_is_busy(entry)) {
			sums->busy++;
		} else {
			shm_assert(shm, shm_entry_is_poison(entry));
		}
	}
	shm_assert(shm, used == leaf->used);
}

/* May the mapping link the table whose block begins at this page? */
static bool may_link(const struct shm_mapping *mapping, uint64_t first, uint64_t pages)
{
	return !mapping->private && mapping->base % (pages << SHM_PAGE_SHIFT) == 0 &&
	       mapping->first < first + pages && mapping->end > first;
}

/* Slots that link a table, counted through the object's mappings, each slot once. */
static unsigned count_links(struct shm_object *object, const struct shm_leaf *leaf, uint64_t number,
			    unsigned level)
{
	uint64_t pages = shm_level_bytes(level) >> SHM_PAGE_SHIFT, first = number * pages;
	unsigned links = 0;

	for (struct shm_mapping *mapping = object->mappings; mapping;
	     mapping = mapping->object_next) {
		if (!may_link(mapping, first, pages))
			continue;
		/* Two mappings may show the same base: count for the first one in the list. */
		struct shm_mapping *same = object->mappings;
		while (same->space != mapping->space || same->base != mapping->base ||
		       !may_link(same, first, pages))
			same = same->object_next;
		if (same != mapping)
			continue;
		uint64_t slot =
			shm_slot_get(mapping->space, shm_mapping_address(mapping, first), level);
		links += shm_entry_is_link(slot) && shm_entry_frame(slot) == leaf->table;
	}
	return links;
}

/* A middle table has the leaves of its GiB, all of them, and nothing else. */
static void check_middle(struct shm_object *object, const struct shm_leaf *middle, uint64_t number)
{
	struct shm *shm = object->shm;
	uint64_t first = number * SHM_ENTRIES_PER_TABLE, at = first;
	unsigned entries = 0, leaves = 0;
	struct shm_leaf *leaf;

	shm_assert(shm, number < shm_middle_count(object->size_pages));
	for (unsigned i = 0; i < SHM_ENTRIES_PER_TABLE; i++)
		entries += !shm_entry_is_none(middle->entries[i]);
	for (; (leaf = shm_radix_next(&object->leaves, &at)) && at < first + SHM_ENTRIES_PER_TABLE;
	     at++, leaves++)
		shm_assert(shm, middle->entries[at - first] ==
					shm_entry_link(leaf->table, SHM_READ | SHM_WRITE));
	shm_assert(shm, entries == leaves && middle->used == leaves);
	shm_assert(shm, middle->links == count_links(object, middle, number, SHM_LEVEL_MIDDLE));
}

static void check_leaves(struct shm_object *object, struct leaf_sums *sums)
{
	struct shm *shm = object->shm;
	struct shm_leaf *leaf;

	for (uint64_t number = 0; (leaf = shm_radix_next(&object->leaves, &number)); number++) {
		uint64_t first = number * SHM_ENTRIES_PER_TABLE;
		shm_assert(shm, first < object->size_pages);
		check_leaf(object, leaf, first, SHM_ENTRIES_PER_TABLE, sums);
		shm_assert(shm, leaf->links == count_links(object, leaf, number, SHM_LEVEL_SPAN));
	}
	for (uint64_t number = 0; (leaf = shm_radix_next(&object->middles, &number)); number++)
		check_middle(object, leaf, number);
}

void shm_check_object(struct shm_object *object)
{
	struct shm *shm = object->shm;
	struct leaf_sums sums = {0};

	if (!shm_port(shm)->mutex_try(&object->mutex)) {
		shm_count(&shm->checked.objects_skipped, 1);
		return;
	}
	shm_count(&shm->checked.objects, 1);
	shm_assert(shm, object->references > 0);
	if (object->small) {
		shm_assert(shm, object->size_pages <= SHM_INLINE_PAGES);
		check_leaf(object, &object->inlined.leaf, 0, SHM_INLINE_PAGES, &sums);
	} else {
		check_leaves(object, &sums);
	}
	shm_assert(shm, sums.busy == object->busy);
	if (sums.busy == 0) {
		shm_assert(shm, sums.resident == object->resident);
		shm_assert(shm, sums.swapped == object->swapped);
	}
	for (struct shm_mapping *mapping = object->mappings; mapping;
	     mapping = mapping->object_next) {
		shm_assert(shm, mapping->object == object);
		shm_assert(shm, *mapping->object_link == mapping);
	}
	shm_port(shm)->mutex_unlock(&object->mutex);
}

/* ---- spaces ---- */

/* Rule 9: what a piece shows through an own leaf is the object's page, or the space's own copy. */
static void check_entry(struct shm_space *space, const struct shm_piece *piece, uint64_t address,
			uint64_t entry)
{
	struct shm *shm = space->shm;
	struct shm_object *object = piece->mapping->object;

	if (!shm_entry_is_present(entry))
		return;
	if (shm_entry_is_own(entry)) {
		shm_assert(shm, piece->mapping->private);
		return;
	}
	uint64_t index = shm_piece_index(piece, address);
	shm_assert(shm, piece->mapping->touched);
	shm_assert(shm, index >= piece->mapping->first && index < piece->mapping->end);
	shm_assert(shm, index < object->size_pages);
	struct shm_leaf *leaf = shm_object_leaf(object, index);
	uint64_t page = leaf ? *shm_leaf_entry(leaf, index) : SHM_ENTRY_NONE;
	shm_assert(shm, shm_entry_accessed(page));
	shm_assert(shm, shm_entry_frame(page) == shm_entry_frame(entry));
	unsigned allowed = piece->protection | SHM_READ;
	if (piece->mapping->private)
		allowed &= ~SHM_WRITE;
	shm_assert(shm, (shm_entry_protection(entry) & ~allowed) == 0);
}

/* Rule 2: a link shows this piece's table, and nothing else lies in what it covers. */
static void check_link(struct shm_space *space, const struct shm_piece *piece, uint64_t slot,
		       uint64_t address, unsigned level)
{
	struct shm *shm = space->shm;
	uint64_t index = shm_piece_index(piece, address);
	struct shm_object *object = piece->mapping->object;
	struct shm_leaf *leaf = level == SHM_LEVEL_SPAN ? shm_object_leaf(object, index)
							: shm_object_middle(object, index);

	shm_assert(shm, leaf && leaf->table == shm_entry_frame(slot));
	shm_assert(shm, piece->mapping->touched);
	bool trace = shm->trace;
	shm->trace = false;
	shm_assert(shm, level == SHM_LEVEL_SPAN ? shm_span_linkable(space, piece, leaf, address)
						: shm_middle_linkable(space, piece, address));
	shm_assert(shm, level == SHM_LEVEL_SPAN || shm_object_is_large(object));
	shm->trace = trace;
	shm_assert(shm, (shm_entry_link_protection(slot) & SHM_WRITE) <=
				(piece->protection & SHM_WRITE));
}

/* [start, end) of a piece, in one span with an own leaf. */
static void check_leaf_of_own(struct shm_space *space, const struct shm_piece *piece,
			      uint64_t start, uint64_t end)
{
	const struct shm_port *port = shm_port(space->shm);
	uint64_t entry, found;

	for (uint64_t at = start; at < end; at = found + SHM_PAGE_BYTES) {
		entry = port->page_next(space, at, end, &found);
		if (shm_entry_is_none(entry))
			break;
		check_entry(space, piece, found, entry);
	}
}

static void check_piece(struct shm_space *space, const struct shm_piece *piece)
{
	struct shm *shm = space->shm;
	struct shm_object *object = piece->mapping->object;
	uint64_t found;
	unsigned level;

	shm_assert(shm, piece->start < piece->end);
	shm_assert(shm, piece->mapping->space == space && piece->mapping->pieces > 0);
	if (!shm_port(shm)->mutex_try(&object->mutex)) {
		shm_count(&shm->checked.pieces_skipped, 1);
		return;
	}
	shm_count(&shm->checked.pieces, 1);
	for (uint64_t at = piece->start; at < piece->end; at = found + shm_level_bytes(level)) {
		uint64_t slot = shm_port(shm)->slot_next(space, at, piece->end, &found, &level);
		if (shm_entry_is_none(slot))
			break;
		uint64_t start = found > piece->start ? found : piece->start;
		uint64_t end =
			found + SHM_SPAN_BYTES < piece->end ? found + SHM_SPAN_BYTES : piece->end;
		if (shm_entry_is_link(slot))
			check_link(space, piece, slot, start, level);
		else
			check_leaf_of_own(space, piece, start, end);
	}
	shm_port(shm)->mutex_unlock(&object->mutex);
}

void shm_check_space(struct shm_space *space)
{
	struct shm *shm = space->shm;
	uint64_t start, end, mappings = 0, pieces = 0, counted = 0;
	struct shm_piece *piece;

	for (struct shm_mapping *mapping = space->mappings; mapping;
	     mapping = mapping->space_next) {
		shm_assert(shm, mapping->space == space && *mapping->space_link == mapping);
		mappings++;
		counted += mapping->pieces;
	}
	shm_assert(shm, mappings == space->mapping_count);
	for (uint64_t at = 0; shm_port(shm)->area_next(space, at, &start, &end, &piece); at = end) {
		if (!piece || !piece->mapping)
			continue;
		shm_assert(shm, piece->start == start && piece->end == end);
		check_piece(space, piece);
		pieces++;
	}
	shm_assert(shm, pieces == counted);
}
