/* SPDX-License-Identifier: MIT */
#ifndef SHM_TRACE_H
#define SHM_TRACE_H

/*
 * One line for the host's log, when shm.trace=1. In the format, %u is a
 * decimal, %x a hexadecimal and %o an octal 64-bit number, %s a string; nothing else.
 */

#include "shm/shm.h"

void shm_trace_line(struct shm *shm, const char *format, const uint64_t *arguments);

#define shm_trace(shm, format, ...)                                                                \
	do {                                                                                       \
		if (__builtin_expect((shm)->trace, 0))                                             \
			shm_trace_line((shm), (format), (const uint64_t[]){__VA_ARGS__});          \
	} while (0)
/* For arguments of shm_trace. */
#define SHM_TRACE_POINTER(pointer) ((uint64_t)(uintptr_t)(pointer))

#endif
