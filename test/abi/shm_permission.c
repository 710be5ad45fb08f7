// SPDX-License-Identifier: MIT
/* Who may do what: owner, group, other; the first that matches decides; root may all. */

#include "shm_test.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/msg.h>
#include <sys/sem.h>

#define KEY   0x5a3e0200
#define OWNER 1001
#define GROUP 2002
#define OTHER 3003

struct expectation {
	int id;
	uid_t uid;
	gid_t gid;
	bool read, write, execute;
};

static void try_access(void *argument)
{
	const struct expectation *expect = argument;
	struct shmid_ds ds;

	abi_become(expect->uid, expect->gid);
	void *p = shmat(expect->id, NULL, SHM_RDONLY);
	CHECK_EQ(p != (void *)-1, expect->read);
	CHECK(expect->read || errno == EACCES);
	p = shmat(expect->id, NULL, 0);
	CHECK_EQ(p != (void *)-1, expect->read && expect->write);
	CHECK(p != (void *)-1 || errno == EACCES);
	p = shmat(expect->id, NULL, SHM_RDONLY | SHM_EXEC);
	CHECK_EQ(p != (void *)-1, expect->read && expect->execute);
	CHECK_EQ(shmctl(expect->id, IPC_STAT, &ds), expect->read ? 0 : -1);
	CHECK(expect->read || errno == EACCES);
	CHECK_EQ(shmctl(expect->id & 0x7fff, SHM_STAT, &ds), expect->read ? expect->id : -1);
	CHECK_EQ(shmctl(expect->id & 0x7fff, SHM_STAT_ANY, &ds), expect->id);
	/* The mode asked for in shmget must be granted. */
	CHECK_EQ(shmget(KEY, 0, 0), expect->id);
	CHECK_EQ(shmget(KEY, 0, 0444) >= 0, expect->read);
	CHECK_EQ(shmget(KEY, 0, 0400) >= 0, expect->read);
	CHECK_EQ(shmget(KEY, 0, 0004) >= 0, expect->read);
	CHECK_EQ(shmget(KEY, 0, 0222) >= 0, expect->write);
	CHECK_EQ(shmget(KEY, 0, 0666) >= 0, expect->read && expect->write);
	/* A size too large comes before permission, IPC_EXCL before both. */
	CHECK_ERROR(shmget(KEY, PAGE + 1, 0777), EINVAL);
	CHECK_ERROR(shmget(KEY, PAGE + 1, IPC_CREAT | IPC_EXCL | 0777), EEXIST);
}

/* A segment of OWNER:GROUP with this mode; the creator is root. */
static int owned_segment(int mode)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	struct shmid_ds ds = stat_segment(id);

	ds.shm_perm.uid = OWNER;
	ds.shm_perm.gid = GROUP;
	ds.shm_perm.mode = (unsigned short)mode;
	if (shmctl(id, IPC_SET, &ds)) {
		remove_segment(id);
		SKIP("cannot give a segment to another user here");
	}
	return id;
}

static void classes(void)
{
	int id = owned_segment(0640);

	abi_in_child(try_access, &(struct expectation){id, OWNER, OTHER, true, true, false});
	abi_in_child(try_access, &(struct expectation){id, OTHER, GROUP, true, false, false});
	abi_in_child(try_access, &(struct expectation){id, OTHER, OTHER, false, false, false});
	remove_segment(id);
	id = owned_segment(0604);
	abi_in_child(try_access, &(struct expectation){id, OTHER, OTHER, true, false, false});
	remove_segment(id);
	id = owned_segment(0757);
	abi_in_child(try_access, &(struct expectation){id, OWNER, OTHER, true, true, true});
	abi_in_child(try_access, &(struct expectation){id, OTHER, GROUP, true, false, true});
	abi_in_child(try_access, &(struct expectation){id, OTHER, OTHER, true, true, true});
	remove_segment(id);
}

static void first_match_decides(void)
{
	/* The owner is not helped by what others may do, nor is the group. */
	int id = owned_segment(0066);

	abi_in_child(try_access, &(struct expectation){id, OWNER, GROUP, false, false, false});
	abi_in_child(try_access, &(struct expectation){id, OTHER, GROUP, true, true, false});
	remove_segment(id);
	id = owned_segment(0606);
	abi_in_child(try_access, &(struct expectation){id, OTHER, GROUP, false, false, false});
	abi_in_child(try_access, &(struct expectation){id, OTHER, OTHER, true, true, false});
	remove_segment(id);
}

