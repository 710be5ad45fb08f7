/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_THREAD_H
#define KERNEL_PROCESS_THREAD_H

/* Making and unmaking threads: for this folder. */

#include "kernel/process/process.h"

static inline struct trap_frame *frame_of(const struct thread *thread)
{
	return (struct trap_frame *)(thread->stack + KERNEL_STACK_BYTES) - 1;
}

/* The record of a kernel thread that has a stack already. */
void thread_init_kernel(struct thread *thread, const char *name);
/* With a stack and one reference, in no process, RUNNABLE, in no queue; NULL: no memory. */
struct thread *thread_create(const char *name);
struct thread *thread_create_idle(unsigned cpu_id);

extern struct process kernel_process; /* of kernel threads: pid 0 */

#endif
