// SPDX-License-Identifier: MIT
/*
 * Address spaces: made, shared by counting, emptied; mappings made, removed
 * and reprotected. Everything that changes areas works in three steps: check,
 * reserve the area records that cuts may need, then act without failing.
 *
 * Lock order: the space lock, then shm's, then the page-table lock.
 */

#include "kernel/mm/area.h"

#include "abi/errno.h"
#include "kernel/file/file.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/print.h"
#include "kernel/lib/random.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/guard.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

#define LIMIT_AS          9 /* RLIMIT_AS */
#define STACK_GAP_MIN     (128ull << 20)
#define STACK_GAP_MAX     (mmu_user_end / 6 * 5)
#define RANDOM_STACK      (1ull << 30) /* distances that are drawn below these */
#define RANDOM_MAPPINGS   (1ull << 38)
#define RANDOM_MAPPINGS_3 (1ull << 33) /* with three levels of tables */

int space_create(struct space **created)
{
	struct space *space = kmem_zalloc(sizeof(*space));

	if (!space)
		return -ENOMEM;
	space->root = frame_alloc(FRAME_ZERO);
	if (!space->root) {
		kmem_free(space, sizeof(*space));
		return -ENOMEM;
	}
	mmu_root_init(phys_to_virt(space->root));
	shm_space_init(&space->shm, &shm_instance);
	rwlock_init(&space->lock, RANK_SPACE);
	spin_init(&space->page_table_lock, RANK_PAGE_TABLE);
	areas_init(space);
	space->references = 1;
	space->holders = 1;
	space->map_top = mmu_user_end - STACK_GAP_MIN;
	*created = space;
	return 0;
}

void space_get(struct space *space)
{
	/* Relaxed: the caller has a reference. */
	__atomic_fetch_add(&space->references, 1, __ATOMIC_RELAXED);
}

void area_uncharge(struct space *space, struct area *area)
{
	if (!(area->flags & AREA_CHARGED))
		return;
	commit_release(area_pages(area));
	space->committed_pages -= area_pages(area);
}

/* The area's piece and its record go; it has no own pages. Tables stay. */
static void area_drop(struct space *space, struct area *area)
{
	if (area->piece.mapping)
		shm_piece_unmap(&space->shm, &area->piece, process_current()->pid);
	area_uncharge(space, area);
	area_remove(space, area);
	area_forget(space, area);
}

void space_lock(struct space *space, bool exclusive)
{
	rwlock_lock(&space->lock, exclusive);
}

/* Exclusive, and some areas have gone. */
static __attribute__((noinline)) void unlock_dropped(struct space *space)
{
	struct area *dropped = space->dropped;

	space->dropped = NULL;
	rwlock_unlock(&space->lock, true);
	areas_free(dropped);
}

void space_unlock(struct space *space, bool exclusive)
{
	if (exclusive && space->dropped)
		unlock_dropped(space);
	else
		rwlock_unlock(&space->lock, exclusive);
}

void space_put(struct space *space)
{
	/* Release what we did to it; acquire what others did, before it goes. */
	if (__atomic_sub_fetch(&space->references, 1, __ATOMIC_ACQ_REL) == 0)
		space_destroy(space);
}

void space_hold(struct space *space)
{
	__atomic_fetch_add(&space->holders, 1, __ATOMIC_RELAXED);
}

struct space *space_get_held(struct space *space)
{
	uint32_t count = __atomic_load_n(&space->references, __ATOMIC_RELAXED);