static void in_supplementary_group(void *argument)
{
	static const gid_t groups[] = {5, GROUP, 6000};
	int id = *(int *)argument;

	if (setgroups(3, groups) || setresgid(OTHER, OTHER, OTHER) ||
	    setresuid(OTHER, OTHER, OTHER))
		SKIP("needs to change its user: run as root");
	CHECK_OK(shmat(id, NULL, SHM_RDONLY));
	CHECK_ERROR(shmat(id, NULL, 0), EACCES);
}

static void supplementary_groups(void)
{
	int id = owned_segment(0640);

	abi_in_child(in_supplementary_group, &id);
	remove_segment(id);
}

/* Three objects of root's that only GROUP may use. */
struct of_group {
	int segment, set, queue;
};

static void use_of_group(const struct of_group *of, bool may)
{
	union {
		struct shmid_ds segment;
		struct semid_ds set;
		struct msqid_ds queue;
	} ds;

	if (may) {
		CHECK_OK(shmdt(CHECK_OK(shmat(of->segment, NULL, 0))));
		CHECK_OK(semctl(of->set, 0, IPC_STAT, &ds));
		CHECK_OK(msgctl(of->queue, IPC_STAT, &ds.queue));
	} else {
		CHECK_ERROR(shmat(of->segment, NULL, 0), EACCES);
		CHECK_ERROR(semctl(of->set, 0, IPC_STAT, &ds), EACCES);
		CHECK_ERROR(msgctl(of->queue, IPC_STAT, &ds.queue), EACCES);
	}
}

static void with_groups(gid_t egid, gid_t fsgid)
{
	if (setgroups(0, NULL) || setresgid(egid, egid, egid))
		SKIP("needs to change its user: run as root");
	setfsgid(fsgid);
	CHECK_OK(setresuid(OTHER, OTHER, OTHER));
	CHECK_EQ(setfsgid((gid_t)-1), fsgid);
}

static void check_creators_group(gid_t gid)
{
	int id = make_segment(1, 0600);

	CHECK_EQ(stat_segment(id).shm_perm.cgid, gid);
	remove_segment(id);
}

static void file_group_is_group(void *argument)
{
	with_groups(OTHER, GROUP);
	use_of_group(argument, true);
	check_creators_group(OTHER);
}

static void effective_group_is_not(void *argument)
{
	with_groups(GROUP, OTHER);
	use_of_group(argument, false);
	check_creators_group(GROUP);
}

static void file_group_of_huge_pages(void *argument)
{
	bool may = *(bool *)argument;

	with_groups(may ? OTHER : 0, may ? 0 : OTHER);
	int id = shmget(IPC_PRIVATE, 1, SHM_HUGETLB | SHM_NORESERVE | 0600);
	CHECK(id >= 0 || may ? errno != EPERM : errno == EPERM);
	if (id >= 0)
		remove_segment(id);
}

static void file_system_group(void)
{
	struct of_group of = {
		make_segment(PAGE, 0600),
		CHECK_OK(semget(IPC_PRIVATE, 1, 0600)),
		CHECK_OK(msgget(IPC_PRIVATE, 0600)),
	};
	union {
		struct shmid_ds segment;
		struct semid_ds set;
		struct msqid_ds queue;
	} ds;
	bool may[] = {false, true};

	CHECK_OK(shmctl(of.segment, IPC_STAT, &ds.segment));
	ds.segment.shm_perm.gid = GROUP;
	ds.segment.shm_perm.mode = 0060;
	if (shmctl(of.segment, IPC_SET, &ds.segment))
		SKIP("cannot give a segment to another group here");
	CHECK_OK(semctl(of.set, 0, IPC_STAT, &ds));
	ds.set.sem_perm.gid = GROUP;
	ds.set.sem_perm.mode = 0060;
	CHECK_OK(semctl(of.set, 0, IPC_SET, &ds));
	CHECK_OK(msgctl(of.queue, IPC_STAT, &ds.queue));
	ds.queue.msg_perm.gid = GROUP;
	ds.queue.msg_perm.mode = 0060;
	CHECK_OK(msgctl(of.queue, IPC_SET, &ds.queue));
	abi_in_child(file_group_is_group, &of);
	abi_in_child(effective_group_is_not, &of);
	abi_in_child(file_group_of_huge_pages, &may[0]);
	abi_in_child(file_group_of_huge_pages, &may[1]);
	remove_segment(of.segment);
	CHECK_OK(semctl(of.set, 0, IPC_RMID));
	CHECK_OK(msgctl(of.queue, IPC_RMID, NULL));
}

