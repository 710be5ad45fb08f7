/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_MUTEX_H
#define KERNEL_PROCESS_MUTEX_H

/* Sleeping locks. Their ranks stand in kernel/lib/spinlock.h, below those of spinlocks. */

#include "kernel/process/wait.h"

struct mutex {
	uint32_t state; /* [a] bit 0: held; bit 1: somebody waits */
	uint32_t rank;
	struct list_node *waiters; /* guard; the first of a ring, NULL: none */
	struct spinlock guard;
};

#define MUTEX_INIT(lock_rank) {0, (lock_rank), NULL, SPINLOCK_INIT(RANK_WAIT_QUEUE)}
void mutex_init(struct mutex *mutex, enum lock_rank rank);
void mutex_lock(struct mutex *mutex); /* not interruptible */
bool mutex_try(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);

#endif
