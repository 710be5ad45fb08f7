// SPDX-License-Identifier: MIT
/* fallocate(2): what is data among the pages that it made, and those past the end of the file. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include "memory_test.h"
#include "mount_test.h"

#define KEEP  FALLOC_FL_KEEP_SIZE
#define PUNCH (FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)

static char *map_fd(int fd, size_t pages, int flags)
{
	char *m = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	CHECK(m != MAP_FAILED);
	return m;
}

static bool stop_writing;

/* Pages that the file takes, wherever they are. */
static long pages_of(int fd)
{
	struct stat status;

	CHECK_OK(fstat(fd, &status));
	return (long)status.st_blocks / (PAGE / 512);
}

/* Which of the first `count` pages are data, as text: "01..."; mincore(2) and SEEK_HOLE say the same. */
static const char *data_of(int fd, unsigned count)
{
	static char text[32];
	unsigned char there[32];
	char *m = map_fd(fd, count, MAP_SHARED);

	CHECK_OK(mincore(m, count * PAGE, there));
	for (unsigned i = 0; i < count; i++) {
		off_t at = (off_t)(i * PAGE);
		bool data = lseek(fd, at, SEEK_DATA) == at;

		CHECK_EQ(lseek(fd, at, SEEK_HOLE) == at, !data);
		CHECK_EQ(there[i] & 1, data);
		text[i] = data ? '1' : '0';
	}
	text[count] = '\0';
	CHECK_OK(munmap(m, count * PAGE));
	return text;
}

#define CHECK_DATA(fd, expected) CHECK_EQ(strcmp(data_of(fd, sizeof(expected) - 1), expected), 0)

/* A file of `pages` pages, all of them allocated. */
static int allocated(unsigned pages)
{
	int fd = CHECK_OK(memfd_create("x", MFD_ALLOW_SEALING));

	CHECK_OK(fallocate(fd, 0, 0, (off_t)(pages * PAGE)));
	CHECK_EQ(pages_of(fd), pages);
	return fd;
}

/* ---- what is data ---- */

static void no_data(void)
{
	int fd = allocated(20);

	CHECK_DATA(fd, "00000000000000000000");
	CHECK_ERROR(lseek(fd, 0, SEEK_DATA), ENXIO);
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
}

static void written(void)
{
	int fd = allocated(6);
	char byte;

	CHECK_EQ(pread(fd, &byte, 1, PAGE), 1); /* reading is not writing */
	CHECK_EQ(byte, 0);
	CHECK_DATA(fd, "000000");
	CHECK_EQ(pwrite(fd, "xy", 2, 3 * PAGE - 1), 2);
	CHECK_DATA(fd, "001100");
	CHECK_EQ(pages_of(fd), 6);
}

static void touched(void)
{
	int fd = allocated(600);
	volatile char *m = map_fd(fd, 600, MAP_SHARED), *other = map_fd(fd, 600, MAP_PRIVATE);

	CHECK_EQ(m[2 * PAGE], 0); /* a fault makes it data, to read or to write */
	CHECK_DATA(fd, "001000");
	m[3 * PAGE] = 1;
	CHECK_DATA(fd, "001100");
	CHECK_EQ(other[0], 0);
	other[5 * PAGE] = 1;
	CHECK_DATA(fd, "101101");
	CHECK_EQ(m[5 * PAGE], 0);
	m[599 * PAGE] = 1;
	CHECK_EQ(lseek(fd, 6 * PAGE, SEEK_DATA), 599 * PAGE);
}

static void touched_by_calls(void)
{
	int fd = allocated(8);
	char *m = map_fd(fd, 8, MAP_SHARED), text[1] = {7};
	struct iovec here = {text, 1}, there = {m + 2 * PAGE, 1};

	CHECK_EQ(process_vm_writev(getpid(), &here, 1, &there, 1, 0), 1);
	CHECK_EQ(madvise(m + 4 * PAGE, PAGE, MADV_WILLNEED), 0);
	CHECK_DATA(fd, "00100000");
	CHECK_OK(mlock(m + 5 * PAGE, PAGE));
	int in = CHECK_OK(memfd_create("in", 0));
	CHECK_EQ(pwrite(in, "z", 1, 0), 1);
	CHECK_EQ(pread(in, m + 7 * PAGE, 1, 0), 1); /* the kernel writes there for the program */
	CHECK_DATA(fd, "00100101");
}

