/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_RANDOM_H
#define KERNEL_LIB_RANDOM_H

/* Random numbers for layouts, keys of hash tables, getrandom(2). Seeded from clocks: not for secrets. */

#include <stddef.h>
#include <stdint.h>

uint64_t random_u64(void);
void random_fill(void *to, size_t size_bytes);

#endif
