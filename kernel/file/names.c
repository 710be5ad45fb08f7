// SPDX-License-Identifier: MIT
/*
 * Making and removing names: mkdir(2), mknod(2), symlink(2), link(2),
 * unlink(2), rmdir(2), and readlink(2). All run under the exclusive tree
 * lock, which the walk holds. rename(2) is in rename.c.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define CAP_MKNOD 27

/* ---- adding ---- */

/* May this walk's name be made? It was checked to be missing. */
static int may_add(struct path_walk *walk, bool directory)
{
	struct inode *parent = walk->parent->inode;

	if (walk->child || walk->last != WALK_LAST_NAME)
		return -EEXIST;
	if (walk->trailing_slash && !directory)
		return -ENOENT;
	if (!parent->filesystem->changeable)
		return -ENOENT; /* /proc; observed */
	if (!walk->parent->linked && !walk->parent->mount)
		return -ENOENT; /* the directory itself is removed */
	return inode_permission(parent, &walk->access, ACCESS_WRITE | ACCESS_EXECUTE);
}

int name_add(struct path_walk *walk, struct inode *inode, struct dentry **added)
{
	struct inode *parent = walk->parent->inode;
	struct dentry *dentry = dentry_create(walk->parent, inode, walk->name, walk->name_bytes);

	if (!dentry)
		return -ENOMEM;
	dentry_link(dentry);
	inode_link_add(inode);
	if (S_ISDIR(inode->mode)) {
		inode->links++;  /* its "." */
		parent->links++; /* its ".." */
	}
	inode_touch_modify(parent);
	if (added)
		*added = dentry;
	else
		dentry_put(dentry);
	return 0;
}

int name_make(struct path_walk *walk, uint32_t mode, uint64_t device, struct dentry **made)
{
	struct inode *inode;
	int err = may_add(walk, S_ISDIR(mode));

	if (err)
		return err;
	err = tmpfs_inode_create(walk->parent->inode->filesystem, mode, device, &inode);
	if (err)
		return err;
	inode_inherit_group(inode, walk->parent->inode);
	err = name_add(walk, inode, made);
	inode_put(inode);
	return err;
}

static long make_at(int directory, uint64_t path, uint32_t mode, uint64_t device)
{
	struct path_walk walk;
	int err = path_walk_user(&walk, directory, path,
				 WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY);

	if (err)
		return err;
	err = name_make(&walk, mode & ~context_umask(), device, NULL);
	path_walk_done(&walk);
	return err;
}

static long mkdir_at(int directory, uint64_t path, uint32_t mode)
{
	return make_at(directory, path, S_IFDIR | (mode & (0777 | S_ISVTX)), 0);
}

