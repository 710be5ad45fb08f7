// SPDX-License-Identifier: MIT
/* One futex on every kind of memory: found at different addresses, or private to its process. */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES 16384
#define WORD  1029 /* in the second page: 4116 bytes in */

static long futex(void *word, int operation, unsigned value, const void *timeout, void *second,
		  unsigned third)
{
	return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

/* 0: woken in time. */
static int wait_at(atomic_int *word)
{
	struct timespec limit = {5, 0};

	return (int)futex(word, FUTEX_WAIT, 0, &limit, NULL, 0);
}

/* Until somebody waits there and is woken; false after a second. */
static bool wake_at(atomic_int *word)
{
	for (int i = 0; i < 1000; i++) {
		if (futex(word, FUTEX_WAKE, 1, NULL, NULL, 0) == 1)
			return true;
		usleep(1000);
	}
	return false;
}

/* A child waits at `theirs`, we wake at `ours`; then the other way round. */
static void meet(atomic_int *ours, atomic_int *theirs)
{
	pid_t child = CHECK_OK(fork());

	if (!child)
		_exit(wait_at(theirs) || !wake_at(theirs));
	CHECK(wake_at(ours));
	CHECK_EQ(wait_at(ours), 0);
	abi_join(child);
}

static atomic_int *map(int fd, int protection, int flags)
{
	void *map = mmap(NULL, BYTES, protection, flags, fd, 0);

	CHECK(map != MAP_FAILED);
	return map;
}

static int memory_file(void)
{
	int fd = CHECK_OK(memfd_create("futex", 0));

	CHECK_OK(ftruncate(fd, BYTES));
	return fd;
}

static void two_maps(int fd)
{
	atomic_int *a = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	atomic_int *b = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	meet(a + WORD, b + WORD);
	atomic_int *reader = map(fd, PROT_READ, MAP_SHARED);
	meet(a + WORD, reader + WORD);
	/* Another offset of the same file. */
	atomic_int *part = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
	CHECK(part != MAP_FAILED);
	meet(a + WORD, part + WORD - 1024);
}

static void files(void)
{
	char name[64];

	two_maps(memory_file());
	snprintf(name, sizeof(name), "/samepage-futex-%d", (int)getpid());
	int fd = CHECK_OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_OK(shm_unlink(name));
	CHECK_OK(ftruncate(fd, BYTES));
	two_maps(fd);
}

static void segments(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, BYTES, IPC_CREAT | 0600));
	atomic_int *a = shmat(id, NULL, 0), *b = shmat(id, NULL, 0);
	atomic_int *c = shmat(id, NULL, SHM_RDONLY);

	CHECK(a != (void *)-1 && b != (void *)-1 && c != (void *)-1);
	meet(a + WORD, b + WORD);
	meet(a + WORD, c + WORD);
	CHECK_OK(shmdt(a));
	CHECK_OK(shmdt(b));
	CHECK_OK(shmdt(c));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void anonymous(void)
{
	atomic_int *shared = map(-1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);

	meet(shared + WORD, shared + WORD);
	pid_t child = CHECK_OK(fork()); /* which moves it */
	if (!child) {
		void *room = mmap(NULL, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		atomic_int *moved =
			mremap(shared, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, room);
		_exit(moved == MAP_FAILED || wait_at(moved + WORD) || !wake_at(moved + WORD));
	}
	CHECK(wake_at(shared + WORD));
	CHECK_EQ(wait_at(shared + WORD), 0);
	abi_join(child);
}

/* The waiter's own mapping moves while it waits. */
static void moved_while_waiting(void)
{
	int fd = memory_file();
	atomic_int *a = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t child = CHECK_OK(fork());

	if (!child)
		_exit(wait_at(a + WORD));
	atomic_int *moved = mremap(a, BYTES, 2 * BYTES, MREMAP_MAYMOVE);
	CHECK(moved != MAP_FAILED);
	CHECK(wake_at(moved + WORD));
	abi_join(child);
}

static int futex_exec_helper(int argc, char **argv)
{
	(void)argc;
	atomic_int *word = map(atoi(argv[1]), PROT_READ | PROT_WRITE, MAP_SHARED);

	return wait_at(word + WORD);
}

static void over_exec(void)
{
	int fd = memory_file();
	atomic_int *a = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		execl(abi_self(), abi_self(), "--helper", "futex_exec", number, NULL);
		_exit(9);
	}
	CHECK(wake_at(a + WORD));
	abi_join(child);
}

