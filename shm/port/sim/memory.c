// SPDX-License-Identifier: MIT
/*
 * Frames, tables, ordinary memory, swap of the simulated machine. Freed frames
 * are poisoned and never given out again before sim_init: one run is short.
 */

#include <stdlib.h>
#include <string.h>

#include <sanitizer/asan_interface.h>

#include "shm/port/sim/sim.h"
#include "abi/errno.h"

struct sim sim;
static uint64_t frames[SIM_FRAMES][512] __attribute__((aligned(4096)));

static unsigned frame_number(uint64_t frame)
{
	sim_assert(frame % SHM_PAGE_BYTES == 0);
	uint64_t number = frame / SHM_PAGE_BYTES - 1;
	sim_assert(number < sim.frames_used);
	return (unsigned)number;
}

uint64_t *sim_frame_words(uint64_t frame)
{
	unsigned number = frame_number(frame);

	sim_assert(sim.state[number] == SIM_FRAME_PAGE || sim.state[number] == SIM_FRAME_TABLE);
	return frames[number];
}

static uint64_t frame_take(enum sim_frame_state state, uint64_t fill)
{
	sim_assert(sim.frames_used < SIM_FRAMES);
	unsigned number = sim.frames_used++;

	ASAN_UNPOISON_MEMORY_REGION(frames[number], SHM_PAGE_BYTES);
	if (fill == 0)
		memset(frames[number], 0, SHM_PAGE_BYTES);
	else
		for (unsigned i = 0; i < 512; i++)
			frames[number][i] = fill;
	sim.state[number] = (unsigned char)state;
	sim.references[number] = 1;
	return (number + 1) * SHM_PAGE_BYTES;
}

static void frame_drop(unsigned number)
{
	sim_expect_frame_unreachable((number + 1) * SHM_PAGE_BYTES);
	sim.state[number] = SIM_FRAME_FREED;
	memset(frames[number], 0xdd, 64);
	ASAN_POISON_MEMORY_REGION(frames[number], SHM_PAGE_BYTES);
}

/* Memory that may be waited for is asked for without locks that reclaim could need. */
static void check_may_wait(unsigned flags)
{
	sim_assert(!sim.spins_held);
	sim_assert((flags & SHM_NOWAIT) || !sim.mutexes_held[sim_thread()][SHM_RANK_OBJECT]);
}

static uint64_t port_frame_alloc(unsigned flags)
{
	check_may_wait(flags);
	sim.frames_live++;
	return frame_take(SIM_FRAME_PAGE, 0);
}

static void port_frame_hold(uint64_t frame)
{
	unsigned number = frame_number(frame);

	sim_assert(sim.state[number] == SIM_FRAME_PAGE);
	sim.references[number]++;
}

static uint32_t port_frame_references(uint64_t frame)
{
	unsigned number = frame_number(frame);

	sim_assert(sim.state[number] == SIM_FRAME_PAGE);
	return sim.references[number];
}

static void port_frame_free(uint64_t frame)
{
	unsigned number = frame_number(frame);

	sim_assert(sim.state[number] == SIM_FRAME_PAGE);
	if (!sim.quiet)
		sim_speculate();
	if (--sim.references[number] > 0)
		return;
	sim.frames_live--;
	frame_drop(number);
}

static void port_frames_free(const uint64_t *frames_to_free, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		port_frame_free(frames_to_free[i]);
}

static void *port_frame_data(uint64_t frame)
{
	return sim_frame_words(frame);
}

uint64_t sim_table_alloc(unsigned flags)
{
	check_may_wait(flags);
	sim.tables_live++;
	return frame_take(SIM_FRAME_TABLE, SHM_ENTRY_NONE);
}

void sim_table_free(uint64_t table)
{
	unsigned number = frame_number(table);

	sim_assert(sim.state[number] == SIM_FRAME_TABLE);
	sim_speculate();
	sim.tables_live--;
	frame_drop(number);
}

