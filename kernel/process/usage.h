/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_USAGE_H
#define KERNEL_PROCESS_USAGE_H

#include <stdint.h>

struct abi_rusage;

/* What getrusage(2) says for so much CPU time: all of it counts as the user's. */
void usage_fill(struct abi_rusage *usage, uint64_t run_ns);

#endif
