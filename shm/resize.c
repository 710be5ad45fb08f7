// SPDX-License-Identifier: MIT
/*
 * Objects grow, shrink and lose pages under live mappings.
 *
 * Taking pages away has three steps, all under the object's mutex: hide every
 * page (in the leaves it turns old, which hardware cannot see; copies in own
 * leaves are cleared; links to tables that go are dropped), one flush for all
 * spaces, then free. Between the steps the entries themselves remember the
 * frames, so that nothing has to be allocated and nothing can fail.
 *
 * Growing drops the links to the tail leaf, since a mapping may end before
 * the new pages do (where a middle table is linked, it does not); small objects that outgrow 16 pages move their entries
 * into a leaf, with copies in own leaves staying valid.
 */

#include "shm/mapping.h"
#include "abi/errno.h"

/* A part of one leaf: what a removal works on at a time. */
struct leaf_part {
	struct shm_leaf *leaf;
	uint64_t number;       /* of the leaf */
	uint64_t index;        /* first page of the part */
	unsigned first, count; /* entries in the leaf */
	bool whole;            /* nothing but empty entries outside the part: the leaf goes */
};

/* The first part with entries at or after page `index`, below `end`. */
static bool part_find(struct shm_object *object, uint64_t index, uint64_t end,
		      struct leaf_part *part)
{
	if (index >= end)
		return false;
	if (object->small) {
		if (index >= SHM_INLINE_PAGES)
			return false;
		part->leaf = &object->inlined.leaf;
		part->number = 0;
	} else {
		uint64_t number = index / SHM_ENTRIES_PER_TABLE;
		part->leaf = shm_radix_next(&object->leaves, &number);
		if (!part->leaf || number * SHM_ENTRIES_PER_TABLE >= end)
			return false;
		part->number = number;
		if (index < number * SHM_ENTRIES_PER_TABLE)
			index = number * SHM_ENTRIES_PER_TABLE;
	}
	unsigned capacity = object->small ? SHM_INLINE_PAGES : SHM_ENTRIES_PER_TABLE;
	uint64_t leaf_end = part->number * SHM_ENTRIES_PER_TABLE + capacity;
	part->index = index;
	part->first = index % SHM_ENTRIES_PER_TABLE;
	part->count = (unsigned)((end < leaf_end ? end : leaf_end) - index);

	unsigned used = 0;
	for (unsigned i = 0; i < part->count; i++)
		used += !shm_entry_is_none(part->leaf->entries[part->first + i]);
	part->whole = used == part->leaf->used && part->leaf->table;
	return true;
}

/* Does any space link the part's leaf, or the middle table over it? */
static bool part_is_linked(struct shm_object *object, const struct leaf_part *part)
{
	if (part->leaf->links)
		return true;
	struct shm_leaf *middle = shm_object_middle(object, part->index);
	return middle && middle->links;
}

/* No CPU may walk to the part's pages after the next flush. */
static void part_hide(struct shm_object *object, const struct leaf_part *part)
{
	uint64_t *entries = &part->leaf->entries[part->first];

	if (part->whole)
		shm_middle_drop(object, part->number);
	if (!object->mappings)
		return;
	if (part->whole)
		shm_leaf_unlink(object, part->leaf, part->number, SHM_LEVEL_SPAN);
	shm_leaf_hide(object, entries, part->index, part->count);
	if (part->whole || !part_is_linked(object, part))
		return;
	for (unsigned i = 0; i < part->count; i++)
		if (shm_entry_is_present(entries[i]))
			shm_entry_store(&entries[i], shm_entry_old(entries[i]));
}

/* After the flush. */
static void part_free(struct shm_object *object, const struct leaf_part *part)
{
	shm_leaf_empty(object, part->leaf, part->first, part->count);
	if (part->whole) {
		shm_radix_remove(object->shm, &object->leaves, part->number);
		shm_leaf_destroy(object->shm, part->leaf);
	}
}

