// SPDX-License-Identifier: MIT
/* The file system of namespaces: an inode for each look at one, all with the namespace's number. */

#include "kernel/file/namespace_file.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/sched.h"
#include "abi/statfs.h"
#include "kernel/file/dentry.h"
#include "kernel/file/open.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/print.h"
#include "kernel/mm/space.h"

#define NS_GET_USERNS         0xb701 /* ioctl_nsfs(2) */
#define NS_GET_PARENT         0xb702
#define NS_GET_NSTYPE         0xb703
#define NS_GET_OWNER_UID      0xb704
#define NS_GET_MNTNS_ID       0x8008b705
#define NS_GET_PID_FROM_PIDNS 0x8004b706 /* the first of four, one after the other */
#define NS_GET_TGID_IN_PIDNS  0x8004b709
#define NS_GET_ID             0x8008b70d

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
	uint64_t id = namespace_of(file->inode)->number;

	switch (command) {
	case NS_GET_NSTYPE:
		return (long)CLONE_NEWIPC;
	case NS_GET_ID:
		return copy_to_user(argument, &id, sizeof(id)) ? -EFAULT : 0;
	case NS_GET_USERNS:
		return -EPERM; /* as of a Linux without user namespaces */
	case NS_GET_PARENT:    /* it has none: no hierarchy */
	case NS_GET_OWNER_UID: /* these are questions to other kinds */
	case NS_GET_MNTNS_ID:
	case NS_GET_PID_FROM_PIDNS ... NS_GET_TGID_IN_PIDNS:
		return -EINVAL;
	default:
		return -ENOTTY;
	}
}

/* Nobody may change one, whatever he is capable of. */
static int namespace_beyond_mode(const struct inode *inode, const struct access *access,
				 unsigned mask)
{
	(void)inode;
	(void)access;
	return mask & ACCESS_WRITE ? -EPERM : -EACCES;
}

static const struct file_operations namespace_files = {.ioctl = namespace_ioctl};

static const struct inode_operations namespace_inode = {
	.beyond_mode = namespace_beyond_mode,
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

long namespace_file_open(struct ipc_namespace *ns)
{
	struct dentry *dentry;
	struct file *file;
	long fd = namespace_file_dentry(ns, &dentry);

	if (fd)
		return fd;
	fd = file_open_inode(dentry->inode, dentry, O_RDONLY, &file);
	dentry_put(dentry);
	if (fd)
		return fd;
	fd = fd_install(file, 0, true);
	if (fd < 0)
		file_put(file);
	return fd;
}

struct ipc_namespace *namespace_of_file(const struct file *file)
{
	return file->inode->operations == &namespace_inode ? namespace_of(file->inode) : NULL;
}
