// SPDX-License-Identifier: MIT
/*
 * Bugs of System V shared memory that were found in real kernels, most of them
 * in small ones: a case for each, so that nobody need make them again.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define KEY  0x5a3e0800
#define USER 65534

static void error_is_no_index(void)
{
	struct shmid_ds ds;
	int failed = shmget(KEY, PAGE, 0); /* -1, or -ENOENT in the kernel */

	CHECK_EQ(failed, -1);
	for (int id = -40; id < 0; id++) {
		CHECK_ERROR(shmat(id, NULL, 0), EINVAL);
		for (int command = 0; command < 16; command++)
			CHECK_ERROR(syscall(SYS_shmctl, id, command, &ds), EINVAL);
	}
}

static void key_gone_with_removal(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
	char *p = attach(id, 0);

	remove_segment(id);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	int other = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	char *q = attach(other, 0);
	p[0] = 1;
	CHECK_EQ(q[0], 0); /* not the old pages */
	CHECK_OK(shmdt(p));
	CHECK_EQ(shmget(KEY, 0, 0), other); /* the old one's end does not take the key along */
	CHECK_OK(shmdt(q));
	remove_segment(other);
}

static void removal_without_attachers_frees(void)
{
	uint64_t before = 0;

	abi_samepage_frames();
	for (int round = 0; round < 6; round++) {
		int id = make_segment(1 << 20, 0600);
		memset(attach(id, 0), 1, 1 << 20);
		char *p = attach(id, 0);
		CHECK_OK(shmdt(p));
		if (round == 2)
			before = abi_samepage_frames();
		/* The first attach goes with a child's copy of it: here we find it by a fork. */
		pid_t pid = CHECK_OK(fork());
		if (pid == 0)
			_exit(0);
		abi_join(pid);
		remove_segment(id);
		CHECK_EQ(attachments(id), 1);
		char line[256];
		FILE *maps = fopen("/proc/self/maps", "r");
		CHECK(maps != NULL);
		void *start = NULL;
		while (fgets(line, sizeof(line), maps)) {
			if (strstr(line, "/SYSV"))
				start = (void *)strtoul(line, NULL, 16);
		}
		fclose(maps);
		CHECK_OK(shmdt(start));
	}
	abi_frames_return(before);
}

static void strangers_may_not_change(void *argument)
{
	struct shmid_ds ds = {.shm_perm = {.uid = USER, .gid = USER, .mode = 0777}};
	int id = *(int *)argument;

	abi_become(USER, USER);
	CHECK_ERROR(shmctl(id, IPC_RMID, NULL), EPERM);
	CHECK_ERROR(shmctl(id, IPC_SET, &ds), EPERM);
	CHECK_ERROR(shmctl(id, SHM_LOCK, NULL), EPERM);
	CHECK_ERROR(shmctl(id, SHM_UNLOCK, NULL), EPERM);
	CHECK_OK(shmdt(attach(id, 0))); /* all that 0666 gives */
}

static void changes_need_ownership(void)
{
	int id = make_segment(PAGE, 0666);

	abi_in_child(strangers_may_not_change, &id);
	CHECK_EQ(stat_segment(id).shm_perm.mode, 0666);
	remove_segment(id);
}

static void denied_as_owner(void *argument)
{
	(void)argument;
	abi_become(USER, USER);
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0077));
	struct shmid_ds ds;

	CHECK_ERROR(shmat(id, NULL, SHM_RDONLY), EACCES);
	CHECK_ERROR(shmat(id, NULL, 0), EACCES);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EACCES);
	CHECK_ERROR(shmget(KEY, 0, 0400), EACCES);
	CHECK_ERROR(shmget(KEY, 0, 0004), EACCES); /* any digit asks for the right one */
	remove_segment(id);
}

static void others_bits_do_not_help_the_owner(void)
{
	abi_in_child(denied_as_owner, NULL);
}

