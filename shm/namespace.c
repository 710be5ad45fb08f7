// SPDX-License-Identifier: MIT
/*
 * Ids, keys, limits. Linux's rules for ids: the search for a free index goes
 * round a window of half as many again as are in use (64 at least), and each
 * time round the sequence number moves on, so that a stale id does not find a
 * new segment for a long time.
 *
 * Nothing here walks the segments, except the end of a namespace and the
 * moment that shm_rmid_forced is switched on.
 */

#include "shm/namespace.h"

#include "abi/errno.h"
#include "shm/creator.h"

#define DEFAULT_LIMIT (UINT64_MAX - (1ull << 24)) /* shmmax, shmall: proc(5) */

int shm_namespace_create(struct shm *shm, struct shm_namespace **created)
{
	const struct shm_port *port = shm->port;
	struct shm_namespace *ns = port->mem_alloc(sizeof(*ns), 0);

	if (!ns)
		return -ENOMEM;
	__builtin_memset(ns, 0, sizeof(*ns));
	ns->shm = shm;
	ns->lock.rank = SHM_RANK_NAMESPACE;
	ns->index_bits = shm->extended_ids ? SHM_INDEX_BITS_EXTENDED : SHM_INDEX_BITS;
	ns->hash_seed =
		shm_hash_mix((uint32_t)((uintptr_t)ns >> 4) ^ (uint32_t)port->now_seconds());
	ns->users = ns->references = 1;
	ns->last_index = -1;
	ns->limits = (struct shm_limits){
		.shmmax_bytes = DEFAULT_LIMIT,
		.shmall_pages = DEFAULT_LIMIT,
		.shmmni = SHMMNI,
		.attach_removed = true,
		.next_id = -1,
	};
	shm_array_init(&ns->segments, port);
	shm_hash_init(&ns->keys, port);
	shm_hash_init(&ns->creators, port);
	*created = ns;
	return 0;
}

void shm_namespace_get(struct shm_namespace *ns)
{
	__atomic_add_fetch(&ns->users, 1, __ATOMIC_RELAXED);
}

void shm_namespace_release(struct shm_namespace *ns)
{
	/* Release: our use of the struct is over before anybody frees it. Acquire: and so is theirs. */
	if (__atomic_sub_fetch(&ns->references, 1, __ATOMIC_ACQ_REL) == 0)
		ns->shm->port->mem_free(ns, sizeof(*ns));
}

