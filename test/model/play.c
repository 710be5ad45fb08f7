// SPDX-License-Identifier: MIT
/* The beginning and the end of a run, its operations in turn, and what they share. */

#include "test/model/play.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct play_world world;
static const struct play_choices *choices;
static unsigned number; /* of the operation */

/* ---- choices ---- */

uint64_t draw(uint64_t bound)
{
	return choices->draw(bound);
}

uint64_t draw_size(uint64_t max)
{
	const uint64_t near[] = {0, 1, 3, 15, 16, 17, 20, 100, 511, 512, 513, 600, 1024, 1025};
	uint64_t choice = draw(21);
	uint64_t size = choice < 14 ? near[choice] : draw(max + 1);

	return size > max ? max : size;
}

static void space_make(unsigned s)
{
	world.spaces[s] = sim_space_create(world.next_pid++);
	if (!world.spaces[s])
		return;
	sim_cpu_run(s, world.spaces[s]);
	if (s == 0)
		sim_cpu_run(SPACES, world.spaces[s]); /* two threads */
	caller_set(s);
	memset(naive.pages[s], 0, sizeof(naive.pages[s]));
}

unsigned draw_space(void)
{
	unsigned s = (unsigned)draw(SPACES);

	for (unsigned i = 0; i < SPACES; i++)
		if (world.spaces[(s + i) % SPACES])
			return (s + i) % SPACES;
	refuse_from_now(0, false);
	space_make(s);
	return s;
}

void draw_range(unsigned s, uint64_t *first, uint64_t *count)
{
	const struct sim_space *space = world.spaces[s];
	uint64_t choice = draw(16);

	if (choice < 10 && space->area_count > 0) {
		const struct sim_area *area = space->areas[draw(space->area_count)];
		*first = page_of(area->start);
		*count = (area->end - area->start) / PAGE;
		if (choice < 4)
			return;
		uint64_t skip = choice % 2 ? draw_size(*count - 1) : 0;
		*first += skip;
		*count = 1 + draw_size(*count - skip - 1);
		return;
	}
	*first = choice % 2 ? draw(WINDOW_PAGES) : draw(6) * 512;
	*count = draw_size(WINDOW_PAGES - *first);
	if (*count == 0)
		*count = 1;
}

/* ---- telling ---- */

void doing(const char *format, ...)
{
	va_list arguments;
	int used =
		snprintf(sim_context, sizeof(sim_context), "%s, %s, operation %u: ", choices->name,
			 unit_link ? "link" : "no link", number);

	va_start(arguments, format);
	vsnprintf(sim_context + used, sizeof(sim_context) - (size_t)used, format, arguments);
	va_end(arguments);
	if (choices->trace)
		fprintf(stderr, "%4u  %s\n", number, strstr(sim_context, ": ") + 2);
}

bool agrees(long result, long expected)
{
	if (choices->trace)
		fprintf(stderr, "      = %ld%s\n", result,
			result == expected ? "" : ", not as the model has it");
	if (result == -ENOMEM && expected != -ENOMEM && world.refusing)
		return false;
	check_equal(result, expected);
	return true;
}

/* ---- what operations share ---- */

uint64_t areas_showing(unsigned object)
{
	uint64_t count = 0;

	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned i = 0; world.spaces[s] && i < world.spaces[s]->area_count; i++) {
			struct naive_page *page =
				&naive.pages[s][page_of(world.spaces[s]->areas[i]->start)];
			count += (page->shown == SHOWS_SHARED || page->shown == SHOWS_PRIVATE) &&
				 page->object == object;
		}
	return count;
}

void pages_change(unsigned s, uint64_t first, uint64_t count, bool go)
{
	uint64_t start = address_of(first), end = address_of(first + count);

	for (unsigned i = 0; i < world.spaces[s]->area_count; i++) {
		struct sim_area *area = world.spaces[s]->areas[i];
		if (area->end <= start || area->start >= end)
			continue;
		struct naive_segment *segment =
			segment_shown(&naive.pages[s][page_of(area->start)]);
		if (!segment)
			continue;
		segment->attached |= area->start < start || area->end > end;
		segment->detached |= go;
		segment->pid = world.spaces[s]->caller.pid;
	}
}

void pages_forget(unsigned s, uint64_t first, uint64_t count, bool all)
{
	for (uint64_t i = first; i < first + count; i++)
		if (all || !sim_area_at(world.spaces[s], address_of(i)))
			memset(&naive.pages[s][i], 0, sizeof(struct naive_page));
}

void segments_left(void)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		naive.segments[i].nattch = areas_showing(OBJECTS + i);
		if (naive.segments[i].detached || naive.segments[i].left)
			naive_left(&naive.segments[i]);
	}
}

void caller_set(unsigned s)
{
	struct shm_caller *caller = &world.spaces[s]->caller;

	caller->uid = caller->real_uid = world.callers[s].uid;
	caller->gid = world.callers[s].gid;
	caller->access_gid = world.callers[s].access_gid;
	caller->groups = &world.callers[s].group;
	caller->group_count = 1;
	caller->capabilities = world.callers[s].capabilities;
	caller->memlock_limit_bytes = world.callers[s].memlock;
}

/* ---- processes ---- */

