/* SPDX-License-Identifier: MIT */
#ifndef ARCH_RISCV64_MACHINE_H
#define ARCH_RISCV64_MACHINE_H

/* What the device tree says about this machine, and what the files here share. */

#include "arch/arch.h"
#include "kernel/process/cpu.h"

#define MACHINE_MEMORY_MAX   8
#define MACHINE_RESERVED_MAX 16
#define MACHINE_VIRTIO_MAX   8

struct machine_device {
	uint64_t base; /* physical; 0: there is none */
	uint64_t size_bytes;
	unsigned irq;
};

/* Physical addresses; all constant after boot. */
struct machine {
	struct boot_range memory[MACHINE_MEMORY_MAX];
	unsigned memory_count;
	struct boot_range reserved[MACHINE_RESERVED_MAX];
	unsigned reserved_count;
	uint64_t timebase_hz;
	uint64_t harts[CPUS_MAX]; /* by CPU id; the boot hart is first */
	unsigned hart_count;
	uint64_t boot_hart;
	char isa[128]; /* of the boot hart */
	struct machine_device uart, plic, rtc, tester;
	struct machine_device virtio[MACHINE_VIRTIO_MAX];
	unsigned virtio_count;
	unsigned plic_context; /* the boot hart's, supervisor mode */
	unsigned plic_sources;
};

extern struct machine machine;

/* Read the device tree at `physical` into `machine` and boot_info. Panics when it is none. */
void devicetree_read(uint64_t physical, uint64_t boot_hart);

/* The kernel's own tables, W^X. After devicetree_read; needs no allocator. */
void mmu_init(void);
/* What satp holds for a root. */
uint64_t mmu_satp(uint64_t root);
extern uint64_t secondary_satp;

/* The image, as linked (kernel.ld). */
extern char image_start[], image_text_end[], image_constants_end[], image_end[];
static inline uint64_t image_physical(const void *address)
{
	return (uint64_t)address - 0xffffffff00000000ull;
}

void clock_init(void);
void clock_init_cpu(void);
/* The PLIC has an interrupt for the boot hart: serve all. */
void plic_init(void);
void plic_interrupt(void);
void serial_init(void);
/* What each CPU sets for itself before its first interrupt. */
void trap_init_cpu(void);
/* An illegal instruction: was it a first use of floating point? Then it may be tried again. */
bool fp_first_use(struct trap_frame *frame);
/* The running user thread's registers into thread->arch, if they have changed since it had them. */
void fp_sync(struct thread *thread);
/* What was put into thread->arch is the running user thread's state from now on. */
void fp_replace(struct thread *thread);

/* start.S */
void _start_secondary(void);

#endif
