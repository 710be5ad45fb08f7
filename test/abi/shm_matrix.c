// SPDX-License-Identifier: MIT
/*
 * Permission, whole: each kind of caller, each call, each of the 512 modes,
 * compared with a model of ten lines. A case is one caller and one call.
 */

#include "shm_test.h"

#include <grp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#define KEY          0x5a3e0800
#define OWNER        1001 /* user and group of each */
#define CREATOR      1002
#define STRANGER     1003
#define CAP_LOCK     (1u << 14)
#define CAP_OWNER    (1u << 15)
#define CAP_ADMIN    (1u << 21)
#define MODES        01000
#define INDEX_OF(id) ((id) & 0x7fff)

struct caller {
	uid_t uid;
	gid_t gid, more; /* more: one supplementary group, or 0 */
	unsigned capabilities;
};

static const struct caller owner = {OWNER, STRANGER, 0, 0};
static const struct caller creator = {CREATOR, STRANGER, 0, 0};
static const struct caller owner_group = {STRANGER, OWNER, 0, 0};
static const struct caller creator_group = {STRANGER, CREATOR, 0, 0};
static const struct caller owner_member = {STRANGER, STRANGER, OWNER, 0};
static const struct caller creator_member = {STRANGER, STRANGER, CREATOR, 0};
static const struct caller stranger = {STRANGER, STRANGER, 0, 0};
static const struct caller powerless_root = {0, 0, 0, 0};
static const struct caller ipc_owner = {STRANGER, STRANGER, 0, CAP_OWNER};
static const struct caller admin = {STRANGER, STRANGER, 0, CAP_ADMIN};
static const struct caller ipc_lock = {STRANGER, STRANGER, 0, CAP_LOCK};

/* ---- the model: sysvipc(7), shmctl(2) ---- */

/* Of read, write, execute (4, 2, 1), those that this caller has on a segment with this mode. */
static unsigned granted(const struct caller *caller, unsigned mode)
{
	if (caller->capabilities & CAP_OWNER)
		return 7;
	if (caller->uid == OWNER || caller->uid == CREATOR)
		return mode >> 6 & 7;
	if (caller->gid == OWNER || caller->gid == CREATOR || caller->more)
		return mode >> 3 & 7;
	return mode & 7;
}

static bool may_read(const struct caller *caller, unsigned mode)
{
	return granted(caller, mode) & 4;
}

/* IPC_SET and IPC_RMID look at no bit of the mode. */
static bool may_change(const struct caller *caller)
{
	return caller->uid == OWNER || caller->uid == CREATOR || caller->capabilities & CAP_ADMIN;
}

/* Nor SHM_LOCK; with RLIMIT_MEMLOCK above 0, as here. */
static bool may_lock(const struct caller *caller)
{
	return caller->uid == OWNER || caller->uid == CREATOR || caller->capabilities & CAP_LOCK;
}

/* ---- becoming somebody, and root again ---- */

static void set_effective(unsigned long long bits)
{
	struct {
		uint32_t version, pid;
	} header = {0x20080522, 0};
	uint32_t data[6];

	CHECK_OK(syscall(SYS_capget, &header, data));
	data[0] = (uint32_t)(bits & data[1]);
	data[3] = (uint32_t)(bits >> 32 & data[4]);
	CHECK_OK(syscall(SYS_capset, &header, data));
}

static void become(const struct caller *caller)
{
	CHECK_OK(setgroups(caller->more ? 1 : 0, &caller->more));
	CHECK_OK(syscall(SYS_setresgid, -1, caller->gid, -1));
	CHECK_OK(syscall(SYS_setresuid, -1, caller->uid, -1));
	set_effective(caller->capabilities);
}

static void become_root(void)
{
	set_effective(~0ull);
	CHECK_OK(syscall(SYS_setresuid, -1, 0, -1));
	CHECK_OK(syscall(SYS_setresgid, -1, 0, -1));
	set_effective(~0ull);
}

