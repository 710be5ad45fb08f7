// SPDX-License-Identifier: MIT
/*
 * Sending signals. What a signal does at once happens here, under the tree
 * lock: SIGKILL ends the process, SIGCONT continues it and takes stops off the
 * queues (and the other way round). The rest waits as pending until a thread of
 * the process returns to user mode (signal_deliver.c).
 */

#include "abi/errno.h"
#include "abi/resource.h"
#include "kernel/lib/print.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/tree.h"

#define STOPS                                                                                      \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

/* Real-time signals queue up to this many for each process. */
#define QUEUE_MAX 4096

void signal_kick(struct thread *thread)
{
	/* Before the wake-up and the interrupt: whoever comes to user mode after them sees it. */
	__atomic_fetch_or(&thread->work, WORK_SIGNAL, __ATOMIC_SEQ_CST);
	if (thread == thread_current())
		return;
	thread_wake(thread);
	struct cpu *cpu = __atomic_load_n(&thread->cpu, __ATOMIC_SEQ_CST);
	if (cpu != cpu_current() && __atomic_load_n(&cpu->thread, __ATOMIC_RELAXED) == thread)
		ipi_send(cpu->id);
}

struct abi_siginfo signal_info_kernel(int signal)
{
	return (struct abi_siginfo){.signo = signal, .code = SI_KERNEL};
}

struct abi_siginfo signal_info_user(int signal, int code)
{
	struct abi_siginfo info = {.signo = signal, .code = code};

	info.sender.pid = process_current()->pid;
	info.sender.uid = cred_current()->uid;
	return info;
}

unsigned signal_queue_free(struct list_node *queue)
{
	unsigned count = 0;

	for (struct list_node *node = list_pop_front(queue); node; node = list_pop_front(queue)) {
		struct signal_queue_entry *entry =
			container_of(node, struct signal_queue_entry, node);
		kmem_free(entry, sizeof(*entry));
		count++;
	}
	return count;
}

/* Take signals of the set off a queue. Signal lock held. */
static void queue_discard(struct process_signals *signals, uint64_t *pending,
			  struct list_node *queue, uint64_t set)
{
	if (!(*pending & set))
		return;
	*pending &= ~set;
	list_for_each_safe (node, queue) {
		struct signal_queue_entry *entry =
			container_of(node, struct signal_queue_entry, node);
		if (!(SIGNAL_BIT(entry->info.signo) & set))
			continue;
		list_remove(node);
		signals->queued_count--;
		kmem_free(entry, sizeof(*entry));
	}
}

void signal_discard_locked(struct process *process, uint64_t set)
{
	spin_lock(&process->signals.lock);
	queue_discard(&process->signals, &process->signals.pending, &process->signals.queue, set);
	list_for_each (node, &process->threads) {
		struct thread *thread = container_of(node, struct thread, in_process);
		queue_discard(&process->signals, &thread->signals.pending, &thread->signals.queue,
			      set);
	}
	spin_unlock(&process->signals.lock);
}

/* ---- what a signal does at once ---- */

void process_continue_locked(struct process *process)
{
	if (!process->stopped)
		return;
	process->stopped = false;
	process->in_group->stopped_count--;
	process->report_stop = false;
	process->report_continue = true;
	list_for_each (node, &process->threads)
		signal_kick(container_of(node, struct thread, in_process));
	process_tell_parent_locked(process, CLD_CONTINUED, SIGCONT);
}

/* Nothing would come of it: ignored and not blocked. Signal lock held. */
static bool is_ignored(struct process *process, const struct thread *thread, int signal)
{
	uint64_t handler = process->signals.actions[signal - 1].handler;
	uint64_t bit = SIGNAL_BIT(signal);

	if (thread && (thread->signals.blocked | thread->signals.awaited) & bit)
		return false;
	return handler == SIG_IGN || (handler == SIG_DFL && bit & SIGNALS_IGNORED_BY_DEFAULT) ||
	       (handler == SIG_DFL && process == init_process);
}

/* True: it is dealt with. */
static bool act_at_once(struct process *process, int signal)
{
	if (process->zombie || process->exiting)
		return true;
	if (signal == SIGKILL) {
		if (process != init_process)
			process_kill_locked(process, SIGKILL);
		return true;
	}
	if (signal == SIGCONT) {
		signal_discard_locked(process, STOPS);
		process_continue_locked(process);
	} else if (STOPS & SIGNAL_BIT(signal)) {
		signal_discard_locked(process, SIGNAL_BIT(SIGCONT));
	}
	return false;
}

/* ---- queueing ---- */

#define WATCHER_QUEUES 64

static struct wait_queue watcher_queues[WATCHER_QUEUES];

struct wait_queue *signal_watchers(const struct process *process)
{
	return &watcher_queues[(uint32_t)process->pid % WATCHER_QUEUES];
}

