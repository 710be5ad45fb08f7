// SPDX-License-Identifier: MIT
/*
 * memfd_create(2): a tmpfs file with no name in any directory. And seals, which
 * all tmpfs files have: one with a name is sealed against sealing.
 *
 * The inode's lock guards the seals. A mapping that may write is counted under
 * it before it is made, so that F_SEAL_WRITE and mmap cannot pass each other.
 */

#include "kernel/file/memfd.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "arch/arch.h"
#include "kernel/file/dentry.h"
#include "kernel/file/open.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"
#include "shm/shm.h"

static struct filesystem *memfd_filesystem;

int memfd_init(void)
{
	memfd_filesystem = tmpfs_create(0, 0);
	return memfd_filesystem ? 0 : -ENOMEM;
}

#define SEALS_ALL                                                                                  \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |          \
	 F_SEAL_EXEC)
#define PREFIX       "memfd:"
#define PREFIX_BYTES 6

static int memfd_make(const char *name, uint32_t mode, uint32_t seals, struct file **file)
{
	struct inode *inode;
	int err = tmpfs_inode_create(memfd_filesystem, S_IFREG | mode, 0, &inode);

	if (err)
		return err;
	inode->seals = seals;
	struct dentry *dentry = dentry_create(NULL, inode, name, strlen(name));
	err = dentry ? file_open_inode(inode, dentry, O_RDWR | O_LARGEFILE, file) : -ENOMEM;
	/* As on Linux the first descriptor does not make it busy: fexecve(3) runs what it wrote. */
	if (!err)
		inode->writers = (*file)->write_count = 0;
	dentry_put(dentry);
	inode_put(inode);
	return err;
}

long sys_memfd_create(const uint64_t *argument)
{
	char name[NAME_BYTES_MAX + 1];
	unsigned flags = (unsigned)argument[1];
	uint32_t mode = 0777, seals = F_SEAL_SEAL;
	struct file *file;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC) ||
	    (flags & (MFD_NOEXEC_SEAL | MFD_EXEC)) == (MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL; /* MFD_HUGETLB too: there are no huge pages */
	memcpy(name, PREFIX, PREFIX_BYTES);
	long length = copy_string_from_user(name + PREFIX_BYTES, argument[0],
					    sizeof(name) - PREFIX_BYTES);
	if (length < 0)
		return length == -ENAMETOOLONG ? -EINVAL : length;
	if (flags & MFD_ALLOW_SEALING)
		seals = 0;
	if (flags & MFD_NOEXEC_SEAL) {
		seals = F_SEAL_EXEC;
		mode = 0666;
	}
	int err = memfd_make(name, mode, seals, &file);
	if (err)
		return err;
	int fd = fd_install(file, 0, flags & MFD_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

static bool has_seals(const struct file *file)
{
	return file->inode->filesystem->magic == TMPFS_MAGIC && S_ISREG(file->inode->mode);
}

/* Inode lock held. 0, -EPERM, -EBUSY. */
static int seals_add(struct inode *inode, uint32_t seals)
{
	if (inode->seals & F_SEAL_SEAL)
		return -EPERM;
	/* What may be executed is never writable again. */
	if ((seals & F_SEAL_EXEC) && (inode->mode & 0111))
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	if ((seals & ~inode->seals & F_SEAL_WRITE) &&
	    __atomic_load_n(&inode->writable_maps, __ATOMIC_ACQUIRE))
		return -EBUSY;
	inode->seals |= seals;
	return 0;
}

long memfd_add_seals(struct file *file, uint32_t seals)
{
	if (!file_can_write(file))
		return -EPERM;
	if ((seals & ~(uint32_t)SEALS_ALL) || !has_seals(file))
		return -EINVAL;
	mutex_lock(&file->inode->lock);
	int err = seals_add(file->inode, seals);
	mutex_unlock(&file->inode->lock);
	return err;
}

int memfd_map_check(struct inode *inode, struct file_map *map)
{
	if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) {
		if (map->protection & SHM_WRITE)
			return -EPERM;
		map->protection_max &= ~SHM_WRITE;
	}
	return 0;
}

long memfd_seals(struct file *file)
{
	return has_seals(file) ? (long)file->inode->seals : -EINVAL;
}
