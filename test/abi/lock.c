// SPDX-License-Identifier: MIT
/* Locks of files: ranges (fcntl(2), POSIX and of open files), whole files (flock(2)). */

#define _GNU_SOURCE
#include "fail_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int new_file(void)
{
	char name[] = "/tmp/samepage-lock-XXXXXX";
	int fd = CHECK_OK(mkstemp(name));

	CHECK_OK(unlink(name));
	return fd;
}

static int again(int fd) /* another open file of the same inode */
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return CHECK_OK(open(path, O_RDWR));
}

static int lock(int fd, int command, short type, long start, long length)
{
	struct flock lock = {.l_type = type, .l_start = start, .l_len = length};

	return fcntl(fd, command, &lock);
}

/* What a child would find in its way: "type start length" or "none". */
static void expect_seen(int fd, short wanted, long start, long length, short type, long at,
			long long_bytes)
{
	pid_t parent = getpid(), child = CHECK_OK(fork());

	if (child) {
		abi_join(child);
		return;
	}
	struct flock seen = {.l_type = wanted, .l_start = start, .l_len = length, .l_pid = 7};
	CHECK_OK(fcntl(fd, F_GETLK, &seen));
	CHECK_EQ(seen.l_type, type);
	if (type != F_UNLCK) {
		CHECK_EQ(seen.l_start, at);
		CHECK_EQ(seen.l_len, long_bytes);
		CHECK_EQ(seen.l_pid, parent);
		CHECK_EQ(seen.l_whence, SEEK_SET);
	}
	_exit(0);
}

static void conflicts(void)
{
	int fd = new_file();

	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 10, 10));
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 30, 10));
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 10, 10);
	expect_seen(fd, F_RDLCK, 20, 0, F_UNLCK, 0, 0);
	expect_seen(fd, F_WRLCK, 20, 0, F_RDLCK, 30, 10);
	expect_seen(fd, F_RDLCK, 19, 1, F_WRLCK, 10, 10);
	expect_seen(fd, F_RDLCK, 9, 1, F_UNLCK, 0, 0);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_ERROR(lock(fd, F_SETLK, F_RDLCK, 15, 1), EAGAIN);
		CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, 35, 1), EAGAIN);
		CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 35, 1));
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 50, 1));
		CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0)); /* only its own */
		CHECK_ERROR(lock(fd, F_SETLK, F_RDLCK, 15, 1), EAGAIN);
		_exit(0);
	}
	abi_join(child);
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 12, 2)); /* its own are no conflict */
}

static void cut_and_joined(void)
{
	int fd = new_file();

	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 100));
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 40, 20)); /* a hole */
	expect_seen(fd, F_RDLCK, 40, 20, F_UNLCK, 0, 0);
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 0, 40);
	expect_seen(fd, F_RDLCK, 50, 0, F_WRLCK, 60, 40);
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 70, 10)); /* another type in the middle */
	expect_seen(fd, F_RDLCK, 50, 0, F_WRLCK, 60, 10);
	expect_seen(fd, F_WRLCK, 70, 0, F_RDLCK, 70, 10);
	expect_seen(fd, F_RDLCK, 70, 0, F_WRLCK, 80, 20);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 40, 40)); /* whole again */
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 0, 100);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 100, 0)); /* neighbours join; to the end */
	expect_seen(fd, F_RDLCK, 5000, 1, F_WRLCK, 0, 0);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 10, 0));
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 0, 10);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 5));
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 5, 5);
}

