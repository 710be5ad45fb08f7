// SPDX-License-Identifier: MIT
/* Middle tables: spaces that link an object a GiB at a time, and what makes them let go. */

#include <stdio.h>

#include "test/unit/object_world.h"
#include "test/unit/refuse.h"

#define GIB   SHM_MIDDLE_BYTES
#define PAGES SHM_MIDDLE_PAGES
#define BASE  (4 * GIB)

static void world_made(uint64_t pages)
{
	world_mapped(pages, BASE, BASE + GIB);
}

static bool middle_linked(struct sim_space *space, uint64_t address)
{
	return shm_entry_is_link(sim.port.upper_get(&space->shm, address));
}

static void shares(void)
{
	world_made(2 * PAGES);
	for (uint64_t i = 0; i < 5; i++)
		must_write(0, BASE + i * 7 * SPAN, i + 1);
	check_equal(middle_linked(a, BASE), unit_link);
	check(!middle_linked(a, BASE + GIB));
	uint64_t faults = sim.faults;
	int64_t tables = sim.tables_live;
	for (uint64_t i = 0; i < 5; i++)
		check_equal(must_read(1, BASE + GIB + i * 7 * SPAN), i + 1);
	if (unit_link && !(SHM_CPU_CAPABILITIES & SHM_CACHES_INVALID)) {
		check_equal(sim.faults - faults, 1);
		check_equal(sim.tables_live, tables);
	}
	/* A leaf that comes is there for everybody who links the table. */
	must_write(1, BASE + GIB + 100 * SPAN, 42);
	faults = sim.faults;
	check_equal(must_read(0, BASE + 100 * SPAN), 42);
	check(!unit_link || SHM_CPU_CAPABILITIES & SHM_CACHES_INVALID || sim.faults == faults);
	must_write(0, BASE + GIB + 3 * PAGE, 43);
	check_equal(must_read(1, BASE + 2 * GIB + 3 * PAGE), 43);
	check(shm_entry_is_present(shm_piece_linked_entry(&a->areas[0]->piece, BASE)) == unit_link);
	world_end();
}

static void not_linked(void)
{
	/* Less than a GiB; a GiB that is not covered; another alignment. */
	world_made(PAGES - 1);
	must_write(0, BASE, 1);
	check(!middle_linked(a, BASE));
	world_end();

	world_made(PAGES + 1);
	must_write(0, BASE, 1);
	must_write(0, BASE + GIB, 2);
	check_equal(middle_linked(a, BASE), unit_link);
	check(!middle_linked(a, BASE + GIB));
	check_equal(span_linked(a, BASE + GIB), unit_link);
	check_equal(sim_map(b, 8 * GIB + SPAN, PAGES + 1, object, 0, READ_WRITE, 0), 0);
	check_equal(must_read(1, 8 * GIB + SPAN), 1);
	check(!middle_linked(b, 8 * GIB));
	check_equal(span_linked(b, 8 * GIB + SPAN), unit_link);
	/* A private mapping, and one that may execute. */
	check_equal(sim_map(b, 16 * GIB, PAGES, object, 0, READ_WRITE, SHM_PIECE_PRIVATE), 0);
	check_equal(must_read(1, 16 * GIB), 1);
	check_equal(sim_map(b, 24 * GIB, PAGES, object, 0, READ_WRITE | SHM_EXEC, 0), 0);
	check_equal(must_read(1, 24 * GIB), 1);
	check(!middle_linked(b, 16 * GIB) && !middle_linked(b, 24 * GIB));
	world_end();
}

static void read_only(void)
{
	uint64_t frame;

	world_made(PAGES);
	must_write(0, BASE, 5);
	check_equal(sim_map(b, 8 * GIB, PAGES, object, 0, SHM_READ, 0), 0);
	check_equal(must_read(1, 8 * GIB), 5);
	check_equal(middle_linked(b, 8 * GIB),
		    unit_link && (SHM_CPU_CAPABILITIES & SHM_PARENT_RESTRICT));
	check_equal(sim_touch(1, 8 * GIB, SHM_WRITE, &frame), -EFAULT);
	check_equal(sim_touch(1, 8 * GIB + SPAN, SHM_WRITE, &frame), -EFAULT);
	must_write(0, BASE + SPAN, 6);
	check_equal(must_read(1, 8 * GIB + SPAN), 6);
	world_end();
}

