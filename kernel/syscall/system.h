/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SYSCALL_SYSTEM_H
#define KERNEL_SYSCALL_SYSTEM_H

/* What the system calls itself, for uname(2) and /proc. */

#include <stddef.h>

extern const char system_release[]; /* of Linux, the version that is followed */
extern const char system_version[];
void system_host_name(char *text, size_t size_bytes);

#endif
