// SPDX-License-Identifier: MIT
/* read(2), write(2), their vectored and positioned forms, and lseek(2). */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/uio.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/syscall/syscall.h"

#define POSITION_OWN UINT64_MAX /* the file's position, not a given one */

static long move_at(struct file *file, struct io *io, uint64_t position, bool write)
{
	const struct file_operations *operations = file->operations;

	if (position == POSITION_OWN)
		return write ? file_write(file, io) : file_read(file, io);
	if ((int64_t)position < 0)
		return -EINVAL;
	if (!operations->seeks)
		return -ESPIPE;
	if (write ? !file_can_write(file) : !file_can_read(file))
		return -EBADF;
	if (write)
		return operations->write ? operations->write(file, io, &position) : -EINVAL;
	if (!operations->read)
		return S_ISDIR(file->inode->mode) ? -EISDIR : -EINVAL;
	return operations->read(file, io, &position);
}

static long move_one(const uint64_t *argument, uint64_t position, bool write)
{
	struct io_piece piece;
	struct io io;
	struct file *file = fd_file((int)argument[0]);

	if (!file)
		return -EBADF;
	io_init_user(&io, &piece, argument[1], io_bytes_limit(argument[2]));
	long result = move_at(file, &io, position, write);
	file_put(file);
	return result;
}

static long move_vector(const uint64_t *argument, uint64_t position, bool write)
{
	struct io_vector vector;
	struct io io;

	struct file *file = fd_file((int)argument[0]);
	if (!file)
		return -EBADF;
	long result = argument[2] > IOV_MAX
			      ? -EINVAL
			      : io_vector_load(&vector, argument[1], (unsigned)argument[2], &io);
	if (!result) {
		result = move_at(file, &io, position, write);
		io_vector_free(&vector);
	}
	file_put(file);
	return result;
}

long sys_read(const uint64_t *argument)
{
	return move_one(argument, POSITION_OWN, false);
}

long sys_write(const uint64_t *argument)
{
	return move_one(argument, POSITION_OWN, true);
}

/* A negative position is EINVAL; -1 must not be mistaken for the file's own. */
static uint64_t position_given(uint64_t position)
{
	return (int64_t)position < 0 ? INT64_MIN : position;
}

long sys_pread64(const uint64_t *argument)
{
	return move_one(argument, position_given(argument[3]), false);
}

long sys_pwrite64(const uint64_t *argument)
{
	return move_one(argument, position_given(argument[3]), true);
}

long sys_readv(const uint64_t *argument)
{
	return move_vector(argument, POSITION_OWN, false);
}

long sys_writev(const uint64_t *argument)
{
	return move_vector(argument, POSITION_OWN, true);
}

long sys_preadv(const uint64_t *argument)
{
	return move_vector(argument, position_given(argument[3]), false);
}

long sys_pwritev(const uint64_t *argument)
{
	return move_vector(argument, position_given(argument[3]), true);
}

/* preadv2(2): -1 is the file's own position; no RWF_ flags here. */
static long move_vector_flags(const uint64_t *argument, bool write)
{
	if (argument[5])
		return -EOPNOTSUPP;
	if (argument[3] == UINT64_MAX)
		return move_vector(argument, POSITION_OWN, write);
	return move_vector(argument, position_given(argument[3]), write);
}

long sys_preadv2(const uint64_t *argument)
{
	return move_vector_flags(argument, false);
}

long sys_pwritev2(const uint64_t *argument)
{
	return move_vector_flags(argument, true);
}

/* ---- lseek(2) ---- */

static int64_t seek_target(struct file *file, int64_t offset, int whence)
{
	int64_t base = 0;

	/* /dev/null and its kin: any place will do, and it is the first. Observed. */
	if (S_ISCHR(file->inode->mode))
		return whence >= SEEK_SET && whence <= SEEK_HOLE ? 0 : -EINVAL;
	switch (whence) {
	case SEEK_SET:
		break;
	case SEEK_CUR:
		base = (int64_t)file->position;
		break;
	case SEEK_END:
		if (file->operations->endless)
			return -EINVAL;
		base = (int64_t)file_size(file);
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		if (!S_ISREG(file->inode->mode) || !file->inode->operations->resize)
			return -EINVAL;
		if (offset < 0)
			return -ENXIO;
		return tmpfs_seek(file->inode, (uint64_t)offset, whence == SEEK_DATA);
	default:
		return -EINVAL;
	}
	int64_t target;
	if (__builtin_add_overflow(base, offset, &target))
		return -EOVERFLOW;
	return target < 0 ? -EINVAL : target;
}

long sys_lseek(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);
	int64_t target = -ESPIPE;

	if (!file)
		return -EBADF;
	if (file->operations->seeks) {
		mutex_lock(&file->position_lock);
		target = seek_target(file, (int64_t)argument[1], (int)argument[2]);
		if (target >= 0)
			file->position = (uint64_t)target;
		mutex_unlock(&file->position_lock);
	}
	file_put(file);
	return target;
}
