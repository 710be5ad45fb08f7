/* SPDX-License-Identifier: MIT */
#ifndef TEST_NAIVE_H
#define TEST_NAIVE_H

/*
 * The naive model: what a few processes, objects and segments must look like,
 * kept in arrays in the most obvious way. It knows pages of objects, pages of
 * spaces, and System V's rules out of the manual pages; nothing of tables,
 * links, mappings or locks. Objects come first, then the segments' own.
 */

#include <stdbool.h>
#include <stdint.h>

#include "abi/errno.h"
#include "abi/shm.h"
#include "shm/shm.h"

#define OBJECTS      3
#define SEGMENTS     7
#define THINGS       (OBJECTS + SEGMENTS)
#define SPACES       3
#define PAGES_MAX    1300 /* of what is shown anywhere */
#define WINDOW_BASE  ((1ull << 30) - 2 * SHM_SPAN_BYTES)
#define WINDOW_PAGES (6 * 512)

enum shown { SHOWS_NOTHING, SHOWS_ANONYMOUS, SHOWS_SHARED, SHOWS_PRIVATE };

/* Is there a page? After an operation for which there was no memory, perhaps. */
enum there { THERE_NO, THERE_PERHAPS, THERE_YES, THERE_LOST };

/* Has somebody got to the page since it was made? What was preallocated is there all the same. */
enum touched { TOUCHED_NO, TOUCHED_PERHAPS, TOUCHED_YES };

struct naive_page { /* of a space */
	uint8_t shown, object, protection;
	bool own; /* a copy, or a page that was touched */
	uint16_t index;
	uint64_t value;
};

struct naive_object {
	bool open; /* somebody could map it anew; a segment's: it exists */
	bool evicted;
	uint64_t size; /* pages */
	uint64_t charged;
	uint64_t values[PAGES_MAX];
	uint8_t there[PAGES_MAX], touched[PAGES_MAX];
};

struct naive_segment {
	bool used, removed, transient, locked;
	int32_t id, key, cpid, lpid;
	uint64_t bytes;
	unsigned mode;
	uint32_t uid, gid, cuid, cgid, locker;
	int64_t atime, dtime, ctime;
	int holder, creator; /* spaces, or -1 */
	/* In this operation, and by whom: */
	bool attached, detached, left; /* left: it was used otherwise, and may have to go */
	int32_t pid;
	uint64_t nattch; /* counted from the host's areas, not by shm */
};

struct naive_caller {
	uint32_t uid, gid, access_gid, group; /* access_gid, group: what it is a member of */
	uint64_t capabilities, memlock;
};

struct naive {
	struct naive_object objects[THINGS];
	struct naive_segment segments[SEGMENTS];
	struct naive_page pages[SPACES][WINDOW_PAGES];
	struct shm_limits limits;
	uint64_t commit_limit; /* pages that may be charged */
	int64_t now;
};
extern struct naive naive;

/* ---- memory ---- */

/* What an access must give: 0 and where the value is, or the error. Copies where a write must. */
int naive_access(struct naive_page *page, unsigned access, uint64_t **value);
void naive_object_cut(struct naive_object *object, uint64_t first, uint64_t end);
void naive_object_resize(struct naive_object *object, uint64_t size);
/* What the host is charged for all objects; for one, shm's own sum of pages and tables. */
uint64_t naive_charged(void);

/* ---- segments: each returns what the call must, by its manual page ---- */

static inline uint64_t naive_pages(const struct naive_segment *segment)
{
	return segment->bytes / SHM_PAGE_BYTES + (segment->bytes % SHM_PAGE_BYTES != 0);
}
static inline struct naive_object *naive_object_of(const struct naive_segment *segment)
{
	return &naive.objects[OBJECTS + (segment - naive.segments)];
}
struct naive_segment *naive_find_id(int32_t id);
struct naive_segment *naive_find_key(int32_t key);
/* NULL: the model has no room for another. */
struct naive_segment *naive_free_segment(void);
unsigned naive_count(void);
uint64_t naive_total_pages(void);
bool naive_permits(const struct naive_segment *segment, const struct naive_caller *caller,
		   unsigned wanted);
bool naive_owned(const struct naive_segment *segment, const struct naive_caller *caller);

int32_t naive_wished_index(int32_t wish);

/*
 * What shmget gives; a new segment is made afterwards, by naive_created. A wished id that cannot be
 * had is used up.
 */
#define NAIVE_NEW 1 /* a new segment, whose id is not known before */
long naive_shmget(const struct naive_caller *caller, int32_t key, uint64_t bytes, int flags,
		  struct naive_segment **found);
/* A new one of `pages` for the per-process table. */
long naive_table_create(uint64_t pages);
/* Which segment an attach would use, and with what protection: 0 or the error. */
long naive_shmat(const struct naive_caller *caller, int32_t id, uint64_t address, int flags,
		 struct naive_segment **found, unsigned *protection);
/* IPC_SET, IPC_RMID, SHM_LOCK, SHM_UNLOCK; on success the model has changed. */
long naive_change(const struct naive_caller *caller, int32_t id, int command,
		  const struct abi_shmid_ds *ds);
long naive_highest_index(void);
/* It may have lost its last user: it goes if it must. */
void naive_left(struct naive_segment *segment);
/* The segment as it is when shmget has made it. */
void naive_created(struct naive_segment *segment, const struct naive_caller *caller, int32_t id,
		   int32_t key, uint64_t bytes, int flags, int32_t pid, int creator);

#endif
