// SPDX-License-Identifier: MIT
/* Segments as names: made, found, asked and removed, with few and with many others present. */

#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "operation.h"

#define REMOVALS 100

static int doomed[REMOVALS];
static int known_key;

static void body_getpid(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		syscall(SYS_getpid);
}

static void body_create_remove(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		shmctl(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600), IPC_RMID, NULL);
}

/* The crowd's middle, so that no search is lucky. */
static void set_up_key(uint64_t crowd)
{
	known_key = population_key(crowd / 2);
	segment = shmget(known_key, PAGE, IPC_CREAT | 0600);
	must(segment >= 0, "shmget");
}

static void body_lookup(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		shmget(known_key, PAGE, 0600);
}

static void forget_segment(void)
{
	segment = -1; /* the crowd's */
}

static void set_up_removal(uint64_t unused)
{
	(void)unused;
	for (int i = 0; i < REMOVALS; i++) {
		doomed[i] = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
		must(doomed[i] >= 0, "shmget");
	}
}

static void body_remove(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		shmctl(doomed[i], IPC_RMID, NULL);
}

static void body_stat(unsigned times)
{
	struct shmid_ds ds;
	for (unsigned i = 0; i < times; i++)
		shmctl(segment, IPC_STAT, &ds);
}

/* What ipcs does. */
static void body_scan(unsigned times)
{
	struct shm_info info;
	struct shmid_ds ds;

	for (unsigned i = 0; i < times; i++) {
		int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);
		for (int index = 0; index <= last; index++)
			shmctl(index, SHM_STAT, &ds);
	}
}

#define ROW(GROUP, ID, NAME, SET_UP, BODY, TEAR_DOWN, CROWD, TIMES)                                \
	{                                                                                          \
		.group = GROUP,                                                                    \
		.id = ID,                                                                          \
		.name = NAME,                                                                      \
		.set_up = SET_UP,                                                                  \
		.body = BODY,                                                                      \
		.tear_down = TEAR_DOWN,                                                            \
		.argument = CROWD,                                                                 \
		.population = CROWD,                                                               \
		.times = TIMES,                                                                    \
		.units = 1,                                                                        \
		.rounds = 3,                                                                       \
	}
#define LOOKUP(GROUP, ID, CROWD, TEXT)                                                             \
	ROW(GROUP, ID, "shmget of an existing key, " TEXT, set_up_key, body_lookup,                \
	    forget_segment, CROWD, 1000)
#define REMOVE(GROUP, ID, CROWD, TEXT)                                                             \
	ROW(GROUP, ID, "shmctl IPC_RMID, " TEXT, set_up_removal, body_remove, NULL, CROWD, REMOVALS)
#define CREATE(GROUP, ID, CROWD, TEXT)                                                             \
	ROW(GROUP, ID, "shmget private + IPC_RMID" TEXT, NULL, body_create_remove, NULL, CROWD, 200)

const struct operation segment_operations[] = {
	ROW(GROUP_SMALL, "getpid", "getpid", NULL, body_getpid, NULL, 0, 1000),
	CREATE(GROUP_SMALL, "create", 0, ""),
	ROW(GROUP_SMALL, "stat", "shmctl IPC_STAT", set_up_key, body_stat, forget_segment, 10,
	    1000),
	LOOKUP(GROUP_SMALL, "lookup-10", 10, "10 segments"),
	REMOVE(GROUP_SMALL, "remove-10", 10, "10 segments"),
	LOOKUP(GROUP_SMALL, "lookup-1k", 1000, "1,000 segments"),
	REMOVE(GROUP_SMALL, "remove-1k", 1000, "1,000 segments"),
	{GROUP_SMALL, "scan", "SHM_STAT scan of 1,000 segments, each", NULL, body_scan, NULL, NULL,
	 0, 1000, 1, 1000, 3},
	LOOKUP(GROUP_SMALL, "lookup-30k", 30000, "30,000 segments"),
	REMOVE(GROUP_SMALL, "remove-30k", 30000, "30,000 segments"),
	CREATE(GROUP_SMALL, "create-30k", 30000, ", 30,000 segments"),
	LOOKUP(GROUP_MILLION, "lookup-1m", 1000000, "1,000,000 segments"),
	REMOVE(GROUP_MILLION, "remove-1m", 1000000, "1,000,000 segments"),
	CREATE(GROUP_MILLION, "create-1m", 1000000, ", 1,000,000 segments"),
	{.name = NULL},
};
