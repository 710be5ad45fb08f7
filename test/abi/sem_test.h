/* SPDX-License-Identifier: MIT */
#ifndef SEM_TEST_H
#define SEM_TEST_H

/* What the programs about System V semaphores have in common. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "abi.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEM_KEY   0x5a3e0700
#define VALUE_MAX 32767 /* SEMVMX */

union semctl_argument { /* semctl(2): programs define it themselves */
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static inline int make_set(int count, int mode)
{
	return CHECK_OK(semget(IPC_PRIVATE, count, mode));
}

static inline void remove_set(int id)
{
	CHECK_OK(semctl(id, 0, IPC_RMID));
}

static inline void set_value(int id, int number, int value)
{
	CHECK_OK(semctl(id, number, SETVAL, (union semctl_argument){.val = value}));
}

static inline int value_of(int id, int number)
{
	return CHECK_OK(semctl(id, number, GETVAL));
}

static inline struct semid_ds stat_set(int id)
{
	struct semid_ds ds;

	memset(&ds, 0x55, sizeof(ds));
	CHECK_OK(semctl(id, 0, IPC_STAT, (union semctl_argument){.buf = &ds}));
	return ds;
}

/* One operation: semop's result. */
static inline int operate(int id, int number, int change, int flags)
{
	struct sembuf operation = {(unsigned short)number, (short)change, (short)flags};

	return semop(id, &operation, 1);
}

/* Until so many wait for the semaphore to grow (GETNCNT) or to become zero (GETZCNT). */
static inline void await_waiters(int id, int number, int command, int count)
{
	for (int i = 0; i < 5000; i++) {
		if (CHECK_OK(semctl(id, number, command)) == count)
			return;
		abi_sleep_ms(1);
	}
	abi_fail(__FILE__, __LINE__, "not %d but %d wait", count, semctl(id, number, command));
}

#endif