/* mknod(2). The device number is packed as in struct stat. */
static long mknod_at(int directory, uint64_t path, uint32_t mode, uint64_t device)
{
	switch (mode & S_IFMT) {
	case 0:
		mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		device = 0;
		break;
	case S_IFCHR:
	case S_IFBLK:
		if (!cred_has(cred_current(), CAP_MKNOD))
			return -EPERM;
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return make_at(directory, path, mode & (S_IFMT | 07777), device);
}

static long symlink_at(uint64_t text_address, int directory, uint64_t path)
{
	struct path_walk walk;
	struct inode *inode = NULL;
	char *text;
	int err = path_from_user(text_address, &text);

	if (err)
		return err;
	err = *text ? path_walk_user(&walk, directory, path,
				     WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY)
		    : -ENOENT;
	if (err) {
		path_free(text);
		return err;
	}
	err = may_add(&walk, false);
	if (!err)
		err = tmpfs_symlink_create(walk.parent->inode->filesystem, text, &inode);
	if (!err) {
		inode_inherit_group(inode, walk.parent->inode);
		err = name_add(&walk, inode, NULL);
		inode_put(inode);
	}
	path_walk_done(&walk);
	path_free(text);
	return err;
}

static int link_walked(struct path_walk *from, struct path_walk *to)
{
	struct inode *inode = from->child->inode;
	int err = may_add(to, false);

	if (err)
		return err;
	if (inode->filesystem != to->parent->inode->filesystem)
		return -EXDEV;
	if (S_ISDIR(inode->mode))
		return -EPERM;
	if (!inode->links && !inode->can_link) /* removed, or a memfd: nothing to go back from */
		return -ENOENT;
	if (inode->links && filesystem_is_full(inode->filesystem))
		return -ENOSPC;
	err = name_add(to, inode, NULL);
	if (err)
		return err;
	inode->can_link = false; /* without names again it stays so */
	inode_touch_change(inode);
	return 0;
}

static long link_at(int from_directory, uint64_t from_path, int to_directory, uint64_t to_path,
		    unsigned flags)
{
	struct path_walk from, to;
	unsigned from_flags = 0;

	if (flags & ~(unsigned)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	if (flags & AT_SYMLINK_FOLLOW)
		from_flags |= WALK_FOLLOW;
	if (flags & AT_EMPTY_PATH)
		from_flags |= WALK_EMPTY_OK;
	int err = path_walk_pair(&from, from_directory, from_path, from_flags, &to, to_directory,
				 to_path, WALK_MISSING_OK | WALK_ENTRY);
	if (err)
		return err;
	err = link_walked(&from, &to);
	path_walk_pair_done(&from, &to);
	return err;
}

/* ---- removing ---- */

static int unlink_walked(struct path_walk *walk, bool directory)
{
	struct dentry *victim = walk->child;

	if (walk->last != WALK_LAST_NAME) {
		if (!directory)
			return -EISDIR;
		return walk->last == WALK_LAST_DOT      ? -EINVAL
		       : walk->last == WALK_LAST_DOTDOT ? -ENOTEMPTY
							: -EBUSY;
	}
	if (walk->trailing_slash && !S_ISDIR(victim->inode->mode))
		return -ENOTDIR;
	if (!victim->linked && !victim->mount)
		return -EPERM; /* of /proc */
	int err = inode_may_delete(walk->parent->inode, victim->inode, &walk->access);
	if (err)
		return err;
	if (directory && !S_ISDIR(victim->inode->mode))
		return -ENOTDIR;
	if (!directory && S_ISDIR(victim->inode->mode))
		return -EISDIR;
	if (victim->mount)
		return -EBUSY;
	if (directory && dentry_has_children(victim))
		return -ENOTEMPTY;
	if (directory) {
		victim->inode->links--;
		walk->parent->inode->links--;
	}
	inode_link_drop(victim->inode);
	inode_touch_change(victim->inode);
	inode_touch_modify(walk->parent->inode);
	dentry_unlink(victim); /* the walk keeps a reference: freed after unlocking */
	return 0;
}

static long unlink_at(int directory, uint64_t path, unsigned flags)
{
	struct path_walk walk;

	if (flags & ~(unsigned)AT_REMOVEDIR)
		return -EINVAL;
	int err = path_walk_user(&walk, directory, path, WALK_EXCLUSIVE | WALK_ENTRY);
	if (err)
		return err;
	err = unlink_walked(&walk, flags & AT_REMOVEDIR);
	path_walk_done(&walk);
	return err;
}

/* ---- reading a link ---- */

static long readlink_walked(struct path_walk *walk, uint64_t to, uint64_t size_bytes)
{
	struct inode *inode = walk->child->inode;
	const char *text = inode->link_text;
	char *made = NULL;
	long length;

	if (!S_ISLNK(inode->mode))
		return walk->path[0] ? -EINVAL : -ENOENT; /* "" names no link: readlinkat(2) */
	if (inode->operations->read_link) {
		made = kmem_alloc(PATH_BYTES_MAX);
		if (!made)
			return -ENOMEM;
		length = inode->operations->read_link(walk->child, made, PATH_BYTES_MAX);
		text = made;
	} else {
		length = (long)strlen(text);
	}
	if (length > 0 && (uint64_t)length > size_bytes)
		length = (long)size_bytes;
	if (length > 0 && copy_to_user(to, text, (size_t)length))
		length = -EFAULT;
	kmem_free(made, PATH_BYTES_MAX);
	return length;
}

static long readlink_at(int directory, uint64_t path, uint64_t to, uint64_t size_bytes)
{
	struct path_walk walk;

	if ((int32_t)size_bytes <= 0)
		return -EINVAL;
	int err = path_walk_user(&walk, directory, path, WALK_EMPTY_OK);
	if (err)
		return err;
	long result = readlink_walked(&walk, to, (uint32_t)size_bytes);
	path_walk_done(&walk);
	return result;
}

/* ---- the calls ---- */

long sys_mkdir(const uint64_t *argument)
{
	return mkdir_at(AT_FDCWD, argument[0], (uint32_t)argument[1]);
}

long sys_mkdirat(const uint64_t *argument)
{
	return mkdir_at((int)argument[0], argument[1], (uint32_t)argument[2]);
}

long sys_mknod(const uint64_t *argument)
{
	return mknod_at(AT_FDCWD, argument[0], (uint32_t)argument[1], (uint32_t)argument[2]);
}

long sys_mknodat(const uint64_t *argument)
{
	return mknod_at((int)argument[0], argument[1], (uint32_t)argument[2],
			(uint32_t)argument[3]);
}

long sys_symlink(const uint64_t *argument)
{
	return symlink_at(argument[0], AT_FDCWD, argument[1]);
}

long sys_symlinkat(const uint64_t *argument)
{
	return symlink_at(argument[0], (int)argument[1], argument[2]);
}

long sys_link(const uint64_t *argument)
{
	return link_at(AT_FDCWD, argument[0], AT_FDCWD, argument[1], 0);
}

long sys_linkat(const uint64_t *argument)
{
	return link_at((int)argument[0], argument[1], (int)argument[2], argument[3],
		       (unsigned)argument[4]);
}

long sys_unlink(const uint64_t *argument)
{
	return unlink_at(AT_FDCWD, argument[0], 0);
}

long sys_rmdir(const uint64_t *argument)
{
	return unlink_at(AT_FDCWD, argument[0], AT_REMOVEDIR);
}

long sys_unlinkat(const uint64_t *argument)
{
	return unlink_at((int)argument[0], argument[1], (unsigned)argument[2]);
}

long sys_readlink(const uint64_t *argument)
{
	return readlink_at(AT_FDCWD, argument[0], argument[1], argument[2]);
}

long sys_readlinkat(const uint64_t *argument)
{
	return readlink_at((int)argument[0], argument[1], argument[2], argument[3]);
}
