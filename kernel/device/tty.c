// SPDX-License-Identifier: MIT
/*
 * The console terminal as a file: /dev/console and /dev/tty. Reading and
 * writing; input and output processing, job control and ioctl are in the files
 * beside this one.
 *
 * Known gaps: parity and speed settings are kept and mean nothing; no hang-up.
 */

#include "kernel/device/tty.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "kernel/process/process.h"

#define CHUNK_BYTES 256
#define TENTH_NS    100000000ull /* VTIME's unit */

struct tty console_tty = {
	.lock = SPINLOCK_INIT(RANK_DEVICE),
	.readers = WAIT_QUEUE_INIT(console_tty.readers),
	.writers = WAIT_QUEUE_INIT(console_tty.writers),
	.termios =
		{
			.iflag = ICRNL | IXON,
			.oflag = OPOST | ONLCR,
			.cflag = B38400 | CS8 | CREAD | HUPCL,
			.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
			.cc = {[VINTR] = 3,
			       [VQUIT] = 28,
			       [VERASE] = 127,
			       [VKILL] = 21,
			       [VEOF] = 4,
			       [VMIN] = 1,
			       [VSTART] = 17,
			       [VSTOP] = 19,
			       [VSUSP] = 26,
			       [VREPRINT] = 18,
			       [VDISCARD] = 15,
			       [VWERASE] = 23,
			       [VLNEXT] = 22},
		},
};

/* Lock held. */
static void tty_listen(struct tty *tty)
{
	tty->port.operations->listen(&tty->port, !tty->full, tty->writing);
}

/* Take what the port has, as far as there is room. Signals to send. Lock held. */
static uint64_t tty_pull(struct tty *tty)
{
	const struct port_operations *operations = tty->port.operations;
	uint64_t signals = 0;
	uint8_t byte;

	/* In canonical mode a full line takes no more bytes, but must still see its end. */
	while ((tty_room(tty) || tty->termios.lflag & ICANON) &&
	       operations->read(&tty->port, &byte, 1))
		signals |= tty_input(tty, byte);
	tty->full = !tty_room(tty) && !(tty->termios.lflag & ICANON);
	return signals;
}

/* No lock held. */
static void tty_send_signals(struct tty *tty, uint64_t signals)
{
	int32_t group = __atomic_load_n(&tty->foreground_group, __ATOMIC_RELAXED);

	for (int signal = 1; signal < 32; signal++)
		if (signals & 1ull << signal && group > 0)
			signal_send_group(group, signal);
}

static void tty_notify(struct port *port)
{
	struct tty *tty = port->owner;

	spin_lock(&tty->lock);
	uint64_t signals = tty_pull(tty);
	if (tty->writing && port->operations->can_write(port)) {
		tty->writing = false;
		wait_wake_all(&tty->writers);
	}
	tty_listen(tty);
	spin_unlock(&tty->lock);
	if (signals)
		tty_send_signals(tty, signals);
}

void tty_init(void)
{
	struct tty *tty = &console_tty;

	mutex_init(&tty->output_order, RANK_TTY);
	if (port_start(&tty->port, &arch_serials[0], tty_notify, tty))
		return;
	spin_lock(&tty->lock);
	tty_listen(tty);
	spin_unlock(&tty->lock);
}

int console_open(struct file *file, int open_flags)
{
	file->data = &console_tty;
	if (!(open_flags & O_NOCTTY) && file_can_read(file))
		tty_take(&console_tty, false); /* whoever may not have it opens it all the same */
	return 0;
}

int terminal_open(struct file *file, int open_flags)
{
	(void)open_flags;
	spin_lock(&tree_lock);
	file->data = tty_of(process_current());
	spin_unlock(&tree_lock);
	return file->data ? 0 : -ENXIO;
}

/* ---- reading ---- */

/* How reading waits: VMIN and VTIME, or a line. */
struct read_wait {
	size_t minimum;      /* bytes; 0: return what there is */
	uint64_t timeout_ns; /* 0: none */
	bool between;        /* the time runs from the last byte, not from the start */
	uint64_t deadline_ns;
};

static void read_wait_init(struct read_wait *wait, const struct tty *tty, size_t want)
{
	size_t minimum = tty->termios.cc[VMIN];

	*wait = (struct read_wait){1, 0, false, WAIT_FOREVER};
	if (tty->termios.lflag & ICANON)
		return;
	wait->minimum = minimum < want ? minimum : want;
	wait->timeout_ns = tty->termios.cc[VTIME] * TENTH_NS;
	wait->between = minimum > 0;
	if (wait->timeout_ns && !wait->between) {
		wait->minimum = 1;
		wait->deadline_ns = clock_now_ns() + wait->timeout_ns;
	}
}

/*
 * Move readable bytes out, at most to the end of a line. *end: a line or the
 * file ended here. Lock held.
 */
static size_t take(struct tty *tty, uint8_t *to, size_t size_bytes, bool *end)
{
	bool canonical = tty->termios.lflag & ICANON;
	size_t count = 0;

	*end = false;
	while (tty->read != tty->committed && !*end) {
		uint16_t entry = tty->ring[tty->read % TTY_RING];
		if (entry & TTY_FILE_END) {
			tty->read++;
			*end = canonical;
			continue;
		}
		if (count == size_bytes)
			break;
		to[count++] = (uint8_t)entry;
		tty->read++;
		*end = canonical && entry & TTY_LINE_END;
	}
	if (tty->full && tty_room(tty)) {
		tty->full = false;
		tty_listen(tty);
	}
	return count;
}

