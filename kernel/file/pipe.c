// SPDX-License-Identifier: MIT
/*
 * Pipes and fifos: pipe(7). A ring of 16 pages, each taken when the first byte
 * goes in and given back when the last one is read; one page is kept, and an
 * empty pipe starts again at its beginning, so that small messages always use
 * that one page.
 *
 * The pipe's mutex is held while bytes are copied, which makes writes of up to
 * PIPE_BUF whole. It may be held over a page fault: no fault needs a pipe.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/filio.h"
#include "abi/signal.h"
#include "abi/statfs.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/file/pipe.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define PIPE_PAGES 16
#define PIPE_BYTES (PIPE_PAGES * PAGE_BYTES)
#define PIPE_BUF   4096

struct pipe {
	struct mutex lock;
	uint64_t start, end; /* lock: positions of the first byte, and after the last */
	/* Changed under the lock, read by poll without: see pipe_poll. */
	uint64_t filled;                       /* end - start */
	unsigned readers, writers;             /* open files of each kind */
	unsigned reader_serial, writer_serial; /* lock: how many ever opened; for fifos */
	struct wait_queue readable, writable;
	uint64_t frames[PIPE_PAGES]; /* lock; 0: none */
};

static struct filesystem *pipe_filesystem;

static struct pipe *pipe_create(void)
{
	struct pipe *pipe = kmem_zalloc(sizeof(*pipe));

	if (!pipe)
		return NULL;
	mutex_init(&pipe->lock, RANK_PIPE);
	wait_queue_init(&pipe->readable);
	wait_queue_init(&pipe->writable);
	return pipe;
}

/* The inode's last reference is gone: nobody has it open. */
void pipe_destroy(struct inode *inode)
{
	struct pipe *pipe = inode->pipe;

	if (!pipe)
		return;
	for (unsigned i = 0; i < PIPE_PAGES; i++)
		if (pipe->frames[i])
			frame_put(pipe->frames[i]);
	kmem_free(pipe, sizeof(*pipe));
}

/* ---- the ring ---- */

static uint64_t *frame_at(struct pipe *pipe, uint64_t position)
{
	return &pipe->frames[(position >> PAGE_SHIFT) % PIPE_PAGES];
}

static void ring_filled(struct pipe *pipe)
{
	__atomic_store_n(&pipe->filled, pipe->end - pipe->start, __ATOMIC_RELAXED);
}

/* Bytes out, up to what is there. */
static size_t ring_take(struct pipe *pipe, struct io *io)
{
	size_t done = 0;

	while (pipe->start < pipe->end && io->left_bytes) {
		uint64_t offset = pipe->start & (PAGE_BYTES - 1), chunk = PAGE_BYTES - offset;
		uint64_t *frame = frame_at(pipe, pipe->start);

		if (chunk > pipe->end - pipe->start)
			chunk = pipe->end - pipe->start;
		if (chunk > io->left_bytes)
			chunk = io->left_bytes;
		/* What lies in a page goes as a whole, here and below: observed. */
		if (io_copy_to(io, (uint8_t *)phys_to_virt(*frame) + offset, chunk) < chunk)
			break;
		pipe->start += chunk;
		done += chunk;
		/* The page is read to its end, and the writer has not come round to it again. */
		if (!(pipe->start & (PAGE_BYTES - 1)) &&
		    pipe->end <= pipe->start + PIPE_BYTES - PAGE_BYTES && frame != pipe->frames) {
			frame_put(*frame);
			*frame = 0;
		}
	}
	if (pipe->start == pipe->end) {
		uint64_t *frame = frame_at(pipe, pipe->start);

		if (frame != pipe->frames && *frame) {
			frame_put(*frame);
			*frame = 0;
		}
		pipe->start = pipe->end = 0;
	}
	ring_filled(pipe);
	return done;
}

/* Bytes in, up to the room that is there. *err: why it stopped short of both. */
static size_t ring_put(struct pipe *pipe, struct io *io, int *err)
{
	size_t done = 0;

	while (io->left_bytes && pipe->end - pipe->start < PIPE_BYTES) {
		uint64_t offset = pipe->end & (PAGE_BYTES - 1), chunk = PAGE_BYTES - offset;
		uint64_t *frame = frame_at(pipe, pipe->end);

		if (chunk > PIPE_BYTES - (pipe->end - pipe->start))
			chunk = PIPE_BYTES - (pipe->end - pipe->start);
		if (chunk > io->left_bytes)
			chunk = io->left_bytes;
		if (!*frame)
			*frame = frame_alloc(0);
		if (!*frame) {
			*err = -ENOMEM;
			break;
		}
		if (io_copy_from(io, (uint8_t *)phys_to_virt(*frame) + offset, chunk) < chunk) {
			*err = -EFAULT;
			break;
		}
		pipe->end += chunk;
		done += chunk;
	}
	ring_filled(pipe);
	return done;
}

/* ---- reading and writing ---- */

