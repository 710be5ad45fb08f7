// SPDX-License-Identifier: MIT
/* Objects in spaces: links, own leaves, and every change of the areas around them. */

#include "test/unit/object_world.h"

#define BASE (4 * SPAN)

/* ---- sharing ---- */

static void share_linked(void)
{
	world(1024);
	check_equal(sim_map(a, BASE, 1024, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE + 6 * SPAN, 1024, object, 0, READ_WRITE, 0), 0);
	for (uint64_t i = 0; i < 1024; i += 128)
		must_write(0, BASE + i * PAGE, i + 1);
	check_equal(span_linked(a, BASE), unit_link);
	uint64_t faults = sim.faults;
	for (uint64_t i = 0; i < 1024; i += 128)
		check_equal(must_read(1, BASE + 6 * SPAN + i * PAGE), i + 1);
	check(SHM_CPU_CAPABILITIES & SHM_CACHES_INVALID || sim.faults - faults == 2);
	check_equal(span_linked(b, BASE + 7 * SPAN), unit_link);
	uint64_t entry = shm_piece_linked_entry(&a->areas[0]->piece, BASE + 128 * PAGE);
	check_equal(shm_entry_is_present(entry), unit_link);
	check_equal(shm_piece_linked_entry(&b->areas[0]->piece, BASE + 6 * SPAN + 128 * PAGE),
		    entry);
	check(!shm_entry_is_present(shm_piece_linked_entry(&a->areas[0]->piece, BASE + PAGE)));
	must_write(1, BASE + 6 * SPAN, 99);
	check_equal(must_read(0, BASE), 99);
	check_equal(sim.shm.counters.links, unit_link ? 4 : 0);
	world_end();
}

