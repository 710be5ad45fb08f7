/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_SPACE_H
#define KERNEL_MM_SPACE_H

/*
 * Address spaces: a balanced tree of areas over one page-table tree. Areas of
 * objects (shared or private) have a piece of shm in them; other areas are
 * anonymous private memory. Locks: the space lock for the areas (shared for
 * faults), page_table_lock for entries of the space's own tables.
 */

#include "arch/arch.h"
#include "kernel/lib/spinlock.h"
#include "kernel/lib/rbtree.h"
#include "kernel/process/rwlock.h"
#include "shm/shm.h"

struct file;

#define AREA_STACK      (1u << 0) /* grows down */
#define AREA_HEAP       (1u << 1) /* brk */
#define AREA_DONTFORK   (1u << 2)
#define AREA_LOCKED     (1u << 3)
#define AREA_NORESERVE  (1u << 4)
#define AREA_FIXED      (1u << 5) /* space_map only: MAP_FIXED */
#define AREA_NOREPLACE  (1u << 6) /* space_map only: MAP_FIXED_NOREPLACE */
#define AREA_PRIVATE    (1u << 7) /* copy on write; anonymous areas are always */
#define AREA_SEGMENT    (1u << 8) /* a System V attach */
#define AREA_CHARGED    (1u << 9) /* its pages are counted by commit_reserve */
#define AREA_WIPEONFORK (1u << 10)
#define AREA_ONFAULT    (1u << 12) /* with LOCKED: pages come when they are touched */
#define AREA_DONTDUMP   (1u << 13) /* madvise: kept, since it tells areas apart */
#define AREA_RANDOM     (1u << 14) /* the same */
#define AREA_SEQUENTIAL (1u << 15) /* the same */
#define AREA_GUARDED    (1u << 16) /* may have guards (guard.c) */
#define AREA_WRITER     (1u << 11) /* may write to its file: counted by file_maps_add */

/* Fields: space lock, exclusive to change; [p] page-table lock. */
struct area {
	struct rb_node node;
	struct area *previous, *next; /* by address; NULL at the ends */
	uint64_t start, end;
	uint64_t low;   /* start, or where the guard below a stack begins */
	uint64_t reach; /* end, or the end of the span whose slack belongs to nobody (area.c) */
	/* of the subtree, for finding room; may be stale (area.c): */
	uint64_t subtree_low, subtree_reach, largest_gap;
	uint64_t own_pages;  /* [p] private pages resident */
	bool touched;        /* [a] tables may have been made for it: look for some when it goes */
	unsigned protection; /* SHM_READ | SHM_WRITE | SHM_EXEC */
	unsigned protection_max; /* mprotect may not exceed it: EACCES */
	unsigned flags;          /* AREA_*, not FIXED or NOREPLACE */
	struct shm_piece piece;  /* mapping NULL: anonymous */
	struct file *file;       /* what maps shows; a reference; NULL: none */
	uint64_t file_offset;    /* bytes, of start */
};

struct space {
	struct shm_space shm;
	struct rwlock lock;
	struct spinlock page_table_lock;
	uint64_t root;        /* [I] physical address of the root table */
	uint32_t references;  /* [a] */
	uint32_t holders;     /* [a] of the record alone; the references together are one */
	struct rb_root areas; /* space lock */
	struct area *lowest, *highest, *youngest; /* youngest: not in the tree yet, or NULL */
	size_t area_count;
	bool barrier_registered, barrier_rseq_registered; /* [a] membarrier(2); not inherited */
	bool unborn;                                      /* [a] space_fork is making it */
	bool fork_skips;      /* space lock: some area may be DONTFORK */
	struct area *dropped; /* space lock: gone, but their files are not given back yet */
	uint64_t brk_start, brk_end;
	uint64_t stack_start; /* where the initial stack begins (highest address) */
	uint64_t map_top;     /* kernel-chosen addresses go downward from here */
	/* Space lock: nothing of this size and alignment, or more, fits above room_under (area.c). */
	struct area *room_under; /* NULL: nothing is known */
	uint64_t room_bytes, room_alignment, room_phase;
	uint64_t arguments_start, arguments_end, environment_start, environment_end;
	uint64_t mapped_pages; /* of all areas */
	uint64_t own_pages;    /* [p] private pages resident */
	uint64_t table_pages;  /* [p] page tables below the root */
	uint64_t locked_pages;
	unsigned
		lock_future; /* space lock: AREA_LOCKED and AREA_ONFAULT for what is mapped from now on */
	uint64_t committed_pages;
	struct file *executable; /* /proc/PID/exe; a reference */
	uint64_t auxv[48];       /* /proc/PID/auxv */
};

