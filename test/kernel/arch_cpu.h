/* SPDX-License-Identifier: MIT */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

/* A machine of one CPU inside a host process: what the kernel's memory room needs of an architecture. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern uint64_t host_memory; /* where physical 0 is */

#define ARCH_DIRECT_MAP  host_memory
#define ARCH_KERNEL_BASE 0xffffffff80000000ull

struct cpu;

struct trap_frame {
	uint64_t ip;
	bool user;
};
struct arch_thread {
	int unused;
};
struct arch_cpu {
	uint64_t unused;
};

static inline void frame_set_ip(struct trap_frame *frame, uint64_t ip)
{
	frame->ip = ip;
}
static inline uint64_t frame_ip(const struct trap_frame *frame)
{
	return frame->ip;
}
static inline bool frame_from_user(const struct trap_frame *frame)
{
	return frame->user;
}

struct cpu *cpu_current(void);
/* The field of struct cpu behind struct arch_cpu. */
static inline struct thread *arch_thread_current(void)
{
	return *(struct thread **)((struct arch_cpu *)cpu_current() + 1);
}
static inline void cpu_relax(void)
{
}
static inline void arch_interrupt_point(void)
{
}

#endif
