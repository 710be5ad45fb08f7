// SPDX-License-Identifier: MIT
/* System V shared memory, semaphores and queues. */

#include "call.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define SMALL  (3 * PAGE)
#define MIDDLE (100 * PAGE)
#define LARGE  (3000 * PAGE)
#define TEXT   6000

static struct timespec soon = {0, 1000};
static struct sembuf up_undone = {1, 1, SEM_UNDO}, both[40], wait_for_it = {0, -1, 0};
static struct shmid_ds segment;
static struct semid_ds set;
static struct msqid_ds queue;
static unsigned short values[4];
static struct {
	long type;
	char text[TEXT];
} message = {1, ""};
static long attached, made;

static void remove_segment(long id)
{
	need(shmctl((int)id, IPC_RMID, NULL) == 0, "shmctl");
}

static void remove_set(long id)
{
	need(semctl((int)id, 0, IPC_RMID) == 0, "semctl");
}

static void remove_queue(long id)
{
	need(msgctl((int)id, IPC_RMID, NULL) == 0, "msgctl");
}

static void detach(long address)
{
	need(shmdt((void *)address) == 0, "shmdt");
}

static void attach(void)
{
	attached = (long)shmat((int)segment_id, NULL, 0);
	need(attached != -1, "shmat");
}

static void segment_made(void)
{
	made = shmget(IPC_PRIVATE, MIDDLE, 0600);
	need(made >= 0, "shmget");
}

static void set_made(void)
{
	made = semget(IPC_PRIVATE, 4, 0600);
	need(made >= 0, "semget");
}

static void queue_made(void)
{
	made = msgget(IPC_PRIVATE, 0600);
	need(made >= 0, "msgget");
}

static void segment_read(void)
{
	need(shmctl((int)segment_id, IPC_STAT, &segment) == 0, "IPC_STAT");
}

static void set_read(void)
{
	need(semctl((int)set_id, 0, IPC_STAT, &set) == 0, "IPC_STAT");
}

static void queue_read(void)
{
	need(msgctl((int)queue_id, IPC_STAT, &queue) == 0, "IPC_STAT");
}

static void unlock(long result)
{
	(void)result;
	need(shmctl((int)segment_id, SHM_UNLOCK, NULL) == 0, "SHM_UNLOCK");
}

static void queue_empty(void)
{
	while (msgrcv((int)queue_id, &message, TEXT, 0, IPC_NOWAIT) >= 0)
		;
	message.type = 1;
}

static void queue_emptied(long result)
{
	(void)result;
	queue_empty();
}

static void queue_full(void)
{
	queue_empty();
	need(msgsnd((int)queue_id, &message, TEXT, IPC_NOWAIT) == 0, "msgsnd");
}

static void both_make(void)
{
	for (unsigned i = 0; i < 40; i++)
		both[i] = (struct sembuf){(unsigned short)(i % 4), (short)(i < 20 ? 1 : -1), 0};
}

/* Adjustments stay with a process until it ends or the set does. */
static long run_undone(void)
{
	long id = made, result = semop((int)id, &up_undone, 1);

	return result;
}

static void made_set_remove(long result)
{
	(void)result;
	remove_set(made);
}

#define ALLOCATES .flags = CALL_ALLOCATES
#define MAKES     .flags = CALL_ALLOCATES, .errors = {ENOSPC}

const struct call calls_ipc[] = {
	{CALL(shmget, IPC_PRIVATE, SMALL, 0600), MAKES, .undo = remove_segment},
	{CALL(shmget, 0x5a3e0700, LARGE, IPC_CREAT | 0600), .what = "key, large", MAKES,
	 .undo = remove_segment},
	{CALL(shmat, 0, 0, 0), .first = &segment_id, ALLOCATES, .undo = detach},
	{CALL(shmat, 0, 0, SHM_RDONLY), .what = "read only", .first = &segment_id, ALLOCATES,
	 .undo = detach},
	{CALL(shmdt, 0), .first = &attached, .ready = attach},
	{CALL(shmctl, 0, IPC_STAT, AT(buffer)), .first = &segment_id},
	{CALL(shmctl, 0, IPC_SET, AT(&segment)), .what = "IPC_SET", .first = &segment_id,
	 .before = segment_read},
	{CALL(shmctl, 0, SHM_INFO, AT(buffer)), .what = "SHM_INFO"},
	{CALL(shmctl, 0, SHM_LOCK, 0), .what = "SHM_LOCK", .first = &segment_id, ALLOCATES,
	 .undo = unlock},
	{CALL(shmctl, 0, IPC_RMID, 0), .what = "IPC_RMID", .first = &made, .ready = segment_made},
	{CALL(semget, IPC_PRIVATE, 4, 0600), MAKES, .undo = remove_set},
	{CALL(semget, 0x5a3e0701, 2000, IPC_CREAT | 0600), .what = "key, large", MAKES,
	 .undo = remove_set},
	{CALL(semop, 0, AT(both), 4), .first = &set_id, .before = both_make},
	{CALL(semop, 0, AT(both), 40), .what = "many", .first = &set_id, .before = both_make,
	 ALLOCATES},
	{RUN(semop, "undo", run_undone), .ready = set_made, ALLOCATES, .undo = made_set_remove},
	{CALL(semtimedop, 0, AT(&wait_for_it), 1, AT(&soon)), .first = &set_id, .answer = EAGAIN},
	{CALL(semctl, 0, 0, IPC_STAT, AT(buffer)), .first = &set_id},
	{CALL(semctl, 0, 0, IPC_SET, AT(&set)), .what = "IPC_SET", .first = &set_id,
	 .before = set_read},
	{CALL(semctl, 0, 0, GETALL, AT(buffer)), .what = "GETALL", .first = &set_id, ALLOCATES},
	{CALL(semctl, 0, 0, SETALL, AT(values)), .what = "SETALL", .first = &set_id, ALLOCATES},
	{CALL(semctl, 0, 0, SETVAL, 0), .what = "SETVAL", .first = &set_id},
	{CALL(semctl, 0, 0, IPC_RMID, 0), .what = "IPC_RMID", .first = &made, .ready = set_made},
	{CALL(msgget, IPC_PRIVATE, 0600), MAKES, .undo = remove_queue},
	{CALL(msgsnd, 0, AT(&message), 10, IPC_NOWAIT), .first = &queue_id, .ready = queue_empty,
	 ALLOCATES, .undo = queue_emptied},
	{CALL(msgsnd, 0, AT(&message), TEXT, IPC_NOWAIT), .what = "large", .first = &queue_id,
	 .ready = queue_empty, ALLOCATES, .undo = queue_emptied},
	{CALL(msgrcv, 0, AT(&message), TEXT, 0, IPC_NOWAIT), .first = &queue_id,
	 .ready = queue_full},
	{CALL(msgrcv, 0, AT(&message), TEXT, 0, IPC_NOWAIT | MSG_COPY), .what = "MSG_COPY",
	 .first = &queue_id, .ready = queue_full, ALLOCATES, .undo = queue_emptied},
	{CALL(msgctl, 0, IPC_STAT, AT(buffer)), .first = &queue_id},
	{CALL(msgctl, 0, IPC_SET, AT(&queue)), .what = "IPC_SET", .first = &queue_id,
	 .before = queue_read},
	{CALL(msgctl, 0, IPC_RMID, 0), .what = "IPC_RMID", .first = &made, .ready = queue_made},
	{0},
};
