// SPDX-License-Identifier: MIT
/*
 * Signal frames, exactly as Linux lays them out, since libc, unwinders and
 * programs read them: from the top, the vector state (with Linux's two magic
 * numbers when it is XSAVE's), then struct frame below.
 */

#include "abi/errno.h"
#include "abi/signal.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/x86.h"
#include "kernel/lib/string.h"
#include "kernel/process/thread.h"

#define RED_ZONE_BYTES 128

#define CONTEXT_XSTATE    1u /* uc_flags */
#define CONTEXT_STACK_SEG 6u /* the ss in it is right, and wanted back */

#define FLAGS_USER  0x00050dd5ull /* AC OF DF TF SF ZF AF PF CF RF: what sigreturn may change */
#define FLAGS_FIXED 0x202ull
#define FLAG_TF     (1u << 8)
#define FLAG_DF     (1u << 10)
#define FLAG_RF     (1u << 16)

struct machine_context {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t error, vector, old_mask, address;
	uint64_t fpu; /* user address */
	uint64_t reserved[8];
};

struct user_context {
	uint64_t flags, link;
	struct abi_stack stack;
	struct machine_context machine;
	uint64_t mask;
};

struct frame {
	uint64_t return_address;
	struct user_context context;
	struct abi_siginfo info;
};

_Static_assert(sizeof(struct machine_context) == 256, "struct sigcontext");
_Static_assert(sizeof(struct user_context) == 304, "struct ucontext");
_Static_assert(sizeof(struct frame) == 440, "struct rt_sigframe");

static uint64_t fpu_frame_bytes(void)
{
	return cpu_features.fpu_bytes + (cpu_features.xsave ? 4 : 0);
}

/* The running thread's vector state to the user's stack. 0, -EFAULT. */
static int fpu_write(struct thread *thread, uint64_t to)
{
	struct fpu_area *area = thread->arch.fpu;
	uint32_t end = FPU_MAGIC_END;

	fpu_save(area);
	memset(&area->software, 0, sizeof(area->software));
	if (!cpu_features.xsave)
		return copy_to_user(to, area, cpu_features.fpu_bytes);
	area->software.magic = FPU_MAGIC_START;
	area->software.extended_bytes = (uint32_t)fpu_frame_bytes();
	area->software.features = cpu_features.xsave_mask;
	area->software.state_bytes = cpu_features.fpu_bytes;
	/* FXSAVE's part always holds: a reader that knows no XSAVE looks only there. */
	area->in_use |= 3;
	int err = copy_to_user(to, area, cpu_features.fpu_bytes);
	return err ? err : copy_to_user(to + cpu_features.fpu_bytes, &end, sizeof(end));
}

static void machine_save(struct machine_context *machine, const struct thread *thread,
			 const struct trap_frame *frame)
{
	const struct arch_thread *arch = &thread->arch;

	*machine = (struct machine_context){
		.r8 = frame->r8,
		.r9 = frame->r9,
		.r10 = frame->r10,
		.r11 = frame->r11,
		.r12 = frame->r12,
		.r13 = frame->r13,
		.r14 = frame->r14,
		.r15 = frame->r15,
		.rdi = frame->rdi,
		.rsi = frame->rsi,
		.rbp = frame->rbp,
		.rbx = frame->rbx,
		.rdx = frame->rdx,
		.rax = frame->rax,
		.rcx = frame->rcx,
		.rsp = frame->rsp,
		.rip = frame->rip,
		.rflags = frame->rflags,
		.cs = USER_CODE,
		.ss = USER_DATA,
		.error = arch->trap_error,
		.vector = arch->trap_vector,
		.address = arch->trap_address,
	};
}

