// SPDX-License-Identifier: MIT
/*
 * Reading directories. A position is the cookie of the next entry: entries of
 * tmpfs have rising ones, so that a reader sees each entry once whatever is
 * made and removed meanwhile; "." is 0 and ".." is 1.
 */

#include "kernel/file/directory.h"

#include "abi/dirent.h"
#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/file/open.h"
#include "kernel/file/path.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"

const struct file_operations directory_files = {.seeks = true};

/* Where records go in the program. */
struct dirent_sink {
	struct directory_emitter emitter;
	uint64_t to, left_bytes;
	long done; /* bytes, or -EINVAL: not even one fits, or -EFAULT */
};

static bool dirent_emit(struct directory_emitter *emitter, const char *name, size_t length,
			uint64_t number, uint32_t mode, uint64_t next)
{
	struct dirent_sink *sink = container_of(emitter, struct dirent_sink, emitter);
	union {
		struct abi_dirent64 record;
		char bytes[ABI_DIRENT64_NAME + NAME_BYTES_MAX + 1 + 8];
	} u;
	size_t size = (ABI_DIRENT64_NAME + length + 1 + 7) & ~7ul;

	if (size > sink->left_bytes) {
		if (!sink->done)
			sink->done = -EINVAL;
		return false;
	}
	memset(u.bytes + size - 8, 0, 8);
	u.record.d_ino = number;
	u.record.d_off = (int64_t)next;
	u.record.d_reclen = (uint16_t)size;
	u.record.d_type = (uint8_t)(mode >> 12 & 15);
	memcpy(u.bytes + ABI_DIRENT64_NAME, name, length);
	u.bytes[ABI_DIRENT64_NAME + length] = 0;
	if (copy_to_user(sink->to, &u, size)) {
		if (!sink->done)
			sink->done = -EFAULT;
		return false;
	}
	sink->to += size;
	sink->left_bytes -= size;
	sink->done += (long)size;
	emitter->position = next;
	return true;
}

static void emit_children(struct dentry *directory, struct directory_emitter *emitter)
{
	list_for_each (node, &directory->order) {
		struct dentry *child = container_of(node, struct dentry, in_order);

		if (child->cookie < emitter->position)
			continue;
		if (!emitter->emit(emitter, child->name, child->name_bytes, child->inode->number,
				   child->inode->mode, child->cookie + 1))
			return;
	}
}

static int emit_all(struct dentry *directory, struct directory_emitter *emitter)
{
	if (emitter->position == 0 &&
	    !emitter->emit(emitter, ".", 1, directory->inode->number, S_IFDIR, 1))
		return 0;
	if (emitter->position == 1) {
		struct dentry *parent = dentry_parent(directory);
		bool fits = emitter->emit(emitter, "..", 2, parent->inode->number, S_IFDIR, 2);

		dentry_put(parent);
		if (!fits)
			return 0;
	}
	if (directory->inode->operations->iterate)
		return directory->inode->operations->iterate(directory, emitter);
	emit_children(directory, emitter);
	return 0;
}

static long getdents(struct file *file, uint64_t to, uint64_t size_bytes)
{
	struct dirent_sink sink = {{dirent_emit, 0}, to, size_bytes, 0};

	if (!S_ISDIR(file->inode->mode) || !file->dentry)
		return -ENOTDIR;
	if (!file_can_read(file))
		return -EBADF;
	mutex_lock(&file->position_lock);
	sink.emitter.position = file->position;
	rwlock_lock(&file_tree_lock, false);
	struct dentry *directory = file->dentry;
	int err = 0;
	/* A removed directory has not even "." left: getdents(2). */
	if (directory->linked || directory->mount || !directory->inode->filesystem->changeable)
		err = emit_all(directory, &sink.emitter);
	else
		err = -ENOENT;
	rwlock_unlock(&file_tree_lock, false);
	file->position = sink.emitter.position;
	mutex_unlock(&file->position_lock);
	inode_touch_access(file->inode);
	return err && sink.done <= 0 ? err : sink.done;
}

long sys_getdents64(const uint64_t *argument)
{
	struct file *file = fd_file((int)argument[0]);

	if (!file)
		return -EBADF;
	long result = getdents(file, argument[1], (uint32_t)argument[2]);
	file_put(file);
	return result;
}
