// SPDX-License-Identifier: MIT
/*
 * SHM_LOCK and RLIMIT_MEMLOCK: shmctl(2), getrlimit(2). What counts against the
 * limit is all that the real user has locked so, in every process and segment.
 */

#include "shm_test.h"

#include <grp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* Users whom nobody else is, so that nobody else's locks count. */
static uid_t user(unsigned which)
{
	static uid_t first;

	if (!first)
		first = 200000 + (uid_t)getpid() * 4;
	return first + which;
}

static void limit_to(size_t size_bytes)
{
	struct rlimit limit = {size_bytes, size_bytes};

	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
}

static void as_user(unsigned which, size_t limit_bytes)
{
	uid_t uid = user(which);

	limit_to(limit_bytes);
	abi_become(uid, uid);
}

static void lock(int id)
{
	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	CHECK(stat_segment(id).shm_perm.mode & 02000);
}

static void unlock(int id)
{
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	CHECK(!(stat_segment(id).shm_perm.mode & 02000));
}

static void refused(int id)
{
	CHECK_ERROR(shmctl(id, SHM_LOCK, NULL), ENOMEM);
	CHECK(!(stat_segment(id).shm_perm.mode & 02000));
}

static void several_as_user(void *argument)
{
	int a, b, c;

	(void)argument;
	as_user(0, 4 * PAGE);
	a = make_segment(2 * PAGE, 0600);
	b = make_segment(2 * PAGE, 0600);
	c = make_segment(PAGE, 0600);
	lock(a);
	lock(b);
	refused(c);
	lock(a); /* again: it does not count twice */
	refused(c);
	unlock(a);
	unlock(a); /* nor back twice */
	lock(c);
	refused(a);
	unlock(b);
	lock(a);
	unlock(a);
	unlock(c);
	remove_segment(a);
	remove_segment(b);
	remove_segment(c);
}

static void all_segments_count(void)
{
	user(0);
	abi_in_child(several_as_user, NULL);
}

static void destroyed_as_user(void *argument)
{
	(void)argument;
	as_user(0, 2 * PAGE);
	for (int i = 0; i < 5; i++) {
		int id = make_segment(2 * PAGE, 0600), other = make_segment(1, 0600);
		lock(id);
		char *p = attach(id, 0);
		remove_segment(id);
		refused(other); /* it is still there */
		CHECK_OK(shmdt(p));
		lock(other);
		remove_segment(other); /* locked: its page comes back */
	}
}

static void destruction_gives_back(void)
{
	user(0);
	abi_in_child(destroyed_as_user, NULL);
}

static void lock_and_die(void *argument)
{
	lock(*(int *)argument);
}

static void other_process_locks(void *argument)
{
	int *id = argument;

	as_user(0, 3 * PAGE);
	/* The lock outlives the process that made it, and counts on. */
	abi_in_child(lock_and_die, id);
	refused(id[1]);
}

static int segment_of(unsigned which, size_t size_bytes)
{
	int id = make_segment(size_bytes, 0600);
	struct shmid_ds ds = {.shm_perm = {.uid = user(which), .gid = user(which), .mode = 0666}};

	if (shmctl(id, IPC_SET, &ds)) {
		remove_segment(id);
		SKIP("cannot give a segment to another user here");
	}
	return id;
}

static void after_the_death(void *argument)
{
	int *id = argument;

	as_user(0, 3 * PAGE);
	refused(id[1]);
	unlock(id[0]);
	lock(id[1]);
	unlock(id[1]);
}

static void processes_share(void)
{
	int id[2] = {segment_of(0, 2 * PAGE), segment_of(0, 2 * PAGE)};

	abi_in_child(other_process_locks, id);
	abi_in_child(after_the_death, id);
	remove_segment(id[0]);
	remove_segment(id[1]);
}

static void lock_as_second(void *argument)
{
	as_user(1, 2 * PAGE);
	lock(*(int *)argument);
}

static void lock_as_first(void *argument)
{
	as_user(0, 2 * PAGE);
	lock(*(int *)argument);
}

static void users_are_apart(void)
{
	int first = segment_of(0, 2 * PAGE), second = segment_of(1, 2 * PAGE);

	abi_in_child(lock_as_first, &first);
	abi_in_child(lock_as_second, &second);
	remove_segment(first);
	remove_segment(second);
}

