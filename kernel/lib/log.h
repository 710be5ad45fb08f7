/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_LOG_H
#define KERNEL_LIB_LOG_H

/* The kernel log as dmesg reads it: a ring of bytes. Positions count all bytes ever logged. */

#include <stddef.h>
#include <stdint.h>

#define LOG_RING_BYTES 65536

/* Read from *position (moved up to the oldest byte that is kept). Bytes copied; 0 at the end. */
size_t log_read(uint64_t *position, char *text, size_t size_bytes);
/* The positions of the oldest byte kept and of the end. */
void log_bounds(uint64_t *oldest, uint64_t *end);

#endif
