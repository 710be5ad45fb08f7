// SPDX-License-Identifier: MIT
/*
 * Interleavings: pairs of operations in every order of their steps, triples
 * with at most two preemptions. A step ends before each lock, entry and flush
 * operation; invariants are checked there. Each process runs on its own CPU,
 * which meanwhile caches whatever it can reach.
 */

#include <stdio.h>
#include <stdlib.h>

#include "test/unit/unit.h"

#define GIGA SHM_MIDDLE_PAGES

enum world_kind {
	WORLD_LINKED,
	WORLD_FILLED,
	WORLD_SMALL,
	WORLD_MIDDLE,      /* GiB are linked; leaves come and go in the second */
	WORLD_MIDDLE_GOES, /* GiB are linked until the object is too small for it */
	WORLD_KINDS
};

static const struct world_shape {
	const char *name;
	uint64_t pages, first, last, shrunk, grown;
	uint64_t base, window; /* of the mappings: address, pages */
	uint64_t offset;       /* of the second and third process's mapping, from base */
} shapes[WORLD_KINDS] = {
	[WORLD_LINKED] = {"linked", 516, 0, 515, 3, 600, 4 * SPAN, 600, 0},
	[WORLD_FILLED] = {"filled", 516, 0, 515, 3, 600, 4 * SPAN, 600, PAGE},
	[WORLD_SMALL] = {"small", 10, 0, 9, 3, 20, 4 * SPAN, 600, 0},
	[WORLD_MIDDLE] = {"middle", GIGA + 516, GIGA, GIGA + 515, GIGA + 3, GIGA + 600,
			  SHM_MIDDLE_BYTES, 2 * GIGA, 0},
	[WORLD_MIDDLE_GOES] = {"middle goes", GIGA, 0, 515, 3, GIGA + 3, SHM_MIDDLE_BYTES, GIGA, 0},
};
#define FIRST_PAGE (shape->first)
#define NEW_PAGE   (shape->first + 5)
#define CUT_PAGE   (shape->first + 9)

static const struct world_shape *shape;
static bool same_space; /* all threads are of one process */
static struct shm_object *object;
static struct sim_space *spaces[3]; /* by thread; NULL: has exited */
static bool removed, shrunk;

static uint64_t mapping_of(unsigned t)
{
	return shape->base + (t == 0 || same_space ? 0 : shape->offset);
}

static uint64_t address_of(unsigned t, uint64_t page)
{
	return mapping_of(t) + page * PAGE;
}

/* ---- the operations ---- */

/* A page that another process touched before. */
static void op_fault(void)
{
	unsigned t = sim_thread();
	uint64_t value;
	int error = sim_read(t, address_of(t, shape->last), &value);

	check(!error || error == -EIO || error == -EFAULT);
	check(error || value == shape->last + 1 || (value == 0 && shrunk));
}

/* A page that nobody touched before. */
static void op_touch(void)
{
	unsigned t = sim_thread();
	int error = sim_write(t, address_of(t, NEW_PAGE), 1000);

	check(!error || error == -EIO || error == -EFAULT);
}

static void op_shrink(void)
{
	shrunk = true;
	check_equal(shm_object_resize(object, shape->shrunk), 0);
}

static void op_grow(void)
{
	check_equal(shm_object_resize(object, shape->grown), 0);
}

/* The page that op_touch touches, which may have been there already. */
static void op_allocate(void)
{
	int error = shm_object_preallocate(object, NEW_PAGE, 1);

	check(!error || (error == -EFBIG && shrunk));
}

static void op_evict(void)
{
	shm_object_evict(object, shape->first, 600);
}

static void op_unmap(void)
{
	unsigned t = sim_thread();

	check_equal(sim_unmap(spaces[t], mapping_of(t), address_of(t, shape->window)), 0);
}

/* One page of a block that is linked as a whole. */
static void op_cut(void)
{
	unsigned t = sim_thread();

	check_equal(sim_unmap(spaces[t], address_of(t, CUT_PAGE), address_of(t, CUT_PAGE + 1)), 0);
}

static void op_fork(void)
{
	unsigned t = sim_thread();
	uint64_t value;
	struct sim_space *child = sim_space_fork(spaces[t], 10);

	check(child != NULL);
	sim_cpu_run(t, child);
	int error = sim_read(t, address_of(t, FIRST_PAGE), &value);
	check(!error || error == -EFAULT);
	check(error || value == FIRST_PAGE + 1);
	sim_space_destroy(child);
	sim_cpu_run(t, spaces[t]);
}

static void op_exit(void)
{
	unsigned t = sim_thread();

	sim_space_destroy(spaces[t]);
	spaces[t] = NULL;
}

static void op_remove(void)
{
	if (removed)
		return;
	removed = true;
	shm_object_put(object);
}

