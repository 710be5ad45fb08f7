// SPDX-License-Identifier: MIT
/* Frames, small objects, and spaces against a naive model of what each page holds. */

#include "test/kernel/host.h"

#include <string.h>

#include "abi/errno.h"
#include "kernel/mm/area.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/process.h"

/* ---- frames ---- */

#define FRAMES 60000
static uint64_t frame_list[FRAMES];

static uint64_t *frame_word(uint64_t frame)
{
	return phys_to_virt(frame);
}

static void frames_exhausted(void)
{
	unsigned count = 0;
	uint64_t frame;

	for (; count < FRAMES && (frame = frame_alloc(0)); count++)
		*frame_word(frame_list[count] = frame) = frame;
	check(count > 30000 && count < FRAMES);
	frame = frame_alloc(FRAME_RESERVE);
	check(frame);
	frame_put(frame);
	for (unsigned i = 0; i < count; i++) {
		unsigned other = i + (unsigned)(host_random() % (count - i));

		check(*frame_word(frame_list[i]) == frame_list[i]); /* nobody else has it */
		frame = frame_list[other];
		frame_list[other] = frame_list[i];
		frame_put(frame);
	}
}

static void frames_merge(void)
{
	uint64_t before = frame_free_count(), frame;
	unsigned singles = 0, blocks = 0;

	for (; singles < FRAMES && (frame = frame_alloc(0)); singles++)
		frame_list[singles] = frame;
	for (unsigned i = 0; i < singles; i++)
		frame_put(frame_list[(i * 7919ull) % singles]); /* 7919 is prime, and no divisor */
	check(frame_free_count() == before);
	for (; (frame = frame_alloc_order(4, 0)); blocks++)
		frame_list[blocks] = frame;
	/* What the CPU keeps, 64 at most, may each stand in a block's way; so may the reserve. */
	check(blocks * 16ull + 64 * 16 + 64 >= before);
	for (unsigned i = 0; i < blocks; i++)
		frame_free_order(frame_list[i], 4);
}

static void frames_of_all_orders(void)
{
	static uint64_t held[300];

	for (unsigned round = 0; round < 20000; round++) {
		unsigned i = (unsigned)(host_random() % 300), order = i % 8;
		uint64_t size_bytes = PAGE_BYTES << order;

		if (held[i]) {
			check(*frame_word(held[i]) == i);
			check(*frame_word(held[i] + size_bytes - 8) == i);
			frame_free_order(held[i], order);
			held[i] = 0;
			continue;
		}
		held[i] = frame_alloc_order(order, round % 64 ? 0 : FRAME_ZERO);
		check(held[i] && !(held[i] & (size_bytes - 1)));
		check(round % 64 || !frame_word(held[i])[100]);
		*frame_word(held[i]) = *frame_word(held[i] + size_bytes - 8) = i;
	}
	for (unsigned i = 0; i < 300; i++) {
		if (held[i])
			frame_free_order(held[i], i % 8);
		held[i] = 0;
	}
}

static void references_counted(void)
{
	uint64_t frame = frame_alloc(FRAME_ZERO);

	check(frame && frame_references(frame) == 1);
	frame_get(frame);
	check(frame_references(frame) == 2);
	frame_put(frame);
	check(frame_references(frame) == 1);
	frame_put(frame);
}

/* ---- small objects ---- */

static void small_objects(void)
{
	static struct {
		uint8_t *memory;
		size_t size_bytes;
	} held[3000];

	for (unsigned round = 0; round < 200000; round++) {
		unsigned i = (unsigned)(host_random() % 3000);

		if (held[i].memory) {
			check(held[i].memory[0] == (uint8_t)i);
			check(held[i].memory[held[i].size_bytes - 1] == (uint8_t)i);
			kmem_free(held[i].memory, held[i].size_bytes);
			held[i].memory = NULL;
			continue;
		}
		held[i].size_bytes = 1 + host_random() % (i % 50 ? 2500 : 20000);
		held[i].memory = kmem_alloc(held[i].size_bytes);
		check(held[i].memory && !((uintptr_t)held[i].memory & 15));
		memset(held[i].memory, (int)i, held[i].size_bytes);
	}
	for (unsigned i = 0; i < 3000; i++)
		kmem_free(held[i].memory, held[i].size_bytes);
	memset(held, 0, sizeof(held));
}

/* ---- spaces against a model ---- */

#define PAGES 1536 /* three spans */
#define BASE  0x10000000ull

struct model_page {
	bool mapped;
	uint8_t protection;
	uint8_t value; /* of one byte in it */
};

static struct space *make_space(void)
{
	struct space *space;

	check(space_create(&space) == 0);
	return space;
}

static void compare(struct space *space, const struct model_page *model)
{
	uint64_t pages = 0, own = 0, end = 0;
	size_t count = 0;

	for (unsigned i = 0; i < PAGES; i++) {
		uint8_t value = 0;
		size_t got = space_copy_in(space, &value, BASE + i * PAGE_BYTES + 5, 1);
		bool readable = model[i].mapped && (model[i].protection & SHM_READ);

		check(got == readable);
		check(!readable || value == model[i].value);
	}
	for (struct area *area = space_area_above(space, 0); area; area = area_next(area)) {
		check(area->start >= end && area->end > area->start);
		check(area->own_pages == pagetable_own_count(space, area->start, area->end));
		end = area->end;
		pages += area_pages(area);
		own += area->own_pages;
		count++;
	}
	check(pages == space->mapped_pages && own == space->own_pages);
	check(count == space->area_count);
	shm_check_space(&space->shm);
}

