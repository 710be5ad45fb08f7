// SPDX-License-Identifier: MIT
/* Device interrupts: the platform-level interrupt controller, all to the boot hart. */

#include "abi/errno.h"
#include "arch/riscv64/machine.h"

#define PRIORITY(source)   ((source) * 4)
#define ENABLE(context)    (0x2000 + (context) * 0x80)
#define THRESHOLD(context) (0x200000 + (context) * 0x1000)
#define CLAIM(context)     (0x200004 + (context) * 0x1000)

#define SOURCES_MAX 128

static struct {
	void (*handler)(void *argument);
	void *argument;
} sources[SOURCES_MAX]; /* written before the source is enabled */

static uint64_t registers;

static volatile uint32_t *plic(uint64_t offset)
{
	return (volatile uint32_t *)(registers + offset);
}

int arch_irq_register(unsigned line, void (*handler)(void *argument), void *argument)
{
	if (!registers || !line || line > machine.plic_sources || line >= SOURCES_MAX ||
	    sources[line].handler)
		return -EINVAL;
	sources[line].handler = handler;
	sources[line].argument = argument;
	*plic(PRIORITY(line)) = 1;
	*plic(ENABLE(machine.plic_context) + line / 32 * 4) |= 1u << line % 32;
	return 0;
}

void plic_interrupt(void)
{
	uint32_t source;

	while ((source = *plic(CLAIM(machine.plic_context))) != 0) {
		if (source < SOURCES_MAX && sources[source].handler)
			sources[source].handler(sources[source].argument);
		*plic(CLAIM(machine.plic_context)) = source;
	}
}

void plic_init(void)
{
	if (!machine.plic.base)
		return;
	registers = (uint64_t)mmu_map_device(machine.plic.base, machine.plic.size_bytes);
	*plic(THRESHOLD(machine.plic_context)) = 0;
}
