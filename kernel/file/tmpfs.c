// SPDX-License-Identifier: MIT
/*
 * tmpfs: files whose data is a shared-memory object, so that mmap of a file,
 * /dev/shm, memfd and program text are what shm is for. Directories are the
 * tree of dentries itself (dentry.c).
 *
 * The object has exactly the pages that the size in bytes needs, so that an
 * access past the end is SIGBUS; the bytes after the end in the last page are
 * zero. The object is made at the first write or mapping.
 *
 * Locks: writes, resizes and making the object hold the inode's lock; reads
 * hold none: they pin a page, copy and unpin. A read beside a shrink may see
 * either. The object counts its pages against the file system's limit.
 *
 * Pages past the end, which fallocate(2) makes with KEEP_SIZE, are kept in an
 * object of their own that nobody maps, and move over when the file grows.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "abi/uio.h"
#include "arch/arch.h"
#include "kernel/file/dentry.h"
#include "kernel/file/memfd.h"
#include "kernel/file/open.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "shm/shm.h"

#define FILE_BYTES_MAX ((uint64_t)INT64_MAX)
#define WRITE_STEP     (1u << 20) /* a file grows by as much at once */

static uint64_t pages_of(uint64_t size_bytes)
{
	return (size_bytes + PAGE_BYTES - 1) >> PAGE_SHIFT;
}

/* Is there room for `pages` more? */
static bool has_room(struct inode *inode, uint64_t pages)
{
	const struct shm_quota *quota = &inode->filesystem->quota;

	return !quota->max_pages ||
	       __atomic_load_n(&quota->used_pages, __ATOMIC_RELAXED) + pages <= quota->max_pages;
}

static int object_make(struct inode *inode, uint64_t pages, struct shm_object **made)
{
	struct shm_object *object;
	int err = shm_object_create(&shm_instance, pages, SHM_OBJECT_NORESERVE, &object);

	if (err)
		return err;
	shm_object_set_quota(object, &inode->filesystem->quota);
	/* Release: who reads the pointer without the lock sees a whole object. */
	__atomic_store_n(made, object, __ATOMIC_RELEASE);
	return 0;
}

/* The object, of as many pages as the size has. Inode lock held. */
static int object_need(struct inode *inode)
{
	return inode->object ? 0 : object_make(inode, pages_of(inode->size_bytes), &inode->object);
}

/* ---- pages kept past the end; inode lock held ---- */

/* What is kept of pages [first, end), by now below the end of the object, moves there. */
static void kept_move(struct inode *inode, uint64_t first, uint64_t end)
{
	if (!inode->kept || first >= end)
		return;
	shm_object_move_pages(inode->kept, inode->object, first, end);
	shm_object_punch(inode->kept, first, end - first); /* the tables that are empty now */
}

/* Give back what is kept of pages [first, end). */
static void kept_drop(struct inode *inode, uint64_t first, uint64_t end)
{
	if (inode->kept && first < end)
		shm_object_punch(inode->kept, first, end - first);
}

/* Keep pages [first, end), which lie past the end. 0; -ENOMEM, -ENOSPC. */
static int kept_make(struct inode *inode, uint64_t first, uint64_t end)
{
	int err = 0;

	if (!inode->kept)
		err = object_make(inode, end, &inode->kept);
	else if (end > shm_object_size_pages(inode->kept))
		err = shm_object_resize(inode->kept, end);
	return err ? err : shm_object_preallocate(inode->kept, first, end - first);
}

static struct shm_object *object_seen(struct inode *inode)
{
	return __atomic_load_n(&inode->object, __ATOMIC_ACQUIRE);
}

/* ---- reading ---- */

