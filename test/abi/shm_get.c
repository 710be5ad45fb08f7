// SPDX-License-Identifier: MIT
/* shmget(2): new segments, keys, sizes, flags, and the order of its errors. */

#define _GNU_SOURCE
#include "abi.h"

#include <limits.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define KEY 0x5a3e0001

static void drop(int id)
{
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void private_needs_no_creat(void)
{
	int a = CHECK_OK(shmget(IPC_PRIVATE, 4096, 0600));
	int b = CHECK_OK(shmget(IPC_PRIVATE, 4096, 0600));

	CHECK(a != b);
	drop(a);
	drop(b);
	drop(CHECK_OK(shmget(IPC_PRIVATE, 4096, IPC_CREAT | IPC_EXCL | 0600)));
}

static void new_segment_fields(void)
{
	struct shmid_ds ds;
	time_t before = time(NULL);
	int id = CHECK_OK(shmget(KEY, 5000, IPC_CREAT | IPC_EXCL | 0640));

	memset(&ds, 0x55, sizeof(ds));
	CHECK_EQ(shmctl(id, IPC_STAT, &ds), 0);
	CHECK_EQ(ds.shm_perm.__key, KEY);
	CHECK_EQ(ds.shm_perm.uid, geteuid());
	CHECK_EQ(ds.shm_perm.gid, getegid());
	CHECK_EQ(ds.shm_perm.cuid, geteuid());
	CHECK_EQ(ds.shm_perm.cgid, getegid());
	CHECK_EQ(ds.shm_perm.mode, 0640);
	CHECK_EQ(ds.shm_perm.__seq, id >> 15);
	CHECK_EQ(ds.shm_segsz, 5000);
	CHECK_EQ(ds.shm_atime, 0);
	CHECK_EQ(ds.shm_dtime, 0);
	CHECK(ds.shm_ctime >= before && ds.shm_ctime <= time(NULL));
	CHECK_EQ(ds.shm_cpid, getpid());
	CHECK_EQ(ds.shm_lpid, 0);
	CHECK_EQ(ds.shm_nattch, 0);
	drop(id);
}

static void new_segment_is_zero(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 9000, 0600));
	const unsigned char *p = CHECK_OK(shmat(id, NULL, 0));

	for (size_t i = 0; i < 3 * 4096; i++)
		CHECK_EQ(p[i], 0);
	CHECK_OK(shmdt(p));
	drop(id);
}

static void same_key_same_id(void)
{
	int id = CHECK_OK(shmget(KEY, 4096, IPC_CREAT | 0600));

	CHECK_EQ(shmget(KEY, 4096, IPC_CREAT | 0600), id);
	CHECK_EQ(shmget(KEY, 4096, 0600), id);
	CHECK_EQ(shmget(KEY, 0, 0), id);
	CHECK_EQ(shmget(KEY, 100, 0), id);
	int other = CHECK_OK(shmget(KEY + 1, 4096, IPC_CREAT | 0600));
	CHECK(other != id);
	drop(other);
	drop(id);
}

static void missing_key(void)
{
	CHECK_ERROR(shmget(KEY, 4096, 0600), ENOENT);
	CHECK_ERROR(shmget(KEY, 4096, IPC_EXCL | 0600), ENOENT);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	CHECK_ERROR(shmget(KEY, ULONG_MAX, 0), ENOENT);
}

static void existing_key_exclusive(void)
{
	int id = CHECK_OK(shmget(KEY, 4096, IPC_CREAT | 0600));

	CHECK_ERROR(shmget(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERROR(shmget(KEY, 1 << 20, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERROR(shmget(KEY, 0, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_EQ(shmget(KEY, 4096, IPC_EXCL), id);
	drop(id);
}

static void existing_key_larger_size(void)
{
	int id = CHECK_OK(shmget(KEY, 5000, IPC_CREAT | 0600));

	CHECK_EQ(shmget(KEY, 5000, 0), id);
	CHECK_ERROR(shmget(KEY, 5001, 0), EINVAL);
	CHECK_ERROR(shmget(KEY, 5001, IPC_CREAT | 0600), EINVAL);
	drop(id);
}

static void bad_sizes(void)
{
	CHECK_ERROR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERROR(shmget(KEY, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, ULONG_MAX, 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 63, 0600), EINVAL);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
}

static void reservation(void)
{
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 55, 0600), ENOMEM);
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 42, 0600), ENOMEM);
	int id = CHECK_OK(shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_NORESERVE));
	struct shmid_ds ds;
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.shm_segsz, 1l << 40);
	CHECK_EQ(ds.shm_perm.mode, 0600);
	drop(id);
}

static void mode_keeps_nine_bits(void)
{
	struct shmid_ds ds;
	int id = CHECK_OK(shmget(KEY, 1, IPC_CREAT | SHM_NORESERVE | 0777));

	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.shm_perm.mode, 0777);
	CHECK_EQ(ds.shm_segsz, 1);
	drop(id);
	id = CHECK_OK(shmget(KEY, 1, IPC_CREAT));
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.shm_perm.mode, 0);
	drop(id);
}

