// SPDX-License-Identifier: MIT
/* fcntl(2) and ioctl(2) on any file. */

#include "abi/fcntl.h"
#include "abi/errno.h"
#include "abi/filio.h"
#include "arch/arch.h"
#include "kernel/file/fd.h"
#include "kernel/file/lock.h"
#include "kernel/file/memfd.h"
#include "kernel/file/open.h"
#include "kernel/file/pipe.h"
#include "kernel/syscall/syscall.h"

#define SETTABLE_FLAGS (O_APPEND | O_NONBLOCK | O_ASYNC | O_DIRECT | O_NOATIME)

static long set_flags(struct file *file, uint32_t flags)
{
	struct access access;
	uint32_t old = file->flags;

	if ((flags & O_NOATIME) && !(old & O_NOATIME)) {
		access_current(&access);
		if (!inode_is_owner(file->inode, &access))
			return -EPERM;
	}
	/* Of a pipe it asks for packets. */
	if ((flags & O_DIRECT) && !S_ISFIFO(file->inode->mode) && !inode_takes_direct(file->inode))
		return -EINVAL;
	__atomic_store_n(&file->flags, (old & ~(uint32_t)SETTABLE_FLAGS) | (flags & SETTABLE_FLAGS),
			 __ATOMIC_RELAXED);
	return 0;
}

static long control(struct file *file, int fd, int command, uint64_t argument)
{
	switch (command) {
	case F_SETFL:
		return set_flags(file, (uint32_t)argument);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return record_control(file, fd, command, argument);
	case F_SETOWN:
	case F_GETOWN:
		return 0;
	case F_GETPIPE_SZ:
		return pipe_size(file);
	case F_SETPIPE_SZ: /* granted as long as the fixed size is enough */
		return pipe_size(file) < 0 || argument <= (uint64_t)pipe_size(file)
			       ? pipe_size(file)
			       : -EPERM;
	case F_ADD_SEALS:
		return memfd_add_seals(file, (uint32_t)argument);
	case F_GET_SEALS:
		return memfd_seals(file);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(const uint64_t *argument)
{
	int fd = (int)argument[0], command = (int)argument[1];
	struct file *file = fd_file_any(fd);
	long result;

	if (!file)
		return -EBADF;
	switch (command) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		result = fd_duplicate(fd, (int)argument[2], command == F_DUPFD_CLOEXEC);
		break;
	case F_GETFD:
		result = fd_flag(fd, -1);
		break;
	case F_SETFD:
		result = fd_flag(fd, argument[2] & FD_CLOEXEC);
		if (result > 0)
			result = 0;
		break;
	case F_GETFL:
		result = file->flags & ~(uint32_t)O_NOCTTY;
		break;
	default:
		result = file->flags & O_PATH ? -EBADF : control(file, fd, command, argument[2]);
	}
	file_put(file);
	return result;
}

/* ---- ioctl(2) ---- */

static long set_nonblocking(struct file *file, uint64_t address)
{
	int32_t on;

	if (copy_from_user(&on, address, sizeof(on)))
		return -EFAULT;
	return set_flags(file, on ? file->flags | O_NONBLOCK : file->flags & ~(uint32_t)O_NONBLOCK);
}

/* Bytes from the position to the end. */
static long readable_bytes(struct file *file, uint64_t address)
{
	uint64_t size = file_size(file);
	int32_t left = size > file->position ? (int32_t)(size - file->position) : 0;

	return copy_to_user(address, &left, sizeof(left));
}

long sys_ioctl(const uint64_t *argument)
{
	int fd = (int)argument[0];
	unsigned command = (unsigned)argument[1];
	struct file *file = fd_file(fd);
	long result = -ENOTTY;

	if (!file)
		return -EBADF;
	if (command == FIOCLEX || command == FIONCLEX) {
		(void)fd_flag(fd, command == FIOCLEX);
		result = 0;
	} else if (command == FIONBIO) {
		result = set_nonblocking(file, argument[2]);
	} else if (command == FIONREAD && S_ISREG(file->inode->mode)) {
		result = readable_bytes(file, argument[2]);
	} else if (file->operations->ioctl) {
		result = file->operations->ioctl(file, command, argument[2]);
	}
	file_put(file);
	return result;
}
