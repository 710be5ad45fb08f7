// SPDX-License-Identifier: MIT
/* Swap and ageing: pages that are not there, in all their states. */

#include "test/unit/object_world.h"

#define BASE (4 * SPAN)

static void world_made(uint64_t pages)
{
	world_mapped(pages, BASE, BASE + PAGE);
}

static void fill(uint64_t count)
{
	uint64_t value;

	for (uint64_t i = 0; i < count; i++) {
		if (i % 16 == 0)
			sim_watch(BASE + i * PAGE);
		check_equal(sim_write(0, BASE + i * PAGE, i + 1), 0);
		check_equal(sim_read(1, BASE + (i + 1) * PAGE, &value), 0);
		check_equal(value, i + 1);
	}
}

static void evict_and_return(void)
{
	const uint64_t sizes[] = {10, 130};
	uint64_t value;

	for (unsigned s = 0; s < 2; s++) {
		world_made(sizes[s]);
		fill(sizes[s]);
		uint64_t flushes = sim.flushes_shared;
		check_equal(shm_object_evict(object, 0, 64), sizes[s] < 64 ? sizes[s] : 64);
		check_equal(sim.flushes_shared, flushes + 1);
		world_check();
		check_equal(shm_object_swapped_pages(object), sizes[s] < 64 ? sizes[s] : 64);
		shm_object_evict(object, 0, 1000);
		check_equal(sim.frames_live, 0);
		for (uint64_t i = 0; i < sizes[s]; i++) {
			check_equal(sim_read(1, BASE + (i + 1) * PAGE, &value), 0);
			check_equal(value, i + 1);
		}
		check_equal(shm_object_swapped_pages(object), 0);
		world_end();
		sim.watched_count = 0;
	}
}

static void evict_then_gone(void)
{
	world_made(100);
	fill(100);
	shm_object_evict(object, 0, 100);
	shm_object_punch(object, 0, 10);
	check_equal(shm_object_swapped_pages(object), 90);
	check_equal(shm_object_resize(object, 50), 0);
	check_equal(shm_object_swapped_pages(object), 40);
	world_end(); /* the rest goes with the object */
}

static void evict_pinned(void)
{
	uint64_t frame, value;

	world_made(20);
	fill(20);
	check_equal(shm_object_page_pin(object, 3, false, &frame), 0);
	check_equal(shm_object_evict(object, 0, 20), 19);
	sim_frame_words(frame)[0] = 33;
	shm_object_page_unpin(object, frame);
	check_equal(sim_read(0, BASE + 3 * PAGE, &value), 0);
	check_equal(value, 33);
	world_end();
}

static void swap_lost(void)
{
	uint64_t value, frame;

	world_made(20);
	fill(20);
	shm_object_evict(object, 5, 1);
	sim.swap_fails = true;
	check_equal(sim_read(0, BASE + 5 * PAGE, &value), -EIO);
	sim.swap_fails = false;
	check_equal(sim_read(0, BASE + 5 * PAGE, &value), -EIO);
	check_equal(shm_object_page_pin(object, 5, true, &frame), -EIO);
	check_equal(sim_read(0, BASE + 6 * PAGE, &value), 0);
	world_check();
	shm_object_punch(object, 5, 1);
	check_equal(sim_read(0, BASE + 5 * PAGE, &value), 0);
	check_equal(value, 0);
	world_end();
}

static void swap_full(void)
{
	uint64_t value;

	world_made(300);
	fill(300);
	check_equal(shm_object_evict(object, 0, 300), SIM_SWAP_SLOTS - 1);
	world_check();
	for (uint64_t i = 299; i < 300; i--) {
		check_equal(sim_read(0, BASE + i * PAGE, &value), 0);
		check_equal(value, i + 1);
	}
	world_end();
}

static void age_and_use(void)
{
	uint64_t value;

	world_made(100);
	fill(100);
	check_equal(shm_object_age(object, 0, 100), 100);
	world_check();
	sim_expect_unreachable(a, 0, UINT64_MAX, 0);
	check_equal(sim_read(0, BASE + 4 * PAGE, &value), 0);
	check_equal(value, 5);
	check_equal(shm_object_resident_pages(object), 100);
	check_equal(shm_object_age(object, 0, 100), 1);
	shm_object_evict(object, 0, 50);
	check_equal(shm_object_resize(object, 20), 0);
	check_equal(sim_read(1, BASE + 5 * PAGE, &value), 0);
	check_equal(value, 5);
	world_end();
}

static const struct unit_test tests[] = {
	{"return", "evicted pages come back as they were; 64 pages cost one flush",
	 evict_and_return, false},
	{"gone", "swapped pages that are cut off give their slots back", evict_then_gone, false},
	{"pinned", "a pinned page is not evicted", evict_pinned, false},
	{"lost", "a page that cannot be read is SIGBUS until punched, never zeros", swap_lost,
	 false},
	{"full", "what cannot be written stays", swap_full, false},
	{"age", "an old page is out of reach until it is used", age_and_use, false},
	{0},
};
const struct unit_suite evict_suite = {"evict", tests};
