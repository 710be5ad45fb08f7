// SPDX-License-Identifier: MIT
/* System calls that make, remove and reprotect mappings: mmap, munmap, mprotect, brk, msync. */

#include "abi/mman.h"
#include "abi/statfs.h"

#include "kernel/file/file.h"
#include "kernel/file/inode.h"
#include "kernel/mm/area.h"
#include "kernel/mm/mmap.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define PROTECTION_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PAGE_MASK      (SHM_PAGE_BYTES - 1)

/* What MAP_SHARED_VALIDATE accepts: the flags that are older than itself. */
#define MAP_VALIDATED                                                                              \
	(MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_32BIT | MAP_GROWSDOWN | MAP_DENYWRITE |        \
	 MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK |   \
	 MAP_HUGETLB)

/* Up to whole pages; 0 when that overflows. */
static uint64_t pages_round(uint64_t size_bytes)
{
	return (size_bytes + PAGE_MASK) & ~PAGE_MASK;
}

/* mmap(2): the flags as areas know them. 0, -EINVAL, -EOPNOTSUPP, -EPERM. */
static int flags_take(uint64_t flags, struct space_request *request)
{
	if (flags & MAP_FIXED)
		request->flags |= AREA_FIXED;
	if (flags & MAP_FIXED_NOREPLACE)
		request->flags |= AREA_FIXED | AREA_NOREPLACE;
	if (flags & MAP_LOCKED)
		request->flags |= AREA_LOCKED;
	if (flags & MAP_NORESERVE)
		request->flags |= AREA_NORESERVE;
	switch (flags & MAP_TYPE) {
	case MAP_PRIVATE:
		request->flags |= AREA_PRIVATE;
		break;
	case MAP_SHARED_VALIDATE:
		if (flags & MAP_ANONYMOUS)
			return -EINVAL; /* there is no file whose flags could be validated */
		if (flags & ~(uint64_t)MAP_VALIDATED)
			return -EOPNOTSUPP;
		break;
	case MAP_SHARED:
		break;
	default:
		return -EINVAL;
	}
	if (flags & MAP_HUGETLB)
		return -EINVAL; /* as a kernel without huge pages */
	if (flags & MAP_GROWSDOWN) {
		if ((flags & MAP_ANONYMOUS) && !(request->flags & AREA_PRIVATE))
			return -EINVAL;
		request->flags |= AREA_STACK;
	}
	return (flags & MAP_LOCKED) && !may_lock_any() ? -EPERM : 0;
}

/* Memory that begins as zeros: shared in an object of its own, private in none. */
static int zeros_take(struct space_request *request, uint64_t flags)
{
	if (request->flags & AREA_PRIVATE)
		return 0;
	return shm_object_create(&shm_instance, request->size_bytes / SHM_PAGE_BYTES,
				 flags & MAP_NORESERVE ? SHM_OBJECT_NORESERVE : 0,
				 &request->object);
}

/* Can a file be so large? A device has unsigned positions. */
static bool file_spans(const struct file *file, const struct space_request *request)
{
	uint64_t most = S_ISREG(file->inode->mode) ? INT64_MAX : UINT64_MAX;

	return request->index <= (most - request->size_bytes) / SHM_PAGE_BYTES;
}

int mmap_object_take(struct space_request *request, struct file *file, uint64_t flags)
{
	bool shared = !(request->flags & AREA_PRIVATE);

	if (flags & MAP_ANONYMOUS) {
		request->index = 0;
		return zeros_take(request, flags);
	}
	if (!file_can_read(file))
		return -EACCES;
	if (shared && !file_can_write(file)) {
		if (request->protection & PROT_WRITE)
			return -EACCES;
		request->protection_max &= ~(unsigned)PROT_WRITE;
	}
	if (inode_has_mount_flag(file->inode, MS_NOEXEC)) {
		if (request->protection & PROT_EXEC)
			return -EPERM;
		request->protection_max &= ~(unsigned)PROT_EXEC;
	}
	if (!file->operations->maps_zeros && !file->operations->object)
		return -ENODEV;
	if (flags & MAP_GROWSDOWN)
		return -EINVAL;
	if (!file_spans(file, request))
		return -EOVERFLOW;
	if (file->operations->maps_zeros) {
		/* Private memory has the file's name, shared memory is an object's that has none. */
		if (!shared)
			request->file = file;
		return zeros_take(request, flags); /* at its offset within itself, as on Linux */
	}
	struct file_map map = {request->protection, request->protection_max};
	int err = file->operations->object(file, shared ? &map : NULL, &request->object);

	if (err)
		return err;
	if (shared) {
		request->protection_max = map.protection_max;
		request->flags |= map.protection_max & SHM_WRITE ? AREA_WRITER : 0;
	}
	request->file = file;
	return 0;
}

long mmap_request_map(struct space_request *request, uint64_t flags)
{
	struct space *space = thread_current()->space;
	uint64_t address;

	if (request->object && !(request->flags & AREA_PRIVATE))
		request->alignment_bytes = shm_object_alignment_bytes(request->object);
	space_lock(space, true);
	int err = space_map(space, request, &address);

	if (request->object) /* before the file: the area has both, and may go any time now */
		shm_object_put(request->object);
	space_unlock(space, true);
	if (err)
		return err;
	if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
		(void)space_populate(space, address, address + request->size_bytes);
	else if ((flags & MAP_LOCKED) || space->lock_future)
		space_populate_locked(space, address, address + request->size_bytes);
	return (long)address;
}

/*
 * A request has failed: what is wrong with its place is said first, then that it may not be locked
 * or is past what a file can hold, and only then what else is wrong: observed.
 */
