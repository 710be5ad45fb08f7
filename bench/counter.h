/* SPDX-License-Identifier: MIT */
#ifndef BENCH_COUNTER_H
#define BENCH_COUNTER_H

/*
 * A counter of guest instructions, readable by a program, under QEMU's
 * -icount shift=0,sleep=off: one instruction is one nanosecond of virtual time.
 * Here alone an architecture is told by the compiler: a program has no include path of ours.
 */

#include <stdint.h>

#if defined(__x86_64__)
#define COUNTER_UNIT 1 /* instructions for each count */
static inline uint64_t counter_read(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}
#elif defined(__riscv)
#define COUNTER_UNIT 100 /* rdtime ticks at 10 MHz */
static inline uint64_t counter_read(void)
{
	uint64_t ticks;
	__asm__ volatile("rdtime %0" : "=r"(ticks) : : "memory");
	return ticks;
}
#else
#error "no counter for this architecture"
#endif

#endif
