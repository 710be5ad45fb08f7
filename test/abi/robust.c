// SPDX-License-Identifier: MIT
/* Robust lists, by hand: what a thread's end does to the locks that it holds. get_robust_list(2). */

#define _GNU_SOURCE
#include "abi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct lock {
	struct robust_list entry;
	atomic_uint word;
};

struct world {
	struct robust_list_head head;
	atomic_uint ready;
	struct lock locks[3000];
};

static struct world *world_create(void)
{
	struct world *world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(world != MAP_FAILED);
	world->head.list.next = &world->head.list;
	world->head.futex_offset = offsetof(struct lock, word);
	return world;
}

/* The calling thread holds this lock; others wait for it. */
static void hold(struct world *world, struct lock *lock)
{
	lock->entry.next = world->head.list.next;
	world->head.list.next = &lock->entry;
	atomic_store(&lock->word, (unsigned)gettid() | FUTEX_WAITERS);
}

static void announce(struct world *world)
{
	CHECK_OK(syscall(SYS_set_robust_list, &world->head, sizeof(world->head)));
	atomic_store(&world->ready, 1);
}

/* Wait until the word changes from what its holder wrote. */
static void expect_dead(struct lock *lock)
{
	struct timespec limit = {10, 0};
	unsigned seen;

	while ((seen = atomic_load(&lock->word)) && !(seen & FUTEX_OWNER_DIED))
		if (syscall(SYS_futex, &lock->word, FUTEX_WAIT, seen, &limit, NULL, 0) &&
		    errno == ETIMEDOUT)
			CHECK(!"nobody woke us");
	CHECK_EQ(seen, FUTEX_WAITERS | FUTEX_OWNER_DIED);
}

enum end { END_EXIT, END_KILL, END_EXEC, END_THREAD };

static void *thread_end(void *argument)
{
	struct world *world = argument;

	hold(world, &world->locks[0]);
	hold(world, &world->locks[1]);
	announce(world);
	abi_sleep_ms(30);
	return NULL;
}

static void holder(struct world *world, enum end end)
{
	pthread_t thread;

	if (end == END_THREAD) {
		pthread_create(&thread, NULL, thread_end, world);
		abi_sleep_ms(10000);
		_exit(1);
	}
	hold(world, &world->locks[0]);
	hold(world, &world->locks[1]);
	announce(world);
	abi_sleep_ms(end == END_KILL ? 10000 : 30);
	if (end == END_EXEC)
		execl(abi_self(), abi_self(), "--helper", "robust_sleep", NULL);
	_exit(0);
}

static int robust_sleep_helper(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	abi_sleep_ms(10000);
	return 0;
}

static void ends(enum end end)
{
	struct world *world = world_create();
	pid_t child = CHECK_OK(fork());

	if (!child)
		holder(world, end);
	while (!atomic_load(&world->ready))
		usleep(1000);
	if (end == END_KILL)
		CHECK_OK(kill(child, SIGKILL));
	expect_dead(&world->locks[0]);
	expect_dead(&world->locks[1]);
	kill(child, SIGKILL);
	CHECK_EQ(waitpid(child, NULL, 0), child);
}

static void end_by_exit(void)
{
	ends(END_EXIT);
}

static void end_by_kill(void)
{
	ends(END_KILL);
}

static void end_by_exec(void)
{
	ends(END_EXEC);
}

static void end_of_a_thread(void)
{
	ends(END_THREAD);
}

/* ---- what the list says; each child ends with it ---- */

static void run_child(struct world *world, void (*prepare)(struct world *world))
{
	pid_t child = CHECK_OK(fork());

	if (!child) {
		prepare(world);
		announce(world);
		syscall(SYS_exit_group, 0);
	}
	abi_join(child);
}

static void pending_held(struct world *world)
{
	atomic_store(&world->locks[0].word, (unsigned)gettid());
	world->head.list_op_pending = &world->locks[0].entry; /* taken, not listed yet */
	hold(world, &world->locks[1]);
}

