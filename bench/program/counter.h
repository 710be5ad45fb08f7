/* SPDX-License-Identifier: MIT */
#ifndef BENCH_COUNTER_H
#define BENCH_COUNTER_H

/*
 * A counter of guest instructions, readable by a program, under QEMU's
 * -icount shift=0,sleep=off: one instruction is one nanosecond of virtual time.
 * Here alone an architecture is told by the compiler: a program has no include path of ours.
 */

#include <stdint.h>

/*
 * COUNTER_ENTRY defines bench_start, where the program is entered: keeps the count in
 * bench_first_instruction before a single instruction of libc has run. A program
 * started with the one argument "!" ends right there: what is to be counted of
 * execve is the kernel's part, and not how long some libc takes to begin.
 */
extern uint64_t bench_first_instruction;

#if defined(__x86_64__)
#define COUNTER_UNIT       1 /* instructions for each count */
#define COUNTER_ENTRY_UNIT 1
#define COUNTER_ENTRY                                                                              \
	".globl bench_start\n"                                                                     \
	"bench_start: cmpq $2, (%rsp)\n"                                                           \
	"jne 1f\n"                                                                                 \
	"mov 16(%rsp), %rax\n"                                                                     \
	"cmpb $'!', (%rax)\n"                                                                      \
	"jne 1f\n"                                                                                 \
	"xor %edi, %edi\n"                                                                         \
	"mov $60, %eax\n" /* exit */                                                               \
	"syscall\n"                                                                                \
	"1: rdtsc\n"                                                                               \
	"shl $32, %rdx\n"                                                                          \
	"or %rdx, %rax\n"                                                                          \
	"mov %rax, bench_first_instruction(%rip)\n"                                                \
	"xor %edx, %edx\n"                                                                         \
	"jmp _start\n"

static inline uint64_t counter_read(void)
{
	uint32_t low, high;
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}
#elif defined(__riscv)
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>

#define COUNTER_UNIT       1
#define COUNTER_TICK_UNITS 100 /* instructions for each tick of rdtime, at 10 MHz */
#define COUNTER_ENTRY_UNIT COUNTER_TICK_UNITS
#define COUNTER_ENTRY                                                                              \
	".globl bench_start\n"                                                                     \
	"bench_start: ld t0, (sp)\n"                                                               \
	"li t1, 2\n"                                                                               \
	"bne t0, t1, 1f\n"                                                                         \
	"ld t0, 16(sp)\n"                                                                          \
	"lbu t0, (t0)\n"                                                                           \
	"li t1, '!'\n"                                                                             \
	"bne t0, t1, 1f\n"                                                                         \
	"li a0, 0\n"                                                                               \
	"li a7, 93\n" /* exit */                                                                   \
	"ecall\n"                                                                                  \
	"1: rdtime t0\n"                                                                           \
	"lla t1, bench_first_instruction\n"                                                        \
	"sd t0, (t1)\n"                                                                            \
	"tail _start\n"

static sigjmp_buf counter_refused;

static void counter_refuse(int signal)
{
	siglongjmp(counter_refused, signal);
}

/* Does the kernel let programs read rdinstret, which is exact? Linux does not. */
static inline bool counter_is_exact(void)
{
	static int exact = -1;
	struct sigaction refuse = {.sa_handler = counter_refuse}, before;

	if (exact >= 0)
		return exact;
	sigaction(SIGILL, &refuse, &before);
	if (!sigsetjmp(counter_refused, 1)) {
		uint64_t count;
		__asm__ volatile("rdinstret %0" : "=r"(count));
		exact = 1;
	} else {
		exact = 0;
	}
	sigaction(SIGILL, &before, NULL);
	return exact;
}

static inline uint64_t counter_read(void)
{
	uint64_t count;

	if (counter_is_exact()) {
		__asm__ volatile("rdinstret %0" : "=r"(count) : : "memory");
		return count;
	}
	__asm__ volatile("rdtime %0" : "=r"(count) : : "memory");
	return count * COUNTER_TICK_UNITS;
}
#else
#error "no counter for this architecture"
#endif

#endif
