/* SPDX-License-Identifier: MIT */
#ifndef ABI_SHM_H
#define ABI_SHM_H

/* System V shared memory as Linux has it on 64-bit machines: shmget(2), shmop(2), shmctl(2). */

#include "abi/ipc.h"

#define SHM_LOCK     11
#define SHM_UNLOCK   12
#define SHM_STAT     13
#define SHM_INFO     14
#define SHM_STAT_ANY 15

#define SHM_R          0400 /* shmget: mode bits */
#define SHM_W          0200
#define SHM_HUGETLB    04000
#define SHM_NORESERVE  010000
#define SHM_HUGE_SHIFT 26
#define SHM_HUGE_MASK  0x3f

#define SHM_RDONLY 010000 /* shmat */
#define SHM_RND    020000
#define SHM_REMAP  040000
/* Linux calls it SHM_EXEC, which is a protection in shm/shm.h. */
#define SHM_ATTACH_EXEC 0100000

#define SHM_DEST   01000 /* mode bits that only the kernel sets */
#define SHM_LOCKED 02000

#define SHMLBA 4096
#define SHMMNI 4096
#define SHMMIN 1

struct abi_shmid_ds {
	struct abi_ipc_perm shm_perm;
	uint64_t shm_segsz;
	int64_t shm_atime, shm_dtime, shm_ctime; /* seconds */
	int32_t shm_cpid, shm_lpid;
	uint64_t shm_nattch;
	uint64_t unused[2];
};

struct abi_shminfo {
	uint64_t shmmax, shmmin, shmmni, shmseg, shmall;
	uint64_t unused[4];
};

struct abi_shm_info {
	int32_t used_ids;
	uint32_t pad;
	uint64_t shm_tot, shm_rss, shm_swp; /* pages */
	uint64_t swap_attempts, swap_successes;
};

_Static_assert(sizeof(struct abi_shmid_ds) == 112, "struct shmid64_ds");
_Static_assert(sizeof(struct abi_shminfo) == 72, "struct shminfo64");
_Static_assert(sizeof(struct abi_shm_info) == 48, "struct shm_info");

#endif
