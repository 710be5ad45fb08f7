/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_PAGETABLE_H
#define KERNEL_MM_PAGETABLE_H

/*
 * The page tables of a space, over the entries of shm_cpu.h. Levels count from
 * below: level 0 is a leaf, whose entries are pages. An entry of level 1, which
 * covers one span (2 MiB), and one of level 2, which covers 1 GiB, is a slot:
 * none, a table (of the space's own) or a link (an object's leaf or middle
 * table, which only shm touches: no walk here goes through one).
 *
 * An own page is one that belongs to the space alone: anonymous memory or a
 * private copy. Its entry has the own mark and holds a frame reference. All
 * other entries of own leaves show pages of objects: shm sets and clears them.
 *
 * Everything here is under space->page_table_lock unless it is said otherwise:
 * shm changes slots and leaves of a space under an object's lock alone.
 */

#include <shm_cpu.h>

#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"

/* As pagetable_slot, making the tables. 0; -ENOMEM; -EAGAIN: a slot above it is a link. */
int pagetable_slot_make(struct space *space, uint64_t address, unsigned level, uint64_t **slot);
/* The entry in the space's own leaf, or NULL: there is no such leaf. */
uint64_t *pagetable_entry(struct space *space, uint64_t address);
/* The same, making the leaf. 0; -ENOMEM; -EAGAIN: a slot is a link. */
int pagetable_entry_make(struct space *space, uint64_t address, uint64_t **entry);
/*
 * The first entry of level 1 that is not none, of those that touch [address, end): *found is where
 * it begins. NULL: there is none. What a link of level 2 covers is passed over.
 */
uint64_t *pagetable_slot_next(struct space *space, uint64_t address, uint64_t end, uint64_t *found);
/* The same, stopping at links of level 2 as well: *level says which it is. */
uint64_t *pagetable_slot_any(struct space *space, uint64_t address, uint64_t end, uint64_t *found,
			     unsigned *level);

static inline uint64_t entry_load(const uint64_t *entry)
{
	return __atomic_load_n(entry, __ATOMIC_RELAXED);
}
/* Release: a table or page is filled before an entry leads to it. */
static inline void entry_store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}
/* What an entry of a level covers. */
static inline uint64_t pagetable_level_bytes(unsigned level)
{
	return PAGE_BYTES << (9 * level);
}
/* The entry for an address in a table of a level. */
static inline uint64_t *pagetable_at(uint64_t table, uint64_t address, unsigned level)
{
	return (uint64_t *)phys_to_virt(table) +
	       ((address >> (PAGE_SHIFT + 9 * level)) & (SHM_ENTRIES_PER_TABLE - 1));
}
/* Does a walk from an entry of `level` downward end here: no table of the space's own? */
static inline bool pagetable_ends(uint64_t value, unsigned level)
{
	return level > SHM_LEVEL_MIDDLE ? shm_entry_is_none(value) : !shm_entry_is_table(value);
}
/*
 * The entry of `level` (1 or more) that covers the address, or NULL: no own tables lead to it.
 * Inline: a walk to a level that the compiler knows is no loop.
 */
static inline __attribute__((always_inline)) uint64_t *
pagetable_slot(struct space *space, uint64_t address, unsigned level)
{
	uint64_t *entry = pagetable_at(space->root, address, mmu_levels - 1);

	for (unsigned at = mmu_levels - 1; at > level; at--) {
		uint64_t value = entry_load(entry);

		if (pagetable_ends(value, at))
			return NULL;
		entry = pagetable_at(shm_entry_frame(value), address, at - 1);
	}
	return entry;
}
/* An own page, accessible or not (PROT_NONE). */
static inline bool entry_has_own_page(uint64_t entry)
{
	return shm_entry_is_own(entry) || (shm_entry_is_old(entry) && (entry & SHM_OLD_OWN));
}
static inline uint64_t entry_own_frame(uint64_t entry)
{
	return shm_entry_is_present(entry) ? shm_entry_frame(entry) : shm_entry_old_frame(entry);
}
/* The entry of an own page with a protection; without one it is kept, but not accessible. */
static inline uint64_t entry_own_page(uint64_t frame, unsigned protection)
{
	uint64_t entry = shm_entry_own(shm_entry_page(frame, protection));

	return protection ? entry : shm_entry_old(entry);
}
/* Does a page of this protection allow the access, on this CPU? */
static inline bool protection_allows(unsigned protection, unsigned access)
{
	return protection &&
	       (shm_entry_protection(shm_entry_page(PAGE_BYTES, protection)) & access);
}

/*
 * Frames and tables on their way out: freed after the flush that covers their
 * last translation. Lives on the stack of who unmaps; no lock held at flush.
 */
#define GATHER_FRAMES 128
struct gather {
	struct space *space;
	uint64_t start, end; /* to flush; start == end: nothing */
	bool tables;         /* some are tables: flush everything */
	unsigned count;
	uint64_t frame[GATHER_FRAMES];
};
static inline void gather_init(struct gather *gather, struct space *space)
{
	gather->space = space;
	gather->start = UINT64_MAX;
	gather->end = 0;
	gather->tables = false;
	gather->count = 0;
}
void gather_flush(struct gather *gather); /* flush, free; it can be used again */
static inline void gather_finish(struct gather *gather)
{
	if (gather->count)
		gather_flush(gather);
}

/* Own pages of [start, end) go, at most *count of them (counted down). Takes the lock; flushes when full. */
void pagetable_zap(struct gather *gather, uint64_t start, uint64_t end, uint64_t *count);
/*
 * Of the tables that serve [start, end), those that serve nothing outside of
 * [floor, ceiling) go: no area is there. Takes the lock. Space lock exclusive.
 */
struct prune_range {
	uint64_t start, end, floor, ceiling;
};
void pagetable_prune(struct gather *gather, const struct prune_range *range);
/* The same for a space that is ending: `count` frames go at once, the entries stay as they are. */
void pagetable_own_free(struct space *space, uint64_t start, uint64_t end, uint64_t count);
/* How many own pages there are in [start, end). Takes the lock. */
uint64_t pagetable_own_count(struct space *space, uint64_t start, uint64_t end);
/* Of the own pages in [start, end): how many other spaces have too, and the sum of each one's share, bytes. */
void pagetable_own_shares(struct space *space, uint64_t start, uint64_t end, uint64_t *shared,
			  uint64_t *pss_bytes);
/* Own pages of [start, end) get the protection. Takes the lock. True: something must be flushed. */
bool pagetable_protect(struct space *space, uint64_t start, uint64_t end, unsigned protection);
/*
 * Own pages of [start, end), `count` of them, become common to both spaces,
 * copy-on-write. The child is unborn. Takes the parent's lock. 0; -ENOMEM.
 * *flush: the parent's translations must be flushed.
 */
int pagetable_fork(struct space *parent, struct space *child, uint64_t start, uint64_t end,
		   uint64_t count, bool *flush);
/* Make the leaves that a move of own pages needs. Takes the lock. 0; -ENOMEM. Before it commits. */
int pagetable_prepare_move(struct space *space, uint64_t from, uint64_t to, uint64_t size_bytes);
/* Own pages move; leaves at the destination exist. The caller flushes the source. Takes the lock. */
void pagetable_move(struct space *space, uint64_t from, uint64_t to, uint64_t size_bytes);
/* All tables below the root go, and the root. No CPU has it loaded; no own pages are left. No lock. */
void pagetable_destroy(struct space *space);

#endif
