// SPDX-License-Identifier: MIT
/*
 * Single pages of an object: how one comes to be there, who holds it, and
 * whether anybody has touched it.
 *
 * A page that is made because somebody needs it is present and accessed. One
 * that is preallocated is present but not accessed: its memory is sure, and a
 * CPU gets to it through a link by setting the accessed bit itself, or by a
 * fault where CPUs do not. Own leaves are filled with accessed pages only. So
 * an entry says whether its page was ever touched, and preallocated memory that
 * is linked costs no faults where the CPU sets the bit.
 *
 * Locks: the object's mutex, and no waiting for memory under it (object.c).
 */

#include "shm/object.h"
#include "abi/errno.h"

/* One page more; false: the quota has none left. */
static bool quota_take(struct shm_quota *quota)
{
	uint64_t max = __atomic_load_n(&quota->max_pages, __ATOMIC_RELAXED);

	/* Relaxed: a count, it orders nothing. */
	if (__atomic_add_fetch(&quota->used_pages, 1, __ATOMIC_RELAXED) <= max || !max)
		return true;
	shm_count(&quota->used_pages, -1);
	return false;
}

/* A page comes to a leaf, or goes (-1). */
static inline void page_count(struct shm_object *object, struct shm_leaf *leaf, int change)
{
	leaf->used += (uint32_t)change;
	object->resident += (uint64_t)(int64_t)change;
	shm_count(&object->shm->counters.pages, change);
}

/* A zeroed frame for an empty entry of the leaf, which the caller stores. 0; -EAGAIN: fill the reserve; -ENOSPC. */
static inline __attribute__((always_inline)) int page_create(struct shm_object *object,
							     struct shm_leaf *leaf,
							     struct shm_reserve *reserve,
							     uint64_t *created)
{
	uint64_t frame = reserve->frame;

	reserve->frame = 0;
	if (!frame)
		frame = shm_port(object->shm)->frame_alloc(SHM_NOWAIT);
	if (!frame)
		return -EAGAIN;
	if (object->quota && !quota_take(object->quota)) {
		reserve->frame = frame;
		return -ENOSPC;
	}
	page_count(object, leaf, 1);
	*created = frame;
	return 0;
}

int shm_object_page_make(struct shm_object *object, uint64_t index, struct shm_reserve *reserve,
			 struct shm_leaf **leaf, bool *made)
{
	*made = false;
	for (;;) {
		if (index >= object->size_pages)
			return -EFBIG;
		int error = shm_object_leaf_make(object, index, reserve, leaf);
		if (error)
			return error;

		uint64_t *entry = shm_leaf_entry(*leaf, index);
		uint64_t value = *entry, frame;
		if (shm_entry_accessed(value))
			return 0;
		*made = true;
		if (shm_entry_is_none(value)) {
			error = page_create(object, *leaf, reserve, &frame);
			if (!error)
				shm_entry_store(entry, shm_entry_object_page(frame));
			return error;
		}
		if (shm_entry_is_present(value)) { /* preallocated, and this is the first access */
			shm_entry_store(entry, shm_entry_set_accessed(value));
			return 0;
		}
		if (shm_entry_is_old(value)) {
			shm_entry_store(entry, shm_entry_young(value));
			return 0;
		}
		if (shm_entry_is_poison(value))
			return -EIO;
		if (shm_entry_is_busy(value)) {
			shm_port(object->shm)->wait(object, &object->mutex);
			continue;
		}
		error = shm_object_page_read(object, *leaf, index, reserve);
		if (error)
			return error;
	}
}

/* Make a page present and pin it, filling a reserve when there is no memory at once. */
static int page_make_pinned(struct shm_object *object, uint64_t index, uint64_t *pinned)
{
	struct shm *shm = object->shm;
	struct shm_reserve reserve = {0};
	struct shm_leaf *leaf;
	bool made;
	int error;

	for (;;) {
		shm_object_lock(object);
		error = shm_object_page_make(object, index, &reserve, &leaf, &made);
		if (!error) {
			*pinned = shm_entry_frame(*shm_leaf_entry(leaf, index));
			shm_port(shm)->frame_hold(*pinned);
		}
		shm_object_unlock(object);
		if (error != -EAGAIN)
			break;
		error = shm_reserve_fill(shm, &reserve);
		if (error)
			break;
	}
	shm_reserve_drop(shm, &reserve);
	return error;
}

