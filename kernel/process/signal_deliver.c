// SPDX-License-Identifier: MIT
/*
 * The way back to user mode: reschedule, leave, stop, take signals, restart
 * calls. A pending signal is taken under the tree lock, so that a stop and the
 * SIGCONT that follows it cannot pass each other.
 */

#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/lib/print.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/alarm.h"
#include "kernel/process/rseq.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

#define SIGNALS_SYNCHRONOUS                                                                        \
	(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) |     \
	 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS))
#define SIGNALS_STOPPING                                                                           \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

enum {
#define SYSCALL(number, name) SYS_##name = (number),
#include <syscalls.h>
#undef SYSCALL
};

/* ---- what is pending ---- */

static bool must_leave(const struct thread *thread)
{
	const struct process *process = thread->process;

	return process->exiting || (process->exec_thread && process->exec_thread != thread);
}

static uint64_t deliverable(const struct thread *thread)
{
	uint64_t pending = __atomic_load_n(&thread->signals.pending, __ATOMIC_RELAXED) |
			   __atomic_load_n(&thread->process->signals.pending, __ATOMIC_RELAXED);

	return pending & ~thread->signals.blocked;
}

bool signal_is_pending(void)
{
	const struct thread *thread = thread_current();

	/* Nothing becomes deliverable without this bit, which only trap_return_work clears. */
	if (!(__atomic_load_n(&thread->work, __ATOMIC_SEQ_CST) & WORK_SIGNAL))
		return false;
	return deliverable(thread) || must_leave(thread) || thread->process->stopped;
}

bool signal_kill_is_pending(void)
{
	const struct thread *thread = thread_current();

	return __atomic_load_n(&thread->work, __ATOMIC_SEQ_CST) & WORK_SIGNAL && must_leave(thread);
}

/* One instance of the signal off a queue. Signal lock held. */
static void take(struct process *process, uint64_t *pending, struct list_node *queue, int signal,
		 struct abi_siginfo *info)
{
	struct signal_queue_entry *found = NULL;
	bool more = false;

	list_for_each (node, queue) {
		struct signal_queue_entry *entry =
			container_of(node, struct signal_queue_entry, node);
		if (entry->info.signo != signal)
			continue;
		more = found;
		if (more)
			break;
		found = entry;
	}
	if (!more)
		__atomic_fetch_and(pending, ~SIGNAL_BIT(signal), __ATOMIC_RELAXED);
	*info = (struct abi_siginfo){.signo = signal, .code = SI_USER};
	if (!found)
		return;
	*info = found->info;
	list_remove(&found->node);
	process->signals.queued_count--;
	kmem_free(found, sizeof(*found));
}

int signal_take(uint64_t set, struct abi_siginfo *info)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;
	int signal = 0;

	spin_lock(&process->signals.lock);
	uint64_t own = thread->signals.pending & set, shared = process->signals.pending & set;
	if (own & SIGNALS_SYNCHRONOUS)
		own &= SIGNALS_SYNCHRONOUS;
	if (own) {
		signal = __builtin_ctzll(own) + 1;
		take(process, &thread->signals.pending, &thread->signals.queue, signal, info);
	} else if (shared) {
		signal = __builtin_ctzll(shared) + 1;
		take(process, &process->signals.pending, &process->signals.queue, signal, info);
	}
	spin_unlock(&process->signals.lock);
	return signal;
}

int signal_accept(uint64_t set, struct abi_siginfo *info)
{
	int signal = signal_take(set, info);

	if (signal == SIGALRM)
		alarm_renew(process_current());
	return signal;
}

uint64_t signal_waiting(uint64_t set)
{
	const struct thread *thread = thread_current();

	return set & (__atomic_load_n(&thread->signals.pending, __ATOMIC_RELAXED) |
		      __atomic_load_n(&thread->process->signals.pending, __ATOMIC_RELAXED));
}

/* ---- stopping ---- */

static void stop_locked(struct process *process, int signal)
{
	if (process->stopped)
		return;
	process->stopped = true;
	process->stop_signal = signal;
	process->report_stop = true;
	process->report_continue = false;
	process->in_group->stopped_count++;
	list_for_each (node, &process->threads)
		signal_kick(container_of(node, struct thread, in_process));
	process_tell_parent_locked(process, CLD_STOPPED, signal);
}

static void stay_stopped(struct thread *thread)
{
	while (__atomic_load_n(&thread->process->stopped, __ATOMIC_SEQ_CST) && !must_leave(thread))
		thread_sleep(WAIT_FOREVER, 0);
}

