// SPDX-License-Identifier: MIT
/*
 * The end of threads and processes. A thread gives back all it holds first, so
 * that memory and attachments are gone before anyone can learn of the end; then
 * it leaves the tree. The last one makes the process a zombie. Its stack and
 * record go when the next thread runs (schedule_finish).
 */

#include "abi/wait.h"
#include "kernel/device/device.h"
#include "kernel/file/file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/ipc/sem_undo.h"
#include "kernel/lib/print.h"
#include "kernel/mm/space.h"
#include "kernel/process/futex.h"
#include "kernel/process/rseq.h"
#include "kernel/process/thread.h"
#include "kernel/process/tree.h"
#include "kernel/process/user.h"
#include "kernel/syscall/syscall.h"

/*
 * CLONE_CHILD_CLEARTID: whoever joins the thread waits for the word to become 0. Where nobody else
 * uses the memory nobody joins, and a word in memory that is shared keeps what it says: as on Linux.
 */
void clear_tid_exit(struct thread *thread)
{
	uint64_t address = thread->clear_tid;

	thread->clear_tid = 0;
	if (!address || !thread->space || !space_is_shared(thread->space))
		return;
	if (user_store_u32(address, 0) == 0)
		futex_wake_address(address, 1);
}

static void release_resources(struct thread *thread)
{
	spin_lock(&tree_lock);
	struct space *space = thread->space;
	struct fd_table *files = thread->files;
	struct fs_context *fs = thread->fs;
	struct ipc_namespace *ipc = thread->ipc;
	thread->space = NULL;
	thread->files = NULL;
	thread->fs = NULL;
	thread->ipc = NULL;
	spin_unlock(&tree_lock);

	space_switch(NULL);
	if (space)
		space_put(space);
	if (files)
		fd_table_put(files);
	if (fs)
		fs_context_put(fs);
	/* After the space: what it had attached is detached. */
	if (thread->shm_creators)
		shm_creator_exit(&thread->shm_creators);
	if (ipc)
		ipc_namespace_put(ipc);
}

/* Children go to process 1. Those that nobody wants to know of go to `gone`. Tree lock held. */
static void children_reparent(struct process *process, struct list_node *gone)
{
	while (!list_is_empty(&process->children)) {
		struct process *child = container_of(list_pop_front(&process->children),
						     struct process, in_siblings);
		child->parent = init_process;
		child->exit_signal = SIGCHLD;
		if (child->parent_death_signal) {
			struct abi_siginfo info = signal_info_kernel(child->parent_death_signal);
			signal_send_process_locked(child, info.signo, &info);
		}
		if (!child->zombie) {
			list_push_back(&init_process->children, &child->in_siblings);
			continue;
		}
		list_push_front(&init_process->children, &child->in_siblings);
		if (process_zombie_tell_locked(child))
			list_push_back(gone, &child->in_siblings);
	}
}

/* True: the parent does not want to know, and the zombie is gone from the tree. */
bool process_zombie_tell_locked(struct process *process)
{
	int status = process->exit_status;
	int code = (status & 0x7f) == 0 ? CLD_EXITED : status & 0x80 ? CLD_DUMPED : CLD_KILLED;
	struct process *parent = process->parent;

	spin_lock(&parent->signals.lock);
	const struct abi_sigaction *action = &parent->signals.actions[SIGCHLD - 1];
	bool ignored = process->exit_signal == SIGCHLD &&
		       (action->handler == SIG_IGN || action->flags & SA_NOCLDWAIT);
	spin_unlock(&parent->signals.lock);

	process_tell_parent_locked(process, code, code == CLD_EXITED ? status >> 8 : status & 0x7f);
	if (ignored)
		process_reap_locked(process);
	return ignored;
}

static void become_zombie(struct process *process)
{
	struct list_node gone = LIST_INIT(gone);

	tty_session_end(process);
	timer_stop(&process->real_timer);
	if (process == init_process) {
		log_line("process 1 ended: status %#x", (unsigned)process->exit_status);
		arch_power_off(false);
	}

	spin_lock(&tree_lock);
	group_check_orphans(process);
	children_reparent(process, &gone);
	process->zombie = true;
	if (process->stopped)
		process->in_group->stopped_count--;
	process->stopped = false;
	wait_wake_all(&process->end_queue);
	/* First among the children: wait4(-1) need not look further. */
	list_remove(&process->in_siblings);
	list_push_front(&process->parent->children, &process->in_siblings);
	if (process_zombie_tell_locked(process))
		list_push_back(&gone, &process->in_siblings);
	spin_unlock(&tree_lock);

	for (struct list_node *node = list_pop_front(&gone); node; node = list_pop_front(&gone))
		process_put(container_of(node, struct process, in_siblings));
}

void thread_exit(int status)
{
	struct thread *thread = thread_current();
	struct process *process = thread->process;

	robust_list_exit(thread);
	clear_tid_exit(thread);
	vfork_release(thread);
	rseq_clear(thread);
	sem_undo_exit(thread);
	release_resources(thread);

	spin_lock(&tree_lock);
	if (!process->exiting && thread->tid == process->pid)
		process->exit_status = status;
	process->user_ns += thread_run_ns(thread);
	pid_remove(&thread->by_tid);
	list_remove(&thread->in_process);
	bool last = --process->thread_count == 0;
	struct cred *cred = thread->cred;
	if (thread->tid == process->pid) {
		process->zombie_cred = cred; /* it counts until the process is reaped */
		cred = NULL;
	} else {
		cred->user->thread_count--;
	}
	thread->cred = NULL;
	if (!last && process->signals.pending)
		signal_retarget_locked(process);
	bool alone = process->thread_count == 1 && process->exec_thread;
	spin_unlock(&tree_lock);

	cred_put(cred);
	spin_lock(&process->signals.lock);
	process->signals.queued_count -= signal_queue_free(&thread->signals.queue);
	spin_unlock(&process->signals.lock);
	if (alone)
		wait_wake_all(&process->exec_queue);
	if (last)
		become_zombie(process);
	schedule_dead();
}

void process_kill_locked(struct process *process, int status)
{
	if (process->exiting)
		return;
	process->exiting = true;
	process->exit_status = status;
	list_for_each (node, &process->threads)
		signal_kick(container_of(node, struct thread, in_process));
}

void process_exit(int status)
{
	struct process *process = process_current();

	spin_lock(&tree_lock);
	process_kill_locked(process, status);
	spin_unlock(&tree_lock);
	thread_exit(status);
}

long sys_exit(const uint64_t *argument)
{
	thread_exit(WAIT_STATUS_EXITED((int)argument[0]));
}

long sys_exit_group(const uint64_t *argument)
{
	process_exit(WAIT_STATUS_EXITED((int)argument[0]));
}
