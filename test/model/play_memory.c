// SPDX-License-Identifier: MIT
/* Operations on objects and on what processes show of them: mmap and its kin, accesses, eviction. */

#include "test/model/play.h"

/* An object that can be mapped anew; one is opened if none is. */
static unsigned draw_object(void)
{
	unsigned o = (unsigned)draw(OBJECTS);

	return world.objects[o] ? o : (o + 1) % OBJECTS;
}

static bool full(unsigned s)
{
	return world.spaces[s]->area_count > SIM_AREAS - 6;
}

void play_map(void)
{
	static const unsigned protections[] = {READ_WRITE, READ_WRITE, READ_WRITE,
					       SHM_READ,   0,          READ_WRITE | SHM_EXEC};
	static const enum shown kinds[] = {SHOWS_ANONYMOUS, SHOWS_SHARED, SHOWS_PRIVATE,
					   SHOWS_SHARED};
	unsigned s = draw_space(), o = draw_object();
	unsigned protection = protections[draw(6)];
	enum shown shown = kinds[draw(4)];
	uint64_t first, count, index = draw(3) == 0 ? draw(600) : 0;

	draw_range(s, &first, &count);
	if (full(s) || (!world.objects[o] && shown != SHOWS_ANONYMOUS))
		return;
	doing("process %u maps %lu pages at page %lu: kind %d, object %u from page %lu, "
	      "protection %u",
	      s, count, first, shown, o, index, protection);
	pages_change(s, first, count, true);
	bool done = agrees(sim_map(world.spaces[s], address_of(first), count,
				   shown == SHOWS_ANONYMOUS ? NULL : world.objects[o], index,
				   protection, shown == SHOWS_PRIVATE ? SHM_PIECE_PRIVATE : 0),
			   0);
	pages_forget(s, first, count, done);
	for (uint64_t i = 0; done && i < count; i++)
		naive.pages[s][first + i] = (struct naive_page){.shown = (uint8_t)shown,
								.object = (uint8_t)o,
								.protection = (uint8_t)protection,
								.index = (uint16_t)(index + i)};
}

void play_unmap(void)
{
	unsigned s = draw_space();
	uint64_t first, count;

	draw_range(s, &first, &count);
	if (full(s)) {
		first = 0;
		count = WINDOW_PAGES;
	}
	doing("process %u unmaps %lu pages at page %lu", s, count, first);
	pages_change(s, first, count, true);
	bool done =
		agrees(sim_unmap(world.spaces[s], address_of(first), address_of(first + count)), 0);
	pages_forget(s, first, count, done);
}

void play_protect(void)
{
	unsigned s = draw_space();
	unsigned protection = draw(3) ? READ_WRITE : SHM_READ;
	uint64_t first, count;

	draw_range(s, &first, &count);
	if (full(s))
		return;
	doing("process %u protects %lu pages at page %lu with %u", s, count, first, protection);
	pages_change(s, first, count, false);
	if (agrees(sim_protect(world.spaces[s], address_of(first), address_of(first + count),
			       protection),
		   0))
		for (uint64_t i = first; i < first + count; i++)
			naive.pages[s][i].protection = (uint8_t)protection;
}

/* mremap in place, of an area that is no segment's, into free pages behind it. */
void play_extend(void)
{
	unsigned s = draw_space();
	struct naive_page *pages = naive.pages[s];
	uint64_t first, count;

	draw_range(s, &first, &count);
	struct sim_area *area = sim_area_at(world.spaces[s], address_of(first));
	count = draw_size(700);
	if (!area || !area->piece.mapping || segment_shown(&pages[page_of(area->start)]))
		return;
	first = page_of(area->end);
	uint64_t i = first;
	for (; i < first + count && i < WINDOW_PAGES && !pages[i].shown; i++) {
		pages[i] = pages[i - 1];
		pages[i].index++;
		pages[i].own = false;
		pages[i].value = 0;
	}
	if (i == first)
		return;
	doing("process %u extends its area before page %lu to page %lu", s, first, i);
	agrees(sim_extend(world.spaces[s], area->start, address_of(i)), 0);
}

/* ---- accesses ---- */

/* An access that was refused memory may have made a page all the same. */
static void access_page(unsigned s, unsigned cpu, uint64_t at, bool write, bool may_lose)
{
	struct naive_page *page = &naive.pages[s][at], before = *page;
	struct naive_object *object = &naive.objects[page->object];
	bool counted = page->shown > SHOWS_ANONYMOUS && page->index < object->size;
	uint8_t there = counted ? object->there[page->index] : THERE_NO;
	uint8_t touched = counted ? object->touched[page->index] : TOUCHED_NO;
	uint64_t *expected = NULL, seen = 0;

	doing("process %u, CPU %u %s page %lu", s, cpu, write ? "writes" : "reads", at);
	long result = write ? sim_write(cpu, address_of(at), ++world.stamp)
			    : sim_read(cpu, address_of(at), &seen);
	if (result == -EIO && may_lose && there != THERE_NO && object->evicted && !page->own)
		object->there[page->index] = THERE_LOST;
	if (!agrees(result, naive_access(page, write ? SHM_WRITE : SHM_READ, &expected))) {
		*page = before;
		if (counted) {
			object->there[page->index] = there == THERE_NO ? THERE_PERHAPS : there;
			object->touched[page->index] = touched ? touched : TOUCHED_PERHAPS;
		}
	} else if (result == -EFAULT && counted && there != THERE_NO && !touched) {
		/* The CPU may have set the accessed bit before it saw that it may not. */
		object->touched[page->index] = TOUCHED_PERHAPS;
	} else if (result == 0 && write) {
		*expected = world.stamp;
	} else if (result == 0) {
		check_equal(seen, *expected);
	}
}

