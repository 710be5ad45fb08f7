// SPDX-License-Identifier: MIT
/*
 * Mounts. A file system is mounted in one place: there are no bind mounts and
 * no mount namespaces. mount(2) knows tmpfs and proc; a remount changes flags
 * and limits.
 */

#include "kernel/file/mount.h"
#include "kernel/file/namespace_file.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "arch/arch.h"
#include "kernel/file/anonymous.h"
#include "kernel/file/devices.h"
#include "kernel/file/memfd.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/file/pipe.h"
#include "kernel/file/proc.h"
#include "kernel/file/text.h"
#include "kernel/file/tmpfs_options.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/socket/closed.h"
#include "kernel/syscall/syscall.h"

#define KEPT_FLAGS (MS_RELATIME | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

static int32_t last_id; /* tree lock */

struct dentry *mount_root_create(struct inode *inode)
{
	inode->links = 2;
	struct dentry *root = dentry_create(NULL, inode, "", 0);
	inode_put(inode);
	return root;
}

int mount_attach(struct filesystem *filesystem, struct dentry *root, struct dentry *covered,
		 const char *source, uint32_t flags)
{
	struct mount *mount = kmem_zalloc(sizeof(*mount));

	if (!mount)
		return -ENOMEM;
	mount->id = filesystem->mount_id = ++last_id;
	mount->root = root;
	mount->covered = covered;
	mount->filesystem = filesystem;
	(void)string_copy(mount->source, source, sizeof(mount->source));
	filesystem->mount_flags = (flags | MS_RELATIME) & KEPT_FLAGS;
	root->mount = mount;
	if (covered)
		covered->mounted = mount;
	list_push_back(&mounts, &mount->in_all);
	return 0;
}

/* ---- mount(2) ---- */

/* A new tmpfs and its root directory. */
static int tmpfs_root(const struct tmpfs_options *options, struct filesystem **filesystem,
		      struct dentry **root)
{
	struct inode *inode;

	*filesystem = tmpfs_create(options->pages_max, options->inodes_max);
	if (!*filesystem)
		return -ENOMEM;
	(*filesystem)->root_mode = options->mode;
	(*filesystem)->root_uid = options->uid;
	(*filesystem)->root_gid = options->gid;
	(*filesystem)->inode64 = options->inode64;
	(*filesystem)->no_swap = options->no_swap;
	int err = tmpfs_inode_create(*filesystem, S_IFDIR | options->mode, 0, &inode);
	if (!err) {
		inode->uid = options->uid;
		inode->gid = options->gid;
		*root = mount_root_create(inode);
		if (*root)
			return 0;
	}
	filesystem_put(*filesystem);
	return -ENOMEM;
}

static int mount_new(const char *type, const char *source, struct dentry *covered, uint32_t flags,
		     const struct tmpfs_options *options)
{
	struct filesystem *filesystem = NULL;
	struct dentry *root = NULL;
	int err = -ENODEV;

	if (options->read_only)
		flags |= MS_RDONLY;
	if (!strcmp(type, "tmpfs") || !strcmp(type, "ramfs"))
		err = tmpfs_root(options, &filesystem, &root);
	else if (!strcmp(type, "proc"))
		err = proc_root(&filesystem, &root);
	if (err)
		return err;
	if (covered)
		dentry_get(covered);
	err = mount_attach(filesystem, root, covered, source, flags);
	if (err) {
		dentry_put(covered);
		dentry_put(root);
		filesystem_put(filesystem);
	}
	return err;
}

/* A short string of the caller's; 0 is "". */
static int text_from_user(uint64_t address, char *text, size_t size_bytes)
{
	text[0] = 0;
	if (!address)
		return 0;
	long length = copy_string_from_user(text, address, size_bytes);
	return length < 0 ? (int)length : 0;
}

/* The next dentry of a tree, directories before their contents; NULL: that was the last. */
static struct dentry *tree_next(struct dentry *dentry, struct dentry *root)
{
	if (!list_is_empty(&dentry->order))
		return container_of(dentry->order.next, struct dentry, in_order);
	while (dentry != root && dentry->in_order.next == &dentry->parent->order)
		dentry = dentry->parent;
	return dentry == root ? NULL : container_of(dentry->in_order.next, struct dentry, in_order);
}

