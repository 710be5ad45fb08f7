// SPDX-License-Identifier: MIT
/*
 * Mounts. A file system is mounted in one place: there are no bind mounts and
 * no mount namespaces. mount(2) knows tmpfs and proc; a remount changes flags
 * and the size limit.
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
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/socket/closed.h"
#include "kernel/syscall/syscall.h"

#define KEPT_FLAGS  (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define INODE_BYTES 1024 /* what Linux takes an inode for when it looks for overflow */

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
	mount->id = ++last_id;
	mount->root = root;
	mount->covered = covered;
	mount->filesystem = filesystem;
	(void)string_copy(mount->source, source, sizeof(mount->source));
	filesystem->mount_flags = flags & KEPT_FLAGS;
	root->mount = mount;
	if (covered)
		covered->mounted = mount;
	list_push_back(&mounts, &mount->in_all);
	return 0;
}

/* ---- mount(2) ---- */

struct options {
	uint64_t pages_max, inodes_max;
	uint32_t mode, uid, gid;
};

/* The letter after a number: "64m" is 64 << 20. Moves on behind it. */
static uint64_t unit_take(const char **text, uint64_t value)
{
	switch (**text | 32) {
	case 'g':
		value <<= 10;
		__attribute__((fallthrough));
	case 'm':
		value <<= 10;
		__attribute__((fallthrough));
	case 'k':
		value <<= 10;
		++*text;
	}
	return value;
}

static bool parse_inodes(const char *text, uint64_t *inodes)
{
	uint64_t value;

	if (!string_parse_u64(&text, &value))
		return false;
	*inodes = unit_take(&text, value);
	return *inodes <= UINT64_MAX / INODE_BYTES && (*text == 0 || *text == ',');
}

/* "50%", "64m", "1048576": in pages. */
static bool parse_size(const char *text, uint64_t *pages)
{
	uint64_t value;

	if (!string_parse_u64(&text, &value))
		return false;
	if (*text == '%') {
		value = frame_total_count() * value / 100 * PAGE_BYTES;
		text++;
	}
	value = unit_take(&text, value);
	*pages = (value + PAGE_BYTES - 1) >> PAGE_SHIFT;
	return *text == 0 || *text == ',';
}

static uint64_t parse_number(const char *text, unsigned base)
{
	uint64_t value = 0;

	while (*text >= '0' && *text < (char)('0' + base))
		value = value * base + (uint64_t)(*text++ - '0');
	return value;
}

/* Does the option that text begins with have this name? Then *value is what follows it. */
static bool is_option(const char *text, const char *name, const char **value)
{
	size_t length = strlen(name);

	*value = text + length;
	return !strncmp(text, name, length);
}

/* One option. 0; -EINVAL: unknown, or not a number. tmpfs(5). */
static int parse_option(const char *text, struct options *options)
{
	static const char *const ignored[] = {"huge=",  "mpol=", "inode32", "inode64",
					      "noswap", "rw",    "ro"};
	const char *value;

	if (is_option(text, "size=", &value))
		return parse_size(value, &options->pages_max) ? 0 : -EINVAL;
	if (is_option(text, "nr_inodes=", &value))
		return parse_inodes(value, &options->inodes_max) ? 0 : -EINVAL;
	if (is_option(text, "nr_blocks=", &value))
		options->pages_max = parse_number(value, 10);
	else if (is_option(text, "mode=", &value))
		options->mode = (uint32_t)parse_number(value, 8) & 07777;
	else if (is_option(text, "uid=", &value))
		options->uid = (uint32_t)parse_number(value, 10);
	else if (is_option(text, "gid=", &value))
		options->gid = (uint32_t)parse_number(value, 10);
	else {
		for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
			if (is_option(text, ignored[i], &value))
				return 0;
		return *text == 0 || *text == ',' ? 0 : -EINVAL;
	}
	return 0;
}

/* All of a tmpfs's, separated by commas. 0; -EINVAL. */
static int parse_options(const char *text, struct options *options)
{
	int err = 0;

	while (*text && !err) {
		const char *end = strchr(text, ',');

		err = parse_option(text, options);
		if (!end)
			break;
		text = end + 1;
	}
	return err;
}