/* Free all pages in [first, end), and middle tables past the size. Object locked and idle. */
static void pages_remove(struct shm_object *object, uint64_t first, uint64_t end)
{
	struct leaf_part part;

	for (uint64_t i = first; part_find(object, i, end, &part); i = part.index + part.count) {
		part_hide(object, &part);
		shm_port(object->shm)->interrupt_point();
	}
	shm_middles_unlink(object, shm_middle_count(object->size_pages));
	if (object->mappings)
		shm_port(object->shm)->flush_shared();
	for (uint64_t i = first; part_find(object, i, end, &part); i = part.index + part.count) {
		part_free(object, &part);
		shm_port(object->shm)->interrupt_point();
	}
	shm_middles_free(object, shm_middle_count(object->size_pages));
}

void shm_object_punch(struct shm_object *object, uint64_t first, uint64_t count)
{
	shm_object_lock(object);
	shm_object_wait_idle(object);
	uint64_t end = object->size_pages;
	if (count < end && first < end - count)
		end = first + count;
	pages_remove(object, first, end);
	shm_object_unlock(object);
}

/* A small object that grows past its inline entries gets a leaf for them. -EAGAIN: reserve. */
static int entries_move(struct shm_object *object, struct shm_reserve *reserve)
{
	struct shm_leaf *inlined = &object->inlined.leaf;
	struct shm_leaf *leaf = reserve->leaf;

	if (inlined->used == 0) {
		shm_object_outgrow(object);
		return 0;
	}
	if (!leaf)
		leaf = shm_leaf_create(object->shm, SHM_NOWAIT);
	if (!leaf)
		return -EAGAIN;
	reserve->leaf = NULL;
	for (unsigned i = 0; i < SHM_INLINE_PAGES; i++)
		shm_entry_store(&leaf->entries[i], inlined->entries[i]);
	leaf->used = inlined->used;
	shm_object_outgrow(object);
	object->leaves.root = leaf;
	return 0;
}

/* Object locked and idle. 0, -EAGAIN: fill the reserve. */
static int resize_locked(struct shm_object *object, uint64_t size_pages,
			 struct shm_reserve *reserve)
{
	uint64_t old = object->size_pages;

	if (size_pages < old) {
		shm_object_set_size(object, size_pages);
		pages_remove(object, size_pages, old);
		return 0;
	}
	if (object->small && size_pages > SHM_INLINE_PAGES) {
		int error = entries_move(object, reserve);
		if (error)
			return error;
	}
	if (old % SHM_ENTRIES_PER_TABLE != 0 && !object->small) {
		struct shm_leaf *tail = shm_object_leaf(object, old);
		if (tail && tail->links) {
			shm_leaf_unlink(object, tail, old / SHM_ENTRIES_PER_TABLE, SHM_LEVEL_SPAN);
			shm_port(object->shm)->flush_shared();
		}
	}
	shm_object_set_size(object, size_pages);
	return 0;
}

int shm_object_resize(struct shm_object *object, uint64_t size_pages)
{
	struct shm *shm = object->shm;
	struct shm_reserve reserve = {0};
	bool charged = !(object->flags & SHM_OBJECT_NORESERVE);
	uint64_t charge = shm_object_charge_pages(size_pages), old_charge;
	int error;

	if (size_pages > SHM_OBJECT_PAGES_MAX)
		return -EFBIG;
	/* The new size is charged whole before, the old one given back after: no race between two. */
	if (charged) {
		error = shm_port(shm)->reserve(charge);
		if (error)
			return error;
	}
	for (;;) {
		shm_object_lock(object);
		shm_object_wait_idle(object);
		old_charge = shm_object_charge_pages(object->size_pages);
		error = resize_locked(object, size_pages, &reserve);
		shm_object_unlock(object);
		if (error != -EAGAIN)
			break;
		error = shm_reserve_fill(shm, &reserve);
		if (error)
			break;
	}
	shm_reserve_drop(shm, &reserve);
	if (charged)
		shm_port(shm)->unreserve(error ? charge : old_charge);
	return error;
}
