// SPDX-License-Identifier: MIT
/*
 * futex(2). Waiters stand in buckets by key: (space, address) for private ones,
 * (object serial, offset) for shared ones. The program's word is read under the
 * bucket's lock; a fault there fails at once (thread.no_fault), the lock is
 * dropped, the page is touched and everything is done again.
 *
 * Two buckets (requeue, wake-op) are locked in the order of their addresses.
 * Known gaps: no priority inheritance.
 */

#include "abi/futex.h"
#include "kernel/lib/print.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/futex.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/syscall/syscall.h"

#define BUCKETS 256 /* a power of two */

struct bucket {
	struct spinlock lock;
	uint32_t count;           /* [a] waiters; changed under the lock */
	struct list_node waiters; /* lock */
};

struct futex_waiter {
	struct list_node node;
	struct futex_key key;
	struct bucket *bucket; /* [a] changed under the old and the new one's locks */
	struct thread *thread;
	uint32_t bitset;
	bool woken; /* [a] */
};

static struct bucket buckets[BUCKETS];

static struct bucket *bucket_of(const struct futex_key *key)
{
	uint64_t hash = (key->a ^ key->b >> 2) * 0x9e3779b97f4a7c15ull;

	return &buckets[hash >> 56];
}

/* All zeros is a valid bucket but for its list and rank. */
void futex_init(void)
{
	for (unsigned i = 0; i < BUCKETS; i++) {
		spin_init(&buckets[i].lock, RANK_FUTEX);
		list_init(&buckets[i].waiters);
	}
}

static bool key_equal(const struct futex_key *a, const struct futex_key *b)
{
	return a->a == b->a && a->b == b->b && a->shared == b->shared;
}

static int key_get(uint64_t address, bool private, struct futex_key *key)
{
	if (address % sizeof(uint32_t))
		return -EINVAL;
	return space_futex_key(thread_current()->space, address, private, key);
}

static void lock_two(struct bucket *a, struct bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_second(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	if (a != b)
		spin_unlock_second(a < b ? &b->lock : &a->lock);
	spin_unlock(a < b ? &a->lock : &b->lock);
}

static void waiter_take_off(struct futex_waiter *waiter)
{
	list_remove(&waiter->node);
	__atomic_store_n(&waiter->bucket->count, waiter->bucket->count - 1, __ATOMIC_RELAXED);
}

static void waiter_put_on(struct futex_waiter *waiter, struct bucket *bucket)
{
	__atomic_store_n(&waiter->bucket, bucket, __ATOMIC_RELAXED);
	__atomic_store_n(&bucket->count, bucket->count + 1, __ATOMIC_RELAXED);
	list_push_back(&bucket->waiters, &waiter->node);
}

/* ---- the program's word; -EAGAIN here means: touched, begin again ---- */

static int word_load_locked(uint64_t address, uint32_t *value)
{
	struct thread *thread = thread_current();

	thread->no_fault++;
	int err = user_load_u32(value, address);
	thread->no_fault--;
	return err;
}

static int word_touch(uint64_t address)
{
	uint32_t value;

	return user_load_u32(&value, address) ? -EFAULT : 0;
}

/* ---- waiting ---- */

/* Off whichever bucket it is in by now. True: it was woken. */
static bool waiter_leave(struct futex_waiter *waiter)
{
	for (;;) {
		struct bucket *bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED);
		spin_lock(&bucket->lock);
		if (__atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED) != bucket) {
			spin_unlock(&bucket->lock);
			continue;
		}
		if (!waiter->woken)
			waiter_take_off(waiter);
		spin_unlock(&bucket->lock);
		return waiter->woken;
	}
}

struct wait_request {
	uint64_t address;
	uint32_t expected, bitset;
	bool private;
	uint64_t deadline_ns;
};

/* In the bucket if the word is as expected. */
static int waiter_queue(struct futex_waiter *waiter, const struct wait_request *request)
{
	for (;;) {
		uint32_t value;
		int err = key_get(request->address, request->private, &waiter->key);
		if (err)
			return err;
		struct bucket *bucket = bucket_of(&waiter->key);
		spin_lock(&bucket->lock);
		/*
		 * Counted before the word is read, as a waker writes the word before it
		 * reads the count: one of the two sees the other.
		 */
		waiter_put_on(waiter, bucket);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		err = word_load_locked(request->address, &value);
		if (!err && value == request->expected) {
			spin_unlock(&bucket->lock);
			return 0;
		}
		waiter_take_off(waiter);
		spin_unlock(&bucket->lock);
		if (!err)
			return -EAGAIN;
		err = word_touch(request->address);
		if (err)
			return err;
	}
}

