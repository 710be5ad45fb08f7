// SPDX-License-Identifier: MIT
/* Operations on segments: shmget, shmat, shmdt, shmctl, the per-process table, limits, credentials. */

#include "test/model/play.h"

#include <stdio.h>
#include <string.h>

/* A known id most of the time; else one that is gone, or nonsense. */
static int32_t draw_id(void)
{
	uint64_t choice = draw(SEGMENTS * 8);
	const struct naive_segment *segment = &naive.segments[choice % SEGMENTS];

	if (choice < SEGMENTS * 7)
		for (unsigned i = 0; i < SEGMENTS; i++, segment++) {
			if (segment == naive.segments + SEGMENTS)
				segment = naive.segments;
			if (segment->used)
				return segment->id;
		}
	switch (choice % SEGMENTS) {
	case 0:
		return -1;
	case 1:
		return segment->id + 32768;
	default:
		return world.dead[choice % 8];
	}
}

static uint64_t draw_bytes(void)
{
	static const uint64_t bytes[] = {
		1,          4096,      4097,         65536,      65537,  SPAN - 1,
		SPAN,       SPAN + 1,  2 * SPAN + 5, 0,          40960,  1ull << 34,
		1ull << 52, INT64_MAX, 1ull << 63,   UINT64_MAX, 100000, 3000000,
	};

	return bytes[draw(sizeof(bytes) / sizeof(bytes[0]))];
}

/* A wanted id: its sequence number, and the first free index from the one asked for on. */
static void check_next_id(int32_t id, int32_t wanted)
{
	check_equal(id, (wanted / 32768 * 32768) + naive_wished_index(wanted));
}

/* A new id is nobody's, nor was it lately; its index is nobody's. */
static void check_new_id(int32_t id)
{
	check(id >= 0);
	if (naive.limits.next_id >= 0) {
		check_next_id(id, naive.limits.next_id);
		return;
	}
	for (unsigned i = 0; i < SEGMENTS; i++)
		check(!naive.segments[i].used || naive.segments[i].id % 32768 != id % 32768);
	for (unsigned i = 0; !world.ids_wanted && i < world.dead_count && i < 8; i++)
		check(world.dead[i] != id);
}

void play_get(void)
{
	static const unsigned modes[] = {0600, 0666, 0666, 0777, 0644, 0640, 0400, 0077};
	static const int kinds[] = {IPC_CREAT,
				    IPC_CREAT,
				    IPC_CREAT | IPC_EXCL,
				    IPC_EXCL,
				    0,
				    IPC_CREAT | SHM_NORESERVE,
				    IPC_CREAT | SHM_HUGETLB,
				    IPC_CREAT | SHM_HUGETLB | 12 << SHM_HUGE_SHIFT};
	unsigned s = draw_space();
	uint64_t choice = draw(256);
	int32_t key = (int32_t)(choice % 4);
	int flags = kinds[choice / 4 % 8] | (int)modes[choice / 32];
	uint64_t bytes = draw_bytes();
	struct naive_segment *found, *fresh = naive_free_segment();
	int32_t wish = naive.limits.next_id;
	long expected = naive_shmget(&world.callers[s], key, bytes, flags, &found);

	if (!found && expected == NAIVE_NEW && !fresh)
		return;
	doing("process %u: shmget key %d, %#lx bytes, flags %#o", s, key, bytes, flags);
	long id = shm_get(world.ns, &world.spaces[s]->caller, key, bytes, flags);
	if (found || expected != NAIVE_NEW) {
		if (!agrees(id, expected))
			naive.limits.next_id = wish;
		return;
	}
	if (!agrees(id, id < 0 ? 0 : id))
		return;
	check_new_id((int32_t)id);
	naive_created(fresh, &world.callers[s], (int32_t)id, key, bytes, flags,
		      world.spaces[s]->caller.pid, (int)s);
}

/* ---- shmat, shmdt ---- */

/* Where an attach without an address goes, by the simulated host's rule: first fit from 1 GiB on. */
static uint64_t first_fit(unsigned s, uint64_t pages)
{
	uint64_t first = page_of(1ull << 30);
	uint64_t align = unit_link && pages > SHM_INLINE_PAGES ? 512 : 1;

	for (uint64_t i = first; i < WINDOW_PAGES && i < first + pages; i++)
		if (naive.pages[s][i].shown)
			first = (i + 1 + align - 1) / align * align;
	return first;
}

static bool occupied(unsigned s, uint64_t first, uint64_t pages)
{
	for (uint64_t i = first; i < first + pages; i++)
		if (naive.pages[s][i].shown)
			return true;
	return false;
}

