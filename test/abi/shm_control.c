// SPDX-License-Identifier: MIT
/* shmctl(2): its commands, and the order of their errors. */

#include "shm_test.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#define KEY 0x5a3e0100

/* Without what libc adds or changes. */
static long control(int id, int command, void *buffer)
{
	return syscall(SYS_shmctl, id, command, buffer);
}

static void bad_commands(void)
{
	struct shmid_ds ds;
	int id = make_segment(PAGE, 0600);

	CHECK_ERROR(control(id, -1, &ds), EINVAL);
	CHECK_ERROR(control(id, 4, &ds), EINVAL);
	CHECK_ERROR(control(id, 16, &ds), EINVAL);
	CHECK_ERROR(control(id, IPC_STAT | 0x100, &ds), EINVAL);
	CHECK_ERROR(control(id, 99999, &ds), EINVAL);
	remove_segment(id);
}

static void bad_ids(void)
{
	static const int commands[] = {IPC_STAT, IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK, 13, 15};
	struct shmid_ds ds = {0};

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		CHECK_ERROR(control(-1, commands[i], &ds), EINVAL);
		CHECK_ERROR(control(12345, commands[i], &ds), EINVAL);
		CHECK_ERROR(control(INT32_MAX, commands[i], &ds), EINVAL);
	}
	CHECK_ERROR(control(-1, IPC_INFO, &ds), EINVAL);
	CHECK_ERROR(control(-1, SHM_INFO, &ds), EINVAL);
}

static void bad_buffers(void)
{
	void *nowhere = (void *)8, *kernel = (void *)0xffffffff80000000;
	int id = make_segment(PAGE, 0600);

	CHECK_ERROR(control(id, IPC_STAT, nowhere), EFAULT);
	CHECK_ERROR(control(id, IPC_STAT, kernel), EFAULT);
	CHECK_ERROR(control(id, IPC_SET, nowhere), EFAULT);
	CHECK_ERROR(control(id, IPC_SET, kernel), EFAULT);
	CHECK_ERROR(control(id, IPC_INFO, nowhere), EFAULT);
	CHECK_ERROR(control(id, SHM_INFO, nowhere), EFAULT);
	CHECK_ERROR(control(id & 0x7fff, SHM_STAT, nowhere), EFAULT);
	/* The buffer of IPC_SET is read before the id is looked up, but after its sign. */
	CHECK_ERROR(control(12345, IPC_SET, nowhere), EFAULT);
	CHECK_ERROR(control(-1, IPC_SET, nowhere), EINVAL);
	CHECK_ERROR(control(12345, IPC_STAT, nowhere), EINVAL);
	CHECK_OK(control(id, IPC_RMID, nowhere)); /* not looked at */
}

