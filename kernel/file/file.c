// SPDX-License-Identifier: MIT
/* Open files: life, names, reading for the kernel's own use. */

#include "kernel/file/file.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "kernel/file/anonymous.h"
#include "kernel/file/epoll.h"
#include "kernel/file/lock.h"
#include "kernel/file/namespace_file.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"

struct file *file_create(struct inode *inode, struct dentry *dentry,
			 const struct file_operations *operations, uint32_t flags)
{
	struct file *file = kmem_zalloc(sizeof(*file));

	if (!file)
		return NULL;
	file->operations = operations;
	file->references = 1;
	file->flags = flags;
	file->inode = inode;
	inode_get(inode);
	file->dentry = dentry;
	if (dentry)
		dentry_get(dentry);
	mutex_init(&file->position_lock, RANK_FILE_POSITION);
	return file;
}

int file_count_writer(struct file *file, int32_t change)
{
	int32_t *writers = &file->inode->writers;
	int32_t now = __atomic_load_n(writers, __ATOMIC_RELAXED);

	do {
		if (change > 0 ? now < 0 : now > 0)
			return -ETXTBSY;
	} while (!__atomic_compare_exchange_n(writers, &now, now + change, false, __ATOMIC_RELAXED,
					      __ATOMIC_RELAXED));
	file->write_count = change;
	return 0;
}

void file_get(struct file *file)
{
	__atomic_fetch_add(&file->references, 1, __ATOMIC_RELAXED);
}

/* Takes no sleeping lock for regular files: areas drop theirs under the space lock. */
void file_put(struct file *file)
{
	if (__atomic_sub_fetch(&file->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (file->epoll_items.next)
		epoll_file_gone(file);
	if (file->operations && file->operations->release)
		file->operations->release(file);
	lock_release_file(file);
	if (file->write_count)
		__atomic_fetch_sub(&file->inode->writers, file->write_count, __ATOMIC_RELAXED);
	dentry_put(file->dentry);
	inode_put(file->inode);
	kmem_free(file, sizeof(*file));
}

bool file_can_read(const struct file *file)
{
	uint32_t mode = file->flags & O_ACCMODE;

	return !(file->flags & O_PATH) && (mode == O_RDONLY || mode == O_RDWR);
}

bool file_can_write(const struct file *file)
{
	uint32_t mode = file->flags & O_ACCMODE;

	return !(file->flags & O_PATH) && (mode == O_WRONLY || mode == O_RDWR);
}

struct dentry *file_dentry(struct file *file)
{
	char name[40];

	if (file->dentry) {
		dentry_get(file->dentry);
		return file->dentry;
	}
	size_t length = file_path(file, name, sizeof(name));
	return dentry_create(NULL, file->inode, name, length);
}

#define DELETED " (deleted)"

size_t file_path(struct file *file, char *text, size_t size_bytes)
{
	const struct ipc_namespace *ns = namespace_of_file(file);
	bool reachable, deleted;

	if (ns)
		return namespace_file_name(ns, text, size_bytes);
	if (!file->dentry) {
		const char *name = anonymous_name(file);

		if (name)
			return (size_t)format(text, size_bytes, "anon_inode:%s", name);
		return (size_t)format(text, size_bytes, "%s:[%llu]",
				      S_ISSOCK(file->inode->mode) ? "socket" : "pipe",
				      (unsigned long long)file->inode->number);
	}
	struct dentry *root = context_root();
	long length = dentry_path(file->dentry, root, text, size_bytes, &reachable, &deleted);
	dentry_put(root);
	if (length < 0) {
		string_copy(text, "(too long)", size_bytes);
		return strlen(text);
	}
	if (deleted && (size_t)length + sizeof(DELETED) <= size_bytes) {
		memcpy(text + length, DELETED, sizeof(DELETED));
		length += (long)sizeof(DELETED) - 1;
	}
	return (size_t)length;
}

void file_maps_add(struct file *file, int32_t change)
{
	/* Release: with the last mapping gone, so is all that it could write. */
	__atomic_fetch_add(&file->inode->writable_maps, change, __ATOMIC_RELEASE);
}

void file_identity(struct file *file, uint64_t *device, uint64_t *inode_number)
{
	*device = file->inode->filesystem->device;
	*inode_number = file->inode->number;
}

uint64_t file_size(struct file *file)
{
	return __atomic_load_n(&file->inode->size_bytes, __ATOMIC_RELAXED);
}

long file_read_at(struct file *file, void *to, size_t size_bytes, uint64_t offset)
{
	struct io_piece piece;
	struct io io;

	if (!file->operations || !file->operations->read)
		return -EINVAL;
	io_init_kernel(&io, &piece, to, size_bytes);
	return file->operations->read(file, &io, &offset);
}

void file_setid(struct file *file, uint32_t *euid, uint32_t *egid)
{
	struct inode *inode = file->inode;

	if (inode_has_mount_flag(inode, MS_NOSUID))
		return;
	if (inode->mode & S_ISUID)
		*euid = inode->uid;
	if ((inode->mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP))
		*egid = inode->gid;
}

/* ---- at the file's own position ---- */

long file_read(struct file *file, struct io *io)
{
	const struct file_operations *operations = file->operations;

	if (!file_can_read(file))
		return -EBADF;
	if (!operations->read)
		return S_ISDIR(file->inode->mode) ? -EISDIR : -EINVAL;
	if (!operations->seeks)
		return operations->read(file, io, &file->position);
	mutex_lock(&file->position_lock);
	long result = file->position + io->left_bytes > INT64_MAX
			      ? -EINVAL
			      : operations->read(file, io, &file->position);
	mutex_unlock(&file->position_lock);
	return result;
}

long file_write(struct file *file, struct io *io)
{
	const struct file_operations *operations = file->operations;

	if (!file_can_write(file))
		return -EBADF;
	if (!operations->write)
		return -EINVAL;
	if (!operations->seeks)
		return operations->write(file, io, &file->position);
	mutex_lock(&file->position_lock);
	long result = file->position + io->left_bytes > INT64_MAX
			      ? -EINVAL
			      : operations->write(file, io, &file->position);
	mutex_unlock(&file->position_lock);
	return result;
}