static long tmpfs_read(struct file *file, struct io *io, uint64_t *position)
{
	struct inode *inode = file->inode;
	struct shm_object *object = object_seen(inode);
	long done = 0;
	int err = 0;

	while (io->left_bytes) {
		uint64_t size = __atomic_load_n(&inode->size_bytes, __ATOMIC_RELAXED);
		uint64_t offset = *position & (PAGE_BYTES - 1), chunk = PAGE_BYTES - offset;
		uint64_t frame = 0;

		if (*position >= size)
			break;
		if (chunk > size - *position)
			chunk = size - *position;
		if (chunk > io->left_bytes)
			chunk = io->left_bytes;
		err = object ? shm_object_page_pin(object, *position >> PAGE_SHIFT, false, &frame)
			     : -ENODATA;
		if (err == -EFBIG) /* shrunk meanwhile */
			break;
		if (err && err != -ENODATA)
			return done ? done : err;
		size_t moved;
		if (err) {
			moved = io_clear(io, chunk);
		} else {
			moved = io_copy_to(io, (uint8_t *)phys_to_virt(frame) + offset, chunk);
			shm_object_page_unpin(object, frame);
		}
		*position += moved;
		done += (long)moved;
		if (moved < chunk)
			return done ? done : -EFAULT;
		schedule_point();
	}
	inode_touch_access(inode);
	return done;
}

/* ---- writing ---- */

/* One page's worth, the object being large enough. Bytes, or a negative errno. */
static long write_chunk(struct inode *inode, struct io *io, uint64_t position, uint64_t chunk)
{
	uint64_t index = position >> PAGE_SHIFT, frame;

	if (position + chunk > inode->size_bytes && (inode->seals & F_SEAL_GROW))
		return -EPERM;
	if (index >= pages_of(inode->size_bytes))
		kept_move(inode, index, index + 1);
	int err = shm_object_page_pin(inode->object, index, true, &frame);
	if (err)
		return err;
	uint8_t *data = phys_to_virt(frame);
	size_t moved = io_copy_from(io, data + (position & (PAGE_BYTES - 1)), chunk);
	shm_object_page_unpin(inode->object, frame);
	return moved ? (long)moved : -EFAULT;
}

/* The object ends where the file does. */
static void object_shrink(struct inode *inode)
{
	(void)shm_object_resize(inode->object, pages_of(inode->size_bytes));
	space_drop_copies(inode->object);
}

/*
 * Make room for what will be written at the position, up to *size_bytes, which becomes less where not all of it
 * can be read: those who have the file mapped see how long it is. 0; -EFAULT, -ENOMEM.
 */
static int write_grow(struct inode *inode, const struct io *io, uint64_t position,
		      uint64_t *size_bytes)
{
	*size_bytes = io_readable(io, *size_bytes);
	if (!*size_bytes)
		return -EFAULT;
	uint64_t pages = pages_of(position + *size_bytes);

	return pages > shm_object_size_pages(inode->object)
		       ? shm_object_resize(inode->object, pages)
		       : 0;
}

/* Bytes, at least one; or why not. */
static long write_step(struct inode *inode, struct io *io, uint64_t position, uint64_t size_bytes)
{
	long done = 0, result = 0;

	while (size_bytes) {
		uint64_t chunk = PAGE_BYTES - (position & (PAGE_BYTES - 1));

		if (chunk > size_bytes)
			chunk = size_bytes;
		result = write_chunk(inode, io, position, chunk);
		if (result < 0)
			break;
		position += (uint64_t)result;
		size_bytes -= (uint64_t)result;
		done += result;
		if (position > inode->size_bytes)
			__atomic_store_n(&inode->size_bytes, position, __ATOMIC_RELAXED);
		schedule_point();
	}
	return done ? done : result;
}

