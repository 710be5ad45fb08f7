// SPDX-License-Identifier: MIT
/*
 * Linear hashing: bucket b splits into b and b + 2^n when there are more nodes
 * than buckets, and they join again when there are less than half as many. The
 * buckets are chains in a sparse array; an empty bucket takes no memory.
 * Splitting and joining may lack memory: then chains are longer for a while.
 */

#include "shm/hash.h"

#define BUCKETS_MIN 64 /* in the array's first leaf: no allocation */

void shm_hash_init(struct shm_hash *table, const struct shm_port *port)
{
	table->node_count = 0;
	table->bucket_count = BUCKETS_MIN;
	table->mask = BUCKETS_MIN - 1;
	shm_array_init(&table->buckets, port);
}

int shm_hash_prepare(struct shm_hash *table, uint32_t hash)
{
	return shm_array_prepare(&table->buckets, shm_hash_bucket(table, hash));
}

void shm_hash_cancel(struct shm_hash *table, uint32_t hash)
{
	shm_array_trim(&table->buckets, shm_hash_bucket(table, hash));
}

/* Make the chain the bucket's; the bucket's nodes of the array exist unless the chain is empty. */
static void bucket_store(struct shm_hash *table, uint32_t bucket, struct shm_hash_node *chain)
{
	if (chain)
		shm_array_set(&table->buckets, bucket, chain);
	else
		shm_array_clear(&table->buckets, bucket);
}

/* One bucket more: the nodes that belong to it leave the bucket below. */
static void split_one(struct shm_hash *table)
{
	uint32_t high = table->bucket_count;
	uint32_t mask = high > table->mask ? table->mask * 2 + 1 : table->mask;
	uint32_t low = high & mask >> 1;
	struct shm_hash_node *stay = NULL, *move = NULL;

	if (high >= SHM_ARRAY_LIMIT || shm_array_prepare(&table->buckets, high))
		return;
	for (struct shm_hash_node *node = shm_array_get(&table->buckets, low), *next; node;
	     node = next) {
		struct shm_hash_node **chain = (node->hash & mask) == high ? &move : &stay;
		next = node->next;
		node->next = *chain;
		*chain = node;
	}
	table->bucket_count++;
	table->mask = mask;
	if (move)
		shm_array_set(&table->buckets, high, move);
	else
		shm_array_trim(&table->buckets, high);
	bucket_store(table, low, stay);
}

/* One bucket less: its nodes go back to the bucket below. */
static void join_one(struct shm_hash *table)
{
	uint32_t high = table->bucket_count - 1;
	uint32_t low = high & table->mask >> 1;
	struct shm_hash_node *chain = shm_array_get(&table->buckets, high);

	if (chain) {
		struct shm_hash_node *last = chain;
		if (shm_array_prepare(&table->buckets, low))
			return;
		while (last->next)
			last = last->next;
		last->next = shm_array_get(&table->buckets, low);
		shm_array_set(&table->buckets, low, chain);
		shm_array_clear(&table->buckets, high);
	}
	table->bucket_count = high;
	if (high - 1 == table->mask >> 1)
		table->mask >>= 1;
}

void shm_hash_insert(struct shm_hash *table, struct shm_hash_node *node, uint32_t hash)
{
	uint32_t bucket = shm_hash_bucket(table, hash);

	node->hash = hash;
	node->next = shm_array_get(&table->buckets, bucket);
	shm_array_set(&table->buckets, bucket, node);
	if (++table->node_count > table->bucket_count)
		split_one(table);
}

void shm_hash_remove(struct shm_hash *table, struct shm_hash_node *node)
{
	uint32_t bucket = shm_hash_bucket(table, node->hash);
	struct shm_hash_node *first = shm_array_get(&table->buckets, bucket);

	if (first == node) {
		bucket_store(table, bucket, node->next);
	} else {
		while (first->next != node)
			first = first->next;
		first->next = node->next;
	}
	if (--table->node_count < table->bucket_count / 2 && table->bucket_count > BUCKETS_MIN)
		join_one(table);
}

struct shm_hash_node *shm_hash_walk(const struct shm_hash *table, const struct shm_hash_node *after)
{
	uint32_t bucket;

	if (after && after->next)
		return after->next;
	bucket = shm_array_next(&table->buckets,
				after ? shm_hash_bucket(table, after->hash) + 1 : 0);
	return bucket == SHM_ARRAY_LIMIT ? NULL : shm_array_get(&table->buckets, bucket);
}

struct shm_hash_node *shm_hash_pop(struct shm_hash *table)
{
	uint32_t bucket = shm_array_next(&table->buckets, 0);
	struct shm_hash_node *node;

	if (bucket == SHM_ARRAY_LIMIT)
		return NULL;
	node = shm_array_get(&table->buckets, bucket);
	shm_hash_remove(table, node);
	return node;
}
