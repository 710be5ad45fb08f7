/* SPDX-License-Identifier: MIT */
#ifndef SHM_NAMESPACE_H
#define SHM_NAMESPACE_H

/*
 * A namespace: the ids, keys and limits of its segments. Internal to
 * shm/. Its mutex lies between the space lock and the object lock.
 *
 * [I] immutable, [a] atomic, [n] namespace lock.
 */

#include "shm/ids.h"
#include "shm/segment.h"

struct shm_namespace {
	struct shm *shm; /* [I] */
	struct shm_mutex lock;
	uint32_t users;       /* [a] shm_namespace_get */
	uint32_t references;  /* [a] to this struct: the users', each segment's, each creator's */
	uint32_t rmid_forced; /* [a] limits.rmid_forced, for detaches, which do not lock */
	struct shm_limits limits; /* [n] all below; next_id is ids.next_id */
	uint64_t total_pages;
	struct shm_ids ids; /* of segments, by their entry */
};

static inline void shm_namespace_lock(struct shm_namespace *ns)
{
	shm_port(ns->shm)->mutex_lock(&ns->lock);
}
static inline void shm_namespace_unlock(struct shm_namespace *ns)
{
	shm_port(ns->shm)->mutex_unlock(&ns->lock);
}

/* Reference to the struct, held by a segment or a creator. */
void shm_namespace_release(struct shm_namespace *ns);

/* ---- with the namespace lock held ---- */

/* NULL: no segment has the key. */
static inline struct shm_segment *shm_namespace_find_key(struct shm_namespace *ns, int32_t key)
{
	return (struct shm_segment *)shm_ids_find_key(&ns->ids, key);
}
/* By full id; NULL: stale or never given. */
static inline struct shm_segment *shm_namespace_find_id(struct shm_namespace *ns, int32_t id)
{
	return (struct shm_segment *)shm_ids_find(&ns->ids, id);
}
/* By table index, whatever the sequence number. */
static inline struct shm_segment *shm_namespace_find_index(struct shm_namespace *ns, int32_t id)
{
	return (struct shm_segment *)shm_ids_find_index(&ns->ids, id);
}
/* The segment with the lowest index that is at least *index, which becomes that; NULL: no more. */
static inline struct shm_segment *shm_namespace_next(struct shm_namespace *ns, uint32_t *index)
{
	return (struct shm_segment *)shm_ids_next(&ns->ids, index);
}
/*
 * Give the segment its id and enter it by id, key and creator. Its key and size
 * are set. 0; -ENOSPC (shmmni); -ENOMEM; nothing changed then.
 */
int shm_namespace_enter(struct shm_namespace *ns, const struct shm_caller *caller,
			struct shm_segment *segment);
/* The opposite. The table's reference to the struct is the caller's now. */
void shm_namespace_leave(struct shm_namespace *ns, struct shm_segment *segment);

#endif