static void as_owner_for_files(void *argument)
{
	int id = *(int *)argument;

	if (setgroups(0, NULL) || setresgid(OTHER, OTHER, OTHER) || setresuid(OTHER, OTHER, OWNER))
		SKIP("needs to change its user: run as root");
	setfsuid(OWNER);
	CHECK_EQ(setfsuid((uid_t)-1), OWNER);
	CHECK_ERROR(shmat(id, NULL, SHM_RDONLY), EACCES);
	CHECK_ERROR(shmctl(id, IPC_RMID, NULL), EPERM);
}

static void file_system_user(void)
{
	int id = owned_segment(0600);

	abi_in_child(as_owner_for_files, &id);
	remove_segment(id);
}

static void change_as_other(void *argument)
{
	int id = *(int *)argument;
	struct shmid_ds ds = {.shm_perm = {.uid = OTHER, .gid = OTHER, .mode = 0777}};

	abi_become(OTHER, OTHER);
	CHECK_ERROR(shmctl(id, IPC_SET, &ds), EPERM);
	CHECK_ERROR(shmctl(id, IPC_SET, (void *)8), EFAULT); /* before that */
	CHECK_ERROR(shmctl(id, IPC_RMID, NULL), EPERM);
}

static void change_as_group(void *argument)
{
	int id = *(int *)argument;

	abi_become(OTHER, GROUP);
	CHECK_ERROR(shmctl(id, IPC_RMID, NULL), EPERM);
}

static void change_as_owner(void *argument)
{
	int id = *(int *)argument;
	struct shmid_ds ds = {.shm_perm = {.uid = OWNER, .gid = GROUP, .mode = 0}};

	abi_become(OWNER, OTHER);
	CHECK_OK(shmctl(id, IPC_SET, &ds));
	/* Mode 0 shuts out the owner, too, but not from IPC_SET and IPC_RMID. */
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EACCES);
	CHECK_ERROR(shmat(id, NULL, SHM_RDONLY), EACCES);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void who_may_change(void)
{
	int id = owned_segment(0666);

	abi_in_child(change_as_other, &id);
	abi_in_child(change_as_group, &id);
	abi_in_child(change_as_owner, &id);
}

static void give_away(void *argument)
{
	struct shmid_ds ds;
	int *id = argument;

	abi_become(OWNER, GROUP);
	*id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	ds = stat_segment(*id);
	CHECK_EQ(ds.shm_perm.cuid, OWNER);
	CHECK_EQ(ds.shm_perm.cgid, GROUP);
	ds.shm_perm.uid = OTHER;
	CHECK_OK(shmctl(*id, IPC_SET, &ds));
	/* The creator keeps the owner's rights. */
	CHECK_OK(shmat(*id, NULL, 0));
	CHECK_EQ(stat_segment(*id).shm_perm.uid, OTHER);
	CHECK_OK(shmctl(*id, IPC_RMID, NULL));
}

static void creator_keeps_rights(void)
{
	int id;

	abi_in_child(give_away, &id);
}

static void root_may_all(void)
{
	if (!abi_is_root())
		SKIP("needs root");
	int id = owned_segment(0);
	struct shmid_ds ds;

	CHECK_OK(shmdt(CHECK_OK(shmat(id, NULL, 0))));
	CHECK_OK(shmdt(CHECK_OK(shmat(id, NULL, SHM_EXEC))));
	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	CHECK_EQ(shmget(KEY, 0, 0777), id);
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(classes, "owner, group, other: shmget(2), shmop(2), shmctl(2)"),
	CASE(first_match_decides, "the first class that fits decides: sysvipc(7)"),
	CASE(supplementary_groups, "supplementary groups count: sysvipc(7)"),
	CASE(file_system_group,
	     "a member is who is so by fsgid, not by egid, which owns what is made: observed"),
	CASE(file_system_user, "the owner is who is so by euid, not by fsuid: observed"),
	CASE(who_may_change, "IPC_SET and IPC_RMID: owner, creator or root: shmctl(2)"),
	CASE(creator_keeps_rights, "the creator's uid matches as the owner's: sysvipc(7)"),
	CASE(root_may_all, "CAP_IPC_OWNER passes every check: capabilities(7)"),
	CASES_END,
};
