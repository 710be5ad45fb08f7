// SPDX-License-Identifier: MIT
/* Walks over a space's page tables, making and freeing of tables: see pagetable.h. */

#include "kernel/mm/pagetable.h"

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/flush.h"

#define INDEX_MASK (SHM_ENTRIES_PER_TABLE - 1)

static unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + 9 * level;
}

static uint64_t level_bytes(unsigned level)
{
	return 1ull << level_shift(level);
}

static uint64_t *table_entry(uint64_t table, uint64_t address, unsigned level)
{
	return (uint64_t *)phys_to_virt(table) + ((address >> level_shift(level)) & INDEX_MASK);
}

uint64_t *pagetable_slot(struct space *space, uint64_t address)
{
	uint64_t *entry = table_entry(space->root, address, mmu_levels - 1);

	for (unsigned level = mmu_levels - 2; level >= 1; level--) {
		uint64_t value = entry_load(entry);

		if (shm_entry_is_none(value))
			return NULL;
		entry = table_entry(shm_entry_frame(value), address, level);
	}
	return entry;
}

/* Put a fresh table of empty entries under an entry that is none. 0, or -ENOMEM. */
static int table_make(struct space *space, uint64_t *entry)
{
	uint64_t table = frame_alloc(SHM_ENTRY_NONE == 0 ? FRAME_ZERO : 0);

	if (!table)
		return -ENOMEM;
	for (unsigned i = 0; SHM_ENTRY_NONE != 0 && i < SHM_ENTRIES_PER_TABLE; i++)
		((uint64_t *)phys_to_virt(table))[i] = SHM_ENTRY_NONE;
	space->table_pages++;
	entry_store(entry, shm_entry_table(table));
	return 0;
}

uint64_t *pagetable_slot_make(struct space *space, uint64_t address)
{
	uint64_t *entry = table_entry(space->root, address, mmu_levels - 1);

	for (unsigned level = mmu_levels - 2; level >= 1; level--) {
		if (shm_entry_is_none(entry_load(entry)) && table_make(space, entry) != 0)
			return NULL;
		entry = table_entry(shm_entry_frame(entry_load(entry)), address, level);
	}
	return entry;
}

uint64_t *pagetable_entry(struct space *space, uint64_t address)
{
	uint64_t *slot = pagetable_slot(space, address);

	if (!slot || !shm_entry_is_table(entry_load(slot)))
		return NULL;
	return table_entry(shm_entry_frame(entry_load(slot)), address, 0);
}

int pagetable_entry_make(struct space *space, uint64_t address, uint64_t **entry)
{
	uint64_t *slot = pagetable_slot_make(space, address);

	if (!slot)
		return -ENOMEM;
	if (shm_entry_is_link(entry_load(slot)))
		return -EAGAIN;
	if (shm_entry_is_none(entry_load(slot)) && table_make(space, slot) != 0)
		return -ENOMEM;
	*entry = table_entry(shm_entry_frame(entry_load(slot)), address, 0);
	return 0;
}

uint64_t *pagetable_slot_next(struct space *space, uint64_t address, uint64_t end, uint64_t *found)
{
	while (address < end) {
		uint64_t *entry = table_entry(space->root, address, mmu_levels - 1);
		unsigned level = mmu_levels - 1;

		while (level > 1 && !shm_entry_is_none(entry_load(entry))) {
			level--;
			entry = table_entry(shm_entry_frame(entry_load(entry)), address, level);
		}
		if (!shm_entry_is_none(entry_load(entry))) {
			*found = address & ~(SHM_SPAN_BYTES - 1);
			return entry;
		}
		address = (address & ~(level_bytes(level) - 1)) + level_bytes(level);
	}
	return NULL;
}

/* ---- what leaves ---- */

void gather_init(struct gather *gather, struct space *space)
{
	gather->space = space;
	gather->start = UINT64_MAX;
	gather->end = 0;
	gather->tables = false;
	gather->count = 0;
}

void gather_finish(struct gather *gather)
{
	if (gather->start < gather->end || gather->tables)
		flush_range(gather->space, gather->start, gather->end, gather->tables);
	for (unsigned i = 0; i < gather->count; i++)
		frame_put(gather->frame[i]);
	gather_init(gather, gather->space);
}

static void gather_add(struct gather *gather, uint64_t address, uint64_t frame)
{
	gather->start = address < gather->start ? address : gather->start;
	gather->end = address + PAGE_BYTES > gather->end ? address + PAGE_BYTES : gather->end;
	gather->frame[gather->count++] = frame;
}

