// SPDX-License-Identifier: MIT
/*
 * madvise(2) and mincore(2). Advice that only tunes is accepted and does
 * nothing; advice that changes what a program sees is followed.
 */

#include "abi/fcntl.h"
#include "abi/mman.h"

#include "kernel/file/file.h"
#include "kernel/file/inode.h"
#include "kernel/mm/guard.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define PAGE_MASK     (PAGE_BYTES - 1)
#define MINCORE_CHUNK 256 /* pages looked at under one lock */

/* Own pages of [start, end) of an area go: zeros, or the object's contents, come back. */
static int advice_drop(struct space *space, struct area *area, uint64_t start, uint64_t end)
{
	struct gather gather;

	gather_init(&gather, space);
	if (area->own_pages)
		pagetable_zap(&gather, start, end, &area->own_pages);
	gather_finish(&gather);
	return 0;
}

/* One area's part [start, end) of the range. Space lock exclusive. 0, or why not. */
static int advice_apply(struct space *space, struct area *area, uint64_t start, uint64_t end,
			int advice)
{
	switch (advice) {
	case MADV_DONTNEED:
		if (area->flags & AREA_LOCKED)
			return -EINVAL;
		__attribute__((fallthrough));
	case MADV_DONTNEED_LOCKED:
		if (start & (area_page_bytes(area) - 1))
			return -EINVAL;
		return advice_drop(space, area, start, end);
	case MADV_FREE:
		return area_is_anonymous(area) ? advice_drop(space, area, start, end) : -EINVAL;
	case MADV_COLD:
	case MADV_PAGEOUT:
		return area->flags & AREA_LOCKED || area_is_huge(area) ? -EINVAL : 0;
	case MADV_GUARD_INSTALL:
		if ((area->flags & AREA_LOCKED) || area_is_huge(area))
			return -EINVAL;
		return guards_install(space, area, start, end);
	case MADV_GUARD_REMOVE:
		if (area_is_huge(area))
			return -EINVAL;
		if (area->flags & AREA_GUARDED)
			guards_remove(space, start, end);
		return 0;
	case MADV_WIPEONFORK:
		return area_is_anonymous(area) && !area->file ? 0 : -EINVAL;
	default:
		return 0;
	}
}

/* The advice changes flags of areas: which go, and which come. */
static bool advice_flags(int advice, unsigned *clear, unsigned *set)
{
	static const struct {
		int advice;
		unsigned clear, set;
	} table[] = {
		{MADV_NORMAL, AREA_RANDOM | AREA_SEQUENTIAL, 0},
		{MADV_RANDOM, AREA_SEQUENTIAL, AREA_RANDOM},
		{MADV_SEQUENTIAL, AREA_RANDOM, AREA_SEQUENTIAL},
		{MADV_DONTFORK, 0, AREA_DONTFORK},
		{MADV_DOFORK, AREA_DONTFORK, 0},
		{MADV_WIPEONFORK, 0, AREA_WIPEONFORK},
		{MADV_KEEPONFORK, AREA_WIPEONFORK, 0},
		{MADV_DONTDUMP, 0, AREA_DONTDUMP},
		{MADV_DODUMP, AREA_DONTDUMP, 0},
	};

	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].advice == advice) {
			*clear = table[i].clear;
			*set = table[i].set;
			return true;
		}
	return false;
}

/* Cut [start, end) of the area off and change its flags, unless they are so already. 0; -ENOMEM, -EINVAL. */
static int area_reflag(struct space *space, struct area **area, uint64_t start, uint64_t end,
		       unsigned clear, unsigned set)
{
	unsigned flags = ((*area)->flags & ~clear) | set;
	struct area_spares spares;

	if (flags == (*area)->flags)
		return 0;
	int err = area_spares_take(space, &spares, *area, start, end, 2);

	if (err)
		return err;

	bool low = spares.record[0], high = spares.record[1];

	area_cut_to_change(space, &spares, start, end);
	*area = space_area_above(space, start);
	(*area)->flags = flags;
	if (flags & AREA_SEGMENT)
		*area = area_merge_cut(space, *area, low, high);
	*area = area_merge(space, *area);
	return 0;
}

static bool advice_known(int advice)
{
	/* As a Linux without huge pages and without merging. */
	if (advice >= MADV_MERGEABLE && advice <= MADV_NOHUGEPAGE)
		return false;
	return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) ||
	       (advice >= MADV_FREE && advice <= MADV_DONTNEED_LOCKED) ||
	       advice == MADV_GUARD_INSTALL || advice == MADV_GUARD_REMOVE;
}

/* Holes do not stop it: what is mapped is done, then -ENOMEM. madvise(2), ERRORS. */
static long advise_locked(struct space *space, uint64_t start, uint64_t end, int advice)
{
	unsigned clear, set;
	bool reflag = advice_flags(advice, &clear, &set), hole = false;
	struct area *area = space_area_above(space, start);
	int err = 0;

	while (area && area->start < end && !err) {
		uint64_t from = area->start > start ? area->start : start;
		uint64_t stop = area->end < end ? area->end : end;

		hole = hole || area->start > start;
		err = advice_apply(space, area, from, stop, advice);
		if (!err && reflag) {
			err = area_reflag(space, &area, from, stop, clear, set);
			stop = area->end < end ? area->end : end; /* now one with the next? */
		}
		start = stop;
		area = area_next(area);
	}
	space->fork_skips |= reflag && (set & AREA_DONTFORK);
	return err ? err : hole || start < end ? -ENOMEM : 0;
}

/* What MADV_REMOVE punches: a file, or an object without one; with a reference. */
struct remove_target {
	struct file *file;
	struct shm_object *object;
	uint64_t offset; /* bytes */
};

