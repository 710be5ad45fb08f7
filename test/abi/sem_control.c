// SPDX-License-Identifier: MIT
/* semctl(2): each command, its permission, and the order of its errors. */

#include "sem_test.h"

#include <sys/syscall.h>

#ifndef SEM_STAT_ANY
#define SEM_STAT_ANY 20
#endif

static void value_is_set(void)
{
	int id = make_set(3, 0600);

	set_value(id, 1, 5);
	CHECK_EQ(value_of(id, 0), 0);
	CHECK_EQ(value_of(id, 1), 5);
	CHECK_EQ(value_of(id, 2), 0);
	set_value(id, 1, VALUE_MAX);
	CHECK_EQ(value_of(id, 1), VALUE_MAX);
	CHECK_EQ(semctl(id, 1, GETPID), getpid());
	CHECK_EQ(semctl(id, 0, GETPID), 0);
	CHECK_EQ(stat_set(id).sem_otime, 0);
	remove_set(id);
}

static void value_out_of_range(void)
{
	int id = make_set(1, 0600);

	CHECK_ERROR(semctl(id, 0, SETVAL, (union semctl_argument){.val = -1}), ERANGE);
	CHECK_ERROR(semctl(id, 0, SETVAL, (union semctl_argument){.val = VALUE_MAX + 1}), ERANGE);
	/* Seen before the set is looked for. */
	CHECK_ERROR(semctl(id + 1, 0, SETVAL, (union semctl_argument){.val = -1}), ERANGE);
	CHECK_ERROR(semctl(-1, 0, SETVAL, (union semctl_argument){.val = -1}), EINVAL);
	CHECK_ERROR(semctl(id, 1, SETVAL, (union semctl_argument){.val = -1}), ERANGE);
	CHECK_EQ(value_of(id, 0), 0);
	remove_set(id);
}

static void number_out_of_range(void)
{
	static const int commands[] = {GETVAL, GETPID, GETNCNT, GETZCNT, SETVAL};
	int id = make_set(3, 0600);

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		CHECK_ERROR(semctl(id, 3, commands[i], (union semctl_argument){.val = 0}), EINVAL);
		CHECK_ERROR(semctl(id, -1, commands[i], (union semctl_argument){.val = 0}), EINVAL);
	}
	/* The others do not look at it. */
	unsigned short values[3];
	CHECK_OK(semctl(id, 99, GETALL, (union semctl_argument){.array = values}));
	struct semid_ds ds;
	CHECK_OK(semctl(id, -5, IPC_STAT, (union semctl_argument){.buf = &ds}));
	CHECK_OK(semctl(id, 77, IPC_RMID));
}

static void all_values(void)
{
	unsigned short values[5] = {1, 2, 3, 4, VALUE_MAX}, got[5] = {0};
	int id = make_set(5, 0600);

	CHECK_OK(semctl(id, 0, SETALL, (union semctl_argument){.array = values}));
	CHECK_OK(semctl(id, 0, GETALL, (union semctl_argument){.array = got}));
	CHECK_EQ(memcmp(values, got, sizeof(values)), 0);
	for (int i = 0; i < 5; i++)
		CHECK_EQ(semctl(id, i, GETPID), getpid());
	values[2] = VALUE_MAX + 1;
	values[0] = 99;
	CHECK_ERROR(semctl(id, 0, SETALL, (union semctl_argument){.array = values}), ERANGE);
	CHECK_EQ(value_of(id, 0), 1);
	remove_set(id);
}

static void bad_pointers(void)
{
	int id = make_set(2, 0600);
	void *bad = (void *)8;

	CHECK_ERROR(semctl(id, 0, GETALL, (union semctl_argument){.array = bad}), EFAULT);
	CHECK_ERROR(semctl(id, 0, SETALL, (union semctl_argument){.array = bad}), EFAULT);
	CHECK_ERROR(semctl(id, 0, IPC_STAT, (union semctl_argument){.buf = bad}), EFAULT);
	CHECK_ERROR(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = bad}), EFAULT);
	CHECK_ERROR(semctl(0, 0, IPC_INFO, (union semctl_argument){.buf = bad}), EFAULT);
	CHECK_ERROR(semctl(0, 0, SEM_INFO, (union semctl_argument){.buf = bad}), EFAULT);
	/* IPC_SET reads before it looks, the others look first. */
	CHECK_ERROR(semctl(id + 1, 0, IPC_SET, (union semctl_argument){.buf = bad}), EFAULT);
	CHECK_ERROR(semctl(id + 1, 0, IPC_STAT, (union semctl_argument){.buf = bad}), EINVAL);
	CHECK_ERROR(semctl(id + 1, 0, SETALL, (union semctl_argument){.array = bad}), EINVAL);
	CHECK_ERROR(semctl(-1, 0, IPC_SET, (union semctl_argument){.buf = bad}), EINVAL);
	remove_set(id);
}

