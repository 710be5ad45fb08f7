/* SPDX-License-Identifier: MIT */
#ifndef SHM_CREATOR_H
#define SHM_CREATOR_H

/*
 * Which process made which segments, for kernel.shm_rmid_forced: a record for
 * each living process that ever made one, with a list of those that are left.
 * The namespace lock guards all. Internal to shm/.
 */

#include "shm/namespace.h"

struct shm_creator {
	struct shm_hash_node node; /* in namespace.creators, by pid */
	int32_t pid;
	struct shm_segment *first; /* created_next, created_link */
};

/* The record of a process, made if need be; NULL: no memory. */
struct shm_creator *shm_creator_obtain(struct shm_namespace *ns, int32_t pid);
void shm_creator_add(struct shm_creator *creator, struct shm_segment *segment);
void shm_creator_remove(struct shm_segment *segment);

#endif
