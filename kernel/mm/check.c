// SPDX-License-Identifier: MIT
/*
 * Invariants of address spaces (kernel/lib/check.h), while other threads fault
 * in them: the space lock is held shared, so areas stand still, and the
 * page-table lock while tables are walked, so entries do too.
 *
 * What pieces show is shm's to check (shm/check.c).
 */

#ifdef SAMEPAGE_DEBUG

#include "kernel/lib/check.h"

#include "kernel/lib/print.h"
#include "kernel/mm/area.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/cpu.h"

/* ---- areas ---- */

static uint64_t tree_count(const struct space *space)
{
	struct rb_node *node = space->areas.node;
	const struct area *before = NULL;
	uint64_t count = 0;

	while (node && node->left)
		node = node->left;
	for (; node; node = rb_next(node), count++) {
		const struct area *area = container_of(node, struct area, node);

		kassert(!before || before->end <= area->start);
		before = area;
	}
	return count;
}

static void check_area(struct space *space, const struct area *area)
{
	kassert(area->start < area->end && area->end <= mmu_user_end);
	kassert(((area->start | area->end) & (PAGE_BYTES - 1)) == 0);
	kassert(!area->previous || area->previous->end <= area->start);
	kassert((area->next ? area->next->previous : space->highest) == area);
	kassert(space_area_above(space, area->start) == area);
	kassert((area->flags & ~AREA_KEPT_FLAGS) == 0);
	if (area->piece.mapping)
		kassert(area->piece.start == area->start && area->piece.end == area->end);
	else
		kassert(area->flags & AREA_PRIVATE);
}

static void check_areas(struct space *space, struct check_totals *totals)
{
	uint64_t count = 0, mapped = 0, locked = 0, charged = 0;

	for (struct area *area = space->lowest; area; area = area->next) {
		check_area(space, area);
		count++;
		mapped += area_pages(area);
		locked += area->flags & AREA_LOCKED ? area_pages(area) : 0;
		charged += area->flags & AREA_CHARGED ? area_pages(area) : 0;
	}
	kassert(count == space->area_count);
	kassert(tree_count(space) + (space->youngest != NULL) == count);
	kassert(mapped == space->mapped_pages);
	kassert(locked == space->locked_pages);
	kassert(charged == space->committed_pages);
	totals->areas += count;
}

/* ---- page tables ---- */

/* Addresses rise, so areas pass by once. */
struct table_walk {
	struct space *space;
	struct area *area; /* the first that ends above the address that is looked at */
	uint64_t area_own, area_busy, own, busy, tables, links;
};

/* An entry that is busy may or may not be counted already: fault.c. */
static void area_passed(struct table_walk *walk)
{
	uint64_t counted = walk->area->own_pages;

	kassert(counted >= walk->area_own && counted <= walk->area_own + walk->area_busy);
	walk->area = walk->area->next;
	walk->area_own = walk->area_busy = 0;
}

static struct area *area_at(struct table_walk *walk, uint64_t address)
{
	while (walk->area && walk->area->end <= address)
		area_passed(walk);
	return walk->area && walk->area->start <= address ? walk->area : NULL;
}

static void check_page(struct table_walk *walk, uint64_t entry, uint64_t address)
{
	struct area *area = area_at(walk, address);

	kassert(area);
	if (shm_entry_is_busy(entry)) {
		walk->area_busy++;
		walk->busy++;
	} else if (shm_entry_is_poison(entry)) {
		kassert(area->flags & AREA_GUARDED);
	} else if (entry_has_own_page(entry)) {
		kassert(!area_is_shared(area));
		kassert(frame_references(entry_own_frame(entry)) > 0);
		walk->area_own++;
		walk->own++;
	} else {
		kassert(area->piece.mapping);
		kassert(frame_references(entry_own_frame(entry)) > 0);
	}
}

/* One table of the space's own; `level` is its entries'. Recursion: the number of levels. */
static void check_table(struct table_walk *walk, uint64_t table, unsigned level, uint64_t base,
			uint64_t end)
{
	const uint64_t *entries = phys_to_virt(table);
	uint64_t step = PAGE_BYTES << (9 * level);

	ipi_poll(); /* others wait for this CPU's flushes */
	for (unsigned i = 0; i < SHM_ENTRIES_PER_TABLE && base < end; i++, base += step) {
		uint64_t entry = entry_load(&entries[i]);

		if (shm_entry_is_none(entry))
			continue;
		if (level == 0) {
			check_page(walk, entry, base);
		} else if (shm_entry_is_link(entry)) {
			kassert(level <= SHM_LEVEL_MIDDLE);
			(void)area_at(walk, base);
			kassert(walk->area && walk->area->start < base + step);
			kassert(area_is_shared(walk->area));
			walk->links++;
		} else {
			kassert(shm_entry_is_table(entry));
			walk->tables++;
			check_table(walk, shm_entry_frame(entry), level - 1, base, end);
		}
	}
}

static void check_tables(struct space *space, struct check_totals *totals)
{
	struct table_walk walk = {.space = space, .area = space->lowest};

	spin_lock(&space->page_table_lock);
	check_table(&walk, space->root, mmu_levels - 1, 0, mmu_user_end);
	while (walk.area)
		area_passed(&walk);
	kassert(space->own_pages >= walk.own && space->own_pages <= walk.own + walk.busy);
	kassert(space->table_pages == walk.tables);
	spin_unlock(&space->page_table_lock);
	totals->tables += walk.tables;
	totals->own_pages += walk.own;
	totals->links += walk.links;
}

/* ---- objects ---- */

#define SEEN_SLOTS 1024

/* Libraries are in every space: who was looked at last, by serial, and in which walk. */
static struct {
	uint64_t serial, walk;
} seen[SEEN_SLOTS];

static void check_objects(struct space *space, const struct check_totals *totals)
{
	for (struct area *area = space->lowest; area; area = area->next) {
		if (!area->piece.mapping)
			continue;

		struct shm_object *object = shm_piece_object(&area->piece);
		uint64_t serial = shm_object_serial(object), slot = serial % SEEN_SLOTS;

		if (seen[slot].serial == serial && seen[slot].walk == totals->walks)
			continue;
		seen[slot].serial = serial;
		seen[slot].walk = totals->walks;
		shm_check_object(object);
		arch_interrupt_point();
	}
}

void space_check(struct space *space, struct check_totals *totals)
{
	space_lock(space, false);
	check_areas(space, totals);
	check_tables(space, totals);
	shm_check_space(&space->shm);
	check_objects(space, totals);
	space_unlock(space, false);
	totals->spaces++;
}

#endif