void shm_namespace_put(struct shm_namespace *ns)
{
	const struct shm_port *port = ns->shm->port;
	struct shm_segment *dead = NULL;
	struct shm_hash_node *node;

	if (__atomic_sub_fetch(&ns->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	shm_namespace_lock(ns);
	for (uint32_t i = 0; (i = shm_array_next(&ns->segments, i)) < SHM_ARRAY_LIMIT; i++)
		shm_segment_remove(shm_array_get(&ns->segments, i), &dead);
	ns->last_creator = NULL;
	while ((node = shm_hash_pop(&ns->creators))) {
		struct shm_creator *creator = (struct shm_creator *)node;
		while (creator->first)
			shm_creator_remove(creator->first);
		port->mem_free(creator, sizeof(*creator));
	}
	shm_namespace_unlock(ns);
	shm_segment_free_all(dead);
	shm_namespace_release(ns);
}

void shm_namespace_limits(struct shm_namespace *ns, struct shm_limits *limits)
{
	shm_namespace_lock(ns);
	*limits = ns->limits;
	shm_namespace_unlock(ns);
}

int shm_namespace_set_limits(struct shm_namespace *ns, const struct shm_limits *limits)
{
	struct shm_segment *dead = NULL;

	if (limits->shmmni > 1u << ns->index_bits || limits->next_id < -1)
		return -EINVAL;
	shm_namespace_lock(ns);
	ns->limits = *limits;
	/* Relaxed: a detach at the same time may see either. */
	__atomic_store_n(&ns->rmid_forced, limits->rmid_forced, __ATOMIC_RELAXED);
	if (limits->rmid_forced) {
		for (uint32_t i = 0; (i = shm_array_next(&ns->segments, i)) < SHM_ARRAY_LIMIT;
		     i++) {
			struct shm_segment *segment = shm_array_get(&ns->segments, i);
			if (!segment->creator)
				shm_segment_remove_unused(segment, &dead);
		}
	}
	shm_namespace_unlock(ns);
	shm_segment_free_all(dead);
	return 0;
}

static uint32_t key_hash(const struct shm_namespace *ns, int32_t key)
{
	return shm_hash_mix((uint32_t)key ^ ns->hash_seed);
}

struct shm_segment *shm_namespace_find_key(struct shm_namespace *ns, int32_t key)
{
	/* Mixing is one to one: equal hashes are equal keys. */
	return (struct shm_segment *)shm_hash_first(&ns->keys, key_hash(ns, key));
}

struct shm_segment *shm_namespace_find_index(struct shm_namespace *ns, int32_t id)
{
	return shm_array_get(&ns->segments, (uint32_t)id & ((1u << ns->index_bits) - 1));
}

struct shm_segment *shm_namespace_find_id(struct shm_namespace *ns, int32_t id)
{
	struct shm_segment *segment = shm_namespace_find_index(ns, id);

	return segment && segment->id == id ? segment : NULL;
}

int32_t shm_namespace_highest_index(struct shm_namespace *ns)
{
	uint32_t last = shm_array_last(&ns->segments);

	return last == SHM_ARRAY_LIMIT ? -1 : (int32_t)last;
}

/* Which index and sequence number the next segment gets; SHM_ARRAY_LIMIT: none is free. */
static uint32_t choose_index(const struct shm_namespace *ns, uint32_t *sequence)
{
	uint32_t limit = 1u << ns->index_bits;
	uint32_t cycle = ns->index_bits == SHM_INDEX_BITS ? 64 : 4096;
	uint32_t window = ns->segment_count * 3 / 2;
	uint32_t index;

	if (ns->limits.next_id >= 0) {
		*sequence = (uint32_t)ns->limits.next_id >> ns->index_bits;
		return shm_array_find_empty(&ns->segments,
					    (uint32_t)ns->limits.next_id & (limit - 1), limit);
	}
	window = window < cycle ? cycle : window;
	window = window > limit ? limit : window;
	index = shm_array_find_empty(&ns->segments, ns->next_index, window);
	if (index == SHM_ARRAY_LIMIT)
		index = shm_array_find_empty(&ns->segments, 0, window);
	*sequence = ns->sequence;
	if ((int32_t)index <= ns->last_index &&
	    ++*sequence >= (uint32_t)INT32_MAX >> ns->index_bits)
		*sequence = 0;
	return index;
}

int shm_namespace_enter(struct shm_namespace *ns, struct shm_segment *segment)
{
	struct shm_creator *creator;
	uint32_t index, sequence, hash = 0;

	if (ns->segment_count >= ns->limits.shmmni)
		return -ENOSPC;
	index = choose_index(ns, &sequence);
	if (index == SHM_ARRAY_LIMIT)
		return -ENOSPC;
	creator = shm_creator_obtain(ns, segment->cpid);
	if (!creator || shm_array_prepare(&ns->segments, index))
		return -ENOMEM;
	if (segment->key != IPC_PRIVATE) {
		hash = key_hash(ns, segment->key);
		if (shm_hash_prepare(&ns->keys, hash)) {
			shm_array_trim(&ns->segments, index);
			return -ENOMEM;
		}
	}

	segment->id = (int32_t)(sequence << ns->index_bits | index);
	shm_array_set(&ns->segments, index, segment);
	if (segment->key != IPC_PRIVATE)
		shm_hash_insert(&ns->keys, &segment->by_key, hash);
	shm_creator_add(creator, segment);
	ns->segment_count++;
	ns->total_pages += shm_segment_pages(segment);
	if (ns->limits.next_id >= 0) {
		ns->limits.next_id = -1;
	} else {
		ns->next_index = index + 1;
		ns->last_index = (int32_t)index;
		ns->sequence = sequence;
	}
	return 0;
}

void shm_namespace_forget_key(struct shm_namespace *ns, struct shm_segment *segment)
{
	if (segment->key != IPC_PRIVATE)
		shm_hash_remove(&ns->keys, &segment->by_key);
	segment->key = IPC_PRIVATE;
}

void shm_namespace_leave(struct shm_namespace *ns, struct shm_segment *segment)
{
	shm_array_clear(&ns->segments, (uint32_t)segment->id & ((1u << ns->index_bits) - 1));
	shm_namespace_forget_key(ns, segment);
	shm_creator_remove(segment);
	ns->segment_count--;
	ns->total_pages -= shm_segment_pages(segment);
}
