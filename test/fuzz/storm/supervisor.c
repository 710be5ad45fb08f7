// SPDX-License-Identifier: MIT
/*
 * A supervisor: an IPC namespace of its own, the objects that need a parent,
 * and workers, which it starts again when they end, sends the signals they
 * wish each other, and ends at the end. Then nothing may be left.
 */

#define _GNU_SOURCE
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SEGMENTS_END   12 /* objects of the board by kind: up to these slots */
#define FILES_END      18
#define MEMFDS_END     22
#define LIMIT          "100"
#define TURN_US        2000
#define SWEEP_TURNS    200
#define STOPPED_TURNS  20
#define SETTLE_SECONDS 60

static pid_t workers[WORKERS];
static unsigned stopped[WORKERS];
static uint64_t started, base_seed;

/* ---- before ---- */

static void write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) > 0)
		me.board->limited = true;
	if (fd >= 0)
		close(fd);
}

static void object_prepare(unsigned slot)
{
	struct object *object = &me.board->objects[slot];
	uint32_t number = number_new(), id = 0;

	object->kind = slot < SEGMENTS_END ? SEGMENT
		       : slot < FILES_END  ? FILE_NAMED
		       : slot < MEMFDS_END ? MEMFD
					   : ANONYMOUS;
	if (object->kind == MEMFD) {
		id = (uint32_t)memfd_create("storm", MFD_ALLOW_SEALING);
		(void)ftruncate((int)id, (off_t)(object_pages(number) * PAGE));
	} else if (object->kind == ANONYMOUS) {
		me.board->anonymous[slot] =
			mmap(NULL, object_pages(number) * PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	} else {
		return; /* workers make them */
	}
	STORE(&object->name, name_of(number, id));
}

static void prepare(bool settings)
{
	int ends[2], ns = open("/proc/self/ns/ipc", O_RDONLY);

	if (ns >= 0) {
		dup2(ns, NAMESPACE_FD);
		close(ns);
	}
	if (settings)
		write_setting("/proc/sys/kernel/shmmni", LIMIT);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0) {
		dup2(ends[0], SOCKET_FD);
		dup2(ends[1], SOCKET_FD + 1);
		close(ends[0]);
		close(ends[1]);
	}
	for (unsigned slot = 0; slot < OBJECTS; slot++)
		object_prepare(slot);
	me.board->lock_set = semget(IPC_PRIVATE, 1, 0600);
	(void)semctl(me.board->lock_set, 0, SETVAL, 1);
}

/* ---- meanwhile ---- */

static void worker_start(unsigned slot)
{
	uint64_t turn = started++;
	pid_t pid = fork();

	if (pid == 0) {
		me.slot = me.lane = slot;
		seed_from(base_seed, me.supervisor * WORKERS + slot, turn);
		worker_forked();
	}
	workers[slot] = pid > 0 ? pid : 0;
	STORE(&me.board->workers[slot], workers[slot]);
	stopped[slot] = 0;
}

static void worker_tend(unsigned slot)
{
	uint32_t signal = (uint32_t)TAKE(&me.board->request[slot]);
	pid_t pid = workers[slot];

	/* It is ours and not reaped, so the number is its. */
	if (pid && signal) {
		(void)kill(pid, (int)signal);
		stopped[slot] = signal == SIGSTOP ? STOPPED_TURNS : 0;
	}
	if (pid && stopped[slot] && --stopped[slot] == 0)
		(void)kill(pid, SIGCONT);
	if (pid && waitpid(pid, NULL, WNOHANG) == pid)
		workers[slot] = 0;
	if (!workers[slot])
		worker_start(slot);
}

static bool segment_known(int id)
{
	for (unsigned slot = 0; slot < SEGMENTS_END; slot++)
		if (LOAD(&me.board->objects[slot].name) &&
		    (int)(uint32_t)LOAD(&me.board->objects[slot].name) == id)
			return true;
	return false;
}

/* What workers made and did not live to enter or remove. */
static void segments_sweep(bool all)
{
	struct shmid_ds status;
	struct shminfo info;
	int highest = shmctl(0, IPC_INFO, (struct shmid_ds *)&info);

	for (int index = 0; index <= highest; index++) {
		int id = shmctl(index, SHM_STAT, &status);

		if (id >= 0 && !(status.shm_perm.mode & SHM_DEST) && (all || !segment_known(id)))
			(void)shmctl(id, IPC_RMID, NULL);
	}
}

static void others_sweep(void)
{
	struct semid_ds set;
	struct msqid_ds queue;
	struct seminfo sets;
	struct msginfo queues;
	int highest = semctl(0, 0, SEM_INFO, &sets);

	for (int index = 0; index <= highest; index++)
		(void)semctl(semctl(index, 0, SEM_STAT, &set), 0, IPC_RMID);
	highest = msgctl(0, MSG_INFO, (struct msqid_ds *)&queues);
	for (int index = 0; index <= highest; index++)
		(void)msgctl(msgctl(index, MSG_STAT, &queue), IPC_RMID, NULL);
}

/* ---- afterwards ---- */

static void workers_end(void)
{
	for (unsigned slot = 0; slot < WORKERS; slot++) {
		if (!workers[slot])
			continue;
		(void)kill(workers[slot], SIGKILL);
		(void)waitpid(workers[slot], NULL, 0);
	}
}

static int segments_left(unsigned long *attached)
{
	struct shmid_ds status;
	struct shm_info info;
	int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);

	*attached = 0;
	for (int index = 0; index <= highest; index++)
		if (shmctl(index, SHM_STAT, &status) >= 0)
			*attached += status.shm_nattch;
	return info.used_ids;
}

/* Orphans see that it is over at their next step; then nobody is attached, and all can go. */
static void settle(void)
{
	unsigned long attached = 0;
	char path[64];
	int left = 1;

	for (time_t end = time(NULL) + SETTLE_SECONDS; time(NULL) < end;) {
		segments_sweep(true);
		left = segments_left(&attached);
		if (!left && !attached)
			break;
		usleep(TURN_US);
	}
	if (left || attached)
		fail("%d segments are left, attached %lu times", left, attached);
	others_sweep();
	for (unsigned slot = 0; slot < FILES_END; slot++) {
		file_path(path, (uint32_t)(me.board->objects[slot].name >> 32));
		if (slot >= SEGMENTS_END && me.board->objects[slot].name)
			(void)unlink(path);
	}
}

void supervisor_main(unsigned supervisor, uint64_t seed)
{
	me.supervisor = supervisor;
	me.board = &control->boards[supervisor];
	base_seed = seed;
	seed_from(seed, supervisor, 1000);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWIPC) != 0)
		fail("no IPC namespace: errno %d", errno);
	prepare(access("/proc/samepage", F_OK) == 0);
	for (unsigned turn = 1; !LOAD(&control->stop); turn++) {
		for (unsigned slot = 0; slot < WORKERS; slot++)
			worker_tend(slot);
		if (turn % SWEEP_TURNS == 0)
			segments_sweep(false);
		usleep(TURN_US);
	}
	workers_end();
	settle();
	_exit(LOAD(&control->failed) ? 1 : 0);
}
