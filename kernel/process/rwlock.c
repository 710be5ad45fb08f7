// SPDX-License-Identifier: MIT
/*
 * Locks that many hold shared or one exclusive. While nobody waits, taking and
 * giving back is one atomic operation. Who must wait says so in the state, and
 * from then on all go through the guard: waiters are served in order, a reader
 * that comes after a waiting writer waits behind it, so writers are not starved,
 * and a writer lets in all readers up to the next writer.
 */

#include "kernel/process/rwlock.h"

#include "kernel/lib/print.h"
#include "kernel/process/cpu.h"

/* rwlock.state; below these bits, the number of readers */
#define WRITER  (1u << 31)
#define WAITERS (1u << 30) /* set and cleared under the guard; set: taken under the guard only */

struct rwlock_waiter {
	struct list_node node;
	struct thread *thread;
	bool exclusive;
	bool owns; /* [a] */
};

void rwlock_init(struct rwlock *lock, enum lock_rank rank)
{
	spin_init(&lock->guard, RANK_WAIT_QUEUE);
	lock->state = 0;
	lock->rank = rank;
	list_init(&lock->waiters);
}

/* False, shared: we are counted all the same, until lock_contended takes that back. */
static bool take_free(struct rwlock *lock, bool exclusive)
{
	uint32_t free = 0;

	/* Acquire: what the holders before us wrote is seen after. */
	if (!exclusive)
		return !(__atomic_fetch_add(&lock->state, 1, __ATOMIC_ACQUIRE) &
			 (WRITER | WAITERS));
	return __atomic_compare_exchange_n(&lock->state, &free, WRITER, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

/* Let in those who wait, as far as may be. Guard held. */
static void admit(struct rwlock *lock)
{
	while (!list_is_empty(&lock->waiters)) {
		struct rwlock_waiter *waiter =
			container_of(lock->waiters.next, struct rwlock_waiter, node);
		uint32_t state = __atomic_load_n(&lock->state, __ATOMIC_RELAXED);
		struct thread *thread = waiter->thread;

		if (waiter->exclusive ? state & ~WAITERS : state & WRITER)
			return;
		__atomic_fetch_add(&lock->state, waiter->exclusive ? WRITER : 1, __ATOMIC_RELAXED);
		list_remove(&waiter->node);
		/* Release: the one let in sees what we saw of the holders before it. */
		__atomic_store_n(&waiter->owns, true, __ATOMIC_RELEASE);
		thread_wake(thread);
	}
	__atomic_fetch_and(&lock->state, ~WAITERS, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void lock_contended(struct rwlock *lock, bool exclusive)
{
	struct rwlock_waiter waiter = {.thread = thread_current(), .exclusive = exclusive};

	spin_lock(&lock->guard);
	list_push_back(&lock->waiters, &waiter.node);
	/* It may be free by now: acquire, from who gave it back before this was seen. */
	__atomic_fetch_or(&lock->state, WAITERS, __ATOMIC_ACQUIRE);
	if (!exclusive)
		__atomic_fetch_sub(&lock->state, 1, __ATOMIC_RELAXED);
	admit(lock);
	spin_unlock(&lock->guard);
	while (!__atomic_load_n(&waiter.owns, __ATOMIC_ACQUIRE))
		thread_sleep(WAIT_FOREVER, 0);
	/* The one who let us in may still wake us: it holds the guard until then. */
	spin_lock(&lock->guard);
	spin_unlock(&lock->guard);
	/* Whoever polls and came here in between: a wake-up meant for that may have ended here. */
	thread_wake(waiter.thread);
}

void rwlock_lock(struct rwlock *lock, bool exclusive)
{
#ifdef SAMEPAGE_DEBUG
	lock_order_take(lock->rank);
#endif
	if (__builtin_expect(!take_free(lock, exclusive), 0))
		lock_contended(lock, exclusive);
}

static __attribute__((noinline)) void unlock_contended(struct rwlock *lock)
{
	spin_lock(&lock->guard);
	admit(lock);
	spin_unlock(&lock->guard);
}

void rwlock_unlock(struct rwlock *lock, bool exclusive)
{
	/* Release what we wrote; acquire what other readers saw, for whom we let in. */
	uint32_t state = __atomic_fetch_sub(&lock->state, exclusive ? WRITER : 1, __ATOMIC_ACQ_REL);

#ifdef SAMEPAGE_DEBUG
	lock_order_drop(lock->rank);
#endif
	kdebug_assert(exclusive ? state & WRITER : state & ~(WRITER | WAITERS));
	if (__builtin_expect(state & WAITERS, 0))
		unlock_contended(lock);
}
