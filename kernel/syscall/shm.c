// SPDX-License-Identifier: MIT
/*
 * System V shared memory for programs: registers and user memory on one side,
 * shm_get and its kin on the other. All rules are theirs; what is decided here
 * is when a bad pointer is EFAULT: IPC_SET reads its buffer before anything is
 * looked up, the others write theirs after all else went well, as on Linux.
 */

#include "arch/arch.h"
#include "kernel/lib/print.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"
#include "shm/shm.h"

#define RLIMIT_MEMLOCK 8

struct shm_namespace *ipc_namespace_initial;

void ipc_init(void)
{
	if (shm_namespace_create(&shm_instance, &ipc_namespace_initial))
		panic("no memory for the first IPC namespace");
}

static unsigned shm_capabilities(const struct cred *cred)
{
	unsigned capabilities = 0;

	if (cred_has(cred, CAP_IPC_LOCK))
		capabilities |= SHM_CAP_IPC_LOCK;
	if (cred_has(cred, CAP_IPC_OWNER))
		capabilities |= SHM_CAP_IPC_OWNER;
	if (cred_has(cred, CAP_SYS_ADMIN))
		capabilities |= SHM_CAP_SYS_ADMIN;
	if (cred_has(cred, CAP_SYS_RESOURCE))
		capabilities |= SHM_CAP_SYS_RESOURCE;
	return capabilities;
}

void shm_caller_current(struct shm_caller *caller)
{
	const struct thread *thread = thread_current();
	const struct cred *cred = cred_current();

	*caller = (struct shm_caller){
		.space = thread->space ? &thread->space->shm : NULL,
		.pid = thread->process->pid,
		.uid = cred->euid,
		.gid = cred->egid,
		.groups = cred->groups,
		.group_count = cred->group_count,
		.capabilities = shm_capabilities(cred),
		.memlock_limit_bytes = thread->process->limits[RLIMIT_MEMLOCK][0],
	};
}

static struct shm_namespace *namespace_current(void)
{
	return process_current()->ipc;
}

/* shmget(key, size, flags) */
long sys_shmget(const uint64_t *argument)
{
	struct shm_caller caller;
	int flags = (int)argument[2];

	/* Where nothing may be promised beyond what there is, this is no excuse. */
	if (commit_mode == 2)
		flags &= ~SHM_NORESERVE;
	shm_caller_current(&caller);
	return shm_get(namespace_current(), &caller, (int32_t)argument[0], argument[1], flags);
}

/* shmat(shmid, address, flags) */
long sys_shmat(const uint64_t *argument)
{
	struct shm_caller caller;
	uint64_t attached;
	int err;

	shm_caller_current(&caller);
	err = shm_attach(namespace_current(), &caller, (int32_t)argument[0], argument[1],
			 (int)argument[2], &attached);
	return err ? err : (long)attached;
}

/* shmdt(address) */
long sys_shmdt(const uint64_t *argument)
{
	struct shm_caller caller;

	shm_caller_current(&caller);
	return shm_detach(namespace_current(), &caller, argument[0]);
}

/* How many bytes of the control data a command writes to the program's buffer. */
static size_t control_result_bytes(int command)
{
	switch (command) {
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return sizeof(struct abi_shmid_ds);
	case IPC_INFO:
		return sizeof(struct abi_shminfo);
	case SHM_INFO:
		return sizeof(struct abi_shm_info);
	default:
		return 0;
	}
}

/* shmctl(shmid, command, buffer) */
long sys_shmctl(const uint64_t *argument)
{
	int32_t shmid = (int32_t)argument[0];
	int command = (int)argument[1];
	size_t result_bytes = control_result_bytes(command);
	union shm_control_data data;
	struct shm_caller caller;
	long result;

	if (shmid < 0)
		return -EINVAL; /* before the buffer is looked at */
	if (command == IPC_SET && copy_from_user(&data.ds, argument[2], sizeof(data.ds)))
		return -EFAULT;
	shm_caller_current(&caller);
	result = shm_control(namespace_current(), &caller, shmid, command, &data);
	if (result >= 0 && result_bytes && copy_to_user(argument[2], &data, result_bytes))
		return -EFAULT;
	return result;
}