static const struct operation {
	const char *name;
	void (*run)(void);
	bool holds; /* needs the object: takes a reference for itself, as a system call would */
	bool alone; /* ends the space: no other thread may be in it */
} operations[] = {
	{"fault", op_fault, false, false},   {"touch", op_touch, false, false},
	{"shrink", op_shrink, true, false},  {"grow", op_grow, true, false},
	{"evict", op_evict, true, false},    {"unmap", op_unmap, false, false},
	{"fork", op_fork, false, false},     {"exit", op_exit, false, true},
	{"remove", op_remove, false, false}, {"allocate", op_allocate, true, false},
	{"cut", op_cut, false, false},
};
#define OPERATIONS            (sizeof(operations) / sizeof(operations[0]))
#define OPERATIONS_ALL        (OPERATIONS - 1) /* in all worlds; cut in those of middle tables */
#define OPERATIONS_OF_TRIPLES (OPERATIONS - 2)

static const struct operation *running[3];
static unsigned thread_count;

static void thread_run(void *context)
{
	const struct operation *operation = running[sim_thread()];

	(void)context;
	operation->run();
	if (operation->holds)
		shm_object_put(object);
}

/* ---- the world around them ---- */

static void world_setup(void *context)
{
	(void)context;
	sim_init(unit_link, 1);
	removed = shrunk = false;
	check_equal(shm_object_create(&sim.shm, shape->pages, 0, &object), 0);
	for (unsigned t = 0; t < thread_count; t++) {
		spaces[t] = same_space && t > 0 ? spaces[0] : sim_space_create((int32_t)t + 1);
		if (!same_space || t == 0)
			check_equal(sim_map(spaces[t], mapping_of(t), shape->window, object, 0,
					    READ_WRITE, 0),
				    0);
		sim_cpu_run(t, spaces[t]);
		if (running[t]->holds)
			shm_object_get(object);
	}
	check_equal(sim_write(0, address_of(0, FIRST_PAGE), FIRST_PAGE + 1), 0);
	check_equal(sim_write(0, address_of(0, shape->last), shape->last + 1), 0);
	for (unsigned t = 1; t < thread_count; t++) {
		uint64_t value;
		check_equal(sim_read(t, address_of(t, FIRST_PAGE), &value), 0);
	}
	const uint64_t pages[] = {FIRST_PAGE, NEW_PAGE, shape->last};
	for (unsigned i = 0; i < 3; i++) {
		sim_watch(address_of(0, pages[i]));
		if (thread_count > 1 && mapping_of(1) != shape->base)
			sim_watch(address_of(1, pages[i]));
	}
}

static bool object_lives(void)
{
	return sim.shm.counters.objects > 0;
}

static void world_step(void *context)
{
	(void)context;
	if (object_lives())
		shm_check_object(object);
	for (unsigned t = 0; t < thread_count; t++)
		if (spaces[t] && !spaces[t]->writer && (t == 0 || spaces[t] != spaces[0]))
			shm_check_space(&spaces[t]->shm);
}

/* What each process sees now is what the object holds. */
static void world_compare(void)
{
	for (unsigned t = 0; t < thread_count; t++) {
		const uint64_t pages[] = {FIRST_PAGE, NEW_PAGE, shape->last};
		for (unsigned i = 0; i < 3 && spaces[t]; i++) {
			uint64_t frame, pinned;
			int error = sim_touch(t, address_of(t, pages[i]), SHM_READ, &frame);
			check(error || shm_object_page_touched(object, pages[i]));
			if (spaces[t]->area_count == 0) {
				check_equal(error, -EFAULT);
				continue;
			}
			if (shm_object_page_pin(object, pages[i], false, &pinned)) {
				check_equal(error, -EIO);
				continue;
			}
			check_equal(error, 0);
			check_equal(frame, pinned);
			shm_object_page_unpin(object, pinned);
		}
	}
}

static void world_finish(void *context)
{
	sim.quiet = true;
	world_step(context);
	sim.quiet = false;
	world_compare();
	for (unsigned t = thread_count; t-- > 0;)
		if (spaces[t] && (t == 0 || spaces[t] != spaces[0]))
			sim_space_destroy(spaces[t]);
	if (!removed)
		shm_object_put(object);
	sim_check_empty();
}

/* ---- which of them ---- */

/* Two forks have a hundred thousand ways to interleave: all of them in one world, or with --long. */
static bool two_forks(void)
{
	unsigned forks = 0;

	for (unsigned t = 0; t < thread_count; t++)
		forks += running[t]->run == op_fork;
	bool all = SHM_CPU_CAPABILITIES == (SHM_PARENT_RESTRICT | SHM_HARDWARE_AD) &&
		   shape == &shapes[WORLD_LINKED];
	return forks >= 2 && !all && !unit_long;
}

