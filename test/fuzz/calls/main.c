// SPDX-License-Identifier: MIT
/*
 * Random system calls with random arguments, in child processes that may die
 * of them: the kernel may not. Arguments are drawn by kind (kinds.h): descriptors,
 * memory in and out of mappings, lengths, flags, names, ids; now and then
 * anything at all, and numbers that no call has.
 *
 *	calls [seed [children [calls in each]]]
 *	calls --list	the names of the calls whose arguments are known
 *
 * Prints the seed first: it alone reproduces the run on one CPU, but for the time that calls wait. Exits 0 when
 * the kernel still forks, runs and reaps at the end.
 */

#include "calls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILD_SECONDS 5
#define ALIVE_TRIES   100

/* Still a working kernel? A child that attaches, writes and exits. */
/* 0: not now; another of these programs may have removed the segment, as each does with all. */
static int shares_memory(void)
{
	int status, id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	if (id < 0)
		return 0;
	pid_t child = fork();
	if (child == 0) {
		char *map = shmat(id, NULL, 0);
		if (map == (void *)-1)
			_exit(1);
		map[0] = 1;
		_exit(0);
	}
	int good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
	shmctl(id, IPC_RMID, NULL);
	return good;
}

static int alive(void)
{
	for (int i = 0; i < ALIVE_TRIES; i++)
		if (shares_memory())
			return 1;
	return 0;
}

static void sets_and_queues_remove(void)
{
	struct seminfo sets_info;
	struct msginfo queues_info;
	struct semid_ds set;
	struct msqid_ds queue;
	int last = semctl(0, 0, SEM_INFO, &sets_info);

	for (int index = 0; index <= last; index++) {
		int id = semctl(index, 0, SEM_STAT, &set);
		if (id >= 0)
			semctl(id, 0, IPC_RMID);
	}
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)&queues_info);
	for (int index = 0; index <= last; index++) {
		int id = msgctl(index, MSG_STAT, &queue);
		if (id >= 0)
			msgctl(id, IPC_RMID, NULL);
	}
}

static void segments_remove(void)
{
	struct shm_info info;
	struct shmid_ds ds;
	int last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);

	for (int index = 0; index <= last; index++) {
		int id = shmctl(index, SHM_STAT, &ds);
		if (id >= 0)
			shmctl(id, IPC_RMID, NULL);
	}
}

/* The child's status; killed when it has slept or spun for too long. -1: it cannot be reaped. */
static int child_reap(pid_t child, const sigset_t *chld)
{
	struct timespec limit = {CHILD_SECONDS, 0};
	int status;

	for (;;) {
		pid_t reaped = waitpid(child, &status, WNOHANG);
		if (reaped)
			return reaped == child ? status : -1;
		if (sigtimedwait(chld, NULL, &limit) < 0 && errno == EAGAIN)
			kill(child, SIGKILL);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--list"))
		return calls_list();

	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned children = argc > 2 ? (unsigned)atoi(argv[2]) : 200;
	unsigned calls = argc > 3 ? (unsigned)atoi(argv[3]) : 500;
	unsigned killed = 0;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);

	printf("calls: seed %llu, %u children, %u calls each\n", (unsigned long long)seed, children,
	       calls);
	fflush(stdout);
	for (unsigned i = 0; i < children; i++) {
		int status;
		state = (seed + i) * 0x9e3779b97f4a7c15ull | 1;
		pid_t child = fork();
		if (child == 0) {
			arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			for (int n = 0; n < 4; n++)
				segments[n] = shmget(IPC_PRIVATE, (1ul + n * 40) * PAGE,
						     IPC_CREAT | 0666);
			for (int n = 0; n < 2; n++) {
				sets[n] = semget(IPC_PRIVATE, 4 + n * 30, IPC_CREAT | 0666);
				queues[n] = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
			}
			setpgid(0, 0);
			if (i % 3 == 2 && setuid(1000 + i % 5) != 0)
				_exit(1);
			child_run(calls);
		}
		status = child < 0 ? -1 : child_reap(child, &chld);
		if (status == -1) {
			printf("calls: fork or wait failed at child %u: %s\n", i, strerror(errno));
			return 1;
		}
		killed += WIFSIGNALED(status);
		kill(-child, SIGKILL); /* whom it left */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		segments_remove();
		sets_and_queues_remove();
	}
	if (!alive()) {
		printf("calls: the kernel no longer shares memory\n");
		return 1;
	}
	printf("calls: %u of %u children died by a signal; the kernel goes on\n", killed, children);
	return 0;
}
