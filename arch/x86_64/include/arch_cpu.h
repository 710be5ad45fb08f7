/* SPDX-License-Identifier: MIT */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

/* x86_64: what must be inline. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARCH_DIRECT_MAP  0xffff888000000000ull
#define ARCH_KERNEL_BASE 0xffffffff80000000ull
#define ARCH_ELF_MACHINE 62 /* EM_X86_64 */

struct cpu;
struct thread;

/* Registers of the interrupted program, in the order in which the entry code pushes them. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx;
	uint64_t rdi, rsi, rdx, r10, r8, r9; /* a system call's arguments, in order */
	uint64_t r11, rcx, rax;
	uint64_t number; /* the system call's number, -1 for other traps */
	uint64_t error;  /* the exception's error code or vector: arch's business */
	uint64_t rip, cs, rflags, rsp, ss;
};

static inline const uint64_t *frame_arguments(const struct trap_frame *frame)
{
	return &frame->rdi;
}
static inline int64_t frame_number(const struct trap_frame *frame)
{
	return (int64_t)frame->number;
}
/* No system call is in progress any more: signal delivery must not restart it twice. */
static inline void frame_set_number(struct trap_frame *frame, int64_t number)
{
	frame->number = (uint64_t)number;
}
static inline int64_t frame_result(const struct trap_frame *frame)
{
	return (int64_t)frame->rax;
}
static inline void frame_set_result(struct trap_frame *frame, int64_t result)
{
	frame->rax = (uint64_t)result;
}
/* Go back to the system-call instruction, with its number and arguments as they were. */
static inline void frame_restart_call(struct trap_frame *frame, int64_t number)
{
	frame->rax = (uint64_t)number;
	frame->rip -= 2;
}
static inline uint64_t frame_ip(const struct trap_frame *frame)
{
	return frame->rip;
}
/* Where to go on: the fix-up of a failed user-memory access. */
static inline void frame_set_ip(struct trap_frame *frame, uint64_t ip)
{
	frame->rip = ip;
}
static inline uint64_t frame_sp(const struct trap_frame *frame)
{
	return frame->rsp;
}
static inline void frame_set_sp(struct trap_frame *frame, uint64_t sp)
{
	frame->rsp = sp;
}
static inline bool frame_from_user(const struct trap_frame *frame)
{
	return (frame->cs & 3) == 3;
}

/* What a thread needs of the architecture between its turns on a CPU. */
struct arch_thread {
	uint64_t stack_pointer; /* kernel's, while switched away */
	uint64_t fs_base, gs_base;
	void *fpu; /* XSAVE area, at the bottom of the stack; NULL: runs no program */
	uint64_t trap_vector, trap_error,
		trap_address; /* the last one in user mode, for signal frames */
};

/* Memory relative to gs. Plain loads: what waits, switches or interrupts is a call or a barrier. */
#define ARCH_PER_CPU __attribute__((address_space(256)))

/* The first fields of struct cpu, at fixed offsets for the entry code; gs points there. */
struct arch_cpu {
	struct cpu *self;      /* gs:0 */
	uint64_t kernel_stack; /* gs:8, top of the running thread's */
	uint64_t user_sp;      /* gs:16, scratch at entry */
};

static inline struct cpu *cpu_current(void)
{
	return *(struct cpu * ARCH_PER_CPU *)offsetof(struct arch_cpu, self);
}
/* The running thread: the field of struct cpu behind struct arch_cpu. */
static inline struct thread *arch_thread_current(void)
{
	return *(struct thread * ARCH_PER_CPU *)sizeof(struct arch_cpu);
}

static inline void cpu_relax(void)
{
	__asm__ volatile("pause" ::: "memory");
}
/* Wait, in the idle thread, until an interrupt has been served. */
static inline void arch_idle(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}
static inline void arch_interrupt_point(void)
{
	__asm__ volatile("sti; nop; cli" ::: "memory");
}

#endif