/* An empty space with one reference; 0, -ENOMEM. */
int space_create(struct space **space);
void space_get(struct space *space);
void space_put(struct space *space); /* the last one unmaps all */
/*
 * Who holds a space keeps its record, not its contents: whether there are any still, space_get_held says,
 * which gives a reference to the same space, or NULL. auxv stays readable.
 */
void space_hold(struct space *space); /* the caller has a reference */
struct space *space_get_held(struct space *space);
void space_release(struct space *space);
/* fork(2)'s copy: copy-on-write private pages, pieces of objects. 0, -ENOMEM. Takes the locks. */
int space_fork(struct space *parent, struct space **child);

/* The space lock. Unlocking gives back the files of areas that went: their locks come before it. */
void space_lock(struct space *space, bool exclusive);
void space_unlock(struct space *space, bool exclusive);

/* What to map. */
struct space_request {
	uint64_t address; /* a hint, or with AREA_FIXED the place */
	uint64_t size_bytes;
	unsigned protection, protection_max;
	unsigned flags;
	struct shm_object *object; /* NULL: anonymous private memory */
	uint64_t index;            /* first page of the object */
	struct file *file; /* NULL: none. Its reference moves in, and its count (file_maps_add) */
	uint64_t alignment_bytes; /* of a chosen address; 0: a page */
};
/* 0 and the address; -ENOMEM, -EEXIST (NOREPLACE), -EINVAL, -EAGAIN (RLIMIT_MEMLOCK). Space lock exclusive. */
int space_map(struct space *space, const struct space_request *request, uint64_t *address);
/* What would be wrong with its place, or with locking it: as space_map, or -EPERM. Exclusive. */
int space_place_check(struct space *space, const struct space_request *request);
/* 0; -ENOMEM; -EINVAL: a part of a huge page. Exclusive. */
int space_unmap(struct space *space, uint64_t start, uint64_t end);
void space_unmap_area(struct space *space, struct area *area); /* exclusive */
/*
 * mprotect(2): 0; -ENOMEM, -EACCES: what lies before may be changed. *copies: the caller calls
 * space_populate_private when it has unlocked. Exclusive.
 */
int space_protect(struct space *space, uint64_t start, uint64_t end, unsigned protection,
		  bool *copies);
/* The area that contains the address, or the first above it; NULL: none. Either lock. */
struct area *space_area_above(struct space *space, uint64_t address);
static inline struct area *area_next(const struct area *area)
{
	return area->next;
}
/* Make the pages of [start, end) present, as mlock and MAP_POPULATE do. 0, -ENOMEM, -EFAULT. No locks. */
int space_populate(struct space *space, uint64_t start, uint64_t end);
/* The object of a file has shrunk: private copies of pages past its end go. No locks but the file's. */
void space_drop_copies(struct shm_object *object);
/*
 * [start, end) was just mapped, or an area grew by it: if it is locked, its pages come, and no others
 * of the area (one that a file's growth gave it waits for a fault: observed on Linux). No locks.
 */
void space_populate_locked(struct space *space, uint64_t start, uint64_t end);
/* The locked private areas in [start, end) may be written from now on: their copies come. No locks. */
void space_populate_private(struct space *space, uint64_t start, uint64_t end);
/*
 * For exec: where the stack ends and where mappings begin, random unless the
 * kernel argument norandmaps is given. Sets map_top; returns the stack's highest address.
 */
uint64_t space_layout(struct space *space, uint64_t stack_limit_bytes);
/* A random distance in whole pages below `limit_bytes`; 0 with norandmaps. For brk, PIE bases. */
uint64_t space_random_bytes(uint64_t limit_bytes);

/*
 * Make [start, end) usable for the kernel through its direct map and write or
 * read there, in a space that is not current: for exec's stack, ptrace-like
 * reads of /proc. Returns bytes done. Takes the space lock, and holds it while it
 * copies: what is written is in the space before it is forked, unmapped or sealed.
 */
size_t space_copy_out(struct space *space, uint64_t to, const void *from, size_t size_bytes);
size_t space_copy_in(struct space *space, void *to, uint64_t from, size_t size_bytes);

