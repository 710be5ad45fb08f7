// SPDX-License-Identifier: MIT
/* Operations that make processes and end them. */

#define _GNU_SOURCE
#include "storm.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEPTH_MAX 2

/* The arguments of `program` for a process that knows no more than its board. */
static char *arguments_of(char text[6][24], const char *what, unsigned lane, unsigned operations,
			  char *arguments[8])
{
	const unsigned long values[5] = {me.supervisor, me.slot, lane, draw(), operations};

	arguments[0] = (char *)program;
	(void)snprintf(text[5], 24, "%s", what);
	arguments[1] = text[5];
	for (unsigned i = 0; i < 5; i++) {
		(void)snprintf(text[i], 24, "%lu", values[i]);
		arguments[2 + i] = text[i];
	}
	arguments[7] = NULL;
	return arguments[0];
}

/* The copy of a worker: no lane, no threads, and without what fork left out. */
static void become_child(void)
{
	me.lane = OUTSIDER;
	me.depth++;
	me.threads = false;
	me.random ^= (uint64_t)getpid() << 20;
	for (unsigned i = 0; i < MAPS; i++)
		if (me.maps[i].nofork)
			me.maps[i].bytes = 0;
}

static void child_wait(pid_t child)
{
	int status;

	if (chance(4))
		(void)kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0)
		;
}

void operate_fork(void)
{
	if (me.depth >= DEPTH_MAX)
		return;
	pid_t child = fork();
	if (child == 0) {
		become_child();
		worker_run(3 + draw() % 30);
		if (chance(5))
			raise(SIGKILL);
		_exit(0);
	}
	if (child < 0)
		return;
	if (chance(2)) { /* side by side for a while */
		unsigned depth = me.depth;

		me.depth = DEPTH_MAX;
		worker_run(draw() % 10);
		me.depth = depth;
	}
	child_wait(child);
}

/* vfork and exec of ourselves: another program with the same objects. */
void operate_spawn(void)
{
	char text[6][24], *arguments[8];

	if (me.depth >= DEPTH_MAX)
		return;
	(void)arguments_of(text, "child", OUTSIDER, 3 + (unsigned)(draw() % 20), arguments);
	const char *path = chance(10) ? "/no/such/program" : program;
	pid_t child = vfork();
	if (child == 0) {
		execv(path, arguments);
		_exit(127);
	}
	if (child > 0)
		child_wait(child);
}

/* All that was mapped goes, and what this lane remembers. */
void operate_exec(void)
{
	char text[6][24], *arguments[8];

	if (me.depth || me.threads != chance(2))
		return;
	(void)arguments_of(text, "worker", me.lane, 0, arguments);
	execv(program, arguments);
}

void operate_kill(void)
{
	static const uint32_t signals[] = {SIGKILL, SIGKILL, SIGSTOP};

	STORE(&me.board->request[draw() % WORKERS], signals[draw() % 3]);
}

/* A namespace that ends with all that is in it, attached or not. */
static void namespace_fill(void)
{
	struct {
		long type;
		char text[100];
	} message = {.type = 1};
	char *attached = NULL;

	for (unsigned i = 0; i < 3; i++) {
		int id = shmget((int)i, (1 + draw() % 40) * PAGE, IPC_CREAT | 0600);

		attached = shmat(id, NULL, 0);
		if (attached != (void *)-1)
			attached[0] = 1;
		if (chance(4))
			(void)shmctl(id, IPC_RMID, NULL);
	}
	struct sembuf up = {.sem_op = 1, .sem_flg = SEM_UNDO};
	(void)semop(semget(1, 3, IPC_CREAT | 0600), &up, 1);
	int queue = msgget(1, IPC_CREAT | 0600);
	for (unsigned i = 0; i < 5; i++)
		(void)msgsnd(queue, &message, sizeof(message.text), IPC_NOWAIT);
}

void operate_namespace(void)
{
	if (me.depth >= DEPTH_MAX)
		return;
	pid_t child = fork();
	if (child == 0) {
		become_child();
		if (unshare(CLONE_NEWIPC) != 0)
			_exit(1);
		namespace_fill();
		if (chance(2) && setns(NAMESPACE_FD, CLONE_NEWIPC) == 0)
			worker_run(5 + draw() % 10);
		if (chance(3))
			raise(SIGKILL);
		_exit(0);
	}
	if (child > 0)
		child_wait(child);
}

void operate_threads(void)
{
	if (me.threads || me.depth)
		return;
	threads_start();
	worker_run(5 + draw() % 30);
	threads_join();
}

void operate_peek(void)
{
	struct map *map = map_draw();
	uint64_t words[LANES];
	struct iovec here = {words, sizeof(words)}, there = {words, sizeof(words)};

	if (!map)
		return;
	there.iov_base = (void *)(map->address + page_draw(map->bytes / PAGE) * PAGE);
	(void)process_vm_readv(me.board->workers[draw() % WORKERS], &here, 1, &there, 1, 0);
}
