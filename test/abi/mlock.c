// SPDX-License-Identifier: MIT
/* mlock(2) and its kin: what is locked, how much may be, and what follows from it. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory_test.h"

#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif

#define LIMIT_PAGES 16

/* VmLck of this process, in pages. */
static long locked_pages(void)
{
	char line[128];
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmLck: %ld kB", &kib) == 1)
			break;
	fclose(file);
	CHECK(kib >= 0);
	return kib / 4;
}

static int there(volatile char *m)
{
	unsigned char byte;

	CHECK_OK(mincore((void *)m, PAGE, &byte));
	return byte & 1;
}

/* An ordinary user who may lock so many pages. */
static void limit_to(rlim_t bytes)
{
	struct rlimit limit = {bytes, bytes};

	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
	abi_become(12345, 12345);
}

static volatile char *map_more(size_t pages, int flags)
{
	void *m = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	return m == MAP_FAILED ? NULL : m;
}

/* ---- what is counted ---- */

static void counted(void)
{
	volatile char *m = map_private(8 * PAGE);

	CHECK_EQ(locked_pages(), 0);
	CHECK_OK(mlock((void *)m, 4 * PAGE));
	CHECK_EQ(locked_pages(), 4);
	CHECK_OK(mlock((void *)m, 4 * PAGE)); /* they do not nest */
	CHECK_EQ(locked_pages(), 4);
	CHECK_OK(mlock((void *)(m + 5 * PAGE + 1), PAGE)); /* two pages */
	CHECK_EQ(locked_pages(), 6);
	CHECK_OK(munlock((void *)m, 2 * PAGE));
	CHECK_EQ(locked_pages(), 4);
	CHECK_OK(munmap((void *)(m + 2 * PAGE), PAGE));
	CHECK_EQ(locked_pages(), 3);
	CHECK_OK(munlock((void *)m, PAGE)); /* not locked: fine */
	CHECK_OK(munlockall());
	CHECK_EQ(locked_pages(), 0);
}

