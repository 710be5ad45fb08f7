/* SPDX-License-Identifier: MIT */
#ifndef MEMORY_TEST_H
#define MEMORY_TEST_H

/* What the memory tests share: anonymous mappings, and touching what may fault. */

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "abi.h"

#define PAGE 4096ul
#define MIB  (1ul << 20)

static inline volatile char *map(size_t size_bytes, int protection, int flags)
{
	void *memory = mmap(NULL, size_bytes, protection, flags | MAP_ANONYMOUS, -1, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

static inline volatile char *map_private(size_t size_bytes)
{
	return map(size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* ---- touching what may fault ---- */

static sigjmp_buf fault_return;
static volatile int fault_code;

static inline void fault_handler(int signal, siginfo_t *info, void *context)
{
	(void)context;
	fault_code = info->si_code;
	siglongjmp(fault_return, signal);
}

static inline void faults_catch(void)
{
	struct sigaction action = {.sa_sigaction = fault_handler,
				   .sa_flags = SA_SIGINFO | SA_NODEFER};

	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	CHECK_OK(sigaction(SIGBUS, &action, NULL));
}

/* The signal that reading or writing a byte gives; 0: none. */
static inline int touch(volatile char *at, int write)
{
	int signal = sigsetjmp(fault_return, 1);

	if (signal)
		return signal;
	if (write)
		*at = 1;
	else
		(void)*at;
	return 0;
}

#endif
