// SPDX-License-Identifier: MIT
/*
 * Robust futexes: a thread that ends marks the locks that it holds, as its list
 * in user memory says, and wakes a waiter of each: set_robust_list(2).
 */

#include "abi/futex.h"
#include "kernel/process/futex.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

#define ENTRIES_MAX 2048 /* a list that goes round in circles ends */

/* One lock of the list. `pi`: one that passes priorities on, whose waiters are not in our queues. */
struct lock {
	uint64_t address;
	bool pi, pending;
};

/* The pointer's lowest bit says whether it is a lock with priorities. */
static struct lock lock_of(const struct abi_robust_list_head *head, uint64_t pointer, bool pending)
{
	return (struct lock){
		.address = (pointer & ~1ull) + (uint64_t)head->futex_offset,
		.pi = pointer & 1,
		.pending = pending,
	};
}

/* False: there is no word there. */
static bool lock_dies(struct lock lock, int32_t tid)
{
	uint32_t value, seen;

	if (lock.address % sizeof(value) || user_load_u32(&value, lock.address))
		return false;
	for (;;) {
		/*
		 * Half way through an unlock, or woken and not the owner yet: the wake-up
		 * that others wait for would be lost. Whoever has it looks at the word again.
		 */
		if (lock.pending && !lock.pi && !(value & FUTEX_TID_MASK)) {
			futex_wake_address(lock.address, 1);
			return true;
		}
		if ((value & FUTEX_TID_MASK) != (uint32_t)tid)
			return true;
		uint32_t dead = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (user_cmpxchg_u32(lock.address, value, dead, &seen))
			return false;
		if (seen == value)
			break;
		value = seen;
	}
	if (value & FUTEX_WAITERS && !lock.pi)
		futex_wake_address(lock.address, 1);
	return true;
}

void robust_list_exit(struct thread *thread)
{
	uint64_t list = thread->robust_list;
	struct abi_robust_list_head head;

	thread->robust_list = 0;
	if (!list || !thread->space || copy_from_user(&head, list, sizeof(head)))
		return;
	uint64_t entry = head.next, pending = head.pending & ~1ull;
	for (unsigned i = 0; (entry & ~1ull) != list && i < ENTRIES_MAX; i++) {
		uint64_t next;
		/* Before the lock is given away: its memory may be freed then. */
		bool more = copy_from_user(&next, entry & ~1ull, sizeof(next)) == 0;
		if ((entry & ~1ull) != pending &&
		    !lock_dies(lock_of(&head, entry, false), thread->tid))
			return;
		if (!more)
			return;
		entry = next;
		arch_interrupt_point();
	}
	if (pending)
		lock_dies(lock_of(&head, head.pending, true), thread->tid);
}

long sys_set_robust_list(const uint64_t *argument)
{
	if (argument[1] != sizeof(struct abi_robust_list_head))
		return -EINVAL;
	thread_current()->robust_list = argument[0];
	return 0;
}

/* The list of the thread, which may be over: then it has none. May the caller not look: -EPERM. */
static int list_find(int32_t tid, uint64_t *list)
{
	struct thread *thread = thread_find(tid);
	struct process *process = thread ? process_get(thread->process) : process_find(tid);
	int err = process ? 0 : -ESRCH;

	/* In one moment: an exec gives another program, and another list. */
	spin_lock(&tree_lock);
	if (!err && !process_may_locked(process, PROCESS_ATTACH))
		err = -EPERM;
	*list = thread ? __atomic_load_n(&thread->robust_list, __ATOMIC_RELAXED) : 0;
	spin_unlock(&tree_lock);
	if (thread)
		thread_put(thread);
	if (process)
		process_put(process);
	return err;
}

long sys_get_robust_list(const uint64_t *argument)
{
	int32_t tid = (int32_t)argument[0];
	uint64_t size_bytes = sizeof(struct abi_robust_list_head);
	uint64_t list = thread_current()->robust_list;
	int err = tid ? list_find(tid, &list) : 0;

	if (err)
		return err;
	if (copy_to_user(argument[2], &size_bytes, sizeof(size_bytes)))
		return -EFAULT;
	return copy_to_user(argument[1], &list, sizeof(list));
}
