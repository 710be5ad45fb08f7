// SPDX-License-Identifier: MIT
/*
 * Fail the Nth call: a wrapper around the port refuses one call that may fail,
 * for every N, in every operation. The operation says so or succeeds all the
 * same; structures stay sound; doing it again succeeds; nothing leaks.
 */

#include <stdio.h>

#include "test/unit/refuse.h"
#include "test/unit/unit.h"

#define BASE (4 * SPAN)

/* ---- the operations, on a world that is made afresh for each N ---- */

static struct shm_object *object;
static struct sim_space *a, *b;

static int do_create(void)
{
	struct shm_object *created;
	int error = shm_object_create(&sim.shm, 100, 0, &created);

	if (!error)
		shm_object_put(created);
	return error;
}
static int do_preallocate(void)
{
	return shm_object_preallocate(object, 500, 30);
}
static int do_grow(void)
{
	return shm_object_resize(object, 2000);
}
static int do_shrink(void)
{
	return shm_object_resize(object, 3);
}
static int do_pin(void)
{
	uint64_t frame;
	int error = shm_object_page_pin(object, 599, true, &frame);

	if (!error)
		shm_object_page_unpin(object, frame);
	return error;
}
static int do_map(void)
{
	return sim_map(a, 40 * SPAN, 600, object, 0, READ_WRITE, 0);
}
static int do_map_over(void)
{
	return sim_map(a, BASE + 2 * PAGE, 1, NULL, 0, READ_WRITE, 0);
}
static int do_unmap_middle(void)
{
	return sim_unmap(a, BASE + 3 * PAGE, BASE + 5 * PAGE);
}
static int do_protect(void)
{
	return sim_protect(a, BASE + 3 * PAGE, BASE + 5 * PAGE, SHM_READ);
}
static int do_fault_shared(void)
{
	return sim_write(0, BASE + 7 * PAGE, 1);
}
static int do_fault_second(void)
{
	return sim_write(0, BASE + 590 * PAGE, 1);
}
static int do_fault_filled(void)
{
	uint64_t value;
	return sim_read(1, BASE + 8 * PAGE, &value);
}
static int do_fault_private(void)
{
	return sim_write(1, 8 * SPAN, 1);
}
static int do_fork(void)
{
	struct sim_space *child = sim_space_fork(b, 3);

	if (!child)
		return -ENOMEM;
	sim_space_destroy(child);
	return 0;
}
static int do_evict(void)
{
	shm_object_evict(object, 0, 600);
	return 0;
}
static int do_swap_in(void)
{
	uint64_t value;
	return sim_read(0, BASE + PAGE, &value);
}

static const struct operation {
	const char *name;
	int (*run)(void);
	uint64_t pages;
	bool evicted;
} operations[] = {
	{"create", do_create, 600, false},
	{"preallocate", do_preallocate, 600, false},
	{"grow", do_grow, 600, false},
	{"grow small", do_grow, 10, false},
	{"shrink", do_shrink, 600, false},
	{"pin", do_pin, 600, false},
	{"map", do_map, 600, false},
	{"map over", do_map_over, 600, false},
	{"unmap middle", do_unmap_middle, 600, false},
	{"protect", do_protect, 600, false},
	{"fault shared", do_fault_shared, 600, false},
	{"fault second leaf", do_fault_second, 600, false},
	{"fault small", do_fault_shared, 10, false},
	{"fault filled", do_fault_filled, 600, false},
	{"fault private", do_fault_private, 600, false},
	{"fork", do_fork, 600, false},
	{"evict", do_evict, 600, false},
	{"swap in", do_swap_in, 600, true},
};

static void world_make(const struct operation *operation)
{
	uint64_t value;

	sim_init(unit_link, 1);
	check_equal(shm_object_create(&sim.shm, operation->pages, 0, &object), 0);
	a = sim_space_create(1);
	b = sim_space_create(2);
	sim_cpu_run(0, a);
	sim_cpu_run(1, b);
	check_equal(sim_map(a, BASE, operation->pages, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE + PAGE, operation->pages, object, 0, READ_WRITE, 0), 0);
	check_equal(
		sim_map(b, 8 * SPAN, operation->pages, object, 0, READ_WRITE, SHM_PIECE_PRIVATE),
		0);
	if (operation->evicted) {
		check_equal(sim_write(0, BASE + PAGE, 1), 0);
		check_equal(shm_object_evict(object, 1, 1), 1);
	} else if (operation->run != do_fault_shared) {
		check_equal(sim_write(0, BASE + PAGE, 1), 0);
		check_equal(sim_read(1, BASE + 2 * PAGE, &value), 0);
		check_equal(sim_read(1, 8 * SPAN + PAGE, &value), 0);
		check_equal(sim_write(1, 8 * SPAN + PAGE, 2), 0);
	}
	sim_watch(BASE + PAGE);
	sim_watch(BASE + 2 * PAGE);
	sim_watch(8 * SPAN + PAGE);
	refuse_wrap();
}

static void world_check(void)
{
	sim.quiet = true;
	shm_check_object(object);
	shm_check_space(&a->shm);
	shm_check_space(&b->shm);
	sim.quiet = false;
}

/* One operation with the Nth call refused; false: it has fewer calls. */
static bool fail_nth(const struct operation *operation, uint64_t n, bool lasts)
{
	snprintf(sim_context, sizeof(sim_context), "fail %s, call %llu%s", operation->name,
		 (unsigned long long)n, lasts ? " and all after it" : "");
	world_make(operation);
	refuse_from_now(n, lasts);
	int error = operation->run();
	bool reached = refuse_calls() >= n;
	refuse_from_now(0, false);
	check(!error || error == -ENOMEM);
	check(!error || reached);
	world_check();
	if (error)
		check_equal(operation->run(), 0);
	world_check();
	sim_space_destroy(a);
	sim_space_destroy(b);
	shm_object_put(object);
	sim_check_empty();
	return reached;
}

static void fail_all(bool lasts)
{
	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		for (uint64_t n = 1; fail_nth(&operations[i], n, lasts); n++)
			check(n < 500);
}

static void fail_once(void)
{
	fail_all(false);
}

static void fail_for_good(void)
{
	fail_all(true);
}

static const struct unit_test tests[] = {
	{"once", "any one refused call leaves everything sound and nothing lost", fail_once, false},
	{"for_good", "so do all calls refused from the Nth on", fail_for_good, false},
	{0},
};
const struct unit_suite fail_suite = {"fail", tests};
