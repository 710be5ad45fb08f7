/* SPDX-License-Identifier: MIT */
#ifndef SHM_SIM_H
#define SHM_SIM_H

/*
 * The simulator: a host for shm on which a missing flush is found, not hidden.
 *
 * Machine: a few CPUs, each running a space or none. Before every operation
 * of the port each CPU loads all translations that it can reach, as a
 * speculating CPU may; it keeps them, and tables on the way, and the knowledge
 * that something is invalid, until a flush or (by seed) at random. Freeing a
 * frame or table that some CPU still reaches is an error, at that moment.
 * Freed memory is poisoned and not used again.
 *
 * Host: spaces with areas, own leaves, copy on write, and the calls a kernel
 * makes around shm. Threads: schedule.h.
 *
 * One instance, `sim`; the tests run one after another.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shm/shm.h"
#include "shm_cpu.h"

#define SIM_FRAMES      4096
#define SIM_CPUS        4
#define SIM_TLB_ENTRIES 64
#define SIM_AREAS       48
#define SIM_WATCHED     24
#define SIM_SWAP_SLOTS  256

enum sim_frame_state { SIM_FRAME_NEVER, SIM_FRAME_PAGE, SIM_FRAME_TABLE, SIM_FRAME_FREED };

struct sim_translation {
	uint64_t address; /* of the page, or of what a parent covers */
	uint64_t entry;   /* page entry, or slot entry with the rights of the walk to it */
	unsigned level;   /* 0: a page; 1, 2: a parent, the slot of that level */
	bool negative;
};

struct sim_cpu {
	struct sim_space *space; /* running, or NULL */
	struct sim_translation tlb[SIM_TLB_ENTRIES];
	unsigned count;
};

struct sim_area {
	uint64_t start, end;
	unsigned protection, protection_max;
	struct shm_piece piece; /* mapping NULL: anonymous private memory */
};

struct sim_space {
	struct shm_space shm;              /* first: sim_space_of */
	uint64_t root;                     /* table of middle tables: the slots of level 2 */
	struct sim_area *areas[SIM_AREAS]; /* by address */
	unsigned area_count;
	struct shm_caller caller;
	struct shm_creator *creators;
	unsigned number;
	int readers; /* of the space lock */
	int writer;  /* thread + 1, or 0 */
};

struct sim {
	struct shm shm;
	struct shm_port port; /* tests may wrap its members */
	unsigned char state[SIM_FRAMES];
	uint32_t references[SIM_FRAMES];
	unsigned frames_used; /* ever given out; frame n has physical address (n + 1) pages */
	int64_t frames_live, tables_live, memory_live, charged;
	uint64_t commit_limit;
	struct sim_cpu cpus[SIM_CPUS];
	unsigned faulting_cpu[8];               /* by thread */
	uint32_t lock_reads[8], lock_writes[8]; /* by thread: what its locks guard */
	unsigned space_count;
	uint64_t watched[SIM_WATCHED]; /* page addresses that CPUs speculate on */
	unsigned watched_count;
	uint64_t random;
	bool drops; /* translations go at random */
	bool quiet; /* checks are running: no scheduling, no speculation */
	unsigned spins_held, mutexes_held[8][2]; /* by thread and rank */
	uint64_t swap[SIM_SWAP_SLOTS];           /* contents: one word a page is enough */
	bool swap_used[SIM_SWAP_SLOTS];
	bool swap_fails; /* reading fails from now on */
	uint64_t now;
	/* Counters of what happened, for tests that count. */
	uint64_t flushes_range, flushes_shared, flushes_local, faults, steps;
};
extern struct sim sim;

/* What went wrong prints where, and ends the program; the test runner says the seed. */
void sim_fail(const char *file, int line, const char *what) __attribute__((noreturn));
#define sim_assert(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			sim_fail(__FILE__, __LINE__, #condition);                                  \
	} while (0)
/* What the test is doing, printed with a failure. */
extern char sim_context[256];

/* A fresh machine. `link` as shm_init; `capabilities` are added to those of the CPU. */
void sim_init(bool link, uint64_t seed);
/* Nothing is left: frames, tables, memory, charges. */
void sim_check_empty(void);
uint64_t sim_random(uint64_t bound);

/* ---- mmu.c ---- */