struct world {
	struct space *space, *children[4];
	struct shm_object *object; /* private mappings of it are in the model, all its pages zero */
	struct model_page model[PAGES];
};

struct range {
	unsigned first, count;
	uint64_t start, end;
};

static void world_map(struct world *world, const struct range *range)
{
	struct space_request request = {
		.address = range->start,
		.size_bytes = range->end - range->start,
		.protection = SHM_READ | SHM_WRITE,
		.protection_max = 7,
		.flags = AREA_FIXED | AREA_PRIVATE,
	};
	uint64_t address;

	if (host_random() % 2) {
		request.object = world->object;
		request.index = range->first;
	}
	check(space_map(world->space, &request, &address) == 0 && address == range->start);
	for (unsigned i = range->first; i < range->first + range->count; i++)
		world->model[i] = (struct model_page){true, SHM_READ | SHM_WRITE, 0};
}

static void world_protect(struct world *world, const struct range *range)
{
	static const uint8_t protections[] = {0, SHM_READ, SHM_READ | SHM_WRITE};
	uint8_t protection = protections[host_random() % 3];
	unsigned end = range->first + range->count, mapped = range->first;

	while (mapped < end && world->model[mapped].mapped)
		mapped++;
	bool copies;
	int err = space_protect(world->space, range->start, range->end, protection, &copies);
	check(!copies);
	check(err == (mapped == end ? 0 : -ENOMEM));
	/* What lies before a hole has changed: mprotect(2). */
	for (unsigned i = range->first; i < mapped; i++)
		world->model[i].protection = protection;
}

static void world_write(struct world *world, const struct range *range)
{
	uint8_t value = (uint8_t)host_random();

	for (unsigned i = range->first; i < range->first + range->count; i++) {
		struct model_page *page = &world->model[i];
		bool writable = page->mapped && (page->protection & SHM_WRITE);
		size_t done = space_copy_out(world->space, BASE + i * PAGE_BYTES + 5, &value, 1);

		check(done == writable);
		if (writable)
			page->value = value;
	}
}

/* A child appears, must show the same, and sometimes takes the parent's place; or one goes. */
static void world_fork(struct world *world)
{
	struct space **child = &world->children[host_random() % 4];

	if (*child) {
		space_put(*child);
		*child = NULL;
		return;
	}
	check(space_fork(world->space, child) == 0);
	compare(*child, world->model);
	if (host_random() % 2) {
		struct space *parent = world->space;

		world->space = *child;
		*child = parent;
	}
}

static void space_model(void)
{
	static struct world world;

	memset(&world, 0, sizeof(world));
	world.space = make_space();
	check(shm_object_create(&shm_instance, PAGES, 0, &world.object) == 0);
	for (unsigned round = 0; round < 1200; round++) {
		struct range range = {.first = (unsigned)(host_random() % PAGES)};

		range.count = 1 + (unsigned)(host_random() % (host_random() % 4 ? 16 : 600));
		if (range.count > PAGES - range.first)
			range.count = PAGES - range.first;
		range.start = BASE + range.first * PAGE_BYTES;
		range.end = range.start + range.count * PAGE_BYTES;
		switch (host_random() % 8) {
		case 0:
		case 1:
			world_map(&world, &range);
			break;
		case 2:
			check(space_unmap(world.space, range.start, range.end) == 0);
			memset(&world.model[range.first], 0, range.count * sizeof(world.model[0]));
			break;
		case 3:
			world_protect(&world, &range);
			break;
		case 4:
			world_fork(&world);
			break;
		default:
			range.count = range.count > 20 ? 20 : range.count;
			world_write(&world, &range);
		}
		if (round % 40 == 0)
			compare(world.space, world.model);
	}
	compare(world.space, world.model);
	for (unsigned i = 0; i < 4; i++)
		if (world.children[i])
			space_put(world.children[i]);
	space_put(world.space);
	shm_object_put(world.object);
}

/* ---- room ---- */

/* The highest place below map_top, by looking at every gap. */
static uint64_t room_by_search(struct space *space, uint64_t size_bytes)
{
	uint64_t previous = MAP_LOWEST, best = 0;

	for (struct area *area = space_area_above(space, 0);; area = area_next(area)) {
		uint64_t start = area ? area->start : space->map_top;

		if (start > space->map_top)
			start = space->map_top;
		if (start > previous && start - previous >= size_bytes)
			best = start - size_bytes;
		if (!area)
			return best;
		previous = area->end;
	}
}