/* A writable private mapping is the process's own, before it is written too. */
static void private_is_apart(void)
{
	int fd = memory_file();
	atomic_int *shared = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	atomic_int *own = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	struct timespec limit = {0, 200000000};
	pid_t child = CHECK_OK(fork());

	if (!child)
		_exit(futex(own + WORD, FUTEX_WAIT, 0, &limit, NULL, 0) != -1 ||
		      errno != ETIMEDOUT);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(futex(shared + WORD, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
		CHECK_EQ(futex(own + WORD, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
		usleep(1000);
	}
	abi_join(child);
	/* FUTEX_PRIVATE_FLAG does not look at what is behind the address. */
	child = CHECK_OK(fork());
	if (!child)
		_exit(futex(shared + WORD, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0) != -1 ||
		      errno != ETIMEDOUT);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(futex(shared + WORD, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
		usleep(1000);
	}
	abi_join(child);
}

/* Waiters of one mapping are moved through another one, and woken there through a third. */
static void requeued_elsewhere(void)
{
	int fd = memory_file();
	atomic_int *a = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	atomic_int *b = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	pid_t children[3];

	for (int i = 0; i < 3; i++) {
		children[i] = CHECK_OK(fork());
		if (!children[i]) {
			atomic_fetch_add(&a[0], 1);
			_exit(wait_at(a + WORD));
		}
	}
	while (atomic_load(&a[0]) != 3)
		usleep(1000);
	abi_sleep_ms(50);
	CHECK_ERROR(futex(b + WORD, FUTEX_CMP_REQUEUE, 1, (void *)10, a + 2000, 7), EAGAIN);
	CHECK_EQ(futex(b + WORD, FUTEX_CMP_REQUEUE, 1, (void *)10, a + 2000, 0), 3);
	CHECK_EQ(futex(a + WORD, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(futex(b + 2000, FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	for (int i = 0; i < 3; i++)
		abi_join(children[i]);
}

static void no_such_word(void)
{
	struct timespec tiny = {0, 1000};
	atomic_int *none = map(-1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS);
	atomic_int *constant = map(-1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS);
	atomic_int *hidden = map(-1, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS);
	atomic_int *readable = map(-1, PROT_READ, MAP_SHARED | MAP_ANONYMOUS);
	int fd = CHECK_OK(memfd_create("short", 0)), word = 1;
	atomic_int *behind = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_ERROR(futex(none, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_EQ(futex(none, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK_ERROR(futex(none, FUTEX_WAIT_PRIVATE, 0, &tiny, NULL, 0), EFAULT);
	CHECK_ERROR(futex(constant, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(futex(constant, FUTEX_WAIT, 0, &tiny, NULL, 0), EFAULT);
	CHECK_ERROR(futex(constant, FUTEX_WAIT_PRIVATE, 0, &tiny, NULL, 0), ETIMEDOUT);
	CHECK_ERROR(futex(hidden, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_EQ(futex(readable, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_ERROR(futex(readable, FUTEX_WAIT, 0, &tiny, NULL, 0), ETIMEDOUT);
	CHECK_ERROR(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, readable,
			  FUTEX_OP(FUTEX_OP_SET, 1, FUTEX_OP_CMP_EQ, 0)),
		    EFAULT);
	CHECK_ERROR(futex(behind, FUTEX_WAIT, 0, &tiny, NULL, 0), EFAULT);
	CHECK_ERROR(futex(behind, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(futex(behind, FUTEX_REQUEUE, 1, (void *)1, readable, 0), EFAULT);
	CHECK_ERROR(futex(readable, FUTEX_REQUEUE, 1, (void *)1, behind, 0), EFAULT);
	CHECK_EQ(futex(behind, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0); /* an address, no more */
	CHECK_OK(ftruncate(fd, BYTES));
	CHECK_EQ(futex(behind, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_OK(ftruncate(fd, 0));
	CHECK_ERROR(futex(behind, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
}

static void copy_that_is_constant(void)
{
	struct timespec tiny = {0, 1000};
	int fd = CHECK_OK(memfd_create("copied", 0));

	CHECK_OK(ftruncate(fd, BYTES));
	atomic_int *copy = map(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	atomic_int *same = map(fd, PROT_READ, MAP_PRIVATE);

	*copy = 0;
	CHECK_EQ(futex(copy, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_OK(mprotect(copy, BYTES, PROT_READ));
	CHECK_ERROR(futex(copy, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(futex(copy, FUTEX_WAIT, 0, &tiny, NULL, 0), EFAULT);
	CHECK_EQ(futex(copy, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex(same, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

struct waitv {
	uint64_t value, address;
	uint32_t flags, reserved;
};

static long wait_many(struct waitv *waiters, unsigned count, unsigned flags, struct timespec *limit)
{
	return syscall(449, waiters, count, flags, limit, CLOCK_MONOTONIC);
}

static void several_at_once(void)
{
	int fd = memory_file();
	atomic_int *a = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	atomic_int *b = map(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	int own = 5;
	struct waitv waiters[3] = {{0, (uintptr_t)(a + 1), 2, 0},
				   {0, (uintptr_t)(a + WORD), 2, 0},
				   {5, (uintptr_t)&own, 2 | 128, 0}};
	struct timespec past = {0, 1}, limit;

	if (wait_many(waiters, 3, 0, &past) < 0 && errno == ENOSYS)
		SKIP("no futex_waitv here");
	CHECK_ERROR(wait_many(waiters, 3, 0, &past), ETIMEDOUT);
	CHECK_ERROR(wait_many(waiters, 0, 0, &past), EINVAL);
	CHECK_ERROR(wait_many(waiters, 129, 0, &past), EINVAL);
	CHECK_ERROR(wait_many(waiters, 3, 1, &past), EINVAL);
	CHECK_ERROR(wait_many((void *)8, 3, 0, &past), EFAULT);
	own = 6;
	CHECK_ERROR(wait_many(waiters, 3, 0, NULL), EAGAIN);
	own = 5;
	waiters[2].reserved = 1;
	CHECK_ERROR(wait_many(waiters, 3, 0, NULL), EINVAL);
	waiters[2].reserved = 0;
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &limit));
	limit.tv_sec += 10;
	pid_t child = CHECK_OK(fork());
	if (!child)
		_exit(wait_many(waiters, 3, 0, &limit) != 1);
	CHECK(wake_at(b + WORD));
	abi_join(child);
}

static void clock_flag(void)
{
	struct timespec tiny = {0, 1000};
	int word = 1;

	CHECK_ERROR(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
	CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE | FUTEX_CLOCK_REALTIME, 1, NULL, &word, 1),
		    ENOSYS);
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &tiny, NULL,
			  FUTEX_BITSET_MATCH_ANY),
		    ETIMEDOUT);
	CHECK_ERROR(futex(&word, FUTEX_REQUEUE, -1u, (void *)1, &word, 0), EINVAL);
}

const struct abi_case abi_cases[] = {
	CASE(files, "a memfd and a POSIX segment, mapped twice and in part: futex(2)"),
	CASE(segments, "a System V segment, attached twice: futex(2)"),
	CASE(anonymous, "shared anonymous memory, moved by mremap too: futex(2)"),
	CASE(moved_while_waiting, "the other side's mapping moves and grows: futex(2)"),
	CASE(over_exec, "mapped anew by another program: futex(2)"),
	CASE(private_is_apart,
	     "private mappings and FUTEX_PRIVATE_FLAG are the process's own: futex(2)"),
	CASE(requeued_elsewhere, "moved by one mapping, woken by another: futex(2)"),
	CASE(no_such_word, "EFAULT by protection, by end of file: observed"),
	CASE(copy_that_is_constant, "a copy that may not be written is no word: observed"),
	CASE(several_at_once, "one of several words: futex_waitv(2)"),
	CASE(clock_flag, "FUTEX_CLOCK_REALTIME where it means nothing is ENOSYS: observed"),
	HELPER("futex_exec", futex_exec_helper),
	CASES_END,
};