static void bad_commands_and_ids(void)
{
	int id = make_set(1, 0600);

	CHECK_ERROR(semctl(id, 0, 99), EINVAL);
	CHECK_ERROR(semctl(id, 0, -1), EINVAL);
	CHECK_ERROR(semctl(id, 0, 10), EINVAL);
	CHECK_ERROR(syscall(SYS_semctl, id, 0, GETVAL | 0x100, 0), EINVAL);
	CHECK_ERROR(semctl(-1, 0, GETVAL), EINVAL);
	CHECK_ERROR(semctl(-1, 0, IPC_INFO, (union semctl_argument){.buf = NULL}), EINVAL);
	CHECK_ERROR(semctl(id + (1 << 15), 0, GETVAL), EINVAL);
	CHECK_ERROR(semctl(id + 1, 0, GETVAL), EINVAL);
	CHECK_ERROR(semctl(id + 1, 0, IPC_RMID), EINVAL);
	remove_set(id);
	CHECK_ERROR(semctl(id, 0, IPC_RMID), EINVAL);
}

static void set_takes_owner_and_mode(void)
{
	int id = CHECK_OK(semget(SEM_KEY, 2, IPC_CREAT | 0600));
	struct semid_ds ds = stat_set(id), before = ds;

	ds.sem_perm.mode = 07644;
	ds.sem_perm.__key = 1;
	ds.sem_perm.cuid = 77;
	ds.sem_nsems = 9;
	ds.sem_otime = 1;
	ds.sem_ctime = 1;
	CHECK_OK(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = &ds}));
	ds = stat_set(id);
	CHECK_EQ(ds.sem_perm.mode, 0644);
	CHECK_EQ(ds.sem_perm.__key, SEM_KEY);
	CHECK_EQ(ds.sem_perm.cuid, before.sem_perm.cuid);
	CHECK_EQ(ds.sem_perm.uid, before.sem_perm.uid);
	CHECK_EQ(ds.sem_nsems, 2);
	CHECK_EQ(ds.sem_otime, 0);
	CHECK(ds.sem_ctime >= before.sem_ctime);
	ds.sem_perm.uid = (uid_t)-1;
	CHECK_ERROR(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = &ds}), EINVAL);
	remove_set(id);
}

static void times_move(void)
{
	int id = make_set(1, 0600);
	time_t made = stat_set(id).sem_ctime;

	while (time(NULL) <= made)
		abi_sleep_ms(20);
	abi_sleep_ms(20);
	CHECK_OK(operate(id, 0, 1, 0));
	CHECK(stat_set(id).sem_otime > made);
	CHECK_EQ(stat_set(id).sem_ctime, made);
	set_value(id, 0, 3);
	CHECK(stat_set(id).sem_ctime > made);
	remove_set(id);
}

static void limits_are_told(void)
{
	struct seminfo info;
	int id = make_set(7, 0600);

	CHECK(semctl(0, 0, IPC_INFO, (union semctl_argument){.info = &info}) >= 0);
	CHECK_EQ(info.semmni, 32000);
	CHECK_EQ(info.semmsl, 32000);
	CHECK_EQ(info.semmns, 1024000000);
	CHECK_EQ(info.semopm, 500);
	CHECK_EQ(info.semvmx, VALUE_MAX);
	CHECK_EQ(info.semmap, 1024000000);
	CHECK_EQ(info.semmnu, 1024000000);
	CHECK_EQ(info.semume, 500);
	CHECK_EQ(info.semusz, 20);
	CHECK_EQ(info.semaem, VALUE_MAX);
	remove_set(id);
}

static void usage_is_told(void)
{
	struct seminfo info;
	int a = make_set(7, 0600), b = make_set(5, 0600);
	int highest = (a & 0x7fff) > (b & 0x7fff) ? a & 0x7fff : b & 0x7fff;

	CHECK_EQ(semctl(0, 0, SEM_INFO, (union semctl_argument){.info = &info}), highest);
	CHECK_EQ(info.semusz, 2);
	CHECK_EQ(info.semaem, 12);
	remove_set(a);
	CHECK_EQ(semctl(0, 0, SEM_INFO, (union semctl_argument){.info = &info}), b & 0x7fff);
	CHECK_EQ(info.semusz, 1);
	CHECK_EQ(info.semaem, 5);
	remove_set(b);
	CHECK_EQ(semctl(0, 0, SEM_INFO, (union semctl_argument){.info = &info}), 0);
	CHECK_EQ(info.semusz, 0);
	CHECK_EQ(info.semaem, 0);
}

