/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_PATH_H
#define KERNEL_FILE_PATH_H

/*
 * From a path to a dentry: path_resolution(7). A walk is a record on the
 * caller's stack:
 *
 *	err = path_walk_user(&walk, dirfd, address, WALK_FOLLOW);
 *	if (err)
 *		return err;
 *	... walk.child, walk.parent, walk.name ...
 *	path_walk_done(&walk);
 *
 * The path is copied before the tree lock is taken; the walk and what is done
 * with its result happen under one hold of the lock, which path_walk_done
 * drops with everything else.
 */

#include "kernel/file/dentry.h"

#define WALK_FOLLOW     (1u << 0) /* a symbolic link as the last part is followed */
#define WALK_MISSING_OK (1u << 1) /* the last part need not exist: child is NULL */
#define WALK_EXCLUSIVE  (1u << 2) /* the tree will be changed */
#define WALK_EMPTY_OK   (1u << 3) /* "" is the start itself: AT_EMPTY_PATH */
#define WALK_DIRECTORY  (1u << 4) /* the result must be a directory */
#define WALK_NO_LINKS   (1u << 5) /* RESOLVE_NO_SYMLINKS: any link is ELOOP */
#define WALK_NO_MAGIC   (1u << 6) /* RESOLVE_NO_MAGICLINKS */
#define WALK_REAL_IDS   (1u << 7) /* permissions as access(2) asks */
#define WALK_ENTRY      (1u << 8) /* the name itself is meant: a trailing slash does not follow it */

enum walk_last {
	WALK_LAST_NAME, /* an ordinary name: walk.parent and walk.name */
	WALK_LAST_DOT,  /* ".", or the start itself */
	WALK_LAST_DOTDOT,
	WALK_LAST_ROOT,
};

struct path_walk {
	/* The result. References are the walk's, until path_walk_done. */
	struct dentry *parent; /* the directory that has or would have the last part */
	struct dentry *child;  /* NULL: it does not exist */
	const char *name;      /* the last part, name_bytes long, not ended */
	size_t name_bytes;
	enum walk_last last;
	bool trailing_slash;
	bool magic; /* child came through a link of /proc, not by a name */

	/* How it stands. */
	struct access access;
	struct dentry *root; /* a reference */
	unsigned flags;
	unsigned links;   /* followed so far */
	const char *rest; /* not walked yet */
	char *path;       /* as given, from kmem; NULL: a kernel string */
	char *spliced;    /* kmem: two buffers, for links' texts; NULL: none met yet */
	unsigned spliced_turn;
};

/* 0, with the tree lock held until path_walk_done; or a negative errno and nothing held. */
int path_walk_user(struct path_walk *walk, int directory, uint64_t address, unsigned flags);
int path_walk_kernel(struct path_walk *walk, const char *path, unsigned flags);
/* A kernel string, from a descriptor's directory, or AT_FDCWD. */
int path_walk_at(struct path_walk *walk, int directory, const char *path, unsigned flags);
void path_walk_done(struct path_walk *walk);

/* Two at once, for rename and link; always for change. */
int path_walk_pair(struct path_walk *from, int from_directory, uint64_t from_address,
		   unsigned from_flags, struct path_walk *to, int to_directory, uint64_t to_address,
		   unsigned to_flags);
void path_walk_pair_done(struct path_walk *from, struct path_walk *to);

/* A path of the caller's, PATH_BYTES_MAX from kmem. 0; -EFAULT, -ENAMETOOLONG, -ENOMEM. */
int path_from_user(uint64_t address, char **path);
void path_free(char *path);

/* One name in one directory: linked or made up; mount points crossed. 0 and a reference. Tree lock. */
int path_lookup(struct dentry *directory, const char *name, size_t length, struct dentry **found);

/* ---- the thread's root, directory and umask: context.c ---- */
struct dentry *context_root(void); /* each with a reference */
struct dentry *context_directory(void);
uint32_t context_umask(void);
struct fs_context;
/* For /proc/PID/cwd and root; NULL: the context is NULL. */
struct dentry *context_directory_of(struct fs_context *context);
struct dentry *context_root_of(struct fs_context *context);

#endif