/* Wait until there is something to take. 0, or why not. Lock held. */
static int await_input(struct tty *tty, struct file *file, struct read_wait *wait, size_t done)
{
	while (tty->read == tty->committed) {
		if (done >= wait->minimum)
			return -EAGAIN;
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait->between && done && wait->timeout_ns)
			wait->deadline_ns = clock_now_ns() + wait->timeout_ns;
		int err = wait_sleep(&tty->readers, &tty->lock, wait->deadline_ns,
				     WAIT_INTERRUPTIBLE);
		if (err)
			return err;
	}
	return 0;
}

static long tty_read(struct file *file, struct io *io, uint64_t *position)
{
	struct tty *tty = file->data;
	struct read_wait wait;
	uint8_t bytes[CHUNK_BYTES];
	size_t done = 0;
	bool end = false;
	int err = tty_check_foreground(tty, SIGTTIN);

	(void)position;
	if (err || !io->left_bytes)
		return err;
	spin_lock(&tty->lock);
	read_wait_init(&wait, tty, io->left_bytes);
	spin_unlock(&tty->lock);
	while (io->left_bytes && !end) {
		size_t want = io->left_bytes < sizeof(bytes) ? io->left_bytes : sizeof(bytes);

		spin_lock(&tty->lock);
		err = await_input(tty, file, &wait, done);
		size_t count = err ? 0 : take(tty, bytes, want, &end);
		spin_unlock(&tty->lock);
		if (err)
			break;
		if (io_copy_to(io, bytes, count) != count)
			return -EFAULT;
		done += count;
	}
	if (done || end || !err)
		return (long)done;
	/* Nothing came in time, or none was asked for. */
	if (err == -ETIMEDOUT || (err == -EAGAIN && !wait.minimum))
		return 0;
	return err;
}

/* ---- writing ---- */

/* All bytes, in the caller's turn; or an error when none of them went. Lock held. */
static long push(struct tty *tty, const uint8_t *bytes, size_t count, bool may_wait)
{
	size_t done = 0;
	int err = 0;

	while (done < count && !err) {
		if (!tty->stopped)
			done += tty->port.operations->write(&tty->port, bytes + done, count - done);
		if (done == count)
			break;
		if (!may_wait) {
			err = -EAGAIN;
			break;
		}
		tty->writing = !tty->stopped;
		tty_listen(tty);
		if (tty->writing && tty->port.operations->can_write(&tty->port))
			continue;
		err = wait_sleep(&tty->writers, &tty->lock, WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	}
	return done ? (long)done : err;
}

/* One chunk of a program's bytes, processed. How many of them were written, or an error. */
static long write_chunk(struct tty *tty, const uint8_t *bytes, size_t count, bool may_wait)
{
	uint8_t processed[CHUNK_BYTES * 2 + 8];
	size_t length = 0;
	long result;

	spin_lock(&tty->lock);
	for (size_t i = 0; i < count; i++)
		length += tty_output_byte(tty, bytes[i], processed + length);
	result = length ? push(tty, processed, length, may_wait) : 0;
	spin_unlock(&tty->lock);
	if (result < 0)
		return result;
	/* Cut short inside: as many of the program's bytes, to within the returns put in. */
	return (size_t)result == length ? (long)count : (long)(count * (size_t)result / length);
}

static long tty_write(struct file *file, struct io *io, uint64_t *position)
{
	struct tty *tty = file->data;
	uint8_t bytes[CHUNK_BYTES];
	long done = 0, result = 0;

	(void)position;
	if (tty->termios.lflag & TOSTOP)
		result = tty_check_foreground(tty, SIGTTOU);
	if (result || !tty->port.operations)
		return result ? result : (long)io->left_bytes;
	mutex_lock(&tty->output_order);
	while (io->left_bytes && result >= 0) {
		size_t want = io->left_bytes < sizeof(bytes) ? io->left_bytes : sizeof(bytes);
		size_t count = io_copy_from(io, bytes, want);

		if (!count) {
			result = -EFAULT;
			break;
		}
		result = write_chunk(tty, bytes, count, !(file->flags & O_NONBLOCK));
		if (result > 0)
			done += result;
		if (result < (long)count)
			break;
	}
	mutex_unlock(&tty->output_order);
	return done ? done : result;
}

static unsigned tty_poll(struct file *file, struct poll_waiters *waiters)
{
	struct tty *tty = file->data;
	unsigned ready = 0;

	if (waiters) {
		poll_register(waiters, &tty->readers);
		poll_register(waiters, &tty->writers);
	}
	spin_lock(&tty->lock);
	if (waiters && tty->port.operations && !tty->port.operations->can_write(&tty->port)) {
		tty->writing = true;
		tty_listen(tty);
	}
	if (tty->read != tty->committed)
		ready |= POLL_IN;
	if (!tty->port.operations || (!tty->stopped && tty->port.operations->can_write(&tty->port)))
		ready |= POLL_OUT;
	spin_unlock(&tty->lock);
	return ready;
}

const struct file_operations tty_operations = {
	.read = tty_read,
	.write = tty_write,
	.ioctl = tty_ioctl,
	.poll = tty_poll,
};
