/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_LOCK_H
#define KERNEL_FILE_LOCK_H

/* flock(2): advisory locks of open files. */

struct file;
/* The file goes: so does its lock. Takes only spinlocks. */
void lock_release_file(struct file *file);

#endif
