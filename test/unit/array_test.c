// SPDX-License-Identifier: MIT
/* The sparse array and the hash behind ids and keys, against plain models. */

#include <stdlib.h>
#include <string.h>

#include "shm/hash.h"
#include "test/unit/unit.h"

#define RANGE 20000u

static unsigned char model[RANGE];
static struct shm_port plain;
static unsigned fail_in; /* the Nth allocation from now fails; 0: none */

static void *failing_alloc(size_t size_bytes, unsigned flags)
{
	if (fail_in && --fail_in == 0)
		return NULL;
	return plain.mem_alloc(size_bytes, flags);
}

static void wrap(void)
{
	plain = sim.port;
	sim.port.mem_alloc = failing_alloc;
}

static void *element(uint32_t i)
{
	return &model[i];
}

static uint32_t model_empty(uint32_t start, uint32_t end)
{
	while (start < end && start < RANGE && model[start])
		start++;
	return start < end ? start : SHM_ARRAY_LIMIT;
}

static uint32_t model_next(uint32_t start)
{
	while (start < RANGE && !model[start])
		start++;
	return start < RANGE ? start : SHM_ARRAY_LIMIT;
}

static uint32_t model_last(void)
{
	uint32_t last = SHM_ARRAY_LIMIT;

	for (uint32_t i = 0; i < RANGE; i++)
		last = model[i] ? i : last;
	return last;
}

static void array_step(struct shm_array *array, uint32_t range)
{
	uint32_t i = (uint32_t)sim_random(range);

	switch (sim_random(4)) {
	case 0:
	case 1:
		fail_in = sim_random(8) ? 0 : 1 + (unsigned)sim_random(4);
		if (!shm_array_prepare(array, i)) {
			if (!model[i] && !sim_random(8)) {
				shm_array_trim(array, i);
			} else {
				shm_array_set(array, i, element(i));
				model[i] = 1;
			}
		}
		fail_in = 0;
		break;
	case 2:
		shm_array_clear(array, i);
		model[i] = 0;
		break;
	default: {
		uint32_t end = i + (uint32_t)sim_random(range);
		check_equal(shm_array_find_empty(array, i, end), model_empty(i, end));
		check_equal(shm_array_next(array, i), model_next(i));
	}
	}
	check(shm_array_get(array, i) == (model[i] ? element(i) : NULL));
}

static void array_against_model(void)
{
	struct shm_array array;

	wrap();
	memset(model, 0, sizeof(model));
	shm_array_init(&array, &sim.port);
	for (unsigned step = 0; step < 60000; step++) {
		array_step(&array, step / 5000 % 2 ? RANGE : 300);
		if (step % 1000 == 0)
			check_equal(shm_array_last(&array), model_last());
	}
	for (uint32_t i = 0; i < RANGE; i++)
		shm_array_clear(&array, i);
	check(array.root == &array.first);
	check_equal(shm_array_last(&array), SHM_ARRAY_LIMIT);
	check_equal(shm_array_prepare(&array, SHM_ARRAY_LIMIT), -ENOMEM);
}

/* What comes and goes in a place of its own makes its leaf once; the last element takes all along. */
static void near_leaf_stays(void)
{
	struct shm_array array;

	wrap();
	shm_array_init(&array, &sim.port);
	shm_array_set(&array, 0, element(0));
	check_equal(shm_array_prepare(&array, 5000), 0);
	for (unsigned i = 0; i < 3; i++) {
		shm_array_set(&array, 5000, element(5000));
		check_equal(shm_array_last(&array), 5000);
		shm_array_clear(&array, 5000);
		check_equal(shm_array_last(&array), 0);
		check_equal(shm_array_next(&array, 1), SHM_ARRAY_LIMIT);
		fail_in = 1;
		check_equal(shm_array_find_empty(&array, 5000, 6000), 5000);
		check_equal(shm_array_prepare(&array, 5000), 0);
		fail_in = 0;
	}
	/* Elsewhere: the empty leaf goes, or the array would still be as high. */
	shm_array_set(&array, 0, element(0));
	check(array.root == &array.first);
	check_equal(shm_array_prepare(&array, 5000), 0);
	shm_array_set(&array, 5000, element(5000));
	shm_array_clear(&array, 0);
	shm_array_clear(&array, 5000);
	check(array.root == &array.first);
}

static bool hash_has(const struct shm_hash *table, const struct shm_hash_node *node, uint32_t hash)
{
	unsigned found = 0;

	for (struct shm_hash_node *at = shm_hash_first(table, hash); at; at = shm_hash_next(at))
		found += at == node;
	check(found <= 1);
	return found == 1;
}

static void hash_against_model(void)
{
	static struct shm_hash_node nodes[RANGE];
	struct shm_hash table;

	wrap();
	memset(model, 0, sizeof(model));
	shm_hash_init(&table, &sim.port);
	for (unsigned step = 0; step < 100000; step++) {
		uint32_t i = (uint32_t)sim_random(step / 20000 % 2 ? 300 : RANGE);
		uint32_t hash = shm_hash_mix(i % (RANGE - 1000)); /* some are equal */
		fail_in = sim_random(8) ? 0 : 1 + (unsigned)sim_random(3);
		if (model[i]) {
			shm_hash_remove(&table, &nodes[i]);
			model[i] = 0;
		} else if (!shm_hash_prepare(&table, hash)) {
			shm_hash_insert(&table, &nodes[i], hash);
			model[i] = 1;
		}
		fail_in = 0;
		check_equal(hash_has(&table, &nodes[i], hash), model[i]);
	}
	for (uint32_t i = 0; i < RANGE; i++)
		check_equal(hash_has(&table, &nodes[i], shm_hash_mix(i % (RANGE - 1000))),
			    model[i]);
	while (shm_hash_pop(&table))
		;
	check_equal(table.node_count, 0);
}

static const struct unit_test tests[] = {
	{"array", "the sparse array holds what was put, finds gaps, and frees all",
	 array_against_model, true},
	{"near", "what comes and goes beside the last change makes no node", near_leaf_stays, true},
	{"hash", "the hash holds what was put while it grows, shrinks and lacks memory",
	 hash_against_model, true},
	{0},
};

const struct unit_suite array_suite = {"array", tests};
