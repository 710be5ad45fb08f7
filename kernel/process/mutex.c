// SPDX-License-Identifier: MIT
/*
 * Mutexes. Free to held and back is one atomic operation. When somebody waits,
 * unlocking hands the mutex to the longest waiter: nobody starves.
 */

#include "kernel/process/mutex.h"

#include "kernel/lib/print.h"
#include "kernel/process/cpu.h"

struct mutex_waiter {
	struct list_node node;
	struct thread *thread;
	bool owns; /* [a] handed over */
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
	uint32_t expected = 0;

	/* Acquire: what the holder before us wrote is seen after. */
	return __atomic_compare_exchange_n(&mutex->state, &expected, 1, false, __ATOMIC_ACQUIRE,
					   __ATOMIC_RELAXED);
}

static void lock_contended(struct mutex *mutex)
{
	struct mutex_waiter waiter = {.thread = thread_current(), .owns = false};

	spin_lock(&mutex->guard);
	/* 2 makes the holder come through the guard when it unlocks. */
	if (!__atomic_exchange_n(&mutex->state, 2, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&mutex->state, mutex->waiters ? 2 : 1, __ATOMIC_RELAXED);
		spin_unlock(&mutex->guard);
		return;
	}
	if (mutex->waiters) {
		list_push_back(mutex->waiters, &waiter.node);
	} else {
		list_init(&waiter.node);
		mutex->waiters = &waiter.node;
	}
	spin_unlock(&mutex->guard);
	while (!__atomic_load_n(&waiter.owns, __ATOMIC_ACQUIRE))
		thread_sleep(WAIT_FOREVER, 0);
	/* The one who handed it over may still wake us: it holds the guard until then. */
	spin_lock(&mutex->guard);
	spin_unlock(&mutex->guard);
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

static void hand_over(struct mutex *mutex)
{
	spin_lock(&mutex->guard);
	struct list_node *node = mutex->waiters;
	if (node) {
		struct mutex_waiter *waiter = container_of(node, struct mutex_waiter, node);
		struct thread *thread = waiter->thread;
		mutex->waiters = list_is_empty(node) ? NULL : node->next;
		list_remove(node);
		/* The state stays 2: held, now by the waiter. */
		__atomic_store_n(&waiter->owns, true, __ATOMIC_RELEASE);
		thread_wake(thread);
	} else {
		__atomic_store_n(&mutex->state, 0, __ATOMIC_RELEASE);
	}
	spin_unlock(&mutex->guard);
}

void mutex_unlock(struct mutex *mutex)
{
	uint32_t expected = 1;

	kdebug_assert(mutex->state != 0);
#ifdef SAMEPAGE_DEBUG
	lock_order_drop(mutex->rank);
#endif
	/* Release: what we wrote is seen by who takes it next. */
	if (!__atomic_compare_exchange_n(&mutex->state, &expected, 0, false, __ATOMIC_RELEASE,
					 __ATOMIC_RELAXED))
		hand_over(mutex);
}