static uint64_t *port_table_data(uint64_t table)
{
	return sim_frame_words(table);
}

static void *port_mem_alloc(size_t size_bytes, unsigned flags)
{
	check_may_wait(flags);
	void *memory = aligned_alloc(16, (size_bytes + 15) & ~15ull);
	sim_assert(memory);
	memset(memory, 0xa5, size_bytes);
	sim.memory_live += (int64_t)size_bytes;
	return memory;
}

static void port_mem_free(void *memory, size_t size_bytes)
{
	memset(memory, 0x5a, size_bytes);
	sim.memory_live -= (int64_t)size_bytes;
	free(memory);
}

static int port_reserve(uint64_t pages)
{
	if (pages > sim.commit_limit || (uint64_t)sim.charged > sim.commit_limit - pages)
		return -ENOMEM;
	sim.charged += (int64_t)pages;
	return 0;
}

static void port_unreserve(uint64_t pages)
{
	sim.charged -= (int64_t)pages;
	sim_assert(sim.charged >= 0);
}

/* ---- swap ---- */

static void check_may_sleep(void)
{
	sim_assert(!sim.spins_held && !sim.mutexes_held[sim_thread()][SHM_RANK_OBJECT]);
}

static int port_swap_write(uint64_t frame, uint64_t *slot)
{
	check_may_sleep();
	sim_yield(0, SIM_SWAP);
	for (unsigned i = 1; i < SIM_SWAP_SLOTS; i++) {
		if (sim.swap_used[i])
			continue;
		sim.swap_used[i] = true;
		sim.swap[i] = sim_frame_words(frame)[0];
		*slot = i;
		return 0;
	}
	return -ENOSPC;
}

static int port_swap_read(uint64_t slot, uint64_t frame)
{
	check_may_sleep();
	sim_yield(0, SIM_SWAP);
	sim_assert(slot < SIM_SWAP_SLOTS && sim.swap_used[slot]);
	if (sim.swap_fails)
		return -EIO;
	sim_frame_words(frame)[0] = sim.swap[slot];
	return 0;
}

static void port_swap_free(uint64_t slot)
{
	sim_assert(slot < SIM_SWAP_SLOTS && sim.swap_used[slot]);
	sim.swap_used[slot] = false;
}

/* ---- start and end ---- */

void sim_memory_port(struct shm_port *port)
{
	port->frame_alloc = port_frame_alloc;
	port->frame_hold = port_frame_hold;
	port->frame_references = port_frame_references;
	port->frame_free = port_frame_free;
	port->frames_free = port_frames_free;
	port->frame_data = port_frame_data;
	port->table_alloc = sim_table_alloc;
	port->table_free = sim_table_free;
	port->table_data = port_table_data;
	port->mem_alloc = port_mem_alloc;
	port->mem_free = port_mem_free;
	port->reserve = port_reserve;
	port->unreserve = port_unreserve;
	port->swap_write = port_swap_write;
	port->swap_read = port_swap_read;
	port->swap_free = port_swap_free;
}

/* Some CPUs need an all-empty table before the first other one: every entry is its own address. */
void sim_memory_init(void)
{
#ifdef SHM_CPU_NONE_IS_TABLE
	shm_entry_none = SHM_PAGE_BYTES;
	frame_take(SIM_FRAME_TABLE, shm_entry_none);
#endif
}

void sim_check_empty(void)
{
	sim_assert(sim.frames_live == 0);
	sim_assert(sim.tables_live == 0);
	sim_assert(sim.memory_live == 0);
	sim_assert(sim.charged == 0);
	for (unsigned i = 0; i < SIM_SWAP_SLOTS; i++)
		sim_assert(!sim.swap_used[i]);
	sim_assert(sim.shm.counters.objects == 0 && sim.shm.counters.mappings == 0);
	sim_assert(sim.shm.counters.leaves == 0 && sim.shm.counters.pages == 0);
}