static void access_some(bool may_lose)
{
	unsigned s = draw_space(), cpu = s == 0 && draw(2) ? SPACES : s;
	uint64_t first, count, choices = draw(256);

	draw_range(s, &first, &count);
	unsigned number = 1 + choices % 4;
	for (unsigned i = 0; i < number; i++)
		access_page(s, cpu, first + (i == 0 ? 0 : draw_size(count - 1)),
			    choices >> (4 + i) & 1, may_lose);
	if (sim.watched_count == SIM_WATCHED)
		sim.watched_count = 0;
	sim_watch(address_of(first));
}

void play_access(void)
{
	access_some(false);
}

/* Swap cannot be read now: a page that is there has its contents lost, and says so ever after. */
void play_lose(void)
{
	sim.swap_fails = true;
	access_some(true);
	sim.swap_fails = false;
}

/* ---- objects ---- */

void play_resize(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	uint64_t size = draw_size(PAGES_MAX);

	if (!world.objects[o])
		return;
	doing("object %u is resized from %lu to %lu pages", o, naive.objects[o].size, size);
	if (agrees(shm_object_resize(world.objects[o], size), 0))
		naive_object_resize(&naive.objects[o], size);
}

void play_punch(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	uint64_t first = draw_size(PAGES_MAX), count = draw_size(PAGES_MAX);

	if (!world.objects[o])
		return;
	doing("object %u: %lu pages from %lu are punched out", o, count, first);
	shm_object_punch(world.objects[o], first, count);
	naive_object_cut(&naive.objects[o], first, first + count);
}

void play_preallocate(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	struct naive_object *object = &naive.objects[o];
	uint64_t first = draw_size(PAGES_MAX), count = 1 + draw(40), i;
	bool error = false;

	if (!world.objects[o])
		return;
	for (i = first; i < first + count && i < object->size; i++)
		if (object->there[i] == THERE_LOST)
			return;
	doing("object %u: %lu pages from %lu are preallocated", o, count, first);
	error = !agrees(shm_object_preallocate(world.objects[o], first, count),
			first + count <= object->size ? 0 : -EFBIG);
	for (i = first; i < first + count && i < object->size; i++) {
		/* Who preallocates a page again touches it. */
		if (object->there[i] && !object->touched[i])
			object->touched[i] = error || object->there[i] == THERE_PERHAPS
						     ? TOUCHED_PERHAPS
						     : TOUCHED_YES;
		if (object->there[i] != THERE_YES)
			object->there[i] = error ? THERE_PERHAPS : THERE_YES;
	}
}

void play_evict(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	uint64_t first = draw_size(PAGES_MAX), count = draw_size(100);

	if (!world.objects[o])
		return;
	doing("object %u: %lu pages from %lu are evicted", o, count, first);
	shm_object_evict(world.objects[o], first, count);
	naive.objects[o].evicted = true;
	/* What was written out is data, touched or not. */
	for (uint64_t i = first; i < first + count && i < PAGES_MAX; i++)
		if (naive.objects[o].there[i] && !naive.objects[o].touched[i])
			naive.objects[o].touched[i] = TOUCHED_PERHAPS;
}

void play_age(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	uint64_t first = draw_size(PAGES_MAX), count = draw_size(PAGES_MAX);

	if (!world.objects[o])
		return;
	doing("object %u: %lu pages from %lu become old", o, count, first);
	shm_object_age(world.objects[o], first, count);
}

/* As read(2) and write(2) do. */
void play_pin(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	uint64_t index = draw_size(PAGES_MAX - 1), frame;
	struct naive_object *object = &naive.objects[o];
	bool create = draw(3);
	uint8_t there = object->there[index];
	long expected = index >= object->size ? -EFBIG : there == THERE_LOST ? -EIO : 0;

	if (!world.objects[o])
		return;
	doing("object %u: page %lu is pinned%s", o, index, create ? " or made" : "");
	long result = shm_object_page_pin(world.objects[o], index, create, &frame);
	if (!create && expected == 0 && there != THERE_YES &&
	    (there == THERE_NO || result == -ENODATA))
		expected = -ENODATA;
	if (!agrees(result, expected)) {
		if (there == THERE_NO)
			object->there[index] = THERE_PERHAPS;
		if (create && !object->touched[index])
			object->touched[index] = TOUCHED_PERHAPS;
		return;
	}
	if (result)
		return;
	object->there[index] = THERE_YES;
	check_equal(sim_frame_words(frame)[0], object->values[index]);
	if (create) {
		object->touched[index] = TOUCHED_YES;
		sim_frame_words(frame)[0] = object->values[index] = ++world.stamp;
	}
	shm_object_page_unpin(world.objects[o], frame);
}

/* The last descriptor goes; the object goes with its last mapping. Then there is a new one. */
void play_reopen(void)
{
	unsigned o = (unsigned)draw(OBJECTS);
	uint64_t size = draw_size(PAGES_MAX);

	if (world.objects[o]) {
		doing("object %u is closed", o);
		shm_object_put(world.objects[o]);
		world.objects[o] = NULL;
		naive.objects[o].open = false;
	} else if (areas_showing(o) == 0) {
		doing("object %u is new and has %lu pages", o, size);
		if (!agrees(shm_object_create(&sim.shm, size, 0, &world.objects[o]), 0)) {
			world.objects[o] = NULL;
			return;
		}
		naive.objects[o] = (struct naive_object){.open = true};
		naive_object_resize(&naive.objects[o], size);
	}
}
