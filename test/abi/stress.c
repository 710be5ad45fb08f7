// SPDX-License-Identifier: MIT
/*
 * Many things at once, for a few seconds: what only several CPUs and unlucky
 * moments show. A case passes when everything that was counted adds up.
 */

#define _GNU_SOURCE

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

#define SECONDS 2
#define WORKERS 4
#define PAGE    4096ul

static bool time_left(void)
{
	static struct timespec end;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!end.tv_sec) {
		end = now;
		end.tv_sec += SECONDS;
	}
	return now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec);
}

static void workers_run(void *(*work)(void *), void *argument)
{
	pthread_t threads[WORKERS];

	time_left();
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, work, argument), 0);
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* Each thread's pages hold what it wrote, whatever the others map and unmap. */
static void *map_work(void *unused)
{
	unsigned seed = (unsigned)(uintptr_t)&seed;

	(void)unused;
	while (time_left()) {
		size_t pages = 1 + (unsigned)rand_r(&seed) % 600;
		char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(p != MAP_FAILED);
		for (size_t i = 0; i < pages; i += 7)
			*(size_t *)(p + i * PAGE) = (size_t)p + i;
		CHECK_OK(mprotect(p, pages * PAGE, PROT_READ));
		for (size_t i = 0; i < pages; i += 7)
			CHECK_EQ(*(size_t *)(p + i * PAGE), (size_t)p + i);
		for (size_t i = 1; i < pages; i += 7)
			CHECK_EQ(*(size_t *)(p + i * PAGE), 0);
		CHECK_OK(munmap(p, pages * PAGE));
	}
	return NULL;
}

static void threads_map_and_unmap(void)
{
	workers_run(map_work, NULL);
}

static void *fork_work(void *unused)
{
	(void)unused;
	while (time_left()) {
		volatile int mine = 1;
		pid_t pid = CHECK_OK(fork());
		if (pid == 0) {
			mine = 2;
			_exit(mine + 40);
		}
		int status;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), 42);
		CHECK_EQ(mine, 1);
	}
	return NULL;
}

static void threads_fork(void)
{
	workers_run(fork_work, NULL);
}

static void fork_while_mapping(void)
{
	pthread_t mapper;

	time_left();
	CHECK_EQ(pthread_create(&mapper, NULL, map_work, NULL), 0);
	fork_work(NULL);
	CHECK_EQ(pthread_join(mapper, NULL), 0);
}

/* One page: after a fork the next write to it copies it, while others read the rest. */
static struct {
	struct timespec never; /* no time: a call that reads it says EINVAL */
	long written;
} copied = {.never = {0, -1}};

static void *copy_work(void *unused)
{
	(void)unused;
	while (time_left()) {
		pid_t pid = CHECK_OK(fork());
		if (pid == 0) {
			sched_yield(); /* a switch between processes: the reader knows the page no more */
			sched_yield();
			_exit(0);
		}
		__atomic_add_fetch(&copied.written, 1, __ATOMIC_RELAXED);
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
	return NULL;
}

static void kernel_access_while_copying(void)
{
	pthread_t copier;

	time_left();
	CHECK_EQ(pthread_create(&copier, NULL, copy_work, NULL), 0);
	while (time_left())
		for (int i = 0; i < 100; i++)
			CHECK_ERROR(nanosleep(&copied.never, NULL), EINVAL);
	CHECK_EQ(pthread_join(copier, NULL), 0);
}

struct guarded {
	pthread_mutex_t lock;
	pthread_cond_t turned;
	long count, turns;
};

static void *lock_work(void *argument)
{
	struct guarded *guarded = argument;
	long own = 0;

	while (time_left()) {
		pthread_mutex_lock(&guarded->lock);
		guarded->count++;
		if (own % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&guarded->lock);
		own++;
	}
	return (void *)own;
}

static void mutex_counts(void)
{
	struct guarded guarded = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
	pthread_t threads[WORKERS];
	long sum = 0;

	time_left();
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, lock_work, &guarded), 0);
	for (int i = 0; i < WORKERS; i++) {
		void *own;
		CHECK_EQ(pthread_join(threads[i], &own), 0);
		sum += (long)own;
	}
	CHECK_EQ(guarded.count, sum);
}

static void ring_play(int from, int to, long rounds)
{
	long token;

	for (long i = 0; i < rounds; i++) {
		CHECK_EQ(read(from, &token, sizeof(token)), (long)sizeof(token));
		token++;
		CHECK_EQ(write(to, &token, sizeof(token)), (long)sizeof(token));
	}
}

