// SPDX-License-Identifier: MIT
/*
 * memfd_create(2): a tmpfs file with no name in any directory.
 *
 * Known gap: F_SEAL_WRITE does not look for writable shared mappings; Linux
 * answers EBUSY when there is one.
 */

#include "kernel/file/memfd.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/dentry.h"
#include "kernel/file/open.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/syscall.h"
#include "shm/shm.h"

static struct filesystem *memfd_filesystem;

int memfd_init(void)
{
	memfd_filesystem = tmpfs_create(0);
	return memfd_filesystem ? 0 : -ENOMEM;
}

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
	dentry_put(dentry);
	inode_put(inode);
	return err;
}

long sys_memfd_create(const uint64_t *argument)
{
	char name[NAME_BYTES_MAX + 1] = PREFIX;
	unsigned flags = (unsigned)argument[1];
	uint32_t mode = 0777, seals = F_SEAL_SEAL;
	struct file *file;

	if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC) ||
	    (flags & (MFD_NOEXEC_SEAL | MFD_EXEC)) == (MFD_NOEXEC_SEAL | MFD_EXEC))
		return -EINVAL; /* MFD_HUGETLB too: there are no huge pages */
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

long memfd_add_seals(struct file *file, uint32_t seals)
{
	struct inode *inode = file->inode;
	long result = 0;

	if (inode->filesystem != memfd_filesystem ||
	    seals & ~(uint32_t)(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE |
				F_SEAL_FUTURE_WRITE | F_SEAL_EXEC))
		return -EINVAL;
	if (!file_can_write(file))
		return -EPERM;
	mutex_lock(&inode->lock);
	if (inode->seals & F_SEAL_SEAL)
		result = -EPERM;
	else
		inode->seals |= seals;
	mutex_unlock(&inode->lock);
	return result;
}

int file_map_check(struct file *file, bool shared, unsigned protection, unsigned *protection_max)
{
	if (!shared || !(file->inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return 0;
	if (protection & SHM_WRITE)
		return -EPERM;
	*protection_max &= ~SHM_WRITE;
	return 0;
}

long memfd_seals(struct file *file)
{
	return file->inode->filesystem == memfd_filesystem ? (long)file->inode->seals : -EINVAL;
}
