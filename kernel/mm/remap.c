// SPDX-License-Identifier: MIT
/*
 * remap_file_pages(2), as Linux has emulated it since 4.0: the pages are mapped
 * anew, so that a shared mapping shows its object's pages in another order.
 */

#include "abi/mman.h"

#include "kernel/file/file.h"
#include "kernel/mm/area.h"
#include "kernel/mm/mmap.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define PROTECTION_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define PAGE_MASK      (SHM_PAGE_BYTES - 1)

/*
 * What shows at [start, end), to be shown there otherwise: the request's flags,
 * protection and object, or the file; each with a reference. Neighbours that show
 * one file in one way count as one mapping. 0; -EINVAL: not shared memory. No locks.
 */
static int remap_source(uint64_t start, uint64_t end, struct space_request *request,
			struct file **file)
{
	struct space *space = thread_current()->space;
	int err = -EINVAL;

	space_lock(space, false);
	struct area *first = space_area_above(space, start), *area = first;

	while (area && area->end < end && area_next(area) && area_next(area)->start == area->end &&
	       area_is_shared(area_next(area)) &&
	       shm_piece_object(&area_next(area)->piece) == shm_piece_object(&area->piece) &&
	       area_next(area)->protection == first->protection &&
	       area_next(area)->flags == first->flags)
		area = area_next(area);
	if (first && first->start <= start && area->end >= end && area_is_shared(first) &&
	    first->protection_max & SHM_WRITE && !(first->flags & AREA_SEGMENT)) {
		request->protection = first->protection;
		request->flags = AREA_FIXED | (first->flags & AREA_LOCK_MASK);
		*file = first->file;
		if (first->file) {
			file_get(first->file);
		} else {
			request->object = shm_piece_object(&first->piece);
			shm_object_get(request->object);
		}
		err = 0;
	}
	space_unlock(space, false);
	return err;
}

/* remap_file_pages(2). Not of segments. */
long sys_remap_file_pages(const uint64_t *argument)
{
	uint64_t start = argument[0] & ~PAGE_MASK, size_bytes = argument[1] & ~PAGE_MASK;
	struct space_request request = {
		.address = start,
		.size_bytes = size_bytes,
		.protection_max = PROTECTION_ALL,
		.index = argument[3],
	};
	uint64_t pages = size_bytes / SHM_PAGE_BYTES;
	struct file *file = NULL;

	if (argument[2] || start + size_bytes <= start || request.index + pages < request.index)
		return -EINVAL;
	long result = remap_source(start, start + size_bytes, &request, &file);

	if (!result && request.index + pages > UINT64_MAX / SHM_PAGE_BYTES) {
		result = -EOVERFLOW;
		if (request.object)
			shm_object_put(request.object);
	}
	if (!result && file)
		result = mmap_object_take(&request, file, 0);
	if (!result)
		result = mmap_request_map(&request, (argument[4] & MAP_NONBLOCK) | MAP_POPULATE);
	if (request.file && result >= 0)
		return 0; /* the area has the file now */
	if (request.flags & AREA_WRITER)
		file_maps_add(file, -1);
	if (file)
		file_put(file);
	return result < 0 ? result : 0;
}
