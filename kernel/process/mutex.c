// SPDX-License-Identifier: MIT
/*
 * Mutexes. Free to held and back is one atomic operation. Who finds the mutex
 * held looks on for a moment, since holders are short, and then sleeps.
 * Unlocking wakes the longest waiter but does not keep the mutex for it: whoever
 * runs may take it meanwhile, or every turn would cost a switch. A waiter that
 * lost that way twice is given the mutex at the next unlocking, so nobody starves.
 */

#include "kernel/process/mutex.h"

#include "kernel/lib/print.h"
#include "kernel/process/cpu.h"

/* mutex.state */
#define HELD    1u
#define WAITERS 2u /* the list is not empty; changed under the guard */

#define LOOKS_MAX  200 /* before sleeping; about the time of a system call */
#define LOSSES_MAX 2

struct mutex_waiter {
	struct list_node node; /* guard */
	struct thread *thread;
	unsigned losses; /* guard */
	bool woken;      /* guard: by an unlocking that it has not answered yet */
	bool owns;       /* [a] handed over, and out of the list */
};

void mutex_init(struct mutex *mutex, enum lock_rank rank)
{
	mutex->state = 0;
	mutex->rank = rank;
	mutex->waiters = NULL;
	spin_init(&mutex->guard, RANK_WAIT_QUEUE);
}

static bool take_free(struct mutex *mutex)
{
	uint32_t state = __atomic_load_n(&mutex->state, __ATOMIC_RELAXED);

	/* Acquire: what the holder before us wrote is seen after. */
	return !(state & HELD) &&
	       __atomic_compare_exchange_n(&mutex->state, &state, state | HELD, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

/* Look on for a moment; never on one CPU, where the holder cannot run meanwhile. */
static bool take_soon(struct mutex *mutex)
{
	for (unsigned looks = 0; looks < LOOKS_MAX && cpu_online_count > 1; looks++) {
		if (take_free(mutex))
			return true;
		ipi_poll(); /* the holder may wait for us to flush */
		cpu_relax();
	}
	return false;
}

/* Guard held. */
static void waiter_append(struct mutex *mutex, struct mutex_waiter *waiter)
{
	if (mutex->waiters) {
		list_push_back(mutex->waiters, &waiter->node);
	} else {
		list_init(&waiter->node);
		mutex->waiters = &waiter->node;
	}
	__atomic_fetch_or(&mutex->state, WAITERS, __ATOMIC_RELAXED);
}

/* Guard held. */
static void waiter_leave(struct mutex *mutex, struct mutex_waiter *waiter)
{
	if (mutex->waiters == &waiter->node)
		mutex->waiters = list_is_empty(&waiter->node) ? NULL : waiter->node.next;
	list_remove(&waiter->node);
	if (!mutex->waiters)
		__atomic_fetch_and(&mutex->state, ~WAITERS, __ATOMIC_RELAXED);
}

/* Queued: try, or sleep until somebody unlocks. True: the mutex is ours. */
static bool waiter_try(struct mutex *mutex, struct mutex_waiter *waiter)
{
	spin_lock(&mutex->guard);
	bool got = waiter->owns;
	if (!got && take_free(mutex)) {
		waiter_leave(mutex, waiter);
		got = true;
	}
	if (!got && waiter->woken) {
		waiter->losses++;
		waiter->woken = false;
	}
	spin_unlock(&mutex->guard);
	return got;
}

static __attribute__((noinline)) void lock_contended(struct mutex *mutex)
{
	struct mutex_waiter waiter = {.thread = thread_current()};

	if (take_soon(mutex))
		return;
	spin_lock(&mutex->guard);
	waiter_append(mutex, &waiter);
	spin_unlock(&mutex->guard);
	/* Unlocking sees WAITERS, or happened before it was set: then the mutex is free now. */
	while (!waiter_try(mutex, &waiter))
		thread_sleep(WAIT_FOREVER, 0);
	/* Whoever polls and came here in between: a wake-up meant for that may have ended here. */
	thread_wake(waiter.thread);
}

void mutex_lock(struct mutex *mutex)
{
#ifdef SAMEPAGE_DEBUG
	lock_order_take(mutex->rank);
#endif
	if (__builtin_expect(!take_free(mutex), 0))
		lock_contended(mutex);
}

bool mutex_try(struct mutex *mutex)
{
	bool got = take_free(mutex);

#ifdef SAMEPAGE_DEBUG
	if (got)
		lock_order_take(mutex->rank);
#endif
	return got;
}

static __attribute__((noinline)) void unlock_contended(struct mutex *mutex)
{
	spin_lock(&mutex->guard);
	struct list_node *node = mutex->waiters;
	struct mutex_waiter *waiter = node ? container_of(node, struct mutex_waiter, node) : NULL;
	struct thread *wake = waiter && !waiter->woken ? waiter->thread : NULL;
	if (waiter && waiter->losses >= LOSSES_MAX) {
		waiter_leave(mutex, waiter); /* HELD stays: now by the waiter */
		wake = waiter->thread;
		__atomic_store_n(&waiter->owns, true, __ATOMIC_RELEASE);
	} else {
		if (waiter)
			waiter->woken = true;
		/* Release: what we wrote is seen by who takes it next. */
		__atomic_fetch_and(&mutex->state, ~HELD, __ATOMIC_RELEASE);
	}
	/* Under the guard: the waiter, which takes it before it goes, is still there. */
	if (wake)
		thread_wake(wake);
	spin_unlock(&mutex->guard);
}

void mutex_unlock(struct mutex *mutex)
{
	uint32_t expected = HELD;

	kdebug_assert(mutex->state & HELD);
#ifdef SAMEPAGE_DEBUG
	lock_order_drop(mutex->rank);
#endif
	/* Release: what we wrote is seen by who takes it next. */
	if (!__atomic_compare_exchange_n(&mutex->state, &expected, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		unlock_contended(mutex);
}
