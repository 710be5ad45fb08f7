/* SPDX-License-Identifier: MIT */
#ifndef ABI_TIME_H
#define ABI_TIME_H

/* Times as Linux has them on 64-bit machines: clock_gettime(2), setitimer(2). */

#include <stdint.h>

struct abi_timespec {
	int64_t tv_sec, tv_nsec;
};

struct abi_timeval {
	int64_t tv_sec, tv_usec;
};

struct abi_itimerval {
	struct abi_timeval interval, value;
};

#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define CLOCK_TAI                11

#define TIMER_ABSTIME 1

#define ITIMER_REAL    0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF    2

#define NS_PER_SECOND 1000000000ull

#endif
