/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_RSEQ_H
#define KERNEL_PROCESS_RSEQ_H

/* Restartable sequences, rseq(2), for this folder. rseq.c says how. */

#include "kernel/process/thread.h"

/* After fork, in the parent: `child` has the same area, unless it shares the memory. */
void rseq_fork(struct thread *child, uint64_t clone_flags);
/* On the way to user mode, for WORK_RSEQ. */
void rseq_return(struct thread *thread, struct trap_frame *frame);
/* A handler is about to run: a section that the signal fell into is left. 0; -EFAULT, -EINVAL: SIGSEGV. */
int rseq_signal(struct thread *thread, struct trap_frame *frame);

/*
 * The running thread comes back to its CPU, or to another. Sections make no system calls (rseq(2)), so
 * one that was switched in a call has nothing to do but to learn of another CPU.
 */
static inline void rseq_resume(struct thread *thread)
{
	if (thread->rseq.area &&
	    (thread->rseq.cpu != cpu_current()->id || frame_number(frame_of(thread)) < 0))
		__atomic_fetch_or(&thread->work, WORK_RSEQ, __ATOMIC_RELAXED);
}

static inline void rseq_clear(struct thread *thread)
{
	thread->rseq = (struct thread_rseq){0};
}

#endif
