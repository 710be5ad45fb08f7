/* SPDX-License-Identifier: MIT */
#ifndef SHM_CREATOR_H
#define SHM_CREATOR_H

/*
 * Which thread made which segments, for kernel.shm_rmid_forced: a record for
 * each thread and namespace that it made one in, with a list of those that are
 * left. The chain of records is the thread's own; it ends in shm_creator_exit.
 * Internal to shm/.
 */

#include "shm/namespace.h"

struct shm_creator {
	struct shm_creator *next;  /* the same thread's in another namespace: the thread's own */
	struct shm_namespace *ns;  /* [I] a reference to the struct */
	struct shm_segment *first; /* [n] created_next, created_link */
};

/* The thread's record in this namespace, made if need be; NULL: no memory. Namespace locked. */
struct shm_creator *shm_creator_obtain(struct shm_namespace *ns, struct shm_creator **creators);
/* The segment is the creator's; NULL: nobody's. Namespace locked, as for the next. */
void shm_creator_add(struct shm_creator *creator, struct shm_segment *segment);
/* It is nobody's from now on. */
void shm_creator_remove(struct shm_segment *segment);

#endif
