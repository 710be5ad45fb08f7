// SPDX-License-Identifier: MIT
/* Semaphores. */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OPS_MOST 600
#define STAT_ANY 20

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static const short changes[16] = {0, 1, -1, 2, -2, 5, -5, 100, SEMVMX, -SEMVMX, -32768};

/* A slot of sets; past them other kinds' ids, and what is no id. */
static int set_of(int64_t slot)
{
	if (slot < SEGMENTS)
		return control->sets[slot];
	if (slot < 2 * SEGMENTS)
		return control->queues[slot - SEGMENTS];
	return slot < 3 * SEGMENTS ? control->ids[slot - 2 * SEGMENTS]
				   : (int)(slot - 3 * SEGMENTS) * 0x7fffffff - 1;
}

/* Ten bits each: draw_ipc.c. */
static void unpack(int64_t packed, struct sembuf *to, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned bits = (unsigned)(packed >> i % 6 * 10);
		to[i].sem_num = bits >> 6 & 15;
		to[i].sem_op = changes[bits >> 2 & 15];
		to[i].sem_flg = (short)((bits & 1 ? IPC_NOWAIT : 0) | (bits & 2 ? SEM_UNDO : 0));
	}
}

/* Never waits. How: 0 a time-out of nothing, 1 IPC_NOWAIT in each, else what is wrong. */
static long operate(const struct op *op)
{
	struct sembuf operations[OPS_MOST];
	struct timespec none = {0, 0};

	unsigned count = (uint64_t)op->a[1] < OPS_MOST ? (unsigned)op->a[1] : OPS_MOST;

	unpack(op->a[2], operations, count);
	for (unsigned i = 0; i < count && op->a[3] == 1; i++)
		operations[i].sem_flg |= IPC_NOWAIT;
	if (op->a[3] == 1)
		return semop(set_of(op->a[0]), operations, (size_t)op->a[1]);
	if (op->a[3] == 2)
		none.tv_nsec = 1000000000;
	if (op->a[3] == 3)
		none.tv_sec = -1;
	return semtimedop(set_of(op->a[0]), op->a[3] == 4 ? NULL : operations, (size_t)op->a[1],
			  op->a[3] == 5 ? (void *)16 : &none);
}

static void say_values(int id)
{
	unsigned short values[256] = {0};
	struct semid_ds ds;
	union semun argument = {.buf = &ds};

	if (semctl(id, 0, IPC_STAT, argument) < 0)
		return;
	argument.array = values;
	if (semctl(id, 0, GETALL, argument) < 0)
		return;
	say(" values");
	for (unsigned i = 0; i < ds.sem_nsems && i < 16; i++)
		say(" %u", values[i]);
}

static void play_semget(const struct op *op)
{
	int id = semget((key_t)op->a[1], (int)op->a[2], (int)op->a[3]);

	say_result(id);
	if (id >= 0)
		control->sets[op->a[0]] = id;
}

static void play_set(int id, const struct op *op)
{
	static const unsigned short modes[] = {0600, 0666, 0666, 0777, 0, 0400, 0200, 01777};
	struct semid_ds ds;
	union semun argument = {.buf = &ds};

	memset(&ds, 0x55, sizeof(ds));
	ds.sem_perm.uid = user_real(op->a[5]);
	ds.sem_perm.gid = op->a[4] & 8 ? 100 : 0;
	ds.sem_perm.mode = modes[op->a[4] & 7];
	say_result(semctl(id, 0, IPC_SET, argument));
}

static void play_semctl(const struct op *op)
{
	const int64_t *a = op->a;
	int id = set_of(a[0]), command = (int)a[2];
	unsigned short values[256];
	union semun argument = {.val = (int)a[3]};

	if (command == IPC_SET) {
		play_set(id, op);
		return;
	}
	if (command == GETALL || command == SETALL) {
		for (unsigned i = 0; i < 256; i++)
			values[i] = (unsigned short)(a[3] > 3 ? a[3] : (a[3] + i) % 3);
		argument.array = a[4] ? values : NULL;
		say_result(semctl(id, (int)a[1], command, argument));
		if (command == GETALL && a[4])
			say_values(id);
		return;
	}
	long value = semctl(id, (int)a[1], command, argument);
	if (command == GETPID && value > 0)
		say(" pid %d", pid_generation((int32_t)value));
	else
		say_result(value);
}

