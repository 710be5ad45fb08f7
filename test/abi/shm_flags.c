// SPDX-License-Identifier: MIT
/* shmget(2) and shmat(2): every combination of flags, with every kind of address. */

#include "shm_test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define KEY       0x5a3e0700
#define USER      65534
#define HUGE(log) ((log) << 26)

static void drop(int id)
{
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

/* ---- shmget ---- */

/* A new segment, whatever harmless flags are given. */
static void new_with(int flags)
{
	int id = CHECK_OK(shmget(KEY, 100, IPC_CREAT | flags | 0640));
	struct shmid_ds ds = stat_segment(id);

	CHECK_EQ(ds.shm_perm.mode, 0640);
	CHECK_EQ(ds.shm_segsz, 100);
	CHECK_EQ(shmget(KEY, 100, flags & ~IPC_EXCL), id);
	CHECK_OK(shmdt(attach(id, 0)));
	drop(id);
}

static void flags_of_new_segments(void)
{
	static const int harmless[] = {0, IPC_EXCL, SHM_NORESERVE, 0100000,
				       HUGE(5) /* without SHM_HUGETLB it means nothing */};
	const int count = sizeof(harmless) / sizeof(harmless[0]);

	for (int i = 0; i < count; i++) {
		for (int j = i; j < count; j++)
			new_with(harmless[i] | harmless[j]);
	}
}

static void flags_of_existing_segments(void)
{
	int id = CHECK_OK(shmget(KEY, 100, IPC_CREAT | 0600));

	/* What only a new segment could need is not looked at. */
	CHECK_EQ(shmget(KEY, 100, SHM_HUGETLB | HUGE(5)), id);
	CHECK_EQ(shmget(KEY, 100, SHM_HUGETLB | SHM_NORESERVE | 0600), id);
	CHECK_EQ(shmget(KEY, 0, IPC_CREAT | SHM_NORESERVE | 0600), id);
	CHECK_EQ(shmget(KEY, 1, IPC_EXCL | 0600), id);
	CHECK_ERROR(shmget(KEY, 0, IPC_CREAT | IPC_EXCL | SHM_HUGETLB | HUGE(5)), EEXIST);
	drop(id);
}

static void keys_are_32_bits(void)
{
	static const int keys[] = {1, -1, INT32_MIN, INT32_MAX, 0x7ffffffe, -2};
	int id[6];

	for (int i = 0; i < 6; i++)
		id[i] = CHECK_OK(shmget(keys[i], 1, IPC_CREAT | IPC_EXCL | 0600));
	for (int i = 0; i < 6; i++) {
		CHECK_EQ(shmget(keys[i], 1, 0), id[i]);
		CHECK_EQ(stat_segment(id[i]).shm_perm.__key, keys[i]);
		drop(id[i]);
		CHECK_ERROR(shmget(keys[i], 1, 0), ENOENT);
	}
}

static void sizes_on_the_edge(void)
{
	static const size_t sizes[] = {1,
				       PAGE - 1,
				       PAGE,
				       PAGE + 1,
				       (2ul << 20) - 1,
				       2ul << 20,
				       (2ul << 20) + 1,
				       (1ul << 31) - 1,
				       1ul << 31,
				       (1ul << 31) + 1,
				       (1ul << 32) - 1,
				       1ul << 32,
				       (1ul << 32) + 1,
				       5ul << 32};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int id = make_segment(sizes[i], 0600 | SHM_NORESERVE);
		CHECK_EQ(stat_segment(id).shm_segsz, sizes[i]);
		char *p = attach(id, 0);
		p[0] = 1;
		p[sizes[i] - 1] = 2;
		CHECK_EQ(p[sizes[i] - 1], 2);
		/* Whole pages: the rest of the last one is there. */
		p[(sizes[i] - 1) | (PAGE - 1)] = 3;
		CHECK_OK(shmdt(p));
		drop(id);
	}
}

static void huge_pages_as_user(void *argument)
{
	struct rlimit none = {0, 0};

	(void)argument;
	abi_become(USER, USER);
	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &none));
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB), EPERM);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | HUGE(21)), EPERM);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | HUGE(5)), EINVAL);
}

