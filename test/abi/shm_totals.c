// SPDX-License-Identifier: MIT
/* The totals of SHM_INFO: what counts, when, and who may see it. */

#include "shm_test.h"

#include <sched.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>

#define KEY 0x5a3e0b00

static struct shm_info totals(void)
{
	struct shm_info info;

	memset(&info, 0xff, sizeof(info));
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
	return info;
}

static int highest(void)
{
	struct shm_info info;

	return CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
}

static unsigned long resident(void)
{
	struct shm_info info = totals();

	return info.shm_rss + info.shm_swp;
}

static void empty(void)
{
	struct shm_info info = totals();

	CHECK_EQ(info.used_ids, 0);
	CHECK_EQ(info.shm_tot, 0);
	CHECK_EQ(info.shm_rss, 0);
	CHECK_EQ(info.shm_swp, 0);
	CHECK_EQ(highest(), 0);
}

static void tot_rounds_up(void)
{
	int a = make_segment(1, 0600), b = make_segment(PAGE + 1, 0600);

	CHECK_EQ(totals().shm_tot, 3);
	remove_segment(a);
	remove_segment(b);
}

static void tot_counts_noreserve(void)
{
	int id = make_segment(1ul << 30, 0600 | SHM_NORESERVE);

	CHECK_EQ(totals().shm_tot, 1ul << 18);
	remove_segment(id);
	CHECK_EQ(totals().shm_tot, 0);
}

static void tot_counts_removed(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	remove_segment(id);
	CHECK_EQ(totals().shm_tot, 3);
	CHECK_EQ(totals().used_ids, 1);
	CHECK_OK(shmdt(p));
	CHECK_EQ(totals().shm_tot, 0);
	CHECK_EQ(totals().used_ids, 0);
}

static void tot_is_not_attaches(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *a = attach(id, 0), *b = attach(id, SHM_RDONLY);

	CHECK_EQ(totals().shm_tot, 3);
	CHECK_OK(shmdt(a));
	CHECK_OK(shmdt(b));
	CHECK_EQ(totals().shm_tot, 3);
	remove_segment(id);
}

static void tot_unchanged_by_failure(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	CHECK_ERROR(shmget(KEY, 2 * PAGE, IPC_CREAT), EINVAL);
	CHECK_ERROR(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL), EEXIST);
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 55, 0600), ENOMEM);
	CHECK_EQ(totals().shm_tot, 1);
	CHECK_EQ(totals().used_ids, 1);
	remove_segment(id);
}

static void rss_grows_by_touch(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_EQ(resident(), 0);
	p[0] = 1;
	CHECK_EQ(resident(), 1);
	p[1] = 1;
	CHECK_EQ(resident(), 1);
	p[7 * PAGE] = 1;
	CHECK_EQ(resident(), 2);
	CHECK_OK(shmdt(p));
	CHECK_EQ(resident(), 2);
	remove_segment(id);
	CHECK_EQ(resident(), 0);
}

