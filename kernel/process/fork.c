// SPDX-License-Identifier: MIT
/*
 * clone(2), clone3(2), fork(2), vfork(2). All that can fail is prepared first;
 * then, under the tree lock, the child gets its number and its place.
 *
 * Known gaps: no namespaces but IPC's, no pidfd, no shared signal handlers between
 * processes (CLONE_SIGHAND without CLONE_THREAD copies them).
 */

#include "abi/resource.h"
#include "abi/sched.h"
#include "kernel/file/file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/ipc/sem_undo.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/rseq.h"
#include "kernel/process/thread.h"
#include "kernel/process/tree.h"
#include "kernel/process/user.h"
#include "kernel/syscall/syscall.h"

struct clone_request {
	uint64_t flags;
	uint64_t stack; /* 0: the parent's */
	uint64_t tls, parent_tid, child_tid;
	int exit_signal;
};

#define CLONE_UNSUPPORTED                                                                          \
	(CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWUSER |              \
	 CLONE_NEWPID | CLONE_NEWNET)

static int clone_check(const struct clone_request *request)
{
	uint64_t flags = request->flags;

	if (flags & CLONE_UNSUPPORTED)
		return -EINVAL;
	if (flags & CLONE_THREAD && !(flags & CLONE_SIGHAND))
		return -EINVAL;
	if (flags & CLONE_SIGHAND && (!(flags & CLONE_VM) || flags & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	/* Siblings of process 1 would have no parent. */
	if (flags & CLONE_PARENT && !(flags & CLONE_THREAD) && process_current() == init_process)
		return -EINVAL;
	if (flags & CLONE_NEWIPC && !cred_has(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	return flags & CLONE_NEWIPC && flags & CLONE_SYSVSEM ? -EINVAL : 0;
}

/* Where the child begins. */
static void fork_entry(void *argument)
{
	struct thread *thread = argument;

	schedule_finish();
	if (thread->set_child_tid)
		(void)copy_to_user(thread->set_child_tid, &thread->tid, sizeof(thread->tid));
	arch_return_to_user();
}

/* The child's share of files, directories and space; what failed is undone by clone_undo. */
static int clone_resources(struct thread *child, uint64_t flags)
{
	struct thread *parent = thread_current();

	if (arch_thread_copy(child, parent))
		return -ENOMEM;
	child->cred = cred_get(parent->cred);
	child->files =
		flags & CLONE_FILES ? fd_table_get(parent->files) : fd_table_fork(parent->files);
	if (!child->files)
		return -ENOMEM;
	child->fs = flags & CLONE_FS ? fs_context_get(parent->fs) : fs_context_fork(parent->fs);
	if (!child->fs)
		return -ENOMEM;
	if (flags & CLONE_SYSVSEM && sem_undo_share(child))
		return -ENOMEM;
	if (flags & CLONE_NEWIPC) {
		if (ipc_namespace_create(&child->ipc))
			return -ENOMEM;
	} else {
		ipc_namespace_get(parent->ipc);
		child->ipc = parent->ipc;
	}
	if (flags & CLONE_VM) {
		space_get(parent->space);
		child->space = parent->space;
		return 0;
	}
	return space_fork(parent->space, &child->space);
}

static void clone_undo(struct thread *child, struct process *process)
{
	if (child->space)
		space_put(child->space);
	if (child->fs)
		fs_context_put(child->fs);
	if (child->files)
		fd_table_put(child->files);
	sem_undo_exit(child);
	if (child->ipc)
		ipc_namespace_put(child->ipc);
	cred_put(child->cred);
	thread_put(child);
	process_put(process);
}

/* What a new process has from its parent. */
static void process_inherit(struct process *process, struct process *parent, uint64_t flags)
{
	spin_lock(&parent->signals.lock);
	memcpy(process->signals.actions, parent->signals.actions, sizeof(process->signals.actions));
	spin_unlock(&parent->signals.lock);
	if (flags & CLONE_CLEAR_SIGHAND)
		for (unsigned i = 0; i < SIGNALS; i++)
			if (process->signals.actions[i].handler != SIG_IGN)
				process->signals.actions[i] = (struct abi_sigaction){0};
	memcpy(process->limits, parent->limits, sizeof(process->limits));
	process->personality = parent->personality;
	process->dumpable = parent->dumpable;
}

static void frame_inherit(struct thread *child, const struct clone_request *request)
{
	struct trap_frame *frame = frame_of(child);

	*frame = *frame_of(thread_current());
	frame_set_result(frame, 0);
	if (request->stack)
		frame_set_sp(frame, request->stack);
	if (request->flags & CLONE_SETTLS)
		arch_thread_set_tls(child, request->tls);
	arch_thread_init(child, fork_entry, child);
}

static void thread_inherit(struct thread *child, const struct clone_request *request)
{
	struct thread *parent = thread_current();
	uint64_t flags = request->flags;

	child->affinity = parent->affinity;
	child->policy = parent->policy;
	child->keep_capabilities = parent->keep_capabilities;
	child->no_new_privileges = parent->no_new_privileges;
	child->over_limit = parent->over_limit;
	child->signals.blocked = parent->signals.blocked;
	/* sigaltstack(2): kept by fork, not by a thread that shares the memory. */
	if (!(flags & CLONE_VM) || flags & CLONE_VFORK) {
		child->signals.alt_stack = parent->signals.alt_stack;
		child->signals.alt_stack_bytes = parent->signals.alt_stack_bytes;
		child->signals.alt_stack_flags = parent->signals.alt_stack_flags;
	}
	if (flags & CLONE_CHILD_CLEARTID)
		child->clear_tid = request->child_tid;
	if (flags & CLONE_CHILD_SETTID)
		child->set_child_tid = request->child_tid;
}

/* RLIMIT_NPROC, getrlimit(2): the threads of the real user, zombies too, with one more. Tree lock held. */
static bool may_fork_locked(const struct process *parent)
{
	const struct cred *cred = cred_current();

	return cred->user->thread_count < parent->limits[RLIMIT_NPROC][0] ||
	       cred->user == &user_root || cred_has(cred, CAP_SYS_RESOURCE) ||
	       cred_has(cred, CAP_SYS_ADMIN);
}

/* Into the tree: the last step that can fail. */
static int clone_publish(struct thread *child, struct process *process,
			 const struct clone_request *request)
{
	struct process *parent = process_current();

	spin_lock(&tree_lock);
	bool may = may_fork_locked(parent);
	if (may)
		thread_current()->over_limit = false;
	int32_t tid = may ? pid_unused() : -EAGAIN;
	if (tid < 0) {
		spin_unlock(&tree_lock);
		return tid;
	}
	thread_insert_locked(child, tid, process ? process : parent);
	if (process) {
		struct process *above = request->flags & CLONE_PARENT ? parent->parent : parent;
		process->exit_signal =
			request->flags & CLONE_PARENT ? parent->exit_signal : request->exit_signal;
		process->terminal = parent->terminal;
		process_insert_locked(process, child, above);
		group_join(parent->in_group, process);
	}
	if (child->process->exiting || child->process->exec_thread)
		child->work |= WORK_SIGNAL; /* it was made too late to be told to leave */
	if (request->flags & CLONE_VFORK) {
		child->vfork_parent = thread_current();
		__atomic_add_fetch(&thread_current()->references, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(&child->references, 1, __ATOMIC_RELAXED);
	}
	spin_unlock(&tree_lock);
	return 0;
}

void vfork_release(struct thread *thread)
{
	if (!thread->vfork_parent)
		return;
	spin_lock(&tree_lock);
	struct thread *parent = thread->vfork_parent;
	__atomic_store_n(&thread->vfork_parent, NULL, __ATOMIC_RELEASE);
	spin_unlock(&tree_lock);
	if (!parent)
		return;
	thread_wake(parent);
	thread_put(parent);
}

/* vfork(2): until the child execs or exits. Killed meanwhile: the child goes on alone. */
static void vfork_wait(struct thread *child)
{
	while (__atomic_load_n(&child->vfork_parent, __ATOMIC_ACQUIRE)) {
		if (thread_sleep(WAIT_FOREVER, WAIT_KILLABLE) == -ERESTARTSYS)
			vfork_release(child);
	}
	thread_put(child);
}

static long clone_do(const struct clone_request *request)
{
	struct process *process = NULL;
	int err = clone_check(request);

	if (err)
		return err;
	struct thread *child = thread_create(thread_current()->name);
	if (!child)
		return -ENOMEM;
	if (!(request->flags & CLONE_THREAD)) {
		process = process_create();
		if (!process) {
			thread_put(child);
			return -ENOMEM;
		}
	}
	err = clone_resources(child, request->flags);
	if (err)
		goto undo;
	thread_inherit(child, request);
	if (process)
		process_inherit(process, process_current(), request->flags);
	frame_inherit(child, request);
	rseq_fork(child, request->flags);
	err = clone_publish(child, process, request);
	if (err)
		goto undo;

	int32_t tid = child->tid;
	if (request->flags & CLONE_PARENT_SETTID)
		(void)copy_to_user(request->parent_tid, &tid, sizeof(tid));
	thread_start(child);
	if (request->flags & CLONE_VFORK)
		vfork_wait(child);
	return tid;
undo:
	clone_undo(child, process);
	return err;
}

long sys_fork(const uint64_t *argument)
{
	(void)argument;
	return clone_do(&(struct clone_request){.exit_signal = SIGCHLD});
}

long sys_vfork(const uint64_t *argument)
{
	(void)argument;
	return clone_do(
		&(struct clone_request){.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD});
}

/* The order of tls and child_tid differs: x86_64 has the thread pointer last (clone(2)). */
long sys_clone(const uint64_t *argument)
{
	return clone_do(&(struct clone_request){
		.flags = (uint32_t)argument[0] & ~CSIGNAL,
		.exit_signal = (int)(argument[0] & CSIGNAL),
		.stack = argument[1],
		.parent_tid = argument[2],
		.tls = argument[CLONE_ARGUMENT_TLS],
		.child_tid = argument[CLONE_ARGUMENT_CHILD_TID],
	});
}

/* The caller's structure may be shorter or longer than ours: what we do not know must be zero. */
static int clone_args_read(struct abi_clone_args *args, uint64_t from, uint64_t size_bytes)
{
	uint8_t byte;

	if (size_bytes < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	if (size_bytes > PAGE_BYTES)
		return -E2BIG;
	memset(args, 0, sizeof(*args));
	uint64_t known = size_bytes < sizeof(*args) ? size_bytes : sizeof(*args);
	if (copy_from_user(args, from, known))
		return -EFAULT;
	for (uint64_t at = known; at < size_bytes; at++) {
		if (copy_from_user(&byte, from + at, 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

long sys_clone3(const uint64_t *argument)
{
	struct abi_clone_args args;
	int err = clone_args_read(&args, argument[0], argument[1]);

	if (err)
		return err;
	if (args.set_tid_size || args.set_tid || args.flags & (CSIGNAL | CLONE_DETACHED) ||
	    args.flags >> 33 || args.exit_signal > SIGNALS || !args.stack != !args.stack_size)
		return -EINVAL;
	if (args.exit_signal && args.flags & (CLONE_THREAD | CLONE_PARENT))
		return -EINVAL;
	return clone_do(&(struct clone_request){
		.flags = args.flags,
		.exit_signal = (int)args.exit_signal,
		.stack = args.stack + args.stack_size,
		.parent_tid = args.parent_tid,
		.child_tid = args.child_tid,
		.tls = args.tls,
	});
}

long sys_set_tid_address(const uint64_t *argument)
{
	struct thread *thread = thread_current();

	thread->clear_tid = argument[0];
	return thread->tid;
}
