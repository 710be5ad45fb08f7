/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_SPINLOCK_H
#define KERNEL_LIB_SPINLOCK_H

/*
 * Spin locks. The kernel runs with interrupts off (arch/arch.h), so a lock is
 * only the lock. Nothing sleeps, flushes other CPUs or touches user memory
 * while it holds one.
 *
 * Order: a CPU takes locks with rising ranks; debug builds assert it. This is
 * the one list of ranks of the whole kernel.
 */

#include <stdbool.h>
#include <stdint.h>

enum lock_rank {
	RANK_NONE, /* not checked: only for tests */
	/* sleeping locks, kernel/process/mutex.h */
	RANK_PROCESS_EXEC,
	RANK_FILE_POSITION,  /* a read or write at it may take any of the following */
	RANK_FILE_NAMESPACE, /* rename: the whole tree */
	RANK_DIRECTORY,
	RANK_INODE,
	RANK_PIPE,
	RANK_TTY,
	RANK_SPACE,
	RANK_SHM_NAMESPACE,
	RANK_SHM_OBJECT,
	/* spinning locks */
	RANK_SHM_LEAF,
	RANK_IPC_TABLE,  /* ids of semaphore sets, of message queues: one CPU's gate */
	RANK_IPC_OBJECT, /* one semaphore set, one message queue */
	RANK_IPC_UNDO,   /* what one process undoes when it ends */
	RANK_FUTEX,
	RANK_SOCKET,
	RANK_FD_TABLE,
	RANK_FS_CONTEXT,
	RANK_ALARM,        /* one process's ITIMER_REAL */
	RANK_TIMER,        /* one CPU's timers; what they call runs under it: wake-ups, signals */
	RANK_PROCESS_TREE, /* parents, children, groups, sessions, the pid table */
	RANK_SIGNAL,       /* one process's signals */
	RANK_POLL,
	RANK_DEVICE,
	RANK_WAIT_QUEUE,
	RANK_EPOLL, /* an epoll instance, told under the lock of a queue that it watches */
	RANK_EPOLL_QUEUE,
	RANK_RUN_QUEUE,
	RANK_PAGE_TABLE,
	RANK_USERS,           /* the table of users */
	RANK_ALLOCATOR_CACHE, /* one CPU's cache of small objects */
	RANK_ALLOCATOR_SMALL,
	RANK_FRAMES,
	RANK_LOG, /* log_line works under everything */
	RANK_COUNT,
};

struct spinlock {
	uint32_t held;
	uint32_t rank;
};

#define SPINLOCK_INIT(lock_rank) {0, (lock_rank)}

/* Debug builds: this CPU (for mutexes: this thread) takes or drops a lock of the rank. */
void lock_order_take(uint32_t rank);
void lock_order_drop(uint32_t rank);

void spin_lock_contended(struct spinlock *lock);

static inline void spin_init(struct spinlock *lock, enum lock_rank rank)
{
	lock->held = 0;
	lock->rank = rank;
}
static inline bool spin_try(struct spinlock *lock)
{
	/* Acquire: what the holder before us wrote is seen after. */
	bool got = !__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE);
#ifdef SAMEPAGE_DEBUG
	if (got)
		lock_order_take(lock->rank);
#endif
	return got;
}
static inline void spin_lock(struct spinlock *lock)
{
#ifdef SAMEPAGE_DEBUG
	lock_order_take(lock->rank);
#endif
	if (__builtin_expect(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE), 0))
		spin_lock_contended(lock);
}
static inline void spin_unlock(struct spinlock *lock)
{
#ifdef SAMEPAGE_DEBUG
	lock_order_drop(lock->rank);
#endif
	/* Release: what we wrote is seen by who takes it next. */
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
/* A second lock of one rank: the caller has an order among them, which is not checked. */
static inline void spin_lock_second(struct spinlock *lock)
{
	if (__builtin_expect(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE), 0))
		spin_lock_contended(lock);
}
static inline void spin_unlock_second(struct spinlock *lock)
{
	__atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
static inline bool spin_is_held(const struct spinlock *lock)
{
	return __atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0;
}

#endif