/*
 * Does somebody who was there before keep a file system from becoming read-only: a file open for
 * writing, or one without a name, which is removed when it is closed? Tree lock exclusive.
 */
static bool is_written(const struct filesystem *filesystem, struct dentry *root)
{
	uint64_t names = 0;

	for (struct dentry *dentry = root; dentry; dentry = tree_next(dentry, root)) {
		if (__atomic_load_n(&dentry->inode->writers, __ATOMIC_RELAXED) > 0)
			return true;
		names++;
	}
	return __atomic_load_n(&filesystem->inode_count, __ATOMIC_RELAXED) > names;
}

/* The flags of a remount. 0; -EBUSY, and nothing has changed. */
static int change_flags(struct filesystem *filesystem, struct dentry *root, uint32_t flags)
{
	uint32_t old = filesystem->mount_flags;

	__atomic_store_n(&filesystem->mount_flags, flags, __ATOMIC_RELAXED);
	if (!filesystem->changeable || (old & MS_RDONLY) || !(flags & MS_RDONLY))
		return 0;
	/* Who opens counts itself, then looks at the flags: file_open_inode. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!is_written(filesystem, root))
		return 0;
	__atomic_store_n(&filesystem->mount_flags, old, __ATOMIC_RELAXED);
	return -EBUSY;
}

/* May a limit become this? One in place of none may not, nor one below what is used. */
static bool limit_may_be(uint64_t now, uint64_t wanted, uint64_t used)
{
	return wanted == now || !wanted || (now && wanted >= used);
}

static int change_limits(struct filesystem *filesystem, uint64_t pages_max, uint64_t inodes_max)
{
	struct shm_quota *quota = &filesystem->quota;

	if (!limit_may_be(quota->max_pages, pages_max, quota->used_pages) ||
	    !limit_may_be(filesystem->inodes_max, inodes_max, filesystem->inode_count))
		return -EINVAL;
	__atomic_store_n(&quota->max_pages, pages_max, __ATOMIC_RELAXED);
	__atomic_store_n(&filesystem->inodes_max, inodes_max, __ATOMIC_RELAXED);
	return 0;
}

/* mount(2), MS_REMOUNT. 0, -EINVAL, -EBUSY. */
static long remount(struct dentry *root, uint64_t flags, const char *text)
{
	struct filesystem *filesystem = root->inode->filesystem;
	struct tmpfs_options options = {
		.pages_max = filesystem->quota.max_pages,
		.inodes_max = filesystem->inodes_max,
		.inode64 = filesystem->inode64,
	};
	uint32_t old = filesystem->mount_flags;

	if (filesystem->magic == TMPFS_MAGIC && tmpfs_options_parse(text, &options))
		return -EINVAL;
	if (options.no_swap && !filesystem->no_swap)
		return -EINVAL;
	if (options.read_only)
		flags |= MS_RDONLY;
	int err = change_flags(filesystem, root, ((uint32_t)flags | MS_RELATIME) & KEPT_FLAGS);
	if (err)
		return err;
	err = change_limits(filesystem, options.pages_max, options.inodes_max);
	if (err)
		__atomic_store_n(&filesystem->mount_flags, old, __ATOMIC_RELAXED);
	else
		filesystem->inode64 = options.inode64;
	return err;
}

static long mount_walked(struct path_walk *walk, const char *type, const char *source,
			 uint64_t flags, const char *text)
{
	struct tmpfs_options options =
		tmpfs_options_usual(01777, walk->access.uid, walk->access.gid);

	if (flags & MS_REMOUNT)
		return walk->child->mount ? remount(walk->child, flags, text) : -EINVAL;
	if (flags & (MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE))
		return walk->child->mount ? 0 : -EINVAL; /* one namespace: nothing to propagate */
	if (flags & (MS_BIND | MS_MOVE))
		return -EINVAL;
	if (!type || (!strcmp(type, "tmpfs") && tmpfs_options_parse(text, &options)))
		return -EINVAL;
	return mount_new(type, source, walk->child, (uint32_t)flags, &options);
}

long sys_mount(const uint64_t *argument)
{
	struct path_walk walk;
	char type[16], source[32], text[256];
	int err;

	if (!cred_has(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	err = text_from_user(argument[2], type, sizeof(type));
	if (!err)
		err = text_from_user(argument[0], source, sizeof(source));
	if (!err)
		err = text_from_user(argument[4], text, sizeof(text));
	if (!err)
		err = path_walk_user(&walk, AT_FDCWD, argument[1],
				     WALK_FOLLOW | WALK_DIRECTORY | WALK_EXCLUSIVE);
	if (err)
		return err == -ENAMETOOLONG ? -ENODEV : err;
	long result = mount_walked(&walk, argument[2] ? type : NULL, source[0] ? source : "none",
				   argument[3], text);
	path_walk_done(&walk);
	return result;
}

/* ---- umount2(2) ---- */

/* Is another file system mounted somewhere in this one? */
static bool has_mounts(struct dentry *root)
{
	list_for_each (node, &mounts) {
		struct mount *other = container_of(node, struct mount, in_all);

		if (other->root != root && other->covered && dentry_is_below(other->covered, root))
			return true;
	}
	return false;
}

static bool mount_is_busy(struct mount *mount)
{
	struct dentry *root = mount->root;

	if (has_mounts(root))
		return true;
	/* The root has the mount's own reference and the walk's; other names their table's. */
	for (struct dentry *dentry = root; dentry; dentry = tree_next(dentry, root)) {
		uint32_t held = dentry == root ? 2 : 1;

		list_for_each (node, &dentry->order)
			held++; /* each entry holds its directory */
		if (__atomic_load_n(&dentry->references, __ATOMIC_RELAXED) > held)
			return true;
	}
	return false;
}

/* Empty the tree of a file system that is going: the tables' references would keep it. */
static void tree_drop(struct dentry *root)
{
	struct dentry *directory = root;

	root->unmounted = true;
	while (directory) {
		if (!list_is_empty(&directory->order)) {
			struct dentry *child =
				container_of(directory->order.next, struct dentry, in_order);

			if (dentry_has_children(child)) {
				directory = child;
			} else {
				child->unmounted = true;
				dentry_unlink(child);
			}
			continue;
		}
		directory = directory == root ? NULL : directory->parent;
	}
}

static long umount_walked(struct path_walk *walk, unsigned flags)
{
	struct mount *mount = walk->child->mount;

	if (!mount)
		return -EINVAL;
	if (!mount->covered)
		return -EBUSY; /* the root of all */
	/* MNT_DETACH lets go of the names at once; who has a file open keeps that. */
	if (mount_is_busy(mount) && (!(flags & MNT_DETACH) || has_mounts(mount->root)))
		return -EBUSY;
	dentry_unmount(mount->covered, mount->root);
	list_remove(&mount->in_all);
	tree_drop(mount->root);
	dentry_put(mount->covered);
	dentry_put(mount->root);
	filesystem_put(mount->filesystem);
	kmem_free(mount, sizeof(*mount));
	return 0;
}

long sys_umount2(const uint64_t *argument)
{
	struct path_walk walk;
	unsigned flags = (unsigned)argument[1];

	if (flags & ~(unsigned)(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW))
		return -EINVAL;
	if (!cred_has(cred_current(), CAP_SYS_ADMIN))
		return -EPERM;
	int err = path_walk_user(&walk, AT_FDCWD, argument[0],
				 (flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW) | WALK_EXCLUSIVE);
	if (err)
		return err;
	long result = umount_walked(&walk, flags);
	path_walk_done(&walk);
	return result;
}

/* ---- /proc/mounts ---- */

static void add_options(struct text *text, uint32_t flags)
{
	text_add(text, "%s%s%s%s,relatime", flags & MS_RDONLY ? "ro" : "rw",
		 flags & MS_NOSUID ? ",nosuid" : "", flags & MS_NODEV ? ",nodev" : "",
		 flags & MS_NOEXEC ? ",noexec" : "");
}

/* What not all file systems have. */
static void add_own_options(struct text *text, const struct filesystem *filesystem)
{
	if (filesystem->magic == TMPFS_MAGIC)
		tmpfs_options_show(text, filesystem);
}

/* The mount that a mount's directory is on. */
static int32_t parent_id(const struct mount *mount)
{
	struct dentry *dentry = mount->covered;

	while (dentry && dentry->parent)
		dentry = dentry->parent;
	return dentry && dentry->mount ? dentry->mount->id : 0;
}

static void add_table_line(struct text *text, const struct mount *mount, const char *path)
{
	text_add(text, "%s %s %s ", mount->source, path, mount->filesystem->type);
	add_options(text, mount->filesystem->mount_flags);
	add_own_options(text, mount->filesystem);
	text_add(text, " 0 0\n");
}

static void add_info_line(struct text *text, const struct mount *mount, const char *path)
{
	const struct filesystem *filesystem = mount->filesystem;

	text_add(text, "%d %d %u:%u / %s ", mount->id, parent_id(mount),
		 abi_device_major(filesystem->device), abi_device_minor(filesystem->device), path);
	add_options(text, filesystem->mount_flags);
	text_add(text, " - %s %s %s", filesystem->type, mount->source,
		 filesystem->mount_flags & MS_RDONLY ? "ro" : "rw");
	add_own_options(text, filesystem);
	text_add(text, "\n");
}

static void for_each_mount(struct text *text,
			   void (*add)(struct text *text, const struct mount *mount,
				       const char *path))
{
	bool reachable, deleted;
	char *path = kmem_alloc(PATH_BYTES_MAX);

	if (!path) {
		text->no_memory = true;
		return;
	}
	rwlock_lock(&file_tree_lock, false);
	list_for_each (node, &mounts) {
		struct mount *mount = container_of(node, struct mount, in_all);

		if (dentry_path(mount->root, root_dentry, path, PATH_BYTES_MAX, &reachable,
				&deleted) > 0)
			add(text, mount, path);
	}
	rwlock_unlock(&file_tree_lock, false);
	kmem_free(path, PATH_BYTES_MAX);
}

void mount_table_text(struct text *text)
{
	for_each_mount(text, add_table_line);
}

void mount_info_text(struct text *text)
{
	for_each_mount(text, add_info_line);
}

/* ---- boot ---- */

static void make_directory(const char *path, uint32_t mode)
{
	struct path_walk walk;
	int err = path_walk_kernel(&walk, path, WALK_MISSING_OK | WALK_EXCLUSIVE | WALK_ENTRY);

	if (!err) {
		err = name_make(&walk, S_IFDIR | mode, 0, NULL);
		path_walk_done(&walk);
	}
	if (err)
		panic("cannot make %s: error %d", path, -err);
}

static void mount_at_boot(const char *type, const char *path, uint32_t mode, uint32_t flags)
{
	const struct tmpfs_options options = tmpfs_options_usual(mode, 0, 0);
	struct path_walk walk;
	int err = path_walk_kernel(&walk, path, WALK_EXCLUSIVE);

	if (!err) {
		err = mount_new(type, type, walk.child, flags, &options);
		path_walk_done(&walk);
	}
	if (err)
		panic("cannot mount %s: error %d", path, -err);
}

void file_init(void)
{
	struct tmpfs_options options = tmpfs_options_usual(0755, 0, 0);
	struct filesystem *filesystem = NULL;
	int err;

	options.pages_max = frame_total_count() / 4 * 3;
	dentry_init();
	err = memfd_init(); /* first: device 0:1, as on Linux */
	if (!err)
		err = pipe_init();
	if (!err)
		err = anonymous_init();
	if (!err)
		err = namespace_file_init();
	if (!err)
		err = socket_init();
	if (!err)
		err = tmpfs_root(&options, &filesystem, &root_dentry);
	if (!err)
		err = mount_attach(filesystem, root_dentry, NULL, "tmpfs", 0);
	if (err)
		panic("no root file system: error %d", -err);
	make_directory("/dev", 0755);
	make_directory("/proc", 0555);
	make_directory("/tmp", 01777);
	make_directory("/dev/shm", 01777);
	err = devices_populate();
	if (err)
		panic("cannot make the nodes of /dev: error %d", -err);
	mount_at_boot("tmpfs", "/dev/shm", 01777, MS_NOSUID | MS_NODEV);
	mount_at_boot("proc", "/proc", 0555, MS_NOSUID | MS_NODEV | MS_NOEXEC);
}
