// SPDX-License-Identifier: MIT
/*
 * The serial ports of this machine: its 16550 for the console, and the first
 * virtio-mmio transport that holds a console device for the runner's port.
 * Output for the kernel log is polled, and works before everything else.
 */

#include "arch/riscv64/machine.h"
#include "arch/riscv64/sbi.h"

#define UART_TRANSMIT     0
#define UART_STATUS       5
#define UART_STATUS_EMPTY 0x20

#define VIRTIO_MAGIC          0x74726976u
#define VIRTIO_DEVICE_ID      0x008
#define VIRTIO_DEVICE_CONSOLE 3

struct arch_serial arch_serials[ARCH_SERIAL_COUNT];

static uint8_t uart_read(uint64_t base, unsigned index)
{
	return *(volatile uint8_t *)(base + index);
}

static void uart_write(uint64_t base, unsigned index, uint8_t value)
{
	*(volatile uint8_t *)(base + index) = value;
}

static uint32_t virtio_read(uint64_t base, unsigned offset)
{
	return *(volatile uint32_t *)(base + offset);
}

void serial_init(void)
{
	struct arch_serial *console = &arch_serials[0], *control = &arch_serials[1];

	if (machine.uart.base)
		*console = (struct arch_serial){
			ARCH_SERIAL_16550, (uint64_t)phys_to_virt(machine.uart.base),
			machine.uart.irq,  uart_read,
			uart_write,
		};
	for (unsigned i = 0; i < machine.virtio_count; i++) {
		uint64_t base = (uint64_t)phys_to_virt(machine.virtio[i].base);
		if (virtio_read(base, 0) != VIRTIO_MAGIC ||
		    virtio_read(base, VIRTIO_DEVICE_ID) != VIRTIO_DEVICE_CONSOLE)
			continue;
		*control = (struct arch_serial){
			ARCH_SERIAL_VIRTIO_MMIO, base, machine.virtio[i].irq, NULL, NULL,
		};
		return;
	}
}

static void console_put(char byte)
{
	uint64_t base = arch_serials[0].base;

	if (!base) {
		sbi_call(SBI_LEGACY_PUTCHAR, 0, (uint8_t)byte, 0, 0);
		return;
	}
	while (!(uart_read(base, UART_STATUS) & UART_STATUS_EMPTY))
		cpu_relax();
	uart_write(base, UART_TRANSMIT, (uint8_t)byte);
}

void arch_console_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (text[i] == '\n')
			console_put('\r');
		console_put(text[i]);
	}
}
