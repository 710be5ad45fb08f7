// SPDX-License-Identifier: MIT
/* mremap(2) of shared and private mappings: copies, moves, what stays behind. */

#define _GNU_SOURCE

#include <string.h>
#include <unistd.h>

#include "memory_test.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *map_memfd(int flags)
{
	int fd = CHECK_OK(memfd_create("remap", 0));

	CHECK_EQ(write(fd, "file", 4), 4);
	CHECK_OK(ftruncate(fd, 4 * PAGE));
	char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);
	CHECK(m != MAP_FAILED);
	CHECK_OK(close(fd));
	return m;
}

static void duplicate(char *m)
{
	m[PAGE] = 'x';
	char *copy = mremap(m + PAGE, 0, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(copy != MAP_FAILED);
	CHECK_EQ(copy[0], 'x');
	copy[PAGE] = 'y';
	CHECK_EQ(m[2 * PAGE], 'y');
	CHECK_OK(munmap(m, 4 * PAGE));
	CHECK_EQ(copy[0], 'x');
}

static void old_size_zero(void)
{
	duplicate(map_memfd(MAP_SHARED));
	duplicate((char *)map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED));
	CHECK(mremap(map_memfd(MAP_PRIVATE), 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(mremap((void *)map_private(PAGE), 0, PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
}

static void keep_anonymous(void)
{
	char *m = (char *)map_private(4 * PAGE);

	m[0] = 'x';
	char *moved = mremap(m, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(moved != MAP_FAILED && moved != m);
	CHECK_EQ(moved[0], 'x');
	CHECK_EQ(m[0], 0); /* there still, and empty */
	m[0] = 'y';
	CHECK_EQ(moved[0], 'x');
}

static void keep_others(void)
{
	char *m = map_memfd(MAP_SHARED);
	char *moved = mremap(m, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	if (moved == MAP_FAILED && errno == EINVAL)
		SKIP("a Linux before 5.13");
	CHECK(moved != MAP_FAILED && moved != m);
	CHECK_EQ(memcmp(moved, "file", 4), 0);
	m[0] = 'm';
	CHECK_EQ(moved[0], 'm');
	m = map_memfd(MAP_PRIVATE);
	m[0] = 'p';
	moved = mremap(m, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	CHECK(moved != MAP_FAILED);
	CHECK_EQ(moved[0], 'p');
	CHECK_EQ(m[0], 'f'); /* the copy has moved, the file is seen again */
}

static void keep_errors(void)
{
	char *m = (char *)map_private(4 * PAGE);

	CHECK(mremap(m, PAGE, PAGE, MREMAP_DONTUNMAP, NULL) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(mremap(m, PAGE, 2 * PAGE, MREMAP_DONTUNMAP | MREMAP_MAYMOVE, NULL) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
	CHECK(mremap(m, PAGE, PAGE, 8) == MAP_FAILED);
	CHECK_EQ(errno, EINVAL);
}

static void shared_moves(void)
{
	char *m = map_memfd(MAP_SHARED), *place = (char *)map_private(8 * PAGE);

	faults_catch();
	m[3 * PAGE] = 'x';
	char *moved = mremap(m, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, place);
	CHECK(moved == place);
	CHECK_EQ(moved[3 * PAGE], 'x');
	CHECK_EQ(touch(moved + 4 * PAGE, 0), SIGBUS); /* longer than the file */
	CHECK_EQ(touch(m, 0), SIGSEGV);
	CHECK_EQ(touch(place + 6 * PAGE, 1), 0);
}

const struct abi_case abi_cases[] = {
	CASE(old_size_zero,
	     "an old size of 0 maps shared pages again, EINVAL for private: mremap(2)"),
	CASE(keep_anonymous, "MREMAP_DONTUNMAP leaves empty memory behind: mremap(2)"),
	CASE(keep_others, "MREMAP_DONTUNMAP of files, shared and private: mremap(2)"),
	CASE(keep_errors, "MREMAP_DONTUNMAP: EINVAL: mremap(2)"),
	CASE(shared_moves, "a shared mapping moves and grows past its file: mremap(2)"),
	CASES_END,
};
