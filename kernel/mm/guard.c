// SPDX-License-Identifier: MIT
/*
 * Guards: pages of an area that are not to be touched, madvise(2),
 * MADV_GUARD_INSTALL. Each is an entry of the space's own leaf that says poison:
 * nothing is there, and whoever fills the leaf leaves it alone. So a span with a
 * guard is never linked.
 *
 * The page-table lock is held for one leaf at a time, with a look at interrupts in between: a program
 * may have as many guards as there is memory for leaves.
 *
 * They stay until they are removed or their addresses are unmapped, whatever becomes
 * of the pages. An area that ever had any says so (AREA_GUARDED), as on Linux.
 */

#include "kernel/mm/guard.h"

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

/* A part of one own leaf. */
struct leaf_part {
	uint64_t *entry; /* of start */
	uint64_t start, stop;
};

/* The next own leaf of [*address, end), which moves on. False: no more. Under the page-table lock. */
static bool leaf_next(struct space *space, uint64_t *address, uint64_t end, struct leaf_part *part)
{
	uint64_t span, *slot;

	while (*address < end && (slot = pagetable_slot_next(space, *address, end, &span))) {
		part->start = span > *address ? span : *address;
		part->stop = span + SHM_SPAN_BYTES < end ? span + SHM_SPAN_BYTES : end;
		*address = part->stop;
		if (shm_entry_is_table(entry_load(slot))) {
			part->entry = pagetable_entry(space, part->start);
			return true;
		}
	}
	return false;
}

bool guard_is_at(struct space *space, uint64_t address)
{
	spin_lock(&space->page_table_lock);
	const uint64_t *entry = pagetable_entry(space, address);
	bool guarded = entry && shm_entry_is_poison(entry_load(entry));

	spin_unlock(&space->page_table_lock);
	return guarded;
}

/* Guards in [start, stop) of one span. 0; -ENOMEM. */
static int span_guard(struct space *space, uint64_t start, uint64_t stop)
{
	uint64_t *entry;

	spin_lock(&space->page_table_lock);
	int err = pagetable_entry_make(space, start, &entry);

	for (; !err && start < stop; start += PAGE_BYTES)
		entry_store(entry++, shm_entry_poison());
	spin_unlock(&space->page_table_lock);
	return err;
}

int guards_install(struct space *space, struct area *area, uint64_t start, uint64_t end)
{
	struct gather gather;
	uint64_t at = start;
	int err = 0;

	area->flags |= AREA_GUARDED;
	area->touched = true;
	shm_place(&space->shm, start, end); /* own leaves will be there, so no links */
	gather_init(&gather, space);
	if (area->own_pages)
		pagetable_zap(&gather, start, end, &area->own_pages);
	gather_finish(&gather);
	while (at < end && !err) {
		uint64_t stop = (at | (SHM_SPAN_BYTES - 1)) + 1;

		stop = stop < end ? stop : end;
		err = span_guard(space, at, stop);
		at = stop;
		arch_interrupt_point();
		if (!err && signal_kill_is_pending())
			err = -EINTR;
	}
	/* What the entries showed before: pages of an object. */
	flush_range(space, start, end, false);
	return err;
}

void guards_remove(struct space *space, uint64_t start, uint64_t end)
{
	struct leaf_part part;
	bool more = true;

	while (more) {
		spin_lock(&space->page_table_lock);
		more = leaf_next(space, &start, end, &part);
		for (; more && part.start < part.stop; part.start += PAGE_BYTES, part.entry++)
			if (shm_entry_is_poison(entry_load(part.entry)))
				entry_store(part.entry, SHM_ENTRY_NONE);
		spin_unlock(&space->page_table_lock);
		arch_interrupt_point();
	}
}

int guards_fork(struct space *parent, struct space *child, uint64_t start, uint64_t end)
{
	struct leaf_part part;
	uint64_t *copy;
	bool more = true;
	int err = 0;

	while (more && !err) {
		spin_lock(&parent->page_table_lock);
		more = leaf_next(parent, &start, end, &part);
		for (; more && !err && part.start < part.stop;
		     part.start += PAGE_BYTES, part.entry++) {
			if (!shm_entry_is_poison(entry_load(part.entry)))
				continue;
			err = pagetable_entry_make(child, part.start, &copy);
			if (!err)
				entry_store(copy, shm_entry_poison());
		}
		spin_unlock(&parent->page_table_lock);
		arch_interrupt_point();
	}
	return err;
}

void guards_move(struct space *space, uint64_t from, uint64_t to, uint64_t size_bytes)
{
	uint64_t at = from, end = from + size_bytes;
	struct leaf_part part;
	bool more = true;

	while (more) {
		spin_lock(&space->page_table_lock);
		more = leaf_next(space, &at, end, &part);
		for (; more && part.start < part.stop; part.start += PAGE_BYTES, part.entry++) {
			if (!shm_entry_is_poison(entry_load(part.entry)))
				continue;

			uint64_t *target = pagetable_entry(space, part.start - from + to);

			kassert(target && shm_entry_is_none(entry_load(target)));
			entry_store(target, shm_entry_poison());
			entry_store(part.entry, SHM_ENTRY_NONE);
		}
		spin_unlock(&space->page_table_lock);
		arch_interrupt_point();
	}
}
