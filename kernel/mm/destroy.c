// SPDX-License-Identifier: MIT
/*
 * The end of a space. No CPU runs it and nobody else knows it, but objects
 * that it still maps: so nothing is flushed, entries need not be cleared, and
 * the tree of areas is taken apart only when all areas are empty.
 */

#include "kernel/mm/area.h"

#include "kernel/file/file.h"
#include "kernel/lib/print.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/cpu.h"
#include "kernel/process/process.h"

/* Each area's pages and its piece, with the tables that serve nothing behind it: none is searched. */
static void areas_empty(struct space *space)
{
	struct area *next;
	struct gather gather;

	gather_init(&gather, space);
	for (struct area *area = space->lowest; area; area = next) {
		next = area->next;
		if (area->own_pages)
			pagetable_own_free(space, area->start, area->end, area->own_pages);
		if (area->piece.mapping)
			shm_piece_unmap(&space->shm, &area->piece, process_current()->pid);
		area_uncharge(space, area);
		pagetable_prune(&gather, &(struct prune_range){area->start, area->end, 0,
							       next ? next->start : UINT64_MAX});
	}
	gather_finish(&gather);
}

void space_destroy(struct space *space)
{
	if (cpu_current()->space == space)
		space_switch(NULL);
	areas_empty(space);
	areas_free(space->lowest);
	shm_space_release(&space->shm);
	kassert(space->own_pages == 0 && space->committed_pages == 0 && !space->dropped);
	pagetable_destroy(space);
	if (space->executable)
		file_put(space->executable);
	space_release(space);
}
