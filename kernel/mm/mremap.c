// SPDX-License-Identifier: MIT
/*
 * mremap(2): a mapping grows, shrinks or moves. A move makes the new area
 * first, with all that can fail, then carries the own pages over and unmaps
 * the old range. Pages of objects are not moved: they come back by faults.
 */

#include "abi/mman.h"

#include "kernel/file/file.h"
#include "kernel/mm/area.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/guard.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define PAGE_MASK  (PAGE_BYTES - 1)
#define MOVE_AREAS 3 /* there must be room for more than so many: observed */

struct move {
	uint64_t from, from_bytes;
	uint64_t to, to_bytes;
	uint64_t flags; /* MREMAP_* */
};

/* Promise memory for `pages` more of the area. 0, -ENOMEM. */
static int growth_charge(struct space *space, const struct area *area, uint64_t pages)
{
	if (!space_may_add(space, pages) ||
	    (area_is_data(area->flags, area->protection) && pages > space_data_room(space)))
		return -ENOMEM;
	return area->flags & AREA_CHARGED ? commit_reserve(pages) : 0;
}

/* Can the area become longer where it is? 0 when it has. */
static int grow_in_place(struct space *space, struct area *area, uint64_t new_end)
{
	uint64_t pages = (new_end - area->end) / PAGE_BYTES;
	struct area *next;

	if (new_end > mmu_user_end || !area_range_free(space, area->end, new_end, &next) ||
	    growth_charge(space, area, pages) != 0)
		return -ENOMEM;
	if (area->flags & AREA_CHARGED)
		space->committed_pages += pages;
	shm_place(&space->shm, area->end, new_end);
	if (area->piece.mapping) {
		(void)shm_piece_attach(&space->shm, &area->piece);
		shm_piece_extend(&space->shm, &area->piece, new_end);
	}
	area_resize(space, area, area->start, new_end);
	if (!(area->flags & AREA_SEGMENT))
		area_merge(space, area);
	return 0;
}

/* Choose or clear the destination. 0; -ENOMEM, -EINVAL. The old area may have been cut. */
static int destination_take(struct space *space, struct move *move)
{
	struct area *area = space_area_above(space, move->from), *next;
	uint64_t alignment = PAGE_BYTES, phase = 0;

	if (move->flags & MREMAP_FIXED) {
		if (move->to < MAP_LOWEST)
			return -EPERM;
		return space_unmap(space, move->to, move->to + move->to_bytes);
	}
	if (area_is_shared(area)) {
		alignment = shm_object_alignment_bytes(shm_piece_object(&area->piece));
		phase = shm_piece_index(&area->piece, move->from) << PAGE_SHIFT;
	}
	move->to = area_find_room(space, move->to_bytes, alignment, phase, &next);
	return move->to ? 0 : -ENOMEM;
}

/* What the old area shows, the new one does. 0; -ENOMEM. */
static int target_show(struct space *space, const struct move *move, struct area *from,
		       struct area *target)
{
	uint64_t attach = shm_piece_attach(&space->shm, &from->piece);
	int err =
		shm_piece_map(&space->shm, &target->piece, shm_piece_object(&from->piece),
			      target->start, target->end, shm_piece_index(&from->piece, move->from),
			      from->protection, from->piece.flags, process_current()->pid);

	if (!err)
		target->piece.attach = attach;
	return err;
}

/* The area at the destination, not yet in the tree. 0; -ENOMEM. */
static int target_make(struct space *space, const struct move *move, struct area *from,
		       struct area *target)
{
	shm_place(&space->shm, move->to, move->to + move->to_bytes);
	target->start = move->to;
	target->end = move->to + move->to_bytes;
	target->protection = from->protection;
	target->protection_max = from->protection_max;
	target->flags = from->flags & ~AREA_STACK;
	target->touched = true;
	target->file_offset = from->file_offset + (move->from - from->start);
	if ((from->own_pages || (from->flags & AREA_GUARDED)) &&
	    pagetable_prepare_move(space, move->from, move->to, move->from_bytes) != 0)
		return -ENOMEM;
	if (from->piece.mapping && target_show(space, move, from, target) != 0)
		return -ENOMEM;
	target->file = from->file;
	if (target->file)
		area_file_get(target);
	area_insert(space, target, space_area_above(space, target->start));
	return 0;
}

