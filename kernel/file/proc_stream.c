// SPDX-License-Identifier: MIT
/* Reading text that is made piece by piece. */

#include "kernel/file/proc_stream.h"

#include "abi/errno.h"
#include "kernel/file/open.h"
#include "kernel/file/proc.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

#define PIECE_BYTES_MAX 4096

/* An open file: the piece that is being read. The inode's lock guards it. */
struct reading {
	struct proc_stream stream;
	struct text piece;
	uint64_t start; /* the position of its first byte */
};

/* How much of the text is made to have so many bytes from a position on, where none of it is there. */
static size_t piece_bytes(const struct reading *reading, uint64_t position, uint64_t size_bytes)
{
	uint64_t before = position - reading->start;

	return before < PIECE_BYTES_MAX && size_bytes < PIECE_BYTES_MAX - before
		       ? (size_t)(before + size_bytes)
		       : PIECE_BYTES_MAX;
}

/*
 * Make the piece current that holds a position, long enough for size_bytes from there on, if it is not
 * too large; an empty one: the text ends before it.
 */
static int reading_seek(struct reading *reading, proc_stream_function *more, uint64_t position,
			uint64_t size_bytes)
{
	if (position < reading->start || !position) {
		reading->start = 0;
		reading->piece.length = 0;
		reading->stream.cursor = reading->stream.detail = 0;
	}
	while (position >= reading->start + reading->piece.length) {
		reading->start += reading->piece.length;
		reading->piece.length = 0;
		reading->stream.wanted_bytes = piece_bytes(reading, position, size_bytes);
		more(&reading->piece, &reading->stream);
		if (reading->piece.no_memory) {
			reading->piece.no_memory = false;
			reading->start = UINT64_MAX; /* from the beginning next time */
			reading->piece.length = 0;
			return -ENOMEM;
		}
		if (!reading->piece.length)
			return 0;
		schedule_point();
		if (signal_kill_is_pending())
			return -EINTR;
	}
	return 0;
}

/* What the current piece has, or the next: how many bytes; 0: the text has ended; -ENOMEM, -EFAULT. */
static long read_piece(struct reading *reading, proc_stream_function *more, struct io *io,
		       uint64_t *position)
{
	long err = reading_seek(reading, more, *position, io->left_bytes);

	if (err || !reading->piece.length)
		return err;
	size_t size_bytes = (size_t)(reading->start + reading->piece.length - *position);
	if (size_bytes > io->left_bytes)
		size_bytes = io->left_bytes;
	size_t done =
		io_copy_to(io, reading->piece.bytes + (*position - reading->start), size_bytes);
	*position += done;
	return done ? (long)done : -EFAULT;
}

static long stream_read(struct file *file, struct io *io, uint64_t *position)
{
	const struct proc_entry *entry = file->inode->generic;
	long done = 0, more = 1;

	if (entry->of_space && !proc_is_there(file->inode))
		return -ESRCH;
	mutex_lock(&file->inode->lock);
	/* What an earlier read has left, and a piece that is made now. */
	for (int i = 0; i < 2 && io->left_bytes && more > 0; i++) {
		more = read_piece(file->data, entry->stream, io, position);
		if (more > 0 || !done)
			done += more;
	}
	mutex_unlock(&file->inode->lock);
	return done;
}

/* Refused when it is tried: root may open for writing what nobody may write. */
static long stream_write(struct file *file, struct io *io, uint64_t *position)
{
	const struct proc_entry *entry = file->inode->generic;

	(void)io;
	(void)position;
	return entry->of_space ? -EINVAL : -EIO; /* observed */
}

static void stream_release(struct file *file)
{
	struct reading *reading = file->data;

	if (!reading)
		return;
	if (reading->stream.held)
		space_release(reading->stream.held);
	ipc_namespace_put(reading->stream.ns);
	text_release(&reading->piece);
	kmem_free(reading, sizeof(*reading));
}

static const struct file_operations stream_files = {
	.read = stream_read,
	.write = stream_write,
	.release = stream_release,
	.seeks = true,
	.endless = true,
};

static int stream_open(struct inode *inode, struct file *file)
{
	struct reading *reading = kmem_zalloc(sizeof(*reading));

	if (!reading)
		return -ENOMEM;
	int err = proc_space_hold(inode, &reading->stream.held);
	if (err) {
		kmem_free(reading, sizeof(*reading));
		return err;
	}
	reading->stream.ns = thread_current()->ipc;
	ipc_namespace_get(reading->stream.ns);
	file->data = reading;
	return 0;
}

const struct inode_operations proc_stream_operations = {
	.files = &stream_files,
	.open = stream_open,
};
