/* SPDX-License-Identifier: MIT */
#ifndef BENCH_OPERATION_H
#define BENCH_OPERATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ul
#define MIB  (1ul << 20)
#define GIB  (1ul << 30)

/* Which boot of the machine an operation belongs to: each wants its own amount of memory. */
enum group {
	GROUP_SMALL,   /* fits into 512 MiB */
	GROUP_LARGE,   /* segments of 1 GiB, a thousand processes */
	GROUP_MILLION, /* a million segments: kernel argument ipcmni_extend */
	GROUP_PAIR,    /* two CPUs, by the clock */
	GROUP_COUNT,
};

/*
 * One row of the table. A round is set_up, body, tear_down; only body is
 * counted, and the smallest of all rounds is the result. Each operation runs in
 * a process of its own, so what one leaves behind does not change the next.
 */
struct operation {
	enum group group;
	const char *id;   /* in bench/bars and in the JSON */
	const char *name; /* in the table */
	void (*set_up)(uint64_t argument);
	void (*body)(unsigned times);
	void (*tear_down)(void);
	uint64_t (*measure)(void); /* instead of counting body: a figure that is no count */
	uint64_t argument;
	uint32_t population; /* segments that others have made */
	unsigned times;      /* repetitions in a body */
	unsigned units;      /* in one repetition: pages, say */
	unsigned rounds;
};

/* Tables of operations, each ended by one without name. */
extern const struct operation segment_operations[], touch_operations[], process_operations[],
	handoff_operations[], table_operations[], pair_operations[];

/* ---- common.c ---- */

/* Ends the operation with the reason on standard error; "not there" if errno is ENOSYS. */
void must(bool good, const char *what);

/* The segment that most operations work on. */
extern int segment;
extern char *attached;

void segment_make(uint64_t size_bytes);
void segment_attach(void);
void segment_touch(uint64_t size_bytes);
void segment_read(uint64_t size_bytes);
void segment_make_resident(uint64_t size_bytes); /* by another process, which is gone after */
void segment_drop(void);

/* The number after `name` in a file of lines "name value"; -1 if it is not there. */
int64_t file_number(const char *path, const char *name);

/* Exactly `count` segments that have keys population_key(0) and up; false if there is no room. */
bool population_set(uint32_t count);
int population_key(uint32_t index);

/* ---- guest.c ---- */

/* The part of process 1: runs what the file /bench/orders says, "--raw GROUP". Does not return. */
void guest_main(void);

#endif