static void ranges(void)
{
	int fd = new_file();
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -5};

	CHECK_OK(ftruncate(fd, 100));
	CHECK_OK(fcntl(fd, F_SETLK, &range));
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 95, 0);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	CHECK_OK(lseek(fd, 20, SEEK_SET));
	range = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_len = -10};
	CHECK_OK(fcntl(fd, F_SETLK, &range));
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 10, 10);
	range.l_len = -21;
	CHECK_ERROR(fcntl(fd, F_SETLK, &range), EINVAL);
	CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, -1, 1), EINVAL);
	CHECK_ERROR(lock(fd, F_SETLK, 7, 0, 1), EINVAL);
	CHECK_ERROR(lock(fd, F_GETLK, F_UNLCK, 0, 1), EINVAL);
	CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, INT64_MAX, 2), EOVERFLOW);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, INT64_MAX, 1));
	range.l_whence = 9;
	CHECK_ERROR(fcntl(fd, F_SETLK, &range), EINVAL);
	CHECK_ERROR(fcntl(fd, F_SETLK, (void *)8), EFAULT);
	int pipes[2];
	CHECK_OK(pipe(pipes));
	CHECK_ERROR(lock(pipes[0], F_SETLK, F_WRLCK, 0, 1), EBADF);
	CHECK_ERROR(lock(pipes[1], F_SETLK, F_RDLCK, 0, 1), EBADF);
	CHECK_ERROR(lock(-1, F_SETLK, F_RDLCK, 0, 1), EBADF);
}

/* Any close of the file, through any descriptor, releases all: fcntl(2) regrets it too. */
static void any_close_releases(void)
{
	int fd = new_file(), other = again(fd), copy;

	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	CHECK_OK(close(other));
	expect_seen(fd, F_RDLCK, 0, 0, F_UNLCK, 0, 0);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	copy = CHECK_OK(dup(fd));
	CHECK_OK(dup2(1, copy));
	expect_seen(fd, F_RDLCK, 0, 0, F_UNLCK, 0, 0);
}

static void hold(void *argument)
{
	CHECK_OK(lock(*(int *)argument, F_SETLK, F_WRLCK, 0, 0));
}

static void exit_releases(void)
{
	int fd = new_file();

	abi_in_child(hold, &fd);
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 0));
	/* A child has none of its parent's, and its close releases none of them. */
	pid_t child = CHECK_OK(fork());
	if (!child) {
		close(fd);
		_exit(0);
	}
	abi_join(child);
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 0, 0);
}

static int lock_exec_helper(int argc, char **argv)
{
	struct flock seen = {.l_type = F_RDLCK};

	(void)argc;
	int fd = atoi(argv[1]);
	pid_t child = fork(); /* it sees what its parent still holds */
	if (child) {
		int status;
		waitpid(child, &status, 0);
		return status != 0;
	}
	return fcntl(fd, F_GETLK, &seen) || seen.l_type != F_WRLCK || seen.l_len != 77;
}

static void exec_keeps(void)
{
	int fd = new_file();
	char number[16];

	snprintf(number, sizeof(number), "%d", fd);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 77));
		execl(abi_self(), abi_self(), "--helper", "lock_exec", number, NULL);
		_exit(9);
	}
	abi_join(child);
}

static void waiting(void)
{
	int fd = new_file(), pipes[2];
	char byte;

	CHECK_OK(pipe(pipes));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 5, 10));
		CHECK_EQ(write(pipes[1], "x", 1), 1);
		_exit(0);
	}
	abi_sleep_ms(40);
	CHECK_OK(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
	CHECK_ERROR(read(pipes[0], &byte, 1), EAGAIN);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 5)); /* not enough yet */
	abi_sleep_ms(40);
	CHECK_ERROR(read(pipes[0], &byte, 1), EAGAIN);
	CHECK_OK(lock(fd, F_SETLK, F_RDLCK, 5, 5)); /* nor is this */
	abi_sleep_ms(40);
	CHECK_ERROR(read(pipes[0], &byte, 1), EAGAIN);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 5, 5));
	abi_join(child);
	CHECK_EQ(read(pipes[0], &byte, 1), 1);
}

