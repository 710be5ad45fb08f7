// SPDX-License-Identifier: MIT
/* Shared memory of the oldest kinds: mmap of /dev/zero, and remap_file_pages(2). */

#define _GNU_SOURCE

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include "memory_test.h"

static int zero(int flags)
{
	int fd = open("/dev/zero", flags);

	if (fd < 0 && errno == ENOENT)
		SKIP("there is no /dev/zero");
	return CHECK_OK(fd);
}

static char *map_fd(int fd, int protection, int flags, size_t pages)
{
	char *m = mmap(NULL, pages * PAGE, protection, flags, fd, 0);

	CHECK(m != MAP_FAILED);
	return m;
}

#define READ_WRITE (PROT_READ | PROT_WRITE)

/* ---- /dev/zero ---- */

static void write_behind(void *argument)
{
	CHECK_EQ(((char *)argument)[PAGE], 'p');
	strcpy(argument, "from the child");
}

static void zero_is_shared(void)
{
	int fd = zero(O_RDWR);
	char *m = map_fd(fd, READ_WRITE, MAP_SHARED, 4), *other;

	for (size_t i = 0; i < 4 * PAGE; i++)
		CHECK_EQ(m[i], 0);
	m[PAGE] = 'p';
	CHECK_OK(close(fd));
	abi_in_child(write_behind, m);
	CHECK_EQ(strcmp(m, "from the child"), 0);
	/* Each mapping is memory of its own, and nothing of it is in the file. */
	fd = zero(O_RDWR);
	other = map_fd(fd, READ_WRITE, MAP_SHARED, 1);
	CHECK_EQ(other[0], 0);
	CHECK_EQ(read(fd, m, 4), 4);
	CHECK_EQ(m[0], 0);
}

static void zero_shared_ends(void)
{
	int fd = zero(O_RDWR);
	char *m = mmap(NULL, 2 * PAGE, READ_WRITE, MAP_SHARED, fd, PAGE);

	CHECK(m != MAP_FAILED);
	faults_catch();
	CHECK_EQ(touch(m, 1), 0);
	CHECK_EQ(touch(m + PAGE, 1), SIGBUS); /* it is two pages, shown from the second on */
	m = mremap(map_fd(fd, READ_WRITE, MAP_SHARED, 1), PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(touch(m, 1), 0);
	CHECK_EQ(touch(m + PAGE, 1), SIGBUS);
}

static void write_private(void *argument)
{
	((char *)argument)[0] = 'c';
}

static void zero_is_private(void)
{
	int fd = zero(O_RDONLY);
	char *m = map_fd(fd, READ_WRITE, MAP_PRIVATE, 2);

	CHECK_EQ(m[0], 0);
	m[0] = 'p';
	abi_in_child(write_private, m);
	CHECK_EQ(m[0], 'p');
	m = mremap(m, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(m[0], 'p');
	m[3 * PAGE] = 'x';
	CHECK_OK(madvise(m, PAGE, MADV_DONTNEED));
	CHECK_EQ(m[0], 0);
}

static void zero_rights(void)
{
	int readable = zero(O_RDONLY), writable = zero(O_WRONLY);

	CHECK(mmap(NULL, PAGE, READ_WRITE, MAP_SHARED, readable, 0) == MAP_FAILED);
	CHECK_EQ(errno, EACCES);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writable, 0) == MAP_FAILED);
	CHECK_EQ(errno, EACCES);
	char *m = map_fd(readable, PROT_READ, MAP_SHARED, 1);
	CHECK_EQ(m[0], 0);
	CHECK_ERROR(mprotect(m, PAGE, READ_WRITE), EACCES);
	int null = CHECK_OK(open("/dev/null", O_RDWR));
	CHECK(mmap(NULL, PAGE, READ_WRITE, MAP_SHARED, null, 0) == MAP_FAILED);
	CHECK_EQ(errno, ENODEV);
}

/* ---- remap_file_pages ---- */

/* A file of eight pages that begin with 'a' to 'h'. */
static int lettered(void)
{
	int fd = CHECK_OK(memfd_create("letters", 0));

	CHECK_OK(ftruncate(fd, 8 * PAGE));
	for (int i = 0; i < 8; i++)
		CHECK_EQ(pwrite(fd, &"abcdefgh"[i], 1, i * (off_t)PAGE), 1);
	return fd;
}

