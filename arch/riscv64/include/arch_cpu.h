/* SPDX-License-Identifier: MIT */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

/* riscv64: what must be inline. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The top 512 GiB, less the last 2: one root entry under Sv48; under Sv39 the
 * same table is the root's upper half, so that both modes use these addresses.
 */
#define ARCH_DIRECT_MAP  0xffffffc000000000ull
#define ARCH_KERNEL_BASE 0xffffffff80000000ull
#define ARCH_ELF_MACHINE 243 /* EM_RISCV */

struct cpu;
struct thread;

/* Registers of the interrupted program; x[n] is register n, x[0] is unused. */
struct trap_frame {
	uint64_t x[32];
	uint64_t sepc, sstatus;
	int64_t number;          /* the system call's number, -1 for other traps */
	uint64_t first_argument; /* a0 before the result replaced it, for a restart */
};

static inline const uint64_t *frame_arguments(const struct trap_frame *frame)
{
	return &frame->x[10];
}
static inline int64_t frame_number(const struct trap_frame *frame)
{
	return frame->number;
}
/* No system call is in progress any more: signal delivery must not restart it twice. */
static inline void frame_set_number(struct trap_frame *frame, int64_t number)
{
	frame->number = number;
}
static inline int64_t frame_result(const struct trap_frame *frame)
{
	return (int64_t)frame->x[10];
}
static inline void frame_set_result(struct trap_frame *frame, int64_t result)
{
	frame->x[10] = (uint64_t)result;
}
/* Go back to the system-call instruction, with its number and arguments as they were. */
static inline void frame_restart_call(struct trap_frame *frame, int64_t number)
{
	frame->x[17] = (uint64_t)number;
	frame->x[10] = frame->first_argument;
	frame->sepc -= 4;
}
static inline uint64_t frame_ip(const struct trap_frame *frame)
{
	return frame->sepc;
}
/* Where to go on: the fix-up of a failed user-memory access. */
static inline void frame_set_ip(struct trap_frame *frame, uint64_t ip)
{
	frame->sepc = ip;
}
static inline uint64_t frame_sp(const struct trap_frame *frame)
{
	return frame->x[2];
}
static inline void frame_set_sp(struct trap_frame *frame, uint64_t sp)
{
	frame->x[2] = sp;
}
static inline bool frame_from_user(const struct trap_frame *frame)
{
	return (frame->sstatus & (1u << 8)) == 0; /* SPP */
}

/* What a thread needs of the architecture between its turns on a CPU. */
struct arch_thread {
	uint64_t stack_pointer;
	uint64_t return_address;
	uint64_t saved[12]; /* s0 .. s11 */
	/* Of a user thread, valid while the FS field of its frame's sstatus is Clean. */
	uint64_t fp[32];
	uint64_t fcsr;
	uint64_t has_frame; /* a user thread: its frame at the top of its stack is valid */
};

/* The first fields of struct cpu, at fixed offsets for the entry code; tp points there in the kernel. */
struct arch_cpu {
	struct cpu *self;
	uint64_t kernel_stack; /* top of the running thread's */
	uint64_t scratch[2];
	uint64_t hart;
};

static inline struct cpu *cpu_current(void)
{
	struct cpu *cpu;
	__asm__ volatile("mv %0, tp" : "=r"(cpu));
	return cpu;
}
/* The running thread: the field of struct cpu behind struct arch_cpu. */
static inline struct thread *arch_thread_current(void)
{
	return *(struct thread **)((char *)cpu_current() + sizeof(struct arch_cpu));
}

static inline void cpu_relax(void)
{
	__asm__ volatile(".insn i 0x0f, 0, x0, x0, 0x010" ::: "memory"); /* pause */
}
/* Wait, in the idle thread, until an interrupt has been served. */
static inline void arch_idle(void)
{
	__asm__ volatile("wfi; csrsi sstatus, 2; nop; csrci sstatus, 2" ::: "memory");
}
static inline void arch_interrupt_point(void)
{
	__asm__ volatile("csrsi sstatus, 2; nop; csrci sstatus, 2" ::: "memory");
}

#endif
