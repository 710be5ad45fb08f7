// SPDX-License-Identifier: MIT
/*
 * Semaphores and queues under load: processes that take and give with SEM_UNDO
 * and are killed at any moment leave the values as they were; and each
 * allocation of each call fails once, with nothing lost (see shm_fail.c).
 */

#include "msg_test.h"
#include "sem_test.h"
#include "fail_test.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define WORKERS      6
#define SEMAPHORES   4
#define TIMES_KILLED 40

static int set;

static uint64_t state;

static unsigned draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 16) % below;
}

/* Take one or two and give them back, for ever: all with SEM_UNDO. */
static void worker(void *argument)
{
	state = (uint64_t)(uintptr_t)argument * 0x9e3779b97f4a7c15ull + 1;
	for (;;) {
		unsigned short a = (unsigned short)draw(SEMAPHORES);
		unsigned short b = (unsigned short)draw(SEMAPHORES);
		struct sembuf take[] = {{a, -1, SEM_UNDO}, {b, -1, SEM_UNDO}};
		struct sembuf give[] = {{b, 1, SEM_UNDO}, {a, 1, SEM_UNDO}};
		struct timespec soon = {0, 1000000};
		size_t count = 1 + draw(2);
		if (semtimedop(set, take, count, draw(4) ? NULL : &soon) != 0) {
			CHECK(errno == EAGAIN);
			continue;
		}
		CHECK_OK(semop(set, give + 2 - count, count));
	}
}

static pid_t worker_start(unsigned number)
{
	return abi_start(worker, (void *)(uintptr_t)(number + 1));
}

static void killed_at_any_moment(void)
{
	pid_t pids[WORKERS];

	set = make_set(SEMAPHORES, 0600);
	for (int i = 0; i < SEMAPHORES; i++)
		set_value(set, i, 2);
	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = worker_start(i);
	state = 1;
	for (unsigned i = 0; i < TIMES_KILLED; i++) {
		unsigned victim = draw(WORKERS);
		int status;
		abi_sleep_ms(draw(20));
		CHECK_OK(kill(pids[victim], SIGKILL));
		CHECK_EQ(waitpid(pids[victim], &status, 0), pids[victim]);
		CHECK(WIFSIGNALED(status));
		pids[victim] = worker_start(WORKERS + i);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		CHECK_OK(kill(pids[i], SIGKILL));
		CHECK_EQ(waitpid(pids[i], NULL, 0), pids[i]);
	}
	for (int i = 0; i < SEMAPHORES; i++) {
		CHECK_EQ(value_of(set, i), 2);
		CHECK_EQ(semctl(set, i, GETNCNT), 0);
	}
	remove_set(set);
}

/* A mutex of one semaphore: two plain increments are never lost. */
static void increments(void *argument)
{
	volatile unsigned *counter = argument;

	for (int i = 0; i < 300; i++) {
		CHECK_OK(operate(set, 0, -1, SEM_UNDO));
		unsigned seen = *counter;
		if (i % 50 == 0)
			sched_yield();
		*counter = seen + 1;
		CHECK_OK(operate(set, 0, 1, SEM_UNDO));
	}
}

