/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SYSCALL_SYSCALL_H
#define KERNEL_SYSCALL_SYSCALL_H

/*
 * System calls. A handler is `long sys_NAME(const uint64_t *argument)`: it
 * takes whole registers and cuts them to size itself, so that no compiler may
 * assume what the upper halves hold. Defining it is all there is to do: the
 * table (table.c) refers weakly to the name of each call in abi/ARCH/syscalls.h.
 */

#include <stdint.h>

#include "abi/errno.h"

typedef long syscall_handler(const uint64_t *argument);

#define SYSCALL(number, name) syscall_handler sys_##name;
#include <syscalls.h> /* abi/ARCH, chosen by include path */
#undef SYSCALL

/*
 * Calls that only architectures older than the *at forms number. One source
 * defines them for all; where no number leads to them they lie idle.
 */
syscall_handler sys_access, sys_chmod, sys_chown, sys_creat, sys_dup2, sys_epoll_create,
	sys_epoll_wait, sys_eventfd, sys_futimesat, sys_lchown, sys_link, sys_lstat, sys_mkdir,
	sys_mknod, sys_open, sys_pipe, sys_poll, sys_readlink, sys_rename, sys_renameat, sys_rmdir,
	sys_select, sys_stat, sys_symlink, sys_unlink, sys_utime, sys_utimes, sys_fork, sys_vfork,
	sys_getpgrp, sys_pause, sys_signalfd, sys_time, sys_alarm;

#endif
