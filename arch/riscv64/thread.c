// SPDX-License-Identifier: MIT
/*
 * Threads: first start, switch, floating-point state.
 *
 * The FS field in the sstatus of a user thread's frame says where its
 * floating-point state is: Off, it is all zeros and no register is its own, and
 * the first use traps; Dirty, in the registers of the CPU that runs it; Clean, in
 * thread->arch and, while it runs, in the registers too. So a thread that
 * computes with integers alone pays nothing.
 */

#include "abi/errno.h"
#include "arch/riscv64/csr.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/offsets.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/process/process.h"

_Static_assert(offsetof(struct cpu, arch.kernel_stack) == CPU_KERNEL_STACK, "offsets.h");
_Static_assert(offsetof(struct cpu, arch.scratch) == CPU_SCRATCH, "offsets.h");
_Static_assert(offsetof(struct cpu, thread) == CPU_THREAD, "offsets.h");
_Static_assert(offsetof(struct thread, arch.stack_pointer) == THREAD_STACK_POINTER, "offsets.h");
_Static_assert(offsetof(struct thread, arch.return_address) == THREAD_RETURN_ADDRESS, "offsets.h");
_Static_assert(offsetof(struct thread, arch.saved) == THREAD_SAVED, "offsets.h");
_Static_assert(offsetof(struct thread, arch.fp) == THREAD_FP, "offsets.h");
_Static_assert(offsetof(struct thread, arch.fcsr) == THREAD_FCSR, "offsets.h");
_Static_assert(offsetof(struct thread, work) == THREAD_WORK, "offsets.h");
_Static_assert(offsetof(struct trap_frame, sepc) == FRAME_SEPC, "offsets.h");
_Static_assert(offsetof(struct trap_frame, sstatus) == FRAME_SSTATUS, "offsets.h");
_Static_assert(offsetof(struct trap_frame, number) == FRAME_NUMBER, "offsets.h");
_Static_assert(offsetof(struct trap_frame, first_argument) == FRAME_FIRST_ARGUMENT, "offsets.h");
_Static_assert(sizeof(struct trap_frame) == FRAME_BYTES, "offsets.h");

/* trap.S */
void thread_first(void);
void thread_switch_registers(struct arch_thread *from, struct arch_thread *to);
void fp_save(struct arch_thread *thread);
void fp_load(const struct arch_thread *thread);

static struct trap_frame *frame_of(const struct thread *thread)
{
	return (struct trap_frame *)(thread->stack + KERNEL_STACK_BYTES) - 1;
}

void arch_thread_init(struct thread *thread, void (*entry)(void *), void *argument)
{
	struct arch_thread *arch = &thread->arch;

	arch->stack_pointer = (uint64_t)frame_of(thread);
	arch->return_address = (uint64_t)thread_first;
	arch->saved[0] = 0; /* s0: the chain of stack frames ends here */
	arch->saved[1] = (uint64_t)entry;
	arch->saved[2] = (uint64_t)argument;
}

void fp_sync(struct thread *thread)
{
	struct trap_frame *frame = frame_of(thread);

	if (!thread->arch.has_frame || (frame->sstatus & SSTATUS_FS) != SSTATUS_FS)
		return;
	csr_set(sstatus, SSTATUS_FS);
	fp_save(&thread->arch);
	frame->sstatus = (frame->sstatus & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
}

static void fp_restore(struct thread *thread)
{
	if (!thread->arch.has_frame || !(frame_of(thread)->sstatus & SSTATUS_FS))
		return;
	csr_set(sstatus, SSTATUS_FS);
	fp_load(&thread->arch);
}

bool fp_first_use(struct trap_frame *frame)
{
	struct arch_thread *arch = &thread_current()->arch;

	if (frame->sstatus & SSTATUS_FS)
		return false;
	memset(arch->fp, 0, sizeof(arch->fp));
	arch->fcsr = 0;
	frame->sstatus |= SSTATUS_FS_CLEAN;
	fp_restore(thread_current());
	return true;
}

void fp_replace(struct thread *thread)
{
	struct trap_frame *frame = frame_of(thread);

	frame->sstatus = (frame->sstatus & ~(uint64_t)SSTATUS_FS) | SSTATUS_FS_CLEAN;
	fp_restore(thread);
}

void arch_thread_switch(struct thread *from, struct thread *to)
{
	fp_sync(from);
	fp_restore(to);
	cpu_current()->arch.kernel_stack = (uint64_t)(to->stack + KERNEL_STACK_BYTES);
	thread_switch_registers(&from->arch, &to->arch);
}

void arch_frame_start(struct thread *thread, uint64_t ip, uint64_t sp)
{
	struct trap_frame *frame = frame_of(thread);
	uint64_t keep = csr_read(sstatus) & ~(uint64_t)(SSTATUS_SPP | SSTATUS_FS | SSTATUS_SUM);

	memset(frame, 0, sizeof(*frame));
	frame->sepc = ip;
	frame->x[2] = sp;
	frame->number = -1;
	frame->sstatus = keep | SSTATUS_SPIE;
	thread->arch.has_frame = 1;
}

void arch_thread_set_tls(struct thread *thread, uint64_t tls)
{
	frame_of(thread)->x[4] = tls;
}

/* The child's frame is a copy of the parent's already, or will be: what is Dirty there counts as Clean. */
int arch_thread_copy(struct thread *child, struct thread *parent)
{
	fp_sync(parent);
	memcpy(child->arch.fp, parent->arch.fp, sizeof(child->arch.fp));
	child->arch.fcsr = parent->arch.fcsr;
	child->arch.has_frame = 1;
	return 0;
}

void arch_thread_destroy(struct thread *thread)
{
	(void)thread; /* all is in the record */
}