/* A segment that CREATOR made for OWNER. */
static int owned_segment(void)
{
	struct rlimit memlock = {1 << 20, 1 << 20};

	if (!abi_is_root())
		SKIP("needs other users: run as root");
	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &memlock));
	become(&(struct caller){CREATOR, CREATOR, 0, 0});
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
	become_root();
	return id;
}

static void set_mode(int id, unsigned mode)
{
	struct shmid_ds ds = {.shm_perm = {.uid = OWNER, .gid = OWNER}};

	ds.shm_perm.mode = (unsigned short)mode;
	CHECK_OK(shmctl(id, IPC_SET, &ds));
}

/* With each mode in turn, as this caller. */
static void try_modes(const struct caller *caller,
		      void (*try)(const struct caller *, int, unsigned))
{
	int id = owned_segment();

	for (unsigned mode = 0; mode < MODES; mode++) {
		set_mode(id, mode);
		become(caller);
		try(caller, id, mode);
		become_root();
	}
	remove_segment(id);
}

static void expect(unsigned mode, const char *what, long result, bool allowed, int error)
{
	int got = errno;

	if (allowed ? result == -1 : result != -1 || got != error)
		abi_fail(__FILE__, __LINE__, "mode %04o, %s: %ld, errno %s; should be %s", mode,
			 what, result, abi_error(got), allowed ? "allowed" : abi_error(error));
}

/* ---- the calls ---- */

/* What shmget asks for in any of the three places, all of it must be granted. */
static void try_get(const struct caller *caller, int id, unsigned mode)
{
	(void)id;
	for (unsigned wanted = 0; wanted < 8; wanted++) {
		bool allowed = !(wanted & ~granted(caller, mode));
		for (unsigned shift = 0; shift <= 6; shift += 3) {
			errno = 0;
			expect(mode, "shmget", shmget(KEY, 0, (int)(wanted << shift)), allowed,
			       EACCES);
		}
	}
	errno = 0;
	expect(mode, "shmget of parts", shmget(KEY, 0, 0421), granted(caller, mode) == 7, EACCES);
}

static void try_attach(const struct caller *caller, int id, unsigned mode)
{
	static const struct {
		int flags;
		unsigned wanted;
	} ways[] = {{SHM_RDONLY, 4}, {0, 6}, {SHM_RDONLY | SHM_EXEC, 5}, {SHM_EXEC, 7}};

	for (unsigned i = 0; i < 4; i++) {
		errno = 0;
		void *p = shmat(id, NULL, ways[i].flags);
		expect(mode, "shmat", (long)p, !(ways[i].wanted & ~granted(caller, mode)), EACCES);
		if (p != (void *)-1)
			CHECK_OK(shmdt(p));
	}
}

static void try_stat(const struct caller *caller, int id, unsigned mode)
{
	struct shmid_ds ds;
	bool allowed = may_read(caller, mode);

	errno = 0;
	expect(mode, "IPC_STAT", shmctl(id, IPC_STAT, &ds), allowed, EACCES);
	errno = 0;
	expect(mode, "SHM_STAT", shmctl(INDEX_OF(id), SHM_STAT, &ds), allowed, EACCES);
	CHECK_EQ(shmctl(INDEX_OF(id), SHM_STAT_ANY, &ds), id);
	CHECK_EQ(ds.shm_perm.mode, mode);
}

static void try_set(const struct caller *caller, int id, unsigned mode)
{
	struct shmid_ds ds = {.shm_perm = {.uid = OWNER, .gid = OWNER}};

	ds.shm_perm.mode = (unsigned short)mode;
	errno = 0;
	expect(mode, "IPC_SET", shmctl(id, IPC_SET, &ds), may_change(caller), EPERM);
}

