/* SPDX-License-Identifier: MIT */
#ifndef TEST_PLAY_H
#define TEST_PLAY_H

/*
 * Plays operations on the simulated machine and on the naive model, and
 * compares them after each. Where the choices come from is the caller's
 * affair: a seed (model.c) or the bytes of a fuzzer (test/fuzz/shm).
 */

#include "test/model/naive.h"
#include "test/unit/refuse.h"
#include "test/unit/unit.h"

struct play_choices {
	uint64_t (*draw)(uint64_t bound); /* a number below the bound, which is at least 1 */
	bool (*more)(void);               /* another operation? */
	const char *name;                 /* of all this, for what a failure prints */
	bool trace;                       /* each operation on standard error */
};
/* One run from an empty machine to an empty machine. Ends the program where shm and model differ. */
void play(const struct play_choices *choices, bool link);

/* ---- between play*.c ---- */

struct play_world {
	struct shm_object *objects[OBJECTS]; /* NULL: not open any more */
	struct sim_space *spaces[SPACES];    /* NULL: no process there now */
	struct naive_caller callers[SPACES];
	struct shm_namespace *ns;
	int32_t dead[8]; /* ids of segments that are gone */
	unsigned dead_count;
	bool was_used[SEGMENTS]; /* segments, before this operation */
	bool ids_wanted;         /* shm_next_id was set once: an id may come again */
	int32_t next_pid;
	uint64_t stamp; /* the last value written */
	bool refusing;  /* a call was refused, or may have been, in this operation */
};
extern struct play_world world;

uint64_t draw(uint64_t bound);
/* Small numbers, and those around the edges of leaves, come more often. */
uint64_t draw_size(uint64_t max);
/* A space that is there; if none is, one is made. */
unsigned draw_space(void);
/* Pages of a process: those of an area or part of them, or anything in the window. */
void draw_range(unsigned s, uint64_t *first, uint64_t *count);

/* What is about to be done, for the trace and for a failure. */
void doing(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * Compares results. False: for lack of memory, which is allowed now, nothing
 * was done, and the model stays as it is.
 */
bool agrees(long result, long expected);

static inline uint64_t address_of(uint64_t page)
{
	return WINDOW_BASE + page * PAGE;
}
static inline uint64_t page_of(uint64_t address)
{
	return (address - WINDOW_BASE) / PAGE;
}
/* The segment whose pages show there; NULL: none. */
static inline struct naive_segment *segment_shown(const struct naive_page *page)
{
	return page->shown != SHOWS_NOTHING && page->shown != SHOWS_ANONYMOUS &&
			       page->object >= OBJECTS
		       ? &naive.segments[page->object - OBJECTS]
		       : NULL;
}
/* How many areas of all processes show the object. */
uint64_t areas_showing(unsigned object);
/*
 * The pages' areas are about to be cut at both ends and, if asked, to go:
 * notes which segments are attached and detached by that.
 */
void pages_change(unsigned s, uint64_t first, uint64_t count, bool go);
/* What the host has no area for any more shows nothing. For all of the range if `all`. */
void pages_forget(unsigned s, uint64_t first, uint64_t count, bool all);
/* After areas have gone: segments that lost their last user go. */
void segments_left(void);
/* The process's credentials become those of the model. */
void caller_set(unsigned s);

typedef void play_operation(void);
play_operation play_map, play_unmap, play_protect, play_extend, play_access, play_resize,
	play_punch, play_preallocate, play_evict, play_age, play_pin, play_reopen, play_fork,
	play_exit, play_lose;
play_operation play_get, play_attach, play_detach, play_change, play_stat, play_limits,
	play_table_create, play_table_attach, play_table_remove, play_credentials, play_report;

/* After each operation: everything that can be counted. Object, segment and namespace. */
void play_compare(void);
/* Every page of every object. */
void play_compare_pages(void);

#endif