static int futex_wait(const struct wait_request *request)
{
	struct futex_waiter waiter = {.thread = thread_current(), .bitset = request->bitset};
	int err = waiter_queue(&waiter, request);

	if (err)
		return err;
	while (!err && !__atomic_load_n(&waiter.woken, __ATOMIC_ACQUIRE))
		err = thread_sleep(request->deadline_ns, WAIT_INTERRUPTIBLE);
	return waiter_leave(&waiter) ? 0 : err;
}

static long wait_again(struct thread *thread);

static long wait_or_restart(const struct wait_request *request)
{
	struct thread *thread = thread_current();
	int err = futex_wait(request);

	if (err != -ERESTARTSYS || request->deadline_ns == WAIT_FOREVER)
		return err;
	thread->restart = wait_again;
	thread->restart_deadline_ns = request->deadline_ns;
	thread->restart_data[0] = request->address;
	thread->restart_data[1] = request->expected;
	thread->restart_data[2] = request->bitset;
	thread->restart_data[3] = request->private;
	return -ERESTART_RESTARTBLOCK;
}

static long wait_again(struct thread *thread)
{
	return wait_or_restart(&(struct wait_request){
		.address = thread->restart_data[0],
		.expected = (uint32_t)thread->restart_data[1],
		.bitset = (uint32_t)thread->restart_data[2],
		.private = thread->restart_data[3],
		.deadline_ns = thread->restart_deadline_ns,
	});
}

/* ---- futex_waitv(2): several words at once ---- */

struct wait_many {
	unsigned count, queued;
	uint64_t deadline_ns;
	struct futex_waiter waiters[FUTEX_WAITV_MAX];
};

/* All leave; the last of those that were woken, or -1. */
static int many_leave(struct wait_many *many)
{
	int woken = -1;

	for (unsigned i = 0; i < many->queued; i++)
		if (waiter_leave(&many->waiters[i]))
			woken = (int)i;
	return woken;
}

static int many_queue(struct wait_many *many, uint64_t address)
{
	int err = 0;

	for (many->queued = 0; !err && many->queued < many->count; many->queued += !err) {
		struct futex_waiter *waiter = &many->waiters[many->queued];
		struct abi_futex_waitv user;

		if (copy_from_user(&user, address + many->queued * sizeof(user), sizeof(user)))
			return -EFAULT;
		if (user.reserved || (user.flags & ~FUTEX_PRIVATE_FLAG) != FUTEX2_SIZE_U32)
			return -EINVAL;
		*waiter = (struct futex_waiter){.thread = thread_current(),
						.bitset = FUTEX_BITSET_MATCH_ANY};
		err = waiter_queue(waiter, &(struct wait_request){
						   .address = user.address,
						   .expected = (uint32_t)user.value,
						   .private = user.flags & FUTEX_PRIVATE_FLAG,
					   });
	}
	return err;
}

