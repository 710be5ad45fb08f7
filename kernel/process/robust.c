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

/* One lock. False: there is no word there. */
static bool lock_dies(uint64_t address, int32_t tid, bool pending)
{
	uint32_t value, seen;

	if (address % sizeof(value) || user_load_u32(&value, address))
		return false;
	for (;;) {
		/* Half way through an unlock: the waiters were not woken yet. */
		if (pending && !value) {
			futex_wake_address(address, 1);
			return true;
		}
		if ((value & FUTEX_TID_MASK) != (uint32_t)tid)
			return true;
		uint32_t dead = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (user_cmpxchg_u32(address, value, dead, &seen))
			return false;
		if (seen == value)
			break;
		value = seen;
	}
	if (value & FUTEX_WAITERS)
		futex_wake_address(address, 1);
	return true;
}

void robust_list_exit(struct thread *thread)
{
	uint64_t list = thread->robust_list;
	struct abi_robust_list_head head;

	thread->robust_list = 0;
	if (!list || !thread->space || copy_from_user(&head, list, sizeof(head)))
		return;
	uint64_t entry = head.next & ~1ull, pending = head.pending & ~1ull;
	for (unsigned i = 0; entry != list && i < ENTRIES_MAX; i++) {
		uint64_t next;
		/* Before the lock is given away: its memory may be freed then. */
		bool more = copy_from_user(&next, entry, sizeof(next)) == 0;
		if (entry != pending &&
		    !lock_dies(entry + (uint64_t)head.futex_offset, thread->tid, false))
			return;
		if (!more)
			return;
		entry = next & ~1ull;
		arch_interrupt_point();
	}
	if (pending)
		lock_dies(pending + (uint64_t)head.futex_offset, thread->tid, true);
}

long sys_set_robust_list(const uint64_t *argument)
{
	if (argument[1] != sizeof(struct abi_robust_list_head))
		return -EINVAL;
	thread_current()->robust_list = argument[0];
	return 0;
}

long sys_get_robust_list(const uint64_t *argument)
{
	int32_t tid = (int32_t)argument[0];
	uint64_t size_bytes = sizeof(struct abi_robust_list_head), list = 0;
	int err = 0;

	spin_lock(&tree_lock);
	struct thread *thread = tid ? thread_find_locked(tid) : thread_current();
	if (!thread)
		err = -ESRCH;
	else if (thread->process != process_current() && !cred_has(cred_current(), CAP_SYS_PTRACE))
		err = -EPERM;
	else
		list = thread->robust_list;
	spin_unlock(&tree_lock);
	if (err)
		return err;
	if (copy_to_user(argument[1], &list, sizeof(list)))
		return -EFAULT;
	return copy_to_user(argument[2], &size_bytes, sizeof(size_bytes));
}
