// SPDX-License-Identifier: MIT
/* Files without a name. Each has an inode of its own, so that fstat(2) has something to say. */

#include "kernel/file/anonymous.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/open.h"

#define ANON_INODE_MAGIC 0x09041934

static struct filesystem *anonymous_filesystem;
static const struct inode_operations anonymous_inode = {0};

int anonymous_init(void)
{
	anonymous_filesystem = filesystem_create("anon_inodefs", ANON_INODE_MAGIC, false);
	return anonymous_filesystem ? 0 : -ENOMEM;
}

const char *anonymous_name(const struct file *file)
{
	return file->inode->filesystem == anonymous_filesystem ? file->inode->generic : NULL;
}

long anonymous_open(const char *name, const struct file_operations *operations, void *data,
		    uint32_t flags)
{
	struct inode *inode = inode_create(anonymous_filesystem, &anonymous_inode, 0600);

	if (!inode)
		return -ENOMEM;
	inode->generic = name;
	inode->links = 1;
	struct file *file = file_create(inode, NULL, operations, O_RDWR | (flags & O_NONBLOCK));
	inode_put(inode);
	if (!file)
		return -ENOMEM;
	file->data = data;
	int fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0) {
		file->operations = NULL; /* the data stays the caller's */
		file_put(file);
	}
	return fd;
}
