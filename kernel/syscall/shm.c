// SPDX-License-Identifier: MIT
/*
 * System V shared memory for programs: registers and user memory on one side,
 * shm_get and its kin on the other. All rules are theirs; what is decided here
 * is when a bad pointer is EFAULT: IPC_SET reads its buffer before anything is
 * looked up, the others write theirs after all else went well, as on Linux.
 */

#include "arch/arch.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"
#include "shm/shm.h"

#define RLIMIT_MEMLOCK 8

_Static_assert(SHM_CAP_IPC_LOCK == 1ull << CAP_IPC_LOCK &&
		       SHM_CAP_IPC_OWNER == 1ull << CAP_IPC_OWNER &&
		       SHM_CAP_SYS_ADMIN == 1ull << CAP_SYS_ADMIN,
	       "credentials hand over their capabilities as they are");

/* Inline: it is a good part of a short call. */
static inline void caller_fill(struct shm_caller *caller, const struct thread *thread)
{
	const struct process *process = thread->process;
	const struct cred *cred = thread->cred;

	caller->space = &thread->space->shm;
	caller->pid = process->pid;
	caller->uid = cred->euid;
	caller->gid = cred->egid;
	caller->access_gid = cred->fsgid;
	caller->groups = cred->groups;
	caller->group_count = cred->group_count;
	caller->capabilities = cred->effective;
}

/* What only few calls look at. */
static void caller_fill_lock(struct shm_caller *caller)
{
	const struct thread *thread = thread_current();

	caller->real_uid = thread->cred->uid;
	caller->memlock_limit_bytes = thread->process->limits[RLIMIT_MEMLOCK][0];
}

void shm_caller_current(struct shm_caller *caller)
{
	caller_fill(caller, thread_current());
}

/* A program's call: who calls, and the namespace. The thread has a space and credentials. */
static inline struct shm_namespace *call_begin(struct shm_caller *caller)
{
	const struct thread *thread = thread_current();

	caller_fill(caller, thread);
	return thread->ipc->shm;
}

/* shmget(key, size, flags) */
long sys_shmget(const uint64_t *argument)
{
	struct shm_caller caller;
	struct shm_namespace *ns = call_begin(&caller);
	int flags = (int)argument[2];

	caller.creators = &thread_current()->shm_creators;
	/* Where nothing may be promised beyond what there is, this is no excuse. Not so for huge pages. */
	if (__builtin_expect(flags & SHM_NORESERVE, 0) && commit_mode == 2 &&
	    !(flags & SHM_HUGETLB))
		flags &= ~SHM_NORESERVE;
	return shm_get(ns, &caller, (int32_t)argument[0], argument[1], flags);
}

/* shmat(shmid, address, flags) */
long sys_shmat(const uint64_t *argument)
{
	struct shm_caller caller;
	struct shm_namespace *ns = call_begin(&caller);
	uint64_t attached;
	int err = shm_attach(ns, &caller, (int32_t)argument[0], argument[1], (int)argument[2],
			     &attached);

	if (err)
		return err;
	if (space_of(caller.space)->lock_future)
		space_populate_locked(space_of(caller.space), attached, UINT64_MAX);
	return (long)attached;
}

/* shmdt(address) */
long sys_shmdt(const uint64_t *argument)
{
	struct shm_caller caller;
	struct shm_namespace *ns = call_begin(&caller);

	return shm_detach(ns, &caller, argument[0]);
}

/* What a command writes to the program's buffer. */
static int control_result(int command, uint64_t buffer, const union shm_control_data *data)
{
	switch (command) {
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return copy_to_user(buffer, data, sizeof(data->ds));
	case IPC_INFO:
		return copy_to_user(buffer, data, sizeof(data->info));
	case SHM_INFO:
		return copy_to_user(buffer, data, sizeof(data->totals));
	default:
		return 0;
	}
}

/* shmctl(shmid, command, buffer) */
long sys_shmctl(const uint64_t *argument)
{
	int32_t shmid = (int32_t)argument[0];
	int command = (int)argument[1];
	union shm_control_data data;
	struct shm_caller caller;
	struct shm_namespace *ns = call_begin(&caller);
	long result;

	/* A negative id is seen before the buffer is looked at, any other after it. */
	if (command == IPC_SET && shmid >= 0 &&
	    copy_from_user(&data.ds, argument[2], sizeof(data.ds)))
		return -EFAULT;
	if (command == SHM_LOCK)
		caller_fill_lock(&caller);
	result = shm_control(ns, &caller, shmid, command, &data);
	if (result < 0)
		return result;
	return control_result(command, argument[2], &data) ? -EFAULT : result;
}
