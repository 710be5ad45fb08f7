// SPDX-License-Identifier: MIT
/*
 * pidfd_open(2), pidfd_send_signal(2): a process as an open file, which no other
 * process ever takes the place of. Readable when the process has ended.
 * Known gaps: no CLONE_PIDFD, no PIDFD_THREAD, no PIDFD_GET_INFO, no pidfd_getfd(2).
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/anonymous.h"
#include "kernel/file/namespace_file.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/process/pidfd.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

#define PIDFD_GET_CGROUP_NAMESPACE                                                                 \
	0xff01 /* the first of those that give a namespace: linux/pidfd.h */
#define PIDFD_GET_IPC_NAMESPACE 0xff02
#define PIDFD_GET_UTS_NAMESPACE 0xff0a /* the last */

/* Reaped: nobody can wait for it or send to it any more. Tree lock. */
static bool is_gone_locked(const struct process *process)
{
	return list_is_empty(&process->in_all);
}

static unsigned pidfd_poll(struct file *file, struct poll_waiters *waiters)
{
	struct process *process = file->data;

	if (waiters)
		poll_register(waiters, &process->end_queue);
	spin_lock(&tree_lock);
	unsigned events =
		(process->zombie ? POLL_IN : 0) | (is_gone_locked(process) ? POLL_HUP : 0);
	spin_unlock(&tree_lock);
	return events;
}

static bool is_gone(const struct process *process)
{
	spin_lock(&tree_lock);
	bool gone = is_gone_locked(process);
	spin_unlock(&tree_lock);
	return gone;
}

/* That of its first thread, with a reference; NULL: it has none any more. */
static struct ipc_namespace *ipc_namespace_of(const struct process *process)
{
	struct ipc_namespace *ns = NULL;

	spin_lock(&tree_lock);
	struct thread *first = is_gone_locked(process) ? NULL : thread_find_locked(process->pid);
	if (first && first->ipc) {
		ns = first->ipc;
		ipc_namespace_get(ns);
	}
	spin_unlock(&tree_lock);
	return ns;
}

static long pidfd_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	struct process *process = file->data;

	if (command < PIDFD_GET_CGROUP_NAMESPACE || command > PIDFD_GET_UTS_NAMESPACE)
		return -ENOTTY;
	if (is_gone(process))
		return -ESRCH;
	if (argument)
		return -EINVAL;
	struct ipc_namespace *ns = ipc_namespace_of(process);
	if (!ns)
		return -ESRCH;
	long result = -EACCES;
	if (process_may_look(process))
		result = command == PIDFD_GET_IPC_NAMESPACE ? namespace_file_open(ns) : -EOPNOTSUPP;
	ipc_namespace_put(ns);
	return result;
}

static void pidfd_release(struct file *file)
{
	process_put(file->data);
}

static const struct file_operations pidfd_files = {
	.ioctl = pidfd_ioctl,
	.poll = pidfd_poll,
	.release = pidfd_release,
};

long sys_pidfd_open(const uint64_t *argument)
{
	int32_t pid = (int32_t)argument[0];
	uint32_t flags = (uint32_t)argument[1];

	if (pid <= 0 || flags & ~(uint32_t)O_NONBLOCK)
		return -EINVAL;
	struct process *process = process_find(pid);
	if (!process) {
		struct thread *thread = thread_find(pid);
		if (!thread)
			return -ESRCH;
		thread_put(thread);
		return -ENOENT; /* a thread, but not its process's first: observed */
	}
	long fd = anonymous_open("[pidfd]", &pidfd_files, process, flags | O_CLOEXEC);
	if (fd < 0)
		process_put(process);
	return fd;
}

int pidfd_process(int fd, struct process **process, bool *nonblocking)
{
	struct file *file = fd_file(fd);
	int err = -EBADF;

	if (!file)
		return err;
	if (file->operations == &pidfd_files) {
		*process = process_get(file->data);
		*nonblocking = file->flags & O_NONBLOCK;
		err = 0;
	}
	file_put(file);
	return err;
}

int pidfd_ipc_namespace(struct file *file, struct ipc_namespace **ns)
{
	if (file->operations != &pidfd_files)
		return -EBADF;
	if (is_gone(file->data))
		return -ESRCH;
	if (!process_may_attach(file->data))
		return -EPERM;
	*ns = ipc_namespace_of(file->data);
	return *ns ? 0 : -ESRCH;
}

/* As that call takes it: a process's directory in /proc too. */
static int signal_target(int fd, struct process **process)
{
	bool nonblocking;
	int err = pidfd_process(fd, process, &nonblocking);
	struct file *file = err == -EBADF ? fd_file(fd) : NULL;

	if (file) {
		err = proc_directory_process(file, process);
		file_put(file);
	}
	return err;
}

long sys_pidfd_send_signal(const uint64_t *argument)
{
	int signal = (int)argument[1];
	struct abi_siginfo info = signal_info_user(signal, SI_USER);
	struct process *process;

	if ((uint32_t)argument[3])
		return -EINVAL;
	int err = signal_target((int)argument[0], &process);
	if (err)
		return err;
	if (argument[2]) {
		int told;
		err = signal_info_read(&info, argument[2], signal, process->pid, &told);
		if (!err && told != signal)
			err = -EINVAL;
	}
	if (!err && (signal < 0 || signal > SIGNALS))
		err = -EINVAL;
	if (!err) {
		spin_lock(&tree_lock);
		err = is_gone_locked(process) ? -ESRCH : signal_permission_locked(process, signal);
		if (!err && signal)
			err = signal_send_process_locked(process, signal, &info);
		spin_unlock(&tree_lock);
	}
	process_put(process);
	return err;
}