/* All that shows, is held or was made by the process ends. */
static void space_end(unsigned s)
{
	if (!world.spaces[s])
		return;
	pages_change(s, 0, WINDOW_PAGES, true);
	sim_space_destroy(world.spaces[s]);
	world.spaces[s] = NULL;
	if (s == 0)
		sim_cpu_run(SPACES, NULL);
	memset(naive.pages[s], 0, sizeof(naive.pages[s]));
	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct naive_segment *segment = &naive.segments[i];
		if (segment->holder == (int)s) {
			segment->holder = -1;
			segment->left = true;
		}
		if (segment->creator == (int)s) {
			segment->creator = -1;
			/* An orphan goes even if it was never attached. */
			segment->left |= naive.limits.rmid_forced;
		}
	}
}

void play_exit(void)
{
	unsigned s = draw_space();

	doing("process %u exits", s);
	refuse_from_now(0, false);
	space_end(s);
	if (draw(2))
		space_make(s);
}

/* The child's place is taken from another process, which exits. */
void play_fork(void)
{
	unsigned s = draw_space(), child = (unsigned)draw(SPACES);

	if (child == s)
		return;
	doing("process %u exits, then process %u forks process %u", child, s, child);
	space_end(child);
	struct sim_space *space = sim_space_fork(world.spaces[s], world.next_pid++);
	for (unsigned i = 0; i < world.spaces[s]->area_count; i++) {
		struct naive_segment *segment =
			segment_shown(&naive.pages[s][page_of(world.spaces[s]->areas[i]->start)]);
		if (!segment)
			continue;
		segment->attached = true;
		segment->pid = world.spaces[s]->caller.pid;
	}
	if (!agrees(space ? 0 : -ENOMEM, 0))
		return;
	world.spaces[child] = space;
	world.callers[child] = world.callers[s];
	caller_set(child);
	sim_cpu_run(child, space);
	if (child == 0)
		sim_cpu_run(SPACES, space);
	memcpy(naive.pages[child], naive.pages[s], sizeof(naive.pages[s]));
}

/* ---- a run ---- */

static play_operation *const operations[] = {
	play_access,       play_access,  play_access,       play_access,       play_access,
	play_access,       play_access,  play_access,       play_access,       play_access,
	play_map,          play_map,     play_map,          play_map,          play_unmap,
	play_get,          play_get,     play_get,          play_attach,       play_attach,
	play_attach,       play_attach,  play_attach,       play_detach,       play_detach,
	play_protect,      play_protect, play_extend,       play_resize,       play_resize,
	play_punch,        play_punch,   play_preallocate,  play_evict,        play_evict,
	play_age,          play_age,     play_pin,          play_pin,          play_reopen,
	play_fork,         play_fork,    play_exit,         play_change,       play_change,
	play_stat,         play_limits,  play_table_create, play_table_attach, play_table_attach,
	play_table_remove, play_lose,    play_credentials,  play_report,
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static void world_begin(void)
{
	memset(&world, 0, sizeof(world));
	memset(&naive, 0, sizeof(naive));
	number = 0;
	doing("begins");
	world.next_pid = 10;
	sim.drops = draw(2);
	refuse_wrap();
	check_equal(shm_namespace_create(&sim.shm, &world.ns), 0);
	shm_namespace_limits(world.ns, &naive.limits);
	naive.commit_limit = sim.commit_limit;
	for (unsigned i = 0; i < OBJECTS; i++) {
		naive.objects[i].open = true;
		naive_object_resize(&naive.objects[i], draw_size(PAGES_MAX));
		check_equal(
			shm_object_create(&sim.shm, naive.objects[i].size, 0, &world.objects[i]),
			0);
	}
	for (unsigned s = 0; s < SPACES; s++) {
		world.callers[s] =
			s == 0 ? (struct naive_caller){0, 0, 0, 0, UINT64_MAX, UINT64_MAX}
			       : (struct naive_caller){1000, 1000, 1000 * s, 1000, 0, 700 * PAGE};
		space_make(s);
	}
}

/* Calls may be refused in one operation of four or so. */
static void operation_begin(void)
{
	static const uint64_t nths[] = {1, 1, 2, 2, 3, 4, 5, 7, 9, 14};
	uint64_t choice = draw(64);

	for (unsigned i = 0; i < SEGMENTS; i++)
		naive.segments[i].attached = naive.segments[i].detached = naive.segments[i].left =
			false;
	number++;
	naive.now = 1000000 + (int64_t)++sim.now;
	world.refusing = choice < 20;
	refuse_from_now(world.refusing ? nths[choice / 2] : 0, choice % 2);
}

static void world_end(void)
{
	bool namespace_first = draw(2);

	doing("ends");
	play_compare_pages();
	if (namespace_first)
		shm_namespace_put(world.ns);
	for (unsigned s = 0; s < SPACES; s++)
		if (world.spaces[s])
			sim_space_destroy(world.spaces[s]);
	for (unsigned i = 0; i < OBJECTS; i++)
		if (world.objects[i])
			shm_object_put(world.objects[i]);
	if (!namespace_first)
		shm_namespace_put(world.ns);
	sim_check_empty();
}

void play(const struct play_choices *from, bool link)
{
	choices = from;
	unit_link = link;
	world_begin();
	/* Frames are not used twice; the most that one operation and the end take is left over. */
	while (choices->more() && sim.frames_used < SIM_FRAMES - 1800) {
		operation_begin();
		operations[draw(OPERATIONS)]();
		refuse_from_now(0, false);
		segments_left();
		play_compare();
	}
	world_end();
}
