// SPDX-License-Identifier: MIT
/* The newer futex calls: futex_waitv(2), and futex_wake, futex_wait, futex_requeue, which have no pages. */

#define _GNU_SOURCE
#include "abi.h"

#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SIZE_32   2u
#define NUMA      4u
#define POLICY    8u
#define PRIVATE   128u
#define ALL       0xffffffffl
#define OVER      (1l << 32)
#define NOWHERE   ((void *)16)
#define UNALIGNED ((void *)1)

struct entry {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static struct timespec past;

static long wait_many(struct entry *entries, unsigned count)
{
	return syscall(449, entries, count, 0, &past, CLOCK_MONOTONIC);
}

static long wake(void *word, long mask, int count, unsigned flags)
{
	return syscall(454, word, mask, count, flags);
}

static long wait_on(void *word, long value, long mask, unsigned flags, const void *time, int clock)
{
	return syscall(455, word, value, mask, flags, time, clock);
}

static long requeue(struct entry *entries, unsigned flags, int wake_count, int move_count)
{
	return syscall(456, entries, flags, wake_count, move_count);
}

/* Skips where the kernel is older than the calls (Linux 6.7); waitv is of 5.16. */
static atomic_uint *words_of_new_calls(void)
{
	static unsigned here;

	if (!abi_in_samepage() && wake(&here, 1, 1, SIZE_32) < 0 && errno == ENOSYS)
		SKIP("no futex_wake here");
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	return page;
}

static struct timespec in_ms(int clock, long milliseconds)
{
	struct timespec time;