static void pending_twice(struct world *world)
{
	hold(world, &world->locks[0]);
	world->head.list_op_pending = &world->locks[0].entry; /* listed, about to be given up */
}

static void pending_of_another(struct world *world)
{
	atomic_store(&world->locks[0].word, 1 | FUTEX_WAITERS);
	world->head.list_op_pending = &world->locks[0].entry;
	hold(world, &world->locks[1]);
	atomic_store(&world->locks[1].word, 1 | FUTEX_WAITERS);
}

static void pending_operations(void)
{
	struct world *world = world_create();

	run_child(world, pending_held);
	CHECK_EQ(world->locks[0].word, FUTEX_OWNER_DIED);
	CHECK_EQ(world->locks[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	world = world_create();
	run_child(world, pending_twice);
	CHECK_EQ(world->locks[0].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	world = world_create();
	run_child(world, pending_of_another);
	CHECK_EQ(world->locks[0].word, 1 | FUTEX_WAITERS);
	CHECK_EQ(world->locks[1].word, 1 | FUTEX_WAITERS);
}

static void pending_free(struct world *world)
{
	world->head.list_op_pending = &world->locks[0].entry;
}

/* Given up, but the holder died before it woke anyone. */
static void pending_unlock_wakes(void)
{
	struct world *world = world_create();
	pid_t waiter = CHECK_OK(fork());

	if (!waiter) {
		struct timespec limit = {10, 0};
		long result =
			syscall(SYS_futex, &world->locks[0].word, FUTEX_WAIT, 0, &limit, NULL, 0);
		_exit(result != 0);
	}
	abi_sleep_ms(50);
	run_child(world, pending_free);
	CHECK_EQ(world->locks[0].word, 0);
	abi_join(waiter);
}

static void in_circles(struct world *world)
{
	hold(world, &world->locks[0]);
	hold(world, &world->locks[1]);
	world->locks[0].entry.next = &world->locks[1].entry; /* never back to the head */
}

static void into_nothing(struct world *world)
{
	hold(world, &world->locks[0]);
	world->locks[0].entry.next = (void *)0x10;
}

static void into_the_kernel(struct world *world)
{
	hold(world, &world->locks[0]);
	world->locks[0].entry.next = (void *)0xffff800000001000ul;
	world->head.list_op_pending = (void *)-8l;
}

static void unaligned(struct world *world)
{
	hold(world, &world->locks[0]);
	world->head.futex_offset = offsetof(struct lock, word) + 1;
	world->head.list_op_pending = (void *)((char *)&world->locks[1].entry + 2);
}

static void wild_offset(struct world *world)
{
	hold(world, &world->locks[0]);
	world->head.futex_offset = (long)1 << 62;
}

static void head_of_nothing(struct world *world)
{
	world->head.list.next = NULL;
}

static void broken_lists_end(void)
{
	struct world *world = world_create();

	run_child(world, in_circles);
	CHECK_EQ(world->locks[0].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	CHECK_EQ(world->locks[1].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	world = world_create();
	run_child(world, into_nothing);
	CHECK_EQ(world->locks[0].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
	run_child(world_create(), into_the_kernel);
	world = world_create();
	run_child(world, unaligned);
	CHECK(!(world->locks[0].word & FUTEX_OWNER_DIED));
	run_child(world_create(), wild_offset);
	run_child(world_create(), head_of_nothing);
}

static void very_many(struct world *world)
{
	for (unsigned i = 0; i < 3000; i++)
		hold(world, &world->locks[2999 - i]);
}

/* The list is followed for 2048 entries. */
static void long_lists(void)
{
	struct world *world = world_create();

	run_child(world, very_many);
	for (unsigned i = 0; i < 2048; i++)
		CHECK(world->locks[i].word & FUTEX_OWNER_DIED);
	for (unsigned i = 2048; i < 3000; i++)
		CHECK(!(world->locks[i].word & FUTEX_OWNER_DIED));
}

static void *head_of(pid_t tid)
{
	void *head = NULL;
	size_t size = 0;

	CHECK_OK(syscall(SYS_get_robust_list, tid, &head, &size));
	CHECK_EQ(size, sizeof(struct robust_list_head));
	return head;
}

static void ask_as_another(void *argument)
{
	void *head;
	size_t size;

	abi_become(3456, 3456);
	CHECK_ERROR(syscall(SYS_get_robust_list, *(pid_t *)argument, &head, &size), EPERM);
	CHECK_EQ((long)head_of(0), (long)head_of(getpid()));
}

static void calls(void)
{
	struct world *world = world_create();
	size_t size;
	void *head;
	pid_t parent = getpid();

	CHECK_ERROR(syscall(SYS_set_robust_list, &world->head, 8), EINVAL);
	CHECK_OK(syscall(SYS_set_robust_list, &world->head, sizeof(world->head)));
	CHECK(head_of(0) == &world->head);
	CHECK(head_of(parent) == &world->head);
	CHECK_ERROR(syscall(SYS_get_robust_list, 999999, &head, &size), ESRCH);
	CHECK_ERROR(syscall(SYS_get_robust_list, 0, (void *)8, &size), EFAULT);
	CHECK_ERROR(syscall(SYS_get_robust_list, 0, &head, (void *)8), EFAULT);
	pid_t child = CHECK_OK(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	if (!child) { /* a new process has no list */
		syscall(SYS_exit_group, head_of(0) != NULL);
	}
	abi_join(child);
	abi_in_child(ask_as_another, &parent);
}

/* ---- the word of set_tid_address ---- */

/* What the word says when a child that has set it, and shares the memory of its parent or not, is gone. */
static int word_after(bool shares, bool execs)
{
	atomic_int *word =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *arguments[] = {(char *)abi_self(), "--list-groups", NULL};

	CHECK(word != MAP_FAILED);
	*word = 7;
	pid_t child = CHECK_OK(shares ? vfork() : fork());
	if (!child) {
		syscall(SYS_set_tid_address, word);
		if (execs) {
			close(1);
			execv(arguments[0], arguments);
		}
		_exit(0);
	}
	abi_join(child);
	int result = *word;
	CHECK_EQ(munmap(word, 4096), 0);
	return result;
}

static void word_of_a_process(void)
{
	CHECK_EQ(word_after(false, false), 7);
	CHECK_EQ(word_after(false, true), 7);
}

static void word_of_shared_memory(void)
{
	CHECK_EQ(word_after(true, false), 0);
	CHECK_EQ(word_after(true, true), 0);
}

const struct abi_case abi_cases[] = {
	CASE(end_by_exit, "exit marks held locks FUTEX_OWNER_DIED and wakes: get_robust_list(2)"),
	CASE(end_by_kill, "so does SIGKILL: get_robust_list(2)"),
	CASE(end_by_exec, "and execve: get_robust_list(2)"),
	CASE(end_of_a_thread, "and the end of one thread of several: get_robust_list(2)"),
	CASE(pending_operations,
	     "list_op_pending: a lock half taken or given up: get_robust_list(2), robust-futexes"),
	CASE(pending_unlock_wakes, "a word of 0 that is pending wakes a waiter: observed"),
	CASE(broken_lists_end,
	     "circles, holes, wild and unaligned pointers: get_robust_list(2), robust-futexes"),
	CASE(long_lists, "2048 entries are followed: get_robust_list(2), ROBUST_LIST_LIMIT"),
	CASE(calls, "EINVAL, ESRCH, EPERM, EFAULT; fork gives none: get_robust_list(2)"),
	CASE(word_of_a_process,
	     "a process that uses its memory alone clears no word at its end: observed"),
	CASE(word_of_shared_memory, "a vfork's child does, and by execve: set_tid_address(2)"),
	HELPER("robust_sleep", robust_sleep_helper),
	CASES_END,
};
