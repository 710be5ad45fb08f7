// SPDX-License-Identifier: MIT
/* Refusing port calls. */

#include "test/unit/refuse.h"

#include "test/unit/unit.h"

static uint64_t calls, fail_at;
static bool fail_lasts;
static struct shm_port plain;

void refuse_from_now(uint64_t nth, bool lasts)
{
	calls = 0;
	fail_at = nth;
	fail_lasts = lasts;
}

uint64_t refuse_calls(void)
{
	return calls;
}

static bool refuse(void)
{
	calls++;
	return fail_at && (calls == fail_at || (fail_lasts && calls > fail_at));
}

static uint64_t fail_frame_alloc(unsigned flags)
{
	return refuse() ? 0 : plain.frame_alloc(flags);
}
static uint64_t fail_table_alloc(unsigned flags)
{
	return refuse() ? 0 : plain.table_alloc(flags);
}
static void *fail_mem_alloc(size_t size_bytes, unsigned flags)
{
	return refuse() ? NULL : plain.mem_alloc(size_bytes, flags);
}
static int fail_reserve(uint64_t pages)
{
	return refuse() ? -ENOMEM : plain.reserve(pages);
}
static int fail_slot_prepare(struct shm_space *space, uint64_t address)
{
	return refuse() ? -ENOMEM : plain.slot_prepare(space, address);
}
static int fail_upper_prepare(struct shm_space *space, uint64_t address)
{
	return refuse() ? -ENOMEM : plain.upper_prepare(space, address);
}
static int fail_pages_prepare(struct shm_space *space, uint64_t address)
{
	return refuse() ? -ENOMEM : plain.pages_prepare(space, address);
}
static int fail_swap_write(uint64_t frame, uint64_t *slot)
{
	return refuse() ? -EIO : plain.swap_write(frame, slot);
}

void refuse_wrap(void)
{
	refuse_from_now(0, false);
	plain = sim.port;
	sim.port.frame_alloc = fail_frame_alloc;
	sim.port.table_alloc = fail_table_alloc;
	sim.port.mem_alloc = fail_mem_alloc;
	sim.port.reserve = fail_reserve;
	sim.port.slot_prepare = fail_slot_prepare;
	sim.port.upper_prepare = fail_upper_prepare;
	sim.port.pages_prepare = fail_pages_prepare;
	sim.port.swap_write = fail_swap_write;
}
