// SPDX-License-Identifier: MIT
/* Two processes that take turns, and 64 MiB from one to the other. One CPU. */

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operation.h"
#include "ring.h"

#define CHUNK   (64ul << 10)
#define MOVED   (64 * MIB)
#define MESSAGE 8192ul

static pid_t helper;
static int channel[2][2]; /* pipes to a helper process and back */
static int queue = -1;
static struct ring *ring;
static char chunk[CHUNK];

static void *shared_memory(size_t size_bytes)
{
	void *memory =
		mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	return memory;
}

static bool in_helper(void)
{
	helper = fork();
	must(helper >= 0, "fork");
	return !helper;
}

static void end_helper(void)
{
	kill(helper, SIGKILL);
	waitpid(helper, NULL, 0);
}

static void wait_helper(void)
{
	waitpid(helper, NULL, 0);
}

static void body_futex_wake(unsigned times)
{
	uint32_t word = 0;
	for (unsigned i = 0; i < times; i++)
		futex_wake(&word);
}

/* ---- turns ---- */

static uint32_t *turn;

static void set_up_futex(uint64_t unused)
{
	(void)unused;
	turn = shared_memory(PAGE);
	turn[0] = 1;
	if (in_helper())
		for (;;) {
			turn_await(&turn[1]);
			turn_pass(&turn[1], &turn[0]);
		}
}

static void body_futex(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		turn_pass(&turn[0], &turn[1]);
		turn_await(&turn[0]);
	}
}

static void set_up_pipe(uint64_t unused)
{
	char byte;

	(void)unused;
	must(pipe(channel[0]) == 0 && pipe(channel[1]) == 0, "pipe");
	if (in_helper())
		while (read(channel[0][0], &byte, 1) == 1 && write(channel[1][1], &byte, 1) == 1)
			;
}

static void body_pipe(unsigned times)
{
	char byte = 'x';
	for (unsigned i = 0; i < times; i++)
		must(write(channel[0][1], &byte, 1) == 1 && read(channel[1][0], &byte, 1) == 1,
		     "echo");
}

static void tear_down_pipe(void)
{
	end_helper();
	for (int i = 0; i < 4; i++)
		close(channel[i / 2][i % 2]);
}

static int semaphores = -1;

static void semaphore_add(unsigned short number, short amount)
{
	struct sembuf one = {.sem_num = number, .sem_op = amount};
	must(semop(semaphores, &one, 1) == 0, "semop");
}

static void set_up_semop(uint64_t unused)
{
	(void)unused;
	semaphores = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
	must(semaphores >= 0, "semget");
	if (in_helper())
		for (;;) {
			semaphore_add(1, -1);
			semaphore_add(0, 1);
		}
}

static void body_semop(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		semaphore_add(1, 1);
		semaphore_add(0, -1);
	}
}

static void tear_down_semop(void)
{
	end_helper();
	semctl(semaphores, 0, IPC_RMID);
}

static int queues[2];

struct letter {
	long type;
	char text[64];
};

static void letter_pass(int from, int to)
{
	struct letter letter = {.type = 1};

	if (from >= 0)
		must(msgrcv(from, &letter, sizeof(letter.text), 0, 0) >= 0, "msgrcv");
	if (to >= 0)
		must(msgsnd(to, &letter, sizeof(letter.text), 0) == 0, "msgsnd");
}

static void set_up_letters(uint64_t unused)
{
	(void)unused;
	for (int i = 0; i < 2; i++) {
		queues[i] = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
		must(queues[i] >= 0, "msgget");
	}
	if (in_helper())
		for (;;)
			letter_pass(queues[0], queues[1]);
}

static void body_letters(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		letter_pass(-1, queues[0]);
		letter_pass(queues[1], -1);
	}
}

static void tear_down_letters(void)
{
	end_helper();
	for (int i = 0; i < 2; i++)
		msgctl(queues[i], IPC_RMID, NULL);
}

/*
 * A yield need not switch, and a new process may be made to wait first: so what
 * is counted is how often the other one ran.
 */
static uint32_t *others_turns;

static void yield_for_ever(void)
{
	for (;;) {
		__atomic_fetch_add(others_turns, 1, __ATOMIC_RELAXED);
		sched_yield();
	}
}

static void body_yield(unsigned times)
{
	uint32_t start = __atomic_load_n(others_turns, __ATOMIC_RELAXED);

	while (__atomic_load_n(others_turns, __ATOMIC_RELAXED) - start < times)
		sched_yield();
}

