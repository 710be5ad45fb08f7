// SPDX-License-Identifier: MIT
/* futex(2): which error comes first, and what was done before it; private and shared ones. */

#define _GNU_SOURCE
#include "abi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long futex(void *word, int operation, unsigned value, const void *timeout, void *second,
		  unsigned third)
{
	return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

static long wake_op(void *word, long count, void *second, long second_count, unsigned operation)
{
	return futex(word, FUTEX_WAKE_OP, (unsigned)count, (void *)second_count, second, operation);
}

static atomic_int *shared_words(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static pid_t start_waiter(atomic_int *word)
{
	struct timespec limit = {10, 0};
	pid_t pid = CHECK_OK(fork());

	if (!pid)
		_exit(futex(word, FUTEX_WAIT, (unsigned)atomic_load(word), &limit, NULL, 0) != 0);
	return pid;
}

static void wake_op_of_none(void)
{
	const long counts[] = {0, -1, -2147483647 - 1, 1};
	atomic_int *words = shared_words();
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = start_waiter(&words[i % 2]);
	abi_sleep_ms(200);
	CHECK_EQ(wake_op(&words[0], counts[0], &words[1], counts[1],
			 FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)),
		 2);
	CHECK_EQ(wake_op(&words[0], counts[2], &words[1], counts[3],
			 FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)),
		 2);
	for (int i = 0; i < 4; i++)
		abi_join(pids[i]);
}

static void wake_op_without_comparison(void)
{
	atomic_int *words = shared_words();
	struct timespec tiny = {0, 200000000};
	pid_t pid = CHECK_OK(fork());

	if (!pid)
		_exit(futex(words, FUTEX_WAIT, 0, &tiny, NULL, 0) != -1 || errno != ETIMEDOUT);
	abi_sleep_ms(50);
	words[1] = 5;
	CHECK_ERROR(wake_op(words, 1, &words[1], 1, FUTEX_OP(FUTEX_OP_ADD, 2, 7, 0)), ENOSYS);
	CHECK_EQ(words[1], 7);
	CHECK_ERROR(wake_op(words, 1, &words[1], 1, FUTEX_OP(FUTEX_OP_SET, 3, 15, 0)), ENOSYS);
	CHECK_EQ(words[1], 3);
	abi_join(pid);
}

static void wake_op_without_operation(void)
{
	atomic_int *words = shared_words();
	char *odd = (char *)words + 1;

	CHECK_ERROR(wake_op(words, 1, &words[1], 1, 5u << 28), ENOSYS);
	CHECK_ERROR(wake_op(words, 1, &words[1], 1, 7u << 28 | 15u << 24), ENOSYS);
	CHECK_ERROR(wake_op(odd, 1, &words[1], 1, 5u << 28), EINVAL);
	CHECK_ERROR(wake_op(words, 1, odd, 1, 5u << 28), EINVAL);
	CHECK_ERROR(wake_op((void *)16, 1, &words[1], 1, 5u << 28), EFAULT);
	CHECK_ERROR(wake_op(words, 1, (void *)16, 1, 5u << 28), EFAULT);
	CHECK_EQ(words[1], 0);
}

static void time_comes_first(void)
{
	struct timespec bad = {0, 1000000000}, tiny = {0, 1000};
	int clocked = FUTEX_WAIT | FUTEX_CLOCK_REALTIME;
	void *nowhere = (void *)1;
	unsigned word = 0;

	CHECK_ERROR(futex(&word, clocked, 0, &bad, NULL, 0), EINVAL);
	CHECK_ERROR(futex(&word, clocked, 0, nowhere, NULL, 0), EFAULT);
	CHECK_ERROR(futex(&word, clocked, 0, &tiny, NULL, 0), ENOSYS);
	CHECK_ERROR(futex(&word, clocked, 0, NULL, NULL, 0), ENOSYS);
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 0, nowhere, NULL, 0), EFAULT);
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 0, &bad, NULL, 0), EINVAL);
	CHECK_ERROR(futex(&word, FUTEX_WAKE_BITSET, 1, nowhere, NULL, 0), EINVAL);
	CHECK_ERROR(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, nowhere, NULL, 0), ENOSYS);
}

static unsigned own_word;

static void *wait_there(void *argument)
{
	struct timespec limit = {10, 0};

	return (void *)(futex(&own_word, *(int *)argument, 0, &limit, NULL, 0) ? 1l : 0l);
}

static void meet_only(int wait, int wake, int other)
{
	pthread_t thread;
	void *result;
	long woken = 0;

	CHECK_EQ(pthread_create(&thread, NULL, wait_there, &wait), 0);
	for (int i = 0; i < 1000 && !woken; i++) {
		abi_sleep_ms(i ? 1 : 50);
		CHECK_EQ(futex(&own_word, other, 1, NULL, NULL, 0), 0);
		woken = futex(&own_word, wake, 1, NULL, NULL, 0);
	}
	CHECK_EQ(woken, 1);
	CHECK_EQ(pthread_join(thread, &result), 0);
	CHECK(!result);
}

/* In one's own memory both mean the same word, but not the same waiters. */
static void private_and_shared(void)
{
	meet_only(FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAKE_PRIVATE);
	meet_only(FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE, FUTEX_WAKE);
}

const struct abi_case abi_cases[] = {
	CASE(wake_op_of_none, "WAKE_OP of 0 or fewer waiters wakes one: observed"),
	CASE(wake_op_without_comparison, "WAKE_OP with an unknown comparison changes the word, "
					 "wakes nobody, is ENOSYS: observed"),
	CASE(wake_op_without_operation,
	     "WAKE_OP with an unknown operation is ENOSYS, after EINVAL and EFAULT: observed"),
	CASE(time_comes_first, "a bad time goes before the clock and the bits: observed"),
	CASE(private_and_shared,
	     "FUTEX_PRIVATE_FLAG on one side only: they do not meet: futex(2), observed"),
	CASES_END,
};
