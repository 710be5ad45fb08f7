// SPDX-License-Identifier: MIT
/* A space as /proc shows it: areas one by one, and sums. */

#include "kernel/mm/area.h"

#include "kernel/file/file.h"
#include "kernel/lib/string.h"
#include "kernel/mm/pagetable.h"

static uint64_t object_pages(const struct area *area)
{
	struct shm_object *object = shm_piece_object(&area->piece);
	uint64_t first = shm_piece_index(&area->piece, area->start);
	uint64_t size = shm_object_size_pages(object), pages = area_pages(area);

	if (first >= size)
		return 0;
	if (pages > size - first)
		pages = size - first;
	if (first == 0 && pages == size)
		return shm_object_resident_pages(object);
	return pages - shm_object_absent_pages(object, first, pages);
}

static void view_count(struct space *space, const struct area *area, struct area_view *view)
{
	view->own_shared = view->own_pss_bytes = view->object_pages = view->object_maps = 0;
	if (area->own_pages)
		pagetable_own_shares(space, area->start, area->end, &view->own_shared,
				     &view->own_pss_bytes);
	if (area_is_anonymous(area))
		return;
	view->object_maps = shm_object_mapping_count(shm_piece_object(&area->piece));
	view->object_pages = object_pages(area);
	/* At most what own pages leave: where there is one, the object's is not seen. */
	if (view->object_pages > area_pages(area) - area->own_pages)
		view->object_pages = area_pages(area) - area->own_pages;
}

bool space_view_next(struct space *space, uint64_t *cursor, struct area_view *view, bool count)
{
	space_lock(space, false);
	struct area *area = space_area_above(space, *cursor);

	if (area) {
		view->start = area->start;
		view->end = area->end;
		view->protection = area->protection;
		view->protection_max = area->protection_max;
		view->flags = area->flags;
		view->file = area->file;
		if (view->file)
			file_get(view->file);
		view->shows_object = area->piece.mapping != NULL;
		view->initial_stack =
			area->start <= space->stack_start && area->end >= space->stack_start;
		view->file_offset = view->shows_object || area->file ? area->file_offset : 0;
		view->segment = view->shows_object &&
				shm_piece_segment(&area->piece, &view->shmid, &view->key);
		view->page_bytes = area_page_bytes(area);
		view->own_pages = area->own_pages;
		view->object_serial =
			view->shows_object ? shm_object_serial(shm_piece_object(&area->piece)) : 0;
		if (count)
			view_count(space, area, view);
		*cursor = area->end;
	}
	space_unlock(space, false);
	return area != NULL;
}

/* In the space's own leaf: an own page, or one of an object that is shown without a link. */
static void page_view_own(struct space *space, uint64_t address, struct page_view *page)
{
	spin_lock(&space->page_table_lock);
	uint64_t *entry = pagetable_entry(space, address);
	uint64_t value = entry ? entry_load(entry) : SHM_ENTRY_NONE;

	if (entry_has_own_page(value)) {
		page->frame = entry_own_frame(value);
		page->seen_alone = frame_references(page->frame) == 1;
	} else if (shm_entry_is_present(value)) {
		page->frame = shm_entry_frame(value);
		page->of_object = true;
	}
	spin_unlock(&space->page_table_lock);
}

/* Through a link. */
static void page_view_linked(const struct area *area, uint64_t address, struct page_view *page)
{
	uint64_t value = shm_piece_linked_entry(&area->piece, address);

	if (shm_entry_is_present(value)) {
		page->frame = shm_entry_frame(value);
		page->of_object = true;
	}
}

void space_view_pages(struct space *space, uint64_t start, struct page_view *pages, unsigned count)
{
	const struct area *counted = NULL; /* how many mappings its object has */
	bool alone = false;

	memset(pages, 0, count * sizeof(*pages));
	space_lock(space, false);
	struct area *area = space_area_above(space, start);

	for (unsigned i = 0; i < count && area; i++, start += PAGE_BYTES) {
		if (area->end <= start)
			area = area_next(area);
		if (!area || area->start > start)
			continue;
		page_view_own(space, start, &pages[i]);
		if (area->piece.mapping && !pages[i].frame)
			page_view_linked(area, start, &pages[i]);
		if (pages[i].of_object && counted != area) {
			counted = area;
			alone = shm_object_mapping_count(shm_piece_object(&area->piece)) == 1;
		}
		if (pages[i].of_object)
			pages[i].seen_alone = alone;
	}
	space_unlock(space, false);
}

static void usage_add(struct space_usage *usage, const struct area *area)
{
	uint64_t pages = area_pages(area);

	if (area->flags & AREA_STACK)
		usage->stack += pages;
	else if (area_is_data(area->flags, area->protection))
		usage->data += pages;
	else if ((area->protection & (SHM_EXEC | SHM_WRITE)) == SHM_EXEC)
		usage->text += pages;
	if (area->piece.mapping) {
		uint64_t there = shm_object_resident_pages(shm_piece_object(&area->piece));

		usage->shared += there < pages ? there : pages;
	}
}

void space_usage(struct space *space, struct space_usage *usage)
{
	*usage = (struct space_usage){0};
	space_lock(space, false);
	usage->mapped = space->mapped_pages;
	usage->own = space->own_pages;
	usage->locked = space->locked_pages;
	usage->tables = space->table_pages + 1;
	for (struct area *area = space_area_above(space, 0); area; area = area_next(area))
		usage_add(usage, area);
	space_unlock(space, false);
}