static void set_up_yield(uint64_t unused)
{
	(void)unused;
	others_turns = shared_memory(PAGE);
	if (in_helper())
		yield_for_ever();
	body_yield(100);
}

static void *yielder(void *unused)
{
	yield_for_ever();
	return unused;
}

/* The process ends with its operation, and its second thread with it. */
static void set_up_thread(uint64_t unused)
{
	pthread_t thread;

	(void)unused;
	others_turns = shared_memory(PAGE);
	must(pthread_create(&thread, NULL, yielder, NULL) == 0, "pthread_create");
	body_yield(100);
}

/* ---- 64 MiB ---- */

static void set_up_ring(uint64_t unused)
{
	(void)unused;
	ring = shared_memory(sizeof(*ring));
	if (in_helper()) {
		for (size_t done = 0; done < MOVED; done += CHUNK)
			ring_put(ring, chunk, CHUNK);
		_exit(0);
	}
}

static void body_ring(unsigned times)
{
	(void)times;
	for (size_t done = 0; done < MOVED; done += CHUNK)
		ring_get(ring, chunk, CHUNK);
}

static void set_up_stream(uint64_t unused)
{
	(void)unused;
	must(pipe(channel[0]) == 0, "pipe");
	if (in_helper()) {
		for (size_t done = 0; done < MOVED; done += CHUNK)
			must(write(channel[0][1], chunk, CHUNK) == CHUNK, "write");
		_exit(0);
	}
}

static void body_stream(unsigned times)
{
	(void)times;
	for (size_t done = 0; done < MOVED;) {
		ssize_t got = read(channel[0][0], chunk, CHUNK);
		must(got > 0, "read");
		done += got;
	}
}

static void tear_down_stream(void)
{
	wait_helper();
	close(channel[0][0]);
	close(channel[0][1]);
}

static struct {
	long type;
	char text[MESSAGE];
} message = {.type = 1};

static void set_up_queue(uint64_t unused)
{
	(void)unused;
	queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	must(queue >= 0, "msgget");
	if (in_helper()) {
		for (size_t done = 0; done < MOVED; done += MESSAGE)
			must(msgsnd(queue, &message, MESSAGE, 0) == 0, "msgsnd");
		_exit(0);
	}
}

static void body_queue(unsigned times)
{
	(void)times;
	for (size_t done = 0; done < MOVED; done += MESSAGE)
		must(msgrcv(queue, &message, MESSAGE, 0, 0) == MESSAGE, "msgrcv");
}

static void tear_down_queue(void)
{
	wait_helper();
	msgctl(queue, IPC_RMID, NULL);
}

#define TURNS(id, name, set_up, body, tear_down, units)                                            \
	{GROUP_SMALL, id, name, set_up, body, tear_down, NULL, 0, 0, 200, units, 3}
#define MOVE(id, name, set_up, body, tear_down)                                                    \
	{GROUP_SMALL, id, name, set_up, body, tear_down, NULL, 0, 0, 1, 1, 2}

const struct operation handoff_operations[] = {
	{GROUP_SMALL, "futex-wake", "futex wake, nobody waits", NULL, body_futex_wake, NULL, NULL,
	 0, 0, 1000, 1, 3},
	TURNS("futex", "futex round trip", set_up_futex, body_futex, end_helper, 1),
	TURNS("pipe", "pipe round trip", set_up_pipe, body_pipe, tear_down_pipe, 1),
	TURNS("semop", "semop round trip", set_up_semop, body_semop, tear_down_semop, 1),
	TURNS("message", "msgsnd, msgrcv round trip, 64 bytes", set_up_letters, body_letters,
	      tear_down_letters, 1),
	TURNS("yield", "sched_yield round trip", set_up_yield, body_yield, end_helper, 1),
	{GROUP_SMALL, "switch", "switch to another thread by sched_yield", set_up_thread,
	 body_yield, NULL, NULL, 0, 0, 200, 2, 1},
	MOVE("move-ring", "64 MiB through a ring in shared memory", set_up_ring, body_ring,
	     wait_helper),
	MOVE("move-pipe", "64 MiB through a pipe", set_up_stream, body_stream, tear_down_stream),
	MOVE("move-queue", "64 MiB through a message queue", set_up_queue, body_queue,
	     tear_down_queue),
	{.name = NULL},
};
