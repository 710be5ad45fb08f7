// SPDX-License-Identifier: MIT
/*
 * Pages made present and kept: populate, mlock(2) and its kin. There is no
 * swap, so locking is populating, the limit and the accounting.
 */

#include "abi/mman.h"

#include "kernel/file/file.h"
#include "kernel/mm/area.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define LIMIT_MEMLOCK 8 /* RLIMIT_MEMLOCK */
#define PAGE_MASK     (SHM_PAGE_BYTES - 1)
#define POPULATE_STEP 64 /* pages between two chances for an interrupt */

/* What to fault with at the address, and where its area ends. 0: nothing there. Space lock taken. */
static unsigned populate_access(struct space *space, uint64_t address, uint64_t *end)
{
	unsigned access = 0;

	space_lock(space, false);
	struct area *area = space_area_above(space, address);

	if (area && area->start <= address) {
		*end = area->end < *end ? area->end : *end;
		access = area->protection & SHM_WRITE && (area->flags & AREA_PRIVATE) ? SHM_WRITE
			 : area->protection & SHM_READ                                ? SHM_READ
						       : area->protection;
	}
	space_unlock(space, false);
	return access;
}

int space_populate(struct space *space, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t stop = end;
		unsigned access = populate_access(space, start, &stop);

		if (!access)
			return -ENOMEM;
		for (unsigned i = 0; start < stop; start += SHM_PAGE_BYTES, i++) {
			if (i % POPULATE_STEP == 0) {
				schedule_point();
				if (signal_kill_is_pending())
					return -EINTR;
			}
			enum space_fault_result result = space_fault(space, start, access);

			if (result == SPACE_FAULT_BUS)
				return -EFAULT;
			if (result != SPACE_FAULT_DONE)
				return -ENOMEM;
		}
	}
	return 0;
}

void space_populate_locked(struct space *space, uint64_t start, uint64_t end)
{
	space_lock(space, false);
	struct area *area = space_area_above(space, start);

	if (!area || area->start > start || (area->flags & AREA_LOCK_MASK) != AREA_LOCKED)
		end = start;
	else if (end > area->end)
		end = area->end;
	space_unlock(space, false);
	(void)space_populate(space, start, end); /* what does not come now may come later */
}

void space_populate_private(struct space *space, uint64_t start, uint64_t end)
{
	while (start < end) {
		uint64_t from = end, stop = end;

		space_lock(space, false);
		struct area *area = space_area_above(space, start);

		if (area && area->start < end) {
			from = area->start > start ? area->start : start;
			stop = area->end < end ? area->end : end;
			if ((area->flags & AREA_LOCK_MASK) != AREA_LOCKED ||
			    !(area->flags & AREA_PRIVATE) || !(area->protection & SHM_WRITE))
				from = stop;
		}
		space_unlock(space, false);
		(void)space_populate(space, from, stop); /* as above */
		start = stop;
	}
}

/* ---- limits: mlock(2), "Limits and permissions" ---- */

static uint64_t memlock_limit_pages(void)
{
	return process_current()->limits[LIMIT_MEMLOCK][0] / SHM_PAGE_BYTES;
}

bool space_may_lock(const struct space *space, uint64_t pages)
{
	return space->locked_pages + pages <= memlock_limit_pages() ||
	       cred_has(cred_current(), CAP_IPC_LOCK);
}

bool may_lock_any(void)
{
	return process_current()->limits[LIMIT_MEMLOCK][0] ||
	       cred_has(cred_current(), CAP_IPC_LOCK);
}

/* ---- marks ---- */

/* An area's AREA_LOCK_MASK flags. Space lock exclusive. */
static void area_mark(struct space *space, struct area *area, unsigned flags)
{
	bool was = area->flags & AREA_LOCKED, is = flags & AREA_LOCKED;

	if (area_is_huge(area))
		return;

	if (was != is) /* unsigned arithmetic wraps */
		space->locked_pages += is ? area_pages(area) : -area_pages(area);
	area->flags = (area->flags & ~AREA_LOCK_MASK) | flags;
}

/* How many pages of [start, end) are locked; *stop: where the first hole begins. Space lock. */
static uint64_t locked_count(struct space *space, uint64_t start, uint64_t end, uint64_t *stop)
{
	struct area *area = space_area_above(space, start);
	uint64_t locked = 0, at = start;

	*stop = area && area->start <= start ? end : start;
	for (; area && area->start < end; area = area_next(area)) {
		uint64_t from = area->start > start ? area->start : start;
		uint64_t to = area->end < end ? area->end : end;

		if (from > at && *stop > at)
			*stop = at;
		if (area->flags & AREA_LOCKED)
			locked += (to - from) / SHM_PAGE_BYTES;
		at = to;
	}
	if (at < *stop)
		*stop = at;
	return locked;
}

