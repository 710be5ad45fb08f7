// SPDX-License-Identifier: MIT
/*
 * The walk along a path: parts, "..", symbolic links, mount points, search
 * permission. A link's text is put before what is left of the path in one of
 * two buffers in turn, so nothing recurses. Known gap: text and rest together
 * may have at most 8191 bytes (Linux bounds each link alone).
 */

#include "kernel/file/path.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"

#define LINKS_MAX     40
#define SPLICED_BYTES (2 * PATH_BYTES_MAX)

int path_from_user(uint64_t address, char **path)
{
	char *copy = kmem_alloc(PATH_BYTES_MAX);

	if (!copy)
		return -ENOMEM;
	long length = copy_string_from_user(copy, address, PATH_BYTES_MAX);
	if (length < 0) {
		kmem_free(copy, PATH_BYTES_MAX);
		return (int)length;
	}
	*path = copy;
	return 0;
}

void path_free(char *path)
{
	kmem_free(path, PATH_BYTES_MAX);
}

int path_lookup(struct dentry *directory, const char *name, size_t length, struct dentry **found)
{
	struct inode *inode = directory->inode;

	if (inode->operations->lookup) {
		int err = inode->operations->lookup(directory, name, length, found);
		if (err)
			return err;
	} else {
		*found = dentry_child(directory, name, length);
		if (!*found)
			return -ENOENT;
	}
	*found = dentry_cross(*found);
	return 0;
}

/* Move to a directory; takes over the reference. */
static void walk_enter(struct path_walk *walk, struct dentry *directory)
{
	dentry_put(walk->parent);
	walk->parent = directory;
}

static struct dentry *walk_up(struct path_walk *walk)
{
	if (walk->parent == walk->root) {
		dentry_get(walk->root);
		return walk->root;
	}
	return dentry_parent(walk->parent);
}

/* Put the link's text before the rest of the path and start there. */
static int walk_splice(struct path_walk *walk, struct dentry *link, const char *rest)
{
	struct inode *inode = link->inode;
	size_t rest_bytes = strlen(rest), text_bytes;

	if (!walk->spliced) {
		walk->spliced = kmem_alloc(2 * SPLICED_BYTES);
		if (!walk->spliced)
			return -ENOMEM;
	}
	char *buffer = walk->spliced + (walk->spliced_turn++ & 1) * SPLICED_BYTES;
	if (inode->operations->read_link) {
		long length = inode->operations->read_link(link, buffer, PATH_BYTES_MAX);
		if (length < 0)
			return (int)length;
		text_bytes = (size_t)length;
	} else {
		text_bytes = strlen(inode->link_text);
		memcpy(buffer, inode->link_text, text_bytes);
		inode_touch_access(inode);
	}
	if (!text_bytes)
		return -ENOENT;
	if (text_bytes + rest_bytes >= SPLICED_BYTES)
		return -ENAMETOOLONG;
	memcpy(buffer + text_bytes, rest, rest_bytes + 1);
	walk->rest = buffer;
	if (*buffer == '/') {
		dentry_get(walk->root);
		walk_enter(walk, walk->root);
	}
	return 0;
}

/* walk->child is a link to be followed; `rest` is the path after it. */
static int walk_follow(struct path_walk *walk, const char *rest, bool *arrived)
{
	struct dentry *link = walk->child;
	const struct inode_operations *operations = link->inode->operations;
	int err;

	*arrived = false;
	if (++walk->links > LINKS_MAX || (walk->flags & WALK_NO_LINKS))
		return -ELOOP;
	walk->child = NULL;
	if (!operations->follow) {
		err = walk_splice(walk, link, rest);
	} else if (walk->flags & WALK_NO_MAGIC) {
		err = -ELOOP;
	} else {
		err = operations->follow(link, &walk->child);
		*arrived = true;
		walk->magic = true;
	}
	dentry_put(link);
	return err;
}

/* The last part is a place, not a name: "/", "." or "..". Takes over the reference. */
static void walk_at(struct path_walk *walk, enum walk_last last, struct dentry *place)
{
	walk->last = last;
	walk->child = place;
	walk->name = "";
	walk->name_bytes = 0;
}

static int walk_check_directory(struct path_walk *walk)
{
	if (!S_ISDIR(walk->parent->inode->mode))
		return -ENOTDIR;
	return inode_permission(walk->parent->inode, &walk->access, ACCESS_EXECUTE);
}

/* One part of the path, [part, part + length). *finished: it was the last one and child is set. */
static int walk_part(struct path_walk *walk, const char *part, size_t length, bool *finished)
{
	const char *after = part + length;
	const char *next = after;
	int err = walk_check_directory(walk);

	if (err)
		return err;
	if (length > NAME_BYTES_MAX)
		return -ENAMETOOLONG;
	while (*next == '/')
		next++;
	bool is_last = *next == 0;
	walk->rest = next;
	walk->magic = false;
	if (is_last)
		walk->trailing_slash = next != after;
	if (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))) {
		struct dentry *place = walk->parent;

		if (length == 2)
			place = walk_up(walk);
		else
			dentry_get(place);
		*finished = is_last;
		if (is_last)
			walk_at(walk, length == 2 ? WALK_LAST_DOTDOT : WALK_LAST_DOT, place);
		else
			walk_enter(walk, place);
		return 0;
	}
	err = path_lookup(walk->parent, part, length, &walk->child);
	if (err) {
		walk->child = NULL;
		if (err != -ENOENT || !is_last || !(walk->flags & WALK_MISSING_OK))
			return err;
	}
	bool follow = !is_last || (walk->flags & WALK_FOLLOW) ||
		      (walk->trailing_slash && !(walk->flags & WALK_ENTRY));
	if (walk->child && follow && S_ISLNK(walk->child->inode->mode)) {
		bool arrived;

		err = walk_follow(walk, after, &arrived);
		if (err || !arrived)
			return err;
	}
	if (is_last) {
		walk->last = WALK_LAST_NAME;
		walk->name = part;
		walk->name_bytes = length;
		*finished = true;
		return 0;
	}
	walk_enter(walk, walk->child);
	walk->child = NULL;
	return 0;
}

