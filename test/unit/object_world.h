/* SPDX-License-Identifier: MIT */
#ifndef TEST_OBJECT_WORLD_H
#define TEST_OBJECT_WORLD_H

/* An object and two spaces, each on a CPU of its own, for tests of what spaces see of an object. */

#include "test/unit/unit.h"

static struct shm_object *object;
static struct sim_space *a, *b;

/* Nothing is mapped yet. */
static inline void world(uint64_t pages)
{
	check_equal(shm_object_create(&sim.shm, pages, 0, &object), 0);
	a = sim_space_create(1);
	b = sim_space_create(2);
	sim_cpu_run(0, a);
	sim_cpu_run(1, b);
}

/* All of the object is mapped, at one address in each space. */
static inline void world_mapped(uint64_t pages, uint64_t a_start, uint64_t b_start)
{
	world(pages);
	check_equal(sim_map(a, a_start, pages, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, b_start, pages, object, 0, READ_WRITE, 0), 0);
}

static inline void world_check(void)
{
	sim.quiet = true;
	shm_check_object(object);
	shm_check_space(&a->shm);
	shm_check_space(&b->shm);
	sim.quiet = false;
}

static inline void world_end(void)
{
	world_check();
	sim_space_destroy(a);
	sim_space_destroy(b);
	shm_object_put(object);
}

static inline bool span_linked(struct sim_space *space, uint64_t address)
{
	return shm_entry_is_link(sim.port.slot_get(&space->shm, address));
}

static inline uint64_t must_read(unsigned cpu, uint64_t address)
{
	uint64_t value;

	sim_watch(address);
	check_equal(sim_read(cpu, address, &value), 0);
	world_check();
	return value;
}

static inline void must_write(unsigned cpu, uint64_t address, uint64_t value)
{
	sim_watch(address);
	check_equal(sim_write(cpu, address, value), 0);
	world_check();
}

static inline int read_error(unsigned cpu, uint64_t address)
{
	uint64_t value;

	return sim_read(cpu, address, &value);
}

#endif
