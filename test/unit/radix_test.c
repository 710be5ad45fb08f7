// SPDX-License-Identifier: MIT
/* The tree of leaves: sparse, up to 2^42 numbers, nothing left behind. */

#include "test/unit/unit.h"

static struct shm_leaf leaves[512];

static void radix_sparse(void)
{
	struct shm_radix radix = {0};
	struct shm_reserve reserve = {0};
	const uint64_t numbers[] = {0, 1, 63, 64, 65, 4095, 4096, 1ull << 30, (1ull << 41) - 1};
	const unsigned count = sizeof(numbers) / sizeof(numbers[0]);
	uint64_t next = 0;

	for (unsigned i = 0; i < count; i++) {
		check(!shm_radix_find(&radix, numbers[i]));
		check_equal(shm_radix_insert(&sim.shm, &radix, numbers[i], &leaves[i], &reserve),
			    0);
	}
	for (unsigned i = 0; i < count; i++)
		check(shm_radix_find(&radix, numbers[i]) == &leaves[i]);
	check(!shm_radix_find(&radix, 2) && !shm_radix_find(&radix, 1ull << 41));
	for (unsigned i = 0; i < count; i++, next++) {
		check(shm_radix_next(&radix, &next) == &leaves[i]);
		check_equal(next, numbers[i]);
	}
	check(!shm_radix_next(&radix, &next));
	for (unsigned i = 0; i < count; i++)
		shm_radix_remove(&sim.shm, &radix, numbers[i]);
	check(!radix.root);
}

static void radix_random(void)
{
	struct shm_radix radix = {0};
	struct shm_reserve reserve = {0};
	bool present[512] = {false};

	for (unsigned round = 0; round < 20000; round++) {
		uint64_t n = sim_random(512), scale = 97;
		if (present[n])
			shm_radix_remove(&sim.shm, &radix, n * scale);
		else
			check_equal(
				shm_radix_insert(&sim.shm, &radix, n * scale, &leaves[n], &reserve),
				0);
		present[n] = !present[n];
		n = sim_random(512);
		check(shm_radix_find(&radix, n * scale) == (present[n] ? &leaves[n] : NULL));
	}
	for (uint64_t n = 0; n < 512; n++)
		if (present[n])
			shm_radix_remove(&sim.shm, &radix, n * 97);
	check(!radix.root);
}

static const struct unit_test tests[] = {
	{"sparse", "numbers far apart are found, walked in order, and removed without a trace",
	 radix_sparse, true},
	{"random", "any sequence of insertions and removals agrees with an array", radix_random,
	 true},
	{0},
};
const struct unit_suite radix_suite = {"radix", tests};
