// SPDX-License-Identifier: MIT
/*
 * Interrupt controllers: the local APIC of each CPU (timer, messages between
 * CPUs) and the IOAPIC (devices; lines go to the boot CPU, edge-triggered as
 * the ISA's are). Intel SDM volume 3, 10; Intel 82093AA.
 */

#include "abi/errno.h"
#include "arch/x86_64/x86.h"
#include "kernel/process/cpu.h"

#define LOCAL_PHYSICAL 0xfee00000ull
#define IO_PHYSICAL    0xfec00000ull

#define LOCAL_END          0x0b0
#define LOCAL_SPURIOUS     0x0f0
#define LOCAL_COMMAND      0x300
#define LOCAL_COMMAND_HIGH 0x310
#define LOCAL_TIMER        0x320
#define LOCAL_LINE0        0x350
#define LOCAL_LINE1        0x360
#define LOCAL_ERROR        0x370
#define LOCAL_INITIAL      0x380
#define LOCAL_COUNT        0x390
#define LOCAL_DIVIDE       0x3e0
#define LOCAL_ENABLE       (1u << 8)
#define LOCAL_MASKED       (1u << 16)
#define DIVIDE_BY_1        0xb
#define COMMAND_PENDING    (1u << 12)
#define COMMAND_ASSERT     (1u << 14)

#define IO_SELECT      0x00
#define IO_DATA        0x10
#define IO_REDIRECTION 0x10 /* two registers for each line */

#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK  0xa1

static volatile uint8_t *local, *io;
static struct line {
	void (*handler)(void *argument);
	void *argument;
} lines[IRQ_COUNT]; /* written before the line is unmasked */

static uint32_t local_read(unsigned offset)
{
	return *(volatile uint32_t *)(local + offset);
}

static void local_write(unsigned offset, uint32_t value)
{
	*(volatile uint32_t *)(local + offset) = value;
}

static void io_write(unsigned index, uint32_t value)
{
	*(volatile uint32_t *)(io + IO_SELECT) = index;
	*(volatile uint32_t *)(io + IO_DATA) = value;
}

void apic_init_cpu(void)
{
	local_write(LOCAL_SPURIOUS, LOCAL_ENABLE | VECTOR_SPURIOUS);
	local_write(LOCAL_LINE0, LOCAL_MASKED);
	local_write(LOCAL_LINE1, LOCAL_MASKED);
	local_write(LOCAL_ERROR, LOCAL_MASKED);
	local_write(LOCAL_DIVIDE, DIVIDE_BY_1);
	local_write(LOCAL_TIMER, VECTOR_TIMER); /* one shot */
	local_write(LOCAL_INITIAL, 0);
}

void apic_init(void)
{
	local = mmu_map_device(LOCAL_PHYSICAL, 4096);
	io = mmu_map_device(IO_PHYSICAL, 4096);
	/* The old controllers stay silent. */
	port_write8(PIC_MASTER_MASK, 0xff);
	port_write8(PIC_SLAVE_MASK, 0xff);
	for (unsigned line = 0; line < IRQ_COUNT; line++) {
		io_write(IO_REDIRECTION + 2 * line, LOCAL_MASKED);
		io_write(IO_REDIRECTION + 2 * line + 1, 0);
	}
	apic_init_cpu();
}

void apic_end_of_interrupt(void)
{
	local_write(LOCAL_END, 0);
}

/* QEMU's local APIC counts nanoseconds of its clock when it divides by one. */
void apic_timer_arm(uint32_t ticks)
{
	local_write(LOCAL_INITIAL, ticks);
}

uint32_t apic_timer_left(void)
{
	return local_read(LOCAL_COUNT);
}

void apic_send(unsigned cpu_id, uint32_t command)
{
	local_write(LOCAL_COMMAND_HIGH, cpu_id << 24);
	local_write(LOCAL_COMMAND, command);
	while (local_read(LOCAL_COMMAND) & COMMAND_PENDING)
		cpu_relax();
}

void ipi_send(unsigned cpu_id)
{
	/* The request that the other CPU shall find is stored before: this write is after it, uncached. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	apic_send(cpu_id, COMMAND_ASSERT | VECTOR_IPI);
}

int arch_irq_register(unsigned line, void (*handler)(void *argument), void *argument)
{
	if (line >= IRQ_COUNT || lines[line].handler)
		return -EINVAL;
	lines[line].argument = argument;
	lines[line].handler = handler;
	io_write(IO_REDIRECTION + 2 * line + 1, 0); /* to APIC 0 */
	io_write(IO_REDIRECTION + 2 * line, VECTOR_IRQ + line);
	return 0;
}

void irq_handle(unsigned line)
{
	if (lines[line].handler)
		lines[line].handler(lines[line].argument);
}
