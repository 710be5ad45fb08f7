// SPDX-License-Identifier: MIT
/* open(2) and its kin: from a path and flags to an open file. */

#include "kernel/file/open.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "arch/arch.h"
#include "kernel/file/directory.h"
#include "kernel/file/path.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"

/* What O_PATH files can do: nothing but name a place. */
static const struct file_operations path_only_files = {0};

int file_open_inode(struct inode *inode, struct dentry *dentry, uint32_t flags,
		    struct file **opened)
{
	const struct file_operations *operations = inode->operations->files;

	if (flags & O_PATH)
		operations = &path_only_files;
	else if (S_ISDIR(inode->mode))
		operations = &directory_files;
	struct file *file = file_create(inode, dentry, operations, flags);
	if (!file)
		return -ENOMEM;
	int err = 0;
	if (!(flags & O_PATH) && inode->operations->open)
		err = inode->operations->open(inode, file);
	else if (!operations)
		err = -ENXIO;
	if (!err && (flags & O_DIRECT) && !inode_takes_direct(inode))
		err = -EINVAL;
	if (!err && S_ISREG(inode->mode) && file_can_write(file)) {
		err = file_count_writer(file, 1);
		/* It may be remounted since the walk: either this sees it, or that sees the writer. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (!err && inode_has_mount_flag(inode, MS_RDONLY))
			err = -EROFS;
	}
	if (err) {
		file_put(file);
		return err;
	}
	*opened = file;
	return 0;
}

/* Permission to open what was there already: open(2). */
static int open_check(struct path_walk *walk, uint32_t flags)
{
	struct inode *inode = walk->child->inode;
	unsigned mask = 0;

	if (S_ISLNK(inode->mode) && !(flags & O_PATH))
		return -ELOOP; /* O_NOFOLLOW */
	if (flags & O_PATH)
		return 0;
	if ((flags & O_ACCMODE) != O_WRONLY)
		mask |= ACCESS_READ;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		mask |= ACCESS_WRITE;
	if (S_ISDIR(inode->mode) && (mask & ACCESS_WRITE))
		return -EISDIR;
	if ((S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) && inode_has_mount_flag(inode, MS_NODEV))
		return -EACCES;
	int err = inode_permission(inode, &walk->access, mask);
	if (err)
		return err;
	if ((flags & O_NOATIME) && !inode_is_owner(inode, &walk->access))
		return -EPERM;
	if ((mask & ACCESS_WRITE) && S_ISREG(inode->mode) && inode->writers < 0)
		return -ETXTBSY;
	return 0;
}

/* O_TMPFILE: a file in a directory's file system, with no name but what /proc shows. */
static int open_unnamed(struct path_walk *walk, uint32_t flags, uint32_t mode,
			struct dentry **unnamed)
{
	struct inode *directory = walk->child->inode, *inode = NULL;
	char name[24];

	if (!directory->filesystem->changeable)
		return -EOPNOTSUPP;
	int err = inode_permission(directory, &walk->access, ACCESS_WRITE | ACCESS_EXECUTE);
	if (!err)
		err = tmpfs_inode_create(directory->filesystem, S_IFREG | mode, 0, &inode);
	if (err)
		return err;
	inode_inherit_group(inode, directory);
	inode->can_link = !(flags & O_EXCL);
	int length = format(name, sizeof(name), "#%llu", (unsigned long long)inode->number);
	*unnamed = dentry_create(walk->child, inode, name, (size_t)length);
	inode_put(inode);
	return *unnamed ? 0 : -ENOMEM;
}

/* Under the tree lock: which dentry is opened, with a reference. */
static int open_walked(struct path_walk *walk, uint32_t flags, uint32_t mode, bool *created,
		       struct dentry **found)
{
	*created = false;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		*created = true;
		return open_unnamed(walk, flags, mode, found);
	}
	if (flags & O_CREAT) {
		if (walk->trailing_slash && walk->last == WALK_LAST_NAME)
			return -EISDIR; /* whatever is there */
		if (!walk->child) {
			*created = true;
			return name_make(walk, S_IFREG | mode, 0, found);
		}
		if (flags & O_EXCL)
			return -EEXIST;
		if (S_ISDIR(walk->child->inode->mode))
			return -EISDIR;
	}
	int err = open_check(walk, flags);
	if (err)
		return err;
	*found = walk->child;
	dentry_get(*found);
	return 0;
}

static unsigned open_walk_flags(uint32_t flags, uint64_t resolve)
{
	unsigned walk_flags = 0;

	if (!(flags & O_NOFOLLOW) && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL))
		walk_flags |= WALK_FOLLOW;
	if (flags & O_CREAT)
		walk_flags |= WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY;
	if (flags & O_DIRECTORY)
		walk_flags |= WALK_DIRECTORY;
	if (resolve & RESOLVE_NO_SYMLINKS)
		walk_flags |= WALK_NO_LINKS;
	if (resolve & RESOLVE_NO_MAGICLINKS)
		walk_flags |= WALK_NO_MAGIC;
	return walk_flags;
}

