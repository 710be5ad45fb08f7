// SPDX-License-Identifier: MIT
/* sendfile(2) and copy_file_range(2): from file to file through a buffer of the kernel's. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/process/signal.h"
#include "kernel/syscall/syscall.h"

#define BUFFER_BYTES 16384
#define MOVE_MAX     0x7ffff000ull

/* One end of a transfer: a file, and a position unless the file's own is meant. */
struct transfer_end {
	struct file *file;
	uint64_t position;
	bool given; /* position was given by the caller, and goes back to it */
};

static long end_move(struct transfer_end *end, void *buffer, size_t size_bytes, bool write)
{
	const struct file_operations *operations = end->file->operations;
	struct io_piece piece;
	struct io io;

	io_init_kernel(&io, &piece, buffer, size_bytes);
	if (!end->given)
		return write ? file_write(end->file, &io) : file_read(end->file, &io);
	return write ? operations->write(end->file, &io, &end->position)
		     : operations->read(end->file, &io, &end->position);
}

/* What was read but could not be written is read again another time. */
static void end_give_back(struct transfer_end *end, long bytes)
{
	if (bytes <= 0)
		return;
	if (end->given) {
		end->position -= (uint64_t)bytes;
		return;
	}
	mutex_lock(&end->file->position_lock);
	end->file->position -= (uint64_t)bytes;
	mutex_unlock(&end->file->position_lock);
}

static long transfer(struct transfer_end *in, struct transfer_end *out, uint64_t size_bytes)
{
	char *buffer = kmem_alloc(BUFFER_BYTES);
	long done = 0, result = 0;

	if (!buffer)
		return -ENOMEM;
	while (size_bytes) {
		size_t chunk = size_bytes < BUFFER_BYTES ? size_bytes : BUFFER_BYTES;
		long got = result = end_move(in, buffer, chunk, false);

		if (result <= 0)
			break;
		result = end_move(out, buffer, (size_t)got, true);
		end_give_back(in, got - (result > 0 ? result : 0));
		if (result <= 0)
			break;
		done += result;
		size_bytes -= (uint64_t)result;
		if (result < got || signal_is_pending())
			break;
		schedule_point();
	}
	kmem_free(buffer, BUFFER_BYTES);
	return done ? done : result;
}

/* A position of the caller's, if it gave one. 0; -EFAULT, -ESPIPE. */
static int end_load(struct transfer_end *end, uint64_t address)
{
	end->given = address != 0;
	if (!address)
		return 0;
	if (copy_from_user(&end->position, address, sizeof(end->position)))
		return -EFAULT;
	return end->file->operations->seeks ? 0 : -ESPIPE;
}

static long send_file(struct file *in_file, struct file *out_file, uint64_t address,
		      uint64_t size_bytes)
{
	struct transfer_end in = {.file = in_file}, out = {.file = out_file};

	if (!file_can_read(in_file) || !file_can_write(out_file))
		return -EBADF;
	if (!in_file->operations->seeks || !in_file->operations->read ||
	    !out_file->operations->write || (out_file->flags & O_APPEND))
		return -EINVAL;
	int err = end_load(&in, address);
	if (err)
		return err;
	if ((int64_t)in.position < 0)
		return -EINVAL;
	long result = transfer(&in, &out, size_bytes < MOVE_MAX ? size_bytes : MOVE_MAX);
	if (address && copy_to_user(address, &in.position, sizeof(in.position)))
		return -EFAULT;
	return result;
}

long sys_sendfile(const uint64_t *argument)
{
	struct file *out = fd_file((int)argument[0]), *in = fd_file((int)argument[1]);
	long result = -EBADF;

	if (in && out)
		result = send_file(in, out, argument[2], argument[3]);
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return result;
}

static uint64_t end_start(const struct transfer_end *end)
{
	return end->given ? end->position : end->file->position;
}

/* What of *size_bytes there is to copy. 0, -EINVAL, -EOVERFLOW, in the order of Linux: observed. */
static int range_check(const struct transfer_end *in, const struct transfer_end *out,
		       uint64_t *size_bytes)
{
	uint64_t from = end_start(in), to = end_start(out), size = file_size(in->file);

	if (from + *size_bytes < from || to + *size_bytes < to)
		return -EOVERFLOW;
	if ((int64_t)from < 0 || (int64_t)to < 0)
		return -EINVAL;
	if (from >= size)
		*size_bytes = 0;
	else if (*size_bytes > size - from)
		*size_bytes = size - from;
	if (in->file->inode == out->file->inode && from < to + *size_bytes &&
	    to < from + *size_bytes)
		return -EINVAL; /* they overlap */
	return 0;
}

static long copy_range(struct file *in_file, struct file *out_file, const uint64_t *argument)
{
	struct transfer_end in = {.file = in_file}, out = {.file = out_file};
	uint64_t size_bytes = argument[4];

	if (argument[5])
		return -EINVAL;
	if (S_ISDIR(in_file->inode->mode) || S_ISDIR(out_file->inode->mode))
		return -EISDIR;
	if (!S_ISREG(in_file->inode->mode) || !S_ISREG(out_file->inode->mode))
		return -EINVAL;
	if (!file_can_read(in_file) || !file_can_write(out_file) || (out_file->flags & O_APPEND))
		return -EBADF;
	if (!in_file->inode->operations->resize || !out_file->inode->operations->resize)
		return -EXDEV; /* /proc */
	int err = end_load(&in, argument[1]);
	if (!err)
		err = end_load(&out, argument[3]);
	if (!err)
		err = range_check(&in, &out, &size_bytes);
	if (err)
		return err;
	long result = transfer(&in, &out, size_bytes < MOVE_MAX ? size_bytes : MOVE_MAX);
	if ((in.given && copy_to_user(argument[1], &in.position, sizeof(in.position))) ||
	    (out.given && copy_to_user(argument[3], &out.position, sizeof(out.position))))
		return -EFAULT;
	return result;
}

long sys_copy_file_range(const uint64_t *argument)
{
	struct file *in = fd_file((int)argument[0]), *out = fd_file((int)argument[2]);
	long result = -EBADF;

	if (in && out)
		result = copy_range(in, out, argument);
	if (in)
		file_put(in);
	if (out)
		file_put(out);
	return result;
}