static void exit_detaches_once(void)
{
	int id = make_segment(PAGE, 0600);
	char *kept = attach(id, 0);

	for (int i = 0; i < 20; i++) {
		pid_t pid = CHECK_OK(fork());
		if (pid == 0) {
			attach(id, 0);
			if (i & 1)
				CHECK_OK(shmdt(kept));
			if (i & 2)
				raise(SIGKILL);
			_exit(0);
		}
		int status;
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(attachments(id), 1); /* neither 0 nor 2 nor 2^32 - 1 */
	}
	CHECK_OK(shmdt(kept));
	remove_segment(id);
}

static void child_detaches(void *argument)
{
	CHECK_OK(shmdt(argument));
	CHECK_ERROR(shmdt(argument), EINVAL);
}

static void child_may_detach(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	abi_in_child(child_detaches, p);
	CHECK_EQ(attachments(id), 1);
	p[0] = 1;
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void attaches_have_their_own_addresses(void)
{
	enum { COUNT = 50 };
	int id[COUNT];
	char *p[2 * COUNT];

	for (int i = 0; i < COUNT; i++) {
		id[i] = make_segment(PAGE + (size_t)i * 1000, 0600);
		p[2 * i] = attach(id[i], 0);
		p[2 * i + 1] = attach(id[i], SHM_RDONLY);
		p[2 * i][0] = (char)i;
	}
	for (int i = 0; i < 2 * COUNT; i++) {
		CHECK_EQ(p[i][0], i / 2);
		for (int j = 0; j < i; j++)
			CHECK(p[i] != p[j]);
	}
	for (int i = 0; i < 2 * COUNT; i++)
		CHECK_OK(shmdt(p[i]));
	for (int i = 0; i < COUNT; i++)
		remove_segment(id[i]);
}

static void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static void read_only_is_read_only(void)
{
	int id = make_segment(5 << 20, 0600);
	char *p = attach(id, 0), *q = attach(id, SHM_RDONLY);

	/* Also where another attach, or this one, has made the page present. */
	abi_dies(write_byte, q, SIGSEGV);
	p[0] = q[PAGE] + 1;
	abi_dies(write_byte, q, SIGSEGV);
	abi_dies(write_byte, q + PAGE, SIGSEGV);
	abi_dies(write_byte, q + (4 << 20), SIGSEGV);
	CHECK_EQ(q[0], 1);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void size_is_checked(void)
{
	CHECK_ERROR(shmget(IPC_PRIVATE, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERROR(shmget(KEY, 0, IPC_CREAT | 0600), EINVAL);
	CHECK_ERROR(shmget(KEY, 0, 0600), ENOENT);
	size_t size_bytes = (3ul << 30) + 5;
	int id = make_segment(size_bytes, 0600 | SHM_NORESERVE);
	CHECK_EQ(stat_segment(id).shm_segsz, size_bytes);
	char *p = attach(id, 0);
	p[size_bytes - 1] = 1;
	p[2ul << 30] = 2;
	CHECK_EQ(p[0] + p[2ul << 30] + p[size_bytes - 1], 3);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void excl_without_creat(void)
{
	CHECK_ERROR(shmget(KEY, PAGE, IPC_EXCL | 0600), ENOENT);
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
	CHECK_EQ(shmget(KEY, PAGE, IPC_EXCL | 0600), id);
	remove_segment(id);
}

static void private_is_no_key(void)
{
	int id = make_segment(PAGE, 0600);

	for (int i = 0; i < 5; i++) {
		int other = make_segment(PAGE, IPC_CREAT | 0600);
		CHECK(other != id);
		remove_segment(other);
	}
	CHECK_OK(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	remove_segment(id);
	/* What that shmget made has no key either: find it as ipcs does. */
	struct shm_info totals;
	struct shmid_ds ds;
	int highest = CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(totals.used_ids, 1);
	remove_segment(CHECK_OK(shmctl(highest, SHM_STAT, &ds)));
}

static void set_takes_three_fields(void)
{
	int id = CHECK_OK(shmget(KEY, 5000, IPC_CREAT | 0600));
	char *p = attach(id, 0);
	struct shmid_ds before = stat_segment(id), ds, after;

	memset(&ds, 0x2a, sizeof(ds));
	ds.shm_perm.uid = before.shm_perm.uid;
	ds.shm_perm.gid = before.shm_perm.gid;
	ds.shm_perm.mode = 0xfe00 | 0644;
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	after = stat_segment(id);
	CHECK_EQ(after.shm_perm.mode, 0644);
	CHECK(after.shm_ctime >= before.shm_ctime);
	before.shm_perm.mode = after.shm_perm.mode;
	before.shm_ctime = after.shm_ctime;
	CHECK(!memcmp(&before, &after, sizeof(after)));
	CHECK_EQ(shmget(KEY, 0, 0), id);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void times_are_seconds(void)
{
	time_t before = time(NULL);
	int id = make_segment(PAGE, 0600);

	CHECK_OK(shmdt(attach(id, 0)));
	struct shmid_ds ds = stat_segment(id);
	time_t after = time(NULL);
	CHECK(ds.shm_ctime >= before && ds.shm_ctime <= after);
	CHECK(ds.shm_atime >= before && ds.shm_atime <= after);
	CHECK(ds.shm_dtime >= before && ds.shm_dtime <= after);
	remove_segment(id);
}

static void count_is_wide(void)
{
	enum { COUNT = 65600 };
	/* More mappings than one process may have, so in several. */
	enum { PROCESSES = 3, EACH = COUNT / PROCESSES + 1 };
	int id = make_segment(1, 0600), ready[2], go[2];
	pid_t pid[PROCESSES];
	char byte;

	CHECK_OK(pipe(ready));
	CHECK_OK(pipe(go));
	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = CHECK_OK(fork());
		if (pid[i] == 0) {
			for (int j = 0; j < EACH; j++)
				attach(id, 0);
			CHECK_EQ(write(ready[1], "r", 1), 1);
			close(go[1]);
			_exit(read(go[0], &byte, 1) != 0);
		}
	}
	for (int i = 0; i < PROCESSES; i++)
		CHECK_EQ(read(ready[0], &byte, 1), 1);
	CHECK_EQ(attachments(id), PROCESSES * EACH);
	close(go[1]);
	for (int i = 0; i < PROCESSES; i++)
		abi_join(pid[i]);
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void totals_at_any_time(void)
{
	struct shm_info totals;

	for (int count = 0; count < 3; count++) {
		int id[3];
		for (int i = 0; i < count; i++)
			id[i] = make_segment(2 * PAGE, 0600);
		CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
		CHECK_EQ(totals.used_ids, count);
		CHECK_EQ(totals.shm_tot, 2 * count);
		if (count) {
			char *p = attach(id[0], 0);
			remove_segment(id[0]); /* removed but there */
			CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
			CHECK_EQ(totals.used_ids, count);
			CHECK_OK(shmdt(p));
		}
		for (int i = 1; i < count; i++)
			remove_segment(id[i]);
		CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
		CHECK_EQ(totals.used_ids, 0);
		CHECK_EQ(totals.shm_tot, 0);
	}
}

static void full_table_finds_keys(void)
{
	enum { COUNT = 4096 };
	static int id[COUNT];

	for (int i = 0; i < COUNT; i++)
		id[i] = CHECK_OK(shmget(KEY + i, 1, IPC_CREAT | IPC_EXCL | 0600 | SHM_NORESERVE));
	CHECK_ERROR(shmget(KEY + COUNT, 1, IPC_CREAT | 0600), ENOSPC);
	for (int i = 0; i < COUNT; i += 100)
		CHECK_EQ(shmget(KEY + i, 1, IPC_CREAT | 0600), id[i]);
	CHECK_ERROR(shmget(KEY, 1, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	CHECK_ERROR(shmget(KEY + COUNT, 1, 0600), ENOENT);
	for (int i = 0; i < COUNT; i++)
		remove_segment(id[i]);
}

static void partial_unmap_keeps_the_rest(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 5, 3 * PAGE);
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_EQ(p[0] + p[2 * PAGE], 10);
	p[0] = 6;
	char *q = attach(id, 0);
	CHECK_EQ(q[0], 6);
	CHECK_EQ(q[PAGE], 5);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void *attach_and_detach(void *argument)
{
	int id = *(int *)argument;

	for (int i = 0; i < 100; i++) {
		char *p = shmat(id, NULL, 0);
		if (p != (char *)-1) {
			p[0]++;
			shmdt(p);
		}
	}
	return NULL;
}

static void attach_against_exit(void)
{
	int id = make_segment(PAGE, 0600);

	for (int round = 0; round < 4; round++) {
		pid_t pid[3];
		for (int i = 0; i < 3; i++) {
			pid[i] = CHECK_OK(fork());
			if (pid[i] == 0) {
				pthread_t thread;
				attach(id, 0);
				if (pthread_create(&thread, NULL, attach_and_detach, &id))
					_exit(1);
				attach_and_detach(&id);
				_exit(0); /* perhaps in the midst of the other's attach */
			}
		}
		for (int i = 0; i < 3; i++)
			abi_join(pid[i]);
	}
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void stale_ids_stay_stale(void)
{
	struct shmid_ds ds;
	int old = make_segment(PAGE, 0600);

	remove_segment(old);
	for (int i = 0; i < 1000; i++) {
		int id = make_segment(PAGE, 0600);
		CHECK(id != old);
		CHECK_ERROR(shmctl(old, IPC_STAT, &ds), EINVAL);
		CHECK_ERROR(shmat(old, NULL, 0), EINVAL);
		remove_segment(id);
	}
}

static void new_segment_shows_no_old_data(void)
{
	for (int round = 0; round < 20; round++) {
		int id = make_segment(64 * PAGE, 0600);
		char *p = attach(id, 0);
		for (size_t i = 0; i < 64 * PAGE; i += 64)
			CHECK_EQ(p[i], 0);
		memset(p, 0xa5, 64 * PAGE);
		CHECK_OK(shmdt(p));
		remove_segment(id);
	}
}

const struct abi_case abi_cases[] = {
	CASE(error_is_no_index, "an error taken for an id is EINVAL (bug: table[-2])"),
	CASE(key_gone_with_removal, "IPC_RMID frees the key (bug: key found after it)"),
	CASE(removal_without_attachers_frees, "IPC_RMID after the last detach frees (bug: never)"),
	CASE(changes_need_ownership,
	     "IPC_SET, IPC_RMID, SHM_LOCK look at who asks (bug: no check)"),
	CASE(others_bits_do_not_help_the_owner, "0077 denies the owner (bug: saved by \"other\")"),
	CASE(exit_detaches_once, "exit detaches what is attached, once (bug: twice)"),
	CASE(child_may_detach, "a child of fork can detach (bug: EINVAL)"),
	CASE(attaches_have_their_own_addresses,
	     "two attaches of a process have their own addresses (bug: one address)"),
	CASE(read_only_is_read_only, "SHM_RDONLY is not writable (bug: mapped writable)"),
	CASE(size_is_checked, "size 0 is refused, 3 GiB works (bug: 0 taken, int overflow)"),
	CASE(excl_without_creat, "IPC_EXCL alone means nothing (bug: EEXIST)"),
	CASE(private_is_no_key, "IPC_PRIVATE never finds a segment (bug: key 0 found)"),
	CASE(set_takes_three_fields, "IPC_SET changes uid, gid, mode (bug: copies all)"),
	CASE(times_are_seconds, "times are seconds since 1970 (bug: 0, or nanoseconds)"),
	CASE(count_is_wide, "65,601 attaches count as many (bug: 16 bits)"),
	CASE(totals_at_any_time, "SHM_INFO with none, one, some segments (bug: panic)"),
	CASE(full_table_finds_keys, "a full table still finds what is in it (bug: ENOSPC)"),
	CASE(partial_unmap_keeps_the_rest, "munmap of a part keeps the rest (bug: all lost)"),
	CASE(attach_against_exit, "attach and exit at once end (bug: deadlock on several CPUs)"),
	CASE(stale_ids_stay_stale, "a removed id finds nothing for long (bug: reused at once)"),
	CASE(new_segment_shows_no_old_data, "new pages are zero (bug: frames not cleared)"),
	CASES_END,
};
