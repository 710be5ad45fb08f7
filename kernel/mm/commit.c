// SPDX-License-Identifier: MIT
/*
 * Overcommit accounting: how much memory programs have been promised.
 * vm.overcommit_memory as proc_sys_vm(5) has it: 0 refuses only what the
 * machine could never give, 1 refuses nothing, 2 keeps the sum of all promises
 * below half of the memory (vm.overcommit_ratio's default; there is no swap).
 */

#include "abi/errno.h"
#include "kernel/mm/frame.h"

#define STRICT_SHARE 2 /* one part in so many of all memory may be promised */

uint32_t commit_mode;
static uint64_t committed; /* [a] pages */

uint64_t commit_count(void)
{
	return __atomic_load_n(&committed, __ATOMIC_RELAXED);
}

uint64_t commit_limit(void)
{
	return frame_total_count() / STRICT_SHARE;
}

int commit_reserve(uint64_t pages)
{
	uint32_t mode = __atomic_load_n(&commit_mode, __ATOMIC_RELAXED);
	uint64_t now;

	if (mode != 1 && pages > frame_total_count())
		return -ENOMEM;
	/* Relaxed: a count, it orders nothing. */
	now = __atomic_add_fetch(&committed, pages, __ATOMIC_RELAXED);
	if (mode == 2 && now > commit_limit()) {
		commit_release(pages);
		return -ENOMEM;
	}
	return 0;
}

void commit_release(uint64_t pages)
{
	__atomic_sub_fetch(&committed, pages, __ATOMIC_RELAXED);
}