/* A new tmpfs and its root directory. */
static int tmpfs_root(const struct options *options, struct filesystem **filesystem,
		      struct dentry **root)
{
	struct inode *inode;

	*filesystem = tmpfs_create(options->pages_max, options->inodes_max);
	if (!*filesystem)
		return -ENOMEM;
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
		     const struct options *options)
{
	struct filesystem *filesystem = NULL;
	struct dentry *root = NULL;
	int err = -ENODEV;

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

/* May a limit become this? One in place of none may not, nor one below what is used. */
static bool limit_may_be(uint64_t now, uint64_t wanted, uint64_t used)
{
	return wanted == now || !wanted || (now && wanted >= used);
}

/* mount(2), MS_REMOUNT. 0, -EINVAL. */
static long remount(struct filesystem *filesystem, uint64_t flags, const char *text)
{
	struct shm_quota *quota = &filesystem->quota;
	struct options options = {.pages_max = quota->max_pages,
				  .inodes_max = filesystem->inodes_max};

	if (filesystem->magic == TMPFS_MAGIC && parse_options(text, &options))
		return -EINVAL;
	if (!limit_may_be(quota->max_pages, options.pages_max, quota->used_pages) ||
	    !limit_may_be(filesystem->inodes_max, options.inodes_max, filesystem->inode_count))
		return -EINVAL;
	filesystem->mount_flags = (uint32_t)flags & KEPT_FLAGS;
	__atomic_store_n(&quota->max_pages, options.pages_max, __ATOMIC_RELAXED);
	__atomic_store_n(&filesystem->inodes_max, options.inodes_max, __ATOMIC_RELAXED);
	return 0;
}

static long mount_walked(struct path_walk *walk, const char *type, const char *source,
			 uint64_t flags, const char *text)
{
	struct options options = {frame_total_count() / 2, frame_total_count() / 2, 01777,
				  walk->access.uid, walk->access.gid};

	if (flags & MS_REMOUNT)
		return walk->child->mount ? remount(walk->child->inode->filesystem, flags, text)
					  : -EINVAL;
	if (flags & (MS_PRIVATE | MS_SLAVE | MS_SHARED | MS_UNBINDABLE))
		return walk->child->mount ? 0 : -EINVAL; /* one namespace: nothing to propagate */
	if (flags & (MS_BIND | MS_MOVE))
		return -EINVAL;
	if (!strcmp(type, "tmpfs") && parse_options(text, &options))
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
	long result = mount_walked(&walk, type, source[0] ? source : "none", argument[3], text);
	path_walk_done(&walk);
	return result;
}

/* ---- umount2(2) ---- */

/* The next dentry of a tree, directories before their contents; NULL: that was the last. */
static struct dentry *tree_next(struct dentry *dentry, struct dentry *root)
{
	if (!list_is_empty(&dentry->order))
		return container_of(dentry->order.next, struct dentry, in_order);
	while (dentry != root && dentry->in_order.next == &dentry->parent->order)
		dentry = dentry->parent;
	return dentry == root ? NULL : container_of(dentry->in_order.next, struct dentry, in_order);
}

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

	while (directory) {
		if (!list_is_empty(&directory->order)) {
			struct dentry *child =
				container_of(directory->order.next, struct dentry, in_order);

			if (dentry_has_children(child)) {
				directory = child;
			} else {
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
	mount->covered->mounted = NULL;
	mount->root->mount = NULL;
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

/* What a tmpfs has that not all have: tmpfs(5). */
static void add_limits(struct text *text, const struct filesystem *filesystem)
{
	uint64_t usual = frame_total_count() / 2;

	if (filesystem->magic != TMPFS_MAGIC)
		return;
	if (filesystem->quota.max_pages != usual)
		text_add(text, ",size=%lluk", filesystem->quota.max_pages * (PAGE_BYTES / 1024));
	if (filesystem->inodes_max != usual)
		text_add(text, ",nr_inodes=%lu", filesystem->inodes_max);
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
	add_limits(text, mount->filesystem);
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
	add_limits(text, filesystem);
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
	struct options options = {frame_total_count() / 2, frame_total_count() / 2, mode, 0, 0};
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
	const struct options options = {frame_total_count() / 4 * 3, frame_total_count() / 2, 0755,
					0, 0};
	struct filesystem *filesystem = NULL;
	int err;

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
