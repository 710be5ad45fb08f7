// SPDX-License-Identifier: MIT
/*
 * Shows: processes that count in shared memory, three ways.
 *
 *	plain     one counter, value = value + 1: updates may be lost, and the
 *	          demo prints what it got
 *	atomic    one counter, atomic additions: always exact
 *	separate  a counter for each process, on a cache line of its own: always
 *	          exact, and nobody waits for another's cache line
 *
 *	counter [PROCESSES [INCREMENTS]]     5 times 1000 by default
 *
 * Exit status 0; 1 when a count that must be exact is not.
 */

#include <stdatomic.h>

#include "demo.h"

#define CACHE_LINE_BYTES 64
#define PROCESSES_MAX    64

struct counters {
	volatile int plain; /* volatile: each step is a load and a store, as it looks */
	_Alignas(CACHE_LINE_BYTES) atomic_int exact;
	struct {
		_Alignas(CACHE_LINE_BYTES) atomic_int count;
	} own[PROCESSES_MAX];
};

static void count_plain(struct counters *counters, int process)
{
	(void)process;
	counters->plain = counters->plain + 1;
}

static void count_atomic(struct counters *counters, int process)
{
	(void)process;
	atomic_fetch_add(&counters->exact, 1);
}

static void count_separate(struct counters *counters, int process)
{
	atomic_fetch_add_explicit(&counters->own[process].count, 1, memory_order_relaxed);
}

/* All processes at once, each so many times. */
static void run(struct counters *counters, int processes, int increments,
		void (*count)(struct counters *counters, int process))
{
	for (int process = 0; process < processes; process++) {
		if (start_child() == 0) {
			for (int i = 0; i < increments; i++)
				count(counters, process);
			_exit(0);
		}
	}
	if (wait_children()) {
		fprintf(stderr, "counter: a child failed\n");
		exit(1);
	}
}

static int report(const char *name, int got, int expected)
{
	printf("counter, %-8s  got %d of %d%s\n", name, got, expected,
	       got == expected ? "" : ": updates were lost");
	return got != expected;
}

int main(int argc, char **argv)
{
	int processes = argc > 1 ? atoi(argv[1]) : 5;
	int increments = argc > 2 ? atoi(argv[2]) : 1000;
	int wrong = 0, sum = 0;

	if (processes < 1 || processes > PROCESSES_MAX || increments < 0) {
		fprintf(stderr, "usage: counter [PROCESSES (1 to %d) [INCREMENTS]]\n",
			PROCESSES_MAX);
		return 2;
	}
	struct counters *counters = attach_private(sizeof(*counters));
	int expected = processes * increments;

	run(counters, processes, increments, count_plain);
	report("plain", counters->plain, expected);
	run(counters, processes, increments, count_atomic);
	wrong |= report("atomic", counters->exact, expected);
	run(counters, processes, increments, count_separate);
	for (int process = 0; process < processes; process++)
		sum += counters->own[process].count;
	wrong |= report("separate", sum, expected);
	return wrong;
}
