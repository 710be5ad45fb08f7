// SPDX-License-Identifier: MIT
/*
 * Middle tables: what a space may link of an object a whole GiB at a time.
 *
 * Entry i of middle table n is a read-write link to the object's leaf
 * 512 n + i if the object has that leaf, else none. So a new leaf is at once
 * where every space that links the table finds it, and a leaf that goes is
 * dropped here before the flush that goes before its end.
 *
 * Life: made when a fault first wants to link it; goes when the object becomes
 * too small for it, or ends. Punching leaves it, though it may become empty.
 * An object of less than 1 GiB has none. Charged like leaves.
 */

#include "shm/mapping.h"
#include "abi/errno.h"

static uint64_t middle_of(uint64_t number)
{
	return number / SHM_ENTRIES_PER_TABLE;
}

static struct shm_leaf *middle_find(const struct shm_object *object, uint64_t number)
{
	return object->small ? NULL : shm_radix_find(&object->middles, middle_of(number));
}

struct shm_leaf *shm_object_middle(struct shm_object *object, uint64_t index)
{
	return middle_find(object, index / SHM_ENTRIES_PER_TABLE);
}

static void entry_set(struct shm_leaf *middle, uint64_t number, const struct shm_leaf *leaf)
{
	uint64_t link = shm_entry_link(leaf->table, SHM_READ | SHM_WRITE);

	shm_entry_store(shm_leaf_entry(middle, number), link);
	middle->used++;
}

int shm_object_middle_make(struct shm_object *object, uint64_t index, struct shm_reserve *reserve,
			   struct shm_leaf **found)
{
	struct shm *shm = object->shm;
	uint64_t number = index / SHM_MIDDLE_PAGES;

	*found = shm_object_middle(object, index);
	if (*found)
		return 0;

	struct shm_leaf *middle = reserve->leaf;
	reserve->leaf = NULL;
	if (!middle)
		middle = shm_leaf_create(shm, SHM_NOWAIT);
	if (!middle)
		return -EAGAIN;
	int error = shm_radix_insert(shm, &object->middles, number, middle, reserve);
	if (error) {
		shm_radix_remove(shm, &object->middles, number);
		reserve->leaf = middle;
		return error;
	}
	struct shm_leaf *leaf;
	uint64_t at = number * SHM_ENTRIES_PER_TABLE;
	for (; (leaf = shm_radix_next(&object->leaves, &at)) && middle_of(at) == number; at++)
		entry_set(middle, at, leaf);
	*found = middle;
	return 0;
}

void shm_middle_enter(struct shm_object *object, uint64_t number, const struct shm_leaf *leaf)
{
	struct shm_leaf *middle = middle_find(object, number);

	if (middle)
		entry_set(middle, number, leaf);
}

void shm_middle_drop(struct shm_object *object, uint64_t number)
{
	struct shm_leaf *middle = middle_find(object, number);

	if (!middle)
		return;
	shm_entry_store(shm_leaf_entry(middle, number), SHM_ENTRY_NONE);
	middle->used--;
}

void shm_middles_unlink(struct shm_object *object, uint64_t first)
{
	struct shm_leaf *middle;

	if (object->small)
		return;
	for (uint64_t number = first; (middle = shm_radix_next(&object->middles, &number));
	     number++)
		shm_leaf_unlink(object, middle, number, SHM_LEVEL_MIDDLE);
}

void shm_middles_free(struct shm_object *object, uint64_t first)
{
	struct shm_leaf *middle;

	if (object->small)
		return;
	for (uint64_t number = first; (middle = shm_radix_next(&object->middles, &number));
	     number++) {
		middle->used = 0; /* its leaves are the object's, and stay */
		shm_radix_remove(object->shm, &object->middles, number);
		shm_leaf_destroy(object->shm, middle);
	}
}
