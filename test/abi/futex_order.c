// SPDX-License-Identifier: MIT
/* futex(2): private and shared ones. */

#define _GNU_SOURCE
#include "abi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long futex(void *word, int operation, unsigned value, const void *timeout, void *second,
		  unsigned third)
{
	return syscall(SYS_futex, word, operation, value, timeout, second, third);
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
	CASE(private_and_shared,
	     "FUTEX_PRIVATE_FLAG on one side only: they do not meet: futex(2), observed"),
	CASES_END,
};
