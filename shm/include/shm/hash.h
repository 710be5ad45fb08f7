/* SPDX-License-Identifier: MIT */
#ifndef SHM_HASH_H
#define SHM_HASH_H

/*
 * A hash table that grows and shrinks by one bucket at a time (linear
 * hashing), so that no operation ever rehashes all. Nodes are embedded in
 * what is found; the caller compares. The owner locks.
 */

#include "shm/array.h"

struct shm_hash_node {
	struct shm_hash_node *next;
	uint32_t hash;
};

struct shm_hash {
	uint32_t node_count;
	uint32_t bucket_count;
	uint32_t mask; /* the smallest 2^n - 1 that is at least bucket_count - 1 */
	struct shm_array buckets;
};

/* Spreads 32 bits over 32 bits; one to one. */
static inline uint32_t shm_hash_mix(uint32_t value)
{
	value = (value ^ value >> 16) * 0x7feb352du;
	value = (value ^ value >> 15) * 0x846ca68bu;
	return value ^ value >> 16;
}

void shm_hash_init(struct shm_hash *table, const struct shm_port *port);

/* Which bucket a hash belongs to. */
static inline uint32_t shm_hash_bucket(const struct shm_hash *table, uint32_t hash)
{
	uint32_t bucket = hash & table->mask;

	/* Not split yet: its nodes are still with the lower half. */
	return bucket < table->bucket_count ? bucket : bucket & table->mask >> 1;
}
static inline struct shm_hash_node *shm_hash_skip(struct shm_hash_node *node, uint32_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}
/* The first node of this hash, and the one after; NULL: no more. */
static inline struct shm_hash_node *shm_hash_first(const struct shm_hash *table, uint32_t hash)
{
	return shm_hash_skip(shm_array_get(&table->buckets, shm_hash_bucket(table, hash)), hash);
}
static inline struct shm_hash_node *shm_hash_next(const struct shm_hash_node *node)
{
	return shm_hash_skip(node->next, node->hash);
}
/* Reserve what inserting a node of this hash needs: 0, -ENOMEM. Then insert, or cancel. */
int shm_hash_prepare(struct shm_hash *table, uint32_t hash);
void shm_hash_cancel(struct shm_hash *table, uint32_t hash);
void shm_hash_insert(struct shm_hash *table, struct shm_hash_node *node, uint32_t hash);
void shm_hash_remove(struct shm_hash *table, struct shm_hash_node *node);
/* Any node, then the one after it in no special order; NULL: no more. For looking at all. */
struct shm_hash_node *shm_hash_walk(const struct shm_hash *table,
				    const struct shm_hash_node *after);
/* Take out any node; NULL: there is none. */
struct shm_hash_node *shm_hash_pop(struct shm_hash *table);

#endif