/* ---- taking one signal ---- */

struct taken {
	int signal; /* 0: none is left */
	bool handler;
	struct abi_sigaction action;
	struct abi_siginfo info;
};

static void die(const struct taken *taken, const struct trap_frame *frame)
{
	struct thread *thread = thread_current();

	if (taken->info.code > 0 && SIGNAL_BIT(taken->signal) & SIGNALS_SYNCHRONOUS)
		log_line("%s[%d]: signal %d, code %d, address %#lx, ip %#lx", thread->name,
			 thread->tid, taken->signal, taken->info.code,
			 (unsigned long)taken->info.fault.address, (unsigned long)frame_ip(frame));
	process_exit(taken->signal);
}

/* The next signal that has a handler or kills; stops and what is ignored are done with here. */
static void take_next(struct thread *thread, struct taken *taken)
{
	struct process *process = thread->process;
	bool renew = false;

	spin_lock(&tree_lock);
	for (;;) {
		taken->signal = 0;
		if (process->stopped || process->exiting)
			break;
		taken->signal = signal_take(~thread->signals.blocked, &taken->info);
		if (!taken->signal)
			break;
		if (taken->signal == SIGALRM)
			renew = true;
		uint64_t bit = SIGNAL_BIT(taken->signal);
		spin_lock(&process->signals.lock);
		struct abi_sigaction *action = &process->signals.actions[taken->signal - 1];
		taken->action = *action;
		taken->handler = action->handler != SIG_DFL && action->handler != SIG_IGN;
		if (taken->handler && action->flags & SA_RESETHAND)
			action->handler = SIG_DFL;
		spin_unlock(&process->signals.lock);
		if (taken->handler)
			break;
		if (taken->action.handler == SIG_IGN || bit & SIGNALS_IGNORED_BY_DEFAULT)
			continue;
		if (!(bit & SIGNALS_STOPPING))
			break;
		if (taken->signal == SIGSTOP || !group_is_orphaned(process->in_group, NULL))
			stop_locked(process, taken->signal);
	}
	spin_unlock(&tree_lock);
	if (renew)
		alarm_renew(process);
}

/* ---- the interrupted call ---- */

static void restart_call(struct trap_frame *frame, const struct taken *taken)
{
	int64_t number = frame_number(frame);

	if (number < 0)
		return;
	switch (frame_result(frame)) {
	case -ERESTARTSYS:
		if (taken->signal && !(taken->action.flags & SA_RESTART))
			frame_set_result(frame, -EINTR);
		else
			frame_restart_call(frame, number);
		break;
	case -ERESTARTNOHAND:
		if (taken->signal)
			frame_set_result(frame, -EINTR);
		else
			frame_restart_call(frame, number);
		break;
	case -ERESTART_RESTARTBLOCK:
		if (taken->signal)
			frame_set_result(frame, -EINTR);
		else
			frame_restart_call(frame, SYS_restart_syscall);
		break;
	default:
		break;
	}
	frame_set_number(frame, -1);
}

long sys_restart_syscall(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	long (*restart)(struct thread *) = thread->restart;

	(void)argument;
	thread->restart = NULL;
	return restart ? restart(thread) : -EINTR;
}

/* ---- running a handler ---- */

static bool on_alt_stack(const struct thread_signals *signals, uint64_t sp)
{
	return !(signals->alt_stack_flags & SS_AUTODISARM) && sp > signals->alt_stack &&
	       sp - signals->alt_stack <= signals->alt_stack_bytes;
}

/*
 * A restartable sequence that the signal fell into is left first. Where that cannot be SIGSEGV follows,
 * behind the handler's frame; of SIGSEGV itself the program dies then, when its handler has ended.
 */
static void leave_section(struct thread *thread, struct trap_frame *frame, int signal)
{
	struct process_signals *signals = &thread->process->signals;

	if (!rseq_signal(thread, frame))
		return;
	if (signal == SIGSEGV) {
		spin_lock(&signals->lock);
		signals->actions[SIGSEGV - 1].handler = SIG_DFL;
		spin_unlock(&signals->lock);
	}
	signal_force(SIGSEGV, SI_KERNEL, 0);
}