static void unmap_part(void)
{
	world_made(PAGES);
	must_write(0, BASE, 1);
	must_write(0, BASE + 2 * PAGE, 3);
	must_write(0, BASE + 300 * SPAN, 4);
	check_equal(must_read(1, BASE + GIB), 1);
	check_equal(sim_unmap(a, BASE + 300 * SPAN, BASE + 300 * SPAN + PAGE), 0);
	check(!middle_linked(a, BASE));
	/* Nothing of the rest is known to a CPU either: it may go unseen. */
	check_equal(sim_unmap(a, BASE, BASE + SPAN), 0);
	check_equal(read_error(0, BASE), -EFAULT);
	check_equal(read_error(0, BASE + 300 * SPAN), -EFAULT);
	check_equal(middle_linked(b, BASE + GIB), unit_link);
	check_equal(must_read(1, BASE + GIB + 300 * SPAN), 4);
	must_write(0, BASE + 301 * SPAN, 5);
	check(!middle_linked(a, BASE));
	check_equal(span_linked(a, BASE + 301 * SPAN), unit_link);
	check_equal(must_read(1, BASE + GIB + 301 * SPAN), 5);
	shm_object_punch(object, 0, PAGES);
	check_equal(must_read(1, BASE + GIB), 0);
	check_equal(must_read(0, BASE + 301 * SPAN), 0);
	world_end();
}

static void fixed_inside(void)
{
	world_made(PAGES);
	must_write(0, BASE + 10 * PAGE, 1);
	must_write(1, BASE + GIB + 11 * PAGE, 2);
	check_equal(sim_map(a, BASE + 10 * PAGE, 1, NULL, 0, READ_WRITE, 0), 0);
	must_write(0, BASE + 10 * PAGE, 50);
	check_equal(must_read(1, BASE + GIB + 10 * PAGE), 1);
	check_equal(must_read(0, BASE + 11 * PAGE), 2);
	check(!middle_linked(a, BASE));
	world_end();
}

static void protect_part(void)
{
	uint64_t frame;

	world_made(PAGES);
	must_write(0, BASE + 5 * PAGE, 1);
	must_write(0, BASE + SPAN, 2);
	check_equal(must_read(1, BASE + GIB + SPAN), 2);
	check_equal(sim_protect(a, BASE + 5 * PAGE, BASE + 6 * PAGE, SHM_READ), 0);
	check(!middle_linked(a, BASE));
	check_equal(must_read(0, BASE + 5 * PAGE), 1);
	check_equal(sim_touch(0, BASE + 5 * PAGE, SHM_WRITE, &frame), -EFAULT);
	must_write(0, BASE + SPAN, 3);
	check_equal(span_linked(a, BASE + SPAN), unit_link);
	check_equal(must_read(1, BASE + GIB + SPAN), 3);
	check_equal(sim_protect(a, BASE + 5 * PAGE, BASE + 6 * PAGE, READ_WRITE), 0);
	must_write(0, BASE + 5 * PAGE, 5);
	check_equal(must_read(1, BASE + GIB + 5 * PAGE), 5);
	world_end();
}

static void protect_all(void)
{
	uint64_t frame;

	world_made(PAGES);
	must_write(0, BASE, 1);
	check_equal(sim_protect(a, BASE, BASE + GIB, SHM_READ), 0);
	check_equal(must_read(0, BASE), 1);
	check_equal(sim_touch(0, BASE, SHM_WRITE, &frame), -EFAULT);
	check_equal(sim_protect(a, BASE, BASE + GIB, READ_WRITE), 0);
	must_write(0, BASE, 2);
	check_equal(sim_unmap(a, BASE, BASE + GIB), 0);
	check_equal(sim_map(a, BASE, PAGES, object, 0, READ_WRITE, 0), 0);
	check_equal(must_read(0, BASE), 2);
	/* Where reading was not linked, the middle table that it needed is still there. */
	check_equal(middle_linked(a, BASE),
		    unit_link && (SHM_CPU_CAPABILITIES & SHM_PARENT_RESTRICT));
	world_end();
}

/* Cut and alike, as after mlock of a part: what was linked stays, and one piece's end drops it. */
static void pieces_alike(void)
{
	world_made(PAGES);
	must_write(0, BASE, 1);
	struct sim_area *low = a->areas[0], *high = sim.port.mem_alloc(sizeof(*high), 0);
	sim.port.space_lock(&a->shm, true);
	*high = *low;
	high->start = low->end = BASE + 5 * SPAN;
	shm_piece_split(&a->shm, &low->piece, &high->piece, high->start, 1);
	a->areas[a->area_count++] = high;
	sim.port.space_unlock(&a->shm, true);
	must_write(0, BASE + 6 * SPAN, 2);
	check_equal(middle_linked(a, BASE), unit_link);
	check_equal(sim_unmap(a, BASE + 5 * SPAN, BASE + GIB), 0);
	check(!middle_linked(a, BASE));
	check_equal(must_read(0, BASE), 1);
	check_equal(read_error(0, BASE + 6 * SPAN), -EFAULT);
	world_end();
}

