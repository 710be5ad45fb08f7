// SPDX-License-Identifier: MIT
/* Which driver a serial device has. */

#include "kernel/device/port.h"

#include "abi/errno.h"

int port_start(struct port *port, const struct arch_serial *serial,
	       void (*notify)(struct port *port), void *owner)
{
	port->serial = serial;
	port->notify = notify;
	port->owner = owner;
	switch (serial->kind) {
	case ARCH_SERIAL_16550:
		return uart_start(port);
	case ARCH_SERIAL_VIRTIO_MMIO:
		return virtio_console_start(port);
	default:
		return -ENODEV;
	}
}
