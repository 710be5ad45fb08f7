// SPDX-License-Identifier: MIT
/*
 * Memory runs out inside a call: for each N the Nth allocation of the call
 * fails. The call must then succeed all the same or fail with ENOMEM, and
 * nothing may be lost. What the program itself touches meanwhile is there
 * before, since a fault without memory ends it. Needs /proc/thread-self/fail-nth, which Linux has only
 * with fault injection, and Samepage in debug builds.
 */

#define _GNU_SOURCE
#include "fail_test.h"
#include "file_test.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

/* Repeat `run` with every allocation failing in turn. It returns a call's result; `undo` its success. */
static void try_all(long (*run)(void), void (*undo)(long result))
{
	fail_open();
	if (!abi_in_samepage())
		SKIP("how Linux fails here is its own affair");
	long warm = CHECK_OK(run()); /* the program's own pages are there from now on */
	if (undo)
		undo(warm);
	for (unsigned n = 1; n < FAIL_CALLS_MAX; n++) {
		fail_nth(n);
		long result = run();
		int error = errno;
		bool happened = fail_stop();

		if (result < 0 && !happened)
			abi_fail(__FILE__, __LINE__, "failed by itself: %s", abi_error(error));
		if (result < 0 && error != ENOMEM && error != EAGAIN && error != ENFILE)
			abi_fail(__FILE__, __LINE__, "at allocation %u: %s, not ENOMEM", n,
				 abi_error(error));
		if (result >= 0 && undo)
			undo(result);
		if (!happened)
			return;
	}
	abi_fail(__FILE__, __LINE__, "no end of allocations");
}

static void undo_close(long fd)
{
	CHECK_OK(close((int)fd));
}

static long run_open(void)
{
	return open("f", O_RDONLY);
}

static long run_create(void)
{
	return open("an-uncommonly-long-name-that-is-not-kept-inside-the-entry", O_CREAT | O_RDWR,
		    0600);
}

static void undo_create(long fd)
{
	CHECK_OK(close((int)fd));
	CHECK_OK(unlink("an-uncommonly-long-name-that-is-not-kept-inside-the-entry"));
}

static void opening(void)
{
	file_test_enter();
	file_test_make("f", "text");
	try_all(run_open, undo_close);
	try_all(run_create, undo_create);
	/* What could not be opened may have been made all the same, as on Linux. */
	(void)unlink("an-uncommonly-long-name-that-is-not-kept-inside-the-entry");
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static long run_mkdir(void)
{
	return mkdir("d", 0700);
}

static void undo_mkdir(long result)
{
	(void)result;
	CHECK_OK(rmdir("d"));
}

static long run_symlink(void)
{
	return symlink("a-target", "l");
}

static long run_link(void)
{
	return link("f", "l");
}

static void undo_unlink(long result)
{
	(void)result;
	CHECK_OK(unlink("l"));
}

static long run_mkfifo(void)
{
	return mkfifo("l", 0600);
}

static long run_rename(void)
{
	return rename("f", "a-longer-name-than-fits-into-the-record-of-an-entry");
}

static void undo_rename(long result)
{
	(void)result;
	CHECK_OK(rename("a-longer-name-than-fits-into-the-record-of-an-entry", "f"));
}

static long run_exchange(void)
{
	return syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD,
		       "another-name-that-does-not-fit-into-the-record", 2);
}

