// SPDX-License-Identifier: MIT
/* The system calls of signals: sigaction(2), sigprocmask(2), kill(2) and their kin. */

#include "abi/time.h"
#include "kernel/process/thread.h"
#include "kernel/process/time.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

static int mask_read(uint64_t *mask, uint64_t from, uint64_t size_bytes)
{
	if (size_bytes != sizeof(*mask))
		return -EINVAL;
	return copy_from_user(mask, from, sizeof(*mask));
}

/* sigaction(2): what is ignored from now on is not pending any more. */
static bool ignores(const struct abi_sigaction *action, int signal)
{
	return action->handler == SIG_IGN ||
	       (action->handler == SIG_DFL && SIGNAL_BIT(signal) & SIGNALS_IGNORED_BY_DEFAULT);
}

long sys_rt_sigaction(const uint64_t *argument)
{
	struct process *process = process_current();
	struct abi_sigaction action, old;
	int signal = (int)argument[0];

	if (argument[3] != sizeof(uint64_t) || signal < 1 || signal > SIGNALS)
		return -EINVAL;
	if (argument[1] && copy_from_user(&action, argument[1], sizeof(action)))
		return -EFAULT;
	if (argument[1] && SIGNAL_BIT(signal) & SIGNALS_ABSOLUTE)
		return -EINVAL;
	spin_lock(&process->signals.lock);
	old = process->signals.actions[signal - 1];
	if (argument[1]) {
		action.mask &= ~SIGNALS_ABSOLUTE;
		process->signals.actions[signal - 1] = action;
	}
	spin_unlock(&process->signals.lock);
	if (argument[1] && ignores(&action, signal)) {
		spin_lock(&tree_lock);
		signal_discard_locked(process, SIGNAL_BIT(signal));
		spin_unlock(&tree_lock);
	}
	return argument[2] ? copy_to_user(argument[2], &old, sizeof(old)) : 0;
}

long sys_rt_sigprocmask(const uint64_t *argument)
{
	uint64_t old = thread_current()->signals.blocked, mask;

	if (argument[3] != sizeof(uint64_t))
		return -EINVAL;
	if (argument[1]) {
		if (copy_from_user(&mask, argument[1], sizeof(mask)))
			return -EFAULT;
		switch ((int)argument[0]) {
		case SIG_BLOCK:
			mask |= old;
			break;
		case SIG_UNBLOCK:
			mask = old & ~mask;
			break;
		case SIG_SETMASK:
			break;
		default:
			return -EINVAL;
		}
		signal_set_blocked(mask);
	}
	return argument[2] ? copy_to_user(argument[2], &old, sizeof(old)) : 0;
}

long sys_rt_sigpending(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;

	if (argument[1] > sizeof(uint64_t))
		return -EINVAL;
	spin_lock(&process->signals.lock);
	uint64_t pending =
		(thread->signals.pending | process->signals.pending) & thread->signals.blocked;
	spin_unlock(&process->signals.lock);
	return copy_to_user(argument[0], &pending, argument[1]);
}

static long wait_for_signal(void)
{
	while (thread_sleep(WAIT_FOREVER, WAIT_INTERRUPTIBLE) != -ERESTARTSYS)
		;
	return -ERESTARTNOHAND;
}

long sys_pause(const uint64_t *argument)
{
	(void)argument;
	return wait_for_signal();
}

long sys_rt_sigsuspend(const uint64_t *argument)
{
	uint64_t mask;
	int err = mask_read(&mask, argument[0], argument[1]);

	if (err)
		return err;
	signal_mask_for_call(mask);
	return wait_for_signal();
}

long sys_rt_sigtimedwait(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	uint64_t set, deadline_ns = WAIT_FOREVER;
	struct abi_siginfo info;
	int err = mask_read(&set, argument[0], argument[3]);

	if (err)
		return err;
	if (argument[2]) {
		err = time_read_deadline(argument[2], &deadline_ns);
		if (err)
			return err;
	}
	set &= ~SIGNALS_ABSOLUTE;
	__atomic_store_n(&thread->signals.awaited, set, __ATOMIC_SEQ_CST);
	int signal = signal_accept(set, &info);
	while (!signal && !err) {
		err = thread_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
		signal = signal_accept(set, &info);
	}
	__atomic_store_n(&thread->signals.awaited, 0, __ATOMIC_SEQ_CST);
	if (!signal)
		return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (argument[1] && copy_to_user(argument[1], &info, sizeof(info)))
		return -EFAULT;
	return signal;
}

/* ---- sending ---- */

static bool is_signal(int signal)
{
	return signal >= 0 && signal <= SIGNALS;
}

/* Signal 0 only asks whether one could be sent. */
static int send_checked_locked(struct process *process, int signal, const struct abi_siginfo *info)
{
	int err = signal_permission_locked(process, signal);

	if (err || !signal)
		return err;
	return signal_send_process_locked(process, signal, info);
}

/* kill(2): every process but process 1 and the caller. */
static int kill_all_locked(int signal, const struct abi_siginfo *info)
{
	int result = -ESRCH;

	list_for_each (node, &process_list) {
		struct process *process = container_of(node, struct process, in_all);
		if (process == init_process || process == process_current())
			continue;
		int err = send_checked_locked(process, signal, info);
		if (err != -EPERM)
			result = err;
	}
	return result;
}

