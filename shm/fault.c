// SPDX-License-Identifier: MIT
/*
 * Faults: an access reached a page of an object that its space does not show.
 *
 * The page is made present in the object, then the space gets to it in one of
 * three ways. Where a whole GiB may be linked, the slot above becomes a link to
 * the object's middle table. Where the span may be linked, its slot becomes a
 * link to the object's leaf. Either way every page that anyone ever touched in
 * it is there at once. Elsewhere the space's own leaf is filled from all of the
 * object's present pages in this span and piece.
 *
 * Locks: space lock shared (areas stay), then the object's mutex. What may
 * sleep (memory, upper tables, an own leaf) is done without the mutex; then
 * everything is looked at again.
 */

#include "shm/mapping.h"
#include "shm/segment_trace.h"
#include "shm/trace.h"
#include "abi/errno.h"

/* What a try under the lock found missing. */
enum fault_step {
	STEP_DONE,
	STEP_BUS,
	STEP_MEMORY,      /* fill the reserve */
	STEP_SLOT,        /* make the tables that lead to the slot */
	STEP_MIDDLE_SLOT, /* the same for the slot above it */
	STEP_OWN_LEAF,    /* make the space's own leaf */
};

/*
 * Enter all present pages of the span that the piece shows; how many, or -EAGAIN: no own leaf.
 * Only the page itself if it is new: who makes pages one after the other has entered the rest
 * already, and would look at all of them again for each.
 */
static int span_fill(struct shm_space *space, const struct shm_piece *piece, struct shm_leaf *leaf,
		     uint64_t address, bool fresh)
{
	struct shm_mapping *mapping = piece->mapping;
	uint64_t span = address & ~(SHM_SPAN_BYTES - 1);
	uint64_t start = piece->start > span ? piece->start : span;
	uint64_t end = piece->end < span + SHM_SPAN_BYTES ? piece->end : span + SHM_SPAN_BYTES;
	uint64_t index = (address - mapping->base) >> SHM_PAGE_SHIFT;

	/* The span of addresses may lie across two leaves: stay within the one of this page. */
	uint64_t leaf_first = index - index % SHM_ENTRIES_PER_TABLE;
	uint64_t capacity = leaf->table ? SHM_ENTRIES_PER_TABLE : SHM_INLINE_PAGES;
	uint64_t before = index - leaf_first, behind = leaf_first + capacity - index;
	if ((address - start) >> SHM_PAGE_SHIFT < before)
		before = (address - start) >> SHM_PAGE_SHIFT;
	if ((end - address + SHM_PAGE_BYTES - 1) >> SHM_PAGE_SHIFT < behind)
		behind = (end - address + SHM_PAGE_BYTES - 1) >> SHM_PAGE_SHIFT;

	if (fresh) {
		before = 0;
		behind = 1;
	}

	unsigned protection = piece->protection;
	if (mapping->private)
		protection &= ~SHM_WRITE;
	uint64_t first_address = (address & ~(SHM_PAGE_BYTES - 1)) - (before << SHM_PAGE_SHIFT);
	return shm_port(space->shm)
		->pages_set(space, first_address, shm_leaf_entry(leaf, index - before),
			    (unsigned)(before + behind), protection);
}

/*
 * Let the space see the whole GiB, by a link at the upper level: true, and *step. False: it is the
 * lower level's turn. Who has a middle table of its own there goes on with it, and so does a piece
 * of less than the GiB, though its like beside it covered the rest: looking would take too long.
 */
static __attribute__((noinline)) bool middle_show(struct shm_space *space, struct shm_piece *piece,
						  uint64_t address, struct shm_reserve *reserve,
						  bool *changed, enum fault_step *step)
{
	struct shm *shm = space->shm;
	struct shm_object *object = piece->mapping->object;
	uint64_t slot = shm_port(shm)->upper_get(space, address);
	uint64_t start = address & ~(SHM_MIDDLE_BYTES - 1), index = shm_piece_index(piece, address);
	struct shm_leaf *middle;

	*step = STEP_DONE;
	if (shm_entry_is_link(slot)) {
		middle = shm_object_middle(object, index);
		shm_assert(shm, middle && shm_entry_frame(slot) == middle->table);
		return true;
	}
	if (!shm_entry_is_none(slot) || piece->start > start ||
	    piece->end < start + SHM_MIDDLE_BYTES || !shm_middle_linkable(space, piece, address))
		return false;
	*changed = true;
	if (shm_object_middle_make(object, index, reserve, &middle))
		*step = STEP_MEMORY;
	else if (!shm_slot_link(piece, middle, address, SHM_LEVEL_MIDDLE))
		*step = STEP_MIDDLE_SLOT;
	return true;
}

