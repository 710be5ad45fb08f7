// SPDX-License-Identifier: MIT
/*
 * Segments of huge pages on a machine that has none: SHM_NORESERVE lets them be
 * made, attached, cut and moved, but no page of theirs can ever be had.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define HUGE        (2ul << 20)
#define HUGE_1G     (1ul << 30)
#define LOG_1G      (30 << 26)
#define USER        1234
#define ADVISE_COLD 20

/* Are there huge pages on this machine, in use or not? */
static bool pages_configured(void)
{
	char line[128];
	FILE *file = fopen("/proc/meminfo", "r");
	unsigned long count = 0;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "HugePages_Total: %lu", &count) == 1)
			break;
	if (file)
		fclose(file);
	return count > 0;
}

/* A segment of huge pages, of the default size or as flags say. */
static int make_huge(size_t size_bytes, int flags)
{
	if (pages_configured())
		SKIP("this machine has huge pages");

	int id = shmget(IPC_PRIVATE, size_bytes, 0600 | SHM_HUGETLB | SHM_NORESERVE | flags);

	if (id < 0 && errno == EINVAL)
		SKIP("this kernel was built without huge pages, or not of this size");
	if (id < 0 && errno == EPERM)
		SKIP("huge pages are for root");
	return CHECK_OK(id);
}

static void read_byte(void *address)
{
	(void)*(volatile char *)address;
}

static void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static void no_page_can_be_had(void)
{
	int id = make_huge(5000, 0);
	char *p = attach(id, 0), *q = attach(id, SHM_RDONLY);

	abi_dies(read_byte, p, SIGBUS);
	abi_dies(write_byte, p + 6000, SIGBUS);
	abi_dies(read_byte, p + HUGE - 1, SIGBUS);
	abi_dies(read_byte, q, SIGBUS);
	abi_dies(write_byte, q, SIGSEGV);
	CHECK_OK(shmdt(p));
	abi_dies(read_byte, p, SIGSEGV);
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void counted_as_asked_for(void)
{
	int id = make_huge(5000, 0);
	struct shm_info totals;
	struct shmid_ds ds = stat_segment(id);
	char *p = attach(id, 0);

	CHECK_EQ(ds.shm_segsz, 5000);
	CHECK_EQ(ds.shm_perm.mode, 0600);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(totals.shm_tot, 2);
	CHECK_EQ(totals.shm_rss, 0);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void limits_of_size(void)
{
	CHECK_ERROR(shmget(IPC_PRIVATE, 0, 0600 | SHM_HUGETLB | SHM_NORESERVE), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | SHM_NORESERVE | 20 << 26),
		    EINVAL);
	int id = make_huge(1ul << 33, 0);
	char *p = attach(id, 0);

	abi_dies(read_byte, p + (1ul << 33) - 1, SIGBUS);
	CHECK_OK(shmdt(p));
	remove_segment(id);
	/* No file has to be so large: others are EINVAL from 2^63 on. */
	id = make_huge((1ul << 63) + 5, 0);
	CHECK_ERROR(shmat(id, NULL, 0), ENOMEM);
	CHECK_EQ(stat_segment(id).shm_segsz, (1ul << 63) + 5);
	remove_segment(id);
}

static void get_as_user(void *argument)
{
	bool in_group = *(bool *)argument;

	abi_become(USER, in_group ? 0 : USER);
	if (in_group)
		remove_segment(make_huge(PAGE, 0));
	else if (shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | SHM_NORESERVE) != -1)
		SKIP("this kernel still looks at RLIMIT_MEMLOCK");
	else
		CHECK_EQ(errno, EPERM);
}

static void who_may(void)
{
	bool in_group = false;

	remove_segment(make_huge(PAGE, 0));
	abi_in_child(get_as_user, &in_group);
	in_group = true;
	abi_in_child(get_as_user, &in_group);
}

