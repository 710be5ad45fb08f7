// SPDX-License-Identifier: MIT
/*
 * Areas: records in a list by address and in a balanced tree, in which each
 * node knows the largest gap of its subtree, so that finding room takes
 * logarithmic time. Most areas come and go between two searches (room_again
 * answers the rest), so a change only marks the summaries on the way up as
 * stale, as far as they are not yet, and the next search makes them anew.
 *
 * The area that came last is in the list but not in the tree, which it enters
 * when another one comes: what goes before that, as a buffer that is mapped,
 * used and unmapped does, never makes the tree balance itself.
 *
 * Gaps are measured from an area's reach: where the area shows an object that
 * can be linked, that is the end of its last span, so that the slack behind
 * the object stays free of what the kernel places (a span with something else
 * in it cannot be linked). Fixed mappings may go there.
 */

#include "kernel/mm/area.h"

#include "kernel/file/file.h"
#include "kernel/lib/print.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

#include "abi/errno.h"

#define GAP_STALE UINT64_MAX /* largest_gap: not known, nor those of the areas above in the tree */

static struct area *area_of(struct rb_node *node)
{
	return node ? container_of(node, struct area, node) : NULL;
}

static uint64_t low_of(const struct area *area)
{
	if (!(area->flags & AREA_STACK))
		return area->start;
	return area->start > STACK_GUARD ? area->start - STACK_GUARD : 0;
}

static uint64_t reach_of(const struct area *area)
{
	if (!area_is_shared(area) ||
	    shm_object_alignment_bytes(shm_piece_object(&area->piece)) < SHM_SPAN_BYTES)
		return area->end;
	return (area->end + SHM_SPAN_BYTES - 1) & ~(SHM_SPAN_BYTES - 1);
}

static uint64_t gap_between(uint64_t reach, uint64_t low)
{
	return low > reach ? low - reach : 0;
}

/* The tree's hook: the summary is stale. False: it was, and so are all those above. */
static bool summary_forget(struct rb_node *node)
{
	struct area *area = area_of(node);
	bool fresh = area->largest_gap != GAP_STALE;

	area->largest_gap = GAP_STALE;
	return fresh;
}

/* Make the stale summaries of a subtree anew. Recursion: twice the tree's logarithm. */
static void summary_refresh(struct area *area)
{
	if (!area || area->largest_gap != GAP_STALE)
		return;

	struct area *left = area_of(area->node.left), *right = area_of(area->node.right);
	uint64_t low = area->low, reach = area->reach, gap = 0, other;

	summary_refresh(left);
	summary_refresh(right);
	if (left) {
		gap = gap_between(left->subtree_reach, low);
		gap = left->largest_gap > gap ? left->largest_gap : gap;
		low = left->subtree_low;
		reach = left->subtree_reach > reach ? left->subtree_reach : reach;
	}
	if (right) {
		other = gap_between(reach, right->subtree_low);
		gap = other > gap ? other : gap;
		gap = right->largest_gap > gap ? right->largest_gap : gap;
		reach = right->subtree_reach > reach ? right->subtree_reach : reach;
	}
	area->subtree_low = low;
	area->subtree_reach = reach;
	area->largest_gap = gap;
}

void areas_init(struct space *space)
{
	space->areas.node = NULL;
	space->areas.update = summary_forget;
	space->lowest = space->highest = space->youngest = NULL;
	space->room_under = NULL;
}

struct area *area_alloc(void)
{
	struct area *area = kmem_alloc(sizeof(*area));

	/* What not everybody fills in; the rest of a large record is not cleared for nothing. */
	if (area) {
		area->own_pages = 0;
		area->touched = false;
		area->flags = 0;
		area->piece.mapping = NULL;
		area->file = NULL;
	}
	return area;
}

/* Not in area_free, which is short enough to be inlined where a space ends. */
static __attribute__((noinline)) void area_file_put(struct area *area)
{
	if (area->flags & AREA_WRITER)
		file_maps_add(area->file, -1);
	file_put(area->file);
}

void area_free(struct area *area)
{
	if (area && area->file)
		area_file_put(area);
	kmem_free(area, sizeof(*area));
}

inline __attribute__((always_inline)) void area_forget(struct space *space, struct area *area)
{
	if (area->file) {
		area->next = space->dropped;
		space->dropped = area;
	} else {
		area_free(area);
	}
}

void areas_free(struct area *area)
{
	while (area) {
		struct area *next = area->next;

		area_free(area);
		area = next;
	}
}

struct area *space_area_above(struct space *space, uint64_t address)
{
	struct rb_node *node = space->areas.node;
	struct area *found = NULL, *youngest = space->youngest;

