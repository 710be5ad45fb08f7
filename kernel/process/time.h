/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_TIME_H
#define KERNEL_PROCESS_TIME_H

/* Times between programs and the kernel, which counts nanoseconds since boot. */

#include <stdint.h>

#include "abi/time.h"

/* CLOCK_REALTIME at clock_now_ns() == 0; moves when the clock is set. */
uint64_t time_wall_offset_ns(void);

/* A struct timespec of the program, as nanoseconds, saturating. 0, -EFAULT, -EINVAL. */
int time_read(uint64_t from, uint64_t *ns);
int time_write(uint64_t to, uint64_t ns);
/* The same as a span from now: when it ends, on clock_now_ns. */
int time_read_deadline(uint64_t from, uint64_t *deadline_ns);
/* An absolute time on the wall clock, on clock_now_ns. */
uint64_t time_from_wall(uint64_t wall_ns);
uint64_t time_after(uint64_t span_ns); /* now + span, saturating */
struct abi_timeval time_timeval(uint64_t ns);

#endif
