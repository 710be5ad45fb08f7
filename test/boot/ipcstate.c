// SPDX-License-Identifier: MIT
/*
 * Makes the same System V shared memory each time, attached and removed in all
 * ways that show, and runs a command with it: ipcstate COMMAND ARGS... For the
 * comparison of what ipcs and its kin print here and there. The ids are those of a
 * fresh namespace; the state goes with this process, but for the segments without attaches.
 */

#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME      "/ipcstate"
#define FIRST_PID 1000

static int segment(key_t key, size_t size, int mode)
{
	int id = shmget(key, size, IPC_CREAT | IPC_EXCL | mode);

	if (id < 0)
		perror("shmget");
	return id;
}

static void make_segments(void)
{
	segment(0x5a3e0001, 1, 0600);
	char *p = shmat(segment(0x5a3e0002, 10000, 0644), NULL, 0);
	memset(p, 1, 8192);
	int removed = segment(0x5a3e0003, 4096, 0666);
	shmat(removed, NULL, SHM_RDONLY);
	shmat(removed, NULL, 0);
	shmctl(removed, IPC_RMID, NULL);
	shmctl(segment(IPC_PRIVATE, 3 << 20, 0), SHM_LOCK, NULL);
	segment((key_t)0xffffffff, 1ul << 33, 0777 | SHM_NORESERVE);
	shmctl(segment(0x5a3e0005, 1, 0600), IPC_RMID, NULL);
	struct shmid_ds ds = {.shm_perm = {.mode = 0640}};
	shmctl(segment(0x5a3e0006, 4096, 0600), IPC_SET, &ds);
}

/* In a fresh guest process ids are so small that any number could be one. */
static void pass_small_ids(void)
{
	for (pid_t pid = 0; pid < FIRST_PID; waitpid(pid, NULL, 0)) {
		pid = fork();
		if (pid <= 0)
			_exit(0);
	}
}

/* Where there are none, none are shown. */
static void make_sets_and_queues(void)
{
	int set = semget(0x5a3e0011, 3, IPC_CREAT | 0644);
	int queue = msgget(0x5a3e0021, IPC_CREAT | 0640);
	struct {
		long type;
		char text[100];
	} message = {7, "message"};

	if (set >= 0)
		semctl(set, 1, SETVAL, 5);
	semget(IPC_PRIVATE, 250, 0600);
	if (queue >= 0) {
		msgsnd(queue, &message, 100, 0);
		msgsnd(queue, &message, 7, 0);
	}
	msgget(IPC_PRIVATE, 0);
}

int main(int argc, char **argv)
{
	int status;

	if (argc < 2)
		return 2;
	if (strcmp(argv[0], NAME)) { /* lsipc shows it */
		argv[0] = NAME;
		execv("/proc/self/exe", argv);
		return 127;
	}
	pass_small_ids();
	pid_t pid = fork();
	if (pid > 0) {
		waitpid(pid, &status, 0);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	}
	printf("pid %d\n", getpid());
	fflush(stdout);
	make_segments();
	make_sets_and_queues();
	pid = vfork(); /* so that the count of attaches stays */
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