static void share_misaligned(void)
{
	world(600);
	check_equal(sim_map(a, BASE, 600, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE + 17 * PAGE, 600, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 3 * PAGE, 3);
	must_write(0, BASE + 550 * PAGE, 550);
	check_equal(must_read(1, BASE + 20 * PAGE), 3);
	check_equal(must_read(1, BASE + 567 * PAGE), 550);
	must_write(1, BASE + 527 * PAGE, 510);
	check_equal(must_read(0, BASE + 510 * PAGE), 510);
	check(!span_linked(b, BASE) && !span_linked(b, BASE + SPAN));
	world_end();
}

/* CPUs look all the time, and some remember that there was nothing: the fault must make them forget it last. */
static void fault_once(void)
{
	const struct {
		unsigned cpu;
		uint64_t address;
	} accesses[] = {
		{0, BASE},        /* a new page; its span is linked where that is possible */
		{0, BASE + PAGE}, /* a new page of that span */
		{1, BASE + SPAN + 17 * PAGE}, /* pages that are there, in an own leaf */
		{1, BASE + SPAN + 19 * PAGE}, /* a new page in it */
	};
	const unsigned count = sizeof(accesses) / sizeof(accesses[0]);
	uint64_t frame;

	world_mapped(600, BASE, BASE + SPAN + 17 * PAGE);
	for (unsigned i = 0; i < count; i++)
		sim_watch(accesses[i].address);
	for (unsigned i = 0; i < count; i++) {
		uint64_t faults = sim.faults;
		check_equal(sim_touch(accesses[i].cpu, accesses[i].address, SHM_WRITE, &frame), 0);
		check_equal(sim.faults - faults, 1);
	}
	world_end();
}

/* One fault for each page where CPUs do not set the accessed bit, one for the leaf where they do. */
static void share_preallocated(void)
{
	world_mapped(600, BASE, BASE + 17 * PAGE);
	check_equal(shm_object_preallocate(object, 0, 600), 0);
	check_equal(must_read(0, BASE), 0);
	check(shm_object_page_touched(object, 0) && !shm_object_page_touched(object, 1));
	uint64_t faults = sim.faults;
	must_write(0, BASE + PAGE, 1);
	bool by_itself = unit_link && (sim.port.capabilities & SHM_HARDWARE_AD);
	check_equal(sim.faults - faults, !by_itself);
	check(shm_object_page_touched(object, 1) && !shm_object_page_touched(object, 2));
	/* Through an own leaf: only what is touched comes along. */
	check_equal(must_read(1, BASE + 18 * PAGE), 1);
	check(!shm_object_page_touched(object, 2));
	must_write(1, BASE + 19 * PAGE, 2);
	check(shm_object_page_touched(object, 2));
	check_equal(must_read(0, BASE + 2 * PAGE), 2);
	check_equal(shm_object_seek(object, 0, false), 3);
	check_equal(shm_object_resident_pages(object), 600);
	world_end();
}

static void share_small(void)
{
	world(3);
	check_equal(sim_map(a, BASE, 3, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + PAGE, 8);
	/* b has an own leaf here already: settling fills it and nothing faults. */
	check_equal(sim_map(b, BASE, 1, NULL, 0, READ_WRITE, 0), 0);
	must_write(1, BASE, 1);
	check_equal(sim_map(b, BASE + PAGE, 3, object, 0, READ_WRITE, 0), 0);
	uint64_t faults = sim.faults;
	check_equal(must_read(1, BASE + 2 * PAGE), 8);
	check_equal(sim.faults, faults);
	check(!span_linked(a, BASE) && !span_linked(b, BASE));
	world_end();
}

static void share_parts(void)
{
	world(1024);
	/* From the middle: the first span is not covered, the second is. */
	check_equal(sim_map(a, BASE + 100 * PAGE, 924, object, 100, READ_WRITE, 0), 0);
	must_write(0, BASE + 100 * PAGE, 100);
	must_write(0, BASE + SPAN, 512);
	check(!span_linked(a, BASE));
	check_equal(span_linked(a, BASE + SPAN), unit_link);
	/* Twice in one space. */
	check_equal(sim_map(b, BASE, 1024, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE + 4 * SPAN, 1024, object, 0, READ_WRITE, 0), 0);
	check_equal(must_read(1, BASE + SPAN), 512);
	must_write(1, BASE + 5 * SPAN, 513);
	check_equal(must_read(1, BASE + SPAN), 513);
	check_equal(must_read(0, BASE + SPAN), 513);
	world_end();
}

/* What comes between them makes two mappings of one base, which link different leaves. */
static void base_twice(void)
{
	world(1024);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	check_equal(sim_map(a, BASE + 8 * SPAN, 512, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(a, BASE + SPAN, 512, object, 512, READ_WRITE, 0), 0);
	must_write(0, BASE + SPAN, 2);
	check_equal(span_linked(a, BASE), unit_link);
	check_equal(span_linked(a, BASE + SPAN), unit_link);
	check_equal(shm_object_mapping_count(object), 3);
	check_equal(sim_unmap(a, BASE, BASE + SPAN), 0);
	check_equal(must_read(0, BASE + SPAN), 2);
	world_end();
}

static void past_end(void)
{
	world(100);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	check_equal(span_linked(a, BASE), unit_link);
	sim_watch(BASE + 100 * PAGE);
	check_equal(read_error(0, BASE + 100 * PAGE), -EIO);
	check_equal(read_error(0, BASE + 511 * PAGE), -EIO);
	check_equal(read_error(0, BASE + 512 * PAGE), -EFAULT);
	check_equal(shm_object_resize(object, 300), 0);
	check_equal(must_read(0, BASE + 100 * PAGE), 0);
	world_end();
}

static void read_only(void)
{
	uint64_t frame;

	world(512);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 512, object, 0, SHM_READ, 0), 0);
	must_write(0, BASE, 5);
	check_equal(must_read(1, BASE), 5);
	check_equal(span_linked(b, BASE),
		    unit_link && (SHM_CPU_CAPABILITIES & SHM_PARENT_RESTRICT));
	check_equal(sim_touch(1, BASE, SHM_WRITE, &frame), -EFAULT);
	check_equal(sim_touch(1, BASE, SHM_EXEC, &frame), -EFAULT);
	check_equal(sim_touch(1, BASE + PAGE, SHM_WRITE, &frame), -EFAULT);
	world_end();
}

static void executable(void)
{
	uint64_t frame;

	world(512);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE | SHM_EXEC, 0), 0);
	check_equal(sim_touch(0, BASE, SHM_EXEC, &frame), 0);
	check(!span_linked(a, BASE));
	world_end();
}

