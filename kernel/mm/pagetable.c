// SPDX-License-Identifier: MIT
/* Walks over a space's page tables, making and freeing of tables: see pagetable.h. */

#include "kernel/mm/pagetable.h"

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/flush.h"

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

static inline __attribute__((always_inline)) int walk_make(struct space *space, uint64_t address,
							   unsigned level, uint64_t **slot)
{
	uint64_t *entry = pagetable_at(space->root, address, mmu_levels - 1);

	for (unsigned at = mmu_levels - 1; at > level; at--) {
		uint64_t value = entry_load(entry);

		if (pagetable_ends(value, at)) {
			if (shm_entry_is_link(value))
				return -EAGAIN;
			if (table_make(space, entry) != 0)
				return -ENOMEM;
			value = entry_load(entry);
		}
		entry = pagetable_at(shm_entry_frame(value), address, at - 1);
	}
	*slot = entry;
	return 0;
}

int pagetable_slot_make(struct space *space, uint64_t address, unsigned level, uint64_t **slot)
{
	return walk_make(space, address, level, slot);
}

uint64_t *pagetable_entry(struct space *space, uint64_t address)
{
	uint64_t *slot = pagetable_slot(space, address, SHM_LEVEL_SPAN);

	if (!slot || !shm_entry_is_table(entry_load(slot)))
		return NULL;
	return pagetable_at(shm_entry_frame(entry_load(slot)), address, 0);
}

int pagetable_entry_make(struct space *space, uint64_t address, uint64_t **entry)
{
	uint64_t *slot;
	int err = walk_make(space, address, SHM_LEVEL_SPAN, &slot);

	if (err)
		return err;
	if (shm_entry_is_link(entry_load(slot)))
		return -EAGAIN;
	if (shm_entry_is_none(entry_load(slot)) && table_make(space, slot) != 0)
		return -ENOMEM;
	*entry = pagetable_at(shm_entry_frame(entry_load(slot)), address, 0);
	return 0;
}

/* The first slot of one middle table that is not none; *address moves along, to its end if there is none. */
static uint64_t *slot_scan(uint64_t *slot, uint64_t *address, uint64_t end)
{
	unsigned index = (*address >> SHM_SPAN_SHIFT) & (SHM_ENTRIES_PER_TABLE - 1);

	for (; index < SHM_ENTRIES_PER_TABLE && *address < end; index++, slot++) {
		if (!shm_entry_is_none(entry_load(slot)))
			return slot;
		*address = (*address & ~(SHM_SPAN_BYTES - 1)) + SHM_SPAN_BYTES;
	}
	return NULL;
}

/* slot_level NULL: what a link of level 2 covers is passed over. */
static inline __attribute__((always_inline)) uint64_t *slot_search(struct space *space,
								   uint64_t address, uint64_t end,
								   uint64_t *found,
								   unsigned *slot_level)
{
	while (address < end) {
		uint64_t *entry = pagetable_at(space->root, address, mmu_levels - 1);
		unsigned level = mmu_levels - 1;

		while (level > SHM_LEVEL_SPAN && !pagetable_ends(entry_load(entry), level)) {
			level--;
			entry = pagetable_at(shm_entry_frame(entry_load(entry)), address, level);
		}

		if (level == SHM_LEVEL_SPAN) {
			entry = slot_scan(entry, &address, end);
			if (entry) {
				*found = address & ~(SHM_SPAN_BYTES - 1);
				if (slot_level)
					*slot_level = SHM_LEVEL_SPAN;
				return entry;
			}
		} else if (slot_level && shm_entry_is_link(entry_load(entry))) {
			*found = address & ~(pagetable_level_bytes(level) - 1);
			*slot_level = level;
			return entry;
		} else {
			address = (address & ~(pagetable_level_bytes(level) - 1)) +
				  pagetable_level_bytes(level);
		}
	}
	return NULL;
}

uint64_t *pagetable_slot_next(struct space *space, uint64_t address, uint64_t end, uint64_t *found)
{
	return slot_search(space, address, end, found, NULL);
}

uint64_t *pagetable_slot_any(struct space *space, uint64_t address, uint64_t end, uint64_t *found,
			     unsigned *level)
{
	return slot_search(space, address, end, found, level);
}

/* ---- what leaves ---- */

void gather_flush(struct gather *gather)
{
	if (!space_is_ending(gather->space))
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
				gather, pagetable_at(shm_entry_frame(entry_load(slot)), address, 0),
				address, stop, count);
		else
			address = stop;
		spin_unlock(&space->page_table_lock);
		if (gather->count == GATHER_FRAMES)
			gather_finish(gather);
	}
}

/* The table under the entry goes. Under the lock. */
static void entry_prune(struct gather *gather, uint64_t *entry)
{
	uint64_t value = entry_load(entry);

	kassert(!shm_entry_is_link(value)); /* shm has dropped the links: rule 1 */
	entry_store(entry, SHM_ENTRY_NONE);
	gather->frame[gather->count++] = shm_entry_frame(value);
	gather->tables = true;
	gather->space->table_pages--;
}

/* One level's tables, from `from` to `end`, whole blocks of which nothing is left. */
static void level_prune(struct gather *gather, unsigned level, uint64_t from, uint64_t end)
{
	struct space *space = gather->space;

	spin_lock(&space->page_table_lock);
	while (from < end) {
		uint64_t *entry;

		if (gather->count == GATHER_FRAMES) {
			spin_unlock(&space->page_table_lock);
			gather_finish(gather);
			spin_lock(&space->page_table_lock);
		}
		if (level == 1)
			entry = pagetable_slot_next(space, from, end, &from);
		else
			entry = pagetable_slot(space, from, level);
		if (level == 1 && !entry)
			break;
		if (entry && !shm_entry_is_none(entry_load(entry)))
			entry_prune(gather, entry);
		from += pagetable_level_bytes(level);
	}
	spin_unlock(&space->page_table_lock);
}

void pagetable_prune(struct gather *gather, const struct prune_range *range)
{
	/* From below upward: where no whole block of a level is free, none of a higher one is. */
	for (unsigned level = 1; level < mmu_levels; level++) {
		uint64_t bytes = pagetable_level_bytes(level);
		uint64_t from = range->start & ~(bytes - 1);
		uint64_t end = (range->end + bytes - 1) & ~(bytes - 1);

		if (from < range->floor)
			from += bytes;
		if (end > range->ceiling)
			end -= bytes;
		if (from >= end)
			return;
		level_prune(gather, level, from, end);
	}
}

static void table_free(struct space *space, uint64_t value, unsigned level)
{
	uint64_t *table = phys_to_virt(shm_entry_frame(value));

	for (unsigned i = 0; level > 0 && i < SHM_ENTRIES_PER_TABLE; i++) {
		kassert(!shm_entry_is_link(table[i]));
		if (!shm_entry_is_none(table[i]))
			table_free(space, table[i], level - 1);
	}
	space->table_pages--;
	frame_put(shm_entry_frame(value));
}

void pagetable_destroy(struct space *space)
{
	unsigned level = mmu_levels - 1;
	uint64_t step = pagetable_level_bytes(level);

	/* Mostly the areas took them all along; a failed mremap may have left some. */
	for (uint64_t base = 0; space->table_pages && base < mmu_user_end; base += step) {
		uint64_t value = entry_load(pagetable_at(space->root, base, level));

		kassert(!shm_entry_is_link(value));
		if (!shm_entry_is_none(value))
			table_free(space, value, level - 1);
	}
	kassert(space->table_pages == 0);
	frame_put(space->root);
}
