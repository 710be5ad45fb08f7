/* SPDX-License-Identifier: MIT */
#ifndef SHM_LOCKED_H
#define SHM_LOCKED_H

/* Accounts of what users have locked with SHM_LOCK. Internal to shm/. */

#include "shm/segment.h"

/*
 * The segment, not locked yet, goes on the account of the caller's real user.
 * 0; -ENOMEM: beyond RLIMIT_MEMLOCK, or no memory. Namespace locked.
 */
int shm_locked_add(struct shm_segment *segment, const struct shm_caller *caller);
/* And off it: segment->locker is not NULL. Namespace locked, or the segment in no table any more. */
void shm_locked_remove(struct shm_segment *segment);

#endif
