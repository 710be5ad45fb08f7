/* SPDX-License-Identifier: MIT */
#ifndef SHM_PORT_H
#define SHM_PORT_H

/*
 * What a host kernel provides to shm: one struct of small operations. The
 * format of page-table entries is a header of its own, shm_cpu.h, chosen by
 * include path (shm/cpu/ARCH). A port is a struct so that it can be wrapped:
 * tests wrap it to make the Nth call fail, to check lock order, to trace.
 *
 * Frames and tables are named by their physical address; 0 is never one.
 * "Space" is the host's address space: the host embeds a struct shm_space in
 * it and gets from one to the other as it likes.
 *
 * Lock order: space -> namespace -> object (mutex) -> segment (spin) -> whatever
 * locks the port takes inside an operation. Each member says what may be held.
 * An object's lock guards its entries too; there is no leaf lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shm_space;
struct shm_object;
struct shm_piece;

/* Protections, equal to PROT_READ, PROT_WRITE, PROT_EXEC. */
#define SHM_READ  1u
#define SHM_WRITE 2u
#define SHM_EXEC  4u

/* What the host and its CPU can do: shm_port.capabilities. */
#define SHM_CAN_LINK        (1u << 0) /* the host's middle tables may point to shm's leaves */
#define SHM_CAN_LINK_UPPER  (1u << 4) /* and the tables above them to shm's middle tables */
#define SHM_PARENT_RESTRICT (1u << 1) /* a parent entry can make all below it read-only */
#define SHM_HARDWARE_AD     (1u << 2) /* the CPU sets accessed and dirty bits itself */
#define SHM_CACHES_INVALID  (1u << 3) /* the CPU may cache that an entry is invalid */

/* frame_alloc, table_alloc, mem_alloc: */
#define SHM_NOWAIT (1u << 0) /* take what is free now; do not reclaim, do not sleep */

/* Storage for the host's locks inside shm's structures. All words zero is "unlocked". */
#define SHM_RANK_OBJECT    0
#define SHM_RANK_NAMESPACE 1 /* taken before an object's */
struct shm_mutex {
	uint64_t words[3];
	uint64_t rank; /* [I] SHM_RANK_*: for hosts that check the order */
};
struct shm_spin {
	uint64_t words[2];
};

/* area_map: */
#define SHM_AREA_FIXED   (1u << 0) /* at the given address; what is there makes it fail: -EINVAL */
#define SHM_AREA_REPLACE (1u << 1) /* with FIXED: what is there is unmapped first */

/* One mapping to be made of an object: what area_map is asked for. */
struct shm_area_request {
	struct shm_object *object; /* area_map takes its own reference, by shm_piece_map */
	uint64_t address;          /* 0: the host chooses (never 0 with SHM_AREA_FIXED) */
	uint64_t size_bytes;       /* whole pages, more than 0 */
	uint64_t alignment_bytes;  /* of a chosen address; a power of two, at least a page */
	uint64_t index;            /* first page of the object */
	unsigned protection;       /* SHM_READ | SHM_WRITE | SHM_EXEC */
	unsigned protection_max;   /* what mprotect may raise it to */
	unsigned flags;            /* SHM_AREA_* */
};

/* Levels of slots, counted from the leaves, which are 0. */
#define SHM_LEVEL_SPAN   1u
#define SHM_LEVEL_MIDDLE 2u

struct shm_port {
	unsigned capabilities; /* SHM_CAN_LINK and its kin; constant after shm_init */

	/*
	 * Memory. None of these is called under an object lock unless SHM_NOWAIT
	 * is given; without it they may sleep and reclaim, and only space and
	 * namespace locks are held. Freeing happens under any lock but a spin.
	 */

	/* A zeroed frame with one reference, or 0. */
	uint64_t (*frame_alloc)(unsigned flags);
	/* One more reference: a pin. Never fails. */
	void (*frame_hold)(uint64_t frame);
	/* How many references: more than one means that somebody has it pinned. */
	uint32_t (*frame_references)(uint64_t frame);
	/* Drop a reference; the last one frees. The caller has flushed. */
	void (*frame_free)(uint64_t frame);
	/* The same for many at once: most of the price of removing a segment. */
	void (*frames_free)(const uint64_t *frames, unsigned count);
	/* The frame's 4096 bytes, valid while a reference is held. */
	void *(*frame_data)(uint64_t frame);

