/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_FD_H
#define KERNEL_FILE_FD_H

/* Descriptors of the running thread, for the room of files itself. */

#include <stdbool.h>

/* FD_CLOEXEC of a descriptor, after setting it if `set` is 0 or 1. -EBADF. */
int fd_flag(int fd, int set);
/* F_DUPFD: the new descriptor, or -EBADF, -EINVAL, -EMFILE, -ENOMEM. */
int fd_duplicate(int fd, int minimum, bool close_on_exec);
/* No descriptor is above this: select(2) looks no further. */
int fd_capacity(void);

#endif
