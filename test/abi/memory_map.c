// SPDX-License-Identifier: MIT
/* Mappings of files, private and shared, and mappings that move. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_test.h"

/* ---- files ---- */

static int file_make(const char *text, off_t size_bytes)
{
	int fd = CHECK_OK(memfd_create("memory", 0));

	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	CHECK_OK(ftruncate(fd, size_bytes));
	return fd;
}

static void private_file(void)
{
	int fd = file_make("hello", 3 * PAGE);
	char *m = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char text[6] = "";

	CHECK(m != MAP_FAILED);
	CHECK_EQ(memcmp(m, "hello", 6), 0);
	memcpy(m, "HELLO", 5);
	m[2 * PAGE] = 1; /* never read before */
	CHECK_EQ(pread(fd, text, 5, 0), 5);
	CHECK_EQ(memcmp(text, "hello", 5), 0);
	CHECK_EQ(pwrite(fd, "later", 5, PAGE), 5);
	CHECK_EQ(memcmp(m + PAGE, "later", 5), 0);
	m[PAGE] = 'L';
	CHECK_EQ(pwrite(fd, "again", 5, PAGE), 5);
	CHECK_EQ(memcmp(m + PAGE, "Later", 5), 0);
	CHECK_OK(madvise(m, 3 * PAGE, MADV_DONTNEED));
	CHECK_EQ(memcmp(m, "hello", 5), 0);
	CHECK_EQ(memcmp(m + PAGE, "again", 5), 0);
	CHECK_EQ(m[2 * PAGE], 0);
}

static void child_private_file(void *argument)
{
	char *m = argument;

	CHECK_EQ(m[0], 'H');
	CHECK_EQ(m[PAGE], 'x');
	m[0] = 'C';
	m[PAGE] = 'C';
}

static void private_file_fork(void)
{
	int fd = file_make("hello", 2 * PAGE);
	char *m = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	CHECK(m != MAP_FAILED);
	m[0] = 'H';
	CHECK_EQ(pwrite(fd, "x", 1, PAGE), 1);
	CHECK_EQ(m[PAGE], 'x');
	abi_in_child(child_private_file, m);
	CHECK_EQ(m[0], 'H');
	CHECK_EQ(m[PAGE], 'x');
}

static void shared_file(void)
{
	int fd = file_make("hello", 5 * MIB);
	char *m = mmap(NULL, 5 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *other = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
	char byte;

	CHECK(m != MAP_FAILED && other != MAP_FAILED);
	m[PAGE] = 'A';
	m[3 * MIB] = 'B';
	CHECK_EQ(other[0], 'A');
	CHECK_EQ(pread(fd, &byte, 1, 3 * MIB), 1);
	CHECK_EQ(byte, 'B');
	CHECK_EQ(pwrite(fd, "C", 1, 2 * PAGE), 1);
	CHECK_EQ(m[2 * PAGE], 'C');
	CHECK_EQ(other[PAGE], 'C');
	CHECK_OK(msync(m, 5 * MIB, MS_SYNC));
}

static void past_the_end(void)
{
	int fd = file_make("hello", 2 * PAGE);
	char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	CHECK(m != MAP_FAILED && p != MAP_FAILED);
	faults_catch();
	CHECK_EQ(touch(m + PAGE, 1), 0);
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGBUS);
	CHECK_EQ(fault_code, BUS_ADRERR);
	CHECK_EQ(touch(p + 2 * PAGE, 1), SIGBUS);
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_EQ(touch(m + PAGE, 0), SIGBUS);
	CHECK_EQ(touch(p + PAGE, 0), SIGBUS);
	CHECK_EQ(touch(m, 1), 0);
	CHECK_OK(ftruncate(fd, 4 * PAGE));
	CHECK_EQ(touch(m + PAGE, 0), 0);
	CHECK_EQ(m[PAGE], 0);
	CHECK_EQ(touch(m + 3 * PAGE, 1), 0);
	CHECK_EQ(touch(p + 3 * PAGE, 0), 0);
	CHECK_EQ(p[3 * PAGE], 1);
}

static void file_rights(void)
{
	char path[] = "/tmp/memory-XXXXXX";
	int fd = CHECK_OK(mkstemp(path));

	CHECK_OK(ftruncate(fd, PAGE));
	int reader = CHECK_OK(open(path, O_RDONLY)), writer = CHECK_OK(open(path, O_WRONLY));

	CHECK_OK(unlink(path));
	CHECK_ERROR(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0), EACCES);
	CHECK_ERROR(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writer, 0), EACCES);
	CHECK_ERROR(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, writer, 0), EACCES);
	char *m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);

	CHECK(m != MAP_FAILED);
	CHECK_ERROR(mprotect(m, PAGE, PROT_READ | PROT_WRITE), EACCES);
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader, 0);
	CHECK(m != MAP_FAILED);
	m[0] = 1;
}

