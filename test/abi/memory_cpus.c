// SPDX-License-Identifier: MIT
/* Memory that several threads change at once: translations of other CPUs, faults on one page. */

#define _GNU_SOURCE

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "memory_test.h"

/* ---- other CPUs ---- */

static volatile long *common;
static volatile int stop;

static void *write_until_refused(void *argument)
{
	(void)argument;
	while (!stop) {
		if (sigsetjmp(fault_return, 1) == 0) {
			while (!stop)
				++*common;
		} else {
			sched_yield();
		}
	}
	return NULL;
}

static void protect_reaches_all(void)
{
	pthread_t thread;

	common = (volatile long *)map_private(PAGE);
	faults_catch();
	CHECK_EQ(pthread_create(&thread, NULL, write_until_refused, NULL), 0);
	for (int i = 0; i < 200; i++) {
		CHECK_OK(mprotect((void *)common, PAGE, PROT_READ));
		long seen = *common;

		for (int j = 0; j < 200; j++)
			CHECK_EQ(*common, seen);
		CHECK_OK(mprotect((void *)common, PAGE, PROT_READ | PROT_WRITE));
		sched_yield();
	}
	stop = 1;
	pthread_join(thread, NULL);
}

static char *volatile window;

static void *write_window(void *argument)
{
	(void)argument;
	while (!stop) {
		if (sigsetjmp(fault_return, 1) == 0) {
			while (!stop)
				window[8] = 'w';
		}
	}
	return NULL;
}

static void unmap_reaches_all(void)
{
	pthread_t thread;

	window = (char *)map_private(PAGE);
	faults_catch();
	CHECK_EQ(pthread_create(&thread, NULL, write_window, NULL), 0);
	for (int i = 0; i < 200; i++) {
		CHECK_OK(munmap(window, PAGE));
		char *other = (char *)map(PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);

		if (other != window)
			CHECK_EQ(other[8], 0); /* the old frame's writer must not reach it */
		CHECK_OK(munmap(other, PAGE));
		CHECK(mmap(window, PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == window);
		sched_yield();
	}
	stop = 1;
	pthread_join(thread, NULL);
}

static void *touch_all(void *argument)
{
	volatile char *m = argument;

	for (size_t i = 0; i < 512; i++)
		__atomic_fetch_add(&m[i * PAGE], 1, __ATOMIC_RELAXED);
	return NULL;
}

static void threads_fault_together(void)
{
	for (int round = 0; round < 10; round++) {
		pthread_t threads[4];
		char *m = (char *)map_private(512 * PAGE);

		for (int i = 0; i < 4; i++)
			CHECK_EQ(pthread_create(&threads[i], NULL, touch_all, m), 0);
		for (int i = 0; i < 4; i++)
			pthread_join(threads[i], NULL);
		for (size_t i = 0; i < 512; i++)
			CHECK_EQ(m[i * PAGE], 4);
		CHECK_OK(munmap(m, 512 * PAGE));
	}
}

static void *add_to_common(void *argument)
{
	volatile char *m = argument;

	for (size_t i = 0; i < 64; i++)
		__atomic_fetch_add(&m[i * PAGE], 1, __ATOMIC_RELAXED);
	return NULL;
}

/* Two threads of the child copy the same pages at once: no addition may be lost. */
static void child_copies_together(void *argument)
{
	pthread_t threads[2];
	char *m = argument;

	for (int i = 0; i < 2; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, add_to_common, m), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < 64; i++)
		CHECK_EQ(m[i * PAGE], 12);
}

static void threads_copy_together(void)
{
	char *m = (char *)map_private(64 * PAGE);

	for (size_t i = 0; i < 64; i++)
		m[i * PAGE] = 10;
	for (int round = 0; round < 20; round++)
		abi_in_child(child_copies_together, m);
	for (size_t i = 0; i < 64; i++)
		CHECK_EQ(m[i * PAGE], 10);
}

/* ---- Samepage's own counters ---- */

static void use_and_leave(void *argument)
{
	char *m = (char *)map_private(3 * MIB);

	for (size_t i = 0; i < 3 * MIB; i += 16 * PAGE)
		m[i] = 1;
	*(char *)argument = 1;
	CHECK_OK(mprotect(m + MIB, PAGE, PROT_NONE));
	CHECK(mremap(m, MIB, 2 * MIB, MREMAP_MAYMOVE) != MAP_FAILED);
}

static void forks(unsigned count, char *common_page)
{
	for (unsigned i = 0; i < count; i++) {
		pid_t first = abi_start(use_and_leave, common_page);

		abi_in_child(use_and_leave, common_page);
		abi_join(first);
	}
}

static void frames_come_back(void)
{
	abi_samepage_frames(); /* it skips on Linux */
	char *m = (char *)map_private(PAGE);

	*m = 1;
	forks(50, m); /* tables of processes and names grow once */
	uint64_t small = abi_samepage_counter("small_bytes"), frames = abi_samepage_frames();
	forks(500, m);
	abi_frames_return(frames);
	CHECK(abi_samepage_counter("small_bytes") <= small + 8 * PAGE);
}

const struct abi_case abi_cases[] = {
	CASE(protect_reaches_all, "after mprotect no other CPU can write: mprotect(2)"),
	CASE(unmap_reaches_all, "after munmap no other CPU can write to the old page: munmap(2)"),
	CASE(threads_fault_together, "first touches of several threads agree on one page: mmap(2)"),
	CASE(threads_copy_together,
	     "copies that two threads make at once lose nothing: mmap(2), MAP_PRIVATE"),
	CASE(frames_come_back,
	     "a thousand forks leave the count of free frames as it was: fork(2), _exit(2)"),
	CASES_END,
};
