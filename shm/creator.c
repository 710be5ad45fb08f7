// SPDX-License-Identifier: MIT
/*
 * Creators of segments. Known gap: Linux remembers the thread that made a
 * segment, here it is the process.
 */

#include "shm/creator.h"

/* Mixing is one to one: equal hashes are equal pids. */
static struct shm_creator *find(struct shm_namespace *ns, int32_t pid)
{
	return (struct shm_creator *)shm_hash_first(&ns->creators, shm_hash_mix((uint32_t)pid));
}

struct shm_creator *shm_creator_obtain(struct shm_namespace *ns, int32_t pid)
{
	const struct shm_port *port = ns->shm->port;
	struct shm_creator *creator = ns->last_creator;
	uint32_t hash;

	if (creator && creator->pid == pid)
		return creator;
	creator = find(ns, pid);
	if (creator) {
		ns->last_creator = creator;
		return creator;
	}
	hash = shm_hash_mix((uint32_t)pid);
	creator = port->mem_alloc(sizeof(*creator), 0);
	if (!creator)
		return NULL;
	if (shm_hash_prepare(&ns->creators, hash)) {
		port->mem_free(creator, sizeof(*creator));
		return NULL;
	}
	creator->pid = pid;
	creator->first = NULL;
	shm_hash_insert(&ns->creators, &creator->node, hash);
	/* Relaxed: only the process itself asks for its own record, when it ends. */
	__atomic_store_n(&ns->creator_count, ns->creators.node_count, __ATOMIC_RELAXED);
	return creator;
}

void shm_creator_add(struct shm_creator *creator, struct shm_segment *segment)
{
	segment->creator = creator;
	segment->created_next = creator->first;
	segment->created_link = &creator->first;
	if (creator->first)
		creator->first->created_link = &segment->created_next;
	creator->first = segment;
}

void shm_creator_remove(struct shm_segment *segment)
{
	if (!segment->creator)
		return;
	*segment->created_link = segment->created_next;
	if (segment->created_next)
		segment->created_next->created_link = segment->created_link;
	segment->creator = NULL;
}

void shm_creator_exit(struct shm_namespace *ns, int32_t pid)
{
	struct shm_creator *creator;
	struct shm_segment *dead = NULL;

	if (!__atomic_load_n(&ns->creator_count, __ATOMIC_RELAXED))
		return;
	shm_namespace_lock(ns);
	creator = find(ns, pid);
	if (!creator) {
		shm_namespace_unlock(ns);
		return;
	}
	while (creator->first) {
		struct shm_segment *segment = creator->first;
		shm_creator_remove(segment);
		if (ns->limits.rmid_forced)
			shm_segment_remove_unused(segment, &dead);
	}
	shm_hash_remove(&ns->creators, &creator->node);
	if (ns->last_creator == creator)
		ns->last_creator = NULL;
	__atomic_store_n(&ns->creator_count, ns->creators.node_count, __ATOMIC_RELAXED);
	shm_namespace_unlock(ns);
	ns->shm->port->mem_free(creator, sizeof(*creator));
	shm_segment_free_all(dead);
}