void sim_watch(uint64_t address);
/* Every CPU loads what it can. Called before every port operation. */
void sim_speculate(void);
/* The CPU runs another space (NULL: none); what it cached goes. */
void sim_cpu_run(unsigned cpu, struct sim_space *space);
/*
 * One access by a CPU in the space it runs. 0 and the frame; or -EFAULT: the
 * host must handle a fault. Fails the test when it reaches freed memory.
 */
int sim_access(unsigned cpu, uint64_t address, unsigned access, uint64_t *frame);
/* No CPU may have a translation that allows `access` (0: any) in [start, end) of the space. */
void sim_expect_unreachable(const struct sim_space *space, uint64_t start, uint64_t end,
			    unsigned access);
/* A frame or table is about to be freed: no CPU may reach it. */
void sim_expect_frame_unreachable(uint64_t frame);
/* The entry of the space's own leaf; NULL: it has none there. */
uint64_t *sim_own_entry(struct sim_space *space, uint64_t address);

/* ---- memory.c ---- */

uint64_t *sim_frame_words(uint64_t frame);
uint64_t sim_table_alloc(unsigned flags);
void sim_table_free(uint64_t table);

/* ---- host.c: what a kernel does around shm. Each takes the locks it needs. ---- */

struct sim_area *sim_area_at(struct sim_space *space, uint64_t address); /* NULL: none */
struct sim_space *sim_space_create(int32_t pid);
void sim_space_destroy(struct sim_space *space); /* exit: all areas go */
struct sim_space *sim_space_fork(struct sim_space *parent, int32_t pid);
/* object NULL: anonymous. 0 or a negative errno. */
int sim_map(struct sim_space *space, uint64_t address, uint64_t pages, struct shm_object *object,
	    uint64_t index, unsigned protection, unsigned flags);
int sim_unmap(struct sim_space *space, uint64_t start, uint64_t end);
int sim_protect(struct sim_space *space, uint64_t start, uint64_t end, unsigned protection);
/* mremap: the area at `start` grows in place. */
int sim_extend(struct sim_space *space, uint64_t start, uint64_t new_end);
/*
 * A program's access, with its faults: 0 and the frame; -EFAULT: SIGSEGV;
 * -EIO: SIGBUS; -ENOMEM. The CPU must run a space.
 */
int sim_touch(unsigned cpu, uint64_t address, unsigned access, uint64_t *frame);
int sim_write(unsigned cpu, uint64_t address, uint64_t value);
int sim_read(unsigned cpu, uint64_t address, uint64_t *value);

static inline struct sim_space *sim_space_of(struct shm_space *space)
{
	return (struct sim_space *)space;
}

/* Each file's members of the port; sim_init puts them together. */
void sim_memory_port(struct shm_port *port);
void sim_mmu_port(struct shm_port *port);
void sim_lock_port(struct shm_port *port);
void sim_memory_init(void);

/* ---- schedule.c ---- */

/*
 * What a step reads and writes: two steps that do not conflict may be swapped,
 * and only one order is tried by SIM_EVERY. The locks that a thread holds count
 * as well; what a spin lock guards does not (segments: bounded preemptions).
 */
#define SIM_OBJECT            (1u << 0)
#define SIM_SWAP              (1u << 1)
#define SIM_TLB               (1u << 2)
#define SIM_AREAS_OF(space)   (1u << (3 + (space)->number % 12))
#define SIM_ENTRIES_OF(space) (1u << (15 + (space)->number % 12))
#define SIM_NAMESPACE         (1u << 27)
#define SIM_ALL               UINT32_MAX

/* A thread may be replaced by another here, before its next step. */
void sim_yield(uint32_t reads, uint32_t writes);
/* The same, before a step that cannot be taken until `ready` says so. */
void sim_block(const char *why, bool (*ready)(void *), void *context, uint32_t reads,
	       uint32_t writes);
/* The thread that runs: 0 outside of sim_explore. */
unsigned sim_thread(void);

struct sim_scenario {
	const char *name;
	void (*setup)(void *context);
	void (*threads[3])(void *context);
	unsigned thread_count;
	void (*step)(void *context);   /* after each step; may be NULL */
	void (*finish)(void *context); /* after all threads */
	void *context;
	unsigned preemptions; /* at most; SIM_EVERY: one for each way that steps conflict */
};
#define SIM_EVERY UINT32_MAX
/* Run every interleaving; returns how many there were. */
uint64_t sim_explore(const struct sim_scenario *scenario);

#endif
