// SPDX-License-Identifier: MIT
/*
 * SHM_LOCK: what each user has locked, over all segments and namespaces, for
 * RLIMIT_MEMLOCK. Without swap that account is all there is to locking.
 *
 * A record for each user who has locked anything, in a list: there are few, and
 * the call is rare. shm.locked_lock, which lies where an object's lock does, guards it.
 */

#include "shm/locked.h"

#include "abi/errno.h"
#include "shm/namespace.h"

struct shm_locker {
	struct shm_locker *next; /* in shm.lockers */
	uint32_t uid;
	uint64_t pages; /* more than 0 */
};

/* The user's record, made if need be; NULL: no memory. => lockers locked */
static struct shm_locker *obtain(struct shm *shm, uint32_t uid)
{
	struct shm_locker *locker = shm->lockers;

	while (locker && locker->uid != uid)
		locker = locker->next;
	if (locker)
		return locker;
	locker = shm_port(shm)->mem_alloc(sizeof(*locker), SHM_NOWAIT);
	if (!locker)
		return NULL;
	*locker = (struct shm_locker){.next = shm->lockers, .uid = uid};
	shm->lockers = locker;
	return locker;
}

/* => lockers locked */
static void release(struct shm *shm, struct shm_locker *locker, uint64_t pages)
{
	struct shm_locker **link = &shm->lockers;

	locker->pages -= pages;
	if (locker->pages)
		return;
	while (*link != locker)
		link = &(*link)->next;
	*link = locker->next;
	shm_port(shm)->mem_free(locker, sizeof(*locker));
}

int shm_locked_add(struct shm_segment *segment, const struct shm_caller *caller)
{
	struct shm *shm = segment->ns->shm;
	uint64_t pages = shm_segment_pages(segment);
	bool limited = !(caller->capabilities & SHM_CAP_IPC_LOCK);
	struct shm_locker *locker;
	int err = 0;

	shm_port(shm)->mutex_lock(&shm->locked_lock);
	locker = obtain(shm, caller->real_uid);
	if (!locker) {
		err = -ENOMEM;
	} else if (limited &&
		   locker->pages + pages > caller->memlock_limit_bytes >> SHM_PAGE_SHIFT) {
		err = -ENOMEM;
		release(shm, locker, 0);
	} else {
		locker->pages += pages;
		segment->locker = locker;
	}
	shm_port(shm)->mutex_unlock(&shm->locked_lock);
	return err;
}

void shm_locked_remove(struct shm_segment *segment)
{
	struct shm *shm = segment->ns->shm;

	shm_port(shm)->mutex_lock(&shm->locked_lock);
	release(shm, segment->locker, shm_segment_pages(segment));
	segment->locker = NULL;
	shm_port(shm)->mutex_unlock(&shm->locked_lock);
}
