// SPDX-License-Identifier: MIT
/*
 * Which error wins where two apply: pair by pair. A program sees only the
 * first one, so a kernel that checks in another order is another kernel.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>

#define KEY     0x5a3e0900
#define NOWHERE ((void *)16)
#define HUGE    (1ul << 55) /* bytes that no machine has */

/* The raw calls: libc declares that a buffer must not be where these are. */
static long control(int id, int command, const void *buffer)
{
	return syscall(SYS_shmctl, id, command, buffer);
}

static int stale_id(void)
{
	int id = make_segment(PAGE, 0600);

	remove_segment(id);
	return id;
}

static void set_limit(const char *name, unsigned long value)
{
	char path[64], text[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	snprintf(text, sizeof(text), "%lu\n", value);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		SKIP("the limits cannot be set here");
	close(fd);
}

struct visit {
	int id;
	void (*run)(int id);
};

static void visit(void *argument)
{
	const struct visit *visit = argument;

	abi_become(1003, 1003);
	visit->run(visit->id);
}

/* `run` as a stranger to a segment of mode 0600 with this key. */
static void as_stranger(void (*run)(int id))
{
	if (!abi_is_root())
		SKIP("needs another user: run as root");
	struct visit argument = {CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600)), run};

	abi_in_child(visit, &argument);
	remove_segment(argument.id);
}