void signals_init(void)
{
	for (unsigned i = 0; i < WATCHER_QUEUES; i++)
		wait_queue_init(&watcher_queues[i]);
}

/* Signal lock held. A standard signal is pending at most once; a real-time one queues. */
static int enqueue(struct process *process, uint64_t *pending, struct list_node *queue, int signal,
		   const struct abi_siginfo *info)
{
	bool real_time = signal >= SIGRTMIN;

	if (*pending & SIGNAL_BIT(signal) && !real_time)
		return 0;
	bool room = process->signals.queued_count < QUEUE_MAX;
	struct signal_queue_entry *entry = room ? kmem_alloc(sizeof(*entry)) : NULL;
	if (!entry && real_time && info->code != SI_USER)
		return -EAGAIN;
	/* Without an entry the signal still comes, but not who sent it: as Linux does it. */
	if (entry) {
		entry->info = *info;
		list_push_back(queue, &entry->node);
		process->signals.queued_count++;
	}
	__atomic_fetch_or(pending, SIGNAL_BIT(signal), __ATOMIC_RELAXED);
	wait_wake_all(signal_watchers(process));
	return 0;
}

static bool wants(const struct thread *thread, int signal)
{
	return !(thread->signals.blocked & SIGNAL_BIT(signal)) ||
	       thread->signals.awaited & SIGNAL_BIT(signal);
}

/* A thread that would take it: the first, which is the main one, if it will. */
static struct thread *choose_thread(struct process *process, int signal)
{
	list_for_each (node, &process->threads) {
		struct thread *thread = container_of(node, struct thread, in_process);
		if (wants(thread, signal))
			return thread;
	}
	return NULL;
}

int signal_send_process_locked(struct process *process, int signal, const struct abi_siginfo *info)
{
	struct process_signals *signals = &process->signals;

	if (act_at_once(process, signal))
		return 0;
	spin_lock(&signals->lock);
	struct thread *thread = choose_thread(process, signal);
	if (thread && is_ignored(process, thread, signal)) {
		spin_unlock(&signals->lock);
		return 0;
	}
	int err = enqueue(process, &signals->pending, &signals->queue, signal, info);
	spin_unlock(&signals->lock);
	if (thread)
		signal_kick(thread);
	return err;
}

int signal_send_thread_locked(struct thread *thread, int signal, const struct abi_siginfo *info)
{
	struct process *process = thread->process;

	if (act_at_once(process, signal))
		return 0;
	spin_lock(&process->signals.lock);
	if (is_ignored(process, thread, signal)) {
		spin_unlock(&process->signals.lock);
		return 0;
	}
	int err = enqueue(process, &thread->signals.pending, &thread->signals.queue, signal, info);
	bool kick = wants(thread, signal);
	spin_unlock(&process->signals.lock);
	if (kick)
		signal_kick(thread);
	return err;
}

void signal_enqueue(struct thread *thread, const struct abi_siginfo *info)
{
	(void)enqueue(thread->process, &thread->signals.pending, &thread->signals.queue,
		      info->signo, info);
}

void signal_retarget_locked(struct process *process)
{
	uint64_t pending = process->signals.pending;

	while (pending) {
		int signal = __builtin_ctzll(pending) + 1;
		struct thread *thread = choose_thread(process, signal);
		if (thread)
			signal_kick(thread);
		pending &= pending - 1;
	}
}

void signal_retarget(struct process *process)
{
	spin_lock(&tree_lock);
	signal_retarget_locked(process);
	spin_unlock(&tree_lock);
}

void signal_send_group_locked(struct group *group, int signal)
{
	struct abi_siginfo info = signal_info_kernel(signal);

	list_for_each (node, &group->members)
		(void)signal_send_process_locked(
			container_of(node, struct process, in_group_members), signal, &info);
}

int signal_send_process(struct process *process, int signal, const struct abi_siginfo *info)
{
	spin_lock(&tree_lock);
	int err = signal_send_process_locked(process, signal, info);
	spin_unlock(&tree_lock);
	return err;
}

int signal_send_thread(struct thread *thread, int signal, const struct abi_siginfo *info)
{
	spin_lock(&tree_lock);
	int err = signal_send_thread_locked(thread, signal, info);
	spin_unlock(&tree_lock);
	return err;
}

void signal_send_group(int32_t id, int signal)
{
	spin_lock(&tree_lock);
	struct group *group = group_find(id);
	if (group)
		signal_send_group_locked(group, signal);
	spin_unlock(&tree_lock);
}

int signal_permission_locked(struct process *target, int signal)
{
	const struct cred *cred = cred_current(), *other = process_cred_locked(target);

	if (target == process_current() || cred_has(cred, CAP_KILL))
		return 0;
	if (cred->euid == other->suid || cred->euid == other->uid || cred->uid == other->suid ||
	    cred->uid == other->uid)
		return 0;
	if (signal == SIGCONT && target->session == process_current()->session)
		return 0;
	return -EPERM;
}
