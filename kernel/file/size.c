// SPDX-License-Identifier: MIT
/* truncate(2), fallocate(2), and the calls that write to disks where there are disks. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/resource.h"
#include "abi/signal.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

int size_limit_check(uint64_t start, uint64_t *end)
{
	struct thread *thread = thread_current();
	struct process *process = thread ? thread->process : NULL;

	if (!process || *end <= process->limits[RLIMIT_FSIZE][0])
		return 0;
	if (start < process->limits[RLIMIT_FSIZE][0]) {
		*end = process->limits[RLIMIT_FSIZE][0];
		return 0;
	}
	struct abi_siginfo info = {.signo = SIGXFSZ, .code = SI_KERNEL};
	(void)signal_send_thread(thread, SIGXFSZ, &info);
	return -EFBIG;
}

static long resize(struct inode *inode, uint64_t size_bytes)
{
	if (size_bytes > inode->size_bytes) {
		int err = size_limit_check(size_bytes, &(uint64_t){size_bytes});

		if (err)
			return err;
	}
	return inode_resize(inode, size_bytes);
}

long sys_truncate(const uint64_t *argument)
{
	struct path_walk walk;

	if ((int64_t)argument[1] < 0)
		return -EINVAL;
	int err = path_walk_user(&walk, AT_FDCWD, argument[0], WALK_FOLLOW);
	if (err)
		return err;
	struct inode *inode = walk.child->inode;
	if (S_ISDIR(inode->mode))
		err = -EISDIR;
	else if (!S_ISREG(inode->mode))
		err = -EINVAL;
	else
		err = inode_permission(inode, &walk.access, ACCESS_WRITE);
	if (!err && inode->writers < 0)
		err = -ETXTBSY;
	inode_get(inode);
	path_walk_done(&walk);
	long result = err ? err : resize(inode, argument[1]);
	inode_put(inode);
	return result;
}

long sys_ftruncate(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);
	long result = -EINVAL;

	if (!file)
		return (int64_t)argument[1] < 0 ? -EINVAL : -EBADF;
	if ((int64_t)argument[1] >= 0 && S_ISREG(file->inode->mode) && file_can_write(file))
		result = resize(file->inode, argument[1]);
	file_put(file);
	return result;
}

static long allocate(struct file *file, unsigned mode, int64_t offset, int64_t length)
{
	struct inode *inode = file->inode;

	if (offset < 0 || length <= 0)
		return -EINVAL;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)) == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	if (!file_can_write(file))
		return -EBADF;
	if (S_ISFIFO(inode->mode))
		return -ESPIPE;
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -ENODEV;
	if (!inode->operations->resize)
		return -EOPNOTSUPP;
	if (offset > INT64_MAX - length)
		return -EFBIG;
	if (mode & ~(unsigned)(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	uint64_t end = (uint64_t)(offset + length);
	/* Also with KEEP_SIZE: observed. */
	if (!(mode & FALLOC_FL_PUNCH_HOLE) && end > inode->size_bytes) {
		int err = size_limit_check(end, &end);

		if (err)
			return err;
	}
	return tmpfs_allocate(inode, mode, (uint64_t)offset, (uint64_t)length);
}

int file_punch(struct file *file, uint64_t offset, uint64_t length)
{
	return tmpfs_allocate(file->inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
			      length);
}

long sys_fallocate(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);

	if (!file)
		return -EBADF;
	long result =
		allocate(file, (unsigned)argument[1], (int64_t)argument[2], (int64_t)argument[3]);
	file_put(file);
	return result;
}

/* ---- nothing is ever unwritten here ---- */

long sys_sync(const uint64_t *argument)
{
	(void)argument;
	return 0;
}

static long sync_fd(int fd, bool anything)
{
	struct file *file = fd_file(fd);
	long result = 0;

	if (!file)
		return -EBADF;
	/* fsync(2): bound to a special file, or to one of /proc and its kin */
	if (!anything && (!file->inode->filesystem->changeable ||
			  (!S_ISREG(file->inode->mode) && !S_ISDIR(file->inode->mode))))
		result = -EINVAL;
	file_put(file);
	return result;
}

long sys_fsync(const uint64_t *argument)
{
	return sync_fd((int)argument[0], false);
}

long sys_fdatasync(const uint64_t *argument)
{
	return sync_fd((int)argument[0], false);
}

long sys_syncfs(const uint64_t *argument)
{
	return sync_fd((int)argument[0], true);
}

static long advise(int fd)
{
	struct file *file = fd_file(fd);

	if (!file)
		return -EBADF;
	long result = S_ISFIFO(file->inode->mode) ? -ESPIPE : 0;
	file_put(file);
	return result;
}

long sys_sync_file_range(const uint64_t *argument)
{
	return advise((int)argument[0]);
}

long sys_fadvise64(const uint64_t *argument)
{
	if ((int)argument[3] < 0 || (int)argument[3] > 5 || (int64_t)argument[2] < 0)
		return -EINVAL;
	return advise((int)argument[0]);
}

long sys_readahead(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);

	if (!file)
		return -EBADF;
	long result = S_ISREG(file->inode->mode) ? 0 : -EINVAL;
	if (!file_can_read(file))
		result = -EBADF;
	file_put(file);
	return result;
}
