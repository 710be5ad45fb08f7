/* SPDX-License-Identifier: MIT */
#ifndef ABI_ARCH_STAT_H
#define ABI_ARCH_STAT_H

/* struct stat of stat(2) on riscv64: Linux's generic one. */

#include <stdint.h>

struct abi_stat {
	uint64_t st_dev, st_ino;
	uint32_t st_mode, st_nlink, st_uid, st_gid;
	uint64_t st_rdev, pad;
	int64_t st_size;
	int32_t st_blksize, pad_blksize;
	int64_t st_blocks;
	int64_t st_atime_sec, st_atime_nsec;
	int64_t st_mtime_sec, st_mtime_nsec;
	int64_t st_ctime_sec, st_ctime_nsec;
	uint32_t unused[2];
};

_Static_assert(sizeof(struct abi_stat) == 128, "struct stat");

#endif
