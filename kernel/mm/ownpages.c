// SPDX-License-Identifier: MIT
/* What happens to own pages in bulk: counted, protected, shared by fork, moved. See pagetable.h. */

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/pagetable.h"

/* A walk over the entries of own leaves in [address, end); the page-table lock is held. */
struct leaf_walk {
	struct space *space;
	uint64_t address, end;
	uint64_t *entry; /* of address */
	uint64_t stop;   /* where this leaf ends, or the walk */
};

static void walk_start(struct leaf_walk *walk, struct space *space, uint64_t start, uint64_t end)
{
	*walk = (struct leaf_walk){space, start, end, NULL, start};
}

/* The next own page: its entry, or NULL at the end. The caller then moves walk->address on by walk_step. */
static uint64_t *walk_next(struct leaf_walk *walk)
{
	for (;;) {
		while (walk->address < walk->stop) {
			if (entry_has_own_page(entry_load(walk->entry)))
				return walk->entry;
			walk->address += PAGE_BYTES;
			walk->entry++;
		}
		for (;;) {
			uint64_t span;
			uint64_t *slot =
				pagetable_slot_next(walk->space, walk->address, walk->end, &span);

			if (!slot)
				return NULL;
			walk->address = span > walk->address ? span : walk->address;
			walk->stop = span + SHM_SPAN_BYTES < walk->end ? span + SHM_SPAN_BYTES
								       : walk->end;
			if (shm_entry_is_table(entry_load(slot)))
				break;
			walk->address = walk->stop;
		}
		walk->entry = pagetable_entry(walk->space, walk->address);
	}
}

static void walk_step(struct leaf_walk *walk)
{
	walk->address += PAGE_BYTES;
	walk->entry++;
}

void pagetable_own_free(struct space *space, uint64_t start, uint64_t end, uint64_t count)
{
	struct leaf_walk walk;
	uint64_t *entry;

	space->own_pages -= count;
	walk_start(&walk, space, start, end);
	for (; count && (entry = walk_next(&walk)); walk_step(&walk), count--)
		frame_put(entry_own_frame(entry_load(entry)));
}

uint64_t pagetable_own_count(struct space *space, uint64_t start, uint64_t end)
{
	struct leaf_walk walk;
	uint64_t count = 0;

	walk_start(&walk, space, start, end);
	spin_lock(&space->page_table_lock);
	for (; walk_next(&walk); walk_step(&walk))
		count++;
	spin_unlock(&space->page_table_lock);
	return count;
}

void pagetable_own_shares(struct space *space, uint64_t start, uint64_t end, uint64_t *shared,
			  uint64_t *pss_bytes)
{
	struct leaf_walk walk;
	uint64_t *entry;

	*shared = *pss_bytes = 0;
	walk_start(&walk, space, start, end);
	spin_lock(&space->page_table_lock);
	for (; (entry = walk_next(&walk)); walk_step(&walk)) {
		uint32_t owners = frame_references(entry_own_frame(entry_load(entry)));

		*shared += owners > 1;
		*pss_bytes += PAGE_BYTES / (owners ? owners : 1);
	}
	spin_unlock(&space->page_table_lock);
}

bool pagetable_protect(struct space *space, uint64_t start, uint64_t end, unsigned protection)
{
	struct leaf_walk walk;
	bool flush = false;

	walk_start(&walk, space, start, end);
	spin_lock(&space->page_table_lock);
	for (uint64_t *entry; (entry = walk_next(&walk)); walk_step(&walk)) {
		uint64_t value = entry_load(entry);
		uint64_t frame = entry_own_frame(value);
		unsigned now = protection;

		if ((now & SHM_WRITE) && frame_references(frame) > 1)
			now &= ~SHM_WRITE; /* copied at the first write */
		if (protection && !now)
			now = SHM_READ;
		/* More rights need no flush: who has the old translation faults, and finds the new one. */
		if (shm_entry_is_present(value) && (!now || (shm_entry_protection(value) & ~now)))
			flush = true;
		entry_store(entry, entry_own_page(frame, now));
	}
	spin_unlock(&space->page_table_lock);
	return flush;
}

int pagetable_fork(struct space *parent, struct space *child, uint64_t start, uint64_t end,
		   uint64_t count, bool *flush)
{
	struct leaf_walk walk;
	uint64_t *entry, *copy = NULL;
	uint64_t copy_stop = 0;
	int err = 0;

	walk_start(&walk, parent, start, end);
	spin_lock(&parent->page_table_lock);
	for (; count && (entry = walk_next(&walk)); walk_step(&walk), count--) {
		uint64_t value = entry_load(entry);
		uint64_t frame = entry_own_frame(value);

		if (walk.address >= copy_stop) {
			err = pagetable_entry_make(child, walk.address, &copy);
			if (err)
				break;
			copy -= (walk.address >> PAGE_SHIFT) & (SHM_ENTRIES_PER_TABLE - 1);
			copy_stop = (walk.address | (SHM_SPAN_BYTES - 1)) + 1;
		}
		if (shm_entry_is_present(value) && (shm_entry_protection(value) & SHM_WRITE)) {
			/* At least readable: a page that may only be written stays one on this CPU. */
			value = entry_own_page(frame, (shm_entry_protection(value) & ~SHM_WRITE) |
							      SHM_READ);
			entry_store(entry, value);
			*flush = true;
		}
		frame_get(frame);
		entry_store(&copy[(walk.address >> PAGE_SHIFT) & (SHM_ENTRIES_PER_TABLE - 1)],
			    value);
		child->own_pages++;
	}
	spin_unlock(&parent->page_table_lock);
	return err;
}

int pagetable_prepare_move(struct space *space, uint64_t from, uint64_t to, uint64_t size_bytes)
{
	uint64_t address = from, end = from + size_bytes, span, *entry;
	int err = 0;

	spin_lock(&space->page_table_lock);
	while (!err && pagetable_slot_next(space, address, end, &span)) {
		uint64_t first = span > address ? span : address;
		uint64_t stop = span + SHM_SPAN_BYTES < end ? span + SHM_SPAN_BYTES : end;

		/* One leaf's pages may land in two. */
		err = pagetable_entry_make(space, first - from + to, &entry);
		if (!err)
			err = pagetable_entry_make(space, stop - PAGE_BYTES - from + to, &entry);
		address = stop;
	}
	spin_unlock(&space->page_table_lock);
	return err;
}

void pagetable_move(struct space *space, uint64_t from, uint64_t to, uint64_t size_bytes)
{
	struct leaf_walk walk;

	walk_start(&walk, space, from, from + size_bytes);
	spin_lock(&space->page_table_lock);
	for (uint64_t *entry; (entry = walk_next(&walk)); walk_step(&walk)) {
		uint64_t *target = pagetable_entry(space, walk.address - from + to);

		kassert(target && shm_entry_is_none(entry_load(target)));
		entry_store(target, entry_load(entry));
		entry_store(entry, SHM_ENTRY_NONE);
	}
	spin_unlock(&space->page_table_lock);
}