static void makes_present(void)
{
	volatile char *m = map_private(8 * PAGE);
	volatile char *shared = map(8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_OK(mlock((void *)m, 2 * PAGE));
	CHECK_OK(mlock((void *)shared, 2 * PAGE));
	CHECK_EQ(there(m) + there(m + PAGE), 2);
	CHECK_EQ(there(shared) + there(shared + PAGE), 2);
	CHECK_EQ(there(m + 2 * PAGE) + there(shared + 2 * PAGE), 0);
	CHECK_OK(syscall(SYS_mlock2, m + 4 * PAGE, 2 * PAGE, MLOCK_ONFAULT));
	CHECK_EQ(there(m + 4 * PAGE), 0);
	CHECK_EQ(locked_pages(), 6);
	CHECK_OK(syscall(SYS_mlock2, m + 6 * PAGE, PAGE, 0));
	CHECK_EQ(there(m + 6 * PAGE), 1);
	CHECK_ERROR(syscall(SYS_mlock2, m, PAGE, 2), EINVAL);
}

static void over_holes(void)
{
	volatile char *m = map_private(4 * PAGE);

	CHECK_OK(munmap((void *)(m + 2 * PAGE), PAGE));
	CHECK_ERROR(mlock((void *)m, 4 * PAGE), ENOMEM);
	CHECK_EQ(locked_pages(), 2); /* up to the hole */
	CHECK_ERROR(munlock((void *)m, 4 * PAGE), ENOMEM);
	CHECK_EQ(locked_pages(), 0);
	CHECK_ERROR(mlock((void *)(m + 2 * PAGE), PAGE), ENOMEM);
	CHECK_OK(mlock((void *)m, 0));
	CHECK_EQ(locked_pages(), 0);
	if (abi_is_root()) /* others meet their limit first: ENOMEM */
		CHECK_ERROR(mlock((void *)m, -PAGE), EINVAL);
}

static void cannot_populate(void)
{
	int fd = CHECK_OK(memfd_create("lock", 0));

	CHECK_OK(ftruncate(fd, PAGE));
	char *m = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	CHECK_ERROR(mlock(m, 2 * PAGE), ENOMEM); /* past the end */
	CHECK_EQ(locked_pages(), 2);
	volatile char *none = map(PAGE, PROT_NONE, MAP_PRIVATE);
	CHECK_ERROR(mlock((void *)none, PAGE), ENOMEM);
	CHECK_EQ(locked_pages(), 3);
}

static void child_has_none(void *argument)
{
	(void)argument;
	CHECK_EQ(locked_pages(), 0);
	CHECK(map_more(1, 0) != NULL);
	CHECK_EQ(locked_pages(), 0);
}

static void not_inherited(void)
{
	volatile char *m = map_private(4 * PAGE);

	CHECK_OK(mlock((void *)m, 4 * PAGE));
	CHECK_OK(mlockall(MCL_FUTURE));
	abi_in_child(child_has_none, NULL);
	CHECK_EQ(locked_pages(), 4);
}

static void moves_with_the_map(void)
{
	char *m = (char *)map_private(4 * PAGE);

	CHECK_OK(mlock(m, 4 * PAGE));
	m = mremap(m, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(locked_pages(), 8);
	CHECK_EQ(there(m + 7 * PAGE), 1);
	m = mremap(m, 8 * PAGE, 2 * PAGE, 0);
	CHECK_EQ(locked_pages(), 2);
}

/* ---- mlockall, MAP_LOCKED ---- */

static void all_flags(void)
{
	CHECK_ERROR(mlockall(0), EINVAL);
	CHECK_ERROR(mlockall(8), EINVAL);
	CHECK_ERROR(mlockall(MCL_ONFAULT), EINVAL);
	CHECK_OK(mlockall(MCL_CURRENT | MCL_ONFAULT));
	CHECK(locked_pages() > 0);
	CHECK_OK(munlockall());
	CHECK_EQ(locked_pages(), 0);
}

static void future(void)
{
	CHECK_OK(mlockall(MCL_FUTURE));
	CHECK_EQ(locked_pages(), 0);
	volatile char *m = map_more(4, 0);
	CHECK_EQ(locked_pages(), 4);
	CHECK_EQ(there(m + 3 * PAGE), 1);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
	      MAP_FAILED);
	CHECK_EQ(locked_pages(), 5);
	int id = CHECK_OK(shmget(IPC_PRIVATE, 3 * PAGE, 0600));
	char *segment = CHECK_OK(shmat(id, NULL, 0));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK_EQ(locked_pages(), 8);
	CHECK_EQ(there(segment + PAGE), 1);
	CHECK_OK(shmdt(segment));
	char *end = CHECK_OK(sbrk(0));
	end = (char *)(((uintptr_t)end + PAGE - 1) & -PAGE);
	CHECK_OK(brk(end + 2 * PAGE));
	CHECK_EQ(there(end + PAGE), 1);
	CHECK_OK(mlockall(MCL_CURRENT)); /* forgets what is to come */
	long now = locked_pages();
	CHECK(map_more(4, 0) != NULL);
	CHECK_EQ(locked_pages(), now);
	CHECK_OK(munlockall());
}

static void future_on_fault(void)
{
	CHECK_OK(mlockall(MCL_FUTURE | MCL_ONFAULT));
	volatile char *m = map_more(4, 0);
	CHECK_EQ(locked_pages(), 4);
	CHECK_EQ(there(m), 0);
	CHECK_OK(munlockall());
	CHECK_EQ(locked_pages(), 0);
	CHECK(map_more(4, 0) != NULL);
	CHECK_EQ(locked_pages(), 0);
}

static void locked_flag(void)
{
	volatile char *m = map_more(4, MAP_LOCKED);

	CHECK_EQ(locked_pages(), 4);
	CHECK_EQ(there(m) + there(m + 3 * PAGE), 2);
	CHECK_ERROR(madvise((void *)m, PAGE, MADV_DONTNEED), EINVAL);
	m = map_more(4, MAP_LOCKED | MAP_NONBLOCK);
	CHECK_EQ(locked_pages(), 8);
}

/* What was locked before it could be written gets its copies when it can. */
static void writable_later(void)
{
	int fd = CHECK_OK(memfd_create("x", 0));
	const int locked = MAP_PRIVATE | MAP_LOCKED;
	struct stat status;

	CHECK_OK(ftruncate(fd, 4 * PAGE));
	volatile char *none = map(4 * PAGE, PROT_NONE, locked);
	volatile char *file = mmap(NULL, 4 * PAGE, PROT_NONE, locked, fd, 0);
	volatile char *free = map(4 * PAGE, PROT_NONE, MAP_PRIVATE);

	CHECK(file != MAP_FAILED);
	CHECK_OK(mprotect((void *)none, PAGE, PROT_READ)); /* to be read: not yet */
	CHECK_EQ(there(none), 0);
	CHECK_OK(mprotect((void *)(none + PAGE), 2 * PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(there(none + PAGE) + there(none + 2 * PAGE), 2);
	CHECK_EQ(there(none) + there(none + 3 * PAGE), 0);
	CHECK_OK(mprotect((void *)(file + PAGE), PAGE, PROT_READ | PROT_WRITE));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_blocks, 8);
	CHECK_OK(mprotect((void *)free, 4 * PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(there(free), 0);
}

/* ---- how much ---- */

static void limit_holds(void *argument)
{
	(void)argument;
	limit_to(LIMIT_PAGES * PAGE);
	volatile char *m = map_private(4 * LIMIT_PAGES * PAGE);

	CHECK_OK(mlock((void *)m, LIMIT_PAGES * PAGE));
	CHECK_ERROR(mlock((void *)(m + LIMIT_PAGES * PAGE), PAGE), ENOMEM);
	CHECK_OK(mlock((void *)m, LIMIT_PAGES * PAGE)); /* these are counted already */
	CHECK_ERROR(mlock((void *)m, (LIMIT_PAGES + 1) * PAGE), ENOMEM);
	CHECK_EQ(locked_pages(), LIMIT_PAGES);
	CHECK_OK(munlock((void *)m, PAGE));
	CHECK_OK(mlock((void *)(m + LIMIT_PAGES * PAGE), PAGE));
	CHECK(map_more(1, MAP_LOCKED) == NULL);
	CHECK_EQ(errno, EAGAIN);
	CHECK_ERROR(mlockall(MCL_CURRENT), ENOMEM);
	CHECK_OK(mlockall(MCL_FUTURE));
	CHECK(map_more(1, 0) == NULL);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(sbrk((intptr_t)PAGE) == (void *)-1, 1);
	CHECK_EQ(errno, ENOMEM);
	void *grown = mremap((void *)m, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(grown != MAP_FAILED); /* this page is not locked */
	grown = mremap((void *)(m + PAGE), 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	CHECK(grown == MAP_FAILED);
	CHECK_EQ(errno, EAGAIN);
	CHECK_OK(munlockall());
	CHECK(map_more(1, MAP_LOCKED) != NULL);
	CHECK_EQ(locked_pages(), 1);
}

static void limit(void)
{
	abi_in_child(limit_holds, NULL);
}

/* How many pages of the file are there. */
static long file_pages(int fd)
{
	struct stat status;

	CHECK_OK(fstat(fd, &status));
	return (long)status.st_blocks * 512 / PAGE;
}

static void file_grows(void)
{
	int fd = CHECK_OK(memfd_create("grows", 0));

	CHECK_OK(ftruncate(fd, 2 * PAGE));
	char *m = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_LOCKED, fd, 0);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(file_pages(fd), 2);
	CHECK_OK(ftruncate(fd, 12 * PAGE));
	CHECK_EQ(file_pages(fd), 2);
	m = mremap(m, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(file_pages(fd), 2);
	m = mremap(m, 8 * PAGE, 10 * PAGE, MREMAP_MAYMOVE);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(file_pages(fd), 4); /* the two that it grew by */
	m[4 * PAGE] = 1;
	CHECK_EQ(file_pages(fd), 5);
	CHECK_OK(mlock(m + PAGE, 5 * PAGE));
	CHECK_EQ(file_pages(fd), 8);
	CHECK_OK(close(fd));
}

static void none_allowed(void *argument)
{
	(void)argument;
	volatile char *m = map_private(PAGE);

	limit_to(0);
	CHECK_ERROR(mlock((void *)m, PAGE), EPERM);
	CHECK_ERROR(mlock((void *)m, 0), EPERM);
	CHECK_ERROR(syscall(SYS_mlock2, m, PAGE, MLOCK_ONFAULT), EPERM);
	CHECK_ERROR(syscall(SYS_mlock2, m, PAGE, 2), EINVAL);
	CHECK_ERROR(mlockall(MCL_FUTURE), EPERM);
	CHECK_ERROR(mlockall(0), EINVAL);
	CHECK(map_more(1, MAP_LOCKED) == NULL);
	CHECK_EQ(errno, EPERM);
	CHECK_OK(munlock((void *)m, PAGE));
	CHECK_OK(munlockall());
}

static void limit_of_none(void)
{
	abi_in_child(none_allowed, NULL);
}

static void attach_over_limit(void *argument)
{
	int id = *(int *)argument;

	limit_to(LIMIT_PAGES * PAGE);
	CHECK_OK(mlockall(MCL_FUTURE));
	CHECK_ERROR(shmat(id, NULL, 0), EAGAIN);
}

static void limit_of_attach(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 2 * LIMIT_PAGES * PAGE, 0666));

	abi_in_child(attach_over_limit, &id);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

const struct abi_case abi_cases[] = {
	CASE(counted, "VmLck counts pages once: mlock(2), proc(5)"),
	CASE(makes_present, "mlock fills, MLOCK_ONFAULT does not: mlock(2)"),
	CASE(over_holes, "up to a hole, then ENOMEM: mlock(2), observed"),
	CASE(cannot_populate, "ENOMEM where a page cannot be had, and it counts: observed"),
	CASE(not_inherited, "locks and MCL_FUTURE are not inherited by fork: mlock(2)"),
	CASE(moves_with_the_map, "mremap keeps the lock: observed"),
	CASE(all_flags, "mlockall: EINVAL, MCL_CURRENT: mlockall(2)"),
	CASE(future, "MCL_FUTURE: mmap, shmat and brk lock: mlockall(2)"),
	CASE(future_on_fault, "MCL_FUTURE | MCL_ONFAULT: locked, not filled: mlockall(2)"),
	CASE(locked_flag, "MAP_LOCKED: mmap(2)"),
	CASE(writable_later,
	     "mprotect fills private locked memory that may be written now: observed"),
	CASE(limit, "RLIMIT_MEMLOCK: ENOMEM, EAGAIN: mlock(2), mmap(2), mremap(2)"),
	CASE(limit_of_none, "a limit of 0 is EPERM: mlock(2), mmap(2)"),
	CASE(file_grows,
	     "pages that a file's growth brings wait; mremap fills what it adds: observed"),
	CASE(limit_of_attach, "shmat under MCL_FUTURE past the limit is EAGAIN: observed"),
	CASES_END,
};
