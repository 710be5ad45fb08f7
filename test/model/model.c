// SPDX-License-Identifier: MIT
/*
 * Random sequences of operations on objects and spaces, beside a model that is
 * as simple as can be: what each page of each object holds, and what each page
 * of each space shows. The seed of a failing sequence is printed; as MODEL_SEED
 * it runs that one alone.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/unit.h"

#define BASE         (4 * SPAN)
#define WINDOW_PAGES (3 * SHM_ENTRIES_PER_TABLE)
#define OBJECTS      3
#define SPACES       3
#define PAGES_MAX    1300
#define OPERATIONS   250

struct model_object {
	uint64_t size;
	uint64_t pages[PAGES_MAX];
};

enum shown { SHOWS_NOTHING, SHOWS_ANONYMOUS, SHOWS_SHARED, SHOWS_PRIVATE };

struct model_page {
	enum shown shown;
	unsigned object, protection;
	uint64_t index;
	bool own; /* a copy, or a page that was touched */
	uint64_t value;
};

static struct model_object model_objects[OBJECTS];
static struct model_page model_pages[SPACES][WINDOW_PAGES];
static struct shm_object *objects[OBJECTS];
static struct sim_space *spaces[SPACES];
static uint64_t stamp;

static uint64_t address_of(uint64_t page)
{
	return BASE + page * PAGE;
}

/* Small numbers, and those around the edges of leaves, come more often. */
static uint64_t random_size(uint64_t max)
{
	const uint64_t near[] = {0, 1, 3, 15, 16, 17, 20, 100, 511, 512, 513, 600, 1024, 1025};
	uint64_t size = sim_random(3) == 0 ? sim_random(max + 1) : near[sim_random(14)];

	return size > max ? max : size;
}

/* ---- operations ---- */

static void pages_forget(unsigned s, uint64_t first, uint64_t count)
{
	memset(&model_pages[s][first], 0, count * sizeof(struct model_page));
}

static void random_range(uint64_t *first, uint64_t *count)
{
	*first = sim_random(2) ? sim_random(WINDOW_PAGES) : sim_random(3) * 512;
	*count = random_size(WINDOW_PAGES - *first);
	if (*count == 0)
		*count = 1;
}

static void op_map(void)
{
	unsigned s = (unsigned)sim_random(SPACES), o = (unsigned)sim_random(OBJECTS);
	const unsigned protections[] = {READ_WRITE, READ_WRITE, READ_WRITE,
					SHM_READ,   0,          READ_WRITE | SHM_EXEC};
	unsigned protection = protections[sim_random(6)];
	enum shown shown = (enum shown)(1 + sim_random(4));
	uint64_t first, count, index = sim_random(3) == 0 ? sim_random(600) : 0;

	random_range(&first, &count);
	if (shown > SHOWS_PRIVATE)
		shown = SHOWS_SHARED;
	if (spaces[s]->area_count > SIM_AREAS - 6)
		return;
	check_equal(sim_map(spaces[s], address_of(first), count,
			    shown == SHOWS_ANONYMOUS ? NULL : objects[o], index, protection,
			    shown == SHOWS_PRIVATE ? SHM_PIECE_PRIVATE : 0),
		    0);
	pages_forget(s, first, count);
	for (uint64_t i = 0; i < count; i++)
		model_pages[s][first + i] = (struct model_page){
			.shown = shown, .object = o, .protection = protection, .index = index + i};
}

static void op_unmap(void)
{
	unsigned s = (unsigned)sim_random(SPACES);
	uint64_t first, count;

	random_range(&first, &count);
	if (spaces[s]->area_count > SIM_AREAS - 6) {
		first = 0;
		count = WINDOW_PAGES;
	}
	check_equal(sim_unmap(spaces[s], address_of(first), address_of(first + count)), 0);
	pages_forget(s, first, count);
}

static void op_protect(void)
{
	unsigned s = (unsigned)sim_random(SPACES);
	unsigned protection = sim_random(3) ? READ_WRITE : SHM_READ;
	uint64_t first, count;

	random_range(&first, &count);
	if (spaces[s]->area_count > SIM_AREAS - 6)
		return;
	check_equal(
		sim_protect(spaces[s], address_of(first), address_of(first + count), protection),
		0);
	for (uint64_t i = first; i < first + count; i++)
		model_pages[s][i].protection = protection;
}

/* What an access to a page must give: 0 and where its value is, or the error. */
static int model_access(struct model_page *page, unsigned access, uint64_t **value)
{
	struct model_object *object = &model_objects[page->object];

	if (page->shown == SHOWS_NOTHING || !page->protection)
		return -EFAULT;
	if (access == SHM_WRITE && !(page->protection & SHM_WRITE))
		return -EFAULT;
	*value = &page->value;
	if (page->shown == SHOWS_ANONYMOUS || page->own)
		return 0;
	if (page->index >= object->size)
		return -EIO;
	*value = &object->pages[page->index];
	if (page->shown == SHOWS_PRIVATE && access == SHM_WRITE) {
		page->own = true;
		page->value = **value;
		*value = &page->value;
	}
	return 0;
}

static void access_page(unsigned s, uint64_t page, bool write)
{
	uint64_t *expected = NULL, seen = 0;
	int result = model_access(&model_pages[s][page], write ? SHM_WRITE : SHM_READ, &expected);

	if (write) {
		check_equal(sim_write(s, address_of(page), ++stamp), result);
		if (!result)
			*expected = stamp;
		return;
	}
	check_equal(sim_read(s, address_of(page), &seen), result);
	if (!result)
		check_equal(seen, *expected);
}

