/* SPDX-License-Identifier: MIT */
#ifndef SHM_OBJECT_H
#define SHM_OBJECT_H

/*
 * An object's inside, for the files of shm/ that work on it: object.c, page.c,
 * resize.c, evict.c, fault.c, link.c, mapping.c, check.c.
 *
 * An object's pages are entries in leaves. A leaf is a page table in hardware
 * format that spaces link; a small object has no such table and holds its
 * entries inline. Both are a struct shm_leaf to the code that uses entries.
 * So is a middle table (middle.c), one level up: its entries link leaves.
 *
 * Fields: [I] immutable, [a] atomic, [o] guarded by the object's mutex.
 */

#include "shm/shm.h"
#include "shm_cpu.h"

#define SHM_OBJECT_PAGES_MAX (1ull << (63 - SHM_PAGE_SHIFT))

#define SHM_RADIX_SHIFT      6
#define SHM_RADIX_FANOUT     (1u << SHM_RADIX_SHIFT)
#define SHM_RADIX_HEIGHT_MAX 7 /* 2^42 leaves */

struct shm_leaf {
	uint64_t *entries; /* [I] SHM_ENTRIES_PER_TABLE of them, or SHM_INLINE_PAGES */
	uint64_t table;    /* [I] physical address; 0: inline, cannot be linked */
	uint32_t used;     /* [o] entries that are not none */
	uint32_t links;    /* [o] slots that link it */
};

struct shm_radix_node {
	void *slots[SHM_RADIX_FANOUT]; /* nodes, or at height 1 leaves */
	uint32_t used;                 /* slots that are not NULL */
};

/* From the number of a leaf (page index / 512) to the leaf. Height 0: root is leaf 0, or NULL. */
struct shm_radix {
	void *root;
	unsigned height;
};

struct shm_object {
	struct shm *shm;             /* [I] */
	uint64_t serial;             /* [I] */
	struct shm_quota *quota;     /* [I] after shm_object_set_quota; NULL: none */
	struct shm_segment *segment; /* [I] after shm_object_set_segment; no reference */
	uint64_t references;         /* [a] */
	struct shm_mutex mutex;
	uint64_t size_pages;          /* [o], read without it as a hint */
	uint64_t resident;            /* [o] entries present or old */
	uint64_t swapped;             /* [o] */
	struct shm_mapping *mappings; /* [o] all that show this object */
	uint32_t busy;                /* [o] entries under I/O; wait(object) until 0 */
	uint64_t alignment_bytes;     /* [o], read without it as a hint */
	uint8_t flags;                /* [I] SHM_OBJECT_* */
	bool small;                   /* [o] entries are inline; false for ever after growing */
	union {
		struct {
			struct shm_leaf leaf;
			uint64_t entries[SHM_INLINE_PAGES];
		} inlined; /* [o] small */
		struct {
			struct shm_radix leaves;  /* [o] otherwise */
			struct shm_radix middles; /* [o] by leaf number / 512 */
		};
	};
};

/*
 * Memory taken before a lock, for use under it. Empty to begin with (all 0):
 * then what is needed is taken without waiting, and if there is none the
 * user of the reserve returns -EAGAIN; the caller unlocks, fills it and tries
 * again. What is left over is given back.
 */
struct shm_reserve {
	uint64_t frame;
	struct shm_leaf *leaf; /* with its table */
	struct shm_radix_node *nodes[SHM_RADIX_HEIGHT_MAX];
	unsigned node_count;
};
int shm_reserve_fill(struct shm *shm, struct shm_reserve *reserve); /* 0, -ENOMEM. No locks. */
void shm_reserve_drop(struct shm *shm, struct shm_reserve *reserve);

/* ---- radix.c: object locked, or nobody else knows the object ---- */

struct shm_leaf *shm_radix_find(const struct shm_radix *radix, uint64_t number);
/* The first leaf numbered at least *number; sets *number. NULL: there is none. */
struct shm_leaf *shm_radix_next(const struct shm_radix *radix, uint64_t *number);
/* Nothing is there yet. 0, -EAGAIN: fill the reserve. */
int shm_radix_insert(struct shm *shm, struct shm_radix *radix, uint64_t number,
		     struct shm_leaf *leaf, struct shm_reserve *reserve);
void shm_radix_remove(struct shm *shm, struct shm_radix *radix, uint64_t number);

/* ---- middle.c: object locked, or nobody else knows the object ---- */

#define SHM_MIDDLE_PAGES (SHM_MIDDLE_BYTES >> SHM_PAGE_SHIFT)

/* How many middle tables an object of a size may have: one for each GiB, if it has a whole one. */
static inline uint64_t shm_middle_count(uint64_t size_pages)
{
	return size_pages < SHM_MIDDLE_PAGES
		       ? 0
		       : (size_pages + SHM_MIDDLE_PAGES - 1) / SHM_MIDDLE_PAGES;
}
/* The middle table over page `index`, or NULL. */
struct shm_leaf *shm_object_middle(struct shm_object *object, uint64_t index);
/* The same, and makes it: 0, -EAGAIN: fill the reserve. The object's size allows it one. */
int shm_object_middle_make(struct shm_object *object, uint64_t index, struct shm_reserve *reserve,
			   struct shm_leaf **middle);