	/* A page table of empty entries (all SHM_ENTRY_NONE), or 0. */
	uint64_t (*table_alloc)(unsigned flags);
	void (*table_free)(uint64_t table);
	/* Its SHM_ENTRIES_PER_TABLE entries. */
	uint64_t *(*table_data)(uint64_t table);

	/* Ordinary memory, not zeroed, aligned to 16; NULL when there is none. */
	void *(*mem_alloc)(size_t size_bytes, unsigned flags);
	void (*mem_free)(void *memory, size_t size_bytes);

	/* Overcommit accounting: 0 or -ENOMEM, by the host's policy. */
	int (*reserve)(uint64_t pages);
	void (*unreserve)(uint64_t pages);

	/*
	 * Address ranges, for shmat and shmdt. The host keeps the areas; each area
	 * that shows an object has a struct shm_piece inside it.
	 */

	/* The space lock. Exclusive: areas may change. Shared: they stay. May sleep. */
	void (*space_lock)(struct shm_space *space, bool exclusive);
	void (*space_unlock)(struct shm_space *space, bool exclusive);
	/*
	 * Make an area; space lock exclusive. Calls shm_place and shm_piece_map.
	 * 0 and the address; -ENOMEM (no room, no memory, address out of range),
	 * -EINVAL (SHM_AREA_FIXED and occupied).
	 */
	int (*area_map)(struct shm_space *space, const struct shm_area_request *request,
			uint64_t *address);
	/* Unmap the whole area that has this piece, and only that. Space lock exclusive. */
	void (*area_unmap)(struct shm_space *space, struct shm_piece *piece);
	/*
	 * The first area that ends above the address: its bounds, and its piece
	 * (NULL when it shows no object). False: there is none. Space lock held,
	 * either way; the object lock may be held too.
	 */
	bool (*area_next)(struct shm_space *space, uint64_t address, uint64_t *start, uint64_t *end,
			  struct shm_piece **piece);

	/*
	 * Entries. A slot is an entry of a space's tables that may be a link. At
	 * SHM_LEVEL_SPAN it is in a middle table, covers one span (2 MiB), and is
	 * none, private (points to a leaf of the space's own) or a link (points to
	 * an object's leaf, marked by shm_entry_link). At SHM_LEVEL_MIDDLE it is in
	 * the table above, covers 1 GiB, and is none, private (points to a middle
	 * table of the space's own) or a link (points to an object's middle table).
	 * What is below a link is the object's: no operation goes through one.
	 *
	 * These store; they never flush, and never sleep unless it is said. Object
	 * lock or space lock held; the port's own lock makes each atomic. Entries
	 * are as shm_cpu.h makes them.
	 */

