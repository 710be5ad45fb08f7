/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_MOUNT_H
#define KERNEL_FILE_MOUNT_H

/* Mounted file systems: mount(2), umount2(2), and the lines of /proc/mounts. */

#include "kernel/file/dentry.h"

/*
 * Mount a file system's root on a directory (NULL: as the root of all). Takes
 * over both references. 0; -ENOMEM, -EBUSY. Tree lock exclusive.
 */
int mount_attach(struct filesystem *filesystem, struct dentry *root, struct dentry *covered,
		 const char *source, uint32_t flags);
/* A directory that can be a root. Takes over the inode's reference. NULL: no memory. */
struct dentry *mount_root_create(struct inode *inode);

/* "source target type options 0 0\n" for each mount; returns the length that all has. */
struct text;
void mount_table_text(struct text *text);
/* The lines of /proc/PID/mountinfo: proc(5). */
void mount_info_text(struct text *text);

#endif
