// SPDX-License-Identifier: MIT
/* madvise(2), msync(2), mincore(2) on every kind of memory. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_test.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif

static int file_make(off_t size_bytes)
{
	int fd = CHECK_OK(memfd_create("advice", MFD_ALLOW_SEALING));

	CHECK_OK(ftruncate(fd, size_bytes));
	return fd;
}

static char *map_file(int fd, int protection, int flags)
{
	char *m = mmap(NULL, 4 * PAGE, protection, flags, fd, 0);

	CHECK(m != MAP_FAILED);
	return m;
}

static char *attach(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 4 * PAGE, 0600));
	char *m = CHECK_OK(shmat(id, NULL, 0));

	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	return m;
}

/* ---- madvise ---- */

static void dontneed_by_kind(void)
{
	int fd = file_make(4 * PAGE);
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	volatile char *anonymous = map_private(4 * PAGE);
	volatile char *common = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *segment = attach();

	shared[0] = common[0] = segment[0] = 's';
	private[0] = anonymous[0] = 'p';
	CHECK_OK(madvise(shared, PAGE, MADV_DONTNEED));
	CHECK_OK(madvise(private, PAGE, MADV_DONTNEED));
	CHECK_OK(madvise((void *)anonymous, PAGE, MADV_DONTNEED));
	CHECK_OK(madvise((void *)common, PAGE, MADV_DONTNEED));
	CHECK_OK(madvise(segment, PAGE, MADV_DONTNEED));
	CHECK_EQ(shared[0], 's');
	CHECK_EQ(common[0], 's');
	CHECK_EQ(segment[0], 's');
	CHECK_EQ(private[0], 's'); /* the file's again */
	CHECK_EQ(anonymous[0], 0);
	CHECK_OK(shmdt(segment));
}

static void dontneed_locked(void)
{
	volatile char *m = map_private(4 * PAGE);

	m[0] = m[PAGE] = 'x';
	CHECK_OK(mlock((void *)(m + PAGE), PAGE));
	CHECK_ERROR(madvise((void *)m, 2 * PAGE, MADV_DONTNEED), EINVAL);
	CHECK_EQ(m[PAGE], 'x');
	CHECK_ERROR(madvise((void *)(m + PAGE), PAGE, MADV_DONTNEED), EINVAL);
	if (madvise((void *)(m + PAGE), PAGE, MADV_DONTNEED_LOCKED) != 0) {
		CHECK_EQ(errno, EINVAL);
		SKIP("a Linux before 5.18");
	}
	CHECK_EQ(m[PAGE], 0);
}

