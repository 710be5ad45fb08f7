/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_FAIL_H
#define KERNEL_MM_FAIL_H

/* Injected shortages of memory, debug builds only: kmem.h, fail_nth_set. */

#include "kernel/process/process.h"

/* Does this allocation of the running thread fail? */
static inline bool fail_nth_hit(void)
{
#ifdef SAMEPAGE_DEBUG
	struct thread *thread = thread_current();

	return thread && thread->fail_nth && --thread->fail_nth == 0;
#else
	return false;
#endif
}

#endif
