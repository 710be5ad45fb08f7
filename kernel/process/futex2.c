// SPDX-License-Identifier: MIT
/*
 * The futex calls with flags of their own: futex_waitv(2), futex_wait, futex_wake, futex_requeue.
 * Words have 32 bits. There is one node, 0, and no memory policies: FUTEX2_NUMA looks after the
 * node's word, FUTEX2_MPOL means nothing.
 */

#include "abi/futex.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/futex_queue.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/syscall/syscall.h"

#define FLAGS_KNOWN (FUTEX2_SIZE_MASK | FUTEX2_NUMA | FUTEX2_MPOL | FUTEX_PRIVATE_FLAG)

static bool flags_valid(uint32_t flags)
{
	return !(flags & ~FLAGS_KNOWN) && (flags & FUTEX2_SIZE_MASK) == FUTEX2_SIZE_U32;
}

static bool fits(uint64_t value)
{
	return value <= UINT32_MAX;
}

/* FUTEX2_NUMA: the word behind says which node's the futex is, or is told. 0; -EINVAL, -EFAULT. */
static int node_settle(uint64_t address, uint32_t flags)
{
	uint64_t at = address + sizeof(uint32_t);
	uint32_t node;

	if (!(flags & FUTEX2_NUMA))
		return 0;
	if (address % (2 * sizeof(uint32_t)))
		return -EINVAL;
	if (user_load_u32(&node, at))
		return -EFAULT;
	if (node == FUTEX_NO_NODE)
		return user_store_u32(at, 0) ? -EFAULT : 0;
	return node ? -EINVAL : 0;
}

