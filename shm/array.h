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
/* The element, NULL when there is none. */
void *shm_array_get(const struct shm_array *array, uint32_t i);
/* Reserve the nodes for element i: 0, -ENOMEM. Then set it, or give them back with trim. */
int shm_array_prepare(struct shm_array *array, uint32_t i);
/* The nodes are reserved. Replacing an element is fine. `element` is not NULL. */
void shm_array_set(struct shm_array *array, uint32_t i, void *element);
/* The element goes, and nodes that are empty now. */
void shm_array_clear(struct shm_array *array, uint32_t i);
void shm_array_trim(struct shm_array *array, uint32_t i);
/* The lowest empty index in [start, end), SHM_ARRAY_LIMIT when there is none. */
uint32_t shm_array_find_empty(const struct shm_array *array, uint32_t start, uint32_t end);
/* The lowest element's index from `start` on; SHM_ARRAY_LIMIT: none. */
uint32_t shm_array_next(const struct shm_array *array, uint32_t start);
/* The highest element's index; SHM_ARRAY_LIMIT: none. */
uint32_t shm_array_last(const struct shm_array *array);

#endif