static long pipe_read(struct file *file, struct io *io, uint64_t *position)
{
	struct pipe *pipe = file->inode->pipe;
	long result;

	(void)position;
	if (!io->left_bytes)
		return 0;
	mutex_lock(&pipe->lock);
	while (pipe->start == pipe->end) {
		result = 0;
		if (!pipe->writers)
			goto unlock;
		result = -EAGAIN;
		if (file->flags & O_NONBLOCK)
			goto unlock;
		result = wait_sleep_mutex(&pipe->readable, &pipe->lock, WAIT_FOREVER,
					  WAIT_INTERRUPTIBLE);
		if (result)
			goto unlock;
	}
	bool was_tight = PIPE_BYTES - (pipe->end - pipe->start) < PIPE_BUF;
	result = (long)ring_take(pipe, io);
	if (!result)
		result = -EFAULT;
	mutex_unlock(&pipe->lock);
	if (was_tight) /* only then can a writer be waiting for room */
		wait_wake_all(&pipe->writable);
	return result;
unlock:
	mutex_unlock(&pipe->lock);
	return result;
}

void pipe_signal_broken(void)
{
	struct abi_siginfo info = {.signo = SIGPIPE, .code = SI_KERNEL};

	(void)signal_send_thread(thread_current(), SIGPIPE, &info);
}

/* Is there room to start writing? What fits in PIPE_BUF goes as a whole or waits. */
static bool room_for(struct pipe *pipe, uint64_t size_bytes)
{
	uint64_t room = PIPE_BYTES - (pipe->end - pipe->start);

	return room >= (size_bytes <= PIPE_BUF ? size_bytes : 1);
}

static long pipe_write(struct file *file, struct io *io, uint64_t *position)
{
	struct pipe *pipe = file->inode->pipe;
	bool whole = io->left_bytes <= PIPE_BUF;
	long done = 0;
	int err = 0;

	(void)position;
	if (!io->left_bytes)
		return 0;
	mutex_lock(&pipe->lock);
	while (io->left_bytes && !err) {
		if (!pipe->readers) {
			err = -EPIPE;
		} else if (room_for(pipe, whole ? io->left_bytes : PIPE_BUF + 1)) {
			done += (long)ring_put(pipe, io, &err);
			/* Readers sleep only while it is empty; EPOLLET asks for each write. */
			wait_wake_all(&pipe->readable);
		} else if (file->flags & O_NONBLOCK) {
			err = -EAGAIN;
		} else {
			err = wait_sleep_mutex(&pipe->writable, &pipe->lock, WAIT_FOREVER,
					       WAIT_INTERRUPTIBLE);
		}
	}
	mutex_unlock(&pipe->lock);
	if (err == -EPIPE)
		pipe_signal_broken();
	return done ? done : err;
}

/*
 * Without the pipe's lock: it is a sleeping one, and a wake-up for a queue that
 * was registered before would be spent on waiting for the lock. Who changes
 * what is read here wakes the queues afterwards.
 */
static unsigned pipe_poll(struct file *file, struct poll_waiters *waiters)
{
	struct pipe *pipe = file->inode->pipe;
	unsigned events = 0;

	if (waiters && file_can_read(file))
		poll_register(waiters, &pipe->readable);
	if (waiters && file_can_write(file))
		poll_register(waiters, &pipe->writable);
	if (file_can_read(file)) {
		if (__atomic_load_n(&pipe->filled, __ATOMIC_RELAXED))
			events |= POLL_IN;
		if (!__atomic_load_n(&pipe->writers, __ATOMIC_RELAXED) && pipe->writer_serial)
			events |= POLL_HUP;
	}
	if (file_can_write(file)) {
		if (PIPE_BYTES - __atomic_load_n(&pipe->filled, __ATOMIC_RELAXED) >= PIPE_BUF)
			events |= POLL_OUT;
		if (!__atomic_load_n(&pipe->readers, __ATOMIC_RELAXED))
			events |= POLL_ERR;
	}
	return events;
}

static long pipe_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	struct pipe *pipe = file->inode->pipe;
	int32_t available;

	if (command != FIONREAD)
		return -ENOTTY;
	mutex_lock(&pipe->lock);
	available = (int32_t)(pipe->end - pipe->start);
	mutex_unlock(&pipe->lock);
	return copy_to_user(argument, &available, sizeof(available));
}

static void pipe_release(struct file *file)
{
	struct pipe *pipe = file->inode->pipe;

	mutex_lock(&pipe->lock);
	if (file_can_read(file))
		pipe->readers--;
	if (file_can_write(file))
		pipe->writers--;
	if (!pipe->readers && !pipe->writers && pipe->start != pipe->end) {
		/* A fifo that nobody has open holds nothing: fifo(7). */
		for (unsigned i = 0; i < PIPE_PAGES; i++) {
			if (pipe->frames[i])
				frame_put(pipe->frames[i]);
			pipe->frames[i] = 0;
		}
		pipe->start = pipe->end = 0;
		ring_filled(pipe);
	}
	mutex_unlock(&pipe->lock);
	wait_wake_all(&pipe->readable);
	wait_wake_all(&pipe->writable);
}

static const struct file_operations pipe_files = {
	.read = pipe_read,
	.write = pipe_write,
	.ioctl = pipe_ioctl,
	.poll = pipe_poll,
	.release = pipe_release,
};

