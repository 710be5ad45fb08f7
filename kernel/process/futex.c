// SPDX-License-Identifier: MIT
/*
 * futex(2). Waiters stand in buckets by key: (space, address) in private memory,
 * (object serial, offset) in shared memory. The program's word is read under the
 * bucket's lock; a fault there fails at once (thread.no_fault), the lock is
 * dropped, the page is touched and everything is done again.
 *
 * What works on two words at once is in futex_two.c, the newer calls are in futex2.c.
 * Known gaps: no priority inheritance.
 */

#include "abi/futex.h"
#include "kernel/lib/print.h"
#include "kernel/process/futex_queue.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/syscall/syscall.h"

#define BUCKETS 256 /* a power of two */

static struct futex_bucket buckets[BUCKETS];

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
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

int futex_key_get(uint64_t address, bool private, struct futex_key *key)
{
	if (address % sizeof(uint32_t))
		return -EINVAL;
	return space_futex_key(thread_current()->space, address, private, key);
}

/* ---- the program's word ---- */

int futex_word_load_locked(uint64_t address, uint32_t *value)
{
	struct thread *thread = thread_current();

	thread->no_fault++;
	int err = user_load_u32(value, address);
	thread->no_fault--;
	return err;
}

int futex_word_touch(uint64_t address)
{
	uint32_t value;

	return user_load_u32(&value, address) ? -EFAULT : 0;
}

/* ---- waiting ---- */

bool futex_waiter_leave(struct futex_waiter *waiter)
{
	for (;;) {
		struct futex_bucket *bucket = __atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED);
		spin_lock(&bucket->lock);
		if (__atomic_load_n(&waiter->bucket, __ATOMIC_RELAXED) != bucket) {
			spin_unlock(&bucket->lock);
			continue;
		}
		if (!waiter->woken)
			futex_waiter_take_off(waiter);
		spin_unlock(&bucket->lock);
		return waiter->woken;
	}
}

int futex_waiter_queue(struct futex_waiter *waiter, const struct futex_request *request)
{
	for (;;) {
		uint32_t value;
		struct futex_bucket *bucket = futex_bucket_of(&waiter->key);
		spin_lock(&bucket->lock);
		/*
		 * Counted before the word is read, as a waker writes the word before it
		 * reads the count: one of the two sees the other.
		 */
		futex_waiter_put_on(waiter, bucket);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		int err = futex_word_load_locked(request->address, &value);
		if (!err && value == request->expected) {
			spin_unlock(&bucket->lock);
			return 0;
		}
		futex_waiter_take_off(waiter);
		spin_unlock(&bucket->lock);
		if (!err)
			return -EAGAIN;
		err = futex_word_touch(request->address);
		if (!err)
			err = futex_key_get(request->address, request->private, &waiter->key);
		if (err)
			return err;
	}
}

int futex_wait(const struct futex_request *request)
{
	struct futex_waiter waiter = {.thread = thread_current(), .bitset = request->bitset};
	int err = futex_key_get(request->address, request->private, &waiter.key);

	if (!err)
		err = futex_waiter_queue(&waiter, request);
	if (err)
		return err;
	while (!err && !__atomic_load_n(&waiter.woken, __ATOMIC_ACQUIRE))
		err = thread_sleep(request->deadline_ns, WAIT_INTERRUPTIBLE);
	return futex_waiter_leave(&waiter) ? 0 : err;
}

static long wait_again(struct thread *thread);

static long wait_or_restart(const struct futex_request *request)
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
	return wait_or_restart(&(struct futex_request){
		.address = thread->restart_data[0],
		.expected = (uint32_t)thread->restart_data[1],
		.bitset = (uint32_t)thread->restart_data[2],
		.private = thread->restart_data[3],
		.deadline_ns = thread->restart_deadline_ns,
	});
}

/* ---- waking ---- */

void futex_wake_late(struct thread *thread)
{
	if (!thread)
		return;
	thread_wake(thread);
	thread_put(thread);
}

