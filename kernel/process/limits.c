// SPDX-License-Identifier: MIT
/* getrlimit(2), setrlimit(2), prlimit64(2); getpriority(2) and its kin, which know one priority. */

#include "abi/resource.h"
#include "kernel/process/process.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

#define FILES_MAX (1u << 20) /* fs.nr_open: what even the superuser may not exceed */

static int limit_set(struct process *process, unsigned limit, const struct abi_rlimit *new)
{
	if (new->current > new->maximum)
		return -EINVAL;
	if (limit == RLIMIT_NOFILE && new->maximum > FILES_MAX)
		return -EPERM;
	if (new->maximum > process->limits[limit][1] && !cred_has(cred_current(), CAP_SYS_RESOURCE))
		return -EPERM;
	process->limits[limit][0] = new->current;
	process->limits[limit][1] = new->maximum;
	return 0;
}

/* prlimit(2): the same user with all ids, or the capability. */
static bool may_limit_locked(struct process *process)
{
	const struct cred *cred = cred_current();

	if (process == process_current() || cred_has(cred, CAP_SYS_RESOURCE))
		return true;
	const struct cred *other = process_cred_locked(process);
	return other->uid == cred->uid && other->euid == cred->uid && other->suid == cred->uid &&
	       other->gid == cred->gid && other->egid == cred->gid && other->sgid == cred->gid;
}

static int limit_exchange(int32_t pid, unsigned limit, const struct abi_rlimit *new,
			  struct abi_rlimit *old)
{
	int err = 0;

	if (limit >= RLIMITS)
		return -EINVAL;
	spin_lock(&tree_lock);
	struct process *process = pid ? process_find_locked(pid) : process_current();
	if (!process) {
		err = -ESRCH;
	} else if (!may_limit_locked(process)) {
		err = -EPERM;
	} else {
		*old = (struct abi_rlimit){process->limits[limit][0], process->limits[limit][1]};
		if (new)
			err = limit_set(process, limit, new);
	}
	spin_unlock(&tree_lock);
	return err;
}

long sys_prlimit64(const uint64_t *argument)
{
	struct abi_rlimit old, new;

	if (argument[2] && copy_from_user(&new, argument[2], sizeof(new)))
		return -EFAULT;
	int err = limit_exchange((int32_t)argument[0], (uint32_t)argument[1],
				 argument[2] ? &new : NULL, &old);
	if (err)
		return err;
	return argument[3] ? copy_to_user(argument[3], &old, sizeof(old)) : 0;
}

long sys_getrlimit(const uint64_t *argument)
{
	struct abi_rlimit old;
	int err = limit_exchange(0, (uint32_t)argument[0], NULL, &old);

	return err ? err : copy_to_user(argument[1], &old, sizeof(old));
}

long sys_setrlimit(const uint64_t *argument)
{
	struct abi_rlimit old, new;

	if (copy_from_user(&new, argument[1], sizeof(new)))
		return -EFAULT;
	return limit_exchange(0, (uint32_t)argument[0], &new, &old);
}

/* Nice 0, as the call itself (not libc's wrapper) says it: 20 - nice. */
long sys_getpriority(const uint64_t *argument)
{
	if ((int)argument[0] < PRIO_PROCESS || (int)argument[0] > PRIO_USER)
		return -EINVAL;
	return 20;
}

long sys_setpriority(const uint64_t *argument)
{
	if ((int)argument[0] < PRIO_PROCESS || (int)argument[0] > PRIO_USER)
		return -EINVAL;
	if ((int)argument[2] < 0 && !cred_has(cred_current(), CAP_SYS_NICE))
		return -EACCES;
	return 0;
}