/* The pages show the segment from now on, or are what the host left. */
static void attached(unsigned s, struct naive_segment *segment, uint64_t first, unsigned protection,
		     bool done)
{
	uint64_t pages = naive_pages(segment);

	pages_forget(s, first, pages, done);
	for (uint64_t i = 0; done && i < pages; i++)
		naive.pages[s][first + i] = (struct naive_page){
			.shown = SHOWS_SHARED,
			.object = (uint8_t)(OBJECTS + (segment - naive.segments)),
			.protection = (uint8_t)protection,
			.index = (uint16_t)i};
	segment->attached = true;
	segment->pid = world.spaces[s]->caller.pid;
}

/* The first page of an attach at `address`; WINDOW_PAGES: it does not fit into what is modelled. */
static uint64_t attach_page(unsigned s, const struct naive_segment *segment, uint64_t address)
{
	uint64_t pages = naive_pages(segment);
	uint64_t first = address ? page_of(address & ~(PAGE - 1)) : first_fit(s, pages);

	if (pages > PAGES_MAX || first > WINDOW_PAGES || first + pages > WINDOW_PAGES ||
	    world.spaces[s]->area_count > SIM_AREAS - 6)
		return WINDOW_PAGES;
	return first;
}

void play_attach(void)
{
	static const int kinds[] = {
		0, 0, 0, SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_REMAP | SHM_RND, SHM_ATTACH_EXEC};
	unsigned s = draw_space(), protection;
	uint64_t choice = draw(256);
	int flags = kinds[choice % 8];
	int32_t id = draw_id();
	struct naive_segment *segment;
	uint64_t address = 0, first = 0, got = 0;

	if (choice & 8)
		address = address_of(draw(2) ? draw(6) * 512 : draw(WINDOW_PAGES));
	if ((choice & 0xf0) == 0xf0)
		address += 1 + draw(4095);
	if ((choice & 0xf8) == 0x70)
		address = draw(4096);
	long expected = naive_shmat(&world.callers[s], id, address, flags, &segment, &protection);
	if (segment && !expected) {
		first = attach_page(s, segment, address);
		if (first == WINDOW_PAGES)
			return;
		if (address && !(flags & SHM_REMAP) && occupied(s, first, naive_pages(segment)))
			expected = -EINVAL;
	}
	doing("process %u: shmat id %d at %#lx, flags %#o", s, id, address, flags);
	if (segment)
		segment->left = true; /* the call's own use ends */
	if (segment && !expected)
		pages_change(s, first, naive_pages(segment), true);
	long result = shm_attach(world.ns, &world.spaces[s]->caller, id, address, flags, &got);
	bool done = agrees(result, expected);
	if (!segment || expected)
		return;
	attached(s, segment, first, protection, done);
	if (done)
		check_equal(got, address_of(first));
}

void play_detach(void)
{
	unsigned s = draw_space();
	struct naive_page *pages = naive.pages[s];
	uint64_t at, count;
	const struct naive_segment *segment = NULL;

	/* Where an attach began, often. */
	draw_range(s, &at, &count);
	if (segment_shown(&pages[at]) && pages[at].index <= at && draw(4))
		at -= pages[at].index;
	doing("process %u: shmdt of page %lu", s, at);
	for (uint64_t i = at; i < WINDOW_PAGES; i++) {
		struct naive_segment *shown = segment_shown(&pages[i]);
		if (!shown || pages[i].index != i - at || (segment && shown != segment))
			continue;
		segment = shown;
		pages_change(s, i, 1, true);
		shown->attached = false; /* nothing is cut: whole areas go */
	}
	if (!agrees(shm_detach(world.ns, &world.spaces[s]->caller, address_of(at)),
		    segment ? 0 : -EINVAL))
		return;
	for (uint64_t i = at; i < WINDOW_PAGES; i++)
		if (segment && segment_shown(&pages[i]) == segment && pages[i].index == i - at)
			pages[i] = (struct naive_page){0};
}

/* ---- shmctl ---- */

void play_change(void)
{
	static const int commands[] = {IPC_RMID, IPC_RMID, IPC_SET, SHM_LOCK, SHM_UNLOCK};
	static const uint32_t users[] = {0, 1000, 2000, UINT32_MAX};
	unsigned s = draw_space();
	uint64_t choice = draw(256);
	int command = commands[draw(5)];
	int32_t id = draw_id();
	union shm_control_data data = {.ds = {.shm_perm = {.key = 77,
							   .uid = users[choice % 4],
							   .gid = users[choice / 4 % 4],
							   .mode = (uint32_t)(choice * 31)},
					      .shm_segsz = 5,
					      .shm_nattch = 99}};

	doing("process %u: shmctl id %d, command %d (uid %d, gid %d, mode %#o)", s, id, command,
	      (int)data.ds.shm_perm.uid, (int)data.ds.shm_perm.gid, data.ds.shm_perm.mode);
	long result = shm_control(world.ns, &world.spaces[s]->caller, id, command, &data);
	if (result == -ENOMEM && world.refusing)
		return;
	agrees(result, naive_change(&world.callers[s], id, command, &data.ds));
}