enum space_fault_result {
	SPACE_FAULT_DONE,
	SPACE_FAULT_SEGV_MAPERR,
	SPACE_FAULT_GUARD, /* SIGSEGV too, and SEGV_MAPERR */
	SPACE_FAULT_SEGV_ACCERR,
	SPACE_FAULT_BUS,
	SPACE_FAULT_MEMORY
};
/* Resolve one fault. Takes the space lock shared. May sleep. */
enum space_fault_result space_fault(struct space *space, uint64_t address, unsigned access);
/*
 * The same for who has the space lock, shared: it is given up for a while when a stack grows. After
 * DONE *locked is the area, and what is there may still be busy.
 */
enum space_fault_result space_fault_in(struct space *space, uint64_t address, unsigned access,
				       struct area **locked);
/*
 * Is something there, but not for reading? A CPU reads what may be written; Linux does not, where
 * it looks at memory on a program's behalf (process_vm_readv, MADV_POPULATE_READ), and makes no
 * page then. Takes the space lock.
 */
bool space_read_is_denied(struct space *space, uint64_t address);
/* Has the space a page of its own there: a copy, or one without a name? Space lock held. */
bool space_page_is_own(struct space *space, uint64_t address);

/* One area, for /proc/PID/maps and its kin. */
struct area_view {
	uint64_t start, end;
	unsigned protection, protection_max, flags;
	struct file *file; /* a reference; NULL: none */
	uint64_t file_offset;
	bool shows_object, initial_stack;
	uint64_t page_bytes; /* larger than a page: huge ones */
	bool segment;        /* System V: named by shmid and key */
	int32_t shmid;
	uint32_t key;
	uint64_t own_pages;     /* private pages resident */
	uint64_t object_serial; /* of the object shown */
	/* Not filled in unless they are asked for: */
	uint64_t own_shared;    /* of own_pages, those that other spaces have too */
	uint64_t own_pss_bytes; /* own_pages, each divided by the number of its owners */
	uint64_t object_pages;  /* the object's pages in the area that are resident */
	uint64_t object_maps;   /* how many mappings show the object */
};
/*
 * The first area that ends above *cursor; moves *cursor to its end. False: no
 * more. `count`: fill in all, which looks at every page. Takes the space lock.
 */
bool space_view_next(struct space *space, uint64_t *cursor, struct area_view *view, bool count);

/* What the page tables have at an address, for /proc/PID/pagemap. */
struct page_view {
	uint64_t frame;  /* physical address; 0: no page */
	bool of_object;  /* shown of an object; else the space's own */
	bool seen_alone; /* no other space, and no other place of this one, shows it */
};
/* Of `count` pages from `start` on. Takes the space lock. */
void space_view_pages(struct space *space, uint64_t start, struct page_view *pages, unsigned count);

/* For /proc/PID/statm and status: pages. Takes the space lock. */
struct space_usage {
	uint64_t mapped, own, shared; /* shared: pages of objects, an upper bound */
	uint64_t text, data, stack, locked, tables;
};
void space_usage(struct space *space, struct space_usage *usage);

/*
 * Where a shared futex or a private one lives. 0, -EFAULT. Takes the space lock.
 * One that is asked for as shared, but is in private memory, is a third kind: as on Linux, no
 * private one meets it.
 */
enum futex_kind { FUTEX_OF_SPACE, FUTEX_OF_OBJECT, FUTEX_OF_SPACE_ASKED };
struct futex_key {
	uint64_t a, b; /* (object serial, byte offset) or (space, address) */
	enum futex_kind kind;
};
int space_futex_key(struct space *space, uint64_t address, bool private_only,
		    struct futex_key *key);

/* Make the space current on this CPU. */
void space_switch(struct space *space); /* NULL: the kernel's own */

extern struct shm shm_instance; /* kernel/shm_port.c */
void shm_port_init(void);
/* The last reference is gone: no CPU runs it, and none will. */
static inline bool space_is_ending(const struct space *space)
{
	return __atomic_load_n(&space->references, __ATOMIC_RELAXED) == 0;
}
/* Somebody else has a reference: another thread, a vfork's parent, or a reader for a moment. */
static inline bool space_is_shared(const struct space *space)
{
	return __atomic_load_n(&space->references, __ATOMIC_RELAXED) > 1;
}
static inline struct space *space_of(struct shm_space *shm)
{
	return container_of(shm, struct space, shm);
}

#endif
