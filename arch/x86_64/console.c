// SPDX-License-Identifier: MIT
/* The two serial ports: polled output on the first for the log; both described for the drivers. */

#include "arch/x86_64/x86.h"

#define COM1 0x3f8
#define COM2 0x2f8

#define UART_DATA        0
#define UART_LINE_STATUS 5
#define STATUS_ROOM      0x20
#define STATUS_ABSENT    0xff

struct arch_serial arch_serials[ARCH_SERIAL_COUNT];

static uint8_t uart_read(uint64_t base, unsigned index)
{
	return port_read8((uint16_t)(base + index));
}

static void uart_write(uint64_t base, unsigned index, uint8_t value)
{
	port_write8((uint16_t)(base + index), value);
}

void console_init(void)
{
	uart_write(COM1, 1, 0);    /* no interrupts */
	uart_write(COM1, 3, 0x80); /* divisor latch: 115200 baud */
	uart_write(COM1, 0, 1);
	uart_write(COM1, 1, 0);
	uart_write(COM1, 3, 3); /* 8 bits, no parity */
	uart_write(COM1, 2, 7); /* FIFO on, emptied */
	uart_write(COM1, 4, 0x0b);
}

static void serial_describe(struct arch_serial *serial, uint64_t base, unsigned irq)
{
	if (uart_read(base, UART_LINE_STATUS) == STATUS_ABSENT)
		return;
	serial->kind = ARCH_SERIAL_16550;
	serial->base = base;
	serial->irq = irq;
	serial->read = uart_read;
	serial->write = uart_write;
}

void serials_init(void)
{
	serial_describe(&arch_serials[0], COM1, 4);
	serial_describe(&arch_serials[1], COM2, 3);
}

/* The status read bounds the wait where there is no port: it reads as all ones. */
void arch_console_write(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		while (!(uart_read(COM1, UART_LINE_STATUS) & STATUS_ROOM))
			cpu_relax();
		uart_write(COM1, UART_DATA, (uint8_t)text[i]);
	}
}
