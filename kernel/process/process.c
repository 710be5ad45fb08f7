// SPDX-License-Identifier: MIT
/*
 * Processes as records: how they are found, counted and freed.
 *
 * Life: fork.c makes a process and links it into the tree; exit.c makes it a
 * zombie when its last thread goes; reap.c unlinks it. The tree holds one
 * reference from the first to the last of these.
 */

#include "kernel/process/process.h"

#include "abi/errno.h"
#include "kernel/file/file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/tree.h"
#include "kernel/process/user.h"

struct spinlock tree_lock = SPINLOCK_INIT(RANK_PROCESS_TREE);
struct process *init_process;
struct list_node process_list = LIST_INIT(process_list);
uint64_t process_count, process_fork_count;

struct process *process_create(void)
{
	struct process *process = kmem_zalloc(sizeof(*process));

	if (!process)
		return NULL;
	process->references = 1;
	list_init(&process->children);
	list_init(&process->in_siblings);
	list_init(&process->in_all);
	list_init(&process->threads);
	list_init(&process->in_group_members);
	wait_queue_init(&process->child_queue);
	wait_queue_init(&process->end_queue);
	wait_queue_init(&process->exec_queue);
	spin_init(&process->signals.lock, RANK_SIGNAL);
	spin_init(&process->alarm_lock, RANK_ALARM);
	list_init(&process->signals.queue);
	process->dumpable = true;
	process->start_ns = clock_now_ns();
	return process;
}

void process_insert_locked(struct process *process, struct thread *thread, struct process *parent)
{
	process->pid = thread->tid;
	process->parent = parent;
	pid_insert(&process->by_pid, process->pid, PID_PROCESS);
	list_push_back(&process_list, &process->in_all);
	if (parent)
		list_push_back(&parent->children, &process->in_siblings);
	process_count++;
	process->serial = (uint32_t)process_fork_count++;
}

void process_remove_locked(struct process *process)
{
	list_remove(&process->in_siblings);
	list_remove(&process->in_all);
	pid_remove(&process->by_pid);
	group_leave(process);
	process->zombie_cred->user->thread_count--;
	wait_wake_all(&process->end_queue);
	process_count--;
}

void thread_insert_locked(struct thread *thread, int32_t tid, struct process *process)
{
	thread->tid = tid;
	thread->process = process;
	__atomic_add_fetch(&process->references, 1, __ATOMIC_RELAXED);
	pid_insert(&thread->by_tid, tid, PID_THREAD);
	list_push_back(&process->threads, &thread->in_process);
	process->thread_count++;
	thread->cred->user->thread_count++;
}

void process_put(struct process *process)
{
	if (!process || __atomic_sub_fetch(&process->references, 1, __ATOMIC_ACQ_REL))
		return;
	signal_queue_free(&process->signals.queue);
	cred_put(process->zombie_cred);
	if (process->executable_path)
		kmem_free(process->executable_path, strlen(process->executable_path) + 1);
	kmem_free(process, sizeof(*process));
}

struct process *process_find_locked(int32_t pid)
{
	struct pid_link *link = pid_find(pid, PID_PROCESS);

	return link ? container_of(link, struct process, by_pid) : NULL;
}

struct thread *thread_find_locked(int32_t tid)
{
	struct pid_link *link = pid_find(tid, PID_THREAD);

	return link ? container_of(link, struct thread, by_tid) : NULL;
}

struct process *process_get(struct process *process)
{
	if (process)
		__atomic_add_fetch(&process->references, 1, __ATOMIC_RELAXED);
	return process;
}

struct process *process_find(int32_t pid)
{
	spin_lock(&tree_lock);
	struct process *process = process_get(process_find_locked(pid));
	spin_unlock(&tree_lock);
	return process;
}