int futex_wake_locked(struct futex_bucket *bucket, const struct futex_key *key, int count,
		      uint32_t bitset, struct thread **last)
{
	struct thread *late = NULL;
	int woken = 0;

	list_for_each_safe (node, &bucket->waiters) {
		struct futex_waiter *waiter = container_of(node, struct futex_waiter, node);
		if (woken >= count)
			break;
		if (!futex_key_equal(&waiter->key, key) || !(waiter->bitset & bitset))
			continue;
		futex_wake_late(late);
		late = waiter->thread;
		__atomic_add_fetch(&late->references, 1, __ATOMIC_RELAXED);
		futex_waiter_take_off(waiter);
		__atomic_store_n(&waiter->woken, true, __ATOMIC_RELEASE);
		woken++;
	}
	*last = late;
	return woken;
}

long futex_wake(uint64_t address, bool private, int count, uint32_t bitset)
{
	struct thread *last;
	struct futex_key key;
	int err = futex_key_get(address, private, &key);

	if (err)
		return err;
	struct futex_bucket *bucket = futex_bucket_of(&key);
	/* The program's write comes before this look; see futex_waiter_queue. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&bucket->count, __ATOMIC_RELAXED))
		return 0;
	spin_lock(&bucket->lock);
	int woken = futex_wake_locked(bucket, &key, count, bitset, &last);
	spin_unlock(&bucket->lock);
	futex_wake_late(last);
	return woken;
}

void futex_wake_address(uint64_t address, int count)
{
	(void)futex_wake(address, false, count, FUTEX_BITSET_MATCH_ANY);
}

/* ---- the call ---- */

/*
 * In Linux's order: the time, whether the clock may be chosen, the bits.
 * By itself, as is futex_wake_op: those that wake need not save what it uses.
 */
static __attribute__((noinline)) long call_wait(const uint64_t *argument, bool bitset, bool wall,
						bool private)
{
	struct futex_request request = {
		.address = argument[0],
		.expected = (uint32_t)argument[2],
		.bitset = bitset ? (uint32_t)argument[5] : FUTEX_BITSET_MATCH_ANY,
		.private = private,
		.deadline_ns = WAIT_FOREVER,
	};

	if (argument[3]) {
		uint64_t ns;
		int err = time_read(argument[3], &ns);
		if (err)
			return err;
		if (!bitset)
			request.deadline_ns = time_after(ns);
		else if (wall)
			request.deadline_ns = time_from_wall(ns);
		else
			request.deadline_ns = ns;
	}
	if (wall && !bitset)
		return -ENOSYS; /* observed; futex(2) allows it */
	if (!request.bitset)
		return -EINVAL;
	return wait_or_restart(&request);
}

long sys_futex(const uint64_t *argument)
{
	int operation = (int)argument[1];
	int command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
	bool private = operation & FUTEX_PRIVATE_FLAG;
	bool wall = operation & FUTEX_CLOCK_REALTIME;

	if (wall && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT)
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAKE:
		return futex_wake(argument[0], private, futex_wake_count((int)argument[2]),
				  FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
		return call_wait(argument, command == FUTEX_WAIT_BITSET, wall, private);
	case FUTEX_WAKE_BITSET:
		if (!(uint32_t)argument[5])
			return -EINVAL;
		return futex_wake(argument[0], private, futex_wake_count((int)argument[2]),
				  (uint32_t)argument[5]);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return futex_requeue(&(struct futex_two){
			.from = argument[0],
			.to = argument[4],
			.from_private = private,
			.to_private = private,
			.wake_count = (int)argument[2],
			.move_count = (int)argument[3],
			.compare = command == FUTEX_CMP_REQUEUE,
			.expected = (uint32_t)argument[5],
		});
	case FUTEX_WAKE_OP:
		return futex_wake_op(argument, private);
	default:
		return -ENOSYS;
	}
}
