// SPDX-License-Identifier: MIT
/* The table of ids and keys, with entries that are nothing else. */

#include <stdlib.h>

#include "shm/ids.h"
#include "test/unit/unit.h"

#define COUNT 3000
#define SEED  0x1234

struct thing {
	struct shm_id_entry entry;
	bool entered;
};

static struct shm_ids ids;
static struct thing things[COUNT];
static struct shm_port plain;
static unsigned fail_in; /* the Nth allocation from now fails; 0: none */

static void *failing_alloc(size_t size_bytes, unsigned flags)
{
	if (fail_in && --fail_in == 0)
		return NULL;
	return plain.mem_alloc(size_bytes, flags);
}

static void begin(bool extended)
{
	if (sim.port.mem_alloc != failing_alloc) {
		plain = sim.port;
		sim.port.mem_alloc = failing_alloc;
	}
	shm_ids_init(&ids, &sim.port, extended, SEED);
	for (int i = 0; i < COUNT; i++)
		things[i] = (struct thing){0};
}

static int enter(int i, int32_t key, uint32_t limit)
{
	things[i].entry.key = key;
	int err = shm_ids_enter(&ids, &things[i].entry, limit);
	things[i].entered = !err;
	return err;
}

static void leave(int i)
{
	shm_ids_leave(&ids, &things[i].entry);
	things[i].entered = false;
}

static void compare_with_model(void)
{
	uint32_t count = 0, index = 0;
	int32_t highest = -1;

	for (int i = 0; i < COUNT; i++) {
		const struct shm_id_entry *entry = &things[i].entry;
		if (!things[i].entered)
			continue;
		count++;
		check(shm_ids_find(&ids, entry->id) == entry);
		check(shm_ids_find_index(&ids, entry->id) == entry);
		if (entry->key)
			check(shm_ids_find_key(&ids, entry->key) == entry);
		if ((int32_t)shm_ids_index(&ids, entry->id) > highest)
			highest = (int32_t)shm_ids_index(&ids, entry->id);
	}
	check_equal(ids.count, count);
	check_equal(shm_ids_highest(&ids), highest);
	for (; shm_ids_next(&ids, &index); index++)
		count--;
	check_equal(count, 0);
}

static void random_steps(void)
{
	for (int extended = 0; extended < 2; extended++) {
		begin(extended);
		for (int step = 0; step < 20000; step++) {
			int i = (int)sim_random(COUNT);
			if (sim_random(8) == 0)
				fail_in = 1 + (unsigned)sim_random(3);
			if (things[i].entered) {
				int32_t id = things[i].entry.id;
				leave(i);
				check(!shm_ids_find(&ids, id));
			} else {
				int err = enter(i, sim_random(4) ? i + 1 : IPC_PRIVATE, COUNT);
				check(!err || err == -ENOMEM);
			}
			fail_in = 0;
			if (step % 1000 == 0)
				compare_with_model();
		}
		for (int i = 0; i < COUNT; i++)
			if (things[i].entered)
				leave(i);
		compare_with_model();
	}
}

static void limits_and_next_id(void)
{
	begin(false);
	check_equal(enter(0, 7, 2), 0);
	check_equal(enter(1, 8, 2), 0);
	check_equal(enter(2, 9, 2), -ENOSPC);
	check(!shm_ids_find_key(&ids, 9));
	ids.next_id = 3 << SHM_INDEX_BITS | 100;
	check_equal(enter(2, 9, 3), 0);
	check_equal(things[2].entry.id, 3 << SHM_INDEX_BITS | 100);
	check_equal(shm_ids_sequence(&ids, things[2].entry.id), 3);
	check_equal(ids.next_id, -1);
	/* Taken: the next free one. */
	ids.next_id = 5 << SHM_INDEX_BITS | 100;
	check_equal(enter(3, 0, 4), 0);
	check_equal(things[3].entry.id, 5 << SHM_INDEX_BITS | 101);
	/* The limit leaves a wish alone; that no index is free uses it up. */
	ids.next_id = 7 << SHM_INDEX_BITS | 0x7fff;
	check_equal(enter(4, 0, 4), -ENOSPC);
	check_equal(ids.next_id, 7 << SHM_INDEX_BITS | 0x7fff);
	check_equal(enter(4, 0, 5), 0);
	check_equal(things[4].entry.id, 7 << SHM_INDEX_BITS | 0x7fff);
	ids.next_id = 8 << SHM_INDEX_BITS | 0x7fff;
	check_equal(enter(5, 0, 6), -ENOSPC);
	check_equal(ids.next_id, -1);
	check_equal(enter(5, 0, 6), 0);
	check_equal(things[5].entry.id, 2);
	for (int i = 0; i < 6; i++)
		leave(i);
}

static void forgotten_key_is_free(void)
{
	begin(false);
	check_equal(enter(0, 7, COUNT), 0);
	shm_ids_forget_key(&ids, &things[0].entry);
	check(!shm_ids_find_key(&ids, 7));
	check(shm_ids_find(&ids, things[0].entry.id) == &things[0].entry);
	check_equal(enter(1, 7, COUNT), 0);
	check(shm_ids_find_key(&ids, 7) == &things[1].entry);
	leave(0);
	check(shm_ids_find_key(&ids, 7) == &things[1].entry);
	leave(1);
}

static const struct unit_test tests[] = {
	{"random", "ids, keys and order agree with a model; a failed enter changes nothing",
	 random_steps, true},
	{"limits", "the limit holds; next_id is honoured once, and tried once", limits_and_next_id,
	 true},
	{"forget", "a forgotten key is free at once, the id stays", forgotten_key_is_free, true},
	{0},
};

const struct unit_suite ids_suite = {"ids", tests};
