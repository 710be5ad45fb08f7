// SPDX-License-Identifier: MIT
/*
 * A file became shorter: private copies of pages that it no longer has go too,
 * as the object's own pages have gone (resize.c of shm/); an access is SIGBUS.
 *
 * Copies are entries of a space's own, so its areas must be looked at, under
 * its lock, which comes before the object's: the object names one space after
 * the other. A fault that began before has entered its copy when we get the
 * lock; one that comes later finds the new size.
 *
 * Spaces come in the order in which they were made, parents before children. A
 * child that fork is making is passed over: its parent was visited before, when the
 * fork had not begun, so that there was nothing to copy. (Had it begun, we would
 * have waited for it at the parent's lock.)
 */

#include "kernel/mm/area.h"
#include "kernel/mm/pagetable.h"

/* A reference to a space that is neither being made nor ending. Under the object's lock. */
static bool space_try_get(struct shm_space *shm)
{
	struct space *space = space_of(shm);
	uint32_t references = __atomic_load_n(&space->references, __ATOMIC_RELAXED);

	if (__atomic_load_n(&space->unborn, __ATOMIC_ACQUIRE))
		return false;
	while (references)
		/* Relaxed: the object's lock keeps the space from going. */
		if (__atomic_compare_exchange_n(&space->references, &references, references + 1,
						false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* Own pages of areas that show the object past its end. Space lock exclusive. */
static void copies_drop(struct space *space, const struct shm_object *object)
{
	uint64_t size_pages = shm_object_size_pages(object);
	struct gather gather;

	gather_init(&gather, space);
	for (struct area *area = space_area_above(space, 0); area; area = area_next(area)) {
		if (!area->own_pages || area_is_anonymous(area) ||
		    shm_piece_object(&area->piece) != object)
			continue;

		uint64_t first = shm_piece_index(&area->piece, area->start), start = area->start;

		if (first < size_pages)
			start += (size_pages - first) << PAGE_SHIFT;
		if (start < area->end)
			pagetable_zap(&gather, start, area->end, &area->own_pages);
	}
	gather_finish(&gather);
}

void space_drop_copies(struct shm_object *object)
{
	struct shm_space *shm;
	uint64_t serial = 0;

	while ((shm = shm_object_private_space(object, &serial, space_try_get))) {
		struct space *space = space_of(shm);

		space_lock(space, true);
		copies_drop(space, object);
		space_unlock(space, true);
		space_put(space);
		arch_interrupt_point();
	}
}
