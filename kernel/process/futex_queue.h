/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_FUTEX_QUEUE_H
#define KERNEL_PROCESS_FUTEX_QUEUE_H

/* Buckets and those who wait in them: for futex*.c. */

#include "kernel/mm/space.h"
#include "kernel/process/futex.h"
#include "kernel/process/process.h"

struct futex_bucket {
	struct spinlock lock;
	uint32_t count;           /* [a] waiters; changed under the lock */
	struct list_node waiters; /* lock */
};

struct futex_waiter {
	struct list_node node;
	struct futex_key key;
	struct futex_bucket *bucket; /* [a] changed under the old and the new one's locks */
	struct thread *thread;
	uint32_t bitset;
	bool woken; /* [a] */
};

struct futex_bucket *futex_bucket_of(const struct futex_key *key);
/* 0; -EINVAL, -EFAULT. No locks held. */
int futex_key_get(uint64_t address, bool private, struct futex_key *key);
/* The program's word, under a bucket's lock. Where it fails: unlock, touch it, and begin again. */
int futex_word_load_locked(uint64_t address, uint32_t *value);
int futex_word_touch(uint64_t address); /* 0, -EFAULT */
/*
 * Wakes up to `count`, and says how many. Bucket lock held. The last of those woken is returned in
 * *last, with a reference, for futex_wake_late when the lock is free: it takes the lock as soon as it runs,
 * and would spin while the waker is still on its way (for long, where a host has stopped the waker).
 */
int futex_wake_locked(struct futex_bucket *bucket, const struct futex_key *key, int count,
		      uint32_t bitset, struct thread **last);
/* A thread that futex_wake_locked has returned, or NULL. It may have noticed by itself, or be gone. */
void futex_wake_late(struct thread *thread);

/* Of FUTEX_WAKE and its kin: who asks for none, or fewer, wakes one. Observed. */
static inline int futex_wake_count(int count)
{
	return count > 0 ? count : 1;
}

/* What a thread waits for. */
struct futex_request {
	uint64_t address;
	uint32_t expected, bitset;
	bool private;
	uint64_t deadline_ns;
};

/*
 * In the bucket of the waiter's key, which the caller found, if the word is as expected.
 * 0; -EAGAIN; -EFAULT. No locks held.
 */
int futex_waiter_queue(struct futex_waiter *waiter, const struct futex_request *request);
/* Off whichever bucket it is in by now. True: it was woken. No locks held. */
bool futex_waiter_leave(struct futex_waiter *waiter);
/* 0: woken; -EAGAIN, -EFAULT, -EINVAL, -ETIMEDOUT, -ERESTARTSYS. No locks held. */
int futex_wait(const struct futex_request *request);
/* How many were woken; -EINVAL, -EFAULT. No locks held. */
long futex_wake(uint64_t address, bool private, int count, uint32_t bitset);

/* ---- two words: futex_two.c ---- */

struct futex_two {
	uint64_t from, to;
	bool from_private, to_private;
	int wake_count, move_count;
	bool compare;
	uint32_t expected; /* at `from`, if compared */
};

/* How many were woken and moved; -EINVAL, -EFAULT, -EAGAIN. No locks held. */
long futex_requeue(const struct futex_two *two);
/* FUTEX_WAKE_OP with the call's arguments. How many were woken; -EINVAL, -EFAULT, -ENOSYS. No locks held. */
long futex_wake_op(const uint64_t *argument, bool private);

static inline bool futex_key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->a == b->a && a->b == b->b && a->kind == b->kind;
}

/* Bucket locks held. */
static inline void futex_waiter_take_off(struct futex_waiter *waiter)
{
	list_remove(&waiter->node);
	__atomic_store_n(&waiter->bucket->count, waiter->bucket->count - 1, __ATOMIC_RELAXED);
}

static inline void futex_waiter_put_on(struct futex_waiter *waiter, struct futex_bucket *bucket)
{
	__atomic_store_n(&waiter->bucket, bucket, __ATOMIC_RELAXED);
	__atomic_store_n(&bucket->count, bucket->count + 1, __ATOMIC_RELAXED);
	list_push_back(&bucket->waiters, &waiter->node);
}

#endif
