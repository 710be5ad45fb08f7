// SPDX-License-Identifier: MIT
/*
 * A counter that jumps by what the clocks say, put through a mixer whose every
 * output bit depends on every input bit (the finaliser of SplitMix64). Known
 * gap: a guest without an entropy device has nothing better than its clocks.
 */

#include "kernel/lib/random.h"

#include "arch/arch.h"
#include "kernel/lib/string.h"

#define GOLDEN 0x9e3779b97f4a7c15ull

static uint64_t state; /* [a] */

uint64_t random_u64(void)
{
	uint64_t noise = clock_now_ns() ^ clock_boot_wall_ns();
	/* Relaxed: each caller gets a state of its own, nothing else depends on it. */
	uint64_t x = __atomic_add_fetch(&state, GOLDEN + (noise << 1), __ATOMIC_RELAXED);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

void random_fill(void *to, size_t size_bytes)
{
	uint8_t *bytes = to;

	while (size_bytes) {
		uint64_t value = random_u64();
		size_t step = size_bytes < sizeof(value) ? size_bytes : sizeof(value);

		memcpy(bytes, &value, step);
		bytes += step;
		size_bytes -= step;
	}
}
