/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_INODE_H
#define KERNEL_FILE_INODE_H

/*
 * An inode is a file without a name: its kind, owner, permission, times and
 * what it holds. Names (struct dentry, dentry.h) and open files point to it
 * with references; the last one frees it, whatever the link count says.
 *
 * Fields: [I] immutable, [a] atomic, [i] the inode's lock, [t] the tree lock.
 */

#include "abi/stat.h"
#include "kernel/file/file.h"
#include "kernel/process/cred.h"
#include "shm/shm.h"

struct access;
struct pipe;
struct inode;

/* One file system: a tree of dentries under its root, mounted in at most one place. */
struct filesystem {
	const char *type;       /* [I] */
	uint64_t device;        /* [I] st_dev */
	int64_t magic;          /* [I] statfs f_type */
	bool changeable;        /* [I] names can be made and removed */
	int32_t mount_id;       /* [I] once it is mounted; 0: nowhere */
	uint32_t mount_flags;   /* [t] to write, [a] to read: MS_* */
	uint32_t references;    /* [a] inodes, and the mount */
	uint64_t next_number;   /* [a] of inodes */
	uint64_t inodes_max;    /* [t] 0: no limit */
	uint64_t inode_count;   /* [a] and names beyond the first of each, as on Linux */
	struct shm_quota quota; /* of pages */
	/* A tmpfs's root as it was mounted, and words that are only shown: tmpfs_options.h. */
	uint32_t root_mode, root_uid, root_gid; /* [I] */
	bool inode64;                           /* [t] */
	bool no_swap;                           /* [I] */
};

/* Has it as many inodes as it may? */
static inline bool filesystem_is_full(const struct filesystem *filesystem)
{
	uint64_t max = __atomic_load_n(&filesystem->inodes_max, __ATOMIC_RELAXED);

	return max && __atomic_load_n(&filesystem->inode_count, __ATOMIC_RELAXED) >= max;
}

struct filesystem *filesystem_create(const char *type, int64_t magic, bool changeable);
void filesystem_put(struct filesystem *filesystem);

/* Where a directory's iteration stands and where its entries go. */
struct directory_emitter {
	/* False: no room; the entry is not consumed. `next` is the position after it. */
	bool (*emit)(struct directory_emitter *emitter, const char *name, size_t length,
		     uint64_t number, uint32_t mode, uint64_t next);
	uint64_t position;
};

struct inode_operations {
	/* Where the mode does not permit: 0, -EACCES, -EPERM; 1: CAP_DAC_OVERRIDE and its kin decide. */
	int (*beyond_mode)(const struct inode *inode, const struct access *access, unsigned mask);
	const struct file_operations *files; /* of an open file; NULL: open decides by kind */
	/* Directories that are not in the tree of dentries. 0 and a reference, or -ENOENT. */
	int (*lookup)(struct dentry *directory, const char *name, size_t length,
		      struct dentry **found);
	/* From emitter->position on; "." and ".." are at 0 and 1 and not its business. */
	int (*iterate)(struct dentry *directory, struct directory_emitter *emitter);
	/* Symbolic links whose text is made up: its length, or a negative errno. */
	long (*read_link)(struct dentry *link, char *text, size_t size_bytes);
	/* Links that lead to an object rather than a path: 0 and a reference. */
	int (*follow)(struct dentry *link, struct dentry **target);
	/* After `file` has been set up; may set its operations and data. 0 or a negative errno. */
	int (*open)(struct inode *inode, struct file *file);
	int (*resize)(struct inode *inode, uint64_t size_bytes); /* inode lock held */
	void (*destroy)(struct inode *inode);                    /* the last reference */
};