static void again(void)
{
	int fd = allocated(2);

	CHECK_OK(fallocate(fd, 0, PAGE, 2 * PAGE));
	CHECK_DATA(fd, "010"); /* allocated twice: made data */
	CHECK_OK(fallocate(fd, PUNCH, 0, 3 * PAGE));
	CHECK_OK(fallocate(fd, 0, 0, PAGE));
	CHECK_DATA(fd, "000");
	CHECK_EQ(pages_of(fd), 1);
}

static void punched_in_part(void)
{
	int fd = allocated(4);

	CHECK_OK(fallocate(fd, PUNCH, 10, 2 * PAGE));
	CHECK_DATA(fd, "0000");
	CHECK_EQ(pages_of(fd), 3);
	CHECK_OK(ftruncate(fd, 3 * PAGE + 10));
	CHECK_DATA(fd, "0000");
}

static void child_touches(void *argument)
{
	*(volatile char *)argument = 1;
}

static void touched_by_a_child(void)
{
	int fd = allocated(3);
	char *m = map_fd(fd, 3, MAP_SHARED);

	abi_in_child(child_touches, m + PAGE);
	CHECK_DATA(fd, "010");
}

/* ---- past the end ---- */

static void past_the_end(void)
{
	int fd = CHECK_OK(memfd_create("x", 0));
	char bytes[2 * PAGE];

	CHECK_OK(fallocate(fd, KEEP, 0, 4 * PAGE));
	CHECK_EQ(lseek(fd, 0, SEEK_END), 0);
	CHECK_EQ(pages_of(fd), 4);
	CHECK_EQ(pread(fd, bytes, 1, 0), 0);
	CHECK_OK(ftruncate(fd, 2 * PAGE)); /* grows into two of them */
	CHECK_EQ(pages_of(fd), 4);
	CHECK_DATA(fd, "00");
	CHECK_EQ(pwrite(fd, "x", 1, 2 * PAGE + 5), 1);
	CHECK_EQ(pages_of(fd), 4);
	CHECK_DATA(fd, "001");
	CHECK_EQ(pread(fd, bytes, sizeof(bytes), 2 * PAGE), 6);
	CHECK_EQ(memcmp(bytes, "\0\0\0\0\0x", 6), 0);
	CHECK_EQ(pwrite(fd, "x", 1, 20 * PAGE), 1); /* far past them */
	CHECK_EQ(pages_of(fd), 5);
}

static void past_the_end_is_not_mapped(void)
{
	int fd = allocated(2);
	char *m = map_fd(fd, 8, MAP_SHARED);

	CHECK_OK(fallocate(fd, KEEP, PAGE, 4 * PAGE));
	CHECK_EQ(pages_of(fd), 5);
	faults_catch();
	m[PAGE] = 1;
	CHECK_EQ(touch(m + 2 * PAGE, 1), SIGBUS);
	CHECK_EQ(touch(m + 4 * PAGE, 0), SIGBUS);
	CHECK_OK(ftruncate(fd, 3 * PAGE));
	CHECK_EQ(touch(m + 2 * PAGE, 1), 0);
	CHECK_EQ(touch(m + 3 * PAGE, 1), SIGBUS);
	CHECK_EQ(pages_of(fd), 5);
	CHECK_DATA(fd, "011");
}

/* ---- writes that fall short ---- */

static void *write_short(void *argument)
{
	int fd = *(int *)argument;
	char *m = (char *)map_private(3 * PAGE);

	memset(m, 'x', PAGE);
	CHECK_OK(munmap(m + PAGE, 2 * PAGE));
	while (!__atomic_load_n(&stop_writing, __ATOMIC_RELAXED))
		CHECK_EQ(pwrite(fd, m, 3 * PAGE, PAGE), PAGE);
	return NULL;
}

/* Whoever has the file mapped never sees it longer than what was written. */
static void short_write_shows_nothing(void)
{
	int fd = allocated(2);
	char *m = map_fd(fd, 4, MAP_PRIVATE);
	pthread_t writer;

	faults_catch();
	CHECK_EQ(pthread_create(&writer, NULL, write_short, &fd), 0);
	for (unsigned i = 0; i < 20000; i++)
		CHECK_EQ(touch(m + 3 * PAGE, 1), SIGBUS);
	__atomic_store_n(&stop_writing, true, __ATOMIC_RELAXED);
	CHECK_EQ(pthread_join(writer, NULL), 0);
}

