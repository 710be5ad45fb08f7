/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_WAIT_H
#define KERNEL_PROCESS_WAIT_H

/*
 * Sleeping and waking. A queue is a list of waiters under its own lock. The
 * usual form, with a lock that guards the condition:
 *
 *	while (!condition) {
 *		err = wait_sleep(&queue, &lock, WAIT_FOREVER, WAIT_INTERRUPTIBLE);
 *		if (err)
 *			break;
 *	}
 *
 * A thread that waits on several queues at once (poll) adds a waiter to each,
 * checks, sleeps with thread_sleep, and removes them all.
 */

#include <stdbool.h>

#include "kernel/lib/list.h"
#include "kernel/lib/spinlock.h"

struct thread;
struct mutex;

#define WAIT_FOREVER UINT64_MAX
#define WAIT_INTERRUPTIBLE                                                                         \
	(1u << 0) /* a signal ends it: -ERESTARTSYS. Else only SIGKILL does, when KILLABLE */
#define WAIT_KILLABLE (1u << 1)

struct wait_queue {
	struct spinlock lock;
	struct list_node waiters; /* lock */
};

struct waiter {
	struct list_node node;
	struct thread *thread;
	struct wait_queue *queue;
	bool exclusive; /* wait_wake_one takes it off; others (poll) stay and are always woken */
	bool woken;     /* queue lock: a wake-up took it off */
	/* NULL: the thread is woken. Else this is called, under the queue's lock: epoll. */
	void (*notify)(struct waiter *waiter);
	void *data; /* notify's */
};

#define WAIT_QUEUE_INIT(name) {SPINLOCK_INIT(RANK_WAIT_QUEUE), LIST_INIT((name).waiters)}
void wait_queue_init(struct wait_queue *queue);

/*
 * Atomically release the spinlock and sleep on the queue; take the lock again.
 * 0: woken (look again); -ETIMEDOUT: deadline_ns (of clock_now_ns) passed;
 * -ERESTARTSYS: a signal is pending.
 */
int wait_sleep(struct wait_queue *queue, struct spinlock *lock, uint64_t deadline_ns,
	       unsigned flags);
/* The same with a mutex as the lock. */
int wait_sleep_mutex(struct wait_queue *queue, struct mutex *mutex, uint64_t deadline_ns,
		     unsigned flags);
/* The longest waiter, and every waiter of poll. */
void wait_wake_one(struct wait_queue *queue);
void wait_wake_all(struct wait_queue *queue);

/* The parts, for poll and futexes. */
void waiter_add(struct wait_queue *queue, struct waiter *waiter); /* also: thread_sleep_prepare */
void waiter_add_notify(struct wait_queue *queue, struct waiter *waiter,
		       void (*notify)(struct waiter *waiter));
void waiter_remove(struct waiter *waiter); /* its notify does not run, and will not */
/* From here on a wake-up makes the next thread_sleep return at once. */
void thread_sleep_prepare(void);
int thread_sleep(uint64_t deadline_ns, unsigned flags); /* as wait_sleep's results */
/* Make a thread runnable, or its next thread_sleep return. Any context. */
void thread_wake(struct thread *thread);

#endif
