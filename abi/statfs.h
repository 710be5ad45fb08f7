/* SPDX-License-Identifier: MIT */
#ifndef ABI_STATFS_H
#define ABI_STATFS_H

/* statfs(2) on 64-bit machines, mount(2). */

#include <stdint.h>

#define TMPFS_MAGIC      0x01021994
#define PROC_SUPER_MAGIC 0x9fa0
#define NSFS_MAGIC       0x6e736673
#define PIPEFS_MAGIC     0x50495045

struct abi_statfs {
	int64_t f_type, f_bsize;
	uint64_t f_blocks, f_bfree, f_bavail, f_files, f_ffree;
	int32_t f_fsid[2];
	int64_t f_namelen, f_frsize, f_flags;
	int64_t f_spare[4];
};

_Static_assert(sizeof(struct abi_statfs) == 120, "struct statfs");

#define ST_VALID 0x20

#define MS_RDONLY     1ul
#define MS_NOSUID     2ul
#define MS_NODEV      4ul
#define MS_NOEXEC     8ul
#define MS_REMOUNT    32ul
#define MS_BIND       4096ul
#define MS_MOVE       8192ul
#define MS_REC        16384ul
#define MS_PRIVATE    (1ul << 18)
#define MS_SLAVE      (1ul << 19)
#define MS_SHARED     (1ul << 20)
#define MS_UNBINDABLE (1ul << 17)

#define MNT_FORCE       1
#define MNT_DETACH      2
#define MNT_EXPIRE      4
#define UMOUNT_NOFOLLOW 8

#endif