static void op_access(void)
{
	unsigned s = (unsigned)sim_random(SPACES);
	uint64_t first, count;

	random_range(&first, &count);
	for (unsigned i = 0; i < 6; i++)
		access_page(s, first + sim_random(count), sim_random(2));
}

static void object_cut(unsigned o, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end && i < PAGES_MAX; i++)
		model_objects[o].pages[i] = 0;
}

static void op_resize(void)
{
	unsigned o = (unsigned)sim_random(OBJECTS);
	uint64_t size = random_size(PAGES_MAX);

	check_equal(shm_object_resize(objects[o], size), 0);
	object_cut(o, size, PAGES_MAX);
	model_objects[o].size = size;
}

static void op_punch(void)
{
	unsigned o = (unsigned)sim_random(OBJECTS);
	uint64_t first = random_size(PAGES_MAX), count = random_size(PAGES_MAX);

	shm_object_punch(objects[o], first, count);
	object_cut(o, first, first + count);
}

static void op_evict(void)
{
	unsigned o = (unsigned)sim_random(OBJECTS);

	shm_object_evict(objects[o], random_size(PAGES_MAX), random_size(100));
}

static void op_age(void)
{
	unsigned o = (unsigned)sim_random(OBJECTS);

	shm_object_age(objects[o], random_size(PAGES_MAX), random_size(PAGES_MAX));
}

static void op_pin(void)
{
	unsigned o = (unsigned)sim_random(OBJECTS);
	uint64_t index = random_size(PAGES_MAX - 1), frame;
	bool exists = index < model_objects[o].size;

	check_equal(shm_object_page_pin(objects[o], index, true, &frame), exists ? 0 : -EFBIG);
	if (!exists)
		return;
	check_equal(sim_frame_words(frame)[0], model_objects[o].pages[index]);
	sim_frame_words(frame)[0] = model_objects[o].pages[index] = ++stamp;
	shm_object_page_unpin(objects[o], frame);
}

/* A space becomes the child of another one. */
static void op_fork(void)
{
	unsigned parent = (unsigned)sim_random(SPACES), child = (unsigned)sim_random(SPACES);

	if (parent == child || sim_random(3))
		return;
	sim_space_destroy(spaces[child]);
	spaces[child] = sim_space_fork(spaces[parent], (int32_t)child + 1);
	check(spaces[child] != NULL);
	sim_cpu_run(child, spaces[child]);
	memcpy(model_pages[child], model_pages[parent], sizeof(model_pages[child]));
}

static void op_watch(void)
{
	sim.watched_count = 0;
	for (unsigned i = 0; i < 10; i++)
		sim_watch(address_of(random_size(WINDOW_PAGES - 1)));
}

static void (*const operations[])(void) = {
	op_map,    op_map,   op_unmap, op_protect, op_access, op_access, op_access, op_access,
	op_resize, op_punch, op_evict, op_age,     op_pin,    op_fork,   op_watch,
};

/* ---- sequences ---- */

static void world_check(void)
{
	sim.quiet = true;
	for (unsigned o = 0; o < OBJECTS; o++)
		shm_check_object(objects[o]);
	for (unsigned s = 0; s < SPACES; s++)
		shm_check_space(&spaces[s]->shm);
	sim.quiet = false;
}

static void run_sequence(uint64_t seed)
{
	snprintf(sim_context, sizeof(sim_context), "sequence with seed %llu, %s",
		 (unsigned long long)seed, unit_link ? "link" : "no link");
	sim_init(unit_link, seed);
	sim.drops = seed % 2;
	memset(model_objects, 0, sizeof(model_objects));
	memset(model_pages, 0, sizeof(model_pages));
	for (unsigned o = 0; o < OBJECTS; o++) {
		model_objects[o].size = random_size(PAGES_MAX);
		check_equal(shm_object_create(&sim.shm, model_objects[o].size, 0, &objects[o]), 0);
	}
	for (unsigned s = 0; s < SPACES; s++) {
		spaces[s] = sim_space_create((int32_t)s + 1);
		sim_cpu_run(s, spaces[s]);
	}
	for (unsigned i = 0; i < OPERATIONS && sim.frames_used < SIM_FRAMES - 1200; i++) {
		operations[sim_random(sizeof(operations) / sizeof(operations[0]))]();
		world_check();
	}
	for (unsigned s = 0; s < SPACES; s++)
		sim_space_destroy(spaces[s]);
	for (unsigned o = 0; o < OBJECTS; o++)
		shm_object_put(objects[o]);
	sim_check_empty();
}

static void sequences(void)
{
	const char *wanted = getenv("MODEL_SEED");
	uint64_t count = unit_long ? 20000 : 400;

	if (wanted) {
		run_sequence(strtoull(wanted, NULL, 0));
		return;
	}
	for (uint64_t seed = 1; seed <= count; seed++)
		run_sequence(seed);
	sim_init(unit_link, 1);
}

static const struct unit_test tests[] = {
	{"sequences", "random operations give what a naive model gives (MODEL_SEED=N: one of them)",
	 sequences, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct unit_suite suite = {"model", tests};
	const struct unit_suite *const suites[] = {&suite, NULL};

	return unit_main(argc, argv, suites);
}