static void naming(void)
{
	file_test_enter();
	file_test_make("f", "text");
	try_all(run_mkdir, undo_mkdir);
	try_all(run_symlink, undo_unlink);
	try_all(run_link, undo_unlink);
	try_all(run_mkfifo, undo_unlink);
	try_all(run_rename, undo_rename);
	file_test_make("another-name-that-does-not-fit-into-the-record", "");
	try_all(run_exchange, NULL);
	CHECK_OK(unlink("another-name-that-does-not-fit-into-the-record"));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static long run_follow(void)
{
	return access("s1", F_OK);
}

static long run_stat(void)
{
	struct stat state;

	return stat("s1", &state);
}

static long run_getcwd(void)
{
	char path[256];

	return syscall(SYS_getcwd, path, sizeof(path));
}

static void walking(void)
{
	file_test_enter();
	file_test_make("f", "text");
	CHECK_OK(symlink("f", "s0"));
	CHECK_OK(symlink("./s0", "s1"));
	try_all(run_follow, NULL);
	try_all(run_stat, NULL);
	try_all(run_getcwd, NULL);
	CHECK_OK(unlink("f"));
	CHECK_OK(unlink("s0"));
	CHECK_OK(unlink("s1"));
	file_test_leave();
}

static char megabyte[1 << 20];
static int data_fd;

static long run_write(void)
{
	long done = 0;

	while (done < (long)sizeof(megabyte)) { /* a short count is an answer too */
		long part = pwrite(data_fd, megabyte, sizeof(megabyte) - (size_t)done, done);
		if (part < 0)
			return part;
		done += part;
	}
	return 0;
}

static void undo_write(long result)
{
	(void)result;
	CHECK_OK(ftruncate(data_fd, 0));
}

static long run_fallocate(void)
{
	return fallocate(data_fd, 0, 0, 100000);
}

static long run_ftruncate(void)
{
	return ftruncate(data_fd, 1ll << 40);
}

static void filling(void)
{
	struct stat state;

	file_test_enter();
	data_fd = CHECK_OK(open("f", O_CREAT | O_RDWR, 0600));
	CHECK_OK(unlink("f"));
	try_all(run_fallocate, undo_write);
	try_all(run_ftruncate, undo_write);
	CHECK_OK(ftruncate(data_fd, 0));
	memset(megabyte, 'x', sizeof(megabyte));
	try_all(run_write, undo_write);
	CHECK_OK(ftruncate(data_fd, 0));
	CHECK_OK(fstat(data_fd, &state));
	CHECK_EQ(state.st_blocks, 0);
	CHECK_OK(close(data_fd));
	file_test_leave();
}

static int pair[2] = {-1, -1};

static long run_pipe(void)
{
	return pipe(pair);
}

static void undo_pipe(long result)
{
	(void)result;
	CHECK_OK(close(pair[0]));
	CHECK_OK(close(pair[1]));
}

static long run_pipe_write(void)
{
	return write(pair[1], megabyte, 60000);
}

static void undo_pipe_write(long result)
{
	CHECK_EQ(read(pair[0], megabyte, 60000), result);
}

static long run_memfd(void)
{
	return memfd_create("name", 0);
}

static long run_dup_high(void)
{
	return dup2(0, 900);
}

static long run_poll(void)
{
	static struct pollfd entries[200];

	for (int i = 0; i < 200; i++)
		entries[i] = (struct pollfd){pair[0], POLLIN, 0};
	return poll(entries, 200, 1);
}

static void descriptors(void)
{
	try_all(run_pipe, undo_pipe);
	CHECK_OK(pipe(pair));
	try_all(run_pipe_write, undo_pipe_write);
	close(pair[0]);
	close(pair[1]);
	try_all(run_memfd, undo_close);
	try_all(run_dup_high, undo_close);
	CHECK_OK(pipe(pair));
	try_all(run_poll, NULL);
}

static long run_proc(void)
{
	static const char *const names[] = {"maps", "status", "stat", "cmdline", "mounts", "smaps"};
	static char text[8192] = "touched";
	char path[64];

	text[4096] = text[8191] = 'x';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sprintf(path, "/proc/self/%s", names[i]);
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			return -1;
		long got = read(fd, text, sizeof(text));
		int error = errno;
		close(fd);
		errno = error;
		if (got < 0)
			return -1;
	}
	return 0;
}

static long run_proc_list(void)
{
	static char entries[1000] = "touched";
	int fd = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return -1;
	long got = syscall(SYS_getdents64, fd, entries, sizeof(entries));
	int error = errno;
	close(fd);
	errno = error;
	return got;
}

static void reports(void)
{
	try_all(run_proc, NULL);
	try_all(run_proc_list, NULL);
}

static long run_map(void)
{
	void *map = mmap(NULL, 1 << 22, PROT_READ | PROT_WRITE, MAP_SHARED, data_fd, 0);

	return map == MAP_FAILED ? -1 : (long)map;
}

static void undo_map(long map)
{
	CHECK_OK(munmap((void *)map, 1 << 22));
}

static void mapping(void)
{
	file_test_enter();
	data_fd = CHECK_OK(open("f", O_CREAT | O_RDWR, 0600));
	CHECK_OK(unlink("f"));
	CHECK_OK(ftruncate(data_fd, 1 << 22));
	try_all(run_map, undo_map);
	CHECK_OK(close(data_fd));
	file_test_leave();
}

static long run_segment(void)
{
	return shmget(IPC_PRIVATE, 1 << 22, IPC_CREAT | 0600);
}

static void undo_segment(long id)
{
	CHECK_OK(shmctl((int)id, IPC_RMID, NULL));
}

static int segment;

static long run_attach(void)
{
	return (long)shmat(segment, NULL, 0);
}

static void undo_attach(long address)
{
	CHECK_OK(shmdt((void *)address));
}

static void segments(void)
{
	try_all(run_segment, undo_segment);
	segment = CHECK_OK(shmget(IPC_PRIVATE, 1 << 22, IPC_CREAT | 0600));
	try_all(run_attach, undo_attach);
	CHECK_OK(shmctl(segment, IPC_RMID, NULL));
}

const struct abi_case abi_cases[] = {
	CASE(opening, "open and create: ENOMEM or success: open(2)"),
	CASE(naming,
	     "mkdir, symlink, link, mkfifo, rename: ENOMEM or success: mkdir(2), rename(2)"),
	CASE(walking, "following links, stat, getcwd: ENOMEM or success: stat(2)"),
	CASE(filling, "write, fallocate, ftruncate: ENOMEM or success: write(2), fallocate(2)"),
	CASE(descriptors, "pipe, memfd, dup, poll: ENOMEM or success: pipe(2), poll(2)"),
	CASE(reports, "/proc: ENOMEM or success: read(2)"),
	CASE(mapping, "mmap of a file: ENOMEM or success: mmap(2)"),
	CASE(segments, "shmget, shmat: ENOMEM or success: shmget(2), shmop(2)"),
	CASES_END,
};