static long write_locked(struct inode *inode, struct io *io, uint64_t position)
{
	uint64_t size = inode->size_bytes, end = position + io->left_bytes;
	long done = 0, result = 0;

	if (position >= FILE_BYTES_MAX || end > FILE_BYTES_MAX || end < position)
		return -EFBIG;
	if (size_limit_check(position, &end))
		return -EFBIG;
	if (inode->seals &
	    (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) /* the limit is told first: observed */
		return -EPERM;
	io->left_bytes = end - position;
	int err = object_need(inode);
	if (err)
		return err;
	while (io->left_bytes && result >= 0) {
		uint64_t step = io->left_bytes < WRITE_STEP ? io->left_bytes : WRITE_STEP;

		if (pages_of(position + step) > pages_of(inode->size_bytes) &&
		    !(inode->seals & F_SEAL_GROW))
			result = write_grow(inode, io, position, &step);
		if (result >= 0)
			result = write_step(inode, io, position, step);
		if (result > 0) {
			position += (uint64_t)result;
			done += result;
		}
	}
	kept_move(inode, pages_of(size), pages_of(inode->size_bytes));
	if (pages_of(inode->size_bytes) < shm_object_size_pages(inode->object)) /* it fell short */
		object_shrink(inode);
	return done ? done : result;
}

/* Does this call write at the end? What it asks for itself goes before the file's own flag. */
static bool appends(const struct file *file, const struct io *io)
{
	return io->flags & RWF_APPEND || (file->flags & O_APPEND && !(io->flags & RWF_NOAPPEND));
}

static long tmpfs_write(struct file *file, struct io *io, uint64_t *position)
{
	struct inode *inode = file->inode;

	if (!io->left_bytes)
		return 0;
	mutex_lock(&inode->lock);
	uint64_t start = appends(file, io) ? inode->size_bytes : *position;
	long done = write_locked(inode, io, start);
	if (done > 0) {
		*position = start + (uint64_t)done;
		inode_drop_setid(inode);
		inode_touch_modify(inode);
	}
	mutex_unlock(&inode->lock);
	return done;
}

/* ---- size, holes ---- */

/* Zeros into [start, end) of one page, if it is there. */
static void page_wipe(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t frame;

	if (start >= end || shm_object_page_pin(inode->object, start >> PAGE_SHIFT, false, &frame))
		return;
	memset((uint8_t *)phys_to_virt(frame) + (start & (PAGE_BYTES - 1)), 0, end - start);
	shm_object_page_unpin(inode->object, frame);
}

/* Whatever its seals say. Becoming smaller cannot fail. Inode lock held. */
static int size_set(struct inode *inode, uint64_t size_bytes)
{
	uint64_t old = inode->size_bytes;
	int err = 0;

	if (size_bytes <= old)
		kept_drop(inode, 0, UINT64_MAX);
	if (inode->object && pages_of(size_bytes) > pages_of(old)) {
		err = shm_object_resize(inode->object, pages_of(size_bytes));
		if (!err)
			kept_move(inode, pages_of(old), pages_of(size_bytes));
	}
	if (err)
		return err;
	__atomic_store_n(&inode->size_bytes, size_bytes, __ATOMIC_RELAXED);
	if (inode->object && size_bytes < old) {
		if (pages_of(size_bytes) < pages_of(old))
			object_shrink(inode);
		if (size_bytes & (PAGE_BYTES - 1)) {
			uint64_t end = pages_of(size_bytes) << PAGE_SHIFT;
			page_wipe(inode, size_bytes, end);
		}
	}
	return 0;
}

static int tmpfs_resize(struct inode *inode, uint64_t size_bytes)
{
	uint64_t old = inode->size_bytes;

	if (size_bytes > FILE_BYTES_MAX)
		return -EFBIG;
	if ((size_bytes < old && (inode->seals & F_SEAL_SHRINK)) ||
	    (size_bytes > old && (inode->seals & F_SEAL_GROW)))
		return -EPERM;
	int err = size_set(inode, size_bytes);
	if (!err)
		inode_touch_modify(inode);
	return err;
}

int inode_resize(struct inode *inode, uint64_t size_bytes)
{
	if (S_ISDIR(inode->mode))
		return -EISDIR;
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	if (!inode->operations->resize)
		return 0; /* /proc: any size will do, and it stays 0 */
	mutex_lock(&inode->lock);
	int err = inode->operations->resize(inode, size_bytes);
	if (!err)
		inode_drop_setid(inode);
	mutex_unlock(&inode->lock);
	return err;
}

static void punch_locked(struct inode *inode, uint64_t start, uint64_t end)
{
	uint64_t limit = pages_of(inode->size_bytes) << PAGE_SHIFT;

	kept_drop(inode, pages_of(start), end >> PAGE_SHIFT);
	if (!inode->object || start >= limit)
		return;
	if (end > limit)
		end = limit;
	uint64_t first = pages_of(start), last = end >> PAGE_SHIFT;
	if (first > last) { /* within one page */
		page_wipe(inode, start, end);
		return;
	}
	page_wipe(inode, start, first << PAGE_SHIFT);
	if (last > first)
		shm_object_punch(inode->object, first, last - first);
	page_wipe(inode, last << PAGE_SHIFT, end);
}

/* Is there memory for the pages [first, end), those that are there or kept aside? */
static bool room_for(struct inode *inode, uint64_t first, uint64_t end)
{
	/* Before all memory is taken for nothing, and before counting for ever. */
	uint64_t most = inode->filesystem->quota.max_pages, count = end - first;

	if (!most)
		most = frame_free_estimate() + inode_blocks(inode) / (PAGE_BYTES / 512);
	if (count > most)
		return false;
	uint64_t absent = shm_object_absent_pages(inode->object, first, count);
	if (inode->kept)
		absent -= count - shm_object_absent_pages(inode->kept, first, count);
	return has_room(inode, absent);
}

static int allocate_locked(struct inode *inode, unsigned mode, uint64_t offset, uint64_t end)
{
	uint64_t first = offset >> PAGE_SHIFT, last = pages_of(end), size = inode->size_bytes;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE))
			return -EPERM;
		punch_locked(inode, offset, end);
		return 0;
	}
	if (end > size && (inode->seals & F_SEAL_GROW))
		return -EPERM;
	int err = object_need(inode);
	if (!err && !room_for(inode, first, last))
		err = -ENOSPC;
	if (!err && end > size && !(mode & FALLOC_FL_KEEP_SIZE))
		err = size_set(inode, end);
	if (err)
		return err;
	uint64_t within = pages_of(inode->size_bytes);
	if (within > last)
		within = last;
	if (first < within)
		err = shm_object_preallocate(inode->object, first, within - first);
	if (!err && within < last) {
		uint64_t past = first > within ? first : within;
		err = kept_make(inode, past, last);
		if (err)
			kept_drop(inode, past, last);
	}
	if (err && inode->size_bytes != size)
		(void)size_set(inode, size);
	return err;
}

