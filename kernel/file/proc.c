// SPDX-License-Identifier: MIT
/* /proc: the root. */

#include "kernel/file/proc.h"

#include "abi/errno.h"
#include "abi/statfs.h"
#include "kernel/file/mount.h"

static const struct inode_operations proc_root_operations = {0};

int proc_root(struct filesystem **filesystem, struct dentry **root)
{
	*filesystem = filesystem_create("proc", PROC_SUPER_MAGIC, false);
	if (!*filesystem)
		return -ENOMEM;
	struct inode *inode = inode_create(*filesystem, &proc_root_operations, S_IFDIR | 0555);
	*root = inode ? mount_root_create(inode) : NULL;
	if (*root)
		return 0;
	filesystem_put(*filesystem);
	return -ENOMEM;
}
