/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_PROC_H
#define KERNEL_FILE_PROC_H

/* /proc: what the system says about itself, as text. */

#include "kernel/file/dentry.h"

/* A proc file system and its root, with references to the caller. 0; -ENOMEM. */
int proc_root(struct filesystem **filesystem, struct dentry **root);

#endif