static int kill_group_locked(struct group *group, int signal, const struct abi_siginfo *info)
{
	int result = -ESRCH;

	if (!group)
		return -ESRCH;
	list_for_each (node, &group->members) {
		int err = send_checked_locked(container_of(node, struct process, in_group_members),
					      signal, info);
		/* One that could be sent is success. */
		if (result)
			result = err;
	}
	return result;
}

long sys_kill(const uint64_t *argument)
{
	int32_t pid = (int32_t)argument[0];
	int signal = (int)argument[1], result;
	struct abi_siginfo info = signal_info_user(signal, SI_USER);

	if (!is_signal(signal))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	spin_lock(&tree_lock);
	if (pid > 0) {
		struct process *process = process_find_locked(pid);
		result = process ? send_checked_locked(process, signal, &info) : -ESRCH;
	} else if (pid == -1) {
		result = kill_all_locked(signal, &info);
	} else {
		struct group *group = pid ? group_find(-pid) : process_current()->in_group;
		result = kill_group_locked(group, signal, &info);
	}
	spin_unlock(&tree_lock);
	return result;
}

/* tgid 0: any. */
static long send_to_thread(int32_t tgid, int32_t tid, int signal, const struct abi_siginfo *info)
{
	int result = -ESRCH;

	if (!is_signal(signal))
		return -EINVAL;
	spin_lock(&tree_lock);
	struct thread *thread = thread_find_locked(tid);
	if (thread && (!tgid || thread->process->pid == tgid)) {
		result = signal_permission_locked(thread->process, signal);
		if (!result && signal)
			result = signal_send_thread_locked(thread, signal, info);
	}
	spin_unlock(&tree_lock);
	return result;
}

long sys_tkill(const uint64_t *argument)
{
	struct abi_siginfo info = signal_info_user((int)argument[1], SI_TKILL);

	if ((int32_t)argument[0] <= 0)
		return -EINVAL;
	return send_to_thread(0, (int32_t)argument[0], (int)argument[1], &info);
}

long sys_tgkill(const uint64_t *argument)
{
	struct abi_siginfo info = signal_info_user((int)argument[2], SI_TKILL);

	if ((int32_t)argument[0] <= 0 || (int32_t)argument[1] <= 0)
		return -EINVAL;
	return send_to_thread((int32_t)argument[0], (int32_t)argument[1], (int)argument[2], &info);
}

/* Nobody may pretend that a signal to others came from kill or the kernel. */
int signal_info_read(struct abi_siginfo *info, uint64_t from, int signal, int32_t target, int *told)
{
	if (copy_from_user(info, from, sizeof(*info)))
		return -EFAULT;
	*told = info->signo;
	info->signo = signal;
	if ((info->code >= 0 || info->code == SI_TKILL) && target != process_current()->pid)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(const uint64_t *argument)
{
	int32_t pid = (int32_t)argument[0];
	int signal = (int)argument[1];
	struct abi_siginfo info;
	int told, err = signal_info_read(&info, argument[2], signal, pid, &told);

	if (err)
		return err;
	if (!is_signal(signal))
		return -EINVAL;
	spin_lock(&tree_lock);
	struct process *process = process_find_locked(pid);
	err = process ? send_checked_locked(process, signal, &info) : -ESRCH;
	spin_unlock(&tree_lock);
	return err;
}

long sys_rt_tgsigqueueinfo(const uint64_t *argument)
{
	struct abi_siginfo info;
	int told, err = signal_info_read(&info, argument[3], (int)argument[2], (int32_t)argument[0],
					 &told);

	if (err)
		return err;
	if ((int32_t)argument[0] <= 0 || (int32_t)argument[1] <= 0)
		return -EINVAL;
	return send_to_thread((int32_t)argument[0], (int32_t)argument[1], (int)argument[2], &info);
}

/* ---- the alternate stack, the way back ---- */

long sys_sigaltstack(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	struct thread_signals *signals = &thread->signals;
	uint64_t sp = frame_sp(frame_of(thread));
	bool on_stack = signals->alt_stack_bytes && sp > signals->alt_stack &&
			sp - signals->alt_stack <= signals->alt_stack_bytes;
	struct abi_stack stack, old = {
					.sp = signals->alt_stack,
					.size_bytes = signals->alt_stack_bytes,
					.flags = !signals->alt_stack_bytes ? SS_DISABLE
						 : on_stack                ? SS_ONSTACK
									   : 0,
				};

	if (argument[0]) {
		if (copy_from_user(&stack, argument[0], sizeof(stack)))
			return -EFAULT;
		if (on_stack)
			return -EPERM;
		uint32_t mode = (uint32_t)stack.flags & ~SS_AUTODISARM;
		if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
			return -EINVAL;
		if (mode == SS_DISABLE) {
			stack.sp = 0;
			stack.size_bytes = 0;
		} else if (stack.size_bytes < MINSIGSTKSZ) {
			return -ENOMEM;
		}
		signals->alt_stack = stack.sp;
		signals->alt_stack_bytes = stack.size_bytes;
		signals->alt_stack_flags = (uint32_t)stack.flags & SS_AUTODISARM;
	}
	return argument[1] ? copy_to_user(argument[1], &old, sizeof(old)) : 0;
}

long sys_rt_sigreturn(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	struct trap_frame *frame = frame_of(thread);
	uint64_t mask;

	(void)argument;
	if (arch_signal_return(thread, &mask)) {
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_set_blocked(mask);
	frame_set_number(frame, -1);
	return frame_result(frame);
}