static void huge_pages(void)
{
	static const int no_sizes[] = {1, 5, 12, 20, 22, 31, 63};

	/* Limits come first; then whether there is such a size. */
	CHECK_ERROR(shmget(IPC_PRIVATE, 0, 0600 | SHM_HUGETLB), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX, 0600 | SHM_HUGETLB), EINVAL);
	for (size_t i = 0; i < sizeof(no_sizes) / sizeof(no_sizes[0]); i++)
		CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | HUGE(no_sizes[i])),
			    EINVAL);
	int id = shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_HUGETLB | HUGE(21));
	CHECK_EQ(id, -1);
	if (errno == EINVAL)
		SKIP("this kernel was built without huge pages");
	if (errno == EPERM && !abi_is_root())
		SKIP("huge pages are for root: in a user namespace they are EPERM");
	CHECK_EQ(errno, ENOMEM);
	/* Not every CPU has pages of a GiB. */
	CHECK_EQ(shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_HUGETLB | HUGE(30)), -1);
	CHECK(errno == ENOMEM || errno == EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_HUGETLB), ENOMEM);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	abi_in_child(huge_pages_as_user, NULL);
}

static void many_pages_over_limit(void)
{
	/* In pages that do not even fit a number: EINVAL, ENOMEM or ENOSPC, but no segment. */
	for (unsigned shift = 50; shift < 64; shift++) {
		CHECK_EQ(shmget(IPC_PRIVATE, 1ul << shift, 0600), -1);
		CHECK(errno == ENOMEM || errno == EINVAL);
		CHECK_EQ(shmget(IPC_PRIVATE, (1ul << shift) - 1, 0600), -1);
	}
}

/* ---- shmat ---- */

enum where { AT_NULL, AT_ONE, AT_FREE, AT_FREE_ODD, AT_TAKEN, AT_TAKEN_ODD, AT_HIGH, WHERES };

/* The error that shmop(2) has for it; 0: none. */
static int error_of(enum where where, int flags)
{
	bool round = flags & SHM_RND, remap = flags & SHM_REMAP;

	switch (where) {
	case AT_NULL:
		return remap ? EINVAL : 0;
	case AT_ONE:
		return !round || remap ? EINVAL : EPERM;
	case AT_FREE:
		return 0;
	case AT_FREE_ODD:
		return round ? 0 : EINVAL;
	case AT_TAKEN:
		return remap ? 0 : EINVAL;
	case AT_TAKEN_ODD:
		return round && remap ? 0 : EINVAL;
	default:
		return ENOMEM;
	}
}

/* The permissions in /proc/self/maps of the area that begins there. */
static void permissions_of(const char *address, char text[5])
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "r");

	CHECK(maps != NULL);
	strcpy(text, "none");
	while (fgets(line, sizeof(line), maps)) {
		if (strtoul(line, NULL, 16) == (uintptr_t)address)
			memcpy(text, strchr(line, ' ') + 1, 4);
	}
	fclose(maps);
}

