// SPDX-License-Identifier: MIT
/* rename(2), renameat2(2): one exclusive hold of the tree lock, so nothing is seen half done. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"

/* What holds for each of the two names, apart from the other one. */
static int rename_check_one(struct path_walk *walk)
{
	struct dentry *victim = walk->child;

	if (!walk->parent->inode->filesystem->changeable)
		return -EPERM;
	if (!victim)
		return inode_permission(walk->parent->inode, &walk->access,
					ACCESS_WRITE | ACCESS_EXECUTE);
	int err = inode_may_delete(walk->parent->inode, victim->inode, &walk->access);
	if (err)
		return err;
	return victim->mount ? -EBUSY : 0;
}

/* May `to` be replaced by `from`? Both exist. */
static int rename_check_replace(struct dentry *from, struct dentry *to)
{
	bool from_directory = S_ISDIR(from->inode->mode), to_directory = S_ISDIR(to->inode->mode);

	if (from_directory && !to_directory)
		return -ENOTDIR;
	if (!from_directory && to_directory)
		return -EISDIR;
	return to_directory && dentry_has_children(to) ? -ENOTEMPTY : 0;
}

static int rename_check(struct path_walk *from, struct path_walk *to, unsigned flags)
{
	struct dentry *source = from->child, *target = to->child;

	if (from->parent->inode->filesystem != to->parent->inode->filesystem)
		return -EXDEV;
	if (from->last != WALK_LAST_NAME)
		return -EBUSY;
	if (target && (flags & RENAME_NOREPLACE))
		return -EEXIST;
	if (to->last != WALK_LAST_NAME)
		return -EBUSY;
	if ((flags & RENAME_EXCHANGE) && !target)
		return -ENOENT;
	/* A slash asks for a directory: behind a new name that which gets it. */
	const struct dentry *asked = flags & RENAME_EXCHANGE ? target : source;
	if ((from->trailing_slash && !S_ISDIR(source->inode->mode)) ||
	    (to->trailing_slash && !S_ISDIR(asked->inode->mode)))
		return -ENOTDIR;
	if (dentry_is_below(to->parent, source))
		return -EINVAL; /* into itself */
	if (target && dentry_is_below(from->parent, target))
		return flags & RENAME_EXCHANGE ? -EINVAL : -ENOTEMPTY;
	int err = rename_check_one(from);
	if (!err)
		err = rename_check_one(to);
	if (err)
		return err;
	if (!to->parent->linked && !to->parent->mount)
		return -ENOENT;
	if (target && target->inode != source->inode && !(flags & RENAME_EXCHANGE))
		return rename_check_replace(source, target);
	return 0;
}

/* A directory that changes its parent takes the link of its ".." along. */
static void move_links(struct dentry *moved, struct dentry *from, struct dentry *to)
{
	if (!S_ISDIR(moved->inode->mode) || from == to)
		return;
	from->inode->links--;
	to->inode->links++;
}

static int rename_exchange(struct path_walk *from, struct path_walk *to)
{
	struct dentry *a = from->child, *b = to->child;
	char *a_name, *b_name;
	int err = dentry_name_reserve(to->name_bytes, &a_name);

	if (err)
		return err;
	err = dentry_name_reserve(from->name_bytes, &b_name);
	if (err) {
		dentry_name_release(to->name_bytes, a_name);
		return err;
	}
	move_links(a, from->parent, to->parent);
	move_links(b, to->parent, from->parent);
	/* For a moment two children may have one name: nobody looks, the lock is exclusive. */
	dentry_move(a, to->parent, to->name, to->name_bytes, a_name);
	dentry_move(b, from->parent, from->name, from->name_bytes, b_name);
	inode_touch_change(b->inode);
	return 0;
}

static int rename_replace(struct path_walk *from, struct path_walk *to)
{
	struct dentry *source = from->child, *target = to->child;
	char *name;
	int err = dentry_name_reserve(to->name_bytes, &name);

	if (err)
		return err;
	if (target) {
		if (S_ISDIR(target->inode->mode)) {
			target->inode->links--;
			to->parent->inode->links--;
		}
		inode_link_drop(target->inode);
		inode_touch_change(target->inode);
		dentry_unlink(target);
	}
	move_links(source, from->parent, to->parent);
	dentry_move(source, to->parent, to->name, to->name_bytes, name);
	return 0;
}

static int rename_walked(struct path_walk *from, struct path_walk *to, unsigned flags)
{
	int err = rename_check(from, to, flags);

	if (err)
		return err;
	if (to->child && to->child->inode == from->child->inode)
		return 0; /* rename(2): links to the same file, nothing happens */
	err = flags & RENAME_EXCHANGE ? rename_exchange(from, to) : rename_replace(from, to);
	if (err)
		return err;
	inode_touch_change(from->child->inode);
	inode_touch_modify(from->parent->inode);
	inode_touch_modify(to->parent->inode);
	return 0;
}

static long rename_at(int from_directory, uint64_t from_path, int to_directory, uint64_t to_path,
		      unsigned flags)
{
	struct path_walk from, to;

	if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	if (flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	int err = path_walk_pair(&from, from_directory, from_path, WALK_ENTRY, &to, to_directory,
				 to_path, WALK_ENTRY | WALK_MISSING_OK);
	if (err)
		return err;
	err = rename_walked(&from, &to, flags);
	path_walk_pair_done(&from, &to);
	return err;
}

long sys_rename(const uint64_t *argument)
{
	return rename_at(AT_FDCWD, argument[0], AT_FDCWD, argument[1], 0);
}

long sys_renameat(const uint64_t *argument)
{
	return rename_at((int)argument[0], argument[1], (int)argument[2], argument[3], 0);
}

long sys_renameat2(const uint64_t *argument)
{
	return rename_at((int)argument[0], argument[1], (int)argument[2], argument[3],
			 (unsigned)argument[4]);
}
