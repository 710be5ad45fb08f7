// SPDX-License-Identifier: MIT
/*
 * Segments of one namespace, their limits and totals. Ids and keys are ids.c's.
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
	const struct shm_port *port = shm_port(shm);
	struct shm_namespace *ns = port->mem_alloc(sizeof(*ns), 0);

	if (!ns)
		return -ENOMEM;
	__builtin_memset(ns, 0, sizeof(*ns));
	ns->shm = shm;
	ns->lock.rank = SHM_RANK_NAMESPACE;
	ns->users = ns->references = 1;
	ns->limits = (struct shm_limits){
		.shmmax_bytes = DEFAULT_LIMIT,
		.shmall_pages = DEFAULT_LIMIT,
		.shmmni = SHMMNI,
		.attach_removed = true,
		.next_id = -1,
	};
	shm_ids_init(&ns->ids, port, shm->extended_ids,
		     (uint32_t)((uintptr_t)ns >> 4) ^ (uint32_t)port->now_seconds());
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
		shm_port(ns->shm)->mem_free(ns, sizeof(*ns));
}

void shm_namespace_put(struct shm_namespace *ns)
{
	struct shm_segment *dead = NULL, *segment;

	if (__atomic_sub_fetch(&ns->users, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	shm_namespace_lock(ns);
	for (uint32_t i = 0; (segment = shm_namespace_next(ns, &i)); i++) {
		shm_creator_remove(segment);
		shm_segment_remove(segment, &dead);
	}
	shm_namespace_unlock(ns);
	shm_segment_free_all(dead);
	shm_namespace_release(ns);
}

void shm_namespace_limits(struct shm_namespace *ns, struct shm_limits *limits)
{
	shm_namespace_lock(ns);
	*limits = ns->limits;
	limits->next_id = ns->ids.next_id;
	shm_namespace_unlock(ns);
}

/* => namespace locked by caller */
static void set_rmid_forced(struct shm_namespace *ns, bool forced, struct shm_segment **dead)
{
	struct shm_segment *segment;

	ns->limits.rmid_forced = forced;
	/* Relaxed: a detach at the same time may see either. */
	__atomic_store_n(&ns->rmid_forced, forced, __ATOMIC_RELAXED);
	if (!forced)
		return;
	for (uint32_t i = 0; (segment = shm_namespace_next(ns, &i)); i++) {
		if (!segment->creator)
			shm_segment_remove_unused(segment, dead);
	}
}

int shm_namespace_set_limit(struct shm_namespace *ns, enum shm_limit limit, uint64_t value)
{
	struct shm_segment *dead = NULL;

	if (limit == SHM_LIMIT_SHMMNI && value > shm_ids_limit(&ns->ids))
		return -EINVAL;
	if (limit == SHM_LIMIT_NEXT_ID && value > INT32_MAX && value != (uint64_t)-1)
		return -EINVAL;
	shm_namespace_lock(ns);
	switch (limit) {
	case SHM_LIMIT_SHMMAX:
		ns->limits.shmmax_bytes = value;
		break;
	case SHM_LIMIT_SHMALL:
		ns->limits.shmall_pages = value;
		break;
	case SHM_LIMIT_SHMMNI:
		ns->limits.shmmni = (uint32_t)value;
		break;
	case SHM_LIMIT_RMID_FORCED:
		set_rmid_forced(ns, value, &dead);
		break;
	case SHM_LIMIT_ATTACH_REMOVED:
		ns->limits.attach_removed = value;
		break;
	case SHM_LIMIT_NEXT_ID:
		ns->ids.next_id = (int32_t)value;
	}
	shm_namespace_unlock(ns);
	shm_segment_free_all(dead);
	return 0;
}

int shm_namespace_enter(struct shm_namespace *ns, const struct shm_caller *caller,
			struct shm_segment *segment)
{
	struct shm_creator *creator = NULL;
	int err;

	if (caller->creators) {
		/* One without segments is harmless: it goes with its thread. */
		creator = shm_creator_obtain(ns, caller->creators);
		if (!creator)
			return -ENOMEM;
	}
	err = shm_ids_enter(&ns->ids, &segment->entry, ns->limits.shmmni);
	if (err)
		return err;
	shm_creator_add(creator, segment);
	ns->total_pages += shm_segment_pages(segment);
	return 0;
}

void shm_namespace_leave(struct shm_namespace *ns, struct shm_segment *segment)
{
	shm_ids_leave(&ns->ids, &segment->entry);
	shm_creator_remove(segment);
	ns->total_pages -= shm_segment_pages(segment);
}
