// SPDX-License-Identifier: MIT
/*
 * unshare(2), setns(2). Of namespaces there are IPC's only; the others are
 * refused as by a Linux that was built without them.
 */

#include "abi/sched.h"
#include "kernel/file/file.h"
#include "kernel/file/namespace_file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/ipc/sem_undo.h"
#include "kernel/mm/space.h"
#include "kernel/process/pidfd.h"
#include "kernel/process/thread.h"
#include "kernel/syscall/syscall.h"

#define NEW_OTHERS                                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)
#define GROUP_FLAGS                                                                                \
	(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM) /* nothing to do for one thread alone */
#define UNSHARE_FLAGS                                                                              \
	(GROUP_FLAGS | NEW_OTHERS | CLONE_NEWUSER | CLONE_NEWIPC | CLONE_FS | CLONE_FILES |        \
	 CLONE_SYSVSEM)

/* The running thread lives in `ns` from now on; its reference moves in. */
static void ipc_enter(struct ipc_namespace *ns)
{
	struct thread *thread = thread_current();
	struct ipc_namespace *old;

	sem_undo_exit(thread);
	spin_lock(&tree_lock);
	old = thread->ipc;
	thread->ipc = ns;
	spin_unlock(&tree_lock);
	ipc_namespace_put(old);
}

static int unshare_check(uint64_t flags)
{
	if (flags & ~UNSHARE_FLAGS)
		return -EINVAL;
	if (flags & GROUP_FLAGS && process_current()->thread_count > 1)
		return -EINVAL;
	if (flags & CLONE_NEWUSER)
		return -EINVAL;
	if (flags & (NEW_OTHERS | CLONE_NEWIPC) && !cred_has(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	return flags & NEW_OTHERS ? -EINVAL : 0;
}

/* unshare(flags) */
long sys_unshare(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	uint64_t flags = argument[0];
	struct fs_context *fs = NULL;
	struct fd_table *files = NULL;
	struct ipc_namespace *ipc = NULL;
	int err = unshare_check(flags);

	if (err)
		return err;
	if (flags & CLONE_FS && !(fs = fs_context_fork(thread->fs)))
		return -ENOMEM;
	if (flags & CLONE_FILES && !(files = fd_table_fork(thread->files)))
		goto put_fs;
	if (flags & CLONE_NEWIPC && ipc_namespace_create(&ipc))
		goto put_files;

	spin_lock(&tree_lock);
	struct fs_context *old_fs = thread->fs;
	struct fd_table *old_files = thread->files;
	if (fs)
		thread->fs = fs;
	if (files)
		thread->files = files;
	spin_unlock(&tree_lock);
	if (fs)
		fs_context_put(old_fs);
	if (files)
		fd_table_put(old_files);
	if (flags & CLONE_SYSVSEM)
		sem_undo_exit(thread);
	if (ipc) {
		/* What it made is orphaned: setns(2) does not do that. Observed. */
		shm_creator_exit(&thread->shm_creators);
		ipc_enter(ipc);
	}
	return 0;

put_files:
	fd_table_put(files);
put_fs:
	fs_context_put(fs);
	return -ENOMEM;
}

/* The namespace that a file stands for, with a reference. 0, or what is wrong with file or type. */
static int setns_target(struct file *file, int type, struct ipc_namespace **ns)
{
	*ns = namespace_of_file(file);
	if (*ns) {
		if (type && type != (int)CLONE_NEWIPC)
			return -EINVAL;
		ipc_namespace_get(*ns);
		return 0;
	}
	/* Of a process those are taken that are named, and one must be. */
	int err = type == (int)CLONE_NEWIPC ? pidfd_ipc_namespace(file, ns) : -EINVAL;
	return err == -EBADF ? -EINVAL : err;
}

/* setns(fd, type) */
long sys_setns(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);
	struct ipc_namespace *ns;

	if (!file)
		return -EBADF;
	int err = setns_target(file, (int)argument[1], &ns);
	file_put(file);
	if (err)
		return err;
	if (!cred_has(cred_current(), CAP_SYS_ADMIN)) {
		ipc_namespace_put(ns);
		return -EPERM;
	}
	ipc_enter(ns);
	return 0;
}
