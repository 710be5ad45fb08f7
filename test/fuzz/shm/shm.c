// SPDX-License-Identifier: MIT
/*
 * Bytes become operations of test/model: the first says whether spans are
 * linked, then each choice takes one byte, or two when it has more than 256
 * outcomes. When they are used up the run ends and everything is taken down.
 *
 * With SHM_FUZZ_TRACE in the environment each operation is printed.
 */

#include <stdlib.h>

#include "test/model/play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *next, *end;

static uint64_t draw_bytes(uint64_t bound)
{
	uint64_t value = 0;

	if (next < end)
		value = *next++;
	if (bound > 256 && next < end)
		value |= (uint64_t)*next++ << 8;
	return value % bound;
}

static bool more(void)
{
	return next < end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct play_choices choices = {draw_bytes, more, "fuzzed",
					     getenv("SHM_FUZZ_TRACE") != NULL};

	next = data;
	end = data + size;
	bool link = draw_bytes(4) != 0;
	sim_init(link, 1);
	play(&choices, link);
	return 0;
}
