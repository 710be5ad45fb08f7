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

/* Does the area go on with what the one before it shows, in the same way? */
static bool goes_on(const struct area *before, const struct area *area)
{
	return area && area->start == before->end && area_is_shared(area) &&
	       shm_piece_object(&area->piece) == shm_piece_object(&before->piece) &&
	       area->protection == before->protection && area->flags == before->flags &&
	       (!(area->flags & AREA_SEGMENT) ||
		shm_piece_same_attach(&area->piece, &before->piece));
}

/*
 * The first of the areas that show at [start, end), if all that is there is one mapping: neighbours
 * that show one file in one way count as one. NULL: it is not, or no shared memory that may be written.
 */
static struct area *remap_source(struct space *space, uint64_t start, uint64_t end)
{
	struct area *first = space_area_above(space, start), *area = first;

	if (!first || first->start > start || !area_is_shared(first) ||
	    !(first->protection_max & SHM_WRITE))
		return NULL;
	while (area->end < end && goes_on(area, area_next(area)))
		area = area_next(area);
	return area->end >= end ? first : NULL;
}

/* How many areas lie in [start, end) whole. */
static uint64_t whole_areas(const struct area *area, uint64_t start, uint64_t end)
{
	uint64_t count = 0;

	for (; area && area->end <= end; area = area_next(area))
		count += area->start >= start;
	return count;
}

/*
 * Pages of a segment: what is mapped belongs to the same attach, but shmdt will not find it, unless
 * it is where it was. If the segment was removed and all that is left of it goes, it is gone before
 * anything is mapped, as on Linux. Space lock exclusive; `first` is as remap_source gave it.
 */
static long segment_map(struct space *space, struct area *first, struct space_request *request)
{
	uint64_t start = request->address, end = start + request->size_bytes, address;
	uint64_t attach = shm_piece_attach(&space->shm, &first->piece);
	struct shm_object *object = shm_piece_object(&first->piece);
	struct shm_segment *segment = shm_piece_hold(&first->piece, whole_areas(first, start, end));

	if (!segment) {
		int err = space_unmap(space, start, end); /* whole areas: no memory is needed */

		return err ? err : -EINVAL;
	}
	request->object = object;
	request->flags |= AREA_SEGMENT;
	request->protection_max = first->protection_max;
	shm_object_get(object);
	int err = space_map(space, request, &address);

	if (!err) {
		struct area *area = space_area_above(space, address);

		area->piece.attach = attach;
		area_merge_attach(space, area);
	}
	shm_object_put(object);
	shm_segment_unhold(segment);
	return err;
}

/* The first area's file or object, with a reference, to be mapped anew. */
static void source_take(const struct area *first, struct space_request *request, struct file **file)
{
	*file = first->file;
	if (first->file) {
		file_get(first->file);
	} else {
		request->object = shm_piece_object(&first->piece);
		shm_object_get(request->object);
	}
}

/* Map what source_take has taken. 0, or why not. No locks. */
static long file_map(struct space_request *request, struct file *file, uint64_t flags)
{
	long result = file ? mmap_object_take(request, file, 0) : 0;

	if (!result)
		result = mmap_request_map(request, (flags & MAP_NONBLOCK) | MAP_POPULATE);
	if (request->file && result >= 0)
		return 0; /* the area has the file now */
	if (request->flags & AREA_WRITER)
		file_maps_add(file, -1);
	if (file)
		file_put(file);
	return result < 0 ? result : 0;
}

/* remap_file_pages(2). */
long sys_remap_file_pages(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t start = argument[0] & ~PAGE_MASK, size_bytes = argument[1] & ~PAGE_MASK;
	struct space_request request = {
		.address = start,
		.size_bytes = size_bytes,
		.protection_max = PROTECTION_ALL,
		.index = argument[3],
	};
	uint64_t pages = size_bytes / SHM_PAGE_BYTES, end = start + size_bytes;
	struct file *file = NULL;
	bool segment = false;
	long result = 0;

	if (argument[2] || end <= start || request.index + pages < request.index)
		return -EINVAL;
	space_lock(space, true);
	struct area *first = remap_source(space, start, end);

	if (!first)
		result = -EINVAL;
	else if (request.index + pages > UINT64_MAX / SHM_PAGE_BYTES)
		result = -EOVERFLOW;
	else if ((start | size_bytes | request.index * SHM_PAGE_BYTES) &
		 (area_page_bytes(first) - 1))
		result = -EINVAL; /* huge pages */
	if (!result) {
		request.protection = first->protection;
		request.flags = AREA_FIXED | (first->flags & AREA_LOCK_MASK);
		segment = first->flags & AREA_SEGMENT;
		if (segment)
			result = segment_map(space, first, &request);
		else
			source_take(first, &request, &file);
	}
	space_unlock(space, true);
	if (result)
		return result;
	if (!segment)
		return file_map(&request, file, argument[4]);
	if (!(argument[4] & MAP_NONBLOCK))
		(void)space_populate(space, start, end);
	return 0;
}
