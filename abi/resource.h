/* SPDX-License-Identifier: MIT */
#ifndef ABI_RESOURCE_H
#define ABI_RESOURCE_H

/* getrlimit(2), getrusage(2), sysinfo(2), times(2). */

#include <stdint.h>

#include "abi/time.h"

#define RLIMIT_CPU        0
#define RLIMIT_FSIZE      1
#define RLIMIT_DATA       2
#define RLIMIT_STACK      3
#define RLIMIT_CORE       4
#define RLIMIT_RSS        5
#define RLIMIT_NPROC      6
#define RLIMIT_NOFILE     7
#define RLIMIT_MEMLOCK    8
#define RLIMIT_AS         9
#define RLIMIT_LOCKS      10
#define RLIMIT_SIGPENDING 11
#define RLIMIT_MSGQUEUE   12
#define RLIMIT_NICE       13
#define RLIMIT_RTPRIO     14
#define RLIMIT_RTTIME     15
#define RLIMITS           16
#define RLIM_INFINITY     UINT64_MAX

#define RUSAGE_SELF     0
#define RUSAGE_CHILDREN (-1)
#define RUSAGE_THREAD   1

#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

struct abi_rlimit {
	uint64_t current, maximum;
};

struct abi_rusage {
	struct abi_timeval utime, stime;
	int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap;
	int64_t inblock, oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};

struct abi_tms {
	int64_t utime, stime, cutime, cstime; /* in ticks of USER_HZ */
};
#define USER_HZ 100

struct abi_sysinfo {
	int64_t uptime;
	uint64_t loads[3]; /* 1, 5, 15 minutes, times 65536 */
	uint64_t totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	uint32_t pad_end;
	uint64_t totalhigh, freehigh;
	uint32_t mem_unit;
	uint32_t pad_tail;
};

_Static_assert(sizeof(struct abi_rusage) == 144, "struct rusage");
_Static_assert(sizeof(struct abi_sysinfo) == 112, "struct sysinfo");

#endif
