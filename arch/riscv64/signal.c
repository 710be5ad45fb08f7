// SPDX-License-Identifier: MIT
/*
 * The frame of a signal handler on the user's stack, as Linux lays it out for
 * riscv64 (struct rt_sigframe): programs and unwinders read it.
 */

#include "abi/errno.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/offsets.h"
#include "arch/riscv64/usercode.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/process/process.h"

struct signal_context {
	uint64_t registers[32]; /* pc in place of x0, then x1 .. x31 */
	uint64_t fp[32];
	uint32_t fcsr;
	uint32_t pad[67]; /* Linux's union has room for quad precision; its end must be zeros */
} __attribute__((aligned(16)));

struct signal_frame {
	struct abi_siginfo info;
	struct {
		uint64_t flags, link;
		struct abi_stack stack;
		uint64_t mask;
		uint8_t pad[120]; /* a mask of 1024 signals, as libc has it */
		struct signal_context context;
	} user;
};

_Static_assert(sizeof(struct abi_siginfo) == 128, "siginfo_t");
_Static_assert(sizeof(struct signal_context) == 784, "struct sigcontext");
_Static_assert(offsetof(struct signal_frame, user.context) == 128 + 176, "ucontext_t");
_Static_assert(sizeof(struct signal_frame) == 1088, "struct rt_sigframe");

static struct trap_frame *frame_of(const struct thread *thread)
{
	return (struct trap_frame *)(thread->stack + KERNEL_STACK_BYTES) - 1;
}

static void context_fill(struct signal_context *context, struct thread *thread)
{
	const struct trap_frame *frame = frame_of(thread);

	memcpy(context->registers, frame->x, sizeof(context->registers));
	context->registers[0] = frame->sepc;
	if (!(frame->sstatus & SSTATUS_FS))
		return; /* all zeros */
	fp_sync(thread);
	memcpy(context->fp, thread->arch.fp, sizeof(context->fp));
	context->fcsr = (uint32_t)thread->arch.fcsr;
}

int arch_signal_deliver(struct thread *thread, const struct signal_delivery *delivery)
{
	struct trap_frame *frame = frame_of(thread);
	uint64_t address = (delivery->stack_top - sizeof(struct signal_frame)) & ~15ull;
	struct signal_frame signal;

	memset(&signal, 0, sizeof(signal));
	signal.info = delivery->info;
	signal.user.stack.sp = delivery->alt_stack;
	signal.user.stack.size_bytes = delivery->alt_stack_bytes;
	signal.user.stack.flags = (int32_t)delivery->alt_stack_flags;
	signal.user.mask = delivery->saved_mask;
	context_fill(&signal.user.context, thread);
	if (copy_to_user(address, &signal, sizeof(signal)))
		return -EFAULT;

	frame->sepc = delivery->action.handler;
	frame->x[1] = USER_CODE_ADDRESS;
	frame->x[2] = address;
	frame->x[10] = (uint64_t)delivery->signal;
	frame->x[11] = address + offsetof(struct signal_frame, info);
	frame->x[12] = address + offsetof(struct signal_frame, user);
	return 0;
}

/* Whatever the program wrote there, it is only its own registers: nothing in it needs a check. */
int arch_signal_return(struct thread *thread, uint64_t *mask)
{
	struct trap_frame *frame = frame_of(thread);
	struct signal_frame signal;
	const struct signal_context *context = &signal.user.context;

	if (copy_from_user(&signal, frame->x[2], sizeof(signal)))
		return -EFAULT;
	memcpy(frame->x, context->registers, sizeof(frame->x));
	frame->x[0] = 0;
	frame->sepc = context->registers[0] & ~1ull;
	frame->number = -1;
	memcpy(thread->arch.fp, context->fp, sizeof(thread->arch.fp));
	thread->arch.fcsr = context->fcsr & 0xff;
	fp_replace(thread);
	*mask = signal.user.mask;
	return 0;
}