static void try_lock(const struct caller *caller, int id, unsigned mode)
{
	errno = 0;
	expect(mode, "SHM_LOCK", shmctl(id, SHM_LOCK, NULL), may_lock(caller), EPERM);
	errno = 0;
	expect(mode, "SHM_UNLOCK", shmctl(id, SHM_UNLOCK, NULL), may_lock(caller), EPERM);
}

/* A new segment for each mode, since this one goes. */
static void try_removal(const struct caller *caller)
{
	for (unsigned mode = 0; mode < MODES; mode += 037) {
		int id = owned_segment();
		set_mode(id, mode);
		become(caller);
		errno = 0;
		expect(mode, "IPC_RMID", shmctl(id, IPC_RMID, NULL), may_change(caller), EPERM);
		become_root();
		if (!may_change(caller))
			remove_segment(id);
	}
}

/* The six cases of a caller. */
#define CALLER(name)                                                                               \
	static void name##_get(void)                                                               \
	{                                                                                          \
		try_modes(&name, try_get);                                                         \
	}                                                                                          \
	static void name##_attach(void)                                                            \
	{                                                                                          \
		try_modes(&name, try_attach);                                                      \
	}                                                                                          \
	static void name##_stat(void)                                                              \
	{                                                                                          \
		try_modes(&name, try_stat);                                                        \
	}                                                                                          \
	static void name##_set(void)                                                               \
	{                                                                                          \
		try_modes(&name, try_set);                                                         \
	}                                                                                          \
	static void name##_lock(void)                                                              \
	{                                                                                          \
		try_modes(&name, try_lock);                                                        \
	}                                                                                          \
	static void name##_removal(void)                                                           \
	{                                                                                          \
		try_removal(&name);                                                                \
	}

#define CASES_OF(name, who, bits, change, lock)                                                    \
	CASE(name##_get, "shmget by " who ": " bits ": sysvipc(7)"),                               \
		CASE(name##_attach, "shmat by " who ": " bits ": shmop(2)"),                       \
		CASE(name##_stat, "IPC_STAT, SHM_STAT by " who ": " bits ": shmctl(2)"),           \
		CASE(name##_set, "IPC_SET by " who ": " change ": shmctl(2)"),                     \
		CASE(name##_lock, "SHM_LOCK, SHM_UNLOCK by " who ": " lock ": shmctl(2)"),         \
		CASE(name##_removal, "IPC_RMID by " who ": " change ": shmctl(2)")

/* clang-format off */
CALLER(owner)
CALLER(creator)
CALLER(owner_group)
CALLER(creator_group)
CALLER(owner_member)
CALLER(creator_member)
CALLER(stranger)
CALLER(powerless_root)
CALLER(ipc_owner)
CALLER(admin)
CALLER(ipc_lock)

#define YES "whatever the mode"
#define NO  "EPERM, whatever the mode"

const struct abi_case abi_cases[] = {
	CASES_OF(owner, "the owner", "the user's bits", YES, YES),
	CASES_OF(creator, "the creator", "the user's bits", YES, YES),
	CASES_OF(owner_group, "the owner's group", "the group's bits", NO, NO),
	CASES_OF(creator_group, "the creator's group", "the group's bits", NO, NO),
	CASES_OF(owner_member, "who has the owner's group as a further one", "the group's bits", NO, NO),
	CASES_OF(creator_member, "who has the creator's group as a further one", "the group's bits", NO, NO),
	CASES_OF(stranger, "a stranger", "the others' bits", NO, NO),
	CASES_OF(powerless_root, "user 0 without capabilities", "the others' bits", NO, NO),
	CASES_OF(ipc_owner, "a stranger with CAP_IPC_OWNER", "all bits", NO, NO),
	CASES_OF(admin, "a stranger with CAP_SYS_ADMIN", "the others' bits", YES, NO),
	CASES_OF(ipc_lock, "a stranger with CAP_IPC_LOCK", "the others' bits", NO, YES),
	CASES_END,
};