static void try_attach(int id, enum where where, int flags)
{
	char *free_room = free_range(4 * PAGE), *base = free_room;
	char *taken = CHECK_OK((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	char *address = NULL, permissions[5], expected[5] = "r--s";
	int error = error_of(where, flags);

	if (where == AT_ONE)
		address = (char *)1;
	else if (where == AT_TAKEN || where == AT_TAKEN_ODD)
		address = base = taken;
	else if (where == AT_HIGH)
		address = (char *)0xffff800000000000;
	else if (where != AT_NULL)
		address = free_room;
	if (where == AT_FREE_ODD || where == AT_TAKEN_ODD)
		address += 123;
	char *p = shmat(id, address, flags);
	if (error && (p != (char *)-1 || errno != error))
		abi_fail(__FILE__, __LINE__, "address kind %d, flags %#o: %p, %s", where, flags, p,
			 abi_error(errno));
	if (!error && p == (char *)-1)
		abi_fail(__FILE__, __LINE__, "address kind %d, flags %#o: %s", where, flags,
			 abi_error(errno));
	CHECK_EQ(attachments(id), error ? 0 : 1);
	if (!error) {
		if (address)
			CHECK_EQ((uintptr_t)p, (uintptr_t)base);
		expected[1] = flags & SHM_RDONLY ? '-' : 'w';
		expected[2] = flags & SHM_EXEC ? 'x' : '-';
		permissions_of(p, permissions);
		if (strcmp(permissions, expected))
			abi_fail(__FILE__, __LINE__, "flags %#o: %s, not %s", flags, permissions,
				 expected);
		CHECK_OK(shmdt(p));
	}
	munmap(taken, 4 * PAGE);
}

static void attach_all_ways(void *argument)
{
	(void)argument;
	abi_become(USER, USER); /* root may map page 0 */
	int id = make_segment(2 * PAGE, 0700);
	for (int bits = 0; bits < 16; bits++) {
		int flags = (bits & 1 ? SHM_RDONLY : 0) | (bits & 2 ? SHM_RND : 0) |
			    (bits & 4 ? SHM_REMAP : 0) | (bits & 8 ? SHM_EXEC : 0);
		for (enum where where = AT_NULL; where < WHERES; where++)
			try_attach(id, where, flags);
	}
	drop(id);
}

static void addresses_and_flags(void)
{
	abi_in_child(attach_all_ways, NULL);
}

static void needs(int id, int flags, bool allowed)
{
	char *p = shmat(id, NULL, flags);

	CHECK_EQ(p != (char *)-1, allowed);
	CHECK(allowed || errno == EACCES);
	if (allowed)
		CHECK_OK(shmdt(p));
}

static void permissions_needed_as_user(void *argument)
{
	struct shmid_ds ds;

	(void)argument;
	abi_become(USER, USER);
	int id = make_segment(PAGE, 0);
	for (unsigned mode = 0; mode < 8; mode++) {
		bool r = mode & 4, w = mode & 2, x = mode & 1;
		ds = (struct shmid_ds){.shm_perm = {.uid = USER, .gid = USER}};
		ds.shm_perm.mode = (unsigned short)(mode << 6 | 0077); /* others do not help */
		CHECK_OK(shmctl(id, IPC_SET, &ds));
		needs(id, SHM_RDONLY, r);
		needs(id, 0, r && w);
		needs(id, SHM_RDONLY | SHM_EXEC, r && x);
		needs(id, SHM_EXEC, r && w && x);
		CHECK_EQ(shmctl(id, IPC_STAT, &ds), r ? 0 : -1);
	}
	drop(id);
}

static void permissions_needed(void)
{
	abi_in_child(permissions_needed_as_user, NULL);
}

static void unknown_flags_ignored(void)
{
	int id = make_segment(PAGE, 0600);

	for (int bit = 16; bit < 31; bit++)
		CHECK_OK(shmdt(attach(id, 1 << bit)));
	for (int bit = 0; bit < 12; bit++)
		CHECK_OK(shmdt(attach(id, 1 << bit)));
	drop(id);
}

static void order_of_errors_as_user(void *argument)
{
	int id = *(int *)argument;

	abi_become(USER, USER);
	CHECK_ERROR(shmat(id, (void *)1, 0), EINVAL); /* the address before the permission */
	CHECK_ERROR(shmat(id, NULL, SHM_REMAP), EINVAL);
	CHECK_ERROR(shmat(id, NULL, 0), EACCES);
	CHECK_ERROR(shmat(-1, (void *)1, SHM_RND), EINVAL);
	/* The permission before the room. */
	CHECK_ERROR(shmat(id, (void *)0xffff800000000000, 0), EACCES);
	char *taken =
		CHECK_OK((char *)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	CHECK_ERROR(shmat(id, taken, 0), EACCES);
}

static void order_of_errors(void)
{
	int id = make_segment(PAGE, 0600);

	abi_in_child(order_of_errors_as_user, &id);
	drop(id);
}

/* ---- attach over what is there ---- */

static void remap_over_several(void)
{
	int id = make_segment(6 * PAGE, 0600), other = make_segment(2 * PAGE, 0600);
	char *room = CHECK_OK((char *)mmap(NULL, 10 * PAGE, PROT_READ | PROT_WRITE,
					   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	memset(room, 7, 10 * PAGE);
	CHECK_OK(munmap(room + 4 * PAGE, PAGE)); /* a hole */
	CHECK_OK(shmat(other, room + 2 * PAGE, SHM_REMAP));
	CHECK_OK(mprotect(room + 6 * PAGE, PAGE, PROT_NONE));
	CHECK_ERROR(shmat(id, room + 2 * PAGE, 0), EINVAL);
	CHECK_EQ((uintptr_t)shmat(id, room + 2 * PAGE, SHM_REMAP), (uintptr_t)room + 2 * PAGE);
	CHECK_EQ(attachments(other), 0);
	CHECK_EQ(attachments(id), 1);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(room[i * PAGE], i >= 2 && i < 8 ? 0 : 7);
	CHECK_OK(shmdt(room + 2 * PAGE));
	drop(id);
	drop(other);
}

static void remap_last_of_removed(void)
{
	struct shmid_ds ds;
	int id = make_segment(PAGE, 0600), other = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	drop(id);
	CHECK_EQ((uintptr_t)shmat(other, p, SHM_REMAP), (uintptr_t)p);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL); /* its last attach was replaced */
	CHECK_OK(shmdt(p));
	drop(other);
}

static void remap_over_itself_when_removed(void)
{
	struct shmid_ds ds;
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	p[5] = 55;
	drop(id);
	CHECK_EQ((uintptr_t)shmat(id, p, SHM_REMAP), (uintptr_t)p);
	CHECK_EQ(p[5], 55);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
}

static void failed_remap_keeps(void)
{
	int id = make_segment(1ul << 46, 0600 | SHM_NORESERVE), small = make_segment(PAGE, 0600);
	char *p = attach(small, 0);

	p[0] = 9;
	CHECK_ERROR(shmat(id, p, SHM_REMAP), ENOMEM); /* there is no such room above */
	CHECK_EQ(p[0], 9);
	CHECK_EQ(attachments(small), 1);
	CHECK_EQ(attachments(id), 0);
	CHECK_OK(shmdt(p));
	drop(id);
	drop(small);
}

static void address_limit(void)
{
	struct rlimit before, limit;
	int id = make_segment(1ul << 30, 0600 | SHM_NORESERVE);

	CHECK_OK(getrlimit(RLIMIT_AS, &before));
	limit = before;
	limit.rlim_cur = 512ul << 20;
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
	CHECK_ERROR(shmat(id, NULL, 0), ENOMEM);
	CHECK_EQ(attachments(id), 0);
	CHECK_OK(setrlimit(RLIMIT_AS, &before));
	CHECK_OK(shmdt(attach(id, 0)));
	drop(id);
}

const struct abi_case abi_cases[] = {
	CASE(flags_of_new_segments, "flags that mean nothing here do no harm: shmget(2), observed"),
	CASE(flags_of_existing_segments,
	     "an existing segment is found whatever a new one would need: shmget(2), observed"),
	CASE(keys_are_32_bits, "every key but IPC_PRIVATE is one, negative ones too: shmget(2)"),
	CASE(sizes_on_the_edge, "sizes around a page, 2 MiB, 2 GiB, 4 GiB: shmget(2)"),
	CASE(huge_pages, "SHM_HUGETLB: EINVAL, EPERM, ENOMEM in this order: shmget(2), observed"),
	CASE(many_pages_over_limit, "sizes near 2^64 make no segment: shmget(2)"),
	CASE(addresses_and_flags,
	     "each kind of address with each set of flags: shmop(2), observed"),
	CASE(permissions_needed, "read; write unless SHM_RDONLY; execute for SHM_EXEC: shmop(2)"),
	CASE(unknown_flags_ignored, "shmat ignores other flags: observed"),
	CASE(order_of_errors, "address, then permission, then room: observed"),
	CASE(remap_over_several, "SHM_REMAP replaces areas of all kinds and holes: shmop(2)"),
	CASE(remap_last_of_removed,
	     "replacing the last attach destroys a removed segment: shmop(2)"),
	CASE(remap_over_itself_when_removed, "but not when it is replaced by itself: observed"),
	CASE(failed_remap_keeps, "a SHM_REMAP that fails leaves what was there: observed"),
	CASE(address_limit, "ENOMEM beyond RLIMIT_AS: getrlimit(2)"),
	CASES_END,
};