static void stat_by_index(void)
{
	struct semid_ds ds;
	int id = make_set(4, 0600);
	int index = id & 0x7fff;

	CHECK_EQ(semctl(index, 0, SEM_STAT, (union semctl_argument){.buf = &ds}), id);
	CHECK_EQ(ds.sem_nsems, 4);
	CHECK_EQ(semctl(index, 0, SEM_STAT_ANY, (union semctl_argument){.buf = &ds}), id);
	CHECK_ERROR(semctl(index + 1, 0, SEM_STAT, (union semctl_argument){.buf = &ds}), EINVAL);
	remove_set(id);
	CHECK_ERROR(semctl(index, 0, SEM_STAT, (union semctl_argument){.buf = &ds}), EINVAL);
}

static int shared_id;

static void unreadable(void *argument)
{
	struct semid_ds ds;
	unsigned short values[2];
	int id = shared_id;

	(void)argument;
	abi_become(1000, 1000);
	CHECK_ERROR(semctl(id, 0, IPC_STAT, (union semctl_argument){.buf = &ds}), EACCES);
	CHECK_ERROR(semctl(id & 0x7fff, 0, SEM_STAT, (union semctl_argument){.buf = &ds}), EACCES);
	CHECK_EQ(semctl(id & 0x7fff, 0, SEM_STAT_ANY, (union semctl_argument){.buf = &ds}), id);
	CHECK_ERROR(semctl(id, 0, GETVAL), EACCES);
	CHECK_ERROR(semctl(id, 9, GETVAL), EACCES);
	CHECK_ERROR(semctl(id, 0, GETALL, (union semctl_argument){.array = values}), EACCES);
	CHECK_ERROR(semctl(id, 0, SETALL, (union semctl_argument){.array = values}), EACCES);
	CHECK_ERROR(semctl(id, 0, SETVAL, (union semctl_argument){.val = 1}), EACCES);
	CHECK_ERROR(semctl(id, 9, SETVAL, (union semctl_argument){.val = 1}), EINVAL);
	CHECK_ERROR(operate(id, 0, 1, 0), EACCES);
	CHECK_ERROR(operate(id, 0, 0, 0), EACCES);
	CHECK_ERROR(operate(id, 9, 0, 0), EFBIG);
	CHECK_ERROR(semctl(id, 0, IPC_RMID), EPERM);
	CHECK_ERROR(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = &ds}), EPERM);
}

static void read_only(void *argument)
{
	int id = shared_id;

	(void)argument;
	abi_become(1000, 1000);
	CHECK_EQ(semctl(id, 0, GETVAL), 0);
	CHECK_OK(operate(id, 0, 0, 0));
	CHECK_ERROR(operate(id, 0, 1, 0), EACCES);
	CHECK_ERROR(semctl(id, 0, SETVAL, (union semctl_argument){.val = 1}), EACCES);
}

static void write_only(void *argument)
{
	int id = shared_id;

	(void)argument;
	abi_become(1000, 1000);
	CHECK_OK(operate(id, 0, 1, 0));
	CHECK_ERROR(operate(id, 1, 0, 0), EACCES);
	CHECK_ERROR(semctl(id, 0, GETVAL), EACCES);
	CHECK_OK(semctl(id, 0, SETVAL, (union semctl_argument){.val = 0}));
}

static void owner_without_mode(void *argument)
{
	int id = shared_id;
	struct semid_ds ds = {.sem_perm = {.uid = 1000, .gid = 1000, .mode = 0}};

	(void)argument;
	abi_become(1000, 1000);
	CHECK_ERROR(semctl(id, 0, GETVAL), EACCES);
	CHECK_OK(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = &ds}));
	CHECK_OK(semctl(id, 0, IPC_RMID));
}

