// SPDX-License-Identifier: MIT
/*
 * Changing credentials: setuid(2), setreuid(2), setresuid(2), setfsuid(2), the
 * same for groups, setgroups(2), capset(2). Each makes a new record and replaces
 * the running thread's; libc does it in every thread.
 */

#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define KEEP       UINT32_MAX /* -1: leave this id as it is */
#define GROUPS_MAX 65536

/* The capabilities that go with fsuid 0: capabilities(7). */
#define CAPS_FS                                                                                    \
	(1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << 2 | 1ull << CAP_FOWNER |           \
	 1ull << CAP_FSETID | 1ull << 9 | 1ull << 27 | 1ull << 32)

static struct cred *cred_change(void)
{
	const struct cred *old = cred_current();

	return cred_copy(old, old->group_count);
}

/* capabilities(7), "Effect of user ID changes on capabilities". */
static void uid_changed(struct cred *cred, const struct cred *old)
{
	bool was_root = old->uid == 0 || old->euid == 0 || old->suid == 0;
	bool is_root = cred->uid == 0 || cred->euid == 0 || cred->suid == 0;

	if (was_root && !is_root) {
		if (!thread_current()->keep_capabilities) {
			cred->permitted = 0;
			cred->effective = 0;
		}
		cred->ambient = 0;
	}
	if (old->euid == 0 && cred->euid != 0)
		cred->effective = 0;
	if (old->euid != 0 && cred->euid == 0)
		cred->effective = cred->permitted;
}

static void fsuid_changed(struct cred *cred, const struct cred *old)
{
	if (old->fsuid == 0 && cred->fsuid != 0)
		cred->effective &= ~CAPS_FS;
	if (old->fsuid != 0 && cred->fsuid == 0)
		cred->effective |= cred->permitted & CAPS_FS;
}

/* With this real id, or the one that it has. 0, -EAGAIN; `cred` is gone in any case. */
static long uid_commit(struct cred *cred, uint32_t uid)
{
	const struct cred *old = cred_current();
	int err = uid == KEEP ? 0 : cred_set_uid(cred, uid);

	if (err) {
		cred_put(cred);
		return err;
	}
	cred->fsuid = cred->euid;
	uid_changed(cred, old);
	if (cred->euid != old->euid || cred->egid != old->egid)
		process_current()->dumpable = false;
	cred_replace(cred);
	return 0;
}

static long gid_commit(struct cred *cred)
{
	cred->fsgid = cred->egid;
	if (cred->egid != cred_current()->egid)
		process_current()->dumpable = false;
	cred_replace(cred);
	return 0;
}

/* ---- users ---- */

long sys_setuid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t uid = (uint32_t)argument[0];
	bool privileged = cred_has(old, CAP_SETUID);

	if (uid == KEEP)
		return -EINVAL;
	if (!privileged && uid != old->uid && uid != old->suid)
		return -EPERM;
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	if (privileged)
		cred->suid = uid;
	cred->euid = uid;
	return uid_commit(cred, privileged ? uid : KEEP);
}

long sys_setreuid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t real = (uint32_t)argument[0], effective = (uint32_t)argument[1];

	if (!cred_has(old, CAP_SETUID)) {
		if (real != KEEP && real != old->uid && real != old->euid)
			return -EPERM;
		if (effective != KEEP && effective != old->uid && effective != old->euid &&
		    effective != old->suid)
			return -EPERM;
	}
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	if (effective != KEEP)
		cred->euid = effective;
	if (real != KEEP || (effective != KEEP && effective != old->uid))
		cred->suid = cred->euid;
	return uid_commit(cred, real);
}

static bool among(uint32_t id, uint32_t a, uint32_t b, uint32_t c)
{
	return id == KEEP || id == a || id == b || id == c;
}

