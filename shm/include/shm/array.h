/* SPDX-License-Identifier: MIT */
#ifndef SHM_ARRAY_H
#define SHM_ARRAY_H

/*
 * A sparse array of pointers: a tree of nodes with 64 slots, as high as its
 * highest element needs, at most SHM_ARRAY_LIMIT elements. It grows a node at
 * a time, never by copying; every operation costs its height, four at most.
 * An empty slot is NULL. The owner locks.
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
	struct shm_array_node first; /* elements 0 to 63: always there */
};

void shm_array_init(struct shm_array *array, const struct shm_port *port);

/* What the inline functions below do when the array is more than its first leaf. */
void *shm_array_get_high(const struct shm_array *array, uint32_t i);
int shm_array_prepare_high(struct shm_array *array, uint32_t i);
void shm_array_set_high(struct shm_array *array, uint32_t i, void *element);
void shm_array_clear_high(struct shm_array *array, uint32_t i);
uint32_t shm_array_find_empty_high(const struct shm_array *array, uint32_t start, uint32_t end);

/* Is element i in an array that is nothing but its first leaf? */
static inline bool shm_array_is_low(const struct shm_array *array, uint32_t i)
{
	return array->height == 1 && i < 64;
}

/* The element, NULL when there is none. */
static inline void *shm_array_get(const struct shm_array *array, uint32_t i)
{
	return shm_array_is_low(array, i) ? array->first.slots[i] : shm_array_get_high(array, i);
}
/* Reserve the nodes for element i: 0, -ENOMEM. Then set it, or give them back with trim. */
static inline int shm_array_prepare(struct shm_array *array, uint32_t i)
{
	return shm_array_is_low(array, i) ? 0 : shm_array_prepare_high(array, i);
}
/* The nodes are reserved. Replacing an element is fine. `element` is not NULL. */
static inline void shm_array_set(struct shm_array *array, uint32_t i, void *element)
{
	if (!shm_array_is_low(array, i)) {
		shm_array_set_high(array, i, element);
		return;
	}
	array->first.slots[i] = element;
	array->first.present |= 1ull << i;
	array->first.full = array->first.present;
}
/* The element goes, and nodes that are empty now. */
static inline void shm_array_clear(struct shm_array *array, uint32_t i)
{
	if (!shm_array_is_low(array, i)) {
		shm_array_clear_high(array, i);
		return;
	}
	array->first.slots[i] = NULL;
	array->first.present &= ~(1ull << i);
	array->first.full = array->first.present;
}
void shm_array_trim(struct shm_array *array, uint32_t i);
/* The lowest empty index in [start, end), SHM_ARRAY_LIMIT when there is none. */
static inline uint32_t shm_array_find_empty(const struct shm_array *array, uint32_t start,
					    uint32_t end)
{
	uint64_t room = start < 64 ? ~array->first.present & UINT64_MAX << start : 0;

	if (array->height > 1 || !room)
		return shm_array_find_empty_high(array, start, end);
	uint32_t found = (uint32_t)__builtin_ctzll(room);
	return found < end ? found : SHM_ARRAY_LIMIT;
}
/* The lowest element's index from `start` on; SHM_ARRAY_LIMIT: none. */
uint32_t shm_array_next(const struct shm_array *array, uint32_t start);
/* The highest element's index; SHM_ARRAY_LIMIT: none. */
uint32_t shm_array_last(const struct shm_array *array);

#endif
