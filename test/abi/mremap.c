// SPDX-License-Identifier: MIT
/* mremap(2) of shared and private mappings: copies, moves, what stays behind. */

#define _GNU_SOURCE

#include <string.h>
#include <sys/shm.h>
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

/* Past all addresses, and round to low ones: it stays where it is. */
static void lengths_past_the_end(void)
{
	char *q = (char *)map_private(16 * PAGE), *p = q + 8 * PAGE;
	const unsigned long at = (unsigned long)p, end = 1ul << 56;
	const struct {
		unsigned long from, to;
		int flags;
		char *place;
		int error;
	} calls[] = {
		{end - at, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q, EINVAL},
		{-at, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q, EINVAL},
		{-at - PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q, EINVAL},
		{-at, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE, EINVAL},
		{1ul << 63, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE, EINVAL},
		{end, PAGE, MREMAP_MAYMOVE, NULL, EINVAL},
		{1ul << 63, PAGE, 0, NULL, EINVAL},
		{-at, PAGE, MREMAP_MAYMOVE, NULL, EINVAL},
		{-at - PAGE, PAGE, 0, NULL, EINVAL},
		{end, end, MREMAP_MAYMOVE, NULL, EINVAL},
		{end, 2 * end, MREMAP_MAYMOVE, NULL, EINVAL},
	};

	p[0] = 'p';
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		CHECK(mremap(p, calls[i].from, calls[i].to, calls[i].flags, calls[i].place) ==
		      MAP_FAILED);
		CHECK_EQ(errno, calls[i].error);
		CHECK_EQ(p[0], 'p'); /* the place may have been cleared */
	}
	CHECK(mremap((void *)end, 3 * PAGE, PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK_EQ(errno, EFAULT);
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

static void keep_unlocks(void)
{
	char *m = (char *)map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *place = (char *)map_private(PAGE);

	if (mlock(m, 4 * PAGE))
		SKIP("may not lock memory");
	CHECK_ERROR(madvise(m, PAGE, MADV_DONTNEED), EINVAL);
	char *moved = mremap(m + 2 * PAGE, PAGE, PAGE,
			     MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, place);
	if (moved == MAP_FAILED && errno == EINVAL)
		SKIP("a Linux before 5.13");
	CHECK(moved == place);
	CHECK_ERROR(madvise(moved, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_OK(madvise(m, 4 * PAGE, MADV_DONTNEED));
}

/* ---- several areas at once ---- */

#define AS_IT_IS (MREMAP_MAYMOVE | MREMAP_FIXED)

/* Shared, a gap, private and read-only, a page each, and a page behind; where to: all mapped. */
static char *three_pages(char **to)
{
	char *m = (char *)map_private(4 * PAGE);

	*to = (char *)map_private(4 * PAGE);
	CHECK(mmap(m, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1,
		   0) == m);
	m[0] = 's';
	m[2 * PAGE] = 'p';
	m[3 * PAGE] = 'b';
	(*to)[PAGE] = 't';
	CHECK_OK(mprotect(m + 2 * PAGE, PAGE, PROT_READ));
	CHECK_OK(munmap(m + PAGE, PAGE));
	return m;
}

static void several_areas(void)
{
	char *to, *m = three_pages(&to);
	char *moved = mremap(m, 3 * PAGE, 3 * PAGE, AS_IT_IS, to);

	if (moved == MAP_FAILED && errno == EFAULT && !abi_in_samepage())
		SKIP("a Linux before 6.17");
	CHECK(moved == to);
	faults_catch();
	CHECK_EQ(to[0], 's');
	CHECK_EQ(to[PAGE], 't'); /* a gap takes nothing away */
	CHECK_EQ(to[2 * PAGE], 'p');
	CHECK_EQ(touch(to + 2 * PAGE, 1), SIGSEGV);
	CHECK_EQ(touch(m, 0), SIGSEGV);
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGSEGV);
	CHECK_EQ(m[3 * PAGE], 'b');
	CHECK(mremap(m, 4 * PAGE, 4 * PAGE, AS_IT_IS, to) == MAP_FAILED); /* begins with a gap */
	CHECK_EQ(errno, EFAULT);
}

static void several_areas_stay(void)
{
	char *to, *m = three_pages(&to);
	char *moved = mremap(m, 3 * PAGE, 3 * PAGE, AS_IT_IS | MREMAP_DONTUNMAP, to);

	if (moved == MAP_FAILED && !abi_in_samepage())
		SKIP("a Linux before 6.17");
	CHECK(moved == to);
	CHECK_EQ(to[2 * PAGE], 'p');
	CHECK_EQ(m[2 * PAGE], 0);
	m[0] = 'm';
	CHECK_EQ(to[0], 'm');
}

/* Segments alone only; what came before one has moved when it is refused. */
static void several_with_segment(void)
{
	char *to, *m = three_pages(&to);
	int id = CHECK_OK(shmget(IPC_PRIVATE, PAGE, 0600));

	CHECK_OK(munmap(m, PAGE));
	CHECK_EQ((char *)shmat(id, m, 0) - m, 0);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK(mremap(m, 3 * PAGE, 3 * PAGE, AS_IT_IS, to) == MAP_FAILED);
	CHECK_EQ(errno, EFAULT);
	char *alone = mremap(m, 2 * PAGE, 2 * PAGE, AS_IT_IS, to); /* ends with a gap */
	CHECK(alone == MAP_FAILED && errno == EFAULT);
	CHECK(mremap(m, PAGE, PAGE, AS_IT_IS, m + PAGE) == m + PAGE);
	CHECK_OK(mprotect(m + 3 * PAGE, PAGE, PROT_READ | PROT_EXEC));
	m = mremap(m + PAGE, PAGE, PAGE, AS_IT_IS, m + 3 * PAGE); /* behind the private page */
	CHECK(m != MAP_FAILED);
	m -= 3 * PAGE;
	CHECK(mremap(m + 2 * PAGE, 2 * PAGE, 2 * PAGE, AS_IT_IS, to) == MAP_FAILED);
	CHECK_EQ(errno, EFAULT);
	faults_catch();
	if (touch(m + 2 * PAGE, 0) != SIGSEGV && !abi_in_samepage())
		SKIP("a Linux before 6.17");
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGSEGV);
	CHECK_EQ(to[0], 'p');
	CHECK_OK(shmdt(m + 3 * PAGE));
}

const struct abi_case abi_cases[] = {
	CASE(old_size_zero,
	     "an old size of 0 maps shared pages again, EINVAL for private: mremap(2)"),
	CASE(lengths_past_the_end, "EINVAL where what is cut off has no addresses: observed"),
	CASE(keep_anonymous, "MREMAP_DONTUNMAP leaves empty memory behind: mremap(2)"),
	CASE(keep_others, "MREMAP_DONTUNMAP of files, shared and private: mremap(2)"),
	CASE(keep_errors, "MREMAP_DONTUNMAP: EINVAL: mremap(2)"),
	CASE(keep_unlocks, "MREMAP_DONTUNMAP unlocks all of what stays: observed"),
	CASE(several_areas, "a move as it is takes several areas, and gaps, along: mremap(2)"),
	CASE(several_areas_stay, "MREMAP_DONTUNMAP of several areas: mremap(2)"),
	CASE(several_with_segment, "attached segments move one at a time: observed"),
	CASE(shared_moves, "a shared mapping moves and grows past its file: mremap(2)"),
	CASES_END,
};