static void rss_by_reading(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach(id, SHM_RDONLY);

	CHECK_EQ(*(volatile char *)(p + PAGE), 0);
	CHECK_EQ(resident(), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void rss_counts_a_page_once(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *a = attach(id, 0), *b = attach(id, 0);

	a[0] = 1;
	b[0] = 2;
	CHECK_EQ(a[0], 2);
	CHECK_EQ(resident(), 1);
	CHECK_OK(shmdt(a));
	CHECK_OK(shmdt(b));
	remove_segment(id);
}

static void rss_falls_by_removal_of_pages(void)
{
	int id = make_segment(4 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 1, 4 * PAGE);
	CHECK_EQ(resident(), 4);
	CHECK_OK(madvise(p + PAGE, 2 * PAGE, MADV_REMOVE));
	CHECK_EQ(resident(), 2);
	CHECK_EQ(p[PAGE], 0);
	CHECK_EQ(resident(), 3);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void rss_is_not_touched_by_dontneed(void)
{
	int id = make_segment(4 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 1, 4 * PAGE);
	CHECK_OK(madvise(p, 4 * PAGE, MADV_DONTNEED));
	CHECK_EQ(resident(), 4);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void highest_index(void)
{
	int a = make_segment(PAGE, 0600), b = make_segment(PAGE, 0600),
	    c = make_segment(PAGE, 0600);

	CHECK_EQ(highest(), c & 0x7fff);
	remove_segment(b);
	CHECK_EQ(highest(), c & 0x7fff);
	remove_segment(c);
	CHECK_EQ(highest(), a & 0x7fff);
	remove_segment(a);
	CHECK_EQ(highest(), 0);
}

static void highest_of_limits(void)
{
	struct shminfo limits;
	int a = make_segment(PAGE, 0600), b = make_segment(PAGE, 0600);

	CHECK_EQ(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits), b & 0x7fff);
	remove_segment(a);
	remove_segment(b);
}

static void id_is_ignored(void)
{
	struct shm_info info;

	CHECK_EQ(shmctl(12345, SHM_INFO, (struct shmid_ds *)&info), 0);
	CHECK_EQ(shmctl(0x7fffffff, IPC_INFO, (struct shmid_ds *)&(struct shminfo){0}), 0);
}

static void look_as_stranger(void *unused)
{
	(void)unused;
	abi_become(1003, 1003);
	CHECK_EQ(totals().used_ids, 1);
	CHECK_EQ(totals().shm_tot, 2);
}

static void everybody_may_ask(void)
{
	if (!abi_is_root())
		SKIP("needs another user: run as root");
	int id = make_segment(2 * PAGE, 0);

	abi_in_child(look_as_stranger, NULL);
	remove_segment(id);
}

static void look_elsewhere(void *unused)
{
	(void)unused;
	if (unshare(CLONE_NEWIPC))
		SKIP("no IPC namespaces");
	CHECK_EQ(totals().used_ids, 0);
	CHECK_EQ(totals().shm_tot, 0);
	CHECK_EQ(resident(), 0);
	int id = make_segment(PAGE, 0600);
	CHECK_EQ(id, 0);
	remove_segment(id);
}

static void each_namespace_has_its_own(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid;
	int status;

	p[0] = 1;
	pid = abi_start(look_elsewhere, NULL);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_OK(shmdt(p));
	CHECK_EQ(totals().used_ids, 1);
	remove_segment(id);
	_exit(WEXITSTATUS(status));
}

/* Others may free some meanwhile, and Linux counts each CPU's now and then. */
static void sysinfo_counts_touched(void)
{
	const size_t size = 4 << 20;
	bool seen = false;

	for (int i = 0; i < 10 && !seen; i++) {
		struct sysinfo before, after;
		int id = make_segment(size, 0600);
		char *p = attach(id, 0);
		CHECK_OK(sysinfo(&before));
		memset(p, 1, size);
		CHECK_OK(sysinfo(&after));
		seen = (after.sharedram - before.sharedram) * after.mem_unit - size / 2 < size;
		CHECK_OK(shmdt(p));
		remove_segment(id);
	}
	CHECK(seen);
}

const struct abi_case abi_cases[] = {
	CASE(empty, "SHM_INFO with no segment: all 0, highest index 0: shmctl(2), observed"),
	CASE(tot_rounds_up, "shm_tot counts whole pages of each segment: shmctl(2)"),
	CASE(tot_counts_noreserve,
	     "shm_tot counts what was never touched, SHM_NORESERVE or not: observed"),
	CASE(tot_counts_removed,
	     "shm_tot, used_ids: a removed segment counts until its last detach: observed"),
	CASE(tot_is_not_attaches, "shm_tot counts a segment once: shmctl(2)"),
	CASE(tot_unchanged_by_failure, "a shmget that fails adds nothing to the totals: shmget(2)"),
	CASE(rss_grows_by_touch, "shm_rss counts pages touched, until removal: shmctl(2)"),
	CASE(rss_by_reading, "shm_rss: a read touches, too: observed"),
	CASE(rss_counts_a_page_once,
	     "shm_rss counts a page once, however often attached: observed"),
	CASE(rss_falls_by_removal_of_pages, "MADV_REMOVE takes pages out of shm_rss: madvise(2)"),
	CASE(rss_is_not_touched_by_dontneed, "MADV_DONTNEED does not: madvise(2)"),
	CASE(sysinfo_counts_touched, "sharedram of sysinfo(2) counts shared memory: observed"),
	CASE(highest_index, "SHM_INFO gives the highest index in use: shmctl(2)"),
	CASE(highest_of_limits, "IPC_INFO gives the same: shmctl(2)"),
	CASE(id_is_ignored, "SHM_INFO, IPC_INFO ignore the id: shmctl(2)"),
	CASE(everybody_may_ask, "SHM_INFO needs no permission: observed"),
	CASE(each_namespace_has_its_own,
	     "each IPC namespace has its own totals: ipc_namespaces(7)"),
	CASES_END,
};