/* A leaf came, is about to go: its entry in its middle table, if there is one, follows. */
void shm_middle_enter(struct shm_object *object, uint64_t number, const struct shm_leaf *leaf);
void shm_middle_drop(struct shm_object *object, uint64_t number);
/* Middle tables from `first` on go: first their links, everywhere; after a flush they themselves. */
void shm_middles_unlink(struct shm_object *object, uint64_t first);
void shm_middles_free(struct shm_object *object, uint64_t first);

/* ---- object.c ---- */

/* What the host's overcommit accounting is charged for a size. */
uint64_t shm_object_charge_pages(uint64_t size_pages);

/* Its pages are in leaves from now on, in none yet. Object locked, or nobody else knows it. */
void shm_object_outgrow(struct shm_object *object);
/* The size, and the alignment that goes with it. Object locked. */
void shm_object_set_size(struct shm_object *object, uint64_t size_pages);
/* May a middle table of it be linked? If not, none is. Object locked; without that a hint. */
static inline bool shm_object_is_large(const struct shm_object *object)
{
	return shm_object_alignment_bytes(object) == SHM_MIDDLE_BYTES;
}

/* A leaf with an empty table; NULL: no memory. */
struct shm_leaf *shm_leaf_create(struct shm *shm, unsigned flags);
/* No link, no entry is left. */
void shm_leaf_destroy(struct shm *shm, struct shm_leaf *leaf);

/* The leaf that holds page `index`, which is below the size, or NULL. Object locked. */
static inline struct shm_leaf *shm_object_leaf(struct shm_object *object, uint64_t index)
{
	if (object->small)
		return &object->inlined.leaf;
	return shm_radix_find(&object->leaves, index / SHM_ENTRIES_PER_TABLE);
}
/* Make the leaf, which is not there. 0, -EAGAIN: fill the reserve; -ENOSPC: a huge one. Object locked. */
int shm_object_leaf_add(struct shm_object *object, uint64_t index, struct shm_reserve *reserve,
			struct shm_leaf **added);
/* As shm_object_leaf, and makes it if need be: as shm_object_leaf_add. */
static inline int shm_object_leaf_make(struct shm_object *object, uint64_t index,
				       struct shm_reserve *reserve, struct shm_leaf **leaf)
{
	*leaf = shm_object_leaf(object, index);
	return *leaf ? 0 : shm_object_leaf_add(object, index, reserve, leaf);
}
/*
 * Empty entries of a leaf: frames and swap slots are given back, and counted.
 * No CPU can use them any more.
 */
void shm_leaf_empty(struct shm_object *object, struct shm_leaf *leaf, unsigned first,
		    unsigned count);
/* Wait until nothing in the object is under I/O. Object locked; may unlock it for a moment. */
void shm_object_wait_idle(struct shm_object *object);

/* ---- page.c ---- */

/*
 * Make page `index` present: 0 and its leaf; -EAGAIN: fill the reserve; -EIO:
 * poisoned; -EFBIG: past the end; -ENOSPC: the quota, or no huge pages. Object locked; unlocks it for a moment when
 * the page is under I/O or must be read. *made: it was not there before, or nobody
 * had accessed it.
 */
int shm_object_page_make(struct shm_object *object, uint64_t index, struct shm_reserve *reserve,
			 struct shm_leaf **leaf, bool *made);
/* Read a swapped page back: 0, -EAGAIN, -EIO. Object locked; unlocks it for a moment. (evict.c) */
int shm_object_page_read(struct shm_object *object, struct shm_leaf *leaf, uint64_t index,
			 struct shm_reserve *reserve);

/* ---- entries, locks, counts ---- */

static inline uint64_t *shm_leaf_entry(struct shm_leaf *leaf, uint64_t index)
{
	return &leaf->entries[index % SHM_ENTRIES_PER_TABLE];
}
/* The hardware may read the entry at any time: whole, and after what it points to. */
static inline void shm_entry_store(uint64_t *entry, uint64_t value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}
static inline uint64_t shm_entry_take(uint64_t *entry, uint64_t value)
{
	return __atomic_exchange_n(entry, value, __ATOMIC_ACQ_REL);
}
/* An object's own pages are read-write, never executable through a link. */
static inline uint64_t shm_entry_object_page(uint64_t frame)
{
	return shm_entry_page(frame, SHM_READ | SHM_WRITE);
}

static inline void shm_object_lock(struct shm_object *object)
{
	shm_port(object->shm)->mutex_lock(&object->mutex);
}
static inline void shm_object_unlock(struct shm_object *object)
{
	shm_port(object->shm)->mutex_unlock(&object->mutex);
}

static inline void shm_count(uint64_t *counter, int64_t change)
{
	__atomic_fetch_add(counter, (uint64_t)change, __ATOMIC_RELAXED);
}

#define shm_assert(shm, condition)                                                                 \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			shm_port(shm)->fatal(__FILE__, __LINE__, #condition);                      \
	} while (0)

#endif
