/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_PAGETABLE_H
#define KERNEL_MM_PAGETABLE_H

/*
 * The page tables of a space, over the entries of shm_cpu.h. Levels count from
 * below: level 0 is a leaf, whose entries are pages; an entry of level 1 is a
 * slot, which covers one span (2 MiB) and is none, a table (a leaf of the
 * space's own) or a link (an object's leaf, which only shm touches).
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

/* The slot that covers the address, or NULL: the upper tables do not exist. */
uint64_t *pagetable_slot(struct space *space, uint64_t address);
/* The same, making the upper tables; NULL: no memory. */
uint64_t *pagetable_slot_make(struct space *space, uint64_t address);
/* The entry in the space's own leaf, or NULL: there is no such leaf. */
uint64_t *pagetable_entry(struct space *space, uint64_t address);
/* The same, making the leaf. 0; -ENOMEM; -EAGAIN: the slot is a link. */
int pagetable_entry_make(struct space *space, uint64_t address, uint64_t **entry);
/* The first slot that is not none of those that touch [address, end): *found is where it begins. */
uint64_t *pagetable_slot_next(struct space *space, uint64_t address, uint64_t end, uint64_t *found);

static inline uint64_t entry_load(const uint64_t *entry)
{
	return __atomic_load_n(entry, __ATOMIC_RELAXED);
}
/* Release: a table or page is filled before an entry leads to it. */
static inline void entry_store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
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
