// SPDX-License-Identifier: MIT
/* Output processing of a terminal (termios(3), c_oflag), and echo. */

#include "kernel/device/tty.h"

#define TAB_WIDTH 8
#define PATIENCE  100000 /* looks at a port that takes nothing before echo is given up */

unsigned tty_output_byte(struct tty *tty, uint8_t byte, uint8_t *to)
{
	uint32_t flags = tty->termios.oflag;

	if (!(flags & OPOST)) {
		to[0] = byte;
		return 1;
	}
	switch (byte) {
	case '\n':
		if (flags & ONLCR) {
			tty->column = 0;
			to[0] = '\r';
			to[1] = '\n';
			return 2;
		}
		if (flags & ONLRET)
			tty->column = 0;
		break;
	case '\r':
		if (flags & ONOCR && tty->column == 0)
			return 0;
		if (flags & OCRNL)
			byte = '\n';
		else
			tty->column = 0;
		break;
	case '\t':
		tty->column = (tty->column / TAB_WIDTH + 1) * TAB_WIDTH;
		break;
	case '\b':
		tty->column -= tty->column > 0;
		break;
	default:
		/* The second and later bytes of a UTF-8 character have no width. */
		if (byte >= ' ' && byte != 0x7f && (byte & 0xc0) != 0x80)
			tty->column++;
	}
	to[0] = byte;
	return 1;
}

static void push(struct tty *tty, const uint8_t *bytes, size_t count)
{
	const struct port_operations *operations = tty->port.operations;
	size_t done = 0;

	if (!operations)
		return;
	for (unsigned tries = 0; done < count && tries < PATIENCE; tries++)
		done += operations->write(&tty->port, bytes + done, count - done);
}

void tty_echo(struct tty *tty, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		uint8_t bytes[8];
		unsigned count = tty_output_byte(tty, (uint8_t)text[i], bytes);
		push(tty, bytes, count);
	}
}
