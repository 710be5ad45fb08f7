// SPDX-License-Identifier: MIT
/* Traps, as trap.S brings them: privileged architecture, table 4.2 (scause). */

#include "arch/riscv64/csr.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/offsets.h"
#include "kernel/lib/print.h"
#include "kernel/process/process.h"

#include <shm/shm.h>

#define CAUSE_INTERRUPT   (1ull << 63)
#define CAUSE_ILLEGAL     2
#define CAUSE_FETCH_FAULT 12
#define CAUSE_LOAD_FAULT  13
#define CAUSE_STORE_FAULT 15

#define COUNTERS_ALL 7 /* cycle, time, instret */

/* trap.S */
void trap_entry(void);
void trap_from_user(struct trap_frame *frame, uint64_t cause, uint64_t value);
void trap_in_kernel(struct trap_frame *frame, uint64_t cause, uint64_t value);

/* What signal each exception of a program means; the page faults are not among them. */
static const struct {
	int signal, code;
} exception_signals[16] = {
	[0] = {SIGBUS, BUS_ADRALN},   /* instruction address misaligned */
	[1] = {SIGSEGV, SEGV_ACCERR}, /* instruction access fault */
	[2] = {SIGILL, ILL_ILLOPC},   /* illegal instruction */
	[3] = {SIGTRAP, TRAP_BRKPT},  /* breakpoint */
	[4] = {SIGBUS, BUS_ADRALN},   /* load address misaligned */
	[5] = {SIGSEGV, SEGV_ACCERR}, /* load access fault */
	[6] = {SIGBUS, BUS_ADRALN},   /* store address misaligned */
	[7] = {SIGSEGV, SEGV_ACCERR}, /* store access fault */
};

static void interrupt(uint64_t cause)
{
	uint64_t bit = 1ull << (cause & 63);

	if (bit == INTERRUPT_TIMER) {
		/* Pending until a later time is set: clock_set_deadline opens it again. */
		csr_clear(sie, INTERRUPT_TIMER);
		trap_timer();
	} else if (bit == INTERRUPT_SOFTWARE) {
		csr_clear(sip, INTERRUPT_SOFTWARE);
		trap_ipi();
	} else if (bit == INTERRUPT_EXTERNAL) {
		plic_interrupt();
	} else {
		csr_clear(sie, bit);
	}
}

/* SHM_* of a page fault; 0: it is none. */
static unsigned fault_access(uint64_t cause)
{
	switch (cause) {
	case CAUSE_FETCH_FAULT:
		return SHM_EXEC;
	case CAUSE_LOAD_FAULT:
		return SHM_READ;
	case CAUSE_STORE_FAULT:
		return SHM_WRITE;
	default:
		return 0;
	}
}

void trap_from_user(struct trap_frame *frame, uint64_t cause, uint64_t value)
{
	unsigned access = fault_access(cause);

	if (cause & CAUSE_INTERRUPT) {
		interrupt(cause);
	} else if (access) {
		trap_page_fault(frame, value, access);
	} else if (cause == CAUSE_ILLEGAL && fp_first_use(frame)) {
		return;
	} else {
		int signal = cause < 16 ? exception_signals[cause].signal : 0;
		int code = cause < 16 ? exception_signals[cause].code : 0;
		uint64_t address = value;

		if (cause == 2 || cause == 3)
			address = frame->sepc;
		trap_user_exception(frame, signal ? signal : SIGILL, signal ? code : ILL_ILLOPC,
				    address);
	}
}

void trap_in_kernel(struct trap_frame *frame, uint64_t cause, uint64_t value)
{
	unsigned access = fault_access(cause);
	uint64_t target;

	if (cause & CAUSE_INTERRUPT) {
		interrupt(cause);
	} else if (access) {
		trap_page_fault(frame, value, access);
	} else if ((target = arch_fixup_find(frame->sepc)) != 0) {
		frame->sepc = target;
	} else {
		panic("trap %lu in the kernel at %#lx, value %#lx", cause, frame->sepc, value);
	}
}

void trap_init_cpu(void)
{
	csr_write(scounteren, COUNTERS_ALL);
	csr_set(sie, INTERRUPT_SOFTWARE | INTERRUPT_EXTERNAL);
}

/* Clang keeps the caller's frame pointer at s0 - 16 and the return address at s0 - 8. */
bool arch_frame_step(const uint64_t *frame, uint64_t *caller, uint64_t *next)
{
	if (!frame || (uint64_t)frame % 8 || (uint64_t)frame < ARCH_DIRECT_MAP)
		return false;
	*caller = frame[-1];
	*next = frame[-2];
	return *caller != 0;
}