/* Of two CPUs that are alike to shm (parent restricts; caches invalid entries), one is enough for triples. */
static bool thorough(void)
{
	const unsigned capabilities = SHM_CPU_CAPABILITIES;

	return (capabilities & SHM_HARDWARE_AD) ||
	       ((capabilities & SHM_CACHES_INVALID) && SHM_ENTRY_NONE == 0);
}

static uint64_t run_combination(unsigned preemptions)
{
	char name[100];
	unsigned length = 0;

	for (unsigned t = 0; t < thread_count; t++) {
		if (same_space && running[t]->alone)
			return 0;
		length += (unsigned)snprintf(name + length, sizeof(name) - length, "%s%s",
					     t ? " | " : "", running[t]->name);
	}
	snprintf(sim_context, sizeof(sim_context), "%s, %s, %s, %s", name, shape->name,
		 same_space ? "one space" : "own spaces", unit_link ? "link" : "no link");
	struct sim_scenario scenario = {
		.name = sim_context,
		.setup = world_setup,
		.thread_count = thread_count,
		.step = world_step,
		.finish = world_finish,
		.preemptions = preemptions,
	};
	for (unsigned t = 0; t < thread_count; t++)
		scenario.threads[t] = thread_run;
	uint64_t runs = sim_explore(&scenario);
	if (getenv("INTERLEAVE_VERBOSE"))
		fprintf(stderr, "%8llu %s\n", (unsigned long long)runs, sim_context);
	return runs;
}

static void run_pairs(enum world_kind kind, bool one_space)
{
	uint64_t runs = 0;
	unsigned count = kind < WORLD_MIDDLE ? OPERATIONS_ALL : OPERATIONS;

	shape = &shapes[kind];
	same_space = one_space;
	thread_count = 2;
	for (unsigned i = 0; i < count; i++)
		for (unsigned j = one_space ? i : 0; j < count; j++) {
			running[0] = &operations[i];
			running[1] = &operations[j];
			runs += run_combination(two_forks() ? 3 : SIM_EVERY);
		}
	printf("%llu interleavings\n", (unsigned long long)runs);
	sim_init(unit_link, 1);
}

static void run_triples(enum world_kind kind, bool one_space)
{
	uint64_t runs = 0;

	shape = &shapes[kind];
	same_space = one_space;
	thread_count = 3;
	for (unsigned i = 0; i < OPERATIONS_OF_TRIPLES; i++)
		for (unsigned j = i; j < OPERATIONS_OF_TRIPLES; j++)
			for (unsigned k = j; k < OPERATIONS_OF_TRIPLES; k++) {
				running[0] = &operations[i];
				running[1] = &operations[j];
				running[2] = &operations[k];
				runs += run_combination(two_forks() || !thorough() ? 1 : 2);
			}
	printf("%llu interleavings\n", (unsigned long long)runs);
	sim_init(unit_link, 1);
}

static void pairs_linked(void)
{
	run_pairs(WORLD_LINKED, false);
}
static void pairs_filled(void)
{
	run_pairs(WORLD_FILLED, false);
}
static void pairs_small(void)
{
	run_pairs(WORLD_SMALL, false);
}
static void pairs_one_space(void)
{
	run_pairs(WORLD_LINKED, true);
	run_pairs(WORLD_SMALL, true);
}
static void pairs_middle(void)
{
	run_pairs(WORLD_MIDDLE, false);
	run_pairs(WORLD_MIDDLE_GOES, false);
}
static void pairs_middle_one_space(void)
{
	run_pairs(WORLD_MIDDLE, true);
}
static void triples(void)
{
	run_triples(WORLD_LINKED, false);
	if (!unit_long || !thorough())
		return;
	run_triples(WORLD_FILLED, false);
	run_triples(WORLD_SMALL, false);
	run_triples(WORLD_LINKED, true);
	run_triples(WORLD_MIDDLE, false);
}

static const struct unit_test tests[] = {
	{"pairs_linked", "every interleaving of two operations, spaces that link", pairs_linked,
	 true},
	{"pairs_filled", "every interleaving of two operations, one space filled", pairs_filled,
	 true},
	{"pairs_small", "every interleaving of two operations on a small object", pairs_small,
	 true},
	{"pairs_one_space", "every interleaving of two threads of one process", pairs_one_space,
	 true},
	{"pairs_middle", "every interleaving of two operations, spaces that link a GiB",
	 pairs_middle, true},
	{"pairs_middle_one_space", "the same for two threads of one process",
	 pairs_middle_one_space, true},
	{"triples", "three operations with up to two preemptions", triples, true},
	{0},
};

int main(int argc, char **argv)
{
	static const struct unit_suite suite = {"interleave", tests};
	const struct unit_suite *const suites[] = {&suite, NULL};

	return unit_main(argc, argv, suites);
}