/* What the first four pages begin with. */
static bool shows(const char *m, const char *letters)
{
	for (int i = 0; i < 4; i++)
		if (((const volatile char *)m)[i * PAGE] != letters[i])
			return false;
	return true;
}

static void remap_rearranges(void)
{
	int fd = lettered();
	char *m = map_fd(fd, READ_WRITE, MAP_SHARED, 4), byte;

	CHECK_OK(remap_file_pages(m, PAGE, 0, 7, 0));
	CHECK(shows(m, "hbcd"));
	CHECK_OK(remap_file_pages(m + PAGE, 2 * PAGE, 0, 5, 0));
	CHECK(shows(m, "hfgd"));
	CHECK_OK(remap_file_pages(m + 3 * PAGE, PAGE, 0, 7, 0));
	((volatile char *)m)[3 * PAGE] = 'H'; /* one page at two places */
	CHECK(shows(m, "HfgH"));
	CHECK_EQ(pread(fd, &byte, 1, 7 * PAGE), 1);
	CHECK_EQ(byte, 'H');
	/* Over pieces that lie side by side; addresses and sizes are rounded down. */
	CHECK_OK(remap_file_pages(m + 5, 4 * PAGE + 77, 0, 0, 0));
	CHECK(shows(m, "abcd"));
	faults_catch();
	CHECK_OK(remap_file_pages(m, PAGE, 0, 100, 0));
	CHECK_EQ(touch(m, 0), SIGBUS);
	CHECK_EQ(touch(m + PAGE, 0), 0);
}

static void remap_keeps_protection(void)
{
	int fd = lettered();
	char *m = map_fd(fd, PROT_READ, MAP_SHARED, 4);

	faults_catch();
	CHECK_OK(remap_file_pages(m, PAGE, 0, 6, 0));
	CHECK(shows(m, "gbcd"));
	CHECK_EQ(touch(m, 1), SIGSEGV);
	CHECK_OK(mprotect(m + PAGE, PAGE, READ_WRITE));
	CHECK_OK(remap_file_pages(m + PAGE, PAGE, 0, 4, 0));
	CHECK_EQ(touch(m + PAGE, 1), 0);
	CHECK_EQ(touch(m + 2 * PAGE, 1), SIGSEGV);
	/* Flags are ignored. */
	CHECK_OK(remap_file_pages(m, PAGE, 0, 1, MAP_PRIVATE | MAP_ANONYMOUS));
	CHECK_EQ(m[0], 'b');
}

static void remap_of_anonymous(void)
{
	char *m = map_fd(-1, READ_WRITE, MAP_SHARED | MAP_ANONYMOUS, 4);

	strcpy(m + 2 * PAGE, "third");
	CHECK_OK(remap_file_pages(m, PAGE, 0, 2, 0));
	CHECK_EQ(strcmp(m, "third"), 0);
	((volatile char *)m)[0] = 'T';
	CHECK_EQ(((volatile char *)m)[2 * PAGE], 'T');
	m = map_fd(zero(O_RDWR), READ_WRITE, MAP_SHARED, 4);
	strcpy(m + 3 * PAGE, "fourth");
	CHECK_OK(remap_file_pages(m, 2 * PAGE, 0, 2, 0));
	CHECK_EQ(strcmp(m + PAGE, "fourth"), 0);
}