/* Mark the areas of [start, end), which has no hole. Space lock exclusive. 0; -ENOMEM: no record. */
static int areas_mark(struct space *space, uint64_t start, uint64_t end, unsigned flags)
{
	struct area_spares spares;
	uint64_t first = end, last = start;

	/* What has the mark already is not cut; huge pages never have it. */
	for (struct area *area = space_area_above(space, start); area && area->start < end;
	     area = area_next(area)) {
		if ((area->flags & AREA_LOCK_MASK) == flags || area_is_huge(area))
			continue;
		if (first == end)
			first = area->start > start ? area->start : start;
		last = area->end < end ? area->end : end;
	}
	if (first >= last)
		return 0;
	if (area_spares_take(space, &spares, space_area_above(space, first), first, last, 2))
		return -ENOMEM;

	bool low = spares.record[0], high = spares.record[1];

	area_cut_to_change(space, &spares, first, last);
	for (struct area *area = space_area_above(space, first); area && area->start < last;) {
		area_mark(space, area, flags);
		if (area->flags & AREA_SEGMENT)
			area = area_merge_cut(space, area, low && area->start == first,
					      high && area->end == last);
		area = area_next(area_merge(space, area));
	}
	return 0;
}

/* mlock(2), munlock(2): up to the first hole, then -ENOMEM. */
static long range_lock(uint64_t address, uint64_t size_bytes, unsigned flags)
{
	struct space *space = thread_current()->space;
	uint64_t start = address & ~PAGE_MASK, stop;
	uint64_t end = (address + size_bytes + PAGE_MASK) & ~PAGE_MASK;

	if (end < start)
		return -EINVAL;
	if (start == end)
		return 0;
	space_lock(space, true);
	uint64_t locked = locked_count(space, start, end, &stop);
	long result = stop < end ? -ENOMEM : 0;

	if (flags && !space_may_lock(space, (end - start) / SHM_PAGE_BYTES - locked))
		result = -ENOMEM;
	else if (stop > start && areas_mark(space, start, stop, flags) != 0)
		result = -ENOMEM;
	space_unlock(space, true);
	if (!result && flags == AREA_LOCKED && space_populate(space, start, end) != 0)
		return -ENOMEM;
	return result;
}

/* mlock(2). */
long sys_mlock(const uint64_t *argument)
{
	if (!may_lock_any())
		return -EPERM;
	return range_lock(argument[0], argument[1], AREA_LOCKED);
}

/* mlock2(2). */
long sys_mlock2(const uint64_t *argument)
{
	if (argument[2] & ~(uint64_t)MLOCK_ONFAULT)
		return -EINVAL;
	if (!may_lock_any())
		return -EPERM;
	return range_lock(argument[0], argument[1],
			  argument[2] & MLOCK_ONFAULT ? AREA_LOCK_MASK : AREA_LOCKED);
}

/* munlock(2). */
long sys_munlock(const uint64_t *argument)
{
	return range_lock(argument[0], argument[1], 0);
}

/* Every area gets these flags. Space lock exclusive. */
static void all_mark(struct space *space, unsigned flags)
{
	for (struct area *area = space_area_above(space, 0); area;) {
		area_mark(space, area, flags);
		area = area_next(area_merge(space, area));
	}
}

/* mlockall(2). */
long sys_mlockall(const uint64_t *argument)
{
	uint64_t flags = argument[0], address = 0;
	unsigned mark = flags & MCL_ONFAULT ? AREA_LOCK_MASK : AREA_LOCKED;
	struct space *space = thread_current()->space;
	struct area_view view;

	if (!flags || (flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock_any())
		return -EPERM;
	space_lock(space, true);
	if ((flags & MCL_CURRENT) &&
	    !space_may_lock(space, space->mapped_pages - space->locked_pages)) {
		space_unlock(space, true);
		return -ENOMEM;
	}
	space->lock_future = flags & MCL_FUTURE ? mark : 0;
	if (flags & MCL_CURRENT)
		all_mark(space, mark);
	space_unlock(space, true);
	while ((flags & MCL_CURRENT) && mark == AREA_LOCKED &&
	       space_view_next(space, &address, &view, false)) {
		if (view.file)
			file_put(view.file);
		space_populate(space, view.start, view.end); /* as far as it goes: mlockall(2) */
	}
	return 0;
}

/* munlockall(2). */
long sys_munlockall(const uint64_t *argument)
{
	struct space *space = thread_current()->space;

	(void)argument;
	space_lock(space, true);
	space->lock_future = 0;
	all_mark(space, 0);
	space_unlock(space, true);
	return 0;
}