int tmpfs_allocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t length)
{
	if (offset + length > FILE_BYTES_MAX)
		return -EFBIG;
	mutex_lock(&inode->lock);
	int err = allocate_locked(inode, mode, offset, offset + length);
	if (!err) {
		inode_drop_setid(inode);
		inode_touch_modify(inode);
	}
	mutex_unlock(&inode->lock);
	return err;
}

int64_t tmpfs_seek(struct inode *inode, uint64_t offset, bool data)
{
	struct shm_object *object = object_seen(inode);
	uint64_t size = __atomic_load_n(&inode->size_bytes, __ATOMIC_RELAXED);
	uint64_t index = offset >> PAGE_SHIFT, next = index;

	if (offset >= size)
		return -ENXIO;
	if (object)
		next = shm_object_seek(object, index, data);
	else if (data)
		next = UINT64_MAX;
	if (next >= pages_of(size)) /* there is a hole after the end */
		return data ? -ENXIO : (int64_t)size;
	return (int64_t)(next == index ? offset : next << PAGE_SHIFT);
}

/* ---- mapping, end ---- */

static int tmpfs_object(struct file *file, struct file_map *map, struct shm_object **object)
{
	struct inode *inode = file->inode;

	mutex_lock(&inode->lock);
	int err = map ? memfd_map_check(inode, map) : 0;
	if (!err)
		err = object_need(inode);
	if (!err && map && (map->protection_max & SHM_WRITE))
		file_maps_add(file, 1);
	mutex_unlock(&inode->lock);
	if (err)
		return err;
	shm_object_get(inode->object);
	*object = inode->object;
	return 0;
}