/* Children count under the lock in shared memory; nothing is lost. */
static void excludes(void)
{
	volatile int *count =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = new_file();
	pid_t children[4];

	for (int i = 0; i < 4; i++) {
		children[i] = CHECK_OK(fork());
		if (children[i])
			continue;
		for (int n = 0; n < 50; n++) {
			CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 3, 1));
			int seen = *count;
			if (n % 8 == 0)
				usleep(100);
			*count = seen + 1;
			CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 3, 1));
		}
		_exit(0);
	}
	for (int i = 0; i < 4; i++)
		abi_join(children[i]);
	CHECK_EQ(*count, 200);
}

static void nothing(int signal)
{
	(void)signal;
}

static void interrupted(void)
{
	int fd = new_file();

	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 10));
	pid_t child = CHECK_OK(fork());
	if (!child) {
		struct sigaction action = {.sa_handler = nothing};
		struct itimerval timer = {{0, 0}, {0, 30000}};
		sigaction(SIGALRM, &action, NULL);
		setitimer(ITIMER_REAL, &timer, NULL);
		CHECK_ERROR(lock(fd, F_SETLKW, F_RDLCK, 0, 0), EINTR);
		_exit(0);
	}
	abi_join(child);
}

static void deadlock(void)
{
	int fd = new_file(), pipes[2];
	char byte;

	CHECK_OK(pipe(pipes));
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 1, 1));
		CHECK_EQ(write(pipes[1], "x", 1), 1);
		CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 0, 1));
		_exit(0);
	}
	CHECK_EQ(read(pipes[0], &byte, 1), 1);
	abi_sleep_ms(60);
	CHECK_ERROR(lock(fd, F_SETLKW, F_WRLCK, 1, 1), EDEADLK);
	CHECK_OK(lock(fd, F_SETLK, F_UNLCK, 0, 1));
	CHECK_OK(lock(fd, F_SETLKW, F_WRLCK, 1, 1)); /* the child ends */
	abi_join(child);
}

/* ---- locks of open files ---- */

