/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_DEVICE_TTY_H
#define KERNEL_DEVICE_TTY_H

/*
 * A terminal: a port with a line discipline (termios(3)) and job control.
 *
 * Locks: tree_lock -> lock. Signals are sent with neither. Output of programs
 * is serialised by output_order; echo goes between their chunks.
 */

#include "abi/termios.h"
#include "kernel/device/port.h"
#include "kernel/file/file.h"

struct process;

#define TTY_RING 4096

#define TTY_LINE_END (1u << 8) /* in the ring: a line ends with this byte */
#define TTY_FILE_END (1u << 9) /* in the ring: end of file, no byte */

struct tty {
	struct port port;          /* [I]; operations: lock */
	struct spinlock lock;      /* RANK_DEVICE */
	struct mutex output_order; /* RANK_TTY */
	struct wait_queue readers, writers;

	/* lock: */
	struct abi_termios termios;
	struct abi_winsize winsize;
	/* Input; counters run freely. read <= committed <= written <= read + TTY_RING. */
	uint16_t ring[TTY_RING];
	uint32_t read, committed, written; /* from committed on: the line under edit */
	bool next_literal;                 /* after VLNEXT */
	bool stopped;                      /* by VSTOP */
	bool full;                         /* not listening until somebody reads */
	bool writing;                      /* somebody waits for room for output */
	unsigned column;                   /* of the cursor, as far as we know */
	unsigned line_column;              /* where the line under edit began */

	/* tree lock; read without it as a hint: */
	int32_t session; /* whose controlling terminal it is; 0: nobody's */
	int32_t foreground_group;
};

extern struct tty console_tty;

void tty_init(void);
int console_open(struct file *file, int open_flags);
int terminal_open(struct file *file, int open_flags); /* /dev/tty */
extern const struct file_operations tty_operations;

/* ---- tty_input.c: what arrives. Lock held ---- */

/* Take one byte; returns signals for the foreground group: bit n is signal n. */
uint64_t tty_input(struct tty *tty, uint8_t byte);
/* The line under edit and all before it are forgotten. */
void tty_input_flush(struct tty *tty);
/* Canonical mode was turned off: what is there can be read. */
void tty_input_commit(struct tty *tty);
static inline uint32_t tty_room(const struct tty *tty)
{
	return TTY_RING - (tty->written - tty->read);
}

/* ---- tty_output.c ---- */

/*
 * What a byte of output becomes, by OPOST: up to 8 bytes into `to`, their
 * count returned. Keeps the column. Lock held.
 */
unsigned tty_output_byte(struct tty *tty, uint8_t byte, uint8_t *to);
/* Output of the terminal itself: dropped where it would have to wait. Lock held. */
void tty_echo(struct tty *tty, const char *text, size_t length);

/* ---- tty_session.c: job control ---- */

/* The process's controlling terminal, or NULL. Tree lock held. */
struct tty *tty_of(const struct process *process);
/*
 * The running process does what only the foreground may do. 0: it may. Otherwise its group
 * got the signal: -ERESTARTSYS; or nothing can come of that: -EIO.
 */
int tty_check_foreground(struct tty *tty, int signal);
/* Open without O_NOCTTY, or TIOCSCTTY: 0, or -EPERM. */
int tty_take(struct tty *tty, bool steal);
long tty_session_ioctl(struct tty *tty, unsigned command, uint64_t argument);

/* ---- tty_ioctl.c ---- */
long tty_ioctl(struct file *file, unsigned command, uint64_t argument);

#endif