static void room_is_highest(void)
{
	static uint64_t at[600], size[600];
	struct space *space = make_space();
	unsigned count = 0;

	space->map_top = 0x40000000;
	for (unsigned round = 0; round < 6000; round++) {
		if (count && (count == 500 || host_random() % 3 == 0)) {
			unsigned i = (unsigned)(host_random() % count);

			check(space_unmap(space, at[i], at[i] + size[i]) == 0);
			at[i] = at[--count];
			size[i] = size[count];
			continue;
		}

		uint64_t alignment = host_random() % 4 ? PAGE_BYTES : SHM_SPAN_BYTES;
		struct space_request request = {
			.size_bytes = (1 + host_random() % 300) * PAGE_BYTES,
			.protection = host_random() % 2 ? SHM_READ : SHM_READ | SHM_WRITE,
			.protection_max = 7,
			.flags = AREA_PRIVATE,
			.alignment_bytes = alignment,
		};
		uint64_t expected = room_by_search(space, request.size_bytes);

		check(space_map(space, &request, &at[count]) == 0);
		check(!(at[count] & (alignment - 1)));
		check(alignment > PAGE_BYTES || at[count] == expected);
		size[count++] = request.size_bytes;
	}
	space_put(space);
}

static void slack_stays_free(void)
{
	struct space *space = make_space();
	struct shm_object *object;
	uint64_t shared, other;

	check(shm_object_create(&shm_instance, 700, 0, &object) == 0);
	struct space_request request = {
		.size_bytes = 700 * PAGE_BYTES,
		.protection = 3,
		.protection_max = 3,
		.object = object,
		.alignment_bytes = shm_object_alignment_bytes(object),
	};
	check(space_map(space, &request, &shared) == 0);
	check(!(shared & (SHM_SPAN_BYTES - 1)));

	uint64_t end = shared + request.size_bytes;
	uint64_t slack_end = (end + SHM_SPAN_BYTES - 1) & ~(SHM_SPAN_BYTES - 1);

	for (unsigned i = 0; i < 2000; i++) {
		struct space_request small = {
			.size_bytes = PAGE_BYTES,
			.protection = i % 2 ? 1 : 3,
			.protection_max = 7,
			.flags = AREA_PRIVATE,
		};
		check(space_map(space, &small, &other) == 0);
		check(other + PAGE_BYTES <= shared || other >= slack_end);
	}
	/* A fixed one may go there, and does not show in the object. */
	struct space_request fixed = {
		.address = end,
		.size_bytes = PAGE_BYTES,
		.protection = 3,
		.protection_max = 7,
		.flags = AREA_PRIVATE | AREA_FIXED,
	};
	uint8_t byte = 9;
	check(space_copy_out(space, shared + 600 * PAGE_BYTES, &byte, 1) == 1);
	check(space_map(space, &fixed, &other) == 0 && other == end);
	check(space_copy_out(space, end, &byte, 1) == 1);
	check(shm_object_resident_pages(object) == 1);
	shm_check_space(&space->shm);
	space_put(space);
	shm_object_put(object);
}

/* ---- shortages ---- */

/* Every allocation of a fork fails once: nothing is lost, and the parent is as before. */
static void fork_short_of_memory(void)
{
	static struct model_page model[PAGES];
	struct space *space = make_space(), *child;
	uint64_t address, frames, promised;
	unsigned n = 0;
	int err;

	memset(model, 0, sizeof(model));
	for (unsigned i = 0; i < 12; i++) {
		struct space_request request = {
			.address = BASE + i * 100 * PAGE_BYTES,
			.size_bytes = 50 * PAGE_BYTES,
			.protection = 3,
			.protection_max = 7,
			.flags = AREA_PRIVATE | AREA_FIXED,
		};
		check(space_map(space, &request, &address) == 0);
		for (unsigned j = 0; j < 50; j++)
			model[i * 100 + j] = (struct model_page){true, 3, 0};
		check(space_copy_out(space, address + 5, "x", 1) == 1);
		model[i * 100].value = 'x';
	}
	compare(space, model);
	frames = frame_free_count();
	promised = commit_count();
	do {
		thread_current()->fail_nth = ++n;
		err = space_fork(space, &child);
		thread_current()->fail_nth = 0;
		check(err == 0 || err == -ENOMEM);
		check(err == 0 || (frame_free_count() == frames && commit_count() == promised));
	} while (err);
	check(n > 10);
	compare(child, model);
	space_put(child);
	compare(space, model);
	space_put(space);
}

const struct host_test host_tests[] = {
	{"frames_exhausted", "every frame is given once; the reserve stays; all come back",
	 frames_exhausted},
	{"frames_merge", "single frames merge into the largest blocks again", frames_merge},
	{"frames_of_all_orders", "blocks are aligned, do not overlap, are zero when asked",
	 frames_of_all_orders},
	{"references_counted", "a frame goes with its last reference", references_counted},
	{"small_objects", "objects do not overlap, are aligned, and all come back", small_objects},
	{"space_model", "a space shows what a naive model says, over fork too", space_model},
	{"room_is_highest", "the highest gap that fits is found", room_is_highest},
	{"slack_stays_free", "the rest of the span behind a linkable object is avoided",
	 slack_stays_free},
	{"fork_short_of_memory", "fork undoes everything when any allocation fails",
	 fork_short_of_memory},
	{NULL, NULL, NULL},
};