static void attached_at_whole_pages(void)
{
	int id = make_huge(PAGE, 0);
	char *room = free_range(8 * HUGE);
	char *at = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));

	char *p = attach(id, 0);

	CHECK_EQ((uintptr_t)p % HUGE, 0);
	CHECK_ERROR(shmat(id, at + PAGE, 0), EINVAL);
	CHECK_ERROR(shmat(id, at + PAGE + 5, SHM_RND), EINVAL);
	CHECK_ERROR(shmat(id, at + PAGE, SHM_REMAP), EINVAL);
	CHECK_EQ((uintptr_t)shmat(id, at, 0), (uintptr_t)at);
	CHECK_ERROR(shmat(id, at, 0), EINVAL);
	CHECK_EQ((uintptr_t)shmat(id, at, SHM_REMAP), (uintptr_t)at);
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(shmdt(at));
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void attached_at_whole_gib(void)
{
	int id = make_huge(PAGE, LOG_1G);
	char *p = attach(id, 0);

	CHECK_EQ((uintptr_t)p % HUGE_1G, 0);
	abi_dies(read_byte, p + HUGE_1G - 1, SIGBUS);
	CHECK_ERROR(munmap(p, HUGE), EINVAL);
	CHECK_OK(shmdt(p));
	CHECK_ERROR(shmat(id, p + HUGE, 0), EINVAL);
	remove_segment(id);
}

