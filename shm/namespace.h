/* SPDX-License-Identifier: MIT */
#ifndef SHM_NAMESPACE_H
#define SHM_NAMESPACE_H

/*
 * A namespace: the ids, keys, creators and limits of its segments. Internal to
 * shm/. Its mutex lies between the space lock and the object lock.
 *
 * [I] immutable, [a] atomic, [n] namespace lock.
 */

#include "shm/array.h"
#include "shm/hash.h"
#include "shm/segment.h"

/* An id is seq << bits | index: Linux's two layouts (ipcmni_extend is the second). */
#define SHM_INDEX_BITS          15
#define SHM_INDEX_BITS_EXTENDED 24

struct shm_namespace {
	struct shm *shm; /* [I] */
	struct shm_mutex lock;
	unsigned index_bits;    /* [I] */
	uint32_t hash_seed;     /* [I] so that nobody can choose keys that collide */
	uint32_t users;         /* [a] shm_namespace_get */
	uint32_t references;    /* [a] to this struct: one for the users, one for each segment's */
	uint32_t rmid_forced;   /* [a] limits.rmid_forced, for detaches, which do not lock */
	uint32_t creator_count; /* [a] so that an exit looks before it locks */
	struct shm_limits limits; /* [n] all below */
	uint32_t segment_count;
	uint32_t next_index; /* where the search for a free index begins */
	int32_t last_index; /* given last, -1: none; at or below it, the sequence number moves on */
	uint32_t sequence;
	uint64_t total_pages;
	struct shm_array segments;        /* by index */
	struct shm_hash keys;             /* but IPC_PRIVATE */
	struct shm_hash creators;         /* by pid: struct shm_creator */
	struct shm_creator *last_creator; /* found last: it often comes again */
};

static inline void shm_namespace_lock(struct shm_namespace *ns)
{
	ns->shm->port->mutex_lock(&ns->lock);
}
static inline void shm_namespace_unlock(struct shm_namespace *ns)
{
	ns->shm->port->mutex_unlock(&ns->lock);
}

/* Reference to the struct, held by a segment. */
void shm_namespace_release(struct shm_namespace *ns);

/* ---- with the namespace lock held ---- */

/* NULL: no segment has the key. */
struct shm_segment *shm_namespace_find_key(struct shm_namespace *ns, int32_t key);
/* By full id; NULL: stale or never given. */
struct shm_segment *shm_namespace_find_id(struct shm_namespace *ns, int32_t id);
/* By table index, whatever the sequence number. */
struct shm_segment *shm_namespace_find_index(struct shm_namespace *ns, int32_t id);
/* The highest index in use; -1: none is. */
int32_t shm_namespace_highest_index(struct shm_namespace *ns);
/*
 * Give the segment its id and enter it by id, key and creator. Its key, cpid
 * and size are set. 0; -ENOSPC (shmmni); -ENOMEM; nothing changed then.
 */
int shm_namespace_enter(struct shm_namespace *ns, struct shm_segment *segment);
/* The opposite. The table's reference to the struct is the caller's now. */
void shm_namespace_leave(struct shm_namespace *ns, struct shm_segment *segment);
/* The segment's key is IPC_PRIVATE from now on: others may take it. */
void shm_namespace_forget_key(struct shm_namespace *ns, struct shm_segment *segment);

#endif
