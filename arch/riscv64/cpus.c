// SPDX-License-Identifier: MIT
/* The CPUs: start, interrupts between them, the end of the machine, what they are. */

#include "arch/riscv64/csr.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/sbi.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/process/process.h"

#define START_TIMEOUT_NS 10000000000ull /* a loaded host may not run a hart for long */

#define TESTER_PASS  0x5555
#define TESTER_FAIL  0x3333
#define STATUS_PANIC 125 /* what QEMU exits with */

#define RESET_SHUTDOWN    0
#define RESET_COLD_REBOOT 1

/* What became of the CPU that is being started: one at a time. */
enum start_state { START_ASKED, START_RUNS, START_GIVEN_UP };
static uint32_t start_state; /* [a] */

struct cpu *secondary_cpu; /* start.S: the one being started */

void secondary_main(void);

static bool start_state_move(uint32_t to)
{
	uint32_t from = START_ASKED;

	/* Release and acquire: what each side wrote before is seen by the other. */
	return __atomic_compare_exchange_n(&start_state, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

void secondary_main(void)
{
	trap_init_cpu();
	while (!start_state_move(START_RUNS))
		__asm__ volatile("wfi"); /* too late: it is counted as missing, and stays so */
	kernel_secondary_main();
}

bool arch_cpu_start(unsigned id, struct thread *idle)
{
	struct cpu *cpu = &cpus[id];
	uint64_t give_up_ns = clock_now_ns() + START_TIMEOUT_NS;

	/* One that was given up may still come, and would take the next one's place. */
	if (start_state == START_GIVEN_UP)
		return false;
	cpu->arch.self = cpu;
	cpu->arch.hart = machine.harts[id];
	cpu->arch.kernel_stack = (uint64_t)(idle->stack + KERNEL_STACK_BYTES);
	secondary_cpu = cpu;
	__atomic_store_n(&start_state, START_ASKED, __ATOMIC_RELEASE);
	struct sbi_result result =
		sbi_call(SBI_HSM, 0, cpu->arch.hart, image_physical(_start_secondary), 0);
	if (result.error)
		return false;
	while (__atomic_load_n(&start_state, __ATOMIC_ACQUIRE) != START_RUNS) {
		if (clock_now_ns() > give_up_ns && start_state_move(START_GIVEN_UP))
			return false;
		cpu_relax();
	}
	return true;
}

void ipi_send(unsigned cpu_id)
{
	sbi_call(SBI_IPI, 0, 1, machine.harts[cpu_id], 0);
}

void arch_init(void)
{
	cpus[0].arch.self = &cpus[0];
	cpus[0].arch.hart = machine.boot_hart;
	plic_init();
	trap_init_cpu();
}

void arch_init_secondary(void)
{
	/* secondary_main has done it all. */
}

void arch_power_off(bool panicked)
{
	if (machine.tester.base) {
		volatile uint32_t *tester = phys_to_virt(machine.tester.base);
		*tester = panicked ? STATUS_PANIC << 16 | TESTER_FAIL : TESTER_PASS;
	}
	sbi_call(SBI_SRST, 0, RESET_SHUTDOWN, panicked, 0);
	for (;;)
		__asm__ volatile("wfi");
}

void arch_restart(void)
{
	sbi_call(SBI_SRST, 0, RESET_COLD_REBOOT, 0, 0);
	arch_power_off(false);
}

void arch_cpuinfo_line(char *text, size_t size_bytes, unsigned cpu_id)
{
	format(text, size_bytes, "processor\t: %u\nhart\t\t: %lu\nisa\t\t: %s\nmmu\t\t: sv%u\n\n",
	       cpu_id, machine.harts[cpu_id], machine.isa, mmu_levels == 4 ? 48 : 39);
}

/* A bit for each single-letter extension: "rv64imafdc_...". 'h' and the like are no program's business. */
uint64_t arch_hwcap(void)
{
	uint64_t bits = 0;

	for (const char *letter = machine.isa + 4; *letter >= 'a' && *letter <= 'z'; letter++)
		if (strchr("imafdcv", *letter))
			bits |= 1ull << (*letter - 'a');
	return bits & ~(1ull << ('v' - 'a')); /* vector registers are not kept */
}
