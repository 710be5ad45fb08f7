/* SPDX-License-Identifier: MIT */
#ifndef ABI_RSEQ_TEST_H
#define ABI_RSEQ_TEST_H

/*
 * For rseq*.c. libc has registered an area of its own for each thread, so a case works in a child
 * that shares the memory, which has none.
 */

#include "abi.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNATURE         0x53053053u
#define UNREGISTER        1
#define FEATURE_SIZE      27 /* AT_RSEQ_FEATURE_SIZE */
#define ALIGNMENT         28 /* AT_RSEQ_ALIGN */
#define NUMBERS_BYTES     28 /* up to mm_cid */
#define CPU_UNINITIALIZED 0xffffffffu

struct area {
	volatile uint32_t cpu_id_start, cpu_id;
	volatile uint64_t section;
	volatile uint32_t flags, node_id, mm_cid, rest[9];
} __attribute__((aligned(64)));

static struct area area;

static inline long rseq(void *where, uint32_t bytes, int flags, uint32_t signature)
{
	return syscall(SYS_rseq, where, bytes, flags, signature);
}

/* ---- children that share the memory ---- */

struct bare {
	void (*run)(void);
};

static inline int bare_start(void *argument)
{
	((struct bare *)argument)->run();
	_exit(0);
}

/* The status of a child that runs it without libc's area. */
static inline int bare_status(void (*run)(void))
{
	static char stack[65536] __attribute__((aligned(64)));
	struct bare bare = {run};

	if (getauxval(FEATURE_SIZE) < NUMBERS_BYTES)
		SKIP("needs the rseq of Linux 6.3");
	memset(&area, 0, sizeof(area));
	pid_t pid = CHECK_OK(
		clone(bare_start, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &bare));
	return abi_wait(pid);
}

static inline void bare(void (*run)(void))
{
	int status = bare_status(run);

	if (WIFEXITED(status) && WEXITSTATUS(status) == ABI_STATUS_SKIP)
		_exit(ABI_STATUS_SKIP);
	CHECK_EQ(status, 0);
}

static inline pid_t raw_fork(void)
{
	return (pid_t)CHECK_OK(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static inline void registered(void)
{
	CHECK_OK(rseq(&area, sizeof(area), 0, SIGNATURE));
}

static inline void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
}

static inline unsigned cpu_count(cpu_set_t *set)
{
	CHECK_OK(sched_getaffinity(0, sizeof(*set), set));
	return (unsigned)CPU_COUNT(set);
}

#endif
