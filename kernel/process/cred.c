// SPDX-License-Identifier: MIT
/* Credentials as records. Who shares one only reads it; a change makes a new one. */

#include "kernel/process/cred.h"

#include "abi/errno.h"
#include "abi/resource.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/process/user.h"

/* The superuser's: process 1 and kernel threads. Never freed. */
struct cred cred_root = {
	.references = 1,
	.user = &user_root,
	.effective = CAP_MASK_ALL,
	.permitted = CAP_MASK_ALL,
	.bounding = CAP_MASK_ALL,
};

static size_t cred_bytes(uint32_t group_count)
{
	return sizeof(struct cred) + group_count * sizeof(uint32_t);
}

struct cred *cred_get(struct cred *cred)
{
	__atomic_add_fetch(&cred->references, 1, __ATOMIC_RELAXED);
	return cred;
}

void cred_put(struct cred *cred)
{
	/* Release and acquire: what other holders read comes before the free. */
	if (!cred || __atomic_sub_fetch(&cred->references, 1, __ATOMIC_ACQ_REL))
		return;
	user_put(cred->user);
	kmem_free(cred, cred_bytes(cred->group_count));
}

struct cred *cred_get_root(void)
{
	return cred_get(&cred_root);
}

struct cred *cred_copy(const struct cred *from, uint32_t group_count)
{
	struct cred *cred = kmem_alloc(cred_bytes(group_count));

	if (!cred)
		return NULL;
	memcpy(cred, from, sizeof(*cred));
	cred->references = 1;
	(void)user_get(cred->user);
	cred->group_count = group_count;
	if (group_count == from->group_count)
		memcpy(cred->groups, from->groups, group_count * sizeof(uint32_t));
	return cred;
}

int cred_set_uid(struct cred *cred, uint32_t uid)
{
	if (uid == cred->uid)
		return 0;
	struct user *user = user_find(uid);
	if (!user)
		return -EAGAIN;
	user_put(cred->user);
	cred->user = user;
	cred->uid = uid;
	return 0;
}

/*
 * The thread counts for another user. Too many there does not stop it: programs that do not look at
 * setuid's result would go on as root. The next execve fails, as on Linux: execve(2), EAGAIN.
 */
static void user_change_locked(struct thread *thread, struct user *from, struct user *to)
{
	uint64_t limit = thread->process->limits[RLIMIT_NPROC][0];

	thread->over_limit = to != &user_root && to->thread_count > limit;
	from->thread_count--;
	to->thread_count++;
}

struct cred *cred_replace_locked(struct cred *cred)
{
	struct thread *thread = thread_current();
	struct cred *old = thread->cred;

	thread->cred = cred;
	if (cred->user != old->user)
		user_change_locked(thread, old->user, cred->user);
	return old;
}

void cred_replace(struct cred *cred)
{
	spin_lock(&tree_lock);
	struct cred *old = cred_replace_locked(cred);
	spin_unlock(&tree_lock);
	cred_put(old);
}

const struct cred *cred_current(void)
{
	const struct cred *cred = thread_current()->cred;

	return cred ? cred : &cred_root;
}

bool cred_has(const struct cred *cred, unsigned capability)
{
	return cred->effective >> capability & 1;
}

bool cred_in_group(const struct cred *cred, uint32_t gid)
{
	uint32_t low = 0, high = cred->group_count;

	if (gid == cred->fsgid)
		return true;
	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (cred->groups[middle] == gid)
			return true;
		if (cred->groups[middle] < gid)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
