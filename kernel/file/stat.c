// SPDX-License-Identifier: MIT
/* stat(2), statx(2), access(2), statfs(2). */

#include "abi/stat.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"

static long stat_put(struct inode *inode, uint64_t to)
{
	struct abi_stat stat;

	inode_stat(inode, &stat);
	return copy_to_user(to, &stat, sizeof(stat));
}

/* AT_EMPTY_PATH with "" (or, since 6.11, NULL): glibc's fstat. */
static bool path_is_empty(uint64_t path)
{
	char first;

	return !path || (!copy_from_user(&first, path, 1) && !first);
}

static long stat_fd(int fd, uint64_t to)
{
	struct file *file = fd_file_any(fd);

	if (!file)
		return -EBADF;
	long result = stat_put(file->inode, to);
	file_put(file);
	return result;
}

static long stat_at(int directory, uint64_t path, uint64_t to, unsigned flags)
{
	struct path_walk walk;
	unsigned walk_flags = flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && directory != AT_FDCWD && path_is_empty(path))
		return stat_fd(directory, to);
	if (flags & AT_EMPTY_PATH)
		walk_flags |= WALK_EMPTY_OK;
	int err = path_walk_user(&walk, directory, path, walk_flags);
	if (err)
		return err;
	struct inode *inode = walk.child->inode;
	inode_get(inode);
	path_walk_done(&walk);
	long result = stat_put(inode, to);
	inode_put(inode);
	return result;
}

long sys_stat(const uint64_t *argument)
{
	return stat_at(AT_FDCWD, argument[0], argument[1], 0);
}

long sys_lstat(const uint64_t *argument)
{
	return stat_at(AT_FDCWD, argument[0], argument[1], AT_SYMLINK_NOFOLLOW);
}

long sys_fstat(const uint64_t *argument)
{
	return stat_fd((int)argument[0], argument[1]);
}

long sys_newfstatat(const uint64_t *argument)
{
	return stat_at((int)argument[0], argument[1], argument[2], (unsigned)argument[3]);
}

/* ---- statx(2) ---- */

/* The dentry that led there, if there was one. */
static long statx_put(struct inode *inode, const struct dentry *dentry, uint64_t to)
{
	struct abi_statx stat;

	inode_statx(inode, &stat);
	if (dentry && __atomic_load_n(&dentry->mount, __ATOMIC_RELAXED))
		stat.stx_attributes |= STATX_ATTR_MOUNT_ROOT;
	return copy_to_user(to, &stat, sizeof(stat));
}

long sys_statx(const uint64_t *argument)
{
	int directory = (int)argument[0];
	uint64_t path = argument[1], to = argument[4];
	unsigned flags = (unsigned)argument[2];
	unsigned walk_flags = flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;
	struct path_walk walk;
	long result;

	if (flags &
	    ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE))
		return -EINVAL;
	if ((flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE || (argument[3] & STATX_RESERVED))
		return -EINVAL;
	if ((flags & AT_EMPTY_PATH) && directory != AT_FDCWD && path_is_empty(path)) {
		struct file *file = fd_file_any(directory);

		if (!file)
			return -EBADF;
		result = statx_put(file->inode, file->dentry, to);
		file_put(file);
		return result;
	}
	if (flags & AT_EMPTY_PATH)
		walk_flags |= WALK_EMPTY_OK;
	int err = path_walk_user(&walk, directory, path, walk_flags);
	if (err)
		return err;
	result = statx_put(walk.child->inode, walk.child, to);
	path_walk_done(&walk);
	return result;
}

/* ---- access(2) ---- */

static long access_at(int directory, uint64_t path, unsigned mask, unsigned flags)
{
	struct path_walk walk;
	unsigned walk_flags = flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW;

	if (flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EACCESS | AT_EMPTY_PATH))
		return -EINVAL;
	if (mask & ~7u)
		return -EINVAL;
	if (flags & AT_EMPTY_PATH)
		walk_flags |= WALK_EMPTY_OK;
	if (!(flags & AT_EACCESS))
		walk_flags |= WALK_REAL_IDS;
	int err = path_walk_user(&walk, directory, path, walk_flags);
	if (err)
		return err;
	struct inode *inode = walk.child->inode;
	if ((mask & ACCESS_EXECUTE) && S_ISREG(inode->mode) &&
	    inode_has_mount_flag(inode, MS_NOEXEC))
		err = -EACCES;
	else if (mask)
		err = inode_permission(inode, &walk.access, mask);
	path_walk_done(&walk);
	return err;
}

long sys_access(const uint64_t *argument)
{
	return access_at(AT_FDCWD, argument[0], (unsigned)argument[1], 0);
}

long sys_faccessat(const uint64_t *argument)
{
	return access_at((int)argument[0], argument[1], (unsigned)argument[2], 0);
}

long sys_faccessat2(const uint64_t *argument)
{
	return access_at((int)argument[0], argument[1], (unsigned)argument[2],
			 (unsigned)argument[3]);
}

/* ---- statfs(2) ---- */

static long statfs_put(struct filesystem *filesystem, uint64_t to)
{
	struct abi_statfs stat;
	uint64_t used = __atomic_load_n(&filesystem->quota.used_pages, __ATOMIC_RELAXED);
	uint64_t max = filesystem->quota.max_pages;

	memset(&stat, 0, sizeof(stat));
	stat.f_type = filesystem->magic;
	stat.f_bsize = stat.f_frsize = 4096;
	stat.f_namelen = NAME_BYTES_MAX;
	stat.f_flags = ST_VALID | (filesystem->mount_flags & ~MS_RELATIME);
	if (filesystem->mount_flags & MS_RELATIME)
		stat.f_flags |= ST_RELATIME;
	stat.f_fsid[0] = (int32_t)filesystem->device;
	if (filesystem->changeable) { /* what has no limit is 0: observed */
		stat.f_blocks = max;
		stat.f_bfree = stat.f_bavail = stat.f_blocks > used ? stat.f_blocks - used : 0;
		stat.f_files = filesystem->inodes_max;
		stat.f_ffree = stat.f_files > filesystem->inode_count
				       ? stat.f_files - filesystem->inode_count
				       : 0;
	}
	return copy_to_user(to, &stat, sizeof(stat));
}

long sys_statfs(const uint64_t *argument)
{
	struct path_walk walk;
	int err = path_walk_user(&walk, AT_FDCWD, argument[0], WALK_FOLLOW);

	if (err)
		return err;
	long result = statfs_put(walk.child->inode->filesystem, argument[1]);
	path_walk_done(&walk);
	return result;
}

long sys_fstatfs(const uint64_t *argument)
{
	struct file *file = fd_file_any((int)argument[0]);

	if (!file)
		return -EBADF;
	long result = statfs_put(file->inode->filesystem, argument[1]);
	file_put(file);
	return result;
}
