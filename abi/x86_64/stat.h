/* SPDX-License-Identifier: MIT */
#ifndef ABI_ARCH_STAT_H
#define ABI_ARCH_STAT_H

/* struct stat of stat(2) on x86_64. */

#include <stdint.h>

struct abi_stat {
	uint64_t st_dev, st_ino, st_nlink;
	uint32_t st_mode, st_uid, st_gid, pad;
	uint64_t st_rdev;
	int64_t st_size, st_blksize, st_blocks;
	int64_t st_atime_sec, st_atime_nsec;
	int64_t st_mtime_sec, st_mtime_nsec;
	int64_t st_ctime_sec, st_ctime_nsec;
	int64_t unused[3];
};

_Static_assert(sizeof(struct abi_stat) == 144, "struct stat");

#endif
