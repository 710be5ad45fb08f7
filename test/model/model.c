// SPDX-License-Identifier: MIT
/* Random sequences of operations beside the naive model. As MODEL_SEED, a seed runs that sequence alone. */

#include <stdio.h>
#include <stdlib.h>

#include "test/model/play.h"

#define OPERATIONS 250

static unsigned operations;

static bool more(void)
{
	return operations++ < OPERATIONS;
}

static void run_sequence(uint64_t seed, bool trace)
{
	char name[40];
	struct play_choices choices = {sim_random, more, name, trace};

	snprintf(name, sizeof(name), "seed %llu", (unsigned long long)seed);
	operations = 0;
	sim_init(unit_link, seed);
	play(&choices, unit_link);
}

static void sequences(void)
{
	const char *wanted = getenv("MODEL_SEED");
	uint64_t count = unit_long ? 8000 : 400;

	if (wanted)
		run_sequence(strtoull(wanted, NULL, 0), true);
	for (uint64_t seed = 1; !wanted && seed <= count; seed++)
		run_sequence(seed, false);
	sim_init(unit_link, 1);
}

static const struct unit_test tests[] = {
	{"sequences", "random operations give what a naive model gives (MODEL_SEED=N: one of them)",
	 sequences, false},
	{0},
};

int main(int argc, char **argv)
{
	static const struct unit_suite suite = {"model", tests};
	const struct unit_suite *const suites[] = {&suite, NULL};

	return unit_main(argc, argv, suites);
}
