// SPDX-License-Identifier: MIT
/* What a thread's paths start from: root and working directory; and its umask. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/path.h"
#include "kernel/file/open.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

struct fs_context {
	uint32_t references; /* [a] */
	struct spinlock lock;
	struct dentry *root, *directory; /* lock; references */
	uint32_t umask;                  /* [a] */
};

static struct fs_context *context_create(struct dentry *root, struct dentry *directory,
					 uint32_t umask)
{
	struct fs_context *context = kmem_zalloc(sizeof(*context));

	if (!context)
		return NULL;
	context->references = 1;
	spin_init(&context->lock, RANK_FS_CONTEXT);
	dentry_get(root);
	dentry_get(directory);
	context->root = root;
	context->directory = directory;
	context->umask = umask;
	return context;
}

struct fs_context *fs_context_create(void)
{
	return context_create(root_dentry, root_dentry, 022);
}

struct fs_context *fs_context_fork(struct fs_context *fs)
{
	struct dentry *root = context_root_of(fs), *directory = context_directory_of(fs);
	struct fs_context *copy = context_create(root, directory, fs->umask);

	dentry_put(root);
	dentry_put(directory);
	return copy;
}

struct fs_context *fs_context_get(struct fs_context *fs)
{
	__atomic_fetch_add(&fs->references, 1, __ATOMIC_RELAXED);
	return fs;
}

void fs_context_put(struct fs_context *fs)
{
	if (!fs || __atomic_sub_fetch(&fs->references, 1, __ATOMIC_ACQ_REL))
		return;
	dentry_put(fs->root);
	dentry_put(fs->directory);
	kmem_free(fs, sizeof(*fs));
}

static struct fs_context *context_running(void)
{
	struct thread *thread = thread_current();

	return thread ? thread->fs : NULL;
}

static struct dentry *context_take(struct fs_context *fs, struct dentry *const *which)
{
	spin_lock(&fs->lock);
	struct dentry *dentry = *which;
	dentry_get(dentry);
	spin_unlock(&fs->lock);
	return dentry;
}

struct dentry *context_root_of(struct fs_context *context)
{
	return context ? context_take(context, &context->root) : NULL;
}

struct dentry *context_directory_of(struct fs_context *context)
{
	return context ? context_take(context, &context->directory) : NULL;
}

struct dentry *context_root(void)
{
	struct dentry *root = context_root_of(context_running());

	if (!root) { /* the kernel itself */
		root = root_dentry;
		dentry_get(root);
	}
	return root;
}

struct dentry *context_directory(void)
{
	struct dentry *directory = context_directory_of(context_running());

	if (!directory) {
		directory = root_dentry;
		dentry_get(directory);
	}
	return directory;
}

uint32_t context_umask(void)
{
	struct fs_context *fs = context_running();

	return fs ? fs->umask : 0;
}

/* Replace a directory of the context; takes over the reference. */
static void context_set(struct fs_context *fs, struct dentry **which, struct dentry *dentry)
{
	spin_lock(&fs->lock);
	struct dentry *old = *which;
	*which = dentry;
	spin_unlock(&fs->lock);
	dentry_put(old);
}

long sys_umask(const uint64_t *argument)
{
	return (long)__atomic_exchange_n(&context_running()->umask, (uint32_t)argument[0] & 0777,
					 __ATOMIC_RELAXED);
}

/* getcwd(2): the length with the NUL. */
long sys_getcwd(const uint64_t *argument)
{
	struct dentry *root = context_root(), *directory = context_directory();
	char *text = kmem_alloc(PATH_BYTES_MAX);
	bool reachable, deleted;
	long result = -ENOMEM;

	if (text) {
		result = dentry_path(directory, root, text, PATH_BYTES_MAX, &reachable, &deleted);
		if (result >= 0 && deleted)
			result = -ENOENT;
		if (result >= 0 && (uint64_t)result + 1 > argument[1])
			result = -ERANGE;
		if (result >= 0)
			result = copy_to_user(argument[0], text, (size_t)result + 1) ? -EFAULT
										     : result + 1;
		kmem_free(text, PATH_BYTES_MAX);
	}
	dentry_put(directory);
	dentry_put(root);
	return result;
}

static long change(uint64_t address, bool root)
{
	struct fs_context *fs = context_running();
	struct path_walk walk;
	int err = path_walk_user(&walk, AT_FDCWD, address, WALK_FOLLOW | WALK_DIRECTORY);

	if (err)
		return err;
	err = inode_permission(walk.child->inode, &walk.access, ACCESS_EXECUTE);
	if (!err && root && !cred_has(cred_current(), CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err) {
		dentry_get(walk.child);
		context_set(fs, root ? &fs->root : &fs->directory, walk.child);
	}
	path_walk_done(&walk);
	return err;
}

long sys_chdir(const uint64_t *argument)
{
	return change(argument[0], false);
}

long sys_chroot(const uint64_t *argument)
{
	return change(argument[0], true);
}

long sys_fchdir(const uint64_t *argument)
{
	struct fs_context *fs = context_running();
	struct file *file = fd_file_any((int)argument[0]);
	struct access access;
	int err = 0;

	if (!file)
		return -EBADF;
	access_current(&access);
	if (!file->dentry || !S_ISDIR(file->inode->mode))
		err = -ENOTDIR;
	else
		err = inode_permission(file->inode, &access, ACCESS_EXECUTE);
	if (!err) {
		dentry_get(file->dentry);
		context_set(fs, &fs->directory, file->dentry);
	}
	file_put(file);
	return err;
}
