// SPDX-License-Identifier: MIT
/* semget(2): new sets, keys, numbers of semaphores, flags, permission, and the order of its errors. */

#include "sem_test.h"

#include <limits.h>
#include <sys/msg.h>
#include <sys/shm.h>

static void private_sets_differ(void)
{
	int a = make_set(1, 0600), b = make_set(1, 0600);

	CHECK(a != b);
	remove_set(a);
	remove_set(b);
	remove_set(CHECK_OK(semget(IPC_PRIVATE, 1, IPC_CREAT | IPC_EXCL | 0600)));
}

static void new_set_fields(void)
{
	time_t before = time(NULL);
	int id = CHECK_OK(semget(SEM_KEY, 5, IPC_CREAT | IPC_EXCL | 0640));
	struct semid_ds ds = stat_set(id);

	CHECK_EQ(ds.sem_perm.__key, SEM_KEY);
	CHECK_EQ(ds.sem_perm.uid, geteuid());
	CHECK_EQ(ds.sem_perm.gid, getegid());
	CHECK_EQ(ds.sem_perm.cuid, geteuid());
	CHECK_EQ(ds.sem_perm.cgid, getegid());
	CHECK_EQ(ds.sem_perm.mode, 0640);
	CHECK_EQ(ds.sem_perm.__seq, id >> 15);
	CHECK_EQ(ds.sem_nsems, 5);
	CHECK_EQ(ds.sem_otime, 0);
	CHECK(ds.sem_ctime >= before && ds.sem_ctime <= time(NULL));
	remove_set(id);
}

static void new_values_are_zero(void)
{
	int id = make_set(100, 0600);

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(value_of(id, i), 0);
		CHECK_EQ(semctl(id, i, GETPID), 0);
		CHECK_EQ(semctl(id, i, GETNCNT), 0);
		CHECK_EQ(semctl(id, i, GETZCNT), 0);
	}
	remove_set(id);
}

static void mode_keeps_nine_bits(void)
{
	int id = CHECK_OK(semget(IPC_PRIVATE, 1, 07777 & ~(IPC_CREAT | IPC_EXCL)));

	CHECK_EQ(stat_set(id).sem_perm.mode, 0777);
	remove_set(id);
}

static void same_key_same_id(void)
{
	int id = CHECK_OK(semget(SEM_KEY, 3, IPC_CREAT | 0600));

	CHECK_EQ(semget(SEM_KEY, 3, IPC_CREAT | 0600), id);
	CHECK_EQ(semget(SEM_KEY, 0, 0), id);
	CHECK_EQ(semget(SEM_KEY, 2, 0600), id);
	CHECK_EQ(semget(SEM_KEY, 3, IPC_EXCL), id);
	remove_set(id);
}

static void missing_key(void)
{
	CHECK_ERROR(semget(SEM_KEY, 1, 0600), ENOENT);
	CHECK_ERROR(semget(SEM_KEY, 0, 0), ENOENT);
	CHECK_ERROR(semget(SEM_KEY, 1, IPC_EXCL | 0600), ENOENT);
}