/*
 * Give a page that is not there its frame. As shm_object_page_make, but nobody has accessed it;
 * who preallocates it again has, as on Linux. Object locked.
 */
static int page_preallocate(struct shm_object *object, uint64_t index, struct shm_reserve *reserve)
{
	struct shm_leaf *leaf;
	uint64_t frame;

	if (index >= object->size_pages)
		return -EFBIG;
	int error = shm_object_leaf_make(object, index, reserve, &leaf);
	if (error)
		return error;
	uint64_t *entry = shm_leaf_entry(leaf, index), value = *entry;
	if (shm_entry_is_none(value)) {
		error = page_create(object, leaf, reserve, &frame);
		if (!error)
			shm_entry_store(entry,
					shm_entry_clear_accessed(shm_entry_object_page(frame)));
		return error;
	}
	if (shm_entry_is_present(value) && !shm_entry_accessed(value))
		shm_entry_store(entry, shm_entry_set_accessed(value));
	return shm_entry_is_poison(value) ? -EIO : 0;
}

int shm_object_preallocate(struct shm_object *object, uint64_t first, uint64_t count)
{
	struct shm *shm = object->shm;
	struct shm_reserve reserve = {0};
	uint64_t done = 0;
	int error = 0;

	while (done < count && !error) {
		shm_object_lock(object);
		error = page_preallocate(object, first + done, &reserve);
		shm_object_unlock(object);
		if (error == -EAGAIN)
			error = shm_reserve_fill(shm, &reserve);
		else if (++done % 64 == 0)
			shm_port(shm)->interrupt_point();
	}
	shm_reserve_drop(shm, &reserve);
	return error;
}

int shm_object_page_pin(struct shm_object *object, uint64_t index, bool create, uint64_t *frame)
{
	if (create)
		return page_make_pinned(object, index, frame);

	/* Not to be created: whatever is there but none is made present. */
	int error = 0;
	shm_object_lock(object);
	if (index >= object->size_pages) {
		error = -EFBIG;
	} else {
		struct shm_leaf *leaf = shm_object_leaf(object, index);
		uint64_t entry = leaf ? *shm_leaf_entry(leaf, index) : SHM_ENTRY_NONE;
		if (shm_entry_is_none(entry)) {
			error = -ENODATA;
		} else if (shm_entry_is_present(entry)) {
			*frame = shm_entry_frame(entry);
			shm_port(object->shm)->frame_hold(*frame);
			shm_object_unlock(object);
			return 0;
		}
	}
	shm_object_unlock(object);
	/* A punch may come in between: then a page of zeros is made, which reads the same. */
	return error ? error : page_make_pinned(object, index, frame);
}

void shm_object_page_unpin(struct shm_object *object, uint64_t frame)
{
	shm_port(object->shm)->frame_free(frame);
}

/* ---- which pages are there ---- */

bool shm_object_page_touched(struct shm_object *object, uint64_t index)
{
	bool touched = false;

	shm_object_lock(object);
	if (index < object->size_pages) {
		struct shm_leaf *leaf = shm_object_leaf(object, index);
		uint64_t entry = leaf ? *shm_leaf_entry(leaf, index) : SHM_ENTRY_NONE;
		touched = shm_entry_accessed(entry) || shm_entry_is_old(entry);
	}
	shm_object_unlock(object);
	return touched;
}

/*
 * The leaf that holds page *at, or else the first behind it: *at moves on to what it holds, and
 * *end is where that ends. NULL: there is none. Object locked.
 */
static struct shm_leaf *leaf_from(struct shm_object *object, uint64_t *at, uint64_t *end)
{
	uint64_t number = *at / SHM_ENTRIES_PER_TABLE;

