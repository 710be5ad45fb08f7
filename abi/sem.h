/* SPDX-License-Identifier: MIT */
#ifndef ABI_SEM_H
#define ABI_SEM_H

/* System V semaphores: semget(2), semop(2), semctl(2). struct abi_semid_ds is the architecture's. */

#include "abi/ipc.h"
#include <sem_arch.h>

#define SEM_UNDO 0x1000 /* sem_flg, beside IPC_NOWAIT */

#define GETPID       11 /* semctl */
#define GETVAL       12
#define GETALL       13
#define GETNCNT      14
#define GETZCNT      15
#define SETVAL       16
#define SETALL       17
#define SEM_STAT     18
#define SEM_INFO     19
#define SEM_STAT_ANY 20

#define SEMMSL 32000 /* limits that a namespace begins with */
#define SEMMNI 32000
#define SEMMNS (SEMMNI * SEMMSL)
#define SEMOPM 500
#define SEMVMX 32767  /* largest value */
#define SEMAEM SEMVMX /* largest adjustment */
#define SEMUSZ 20     /* what struct sem_undo was once */

struct abi_sembuf {
	uint16_t sem_num;
	int16_t sem_op, sem_flg;
};

struct abi_seminfo {
	int32_t semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};

_Static_assert(sizeof(struct abi_sembuf) == 6, "struct sembuf");
_Static_assert(sizeof(struct abi_seminfo) == 40, "struct seminfo");

#endif