static void stale_id(void)
{
	struct shmid_ds ds;
	int old[200];

	/* Ids of removed segments stay invalid while new ones come and go. */
	for (int i = 0; i < 200; i++) {
		old[i] = CHECK_OK(shmget(IPC_PRIVATE, 1, 0600));
		drop(old[i]);
		for (int j = 0; j <= i; j++) {
			CHECK(j == i || old[j] != old[i]);
			CHECK_ERROR(shmctl(old[j], IPC_STAT, &ds), EINVAL);
		}
	}
}

static void ids_of_many(void)
{
	enum { COUNT = 300 };
	int id[COUNT];

	for (int i = 0; i < COUNT; i++) {
		id[i] = CHECK_OK(shmget(KEY + i, 4096, IPC_CREAT | IPC_EXCL | 0600));
		for (int j = 0; j < i; j++)
			CHECK(id[j] != id[i] && (id[j] & 0x7fff) != (id[i] & 0x7fff));
	}
	for (int i = 0; i < COUNT; i += 2)
		drop(id[i]);
	for (int i = 0; i < COUNT; i++) {
		if (i % 2)
			CHECK_EQ(shmget(KEY + i, 0, 0), id[i]);
		else
			CHECK_ERROR(shmget(KEY + i, 0, 0), ENOENT);
	}
	for (int i = 1; i < COUNT; i += 2)
		drop(id[i]);
}

static void huge_pages(void)
{
	/* A size code that no machine has; then none configured. */
	CHECK_ERROR(shmget(IPC_PRIVATE, 4096, 0600 | SHM_HUGETLB | 5 << 26), EINVAL);
	errno = 0;
	int id = shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_HUGETLB);
	CHECK_EQ(id, -1);
	CHECK(errno == ENOMEM || errno == EINVAL || (!abi_is_root() && errno == EPERM));
}

static void as_somebody_else(void *argument)
{
	struct shmid_ds ds;

	(void)argument;
	if (setresgid(-1, 12001, 0) || setresuid(-1, 12002, 0))
		SKIP("needs to change its user: run as root");
	int id = CHECK_OK(shmget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600));
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(ds.shm_perm.uid, 12002);
	CHECK_EQ(ds.shm_perm.cuid, 12002);
	CHECK_EQ(ds.shm_perm.gid, 12001);
	CHECK_EQ(ds.shm_perm.cgid, 12001);
	drop(id);
}

static void effective_ids_own(void)
{
	abi_in_child(as_somebody_else, NULL);
}

static void make_and_exit(void *argument)
{
	int id = CHECK_OK(shmget(KEY, 4096, IPC_CREAT | IPC_EXCL | 0600));
	char *p = CHECK_OK((char *)shmat(id, NULL, 0));

	strcpy(p, "left behind");
	(void)argument;
}

static void outlives_its_creator(void)
{
	abi_in_child(make_and_exit, NULL);
	int id = CHECK_OK(shmget(KEY, 0, 0));
	char *p = CHECK_OK((char *)shmat(id, NULL, SHM_RDONLY));
	CHECK_EQ(strcmp(p, "left behind"), 0);
	CHECK_OK(shmdt(p));
	drop(id);
}

const struct abi_case abi_cases[] = {
	CASE(private_needs_no_creat,
	     "IPC_PRIVATE makes a new segment whatever the flags: shmget(2)"),
	CASE(new_segment_fields, "what shmid_ds of a new segment holds: shmget(2)"),
	CASE(new_segment_is_zero, "a new segment is zero to the end of its last page: shmget(2)"),
	CASE(same_key_same_id, "a key leads to its segment; size 0 or smaller is fine: shmget(2)"),
	CASE(missing_key, "ENOENT without IPC_CREAT; IPC_EXCL alone means nothing: shmget(2)"),
	CASE(existing_key_exclusive, "EEXIST before the size is looked at: shmget(2), observed"),
	CASE(existing_key_larger_size, "EINVAL beyond the exact size in bytes: shmget(2)"),
	CASE(bad_sizes, "EINVAL for a new segment below SHMMIN or above SHMMAX: shmget(2)"),
	CASE(reservation, "ENOMEM beyond what can be committed, unless SHM_NORESERVE: shmget(2)"),
	CASE(mode_keeps_nine_bits, "the mode is the lowest nine bits: shmget(2)"),
	CASE(stale_id, "an id is not given again soon, and a stale one is EINVAL: observed"),
	CASE(ids_of_many, "many segments: each has its own id, index and key: shmget(2)"),
	CASE(huge_pages, "SHM_HUGETLB without huge pages fails: shmget(2), observed"),
	CASE(effective_ids_own, "uid, cuid, gid, cgid are the effective ones: shmget(2)"),
	CASE(outlives_its_creator,
	     "a segment stays with its contents until it is removed: sysvipc(7)"),
	CASES_END,
};
