// SPDX-License-Identifier: MIT
/*
 * The end of the machine. With QEMU's isa-debug-exit at port 0xf4 the exit
 * status of QEMU says how it ended (README.md); without, q35 has ACPI's sleep
 * register, and what remains is a triple fault, which -no-reboot makes an end.
 */

#include "arch/x86_64/x86.h"

#define DEBUG_EXIT_PORT  0xf4
#define DEBUG_EXIT_OFF   0x10  /* QEMU exits with 33 */
#define DEBUG_EXIT_PANIC 0x11  /* QEMU exits with 35 */
#define ACPI_CONTROL     0x604 /* q35's PM1a control block */
#define ACPI_SLEEP_OFF   0x2000

/* An empty interrupt table, then an exception: the CPU resets. */
static void __attribute__((noreturn)) triple_fault(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0, 0};

	__asm__ volatile("cli; lidt %0; int3" : : "m"(none));
	for (;;)
		__asm__ volatile("hlt");
}

void arch_power_off(bool panicked)
{
	port_write32(DEBUG_EXIT_PORT, panicked ? DEBUG_EXIT_PANIC : DEBUG_EXIT_OFF);
	if (!panicked)
		port_write16(ACPI_CONTROL, ACPI_SLEEP_OFF);
	triple_fault();
}

void arch_restart(void)
{
	port_write8(0xcf9, 0x06); /* q35's reset register */
	port_write8(0x64, 0xfe);  /* the keyboard controller's */
	triple_fault();
}