/* What is written from is not there before it is written. */
static void write_from_past_the_end(void)
{
	int fd = allocated(1);
	char *m = map_fd(fd, 4, MAP_SHARED);
	struct stat status;

	CHECK_ERROR(pwrite(fd, m + PAGE, PAGE, PAGE), EFAULT);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, PAGE);
}

#define LARGEST 0x7fffffffffffffff

static void largest_file(void)
{
	int fd = CHECK_OK(memfd_create("x", 0));
	char byte = 0;

	CHECK_OK(ftruncate(fd, LARGEST));
	CHECK_EQ(lseek(fd, 0, SEEK_END), LARGEST);
	CHECK_EQ(pwrite(fd, "x", 1, LARGEST - 1), 1);
	CHECK_EQ(pwrite(fd, "x", 1, 3 * PAGE), 1);
	CHECK_EQ(pread(fd, &byte, 1, LARGEST - 1), 1);
	CHECK_EQ(byte, 'x');
	CHECK_EQ(pages_of(fd), 2);
	CHECK_OK(fallocate(fd, PUNCH, PAGE, 1l << 62));
	CHECK_EQ(pages_of(fd), 1);
	CHECK_OK(fallocate(fd, PUNCH, 0, LARGEST)); /* to the end, whatever that is */
	CHECK_EQ(pages_of(fd), 1);                  /* the last one is no whole page */
	CHECK_EQ(pread(fd, &byte, 1, LARGEST - 1), 1);
	CHECK_EQ(byte, 0);
	CHECK_ERROR(fallocate(fd, PUNCH, 1, LARGEST), EFBIG);
	CHECK_OK(ftruncate(fd, 1l << 62));
	CHECK_OK(ftruncate(fd, 0));
}

static void truncation_gives_back(void)
{
	int fd = CHECK_OK(memfd_create("x", 0));

	CHECK_OK(fallocate(fd, KEEP, 0, 4 * PAGE));
	CHECK_OK(ftruncate(fd, 2 * PAGE));
	CHECK_OK(ftruncate(fd, 2 * PAGE)); /* to the size that it has */
	CHECK_EQ(pages_of(fd), 2);
	CHECK_OK(fallocate(fd, KEEP, 5 * PAGE, 3 * PAGE));
	CHECK_EQ(pages_of(fd), 5);
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_EQ(pages_of(fd), 1);
	CHECK_OK(fallocate(fd, KEEP, PAGE, 3 * PAGE));
	CHECK_OK(ftruncate(fd, PAGE + 100));
	CHECK_EQ(pages_of(fd), 4);
	CHECK_OK(ftruncate(fd, PAGE + 50));
	CHECK_EQ(pages_of(fd), 2);
	CHECK_OK(ftruncate(fd, 0));
	CHECK_EQ(pages_of(fd), 0);
}

static void punched_past_the_end(void)
{
	int fd = allocated(1);

	CHECK_OK(fallocate(fd, KEEP, 4 * PAGE, 4 * PAGE));
	CHECK_EQ(pages_of(fd), 5);
	CHECK_OK(fallocate(fd, PUNCH, 5 * PAGE, PAGE));
	CHECK_EQ(pages_of(fd), 4);
	CHECK_OK(fallocate(fd, PUNCH, 4 * PAGE, 100)); /* less than a page */
	CHECK_EQ(pages_of(fd), 4);
	CHECK_OK(fallocate(fd, KEEP, 4 * PAGE, 2 * PAGE)); /* one is there */
	CHECK_EQ(pages_of(fd), 5);
	char *m = map_fd(fd, 16, MAP_SHARED);
	CHECK_OK(madvise(m + 6 * PAGE, 10 * PAGE, MADV_REMOVE));
	CHECK_EQ(pages_of(fd), 3);
}

