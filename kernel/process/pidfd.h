/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_PIDFD_H
#define KERNEL_PROCESS_PIDFD_H

#include <stdbool.h>

struct process;
/* The process of the running thread's descriptor, with a reference. 0; -EBADF: it is none. */
int pidfd_process(int fd, struct process **process, bool *nonblocking);

#endif