static void remap_errors(void)
{
	int fd = lettered();
	char *m = map_fd(fd, READ_WRITE, MAP_SHARED, 4);
	char *private = map_fd(fd, READ_WRITE, MAP_PRIVATE, 1);

	CHECK_ERROR(remap_file_pages(m, PAGE, PROT_READ, 0, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(m, 0, 0, 0, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(m, PAGE - 1, 0, 0, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(m, 64 * PAGE, 0, 0, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(m, ULONG_MAX, 0, 0, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(m, PAGE, 0, ULONG_MAX, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(m, PAGE, 0, ULONG_MAX / PAGE, 0), EOVERFLOW);
	CHECK_ERROR(remap_file_pages((void *)PAGE, PAGE, 0, 0, 0), EINVAL);
	CHECK_ERROR(remap_file_pages(private, PAGE, 0, 1, 0), EINVAL);
	/* Of a file that may only be read, no mapping counts as shared. */
	CHECK(shows(m, "abcd"));
	CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ));
	CHECK_ERROR(remap_file_pages(m, 2 * PAGE, 0, 4, 0), EINVAL);
	CHECK_OK(munmap(m + PAGE, PAGE));
	CHECK_ERROR(remap_file_pages(m, 3 * PAGE, 0, 4, 0), EINVAL);
	CHECK_EQ(m[0], 'a');
	CHECK_EQ(m[2 * PAGE], 'c');
}

static void remap_of_sealed(void)
{
	int fd = CHECK_OK(memfd_create("sealed", MFD_ALLOW_SEALING));

	CHECK_OK(ftruncate(fd, 8 * PAGE));
	char *m = map_fd(fd, READ_WRITE, MAP_SHARED, 4);
	CHECK_OK(remap_file_pages(m, PAGE, 0, 5, 0));
	CHECK_OK(munmap(m + PAGE, 3 * PAGE));
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	/* It would be a new way to write. */
	CHECK_ERROR(remap_file_pages(m, PAGE, 0, 6, 0), EPERM);
	m[0] = 'x';
	CHECK_OK(munmap(m, PAGE));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

/* How many lines of /proc/self/maps name /dev/zero, and the first one's range and offset. */
static int zero_lines(unsigned long *start, unsigned long *end, unsigned long *offset)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");
	int count = 0;

	if (!maps)
		SKIP("no /proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		if (strstr(line, " /dev/zero\n") && !count++)
			CHECK_EQ(sscanf(line, "%lx-%lx %*s %lx", start, end, offset), 3);
	fclose(maps);
	return count;
}

static void zero_private_has_a_name(void)
{
	unsigned long start, end, offset;
	int fd = zero(O_RDWR);
	char *m = CHECK_OK((char *)mmap(NULL, 3 * PAGE, READ_WRITE, MAP_PRIVATE, fd, 5 * PAGE));

	CHECK_OK(close(fd));
	m[0] = 1;
	CHECK_EQ(zero_lines(&start, &end, &offset), 1);
	CHECK_EQ(start, (uintptr_t)m);
	CHECK_EQ(end, (uintptr_t)m + 3 * PAGE);
	CHECK_EQ(offset, 5 * PAGE);
	CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ));
	CHECK_EQ(zero_lines(&start, &end, &offset), 3);
	CHECK_OK(mprotect(m + PAGE, PAGE, READ_WRITE));
	CHECK_EQ(zero_lines(&start, &end, &offset), 1);
	CHECK_OK(munmap(m, PAGE));
	CHECK_EQ(zero_lines(&start, &end, &offset), 1);
	CHECK_EQ(offset, 6 * PAGE);
	/* Its advice is a file's, its pages are nobody's. */
	CHECK_OK(madvise(m + PAGE, PAGE, MADV_FREE));
	CHECK_ERROR(madvise(m + PAGE, PAGE, MADV_WIPEONFORK), EINVAL);
	CHECK_ERROR(madvise(m + PAGE, PAGE, MADV_REMOVE), EACCES);
	CHECK_OK(munmap(m + PAGE, 2 * PAGE));
	CHECK_EQ(zero_lines(&start, &end, &offset), 0);
}

const struct abi_case abi_cases[] = {
	CASE(zero_is_shared, "MAP_SHARED of /dev/zero is shared with children: zero(4)"),
	CASE(zero_shared_ends, "and as long as it was mapped: observed"),
	CASE(zero_is_private, "MAP_PRIVATE of /dev/zero is anonymous memory: mmap(2), zero(4)"),
	CASE(zero_private_has_a_name, "/proc/PID/maps names a private map of /dev/zero: observed"),
	CASE(zero_rights, "EACCES by the descriptor's mode, ENODEV for /dev/null: mmap(2)"),
	CASE(remap_rearranges, "pages of a file in any order: remap_file_pages(2)"),
	CASE(remap_keeps_protection, "as the mapping is protected: remap_file_pages(2)"),
	CASE(remap_of_anonymous, "also of shared anonymous memory: remap_file_pages(2)"),
	CASE(remap_errors, "EINVAL, and nothing changed: remap_file_pages(2), observed"),
	CASE(remap_of_sealed, "seals are asked, and see the new map: fcntl(2), observed"),
	CASES_END,
};