static void grown_over(void)
{
	int fd = CHECK_OK(memfd_create("x", 0));

	CHECK_OK(fallocate(fd, KEEP, 3 * PAGE, 2 * PAGE));
	CHECK_OK(fallocate(fd, 0, 0, 4 * PAGE)); /* page 3 is allocated twice */
	CHECK_EQ(pages_of(fd), 5);
	CHECK_DATA(fd, "0001");
	CHECK_OK(fallocate(fd, KEEP, 700 * PAGE, 600 * PAGE));
	CHECK_EQ(pages_of(fd), 605);
	CHECK_OK(ftruncate(fd, 1000 * PAGE));
	CHECK_EQ(pages_of(fd), 605);
	CHECK_EQ(lseek(fd, 4 * PAGE, SEEK_DATA), -1);
	CHECK_OK(ftruncate(fd, 900 * PAGE));
	CHECK_EQ(pages_of(fd), 205);
}

static void sealed(void)
{
	int fd = allocated(2);

	CHECK_OK(fallocate(fd, KEEP, 2 * PAGE, 2 * PAGE));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	CHECK_ERROR(fallocate(fd, KEEP, 2 * PAGE, PAGE), EPERM);
	CHECK_OK(fallocate(fd, PUNCH, 2 * PAGE, PAGE));
	CHECK_EQ(pages_of(fd), 3);
}

static void in_small_mount(const char *path)
{
	char file[96], bytes[PAGE] = {1};
	struct statfs status;

	snprintf(file, sizeof(file), "%s/file", path);
	int fd = CHECK_OK(open(file, O_RDWR | O_CREAT, 0600));
	CHECK_OK(fallocate(fd, KEEP, 4 * PAGE, 8 * PAGE));
	CHECK_OK(statfs(path, &status));
	CHECK_EQ(status.f_bfree, 8);
	CHECK_ERROR(fallocate(fd, KEEP, 2 * PAGE, 20 * PAGE), ENOSPC);
	CHECK_EQ(pages_of(fd), 8);
	CHECK_OK(fallocate(fd, KEEP, 0, 16 * PAGE)); /* half of it is there */
	CHECK_OK(statfs(path, &status));
	CHECK_EQ(status.f_bfree, 0);
	/* Nothing is free, but what was promised can be written. */
	for (unsigned i = 0; i < 16; i++)
		CHECK_EQ(pwrite(fd, bytes, PAGE, (off_t)(i * PAGE)), PAGE);
	CHECK_ERROR(pwrite(fd, bytes, PAGE, 16 * PAGE), ENOSPC);
	CHECK_OK(unlink(file));
	CHECK_OK(close(fd));
	CHECK_OK(statfs(path, &status));
	CHECK_EQ(status.f_bfree, 16);
}

static void counted_by_the_mount(void)
{
	char path[] = "/tmp/fallocate-XXXXXX";

	private_mount_point(path);
	CHECK_OK(mount("none", path, "tmpfs", 0, "size=64k"));
	in_small_mount(path);
	CHECK_OK(umount(path));
	CHECK_OK(rmdir(path));
}

const struct abi_case abi_cases[] = {
	CASE(no_data, "neither SEEK_DATA nor mincore sees what was only allocated: observed"),
	CASE(written, "write makes data, read does not: fallocate(2), lseek(2), observed"),
	CASE(touched, "a fault makes data, of any mapping and kind: observed"),
	CASE(touched_by_calls, "so does what writes there for a program, and mlock: observed"),
	CASE(again, "what is allocated again is data: observed"),
	CASE(punched_in_part, "a part that is cleared is none: observed"),
	CASE(touched_by_a_child, "a child's fault counts: observed"),
	CASE(past_the_end, "KEEP_SIZE allocates past the end: fallocate(2)"),
	CASE(past_the_end_is_not_mapped, "SIGBUS past the end all the same: mmap(2)"),
	CASE(truncation_gives_back,
	     "ftruncate frees what is past the end, unless it grows: observed"),
	CASE(punched_past_the_end, "holes may be punched past the end: fallocate(2), madvise(2)"),
	CASE(grown_over, "a file grows into what is past its end: fallocate(2)"),
	CASE(short_write_shows_nothing, "what a write does not reach is SIGBUS meanwhile: mmap(2)"),
	CASE(write_from_past_the_end, "a file's own pages past its end are EFAULT: write(2)"),
	CASE(largest_file, "a file may have 2^63 - 1 bytes, and be punched to its end: observed"),
	CASE(sealed, "F_SEAL_GROW forbids KEEP_SIZE past the end: fcntl(2), observed"),
	CASE(counted_by_the_mount, "it takes the file system's room, and keeps it: fallocate(2)"),
	CASES_END,
};
