/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_RWLOCK_H
#define KERNEL_PROCESS_RWLOCK_H

/* A sleeping lock that many may hold shared, or one exclusive. Writers are not starved. */

#include "kernel/process/wait.h"

struct rwlock {
	struct spinlock guard;
	uint32_t state; /* [a] readers, or a writer; whether somebody waits */
	uint32_t rank;
	struct list_node waiters; /* guard */
};

void rwlock_init(struct rwlock *lock, enum lock_rank rank);
void rwlock_lock(struct rwlock *lock, bool exclusive);
void rwlock_unlock(struct rwlock *lock, bool exclusive);

#endif