static void buffer_on_the_edge(void)
{
	int id = make_segment(PAGE, 0600);
	char *pages = CHECK_OK((char *)mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	CHECK_OK(munmap(pages + PAGE, PAGE));
	CHECK_OK(control(id, IPC_STAT, pages + PAGE - 112));
	CHECK_ERROR(control(id, IPC_STAT, pages + PAGE - 111), EFAULT);
	CHECK_OK(mprotect(pages, PAGE, PROT_READ));
	CHECK_ERROR(control(id, IPC_STAT, pages), EFAULT);
	CHECK_OK(control(id, IPC_SET, pages + PAGE - 112));
	remove_segment(id);
}

static void buffer_in_a_segment(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *writable = attach(id, 0), *readable = attach(id, SHM_RDONLY);

	/* A copy into shared memory honours how it is attached here. */
	CHECK_OK(control(id, IPC_STAT, writable));
	CHECK_EQ(((struct shmid_ds *)readable)->shm_nattch, 2);
	CHECK_ERROR(control(id, IPC_STAT, readable), EFAULT);
	CHECK_ERROR(control(id, IPC_STAT, readable + PAGE), EFAULT);
	CHECK_OK(shmdt(writable));
	CHECK_OK(shmdt(readable));
	remove_segment(id);
}

static void set_changes_owner_and_mode(void)
{
	int id = make_segment(PAGE, 0600);
	struct shmid_ds ds = stat_segment(id), now;

	ds.shm_perm.mode = 0177000 | 0641;
	ds.shm_perm.cuid = ds.shm_perm.cgid = 77;
	ds.shm_perm.__key = 99;
	ds.shm_segsz = 1;
	ds.shm_nattch = 9;
	ds.shm_lpid = 9;
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	now = stat_segment(id);
	CHECK_EQ(now.shm_perm.mode, 0641);
	CHECK_EQ(now.shm_perm.cuid, geteuid());
	CHECK_EQ(now.shm_perm.cgid, getegid());
	CHECK_EQ(now.shm_perm.__key, 0);
	CHECK_EQ(now.shm_segsz, PAGE);
	CHECK_EQ(now.shm_nattch, 0);
	CHECK_EQ(now.shm_lpid, 0);
	ds.shm_perm.uid = (uid_t)-1;
	CHECK_ERROR(shmctl(id, IPC_SET, &ds), EINVAL);
	ds = now;
	ds.shm_perm.gid = (gid_t)-1;
	CHECK_ERROR(shmctl(id, IPC_SET, &ds), EINVAL);
	remove_segment(id);
}

static void set_updates_ctime(void)
{
	int id = make_segment(PAGE, 0600);
	struct shmid_ds ds = stat_segment(id);
	time_t created = ds.shm_ctime;

	abi_sleep_ms(1100);
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	CHECK(stat_segment(id).shm_ctime > created);
	remove_segment(id);
}

static void remove_unattached(void)
{
	struct shmid_ds ds;
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERROR(shmget(KEY, PAGE, 0), ENOENT);
}

static void remove_attached(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
	char *p = attach(id, 0);
	struct shmid_ds ds;

	p[0] = 1;
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	ds = stat_segment(id);
	CHECK_EQ(ds.shm_perm.mode, 01600);
	CHECK_EQ(ds.shm_perm.__key, 0);
	CHECK_EQ(ds.shm_nattch, 1);
	CHECK_ERROR(shmget(KEY, PAGE, 0), ENOENT);
	/* The key is free for another. */
	int other = CHECK_OK(shmget(KEY, 2 * PAGE, IPC_CREAT | IPC_EXCL | 0600));
	CHECK(other != id);
	CHECK_EQ(shmget(KEY, 0, 0), other);
	/* By id it can still be attached, changed, locked, removed again. */
	char *q = attach(id, 0);
	CHECK_EQ(q[0], 1);
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	ds.shm_perm.mode = 0644;
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	CHECK_EQ(stat_segment(id).shm_perm.mode, 01644);
	CHECK_OK(shmdt(p));
	CHECK_EQ(q[0], 1);
	CHECK_OK(shmdt(q));
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(shmat(id, NULL, 0), EINVAL);
	CHECK_EQ(shmget(KEY, 0, 0), other);
	remove_segment(other);
}

static void limits_reported(void)
{
	struct shminfo info;
	int highest = CHECK_OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&info));

	CHECK_EQ(highest, 0);
	CHECK_EQ(info.shmmni, 4096);
	CHECK_EQ(info.shmseg, 4096);
	CHECK_EQ(info.shmmin, 1);
	CHECK_EQ(info.shmmax, (long long)18446744073692774399ull);
	CHECK_EQ(info.shmall, (long long)18446744073692774399ull);
	int id = make_segment(PAGE, 0600);
	CHECK_EQ(shmctl(54321, IPC_INFO, (struct shmid_ds *)&info), id & 0x7fff);
	remove_segment(id);
}

static void totals_reported(void)
{
	struct shm_info totals;
	int a = make_segment(3 * PAGE, 0600), b = make_segment(PAGE + 1, 0600);
	char *p = attach(a, 0);

	p[0] = p[PAGE] = 1;
	int highest = CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(highest, b & 0x7fff);
	CHECK_EQ(totals.used_ids, 2);
	CHECK_EQ(totals.shm_tot, 5);
	CHECK_EQ(totals.shm_rss, 2);
	CHECK_EQ(totals.shm_swp, 0);
	CHECK_OK(shmdt(p));
	remove_segment(b);
	CHECK_EQ(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals), a & 0x7fff);
	CHECK_EQ(totals.used_ids, 1);
	CHECK_EQ(totals.shm_tot, 3);
	remove_segment(a);
	CHECK_EQ(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals), 0);
	CHECK_EQ(totals.used_ids, 0);
}

static void stat_by_index(void)
{
	int first = make_segment(PAGE, 0600), id;
	struct shmid_ds ds;

	remove_segment(first);
	id = CHECK_OK(shmget(KEY, 5000, IPC_CREAT | 0640));
	CHECK_EQ(shmctl(id & 0x7fff, SHM_STAT, &ds), id);
	CHECK_EQ(ds.shm_perm.__key, KEY);
	CHECK_EQ(ds.shm_segsz, 5000);
	CHECK_EQ(shmctl(id, SHM_STAT, &ds), id);
	CHECK_EQ(shmctl(id & 0x7fff, SHM_STAT_ANY, &ds), id);
	CHECK_ERROR(shmctl((id & 0x7fff) + 1, SHM_STAT, &ds), EINVAL);
	CHECK_ERROR(shmctl(first & 0x7fff, SHM_STAT, &ds), EINVAL);
	remove_segment(id);
}