static int walk_run(struct path_walk *walk, const char *path)
{
	bool finished = false;

	walk->rest = path;
	if (!*path) {
		if (!(walk->flags & WALK_EMPTY_OK))
			return -ENOENT;
		dentry_get(walk->parent);
		walk_at(walk, WALK_LAST_DOT, walk->parent);
		return 0;
	}
	if (*path == '/') {
		dentry_get(walk->root);
		walk_enter(walk, walk->root);
	}
	while (!finished) {
		while (*walk->rest == '/')
			walk->rest++;
		const char *part = walk->rest;
		size_t length = 0;
		while (part[length] && part[length] != '/')
			length++;
		if (!length) { /* nothing but slashes */
			dentry_get(walk->parent);
			walk_at(walk, WALK_LAST_ROOT, walk->parent);
			break;
		}
		int err = walk_part(walk, part, length, &finished);
		if (err)
			return err;
	}
	bool must_be_directory = (walk->flags & WALK_DIRECTORY) ||
				 (walk->trailing_slash && !(walk->flags & WALK_ENTRY));
	if (walk->child && must_be_directory && !S_ISDIR(walk->child->inode->mode))
		return -ENOTDIR;
	return 0;
}

/* ---- start and end ---- */

static void walk_release(struct path_walk *walk)
{
	dentry_put(walk->child);
	dentry_put(walk->parent);
	dentry_put(walk->root);
	kmem_free(walk->spliced, 2 * SPLICED_BYTES);
	if (walk->path)
		path_free(walk->path);
}

/* Where a relative path starts. 0; -EBADF, -ENOTDIR, -ENOMEM. */
static int walk_start(struct path_walk *walk, int directory, const char *path)
{
	if (*path == '/')
		return 0;
	if (directory == AT_FDCWD) {
		walk->parent = context_directory();
		return 0;
	}
	struct file *file = fd_file_any(directory);
	if (!file)
		return -EBADF;
	int err = 0;
	walk->parent = file_dentry(file);
	if (!walk->parent)
		err = -ENOMEM;
	else if (*path && !S_ISDIR(file->inode->mode))
		err = -ENOTDIR;
	file_put(file);
	return err;
}

/* Everything before the tree lock. Takes over `path` if `owned`. */
static int walk_init(struct path_walk *walk, int directory, char *owned, const char *path,
		     unsigned flags)
{
	memset(walk, 0, sizeof(*walk));
	walk->path = owned;
	walk->flags = flags;
	if (flags & WALK_REAL_IDS)
		access_real(&walk->access);
	else
		access_current(&walk->access);
	walk->root = context_root();
	return walk_start(walk, directory, path);
}

static int walk_locked(struct path_walk *walk, int directory, char *owned, const char *path,
		       unsigned flags)
{
	int err = walk_init(walk, directory, owned, path, flags);

	if (!err) {
		rwlock_lock(&file_tree_lock, flags & WALK_EXCLUSIVE);
		err = walk_run(walk, path);
		if (!err)
			return 0;
		rwlock_unlock(&file_tree_lock, flags & WALK_EXCLUSIVE);
	}
	walk_release(walk);
	return err;
}

int path_walk_user(struct path_walk *walk, int directory, uint64_t address, unsigned flags)
{
	char *path;
	int err = path_from_user(address, &path);

	if (err)
		return err;
	return walk_locked(walk, directory, path, path, flags);
}

int path_walk_kernel(struct path_walk *walk, const char *path, unsigned flags)
{
	return path_walk_at(walk, AT_FDCWD, path, flags);
}

int path_walk_at(struct path_walk *walk, int directory, const char *path, unsigned flags)
{
	return walk_locked(walk, directory, NULL, path, flags);
}

void path_walk_done(struct path_walk *walk)
{
	rwlock_unlock(&file_tree_lock, walk->flags & WALK_EXCLUSIVE);
	walk_release(walk);
}

int path_walk_pair(struct path_walk *from, int from_directory, uint64_t from_address,
		   unsigned from_flags, struct path_walk *to, int to_directory, uint64_t to_address,
		   unsigned to_flags)
{
	char *from_path, *to_path;
	int err = path_from_user(from_address, &from_path);

	if (err)
		return err;
	err = path_from_user(to_address, &to_path);
	if (err) {
		path_free(from_path);
		return err;
	}
	err = walk_init(from, from_directory, from_path, from_path, from_flags | WALK_EXCLUSIVE);
	int to_err = walk_init(to, to_directory, to_path, to_path, to_flags | WALK_EXCLUSIVE);
	if (!err)
		err = to_err;
	if (!err) {
		rwlock_lock(&file_tree_lock, true);
		err = walk_run(from, from_path);
		if (!err)
			err = walk_run(to, to_path);
		if (!err)
			return 0;
		rwlock_unlock(&file_tree_lock, true);
	}
	walk_release(from);
	walk_release(to);
	return err;
}

void path_walk_pair_done(struct path_walk *from, struct path_walk *to)
{
	rwlock_unlock(&file_tree_lock, true);
	walk_release(from);
	walk_release(to);
}
