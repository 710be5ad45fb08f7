/* SPDX-License-Identifier: MIT */
#ifndef STORM_H
#define STORM_H

/*
 * A storm: random processes that share memory in every way at once, and end
 * each other (README.md). What all of them know is on boards in one memfd,
 * which survives exec under a fixed descriptor; what a process has mapped is
 * its own table (struct worker).
 *
 * Contents are verified by words that name themselves: word L of a page may
 * hold 0, or the page's object, its index, L and any sequence number. A worker
 * has one lane L for itself; in System V segments, whose pages never go, it
 * finds exactly what it wrote last. All others share the last lane.
 */

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE         4096ul
#define SUPERVISORS  4
#define WORKERS      8
#define OBJECTS      24
#define SETS         4
#define QUEUES       2
#define MAPS         20
#define LANES        16
#define OUTSIDER     (LANES - 1) /* the lane of threads and of children */
#define REMEMBERED   256
#define CONTROL_FD   200 /* the memfd with struct control */
#define SOCKET_FD    201 /* two ends */
#define NAMESPACE_FD 203 /* the supervisor's own IPC namespace */

#define LOAD(p)     __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define STORE(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define ADD(p, v)   __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST)
#define TAKE(p)     __atomic_exchange_n((p), 0, __ATOMIC_SEQ_CST)

enum kind { SEGMENT, FILE_NAMED, MEMFD, ANONYMOUS, PRIVATE_MEMORY };

/* Objects change while they are used: name is number << 32 | id, 0: there is none now. */
struct object {
	uint64_t name;
	uint32_t
		kind; /* never changes; so is the id: shmid, the file's number, descriptor, nothing */
};

struct board {
	struct object objects[OBJECTS];
	void *anonymous[OBJECTS]; /* where the supervisor maps those of kind ANONYMOUS */
	uint64_t operations;      /* progress */
	uint32_t next_number;
	int32_t sets[SETS], queues[QUEUES]; /* 0: none; else id + 1 */
	int32_t lock_set;
	uint32_t lock_owner;       /* a token; 0: nobody */
	uint32_t request[WORKERS]; /* a signal that the supervisor is to send */
	pid_t workers[WORKERS];    /* perhaps gone by now */
	bool limited;              /* shmmni is low here: ids may be exhausted */
};

struct control {
	bool stop;
	pid_t run;       /* whose files are these */
	uint32_t failed; /* 1: somebody writes the message; 2: it is there */
	char message[256];
	struct board boards[SUPERVISORS];
};

struct map {
	uintptr_t address, bytes; /* bytes 0: a free slot */
	uint64_t index;           /* the object's page that shows at address */
	uint32_t number;          /* of the object */
	uint32_t kind;
	bool plain;  /* never reprotected: what its protection allows succeeds */
	bool write;  /* may be written */
	bool nofork; /* some of it is not in a child */
};

struct worker {
	struct board *board;
	unsigned supervisor, slot;
	unsigned lane;
	unsigned depth; /* of forks; 0: a worker */
	uint64_t random, sequence;
	struct map maps[MAPS];
	struct remembered {
		uint64_t page;
		uint32_t number;
		uint32_t sequence;
	} remembered[REMEMBERED];
	bool threads; /* some of ours run: no more are made */
};

extern struct control *control;
extern struct worker me;
extern const char *program; /* for exec */

/* ---- common.c ---- */
uint64_t draw(void);
bool chance(unsigned one_in);
/* The first message is kept; the storm stops; the process ends. */
void fail(const char *pattern, ...) __attribute__((format(printf, 1, 2), noreturn));
void seed_from(uint64_t seed, uint64_t a, uint64_t b);
bool control_map(void);
/* Names that a worker draws: */
struct object *object_draw(void);
uint64_t object_pages(uint32_t number); /* of a segment; what others begin with */
uint64_t page_draw(uint64_t pages);
uint32_t number_new(void);
void file_path(char path[64], uint32_t number);
static inline uint64_t name_of(uint32_t number, uint32_t id)
{
	return (uint64_t)number << 32 | id;
}

/* ---- touch.c ---- */
void handlers_install(void);
/* Writes or reads one page of a map and verifies all of it. */
void touch(struct map *map, uint64_t page, bool write);
/* The word that this process writes into a page next. */
uint64_t word_next(uint32_t number, uint64_t page);
void verify_words(const uint64_t *words, uint32_t number, uint64_t page, const char *how);
void remember_forget(uint32_t number);
/* Threads that touch what this process maps while it goes on; and their end. */
void threads_start(void);
void threads_join(void);

/* ---- maps.c: the operations on mappings ---- */
struct map *map_draw(void); /* NULL: there is none */
struct map *map_enter(const struct map *map);
void maps_cut(uintptr_t start, uintptr_t end);
void operate_attach(void);
void operate_detach(void);
void operate_unmap(void);
void operate_protect(void);
void operate_remap(void);
void operate_advise(void);
void operate_lock(void);
void operate_touch(void);
void operate_private(void);

/* ---- objects.c: the operations on objects ---- */
void operate_create(void);
void operate_remove(void);
void operate_resize(void);
void operate_control(void);
void operate_read(void);
void operate_exhaust(void);
void operate_look(void); /* /proc */
void operate_setting(void);

/* ---- ipc.c ---- */
void operate_semaphore(void);
void operate_exclusion(void);
void operate_queue(void);
void operate_futex(void);
void operate_pass(void); /* memfds over a socket */

/* ---- children.c ---- */
void operate_fork(void);
void operate_spawn(void);
void operate_exec(void);
void operate_kill(void);
void operate_namespace(void);
void operate_threads(void);
void operate_peek(void); /* into another process */

/* ---- worker.c, supervisor.c ---- */
void worker_run(unsigned operations);
void worker_forked(void) __attribute__((noreturn));
void worker_main(char **arguments) __attribute__((noreturn));
void supervisor_main(unsigned supervisor, uint64_t seed) __attribute__((noreturn));

#endif