static void lock_marks(void)
{
	int id = make_segment(PAGE, 0600);

	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	CHECK_EQ(stat_segment(id).shm_perm.mode, 02600);
	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	struct shmid_ds ds = stat_segment(id);
	ds.shm_perm.mode = 0640;
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	CHECK_EQ(stat_segment(id).shm_perm.mode, 02640);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	CHECK_EQ(stat_segment(id).shm_perm.mode, 0640);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	remove_segment(id);
}

static void lock_unprivileged(void *argument)
{
	int foreign = *(int *)argument;
	struct rlimit limit = {0, 0};

	abi_become(65534, 65534);
	CHECK_ERROR(shmctl(foreign, SHM_LOCK, NULL), EPERM);
	CHECK_ERROR(shmctl(foreign, SHM_UNLOCK, NULL), EPERM);
	int id = make_segment(2 * PAGE, 0600);
	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	limit.rlim_cur = limit.rlim_max = PAGE;
	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
	CHECK_ERROR(shmctl(id, SHM_LOCK, NULL), ENOMEM);
	limit.rlim_cur = limit.rlim_max = 0;
	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
	CHECK_ERROR(shmctl(id, SHM_LOCK, NULL), EPERM);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	remove_segment(id);
}

static void lock_permission(void)
{
	int id = make_segment(PAGE, 0666);

	abi_in_child(lock_unprivileged, &id);
	remove_segment(id);
}

static void lock_brings_no_pages(void)
{
	struct shm_info info;
	int id = make_segment(8 * PAGE, 0600);

	CHECK_OK(shmctl(id, SHM_LOCK, NULL));
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
	CHECK_EQ(info.shm_rss, 0);
	char *p = attach(id, 0);
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
	CHECK_EQ(info.shm_rss, 0);
	p[3 * PAGE] = 'x';
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
	CHECK_EQ(info.shm_rss, 1);
	CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
	CHECK_EQ(p[3 * PAGE], 'x');
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void times_follow_the_clock(void)
{
	struct timespec was, other;

	if (!abi_in_samepage() || !abi_is_root())
		SKIP("sets the clock: in a guest, as root");
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &was));
	other = was;
	other.tv_sec += 1000000;
	CHECK_OK(clock_settime(CLOCK_REALTIME, &other));
	int id = make_segment(PAGE, 0600);
	time_t changed = stat_segment(id).shm_ctime;
	remove_segment(id);
	CHECK_OK(clock_settime(CLOCK_REALTIME, &was));
	CHECK(changed >= other.tv_sec && changed < other.tv_sec + 1000);
}

const struct abi_case abi_cases[] = {
	CASE(times_follow_the_clock, "times are CLOCK_REALTIME's, as it was set: clock_settime(2)"),
	CASE(bad_commands, "EINVAL for an unknown command; IPC_64 is not one: shmctl(2), observed"),
	CASE(bad_ids, "EINVAL for a bad id, with every command: shmctl(2)"),
	CASE(bad_buffers, "EFAULT, and when the buffer is looked at: shmctl(2), observed"),
	CASE(buffer_on_the_edge, "exactly 112 bytes are written or read: shmctl(2)"),
	CASE(buffer_in_a_segment, "a buffer in a read-only attach is EFAULT: shmctl(2)"),
	CASE(set_changes_owner_and_mode, "IPC_SET takes uid, gid and nine bits of mode: shmctl(2)"),
	CASE(set_updates_ctime, "IPC_SET updates ctime: shmctl(2)"),
	CASE(remove_unattached, "IPC_RMID destroys what nobody has attached: shmctl(2)"),
	CASE(remove_attached, "IPC_RMID while attached: SHM_DEST, key gone, id works: observed"),
	CASE(limits_reported, "IPC_INFO: limits, and the highest index: shmctl(2)"),
	CASE(totals_reported, "SHM_INFO: what all segments use: shmctl(2)"),
	CASE(stat_by_index, "SHM_STAT takes an index or an id: shmctl(2), observed"),
	CASE(lock_marks, "SHM_LOCK shows in the mode, which IPC_SET keeps: shmctl(2)"),
	CASE(lock_permission, "SHM_LOCK is for the owner, within RLIMIT_MEMLOCK: shmctl(2)"),
	CASE(lock_brings_no_pages, "SHM_LOCK keeps pages but brings none: shmctl(2)"),
	CASES_END,
};
