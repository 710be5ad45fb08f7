// SPDX-License-Identifier: MIT
/*
 * Time: the time CSR counts at the device tree's rate, the same on all harts. A
 * hart's alarm is its stimecmp register (Sstc) where firmware gives it to us,
 * else an SBI call. The wall clock's start is read once from the goldfish RTC.
 */

#include "arch/riscv64/csr.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/sbi.h"

#define SECOND_NS 1000000000ull

static uint64_t start_ticks;
static uint64_t tick_ns; /* 0: a second is no whole multiple of it */
static bool has_stimecmp;
static uint64_t boot_wall_ns;

static uint64_t ticks_now(void)
{
	return csr_read(time);
}

uint64_t clock_now_ns(void)
{
	uint64_t ticks = ticks_now() - start_ticks, hz = machine.timebase_hz;

	if (tick_ns)
		return ticks * tick_ns;
	return hz ? ticks / hz * SECOND_NS + ticks % hz * SECOND_NS / hz : 0;
}

uint64_t clock_boot_wall_ns(void)
{
	return boot_wall_ns;
}

/* The first tick at or after a time. */
static uint64_t ticks_at(uint64_t ns)
{
	uint64_t hz = machine.timebase_hz;

	if (tick_ns)
		return start_ticks + (ns + tick_ns - 1) / tick_ns;
	return start_ticks + ns / SECOND_NS * hz + ns % SECOND_NS * hz / SECOND_NS + 1;
}

static void stimecmp_write(uint64_t ticks)
{
	__asm__ volatile("csrw 0x14d, %0" ::"r"(ticks));
}

void clock_set_deadline(uint64_t deadline_ns)
{
	if (deadline_ns == UINT64_MAX) {
		csr_clear(sie, INTERRUPT_TIMER);
		return;
	}
	if (has_stimecmp)
		stimecmp_write(ticks_at(deadline_ns));
	else
		sbi_call(SBI_TIME, 0, ticks_at(deadline_ns), 0, 0);
	csr_set(sie, INTERRUPT_TIMER);
}

/* Try the register: where it is not ours, it traps, and trap_in_kernel goes on at the fix-up. */
static bool stimecmp_probe(void)
{
	long works = 0;

	__asm__ volatile("1: csrw 0x14d, %1\n"
			 "li %0, 1\n"
			 "2:\n"
			 ".pushsection .user_fixups, \"a\"\n"
			 ".balign 8\n"
			 ".quad 1b, 2b\n"
			 ".popsection"
			 : "+r"(works)
			 : "r"(-1l));
	return works;
}

static uint64_t rtc_read_ns(void)
{
	if (!machine.rtc.base)
		return 0;
	volatile uint32_t *rtc = mmu_map_device(machine.rtc.base, machine.rtc.size_bytes);
	uint32_t low = rtc[0]; /* latches the high half */
	return (uint64_t)rtc[1] << 32 | low;
}

void clock_init(void)
{
	if (machine.timebase_hz && SECOND_NS % machine.timebase_hz == 0)
		tick_ns = SECOND_NS / machine.timebase_hz;
	start_ticks = ticks_now();
	boot_wall_ns = rtc_read_ns();
	has_stimecmp = stimecmp_probe();
}
