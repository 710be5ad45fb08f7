// SPDX-License-Identifier: MIT
/*
 * Segment and interrupt descriptors. Each CPU has its own GDT (for its TSS) and
 * stacks for the traps that may come at any moment, even before swapgs: NMI,
 * double fault, machine check. Intel SDM volume 3, 3.4 and 6.14.
 */

#include "arch/x86_64/x86.h"
#include "kernel/process/cpu.h"

#define TRAP_STUB_BYTES     16
#define TRAP_STACK_BYTES    4096
#define VECTOR_NMI          2
#define VECTOR_BREAKPOINT   3
#define VECTOR_OVERFLOW     4
#define VECTOR_DOUBLE_FAULT 8
#define VECTOR_MACHINE      18
#define TRAP_STACKS         3

#define GATE_KERNEL 0x8e /* present, interrupt gate */
#define GATE_USER   0xee /* the int instruction may come here */

struct task_state {
	uint32_t reserved0;
	uint64_t stack[3];
	uint64_t reserved1;
	uint64_t trap_stack[7];
	uint64_t reserved2;
	uint16_t reserved3, io_map;
} __attribute__((packed));

struct gate {
	uint16_t offset_low, selector;
	uint8_t stack_index, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
} __attribute__((packed));

static struct cpu_descriptors {
	uint64_t segments[10];
	struct task_state tss;
	uint8_t stacks[TRAP_STACKS][TRAP_STACK_BYTES] __attribute__((aligned(16)));
} descriptors[CPUS_MAX] __attribute__((aligned(64)));

static struct gate gates[VECTOR_COUNT];

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

static void gate_set(unsigned vector, unsigned type, unsigned stack_index)
{
	uint64_t offset = (uint64_t)trap_stubs + (uint64_t)vector * TRAP_STUB_BYTES;

	gates[vector] = (struct gate){
		.offset_low = (uint16_t)offset,
		.selector = KERNEL_CODE,
		.stack_index = (uint8_t)stack_index,
		.type = (uint8_t)type,
		.offset_middle = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
	};
}

static void gates_init(void)
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
		gate_set(vector, GATE_KERNEL, 0);
	gate_set(VECTOR_BREAKPOINT, GATE_USER, 0);
	gate_set(VECTOR_OVERFLOW, GATE_USER, 0);
	gate_set(VECTOR_NMI, GATE_KERNEL, 1);
	gate_set(VECTOR_DOUBLE_FAULT, GATE_KERNEL, 2);
	gate_set(VECTOR_MACHINE, GATE_KERNEL, 3);
}

static void segments_init(struct cpu_descriptors *own)
{
	uint64_t base = (uint64_t)&own->tss;
	uint64_t *segments = own->segments;

	segments[KERNEL_CODE / 8] = 0x00af9b000000ffff;
	segments[KERNEL_DATA / 8] = 0x00cf93000000ffff;
	segments[4] = 0x00cffb000000ffff; /* 32-bit user code: sysret's base, never loaded */
	segments[USER_DATA / 8] = 0x00cff3000000ffff;
	segments[USER_CODE / 8] = 0x00affb000000ffff;
	segments[TSS_SELECT / 8] = (sizeof(own->tss) - 1) | (base & 0xffffff) << 16 |
				   0x89ull << 40 | (base >> 24 & 0xff) << 56;
	segments[TSS_SELECT / 8 + 1] = base >> 32;
}

void descriptors_init(unsigned cpu_id)
{
	struct cpu_descriptors *own = &descriptors[cpu_id];
	struct table_pointer gdt = {sizeof(own->segments) - 1, (uint64_t)own->segments};
	struct table_pointer idt = {sizeof(gates) - 1, (uint64_t)gates};

	if (cpu_id == 0)
		gates_init();
	segments_init(own);
	own->tss.io_map = sizeof(own->tss); /* none: every port is refused */
	for (unsigned i = 0; i < TRAP_STACKS; i++)
		own->tss.trap_stack[i] = (uint64_t)own->stacks[i] + TRAP_STACK_BYTES;
	__asm__ volatile("lgdt %0; lidt %1; ltr %w2"
			 :
			 : "m"(gdt), "m"(idt), "r"(TSS_SELECT)
			 : "memory");
}

void descriptors_set_stack(unsigned cpu_id, uint64_t top)
{
	descriptors[cpu_id].tss.stack[0] = top;
}
