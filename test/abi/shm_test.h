/* SPDX-License-Identifier: MIT */
#ifndef SHM_TEST_H
#define SHM_TEST_H

/* What the programs about System V shared memory have in common. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "abi.h"

#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGE 4096ul

static inline int make_segment(size_t size_bytes, int mode)
{
	return CHECK_OK(shmget(IPC_PRIVATE, size_bytes, mode));
}

static inline void remove_segment(int id)
{
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static inline char *attach(int id, int flags)
{
	return CHECK_OK((char *)shmat(id, NULL, flags));
}

static inline struct shmid_ds stat_segment(int id)
{
	struct shmid_ds ds;

	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	return ds;
}

static inline unsigned long attachments(int id)
{
	return stat_segment(id).shm_nattch;
}

/* An address range of so many bytes where nothing is mapped, with as much free room around it. */
static inline char *free_range(size_t size_bytes)
{
	char *address = CHECK_OK((char *)mmap(NULL, 3 * size_bytes, PROT_NONE,
					      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));

	CHECK_OK(munmap(address, 3 * size_bytes));
	return address + size_bytes;
}

#endif
