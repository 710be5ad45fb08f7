// SPDX-License-Identifier: MIT
/*
 * futex(2)'s operations on two words: FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP. Their two
 * buckets are locked in the order of their addresses.
 */

#include "abi/futex.h"
#include "kernel/process/futex_queue.h"
#include "kernel/syscall/syscall.h"

static void lock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	spin_lock(a < b ? &a->lock : &b->lock);
	if (a != b)
		spin_lock_second(a < b ? &b->lock : &a->lock);
}

static void unlock_two(struct futex_bucket *a, struct futex_bucket *b)
{
	if (a != b)
		spin_unlock_second(a < b ? &b->lock : &a->lock);
	spin_unlock(a < b ? &a->lock : &b->lock);
}

long futex_requeue(const struct futex_two *two)
{
	struct futex_key from_key, to_key = {0};
	int moved = 0;

	if (two->wake_count < 0 || two->move_count < 0)
		return -EINVAL;
	for (;;) {
		uint32_t value = 0;
		int err = futex_key_get(two->from, two->from_private, &from_key);
		if (!err)
			err = futex_key_get(two->to, two->to_private, &to_key);
		if (err)
			return err;
		struct futex_bucket *from = futex_bucket_of(&from_key),
				    *to = futex_bucket_of(&to_key);
		lock_two(from, to);
		if (two->compare)
			err = futex_word_load_locked(two->from, &value);
		if (err) {
			unlock_two(from, to);
			err = futex_word_touch(two->from);
			if (err)
				return err;
			continue;
		}
		if (two->compare && value != two->expected) {
			unlock_two(from, to);
			return -EAGAIN;
		}
		struct thread *last;
		int woken = futex_wake_locked(from, &from_key, two->wake_count,
					      FUTEX_BITSET_MATCH_ANY, &last);
		list_for_each_safe (node, &from->waiters) {
			struct futex_waiter *waiter = container_of(node, struct futex_waiter, node);
			if (moved >= two->move_count)
				break;
			if (!futex_key_equal(&waiter->key, &from_key))
				continue;
			moved++;
			if (futex_key_equal(&from_key, &to_key))
				continue;
			futex_waiter_take_off(waiter);
			waiter->key = to_key;
			futex_waiter_put_on(waiter, to);
		}
		unlock_two(from, to);
		futex_wake_late(last);
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

/* Buckets locked. `matches`: the second word's waiters, too. */
static long wake_two(struct futex_bucket **bucket, const struct futex_key *key, const int *count,
		     bool matches, struct thread **last)
{
	int woken = futex_wake_locked(bucket[0], &key[0], futex_wake_count(count[0]),
				      FUTEX_BITSET_MATCH_ANY, &last[0]);

	if (matches)
		woken += futex_wake_locked(bucket[1], &key[1], futex_wake_count(count[1]),
					   FUTEX_BITSET_MATCH_ANY, &last[1]);
	return woken;
}

__attribute__((noinline)) long futex_wake_op(const uint64_t *argument, bool private)
{
	uint32_t encoded = (uint32_t)argument[5], old = 0, seen;
	const int count[2] = {(int)argument[2], (int)argument[3]};
	struct futex_key key[2];

	for (;;) {
		int err = futex_key_get(argument[0], private, &key[0]);
		if (!err)
			err = futex_key_get(argument[4], private, &key[1]);
		if (err)
			return err;
		if (!operate(encoded, 0, &seen))
			return -ENOSYS;
		struct futex_bucket *bucket[2] = {futex_bucket_of(&key[0]),
						  futex_bucket_of(&key[1])};
		struct thread *last[2] = {NULL, NULL};
		lock_two(bucket[0], bucket[1]);
		err = operate_locked(argument[4], encoded, &old);
		if (!err) {
			/* One that is not known is noticed now: the word has changed. Observed. */
			int matches = compare(encoded, old);
			long result =
				matches < 0 ? matches : wake_two(bucket, key, count, matches, last);
			unlock_two(bucket[0], bucket[1]);
			futex_wake_late(last[0]);
			futex_wake_late(last[1]);
			return result;
		}
		unlock_two(bucket[0], bucket[1]);
		/* Make it present and writable: exchange it for itself. */
		if (user_load_u32(&old, argument[4]) ||
		    user_cmpxchg_u32(argument[4], old, old, &seen))
			return -EFAULT;
	}
}