long sys_setresuid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t ids[3] = {(uint32_t)argument[0], (uint32_t)argument[1], (uint32_t)argument[2]};

	for (unsigned i = 0; i < 3 && !cred_has(old, CAP_SETUID); i++)
		if (!among(ids[i], old->uid, old->euid, old->suid))
			return -EPERM;
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	cred->euid = ids[1] == KEEP ? cred->euid : ids[1];
	cred->suid = ids[2] == KEEP ? cred->suid : ids[2];
	return uid_commit(cred, ids[0]);
}

/* The old one is the result, whether it changed or not. */
long sys_setfsuid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t uid = (uint32_t)argument[0], was = old->fsuid;

	if (uid == was || uid == KEEP ||
	    (!cred_has(old, CAP_SETUID) && !among(uid, old->uid, old->euid, old->suid)))
		return was;
	struct cred *cred = cred_change();
	if (!cred)
		return was;
	cred->fsuid = uid;
	fsuid_changed(cred, old);
	cred_replace(cred);
	return was;
}

/* ---- groups ---- */

long sys_setgid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t gid = (uint32_t)argument[0];
	bool privileged = cred_has(old, CAP_SETGID);

	if (gid == KEEP)
		return -EINVAL;
	if (!privileged && gid != old->gid && gid != old->sgid)
		return -EPERM;
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	if (privileged)
		cred->gid = cred->sgid = gid;
	cred->egid = gid;
	return gid_commit(cred);
}

long sys_setregid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t real = (uint32_t)argument[0], effective = (uint32_t)argument[1];

	if (!cred_has(old, CAP_SETGID)) {
		if (real != KEEP && real != old->gid && real != old->egid)
			return -EPERM;
		if (effective != KEEP && effective != old->gid && effective != old->egid &&
		    effective != old->sgid)
			return -EPERM;
	}
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	if (real != KEEP)
		cred->gid = real;
	if (effective != KEEP)
		cred->egid = effective;
	if (real != KEEP || (effective != KEEP && effective != old->gid))
		cred->sgid = cred->egid;
	return gid_commit(cred);
}

long sys_setresgid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t ids[3] = {(uint32_t)argument[0], (uint32_t)argument[1], (uint32_t)argument[2]};

	for (unsigned i = 0; i < 3 && !cred_has(old, CAP_SETGID); i++)
		if (!among(ids[i], old->gid, old->egid, old->sgid))
			return -EPERM;
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	cred->gid = ids[0] == KEEP ? cred->gid : ids[0];
	cred->egid = ids[1] == KEEP ? cred->egid : ids[1];
	cred->sgid = ids[2] == KEEP ? cred->sgid : ids[2];
	return gid_commit(cred);
}

long sys_setfsgid(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	uint32_t gid = (uint32_t)argument[0], was = old->fsgid;

	if (gid == was || gid == KEEP ||
	    (!cred_has(old, CAP_SETGID) && !among(gid, old->gid, old->egid, old->sgid)))
		return was;
	struct cred *cred = cred_change();
	if (!cred)
		return was;
	cred->fsgid = gid;
	cred_replace(cred);
	return was;
}

/* Heap sort: in place, and no list of groups makes it slow. */
static void sift_down(uint32_t *ids, uint32_t at, uint32_t count)
{
	for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
		if (child + 1 < count && ids[child + 1] > ids[child])
			child++;
		if (ids[at] >= ids[child])
			return;
		uint32_t id = ids[at];
		ids[at] = ids[child];
		ids[child] = id;
		at = child;
	}
}

static void sort(uint32_t *ids, uint32_t count)
{
	for (uint32_t i = count / 2; i-- > 0;)
		sift_down(ids, i, count);
	for (uint32_t last = count; last-- > 1;) {
		uint32_t id = ids[0];
		ids[0] = ids[last];
		ids[last] = id;
		sift_down(ids, 0, last);
	}
}