static void leaves_go(void)
{
	world_made(PAGES);
	must_write(0, BASE + 7 * PAGE, 7);
	must_write(0, BASE + 8 * PAGE, 8);
	check_equal(must_read(1, BASE + GIB + 7 * PAGE), 7);
	/* One page of a leaf that stays; then the leaf. */
	shm_object_punch(object, 7, 1);
	world_check();
	check_equal(must_read(0, BASE + 7 * PAGE), 0);
	check_equal(must_read(1, BASE + GIB + 8 * PAGE), 8);
	int64_t tables = sim.tables_live;
	shm_object_punch(object, 0, PAGES);
	world_check();
	check_equal(sim.tables_live, tables - 1);
	check_equal(middle_linked(a, BASE), unit_link);
	check_equal(must_read(1, BASE + GIB + 8 * PAGE), 0);
	/* And with nobody there to see it. */
	check_equal(sim_unmap(a, BASE, BASE + GIB), 0);
	check_equal(sim_unmap(b, BASE + GIB, BASE + 2 * GIB), 0);
	shm_object_punch(object, 0, PAGES);
	world_check();
	world_end();
}

static void resizes(void)
{
	world_made(2 * PAGES + 100);
	must_write(0, BASE, 1);
	must_write(0, BASE + GIB + 20 * PAGE, 2);
	must_write(0, BASE + GIB + 9 * SPAN, 3);
	check_equal(must_read(1, BASE + 2 * GIB + 9 * SPAN), 3);
	/* Within the second GiB: its table stays, what is past the end is gone everywhere. */
	check_equal(shm_object_resize(object, PAGES + 30), 0);
	world_check();
	check_equal(middle_linked(a, BASE + GIB), unit_link);
	check_equal(must_read(1, BASE + 2 * GIB + 20 * PAGE), 2);
	check_equal(read_error(0, BASE + GIB + 9 * SPAN), -EIO);
	check_equal(read_error(1, BASE + 2 * GIB + 30 * PAGE), -EIO);
	check_equal(shm_object_resize(object, PAGES + 600), 0);
	check_equal(middle_linked(a, BASE + GIB), unit_link);
	must_write(1, BASE + 2 * GIB + 599 * PAGE, 4);
	check_equal(must_read(0, BASE + GIB + 599 * PAGE), 4);
	/* The table goes with its GiB. */
	check_equal(shm_object_resize(object, PAGES), 0);
	world_check();
	check(!middle_linked(a, BASE + GIB) && !middle_linked(b, BASE + 2 * GIB));
	check_equal(middle_linked(a, BASE), unit_link);
	check_equal(read_error(1, BASE + 2 * GIB), -EIO);
	/* Less than a GiB has none, and goes on with leaves. */
	check_equal(shm_object_resize(object, PAGES - 1), 0);
	world_check();
	check(!middle_linked(a, BASE));
	check_equal(must_read(0, BASE), 1);
	check_equal(span_linked(a, BASE), unit_link);
	check_equal(shm_object_resize(object, 3 * PAGES), 0);
	must_write(0, BASE + GIB, 5);
	check_equal(must_read(1, BASE + 2 * GIB), 5);
	check_equal(must_read(1, BASE + GIB), 1);
	check_equal(shm_object_resize(object, 0), 0);
	world_check();
	check_equal(read_error(1, BASE + GIB), -EIO);
	world_end();
}

static void small_grows(void)
{
	world_made(3);
	check_equal(sim_map(b, 8 * GIB, PAGES, object, 0, READ_WRITE, 0), 0);
	must_write(1, 8 * GIB + PAGE, 1);
	check_equal(sim_unmap(b, 8 * GIB, 9 * GIB), 0);
	check_equal(shm_object_resize(object, PAGES), 0);
	check_equal(sim_map(b, 8 * GIB, PAGES, object, 0, READ_WRITE, 0), 0);
	check_equal(must_read(1, 8 * GIB + PAGE), 1);
	check_equal(must_read(0, BASE + PAGE), 1);
	check_equal(shm_object_resize(object, 2), 0);
	check_equal(must_read(1, 8 * GIB + PAGE), 1);
	world_end();
}

static void fork_links(void)
{
	world_made(PAGES);
	must_write(0, BASE, 1);
	must_write(0, BASE + SPAN, 2);
	int64_t tables = sim.tables_live;
	struct sim_space *child = sim_space_fork(a, 3);
	sim_cpu_run(2, child);
	check_equal(must_read(2, BASE + SPAN), 2);
	check(!unit_link || sim.tables_live == tables + 1); /* the child's root */
	must_write(2, BASE, 3);
	check_equal(must_read(0, BASE), 3);
	sim_space_destroy(child);
	check_equal(must_read(0, BASE), 3);
	world_end();
}

