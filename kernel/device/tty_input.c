// SPDX-License-Identifier: MIT
/* Input processing of a terminal: termios(3), c_iflag, c_lflag, canonical mode, echo. */

#include "kernel/device/tty.h"

#include "abi/signal.h"

#define TAB_WIDTH 8
#define DISABLED  0 /* a special character that is none: _POSIX_VDISABLE */

static bool flag(const struct tty *tty, uint32_t bits)
{
	return tty->termios.lflag & bits;
}

static bool is_special(const struct tty *tty, unsigned which, uint8_t byte)
{
	return byte != DISABLED && tty->termios.cc[which] == byte;
}

static bool shown_as_pair(const struct tty *tty, uint8_t byte)
{
	return flag(tty, ECHOCTL) && (byte < ' ' || byte == 0x7f) && byte != '\t' && byte != '\n';
}

static void echo_byte(struct tty *tty, uint8_t byte)
{
	char text[2] = {'^', (char)(byte ^ 0x40)};

	if (shown_as_pair(tty, byte))
		tty_echo(tty, text, 2);
	else
		tty_echo(tty, (const char *)&byte, 1);
}

static void append(struct tty *tty, uint16_t entry)
{
	tty->ring[tty->written++ % TTY_RING] = entry;
}

void tty_input_commit(struct tty *tty)
{
	if (tty->committed == tty->written)
		return;
	tty->committed = tty->written;
	wait_wake_all(&tty->readers);
}

void tty_input_flush(struct tty *tty)
{
	tty->read = tty->committed = tty->written;
	tty->next_literal = false;
}

/* ---- editing the line ---- */

/* How many columns the entry at `position` takes, given what stands before it in the line. */
static unsigned entry_width(const struct tty *tty, uint32_t position)
{
	uint8_t byte = (uint8_t)tty->ring[position % TTY_RING];
	unsigned column = tty->line_column;

	if (byte != '\t')
		return shown_as_pair(tty, byte) ? 2 : byte >= ' ' && (byte & 0xc0) != 0x80;
	for (uint32_t i = tty->committed; i != position; i++) {
		uint8_t before = (uint8_t)tty->ring[i % TTY_RING];
		if (before == '\t')
			column = (column / TAB_WIDTH + 1) * TAB_WIDTH;
		else
			column += shown_as_pair(tty, before)
					  ? 2
					  : before >= ' ' && (before & 0xc0) != 0x80;
	}
	return TAB_WIDTH - column % TAB_WIDTH;
}

/* Take the last character off the line, a whole one under IUTF8; erased on the screen too. */
static void erase_one(struct tty *tty)
{
	unsigned width = 0;

	while (tty->written != tty->committed) {
		uint8_t byte = (uint8_t)tty->ring[(tty->written - 1) % TTY_RING];
		width += entry_width(tty, tty->written - 1);
		tty->written--;
		if (!(tty->termios.iflag & IUTF8) || (byte & 0xc0) != 0x80)
			break;
	}
	if (flag(tty, ECHO) && flag(tty, ECHOE))
		for (; width; width--)
			tty_echo(tty, "\b \b", 3);
}

static uint8_t last_byte(const struct tty *tty)
{
	return (uint8_t)tty->ring[(tty->written - 1) % TTY_RING];
}