static void tmpfs_file_destroy(struct inode *inode)
{
	struct shm_object *object = inode->object;

	if (inode->kept)
		shm_object_put(inode->kept);
	if (!object)
		return;
	inode->object = NULL;
	shm_object_put(object);
}

/* One page more of the file system's; false: it has none left. */
static bool page_take(struct filesystem *filesystem)
{
	struct shm_quota *quota = &filesystem->quota;
	uint64_t used = __atomic_add_fetch(&quota->used_pages, 1, __ATOMIC_RELAXED);

	if (!quota->max_pages || used <= quota->max_pages)
		return true;
	__atomic_fetch_sub(&quota->used_pages, 1, __ATOMIC_RELAXED);
	return false;
}

static void page_give_back(struct filesystem *filesystem)
{
	__atomic_fetch_sub(&filesystem->quota.used_pages, 1, __ATOMIC_RELAXED);
}

static void tmpfs_link_destroy(struct inode *inode)
{
	if (inode_text_is_long(inode))
		page_give_back(inode->filesystem);
	kmem_free((void *)(uintptr_t)inode->link_text, inode->size_bytes + 1);
}

static const struct file_operations tmpfs_files = {
	.read = tmpfs_read,
	.write = tmpfs_write,
	.object = tmpfs_object,
	.seeks = true,
};

const struct inode_operations tmpfs_file_operations_inode = {
	.files = &tmpfs_files,
	.resize = tmpfs_resize,
	.destroy = tmpfs_file_destroy,
};
static const struct inode_operations tmpfs_link_operations = {.destroy = tmpfs_link_destroy};
static const struct inode_operations tmpfs_directory_operations = {0};
static const struct inode_operations tmpfs_device_operations = {.open = device_open};
static const struct inode_operations tmpfs_fifo_operations = {
	.open = pipe_fifo_open,
	.destroy = pipe_destroy,
};

static const struct inode_operations *operations_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return &tmpfs_file_operations_inode;
	case S_IFDIR:
		return &tmpfs_directory_operations;
	case S_IFIFO:
		return &tmpfs_fifo_operations;
	default:
		return &tmpfs_device_operations;
	}
}

int tmpfs_inode_create(struct filesystem *filesystem, uint32_t mode, uint64_t device,
		       struct inode **inode)
{
	if (filesystem_is_full(filesystem))
		return -ENOSPC;
	*inode = inode_create(filesystem, operations_of(mode), mode);
	if (!*inode)
		return -ENOMEM;
	(*inode)->device = device;
	(*inode)->seals = F_SEAL_SEAL; /* memfd_create may allow them */
	return 0;
}

int tmpfs_symlink_create(struct filesystem *filesystem, const char *text, struct inode **inode)
{
	size_t length = strlen(text);
	bool is_long = length + 1 > LINK_TEXT_SHORT;

	if (filesystem_is_full(filesystem) || (is_long && !page_take(filesystem)))
		return -ENOSPC;
	char *copy = kmem_alloc(length + 1);
	*inode = copy ? inode_create(filesystem, &tmpfs_link_operations, S_IFLNK | 0777) : NULL;
	if (!*inode) {
		kmem_free(copy, length + 1);
		if (is_long)
			page_give_back(filesystem);
		return -ENOMEM;
	}
	memcpy(copy, text, length + 1);
	(*inode)->link_text = copy;
	(*inode)->size_bytes = length;
	return 0;
}

struct filesystem *tmpfs_create(uint64_t pages_max, uint64_t inodes_max)
{
	struct filesystem *filesystem = filesystem_create("tmpfs", TMPFS_MAGIC, true);

	if (!filesystem)
		return NULL;
	filesystem->quota.max_pages = pages_max;
	filesystem->inodes_max = inodes_max;
	return filesystem;
}
