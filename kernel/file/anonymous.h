/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_ANONYMOUS_H
#define KERNEL_FILE_ANONYMOUS_H

/* Files that have no name and no contents, only operations: eventfd, timerfd, signalfd, epoll. */

#include "kernel/file/file.h"

int anonymous_init(void); /* 0; -ENOMEM */
/*
 * Such a file on a new descriptor; /proc shows it as anon_inode:NAME. O_CLOEXEC
 * and O_NONBLOCK of `flags` count. `data` is the file's once it succeeds. The
 * descriptor, or -EMFILE, -ENOMEM.
 */
long anonymous_open(const char *name, const struct file_operations *operations, void *data,
		    uint32_t flags);
/* What follows "anon_inode:", or NULL when the file is none. */
const char *anonymous_name(const struct file *file);

#endif