	/*
	 * Make the tables exist that lead to the slot of a span. May sleep; no
	 * object lock. 0, -ENOMEM, -EAGAIN: the slot above it is a link.
	 */
	int (*slot_prepare)(struct shm_space *space, uint64_t address);
	/* The slot's entry; SHM_ENTRY_NONE when no own tables lead to it. */
	uint64_t (*slot_get)(struct shm_space *space, uint64_t address);
	/*
	 * If the slot holds `expected`, put `desired`: true. False when it holds
	 * something else or no own tables lead to it.
	 */
	bool (*slot_exchange)(struct shm_space *space, uint64_t address, uint64_t expected,
			      uint64_t desired);
	/*
	 * The same three for the slot that covers 1 GiB; upper_prepare never gives
	 * -EAGAIN. Not called without SHM_CAN_LINK_UPPER.
	 */
	int (*upper_prepare)(struct shm_space *space, uint64_t address);
	uint64_t (*upper_get)(struct shm_space *space, uint64_t address);
	bool (*upper_exchange)(struct shm_space *space, uint64_t address, uint64_t expected,
			       uint64_t desired);
	/*
	 * The first slot that leads to pages, of those that touch [address, end): one
	 * at SHM_LEVEL_SPAN that is not none, or a link at SHM_LEVEL_MIDDLE. Its
	 * entry, where it begins in *found, and its level. SHM_ENTRY_NONE: there is
	 * none. Skips tables that do not exist, so that a terabyte never touched
	 * costs little.
	 */
	uint64_t (*slot_next)(struct shm_space *space, uint64_t address, uint64_t end,
			      uint64_t *found, unsigned *level);
	/*
	 * Make the space's own leaf for an address exist. May sleep; no object
	 * lock. 0, -ENOMEM, -EAGAIN: a link is there, at either level.
	 */
	int (*pages_prepare)(struct shm_space *space, uint64_t address);
	/*
	 * Enter pages into one span of the space's own leaf: for each of `count`
	 * entries that is accessed, its frame with `protection` goes to
	 * address + i pages, unless something is there already. Takes no frame
	 * references. The number entered (0 may be a success), or -EAGAIN: the own
	 * leaf does not exist, nothing was done.
	 */
	int (*pages_set)(struct shm_space *space, uint64_t address, const uint64_t *entries,
			 unsigned count, unsigned protection);
	/*
	 * Clear pages in the space's own leaves. With `entries` (one span): at
	 * address + i pages, where the frame that is there is that of entries[i],
	 * present or old. With NULL: whatever is there, in any number of spans.
	 * Entries marked own always stay; spans whose slot is none or a link are
	 * skipped. Drops no frame references. Returns how many were cleared.
	 */
	uint64_t (*pages_clear)(struct shm_space *space, uint64_t address, const uint64_t *entries,
				uint64_t count);
	/*
	 * The first entry that is not none of the space's own leaf, of those for
	 * [address, end), which lie in one span, and where it is in *found.
	 * SHM_ENTRY_NONE: there is none, or no own leaf. For checks.
	 */
	uint64_t (*page_next)(struct shm_space *space, uint64_t address, uint64_t end,
			      uint64_t *found);

	/*
	 * Flushes. Each returns only when no CPU can use the old translation, of a
	 * page or through a table. They fence before they look at the other CPUs.
	 * No spinlock held; interrupts as the host needs them.
	 */
	void (*flush_range)(struct shm_space *space, uint64_t start, uint64_t end);
	/* Every CPU that runs any space that maps any object: one flush for many spaces. */
	void (*flush_shared)(void);
	/* This CPU only, one address: after a fault that found a valid entry. */
	void (*flush_local)(uint64_t address);

	/* Locks, waiting, time. The mutex may sleep; the spin lock never does. */
	void (*mutex_lock)(struct shm_mutex *mutex);
	bool (*mutex_try)(struct shm_mutex *mutex);
	void (*mutex_unlock)(struct shm_mutex *mutex);
	void (*spin_lock)(struct shm_spin *spin);
	void (*spin_unlock)(struct shm_spin *spin);
	/* Release the mutex, sleep until wake(channel), take it again. Spurious returns are fine. */
	void (*wait)(const void *channel, struct shm_mutex *mutex);
	void (*wake)(const void *channel);
	/* Long loops pass here, with mutexes held at most: serve interrupts that wait. */
	void (*interrupt_point)(void);
	uint64_t (*now_seconds)(void); /* wall clock, for atime and its kin */

	/* One line for the log, when shm_config.trace is set. NULL: none. */
	void (*trace)(const char *line);
	/* A broken invariant: report and do not return. */
	void (*fatal)(const char *file, int line, const char *what) __attribute__((noreturn));

	/* Swap; NULL when the host has none. No object lock but for swap_free. Slots are the port's numbers, not 0. May sleep. */
	int (*swap_write)(uint64_t frame, uint64_t *slot); /* 0, -ENOSPC, -EIO */
	int (*swap_read)(uint64_t slot, uint64_t frame);   /* 0, -EIO */
	void (*swap_free)(uint64_t slot);
};

#endif
