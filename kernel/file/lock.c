// SPDX-License-Identifier: MIT
/*
 * flock(2). An inode counts its holders; a file's own share is in struct file
 * (lock_mode) and goes with it.
 */

#include "kernel/file/lock.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/open.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

/* One lock and one queue for all files: flock is rare. */
static struct spinlock flock_lock = SPINLOCK_INIT(RANK_FD_TABLE);
static struct wait_queue flock_queue = WAIT_QUEUE_INIT(flock_queue);

static void drop_locked(struct file *file)
{
	if (file->lock_mode == LOCK_EX)
		file->inode->flock_holders = 0;
	else if (file->lock_mode == LOCK_SH)
		file->inode->flock_holders--;
	file->lock_mode = 0;
}

void lock_release_file(struct file *file)
{
	if (file->inode->records)
		record_release(file->inode, file);
	if (!file->lock_mode)
		return;
	spin_lock(&flock_lock);
	drop_locked(file);
	spin_unlock(&flock_lock);
	wait_wake_all(&flock_queue);
}

static bool take_locked(struct file *file, unsigned mode)
{
	struct inode *inode = file->inode;

	if (mode == LOCK_SH && inode->flock_holders >= 0) {
		inode->flock_holders++;
	} else if (mode == LOCK_EX && inode->flock_holders == 0) {
		inode->flock_holders = -1;
	} else {
		return false;
	}
	file->lock_mode = mode;
	return true;
}

/* Would any lock be to be had if the file gave up what it has? */
static bool only_own_is_in_the_way(const struct file *file)
{
	return file->lock_mode == LOCK_EX || file->inode->flock_holders == 1;
}

static long flock_file(struct file *file, int operation)
{
	unsigned mode = (unsigned)operation & ~(unsigned)LOCK_NB;
	int err = 0;

	if (mode != LOCK_SH && mode != LOCK_EX && mode != LOCK_UN)
		return -EINVAL;
	spin_lock(&flock_lock);
	/* While we wait, another thread may lock the same open file, as we want to or otherwise. */
	for (bool waited = false; !err && file->lock_mode != mode; waited = true) {
		/* flock(2): a conversion drops the old lock first; it is not atomic. */
		if (file->lock_mode && (!waited || only_own_is_in_the_way(file))) {
			drop_locked(file);
			wait_wake_all(&flock_queue);
		}
		if (mode == LOCK_UN || (!file->lock_mode && take_locked(file, mode)))
			break;
		err = operation & LOCK_NB ? -EAGAIN
					  : wait_sleep(&flock_queue, &flock_lock, WAIT_FOREVER,
						       WAIT_INTERRUPTIBLE);
	}
	spin_unlock(&flock_lock);
	return err;
}

long sys_flock(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);

	if (!file)
		return -EBADF;
	long result = flock_file(file, (int)argument[1]);
	file_put(file);
	return result;
}
