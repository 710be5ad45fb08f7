/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_TMPFS_OPTIONS_H
#define KERNEL_FILE_TMPFS_OPTIONS_H

/* What a tmpfs is mounted with: tmpfs(5). */

#include <stdbool.h>
#include <stdint.h>

struct text;
struct filesystem;

struct tmpfs_options {
	uint64_t pages_max, inodes_max; /* 0: no limit */
	uint32_t mode, uid, gid;        /* of its root */
	bool inode64, no_swap;          /* mean nothing here; kept to be shown */
	bool read_only;
};

/* What holds when nothing is said; the root is the ids'. */
struct tmpfs_options tmpfs_options_usual(uint32_t mode, uint32_t uid, uint32_t gid);
/* Change what the text, "size=64k,mode=700", says. 0; -EINVAL. */
int tmpfs_options_parse(const char *text, struct tmpfs_options *options);
/* For /proc/mounts: ",size=64k,mode=700", what is not as usual. */
void tmpfs_options_show(struct text *text, const struct filesystem *filesystem);

#endif