static void remove_by_kind(void)
{
	int fd = file_make(4 * PAGE), other;
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *readable = map_file(fd, PROT_READ, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	volatile char *anonymous = map_private(4 * PAGE);
	volatile char *common = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *segment = attach(), path[64];

	shared[0] = shared[PAGE] = common[0] = common[PAGE] = segment[0] = segment[PAGE] = 's';
	CHECK_OK(madvise(shared, PAGE, MADV_REMOVE));
	CHECK_OK(madvise((void *)common, PAGE, MADV_REMOVE));
	CHECK_OK(madvise(segment, PAGE, MADV_REMOVE));
	CHECK_EQ(shared[0] + common[0] + segment[0], 0);
	CHECK_EQ(shared[PAGE], 's');
	CHECK_EQ(common[PAGE], 's');
	CHECK_EQ(segment[PAGE], 's');
	shared[0] = 's';
	CHECK_OK(madvise(readable, PAGE, MADV_REMOVE)); /* it may become writable */
	CHECK_EQ(shared[0], 0);
	CHECK_ERROR(madvise(private, PAGE, MADV_REMOVE), EACCES);
	CHECK_ERROR(madvise((void *)anonymous, PAGE, MADV_REMOVE), EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = CHECK_OK(open(path, O_RDONLY));
	readable = map_file(other, PROT_READ, MAP_SHARED);
	CHECK_ERROR(madvise(readable, PAGE, MADV_REMOVE), EACCES);
	CHECK_OK(mlock(shared, PAGE));
	CHECK_ERROR(madvise(shared, PAGE, MADV_REMOVE), EINVAL);
	CHECK_OK(shmdt(segment));
}

static void remove_leaves_private_copies(void)
{
	int fd = file_make(4 * PAGE);
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	shared[0] = shared[PAGE] = 's';
	private[0] = 'p';
	CHECK_EQ(private[PAGE], 's');
	CHECK_OK(madvise(shared, 2 * PAGE, MADV_REMOVE));
	CHECK_EQ(private[0], 'p');
	CHECK_EQ(private[PAGE], 0);
}

static void remove_over_holes(void)
{
	char *m = (char *)map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	memset(m, 'x', 4 * PAGE);
	CHECK_OK(munmap(m + PAGE, PAGE));
	CHECK_ERROR(madvise(m, 3 * PAGE, MADV_REMOVE), ENOMEM);
	CHECK_EQ(m[0], 0);
	CHECK_EQ(m[2 * PAGE], 0);
	CHECK_EQ(m[3 * PAGE], 'x');
}

static void free_by_kind(void)
{
	int fd = file_make(4 * PAGE);
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	volatile char *anonymous = map_private(4 * PAGE);

	CHECK_OK(madvise((void *)anonymous, PAGE, MADV_FREE));
	CHECK_ERROR(madvise(shared, PAGE, MADV_FREE), EINVAL);
	CHECK_ERROR(madvise(private, PAGE, MADV_FREE), EINVAL);
	anonymous[0] = 'x';
	CHECK_EQ(anonymous[0], 'x');
}

static void fork_advice_by_kind(void)
{
	int fd = file_make(4 * PAGE);
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char *segment = attach();

	CHECK_ERROR(madvise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
	CHECK_ERROR(madvise(private, PAGE, MADV_WIPEONFORK), EINVAL);
	CHECK_ERROR(madvise(segment, PAGE, MADV_WIPEONFORK), EINVAL);
	CHECK_OK(madvise(shared, PAGE, MADV_DONTFORK));
	CHECK_OK(madvise(segment, PAGE, MADV_DONTFORK));
	CHECK_OK(madvise(shared, PAGE, MADV_DOFORK));
	CHECK_OK(madvise(shared, PAGE, MADV_KEEPONFORK));
	CHECK_OK(madvise(segment, PAGE, MADV_DOFORK));
	CHECK_OK(shmdt(segment));
}

static void harmless_advice(void)
{
	static const int advice[] = {MADV_NORMAL,   MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
				     MADV_DONTDUMP, MADV_DODUMP, MADV_COLD,       MADV_PAGEOUT};
	char *memory[] = {map_file(file_make(4 * PAGE), PROT_READ | PROT_WRITE, MAP_SHARED),
			  (char *)map_private(4 * PAGE), attach()};

	for (unsigned i = 0; i < 3; i++) {
		memory[i][0] = 'x';
		for (unsigned k = 0; k < sizeof(advice) / sizeof(advice[0]); k++) {
			CHECK_OK(madvise(memory[i], 4 * PAGE, advice[k]));
			CHECK_EQ(memory[i][0], 'x');
		}
	}
	CHECK_OK(shmdt(memory[2]));
}

static void willneed_without_memory(void)
{
	volatile char *m = map_private(3 * PAGE);

	CHECK_OK(munmap((void *)(m + PAGE), PAGE));
	CHECK_ERROR(madvise((void *)m, 3 * PAGE, MADV_WILLNEED), ENOMEM);
	CHECK_ERROR(madvise((void *)m, 3 * PAGE, MADV_NORMAL), ENOMEM);
}

static void huge_page_advice(void)
{
	volatile char *m = map_private(4 * PAGE);

	/* Where there are no huge pages, and nothing that merges, they are unknown. */
	if (madvise((void *)m, PAGE, MADV_HUGEPAGE) == 0)
		SKIP("this kernel has huge pages");
	CHECK_ERROR(madvise((void *)m, PAGE, MADV_HUGEPAGE), EINVAL);
	CHECK_ERROR(madvise((void *)m, PAGE, MADV_NOHUGEPAGE), EINVAL);
	if (madvise((void *)m, PAGE, MADV_MERGEABLE) == 0)
		SKIP("this kernel merges pages");
	CHECK_ERROR(madvise((void *)m, PAGE, MADV_MERGEABLE), EINVAL);
	CHECK_ERROR(madvise((void *)m, PAGE, MADV_UNMERGEABLE), EINVAL);
}

static void arguments(void)
{
	volatile char *m = map_private(4 * PAGE);

	CHECK_ERROR(madvise((void *)(m + 1), PAGE, MADV_NORMAL), EINVAL);
	CHECK_ERROR(madvise((void *)m, PAGE, 5), EINVAL);
	CHECK_ERROR(madvise((void *)m, PAGE, -1), EINVAL);
	CHECK_ERROR(madvise((void *)m, PAGE, 1000), EINVAL);
	CHECK_ERROR(madvise((void *)m, 0, 1000), EINVAL);
	CHECK_ERROR(madvise((void *)m, -1ul, MADV_NORMAL), EINVAL);
	CHECK_ERROR(madvise((void *)m, -2 * PAGE, MADV_NORMAL), EINVAL);
	CHECK_OK(madvise((void *)m, 0, MADV_DONTNEED));
	CHECK_OK(madvise((void *)m, 1, MADV_DONTNEED));
}

static void populate(void)
{
	int fd = file_make(4 * PAGE);
	char *m = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	unsigned char there[4];

	if (madvise(m, PAGE, MADV_POPULATE_READ) != 0) {
		CHECK_EQ(errno, EINVAL);
		SKIP("a Linux before 5.14");
	}
	CHECK_OK(madvise(m, 2 * PAGE, MADV_POPULATE_WRITE));
	CHECK_OK(mincore(m, 4 * PAGE, there));
	CHECK_EQ(there[0] & there[1] & 1, 1);
	CHECK_EQ(there[3] & 1, 0);
	CHECK_OK(ftruncate(fd, 2 * PAGE));
	CHECK_ERROR(madvise(m, 4 * PAGE, MADV_POPULATE_READ), EFAULT);
	CHECK_ERROR(madvise(m, 4 * PAGE, MADV_POPULATE_WRITE), EFAULT);
	CHECK_OK(mprotect(m, PAGE, PROT_READ));
	CHECK_ERROR(madvise(m, PAGE, MADV_POPULATE_WRITE), EINVAL);
	CHECK_OK(madvise(m, PAGE, MADV_POPULATE_READ));
	CHECK_OK(mprotect(m, PAGE, PROT_NONE));
	CHECK_ERROR(madvise(m, PAGE, MADV_POPULATE_READ), EINVAL);
	CHECK_OK(munmap(m, PAGE));
	CHECK_ERROR(madvise(m, 2 * PAGE, MADV_POPULATE_READ), ENOMEM);
	CHECK_ERROR(madvise(m + 1, PAGE, MADV_POPULATE_READ), EINVAL);
}

/* ---- msync ---- */

static void msync_arguments(void)
{
	int fd = file_make(4 * PAGE);
	char *m = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_OK(msync(m, 4 * PAGE, 0));
	CHECK_OK(msync(m, 4 * PAGE, MS_SYNC));
	CHECK_OK(msync(m, 4 * PAGE, MS_ASYNC));
	CHECK_OK(msync(m, 4 * PAGE, MS_SYNC | MS_INVALIDATE));
	CHECK_OK(msync(m, 1, MS_SYNC));
	CHECK_OK(msync(m, 0, MS_SYNC));
	CHECK_ERROR(msync(m, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERROR(msync(m, PAGE, 8), EINVAL);
	CHECK_ERROR(msync(m + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERROR(msync(m, -PAGE, MS_SYNC), ENOMEM);
	CHECK_OK(msync((void *)map_private(PAGE), PAGE, MS_SYNC));
	char *segment = attach();
	CHECK_OK(msync(segment, PAGE, MS_SYNC));
	CHECK_OK(shmdt(segment));
}

static void msync_holes_and_locks(void)
{
	char *m = map_file(file_make(4 * PAGE), PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_OK(munmap(m + PAGE, PAGE));
	CHECK_ERROR(msync(m, 3 * PAGE, MS_SYNC), ENOMEM);
	CHECK_ERROR(msync(m, 3 * PAGE, MS_ASYNC), ENOMEM);
	CHECK_ERROR(msync(m + PAGE, PAGE, MS_SYNC), ENOMEM);
	CHECK_OK(mlock(m + 2 * PAGE, PAGE));
	CHECK_ERROR(msync(m + 2 * PAGE, PAGE, MS_INVALIDATE), EBUSY);
	CHECK_ERROR(msync(m, 3 * PAGE, MS_INVALIDATE), EBUSY); /* found behind the hole */
	CHECK_OK(msync(m + 2 * PAGE, PAGE, MS_SYNC));
	CHECK_OK(munlock(m + 2 * PAGE, PAGE));
	CHECK_OK(msync(m + 2 * PAGE, PAGE, MS_INVALIDATE));
}

/* ---- mincore ---- */

static void mincore_by_kind(void)
{
	int fd = file_make(4 * PAGE);
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	volatile char *common = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *segment = attach();
	unsigned char there[4];

	CHECK_EQ(pwrite(fd, "x", 1, PAGE), 1);
	CHECK_OK(mincore(shared, 4 * PAGE, there));
	CHECK_EQ(memcmp(there, "\0\1\0\0", 4), 0);
	CHECK_OK(mincore(private, 4 * PAGE, there));
	CHECK_EQ(memcmp(there, "\0\1\0\0", 4), 0);
	private[3 * PAGE] = 'p';
	CHECK_OK(mincore(private, 4 * PAGE, there));
	CHECK_EQ(there[3], 1);
	common[0] = 'x';
	CHECK_OK(mincore((void *)common, 4 * PAGE, there));
	CHECK_EQ(memcmp(there, "\1\0\0\0", 4), 0);
	segment[2 * PAGE] = 'x';
	CHECK_OK(mincore(segment, 4 * PAGE, there));
	CHECK_EQ(memcmp(there, "\0\0\1\0", 4), 0);
	CHECK_OK(shmdt(segment));
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_OK(mincore(shared, 4 * PAGE, there));
	CHECK_EQ(memcmp(there, "\0\0\0\0", 4), 0);
}

/* Which of a file's four pages are there, as one letter each. */
static const char *residency(void *m)
{
	static unsigned char there[4];
	static char text[5];

	CHECK_OK(mincore(m, 4 * PAGE, there));
	for (int i = 0; i < 4; i++)
		text[i] = there[i] & 1 ? 'y' : 'n';
	return text;
}

/* Who may not write a file is not told what others do with it: mm/mincore.c, can_do_mincore. */
static void mincore_of_others(void *argument)
{
	int fd = file_make(4 * PAGE);
	char *shared = map_file(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *private = map_file(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	char *segment = attach();
	volatile char *common = map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile char *anonymous = map_private(4 * PAGE);

	(void)argument;
	CHECK_OK(fchmod(fd, 0));
	CHECK_EQ(pwrite(fd, "x", 1, PAGE), 1);
	segment[0] = common[0] = anonymous[0] = 'x';
	CHECK_EQ(strcmp(residency(shared), "nynn"), 0); /* the owner's own, whatever its mode */
	abi_become(12345, 12345);
	CHECK_EQ(strcmp(residency(shared), "yyyy"), 0);
	CHECK_EQ(strcmp(residency(private), "yyyy"), 0);
	CHECK_EQ(strcmp(residency(segment), "ynnn"), 0);
	CHECK_EQ(strcmp(residency((void *)common), "ynnn"), 0);
	CHECK_EQ(strcmp(residency((void *)anonymous), "ynnn"), 0);
}

static void mincore_of_writable(void *argument)
{
	int fd = file_make(4 * PAGE);
	char *m = map_file(fd, PROT_READ, MAP_SHARED);

	(void)argument;
	CHECK_OK(fchmod(fd, 0642));
	CHECK_EQ(pwrite(fd, "x", 1, PAGE), 1);
	abi_become(12345, 12345);
	CHECK_EQ(strcmp(residency(m), "nynn"),
		 0); /* it is the mode that counts, not how it is open */
}

static void mincore_by_permission(void)
{
	abi_in_child(mincore_of_others, NULL);
	abi_in_child(mincore_of_writable, NULL);
}

static void mincore_errors(void)
{
	volatile char *m = map_private(4 * PAGE);
	unsigned char there[8];

	CHECK_ERROR(mincore((void *)(m + 1), PAGE, there), EINVAL);
	CHECK_ERROR(mincore((void *)m, PAGE, NULL), EFAULT);
	CHECK_ERROR(mincore((void *)m, -PAGE, there), ENOMEM);
	CHECK_OK(munmap((void *)(m + PAGE), PAGE));
	CHECK_ERROR(mincore((void *)m, 2 * PAGE, there), ENOMEM);
	CHECK_OK(mincore((void *)m, 1, there));
	CHECK_OK(mincore((void *)m, 0, NULL));
}

static void back_and_beyond(void)
{
	char *m = (char *)map_private(8 * PAGE);

	CHECK_OK(madvise(m + 2 * PAGE, PAGE, MADV_DONTFORK));
	CHECK_OK(madvise(m + 2 * PAGE, 4 * PAGE, MADV_DOFORK));
	CHECK_OK(munmap(m, 8 * PAGE));
}

const struct abi_case abi_cases[] = {
	CASE(back_and_beyond, "advice taken back over what needs none is no hole: madvise(2)"),
	CASE(dontneed_by_kind, "MADV_DONTNEED drops only what is private: madvise(2)"),
	CASE(dontneed_locked, "EINVAL on locked pages; MADV_DONTNEED_LOCKED: madvise(2)"),
	CASE(remove_by_kind, "MADV_REMOVE: shared and writable only; EACCES, EINVAL: madvise(2)"),
	CASE(remove_leaves_private_copies, "a punched hole leaves private copies: observed"),
	CASE(remove_over_holes, "what is mapped is done, then ENOMEM: madvise(2)"),
	CASE(free_by_kind, "MADV_FREE: private anonymous memory only: madvise(2)"),
	CASE(fork_advice_by_kind, "MADV_WIPEONFORK: private anonymous memory only: madvise(2)"),
	CASE(harmless_advice, "advice that changes nothing that a program sees: madvise(2)"),
	CASE(willneed_without_memory, "ENOMEM over a hole: madvise(2)"),
	CASE(huge_page_advice, "EINVAL where the kernel has neither: madvise(2)"),
	CASE(arguments, "EINVAL: address, length, advice: madvise(2)"),
	CASE(populate, "MADV_POPULATE_READ and _WRITE: EFAULT, EINVAL, ENOMEM: madvise(2)"),
	CASE(msync_arguments, "flags and address: msync(2)"),
	CASE(msync_holes_and_locks, "ENOMEM over a hole, EBUSY for locked pages: msync(2)"),
	CASE(mincore_by_kind, "what is in memory, whoever brought it: mincore(2)"),
	CASE(mincore_by_permission,
	     "a file that the caller may not write seems all there: mincore(2)"),
	CASE(mincore_errors, "EINVAL, EFAULT, ENOMEM: mincore(2)"),
	CASES_END,
};
