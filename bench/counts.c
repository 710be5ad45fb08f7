// SPDX-License-Identifier: MIT
/*
 * Instructions for each operation: a table of named operations, each repeated,
 * the smallest mean of several rounds printed. See README.md for how to run it.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "counter.h"

#define ROUNDS    5
#define PAGE      4096ul
#define MIB       (1ul << 20)
#define BENCH_KEY 0x5350

struct operation {
	const char *name;
	void (*prepare)(void);
	uint64_t (*run)(unsigned times); /* counts used by `times` repetitions */
	void (*clean)(void);
	unsigned times;
	unsigned divisor; /* units in one repetition: pages, say */
};

static int segment = -1;
static char *attached;
static int channel[2][2]; /* pipes to a helper process and back */
static pid_t helper;

static void must(bool good, const char *what)
{
	if (!good) {
		fprintf(stderr, "counts: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}

static void segment_make(size_t size_bytes)
{
	segment = shmget(IPC_PRIVATE, size_bytes, IPC_CREAT | 0600);
	must(segment >= 0, "shmget");
}

static void segment_attach(void)
{
	attached = shmat(segment, NULL, 0);
	must(attached != (void *)-1, "shmat");
}

static void segment_touch(size_t size_bytes)
{
	for (size_t at = 0; at < size_bytes; at += PAGE)
		((volatile char *)attached)[at] = 1;
}

static void segment_drop(void)
{
	if (attached)
		shmdt(attached);
	attached = NULL;
	if (segment >= 0)
		shmctl(segment, IPC_RMID, NULL);
	segment = -1;
}

static uint64_t run_getpid(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		syscall(SYS_getpid);
	return counter_read() - start;
}

static uint64_t run_create_remove(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		shmctl(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600), IPC_RMID, NULL);
	return counter_read() - start;
}

static void prepare_key(void)
{
	segment = shmget(BENCH_KEY, PAGE, IPC_CREAT | 0600);
	must(segment >= 0, "shmget");
}

static uint64_t run_lookup(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		shmget(BENCH_KEY, PAGE, 0600);
	return counter_read() - start;
}

static uint64_t run_stat(unsigned times)
{
	struct shmid_ds ds;
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		shmctl(segment, IPC_STAT, &ds);
	return counter_read() - start;
}

static void prepare_4k(void)
{
	segment_make(PAGE);
}

static void prepare_64m(void)
{
	segment_make(64 * MIB);
}

static void prepare_1g(void)
{
	segment = shmget(IPC_PRIVATE, 1024 * MIB, IPC_CREAT | SHM_NORESERVE | 0600);
	must(segment >= 0, "shmget");
}

static uint64_t run_attach_detach(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		shmdt(shmat(segment, NULL, 0));
	return counter_read() - start;
}

static void prepare_64m_touched(void)
{
	segment_make(64 * MIB);
	segment_attach();
	segment_touch(64 * MIB);
}

static uint64_t run_first_touch(unsigned times)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < times; i++) {
		segment_make(MIB);
		segment_attach();
		uint64_t start = counter_read();
		segment_touch(MIB);
		used += counter_read() - start;
		segment_drop();
	}
	return used;
}

/* In a child that attaches anew: what it costs to reach every page of a resident segment. */
static uint64_t second_process(bool writing)
{
	int report[2];
	uint64_t used = 0;

	must(pipe(report) == 0, "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		volatile char *mine = shmat(segment, NULL, 0), sink = 0;
		uint64_t start = counter_read();
		for (size_t at = 0; at < 64 * MIB; at += PAGE) {
			if (writing)
				mine[at] = 2;
			else
				sink += mine[at];
		}
		used = counter_read() - start;
		_exit(write(report[1], &used, sizeof(used)) == sizeof(used) ? 0 : 1);
	}
	must(read(report[0], &used, sizeof(used)) == sizeof(used), "read");
	waitpid(child, NULL, 0);
	close(report[0]);
	close(report[1]);
	return used;
}

static uint64_t run_second_write(unsigned times)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < times; i++)
		used += second_process(true);
	return used;
}

static uint64_t run_second_read(unsigned times)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < times; i++)
		used += second_process(false);
	return used;
}

static uint64_t run_detach_touched(unsigned times)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < times; i++) {
		segment_touch(64 * MIB);
		uint64_t start = counter_read();
		shmdt(attached);
		used += counter_read() - start;
		segment_attach();
	}
	return used;
}

