// SPDX-License-Identifier: MIT
/*
 * Ids and keys, by Linux's rules: the search for a free index goes round a
 * window of half as many again as are in use (64 at least), and each time
 * round the sequence number moves on, so that a stale id does not find
 * something new for a long time.
 */

#include "shm/ids.h"

#include "abi/errno.h"

_Static_assert(offsetof(struct shm_id_entry, by_key) == 0, "found by its hash node");

void shm_ids_init(struct shm_ids *ids, const struct shm_port *port, bool extended, uint32_t seed)
{
	ids->index_bits = extended ? SHM_INDEX_BITS_EXTENDED : SHM_INDEX_BITS;
	ids->index_mask = (1u << ids->index_bits) - 1;
	ids->hash_seed = shm_hash_mix(seed);
	ids->count = 0;
	ids->next_index = 0;
	ids->last_index = -1;
	ids->sequence = 0;
	ids->next_id = -1;
	shm_array_init(&ids->entries, port);
	shm_hash_init(&ids->keys, port);
}

struct shm_id_entry *shm_ids_next(const struct shm_ids *ids, uint32_t *index)
{
	*index = shm_array_next(&ids->entries, *index);
	return *index == SHM_ARRAY_LIMIT ? NULL : shm_array_get(&ids->entries, *index);
}

int32_t shm_ids_highest(const struct shm_ids *ids)
{
	uint32_t last = shm_array_last(&ids->entries);

	return last == SHM_ARRAY_LIMIT ? -1 : (int32_t)last;
}

/*
 * Which index and sequence number the next entry gets, by the wish for an id unless that is
 * negative; SHM_ARRAY_LIMIT: none is free.
 */
static uint32_t choose_index(const struct shm_ids *ids, int32_t wish, uint32_t *sequence)
{
	uint32_t limit = shm_ids_limit(ids);
	uint32_t cycle = ids->index_bits == SHM_INDEX_BITS ? 64 : 4096;
	uint32_t window = ids->count * 3 / 2;
	uint32_t index;

	if (wish >= 0) {
		*sequence = (uint32_t)wish >> ids->index_bits;
		return shm_array_find_empty(&ids->entries, (uint32_t)wish & ids->index_mask, limit);
	}
	window = window < cycle ? cycle : window;
	window = window > limit ? limit : window;
	index = shm_array_find_empty(&ids->entries, ids->next_index, window);
	if (index == SHM_ARRAY_LIMIT)
		index = shm_array_find_empty(&ids->entries, 0, window);
	*sequence = ids->sequence;
	if ((int32_t)index <= ids->last_index &&
	    ++*sequence >= (uint32_t)INT32_MAX >> ids->index_bits)
		*sequence = 0;
	return index;
}

int shm_ids_enter(struct shm_ids *ids, struct shm_id_entry *entry, uint32_t limit)
{
	uint32_t index, sequence, hash = 0;
	int32_t wish = ids->next_id;

	if (ids->count >= limit)
		return -ENOSPC;
	ids->next_id = -1; /* a wish is good for one try: kept, it could refuse all that come */
	index = choose_index(ids, wish, &sequence);
	if (index == SHM_ARRAY_LIMIT)
		return -ENOSPC;
	if (shm_array_prepare(&ids->entries, index))
		return -ENOMEM;
	if (entry->key != IPC_PRIVATE) {
		hash = shm_ids_key_hash(ids, entry->key);
		if (shm_hash_prepare(&ids->keys, hash)) {
			shm_array_trim(&ids->entries, index);
			return -ENOMEM;
		}
	}

	entry->id = (int32_t)(sequence << ids->index_bits | index);
	shm_array_set(&ids->entries, index, entry);
	if (entry->key != IPC_PRIVATE)
		shm_hash_insert(&ids->keys, &entry->by_key, hash);
	ids->count++;
	if (wish < 0) {
		ids->next_index = index + 1;
		ids->last_index = (int32_t)index;
		ids->sequence = sequence;
	}
	return 0;
}
