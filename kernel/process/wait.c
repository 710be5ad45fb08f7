// SPDX-License-Identifier: MIT
/*
 * Wait queues. A waiter of wait_sleep is exclusive: a wake-up takes it off the
 * queue, so that the next wake-up finds the next one, and it knows that it was
 * chosen even if its time ran out in the same moment. Waiters of poll stay on
 * until they leave by themselves.
 */

#include "kernel/process/wait.h"

#include "abi/errno.h"
#include "kernel/process/cpu.h"
#include "kernel/process/mutex.h"

void wait_queue_init(struct wait_queue *queue)
{
	spin_init(&queue->lock, RANK_WAIT_QUEUE);
	list_init(&queue->waiters);
}

static void waiter_insert(struct wait_queue *queue, struct waiter *waiter, bool exclusive)
{
	waiter->thread = thread_current();
	waiter->queue = queue;
	waiter->exclusive = exclusive;
	waiter->woken = false;
	waiter->notify = NULL;
	spin_lock(&queue->lock);
	if (exclusive)
		list_push_back(&queue->waiters, &waiter->node);
	else
		list_push_front(&queue->waiters, &waiter->node);
	spin_unlock(&queue->lock);
}

void waiter_add(struct wait_queue *queue, struct waiter *waiter)
{
	waiter_insert(queue, waiter, false);
}

void waiter_add_notify(struct wait_queue *queue, struct waiter *waiter,
		       void (*notify)(struct waiter *waiter))
{
	waiter->thread = NULL;
	waiter->queue = queue;
	waiter->exclusive = false;
	waiter->woken = false;
	waiter->notify = notify;
	spin_lock(&queue->lock);
	list_push_front(&queue->waiters, &waiter->node);
	spin_unlock(&queue->lock);
}

void waiter_remove(struct waiter *waiter)
{
	/* Always under the lock: a waker may still be about to touch our thread. */
	spin_lock(&waiter->queue->lock);
	list_remove(&waiter->node);
	spin_unlock(&waiter->queue->lock);
}

static int sleep_end(struct waiter *waiter, int result)
{
	waiter_remove(waiter);
	return waiter->woken ? 0 : result;
}

int wait_sleep(struct wait_queue *queue, struct spinlock *lock, uint64_t deadline_ns,
	       unsigned flags)
{
	struct waiter waiter;

	waiter_insert(queue, &waiter, true);
	spin_unlock(lock);
	int result = sleep_end(&waiter, thread_sleep(deadline_ns, flags));
	spin_lock(lock);
	return result;
}

int wait_sleep_mutex(struct wait_queue *queue, struct mutex *mutex, uint64_t deadline_ns,
		     unsigned flags)
{
	struct waiter waiter;

	waiter_insert(queue, &waiter, true);
	mutex_unlock(mutex);
	int result = sleep_end(&waiter, thread_sleep(deadline_ns, flags));
	mutex_lock(mutex);
	return result;
}

static void wake(struct wait_queue *queue, bool all)
{
	spin_lock(&queue->lock);
	list_for_each_safe (node, &queue->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, node);
		if (waiter->exclusive) {
			list_remove(&waiter->node);
			waiter->woken = true;
		}
		if (waiter->notify)
			waiter->notify(waiter);
		else
			thread_wake(waiter->thread);
		if (waiter->exclusive && !all)
			break;
	}
	spin_unlock(&queue->lock);
}

/*
 * Without the lock when nobody waits. The caller has changed the condition
 * before, and a waiter looks at the condition after it queued; both sides pass
 * a lock or this fence between their two steps, so one of them sees the other.
 */
static bool nobody_waits(struct wait_queue *queue)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&queue->waiters.next, __ATOMIC_RELAXED) == &queue->waiters;
}

void wait_wake_one(struct wait_queue *queue)
{
	if (!nobody_waits(queue))
		wake(queue, false);
}

void wait_wake_all(struct wait_queue *queue)
{
	if (!nobody_waits(queue))
		wake(queue, true);
}