long sys_setgroups(const uint64_t *argument)
{
	uint32_t count = (uint32_t)argument[0];

	if (!cred_has(cred_current(), CAP_SETGID))
		return -EPERM;
	if (count > GROUPS_MAX)
		return -EINVAL;
	struct cred *cred = cred_copy(cred_current(), count);
	if (!cred)
		return -ENOMEM;
	if (count && copy_from_user(cred->groups, argument[1], count * sizeof(uint32_t))) {
		cred_put(cred);
		return -EFAULT;
	}
	sort(cred->groups, count);
	cred_replace(cred);
	return 0;
}

/* ---- capabilities ---- */

#define CAPABILITY_VERSION_1 0x19980330u /* 32 bits each */
#define CAPABILITY_VERSION_2 0x20071026u /* 64 bits, as version 3 */
#define CAPABILITY_VERSION_3 0x20080522u

struct abi_capability_header {
	uint32_t version;
	int32_t pid;
};

struct abi_capability_data {
	uint32_t effective, permitted, inheritable;
};

/* How many of the data records the version has; a version that nobody knows is answered by ours. */
static int header_read(uint64_t from, struct abi_capability_header *header, unsigned *records)
{
	if (copy_from_user(header, from, sizeof(*header)))
		return -EFAULT;
	*records = 2;
	if (header->version == CAPABILITY_VERSION_1)
		*records = 1;
	if (header->version == CAPABILITY_VERSION_1 || header->version == CAPABILITY_VERSION_2 ||
	    header->version == CAPABILITY_VERSION_3)
		return 0;
	header->version = CAPABILITY_VERSION_3;
	return copy_to_user(from, header, sizeof(*header)) ? -EFAULT : -EINVAL;
}

long sys_capget(const uint64_t *argument)
{
	struct abi_capability_header header;
	struct abi_capability_data data[2];
	unsigned records;
	int err = header_read(argument[0], &header, &records);

	if (err)
		return err == -EINVAL && !argument[1] ? 0 : err;
	if (header.pid < 0)
		return -EINVAL;
	struct process *process =
		header.pid ? process_find(header.pid) : process_get(process_current());
	if (!process)
		return -ESRCH;
	struct cred *cred =
		header.pid ? process_cred_get(process) : cred_get(thread_current()->cred);
	process_put(process);
	for (unsigned i = 0; i < 2; i++)
		data[i] = (struct abi_capability_data){
			(uint32_t)(cred->effective >> 32 * i),
			(uint32_t)(cred->permitted >> 32 * i),
			(uint32_t)(cred->inheritable >> 32 * i),
		};
	cred_put(cred);
	return argument[1] ? copy_to_user(argument[1], data, records * sizeof(data[0])) : 0;
}

static uint64_t wide(uint32_t low, uint32_t high)
{
	return (low | (uint64_t)high << 32) & CAP_MASK_ALL;
}

long sys_capset(const uint64_t *argument)
{
	const struct cred *old = cred_current();
	struct abi_capability_header header;
	struct abi_capability_data data[2] = {{0, 0, 0}, {0, 0, 0}};
	unsigned records;
	int err = header_read(argument[0], &header, &records);

	if (err)
		return err;
	if (header.pid && header.pid != thread_current()->tid)
		return -EPERM;
	if (copy_from_user(data, argument[1], records * sizeof(data[0])))
		return -EFAULT;
	uint64_t effective = wide(data[0].effective, data[1].effective);
	uint64_t permitted = wide(data[0].permitted, data[1].permitted);
	uint64_t inheritable = wide(data[0].inheritable, data[1].inheritable);
	if (permitted & ~old->permitted || effective & ~permitted)
		return -EPERM;
	if (inheritable & ~(old->inheritable | old->permitted) && !cred_has(old, CAP_SETPCAP))
		return -EPERM;
	if (inheritable & ~(old->inheritable | old->bounding))
		return -EPERM;
	struct cred *cred = cred_change();
	if (!cred)
		return -ENOMEM;
	cred->effective = effective;
	cred->permitted = permitted;
	cred->inheritable = inheritable;
	cred->ambient &= permitted & inheritable;
	cred_replace(cred);
	return 0;
}