static long first_error(const struct space_request *request, const struct file *file, long error)
{
	struct space *space = thread_current()->space;

	space_lock(space, true);
	int place = space_place_check(space, request);

	space_unlock(space, true);
	if (place)
		return place;
	return file && !file_spans(file, request) ? -EOVERFLOW : error;
}

/* mmap(2). */
long sys_mmap(const uint64_t *argument)
{
	uint64_t flags = argument[3], offset = argument[5];
	struct space_request request = {
		.address = argument[0],
		.size_bytes = pages_round(argument[1]),
		.protection = (unsigned)argument[2] & PROTECTION_ALL,
		.protection_max = PROTECTION_ALL,
	};
	struct file *file = NULL;

	if (offset & PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		file = fd_file((int)argument[4]);
		if (!file)
			return -EBADF;
	}
	long result = argument[1] ? flags_take(flags, &request) : -EINVAL;

	if (!result && (!request.size_bytes || request.size_bytes > mmu_user_end))
		result = -ENOMEM;
	request.index = offset / SHM_PAGE_BYTES;
	if (!result)
		result = mmap_object_take(&request, file, flags);
	if (!result)
		result = mmap_request_map(&request, flags);
	if (result < 0 && argument[1])
		result = first_error(&request, file, result);
	if (request.file && result >= 0)
		return result; /* the area has the file now */
	if (request.flags & AREA_WRITER)
		file_maps_add(file, -1);
	if (file)
		file_put(file);
	return result;
}

/* munmap(2). */
long sys_munmap(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t start = argument[0], size_bytes = pages_round(argument[1]);

	if ((start & PAGE_MASK) || !size_bytes || start > mmu_user_end ||
	    size_bytes > mmu_user_end - start)
		return -EINVAL;
	space_lock(space, true);
	int err = space_unmap(space, start, start + size_bytes);

	space_unlock(space, true);
	return err;
}

/* mprotect(2). */
long sys_mprotect(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t start = argument[0], end = start + pages_round(argument[1]);
	uint64_t grows = argument[2] & (PROT_GROWSDOWN | PROT_GROWSUP);
	unsigned protection = (unsigned)(argument[2] & ~(uint64_t)(grows | PROT_SEM));

	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || (start & PAGE_MASK))
		return -EINVAL;
	if (!argument[1])
		return 0;
	if (end <= start)
		return -ENOMEM;
	if (protection & ~PROTECTION_ALL)
		return -EINVAL;
	if (end > mmu_user_end)
		return -ENOMEM;
	space_lock(space, true);
	struct area *area = space_area_above(space, start);
	bool copies = false;
	long result = 0;

	if (grows == PROT_GROWSDOWN && area && area->start < end) {
		if (area->flags & AREA_STACK)
			start = area->start;
		else
			result = -EINVAL;
	} else if (grows == PROT_GROWSUP && area && area->start <= start) {
		result = -EINVAL;
	}
	if (!result)
		result = space_protect(space, start, end, protection, &copies);
	space_unlock(space, true);
	if (copies)
		space_populate_private(space, start, end);
	return result;
}

/* The heap's pages become [brk_start, end). Space lock exclusive. 0, or why not. */
static int heap_resize(struct space *space, uint64_t old_end, uint64_t end)
{
	struct process *process = process_current();
	struct space_request request = {
		.address = old_end,
		.size_bytes = end - old_end,
		.protection = PROT_READ | PROT_WRITE,
		.protection_max = PROTECTION_ALL,
		.flags = AREA_FIXED | AREA_NOREPLACE | AREA_HEAP | AREA_PRIVATE,
	};
	struct area *next;
	uint64_t address;

	if (end < old_end)
		return space_unmap(space, end, old_end);
	if (end > mmu_user_end || end - space->brk_start > process->limits[LIMIT_DATA][0])
		return -ENOMEM;
	/* Not right up to what follows: the page between catches overruns, as on Linux. */
	if (!area_range_free(space, old_end, end + SHM_PAGE_BYTES, &next))
		return -ENOMEM;
	return space_map(space, &request, &address);
}

/* brk(2), as the kernel has it: the new end of the heap, or the old one when it cannot be. */
long sys_brk(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t wanted = argument[0];

	space_lock(space, true);
	uint64_t old_end = pages_round(space->brk_end), end = pages_round(wanted);

	if (wanted >= space->brk_start && wanted <= mmu_user_end) {
		if (old_end == end || heap_resize(space, old_end, end) == 0)
			space->brk_end = wanted;
	}
	long result = (long)space->brk_end;
	bool locked = space->lock_future && end > old_end;

	space_unlock(space, true);
	if (locked)
		space_populate_locked(space, old_end, end);
	return result;
}

/* msync(2): files live in memory, so there is nothing to write; only the range is checked. */
long sys_msync(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t start = argument[0], end = start + pages_round(argument[1]), flags = argument[2];

	if ((flags & ~(uint64_t)(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (start & PAGE_MASK) ||
	    ((flags & MS_ASYNC) && (flags & MS_SYNC)))
		return -EINVAL;
	if (end < start)
		return -ENOMEM;
	space_lock(space, false);
	long result = 0;

	for (struct area *area = space_area_above(space, start); start < end && result != -EBUSY;
	     area = area_next(area)) {
		if (!area || area->start > start)
			result = -ENOMEM;
		if (!area || area->start >= end)
			break;
		if ((flags & MS_INVALIDATE) && (area->flags & AREA_LOCKED))
			result = -EBUSY;
		start = area->end;
	}
	space_unlock(space, false);
	return result;
}