struct thread *thread_find(int32_t tid)
{
	spin_lock(&tree_lock);
	struct thread *thread = thread_find_locked(tid);
	if (thread)
		__atomic_add_fetch(&thread->references, 1, __ATOMIC_RELAXED);
	spin_unlock(&tree_lock);
	return thread;
}

struct process *process_find_from(int32_t pid)
{
	struct process *process = NULL;

	spin_lock(&tree_lock);
	for (pid = pid < 1 ? 1 : pid; !process && pid <= pid_highest(); pid++)
		process = process_get(process_find_locked(pid));
	spin_unlock(&tree_lock);
	return process;
}

/* The thread that stands for the process; NULL: it has none any more. Tree lock held. */
static struct thread *first_thread(struct process *process)
{
	return list_is_empty(&process->threads)
		       ? NULL
		       : container_of(process->threads.next, struct thread, in_process);
}

/* The space of the process, without a reference; NULL: none. Tree lock held. */
static struct space *space_locked(struct process *process)
{
	list_for_each (node, &process->threads) {
		struct space *space = container_of(node, struct thread, in_process)->space;

		if (space)
			return space;
	}
	return NULL;
}

struct space *process_space_get(struct process *process)
{
	spin_lock(&tree_lock);
	struct space *space = space_locked(process);
	if (space)
		space_get(space);
	spin_unlock(&tree_lock);
	return space;
}

struct fd_table *process_files_get(struct process *process, bool judge)
{
	struct fd_table *files = NULL;

	spin_lock(&tree_lock);
	bool may = !judge || process_may_locked(process, PROCESS_LOOK);
	list_for_each (node, &process->threads) {
		if (!may)
			break;
		files = container_of(node, struct thread, in_process)->files;
		if (files) {
			files = fd_table_get(files);
			break;
		}
	}
	spin_unlock(&tree_lock);
	return files;
}

const struct cred *process_cred_locked(struct process *process)
{
	struct thread *thread = first_thread(process);
	const struct cred *cred = thread ? thread->cred : process->zombie_cred;

	return cred ? cred : &cred_root;
}

struct cred *process_cred_get(struct process *process)
{
	spin_lock(&tree_lock);
	struct cred *cred = cred_get((struct cred *)process_cred_locked(process));
	spin_unlock(&tree_lock);
	return cred;
}

/* ptrace(2), "Ptrace access mode checking". */
bool process_may_locked(struct process *process, enum process_access access)
{
	const struct cred *caller = cred_current();
	bool looks = access == PROCESS_LOOK;
	uint32_t uid = looks ? caller->fsuid : caller->uid;
	uint32_t gid = looks ? caller->fsgid : caller->gid;
	uint64_t capabilities = looks ? caller->effective : caller->permitted;

	if (process == process_current() || cred_has(caller, CAP_SYS_PTRACE))
		return true;
	const struct cred *target = process_cred_locked(process);
	return uid == target->uid && uid == target->euid && uid == target->suid &&
	       gid == target->gid && gid == target->egid && gid == target->sgid &&
	       process->dumpable && !(target->permitted & ~capabilities);
}

bool process_may(struct process *process, enum process_access access)
{
	spin_lock(&tree_lock);
	bool may = process_may_locked(process, access);
	spin_unlock(&tree_lock);
	return may;
}

int process_space_access(struct process *process, enum process_access access, struct space **found)
{
	spin_lock(&tree_lock);
	struct space *space = space_locked(process);
	int err = !space ? -ESRCH : process_may_locked(process, access) ? 0 : -EACCES;

	if (!err)
		space_get(space);
	spin_unlock(&tree_lock);
	*found = err ? NULL : space;
	return err;
}

uint64_t process_run_ns(struct process *process)
{
	spin_lock(&tree_lock);
	uint64_t total_ns = process->user_ns;
	list_for_each (node, &process->threads)
		total_ns += thread_run_ns(container_of(node, struct thread, in_process));
	spin_unlock(&tree_lock);
	return total_ns;
}
