/* SPDX-License-Identifier: MIT */
#ifndef ABI_IPC_H
#define ABI_IPC_H

/* What all System V IPC has in common on 64-bit Linux: sysvipc(7). */

#include <stdint.h>

#define IPC_PRIVATE 0

#define IPC_CREAT  01000
#define IPC_EXCL   02000
#define IPC_NOWAIT 04000

#define IPC_RMID 0
#define IPC_SET  1
#define IPC_STAT 2
#define IPC_INFO 3

struct abi_ipc_perm {
	int32_t key;
	uint32_t uid, gid, cuid, cgid;
	uint32_t mode; /* 16 bits and a padding of 0 on some, 32 bits on others: alike */
	uint16_t seq, pad;
	uint32_t pad_end;
	uint64_t unused[2];
};

_Static_assert(sizeof(struct abi_ipc_perm) == 48, "struct ipc64_perm");

#endif
