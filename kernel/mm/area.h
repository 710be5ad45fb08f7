/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_AREA_H
#define KERNEL_MM_AREA_H

/* Areas of a space, for the files of kernel/mm only. Space lock exclusive for what changes. */

#include "kernel/file/file.h"
#include "kernel/mm/space.h"

#define MAP_LOWEST      0x10000ull      /* vm.mmap_min_addr */
#define STACK_GUARD     (256ull * 4096) /* below a stack that may grow */
#define AREAS_MAX       65530u          /* vm.max_map_count */
#define LIMIT_DATA      2               /* RLIMIT_DATA */
#define AREA_KEPT_FLAGS (~(AREA_FIXED | AREA_NOREPLACE))

void areas_init(struct space *space);
/* Without pages, flags, piece and file; bounds and protection are not set. NULL: no memory. */
struct area *area_alloc(void);
void area_free(struct area *area);
/* It is in no list any more: freed, or if it has a file, noted until the space is unlocked. */
void area_forget(struct space *space, struct area *area);
/* It and all that follow it in the list. */
void areas_free(struct area *area);
/* Enter it before `next`, the first area above it (NULL: there is none). */
void area_insert(struct space *space, struct area *area, struct area *next);
/* For a copy of a space: into the list only; and, before it, all of the source's into its tree. */
void area_list(struct space *space, struct area *area, struct area *next);
void areas_settle(struct space *space);
void area_remove(struct space *space, struct area *area);
/* Its bounds change: mapped_pages, the tree and the piece's neighbours are kept right. */
void area_resize(struct space *space, struct area *area, uint64_t start, uint64_t end);
/*
 * Cut at `at`, inside the area; `high` is a fresh record, which becomes the upper part. Cannot fail.
 * Of an attach: who did it, or 0: area_merge_cut tells, if they stay apart.
 */
void area_split(struct space *space, struct area *area, uint64_t at, struct area *high,
		int32_t pid);
/* Join with the neighbours where nothing tells them apart. Returns what the area is in now. */
struct area *area_merge(struct space *space, struct area *area);
/*
 * The area has just been cut off at its low end, or its high one, and changed: what it was cut from
 * remains, so it may join the neighbour on its other side, if that is a part of the same attach that
 * is like it now. As on Linux, where two whole parts stay two. Returns what the area is in now. The
 * cut was area_cut_to_change's: only if the parts stay apart it counts as the running process's.
 */
struct area *area_merge_cut(struct space *space, struct area *area, bool cut_low, bool cut_high);
/*
 * A part of an attach has come to a new place: join it with the part before it, or else with the
 * part behind it, where they go on in one another. Only there do attaches merge, and only with one, as on Linux.
 */
void area_merge_attach(struct space *space, struct area *area);
/* Is nothing in [start, end), nor the guard of a stack? *next: the first area that ends above start. */
bool area_range_free(struct space *space, uint64_t start, uint64_t end, struct area **next);
/* Room for a mapping, below map_top if there is any: its address, or 0; and the area above it. */
uint64_t area_find_room(struct space *space, uint64_t size_bytes, uint64_t alignment_bytes,
			uint64_t phase_bytes, struct area **next);

/* A private area whose pages count against the overcommit limit. */
static inline bool area_is_charged(unsigned flags, unsigned protection)
{
	return (flags & AREA_PRIVATE) && (protection & SHM_WRITE);
}
/* What RLIMIT_DATA counts: getrlimit(2). */
static inline bool area_is_data(unsigned flags, unsigned protection)
{
	return (flags & (AREA_PRIVATE | AREA_STACK)) == AREA_PRIVATE && (protection & SHM_WRITE);
}
static inline bool area_is_anonymous(const struct area *area)
{
	return area->piece.mapping == NULL;
}
/* What it may be cut at. */
static inline uint64_t area_page_bytes(const struct area *area)
{
	return area->piece.mapping ? shm_object_page_bytes(shm_piece_object(&area->piece))
				   : SHM_PAGE_BYTES;
}
static inline bool area_is_huge(const struct area *area)
{
	return area_page_bytes(area) != SHM_PAGE_BYTES;
}
static inline bool area_is_shared(const struct area *area)
{
	return area->piece.mapping && !(area->flags & AREA_PRIVATE);
}
/* A copy of an area with a file: one more reference, and one more that may write. */
static inline void area_file_get(const struct area *area)
{
	file_get(area->file);
	if (area->flags & AREA_WRITER)
		file_maps_add(area->file, 1);
}
static inline uint64_t area_pages(const struct area *area)
{
	return (area->end - area->start) / SHM_PAGE_BYTES;
}

/* Two spare records for the cuts at both ends of a range: reserved before anything changes. */
struct area_spares {
	struct area *record[2];
};
/*
 * As many as [start, end) needs; `first` is the first area that ends above start. At most `more`
 * areas more than before will remain of what is cut, and these must be allowed.
 * 0; -ENOMEM; -EINVAL: a cut would go through a huge page.
 */
int area_spares_take(struct space *space, struct area_spares *spares, struct area *first,
		     uint64_t start, uint64_t end, unsigned more);
void area_spares_drop(struct area_spares *spares);
/* Cut at both ends, so that [start, end) has whole areas only. Cannot fail. */
void area_cut(struct space *space, struct area_spares *spares, uint64_t start, uint64_t end);
/* The same; what is cut is changed then, and goes through area_merge_cut if it is of an attach. */
void area_cut_to_change(struct space *space, struct area_spares *spares, uint64_t start,
			uint64_t end);

#define AREA_LOCK_MASK (AREA_LOCKED | AREA_ONFAULT)
/* space.c: the limits of the running process. */
bool space_may_add(struct space *space, uint64_t pages);
/* How many pages more may be data: RLIMIT_DATA. Space lock held. */
uint64_t space_data_room(struct space *space);
/* lock.c: may it lock so many more pages? RLIMIT_MEMLOCK. */
bool space_may_lock(const struct space *space, uint64_t pages);
/* May it lock any page at all? */
bool may_lock_any(void);
/* Take back the promise for a charged area's pages. */
void area_uncharge(struct space *space, struct area *area);
/* destroy.c: the last reference went. */
void space_destroy(struct space *space);

#endif