struct inode {
	const struct inode_operations *operations; /* [I] */
	struct filesystem *filesystem;             /* [I] a reference */
	uint64_t number;                           /* [I] */
	uint64_t device;                           /* [I] st_rdev of devices */
	uint32_t references;                       /* [a] */
	uint32_t links;                            /* [t] st_nlink */
	uint32_t mode, uid, gid;                   /* [a] */
	int32_t writers; /* [a] files open for writing, or minus the programs that run it: ETXTBSY */
	int64_t atime_ns, mtime_ns, ctime_ns, birth_ns; /* [a] since 1970 */
	struct mutex lock;
	uint64_t size_bytes; /* [i] to write, [a] to read; of directories [t] to write */
	union {
		struct shm_object *object; /* [i] regular files; NULL: never written */
		const char *link_text;     /* [I] symbolic links, kmem */
		const void *generic;       /* /proc: its own */
	};
	struct shm_object *kept; /* [i] tmpfs: pages past the end; NULL: never any */
	struct pipe *pipe;       /* [i] fifos: made at the first open */
	uint32_t seals;          /* [i] F_SEAL_* */
	int32_t writable_maps;   /* [a] areas that show it shared and may write; grows under [i] */
	uint64_t private[2];     /* [I] /proc: what it shows */
	bool can_link;           /* [t] O_TMPFILE: linkat may give it its first name */
	struct record *records;  /* record.c's */
	int32_t flock_holders;   /* lock.c: shared holders, or -1 for an exclusive one */
};

#define LINK_TEXT_SHORT 128 /* with its NUL; the text of a longer symbolic link takes a page */

static inline bool inode_text_is_long(const struct inode *inode)
{
	return inode->size_bytes + 1 > LINK_TEXT_SHORT;
}

/* Is it in a file system that is mounted with this flag, MS_NOEXEC or another? A remount changes it at any time. */
static inline bool inode_has_mount_flag(const struct inode *inode, uint32_t flag)
{
	return __atomic_load_n(&inode->filesystem->mount_flags, __ATOMIC_RELAXED) & flag;
}

/* Do its files take O_DIRECT? Only what could be on a disk. */
static inline bool inode_takes_direct(const struct inode *inode)
{
	return inode->operations && inode->operations->resize;
}

/* A new inode with one reference and no link; the caller's fsuid and fsgid. NULL: no memory. */
struct inode *inode_create(struct filesystem *filesystem, const struct inode_operations *operations,
			   uint32_t mode);
/* A name of it comes, goes; of a directory the only one. The tree's lock is exclusive. */
void inode_link_add(struct inode *inode);
void inode_link_drop(struct inode *inode);
/* A directory's entries, more or fewer: st_size, as on Linux's tmpfs, says 20 for each. */
void inode_entries_add(struct inode *directory, int change);
/* A new inode's group comes from a set-group-id directory, but no program of it for who is not a member: inode(7). */
void inode_inherit_group(struct inode *inode, const struct inode *directory);
void inode_get(struct inode *inode);
void inode_put(struct inode *inode);

int64_t inode_now_ns(void); /* CLOCK_REALTIME */
void inode_touch_access(struct inode *inode);
void inode_touch_change(struct inode *inode); /* ctime */
void inode_touch_modify(struct inode *inode); /* mtime and ctime */

/* Whose permissions count: a call's effective ids, or for access(2) the real ones. */
struct access {
	const struct cred *cred; /* groups */
	uint32_t uid, gid;
	bool override;    /* CAP_DAC_OVERRIDE */
	bool read_search; /* CAP_DAC_READ_SEARCH */
	bool owner;       /* CAP_FOWNER */
	bool restore;     /* CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN */
};
void access_current(struct access *access); /* the running thread's */
void access_real(struct access *access);    /* as access(2) asks */

/* Mask of ACCESS_READ and its kin: 0 or -EACCES, -EPERM, -EROFS. inode(7), path_resolution(7). */
int inode_permission(struct inode *inode, const struct access *access, unsigned mask);
bool inode_is_owner(struct inode *inode, const struct access *access);
/* May the caller remove or rename this entry of the directory? Write permission and sticky bit. */
int inode_may_delete(struct inode *directory, struct inode *victim, const struct access *access);
/* A write or a change of owner by an ordinary user takes set-id bits away. */
void inode_drop_setid(struct inode *inode);

/* struct stat and struct statx of an inode. */
void inode_stat(struct inode *inode, struct abi_stat *stat);
void inode_statx(struct inode *inode, struct abi_statx *stat);
uint64_t inode_blocks(struct inode *inode); /* of 512 bytes */

#endif