void play_stat(void)
{
	static const int commands[] = {IPC_STAT, SHM_STAT, SHM_STAT_ANY, IPC_INFO, SHM_INFO,
				       99,       -1};
	unsigned s = draw_space();
	int32_t id = draw_id();
	int command = commands[draw(7)];
	const struct naive_segment *segment = naive_find_id(id);
	union shm_control_data data;
	long expected = id < 0 ? -EINVAL : naive_highest_index();

	if (command == 99 || command == -1)
		expected = -EINVAL;
	if (command == IPC_STAT || command == SHM_STAT || command == SHM_STAT_ANY)
		expected = !segment ? -EINVAL
			   : command != SHM_STAT_ANY &&
					   !naive_permits(segment, &world.callers[s], 0444)
				   ? -EACCES
			   : command == IPC_STAT ? 0
						 : id;
	if (!segment && (command == SHM_STAT || command == SHM_STAT_ANY))
		return; /* its index may be another one's */
	if (segment && command != IPC_STAT && command != IPC_INFO && command != SHM_INFO)
		id %= 32768;
	doing("process %u: shmctl id %d, command %d", s, id, command);
	agrees(shm_control(world.ns, &world.spaces[s]->caller, id, command, &data), expected);
}

/* ---- the per-process table ---- */

void play_table_create(void)
{
	unsigned s = draw_space();
	uint64_t pages = draw_size(PAGES_MAX);
	struct naive_segment *fresh = naive_free_segment();
	struct shm_segment *segment;
	int32_t wish = naive.limits.next_id;
	long expected = naive_table_create(pages);

	if (!expected && !fresh)
		return;
	doing("process %u: a segment of %lu pages for its table", s, pages);
	if (!agrees(shm_table_create(world.ns, &world.spaces[s]->caller, pages, &segment),
		    expected)) {
		naive.limits.next_id = wish;
		return;
	}
	if (expected)
		return;
	check_new_id(shm_segment_id(segment));
	naive_created(fresh, &world.callers[s], shm_segment_id(segment), IPC_PRIVATE, pages * PAGE,
		      0600, world.spaces[s]->caller.pid, (int)s);
	fresh->transient = true;
	fresh->holder = (int)s;
}

void play_table_attach(void)
{
	unsigned s = draw_space();
	int32_t id = draw_id();
	struct naive_segment *segment = naive_find_id(id);
	struct shm_segment *held = shm_table_find(&world.spaces[s]->shm, id);
	uint64_t address = draw(2) ? 0 : address_of(draw(WINDOW_PAGES));
	uint64_t got = address;
	long expected = 0;

	check(!!held == (segment && segment->holder == (int)s));
	if (!held)
		return;
	uint64_t first = attach_page(s, segment, address);
	if (first == WINDOW_PAGES)
		return;
	if (address && occupied(s, first, naive_pages(segment)))
		expected = -EINVAL;
	doing("process %u: attaches id %d of its table at %#lx", s, id, address);
	bool done =
		agrees(shm_table_attach(world.ns, &world.spaces[s]->caller, held, &got), expected);
	if (expected)
		return;
	attached(s, segment, first, READ_WRITE, done);
	if (done)
		check_equal(got, address_of(first));
}

void play_table_remove(void)
{
	unsigned s = draw_space();
	int32_t id = draw_id();
	struct naive_segment *segment = naive_find_id(id);
	struct shm_segment *held = shm_table_find(&world.spaces[s]->shm, id);

	if (!held)
		return;
	doing("process %u: removes id %d from its table", s, id);
	for (uint64_t i = 0; i < WINDOW_PAGES; i++)
		if (segment_shown(&naive.pages[s][i]) == segment) {
			naive.pages[s][i] = (struct naive_page){0};
			segment->detached = true;
			segment->pid = world.spaces[s]->caller.pid;
		}
	check(shm_table_remove(&world.spaces[s]->caller, held));
	segment->holder = -1;
	segment->left = true;
}

/* ---- settings ---- */

