// SPDX-License-Identifier: MIT
/* sched_yield(2), sched_setaffinity(2), and the queries of a scheduler with one policy. */

#include "abi/sched.h"
#include "kernel/process/time.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

#define SLICE_NS 4000000ull

long sys_sched_yield(const uint64_t *argument)
{
	(void)argument;
	schedule_yield();
	return 0;
}

/* The thread with a reference, if the caller may change it; 0: itself. */
static int target_get(int32_t tid, bool change, struct thread **thread)
{
	const struct cred *cred = cred_current();
	int err = 0;

	if (tid < 0)
		return -EINVAL;
	spin_lock(&tree_lock);
	*thread = tid ? thread_find_locked(tid) : thread_current();
	if (!*thread)
		err = -ESRCH;
	else if (change && *thread != thread_current() && !cred_has(cred, CAP_SYS_NICE) &&
		 cred->euid != (*thread)->cred->euid && cred->euid != (*thread)->cred->uid)
		err = -EPERM;
	else
		__atomic_add_fetch(&(*thread)->references, 1, __ATOMIC_RELAXED);
	spin_unlock(&tree_lock);
	return err;
}

long sys_sched_setaffinity(const uint64_t *argument)
{
	uint64_t mask = 0, size_bytes = argument[1] < 8 ? argument[1] : 8;
	struct thread *thread;

	if (copy_from_user(&mask, argument[2], size_bytes))
		return -EFAULT;
	int err = target_get((int32_t)argument[0], true, &thread);
	if (err)
		return err;
	mask &= __atomic_load_n(&cpu_online_mask, __ATOMIC_RELAXED);
	if (mask)
		schedule_set_affinity(thread, mask);
	thread_put(thread);
	return mask ? 0 : -EINVAL;
}

long sys_sched_getaffinity(const uint64_t *argument)
{
	uint64_t mask;
	struct thread *thread;

	if (argument[1] < sizeof(mask) || argument[1] % sizeof(mask))
		return -EINVAL;
	int err = target_get((int32_t)argument[0], false, &thread);
	if (err)
		return err;
	mask = thread->affinity & __atomic_load_n(&cpu_online_mask, __ATOMIC_RELAXED);
	thread_put(thread);
	return copy_to_user(argument[2], &mask, sizeof(mask)) ? -EFAULT : (long)sizeof(mask);
}

static bool is_policy(int policy)
{
	return (policy >= SCHED_OTHER && policy <= SCHED_BATCH) || policy == SCHED_IDLE;
}

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

long sys_sched_get_priority_max(const uint64_t *argument)
{
	int policy = (int)argument[0];

	return !is_policy(policy) ? -EINVAL : is_real_time(policy) ? 99 : 0;
}

long sys_sched_get_priority_min(const uint64_t *argument)
{
	int policy = (int)argument[0];

	return !is_policy(policy) ? -EINVAL : is_real_time(policy) ? 1 : 0;
}

/* Only to say whether the thread is there. */
static int target_check(int32_t tid)
{
	struct thread *thread;
	int err = target_get(tid, false, &thread);

	if (!err)
		thread_put(thread);
	return err;
}

long sys_sched_getscheduler(const uint64_t *argument)
{
	struct thread *thread;
	int err = target_get((int32_t)argument[0], false, &thread);

	if (err)
		return err;
	int policy = __atomic_load_n(&thread->policy, __ATOMIC_RELAXED);
	thread_put(thread);
	return policy;
}

long sys_sched_getparam(const uint64_t *argument)
{
	int32_t priority = 0;
	int err = target_check((int32_t)argument[0]);

	if (err)
		return err;
	return argument[1] ? copy_to_user(argument[1], &priority, sizeof(priority)) : -EINVAL;
}

/* POLICY_KEPT: the one it has. Real-time ones do not exist: only who may have them is told so. */
#define POLICY_KEPT (-1)

static long policy_set(int32_t tid, int policy, uint64_t parameter)
{
	struct thread *thread;
	int32_t priority;

	if (!parameter || tid < 0)
		return -EINVAL;
	if (copy_from_user(&priority, parameter, sizeof(priority)))
		return -EFAULT;
	int err = target_get(tid, true, &thread);
	if (err)
		return err;
	if ((policy != POLICY_KEPT && !is_policy(policy)) || (priority && !is_real_time(policy)))
		err = -EINVAL;
	else if (is_real_time(policy))
		err = -EPERM;
	else if (policy != POLICY_KEPT)
		__atomic_store_n(&thread->policy, policy, __ATOMIC_RELAXED);
	thread_put(thread);
	return err;
}

long sys_sched_setscheduler(const uint64_t *argument)
{
	int policy = (int)argument[1] & ~SCHED_RESET_ON_FORK;

	return policy < 0 ? -EINVAL : policy_set((int32_t)argument[0], policy, argument[2]);
}

long sys_sched_setparam(const uint64_t *argument)
{
	return policy_set((int32_t)argument[0], POLICY_KEPT, argument[1]);
}

long sys_sched_rr_get_interval(const uint64_t *argument)
{
	int err = target_check((int32_t)argument[0]);

	return err ? err : time_write(argument[1], SLICE_NS);
}
