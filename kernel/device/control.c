// SPDX-License-Identifier: MIT
/*
 * /dev/port1: the second serial port as a stream of bytes, nothing interpreted.
 * The runner outside and process 1 inside speak their own protocol over it.
 */

#include "kernel/device/control.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/device/port.h"

#define CHUNK_BYTES 1024

static struct {
	struct port port;
	struct spinlock lock;  /* the port's */
	bool reading, writing; /* lock: somebody waits for it */
	struct wait_queue readers, writers;
} control = {
	.lock = SPINLOCK_INIT(RANK_DEVICE),
	.readers = WAIT_QUEUE_INIT(control.readers),
	.writers = WAIT_QUEUE_INIT(control.writers),
};

static void control_listen(void)
{
	control.port.operations->listen(&control.port, control.reading, control.writing);
}

/* Everybody looks again, and says then what to listen for. */
static void control_notify(struct port *port)
{
	spin_lock(&control.lock);
	if (control.reading && port->operations->can_read(port)) {
		control.reading = false;
		wait_wake_all(&control.readers);
	}
	if (control.writing && port->operations->can_write(port)) {
		control.writing = false;
		wait_wake_all(&control.writers);
	}
	control_listen();
	spin_unlock(&control.lock);
}

void control_init(void)
{
	port_start(&control.port, &arch_serials[1], control_notify, NULL);
}

int control_open(struct file *file, int open_flags)
{
	(void)file, (void)open_flags;
	return control.port.operations ? 0 : -ENXIO;
}

static long control_read(struct file *file, struct io *io, uint64_t *position)
{
	const struct port_operations *operations = control.port.operations;
	uint8_t bytes[CHUNK_BYTES];
	size_t count;
	long done = 0;

	(void)position;
	while (io->left_bytes) {
		size_t want = io->left_bytes < sizeof(bytes) ? io->left_bytes : sizeof(bytes);
		int err = 0;

		spin_lock(&control.lock);
		while (!(count = operations->read(&control.port, bytes, want)) && !done && !err) {
			if (file->flags & O_NONBLOCK) {
				err = -EAGAIN;
				break;
			}
			control.reading = true;
			control_listen();
			if (operations->can_read(&control.port))
				continue;
			err = wait_sleep(&control.readers, &control.lock, WAIT_FOREVER,
					 WAIT_INTERRUPTIBLE);
		}
		spin_unlock(&control.lock);
		if (!count)
			return done ? done : err;
		if (io_copy_to(io, bytes, count) != count)
			return -EFAULT;
		done += (long)count;
	}
	return done;
}

/* All of it, or what came before a signal. */
static long push(const uint8_t *bytes, size_t count, bool may_wait)
{
	size_t done = 0;
	int err = 0;

	spin_lock(&control.lock);
	while (done < count && !err) {
		done += control.port.operations->write(&control.port, bytes + done, count - done);
		if (done == count)
			break;
		if (!may_wait) {
			err = -EAGAIN;
			break;
		}
		control.writing = true;
		control_listen();
		if (control.port.operations->can_write(&control.port))
			continue;
		err = wait_sleep(&control.writers, &control.lock, WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	}
	spin_unlock(&control.lock);
	return done ? (long)done : err;
}

static long control_write(struct file *file, struct io *io, uint64_t *position)
{
	uint8_t bytes[CHUNK_BYTES];
	long done = 0;

	(void)position;
	while (io->left_bytes) {
		size_t want = io->left_bytes < sizeof(bytes) ? io->left_bytes : sizeof(bytes);
		size_t count = io_copy_from(io, bytes, want);

		if (count != want)
			return done ? done : -EFAULT;
		long written = push(bytes, count, !(file->flags & O_NONBLOCK));
		if (written < 0)
			return done ? done : written;
		done += written;
		if ((size_t)written < count)
			return done;
	}
	return done;
}

static unsigned control_poll(struct file *file, struct poll_waiters *waiters)
{
	const struct port_operations *operations = control.port.operations;
	unsigned ready = 0;

	(void)file;
	if (waiters) {
		poll_register(waiters, &control.readers);
		poll_register(waiters, &control.writers);
	}
	spin_lock(&control.lock);
	if (waiters) {
		control.reading |= !operations->can_read(&control.port);
		control.writing |= !operations->can_write(&control.port);
		control_listen();
	}
	ready |= operations->can_read(&control.port) ? POLL_IN : 0;
	ready |= operations->can_write(&control.port) ? POLL_OUT : 0;
	spin_unlock(&control.lock);
	return ready;
}

const struct file_operations control_operations = {
	.read = control_read,
	.write = control_write,
	.poll = control_poll,
};