static bool is_word_byte(uint8_t byte)
{
	return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
	       (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
}

static void erase_word(struct tty *tty)
{
	while (tty->written != tty->committed && !is_word_byte(last_byte(tty)))
		erase_one(tty);
	while (tty->written != tty->committed && is_word_byte(last_byte(tty)))
		erase_one(tty);
}

static void erase_line(struct tty *tty, uint8_t byte)
{
	if (flag(tty, ECHOKE) && flag(tty, ECHOE)) {
		while (tty->written != tty->committed)
			erase_one(tty);
		return;
	}
	tty->written = tty->committed;
	if (flag(tty, ECHO)) {
		echo_byte(tty, byte);
		if (flag(tty, ECHOK))
			tty_echo(tty, "\n", 1);
	}
}

static void reprint(struct tty *tty, uint8_t byte)
{
	echo_byte(tty, byte);
	tty_echo(tty, "\n", 1);
	for (uint32_t i = tty->committed; i != tty->written; i++)
		echo_byte(tty, (uint8_t)tty->ring[i % TTY_RING]);
}

/* ---- what a byte means ---- */

/* ISIG's characters: the signal's bit, or 0. */
static uint64_t signal_of(struct tty *tty, uint8_t byte)
{
	uint64_t signals = 0;

	if (!flag(tty, ISIG))
		return 0;
	if (is_special(tty, VINTR, byte))
		signals = 1ull << SIGINT;
	else if (is_special(tty, VQUIT, byte))
		signals = 1ull << SIGQUIT;
	else if (is_special(tty, VSUSP, byte))
		signals = 1ull << SIGTSTP;
	else
		return 0;
	if (!flag(tty, NOFLSH))
		tty_input_flush(tty);
	if (flag(tty, ECHO))
		echo_byte(tty, byte);
	return signals;
}

/* IXON's characters. True: the byte was one. */
static bool flow_control(struct tty *tty, uint8_t byte)
{
	bool was_stopped = tty->stopped;

	if (!(tty->termios.iflag & IXON))
		return false;
	if (is_special(tty, VSTOP, byte)) {
		tty->stopped = true;
		return true;
	}
	if (is_special(tty, VSTART, byte) || (tty->termios.iflag & IXANY && was_stopped)) {
		tty->stopped = false;
		wait_wake_all(&tty->writers);
		return is_special(tty, VSTART, byte);
	}
	return false;
}

/* Canonical mode's editing characters. True: the byte was one. */
static bool edit(struct tty *tty, uint8_t byte)
{
	if (is_special(tty, VERASE, byte)) {
		erase_one(tty);
	} else if (is_special(tty, VKILL, byte)) {
		erase_line(tty, byte);
	} else if (flag(tty, IEXTEN) && is_special(tty, VWERASE, byte)) {
		erase_word(tty);
	} else if (flag(tty, IEXTEN) && is_special(tty, VREPRINT, byte)) {
		reprint(tty, byte);
	} else if (is_special(tty, VEOF, byte)) {
		append(tty, TTY_FILE_END);
		tty_input_commit(tty);
	} else {
		return false;
	}
	return true;
}

static void accept(struct tty *tty, uint8_t byte, bool literal)
{
	bool canonical = flag(tty, ICANON);
	bool ends = !literal && canonical &&
		    (byte == '\n' || is_special(tty, VEOL, byte) ||
		     (flag(tty, IEXTEN) && is_special(tty, VEOL2, byte)));

	/* The last place is kept for the end of the line. */
	if (tty_room(tty) <= (canonical && !ends)) {
		tty_echo(tty, "\a", 1);
		return;
	}
	if (tty->written == tty->committed)
		tty->line_column = tty->column;
	if (flag(tty, ECHO) || (byte == '\n' && canonical && flag(tty, ECHONL)))
		echo_byte(tty, byte);
	append(tty, byte | (ends ? TTY_LINE_END : 0));
	if (ends || !canonical)
		tty_input_commit(tty);
}

uint64_t tty_input(struct tty *tty, uint8_t byte)
{
	uint32_t input = tty->termios.iflag;
	uint64_t signals;

	if (input & ISTRIP)
		byte &= 0x7f;
	if (tty->next_literal) {
		tty->next_literal = false;
		accept(tty, byte, true);
		return 0;
	}
	if (byte == '\r') {
		if (input & IGNCR)
			return 0;
		if (input & ICRNL)
			byte = '\n';
	} else if (byte == '\n' && input & INLCR) {
		byte = '\r';
	}
	if (flow_control(tty, byte))
		return 0;
	signals = signal_of(tty, byte);
	if (signals)
		return signals;
	if (flag(tty, ICANON)) {
		if (flag(tty, IEXTEN) && is_special(tty, VLNEXT, byte)) {
			tty->next_literal = true;
			if (flag(tty, ECHO) && flag(tty, ECHOCTL))
				tty_echo(tty, "^\b", 2);
			return 0;
		}
		if (edit(tty, byte))
			return 0;
	}
	accept(tty, byte, false);
	return 0;
}
