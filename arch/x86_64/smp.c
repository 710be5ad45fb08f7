// SPDX-License-Identifier: MIT
/*
 * Starting the other CPUs: INIT, then the start-up message with the page of the
 * trampoline (trampoline.S), which lies below 1 MiB, outside boot_info.memory.
 * Intel SDM volume 3, 8.4.4. APIC ids are taken to be 0 .. n - 1, as QEMU has them.
 */

#include "arch/x86_64/x86.h"
#include "kernel/lib/string.h"
#include "kernel/process/process.h"

#define TRAMPOLINE    0x8000ull
#define COMMAND_INIT  0x4500u
#define COMMAND_START 0x4600u
#define PATIENCE_NS   10000000000ull /* a host with much to do may let a CPU wait for seconds */

extern char trampoline_start[], trampoline_end[];

/* What the starting CPU picks up; one CPU at a time. */
uint64_t secondary_stack;
static struct cpu *secondary_cpu;

/* Whether it runs is agreed upon once: it comes, or the starter gives up, after which it must not. */
enum { SECONDARY_AWAITED, SECONDARY_RUNNING, SECONDARY_GIVEN_UP };
static uint32_t secondary_state; /* [a] */

static bool secondary_agree(uint32_t state)
{
	uint32_t expected = SECONDARY_AWAITED;

	/* Release: the starter goes on only when all that the other did before is done. */
	return __atomic_compare_exchange_n(&secondary_state, &expected, state, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void secondary_start(void) __attribute__((noreturn));

void secondary_start(void)
{
	struct cpu *cpu = secondary_cpu;

	cpu->arch.self = cpu;
	descriptors_init(cpu->id);
	msr_write(MSR_GS_BASE, (uint64_t)cpu);
	msr_write(MSR_KERNEL_GS_BASE, 0);
	cpu_features_enable();
	while (!secondary_agree(SECONDARY_RUNNING))
		__asm__ volatile("cli; hlt"); /* too late */
	kernel_secondary_main();
}

static void wait_ns(uint64_t ns)
{
	uint64_t end_ns = clock_now_ns() + ns;

	while (clock_now_ns() < end_ns &&
	       __atomic_load_n(&secondary_state, __ATOMIC_ACQUIRE) == SECONDARY_AWAITED)
		cpu_relax();
}

bool arch_cpu_start(unsigned id, struct thread *idle)
{
	/* Whoever comes late must go on finding that, so no other is awaited after it. */
	if (__atomic_load_n(&secondary_state, __ATOMIC_ACQUIRE) == SECONDARY_GIVEN_UP)
		return false;
	memcpy(phys_to_virt(TRAMPOLINE), trampoline_start,
	       (size_t)(trampoline_end - trampoline_start));
	secondary_cpu = &cpus[id];
	secondary_stack = (uint64_t)(idle->stack + KERNEL_STACK_BYTES);
	__atomic_store_n(&secondary_state, SECONDARY_AWAITED, __ATOMIC_SEQ_CST);

	apic_send(id, COMMAND_INIT);
	wait_ns(10000);
	/* The second message is for CPUs that miss the first; a CPU that runs ignores it. */
	for (int tries = 0; tries < 2; tries++) {
		apic_send(id, COMMAND_START | (uint32_t)(TRAMPOLINE >> 12));
		wait_ns(tries ? PATIENCE_NS : 200000);
		if (__atomic_load_n(&secondary_state, __ATOMIC_ACQUIRE) == SECONDARY_RUNNING)
			return true;
	}
	return !secondary_agree(SECONDARY_GIVEN_UP);
}
