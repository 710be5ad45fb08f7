// SPDX-License-Identifier: MIT
/* Who am I: getpid(2), gettid(2), getuid(2) and their kin. Each is a load or two. */

#include "kernel/process/process.h"
#include "kernel/process/tree.h"
#include "kernel/syscall/syscall.h"

long sys_getpid(const uint64_t *argument)
{
	(void)argument;
	return process_current()->pid;
}

long sys_gettid(const uint64_t *argument)
{
	(void)argument;
	return thread_current()->tid;
}

long sys_getppid(const uint64_t *argument)
{
	(void)argument;
	spin_lock(&tree_lock);
	struct process *parent = process_current()->parent;
	long pid = parent ? parent->pid : 0;
	spin_unlock(&tree_lock);
	return pid;
}

long sys_getuid(const uint64_t *argument)
{
	(void)argument;
	return cred_current()->uid;
}

long sys_geteuid(const uint64_t *argument)
{
	(void)argument;
	return cred_current()->euid;
}

long sys_getgid(const uint64_t *argument)
{
	(void)argument;
	return cred_current()->gid;
}

long sys_getegid(const uint64_t *argument)
{
	(void)argument;
	return cred_current()->egid;
}

static long put_three(const uint64_t *argument, uint32_t real, uint32_t effective, uint32_t saved)
{
	if (copy_to_user(argument[0], &real, sizeof(real)) ||
	    copy_to_user(argument[1], &effective, sizeof(effective)) ||
	    copy_to_user(argument[2], &saved, sizeof(saved)))
		return -EFAULT;
	return 0;
}

long sys_getresuid(const uint64_t *argument)
{
	const struct cred *cred = cred_current();

	return put_three(argument, cred->uid, cred->euid, cred->suid);
}

long sys_getresgid(const uint64_t *argument)
{
	const struct cred *cred = cred_current();

	return put_three(argument, cred->gid, cred->egid, cred->sgid);
}

long sys_getgroups(const uint64_t *argument)
{
	const struct cred *cred = cred_current();
	int size = (int)argument[0];

	if (size < 0)
		return -EINVAL;
	if (!size)
		return cred->group_count;
	if ((uint32_t)size < cred->group_count)
		return -EINVAL;
	if (copy_to_user(argument[1], cred->groups, cred->group_count * sizeof(uint32_t)))
		return -EFAULT;
	return cred->group_count;
}