static uint64_t run_remove_touched(unsigned times)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < times; i++) {
		prepare_64m_touched();
		shmdt(attached);
		attached = NULL;
		uint64_t start = counter_read();
		shmctl(segment, IPC_RMID, NULL);
		used += counter_read() - start;
		segment = -1;
	}
	return used;
}

static uint64_t run_fork(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++) {
		pid_t child = fork();
		must(child >= 0, "fork");
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	return counter_read() - start;
}

static void prepare_mprotect(void)
{
	segment_make(MIB);
	segment_attach();
	segment_touch(MIB);
}

static uint64_t run_mprotect(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++) {
		mprotect(attached, MIB, PROT_READ);
		mprotect(attached, MIB, PROT_READ | PROT_WRITE);
		segment_touch(MIB);
	}
	return counter_read() - start;
}

static uint64_t run_memfd(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++) {
		int fd = memfd_create("bench", 0);
		must(ftruncate(fd, PAGE) == 0, "ftruncate");
		char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		munmap(map, PAGE);
		close(fd);
	}
	return counter_read() - start;
}

static uint64_t run_futex_wake(unsigned times)
{
	uint32_t word = 0;
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		syscall(SYS_futex, &word, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
	return counter_read() - start;
}

/* A process that returns each byte it is sent. */
static void prepare_echo(void)
{
	must(pipe(channel[0]) == 0 && pipe(channel[1]) == 0, "pipe");
	helper = fork();
	must(helper >= 0, "fork");
	if (!helper) {
		char byte;
		close(channel[0][1]);
		while (read(channel[0][0], &byte, 1) == 1 && write(channel[1][1], &byte, 1) == 1)
			;
		_exit(0);
	}
	close(channel[0][0]);
}

static uint64_t run_pipe(unsigned times)
{
	char byte = 'x';
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		must(write(channel[0][1], &byte, 1) == 1 && read(channel[1][0], &byte, 1) == 1,
		     "echo");
	return counter_read() - start;
}

static void clean_echo(void)
{
	close(channel[0][1]);
	waitpid(helper, NULL, 0);
	close(channel[1][0]);
	close(channel[1][1]);
}

/* Two words of shared memory and a helper: each waits for its own word to become 1. */
static uint32_t *ping_pong;

static void futex_hand_over(unsigned from, unsigned to)
{
	__atomic_store_n(&ping_pong[from], 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&ping_pong[to], 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &ping_pong[to], 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

static void futex_await(unsigned word)
{
	while (!__atomic_load_n(&ping_pong[word], __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &ping_pong[word], 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
}

static void prepare_futex(void)
{
	ping_pong = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(ping_pong != MAP_FAILED, "mmap");
	ping_pong[0] = 1;
	helper = fork();
	must(helper >= 0, "fork");
	if (!helper) {
		while (!ping_pong[2]) {
			futex_await(1);
			futex_hand_over(1, 0);
		}
		_exit(0);
	}
}

static uint64_t run_futex(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++) {
		futex_hand_over(0, 1);
		futex_await(0);
	}
	return counter_read() - start;
}

static void clean_futex(void)
{
	ping_pong[2] = 1;
	futex_hand_over(0, 1);
	waitpid(helper, NULL, 0);
	munmap(ping_pong, PAGE);
}

/* Two semaphores and a helper: each takes from its own and gives to the other's. */
static int semaphores = -1;

static void semaphore_hand_over(unsigned short to, unsigned short from)
{
	struct sembuf give = {to, 1, 0}, take = {from, -1, 0};

	if (semop(semaphores, &give, 1) != 0 || semop(semaphores, &take, 1) != 0)
		_exit(0); /* the set is removed: the helper's end */
}

static void prepare_semaphores(void)
{
	semaphores = semget(IPC_PRIVATE, 2, IPC_CREAT | 0600);
	must(semaphores >= 0, "semget");
	helper = fork();
	must(helper >= 0, "fork");
	if (!helper) {
		struct sembuf take = {0, -1, 0};
		if (semop(semaphores, &take, 1) != 0)
			_exit(0);
		for (;;)
			semaphore_hand_over(1, 0);
	}
	sched_yield(); /* it waits now */
}

static uint64_t run_semaphores(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		semaphore_hand_over(0, 1);
	return counter_read() - start;
}

static void clean_semaphores(void)
{
	semctl(semaphores, 0, IPC_RMID);
	waitpid(helper, NULL, 0);
}

/* Two queues and a helper that sends back what it gets. */
static int queues[2];

struct message {
	long type;
	char text[64];
};

static void message_send(int queue, const struct message *message)
{
	if (msgsnd(queue, message, sizeof(message->text), 0) != 0)
		_exit(0); /* the queue is removed: the helper's end */
}

static void message_receive(int queue, struct message *message)
{
	if (msgrcv(queue, message, sizeof(message->text), 0, 0) < 0)
		_exit(0);
}

static void prepare_queues(void)
{
	struct message message;

	queues[0] = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	queues[1] = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	must(queues[0] >= 0 && queues[1] >= 0, "msgget");
	helper = fork();
	must(helper >= 0, "fork");
	while (!helper) {
		message_receive(queues[0], &message);
		message_send(queues[1], &message);
	}
	sched_yield(); /* it waits now */
}

static uint64_t run_queues(unsigned times)
{
	struct message message = {.type = 1};
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++) {
		message_send(queues[0], &message);
		message_receive(queues[1], &message);
	}
	return counter_read() - start;
}

static void clean_queues(void)
{
	msgctl(queues[0], IPC_RMID, NULL);
	msgctl(queues[1], IPC_RMID, NULL);
	waitpid(helper, NULL, 0);
}

static void prepare_yield(void)
{
	helper = fork();
	must(helper >= 0, "fork");
	if (!helper)
		for (;;)
			sched_yield();
}

static uint64_t run_yield(unsigned times)
{
	uint64_t start = counter_read();
	for (unsigned i = 0; i < times; i++)
		sched_yield();
	return counter_read() - start;
}

static void clean_yield(void)
{
	kill(helper, SIGKILL);
	waitpid(helper, NULL, 0);
}

static const struct operation operations[] = {
	{"getpid", NULL, run_getpid, NULL, 1000, 1},
	{"shmget private + IPC_RMID", NULL, run_create_remove, NULL, 200, 1},
	{"shmget of an existing key", prepare_key, run_lookup, segment_drop, 1000, 1},
	{"shmctl IPC_STAT", prepare_key, run_stat, segment_drop, 1000, 1},
	{"shmat + shmdt, 4 KiB", prepare_4k, run_attach_detach, segment_drop, 200, 1},
	{"shmat + shmdt, 64 MiB", prepare_64m, run_attach_detach, segment_drop, 200, 1},
	{"shmat + shmdt, 1 GiB", prepare_1g, run_attach_detach, segment_drop, 200, 1},
	{"first touch of a page, write", NULL, run_first_touch, NULL, 4, 256},
	{"second process writes a resident page", prepare_64m_touched, run_second_write,
	 segment_drop, 1, 16384},
	{"second process reads a resident page", prepare_64m_touched, run_second_read, segment_drop,
	 1, 16384},
	{"shmdt of 64 MiB touched, each page", prepare_64m_touched, run_detach_touched,
	 segment_drop, 1, 16384},
	{"IPC_RMID of 64 MiB touched, each page", NULL, run_remove_touched, NULL, 1, 16384},
	{"fork + exit + wait, nothing attached", NULL, run_fork, NULL, 20, 1},
	{"fork + exit + wait, 64 MiB attached", prepare_64m_touched, run_fork, segment_drop, 20, 1},
	{"mprotect read-only and back, 1 MiB touched", prepare_mprotect, run_mprotect, segment_drop,
	 20, 1},
	{"memfd create, size, map, unmap, close", NULL, run_memfd, NULL, 50, 1},
	{"futex wake, nobody waits", NULL, run_futex_wake, NULL, 1000, 1},
	{"futex round trip", prepare_futex, run_futex, clean_futex, 200, 1},
	{"pipe round trip", prepare_echo, run_pipe, clean_echo, 200, 1},
	{"semop round trip", prepare_semaphores, run_semaphores, clean_semaphores, 200, 1},
	{"msgsnd, msgrcv round trip, 64 bytes", prepare_queues, run_queues, clean_queues, 200, 1},
	{"sched_yield round trip", prepare_yield, run_yield, clean_yield, 200, 1},
};

int main(void)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		const struct operation *operation = &operations[i];
		uint64_t best = UINT64_MAX;

		for (int round = 0; round < ROUNDS; round++) {
			if (operation->prepare)
				operation->prepare();
			uint64_t used = operation->run(operation->times) * COUNTER_UNIT;
			if (operation->clean)
				operation->clean();
			if (used < best)
				best = used;
		}
		printf("%-44s %10llu\n", operation->name,
		       (unsigned long long)(best / operation->times / operation->divisor));
		fflush(stdout);
	}
	return 0;
}
