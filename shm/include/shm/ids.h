/* SPDX-License-Identifier: MIT */
#ifndef SHM_IDS_H
#define SHM_IDS_H

/*
 * A table of System V ids and keys: what segments, semaphore sets and message
 * queues have in common. An entry is embedded, first, in what it names. Every
 * operation takes constant time, with 32,768 entries as with 16 million.
 * The owner locks, and counts references if it needs to.
 */

#include "shm/array.h"
#include "shm/hash.h"

/* An id is seq << bits | index: Linux's two layouts (ipcmni_extend is the second). */
#define SHM_INDEX_BITS          15
#define SHM_INDEX_BITS_EXTENDED 24

struct shm_id_entry {
	struct shm_hash_node by_key; /* first: found by key unless that is IPC_PRIVATE */
	int32_t key;                 /* set before shm_ids_enter */
	int32_t id;                  /* set by shm_ids_enter, then immutable */
};

struct shm_ids {
	unsigned index_bits; /* immutable */
	uint32_t index_mask; /* immutable; 2^index_bits - 1 */
	uint32_t hash_seed;  /* immutable; so that nobody can choose keys that collide */
	uint32_t count;
	uint32_t next_index; /* where the search for a free index begins */
	int32_t last_index; /* given last, -1: none; at or below it, the sequence number moves on */
	uint32_t sequence;
	int32_t next_id; /* wished for the next entry, for one try: kernel.shm_next_id; -1: none */
	struct shm_array entries; /* by index */
	struct shm_hash keys;     /* but IPC_PRIVATE */
};

/* Empty; nothing is allocated. `extended`: 24 bits of index, not 15. `seed` is hard to guess. */
void shm_ids_init(struct shm_ids *ids, const struct shm_port *port, bool extended, uint32_t seed);

/*
 * Give the entry its id and enter it by id and key. 0; -ENOSPC: `limit` entries
 * are there, or no index is free (from that of next_id on); -ENOMEM. Nothing changed then, but
 * next_id is used up, unless the limit stood in the way.
 */
int shm_ids_enter(struct shm_ids *ids, struct shm_id_entry *entry, uint32_t limit);
/* How many indices there are. */
static inline uint32_t shm_ids_limit(const struct shm_ids *ids)
{
	return ids->index_mask + 1;
}
/* The table index in an id. */
static inline uint32_t shm_ids_index(const struct shm_ids *ids, int32_t id)
{
	return (uint32_t)id & ids->index_mask;
}
/* The sequence number in an id, as ipc_perm has it. */
static inline uint16_t shm_ids_sequence(const struct shm_ids *ids, int32_t id)
{
	return (uint16_t)(id >> ids->index_bits);
}
static inline uint32_t shm_ids_key_hash(const struct shm_ids *ids, int32_t key)
{
	return shm_hash_mix((uint32_t)key ^ ids->hash_seed);
}
/* NULL: no entry has the key. */
static inline struct shm_id_entry *shm_ids_find_key(const struct shm_ids *ids, int32_t key)
{
	/* Mixing is one to one: equal hashes are equal keys. */
	return (struct shm_id_entry *)shm_hash_first(&ids->keys, shm_ids_key_hash(ids, key));
}
/* By table index, whatever the sequence number. */
static inline struct shm_id_entry *shm_ids_find_index(const struct shm_ids *ids, int32_t id)
{
	return shm_array_get(&ids->entries, shm_ids_index(ids, id));
}
/* By full id; NULL: stale or never given. */
static inline struct shm_id_entry *shm_ids_find(const struct shm_ids *ids, int32_t id)
{
	struct shm_id_entry *entry = shm_ids_find_index(ids, id);

	return entry && entry->id == id ? entry : NULL;
}
/* The entry's key is IPC_PRIVATE from now on: others may take it. */
static inline void shm_ids_forget_key(struct shm_ids *ids, struct shm_id_entry *entry)
{
	if (entry->key != IPC_PRIVATE)
		shm_hash_remove(&ids->keys, &entry->by_key);
	entry->key = IPC_PRIVATE;
}
/* The opposite of shm_ids_enter. Memory that the table needs no longer is freed. */
static inline void shm_ids_leave(struct shm_ids *ids, struct shm_id_entry *entry)
{
	shm_array_clear(&ids->entries, shm_ids_index(ids, entry->id));
	shm_ids_forget_key(ids, entry);
	ids->count--;
}
/* The entry with the lowest index that is at least *index, which becomes that; NULL: no more. */
struct shm_id_entry *shm_ids_next(const struct shm_ids *ids, uint32_t *index);
/* The highest index in use; -1: none is. */
int32_t shm_ids_highest(const struct shm_ids *ids);

#endif