	if (youngest && youngest->start <= address && address < youngest->end)
		return youngest;
	while (node) {
		struct area *area = area_of(node);

		if (area->end > address) {
			found = area;
			if (area->start <= address)
				return area;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	if (youngest && youngest->start > address && (!found || youngest->start < found->start))
		return youngest;
	return found;
}

void area_list(struct space *space, struct area *area, struct area *next)
{
	struct area *previous = next ? next->previous : space->highest;

	area->previous = previous;
	area->next = next;
	*(previous ? &previous->next : &space->lowest) = area;
	*(next ? &next->previous : &space->highest) = area;
}

void areas_settle(struct space *space)
{
	struct rb_node *parent = NULL, **link = &space->areas.node;
	struct area *area = space->youngest;

	if (!area)
		return;
	space->youngest = NULL;
	/* Of two neighbours, one is below the other in the tree: that one has no child between them. */
	if (area->next && !area->next->node.left) {
		parent = &area->next->node;
		link = &parent->left;
	} else if (area->previous) {
		parent = &area->previous->node;
		link = &parent->right;
	}
	rb_insert(&space->areas, &area->node, parent, link);
}

/* Inline: attach and detach make and remove an area, and little else. */
inline __attribute__((always_inline)) void area_insert(struct space *space, struct area *area,
						       struct area *next)
{
	areas_settle(space);
	space->youngest = area;
	area_list(space, area, next);
	area->low = low_of(area);
	area->reach = reach_of(area);
	space->area_count++;
	space->mapped_pages += area_pages(area);
	if (area->flags & AREA_LOCKED)
		space->locked_pages += area_pages(area);
	/* No room between the two: then the next search may begin under this one. */
	if (next && next == space->room_under &&
	    gap_between(area->reach, next->low) < space->room_bytes)
		space->room_under = area;
}

/* A gap that grows above room_under: what the last search found out is no longer so. */
static void room_forget(struct space *space, const struct area *area)
{
	if (space->room_under && area->start >= space->room_under->start)
		space->room_under = NULL;
}

inline __attribute__((always_inline)) void area_remove(struct space *space, struct area *area)
{
	/* The gaps beside room_under become one, under the area that follows. */
	if (area == space->room_under)
		space->room_under = area->next;
	else
		room_forget(space, area);
	*(area->previous ? &area->previous->next : &space->lowest) = area->next;
	*(area->next ? &area->next->previous : &space->highest) = area->previous;
	if (area == space->youngest)
		space->youngest = NULL;
	else
		rb_remove(&space->areas, &area->node);
	space->area_count--;
	space->mapped_pages -= area_pages(area);
	if (area->flags & AREA_LOCKED)
		space->locked_pages -= area_pages(area);
}

void area_resize(struct space *space, struct area *area, uint64_t start, uint64_t end)
{
	room_forget(space, area);
	/* Unsigned arithmetic wraps: a shrink adds the complement. */
	space->mapped_pages += (end - start) / SHM_PAGE_BYTES - area_pages(area);
	if (area->flags & AREA_LOCKED)
		space->locked_pages += (end - start) / SHM_PAGE_BYTES - area_pages(area);
	area->start = start;
	area->end = end;
	area->low = low_of(area);
	area->reach = reach_of(area);
	if (area != space->youngest)
		rb_update(&space->areas, &area->node);
}

void area_split(struct space *space, struct area *area, uint64_t at, struct area *high, int32_t pid)
{
	uint64_t end = area->end;

	kassert(at > area->start && at < end);
	high->start = at;
	high->end = end;
	high->protection = area->protection;
	high->protection_max = area->protection_max;
	high->flags = area->flags;
	high->touched = area->touched;
	high->file = area->file;
	if (high->file)
		area_file_get(high);
	high->file_offset = area->file_offset + (at - area->start);
	if (area->own_pages) {
		high->own_pages = pagetable_own_count(space, at, end);
		area->own_pages -= high->own_pages;
	}
	if (area->piece.mapping)
		shm_piece_split(&space->shm, &area->piece, &high->piece, at, pid);
	area_resize(space, area, area->start, at);
	area_insert(space, high, area->next);
}

/* Guards, or where there may be some, do not tell areas apart. */
static bool flags_agree(const struct area *low, const struct area *high)
{
	return !((low->flags ^ high->flags) & ~AREA_GUARDED);
}

/* Does high show the pages that follow those of low? Both show an object. */
static bool object_goes_on(const struct area *low, const struct area *high)
{
	return shm_piece_object(&low->piece) == shm_piece_object(&high->piece) &&
	       shm_piece_index(&low->piece, low->end) == shm_piece_index(&high->piece, high->start);
}

/*
 * Does high go on where low ends: both without an object, or both with the same, shared, one? On
 * Linux private areas of a file are one too, as long as neither has copies: here they stay apart.
 */
static bool goes_on(const struct area *low, const struct area *high)
{
	if (area_is_anonymous(low) || area_is_anonymous(high))
		return area_is_anonymous(low) && area_is_anonymous(high);
	return !(low->flags & (AREA_SEGMENT | AREA_PRIVATE)) && object_goes_on(low, high);
}

static bool can_merge(const struct area *low, const struct area *high)
{
	return low && high && low->end == high->start && low->file == high->file &&
	       low->protection == high->protection && low->protection_max == high->protection_max &&
	       flags_agree(low, high) && !(low->flags & AREA_STACK) &&
	       (!low->file || high->file_offset - low->file_offset == low->end - low->start) &&
	       goes_on(low, high);
}

static void merge_pair(struct space *space, struct area *low, struct area *high)
{
	struct area *room_under = space->room_under == high ? low : space->room_under;
	uint64_t end = high->end;

	if (high->piece.mapping)
		shm_piece_merge(&space->shm, &low->piece, &high->piece);
	area_remove(space, high);
	low->own_pages += high->own_pages;
	low->touched |= high->touched;
	low->flags |= high->flags & AREA_GUARDED;
	area_resize(space, low, low->start, end);
	space->room_under = room_under; /* no gap has come */
	area_forget(space, high);
}

struct area *area_merge(struct space *space, struct area *area)
{
	struct area *next = area->next, *previous = area->previous;

	if (can_merge(area, next))
		merge_pair(space, area, next);
	if (can_merge(previous, area)) {
		merge_pair(space, previous, area);
		return previous;
	}
	return area;
}

static bool can_merge_attach(const struct area *low, const struct area *high)
{
	return low && high && low->end == high->start && (low->flags & AREA_SEGMENT) &&
	       flags_agree(low, high) && low->protection == high->protection &&
	       low->protection_max == high->protection_max && object_goes_on(low, high) &&
	       shm_piece_same_attach(&low->piece, &high->piece);
}

struct area *area_merge_cut(struct space *space, struct area *area, bool cut_low, bool cut_high)
{
	struct area *previous = area->previous;

	if (cut_high && !cut_low && can_merge_attach(previous, area)) {
		merge_pair(space, previous, area);
		return previous;
	}
	if (cut_low && !cut_high && can_merge_attach(area, area->next))
		merge_pair(space, area, area->next);
	else if (cut_low || cut_high)
		shm_piece_split_told(&area->piece, process_current()->pid);
	return area;
}

void area_merge_attach(struct space *space, struct area *area)
{
	if (can_merge_attach(area->previous, area))
		merge_pair(space, area->previous, area);
	else if (can_merge_attach(area, area->next))
		merge_pair(space, area, area->next);
}

/* ---- cuts ---- */

/* May an area begin at `at`, which lies in this one? */
static bool may_cut(const struct area *area, uint64_t at)
{
	return !(at & (area_page_bytes(area) - 1));
}

int area_spares_take(struct space *space, struct area_spares *spares, struct area *first,
		     uint64_t start, uint64_t end, unsigned more)
{
	struct area *last = first && first->end < end ? space_area_above(space, end) : first;

	bool low = first && first->start < start,
	     high = last && last->start < end && end < last->end;

	spares->record[0] = spares->record[1] = NULL;
	if ((low && !may_cut(first, start)) || (high && !may_cut(last, end)))
		return -EINVAL;
	if (low && !(spares->record[0] = area_alloc()))
		return -ENOMEM;
	if (high && !(spares->record[1] = area_alloc())) {
		area_spares_drop(spares);
		return -ENOMEM;
	}
	unsigned cuts = !!spares->record[0] + !!spares->record[1];
	if (space->area_count + (cuts < more ? cuts : more) > AREAS_MAX) {
		area_spares_drop(spares);
		return -ENOMEM;
	}
	return 0;
}

void area_spares_drop(struct area_spares *spares)
{
	if (spares->record[0])
		area_free(spares->record[0]);
	if (spares->record[1])
		area_free(spares->record[1]);
	spares->record[0] = spares->record[1] = NULL;
}

static void cut_ends(struct space *space, struct area_spares *spares, uint64_t start, uint64_t end,
		     int32_t pid)
{
	if (spares->record[0])
		area_split(space, space_area_above(space, start), start, spares->record[0], pid);
	if (spares->record[1])
		area_split(space, space_area_above(space, end), end, spares->record[1], pid);
	spares->record[0] = spares->record[1] = NULL;
}

void area_cut(struct space *space, struct area_spares *spares, uint64_t start, uint64_t end)
{
	cut_ends(space, spares, start, end, process_current()->pid);
}

void area_cut_to_change(struct space *space, struct area_spares *spares, uint64_t start,
			uint64_t end)
{
	cut_ends(space, spares, start, end, 0);
}

/* ---- room ---- */

bool area_range_free(struct space *space, uint64_t start, uint64_t end, struct area **next)
{
	struct area *area = space_area_above(space, start);

	*next = area;
	return !area || area->low >= end;
}

struct room {
	uint64_t low, high; /* where to look */
	uint64_t size_bytes;
	uint64_t alignment_bytes, phase_bytes; /* address = phase modulo alignment */
};

/* The highest fitting address in one gap, or 0. */
static uint64_t room_in_gap(const struct room *room, uint64_t low, uint64_t high)
{
	low = low > room->low ? low : room->low;
	high = high < room->high ? high : room->high;
	if (high <= low || high - low < room->size_bytes)
		return 0;

	uint64_t address = high - room->size_bytes;
	/* How far it is above the last address of the right phase. */
	uint64_t excess = (address - room->phase_bytes) & (room->alignment_bytes - 1);

	return address - low >= excess ? address - excess : 0;
}

/* The highest room between the areas of a subtree, or 0. Recursion: twice the tree's logarithm. */
static uint64_t room_in_subtree(const struct room *room, struct area *area)
{
	uint64_t found, reach;

	if (!area || area->largest_gap < room->size_bytes || area->subtree_low >= room->high ||
	    area->subtree_reach <= room->low)
		return 0;

	struct area *left = area_of(area->node.left), *right = area_of(area->node.right);

	if (right) {
		reach = left && left->subtree_reach > area->reach ? left->subtree_reach
								  : area->reach;
		found = room_in_subtree(room, right);
		if (!found)
			found = room_in_gap(room, reach, right->subtree_low);
		if (found)
			return found;
	}
	if (!left)
		return 0;
	found = room_in_gap(room, left->subtree_reach, area->low);
	return found ? found : room_in_subtree(room, left);
}

static uint64_t room_find(struct space *space, const struct room *room)
{
	uint64_t found;

	areas_settle(space);

	struct area *root = area_of(space->areas.node);

	if (!root)
		return room_in_gap(room, room->low, room->high);
	summary_refresh(root);
	found = room_in_gap(room, root->subtree_reach, room->high);
	if (!found)
		found = room_in_subtree(room, root);
	return found ? found : room_in_gap(room, room->low, root->subtree_low);
}

/*
 * Nothing fits above room_under, if the last search asked for no more than this
 * one: so the gap right below it is the highest candidate. 0: it is too small.
 */
static uint64_t room_again(const struct space *space, const struct room *room)
{
	const struct area *next = space->room_under;

	if (!next || room->size_bytes < space->room_bytes ||
	    room->alignment_bytes < space->room_alignment ||
	    ((room->phase_bytes ^ space->room_phase) & (space->room_alignment - 1)))
		return 0;
	return room_in_gap(room, next->previous ? next->previous->reach : 0, next->low);
}

/* The search proper. Sets *next. */
static __attribute__((noinline)) uint64_t room_search(struct space *space, struct room room,
						      struct area **next)
{
	uint64_t found = room_find(space, &room);

	if (!found) {
		room.high = mmu_user_end - SHM_PAGE_BYTES;
		found = room_find(space, &room);
		if (!found && room.alignment_bytes > SHM_SPAN_BYTES) {
			/* A GiB's is better, but not needed. */
			room.alignment_bytes = SHM_SPAN_BYTES;
			room.phase_bytes &= SHM_SPAN_BYTES - 1;
			found = room_find(space, &room);
		}
		*next = space_area_above(space, found);
		return found;
	}
	*next = space_area_above(space, found);
	space->room_under = *next;
	space->room_bytes = room.size_bytes;
	space->room_alignment = room.alignment_bytes;
	space->room_phase = room.phase_bytes;
	return found;
}

uint64_t area_find_room(struct space *space, uint64_t size_bytes, uint64_t alignment_bytes,
			uint64_t phase_bytes, struct area **next)
{
	/* Whole spans, so that what lies above does not keep the last one from being linked. */
	uint64_t unit = alignment_bytes < SHM_SPAN_BYTES ? alignment_bytes : SHM_SPAN_BYTES;

	size_bytes = (size_bytes + unit - 1) & ~(unit - 1);

	struct room room = {MAP_LOWEST, space->map_top, size_bytes, alignment_bytes,
			    phase_bytes & (alignment_bytes - 1)};
	uint64_t found = room_again(space, &room);

	*next = space->room_under;
	return found ? found : room_search(space, room, next);
}
