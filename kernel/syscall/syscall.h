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

#endif