static void evicted(void)
{
	world_made(PAGES);
	must_write(0, BASE + PAGE, 1);
	check_equal(must_read(1, BASE + GIB + PAGE), 1);
	check_equal(shm_object_age(object, 0, 512), 1);
	check_equal(must_read(1, BASE + GIB + PAGE), 1);
	check_equal(shm_object_evict(object, 0, 512), 1);
	check_equal(must_read(0, BASE + PAGE), 1);
	check_equal(must_read(1, BASE + GIB + PAGE), 1);
	world_end();
}

static void charged(void)
{
	check_equal(shm_object_create(&sim.shm, 2 * PAGES + 1, 0, &object), 0);
	check_equal(sim.charged, 2 * PAGES + 1 + 1025 + 3);
	check_equal(shm_object_alignment_bytes(object), unit_link ? GIB : PAGE);
	check_equal(shm_object_resize(object, PAGES - 1), 0);
	check_equal(sim.charged, PAGES - 1 + 512);
	check_equal(shm_object_alignment_bytes(object), unit_link ? SPAN : PAGE);
	shm_object_put(object);
}

/* Resident or not, a GiB goes in as many steps. */
static void detach_is_cheap(void)
{
	uint64_t steps[2];

	world_made(PAGES);
	for (unsigned round = 0; round < 2; round++) {
		check_equal(must_read(0, BASE), 0);
		uint64_t before = sim.steps;
		check_equal(sim_unmap(a, BASE, BASE + GIB), 0);
		steps[round] = sim.steps - before;
		check_equal(sim_map(a, BASE, PAGES, object, 0, READ_WRITE, 0), 0);
		for (uint64_t i = 0; i < 64; i++)
			check_equal(shm_object_preallocate(object, i * 512, 1), 0);
	}
	check(!unit_link || steps[0] == steps[1]);
	world_end();
}

/* The first fault of a GiB, and one by which another space links it, with their Nth call refused. */
static bool fault_refused(unsigned cpu, uint64_t n, bool lasts)
{
	uint64_t address = cpu == 0 ? BASE : BASE + GIB;

	snprintf(sim_context, sizeof(sim_context), "fault of space %u, call %llu%s", cpu,
		 (unsigned long long)n, lasts ? " and all after it" : "");
	sim_init(unit_link, 1);
	world_made(PAGES);
	if (cpu == 1)
		must_write(0, BASE + SPAN, 1);
	refuse_wrap();
	refuse_from_now(n, lasts);
	int error = sim_write(cpu, address, 2);
	bool reached = refuse_calls() >= n;
	refuse_from_now(0, false);
	check(!error || (error == -ENOMEM && reached));
	world_check();
	must_write(cpu, address, 3);
	check_equal(must_read(1 - cpu, cpu == 0 ? BASE + GIB : BASE), 3);
	check_equal(middle_linked(a, BASE) && middle_linked(b, BASE + GIB), unit_link);
	world_end();
	sim_check_empty();
	return reached;
}

static void refused(void)
{
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		for (uint64_t n = 1; fault_refused(cpu, n, false); n++)
			check(n < 100);
		for (uint64_t n = 1; fault_refused(cpu, n, true); n++)
			check(n < 100);
	}
	sim_init(unit_link, 1);
}

static const struct unit_test tests[] = {
	{"shares", "one fault and no table of its own for a GiB that is there", shares, false},
	{"not_linked", "only whole GiB of a shared mapping at that alignment are linked",
	 not_linked, false},
	{"read_only", "a read-only mapping cannot be written through a middle table", read_only,
	 false},
	{"unmap_part", "unmapping a part lets go of the GiB, and leaves no translation", unmap_part,
	 false},
	{"fixed_inside", "an area within a linked GiB shows in its space only", fixed_inside,
	 false},
	{"protect_part", "a page with another protection lets go of the GiB", protect_part, false},
	{"protect_all", "protections take effect at once, down and up", protect_all, false},
	{"pieces_alike", "pieces that are alike keep the link until one goes", pieces_alike, false},
	{"leaves_go", "a hole reads as zeros; its leaf leaves the middle table", leaves_go, false},
	{"resizes", "a middle table goes with its GiB; within it pages come and go", resizes,
	 false},
	{"small_grows", "an object that was small gets and loses middle tables", small_grows,
	 false},
	{"fork_links", "a child links a GiB by one fault", fork_links, false},
	{"evicted", "ageing and eviction reach what a middle table shows", evicted, false},
	{"refused", "a fault that finds no memory leaves all sound, and may be repeated", refused,
	 false},
	{"charged", "middle tables are charged; the alignment is theirs", charged, false},
	{"detach_is_cheap", "a linked GiB goes in a few steps, whatever is resident",
	 detach_is_cheap, false},
	{0},
};
const struct unit_suite middle_suite = {"middle", tests};