/* A token goes round between processes: no byte is lost, nobody sleeps on. */
static void pipe_ring(void)
{
	enum { ROUNDS = 1000 };
	int pipes[WORKERS][2];
	pid_t pids[WORKERS];
	long token = 0;

	for (int i = 0; i < WORKERS; i++)
		CHECK_OK(pipe(pipes[i]));
	for (int i = 0; i < WORKERS - 1; i++) {
		pids[i] = CHECK_OK(fork());
		if (pids[i] == 0) {
			ring_play(pipes[i][0], pipes[i + 1][1], ROUNDS);
			_exit(0);
		}
	}
	for (int i = 0; i < ROUNDS; i++) {
		CHECK_EQ(write(pipes[0][1], &token, sizeof(token)), (long)sizeof(token));
		CHECK_EQ(read(pipes[WORKERS - 1][0], &token, sizeof(token)), (long)sizeof(token));
	}
	CHECK_EQ(token, (long)ROUNDS * (WORKERS - 1));
	for (int i = 0; i < WORKERS - 1; i++)
		abi_join(pids[i]);
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

/* Each signal is answered before the next is sent: every one arrives. */
static void signals_answered(void)
{
	enum { ROUNDS = 1000 };
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	pid_t parent = getpid(), child = CHECK_OK(fork());
	for (int i = 0; i < ROUNDS; i++) {
		if (child == 0) {
			CHECK_EQ(sigwait(&set, &got), 0);
			CHECK_OK(kill(parent, SIGUSR1));
		} else {
			CHECK_OK(kill(child, SIGUSR1));
			CHECK_EQ(sigwait(&set, &got), 0);
		}
	}
	if (child == 0)
		_exit(0);
	abi_join(child);
}

static void *wait_to_be_told(void *unused)
{
	(void)unused;
	while (time_left())
		sched_yield();
	return NULL;
}

static void signals_to_threads(void)
{
	pthread_t threads[WORKERS];
	struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	time_left();
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, wait_to_be_told, NULL), 0);
	while (time_left())
		for (int i = 0; i < WORKERS; i++)
			pthread_kill(threads[i], SIGUSR1);
	for (int i = 0; i < WORKERS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK(signals > 0);
}

static void killed_worker(void *unused)
{
	(void)unused;
	for (;;)
		map_work(NULL);
}

static void kill_at_any_moment(void)
{
	unsigned seed = 1;

	time_left();
	while (time_left()) {
		int status;
		pid_t pid = abi_start(killed_worker, NULL);
		struct timespec pause = {0, rand_r(&seed) % 3000000};
		nanosleep(&pause, NULL);
		CHECK_OK(kill(pid, SIGKILL));
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
}

/* Attach, write, check, detach one segment from several threads and processes at once. */
static void *attach_work(void *argument)
{
	int id = *(int *)argument;

	while (time_left()) {
		long *p = shmat(id, NULL, 0);
		CHECK((intptr_t)p != -1);
		for (int i = 0; i < 1024; i++)
			__atomic_add_fetch(&p[i * 512], 1, __ATOMIC_RELAXED);
		CHECK(p[0] > 0);
		CHECK_OK(shmdt(p));
	}
	return NULL;
}

static void attach_process(void *argument)
{
	workers_run(attach_work, argument);
}

static void attach_from_all_sides(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 1024 * PAGE, 0600));
	pid_t a = abi_start(attach_process, &id), b = abi_start(attach_process, &id);

	abi_join(a);
	abi_join(b);
	long *p = shmat(id, NULL, 0);
	CHECK((intptr_t)p != -1);
	for (int i = 1; i < 1024; i++)
		CHECK_EQ(p[i * 512], p[0]);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

const struct abi_case abi_cases[] = {
	CASE(threads_map_and_unmap,
	     "mappings of one thread hold while others map and unmap: mmap(2)"),
	CASE(threads_fork, "several threads fork and wait at once: fork(2), wait(2)"),
	CASE(fork_while_mapping, "fork while another thread maps: fork(2), mmap(2)"),
	CASE(kernel_access_while_copying,
	     "a system call reads a page that another thread copies by writing: read(2)"),
	CASE(mutex_counts, "a mutex lets one in at a time: pthread_mutex_lock(3)"),
	CASE(pipe_ring, "a token goes round through pipes: pipe(7)"),
	CASE(signals_answered, "every signal arrives: sigwait(3)"),
	CASE(signals_to_threads, "signals to threads that run: pthread_kill(3)"),
	CASE(kill_at_any_moment, "SIGKILL ends a process wherever it is: signal(7)"),
	CASE(attach_from_all_sides,
	     "one segment attached and detached everywhere at once: shmop(2)"),
	CASES_END,
};