static void mutual_exclusion(void)
{
	unsigned *counter = CHECK_OK((unsigned *)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
						      MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	pid_t pids[WORKERS];

	set = make_set(1, 0600);
	set_value(set, 0, 1);
	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = abi_start(increments, counter);
	for (unsigned i = 0; i < WORKERS; i++)
		abi_join(pids[i]);
	CHECK_EQ(*counter, WORKERS * 300);
	remove_set(set);
}

/* Removed under the feet of those who work and wait. */
static void uses_until_removed(void *argument)
{
	struct sembuf both[] = {{0, -1, SEM_UNDO}, {1, 1, SEM_UNDO}};

	(void)argument;
	while (semop(set, both, 2) == 0 && operate(set, 1, -1, SEM_UNDO) == 0 &&
	       operate(set, 0, 1, SEM_UNDO) == 0)
		;
	CHECK(errno == EIDRM || errno == EINVAL);
}

static void removed_at_any_moment(void)
{
	for (int round = 0; round < 20; round++) {
		pid_t pids[WORKERS];
		set = make_set(2, 0600);
		set_value(set, 0, 2);
		for (unsigned i = 0; i < WORKERS; i++)
			pids[i] = abi_start(uses_until_removed, NULL);
		abi_sleep_ms((unsigned)round);
		remove_set(set);
		for (unsigned i = 0; i < WORKERS; i++)
			abi_join(pids[i]);
	}
}

/* ---- queues ---- */

#define MESSAGES 400u

static void sends(void *argument)
{
	int id = *(int *)argument;

	for (unsigned i = 0; i < MESSAGES; i++)
		CHECK_OK(send_letters(id, 1 + i % 3, 'x', i % 200, 0));
}

static void receives(void *argument)
{
	int id = *(int *)argument;
	static struct message message;

	for (unsigned i = 0; i < MESSAGES; i++)
		CHECK_OK(msgrcv(id, &message, TEXT_MAX, i % 4 == 3 ? -3 : 0, 0));
}

static void senders_and_receivers(void)
{
	int id = make_queue(0600);
	pid_t pids[WORKERS];

	set_queue_bytes(id, 1000);
	for (unsigned i = 0; i < WORKERS; i++)
		pids[i] = abi_start(i % 2 ? sends : receives, &id);
	for (unsigned i = 0; i < WORKERS; i++)
		abi_join(pids[i]);
	struct msqid_ds ds = stat_queue(id);
	CHECK_EQ(ds.msg_qnum, 0);
	CHECK_EQ(ds.__msg_cbytes, 0);
	remove_queue(id);
}

/* ---- memory that cannot be had ---- */

static int made; /* by the operation; -1: nothing was */

static int make_a_set(void)
{
	made = semget(SEM_KEY, 1000, IPC_CREAT | 0600);
	return made;
}

static int use_many_semaphores(void)
{
	struct sembuf many[100];

	for (unsigned short i = 0; i < 100; i++)
		many[i] = (struct sembuf){i, 1, 0};
	return semop(set, many, 100);
}

static int use_with_undo(void)
{
	return operate(set, 0, 1, SEM_UNDO);
}

static int get_all(void)
{
	static unsigned short values[1000];

	return semctl(set, 0, GETALL, (union semctl_argument){.array = values});
}

static int make_a_queue(void)
{
	made = msgget(MSG_KEY, IPC_CREAT | 0600);
	return made;
}

static int queue;

static int send_a_long_one(void)
{
	return send_letters(queue, 1, 'a', TEXT_MAX, IPC_NOWAIT);
}

static int no_message(void)
{
	while (msgrcv(queue, &(struct message){0}, TEXT_MAX, 0, IPC_NOWAIT) >= 0)
		;
	return 0;
}

/* What a call that went well has made. */
static void undo_call(int (*run)(void))
{
	if (run == make_a_set)
		remove_set(made);
	if (run == make_a_queue)
		remove_queue(made);
	if (run == use_with_undo)
		CHECK_OK(unshare(CLONE_SYSVSEM)); /* its adjustments are made and gone */
	no_message();
}

static void fail_each(int (*run)(void))
{
	/* Once to make the program's own pages resident: their faults allocate, too. */
	CHECK_OK(run());
	undo_call(run);
	for (unsigned n = 1; n < FAIL_CALLS_MAX; n++) {
		fail_nth(n);
		errno = 0;
		int result = run(), error = errno;
		bool happened = fail_stop();
		CHECK(result >= 0 || (happened && error == ENOMEM));
		if (result >= 0)
			undo_call(run);
		if (result >= 0 && !happened)
			return;
	}
	abi_fail(__FILE__, __LINE__, "more than %d allocations", FAIL_CALLS_MAX);
}

static void fail_each_call(void *argument)
{
	static int (*const calls[])(void) = {make_a_set, use_many_semaphores, use_with_undo,
					     get_all,    make_a_queue,        send_a_long_one};

	(void)argument;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		fail_each(calls[i]);
}

static void each_allocation_fails(void)
{
	uint64_t frames = 0;
	cpu_set_t one;

	fail_open();
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
	set = make_set(1000, 0600);
	queue = make_queue(0600);
	for (int round = 0; round < 7; round++) {
		fail_each_call(NULL);
		if (abi_in_samepage() && round == 1)
			frames = abi_samepage_frames();
	}
	/* What is lost once a round is five by now. */
	if (abi_in_samepage())
		CHECK(abi_samepage_frames() + 3 > frames);
	remove_set(set);
	remove_queue(queue);
}

/* Everything made, used, undone and removed, many times over: memory is as before. */
static void use_all(void *argument)
{
	(void)argument;
	int id = make_set(200, 0600), waits = make_queue(0600);
	CHECK_OK(operate(id, 0, 1, SEM_UNDO));
	CHECK_OK(operate(id, 199, 1, SEM_UNDO));
	for (int i = 0; i < 4; i++)
		CHECK_OK(send_letters(waits, 1, 'a', 4000, 0));
	CHECK_EQ(receive_letter(waits, 0, 0), 'a');
	remove_queue(waits); /* with messages in it */
	if (getpid() % 2)
		remove_set(id);
	else
		*(volatile int *)argument = id;
}

static void nothing_is_lost(void)
{
	int *left = CHECK_OK(
		(int *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	uint64_t frames = 0;

	if (!abi_in_samepage())
		SKIP("Linux does not count frames so exactly");
	for (int round = 0; round < 60; round++) {
		*left = -1;
		abi_in_child(use_all, left);
		if (*left >= 0)
			remove_set(*left);
		if (round == 20)
			frames = abi_samepage_frames();
	}
	CHECK(abi_samepage_frames() + 8 > frames);
}

/* Queues are filled and sets made until no more can be had. */
static void take_all_there_is(void *argument)
{
	static struct message message = {.type = 1};

	(void)argument;
	for (;;) {
		int id = msgget(IPC_PRIVATE, 0600);
		if (id < 0)
			break;
		while (msgsnd(id, &message, TEXT_MAX, IPC_NOWAIT) == 0)
			;
		if (errno != EAGAIN)
			break;
	}
	CHECK_EQ(errno, ENOMEM);
	while (semget(IPC_PRIVATE, 32000, 0600) >= 0)
		;
	CHECK_EQ(errno, ENOMEM);
}

static void remove_all(void)
{
	struct seminfo sets;
	struct msginfo queues;
	struct semid_ds set_ds;
	struct msqid_ds queue_ds;
	int last = semctl(0, 0, SEM_INFO, (union semctl_argument){.info = &sets});

	for (int i = 0; i <= last; i++) {
		int id = semctl(i, 0, SEM_STAT, (union semctl_argument){.buf = &set_ds});
		if (id >= 0)
			remove_set(id);
	}
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)&queues);
	for (int i = 0; i <= last; i++) {
		int id = msgctl(i, MSG_STAT, &queue_ds);
		if (id >= 0)
			remove_queue(id);
	}
}

static void memory_is_bounded(void)
{
	if (!abi_in_samepage())
		SKIP("on Linux this is for memory cgroups to bound");
	abi_in_child(take_all_there_is, NULL);
	uint64_t frames = abi_samepage_frames();
	/* Most of the machine's memory is left, for others. */
	char *p = CHECK_OK((char *)mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0));
	CHECK_OK(munmap(p, 16 << 20));
	remove_all();
	CHECK(abi_samepage_frames() > frames + 4096);
}

const struct abi_case abi_cases[] = {
	CASE(killed_at_any_moment, "whenever a process is killed, SEM_UNDO restores: semop(2)"),
	CASE(mutual_exclusion, "a semaphore of 1 is a mutex: sem_overview(7), semop(2)"),
	CASE(removed_at_any_moment, "IPC_RMID while others operate: EIDRM or EINVAL: semop(2)"),
	CASE(senders_and_receivers, "many senders and receivers: each message once: msgop(2)"),
	CASE(each_allocation_fails, "ENOMEM at each allocation of each call, and nothing is lost: "
				    "semget(2), semop(2), msgop(2)"),
	CASE(memory_is_bounded,
	     "sets and messages cannot take all memory: ENOMEM: msgop(2), semget(2)"),
	CASE(nothing_is_lost,
	     "what is made and removed leaves no memory behind: semctl(2), msgctl(2)"),
	CASES_END,
};
