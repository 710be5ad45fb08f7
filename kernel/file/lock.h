/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_LOCK_H
#define KERNEL_FILE_LOCK_H

/* Advisory locks: flock(2) of open files; fcntl(2)'s of ranges, in record.c. */

#include <stdint.h>

struct file;
/* The file goes: so does its lock. Takes only spinlocks. */
void lock_release_file(struct file *file);

struct inode;
/* F_SETLK and its kin on a descriptor's file: fcntl(2). */
long record_control(struct file *file, int fd, int command, uint64_t address);
/* The owner (a table of descriptors, or an open file) closes the file. Takes only spinlocks. */
void record_release(struct inode *inode, const void *owner);

#endif