#define OPEN_STATUS_FLAGS                                                                          \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_ASYNC | O_DIRECT | O_LARGEFILE |           \
	 O_NOATIME | O_PATH | O_TMPFILE | O_NOFOLLOW | O_NOCTTY)

/* With the walk at its goal: finishes it, then opens, which may wait (fifos). */
static int open_finish(struct path_walk *walk, uint32_t flags, uint32_t mode, struct file **file)
{
	struct dentry *dentry = NULL;
	bool created;
	int err = open_walked(walk, flags, mode, &created, &dentry);

	path_walk_done(walk);
	if (err)
		return err;
	err = file_open_inode(dentry->inode, dentry, flags & OPEN_STATUS_FLAGS, file);
	if (!err && (flags & O_TRUNC) && !created && S_ISREG(dentry->inode->mode) &&
	    dentry->inode->operations->resize) {
		err = inode_resize(dentry->inode, 0);
		if (err)
			file_put(*file);
	}
	dentry_put(dentry);
	return err;
}

/* Flags that contradict each other, and those that O_PATH ignores. */
static int open_flags_check(uint32_t *flags)
{
	*flags |= O_LARGEFILE; /* all are: fcntl(2) F_GETFL says so */
	if (*flags & O_PATH)
		*flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (*flags & O_TMPFILE_BIT) {
		if ((*flags & O_TMPFILE) != O_TMPFILE || (*flags & O_CREAT) ||
		    (*flags & O_ACCMODE) == O_RDONLY)
			return -EINVAL;
	} else if ((*flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY)) {
		return -EINVAL;
	}
	return 0;
}

static long open_at(int directory, uint64_t path, uint32_t flags, uint32_t mode, uint64_t resolve)
{
	struct path_walk walk;
	struct file *file = NULL;
	int err = open_flags_check(&flags);

	if (!err)
		err = path_walk_user(&walk, directory, path, open_walk_flags(flags, resolve));
	if (!err)
		err = open_finish(&walk, flags, mode & 07777 & ~context_umask(), &file);
	if (err)
		return err;
	int fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

int file_open_path(const char *path, int flags, unsigned mode, struct file **file)
{
	struct path_walk walk;
	uint32_t open_flags = (uint32_t)flags;
	int err = open_flags_check(&open_flags);

	if (!err)
		err = path_walk_kernel(&walk, path, open_walk_flags(open_flags, 0));
	if (!err)
		err = open_finish(&walk, open_flags, mode & 07777 & ~context_umask(), file);
	return err;
}

/* execve(2): EACCES for what is no regular file, has no x bit, or lies on a noexec mount. */
int file_open_executable(int directory, const char *path, unsigned at_flags, struct file **file)
{
	struct path_walk walk;
	int err = path_walk_at(&walk, directory, path,
			       (at_flags & AT_SYMLINK_NOFOLLOW ? 0 : WALK_FOLLOW) |
				       (at_flags & AT_EMPTY_PATH ? WALK_EMPTY_OK : 0));

	if (err)
		return err;
	struct dentry *dentry = walk.child;
	if (S_ISLNK(dentry->inode->mode))
		err = -ELOOP;
	else if (!S_ISREG(dentry->inode->mode) || inode_has_mount_flag(dentry->inode, MS_NOEXEC))
		err = -EACCES;
	else
		err = inode_permission(dentry->inode, &walk.access, ACCESS_EXECUTE);
	if (!err)
		dentry_get(dentry);
	path_walk_done(&walk);
	if (err)
		return err;
	err = file_open_inode(dentry->inode, dentry, O_RDONLY | O_LARGEFILE, file);
	dentry_put(dentry);
	if (err)
		return err;
	err = file_count_writer(*file, -1);
	if (err)
		file_put(*file);
	return err;
}

/* ---- the calls ---- */

long sys_open(const uint64_t *argument)
{
	return open_at(AT_FDCWD, argument[0], (uint32_t)argument[1], (uint32_t)argument[2], 0);
}

long sys_openat(const uint64_t *argument)
{
	return open_at((int)argument[0], argument[1], (uint32_t)argument[2], (uint32_t)argument[3],
		       0);
}

long sys_creat(const uint64_t *argument)
{
	return open_at(AT_FDCWD, argument[0], O_CREAT | O_WRONLY | O_TRUNC, (uint32_t)argument[1],
		       0);
}

/* openat2(2). Known gap: RESOLVE_BENEATH, RESOLVE_IN_ROOT and RESOLVE_NO_XDEV are EINVAL. */
long sys_openat2(const uint64_t *argument)
{
	struct abi_open_how how;

	if (argument[3] < sizeof(how))
		return -EINVAL;
	if (argument[3] > sizeof(how))
		return -E2BIG;
	if (copy_from_user(&how, argument[2], sizeof(how)))
		return -EFAULT;
	if (how.resolve & ~(uint64_t)(RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS))
		return -EINVAL;
	if (how.flags >> 32 || how.mode & ~07777ull ||
	    (how.mode && !(how.flags & (O_CREAT | O_TMPFILE_BIT))))
		return -EINVAL;
	return open_at((int)argument[0], argument[1], (uint32_t)how.flags, (uint32_t)how.mode,
		       how.resolve);
}
