/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_PIDFD_H
#define KERNEL_PROCESS_PIDFD_H

#include <stdbool.h>

struct file;
struct ipc_namespace;
struct process;
/* The process of the running thread's descriptor, with a reference. 0; -EBADF: it is none. */
int pidfd_process(int fd, struct process **process, bool *nonblocking);
/*
 * For setns(2): the IPC namespace of the process's first thread, with a reference. 0; -EBADF: the file
 * is no pidfd; -ESRCH: the process has ended; -EPERM: it is none that the running one may trace.
 */
int pidfd_ipc_namespace(struct file *file, struct ipc_namespace **ns);

#endif