/* Of MREMAP_DONTUNMAP: what stays is locked no more, all of the area, as on Linux. */
static void area_unlock(struct space *space, struct area *area)
{
	if (area->flags & AREA_LOCKED)
		space->locked_pages -= area_pages(area);
	area->flags &= ~AREA_LOCK_MASK;
}

/* Everything is reserved: own pages go over, the old range goes. Cannot fail. */
static void move_commit(struct space *space, const struct move *move, struct area_spares *spares,
			struct area *target)
{
	uint64_t end = move->from + move->from_bytes;
	struct area *old = space_area_above(space, move->from);

	if (target->flags & AREA_CHARGED)
		space->committed_pages += area_pages(target);
	if (target->flags & AREA_GUARDED)
		guards_move(space, move->from, move->to, move->from_bytes);
	if (move->flags & MREMAP_DONTUNMAP)
		area_unlock(space, old);
	if (!move->from_bytes || (move->flags & MREMAP_DONTUNMAP && !old->own_pages)) {
		/* Nothing to carry over, so the area stays in one piece. */
		area_spares_drop(spares);
	} else {
		area_cut(space, spares, move->from, end);

		struct area *from = space_area_above(space, move->from);

		if (from->own_pages) {
			pagetable_move(space, move->from, move->to, move->from_bytes);
			flush_range(space, move->from, end, false);
			target->own_pages = from->own_pages;
			from->own_pages = 0;
		}
		if (!(move->flags & MREMAP_DONTUNMAP))
			space_unmap(space, move->from, end); /* cut already: cannot fail */
	}
	if (target->piece.mapping)
		shm_piece_settle(&space->shm, &target->piece);
	if (target->flags & AREA_SEGMENT)
		area_merge_attach(space, target);
	else
		area_merge(space, target);
}

static long area_move(struct space *space, struct move *move)
{
	struct area_spares spares;
	struct area *target, *from;
	long err = destination_take(space, move);

	if (err)
		return err;
	from = space_area_above(space, move->from);
	if (!from || from->start > move->from)
		return -EFAULT; /* of length 0, it lay in the destination, and is gone */
	err = growth_charge(space, from, move->to_bytes / PAGE_BYTES);
	if (err)
		return err;

	bool charged = from->flags & AREA_CHARGED;

	err = -ENOMEM;
	if (space->area_count >= AREAS_MAX - MOVE_AREAS)
		goto uncharge;
	target = area_alloc();
	if (!target)
		goto uncharge;
	if (area_spares_take(space, &spares, from, move->from, move->from + move->from_bytes, 2))
		goto free_target;
	if (target_make(space, move, from, target) != 0)
		goto drop_spares;
	move_commit(space, move, &spares, target);
	return (long)move->to;
drop_spares:
	area_spares_drop(&spares);
free_target:
	area_free(target);
uncharge:
	if (charged)
		commit_release(move->to_bytes / PAGE_BYTES);
	return err;
}

