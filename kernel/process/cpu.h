/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_CPU_H
#define KERNEL_PROCESS_CPU_H

/* One record for each CPU. Its own fields need no lock: the kernel is not preempted. */

#include "arch/arch.h"
#include "kernel/lib/list.h"
#include "kernel/lib/rbtree.h"
#include "kernel/lib/spinlock.h"

#define CPUS_MAX 8

struct thread;
struct space;
struct timer;

struct cpu {
	struct arch_cpu arch;   /* first: the entry code knows its offsets */
	struct thread *thread;  /* the running one */
	struct thread *idle;    /* [I] */
	struct space *space;    /* [a] whose tables are loaded; stored before the load (flush.c) */
	unsigned id;            /* [I] */
	bool online;            /* [a] */
	uint32_t flush_request; /* [a] other CPUs want a flush: kernel/mm/flush.c */
	uint32_t flush_done;    /* [a] the last request that was served; own CPU writes */
	unsigned spin_depth;    /* spinlocks held, debug builds */
	uint64_t locks_held;    /* bit for each rank of spinlock held, debug builds */

	struct spinlock run_lock;
	struct list_node run_queue; /* run_lock */
	unsigned run_count;         /* run_lock */
	uint64_t slice_end_ns;      /* own */
	struct thread *leaving;     /* own: what schedule_finish must put away: dead, or moving */
	uint64_t idle_ns, busy_ns;  /* own; /proc/stat */
	uint64_t switch_count;      /* own */

	struct spinlock timer_lock;
	struct rb_root timers;     /* timer_lock: kernel/process/timer.h */
	struct timer *timer_first; /* timer_lock */
	uint64_t armed_ns;         /* own: what clock_set_deadline was last told */
};

extern struct cpu cpus[CPUS_MAX];
extern unsigned cpu_online_count;

/* Bit for each CPU that runs. [a] */
extern uint64_t cpu_online_mask;

_Static_assert(offsetof(struct cpu, thread) == sizeof(struct arch_cpu), "arch_thread_current");

static inline struct thread *thread_current(void)
{
	return arch_thread_current();
}

#endif