/* ---- fifos: opening waits for the other side ---- */

static struct pipe *fifo_pipe(struct inode *inode)
{
	mutex_lock(&inode->lock);
	if (!inode->pipe)
		inode->pipe = pipe_create();
	struct pipe *pipe = inode->pipe;
	mutex_unlock(&inode->lock);
	return pipe;
}

/* Wait until somebody opens the other side, now or since. Pipe locked. */
static int fifo_wait(struct pipe *pipe, bool for_writer)
{
	unsigned *count = for_writer ? &pipe->writers : &pipe->readers;
	unsigned *serial = for_writer ? &pipe->writer_serial : &pipe->reader_serial;
	unsigned seen = *serial;
	int err = 0;

	while (!*count && *serial == seen && !err)
		err = wait_sleep_mutex(for_writer ? &pipe->readable : &pipe->writable, &pipe->lock,
				       WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	return err;
}

int pipe_fifo_open(struct inode *inode, struct file *file)
{
	struct pipe *pipe = fifo_pipe(inode);
	/* A pipe of pipe(2), opened again through /proc/PID/fd, waits for nobody. */
	bool named = inode->filesystem != pipe_filesystem;
	bool reads = file_can_read(file), writes = file_can_write(file);
	int err = 0;

	if (!pipe)
		return -ENOMEM;
	if (!reads && !writes)
		return -EINVAL; /* access mode 3: neither end */
	mutex_lock(&pipe->lock);
	if (named && writes && !reads && (file->flags & O_NONBLOCK) && !pipe->readers) {
		mutex_unlock(&pipe->lock);
		return -ENXIO; /* fifo(7) */
	}
	file->operations = &pipe_files; /* from here on release undoes the counts */
	if (reads) {
		pipe->readers++;
		pipe->reader_serial++;
		wait_wake_all(&pipe->writable);
	}
	if (writes) {
		pipe->writers++;
		pipe->writer_serial++;
		wait_wake_all(&pipe->readable);
	}
	if (named && reads && !writes && !(file->flags & O_NONBLOCK))
		err = fifo_wait(pipe, true);
	else if (named && writes && !reads)
		err = fifo_wait(pipe, false);
	mutex_unlock(&pipe->lock);
	return err;
}

/* ---- pipe(2) ---- */

static const struct inode_operations pipe_inode = {
	.open = pipe_fifo_open, /* through /proc/PID/fd */
	.destroy = pipe_destroy,
};

int pipe_init(void)
{
	pipe_filesystem = filesystem_create("pipefs", PIPEFS_MAGIC, false);
	return pipe_filesystem ? 0 : -ENOMEM;
}

/* Both ends, with references to the caller. 0; -ENOMEM. */
static int pipe_make(uint32_t flags, struct file *ends[2])
{
	struct inode *inode = inode_create(pipe_filesystem, &pipe_inode, S_IFIFO | 0600);

	if (!inode)
		return -ENOMEM;
	inode->links = 1;
	inode->pipe = pipe_create();
	ends[0] = inode->pipe ? file_create(inode, NULL, &pipe_files, O_RDONLY | flags) : NULL;
	ends[1] = ends[0] ? file_create(inode, NULL, &pipe_files, O_WRONLY | flags) : NULL;
	if (ends[0]) {
		inode->pipe->readers = inode->pipe->reader_serial = 1;
		inode->pipe->writers = inode->pipe->writer_serial = ends[1] ? 1 : 0;
		if (!ends[1])
			file_put(ends[0]);
	}
	inode_put(inode);
	return ends[0] && ends[1] ? 0 : -ENOMEM;
}

static long pipe_call(uint64_t address, uint32_t flags)
{
	struct file *ends[2];
	int32_t fds[2];

	if (flags & ~(uint32_t)(O_CLOEXEC | O_NONBLOCK | O_DIRECT))
		return -EINVAL;
	int err = pipe_make(flags & O_NONBLOCK, ends);
	if (err)
		return err;
	fds[0] = fd_install(ends[0], 0, flags & O_CLOEXEC);
	if (fds[0] < 0) {
		err = fds[0];
		file_put(ends[0]);
		file_put(ends[1]);
		return err;
	}
	fds[1] = fd_install(ends[1], 0, flags & O_CLOEXEC);
	if (fds[1] < 0) {
		err = fds[1];
		file_put(ends[1]);
	} else {
		err = copy_to_user(address, fds, sizeof(fds));
	}
	if (err) {
		sys_close(&(uint64_t){(uint64_t)fds[0]});
		if (fds[1] >= 0)
			sys_close(&(uint64_t){(uint64_t)fds[1]});
	}
	return err;
}

long sys_pipe(const uint64_t *argument)
{
	return pipe_call(argument[0], 0);
}

long sys_pipe2(const uint64_t *argument)
{
	return pipe_call(argument[0], (uint32_t)argument[1]);
}

/* F_GETPIPE_SZ. */
long pipe_size(struct file *file)
{
	return file->operations == &pipe_files ? (long)PIPE_BYTES : -EBADF;
}
