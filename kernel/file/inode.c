// SPDX-License-Identifier: MIT
/*
 * Inodes: life, permission, times, struct stat. What an inode holds is the
 * business of its operations (tmpfs.c, pipe.c, proc*.c).
 */

#include "kernel/file/inode.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "arch/arch.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "shm/shm.h"

#define CAP_DAC_READ_SEARCH 2
#define ENTRY_BYTES         20

/* ---- file systems ---- */

/* Anonymous device numbers 0:N; 0:1 is what Linux calls its internal shared memory. */
static uint32_t next_device = 1;

struct filesystem *filesystem_create(const char *type, int64_t magic, bool changeable)
{
	struct filesystem *filesystem = kmem_zalloc(sizeof(*filesystem));

	if (!filesystem)
		return NULL;
	filesystem->type = type;
	filesystem->magic = magic;
	filesystem->changeable = changeable;
	filesystem->references = 1;
	filesystem->device = abi_device(0, __atomic_fetch_add(&next_device, 1, __ATOMIC_RELAXED));
	return filesystem;
}

void filesystem_put(struct filesystem *filesystem)
{
	if (__atomic_sub_fetch(&filesystem->references, 1, __ATOMIC_ACQ_REL))
		return;
	kmem_free(filesystem, sizeof(*filesystem));
}

/* ---- life ---- */

struct inode *inode_create(struct filesystem *filesystem, const struct inode_operations *operations,
			   uint32_t mode)
{
	struct inode *inode = kmem_zalloc(sizeof(*inode));
	struct access access;

	if (!inode)
		return NULL;
	access_current(&access);
	inode->operations = operations;
	inode->filesystem = filesystem;
	__atomic_fetch_add(&filesystem->references, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&filesystem->inode_count, 1, __ATOMIC_RELAXED);
	inode->number = __atomic_add_fetch(&filesystem->next_number, 1, __ATOMIC_RELAXED);
	inode->references = 1;
	inode->mode = mode;
	inode->uid = access.uid;
	inode->gid = access.gid;
	inode->birth_ns = inode_now_ns();
	inode->atime_ns = inode->mtime_ns = inode->ctime_ns = inode->birth_ns;
	mutex_init(&inode->lock, RANK_INODE);
	if (S_ISDIR(mode) && filesystem->changeable)
		inode->size_bytes = 2 * ENTRY_BYTES; /* "." and ".." */
	return inode;
}

void inode_link_add(struct inode *inode)
{
	if (inode->links++)
		__atomic_fetch_add(&inode->filesystem->inode_count, 1, __ATOMIC_RELAXED);
}

void inode_link_drop(struct inode *inode)
{
	if (--inode->links)
		__atomic_fetch_sub(&inode->filesystem->inode_count, 1, __ATOMIC_RELAXED);
}

void inode_entries_add(struct inode *directory, int change)
{
	uint64_t size = directory->size_bytes + (uint64_t)(change * ENTRY_BYTES);

	__atomic_store_n(&directory->size_bytes, size, __ATOMIC_RELAXED);
}

void inode_get(struct inode *inode)
{
	__atomic_fetch_add(&inode->references, 1, __ATOMIC_RELAXED);
}

