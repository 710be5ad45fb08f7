/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_SYSCALL_TABLE_H
#define KERNEL_SYSCALL_TABLE_H

#include "kernel/syscall/syscall.h"

struct syscall_entry {
	syscall_handler *handler; /* NULL: ENOSYS */
	const char *name;         /* NULL: Linux has none either */
};

extern const struct syscall_entry syscall_table[];
extern const unsigned syscall_table_size;

#endif