	/* Acquire: what those with references did to it is seen. */
	while (count && !__atomic_compare_exchange_n(&space->references, &count, count + 1, true,
						     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		;
	return count ? space : NULL;
}

void space_release(struct space *space)
{
	/* Release and acquire: all are done with the record before it goes. */
	if (__atomic_sub_fetch(&space->holders, 1, __ATOMIC_ACQ_REL) == 0)
		kmem_free(space, sizeof(*space));
}

/* There is a limit, so what is there is counted. */
static __attribute__((noinline)) uint64_t data_room(struct space *space, const uint64_t *limit)
{
	/* A limit of 0 stands for the hard one, as on Linux, for valgrind. */
	uint64_t most = (limit[0] ? limit[0] : limit[1]) / PAGE_BYTES, there = 0;

	for (struct area *area = space->lowest; area; area = area_next(area))
		if (area_is_data(area->flags, area->protection))
			there += area_pages(area);
	return most > there ? most - there : 0;
}

uint64_t space_data_room(struct space *space)
{
	struct process *process = process_current();

	if (!process || process->limits[LIMIT_DATA][0] == UINT64_MAX)
		return UINT64_MAX;
	return data_room(space, process->limits[LIMIT_DATA]);
}

bool space_may_add(struct space *space, uint64_t pages)
{
	struct process *process = process_current();
	uint64_t limit = process ? process->limits[LIMIT_AS][0] : UINT64_MAX;

	return space->mapped_pages + pages <= limit / PAGE_BYTES;
}

/* ---- map ---- */

static uint64_t phase_of(const struct space_request *request)
{
	return request->index << PAGE_SHIFT;
}

/*
 * Where the mapping goes, whether something is there, and if not, which area is next.
 * 0; -EINVAL, -EPERM, -ENOMEM, -EEXIST.
 */
static inline __attribute__((always_inline)) int place_choose(struct space *space,
							      const struct space_request *request,
							      uint64_t *address, bool *occupied,
							      struct area **next)
{
	uint64_t size = request->size_bytes, at = request->address;
	uint64_t alignment = request->alignment_bytes ? request->alignment_bytes : PAGE_BYTES;

	if (!size || size > mmu_user_end)
		return -ENOMEM;

	bool inside = at <= mmu_user_end - size;

	if (request->flags & (AREA_FIXED | AREA_NOREPLACE)) {
		if (!inside)
			return -ENOMEM;
		if (at & (PAGE_BYTES - 1))
			return -EINVAL;
		if (at < MAP_LOWEST)
			return -EPERM;
		/* A place that is named may lie in the guard below a stack. */
		*occupied =
			!area_range_free(space, at, at + size, next) && (*next)->start < at + size;
		if ((request->flags & AREA_NOREPLACE) && *occupied)
			return -EEXIST;
		*address = at;
		return 0;
	}
	at &= ~(PAGE_BYTES - 1);
	if (at >= MAP_LOWEST && inside && area_range_free(space, at, at + size, next)) {
		*address = at;
		return 0;
	}
	*address = area_find_room(space, size, alignment, phase_of(request), next);
	return *address ? 0 : -ENOMEM;
}

int space_place_check(struct space *space, const struct space_request *request)
{
	uint64_t address, pages = request->size_bytes / PAGE_BYTES;
	struct area *next;
	bool occupied;
	int err = place_choose(space, request, &address, &occupied, &next);

	if (!err && (request->flags & AREA_LOCKED) && !may_lock_any())
		err = -EPERM;
	if (!err && ((request->flags | space->lock_future) & AREA_LOCKED) &&
	    !space_may_lock(space, pages))
		err = -EAGAIN;
	return err;
}

/* How many pages are mapped in [start, end)? */
static uint64_t pages_mapped(struct space *space, uint64_t start, uint64_t end)
{
	uint64_t pages = 0;

	for (struct area *area = space_area_above(space, start); area && area->start < end;
	     area = area_next(area)) {
		uint64_t from = area->start > start ? area->start : start;

		pages += ((area->end < end ? area->end : end) - from) / PAGE_BYTES;
	}
	return pages;
}

/* Is it within the limits because of what it replaces? */
static __attribute__((noinline)) bool replaces_enough(struct space *space,
						      const struct space_request *request,
						      unsigned flags, uint64_t at)
{
	uint64_t end = at + request->size_bytes;
	uint64_t pages = request->size_bytes / PAGE_BYTES - pages_mapped(space, at, end);

	return space_may_add(space, pages) &&
	       (!area_is_data(flags, request->protection) || pages <= space_data_room(space));
}

/* RLIMIT_AS, RLIMIT_DATA, overcommit. 1: charged; 0: not; -ENOMEM. */
static int request_charge(struct space *space, const struct space_request *request, unsigned flags,
			  uint64_t at)
{
	uint64_t pages = request->size_bytes / PAGE_BYTES;

	if (!space_may_add(space, pages) && !replaces_enough(space, request, flags, at))
		return -ENOMEM;
	if (!area_is_charged(flags, request->protection))
		return 0;
	if (area_is_data(flags, request->protection) && pages > space_data_room(space) &&
	    !replaces_enough(space, request, flags, at))
		return -ENOMEM;
	if ((flags & AREA_NORESERVE) && commit_mode != 2)
		return 0;
	return commit_reserve(pages) ? -ENOMEM : 1;
}

/* May the leaf of the span where the area begins exist? Then a neighbour there has had it made. */
static bool shares_leaf(const struct area *area)
{
	const struct area *previous = area->previous, *next = area->next;
	uint64_t span = area->start & ~(SHM_SPAN_BYTES - 1);

	return (previous && previous->end > span && previous->touched) ||
	       (next && next->start < span + SHM_SPAN_BYTES && next->touched);
}

/* The place is free and the memory promised: make the area. 0, -ENOMEM. */
static int area_place(struct space *space, const struct space_request *request, uint64_t at,
		      struct area *area, struct area *next)
{
	uint64_t end = at + request->size_bytes;

	shm_place(&space->shm, at, end);
	area->start = at;
	area->end = end;
	area->protection = request->protection;
	area->protection_max = request->protection_max;
	area->file_offset = phase_of(request);
	if (request->object) {
		unsigned flags = (area->flags & AREA_PRIVATE ? SHM_PIECE_PRIVATE : 0) |
				 (area->flags & AREA_SEGMENT ? SHM_PIECE_SEGMENT : 0);
		int err = shm_piece_map(&space->shm, &area->piece, request->object, at, end,
					request->index, request->protection, flags,
					process_current()->pid);
		if (err)
			return err;
	}
	area->file = request->file;
	area_insert(space, area, next);
	if (request->object && shares_leaf(area)) {
		area->touched = true; /* what comes beside it finds the leaf too */
		shm_piece_settle(&space->shm, &area->piece);
	}
	if (!(area->flags & AREA_SEGMENT))
		area_merge(space, area);
	return 0;
}

int space_map(struct space *space, const struct space_request *request, uint64_t *address)
{
	unsigned flags = request->flags & AREA_KEPT_FLAGS;
	uint64_t pages = request->size_bytes / PAGE_BYTES;
	struct area *area, *next;
	uint64_t at;
	bool occupied = false;
	int err = place_choose(space, request, &at, &occupied, &next);

	if (err)
		return err;
	if (!request->object)
		flags |= AREA_PRIVATE;
	flags |= space->lock_future;
	if (flags & AREA_LOCKED) {
		if (!space_may_lock(space, pages))
			return -EAGAIN;
		if (request->object && shm_object_page_bytes(request->object) != PAGE_BYTES)
			flags &= ~AREA_LOCK_MASK;
	}
	if (space->area_count >= AREAS_MAX)
		return -ENOMEM;
	err = request_charge(space, request, flags, at);
	if (err < 0)
		return err;
	if (err)
		flags |= AREA_CHARGED;
	err = -ENOMEM;
	area = area_alloc();
	if (!area)
		goto uncharge;
	area->flags = flags;
	if (occupied) {
		err = space_unmap(space, at, at + request->size_bytes);
		if (err)
			goto free_area;
		next = space_area_above(space, at);
	}
	err = area_place(space, request, at, area, next);
	if (err)
		goto free_area;
	if (flags & AREA_CHARGED)
		space->committed_pages += pages;
	*address = at;
	return 0;
free_area:
	area_free(area);
uncharge:
	if (flags & AREA_CHARGED)
		commit_release(pages);
	return err;
}

/* ---- unmap ---- */

/* The areas from `area` to `end` go as they are. */
static void areas_unmap(struct space *space, struct area *area, uint64_t start, uint64_t end)
{
	struct area *previous = area->previous, *next;
	struct gather gather;
	bool touched = false;

	gather_init(&gather, space);
	for (; area && area->start < end; area = next) {
		next = area_next(area);
		touched |= area->touched;
		if (area->own_pages)
			pagetable_zap(&gather, area->start, area->end, &area->own_pages);
		if (area->flags & AREA_GUARDED)
			guards_remove(space, area->start, area->end);
		area_drop(space, area);
	}
	if (touched) {
		pagetable_prune(&gather,
				&(struct prune_range){start, end, previous ? previous->end : 0,
						      area ? area->start : UINT64_MAX});
		/* A table that the neighbours still hold goes with them. */
		if (previous)
			previous->touched = true;
		if (area)
			area->touched = true;
	}
	gather_finish(&gather);
}

void space_unmap_area(struct space *space, struct area *area)
{
	kdebug_assert(area->touched || !area->own_pages);
	if (area->touched)
		areas_unmap(space, area, area->start, area->end);
	else
		area_drop(space, area); /* no table is there on its account */
}

int space_unmap(struct space *space, uint64_t start, uint64_t end)
{
	struct area *area = space_area_above(space, start);
	struct area_spares spares;

	kdebug_assert(start <= end && end <= mmu_user_end);
	if (!area || area->start >= end)
		return 0;
	/* Mostly one whole area goes, and nothing is cut. */
	if (area->start == start && area->end == end) {
		space_unmap_area(space, area);
		return 0;
	}
	/* Only one that loses its middle leaves more than there were: vm.max_map_count. */
	int err = area_spares_take(space, &spares, area, start, end,
				   area->start < start && end < area->end ? 1 : 0);

	if (err)
		return err;
	area_cut(space, &spares, start, end);
	areas_unmap(space, space_area_above(space, start), start, end);
	return 0;
}

/* ---- protect ---- */

/* What of a range mprotect changes: it begins and ends with areas of another protection. */
struct protect_range {
	uint64_t start, end;
	uint64_t charge_pages; /* to be charged now */
	uint64_t data_room;    /* how many pages more may be data */
	bool copies;           /* a locked private area may be written from now on */
};

/* [at, stop) of the area is to be changed. False: RLIMIT_DATA. */
static bool range_takes(struct protect_range *range, const struct area *area, uint64_t at,
			uint64_t stop, unsigned protection)
{
	uint64_t pages = (stop - at) / PAGE_BYTES;

	if (area_is_data(area->flags, protection) && !area_is_data(area->flags, area->protection)) {
		if (pages > range->data_room)
			return false;
		range->data_room -= pages;
	}
	range->start = range->start < at ? range->start : at;
	range->end = stop;
	if (area_is_charged(area->flags, protection) &&
	    !(area->flags & (AREA_CHARGED | AREA_NORESERVE)))
		range->charge_pages += pages;
	if ((area->flags & AREA_LOCKED) && (area->flags & AREA_PRIVATE) &&
	    (protection & ~area->protection & SHM_WRITE))
		range->copies = true;
	return true;
}

/* Up to where may [start, end) get the protection? 0, or why it ends sooner: mprotect(2). */
static int protect_check(struct space *space, uint64_t start, uint64_t end, unsigned protection,
			 struct protect_range *range)
{
	struct area *area = space_area_above(space, start);
	uint64_t at = start;

	*range = (struct protect_range){.start = end, .end = start, .data_room = UINT64_MAX};
	if (protection & SHM_WRITE)
		range->data_room = space_data_room(space);
	for (; at < end; area = area_next(area)) {
		if (!area || area->start > at)
			return -ENOMEM;
		if (protection & ~area->protection_max)
			return -EACCES;

		uint64_t stop = area->end < end ? area->end : end;

		if (area->protection != protection &&
		    !range_takes(range, area, at, stop, protection))
			return -ENOMEM;
		at = stop;
	}
	return 0;
}

static bool area_protect(struct space *space, struct area *area, unsigned protection)
{
	bool flush = false;

	if (area_is_charged(area->flags, protection) &&
	    !(area->flags & (AREA_CHARGED | AREA_NORESERVE))) {
		area->flags |= AREA_CHARGED;
		space->committed_pages += area_pages(area);
	} else if (!(protection & SHM_WRITE) && area_is_anonymous(area) && !area->own_pages) {
		/* It has no page that the promise was for; on Linux, never had one. */
		area_uncharge(space, area);
		area->flags &= ~AREA_CHARGED;
	}
	area->protection = protection;
	if (area->piece.mapping)
		shm_piece_protect(&space->shm, &area->piece, protection);
	if (area->own_pages)
		flush = pagetable_protect(space, area->start, area->end, protection);
	return flush;
}

int space_protect(struct space *space, uint64_t start, uint64_t end, unsigned protection,
		  bool *copies)
{
	struct area_spares spares;
	struct protect_range range;
	bool flush = false;
	int err = protect_check(space, start, end, protection, &range);

	*copies = false;
	/* What lies before a hole, or before an area that may not have it, is changed all the same. */
	if (range.start >= range.end)
		return err;
	struct area *area = space_area_above(space, range.start);
	int cut = area_spares_take(space, &spares, area, range.start, range.end, 2);

	if (cut)
		return cut;
	if (commit_reserve(range.charge_pages)) {
		area_spares_drop(&spares);
		return -ENOMEM;
	}
	*copies = range.copies;
	shm_place(&space->shm, range.start, range.end);

	bool low = spares.record[0], high = spares.record[1];

	area_cut_to_change(space, &spares, range.start, range.end);
	area = space_area_above(space, range.start);
	while (area && area->start < range.end) {
		if (area->protection != protection && area_protect(space, area, protection))
			flush = true;
		if (!(area->flags & AREA_SEGMENT))
			area = area_merge(space, area);
		else if (low || high)
			area = area_merge_cut(space, area, low && area->start == range.start,
					      high && area->end == range.end);
		area = area_next(area);
	}
	if (flush)
		flush_range(space, range.start, range.end, false);
	return err;
}

/* ---- layout ---- */

uint64_t space_random_bytes(uint64_t limit_bytes)
{
	if (kernel_argument_flag("norandmaps"))
		return 0;
	return random_u64() % limit_bytes & ~(PAGE_BYTES - 1);
}

uint64_t space_layout(struct space *space, uint64_t stack_limit_bytes)
{
	uint64_t top = mmu_user_end - PAGE_BYTES - space_random_bytes(RANDOM_STACK);
	uint64_t gap = stack_limit_bytes + STACK_GUARD;

	if (stack_limit_bytes > STACK_GAP_MAX || gap > STACK_GAP_MAX)
		gap = STACK_GAP_MAX;
	if (gap < STACK_GAP_MIN)
		gap = STACK_GAP_MIN;
	space->stack_start = top;
	space->room_under = NULL;
	space->map_top = (top - gap) & ~(PAGE_BYTES - 1);
	space->map_top -= space_random_bytes(mmu_levels > 3 ? RANDOM_MAPPINGS : RANDOM_MAPPINGS_3);
	return top;
}