static void deliver(struct thread *thread, struct trap_frame *frame, const struct taken *taken)
{
	struct thread_signals *signals = &thread->signals;
	uint64_t sp = frame_sp(frame);
	struct signal_delivery delivery = {
		.signal = taken->signal,
		.info = taken->info,
		.action = taken->action,
		.saved_mask = signals->restore_blocked ? signals->saved_blocked : signals->blocked,
		.stack_top = sp,
		.alt_stack = signals->alt_stack,
		.alt_stack_bytes = signals->alt_stack_bytes,
		.alt_stack_flags = signals->alt_stack_flags,
	};

	if (!signals->alt_stack_bytes)
		delivery.alt_stack_flags = SS_DISABLE;
	else if (on_alt_stack(signals, sp))
		delivery.alt_stack_flags |= SS_ONSTACK;
	else if (taken->action.flags & SA_ONSTACK)
		delivery.stack_top = signals->alt_stack + signals->alt_stack_bytes;

	leave_section(thread, frame, taken->signal);
	if (arch_signal_deliver(thread, &delivery)) {
		/* No room for the frame: signal(7) has no handler for that but SIGSEGV's own. */
		if (taken->signal == SIGSEGV)
			process_exit(SIGSEGV);
		signal_force(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	if (signals->alt_stack_flags & SS_AUTODISARM) {
		signals->alt_stack_bytes = 0;
		signals->alt_stack_flags = SS_DISABLE;
	}
	uint64_t blocked = signals->blocked | taken->action.mask;
	if (!(taken->action.flags & SA_NODEFER))
		blocked |= SIGNAL_BIT(taken->signal);
	signals->restore_blocked = false;
	signal_set_blocked(blocked);
}

static void signal_work(struct thread *thread, struct trap_frame *frame)
{
	struct taken taken;

	for (;;) {
		if (must_leave(thread))
			thread_exit(thread->process->exit_status);
		stay_stopped(thread);
		if (must_leave(thread))
			continue;
		take_next(thread, &taken);
		if (!taken.signal && (thread->process->stopped || must_leave(thread)))
			continue;
		if (taken.signal && !taken.handler)
			die(&taken, frame);
		restart_call(frame, &taken);
		if (!taken.signal)
			break;
		deliver(thread, frame, &taken);
	}
	if (thread->signals.restore_blocked) {
		thread->signals.restore_blocked = false;
		signal_set_blocked(thread->signals.saved_blocked);
	}
}

void trap_return_work(struct trap_frame *frame)
{
	struct thread *thread = thread_current();

	for (;;) {
		/* Cleared first: what comes while we look sets it again. */
		uint32_t work = __atomic_exchange_n(&thread->work, 0, __ATOMIC_SEQ_CST);
		if (!work)
			break;
		if (work & WORK_RESCHEDULE)
			schedule_yield();
		if (work & WORK_SIGNAL)
			signal_work(thread, frame);
		if (work & WORK_RSEQ)
			rseq_return(thread, frame);
	}
}

/* ---- masks and faults ---- */

void signal_set_blocked(uint64_t blocked)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;

	blocked &= ~SIGNALS_ABSOLUTE;
	spin_lock(&process->signals.lock);
	uint64_t orphaned = process->signals.pending & blocked & ~thread->signals.blocked;
	thread->signals.blocked = blocked;
	if (deliverable(thread))
		__atomic_fetch_or(&thread->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
	spin_unlock(&process->signals.lock);
	if (orphaned && process->thread_count > 1)
		signal_retarget(process);
}

void signal_mask_for_call(uint64_t mask)
{
	struct thread *thread = thread_current();

	thread->signals.saved_blocked = thread->signals.blocked;
	thread->signals.restore_blocked = true;
	signal_set_blocked(mask);
	/* So that the way out restores it even if no signal came. */
	__atomic_fetch_or(&thread->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
}

void signal_force(int signal, int code, uint64_t address)
{
	struct thread *thread = thread_current();
	struct process_signals *signals = &thread->process->signals;
	struct abi_siginfo info = {.signo = signal, .code = code};
	struct abi_sigaction *action = &signals->actions[signal - 1];

	info.fault.address = address;
	spin_lock(&signals->lock);
	if (action->handler == SIG_IGN || thread->signals.blocked & SIGNAL_BIT(signal)) {
		action->handler = SIG_DFL;
		thread->signals.blocked &= ~SIGNAL_BIT(signal);
	}
	signal_enqueue(thread, &info);
	spin_unlock(&signals->lock);
	__atomic_fetch_or(&thread->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
}

void trap_user_exception(struct trap_frame *frame, int signal, int code, uint64_t address)
{
	(void)frame;
	signal_force(signal, code, address);
}