void inode_put(struct inode *inode)
{
	if (!inode || __atomic_sub_fetch(&inode->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (inode->operations->destroy)
		inode->operations->destroy(inode);
	__atomic_fetch_sub(&inode->filesystem->inode_count, 1, __ATOMIC_RELAXED);
	filesystem_put(inode->filesystem);
	kmem_free(inode, sizeof(*inode));
}

/* ---- times ---- */

int64_t inode_now_ns(void)
{
	return (int64_t)(time_wall_offset_ns() + clock_now_ns());
}

#define DAY_NS (24ll * 3600 * 1000000000)

/* mount(8) relatime: only when it would be news, so that reading does not write all the time. */
void inode_touch_access(struct inode *inode)
{
	if (inode->atime_ns > inode->mtime_ns && inode->atime_ns > inode->ctime_ns &&
	    inode_now_ns() - inode->atime_ns < DAY_NS)
		return;
	inode->atime_ns = inode_now_ns();
}

void inode_touch_change(struct inode *inode)
{
	inode->ctime_ns = inode_now_ns();
}

void inode_touch_modify(struct inode *inode)
{
	inode->mtime_ns = inode->ctime_ns = inode_now_ns();
}

/* ---- permission ---- */

static const struct cred *cred_running(void)
{
	struct thread *thread = thread_current();

	return thread ? thread->cred : NULL; /* NULL: the kernel itself, at boot */
}

static void access_fill(struct access *access, uint32_t uid, uint32_t gid, uint64_t capabilities)
{
	access->uid = uid;
	access->gid = gid;
	access->override = capabilities >> CAP_DAC_OVERRIDE & 1;
	access->read_search = capabilities >> CAP_DAC_READ_SEARCH & 1;
	access->owner = capabilities >> CAP_FOWNER & 1;
	access->restore =
		(capabilities >> CAP_CHECKPOINT_RESTORE | capabilities >> CAP_SYS_ADMIN) & 1;
}

void access_current(struct access *access)
{
	const struct cred *cred = cred_running();

	access->cred = cred;
	if (cred)
		access_fill(access, cred->fsuid, cred->fsgid, cred->effective);
	else
		access_fill(access, 0, 0, CAP_MASK_ALL);
}

void access_real(struct access *access)
{
	const struct cred *cred = cred_running();

	access->cred = cred;
	if (!cred)
		access_fill(access, 0, 0, CAP_MASK_ALL);
	else
		access_fill(access, cred->uid, cred->gid, cred->uid ? 0 : cred->permitted);
}

static bool access_in_group(const struct access *access, uint32_t gid)
{
	if (access->gid == gid)
		return true;
	for (uint32_t i = 0; access->cred && i < access->cred->group_count; i++)
		if (access->cred->groups[i] == gid)
			return true;
	return false;
}

int inode_permission(struct inode *inode, const struct access *access, unsigned mask)
{
	uint32_t mode = inode->mode;
	unsigned granted;

	if ((mask & ACCESS_WRITE) && inode_has_mount_flag(inode, MS_RDONLY) &&
	    (S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode)))
		return -EROFS;
	if (access->uid == inode->uid)
		granted = mode >> 6;
	else if (access_in_group(access, inode->gid))
		granted = mode >> 3;
	else
		granted = mode;
	if ((mask & ~granted & 7) == 0)
		return 0;
	/* The first class that matches decides; only capabilities override. */
	if (inode->operations && inode->operations->beyond_mode) {
		int decided = inode->operations->beyond_mode(inode, access, mask);
		if (decided <= 0)
			return decided;
	}
	if (access->override && (S_ISDIR(mode) || !(mask & ACCESS_EXECUTE) || (mode & 0111)))
		return 0;
	if (access->read_search &&
	    (mask == ACCESS_READ || (S_ISDIR(mode) && !(mask & ACCESS_WRITE))))
		return 0;
	return -EACCES;
}

bool inode_is_owner(struct inode *inode, const struct access *access)
{
	return access->uid == inode->uid || access->owner;
}

int inode_may_delete(struct inode *directory, struct inode *victim, const struct access *access)
{
	int err = inode_permission(directory, access, ACCESS_WRITE | ACCESS_EXECUTE);

	if (err)
		return err;
	if ((directory->mode & S_ISVTX) && access->uid != victim->uid &&
	    access->uid != directory->uid && !access->owner)
		return -EPERM;
	return 0;
}

void inode_drop_setid(struct inode *inode)
{
	const struct cred *cred = cred_running();
	uint32_t mode = inode->mode;

	if (!S_ISREG(mode) || !(mode & (S_ISUID | S_ISGID)))
		return;
	if (!cred || cred_has(cred, CAP_FSETID))
		return;
	mode &= ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~(uint32_t)S_ISGID;
	inode->mode = mode;
}

void inode_inherit_group(struct inode *inode, const struct inode *directory)
{
	const struct cred *cred = cred_running();

	if (!(directory->mode & S_ISGID))
		return;
	inode->gid = directory->gid;
	if (S_ISDIR(inode->mode))
		inode->mode |= S_ISGID;
	else if (cred && (inode->mode & S_IXGRP) && !cred_in_group(cred, inode->gid) &&
		 !cred_has(cred, CAP_FSETID))
		inode->mode &=
			~(uint32_t)S_ISGID; /* a program would run as of a group one is not in */
}

/* ---- struct stat ---- */

uint64_t inode_blocks(struct inode *inode)
{
	if (!inode->filesystem->changeable)
		return 0;
	if (S_ISLNK(inode->mode))
		return inode_text_is_long(inode) ? SHM_PAGE_BYTES / 512 : 0;
	if (!S_ISREG(inode->mode))
		return 0;
	/* Objects may come into being meanwhile, but go only with the inode. */
	struct shm_object *object = __atomic_load_n(&inode->object, __ATOMIC_ACQUIRE);
	struct shm_object *kept = __atomic_load_n(&inode->kept, __ATOMIC_ACQUIRE);
	uint64_t pages = object ? shm_object_resident_pages(object) : 0;

	if (kept)
		pages += shm_object_resident_pages(kept);
	return pages * (SHM_PAGE_BYTES / 512);
}

#define SECOND_NS 1000000000ll

static int64_t whole_seconds(int64_t ns)
{
	return ns >= 0 ? ns / SECOND_NS : -((-ns + SECOND_NS - 1) / SECOND_NS);
}

static int64_t rest_ns(int64_t ns)
{
	return ns - whole_seconds(ns) * SECOND_NS;
}

void inode_stat(struct inode *inode, struct abi_stat *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->st_dev = inode->filesystem->device;
	stat->st_ino = inode->number;
	stat->st_nlink = inode->links;
	stat->st_mode = inode->mode;
	stat->st_uid = inode->uid;
	stat->st_gid = inode->gid;
	stat->st_rdev = inode->device;
	stat->st_size = (int64_t)inode->size_bytes;
	stat->st_blksize = 4096;
	stat->st_blocks = (int64_t)inode_blocks(inode);
	stat->st_atime_sec = whole_seconds(inode->atime_ns);
	stat->st_atime_nsec = rest_ns(inode->atime_ns);
	stat->st_mtime_sec = whole_seconds(inode->mtime_ns);
	stat->st_mtime_nsec = rest_ns(inode->mtime_ns);
	stat->st_ctime_sec = whole_seconds(inode->ctime_ns);
	stat->st_ctime_nsec = rest_ns(inode->ctime_ns);
}

static struct abi_statx_timestamp timestamp(int64_t ns)
{
	return (struct abi_statx_timestamp){whole_seconds(ns), (uint32_t)rest_ns(ns), 0};
}

void inode_statx(struct inode *inode, struct abi_statx *stat)
{
	memset(stat, 0, sizeof(*stat));
	stat->stx_mask = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;
	stat->stx_attributes_mask = STATX_ATTR_AUTOMOUNT | STATX_ATTR_MOUNT_ROOT | STATX_ATTR_DAX;
	stat->stx_mnt_id = (uint64_t)inode->filesystem->mount_id;
	stat->stx_blksize = 4096;
	stat->stx_nlink = inode->links;
	stat->stx_uid = inode->uid;
	stat->stx_gid = inode->gid;
	stat->stx_mode = (uint16_t)inode->mode;
	stat->stx_ino = inode->number;
	stat->stx_size = inode->size_bytes;
	stat->stx_blocks = inode_blocks(inode);
	stat->stx_atime = timestamp(inode->atime_ns);
	stat->stx_btime = timestamp(inode->birth_ns);
	stat->stx_ctime = timestamp(inode->ctime_ns);
	stat->stx_mtime = timestamp(inode->mtime_ns);
	stat->stx_rdev_major = abi_device_major(inode->device);
	stat->stx_rdev_minor = abi_device_minor(inode->device);
	stat->stx_dev_major = abi_device_major(inode->filesystem->device);
	stat->stx_dev_minor = abi_device_minor(inode->filesystem->device);
}
