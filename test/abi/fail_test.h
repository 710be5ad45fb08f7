/* SPDX-License-Identifier: MIT */
#ifndef TEST_ABI_FAIL_TEST_H
#define TEST_ABI_FAIL_TEST_H

/*
 * Allocations of the kernel that fail on purpose: with fail-nth, the Nth of a
 * thread from now on. Only where the kernel was built for it: Linux with
 * CONFIG_FAULT_INJECTION, Samepage with DEBUG=1.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi.h"

#define FAIL_CALLS_MAX 500        /* no operation allocates more often */
#define FAIL_NEVER     (1u << 30) /* off, and yet not the 0 that is left when it has happened */

static int fail_file = -1; /* the thread's that opened it */

static inline void fail_open(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/fail-nth", syscall(SYS_gettid));
	fail_file = open(path, O_RDWR | O_CLOEXEC);
	if (fail_file < 0)
		SKIP("the kernel was not built to fail on purpose");
}

static inline void fail_nth(unsigned n)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", n);

	CHECK_EQ(pwrite(fail_file, text, (size_t)length, 0), length);
}

/* Off: what follows may not fail. True: the Nth allocation was asked for since it was set, or stopped. */
static inline bool fail_stop(void)
{
	char text[16] = {0};

	CHECK(pread(fail_file, text, sizeof(text) - 1, 0) > 0);
	fail_nth(FAIL_NEVER);
	return atoi(text) == 0;
}

#endif
