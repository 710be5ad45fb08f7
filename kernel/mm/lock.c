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
				arch_interrupt_point();
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

/* mlock(2), "Limits": may the running thread lock so many more pages? 0, -EPERM, -ENOMEM. */
static int lock_may(struct space *space, uint64_t pages)
{
	uint64_t limit = process_current()->limits[LIMIT_MEMLOCK][0];

	if (cred_has(cred_current(), CAP_IPC_LOCK))
		return 0;
	if (!limit)
		return -EPERM;
	return space->locked_pages + pages > limit / SHM_PAGE_BYTES ? -ENOMEM : 0;
}

/* Mark whole areas of [start, end). Space lock exclusive. 0; -ENOMEM: a hole, or no record. */
static int areas_mark(struct space *space, uint64_t start, uint64_t end, bool lock)
{
	struct area_spares spares;
	uint64_t at = start;

	for (struct area *area = space_area_above(space, start); at < end; area = area_next(area)) {
		if (!area || area->start > at)
			return -ENOMEM;
		at = area->end;
	}
	if (area_spares_take(space, &spares, space_area_above(space, start), start, end))
		return -ENOMEM;
	area_cut(space, &spares, start, end);
	for (struct area *area = space_area_above(space, start); area && area->start < end;) {
		if (lock != !!(area->flags & AREA_LOCKED)) {
			area->flags ^= AREA_LOCKED;
			space->locked_pages += lock ? area_pages(area) : -area_pages(area);
		}
		area = area_next(area_merge(space, area));
	}
	return 0;
}

static long range_lock(uint64_t address, uint64_t size_bytes, bool lock, bool populate)
{
	struct space *space = thread_current()->space;
	uint64_t start = address & ~PAGE_MASK;
	uint64_t end = (address + size_bytes + PAGE_MASK) & ~PAGE_MASK;

	if (end < start)
		return -EINVAL;
	if (start == end)
		return 0;
	space_lock(space, true);
	long result = lock ? lock_may(space, (end - start) / SHM_PAGE_BYTES) : 0;

	if (!result)
		result = areas_mark(space, start, end, lock);
	space_unlock(space, true);
	if (!result && lock && populate && space_populate(space, start, end) != 0)
		return -ENOMEM;
	return result;
}

/* mlock(2). */
long sys_mlock(const uint64_t *argument)
{
	return range_lock(argument[0], argument[1], true, true);
}

/* mlock2(2). */
long sys_mlock2(const uint64_t *argument)
{
	if (argument[2] & ~(uint64_t)MLOCK_ONFAULT)
		return -EINVAL;
	return range_lock(argument[0], argument[1], true, !(argument[2] & MLOCK_ONFAULT));
}

/* munlock(2). */
long sys_munlock(const uint64_t *argument)
{
	return range_lock(argument[0], argument[1], false, false);
}

static long all_mark(bool lock)
{
	struct space *space = thread_current()->space;
	long result = 0;

	space_lock(space, true);
	if (lock)
		result = lock_may(space, space->mapped_pages - space->locked_pages);
	for (struct area *area = space_area_above(space, 0); area && !result;) {
		if (lock != !!(area->flags & AREA_LOCKED)) {
			area->flags ^= AREA_LOCKED;
			space->locked_pages += lock ? area_pages(area) : -area_pages(area);
		}
		area = area_next(area_merge(space, area));
	}
	space_unlock(space, true);
	return result;
}

/* mlockall(2). MCL_FUTURE is accepted, and later mappings are not locked: nothing is ever swapped. */
long sys_mlockall(const uint64_t *argument)
{
	uint64_t flags = argument[0], address = 0;
	struct space *space = thread_current()->space;
	struct area_view view;

	if (!flags || (flags & ~(uint64_t)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) ||
	    flags == MCL_ONFAULT)
		return -EINVAL;
	if (!(flags & MCL_CURRENT))
		return 0;

	long result = all_mark(true);

	while (!result && !(flags & MCL_ONFAULT) &&
	       space_view_next(space, &address, &view, false)) {
		if (view.file)
			file_put(view.file);
		space_populate(space, view.start, view.end); /* as far as it goes: mlockall(2) */
	}
	return result;
}

/* munlockall(2). */
long sys_munlockall(const uint64_t *argument)
{
	(void)argument;
	return all_mark(false);
}