	CHECK_OK(clock_gettime(clock, &time));
	time.tv_nsec += milliseconds * 1000000;
	time.tv_sec += time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

/* A child that waits for the word, which is 0, until it is woken. */
static pid_t start_waiter(atomic_uint *word, long mask)
{
	struct timespec limit = in_ms(CLOCK_MONOTONIC, 10000);
	pid_t pid = CHECK_OK(fork());

	if (!pid)
		_exit(wait_on(word, 0, mask, SIZE_32, &limit, CLOCK_MONOTONIC) != 0);
	abi_sleep_ms(100);
	return pid;
}

/* ---- futex_waitv ---- */

/* What is wrong with the second entry is said before the first word is found to be another. */
static void entries_before_values(void)
{
	unsigned words[4] = {0};
	struct entry right = {0, (uintptr_t)&words[2], SIZE_32, 0};
	struct entry two[2] = {{1, (uintptr_t)&words[0], SIZE_32, 0}, right};

	if (wait_many(two, 2) < 0 && errno == ENOSYS)
		SKIP("no futex_waitv here");
	CHECK_ERROR(wait_many(two, 2), EAGAIN);
	two[1].flags = 0;
	CHECK_ERROR(wait_many(two, 2), EINVAL);
	two[1].flags = 3;
	CHECK_ERROR(wait_many(two, 2), EINVAL);
	two[1] = right;
	two[1].reserved = 1;
	CHECK_ERROR(wait_many(two, 2), EINVAL);
	two[1] = right;
	two[1].address = 16;
	CHECK_ERROR(wait_many(two, 2), EFAULT);
	two[1].address = (uintptr_t)words + 1;
	CHECK_ERROR(wait_many(two, 2), EINVAL);
	two[1].flags = 64;
	two[1].address = 16;
	CHECK_ERROR(wait_many(two, 2), EINVAL);
	/* A private one is only looked for when it is read. */
	two[1] = (struct entry){0, 16, SIZE_32 | PRIVATE, 0};
	CHECK_ERROR(wait_many(two, 2), EAGAIN);
	two[0].value = 0;
	CHECK_ERROR(wait_many(two, 2), EFAULT);

	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(pages != MAP_FAILED);
	CHECK_OK(munmap(pages + 4096, 4096));
	struct entry *last = (struct entry *)(pages + 4096) - 1;
	*last = (struct entry){9, (uintptr_t)words, SIZE_32, 0};
	CHECK_ERROR(wait_many(last, 2), EFAULT);
}

static void values_of_32_bits(void)
{
	unsigned word = 0;
	struct entry one = {OVER, (uintptr_t)&word, SIZE_32, 0};

	if (wait_many(&one, 1) < 0 && errno == ENOSYS)
		SKIP("no futex_waitv here");
	CHECK_ERROR(wait_many(&one, 1), EINVAL);
	one.value = OVER - 1;
	CHECK_ERROR(wait_many(&one, 1), EAGAIN);
	one.value = 0;
	CHECK_ERROR(wait_many(&one, 1), ETIMEDOUT);
}

/* ---- FUTEX2_NUMA: the word behind is the node's ---- */

static void nodes(void)
{
	atomic_uint *words = words_of_new_calls();
	struct entry one = {0, (uintptr_t)words, SIZE_32 | NUMA, 0};

	words[1] = 0xffffffff;
	if (wait_many(&one, 1) < 0 && errno == EINVAL && !abi_in_samepage())
		SKIP("no FUTEX2_NUMA here");
	CHECK(words[1] != 0xffffffff); /* none: where it runs; it is told */
	CHECK_ERROR(wait_many(&one, 1), ETIMEDOUT);
	words[1] = 0;
	CHECK_ERROR(wait_many(&one, 1), ETIMEDOUT);
	words[1] = 0x7fffffff;
	CHECK_ERROR(wait_many(&one, 1), EINVAL);
	CHECK_ERROR(wake(words, ALL, 1, SIZE_32 | NUMA), EINVAL);
	CHECK_EQ(wake(words, ALL, 1, SIZE_32), 0);
	one.address += 4;
	CHECK_ERROR(wait_many(&one, 1), EINVAL);
	CHECK_ERROR(wake(NOWHERE, ALL, 1, SIZE_32 | NUMA), EFAULT);
	CHECK_ERROR(wake(NOWHERE, ALL, 1, SIZE_32 | NUMA | PRIVATE), EFAULT);
	words[1] = 0;
	CHECK_EQ(wake(words, ALL, 1, SIZE_32 | NUMA | POLICY), 0);
	CHECK_EQ(wake(words, ALL, 1, SIZE_32 | POLICY), 0);
	CHECK_OK(mprotect(words, 4096, PROT_READ));
	CHECK_EQ(wake(words, ALL, 1, SIZE_32 | NUMA), 0);

	pid_t child = CHECK_OK(fork());
	words = words_of_new_calls();
	if (!child)
		_exit(0);
	abi_join(child);
	child = CHECK_OK(fork());
	struct timespec limit = in_ms(CLOCK_MONOTONIC, 10000);
	if (!child)
		_exit(wait_on(words, 0, ALL, SIZE_32 | NUMA, &limit, CLOCK_MONOTONIC) != 0);
	abi_sleep_ms(100);
	CHECK_EQ(wake(words, ALL, 1, SIZE_32 | NUMA), 1);
	abi_join(child);
}

/* ---- futex_wake ---- */

static void wake_errors(void)
{
	atomic_uint *words = words_of_new_calls();
	const unsigned bad[] = {
		0, 1, 3, SIZE_32 | 16, SIZE_32 | 64, SIZE_32 | 256, 1u << 31 | SIZE_32};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERROR(wake(NOWHERE, ALL, 1, bad[i]), EINVAL);
	CHECK_ERROR(wake(NOWHERE, OVER, 1, SIZE_32), EINVAL);
	CHECK_ERROR(wake(NOWHERE, -1, 1, SIZE_32), EINVAL);
	CHECK_ERROR(wake(NOWHERE, 0, 1, SIZE_32), EINVAL);
	CHECK_ERROR(wake(NOWHERE, ALL, 1, SIZE_32), EFAULT);
	CHECK_ERROR(wake(NOWHERE, ALL, 0, SIZE_32), EFAULT);
	CHECK_ERROR(wake(UNALIGNED, ALL, 1, SIZE_32), EINVAL);
	CHECK_EQ(wake(NOWHERE, ALL, 1, SIZE_32 | PRIVATE), 0);
	CHECK_EQ(wake(words, ALL, 1, SIZE_32), 0);
}

static void wakes_by_mask_and_count(void)
{
	atomic_uint *words = words_of_new_calls();
	pid_t one = start_waiter(words, 1), two = start_waiter(words, 6);
	pid_t third = start_waiter(words, ALL);

	CHECK_EQ(wake(words, ALL, 0, SIZE_32), 0);
	CHECK_EQ(wake(words, 2, 1, SIZE_32), 1);
	abi_join(two);
	CHECK_EQ(wake(words, 1, -1, SIZE_32), 1); /* less than none is one */
	abi_join(one);
	CHECK_EQ(wake(words, ALL, 1, SIZE_32 | PRIVATE), 0);
	CHECK_EQ(syscall(SYS_futex, words, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
	abi_join(third);
}

/* ---- futex_wait ---- */

static void wait_errors(void)
{
	atomic_uint *words = words_of_new_calls();
	struct timespec bad = {0, 1000000000};

	words[0] = 1;
	CHECK_ERROR(wait_on(NOWHERE, 1, ALL, 0, UNALIGNED, 7), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, 1, ALL, SIZE_32 | 16, UNALIGNED, 0), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, OVER, ALL, SIZE_32, UNALIGNED, 0), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, 1, OVER, SIZE_32, UNALIGNED, 0), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, 1, ALL, SIZE_32, UNALIGNED, 7), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, 1, 0, SIZE_32, UNALIGNED, CLOCK_REALTIME), EFAULT);
	CHECK_ERROR(wait_on(NOWHERE, 1, ALL, SIZE_32, &bad, CLOCK_REALTIME), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, 1, 0, SIZE_32, &past, CLOCK_REALTIME), EINVAL);
	CHECK_ERROR(wait_on(NOWHERE, 1, ALL, SIZE_32, &past, CLOCK_REALTIME), EFAULT);
	CHECK_ERROR(wait_on(NOWHERE, 1, ALL, SIZE_32 | PRIVATE, NULL, 7), EFAULT);
	CHECK_ERROR(wait_on(UNALIGNED, 1, ALL, SIZE_32, NULL, 0), EINVAL);
	CHECK_ERROR(wait_on(words, 2, ALL, SIZE_32, NULL, 7), EAGAIN); /* no time, no clock */
	CHECK_ERROR(wait_on(words, 1, ALL, SIZE_32, &past, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_ERROR(wait_on(words, 1, ALL, SIZE_32, &past, CLOCK_MONOTONIC), ETIMEDOUT);
	struct timespec soon = in_ms(CLOCK_REALTIME, 30), now;
	CHECK_ERROR(wait_on(words, 1, ALL, SIZE_32, &soon, CLOCK_REALTIME), ETIMEDOUT);
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
	CHECK(now.tv_sec > soon.tv_sec ||
	      (now.tv_sec == soon.tv_sec && now.tv_nsec >= soon.tv_nsec));
}

static void ignore(int number)
{
	(void)number;
}

static void interrupted(int flags, int error)
{
	atomic_uint *words = words_of_new_calls();
	struct timespec limit = in_ms(CLOCK_MONOTONIC, 300);
	pid_t child = CHECK_OK(fork());

	if (!child) {
		struct sigaction action = {.sa_handler = ignore, .sa_flags = flags};
		CHECK_OK(sigaction(SIGUSR1, &action, NULL));
		CHECK_ERROR(wait_on(words, 0, ALL, SIZE_32, &limit, CLOCK_MONOTONIC), error);
		_exit(0);
	}
	abi_sleep_ms(100);
	CHECK_OK(kill(child, SIGUSR1));
	abi_join(child);
}

static void signals_interrupt(void)
{
	interrupted(0, EINTR);
	interrupted(SA_RESTART, ETIMEDOUT);
}

/* ---- futex_requeue ---- */

static void requeue_errors(void)
{
	atomic_uint *words = words_of_new_calls();
	const struct entry right[2] = {{0, (uintptr_t)words, SIZE_32, 0},
				       {0, (uintptr_t)(words + 1), SIZE_32, 0}};
	struct entry two[2];

	memcpy(two, right, sizeof(two));
	CHECK_ERROR(requeue(two, 1, 1, 1), EINVAL);
	CHECK_ERROR(requeue(NULL, 0, 1, 1), EINVAL);
	CHECK_ERROR(requeue(NOWHERE, 0, -1, 1), EFAULT);
	CHECK_ERROR(requeue(two, 0, -1, 1), EINVAL);
	CHECK_ERROR(requeue(two, 0, 1, -1), EINVAL);
	CHECK_EQ(requeue(two, 0, 1, 1), 0);
	for (int i = 0; i < 2; i++) {
		memcpy(two, right, sizeof(two));
		two[i].flags = 0;
		CHECK_ERROR(requeue(two, 0, 1, 1), EINVAL);
		two[i] = right[i];
		two[i].reserved = 1;
		CHECK_ERROR(requeue(two, 0, 1, 1), EINVAL);
		two[i] = right[i];
		two[i].value = OVER;
		CHECK_ERROR(requeue(two, 0, 1, 1), EINVAL);
		two[i] = right[i];
		two[i].address = 16;
		CHECK_ERROR(requeue(two, 0, 1, 1), EFAULT);
		two[i].address = (uintptr_t)words + 2;
		CHECK_ERROR(requeue(two, 0, 1, 1), EINVAL);
	}
	memcpy(two, right, sizeof(two));
	two[1].value = 7; /* the second's value means nothing */
	CHECK_EQ(requeue(two, 0, 1, 1), 0);
	two[0].value = 7;
	CHECK_ERROR(requeue(two, 0, 1, 1), EAGAIN);
}

static void requeue_moves(void)
{
	atomic_uint *words = words_of_new_calls();
	struct entry two[2] = {{0, (uintptr_t)words, SIZE_32, 0},
			       {0, (uintptr_t)(words + 1), SIZE_32, 0}};
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = start_waiter(words, ALL);
	CHECK_EQ(requeue(two, 0, 1, 2), 3);
	abi_join(pids[0]);
	CHECK_EQ(wake(words + 1, ALL, 10, SIZE_32), 2);
	CHECK_EQ(requeue(two, 0, 0, 0), 0);
	CHECK_EQ(wake(words, ALL, 10, SIZE_32), 1);
	for (int i = 1; i < 4; i++)
		abi_join(pids[i]);
}

const struct abi_case abi_cases[] = {
	CASE(entries_before_values, "all entries are looked at before a value counts: observed"),
	CASE(values_of_32_bits, "a value that the word cannot have is EINVAL: observed"),
	CASE(nodes, "FUTEX2_NUMA: a node, or none and it is filled in: observed"),
	CASE(wake_errors, "futex_wake: flags, mask, address, in this order: observed"),
	CASE(wakes_by_mask_and_count,
	     "futex_wake: who has a bit of the mask; 0 wakes none: observed"),
	CASE(wait_errors, "futex_wait: flags, values, clock, time, mask, address, value: observed"),
	CASE(signals_interrupt, "futex_wait: EINTR, and goes on with SA_RESTART: observed"),
	CASE(requeue_errors, "futex_requeue: flags, entries, counts, addresses, value: observed"),
	CASE(requeue_moves, "futex_requeue wakes some, moves others, counts both: observed"),
	CASES_END,
};