static int remove_target_take(struct area *area, uint64_t start, struct remove_target *target)
{
	if ((area_is_anonymous(area) && !area->file) || (area->flags & AREA_LOCKED))
		return -EINVAL;
	if (!area_is_shared(area) || !(area->protection_max & SHM_WRITE))
		return -EACCES;
	target->offset = shm_piece_index(&area->piece, start) << PAGE_SHIFT;
	target->file = area->file;
	if (target->file) {
		file_get(target->file);
	} else {
		target->object = shm_piece_object(&area->piece);
		shm_object_get(target->object);
	}
	return 0;
}

/* MADV_REMOVE: area by area, without the space lock while a file's own locks are taken. */
static long advise_remove(struct space *space, uint64_t start, uint64_t end)
{
	bool hole = false;
	long err = 0;

	while (start < end && !err) {
		struct remove_target target = {0};

		space_lock(space, false);
		struct area *area = space_area_above(space, start);
		uint64_t stop = area && area->end < end ? area->end : end;

		if (!area || area->start > start)
			hole = true;
		if (area && area->start > start)
			start = area->start;
		if (area && start < end)
			err = remove_target_take(area, start, &target);
		space_unlock(space, false);
		if (target.file) {
			err = file_punch(target.file, target.offset, stop - start);
			file_put(target.file);
		} else if (target.object) {
			shm_object_punch(target.object, target.offset >> PAGE_SHIFT,
					 (stop - start) / PAGE_BYTES);
			shm_object_put(target.object);
		}
		start = stop;
	}
	return !err && hole ? -ENOMEM : err;
}

/* MADV_POPULATE_READ and _WRITE. */
static long advise_populate(struct space *space, uint64_t start, uint64_t end, int advice)
{
	for (; start < end; start += PAGE_BYTES) {
		unsigned access = advice == MADV_POPULATE_WRITE ? SHM_WRITE : SHM_READ;

		schedule_point();
		if (signal_kill_is_pending())
			return -EINTR;
		if (access == SHM_READ && space_read_is_denied(space, start))
			return -EINVAL;
		switch (space_fault(space, start, access)) {
		case SPACE_FAULT_DONE:
			break;
		case SPACE_FAULT_SEGV_ACCERR:
			return -EINVAL;
		case SPACE_FAULT_BUS:
		case SPACE_FAULT_GUARD:
			return -EFAULT;
		case SPACE_FAULT_SEGV_MAPERR:
		case SPACE_FAULT_MEMORY:
			return -ENOMEM;
		}
	}
	return 0;
}

/* madvise(2). */
long sys_madvise(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t start = argument[0], end = start + ((argument[1] + PAGE_MASK) & ~PAGE_MASK);
	int advice = (int)argument[2];

	if (!advice_known(advice) || (start & PAGE_MASK) || end < start ||
	    (argument[1] && end == start))
		return -EINVAL;
	if (start == end)
		return 0;
	if (end > mmu_user_end)
		return -ENOMEM;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return advise_populate(space, start, end, advice);
	if (advice == MADV_REMOVE)
		return advise_remove(space, start, end);
	space_lock(space, true);
	long result = advise_locked(space, start, end, advice);

	space_unlock(space, true);
	return result;
}

static bool page_is_there(struct space *space, struct area *area, uint64_t address)
{
	return (area->own_pages && space_page_is_own(space, address)) ||
	       (area->piece.mapping &&
		shm_object_page_touched(shm_piece_object(&area->piece),
					shm_piece_index(&area->piece, address)));
}

/*
 * Who may not write a file learns nothing of what others do with it: every page is there,
 * to him. Segments and memory without a name may be asked about by who has mapped them.
 */
static bool area_may_tell(const struct area *area)
{
	struct inode *inode = area->file && !area_is_anonymous(area) ? area->file->inode : NULL;
	struct access access;

	if (!inode)
		return true;
	access_current(&access);
	return inode_is_owner(inode, &access) ||
	       inode_permission(inode, &access, ACCESS_WRITE) == 0;
}

/* One byte for each page from `start` on. 0; -ENOMEM: not mapped. Takes the space lock. */
static int residency_look(struct space *space, uint64_t start, uint8_t *there, unsigned count)
{
	int err = 0;

	space_lock(space, false);
	struct area *area = space_area_above(space, start);
	bool tells = area && area_may_tell(area);

	for (unsigned i = 0; i < count && !err; i++, start += PAGE_BYTES) {
		if (area && area->end <= start) {
			area = area_next(area);
			tells = area && area_may_tell(area);
		}
		if (!area || area->start > start)
			err = -ENOMEM;
		else
			there[i] = !tells || page_is_there(space, area, start);
	}
	space_unlock(space, false);
	return err;
}

/* mincore(2). */
long sys_mincore(const uint64_t *argument)
{
	struct space *space = thread_current()->space;
	uint64_t start = argument[0], out = argument[2];
	uint64_t pages = argument[1] / PAGE_BYTES + !!(argument[1] & PAGE_MASK);
	uint8_t there[MINCORE_CHUNK];

	if (start & PAGE_MASK)
		return -EINVAL;
	if (start > mmu_user_end || pages > (mmu_user_end - start) / PAGE_BYTES)
		return -ENOMEM;
	while (pages) {
		unsigned count = pages < MINCORE_CHUNK ? (unsigned)pages : MINCORE_CHUNK;
		int err = residency_look(space, start, there, count);

		if (err)
			return err;
		if (copy_to_user(out, there, count) != 0)
			return -EFAULT;
		schedule_point();
		if (signal_kill_is_pending())
			return -EINTR;
		start += count * PAGE_BYTES;
		out += count;
		pages -= count;
	}
	return 0;
}
