// SPDX-License-Identifier: MIT
/*
 * fork(2)'s copy of a space. Own pages become common to both, read-only until
 * one of them writes. Pieces of objects are noted and nothing else: their pages
 * come by faults, whole spans at a time. The child is unborn, so its lock is
 * not taken; the parent's lock keeps everything in the parent as it is.
 */

#include "kernel/mm/area.h"

#include "abi/errno.h"
#include "kernel/file/file.h"
#include "kernel/lib/string.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

static void layout_copy(struct space *child, const struct space *parent)
{
	child->brk_start = parent->brk_start;
	child->brk_end = parent->brk_end;
	child->stack_start = parent->stack_start;
	child->map_top = parent->map_top;
	child->arguments_start = parent->arguments_start;
	child->arguments_end = parent->arguments_end;
	child->environment_start = parent->environment_start;
	child->environment_end = parent->environment_end;
	child->executable = parent->executable;
	if (child->executable)
		file_get(child->executable);
	memcpy(child->auxv, parent->auxv, sizeof(child->auxv));
}

/* One area in the child. 0; -ENOMEM: nothing of it is there. */
static int area_fork(struct space *child, const struct area *from, struct area **made)
{
	struct shm_caller storage;
	struct area *area = area_alloc();

	if (!area)
		return -ENOMEM;
	if ((from->flags & AREA_CHARGED) && commit_reserve(area_pages(from)) != 0) {
		area_free(area);
		return -ENOMEM;
	}
	area->start = from->start;
	area->end = from->end;
	area->protection = from->protection;
	area->protection_max = from->protection_max;
	area->flags = from->flags & ~AREA_LOCKED; /* mlock(2): not inherited */
	area->file_offset = from->file_offset;
	if (from->piece.mapping && shm_piece_fork(&child->shm, &area->piece, &from->piece,
						  area_caller(from, &storage)) != 0) {
		if (from->flags & AREA_CHARGED)
			commit_release(area_pages(from));
		area_free(area);
		return -ENOMEM;
	}
	if (area->flags & AREA_CHARGED)
		child->committed_pages += area_pages(area);
	area->file = from->file;
	if (area->file)
		file_get(area->file);
	area_insert(child, area);
	*made = area;
	return 0;
}

/* All areas and own pages. *flush: entries of the parent lost their write permission. */
static int areas_fork(struct space *parent, struct space *child, bool *flush)
{
	struct area *from = space_area_above(parent, 0), *area;

	for (; from; from = area_next(from)) {
		if (from->flags & AREA_DONTFORK)
			continue;

		int err = area_fork(child, from, &area);

		if (err)
			return err;
		if (!from->own_pages || (from->flags & AREA_WIPEONFORK))
			continue;

		uint64_t before = child->own_pages;

		err = pagetable_fork(parent, child, from->start, from->end, from->own_pages, flush);
		area->own_pages = child->own_pages - before;
		if (err)
			return err;
	}
	return 0;
}

int space_fork(struct space *parent, struct space **made)
{
	struct space *child;
	bool flush = false;
	int err = space_create(&child);

	if (err)
		return err;
	space_lock(parent, true);
	layout_copy(child, parent);
	err = areas_fork(parent, child, &flush);
	if (flush)
		flush_range(parent, 0, mmu_user_end, false);
	space_unlock(parent, true);
	if (err) {
		space_put(child);
		return err;
	}
	*made = child;
	return 0;
}