static void open_files_own(void)
{
	int fd = new_file(), other = again(fd), copy = CHECK_OK(dup(fd));
	struct flock seen = {.l_type = F_WRLCK}, bad = {.l_type = F_WRLCK, .l_pid = 1};

	CHECK_OK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	CHECK_ERROR(lock(other, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
	CHECK_ERROR(lock(fd, F_SETLK, F_WRLCK, 5, 1), EAGAIN); /* the process is another owner */
	CHECK_OK(fcntl(other, F_OFD_GETLK, &seen));
	CHECK_EQ(seen.l_type, F_WRLCK);
	CHECK_EQ(seen.l_pid, -1);
	CHECK_EQ(seen.l_len, 10);
	seen = (struct flock){.l_type = F_UNLCK};
	if (fcntl(fd, F_OFD_GETLK, &seen) == 0) { /* its own: Linux 6.6 */
		CHECK_EQ(seen.l_type, F_WRLCK);
		seen = (struct flock){.l_type = F_UNLCK};
		CHECK_OK(fcntl(other, F_OFD_GETLK, &seen));
		CHECK_EQ(seen.l_type, F_UNLCK);
	} else {
		CHECK_EQ(errno, EINVAL);
	}
	CHECK_ERROR(fcntl(fd, F_OFD_SETLK, &bad), EINVAL);
	CHECK_OK(lock(copy, F_OFD_SETLK, F_RDLCK, 0, 10)); /* the same open file */
	CHECK_OK(lock(other, F_OFD_SETLK, F_RDLCK, 5, 1));
	CHECK_OK(close(fd)); /* the copy still holds it */
	CHECK_ERROR(lock(other, F_OFD_SETLK, F_WRLCK, 5, 1), EAGAIN);
	CHECK_OK(close(copy));
	CHECK_OK(lock(other, F_OFD_SETLK, F_WRLCK, 5, 1));
	pid_t child = CHECK_OK(fork()); /* it has the same open file */
	if (!child) {
		CHECK_OK(lock(other, F_OFD_SETLK, F_UNLCK, 0, 0));
		_exit(0);
	}
	abi_join(child);
	seen = (struct flock){.l_type = F_WRLCK};
	CHECK_OK(fcntl(again(other), F_OFD_GETLK, &seen));
	CHECK_EQ(seen.l_type, F_UNLCK);
}

/* What the open file finds in its way when it would write anywhere. */
static void expect_first(int fd, short type, long start, long length)
{
	struct flock seen = {.l_type = F_WRLCK};

	CHECK_OK(fcntl(fd, F_OFD_GETLK, &seen));
	CHECK_EQ(seen.l_type, type);
	CHECK_EQ(seen.l_start, start);
	CHECK_EQ(seen.l_len, length);
}

/* POSIX lets any be told; a program that was written on Linux may have seen only this. */
static void first_of_several(void)
{
	int one = new_file(), two = again(one), asks = again(one);

	CHECK_OK(lock(one, F_OFD_SETLK, F_RDLCK, 50, 10));
	CHECK_OK(lock(two, F_OFD_SETLK, F_RDLCK, 10, 10));
	expect_first(asks, F_RDLCK, 50, 10); /* who locked first, not what begins first */
	CHECK_OK(lock(one, F_OFD_SETLK, F_RDLCK, 0, 5));
	expect_first(asks, F_RDLCK, 0, 5); /* but of one owner what begins first */
	CHECK_OK(lock(one, F_OFD_SETLK, F_UNLCK, 0, 5));
	CHECK_OK(lock(one, F_OFD_SETLK, F_WRLCK, 40, 30));
	expect_first(asks, F_WRLCK, 40, 30); /* changed, it keeps its turn */
	CHECK_OK(lock(one, F_OFD_SETLK, F_UNLCK, 50, 10));
	expect_first(asks, F_WRLCK, 40, 10);
	CHECK_OK(lock(one, F_OFD_SETLK, F_UNLCK, 0, 55));
	expect_first(asks, F_WRLCK, 60, 10);
	CHECK_OK(lock(one, F_OFD_SETLK, F_UNLCK, 0, 0));
	CHECK_OK(lock(one, F_OFD_SETLK, F_RDLCK, 0, 5));
	expect_first(asks, F_RDLCK, 10, 10); /* given up and taken anew: the last */
	expect_first(two, F_RDLCK, 0, 5);
	CHECK_OK(close(two));
	expect_first(asks, F_RDLCK, 0, 5);
}

static void open_files_wait(void)
{
	int fd = new_file();

	CHECK_OK(lock(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_OK(lock(again(fd), F_OFD_SETLKW, F_WRLCK, 5, 10));
		_exit(0);
	}
	abi_sleep_ms(30);
	CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
	CHECK_OK(lock(fd, F_OFD_SETLK, F_UNLCK, 0, 0));
	abi_join(child);
}

/* ---- whole files ---- */

struct flock_thread {
	pthread_t thread;
	int fd, operation;
};

static void *flock_thread(void *argument)
{
	struct flock_thread *one = argument;

	CHECK_OK(flock(one->fd, one->operation));
	return NULL;
}

/* Two threads want the same lock through one open file; it is theirs together, and goes at once. */
static void threads_wait(int operation)
{
	int holder = new_file(), fd = again(holder), other = again(holder);
	struct flock_thread threads[2];

	CHECK_OK(flock(holder, LOCK_EX));
	for (unsigned i = 0; i < 2; i++) {
		threads[i] = (struct flock_thread){.fd = fd, .operation = operation};
		CHECK_EQ(pthread_create(&threads[i].thread, NULL, flock_thread, &threads[i]), 0);
	}
	abi_sleep_ms(60);
	CHECK_OK(flock(holder, LOCK_UN));
	for (unsigned i = 0; i < 2; i++)
		CHECK_EQ(pthread_join(threads[i].thread, NULL), 0);
	CHECK_ERROR(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(fd, LOCK_UN));
	CHECK_OK(flock(other, LOCK_EX | LOCK_NB));
}

static void threads_of_one_file(void)
{
	threads_wait(LOCK_SH);
	threads_wait(LOCK_EX);
}

static void whole_files(void)
{
	int fd = new_file(), other = again(fd), third = again(fd);

	CHECK_ERROR(flock(fd, 16), EINVAL);
	CHECK_ERROR(flock(-1, LOCK_SH), EBADF);
	CHECK_OK(flock(fd, LOCK_SH));
	CHECK_OK(flock(other, LOCK_SH));
	CHECK_ERROR(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(other, LOCK_UN));
	CHECK_OK(flock(fd, LOCK_EX | LOCK_NB));
	CHECK_ERROR(flock(third, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(lock(third, F_SETLK, F_WRLCK, 0, 0)); /* the two kinds do not meet */
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_OK(close(fd));
		CHECK_OK(flock(third, LOCK_SH));
		_exit(0);
	}
	abi_sleep_ms(30);
	CHECK_EQ(waitpid(child, NULL, WNOHANG), 0);
	CHECK_OK(close(fd));
	abi_join(child);
}

/* Give up a range while the kernel's next allocation fails: 0, or the errno. */
static int unlock_without_memory(int fd, long start, long length)
{
	fail_nth(1);
	int result = lock(fd, F_SETLK, F_UNLCK, start, length), error = errno;
	fail_stop();
	return result ? error : 0;
}

static void unlock_that_cuts(void)
{
	int fd = new_file();

	fail_open();
	if (!abi_in_samepage())
		SKIP("Linux allocates for every call");
	CHECK_OK(lock(fd, F_SETLK, F_WRLCK, 10, 30));
	CHECK_EQ(unlock_without_memory(fd, 20, 10), ENOLCK);
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 10, 30); /* nothing was changed */
	/* All that cuts nothing in two needs no memory. */
	CHECK_EQ(unlock_without_memory(fd, 30, 100), 0);
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 10, 20);
	CHECK_EQ(unlock_without_memory(fd, 0, 15), 0);
	expect_seen(fd, F_RDLCK, 0, 0, F_WRLCK, 15, 15);
	CHECK_EQ(unlock_without_memory(fd, 0, 0), 0);
	expect_seen(fd, F_RDLCK, 0, 0, F_UNLCK, 0, 0);
}

const struct abi_case abi_cases[] = {
	CASE(conflicts, "write locks exclude, read locks share; F_GETLK tells whose: fcntl(2)"),
	CASE(cut_and_joined, "a lock may be cut, changed in part and joined: fcntl(2)"),
	CASE(ranges, "from start, position or end, of any sign; errors: fcntl(2)"),
	CASE(any_close_releases, "closing any descriptor of the file releases all: fcntl(2)"),
	CASE(exit_releases, "the end of the process releases; fork gives none: fcntl(2)"),
	CASE(exec_keeps, "record locks are kept over execve: execve(2)"),
	CASE(waiting, "F_SETLKW waits until all of the range is free: fcntl(2)"),
	CASE(excludes, "one at a time, of four processes: fcntl(2)"),
	CASE(interrupted, "a signal ends F_SETLKW with EINTR: fcntl(2)"),
	CASE(deadlock, "two that wait for each other: EDEADLK: fcntl(2)"),
	CASE(open_files_own, "F_OFD_SETLK belongs to the open file: fcntl(2)"),
	CASE(first_of_several, "of several locks F_GETLK tells that of who locked first: observed"),
	CASE(open_files_wait, "F_OFD_SETLKW: fcntl(2)"),
	CASE(threads_of_one_file, "threads that wait for one open file get one lock: flock(2)"),
	CASE(whole_files, "shared, exclusive, converted, waited for: flock(2)"),
	HELPER("lock_exec", lock_exec_helper),
	CASE(unlock_that_cuts, "F_UNLCK may be ENOLCK only where it cuts a lock in two: fcntl(2)"),
	CASES_END,
};
