// SPDX-License-Identifier: MIT
/*
 * The table of system calls, made from the architecture's list of all of
 * Linux's. Names that nothing defines stay NULL: weak references.
 */

#include "kernel/syscall/table.h"

#define SYSCALL(number, name) extern syscall_handler sys_##name __attribute__((weak));
#include <syscalls.h>
#undef SYSCALL

const struct syscall_entry syscall_table[] = {
#define SYSCALL(number, name) [number] = {sys_##name, #name},
#include <syscalls.h>
#undef SYSCALL
};

const unsigned syscall_table_size = sizeof(syscall_table) / sizeof(syscall_table[0]);
