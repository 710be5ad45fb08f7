// SPDX-License-Identifier: MIT
/* chmod(2), chown(2), utimensat(2) and their kin. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "abi/time.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/process/cred.h"
#include "kernel/syscall/syscall.h"

/* What a call changes; the same for a path and for a descriptor. */
struct change {
	int (*apply)(struct inode *inode, const struct access *access, const struct change *change);
	uint32_t mode, uid, gid;
	bool now;                   /* times: both "now", so that a writer may do it */
	int64_t atime_ns, mtime_ns; /* CHANGE_OMIT: unchanged */
};

#define CHANGE_OMIT INT64_MIN

static int change_inode(struct inode *inode, const struct change *change)
{
	struct access access;

	if (inode->filesystem->magic == PROC_SUPER_MAGIC || inode->filesystem->magic == NSFS_MAGIC)
		return -EPERM;
	if (inode_has_mount_flag(inode, MS_RDONLY))
		return -EROFS;
	access_current(&access);
	return change->apply(inode, &access, change);
}

static long change_at(int directory, uint64_t path, unsigned flags, const struct change *change)
{
	struct path_walk walk;
	unsigned walk_flags = flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		walk_flags |= WALK_EMPTY_OK;
	/* Exclusive: a mode and its owner change together for those who look. */
	int err = path_walk_user(&walk, directory, path, walk_flags | WALK_EXCLUSIVE);
	if (err)
		return err;
	err = change_inode(walk.child->inode, change);
	path_walk_done(&walk);
	return err;
}

static long change_fd(int fd, const struct change *change)
{
	struct file *file = fd_file(fd);

	if (!file)
		return -EBADF;
	int err = change_inode(file->inode, change);
	file_put(file);
	return err;
}

/* ---- mode ---- */

static int apply_mode(struct inode *inode, const struct access *access, const struct change *change)
{
	uint32_t mode = change->mode & 07777;

	if (!inode_is_owner(inode, access))
		return -EPERM;
	if (S_ISLNK(inode->mode))
		return -EOPNOTSUPP;
	/* chmod(2): set-group-id only for a group one is in. */
	if (access->cred && access->gid != inode->gid && !cred_in_group(access->cred, inode->gid) &&
	    !cred_has(access->cred, CAP_FSETID))
		mode &= ~(uint32_t)S_ISGID;
	mutex_lock(&inode->lock);
	int err = (inode->seals & F_SEAL_EXEC) && ((inode->mode ^ mode) & 0111) ? -EPERM : 0;
	if (!err) {
		inode->mode = (inode->mode & S_IFMT) | mode;
		inode_touch_change(inode);
	}
	mutex_unlock(&inode->lock);
	return err;
}

static long chmod_at(int directory, uint64_t path, uint64_t mode)
{
	struct change change = {.apply = apply_mode, .mode = (uint32_t)mode};

	return change_at(directory, path, 0, &change);
}

long sys_chmod(const uint64_t *argument)
{
	return chmod_at(AT_FDCWD, argument[0], argument[1]);
}

long sys_fchmodat(const uint64_t *argument)
{
	return chmod_at((int)argument[0], argument[1], argument[2]);
}

long sys_fchmod(const uint64_t *argument)
{
	struct change change = {.apply = apply_mode, .mode = (uint32_t)argument[1]};

	return change_fd((int)argument[0], &change);
}

/* ---- owner ---- */

#define ID_UNCHANGED UINT32_MAX

static int apply_owner(struct inode *inode, const struct access *access,
		       const struct change *change)
{
	bool capable = !access->cred || cred_has(access->cred, CAP_CHOWN);
	bool owner = access->uid == inode->uid;

	if (change->uid != ID_UNCHANGED && !capable && !(owner && change->uid == inode->uid))
		return -EPERM;
	if (change->gid != ID_UNCHANGED && !capable &&
	    !(owner && (change->gid == inode->gid || change->gid == access->gid ||
			cred_in_group(access->cred, change->gid))))
		return -EPERM;
	if (change->uid != ID_UNCHANGED)
		inode->uid = change->uid;
	if (change->gid != ID_UNCHANGED)
		inode->gid = change->gid;
	if (!S_ISDIR(inode->mode)) {
		inode->mode &= ~(uint32_t)S_ISUID;
		if (inode->mode & S_IXGRP)
			inode->mode &= ~(uint32_t)S_ISGID;
	}
	inode_touch_change(inode);
	return 0;
}

static long chown_at(int directory, uint64_t path, uint64_t uid, uint64_t gid, unsigned flags)
{
	struct change change = {.apply = apply_owner, .uid = (uint32_t)uid, .gid = (uint32_t)gid};

	return change_at(directory, path, flags, &change);
}

long sys_chown(const uint64_t *argument)
{
	return chown_at(AT_FDCWD, argument[0], argument[1], argument[2], 0);
}

