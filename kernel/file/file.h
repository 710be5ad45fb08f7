/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_FILE_H
#define KERNEL_FILE_FILE_H

/*
 * Files as the rest of the kernel sees them. Inodes, directories and path
 * walks are in inode.h and path.h; this is the open file and the descriptors.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/process/mutex.h"
#include "kernel/process/wait.h"

struct process;
struct file;
struct inode;
struct dentry;
struct shm_object;
struct abi_stat;

/*
 * Bytes to read into or write from: one or more pieces of user memory, or one
 * of kernel memory. io_copy_* move and count down; a short count is a fault.
 */
struct io_piece {
	uint64_t address;
	uint64_t size_bytes;
};
struct io {
	bool kernel;
	const struct io_piece *pieces;
	unsigned piece_count;
	uint64_t piece_offset; /* into pieces[0] */
	uint64_t left_bytes;
	uint32_t flags; /* RWF_APPEND and its kin of this call: pwritev2(2) */
};
size_t io_copy_to(struct io *io, const void *from, size_t size_bytes); /* kernel -> io */
size_t io_copy_from(struct io *io, void *to, size_t size_bytes);       /* io -> kernel */
/* How many of the first size_bytes could be copied from it now: one of each page is. */
uint64_t io_readable(const struct io *io, uint64_t size_bytes);

#define POLL_IN    0x001
#define POLL_OUT   0x004
#define POLL_ERR   0x008
#define POLL_HUP   0x010
#define POLL_RDHUP 0x2000

struct poll_waiters; /* poll.c: poll_register adds the caller to a queue */
void poll_register(struct poll_waiters *waiters, struct wait_queue *queue);

/* A shared mapping of a file: SHM_READ | ..., and what mprotect may raise it to, which a seal lowers. */
struct file_map {
	unsigned protection, protection_max;
};

struct file_operations {
	/* Bytes moved, or a negative errno. *position is moved on by the operation. */
	long (*read)(struct file *file, struct io *io, uint64_t *position);
	long (*write)(struct file *file, struct io *io, uint64_t *position);
	long (*ioctl)(struct file *file, unsigned command, uint64_t argument);
	/*
	 * POLL_* that hold now; registers with `waiters` unless it is NULL. Must
	 * not sleep: a wake-up for what was registered before would be lost. NULL
	 * operation: always ready.
	 */
	unsigned (*poll)(struct file *file, struct poll_waiters *waiters);
	/*
	 * The object that mmap shows, with a reference. `map`: a shared mapping is
	 * wanted; NULL: private copies. A mapping that may write is counted
	 * (file_maps_add) when this returns. 0; -ENOMEM; -EPERM: a seal forbids it.
	 * No operation: cannot be mapped.
	 */
	int (*object)(struct file *file, struct file_map *map, struct shm_object **object);
	void (*release)(struct file *file); /* the last reference goes */
	bool endless;    /* lseek from the end is EINVAL: where it is shows only in reading */
	bool seeks;      /* reads and writes have positions: lseek, pread; else ESPIPE */
	bool maps_zeros; /* instead of `object`: mmap gives anonymous memory, as of /dev/zero */
};

struct file {
	const struct file_operations *operations; /* [I] */
	uint32_t references;                      /* [a] */
	uint32_t flags;                           /* [a] O_APPEND, O_NONBLOCK, access mode */
	struct inode *inode;                      /* [I] a reference; every file has one */
	struct dentry *dentry; /* [I] a reference, for names; NULL: pipes and such */
	struct mutex position_lock;
	uint64_t position;            /* position_lock */
	void *data;                   /* the operations' */
	struct list_node epoll_items; /* epoll.c's; all zero: never watched */
	int32_t write_count; /* what it adds to its inode's writers: 1, 0, or -1 for execve's */
	uint32_t lock_mode;  /* flock(2): LOCK_SH, LOCK_EX or 0; lock.c */
};

void file_get(struct file *file);
/* The process whose directory in /proc this is, with a reference. 0; -EBADF: none's; -ESRCH: it is gone. */
int proc_directory_process(const struct file *file, struct process **process);
void file_put(struct file *file);
bool file_can_read(const struct file *file);
bool file_can_write(const struct file *file);

/* An absolute or relative path, for the running thread, with its permissions. 0 and a reference. */
int file_open_path(const char *path, int flags, unsigned mode, struct file **file);
/* For execve: a regular file that may be executed. at_flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. */
int file_open_executable(int directory, const char *path, unsigned at_flags, struct file **file);
/* Read into kernel memory at an offset: bytes, or a negative errno. */
long file_read_at(struct file *file, void *to, size_t size_bytes, uint64_t offset);
/* The path that /proc shows; always ends with NUL; " (deleted)" when unlinked. Returns its length. */
size_t file_path(struct file *file, char *text, size_t size_bytes);
/* Bytes [offset, offset + length) of a regular file read as zeros again: fallocate(2). 0, -EPERM. */
int file_punch(struct file *file, uint64_t offset, uint64_t length);
/* So many more shared mappings (fewer, if negative) may write to the file: F_SEAL_WRITE asks. */
void file_maps_add(struct file *file, int32_t change);
void file_identity(struct file *file, uint64_t *device, uint64_t *inode_number);
uint64_t file_size(struct file *file);
/* The effective ids that set-id bits give at execve: unchanged when there are none, or on a nosuid mount. */
void file_setid(struct file *file, uint32_t *euid, uint32_t *egid);

/* ---- descriptors: fd.c ---- */

struct fd_table;
struct fd_table *fd_table_create(void); /* NULL: no memory */
struct fd_table *fd_table_fork(struct fd_table *table);
struct fd_table *fd_table_get(struct fd_table *table);
void fd_table_put(struct fd_table *table);
/* execve: the running thread gets a table of its own, without the close-on-exec ones. 0, -ENOMEM. Takes the tree lock. */
int fd_table_exec(struct fd_table **table);
/* The running thread's descriptor: the file with a reference, or NULL (EBADF). */
struct file *fd_file(int fd);
/* The lowest free descriptor that is at least `minimum`, for the file (its reference moves in). */
int fd_install(struct file *file, int minimum, bool close_on_exec); /* or -EMFILE, -ENOMEM */
/*
 * For /proc/PID/fd: the next used descriptor at least `fd`, with a reference to its file and whether
 * execve closes it; -1: none.
 */
int fd_table_next(struct fd_table *table, int fd, struct file **file, bool *close_on_exec);

/* Working directory, root, umask. */
struct fs_context;
struct fs_context *fs_context_create(void);
struct fs_context *fs_context_fork(struct fs_context *fs);
struct fs_context *fs_context_get(struct fs_context *fs);
void fs_context_put(struct fs_context *fs);

/* ---- boot ---- */
void file_init(void); /* root tmpfs, /dev, /proc, /dev/shm, /tmp */
int initramfs_unpack(const void *archive, size_t size_bytes); /* cpio, newc; several in a row */

#endif
