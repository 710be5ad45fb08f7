/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_DEVICE_PORT_H
#define KERNEL_DEVICE_PORT_H

/*
 * A character port: bytes in, bytes out, and a call when either may go on. The
 * driver (uart.c, virtio_console.c) moves bytes and never waits; the owner (the
 * terminal, the control port) waits, and holds its own lock around every
 * operation, which is so the lock of the hardware too.
 *
 * Nothing is buffered here: what the owner does not read stays with the
 * device, and the machine's other side waits.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/arch.h"

struct port;

struct port_operations {
	/* Take what has arrived, up to size_bytes; 0: nothing has. */
	size_t (*read)(struct port *port, uint8_t *to, size_t size_bytes);
	/* Hand over what fits now; 0: nothing does. */
	size_t (*write)(struct port *port, const uint8_t *from, size_t size_bytes);
	bool (*can_read)(struct port *port);
	bool (*can_write)(struct port *port);
	/* For which of the two notify is called, from now on: the owner looks once more. */
	void (*listen)(struct port *port, bool input, bool output);
};

struct port {
	const struct port_operations *operations; /* [I]; NULL: this machine has no such port */
	const struct arch_serial *serial;         /* [I] */
	/* [I] Interrupt handler's call, no lock held: bytes to read, or room to write. */
	void (*notify)(struct port *port);
	void *owner;  /* [I] */
	void *driver; /* [I] the driver's own */
};

/*
 * Start the port on this serial device, for an owner. Nothing is listened for
 * yet. 0; -ENODEV: there is none; -ENOMEM.
 */
int port_start(struct port *port, const struct arch_serial *serial,
	       void (*notify)(struct port *port), void *owner);

int uart_start(struct port *port);
int virtio_console_start(struct port *port);

#endif
