// SPDX-License-Identifier: MIT
/* Exceptions and interrupts, after entry.S made a frame. Intel SDM volume 3, 6.15. */

#include "abi/signal.h"
#include "arch/x86_64/x86.h"
#include "kernel/lib/print.h"
#include "kernel/process/process.h"
#include "shm/shm.h"

#define VECTOR_DEBUG      1
#define VECTOR_NMI        2
#define VECTOR_BREAKPOINT 3
#define VECTOR_PAGE_FAULT 14
#define VECTOR_X87        16
#define VECTOR_SIMD       19
#define EXCEPTION_COUNT   32

#define FAULT_PRESENT  (1u << 0)
#define FAULT_WRITE    (1u << 1)
#define FAULT_USER     (1u << 2)
#define FAULT_RESERVED (1u << 3)
#define FAULT_FETCH    (1u << 4)

void trap_handle(struct trap_frame *frame);
void trap_paranoid(struct trap_frame *frame);
void trap_bad_ip(struct trap_frame *frame);

/* The signal for each exception in user mode, as Linux has it. 0: the kernel's own fault. */
static const struct exception {
	const char *name;
	int signal, code;
} exceptions[EXCEPTION_COUNT] = {
	[0] = {"divide error", SIGFPE, FPE_INTDIV},
	[1] = {"debug", SIGTRAP, TRAP_TRACE},
	[2] = {"NMI", 0, 0},
	[3] = {"breakpoint", SIGTRAP, SI_KERNEL},
	[4] = {"overflow", SIGSEGV, SI_KERNEL},
	[5] = {"bounds", SIGSEGV, SI_KERNEL},
	[6] = {"invalid opcode", SIGILL, 2},
	[7] = {"device not available", 0, 0},
	[8] = {"double fault", 0, 0},
	[10] = {"invalid TSS", SIGSEGV, SI_KERNEL},
	[11] = {"segment not present", SIGBUS, SI_KERNEL},
	[12] = {"stack segment", SIGBUS, SI_KERNEL},
	[13] = {"general protection", SIGSEGV, SI_KERNEL},
	[14] = {"page fault", 0, 0},
	[16] = {"x87 error", SIGFPE, 0},
	[17] = {"alignment check", SIGBUS, BUS_ADRALN},
	[18] = {"machine check", 0, 0},
	[19] = {"SIMD error", SIGFPE, 0},
};

static void __attribute__((noreturn)) trap_panic(const struct trap_frame *frame, uint64_t vector,
						 uint64_t address)
{
	const char *name = vector < EXCEPTION_COUNT ? exceptions[vector].name : NULL;

	panic("%s (vector %lu, error %lx) at %lx, address %lx\n"
	      "rax %016lx rbx %016lx rcx %016lx rdx %016lx rsi %016lx rdi %016lx\n"
	      "rbp %016lx rsp %016lx  r8 %016lx  r9 %016lx r10 %016lx r11 %016lx\n"
	      "r12 %016lx r13 %016lx r14 %016lx r15 %016lx cs %lx rflags %lx cpu %u",
	      name ? name : "unexpected trap", vector, frame->error, frame->rip, address,
	      frame->rax, frame->rbx, frame->rcx, frame->rdx, frame->rsi, frame->rdi, frame->rbp,
	      frame->rsp, frame->r8, frame->r9, frame->r10, frame->r11, frame->r12, frame->r13,
	      frame->r14, frame->r15, frame->cs, frame->rflags, cpu_current()->id);
}

static uint64_t fault_address(void)
{
	uint64_t address;

	__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	return address;
}

/* What a signal frame tells about the trap. */
static void trap_note(const struct trap_frame *frame, uint64_t vector, uint64_t address)
{
	struct arch_thread *arch = &thread_current()->arch;

	arch->trap_vector = vector;
	arch->trap_error = frame->error;
	arch->trap_address = address;
}

static void page_fault(struct trap_frame *frame)
{
	uint64_t address = fault_address();
	unsigned access = frame->error & FAULT_FETCH   ? SHM_EXEC
			  : frame->error & FAULT_WRITE ? SHM_WRITE
						       : SHM_READ;

	if (frame_from_user(frame)) {
		/* As on Linux, a program cannot tell from the error what the kernel has mapped. */
		if (address >= mmu_user_end)
			frame->error |= FAULT_PRESENT;
		trap_note(frame, VECTOR_PAGE_FAULT, address);
	} else if (address >= mmu_user_end || access == SHM_EXEC || !arch_fixup_find(frame->rip)) {
		/* Not in a user-copy function: nothing in the kernel may touch this. */
		trap_panic(frame, VECTOR_PAGE_FAULT, address);
	}
	if (frame->error & FAULT_RESERVED)
		trap_panic(frame, VECTOR_PAGE_FAULT, address);
	trap_page_fault(frame, address, access);
}

static void exception(struct trap_frame *frame, uint64_t vector)
{
	const struct exception *what = &exceptions[vector];

	if (!frame_from_user(frame) || !what->signal)
		trap_panic(frame, vector, 0);
	trap_note(frame, vector, 0);
	int code = what->code;
	if (vector == VECTOR_X87 || vector == VECTOR_SIMD)
		code = fpu_exception_code(vector == VECTOR_SIMD);
	/* The address is where it happened, but for those that Linux reports without one. */
	trap_user_exception(frame, what->signal, code, code == SI_KERNEL ? 0 : frame->rip);
}

void trap_handle(struct trap_frame *frame)
{
	uint64_t vector = frame->number;

	frame->number = (uint64_t)-1; /* no system call */
	if (vector == VECTOR_PAGE_FAULT) {
		page_fault(frame);
	} else if (vector < EXCEPTION_COUNT) {
		exception(frame, vector);
	} else if (vector == VECTOR_TIMER) {
		apic_end_of_interrupt();
		clock_interrupt();
	} else if (vector == VECTOR_IPI) {
		apic_end_of_interrupt();
		trap_ipi();
	} else if (vector < VECTOR_IRQ + IRQ_COUNT) {
		apic_end_of_interrupt();
		irq_handle((unsigned)vector - VECTOR_IRQ);
	}
}

/* Nobody sends NMIs but the machine's monitor: they are ignored. The others are the end. */
void trap_paranoid(struct trap_frame *frame)
{
	uint64_t vector = frame->number;

	if (vector != VECTOR_NMI)
		trap_panic(frame, vector, fault_address());
}

/* User mode is to go on at an address that the CPU refuses to load. */
void trap_bad_ip(struct trap_frame *frame)
{
	frame->number = (uint64_t)-1;
	frame->error = 0;
	trap_note(frame, 13, 0);
	trap_user_exception(frame, SIGSEGV, SI_KERNEL, 0);
}

bool arch_frame_step(const uint64_t *frame, uint64_t *caller, uint64_t *next)
{
	uint64_t at = (uint64_t)frame;

	if (at < ARCH_DIRECT_MAP || at & 7)
		return false;
	*next = frame[0];
	*caller = frame[1];
	return *caller >= ARCH_KERNEL_BASE;
}