static void child_writes(void *argument)
{
	((char *)argument)[5 * PAGE] = 'c';
}

static void shared_anonymous(void)
{
	char *m = (char *)map(3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED);

	abi_in_child(child_writes, m);
	CHECK_EQ(m[5 * PAGE], 'c');
	CHECK_EQ(m[2 * MIB], 0);
	CHECK_OK(madvise(m, 3 * MIB, MADV_DONTNEED)); /* keeps shared data */
	CHECK_EQ(m[5 * PAGE], 'c');
	CHECK_OK(madvise(m, 3 * MIB, MADV_REMOVE));
	CHECK_EQ(m[5 * PAGE], 0);
}

/* ---- mremap ---- */

static void mremap_moves(void)
{
	char *m = (char *)map_private(8 * PAGE);

	for (size_t i = 0; i < 8; i++)
		m[i * PAGE] = (char)(i + 1);
	CHECK_OK(munmap(m + 4 * PAGE, PAGE));
	char *guard =
		mmap(m + 4 * PAGE, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	CHECK(guard == m + 4 * PAGE);
	CHECK_ERROR(mremap(m, 4 * PAGE, 6 * PAGE, 0), ENOMEM);
	char *moved = mremap(m, 4 * PAGE, 600 * PAGE, MREMAP_MAYMOVE);

	CHECK(moved != MAP_FAILED && moved != m);
	for (size_t i = 0; i < 4; i++)
		CHECK_EQ(moved[i * PAGE], i + 1);
	CHECK_EQ(moved[599 * PAGE], 0);
	faults_catch();
	CHECK_EQ(touch(m, 0), SIGSEGV);
	CHECK_EQ(m[5 * PAGE], 6);
	CHECK(mremap(moved, 600 * PAGE, 2 * PAGE, 0) == moved);
	CHECK_EQ(touch(moved + 2 * PAGE, 0), SIGSEGV);
	CHECK(mremap(moved, 2 * PAGE, 3 * PAGE, 0) == moved);
	CHECK_EQ(moved[2 * PAGE], 0);
	CHECK_EQ(moved[PAGE], 2);
}

static void mremap_errors(void)
{
	char *m = (char *)map_private(4 * PAGE);
	char *to = (char *)map_private(4 * PAGE);

	CHECK_ERROR(mremap(m + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERROR(mremap(m, PAGE, 0, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERROR(mremap(m, PAGE, PAGE, 0x80), EINVAL);
	CHECK_ERROR(mremap(m, PAGE, PAGE, MREMAP_FIXED, to), EINVAL);
	CHECK_ERROR(mremap(m, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m + PAGE), EINVAL);
	CHECK_ERROR(mremap(m, 0, PAGE, MREMAP_MAYMOVE), EINVAL); /* not shared */
	CHECK_OK(munmap(m + 2 * PAGE, PAGE));
	CHECK_ERROR(mremap(m, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK_ERROR(mremap(m + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	m[0] = 'm';
	CHECK(mremap(m, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE) == to + PAGE);
	CHECK_EQ(to[PAGE], 'm');
}

static void mremap_shared(void)
{
	char *m = (char *)map(4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED);

	m[0] = 'a';
	m[3 * MIB] = 'b';
	char *second = mremap(m, 0, 4 * MIB, MREMAP_MAYMOVE);

	CHECK(second != MAP_FAILED && second != m);
	CHECK_EQ(second[3 * MIB], 'b');
	second[1] = 'c';
	CHECK_EQ(m[1], 'c');
	char *moved = mremap(m, 4 * MIB, 4 * MIB, MREMAP_MAYMOVE | MREMAP_FIXED,
			     map(8 * MIB, PROT_NONE, MAP_PRIVATE));

	CHECK(moved != MAP_FAILED);
	CHECK_EQ(moved[3 * MIB], 'b');
	second[2] = 'd';
	CHECK_EQ(moved[2], 'd');
}

const struct abi_case abi_cases[] = {
	CASE(private_file, "writes to a private mapping do not reach the file: mmap(2)"),
	CASE(private_file_fork, "private copies of file pages are separate after fork: mmap(2)"),
	CASE(shared_file, "writes to a shared mapping reach the file and other mappings: mmap(2)"),
	CASE(past_the_end, "SIGBUS past the end of a file, also after a shrink: mmap(2)"),
	CASE(file_rights, "EACCES when the file was not opened for it: mmap(2), mprotect(2)"),
	CASE(shared_anonymous, "shared anonymous memory; MADV_DONTNEED keeps it, MADV_REMOVE "
			       "zeroes: mmap(2), madvise(2)"),
	CASE(mremap_moves, "mremap(2): grow, move, shrink"),
	CASE(mremap_errors, "mremap(2), ERRORS"),
	CASE(mremap_shared, "an old size of 0 maps shared pages again: mremap(2)"),
	CASES_END,
};