static bool arguments_ok(const struct move *move)
{
	uint64_t flags = move->flags;

	if (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return false;
	if ((move->from & PAGE_MASK) || !move->to_bytes || move->to_bytes > mmu_user_end)
		return false;
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		return true;
	if (!(flags & MREMAP_MAYMOVE) || (move->to & PAGE_MASK) ||
	    move->to > mmu_user_end - move->to_bytes)
		return false;
	if ((flags & MREMAP_DONTUNMAP) && move->from_bytes != move->to_bytes)
		return false;
	/* Old and new may not overlap. */
	return move->to >= move->from + move->from_bytes || move->from >= move->to + move->to_bytes;
}

/* Huge pages move whole, and never become more. False: that is not what is asked for. */
static bool huge_take(const struct area *area, struct move *move)
{
	uint64_t mask = area_page_bytes(area) - 1;

	if (!move->from_bytes || move->from & mask || move->flags & MREMAP_DONTUNMAP ||
	    (move->flags & MREMAP_FIXED && move->to & mask))
		return false;
	move->from_bytes = (move->from_bytes + mask) & ~mask;
	move->to_bytes = (move->to_bytes + mask) & ~mask;
	return move->to_bytes <= move->from_bytes && arguments_ok(move);
}

/* Of one area; what else the move may do beside moving as it is: grow, shrink, double. */
static long remap_one(struct space *space, struct move *move)
{
	struct area *area = space_area_above(space, move->from);
	bool fixed = move->flags & MREMAP_FIXED;

	if (!area || area->start > move->from)
		return -EFAULT;
	/* What is cut off must be addresses: else nothing would bound it. */
	if (move->from_bytes > move->to_bytes && move->from_bytes > mmu_user_end - move->from) {
		if (fixed) /* done by then on Linux */
			(void)space_unmap(space, move->to, move->to + move->to_bytes);
		return -EINVAL;
	}
	if (area_is_huge(area) && !huge_take(area, move))
		return -EINVAL;

	uint64_t old_end = move->from + move->from_bytes;

	if (!move->from_bytes && !area_is_shared(area))
		return -EINVAL;
	if (!fixed && move->from_bytes >= move->to_bytes && !(move->flags & MREMAP_DONTUNMAP)) {
		long err = 0;

		if (move->from_bytes > move->to_bytes)
			err = space_unmap(space, move->from + move->to_bytes, old_end);
		return err ? err : (long)move->from;
	}
	bool shorter = fixed && move->from_bytes > move->to_bytes;

	/* Only what goes over must lie in one area; what is cut off may span several, and holes. */
	if (shorter)
		old_end = move->from + move->to_bytes;
	if (old_end > area->end || old_end < move->from)
		return -EFAULT;
	if ((area->flags & AREA_LOCKED) && move->to_bytes > move->from_bytes &&
	    !space_may_lock(space, (move->to_bytes - move->from_bytes) / PAGE_BYTES))
		return -EAGAIN;
	if (shorter) {
		int err = space_unmap(space, old_end, move->from + move->from_bytes);

		if (err)
			return err;
		move->from_bytes = move->to_bytes;
		area = space_area_above(space, move->from);
	}
	if (!fixed && move->from_bytes && old_end == area->end &&
	    !(move->flags & MREMAP_DONTUNMAP) &&
	    grow_in_place(space, area, move->from + move->to_bytes) == 0)
		return (long)move->from;
	if (!(move->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	return area_move(space, move);
}

/*
 * A move as it is to a given place takes all areas of the range along, and keeps the gaps
 * between them (Linux 6.17); but segments move one at a time only. What was moved before
 * an error stays moved.
 */
static long remap_several(struct space *space, const struct move *whole)
{
	uint64_t from = whole->from, end = whole->from + whole->from_bytes;
	struct area *area = space_area_above(space, from);
	bool first = true;

	if (!area || area->start > from || end > mmu_user_end)
		return -EFAULT;
	for (; from < end && area && area->start < end; first = false) {
		struct move move = *whole;

		if (area->flags & AREA_SEGMENT && (!first || area->end < end))
			return -EFAULT;
		move.from = area->start > from ? area->start : from;
		from = area->end < end ? area->end : end;
		move.from_bytes = move.to_bytes = from - move.from;
		move.to = whole->to + (move.from - whole->from);

		long result = remap_one(space, &move);

		if (result < 0)
			return result;
		area = space_area_above(space, from);
	}
	return (long)whole->to;
}

static long remap_locked(struct space *space, struct move *move)
{
	bool as_it_is = move->flags & MREMAP_FIXED && move->from_bytes == move->to_bytes;

	return as_it_is ? remap_several(space, move) : remap_one(space, move);
}

/* mremap(2). */
long sys_mremap(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	struct move move = {
		.from = argument[0],
		.from_bytes = (argument[1] + PAGE_MASK) & ~PAGE_MASK,
		.to = argument[4],
		.to_bytes = (argument[2] + PAGE_MASK) & ~PAGE_MASK,
		.flags = argument[3],
	};

	if (!arguments_ok(&move))
		return -EINVAL;
	space_lock(space, true);
	long result = -ENOMEM;

	/* Where it has to move, two more on Linux, before it looks at what is there. */
	if (!(move.flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) ||
	    space->area_count + 2 < AREAS_MAX - MOVE_AREAS)
		result = remap_locked(space, &move);

	space_unlock(space, true);
	if (result >= 0 && move.to_bytes > move.from_bytes)
		space_populate_locked(space, (uint64_t)result + move.from_bytes,
				      (uint64_t)result + move.to_bytes);
	return result;
}