	if (object->small) {
		*end = SHM_INLINE_PAGES;
		return *at < *end ? &object->inlined.leaf : NULL;
	}
	struct shm_leaf *leaf = shm_radix_next(&object->leaves, &number);
	if (*at < number * SHM_ENTRIES_PER_TABLE)
		*at = number * SHM_ENTRIES_PER_TABLE;
	*end = (number + 1) * SHM_ENTRIES_PER_TABLE;
	return leaf;
}

static bool entry_has_data(uint64_t entry)
{
	return !shm_entry_is_none(entry) &&
	       (!shm_entry_is_present(entry) || shm_entry_accessed(entry));
}

uint64_t shm_object_seek(struct shm_object *object, uint64_t index, bool data)
{
	uint64_t found = UINT64_MAX, at = index, end;

	shm_object_lock(object);
	while (found == UINT64_MAX) {
		uint64_t from = at;
		struct shm_leaf *leaf = leaf_from(object, &at, &end);

		if (!data && (!leaf || at > from))
			found = from;
		if (!leaf)
			break;
		while (at < end && entry_has_data(*shm_leaf_entry(leaf, at)) != data)
			at++;
		if (at < end && found == UINT64_MAX)
			found = at;
		shm_port(object->shm)->interrupt_point();
	}
	shm_object_unlock(object);
	return found;
}

uint64_t shm_object_absent_pages(struct shm_object *object, uint64_t first, uint64_t count)
{
	uint64_t absent = count, at = first, end;
	struct shm_leaf *leaf;

	shm_object_lock(object);
	while ((leaf = leaf_from(object, &at, &end)) && at < first + count) {
		for (; at < end && at < first + count; at++)
			absent -= !shm_entry_is_none(*shm_leaf_entry(leaf, at));
		shm_port(object->shm)->interrupt_point();
	}
	shm_object_unlock(object);
	return absent;
}

/* ---- from one object to another ---- */

/* The first page from *index on, below `end`, leaves an object that nobody maps: its entry, or none. */
static uint64_t page_take(struct shm_object *object, uint64_t *index, uint64_t end)
{
	uint64_t value = SHM_ENTRY_NONE, leaf_end;
	struct shm_leaf *leaf;

	shm_object_lock(object);
	while (shm_entry_is_none(value) && (leaf = leaf_from(object, index, &leaf_end)) &&
	       *index < end) {
		if (leaf_end > end)
			leaf_end = end;
		while (*index < leaf_end && shm_entry_is_none(*shm_leaf_entry(leaf, *index)))
			++*index;
		if (*index == leaf_end)
			continue;
		value = shm_entry_take(shm_leaf_entry(leaf, *index), SHM_ENTRY_NONE);
		shm_assert(object->shm, shm_entry_is_present(value) && !object->mappings);
		page_count(object, leaf, -1);
	}
	shm_object_unlock(object);
	return value;
}

/* Its entry comes to an object that has no such page: true. False: it has one, or no memory for it. */
static bool page_give(struct shm_object *object, uint64_t index, uint64_t value)
{
	struct shm_reserve reserve = {0};
	struct shm_leaf *leaf;
	bool given = false;
	int error;

	do {
		shm_object_lock(object);
		error = index < object->size_pages
				? shm_object_leaf_make(object, index, &reserve, &leaf)
				: -EFBIG;
		if (!error && shm_entry_is_none(*shm_leaf_entry(leaf, index))) {
			shm_entry_store(shm_leaf_entry(leaf, index), value);
			page_count(object, leaf, 1);
			given = true;
		}
		shm_object_unlock(object);
	} while (error == -EAGAIN && !shm_reserve_fill(object->shm, &reserve));
	shm_reserve_drop(object->shm, &reserve);
	return given;
}

void shm_object_move_pages(struct shm_object *from, struct shm_object *to, uint64_t first,
			   uint64_t end)
{
	uint64_t index = first, value;

	while (!shm_entry_is_none(value = page_take(from, &index, end))) {
		if (!page_give(to, index, value)) {
			if (from->quota)
				shm_count(&from->quota->used_pages, -1);
			shm_port(from->shm)->frame_free(shm_entry_frame(value));
		}
		shm_port(from->shm)->interrupt_point();
	}
}
