// SPDX-License-Identifier: MIT
/*
 * Two CPUs, by the clock: what counting instructions cannot show. Each operation returns the
 * nanoseconds of all its repetitions; with two workers each does as many as one does alone.
 */

#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "operation.h"
#include "ring.h"

#define TURNS      2000
#define LETTERS    20000
#define LETTER     64
#define INCREMENTS 2000000
#define ATTACHES   2000
#define LOOKUPS    50000
#define SEGMENTS   8 /* of 1 MiB, touched one after the other */

/* Both workers' memory. */
static struct shared {
	_Alignas(64) uint32_t ready;
	_Alignas(64) uint32_t go;
	_Alignas(64) uint32_t turn[2];
	_Alignas(64) uint64_t close[2];
	struct {
		_Alignas(64) uint64_t value;
	} apart[2];
	struct ring ring;
} *shared;

static void set_up_shared(uint64_t unused)
{
	(void)unused;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	must(shared != MAP_FAILED, "mmap");
}

static void set_up_segment(uint64_t size_bytes)
{
	set_up_shared(0);
	segment = shmget(population_key(0), size_bytes, IPC_CREAT | 0600);
	must(segment >= 0, "shmget");
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "sched_setaffinity: two CPUs");
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* Runs work(0) and, with two workers, work(1) on CPUs of their own; nanoseconds until both are done. */
static uint64_t run_workers(int count, void (*work)(int number))
{
	int status;

	for (int number = 0; number < count; number++) {
		pid_t child = fork();
		must(child >= 0, "fork");
		if (child)
			continue;
		pin(number);
		__atomic_fetch_add(&shared->ready, 1, __ATOMIC_SEQ_CST);
		while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
			sched_yield();
		work(number);
		_exit(0);
	}
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) < (uint32_t)count)
		sched_yield();
	uint64_t start = now_ns();
	__atomic_store_n(&shared->go, 1, __ATOMIC_RELEASE);
	for (int number = 0; number < count; number++)
		must(wait(&status) > 0 && status == 0, "a worker");
	return now_ns() - start;
}

static void work_turns(int number)
{
	if (number == 0)
		turn_pass(&shared->turn[0], &shared->turn[1]);
	for (int i = 0; i < TURNS; i++) {
		turn_await(&shared->turn[number]);
		turn_pass(&shared->turn[number], &shared->turn[!number]);
	}
}

static void work_letters(int number)
{
	char letter[LETTER] = {0};

	for (int i = 0; i < LETTERS; i++) {
		if (number == 0)
			ring_put(&shared->ring, letter, sizeof(letter));
		else
			ring_get(&shared->ring, letter, sizeof(letter));
	}
}

static void work_close(int number)
{
	for (int i = 0; i < INCREMENTS; i++)
		__atomic_fetch_add(&shared->close[number], 1, __ATOMIC_RELAXED);
}

static void work_apart(int number)
{
	for (int i = 0; i < INCREMENTS; i++)
		__atomic_fetch_add(&shared->apart[number].value, 1, __ATOMIC_RELAXED);
}

static void work_attach(int number)
{
	(void)number;
	for (int i = 0; i < ATTACHES; i++)
		shmdt(shmat(segment, NULL, 0));
}

static void work_lookup(int number)
{
	(void)number;
	for (int i = 0; i < LOOKUPS; i++)
		shmget(population_key(0), PAGE, 0600);
}

static void work_call(int number)
{
	(void)number;
	for (int i = 0; i < LOOKUPS; i++)
		syscall(SYS_getpid);
}

static void work_fault(int number)
{
	(void)number;
	for (int i = 0; i < SEGMENTS; i++) {
		segment_make(MIB);
		segment_attach();
		segment_touch(MIB);
		segment_drop();
	}
}

#define MEASURE(name)                                                                              \
	static uint64_t measure_##name##_one(void)                                                 \
	{                                                                                          \
		return run_workers(1, work_##name);                                                \
	}                                                                                          \
	static uint64_t measure_##name##_two(void)                                                 \
	{                                                                                          \
		return run_workers(2, work_##name);                                                \
	}

MEASURE(attach)
MEASURE(call)
MEASURE(lookup)
MEASURE(fault)

static uint64_t measure_turns(void)
{
	return run_workers(2, work_turns);
}

static uint64_t measure_letters(void)
{
	return run_workers(2, work_letters);
}

static uint64_t measure_close(void)
{
	return run_workers(2, work_close);
}

static uint64_t measure_apart(void)
{
	return run_workers(2, work_apart);
}

#define PAIR(ID, NAME, SET_UP, MEASURE, SIZE, TIMES)                                               \
	{                                                                                          \
		.group = GROUP_PAIR,                                                               \
		.id = ID,                                                                          \
		.name = NAME,                                                                      \
		.set_up = SET_UP,                                                                  \
		.measure = MEASURE,                                                                \
		.tear_down = segment_drop,                                                         \
		.argument = SIZE,                                                                  \
		.times = TIMES,                                                                    \
		.units = 1,                                                                        \
		.rounds = 3,                                                                       \
	}

const struct operation pair_operations[] = {
	PAIR("pair-futex", "futex round trip between CPUs, ns", set_up_shared, measure_turns, 0,
	     TURNS),
	PAIR("pair-ring", "64 bytes through a ring between CPUs, ns", set_up_shared,
	     measure_letters, 0, LETTERS),
	PAIR("pair-close", "increment, counters on one cache line, ns", set_up_shared,
	     measure_close, 0, INCREMENTS),
	PAIR("pair-apart", "increment, counters on lines of their own, ns", set_up_shared,
	     measure_apart, 0, INCREMENTS),
	PAIR("pair-attach-1", "shmat + shmdt, 1 CPU, ns", set_up_segment, measure_attach_one, MIB,
	     ATTACHES),
	PAIR("pair-attach-2", "shmat + shmdt, 2 CPUs at once, ns", set_up_segment,
	     measure_attach_two, MIB, ATTACHES),
	PAIR("pair-fault-1", "first touch, 1 CPU, ns", set_up_shared, measure_fault_one, 0,
	     SEGMENTS * 256),
	PAIR("pair-fault-2", "first touch, 2 CPUs at once, ns", set_up_shared, measure_fault_two, 0,
	     SEGMENTS * 256),
	PAIR("pair-call-1", "getpid, 1 CPU, ns", set_up_shared, measure_call_one, 0, LOOKUPS),
	PAIR("pair-call-2", "getpid, 2 CPUs at once, ns", set_up_shared, measure_call_two, 0,
	     LOOKUPS),
	PAIR("pair-lookup-1", "shmget of a key, 1 CPU, ns", set_up_segment, measure_lookup_one,
	     PAGE, LOOKUPS),
	PAIR("pair-lookup-2", "shmget of a key, 2 CPUs at once, ns", set_up_segment,
	     measure_lookup_two, PAGE, LOOKUPS),
	{.name = NULL},
};
