/* SPDX-License-Identifier: MIT */
#ifndef SHM_ARRAY_H
#define SHM_ARRAY_H

/*
 * A sparse array of pointers: a tree of nodes with 64 slots, as high as its
 * highest element needs, at most SHM_ARRAY_LIMIT elements. It grows a node at
 * a time, never by copying; every operation costs its height, four at most.
 * An empty slot is NULL. The owner locks.
 *
 * The leaf that changed last is remembered: what comes and goes beside what
 * came before it, as ids do, goes no way down from the root.
 */

#include "shm/shm.h"

#define SHM_ARRAY_LIMIT (1u << 24)

struct shm_array_node {
	uint64_t present; /* leaf: elements; above: children */
	uint64_t full;    /* leaf: as present; above: children without an empty slot */
	void *slots[64];
};

struct shm_array {
	const struct shm_port *port;
	struct shm_array_node *root;
	unsigned height;             /* 1: the root is the first leaf */
	uint32_t count;              /* elements */
	uint32_t near_number;        /* the near leaf has elements 64 * near_number to ... + 63 */
	struct shm_array_node *near; /* the leaf that changed last: this one may be empty */
	struct shm_array_node first; /* elements 0 to 63: always there */
};

void shm_array_init(struct shm_array *array, const struct shm_port *port);

/* What the inline functions below do when the element is not in the near leaf. */
void *shm_array_get_far(const struct shm_array *array, uint32_t i);
int shm_array_prepare_far(struct shm_array *array, uint32_t i);
uint32_t shm_array_find_empty_far(const struct shm_array *array, uint32_t start, uint32_t end);
/* Element i's leaf becomes the near one, if it exists: true. The other goes if it is empty. */
bool shm_array_approach(struct shm_array *array, uint32_t i);
/* The near leaf is full now, or no longer: what is above it is told. */
void shm_array_mark_near(struct shm_array *array);

static inline bool shm_array_is_near(const struct shm_array *array, uint32_t i)
{
	return i / 64 == array->near_number;
}

/* The element, NULL when there is none. */
static inline void *shm_array_get(const struct shm_array *array, uint32_t i)
{
	return shm_array_is_near(array, i) ? array->near->slots[i % 64]
					   : shm_array_get_far(array, i);
}
/*
 * Reserve the nodes for element i: 0, -ENOMEM. Then set it, or give them back with trim, before
 * anything else in the array changes.
 */
static inline int shm_array_prepare(struct shm_array *array, uint32_t i)
{
	return shm_array_is_near(array, i) ? 0 : shm_array_prepare_far(array, i);
}
/* The nodes are there. Replacing an element is fine. `element` is not NULL. */
static inline void shm_array_set(struct shm_array *array, uint32_t i, void *element)
{
	uint64_t bit = 1ull << i % 64;

	if (!shm_array_is_near(array, i))
		shm_array_approach(array, i);
	struct shm_array_node *leaf = array->near;

	array->count += !(leaf->present & bit);
	leaf->slots[i % 64] = element;
	leaf->present |= bit;
	leaf->full = leaf->present;
	if (leaf->full == UINT64_MAX)
		shm_array_mark_near(array);
}
/* Nodes towards element i that are empty go. */
void shm_array_trim(struct shm_array *array, uint32_t i);
/* The element goes, if there is one, and in time nodes that are empty: all with the last element. */
static inline void shm_array_clear(struct shm_array *array, uint32_t i)
{
	uint64_t bit = 1ull << i % 64;

	if (!shm_array_is_near(array, i) && !shm_array_approach(array, i))
		return;
	struct shm_array_node *leaf = array->near;
	bool was_full = leaf->full == UINT64_MAX;

	array->count -= !!(leaf->present & bit);
	leaf->slots[i % 64] = NULL;
	leaf->present &= ~bit;
	leaf->full = leaf->present;
	if (was_full)
		shm_array_mark_near(array);
	if (!array->count && leaf != &array->first)
		shm_array_trim(array, i);
}
/* The lowest empty index in [start, end), SHM_ARRAY_LIMIT when there is none. */
static inline uint32_t shm_array_find_empty(const struct shm_array *array, uint32_t start,
					    uint32_t end)
{
	uint64_t room = ~array->near->present & UINT64_MAX << start % 64;

	if (!shm_array_is_near(array, start) || !room)
		return shm_array_find_empty_far(array, start, end);
	uint32_t found = (start & ~63u) + (uint32_t)__builtin_ctzll(room);
	return found < end ? found : SHM_ARRAY_LIMIT;
}
/* The lowest element's index from `start` on; SHM_ARRAY_LIMIT: none. */
uint32_t shm_array_next(const struct shm_array *array, uint32_t start);
/* The highest element's index; SHM_ARRAY_LIMIT: none. */
uint32_t shm_array_last(const struct shm_array *array);

#endif
