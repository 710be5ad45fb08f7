/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_DENTRY_H
#define KERNEL_FILE_DENTRY_H

/*
 * A dentry is a name in a directory. In tmpfs the tree of dentries *is* the
 * directories' contents: a linked dentry holds a reference to itself, to its
 * parent and to its inode. /proc makes dentries at each lookup that are not
 * in the parent's table, only point to it. Pipes and memfds have detached ones.
 *
 * Locks: file_tree_lock (shared to look, exclusive to change) for the tables;
 * dentry_name_lock, a spinlock, in addition when a name or a parent changes,
 * so that a path can be spelled with no other lock than that.
 */

#include "kernel/file/inode.h"
#include "kernel/lib/rbtree.h"
#include "kernel/process/rwlock.h"

#define NAME_BYTES_MAX 255
#define PATH_BYTES_MAX 4096 /* with the NUL */

#define DENTRY_NAME_INLINE 40

/* A file system's root covers a directory of another one. */
struct mount {
	int32_t id;                    /* [I] for /proc/PID/mountinfo */
	struct dentry *root;           /* [I] a reference */
	struct dentry *covered;        /* [I] a reference; NULL: the root of all */
	struct filesystem *filesystem; /* [I] a reference */
	char source[32];               /* [I] as mount(2) was told */
	struct list_node in_all;       /* [t] */
};

struct dentry {
	uint32_t references;   /* [a] */
	bool linked;           /* [t] in its parent's table */
	bool unmounted;        /* [t] not linked as its whole file system went: umount2(2) */
	uint16_t name_bytes;   /* [t + name lock] */
	uint32_t hash;         /* [t] */
	char *name;            /* [t + name lock] inline or kmem; ends with NUL */
	struct dentry *parent; /* [t + name lock] a reference; itself's NULL: a root, or detached */
	struct inode *inode;   /* [I] a reference */
	struct mount *mounted; /* [t] a mount covers this directory */
	struct mount *mount;   /* [t] this is the root of a mount */
	struct rb_node by_name;    /* [t] in parent->children */
	struct list_node in_order; /* [t] in parent->order, by cookie */
	uint64_t cookie;           /* [t] position for getdents */
	struct rb_root children;   /* [t] directories */
	struct list_node order;    /* [t] */
	uint64_t next_cookie;      /* [t] */
	char name_inline[DENTRY_NAME_INLINE];
};

extern struct rwlock file_tree_lock;
extern struct dentry *root_dentry; /* of all */
extern struct list_node mounts;    /* tree lock */

void dentry_init(void);

/* Not linked; takes its own references to parent (may be NULL) and inode. One reference; or NULL. */
struct dentry *dentry_create(struct dentry *parent, struct inode *inode, const char *name,
			     size_t length);
void dentry_get(struct dentry *dentry);
void dentry_put(struct dentry *dentry); /* NULL is fine */

/* The linked child of a name, with a reference, or NULL. Tree lock. */
struct dentry *dentry_child(struct dentry *directory, const char *name, size_t length);
bool dentry_has_children(const struct dentry *directory);
/* Into its parent's table, with a reference of its own. No child of that name. Tree lock exclusive. */
void dentry_link(struct dentry *dentry);
/* Out of the table; drops the table's reference. Tree lock exclusive. */
void dentry_unlink(struct dentry *dentry);
/* What was mounted there is no more; who spells a path is done with the mount after this. Tree lock exclusive. */
void dentry_unmount(struct dentry *covered, struct dentry *root);
/*
 * Give a linked dentry another place: parent and name. dentry_name_reserve
 * before gives what it needs; nothing can fail here. Tree lock exclusive.
 */
void dentry_move(struct dentry *dentry, struct dentry *parent, const char *name, size_t length,
		 char *reserved);
/* Memory for a name; *reserved is NULL when it fits inline. 0; -ENOMEM. */
int dentry_name_reserve(size_t length, char **reserved);
void dentry_name_release(size_t length, char *reserved);
/* Is `ancestor` the dentry or above it? Tree lock. */
bool dentry_is_below(struct dentry *dentry, const struct dentry *ancestor);
/* The parent, over mount points; with a reference. Tree lock. */
struct dentry *dentry_parent(struct dentry *dentry);
/* The top-most mount's root on this directory: takes over the reference. Tree lock. */
struct dentry *dentry_cross(struct dentry *dentry);

/*
 * The absolute path as seen from `root`, ends with NUL. Returns the length, or
 * -ENAMETOOLONG. *reachable: the path led up to root; *deleted: unlinked.
 */
long dentry_path(struct dentry *dentry, struct dentry *root, char *text, size_t size_bytes,
		 bool *reachable, bool *deleted);

#endif
