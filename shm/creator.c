// SPDX-License-Identifier: MIT
/* Creators of segments. */

#include "shm/creator.h"

struct shm_creator *shm_creator_obtain(struct shm_namespace *ns, struct shm_creator **creators)
{
	struct shm_creator *creator = *creators;

	while (creator && creator->ns != ns)
		creator = creator->next;
	if (creator)
		return creator;
	creator = shm_port(ns->shm)->mem_alloc(sizeof(*creator), 0);
	if (!creator)
		return NULL;
	*creator = (struct shm_creator){.next = *creators, .ns = ns};
	/* Relaxed: the lock that we hold orders it. */
	__atomic_add_fetch(&ns->references, 1, __ATOMIC_RELAXED);
	*creators = creator;
	return creator;
}

void shm_creator_add(struct shm_creator *creator, struct shm_segment *segment)
{
	segment->creator = creator;
	if (!creator)
		return;
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

/* Its segments are orphans from now on; what must go is freed, too. */
static void creator_end(struct shm_creator *creator)
{
	struct shm_namespace *ns = creator->ns;
	struct shm_segment *dead = NULL;

	shm_namespace_lock(ns);
	while (creator->first) {
		struct shm_segment *segment = creator->first;
		shm_creator_remove(segment);
		if (ns->limits.rmid_forced)
			shm_segment_remove_unused(segment, &dead);
	}
	shm_namespace_unlock(ns);
	shm_segment_free_all(dead);
	shm_port(ns->shm)->mem_free(creator, sizeof(*creator));
	shm_namespace_release(ns);
}

void shm_creator_exit(struct shm_creator **creators)
{
	while (*creators) {
		struct shm_creator *creator = *creators;
		*creators = creator->next;
		creator_end(creator);
	}
}