static void each_needs_its_permission(void)
{
	if (!abi_is_root())
		SKIP("needs another user");
	shared_id = make_set(2, 0600);
	abi_in_child(unreadable, NULL);
	remove_set(shared_id);
	shared_id = make_set(2, 0604);
	abi_in_child(read_only, NULL);
	remove_set(shared_id);
	shared_id = make_set(2, 0602);
	abi_in_child(write_only, NULL);
	remove_set(shared_id);
	/* The owner's digit decides, even if others may more. */
	shared_id = make_set(1, 0066);
	struct semid_ds ds = {.sem_perm = {.uid = 1000, .gid = 1000, .mode = 0066}};
	CHECK_OK(semctl(shared_id, 0, IPC_SET, (union semctl_argument){.buf = &ds}));
	abi_in_child(owner_without_mode, NULL);
}

static void setting_all_sets_ctime(void)
{
	unsigned short values[2] = {1, 2};
	int id = make_set(2, 0600);
	struct semid_ds ds = stat_set(id);
	time_t made = ds.sem_ctime;

	while (time(NULL) <= made)
		abi_sleep_ms(20);
	abi_sleep_ms(20);
	CHECK_OK(semctl(id, 0, SETALL, (union semctl_argument){.array = values}));
	ds = stat_set(id);
	CHECK(ds.sem_ctime > made);
	CHECK_EQ(ds.sem_otime, 0);
	made = ds.sem_ctime;
	while (time(NULL) <= made)
		abi_sleep_ms(20);
	abi_sleep_ms(20);
	CHECK_OK(semctl(id, -3, IPC_SET, (union semctl_argument){.buf = &ds}));
	CHECK(stat_set(id).sem_ctime > made);
	CHECK_EQ(stat_set(id).sem_otime, 0);
	remove_set(id);
}

static void no_counts_without_reading(void *argument)
{
	int id = shared_id;

	(void)argument;
	abi_become(1000, 1000);
	CHECK_ERROR(semctl(id, 0, GETPID), EACCES);
	CHECK_ERROR(semctl(id, 0, GETNCNT), EACCES);
	CHECK_ERROR(semctl(id, 0, GETZCNT), EACCES);
	CHECK_ERROR(semctl(id, 1, GETZCNT), EACCES);
}

static void counts_need_reading(void)
{
	shared_id = make_set(1, 0602);
	abi_in_child(no_counts_without_reading, NULL);
	remove_set(shared_id);
}

static void creator_changes(void *argument)
{
	(void)argument;
	abi_become(1000, 1000);
	int id = make_set(1, 0600);
	struct semid_ds ds = stat_set(id);
	ds.sem_perm.uid = 1001;
	ds.sem_perm.gid = 1001;
	ds.sem_perm.mode = 0;
	CHECK_OK(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = &ds}));
	ds.sem_perm.mode = 0660; /* its bits are still the user's and the group's */
	CHECK_OK(semctl(id, 0, IPC_SET, (union semctl_argument){.buf = &ds}));
	CHECK_EQ(value_of(id, 0), 0);
	remove_set(id);
}

static void creator_keeps_rights(void)
{
	abi_in_child(creator_changes, NULL);
}

const struct abi_case abi_cases[] = {
	CASE(value_is_set, "SETVAL sets one value and its pid, not otime: semctl(2)"),
	CASE(value_out_of_range, "SETVAL out of 0 to SEMVMX is ERANGE, before the id: semctl(2)"),
	CASE(number_out_of_range, "a semaphore that the set lacks is EINVAL: semctl(2)"),
	CASE(all_values, "SETALL and GETALL; a bad value changes nothing: semctl(2)"),
	CASE(bad_pointers, "EFAULT, and when it comes: semctl(2), observed"),
	CASE(bad_commands_and_ids, "unknown commands and ids are EINVAL: semctl(2)"),
	CASE(set_takes_owner_and_mode, "IPC_SET takes uid, gid, mode and sets ctime: semctl(2)"),
	CASE(times_move, "semop sets otime, SETVAL ctime: semctl(2)"),
	CASE(limits_are_told, "IPC_INFO gives the limits: semctl(2)"),
	CASE(usage_is_told, "SEM_INFO counts sets and semaphores, gives the top index: semctl(2)"),
	CASE(stat_by_index, "SEM_STAT takes an index and gives the id: semctl(2)"),
	CASE(each_needs_its_permission, "read, alter and ownership for each command: semctl(2)"),
	CASE(setting_all_sets_ctime, "SETALL and IPC_SET set ctime, not otime: semctl(2)"),
	CASE(counts_need_reading, "GETPID, GETNCNT, GETZCNT need read permission: semctl(2)"),
	CASE(creator_keeps_rights,
	     "who made a set may change and remove it: semctl(2), sysvipc(7)"),
	CASES_END,
};