/* Clear own pages of one leaf until the gather is full. Returns where it stopped. */
static uint64_t leaf_zap(struct gather *gather, uint64_t *entry, uint64_t address, uint64_t end,
			 uint64_t *count)
{
	for (; address < end && *count && gather->count < GATHER_FRAMES;
	     address += PAGE_BYTES, entry++) {
		uint64_t value = entry_load(entry);

		if (!entry_has_own_page(value))
			continue;
		entry_store(entry, SHM_ENTRY_NONE);
		gather_add(gather, address, entry_own_frame(value));
		gather->space->own_pages--;
		--*count;
	}
	return address;
}

void pagetable_zap(struct gather *gather, uint64_t start, uint64_t end, uint64_t *count)
{
	struct space *space = gather->space;
	uint64_t address = start;

	while (address < end && *count) {
		uint64_t span;

		spin_lock(&space->page_table_lock);
		uint64_t *slot = pagetable_slot_next(space, address, end, &span);

		if (!slot) {
			spin_unlock(&space->page_table_lock);
			return;
		}
		address = span > address ? span : address;

		uint64_t stop = span + SHM_SPAN_BYTES < end ? span + SHM_SPAN_BYTES : end;

		if (shm_entry_is_table(entry_load(slot)))
			address = leaf_zap(
				gather, table_entry(shm_entry_frame(entry_load(slot)), address, 0),
				address, stop, count);
		else
			address = stop;
		spin_unlock(&space->page_table_lock);
		if (gather->count == GATHER_FRAMES)
			gather_finish(gather);
	}
}

/*
 * Free what `entry`, of `level`, at `base` leads to, as far as it serves only
 * the range. Under the lock. False: the gather is full; flush and come again.
 */
static bool tables_prune(struct gather *gather, uint64_t *entry, unsigned level, uint64_t base,
			 const struct prune_range *range)
{
	uint64_t value = entry_load(entry);
	uint64_t end = base + level_bytes(level);

	if (shm_entry_is_none(value))
		return true;
	if (level > 1) {
		uint64_t step = level_bytes(level - 1);
		uint64_t i = range->start > base ? (range->start - base) / step : 0;

		for (; i < SHM_ENTRIES_PER_TABLE && base + i * step < range->end; i++) {
			uint64_t *below = (uint64_t *)phys_to_virt(shm_entry_frame(value)) + i;

			if (!tables_prune(gather, below, level - 1, base + i * step, range))
				return false;
		}
	}
	if (base < range->floor || end > range->ceiling)
		return true;
	kassert(!shm_entry_is_link(value)); /* shm has dropped the links: rule 1 */
	if (gather->count == GATHER_FRAMES)
		return false;
	entry_store(entry, SHM_ENTRY_NONE);
	gather->frame[gather->count++] = shm_entry_frame(value);
	gather->tables = true;
	gather->space->table_pages--;
	return true;
}

void pagetable_prune(struct gather *gather, const struct prune_range *range)
{
	struct space *space = gather->space;
	unsigned level = mmu_levels - 1;
	uint64_t step = level_bytes(level);
	uint64_t base = range->start & ~(step - 1);

	while (base < range->end) {
		spin_lock(&space->page_table_lock);
		bool done = tables_prune(gather, table_entry(space->root, base, level), level, base,
					 range);

		spin_unlock(&space->page_table_lock);
		if (done)
			base += step;
		else
			gather_finish(gather);
	}
}

static void table_free(struct space *space, uint64_t value, unsigned level)
{
	uint64_t *table = phys_to_virt(shm_entry_frame(value));

	for (unsigned i = 0; level > 0 && i < SHM_ENTRIES_PER_TABLE; i++) {
		kassert(level > 1 || !shm_entry_is_link(table[i]));
		if (!shm_entry_is_none(table[i]))
			table_free(space, table[i], level - 1);
	}
	space->table_pages--;
	frame_put(shm_entry_frame(value));
}

void pagetable_destroy(struct space *space)
{
	unsigned level = mmu_levels - 1;
	uint64_t step = level_bytes(level);

	/* Mostly the areas took them all along; a failed mremap may have left some. */
	for (uint64_t base = 0; space->table_pages && base < mmu_user_end; base += step) {
		uint64_t value = entry_load(table_entry(space->root, base, level));

		if (!shm_entry_is_none(value))
			table_free(space, value, level - 1);
	}
	kassert(space->table_pages == 0);
	frame_put(space->root);
}
