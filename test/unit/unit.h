/* SPDX-License-Identifier: MIT */
#ifndef TEST_UNIT_H
#define TEST_UNIT_H

/*
 * Unit tests of shm/ on the simulated machine. A file has a table of tests;
 * each runs in a process of its own, on a fresh machine, with linking on and
 * then forced off, and must leave nothing behind.
 */

#include <stdbool.h>
#include <stdint.h>

#include "shm/port/sim/sim.h"
#include "shm/mapping.h"
#include "abi/errno.h"

struct unit_test {
	const char *name;
	const char *rule; /* what must be true */
	void (*run)(void);
	bool once; /* linking plays no part */
};

struct unit_suite {
	const char *name;
	const struct unit_test *tests; /* up to one without a name */
};

#define check(condition)  sim_assert(condition)
#define check_equal(a, b) unit_check_equal((uint64_t)(a), (uint64_t)(b), #a, #b, __FILE__, __LINE__)
void unit_check_equal(uint64_t a, uint64_t b, const char *a_text, const char *b_text,
		      const char *file, int line);

/* Runs the suites and prints the sums; the exit status for main. */
int unit_main(int argc, char **argv, const struct unit_suite *const *suites);

/* Whether this run links: tests that count links ask. */
extern bool unit_link;
/* --long: take the time that it needs. */
extern bool unit_long;

#define PAGE       SHM_PAGE_BYTES
#define SPAN       SHM_SPAN_BYTES
#define READ_WRITE (SHM_READ | SHM_WRITE)

extern const struct unit_suite cpu_suite, radix_suite, object_suite, mapping_suite, middle_suite,
	evict_suite, fail_suite, array_suite, ids_suite, segment_suite, segment_race_suite,
	table_suite;

#endif
