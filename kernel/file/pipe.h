/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_PIPE_H
#define KERNEL_FILE_PIPE_H

struct file;

int pipe_init(void); /* 0; -ENOMEM */
/* fcntl(2) F_GETPIPE_SZ: bytes, or -EBADF when the file is no pipe. */
long pipe_size(struct file *file);
/* SIGPIPE for the running thread, which wrote where nobody reads. */
void pipe_signal_broken(void);

#endif
