/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_CPU_H
#define KERNEL_PROCESS_CPU_H

/* One record for each CPU. Its own fields need no lock: the kernel is not preempted. */

#include "arch/arch.h"
#include "kernel/lib/list.h"
#include "kernel/lib/spinlock.h"

#define CPUS_MAX 8

struct thread;
struct space;

struct cpu {
	struct arch_cpu arch;  /* first: the entry code knows its offsets */
	struct thread *thread; /* the running one */
	struct thread *idle;   /* [I] */
	struct space *space;   /* [a] whose tables are loaded; stored before the load (flush.c) */
	unsigned id;           /* [I] */
	bool online;           /* [a] */
	uint32_t flush_request; /* [a] other CPUs want a flush: kernel/mm/flush.c */
	uint32_t need_reschedule; /* [a] */
	unsigned spin_depth;   /* spinlocks held, debug builds */
	uint64_t locks_held;   /* bit for each rank of spinlock held, debug builds */

	struct spinlock run_lock;
	struct list_node run_queue; /* run_lock */
	unsigned run_count;         /* run_lock */
	uint64_t slice_end_ns;
	uint64_t idle_ns, busy_ns;  /* /proc/stat */

	void *frame_cache; /* kernel/mm/frame.c */
	void *kmem_cache;  /* kernel/mm/kmem.c */
};

extern struct cpu cpus[CPUS_MAX];
extern unsigned cpu_online_count;

static inline struct thread *thread_current(void)
{
	return cpu_current()->thread;
}

#endif