/*
 * Let the space see the page, which is present in leaf; fresh: this fault made it.
 * *changed: some entry was stored.
 */
static enum fault_step page_show(struct shm_space *space, struct shm_piece *piece,
				 struct shm_leaf *leaf, uint64_t address, bool fresh,
				 struct shm_reserve *reserve, bool *changed)
{
	struct shm *shm = space->shm;
	uint64_t slot = shm_port(shm)->slot_get(space, address);
	enum fault_step step;

	if (shm_entry_is_link(slot)) {
		shm_assert(shm, shm_entry_frame(slot) == leaf->table);
		return STEP_DONE;
	}
	if (shm_entry_is_none(slot)) {
		if (shm_object_is_large(piece->mapping->object) &&
		    middle_show(space, piece, address, reserve, changed, &step))
			return step;
		if (shm_span_linkable(space, piece, leaf, address)) {
			*changed = true;
			return shm_slot_link(piece, leaf, address, SHM_LEVEL_SPAN) ? STEP_DONE
										   : STEP_SLOT;
		}
	}
	/* Before the entries: whoever hides pages of this object must look here from now on. */
	piece->mapping->touched = true;
	int filled = span_fill(space, piece, leaf, address, fresh);
	if (filled < 0)
		return STEP_OWN_LEAF;
	*changed |= filled > 0;
	shm_count(&shm->counters.fills, filled);
	return STEP_DONE;
}

static enum fault_step fault_try(struct shm_space *space, struct shm_piece *piece, uint64_t address,
				 struct shm_reserve *reserve, bool *changed)
{
	struct shm_object *object = piece->mapping->object;
	uint64_t index = shm_piece_index(piece, address);
	enum fault_step step;
	struct shm_leaf *leaf;
	bool made;

	shm_object_lock(object);
	int error = shm_object_page_make(object, index, reserve, &leaf, &made);
	if (error) {
		step = error == -EAGAIN ? STEP_MEMORY : STEP_BUS;
	} else {
		*changed |= made;
		step = page_show(space, piece, leaf, address, made, reserve, changed);
	}
	shm_object_unlock(object);
	return step;
}

static int step_prepare(struct shm_space *space, uint64_t address, enum fault_step step,
			struct shm_reserve *reserve)
{
	const struct shm_port *port = shm_port(space->shm);
	int error;

	switch (step) {
	case STEP_MEMORY:
		return shm_reserve_fill(space->shm, reserve);
	case STEP_SLOT:
		error = port->slot_prepare(space, address);
		break;
	case STEP_MIDDLE_SLOT:
		error = port->upper_prepare(space, address);
		break;
	default:
		error = port->pages_prepare(space, address);
	}
	return error == -EAGAIN ? 0 : error; /* somebody linked it: look again */
}

enum shm_fault_result shm_fault(struct shm_space *space, struct shm_piece *piece, uint64_t address,
				unsigned access)
{
	struct shm *shm = space->shm;
	const struct shm_port *port = shm_port(shm);
	struct shm_reserve reserve = {0};
	enum fault_step step;
	bool changed = false;
	int error = 0;

	shm_count(&shm->counters.faults, 1);
	/* Reading is implied by writing and executing: shm_entry_page cannot tell them apart. */
	if (!(access == SHM_READ ? piece->protection : piece->protection & access)) {
		shm_trace_fault(shm, piece, address, access);
		return SHM_FAULT_DENIED;
	}
	if (piece->mapping->private && access == SHM_WRITE)
		return shm_piece_index(piece, address) < piece->mapping->object->size_pages
			       ? SHM_FAULT_COPY
			       : SHM_FAULT_BUS;

	/* In a linked span a fault means that the page is missing: take one before the lock. */
	if (shm_address_linked(piece->mapping, address))
		reserve.frame = port->frame_alloc(0);
	while ((step = fault_try(space, piece, address, &reserve, &changed)) > STEP_BUS) {
		error = step_prepare(space, address, step, &reserve);
		if (error)
			break;
	}
	if (reserve.frame || reserve.node_count || reserve.leaf)
		shm_reserve_drop(shm, &reserve);
	if (error)
		return SHM_FAULT_MEMORY;
	if (step == STEP_BUS)
		return SHM_FAULT_BUS;
	/* Another thread was faster, or this CPU remembers that there was nothing. */
	if (!changed || (port->capabilities & SHM_CACHES_INVALID))
		port->flush_local(address);
	return SHM_FAULT_DONE;
}