static void existing_key_exclusive(void)
{
	int id = CHECK_OK(semget(SEM_KEY, 3, IPC_CREAT | 0600));

	CHECK_ERROR(semget(SEM_KEY, 3, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERROR(semget(SEM_KEY, 4, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERROR(semget(SEM_KEY, 0, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	remove_set(id);
}

static void existing_key_too_small(void)
{
	int id = CHECK_OK(semget(SEM_KEY, 3, IPC_CREAT | 0600));

	CHECK_ERROR(semget(SEM_KEY, 4, 0), EINVAL);
	CHECK_ERROR(semget(SEM_KEY, 4, IPC_CREAT | 0600), EINVAL);
	remove_set(id);
}

static void bad_numbers(void)
{
	CHECK_ERROR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERROR(semget(SEM_KEY, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERROR(semget(IPC_PRIVATE, -1, 0600), EINVAL);
	CHECK_ERROR(semget(IPC_PRIVATE, INT_MAX, 0600), EINVAL);
	CHECK_ERROR(semget(IPC_PRIVATE, 32001, 0600), EINVAL);
	/* Out of range is seen before the key is looked for. */
	CHECK_ERROR(semget(SEM_KEY, 32001, 0), EINVAL);
	CHECK_ERROR(semget(SEM_KEY, -1, 0), EINVAL);
}

static void largest_set(void)
{
	int id = make_set(32000, 0600);

	set_value(id, 31999, 7);
	CHECK_EQ(value_of(id, 31999), 7);
	CHECK_EQ(stat_set(id).sem_nsems, 32000);
	remove_set(id);
}

static void removed_key_is_free(void)
{
	int id = CHECK_OK(semget(SEM_KEY, 1, IPC_CREAT | 0600));

	remove_set(id);
	CHECK_ERROR(semget(SEM_KEY, 1, 0600), ENOENT);
	CHECK_ERROR(semctl(id, 0, GETVAL), EINVAL);
	CHECK_ERROR(operate(id, 0, 1, 0), EINVAL);
	int other = CHECK_OK(semget(SEM_KEY, 2, IPC_CREAT | IPC_EXCL | 0600));
	CHECK(other != id);
	remove_set(other);
}

static void stale_ids_find_nothing(void)
{
	int first = make_set(1, 0600);

	remove_set(first);
	for (int i = 0; i < 1000; i++) {
		int id = make_set(1, 0600);
		CHECK(id != first);
		CHECK_ERROR(semctl(first, 0, GETVAL), EINVAL);
		remove_set(id);
	}
}

static void kinds_have_their_own_keys(void)
{
	int set = CHECK_OK(semget(SEM_KEY, 1, IPC_CREAT | IPC_EXCL | 0600));

	CHECK_ERROR(shmget(SEM_KEY, 0, 0), ENOENT);
	CHECK_ERROR(msgget(SEM_KEY, 0), ENOENT);
	int queue = CHECK_OK(msgget(SEM_KEY, IPC_CREAT | IPC_EXCL | 0600));
	CHECK_EQ(semget(SEM_KEY, 1, 0), set);
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
	CHECK_EQ(semget(SEM_KEY, 1, 0), set);
	remove_set(set);
}

static void key_as_other_user(void *argument)
{
	int id = *(int *)argument;

	abi_become(1000, 1000);
	CHECK_EQ(semget(SEM_KEY, 0, 0), id);
	CHECK_EQ(semget(SEM_KEY, 0, 0004), id);
	CHECK_ERROR(semget(SEM_KEY, 0, 0002), EACCES);
	CHECK_ERROR(semget(SEM_KEY, 0, 0600), EACCES);
	/* Any digit counts: those of the class that fits are compared. */
	CHECK_EQ(semget(SEM_KEY, 0, 0400), id);
	CHECK_ERROR(semget(SEM_KEY, 9, 0002), EINVAL);
	CHECK_ERROR(semget(SEM_KEY, 1, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
}

static void permission_of_existing(void)
{
	if (!abi_is_root())
		SKIP("needs another user");
	int id = CHECK_OK(semget(SEM_KEY, 1, IPC_CREAT | 0604));

	abi_in_child(key_as_other_user, &id);
	remove_set(id);
}

static void as_somebody_else(void *argument)
{
	(void)argument;
	if (setresgid(-1, 12001, 0) || setresuid(-1, 12002, 0))
		SKIP("needs to change its user: run as root");
	int id = CHECK_OK(semget(SEM_KEY, 1, IPC_CREAT | IPC_EXCL | 0600));
	struct semid_ds ds = stat_set(id);
	CHECK_EQ(ds.sem_perm.uid, 12002);
	CHECK_EQ(ds.sem_perm.cuid, 12002);
	CHECK_EQ(ds.sem_perm.gid, 12001);
	CHECK_EQ(ds.sem_perm.cgid, 12001);
	remove_set(id);
}

static void effective_ids_own(void)
{
	abi_in_child(as_somebody_else, NULL);
}

static void make_and_exit(void *argument)
{
	(void)argument;
	CHECK_OK(operate(CHECK_OK(semget(SEM_KEY, 1, IPC_CREAT | IPC_EXCL | 0600)), 0, 7, 0));
}

static void outlives_its_creator(void)
{
	abi_in_child(make_and_exit, NULL);
	int id = CHECK_OK(semget(SEM_KEY, 0, 0));
	CHECK_EQ(value_of(id, 0), 7);
	remove_set(id);
}

const struct abi_case abi_cases[] = {
	CASE(private_sets_differ, "IPC_PRIVATE makes a new set each time: semget(2)"),
	CASE(new_set_fields, "the fields of a new set: semget(2)"),
	CASE(new_values_are_zero,
	     "new semaphores are 0, as Linux promises beyond POSIX: semget(2)"),
	CASE(mode_keeps_nine_bits, "of the flags, nine bits are the mode: semget(2)"),
	CASE(same_key_same_id,
	     "a key finds its set, with no or fewer semaphores asked for: semget(2)"),
	CASE(missing_key, "no set and no IPC_CREAT is ENOENT: semget(2)"),
	CASE(existing_key_exclusive, "IPC_CREAT | IPC_EXCL is EEXIST, before size: semget(2)"),
	CASE(existing_key_too_small, "more semaphores than the set has is EINVAL: semget(2)"),
	CASE(bad_numbers, "0 for a new set, negative, above SEMMSL is EINVAL: semget(2)"),
	CASE(largest_set, "a set may have SEMMSL semaphores: semget(2)"),
	CASE(removed_key_is_free, "a removed set is found by neither key nor id: semctl(2)"),
	CASE(stale_ids_find_nothing, "an id is not given again soon: sysvipc(7)"),
	CASE(kinds_have_their_own_keys, "each kind of IPC has keys of its own: sysvipc(7)"),
	CASE(permission_of_existing,
	     "an existing set's mode is compared with the flags: semget(2)"),
	CASE(effective_ids_own, "uid, cuid, gid, cgid are the effective ones: semget(2)"),
	CASE(outlives_its_creator, "a set stays with its values until it is removed: sysvipc(7)"),
	CASES_END,
};