void play_limits(void)
{
	static const uint64_t maxima[] = {UINT64_MAX - (1ull << 24), UINT64_MAX, SPAN, 4096};
	static const uint64_t totals[] = {UINT64_MAX - (1ull << 24), 3000, 600, 20};
	static const uint32_t numbers[] = {4096, SEGMENTS, 4096, 3, 0, 32769};
	static const int32_t ids[] = {-1, -1, 5, 3 * 32768 + 5, 9 * 32768 + 32766, -2};
	uint64_t choice = draw(256);

	if (draw(3))
		choice = 128; /* all as at first, but for what follows */
	struct shm_limits limits = {.shmmax_bytes = maxima[choice % 4],
				    .shmall_pages = totals[choice / 4 % 4],
				    .shmmni = numbers[draw(6)],
				    .rmid_forced = (choice & 0x30) == 0x30,
				    .attach_removed = choice >= 64,
				    .next_id = ids[draw(6)]};

	doing("limits: shmmax %lu, shmall %lu, shmmni %u, rmid_forced %d, attach_removed %d, "
	      "next_id %d",
	      limits.shmmax_bytes, limits.shmall_pages, limits.shmmni, limits.rmid_forced,
	      limits.attach_removed, limits.next_id);
	const struct {
		enum shm_limit limit;
		uint64_t value;
		bool bad;
	} all[] = {
		{SHM_LIMIT_SHMMAX, limits.shmmax_bytes, false},
		{SHM_LIMIT_SHMALL, limits.shmall_pages, false},
		{SHM_LIMIT_SHMMNI, limits.shmmni, limits.shmmni > 32768},
		{SHM_LIMIT_RMID_FORCED, limits.rmid_forced, false},
		{SHM_LIMIT_ATTACH_REMOVED, limits.attach_removed, false},
		{SHM_LIMIT_NEXT_ID, (uint64_t)limits.next_id, limits.next_id < -1},
	};
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		agrees(shm_namespace_set_limit(world.ns, all[i].limit, all[i].value),
		       all[i].bad ? -EINVAL : 0);
	if (limits.shmmni > 32768)
		limits.shmmni = naive.limits.shmmni;
	if (limits.next_id < -1)
		limits.next_id = naive.limits.next_id;
	naive.limits = limits;
	world.ids_wanted |= limits.next_id >= 0;
	for (unsigned i = 0; i < SEGMENTS; i++)
		naive.segments[i].left |= limits.rmid_forced && naive.segments[i].creator < 0;
}

void play_credentials(void)
{
	static const struct naive_caller callers[] = {
		{0, 0, 0, 0, UINT64_MAX, UINT64_MAX},
		{1000, 1000, 1000, 1000, 0, 20 * PAGE},
		{1000, 2000, 2000, 1000, 0, 0},
		{2000, 2000, 2000, 2000, 0, UINT64_MAX},
		{2000, 1000, 1000, 2000, SHM_CAP_IPC_OWNER, 0},
		{3000, 3000, 3000, 1000, SHM_CAP_SYS_ADMIN, 700 * PAGE},
		{3000, 3000, 3000, 3000, SHM_CAP_IPC_LOCK, 0},
		{3000, 0, 2000, 3000, 0, 0},
		{3000, 2000, 0, 3000, 0, 0},
	};
	unsigned s = draw_space();

	if (draw(3))
		return;
	world.callers[s] = callers[draw(sizeof(callers) / sizeof(callers[0]))];
	doing("process %u becomes user %u, group %u, member of %u and %u, capabilities %#lx", s,
	      world.callers[s].uid, world.callers[s].gid, world.callers[s].access_gid,
	      world.callers[s].group, world.callers[s].capabilities);
	caller_set(s);
}

/* /proc/sysvipc: one line for each segment, one for each attachment that the caller may see. */
void play_report(void)
{
	unsigned s = draw_space(), lines = 0, expected = 0;
	char line[400];
	uint32_t cursor = 0;
	uint64_t place = 0;

	doing("process %u: reads the reports", s);
	while (shm_report_line(world.ns, &cursor, line, sizeof(line)) > 0)
		lines++;
	check_equal(lines, naive_count());
	lines = 0;
	while (shm_report_attach_line(world.ns, &world.spaces[s]->caller, &world.spaces[s]->shm, 1,
				      &place, line, sizeof(line)) > 0)
		lines++;
	for (unsigned i = 0; i < world.spaces[s]->area_count; i++) {
		const struct naive_segment *segment =
			segment_shown(&naive.pages[s][page_of(world.spaces[s]->areas[i]->start)]);
		expected += segment && naive_permits(segment, &world.callers[s], 0444);
	}
	check_equal(lines, expected);
}