int arch_signal_deliver(struct thread *thread, const struct signal_delivery *delivery)
{
	struct trap_frame *frame = frame_of(thread);
	struct frame out;
	uint64_t sp = delivery->stack_top;

	if (!(delivery->action.flags & SA_RESTORER))
		return -EFAULT; /* as on Linux: there is no other way back */
	if (sp == frame->rsp)
		sp -= RED_ZONE_BYTES;
	uint64_t fpu = (sp - fpu_frame_bytes()) & ~63ull;
	sp = ((fpu - sizeof(out)) & ~15ull) - 8; /* as if the handler had been called */

	memset(&out.context, 0, offsetof(struct user_context, machine));
	out.return_address = delivery->action.restorer;
	out.context.flags = CONTEXT_STACK_SEG | (cpu_features.xsave ? CONTEXT_XSTATE : 0);
	out.context.stack.sp = delivery->alt_stack;
	out.context.stack.flags = (int32_t)delivery->alt_stack_flags;
	out.context.stack.size_bytes = delivery->alt_stack_bytes;
	machine_save(&out.context.machine, thread, frame);
	out.context.machine.old_mask = delivery->saved_mask;
	out.context.machine.fpu = fpu;
	out.context.mask = delivery->saved_mask;
	out.info = delivery->info;
	if (fpu_write(thread, fpu) || copy_to_user(sp, &out, sizeof(out)))
		return -EFAULT;

	frame->rdi = (uint64_t)delivery->signal;
	frame->rsi = sp + offsetof(struct frame, info);
	frame->rdx = sp + offsetof(struct frame, context);
	frame->rax = 0;
	frame->rip = delivery->action.handler;
	frame->rsp = sp;
	frame->rflags &= ~(uint64_t)(FLAG_DF | FLAG_RF | FLAG_TF);
	/* The handler starts with the state of a fresh program, as the ABI's call does not pass it. */
	fpu_reset(thread->arch.fpu);
	fpu_load(thread->arch.fpu);
	return 0;
}

/* May the CPU load it? What it would refuse is the program's fault, as on Linux: -EFAULT. */
static int fpu_check(struct fpu_area *area, bool extended)
{
	uint64_t reserved = area->compaction;

	if (area->mxcsr & ~fpu_mxcsr_mask)
		return -EFAULT;
	if (!cpu_features.xsave)
		return 0;
	if (!extended) {
		area->in_use = 3;
		return 0;
	}
	for (unsigned i = 0; i < sizeof(area->reserved1) / sizeof(area->reserved1[0]); i++)
		reserved |= area->reserved1[i];
	return reserved || area->in_use & ~(uint64_t)cpu_features.xsave_mask ? -EFAULT : 0;
}

/* The state as the program left it, checked. 0, -EFAULT. */
static int fpu_fetch(struct fpu_area *area, uint64_t from)
{
	uint32_t end = 0;

	if (copy_from_user(area, from, FPU_LEGACY_BYTES))
		return -EFAULT;
	bool extended = cpu_features.xsave && area->software.magic == FPU_MAGIC_START &&
			area->software.state_bytes == cpu_features.fpu_bytes;
	if (extended && (copy_from_user(&end, from + cpu_features.fpu_bytes, sizeof(end)) ||
			 end != FPU_MAGIC_END))
		extended = false;
	if (extended && copy_from_user(area, from, cpu_features.fpu_bytes))
		return -EFAULT;
	return fpu_check(area, extended);
}

/* The vector state from the user's stack; address 0: as in a fresh program. 0, -EFAULT. */
static int fpu_read(struct thread *thread, uint64_t from)
{
	/* Not straight into the thread's area: a fault may switch threads, which saves there. */
	struct fpu_area area;

	fpu_reset(&area);
	if (from) {
		int err = fpu_fetch(&area, from);
		if (err)
			return err;
	}
	memcpy(thread->arch.fpu, &area, sizeof(area));
	fpu_load(thread->arch.fpu);
	return 0;
}

static void machine_load(const struct machine_context *machine, struct trap_frame *frame)
{
	frame->r8 = machine->r8;
	frame->r9 = machine->r9;
	frame->r10 = machine->r10;
	frame->r11 = machine->r11;
	frame->r12 = machine->r12;
	frame->r13 = machine->r13;
	frame->r14 = machine->r14;
	frame->r15 = machine->r15;
	frame->rdi = machine->rdi;
	frame->rsi = machine->rsi;
	frame->rbp = machine->rbp;
	frame->rbx = machine->rbx;
	frame->rdx = machine->rdx;
	frame->rax = machine->rax;
	frame->rcx = machine->rcx;
	frame->rsp = machine->rsp;
	frame->rip = machine->rip;
	frame->rflags = (machine->rflags & FLAGS_USER) | FLAGS_FIXED;
	frame->number = (uint64_t)-1;
}

int arch_signal_return(struct thread *thread, uint64_t *mask)
{
	struct trap_frame *frame = frame_of(thread);
	struct user_context context;

	/* The handler's ret took the return address: sp points to the context. */
	if (copy_from_user(&context, frame->rsp, sizeof(context)))
		return -EFAULT;
	if ((context.machine.cs | 3) != USER_CODE || fpu_read(thread, context.machine.fpu))
		return -EFAULT;
	machine_load(&context.machine, frame);
	*mask = context.mask;
	return 0;
}