static void none_protection(void)
{
	world(20);
	check_equal(sim_map(a, BASE, 20, object, 0, 0, 0), 0);
	check_equal(read_error(0, BASE), -EFAULT);
	check_equal(sim_protect(a, BASE, BASE + 20 * PAGE, READ_WRITE), 0);
	must_write(0, BASE, 1);
	world_end();
}

/* ---- private pieces ---- */

static void private_copy(void)
{
	world(600);
	check_equal(sim_map(a, BASE, 600, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 600, object, 0, READ_WRITE, SHM_PIECE_PRIVATE), 0);
	must_write(0, BASE, 1);
	must_write(0, BASE + PAGE, 2);
	check_equal(must_read(1, BASE), 1);
	check_equal(must_read(1, BASE + PAGE), 2);
	must_write(1, BASE, 10);
	check_equal(must_read(0, BASE), 1);
	check_equal(must_read(1, BASE), 10);
	must_write(0, BASE + PAGE, 20);
	check_equal(must_read(1, BASE + PAGE), 20);
	check(!span_linked(b, BASE));
	/* The object's pages go; the copy stays. */
	shm_object_punch(object, 0, 600);
	check_equal(must_read(1, BASE), 10);
	check_equal(must_read(1, BASE + PAGE), 0);
	check_equal(shm_object_resize(object, 0), 0);
	check_equal(read_error(1, BASE + PAGE), -EIO);
	world_end();
}

/* ---- changes around a link ---- */

