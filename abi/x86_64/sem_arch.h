/* SPDX-License-Identifier: MIT */
#ifndef ABI_SEM_ARCH_H
#define ABI_SEM_ARCH_H

#include "abi/ipc.h"

/* Room beside the times, for 32-bit programs. */
struct abi_semid_ds {
	struct abi_ipc_perm sem_perm;
	int64_t sem_otime;
	uint64_t unused_otime;
	int64_t sem_ctime;
	uint64_t unused_ctime;
	uint64_t sem_nsems;
	uint64_t unused[2];
};

_Static_assert(sizeof(struct abi_semid_ds) == 104, "struct semid64_ds");

#endif
