// SPDX-License-Identifier: MIT
/*
 * membarrier(2): a memory barrier on every CPU that runs the caller's program,
 * paid for by the caller alone. A flush of translations does just that: each CPU
 * that runs the space is interrupted and answers; one that switches to it
 * passes a fence. With ..._RSEQ the threads that run there leave their restartable sections too:
 * they find the work that is noted here when they leave the kernel after that interrupt.
 */

#include "abi/membarrier.h"

#include "abi/errno.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define COMMANDS                                                                                   \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |                                 \
	 MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |             \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ |       \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ)

long sys_membarrier(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint32_t flags = (uint32_t)argument[1];

	if (flags && (flags != MEMBARRIER_CMD_FLAG_CPU ||
		      (int)argument[0] != MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ))
		return -EINVAL;
	switch ((int)argument[0]) {
	case MEMBARRIER_CMD_QUERY:
		return COMMANDS;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		return 0; /* everybody is */
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		flush_shared(); /* every program maps its own text, an object */
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
		__atomic_store_n(&space->barrier_registered, true, __ATOMIC_RELAXED);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
		if (!__atomic_load_n(&space->barrier_registered, __ATOMIC_RELAXED))
			return -EPERM;
		flush_range(space, 0, 0, false);
		return 0;
	case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ:
		__atomic_store_n(&space->barrier_rseq_registered, true, __ATOMIC_RELAXED);
		return 0;
	case MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
		if (!__atomic_load_n(&space->barrier_rseq_registered, __ATOMIC_RELAXED))
			return -EPERM;
		rseq_interrupt(space, flags ? (int)argument[2] : -1);
		flush_range(space, 0, 0, false);
		return 0;
	default:
		return -EINVAL;
	}
}