/* A case in which a stranger meets one error, not another. */
#define STRANGER(name, call, error)                                                                \
	static void name##_try(int id)                                                             \
	{                                                                                          \
		(void)id;                                                                          \
		CHECK_ERROR(call, error);                                                          \
	}                                                                                          \
	static void name(void)                                                                     \
	{                                                                                          \
		as_stranger(name##_try);                                                           \
	}

/* ---- shmget ---- */

static void get_missing_before_size(void)
{
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	CHECK_ERROR(shmget(KEY, (size_t)-1, 0600), ENOENT);
}

static void get_exists_before_size(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	CHECK_ERROR(shmget(KEY, (size_t)-1, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	remove_segment(id);
}

static void get_existing_ignores_huge_size_code(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	CHECK_EQ(shmget(KEY, PAGE, IPC_CREAT | SHM_HUGETLB | 63 << 26), id);
	remove_segment(id);
}

STRANGER(get_exists_before_permission, shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0666), EEXIST)
STRANGER(get_size_before_permission, shmget(KEY, PAGE + 1, 0666), EINVAL)

static void get_size_before_number(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	set_limit("shmmni", 1);
	CHECK_ERROR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, (size_t)-1, 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	remove_segment(id);
}

static void get_memory_before_number(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	set_limit("shmmni", 1);
	CHECK_ERROR(shmget(IPC_PRIVATE, HUGE, 0600), ENOMEM);
	remove_segment(id);
}

static void get_total_before_memory(void)
{
	set_limit("shmall", 16);
	CHECK_ERROR(shmget(IPC_PRIVATE, HUGE, 0600), ENOSPC);
}

static void get_maximum_before_total(void)
{
	set_limit("shmall", 1);
	set_limit("shmmax", PAGE);
	CHECK_ERROR(shmget(IPC_PRIVATE, 2 * PAGE, 0600), EINVAL);
}

static void get_missing_before_maximum(void)
{
	set_limit("shmmax", PAGE);
	CHECK_ERROR(shmget(KEY, 2 * PAGE, 0600), ENOENT);
}

static void get_existing_ignores_limits(void)
{
	int id = CHECK_OK(shmget(KEY, 4 * PAGE, IPC_CREAT | 0600));

	set_limit("shmmax", PAGE);
	set_limit("shmall", 1);
	set_limit("shmmni", 1);
	CHECK_EQ(shmget(KEY, 4 * PAGE, IPC_CREAT | 0600), id);
	remove_segment(id);
}

/* ---- shmat ---- */

STRANGER(at_unaligned_before_permission, (long)shmat(id, (void *)1, 0), EINVAL)
STRANGER(at_remap_nowhere_before_permission, (long)shmat(id, NULL, SHM_REMAP), EINVAL)
STRANGER(at_permission_before_range, (long)shmat(id, (void *)-PAGE, 0), EACCES)
STRANGER(at_permission_before_occupied, (long)shmat(id, (void *)((uintptr_t)abi_cases & -PAGE), 0),
	 EACCES)

/* ---- shmctl ---- */

static void ctl_sign_before_buffer(void)
{
	CHECK_ERROR(control(-1, IPC_SET, NOWHERE), EINVAL);
	CHECK_ERROR(control(-1, IPC_INFO, NOWHERE), EINVAL);
	CHECK_ERROR(control(-1, SHM_INFO, NOWHERE), EINVAL);
}

static void ctl_command_before_buffer(void)
{
	int id = make_segment(PAGE, 0600);

	CHECK_ERROR(control(id, 99, NOWHERE), EINVAL);
	remove_segment(id);
}

static void ctl_set_buffer_before_id(void)
{
	CHECK_ERROR(control(stale_id(), IPC_SET, NOWHERE), EFAULT);
}

static void ctl_stat_id_before_buffer(void)
{
	CHECK_ERROR(control(stale_id(), IPC_STAT, NOWHERE), EINVAL);
	CHECK_ERROR(control(5000, SHM_STAT, NOWHERE), EINVAL);
	CHECK_ERROR(control(5000, SHM_STAT_ANY, NOWHERE), EINVAL);
}

STRANGER(ctl_set_buffer_before_owner, control(id, IPC_SET, NOWHERE), EFAULT)
STRANGER(ctl_set_owner_before_values,
	 control(id, IPC_SET, &((struct shmid_ds){.shm_perm.uid = (uid_t)-1})), EPERM)
STRANGER(ctl_stat_permission_before_buffer, control(id, IPC_STAT, NOWHERE), EACCES)
STRANGER(ctl_index_permission_before_buffer, control(id & 0x7fff, SHM_STAT, NOWHERE), EACCES)
STRANGER(ctl_any_only_buffer, control(id & 0x7fff, SHM_STAT_ANY, NOWHERE), EFAULT)
STRANGER(ctl_command_before_permission, control(id, 99, NULL), EINVAL)
STRANGER(ctl_removal_looks_at_no_buffer, control(id, IPC_RMID, NOWHERE), EPERM)
STRANGER(ctl_lock_looks_at_no_buffer, control(id, SHM_LOCK, NOWHERE), EPERM)

static void ctl_set_bad_user_changes_nothing(void)
{
	int id = make_segment(PAGE, 0600);
	struct shmid_ds ds = stat_segment(id);
	unsigned gid = ds.shm_perm.gid;

	ds.shm_perm.mode = 0644;
	ds.shm_perm.uid = (uid_t)-1;
	CHECK_ERROR(control(id, IPC_SET, &ds), EINVAL);
	ds = stat_segment(id);
	CHECK_EQ(ds.shm_perm.mode, 0600);
	ds.shm_perm.gid = (gid_t)-1;
	ds.shm_perm.mode = 0644;
	CHECK_ERROR(control(id, IPC_SET, &ds), EINVAL);
	ds = stat_segment(id);
	CHECK_EQ(ds.shm_perm.mode, 0600);
	CHECK_EQ(ds.shm_perm.gid, gid);
	remove_segment(id);
}

/* ---- shmdt ---- */

static void dt_leaves_errors_alone(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_ERROR(shmdt(p + 1), EINVAL);
	CHECK_EQ(attachments(id), 1);
	CHECK_ERROR(shmdt(p + PAGE), EINVAL);
	CHECK_ERROR(shmdt((void *)-PAGE), EINVAL);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(get_missing_before_size, "shmget: ENOENT before EINVAL of the size: observed"),
	CASE(get_exists_before_size, "shmget: EEXIST before EINVAL of the size: observed"),
	CASE(get_existing_ignores_huge_size_code, "shmget: a huge page size that does not exist is "
						  "no matter to an existing key: observed"),
	CASE(get_exists_before_permission, "shmget: EEXIST before EACCES: observed"),
	CASE(get_size_before_permission, "shmget: EINVAL of the size before EACCES: observed"),
	CASE(get_size_before_number,
	     "shmget: EINVAL of the size before ENOSPC of shmmni: observed"),
	CASE(get_memory_before_number, "shmget: ENOMEM before ENOSPC of shmmni: observed"),
	CASE(get_total_before_memory, "shmget: ENOSPC of shmall before ENOMEM: observed"),
	CASE(get_maximum_before_total,
	     "shmget: EINVAL of shmmax before ENOSPC of shmall: observed"),
	CASE(get_missing_before_maximum, "shmget: ENOENT before EINVAL of shmmax: observed"),
	CASE(get_existing_ignores_limits,
	     "shmget: an existing key is found over every limit: observed"),
	CASE(at_unaligned_before_permission,
	     "shmat: EINVAL of the address before EACCES: observed"),
	CASE(at_remap_nowhere_before_permission,
	     "shmat: EINVAL of SHM_REMAP before EACCES: observed"),
	CASE(at_permission_before_range, "shmat: EACCES before ENOMEM of the range: observed"),
	CASE(at_permission_before_occupied,
	     "shmat: EACCES before EINVAL of what is there: observed"),
	CASE(ctl_sign_before_buffer, "shmctl: EINVAL of a negative id before EFAULT: observed"),
	CASE(ctl_command_before_buffer, "shmctl: EINVAL of the command before EFAULT: observed"),
	CASE(ctl_set_buffer_before_id, "IPC_SET: EFAULT before EINVAL of the id: observed"),
	CASE(ctl_stat_id_before_buffer,
	     "IPC_STAT, SHM_STAT: EINVAL of the id before EFAULT: observed"),
	CASE(ctl_set_buffer_before_owner, "IPC_SET: EFAULT before EPERM: observed"),
	CASE(ctl_set_owner_before_values,
	     "IPC_SET: EPERM before EINVAL of the new owner: observed"),
	CASE(ctl_stat_permission_before_buffer, "IPC_STAT: EACCES before EFAULT: observed"),
	CASE(ctl_index_permission_before_buffer, "SHM_STAT: EACCES before EFAULT: observed"),
	CASE(ctl_any_only_buffer, "SHM_STAT_ANY: no EACCES, so EFAULT: shmctl(2)"),
	CASE(ctl_command_before_permission,
	     "shmctl: EINVAL of the command before EACCES: observed"),
	CASE(ctl_removal_looks_at_no_buffer, "IPC_RMID: EPERM, the buffer is ignored: shmctl(2)"),
	CASE(ctl_lock_looks_at_no_buffer, "SHM_LOCK: EPERM, the buffer is ignored: shmctl(2)"),
	CASE(ctl_set_bad_user_changes_nothing,
	     "IPC_SET: EINVAL of the owner changes nothing: observed"),
	CASE(dt_leaves_errors_alone, "a shmdt that fails detaches nothing: shmop(2)"),
	CASES_END,
};
