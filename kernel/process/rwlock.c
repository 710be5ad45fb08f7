// SPDX-License-Identifier: MIT
/*
 * Locks that many hold shared or one exclusive. Waiters are served in order:
 * a reader that comes after a waiting writer waits behind it, so writers are
 * not starved, and a writer lets in all readers up to the next writer.
 */

#include "kernel/process/rwlock.h"

#include "kernel/lib/print.h"
#include "kernel/process/cpu.h"

struct rwlock_waiter {
	struct list_node node;
	struct thread *thread;
	bool exclusive;
	bool owns; /* [a] */
};

void rwlock_init(struct rwlock *lock, enum lock_rank rank)
{
	spin_init(&lock->guard, RANK_WAIT_QUEUE);
	lock->holders = 0;
	lock->rank = rank;
	list_init(&lock->waiters);
}

/* guard held */
static bool take_locked(struct rwlock *lock, bool exclusive)
{
	if (exclusive ? lock->holders != 0 : lock->holders < 0)
		return false;
	lock->holders = exclusive ? -1 : lock->holders + 1;
	return true;
}

void rwlock_lock(struct rwlock *lock, bool exclusive)
{
#ifdef SAMEPAGE_DEBUG
	lock_order_take(lock->rank);
#endif
	spin_lock(&lock->guard);
	if (list_is_empty(&lock->waiters) && take_locked(lock, exclusive)) {
		spin_unlock(&lock->guard);
		return;
	}
	struct rwlock_waiter waiter = {.thread = thread_current(), .exclusive = exclusive};
	list_push_back(&lock->waiters, &waiter.node);
	spin_unlock(&lock->guard);
	while (!__atomic_load_n(&waiter.owns, __ATOMIC_ACQUIRE))
		thread_sleep(WAIT_FOREVER, 0);
	/* The one who let us in may still wake us: it holds the guard until then. */
	spin_lock(&lock->guard);
	spin_unlock(&lock->guard);
	/* Whoever polls and came here in between: a wake-up meant for that may have ended here. */
	thread_wake(waiter.thread);
}

bool rwlock_try(struct rwlock *lock, bool exclusive)
{
	spin_lock(&lock->guard);
	bool got = list_is_empty(&lock->waiters) && take_locked(lock, exclusive);
	spin_unlock(&lock->guard);
#ifdef SAMEPAGE_DEBUG
	if (got)
		lock_order_take(lock->rank);
#endif
	return got;
}

void rwlock_unlock(struct rwlock *lock, bool exclusive)
{
#ifdef SAMEPAGE_DEBUG
	lock_order_drop(lock->rank);
#endif
	spin_lock(&lock->guard);
	kdebug_assert(exclusive ? lock->holders == -1 : lock->holders > 0);
	lock->holders = exclusive ? 0 : lock->holders - 1;
	while (!list_is_empty(&lock->waiters)) {
		struct rwlock_waiter *waiter =
			container_of(lock->waiters.next, struct rwlock_waiter, node);
		if (!take_locked(lock, waiter->exclusive))
			break;
		struct thread *thread = waiter->thread;
		list_remove(&waiter->node);
		__atomic_store_n(&waiter->owns, true, __ATOMIC_RELEASE);
		thread_wake(thread);
	}
	spin_unlock(&lock->guard);
}
