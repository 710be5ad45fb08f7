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
	struct rb_node *node = rb_first(&space->areas), *next;
	struct shm_caller storage;
	struct gather gather;

	gather_init(&gather, space);
	for (; node; node = next) {
		struct area *area = container_of(node, struct area, node);

		next = rb_next(node);
		if (area->own_pages)
			pagetable_own_free(space, area->start, area->end, area->own_pages);
		if (area->piece.mapping)
			shm_piece_unmap(&space->shm, &area->piece, area_caller(area, &storage));
		area_uncharge(space, area);
		pagetable_prune(&gather, &(struct prune_range){
						 area->start, area->end, 0,
						 next ? container_of(next, struct area, node)->start
						      : UINT64_MAX});
	}
	gather_finish(&gather);
}

/* Free the records: each left child is turned up until there is none, then the node goes. */
static void areas_free(struct space *space)
{
	struct rb_node *node = space->areas.node;

	while (node) {
		struct rb_node *left = node->left;

		if (left) {
			node->left = left->right;
			left->right = node;
			node = left;
		} else {
			struct rb_node *next = node->right;

			area_free(container_of(node, struct area, node));
			node = next;
		}
	}
	space->areas.node = NULL;
}

void space_destroy(struct space *space)
{
	struct shm_caller caller;

	if (cpu_current()->space == space)
		space_switch(NULL);
	areas_empty(space);
	areas_free(space);
	if (space->shm.table) {
		shm_caller_current(&caller);
		caller.space = &space->shm;
	}
	shm_space_release(&space->shm, space->shm.table ? &caller : NULL);
	kassert(space->own_pages == 0 && space->committed_pages == 0 && !space->dropped);
	pagetable_destroy(space);
	if (space->executable)
		file_put(space->executable);
	kmem_free(space, sizeof(*space));
}
