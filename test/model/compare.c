// SPDX-License-Identifier: MIT
/* shm beside the model: everything that can be counted, and shm's own invariants. */

#include "test/model/play.h"

/* With a call refused, an operation may have got half way and back: then either time is right. */
static void compare_time(int64_t seen, int64_t *model, bool changed)
{
	int64_t expected = changed ? naive.now : *model;

	if (world.refusing && (seen == *model || seen == naive.now))
		expected = seen;
	check_equal(seen, expected);
	*model = expected;
}

static void compare_segment(struct naive_segment *segment, const struct shm_caller *root)
{
	bool changed = segment->attached || segment->detached;
	union shm_control_data data;

	check_equal(shm_control(world.ns, root, segment->id, IPC_STAT, &data), 0);
	check_equal(data.ds.shm_nattch, segment->nattch);
	check_equal(data.ds.shm_perm.mode, segment->mode | (segment->removed ? SHM_DEST : 0) |
						   (segment->locked ? SHM_LOCKED : 0));
	check_equal(data.ds.shm_perm.key, segment->key);
	check_equal(data.ds.shm_perm.uid, segment->uid);
	check_equal(data.ds.shm_perm.gid, segment->gid);
	check_equal(data.ds.shm_perm.cuid, segment->cuid);
	check_equal(data.ds.shm_perm.cgid, segment->cgid);
	check_equal(data.ds.shm_segsz, segment->bytes);
	check_equal(data.ds.shm_cpid, segment->cpid);
	check_equal(data.ds.shm_ctime, segment->ctime);
	compare_time(data.ds.shm_atime, &segment->atime, segment->attached);
	compare_time(data.ds.shm_dtime, &segment->dtime, segment->detached);
	if (changed)
		segment->lpid = world.refusing ? data.ds.shm_lpid : segment->pid;
	check_equal(data.ds.shm_lpid, segment->lpid);
}

/* Pages present or swapped, as far as the model knows. */
static void compare_pages_there(const struct naive_object *object, uint64_t seen)
{
	uint64_t least = 0, most = 0;

	for (uint64_t i = 0; i < object->size && i < PAGES_MAX; i++) {
		least += object->there[i] == THERE_YES;
		most += object->there[i] == THERE_YES || object->there[i] == THERE_PERHAPS;
	}
	check(seen >= least && seen <= most);
}

static uint64_t compare_objects(void)
{
	uint64_t live = 0;

	for (unsigned o = 0; o < OBJECTS; o++) {
		uint64_t areas = areas_showing(o);
		live += world.objects[o] || areas;
		if (!world.objects[o]) {
			if (!areas)
				naive.objects[o] = (struct naive_object){0};
			continue;
		}
		shm_check_object(world.objects[o]);
		check_equal(shm_object_size_pages(world.objects[o]), naive.objects[o].size);
		check_equal(shm_object_mapping_count(world.objects[o]) > 0, areas > 0);
		compare_pages_there(&naive.objects[o],
				    shm_object_resident_pages(world.objects[o]) +
					    shm_object_swapped_pages(world.objects[o]));
	}
	return live;
}

/* What came to nothing for lack of memory may have used up the wanted id. */
static void compare_limits(void)
{
	struct shm_limits limits;

	shm_namespace_limits(world.ns, &limits);
	check_equal(limits.shmmax_bytes, naive.limits.shmmax_bytes);
	check_equal(limits.shmmni, naive.limits.shmmni);
	if (world.refusing && limits.next_id == -1)
		naive.limits.next_id = -1;
	check_equal(limits.next_id, naive.limits.next_id);
}

static void compare_namespace(void)
{
	const struct shm_caller root = {.capabilities = UINT64_MAX};
	union shm_control_data data;
	uint64_t there = 0;

	compare_limits();
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (naive.segments[i].used)
			compare_segment(&naive.segments[i], &root);
	for (unsigned i = 0; i < world.dead_count && i < 8; i++)
		if (!naive_find_id(world.dead[i]))
			check_equal(shm_control(world.ns, &root, world.dead[i], IPC_STAT, &data),
				    -EINVAL);
	check_equal(shm_control(world.ns, &root, 0, SHM_INFO, &data), naive_highest_index());
	check_equal(data.totals.used_ids, naive_count());
	check_equal(data.totals.shm_tot, naive_total_pages());
	there = data.totals.shm_rss + data.totals.shm_swp;
	uint64_t least = 0, most = 0;
	for (unsigned o = OBJECTS; o < THINGS; o++)
		for (uint64_t i = 0; i < naive.objects[o].size && i < PAGES_MAX; i++) {
			least += naive.objects[o].there[i] == THERE_YES;
			most += naive.objects[o].there[i] == THERE_YES ||
				naive.objects[o].there[i] == THERE_PERHAPS;
		}
	check(there >= least && there <= most);
	shm_check_namespace(world.ns);
}

void play_compare(void)
{
	sim.quiet = true;
	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (world.was_used[i] && !naive.segments[i].used)
			world.dead[world.dead_count++ % 8] = naive.segments[i].id;
		world.was_used[i] = naive.segments[i].used;
	}
	for (unsigned s = 0; s < SPACES; s++)
		if (world.spaces[s])
			shm_check_space(&world.spaces[s]->shm);
	compare_namespace();
	uint64_t objects = compare_objects() + naive_count();
	check_equal(sim.shm.counters.objects, objects);
	check_equal(sim.charged, naive_charged());
	sim.quiet = false;
}

/* What SEEK_DATA and SEEK_HOLE say of each page. */
static void compare_data(struct shm_object *object, const struct naive_object *known)
{
	uint64_t data = shm_object_seek(object, 0, true), hole = shm_object_seek(object, 0, false);

	for (uint64_t i = 0; i < known->size; i++) {
		if (data < i)
			data = shm_object_seek(object, i, true);
		if (hole < i)
			hole = shm_object_seek(object, i, false);
		check((data == i) != (hole == i));
		check(data != i || known->touched[i] != TOUCHED_NO);
		check(data == i || known->there[i] != THERE_YES ||
		      known->touched[i] != TOUCHED_YES);
	}
}

void play_compare_pages(void)
{
	for (unsigned o = 0; o < OBJECTS; o++) {
		struct naive_object *object = &naive.objects[o];
		uint64_t frame;
		if (world.objects[o])
			compare_data(world.objects[o], object);
		for (uint64_t i = 0; world.objects[o] && i < object->size; i++) {
			if (object->there[i] == THERE_LOST)
				continue;
			int error = shm_object_page_pin(world.objects[o], i, false, &frame);
			check_equal(error, object->there[i] == THERE_NO ? -ENODATA : error);
			check(!error || (error == -ENODATA && object->there[i] != THERE_YES));
			if (error)
				continue;
			check_equal(sim_frame_words(frame)[0], object->values[i]);
			shm_object_page_unpin(world.objects[o], frame);
		}
	}
}