/* An absolute time, or none (WAIT_FOREVER). 0; -EINVAL, -EFAULT. */
static int deadline_read(uint64_t from, int32_t clock, uint64_t *deadline_ns)
{
	*deadline_ns = WAIT_FOREVER;
	if (!from)
		return 0;
	if (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	int err = time_read(from, deadline_ns);
	if (!err && clock == CLOCK_REALTIME)
		*deadline_ns = time_from_wall(*deadline_ns);
	return err;
}

static int entry_read(uint64_t array, unsigned index, struct abi_futex_waitv *entry)
{
	if (copy_from_user(entry, array + index * sizeof(*entry), sizeof(*entry)))
		return -EFAULT;
	return entry->reserved || !flags_valid(entry->flags) || !fits(entry->value) ? -EINVAL : 0;
}

/* ---- several words at once ---- */

struct wait_one {
	struct futex_waiter waiter;
	struct futex_request request;
	uint32_t flags;
};

struct wait_many {
	unsigned count, queued;
	struct wait_one one[];
};

static size_t many_bytes(unsigned count)
{
	return sizeof(struct wait_many) + count * sizeof(struct wait_one);
}

/* All leave; the last of those that were woken, or -1. */
static int many_leave(struct wait_many *many)
{
	int woken = -1;

	for (unsigned i = 0; i < many->queued; i++)
		if (futex_waiter_leave(&many->one[i].waiter))
			woken = (int)i;
	return woken;
}

static int many_read(struct wait_many *many, uint64_t array)
{
	for (unsigned i = 0; i < many->count; i++) {
		struct abi_futex_waitv entry;
		int err = entry_read(array, i, &entry);
		if (err)
			return err;
		many->one[i].waiter = (struct futex_waiter){.thread = thread_current(),
							    .bitset = FUTEX_BITSET_MATCH_ANY};
		many->one[i].request =
			(struct futex_request){.address = entry.address,
					       .expected = (uint32_t)entry.value,
					       .private = entry.flags & FUTEX_PRIVATE_FLAG};
		many->one[i].flags = entry.flags;
	}
	return 0;
}

/* All entries are read, and all words looked for, before any word's value counts. */
static int many_queue(struct wait_many *many, uint64_t array)
{
	int err = many_read(many, array);

	for (unsigned i = 0; !err && i < many->count; i++) {
		struct wait_one *one = &many->one[i];
		err = node_settle(one->request.address, one->flags);
		if (!err)
			err = futex_key_get(one->request.address, one->request.private,
					    &one->waiter.key);
	}
	for (; !err && many->queued < many->count; many->queued += !err) {
		struct wait_one *one = &many->one[many->queued];
		err = futex_waiter_queue(&one->waiter, &one->request);
	}
	return err;
}

static bool many_woken(const struct wait_many *many)
{
	for (unsigned i = 0; i < many->queued; i++)
		if (__atomic_load_n(&many->one[i].waiter.woken, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* futex_waitv(array, count, flags, timeout, clock) */
long sys_futex_waitv(const uint64_t *argument)
{
	uint32_t count = (uint32_t)argument[1];
	uint64_t deadline_ns;

	if ((uint32_t)argument[2] || !count || count > FUTEX_WAITV_MAX || !argument[0])
		return -EINVAL;
	int err = deadline_read(argument[3], (int32_t)argument[4], &deadline_ns);
	if (err)
		return err;
	struct wait_many *many = kmem_alloc(many_bytes(count));
	if (!many)
		return -ENOMEM;
	many->count = count;
	many->queued = 0;
	err = many_queue(many, argument[0]);
	while (!err && !many_woken(many))
		err = thread_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
	int woken = many_leave(many);
	kmem_free(many, many_bytes(count));
	return woken >= 0 ? woken : err;
}

/* ---- one word, or two ---- */

/* futex_wait(address, value, mask, flags, timeout, clock) */
long sys_futex_wait(const uint64_t *argument)
{
	struct futex_request request = {
		.address = argument[0],
		.expected = (uint32_t)argument[1],
		.bitset = (uint32_t)argument[2],
		.private = argument[3] & FUTEX_PRIVATE_FLAG,
	};
	uint32_t flags = (uint32_t)argument[3];

	if (!flags_valid(flags) || !fits(argument[1]) || !fits(argument[2]))
		return -EINVAL;
	int err = deadline_read(argument[4], (int32_t)argument[5], &request.deadline_ns);
	if (!err && !request.bitset)
		err = -EINVAL;
	if (!err)
		err = node_settle(request.address, flags);
	return err ? err : futex_wait(&request);
}

/* futex_wake(address, mask, count, flags). 0 wakes none here, less than that one: observed. */
long sys_futex_wake(const uint64_t *argument)
{
	uint32_t mask = (uint32_t)argument[1], flags = (uint32_t)argument[3];
	int count = (int)argument[2];

	if (!flags_valid(flags) || !fits(argument[1]) || !mask)
		return -EINVAL;
	int err = node_settle(argument[0], flags);
	if (err)
		return err;
	return futex_wake(argument[0], flags & FUTEX_PRIVATE_FLAG,
			  count ? futex_wake_count(count) : 0, mask);
}

/* futex_requeue(array of two, flags, wake count, move count) */
long sys_futex_requeue(const uint64_t *argument)
{
	struct abi_futex_waitv from, to;

	if ((uint32_t)argument[1] || !argument[0])
		return -EINVAL;
	int err = entry_read(argument[0], 0, &from);
	if (!err)
		err = entry_read(argument[0], 1, &to);
	if (!err && ((int)argument[2] < 0 || (int)argument[3] < 0))
		err = -EINVAL;
	if (!err)
		err = node_settle(from.address, from.flags);
	if (!err)
		err = node_settle(to.address, to.flags);
	if (err)
		return err;
	return futex_requeue(&(struct futex_two){
		.from = from.address,
		.to = to.address,
		.from_private = from.flags & FUTEX_PRIVATE_FLAG,
		.to_private = to.flags & FUTEX_PRIVATE_FLAG,
		.wake_count = (int)argument[2],
		.move_count = (int)argument[3],
		.compare = true,
		.expected = (uint32_t)from.value,
	});
}