long sys_lchown(const uint64_t *argument)
{
	return chown_at(AT_FDCWD, argument[0], argument[1], argument[2], AT_SYMLINK_NOFOLLOW);
}

long sys_fchownat(const uint64_t *argument)
{
	return chown_at((int)argument[0], argument[1], argument[2], argument[3],
			(unsigned)argument[4]);
}

long sys_fchown(const uint64_t *argument)
{
	struct change change = {
		.apply = apply_owner, .uid = (uint32_t)argument[1], .gid = (uint32_t)argument[2]};

	return change_fd((int)argument[0], &change);
}

/* ---- times ---- */

static int apply_times(struct inode *inode, const struct access *access,
		       const struct change *change)
{
	if (!inode_is_owner(inode, access)) {
		if (!change->now)
			return -EPERM;
		int err = inode_permission(inode, access, ACCESS_WRITE);
		if (err)
			return err;
	}
	if (change->atime_ns != CHANGE_OMIT)
		inode->atime_ns = change->atime_ns;
	if (change->mtime_ns != CHANGE_OMIT)
		inode->mtime_ns = change->mtime_ns;
	inode_touch_change(inode);
	return 0;
}

static int64_t time_ns(int64_t seconds, int64_t ns)
{
	/* What does not fit into 64 bits of nanoseconds is the nearest that does. */
	int64_t limit = INT64_MAX / 1000000000 - 1;

	if (seconds > limit)
		seconds = limit;
	if (seconds < -limit)
		seconds = -limit;
	return seconds * 1000000000 + ns;
}

static void change_now(struct change *change)
{
	change->now = true;
	change->atime_ns = change->mtime_ns = inode_now_ns();
}

/* Two timespecs of the caller's, NULL: now. 0; -EFAULT, -EINVAL; 1: nothing to change. */
static int times_from_specs(uint64_t address, struct change *change)
{
	struct abi_timespec times[2];
	int64_t results[2];

	*change = (struct change){.apply = apply_times};
	change_now(change);
	if (!address)
		return 0;
	if (copy_from_user(times, address, sizeof(times)))
		return -EFAULT;
	change->now = times[0].tv_nsec == UTIME_NOW && times[1].tv_nsec == UTIME_NOW;
	for (int i = 0; i < 2; i++) {
		if (times[i].tv_nsec == UTIME_NOW)
			results[i] = inode_now_ns();
		else if (times[i].tv_nsec == UTIME_OMIT)
			results[i] = CHANGE_OMIT;
		else if (times[i].tv_nsec < 0 || times[i].tv_nsec >= 1000000000)
			return -EINVAL;
		else
			results[i] = time_ns(times[i].tv_sec, times[i].tv_nsec);
	}
	change->atime_ns = results[0];
	change->mtime_ns = results[1];
	return results[0] == CHANGE_OMIT && results[1] == CHANGE_OMIT;
}

/* Two timevals, NULL: now. */
static int times_from_values(uint64_t address, struct change *change)
{
	struct abi_timeval times[2];

	*change = (struct change){.apply = apply_times};
	change_now(change);
	if (!address)
		return 0;
	if (copy_from_user(times, address, sizeof(times)))
		return -EFAULT;
	for (int i = 0; i < 2; i++)
		if (times[i].tv_usec < 0 || times[i].tv_usec >= 1000000)
			return -EINVAL;
	change->now = false;
	change->atime_ns = time_ns(times[0].tv_sec, times[0].tv_usec * 1000);
	change->mtime_ns = time_ns(times[1].tv_sec, times[1].tv_usec * 1000);
	return 0;
}

long sys_utimensat(const uint64_t *argument)
{
	struct change change;
	int directory = (int)argument[0];
	int err = times_from_specs(argument[2], &change);

	if (err)
		return err < 0 ? err : 0;
	if (argument[1])
		return change_at(directory, argument[1], (unsigned)argument[3], &change);
	if (directory == AT_FDCWD)
		return -EFAULT;
	return argument[3] ? -EINVAL : change_fd(directory, &change);
}

long sys_utimes(const uint64_t *argument)
{
	struct change change;
	int err = times_from_values(argument[1], &change);

	return err ? err : change_at(AT_FDCWD, argument[0], 0, &change);
}

long sys_futimesat(const uint64_t *argument)
{
	struct change change;
	int err = times_from_values(argument[2], &change);

	if (err)
		return err;
	if (!argument[1])
		return change_fd((int)argument[0], &change);
	return change_at((int)argument[0], argument[1], 0, &change);
}

long sys_utime(const uint64_t *argument)
{
	struct change change = {.apply = apply_times};
	int64_t times[2];

	change_now(&change);
	if (argument[1]) {
		if (copy_from_user(times, argument[1], sizeof(times)))
			return -EFAULT;
		change.now = false;
		change.atime_ns = time_ns(times[0], 0);
		change.mtime_ns = time_ns(times[1], 0);
	}
	return change_at(AT_FDCWD, argument[0], 0, &change);
}
