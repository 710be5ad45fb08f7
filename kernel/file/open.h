/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_OPEN_H
#define KERNEL_FILE_OPEN_H

/* Open files, for the room of files itself. The rest of the kernel needs only file.h. */

#include "kernel/file/inode.h"

/*
 * A file for an inode, position 0, one reference to the caller; takes its own
 * references. NULL: no memory.
 */
struct file *file_create(struct inode *inode, struct dentry *dentry,
			 const struct file_operations *operations, uint32_t flags);
/*
 * Until the file goes, it counts as a writer of its inode (1), or keeps
 * writers away (-1). 0; -ETXTBSY when the other kind is there: open(2), execve(2).
 */
int file_count_writer(struct file *file, int32_t change);
/* The dentry, or a detached one made for this file, with a reference. NULL: no memory. */
struct dentry *file_dentry(struct file *file);

/* Like fd_file, but also files opened with O_PATH. */
struct file *fd_file_any(int fd);

/* What open(2) does once the inode is found: the kind's own open. Flags without O_CREAT and kin. */
int file_open_inode(struct inode *inode, struct dentry *dentry, uint32_t flags, struct file **file);

/* ---- kinds ---- */
extern const struct inode_operations tmpfs_file_operations_inode;
/* At most so many pages, so many inodes; 0: no limit. NULL: no memory. */
struct filesystem *tmpfs_create(uint64_t pages_max, uint64_t inodes_max);
/* A new inode of tmpfs, by the format in its mode. 0; -ENOMEM, -ENOSPC. */
int tmpfs_inode_create(struct filesystem *filesystem, uint32_t mode, uint64_t device,
		       struct inode **inode);
int tmpfs_symlink_create(struct filesystem *filesystem, const char *text, struct inode **inode);
/* Size, with the inode's lock not held. 0; -EINVAL, -EFBIG, -ENOMEM, -EPERM. */
int inode_resize(struct inode *inode, uint64_t size_bytes);
/* fallocate(2) on a regular file of tmpfs. */
int tmpfs_allocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t length);
/* SEEK_DATA, SEEK_HOLE: the offset, or -ENXIO. */
int64_t tmpfs_seek(struct inode *inode, uint64_t offset, bool data);

/*
 * RLIMIT_FSIZE for a change of [start, *end): 0, with *end cut down to the
 * limit; or -EFBIG with SIGXFSZ sent, when all of it is past the limit.
 */
int size_limit_check(uint64_t start, uint64_t *end);

int pipe_fifo_open(struct inode *inode, struct file *file);
void pipe_destroy(struct inode *inode);
int device_open(struct inode *inode, struct file *file);

/* ---- io ---- */
void io_init_kernel(struct io *io, struct io_piece *piece, void *memory, size_t size_bytes);
void io_init_user(struct io *io, struct io_piece *piece, uint64_t address, uint64_t size_bytes);
size_t io_clear(struct io *io, size_t size_bytes); /* zeros into it */
uint64_t io_bytes_limit(uint64_t size_bytes);      /* what one call moves at most: read(2) */

/* A program's iovec array; a short one lies in here. */
struct io_vector {
	struct io_piece few[8];
	struct io_piece *pieces;
	unsigned count;
};
/*
 * Copied from the program and checked; the io goes over it. count is at most
 * IOV_MAX. 0: io_vector_free follows; -EFAULT, -EINVAL, -ENOMEM.
 */
int io_vector_load(struct io_vector *vector, uint64_t address, unsigned count, struct io *io);
void io_vector_free(struct io_vector *vector);

/* read(2) and write(2) at the file's own position. */
long file_read(struct file *file, struct io *io);
long file_write(struct file *file, struct io *io);

/* ---- names.c: changes of the tree, for system calls and the initramfs ---- */
struct path_walk;
/* A new dentry for the inode at the walk's missing name. Tree lock exclusive. */
int name_add(struct path_walk *walk, struct inode *inode, struct dentry **added);
/* An inode of this mode at the walk's name. -EEXIST when there is one. Tree lock exclusive. */
int name_make(struct path_walk *walk, uint32_t mode, uint64_t device, struct dentry **made);

#endif