static void cut_at_whole_pages(void)
{
	int id = make_huge(4 * HUGE, 0);
	char *p = attach(id, 0);

	CHECK_ERROR(munmap(p, PAGE), EINVAL);
	CHECK_ERROR(munmap(p + PAGE, HUGE), EINVAL);
	CHECK_ERROR(mprotect(p, PAGE, PROT_NONE), EINVAL);
	CHECK_ERROR(mprotect(p + PAGE, HUGE - PAGE, PROT_NONE), EINVAL);
	CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE)); /* as it is: no cut */
	CHECK_ERROR(mmap(p + PAGE, PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		    EINVAL);
	CHECK_ERROR(madvise(p, PAGE, MADV_DONTFORK), EINVAL);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(mprotect(p + HUGE, HUGE, PROT_READ));
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(munmap(p + HUGE, HUGE));
	CHECK_EQ(attachments(id), 2);
	abi_dies(read_byte, p + HUGE, SIGSEGV);
	abi_dies(read_byte, p + 2 * HUGE, SIGBUS);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void moved_by_whole_pages(void)
{
	int id = make_huge(2 * HUGE, 0);
	char *p = attach(id, 0), *room = free_range(8 * HUGE);
	char *at = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	const int fixed = MREMAP_MAYMOVE | MREMAP_FIXED;

	CHECK_ERROR(mremap(p, 2 * HUGE, 3 * HUGE, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERROR(mremap(p, 0, HUGE, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERROR(mremap(p + PAGE, HUGE, HUGE, MREMAP_MAYMOVE), EINVAL);
	CHECK_ERROR(mremap(p, HUGE, HUGE, fixed, at + PAGE), EINVAL);
	CHECK_ERROR(mremap(p, PAGE, HUGE + 1, MREMAP_MAYMOVE), EINVAL);
	CHECK_EQ((uintptr_t)mremap(p, PAGE, PAGE + 1, MREMAP_MAYMOVE), (uintptr_t)p);
	CHECK_EQ((uintptr_t)mremap(p, PAGE, HUGE, fixed, at), (uintptr_t)at);
	abi_dies(read_byte, p, SIGSEGV);
	abi_dies(read_byte, at + HUGE - 1, SIGBUS);
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(shmdt(at));
	CHECK_OK(shmdt(p)); /* finds what is left of it */
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void not_locked(void)
{
	int id = make_huge(HUGE, 0);
	char *p = attach(id, 0);

	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	CHECK_EQ(stat_segment(id).shm_perm.mode, 0600);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	CHECK_ERROR(mlock(p, HUGE), ENOMEM);
	CHECK_ERROR(mlock(p, PAGE), ENOMEM);
	CHECK_OK(munlock(p, PAGE));
	CHECK_OK(madvise(p, HUGE, MADV_DONTNEED)); /* EINVAL if it were locked */
	CHECK_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	char *q = attach(id, 0);
	CHECK_OK(madvise(p, HUGE, MADV_DONTNEED));
	CHECK_OK(madvise(q, HUGE, MADV_DONTNEED));
	CHECK_OK(munlockall());
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void advice(void)
{
	int id = make_huge(HUGE, 0);
	char *p = attach(id, 0);
	unsigned char there[HUGE / PAGE];

	CHECK_OK(madvise(p, PAGE, MADV_DONTNEED)); /* rounded up */
	CHECK_ERROR(madvise(p + PAGE, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_OK(madvise(p, HUGE, MADV_REMOVE));
	CHECK_ERROR(madvise(p, HUGE, ADVISE_COLD), EINVAL);
	CHECK_ERROR(madvise(p, HUGE, MADV_FREE), EINVAL);
	CHECK_OK(madvise(p, HUGE, MADV_WILLNEED));
	CHECK_OK(madvise(p, HUGE, MADV_DONTFORK));
	CHECK_OK(madvise(p, HUGE, MADV_DOFORK));
	CHECK_OK(mincore(p, HUGE, there));
	CHECK_EQ(there[0] | there[HUGE / PAGE - 1], 0);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void not_reached_by_calls(void)
{
	int id = make_huge(HUGE, 0), zero = CHECK_OK(open("/dev/zero", O_RDONLY));
	char *p = attach(id, 0), byte = 0;
	struct iovec here = {&byte, 1}, there = {p, 1};

	CHECK_ERROR(read(zero, p, 1), EFAULT);
	CHECK_ERROR(process_vm_readv(getpid(), &here, 1, &there, 1, 0), EFAULT);
	CHECK_ERROR(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(syscall(SYS_futex, p, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void shown_in_smaps(void)
{
	int id = make_huge(5000, 0);
	char *p = attach(id, 0), line[256], start[32], end[32];
	FILE *file = fopen("/proc/self/smaps", "r");
	bool inside = false, size = false, flags = false;

	CHECK(file != NULL);
	snprintf(start, sizeof(start), "%lx-", (unsigned long)p);
	snprintf(end, sizeof(end), "-%lx ", (unsigned long)p + HUGE);
	while (fgets(line, sizeof(line), file)) {
		if (strstr(line, start)) {
			inside = true;
			CHECK(strstr(line, end) && strstr(line, "/SYSV00000000 (deleted)"));
		}
		if (inside && !strncmp(line, "KernelPageSize:", 15)) {
			CHECK_EQ(atoi(line + 15), HUGE >> 10);
			size = true;
		}
		if (inside && !strncmp(line, "VmFlags:", 8)) {
			CHECK(strstr(line, " de ") && strstr(line, " ht "));
			flags = true;
			break;
		}
	}
	fclose(file);
	CHECK(size && flags);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void touch_in_child(void *p)
{
	abi_dies(read_byte, p, SIGBUS);
	CHECK_OK(shmdt(p));
}

static void inherited(void)
{
	int id = make_huge(HUGE, 0);
	char *p = attach(id, 0);

	abi_in_child(touch_in_child, p);
	CHECK_EQ(attachments(id), 1);
	remove_segment(id);
	abi_dies(read_byte, p, SIGBUS); /* removed, and no better for it */
	CHECK_OK(shmdt(p));
}

const struct abi_case abi_cases[] = {
	CASE(no_page_can_be_had, "SHM_HUGETLB | SHM_NORESERVE: each access is SIGBUS: observed"),
	CASE(counted_as_asked_for, "shm_segsz and SHM_INFO have the size asked for: observed"),
	CASE(limits_of_size, "a huge segment may have any size up to SHMMAX: observed"),
	CASE(who_may, "huge segments are for CAP_IPC_LOCK and group 0: EPERM: observed"),
	CASE(attached_at_whole_pages, "attached at multiples of 2 MiB, else EINVAL: observed"),
	CASE(attached_at_whole_gib, "pages of 1 GiB: attached at multiples of it: observed"),
	CASE(cut_at_whole_pages, "huge pages are not cut: EINVAL: munmap(2), observed"),
	CASE(moved_by_whole_pages, "mremap moves huge pages whole, never adds any: observed"),
	CASE(not_locked, "SHM_LOCK and mlock leave no mark on huge pages: observed"),
	CASE(advice, "madvise and mincore of huge pages that are not there: observed"),
	CASE(not_reached_by_calls, "calls cannot reach what cannot be touched: EFAULT: observed"),
	CASE(shown_in_smaps, "smaps says their page size, de and ht: proc(5), observed"),
	CASE(inherited, "fork and IPC_RMID treat huge segments as others: observed"),
	CASES_END,
};