static void refused_as_user(void *argument)
{
	int *id = argument;

	as_user(0, 2 * PAGE);
	lock(id[1]); /* root's lock of id[0] is on root's account */
	unlock(id[0]);
	refused(id[0]); /* and now it would be on ours */
}

static void locker_pays(void)
{
	int id[2] = {segment_of(0, 2 * PAGE), segment_of(0, 2 * PAGE)};

	lock(id[0]);
	abi_in_child(refused_as_user, id);
	remove_segment(id[0]);
	remove_segment(id[1]);
}

static void real_user_pays_as_user(void *argument)
{
	int *id = argument;

	limit_to(2 * PAGE);
	if (setgroups(0, NULL) || setresuid(user(0), user(1), user(1)))
		SKIP("needs to change its user: run as root");
	lock(id[0]); /* ours by the effective user, paid by the real one */
	CHECK_ERROR(shmctl(id[1], SHM_LOCK, NULL), ENOMEM);
}

static void real_user_pays(void)
{
	int id[3] = {segment_of(1, 2 * PAGE), segment_of(1, 2 * PAGE), 0};

	abi_in_child(real_user_pays_as_user, id);
	abi_in_child(lock_as_second, &id[1]); /* the other user still has all */
	remove_segment(id[0]);
	remove_segment(id[1]);
}

static void whole_pages_as_user(void *argument)
{
	int a, b;

	(void)argument;
	as_user(0, 2 * PAGE + 100);
	a = make_segment(1, 0600);
	b = make_segment(PAGE + 1, 0600);
	lock(a);
	refused(b);
	unlock(a);
	lock(b);
	refused(a);
	remove_segment(a);
	remove_segment(b);
}

static void whole_pages_count(void)
{
	user(0);
	abi_in_child(whole_pages_as_user, NULL);
}

static void small_limits_as_user(void *argument)
{
	(void)argument;
	as_user(0, 100); /* less than a page: room for nothing, but no ban */
	int id = make_segment(1, 0600);
	CHECK_ERROR(shmctl(id, SHM_LOCK, NULL), ENOMEM);
	limit_to(0);
	CHECK_ERROR(shmctl(id, SHM_LOCK, NULL), EPERM);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	remove_segment(id);
}

static void small_limits(void)
{
	user(0);
	abi_in_child(small_limits_as_user, NULL);
}

static void apart_as_user(void *argument)
{
	(void)argument;
	as_user(0, 3 * PAGE);
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);
	CHECK_OK(mlock(p, 3 * PAGE));
	lock(id);
	CHECK_OK(munlock(p, 3 * PAGE));
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void mlock_is_another_account(void)
{
	user(0);
	abi_in_child(apart_as_user, NULL);
}

static void lock_in_new_namespace(void *argument)
{
	int *id = argument;

	if (unshare(CLONE_NEWIPC))
		SKIP("cannot make an IPC namespace");
	as_user(0, 3 * PAGE);
	*id = make_segment(2 * PAGE, 0600);
	refused(*id);
}

static void namespaces_share_the_account(void)
{
	int id = segment_of(0, 2 * PAGE), other;

	abi_in_child(lock_as_first, &id);
	abi_in_child(lock_in_new_namespace, &other);
	remove_segment(id);
}

static void root_has_no_limit(void)
{
	if (!abi_is_root())
		SKIP("needs root");
	int id = make_segment(20 * PAGE, 0600);
	limit_to(PAGE);
	lock(id);
	limit_to(0);
	unlock(id);
	lock(id);
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(all_segments_count,
	     "all locked segments of a user share RLIMIT_MEMLOCK: getrlimit(2)"),
	CASE(destruction_gives_back, "a segment's end unlocks it: getrlimit(2), observed"),
	CASE(processes_share, "and all processes of the user, dead ones too: getrlimit(2)"),
	CASE(users_are_apart, "another user has an account of its own: getrlimit(2)"),
	CASE(locker_pays, "who locks pays, not who owns: observed"),
	CASE(real_user_pays, "the real user's account: getrlimit(2), observed"),
	CASE(whole_pages_count, "whole pages count: observed"),
	CASE(small_limits, "a limit of 0 is EPERM, a small one ENOMEM: shmctl(2)"),
	CASE(mlock_is_another_account,
	     "mlock counts for the process, SHM_LOCK for the user: getrlimit(2)"),
	CASE(namespaces_share_the_account, "in every IPC namespace: observed"),
	CASE(root_has_no_limit, "CAP_IPC_LOCK: no limit: capabilities(7)"),
	CASES_END,
};