static bool many_woken(const struct wait_many *many)
{
	for (unsigned i = 0; i < many->queued; i++)
		if (__atomic_load_n(&many->waiters[i].woken, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

static long futex_wait_many(struct wait_many *many, uint64_t address)
{
	int err = many_queue(many, address);

	while (!err && !many_woken(many))
		err = thread_sleep(many->deadline_ns, WAIT_INTERRUPTIBLE);
	int woken = many_leave(many);
	return woken >= 0 ? woken : err;
}

long sys_futex_waitv(const uint64_t *argument)
{
	uint32_t count = (uint32_t)argument[1];
	int32_t clock = (int32_t)argument[4];
	uint64_t deadline_ns = WAIT_FOREVER;

	if ((uint32_t)argument[2] || !count || count > FUTEX_WAITV_MAX || !argument[0])
		return -EINVAL;
	if (argument[3]) {
		if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
			return -EINVAL;
		int err = time_read(argument[3], &deadline_ns);
		if (err)
			return err;
		if (clock == CLOCK_REALTIME)
			deadline_ns = time_from_wall(deadline_ns);
	}
	struct wait_many *many = kmem_alloc(sizeof(*many));
	if (!many)
		return -ENOMEM;
	many->count = count;
	many->deadline_ns = deadline_ns;
	long result = futex_wait_many(many, argument[0]);
	kmem_free(many, sizeof(*many));
	return result;
}

/* ---- waking ---- */

/* A thread that wake_locked has returned, or NULL. It may have noticed by itself, or be gone. */
static void wake_late(struct thread *thread)
{
	if (!thread)
		return;
	thread_wake(thread);
	thread_put(thread);
}

/*
 * Bucket lock held. The last of those woken is returned in *last, with a reference, for the
 * caller to wake when the lock is free: it takes the lock as soon as it runs, and would
 * spin while the waker is still on its way (for long, where a host has stopped the waker).
 */
static int wake_locked(struct bucket *bucket, const struct futex_key *key, int count,
		       uint32_t bitset, struct thread **last)
{
	struct thread *late = NULL;
	int woken = 0;

	list_for_each_safe (node, &bucket->waiters) {
		struct futex_waiter *waiter = container_of(node, struct futex_waiter, node);
		if (woken >= count)
			break;
		if (!key_equal(&waiter->key, key) || !(waiter->bitset & bitset))
			continue;
		wake_late(late);
		late = waiter->thread;
		__atomic_add_fetch(&late->references, 1, __ATOMIC_RELAXED);
		waiter_take_off(waiter);
		__atomic_store_n(&waiter->woken, true, __ATOMIC_RELEASE);
		woken++;
	}
	*last = late;
	return woken;
}

static long futex_wake(uint64_t address, bool private, int count, uint32_t bitset)
{
	struct thread *last;
	struct futex_key key;
	int err = key_get(address, private, &key);

	if (err)
		return err;
	struct bucket *bucket = bucket_of(&key);
	/* The program's write comes before this look; see waiter_queue. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&bucket->count, __ATOMIC_RELAXED))
		return 0;
	spin_lock(&bucket->lock);
	int woken = wake_locked(bucket, &key, count, bitset, &last);
	spin_unlock(&bucket->lock);
	wake_late(last);
	return woken;
}

void futex_wake_address(uint64_t address, int count)
{
	(void)futex_wake(address, false, count, FUTEX_BITSET_MATCH_ANY);
}

static long futex_requeue(const uint64_t *argument, bool private, bool compare)
{
	uint64_t from_address = argument[0], to_address = argument[4];
	int wake_count = (int)argument[2], move_count = (int)argument[3], moved = 0;
	struct futex_key from_key, to_key = {0};

	if (wake_count < 0 || move_count < 0)
		return -EINVAL;
	for (;;) {
		uint32_t value = 0;
		int err = key_get(from_address, private, &from_key);
		if (!err)
			err = key_get(to_address, private, &to_key);
		if (err)
			return err;
		struct bucket *from = bucket_of(&from_key), *to = bucket_of(&to_key);
		lock_two(from, to);
		if (compare)
			err = word_load_locked(from_address, &value);
		if (err) {
			unlock_two(from, to);
			err = word_touch(from_address);
			if (err)
				return err;
			continue;
		}
		if (compare && value != (uint32_t)argument[5]) {
			unlock_two(from, to);
			return -EAGAIN;
		}
		struct thread *last;
		int woken = wake_locked(from, &from_key, wake_count, FUTEX_BITSET_MATCH_ANY, &last);
		list_for_each_safe (node, &from->waiters) {
			struct futex_waiter *waiter = container_of(node, struct futex_waiter, node);
			if (moved >= move_count)
				break;
			if (!key_equal(&waiter->key, &from_key))
				continue;
			moved++;
			if (key_equal(&from_key, &to_key))
				continue;
			waiter_take_off(waiter);
			waiter->key = to_key;
			waiter_put_on(waiter, to);
		}
		unlock_two(from, to);
		wake_late(last);
		return woken +
		       moved; /* futex(2) says otherwise of REQUEUE; this is what Linux does */
	}
}

/* ---- FUTEX_WAKE_OP ---- */

static int32_t sign_extend_12(uint32_t value)
{
	return (int32_t)(value << 20) >> 20;
}

static bool operate(uint32_t encoded, uint32_t old, uint32_t *new)
{
	uint32_t operand = (uint32_t)sign_extend_12(encoded >> 12 & 0xfff);
	uint32_t operation = encoded >> 28;

	if (operation & FUTEX_OP_ARG_SHIFT)
		operand = 1u << (operand & 31);
	switch (operation & 7) {
	case FUTEX_OP_SET:
		*new = operand;
		return true;
	case FUTEX_OP_ADD:
		*new = old + operand;
		return true;
	case FUTEX_OP_OR:
		*new = old | operand;
		return true;
	case FUTEX_OP_ANDN:
		*new = old & ~operand;
		return true;
	case FUTEX_OP_XOR:
		*new = old ^ operand;
		return true;
	default:
		return false;
	}
}

static int compare(uint32_t encoded, uint32_t value)
{
	int32_t old = (int32_t)value, operand = sign_extend_12(encoded & 0xfff);

	switch (encoded >> 24 & 15) {
	case FUTEX_OP_CMP_EQ:
		return old == operand;
	case FUTEX_OP_CMP_NE:
		return old != operand;
	case FUTEX_OP_CMP_LT:
		return old < operand;
	case FUTEX_OP_CMP_LE:
		return old <= operand;
	case FUTEX_OP_CMP_GT:
		return old > operand;
	case FUTEX_OP_CMP_GE:
		return old >= operand;
	default:
		return -ENOSYS;
	}
}

/* Both buckets locked. 0 and what was there; -EFAULT: not present or not writable now. */
static int operate_locked(uint64_t address, uint32_t encoded, uint32_t *old)
{
	struct thread *thread = thread_current();
	uint32_t new = 0, seen;
	int err;

	thread->no_fault++;
	err = user_load_u32(old, address);
	while (!err) {
		(void)operate(encoded, *old, &new);
		err = user_cmpxchg_u32(address, *old, new, &seen);
		if (err || seen == *old)
			break;
		*old = seen;
	}
	thread->no_fault--;
	return err;
}

static long futex_wake_op(const uint64_t *argument, bool private)
{
	uint32_t encoded = (uint32_t)argument[5], old = 0, seen;
	struct futex_key key[2];

	if (!operate(encoded, 0, &seen) || compare(encoded, 0) < 0)
		return -ENOSYS;
	for (;;) {
		int err = key_get(argument[0], private, &key[0]);
		if (!err)
			err = key_get(argument[4], private, &key[1]);
		if (err)
			return err;
		struct bucket *first = bucket_of(&key[0]), *second = bucket_of(&key[1]);
		lock_two(first, second);
		err = operate_locked(argument[4], encoded, &old);
		if (!err) {
			struct thread *last[2] = {NULL, NULL};
			int woken = wake_locked(first, &key[0], (int)argument[2],
						FUTEX_BITSET_MATCH_ANY, &last[0]);
			if (compare(encoded, old) == 1)
				woken += wake_locked(second, &key[1], (int)argument[3],
						     FUTEX_BITSET_MATCH_ANY, &last[1]);
			unlock_two(first, second);
			wake_late(last[0]);
			wake_late(last[1]);
			return woken;
		}
		unlock_two(first, second);
		/* Make it present and writable: exchange it for itself. */
		if (user_load_u32(&old, argument[4]) ||
		    user_cmpxchg_u32(argument[4], old, old, &seen))
			return -EFAULT;
	}
}

/* ---- the call ---- */

static long call_wait(const uint64_t *argument, int operation)
{
	bool bitset = (operation & 0x7f) == FUTEX_WAIT_BITSET;
	struct wait_request request = {
		.address = argument[0],
		.expected = (uint32_t)argument[2],
		.bitset = bitset ? (uint32_t)argument[5] : FUTEX_BITSET_MATCH_ANY,
		.private = operation & FUTEX_PRIVATE_FLAG,
		.deadline_ns = WAIT_FOREVER,
	};

	if (!request.bitset)
		return -EINVAL;
	if (argument[3]) {
		uint64_t ns;
		int err = time_read(argument[3], &ns);
		if (err)
			return err;
		if (!bitset)
			request.deadline_ns = time_after(ns);
		else if (operation & FUTEX_CLOCK_REALTIME)
			request.deadline_ns = time_from_wall(ns);
		else
			request.deadline_ns = ns;
	}
	return wait_or_restart(&request);
}

long sys_futex(const uint64_t *argument)
{
	int operation = (int)argument[1];
	int command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool private = operation & FUTEX_PRIVATE_FLAG;
	int count = (int)argument[2];

	if ((operation & FUTEX_CLOCK_REALTIME) && command != FUTEX_WAIT_BITSET)
		return -ENOSYS; /* observed; futex(2) allows it for FUTEX_WAIT */
	switch (command) {
	case FUTEX_WAKE:
		return futex_wake(argument[0], private, count > 0 ? count : 1,
				  FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return call_wait(argument, operation);
	case FUTEX_WAKE_BITSET:
		if (!(uint32_t)argument[5])
			return -EINVAL;
		return futex_wake(argument[0], private, count > 0 ? count : 1,
				  (uint32_t)argument[5]);
	case FUTEX_REQUEUE:
		return futex_requeue(argument, private, false);
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(argument, private, true);
	case FUTEX_WAKE_OP:
		return futex_wake_op(argument, private);
	default:
		return -ENOSYS;
	}
}
