// SPDX-License-Identifier: MIT
/*
 * Time: the time-stamp counter, the same on all CPUs of QEMU, measured at boot
 * against the local APIC, whose rate is known (1 GHz, in apic.c). The APIC's
 * one-shot timer rings; the CMOS clock says what time of day it is.
 */

#include "arch/x86_64/x86.h"
#include "kernel/process/cpu.h"

#define MEASURE_NS 200000u
#define DOUBT_FINE 2u          /* of 1024 */
#define RING_MAX   2000000000u /* ns: the counter has 32 bits */
#define NS_PER_S   1000000000ull

#define CMOS_INDEX    0x70
#define CMOS_DATA     0x71
#define CMOS_UPDATING 0x80 /* in register A */
#define CMOS_24_HOURS 0x02 /* in register B */
#define CMOS_BINARY   0x04

static uint64_t tsc_start;           /* [I] after clock_init */
static uint64_t ns_per_tsc;          /* [I] times 2^32 */
static uint64_t boot_wall_ns;        /* [I] */
static uint64_t deadlines[CPUS_MAX]; /* each CPU's own */

uint64_t clock_now_ns(void)
{
	return (uint64_t)((unsigned __int128)(tsc_read() - tsc_start) * ns_per_tsc >> 32);
}

uint64_t clock_boot_wall_ns(void)
{
	return boot_wall_ns;
}

/* The APIC's counter and the TSC at one moment; how long, in TSC ticks, that moment was. */
struct moment {
	uint32_t left_ns;
	uint64_t tsc, width;
};

/* The best of a few: the host may take this CPU away between two reads. */
static struct moment moment_take(void)
{
	struct moment best = {0, 0, UINT64_MAX};

	for (int i = 0; i < 5; i++) {
		uint64_t before = tsc_read();
		uint32_t left_ns = apic_timer_left();
		uint64_t width = tsc_read() - before;
		if (width < best.width)
			best = (struct moment){left_ns, before + width / 2, width};
	}
	return best;
}

/* Short, but right to one in a thousand unless the host is so busy that no try is good. */
static void tsc_measure(void)
{
	uint64_t best = UINT64_MAX;

	for (int tries = 0; tries < 10; tries++) {
		apic_timer_arm(UINT32_MAX);
		struct moment start = moment_take(), end;
		do {
			end = moment_take();
		} while (start.left_ns - end.left_ns < MEASURE_NS);
		uint64_t ticks = end.tsc - start.tsc;
		uint64_t doubt = (start.width + end.width) * 1024 / ticks;
		if (doubt < best) {
			best = doubt;
			ns_per_tsc = ((uint64_t)(start.left_ns - end.left_ns) << 32) / ticks;
		}
		if (best <= DOUBT_FINE)
			break;
	}
	apic_timer_arm(0);
}

static uint8_t cmos_read(uint8_t index)
{
	port_write8(CMOS_INDEX, index);
	return port_read8(CMOS_DATA);
}

static unsigned cmos_number(uint8_t index, bool binary)
{
	unsigned value = cmos_read(index);

	return binary ? value : (value >> 4) * 10 + (value & 15);
}

/* Days from 1970-01-01 to the first of the month, in the Gregorian calendar. */
static uint64_t days_to_month(unsigned year, unsigned month)
{
	static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	uint64_t days = (year - 1970) * 365ull + (year - 1969) / 4 + before[month - 1];

	if (month > 2 && year % 4 == 0) /* good until 2099: the CMOS clock has two digits */
		days++;
	return days;
}

/* Seconds since 1970, or 0 when the machine has no such clock. */
static uint64_t cmos_seconds(void)
{
	uint8_t mode = cmos_read(11);
	bool binary = mode & CMOS_BINARY;

	if (mode == 0xff)
		return 0;
	for (unsigned tries = 0; tries < 100000 && cmos_read(10) & CMOS_UPDATING; tries++)
		cpu_relax();
	unsigned second = cmos_number(0, binary), minute = cmos_number(2, binary);
	unsigned raw_hour = cmos_read(4);
	unsigned hour = cmos_number(4, binary);
	if (!(mode & CMOS_24_HOURS)) {
		bool afternoon = raw_hour & 0x80;
		raw_hour &= 0x7f;
		hour = binary ? raw_hour : (raw_hour >> 4) * 10 + (raw_hour & 15);
		hour = hour % 12 + (afternoon ? 12 : 0);
	}
	unsigned day = cmos_number(7, binary), month = cmos_number(8, binary);
	unsigned year = 2000 + cmos_number(9, binary);
	if (month < 1 || month > 12 || day < 1)
		return 0;
	return ((days_to_month(year, month) + day - 1) * 24 + hour) * 3600 + minute * 60 + second;
}

void clock_init(void)
{
	tsc_start = tsc_read();
	tsc_measure();
	uint64_t wall_ns = cmos_seconds() * NS_PER_S, now_ns = clock_now_ns();
	boot_wall_ns = wall_ns > now_ns ? wall_ns - now_ns : 0;
	for (unsigned id = 0; id < CPUS_MAX; id++)
		deadlines[id] = UINT64_MAX;
}

static void ring_arm(uint64_t deadline_ns)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t wait_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 1;

	apic_timer_arm(wait_ns > RING_MAX ? RING_MAX : (uint32_t)wait_ns);
}

void clock_set_deadline(uint64_t deadline_ns)
{
	deadlines[cpu_current()->id] = deadline_ns;
	if (deadline_ns == UINT64_MAX)
		apic_timer_arm(0);
	else
		ring_arm(deadline_ns);
}

/* Early rings, of far deadlines or of a clock that goes a little faster, only arm again. */
void clock_interrupt(void)
{
	uint64_t *deadline = &deadlines[cpu_current()->id];

	if (*deadline == UINT64_MAX)
		return;
	if (clock_now_ns() < *deadline) {
		ring_arm(*deadline);
		return;
	}
	*deadline = UINT64_MAX;
	trap_timer();
}