static void look_sysvipc_sem(void)
{
	char line[300];
	FILE *file = fopen("/proc/sysvipc/sem", "r");
	long key, id, mode, count, uid, gid, cuid, cgid;

	if (!file) {
		say_result(-1);
		return;
	}
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%ld %ld %lo %ld %ld %ld %ld %ld", &key, &id,
			   (unsigned long *)&mode, &count, &uid, &gid, &cuid, &cgid) == 8)
			say("\n\tkey %lx id %ld mode %lo count %ld users %u %ld %u %ld", key, id,
			    mode, count, user_drawn((uint32_t)uid), gid, user_drawn((uint32_t)cuid),
			    cgid);
	fclose(file);
}

static void look_limits(int command)
{
	struct seminfo info = {0};
	union semun argument = {.info = &info};

	say_result(semctl(0, 0, command, argument));
	say(" %d %d %d %d %d %d %d %d", info.semmni, info.semmns, info.semmsl, info.semopm,
	    info.semume, info.semusz, info.semvmx, info.semaem);
}

static void look_sem_stat(const struct op *op)
{
	static const int commands[] = {IPC_STAT, IPC_STAT, SEM_STAT, STAT_ANY, IPC_INFO, SEM_INFO};
	struct semid_ds ds;
	union semun argument = {.buf = &ds};

	if (op->a[1] == 6) {
		look_sysvipc_sem();
		return;
	}
	int id = set_of(op->a[0]), command = commands[op->a[1]];
	if (op->a[1] >= 4) {
		look_limits(command);
		return;
	}
	long value = semctl(command == IPC_STAT ? id : id & 0x7fff, 0, command, argument);
	say_result(value);
	if (value >= 0)
		say(" key %x owner %u.%u creator %u.%u mode %o seq %u count %lu times %d%d",
		    ds.sem_perm.__key, user_drawn(ds.sem_perm.uid), ds.sem_perm.gid,
		    user_drawn(ds.sem_perm.cuid), ds.sem_perm.cgid, ds.sem_perm.mode,
		    ds.sem_perm.__seq, (unsigned long)ds.sem_nsems, ds.sem_otime != 0,
		    ds.sem_ctime != 0);
}

/* What it did with SEM_UNDO is undone when it has ended. */
static void play_child(const struct op *op)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		say_result(operate(op));
		say_values(set_of(op->a[0]));
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		say_result(-1);
	say_values(set_of(op->a[0]));
}

static long call(const struct op *op, unsigned number)
{
	struct sembuf operations[2];

	unpack(op->a[1 + number], operations, 2);
	operations[0].sem_flg &= ~IPC_NOWAIT;
	operations[1].sem_flg &= ~IPC_NOWAIT;
	return semop(set_of(op->a[0]), operations, 2);
}

static void play_wait(const struct op *op)
{
	int id = set_of(op->a[0]);
	struct op operation = {.a = {op->a[0], 2, op->a[5], 1}};
	struct op control_op = {.a = {op->a[0], 0, 0, op->a[5] & 7, 1, 1000}};
	static const int commands[] = {SETVAL, SETALL, IPC_SET, IPC_RMID};

	wait_begin((unsigned)op->a[3], call, op);
	for (int i = 0; i < 2; i++)
		say(" %d+%d", semctl(id, i, GETNCNT), semctl(id, i, GETZCNT));
	if (op->a[4] < 3) {
		say_result(operate(&operation));
	} else if (op->a[4] < 7) {
		control_op.a[2] = commands[op->a[4] - 3];
		play_semctl(&control_op);
	}
	wait_end(op->a[4] == 7);
	say_values(id);
}

bool play_sem(const struct op *op)
{
	switch (op->code) {
	case OP_SEMGET:
		play_semget(op);
		return true;
	case OP_SEMOP:
		say_result(operate(op));
		return true;
	case OP_SEMCTL:
		play_semctl(op);
		return true;
	case OP_SEM_STAT:
		look_sem_stat(op);
		return true;
	case OP_SEM_CHILD:
		play_child(op);
		return true;
	case OP_SEM_WAIT:
		play_wait(op);
		return true;
	default:
		return false;
	}
}