static void fixed_over_slack(void)
{
	world(100);
	check_equal(sim_map(a, BASE, 100, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 100, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	must_write(1, BASE + PAGE, 2);
	check_equal(span_linked(a, BASE), unit_link);
	/* An anonymous page right behind the segment must never show in b. */
	check_equal(sim_map(a, BASE + 100 * PAGE, 1, NULL, 0, READ_WRITE, 0), 0);
	check(!span_linked(a, BASE));
	must_write(0, BASE + 100 * PAGE, 666);
	check_equal(read_error(1, BASE + 100 * PAGE), -EFAULT);
	check_equal(must_read(0, BASE + PAGE), 2);
	check(!span_linked(a, BASE));
	check_equal(span_linked(b, BASE), unit_link);
	world_end();
}

static void fixed_over_middle(void)
{
	world(512);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 10 * PAGE, 1);
	must_write(1, BASE + 11 * PAGE, 2);
	check_equal(sim_map(a, BASE + 10 * PAGE, 1, NULL, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 10 * PAGE, 50);
	check_equal(must_read(1, BASE + 10 * PAGE), 1);
	check_equal(must_read(0, BASE + 11 * PAGE), 2);
	check_equal(sim.shm.counters.mappings, 2);
	world_end();
}

static void protect_part(void)
{
	uint64_t frame;

	world(1024);
	check_equal(sim_map(a, BASE, 1024, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 1024, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 5 * PAGE, 1);
	must_write(0, BASE + SPAN, 2);
	must_read(1, BASE);
	check_equal(sim_protect(a, BASE + 5 * PAGE, BASE + 6 * PAGE, SHM_READ), 0);
	check(!span_linked(a, BASE));
	check_equal(span_linked(a, BASE + SPAN), unit_link);
	check_equal(must_read(0, BASE + 5 * PAGE), 1);
	check_equal(sim_touch(0, BASE + 5 * PAGE, SHM_WRITE, &frame), -EFAULT);
	must_write(0, BASE + 6 * PAGE, 3);
	must_write(1, BASE + 5 * PAGE, 4);
	check_equal(must_read(0, BASE + 5 * PAGE), 4);
	check_equal(sim_protect(a, BASE + 5 * PAGE, BASE + 6 * PAGE, READ_WRITE), 0);
	must_write(0, BASE + 5 * PAGE, 5);
	check_equal(must_read(1, BASE + 5 * PAGE), 5);
	check_equal(sim.shm.counters.mappings, 2);
	world_end();
}

static void protect_all(void)
{
	uint64_t frame;

	world(512);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	check_equal(sim_protect(a, BASE, BASE + SPAN, SHM_READ), 0);
	check_equal(must_read(0, BASE), 1);
	check_equal(sim_touch(0, BASE, SHM_WRITE, &frame), -EFAULT);
	check_equal(sim_protect(a, BASE, BASE + SPAN, 0), 0);
	check_equal(read_error(0, BASE), -EFAULT);
	check_equal(sim_protect(a, BASE, BASE + SPAN, READ_WRITE), 0);
	must_write(0, BASE, 2);
	world_end();
}

/* Pieces cut apart but alike again are as good as one. */
static void pieces_alike(void)
{
	world(512);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_protect(a, BASE + PAGE, BASE + 2 * PAGE, SHM_READ), 0);
	check_equal(sim_protect(a, BASE + PAGE, BASE + 2 * PAGE, READ_WRITE), 0);
	check_equal(a->area_count, 3);
	must_write(0, BASE, 2);
	check_equal(span_linked(a, BASE), unit_link);
	check_equal(sim_unmap(a, BASE + PAGE, BASE + 2 * PAGE), 0);
	check(!span_linked(a, BASE));
	check_equal(must_read(0, BASE), 2);
	check(!span_linked(a, BASE));
	check_equal(read_error(0, BASE + PAGE), -EFAULT);
	world_end();
}

static void unmap_part(void)
{
	world(1024);
	check_equal(sim_map(a, BASE, 1024, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	must_write(0, BASE + 2 * PAGE, 3);
	must_write(0, BASE + SPAN, 2);
	/* The link goes with the head; what it showed of the rest is flushed as well. */
	check_equal(sim_unmap(a, BASE, BASE + PAGE), 0);
	check_equal(read_error(0, BASE), -EFAULT);
	check_equal(sim_unmap(a, BASE + PAGE, BASE + 512 * PAGE), 0);
	shm_object_punch(object, 0, 512);
	check_equal(must_read(0, BASE + SPAN), 2);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	check_equal(span_linked(a, BASE), unit_link);
	world_end();
}

static void extend(void)
{
	world(300);
	check_equal(sim_map(a, BASE, 100, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	check(!span_linked(a, BASE));
	check_equal(sim_unmap(a, BASE, BASE + 100 * PAGE), 0);
	check_equal(sim_map(a, BASE, 300, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 2);
	check_equal(span_linked(a, BASE), unit_link);
	check_equal(sim_extend(a, BASE, BASE + 512 * PAGE), 0);
	check_equal(read_error(0, BASE + 300 * PAGE), -EIO);
	check_equal(shm_object_resize(object, 512), 0);
	must_write(0, BASE + 400 * PAGE, 3);
	check_equal(span_linked(a, BASE), unit_link);
	world_end();
}

static void merge(void)
{
	world(100);
	check_equal(sim_map(a, BASE, 50, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(a, BASE + SPAN, 1, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(a, BASE + 50 * PAGE, 50, object, 50, READ_WRITE, 0), 0);
	must_write(0, BASE + 60 * PAGE, 1);
	check_equal(sim.shm.counters.mappings, 3);
	/* What a host does when it merges areas. */
	struct sim_area *low = a->areas[0], *high = a->areas[1];
	sim.port.space_lock(&a->shm, true);
	shm_piece_merge(&a->shm, &low->piece, &high->piece);
	low->end = high->end;
	a->areas[1] = a->areas[2];
	a->area_count = 2;
	sim.port.mem_free(high, sizeof(*high));
	sim.port.space_unlock(&a->shm, true);
	check_equal(sim.shm.counters.mappings, 2);
	world_check();
	shm_object_punch(object, 60, 1);
	check_equal(must_read(0, BASE + 60 * PAGE), 0);
	world_end();
}

/* ---- resize under mappings ---- */

static void grow_tail(void)
{
	world(100);
	check_equal(sim_map(a, BASE, 100, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE, 1);
	check_equal(must_read(1, BASE), 1);
	sim_watch(BASE + 100 * PAGE);
	check_equal(shm_object_resize(object, 200), 0);
	world_check();
	check(!span_linked(a, BASE));
	must_write(1, BASE + 100 * PAGE, 2);
	check_equal(read_error(0, BASE + 100 * PAGE), -EFAULT);
	check_equal(must_read(0, BASE), 1);
	check(!span_linked(a, BASE));
	check_equal(span_linked(b, BASE), unit_link);
	world_end();
}

static void grow_small(void)
{
	world(4);
	check_equal(sim_map(a, BASE, 4, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE, 600, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + PAGE, 1);
	check_equal(must_read(1, BASE + PAGE), 1);
	check_equal(shm_object_resize(object, 600), 0);
	world_check();
	check_equal(must_read(0, BASE + PAGE), 1);
	must_write(1, BASE + 599 * PAGE, 2);
	must_write(1, BASE + PAGE, 3);
	check_equal(must_read(0, BASE + PAGE), 3);
	shm_object_punch(object, 0, 2);
	check_equal(must_read(0, BASE + PAGE), 0);
	check_equal(must_read(1, BASE + PAGE), 0);
	world_end();
}

static void shrink_mapped(void)
{
	world(1500);
	check_equal(sim_map(a, BASE, 1500, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE + PAGE, 1500, object, 0, READ_WRITE, 0), 0);
	for (uint64_t i = 0; i < 1500; i += 250) {
		must_write(0, BASE + i * PAGE, i + 1);
		check_equal(must_read(1, BASE + (i + 1) * PAGE), i + 1);
	}
	check_equal(shm_object_resize(object, 300), 0);
	world_check();
	check_equal(must_read(0, BASE + 250 * PAGE), 251);
	check_equal(read_error(0, BASE + 500 * PAGE), -EIO);
	check_equal(read_error(1, BASE + 501 * PAGE), -EIO);
	check_equal(read_error(0, BASE + 1250 * PAGE), -EIO);
	check_equal(shm_object_resize(object, 1500), 0);
	check_equal(must_read(0, BASE + 500 * PAGE), 0);
	check_equal(must_read(1, BASE + 1251 * PAGE), 0);
	world_end();
}

static void punch_mapped(void)
{
	world(512);
	check_equal(sim_map(a, BASE, 512, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(b, BASE + 3 * PAGE, 512, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 7 * PAGE, 7);
	must_write(0, BASE + 8 * PAGE, 8);
	check_equal(must_read(1, BASE + 10 * PAGE), 7);
	shm_object_punch(object, 7, 1);
	world_check();
	check_equal(must_read(0, BASE + 7 * PAGE), 0);
	check_equal(must_read(0, BASE + 8 * PAGE), 8);
	check_equal(must_read(1, BASE + 10 * PAGE), 0);
	must_write(1, BASE + 10 * PAGE, 9);
	check_equal(must_read(0, BASE + 7 * PAGE), 9);
	/* The last page goes: so does the leaf, under its links. */
	shm_object_punch(object, 0, 512);
	check(!span_linked(a, BASE));
	check_equal(must_read(0, BASE + 8 * PAGE), 0);
	world_end();
}

/* ---- fork, exit ---- */

static void fork_shares(void)
{
	world(600);
	check_equal(sim_map(a, BASE, 600, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_map(a, BASE + 4 * SPAN, 600, object, 0, READ_WRITE, SHM_PIECE_PRIVATE), 0);
	must_write(0, BASE, 1);
	must_write(0, BASE + 4 * SPAN, 2);
	int64_t frames = sim.frames_live;
	struct sim_space *child = sim_space_fork(a, 3);
	check_equal(sim.frames_live, frames + 1); /* the one copied page */
	sim_cpu_run(2, child);
	check_equal(must_read(2, BASE), 1);
	check_equal(must_read(2, BASE + 4 * SPAN), 2);
	must_write(2, BASE, 3);
	must_write(2, BASE + 4 * SPAN, 4);
	check_equal(must_read(0, BASE), 3);
	check_equal(must_read(0, BASE + 4 * SPAN), 2);
	sim_space_destroy(child);
	check_equal(must_read(0, BASE), 3);
	world_end();
}

static void object_outlives(void)
{
	world(600);
	check_equal(sim_map(a, BASE, 600, object, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 599 * PAGE, 1);
	shm_object_put(object);
	check_equal(must_read(0, BASE + 599 * PAGE), 1);
	check_equal(sim_unmap(a, BASE, BASE + 600 * PAGE), 0);
	check_equal(sim.shm.counters.objects, 0);
	check_equal(sim.frames_live, 0);
	sim_space_destroy(a);
	sim_space_destroy(b);
}

static void untouched_is_cheap(void)
{
	world(1ull << 25);
	uint64_t flushes = sim.flushes_range, steps = sim.steps;
	check_equal(sim_map(a, 2ull << 30, 1ull << 25, object, 0, READ_WRITE, 0), 0);
	check_equal(sim_unmap(a, 2ull << 30, (2ull << 30) + (PAGE << 25)), 0);
	check_equal(sim.flushes_range, flushes);
	check(sim.steps - steps < 10);
	world_end();
}

static const struct unit_test tests[] = {
	{"share_linked", "two spaces see each other's writes; one fault a span", share_linked,
	 false},
	{"share_misaligned", "a misaligned mapping is filled and shows the same", share_misaligned,
	 false},
	{"fault_once", "an access faults once, whatever its CPU remembered", fault_once, false},
	{"share_preallocated", "whoever gets to a preallocated page touches it, and it only",
	 share_preallocated, false},
	{"share_small", "a small object is settled into an own leaf that exists", share_small,
	 false},
	{"share_parts", "only covered spans are linked; one space may map an object twice",
	 share_parts, false},
	{"base_twice", "two mappings of one base may link a leaf each", base_twice, false},
	{"past_end", "past the object's end is SIGBUS, past the mapping SIGSEGV", past_end, false},
	{"read_only", "a read-only mapping cannot be written, linked or not", read_only, false},
	{"executable", "an executable mapping is never linked", executable, false},
	{"none_protection", "a mapping without permission shows nothing until it has one",
	 none_protection, false},
	{"private_copy", "a private write is a copy; unwritten pages follow the object",
	 private_copy, false},
	{"fixed_over_slack", "an area in the slack behind an object never shows elsewhere",
	 fixed_over_slack, false},
	{"fixed_over_middle", "an area over the middle of a linked span shows in its space only",
	 fixed_over_middle, false},
	{"protect_part", "a part with another protection unlinks its span only", protect_part,
	 false},
	{"protect_all", "protections take effect at once, down and up", protect_all, false},
	{"pieces_alike", "pieces that are alike may be linked together", pieces_alike, false},
	{"unmap_part", "unmapping a part leaves no translation of it or of the dropped link",
	 unmap_part, false},
	{"extend", "a mapping grows in place", extend, false},
	{"merge", "two mappings of one object at one base become one", merge, false},
	{"grow_tail", "growth never shows pages behind a mapping's end", grow_tail, false},
	{"grow_small", "entries of a small object stay valid when it gets a leaf", grow_small,
	 false},
	{"shrink_mapped", "pages past a shrink are SIGBUS in every space, then zeros",
	 shrink_mapped, false},
	{"punch_mapped", "a hole reads as zeros in every space", punch_mapped, false},
	{"fork_shares", "a child sees shared pages and its own copies", fork_shares, false},
	{"object_outlives", "the last unmap frees an object that nobody else holds",
	 object_outlives, false},
	{"untouched_is_cheap", "mapping and unmapping 128 GiB untouched is a few operations",
	 untouched_is_cheap, false},
	{0},
};
const struct unit_suite mapping_suite = {"mapping", tests};
