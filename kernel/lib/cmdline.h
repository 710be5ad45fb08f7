/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_CMDLINE_H
#define KERNEL_LIB_CMDLINE_H

/* Kernel arguments: name or name=value, separated by spaces. All known ones are in docs/kernel-arguments.md. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool kernel_argument(const char *name, char *value, size_t size_bytes); /* present? */
bool kernel_argument_flag(const char *name);                            /* "name" or "name=1" */
uint64_t kernel_argument_u64(const char *name, uint64_t otherwise);

#endif
