// SPDX-License-Identifier: MIT
/* The file system of namespaces: an inode for each look at one, all with the namespace's number. */

#include "kernel/file/namespace_file.h"

#include "abi/errno.h"
#include "abi/sched.h"
#include "kernel/file/dentry.h"
#include "kernel/file/open.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/print.h"

#define NSFS_MAGIC    0x6e736673
#define NS_GET_PARENT 0xb702 /* ioctl_ns(2) */
#define NS_GET_NSTYPE 0xb703

static struct filesystem *namespace_filesystem;

int namespace_file_init(void)
{
	namespace_filesystem = filesystem_create("nsfs", NSFS_MAGIC, false);
	return namespace_filesystem ? 0 : -ENOMEM;
}

static struct ipc_namespace *namespace_of(const struct inode *inode)
{
	return (struct ipc_namespace *)(uintptr_t)inode->private[0];
}

static void namespace_destroy(struct inode *inode)
{
	ipc_namespace_put(namespace_of(inode));
}

static long namespace_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	(void)file;
	(void)argument;
	switch (command) {
	case NS_GET_NSTYPE:
		return (long)CLONE_NEWIPC;
	case NS_GET_PARENT:
		return -EINVAL; /* it has none: no hierarchy */
	default:
		return -ENOTTY;
	}
}

static const struct file_operations namespace_files = {.ioctl = namespace_ioctl};

static const struct inode_operations namespace_inode = {
	.files = &namespace_files,
	.destroy = namespace_destroy,
};

size_t namespace_file_name(const struct ipc_namespace *ns, char *text, size_t size_bytes)
{
	return (size_t)format(text, size_bytes, "ipc:[%u]", ns->number);
}

int namespace_file_dentry(struct ipc_namespace *ns, struct dentry **dentry)
{
	struct inode *inode = inode_create(namespace_filesystem, &namespace_inode, S_IFREG | 0444);
	char name[32];

	if (!inode)
		return -ENOMEM;
	ipc_namespace_get(ns);
	inode->private[0] = (uintptr_t)ns;
	inode->number = ns->number;
	inode->uid = inode->gid = 0;
	inode->links = 1;
	*dentry = dentry_create(NULL, inode, name, namespace_file_name(ns, name, sizeof(name)));
	inode_put(inode);
	return *dentry ? 0 : -ENOMEM;
}

struct ipc_namespace *namespace_of_file(const struct file *file)
{
	return file->inode->operations == &namespace_inode ? namespace_of(file->inode) : NULL;
}
