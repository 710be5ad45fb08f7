// SPDX-License-Identifier: MIT
/* A million segments: only where ids have 24 bits of index (kernel argument ipcmni_extend). */

#include "shm_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT (1 << 20)
#define MNI   "/proc/sys/kernel/shmmni"
#define KEY   0x10000000

static void write_mni(const char *text, int error)
{
	int fd = open(MNI, O_WRONLY);

	if (fd < 0)
		SKIP("settings cannot be changed here");
	long result = write(fd, text, strlen(text));
	int seen = result < 0 ? errno : 0;
	close(fd);
	if (seen && !error)
		SKIP("this kernel's ids have 15 bits of index");
	CHECK_EQ(seen, error);
}

static void limit_of_extended_ids(void)
{
	write_mni("16777216", 0);
	write_mni("16777217", EINVAL);
	int id = make_segment(PAGE, 0600);
	struct shmid_ds ds = stat_segment(id);
	CHECK_EQ(ds.shm_perm.__seq, id >> 24);
	remove_segment(id);
	/* Sequence numbers have 7 bits: a stale id comes round sooner, but not at once. */
	for (int i = 0; i < 300; i++) {
		int other = make_segment(PAGE, 0600);
		CHECK(other != id);
		CHECK(other >= 0);
		remove_segment(other);
	}
	write_mni("4096", 0);
}

static void a_million(void)
{
	struct shm_info totals;
	struct shmid_ds ds;

	write_mni("16777216", 0);
	alarm(600);
	int *id = CHECK_OK((int *)mmap(NULL, COUNT * sizeof(*id), PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	for (int i = 0; i < COUNT; i++)
		id[i] = CHECK_OK(shmget(KEY + i, 1, IPC_CREAT | IPC_EXCL | 0600 | SHM_NORESERVE));
	CHECK(CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals)) >= COUNT - 1);
	CHECK_EQ(totals.used_ids, COUNT);
	CHECK_EQ(totals.shm_tot, COUNT);
	for (int i = 0; i < COUNT; i += 997) {
		CHECK_EQ(shmget(KEY + i, 0, 0), id[i]);
		CHECK_EQ(shmctl(id[i] & 0xffffff, SHM_STAT, &ds), id[i]);
		char *p = attach(id[i], 0);
		CHECK_EQ(p[0], 0);
		p[0] = (char)i;
		CHECK_OK(shmdt(p));
	}
	CHECK_ERROR(shmget(KEY + COUNT, 0, 0), ENOENT);
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(totals.shm_rss, (COUNT + 996) / 997);
	/* The report of them all, while memory is nearly used up. */
	FILE *file = fopen("/proc/sysvipc/shm", "r");
	CHECK(file != NULL);
	char line[512];
	int lines = 0;
	while (fgets(line, sizeof(line), file))
		lines++;
	CHECK_EQ(lines, COUNT + 1);
	fclose(file);
	for (int i = 0; i < COUNT; i++)
		CHECK_OK(shmctl(id[i], IPC_RMID, NULL));
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(totals.used_ids, 0);
	CHECK_EQ(totals.shm_tot, 0);
	write_mni("4096", 0);
}

const struct abi_case abi_cases[] = {
	CASE(limit_of_extended_ids, "ipcmni_extend: shmmni up to 2^24: kernel-parameters(7)"),
	CASE(a_million, "2^20 segments at once, each found by key, id and index: shmget(2)"),
	CASES_END,
};
