// SPDX-License-Identifier: MIT
/*
 * Threads: their stacks, the switch, and what each has of the CPU. A stack has
 * the area of the floating-point state at its bottom and, when the thread runs
 * in the kernel for a program, that program's frame at its top.
 */

#include "abi/errno.h"
#include "arch/x86_64/x86.h"
#include "kernel/lib/string.h"
#include "kernel/process/thread.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/table.h"

#define RFLAGS_USER 0x202 /* interrupts on; bit 1 is always set */

#define ARCH_SET_GS 0x1001 /* arch_prctl(2) */
#define ARCH_SET_FS 0x1002
#define ARCH_GET_FS 0x1003
#define ARCH_GET_GS 0x1004

_Static_assert(offsetof(struct arch_cpu, kernel_stack) == CPU_KERNEL_STACK, "offsets.h");
_Static_assert(offsetof(struct arch_cpu, user_sp) == CPU_USER_SP, "offsets.h");
_Static_assert(offsetof(struct cpu, thread) == CPU_THREAD, "offsets.h");
_Static_assert(offsetof(struct thread, work) == THREAD_WORK, "offsets.h");
_Static_assert(sizeof(struct syscall_entry) == 1 << SYSCALL_ENTRY_SHIFT, "offsets.h");
_Static_assert(offsetof(struct syscall_entry, handler) == 0, "entry.S");
_Static_assert(offsetof(struct trap_frame, rdi) == FRAME_ARGUMENTS, "offsets.h");
_Static_assert(offsetof(struct trap_frame, r11) == FRAME_R11, "offsets.h");
_Static_assert(offsetof(struct trap_frame, rbp) == FRAME_RBP, "offsets.h");
_Static_assert(offsetof(struct trap_frame, rax) == FRAME_RAX, "offsets.h");
_Static_assert(offsetof(struct trap_frame, rip) == FRAME_RIP, "offsets.h");
_Static_assert(offsetof(struct trap_frame, number) == FRAME_NUMBER, "offsets.h");
_Static_assert(offsetof(struct trap_frame, rsp) == FRAME_RSP, "offsets.h");

void arch_thread_init(struct thread *thread, void (*entry)(void *), void *argument)
{
	/* What thread_switch_stacks pops: r15 .. rbx, the return address; aligned for the call. */
	uint64_t *stack = (uint64_t *)frame_of(thread) - 8;

	memset(stack, 0, 8 * sizeof(*stack));
	stack[3] = (uint64_t)argument; /* r12 */
	stack[5] = (uint64_t)entry;    /* rbx */
	stack[6] = (uint64_t)thread_first_run;
	thread->arch.stack_pointer = (uint64_t)stack;
}

void arch_thread_switch(struct thread *from, struct thread *to)
{
	struct cpu *cpu = cpu_current();
	uint64_t top = (uint64_t)(to->stack + KERNEL_STACK_BYTES);

	if (from->arch.fpu)
		fpu_save(from->arch.fpu);
	cpu->arch.kernel_stack = top;
	descriptors_set_stack(cpu->id, top);
	/* A kernel thread's are 0; the program's are loaded when one runs again. */
	if (to->arch.fpu) {
		msr_write(MSR_FS_BASE, to->arch.fs_base);
		msr_write(MSR_KERNEL_GS_BASE, to->arch.gs_base);
		fpu_load(to->arch.fpu);
	}
	thread_switch_stacks(&from->arch.stack_pointer, to->arch.stack_pointer);
}

void arch_return_to_user(void)
{
	frame_leave(frame_of(thread_current()));
}

void arch_frame_start(struct thread *thread, uint64_t ip, uint64_t sp)
{
	struct trap_frame *frame = frame_of(thread);

	memset(frame, 0, sizeof(*frame));
	frame->number = (uint64_t)-1;
	frame->rip = ip;
	frame->cs = USER_CODE;
	frame->rflags = RFLAGS_USER;
	frame->rsp = sp;
	frame->ss = USER_DATA;
	thread->arch.fpu = thread->stack;
	thread->arch.fs_base = 0;
	thread->arch.gs_base = 0;
	fpu_reset(thread->arch.fpu);
	if (thread == thread_current()) {
		fpu_load(thread->arch.fpu);
		msr_write(MSR_FS_BASE, 0);
		msr_write(MSR_KERNEL_GS_BASE, 0);
	}
}

void arch_thread_set_tls(struct thread *thread, uint64_t tls)
{
	thread->arch.fs_base = tls;
	if (thread == thread_current())
		msr_write(MSR_FS_BASE, tls);
}

/* The parent is the running thread: its registers are the state. Cannot fail here. */
int arch_thread_copy(struct thread *child, struct thread *parent)
{
	child->arch.fs_base = parent->arch.fs_base;
	child->arch.gs_base = parent->arch.gs_base;
	child->arch.fpu = child->stack;
	fpu_reset(child->arch.fpu);
	if (parent->arch.fpu)
		fpu_save(child->arch.fpu);
	return 0;
}

void arch_thread_destroy(struct thread *thread)
{
	thread->arch.fpu = NULL; /* it lay on the stack */
}

long sys_arch_prctl(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	uint64_t value = argument[1];

	switch ((int)argument[0]) {
	case ARCH_SET_FS:
		if (value >= mmu_user_end)
			return -EPERM;
		arch_thread_set_tls(thread, value);
		return 0;
	case ARCH_SET_GS:
		if (value >= mmu_user_end)
			return -EPERM;
		thread->arch.gs_base = value;
		msr_write(MSR_KERNEL_GS_BASE, value);
		return 0;
	case ARCH_GET_FS:
		return copy_to_user(value, &thread->arch.fs_base, sizeof(uint64_t));
	case ARCH_GET_GS:
		return copy_to_user(value, &thread->arch.gs_base, sizeof(uint64_t));
	default:
		return -EINVAL;
	}
}
