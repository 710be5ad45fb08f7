// SPDX-License-Identifier: MIT
/*
 * The 16550 serial port: PC16550D data sheet. The kernel log writes to the same
 * port by polling (arch_console_write), which does not disturb what is here.
 *
 * The interrupt line may be edge-triggered, so it must go down before the
 * handler returns or nothing comes again: the owner's notify reads all there is
 * or stops listening.
 */

#include "kernel/device/port.h"

#define DATA       0 /* and, with LINE_DIVISOR, the divisor's low byte */
#define INTERRUPTS 1 /* and its high byte */
#define IDENTIFY   2 /* reading clears "transmitter empty" */
#define FIFO       2 /* writing */
#define LINE       3
#define MODEM      4
#define STATUS     5

#define INTERRUPT_INPUT  0x01
#define INTERRUPT_OUTPUT 0x02
#define FIFO_START       0xc7 /* on, emptied, interrupt at 14 bytes or after a pause */
#define LINE_8N1         0x03
#define LINE_DIVISOR     0x80
#define MODEM_START      0x0b /* DTR, RTS, and OUT2, which on a PC connects the interrupt */
#define STATUS_INPUT     0x01
#define STATUS_EMPTY     0x20

#define FIFO_BYTES 16

static uint8_t get(const struct port *port, unsigned index)
{
	return port->serial->read(port->serial->base, index);
}

static void put(const struct port *port, unsigned index, uint8_t value)
{
	port->serial->write(port->serial->base, index, value);
}

static bool uart_can_read(struct port *port)
{
	return get(port, STATUS) & STATUS_INPUT;
}

static bool uart_can_write(struct port *port)
{
	return get(port, STATUS) & STATUS_EMPTY;
}

static size_t uart_read(struct port *port, uint8_t *to, size_t size_bytes)
{
	size_t count = 0;

	while (count < size_bytes && uart_can_read(port))
		to[count++] = get(port, DATA);
	return count;
}

/* When the transmitter is empty, its whole queue is free. */
static size_t uart_write(struct port *port, const uint8_t *from, size_t size_bytes)
{
	size_t count = 0;

	while (count < size_bytes && uart_can_write(port))
		for (unsigned i = 0; i < FIFO_BYTES && count < size_bytes; i++)
			put(port, DATA, from[count++]);
	return count;
}

static void uart_listen(struct port *port, bool input, bool output)
{
	put(port, INTERRUPTS, (input ? INTERRUPT_INPUT : 0) | (output ? INTERRUPT_OUTPUT : 0));
}

static void uart_interrupt(void *argument)
{
	struct port *port = argument;

	get(port, IDENTIFY);
	port->notify(port);
}

static const struct port_operations uart_operations = {
	.read = uart_read,
	.write = uart_write,
	.can_read = uart_can_read,
	.can_write = uart_can_write,
	.listen = uart_listen,
};

int uart_start(struct port *port)
{
	put(port, INTERRUPTS, 0);
	put(port, LINE, LINE_DIVISOR | LINE_8N1);
	put(port, DATA, 1); /* 115200 baud */
	put(port, INTERRUPTS, 0);
	put(port, LINE, LINE_8N1);
	put(port, FIFO, FIFO_START);
	put(port, MODEM, MODEM_START);
	port->operations = &uart_operations;
	return arch_irq_register(port->serial->irq, uart_interrupt, port);
}
