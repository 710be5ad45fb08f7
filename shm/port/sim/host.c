// SPDX-License-Identifier: MIT
/*
 * The host's side: spaces with areas, the space lock, and what a kernel does
 * around shm for mmap, munmap, mprotect, fork, exit and page faults. Areas are
 * few and kept in a sorted array. Read it as an example of a host, too.
 */

#include <string.h>

#include "shm/port/sim/sim.h"
#include "abi/errno.h"

char sim_context[256];

uint64_t sim_random(uint64_t bound)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return sim.random % bound;
}

/* ---- the space lock ---- */

static bool space_free(void *space)
{
	return ((struct sim_space *)space)->writer == 0 &&
	       ((struct sim_space *)space)->readers == 0;
}

static bool space_readable(void *space)
{
	return ((struct sim_space *)space)->writer == 0;
}

static void port_space_lock(struct shm_space *shm_space, bool exclusive)
{
	struct sim_space *space = sim_space_of(shm_space);

	sim_assert(!sim.mutexes_held[sim_thread()][SHM_RANK_OBJECT]);
	sim_assert(!sim.mutexes_held[sim_thread()][SHM_RANK_NAMESPACE] && !sim.spins_held);
	uint32_t areas = SIM_AREAS_OF(space);
	sim_block("space lock", exclusive ? space_free : space_readable, space,
		  exclusive ? 0 : areas, exclusive ? areas : 0);
	if (exclusive) {
		space->writer = (int)sim_thread() + 1;
		sim.lock_writes[sim_thread()] |= areas;
	} else {
		space->readers++;
		sim.lock_reads[sim_thread()] |= areas;
	}
}

static void port_space_unlock(struct shm_space *shm_space, bool exclusive)
{
	struct sim_space *space = sim_space_of(shm_space);

	sim_assert(exclusive ? space->writer == (int)sim_thread() + 1 : space->readers > 0);
	uint32_t areas = SIM_AREAS_OF(space);
	if (exclusive) {
		space->writer = 0;
		sim.lock_writes[sim_thread()] &= ~areas;
	} else {
		space->readers--;
		sim.lock_reads[sim_thread()] &= ~areas;
	}
}

/* ---- areas ---- */

static bool port_area_next(struct shm_space *shm_space, uint64_t address, uint64_t *start,
			   uint64_t *end, struct shm_piece **piece)
{
	struct sim_space *space = sim_space_of(shm_space);

	sim_assert(sim.quiet || space->writer || space->readers);
	for (unsigned i = 0; i < space->area_count; i++) {
		struct sim_area *area = space->areas[i];
		if (area->end <= address)
			continue;
		*start = area->start;
		*end = area->end;
		*piece = area->piece.mapping ? &area->piece : NULL;
		return true;
	}
	return false;
}

struct sim_area *sim_area_at(struct sim_space *space, uint64_t address)
{
	for (unsigned i = 0; i < space->area_count; i++)
		if (space->areas[i]->start <= address && address < space->areas[i]->end)
			return space->areas[i];
	return NULL;
}

static void area_insert(struct sim_space *space, struct sim_area *area)
{
	unsigned i = space->area_count++;

	sim_assert(space->area_count <= SIM_AREAS);
	for (; i > 0 && space->areas[i - 1]->start > area->start; i--)
		space->areas[i] = space->areas[i - 1];
	space->areas[i] = area;
}

static void area_remove(struct sim_space *space, struct sim_area *area)
{
	unsigned i = 0;

	while (space->areas[i] != area)
		i++;
	for (space->area_count--; i < space->area_count; i++)
		space->areas[i] = space->areas[i + 1];
	sim.port.mem_free(area, sizeof(*area));
}

/* Cut the area that `at` lies in. 0, -ENOMEM. */
static int area_cut(struct sim_space *space, uint64_t at)
{
	struct sim_area *low = sim_area_at(space, at);

	if (!low || low->start == at)
		return 0;
	struct sim_area *high = sim.port.mem_alloc(sizeof(*high), 0);
	if (!high)
		return -ENOMEM;
	*high = *low;
	high->start = at;
	low->end = at;
	if (low->piece.mapping)
		shm_piece_split(&space->shm, &low->piece, &high->piece, at, space->caller.pid);
	area_insert(space, high);
	return 0;
}

/* The first entry from *at on, and where it is, that is marked own; NULL: there is none below `end`. */
static uint64_t *own_next(struct sim_space *space, uint64_t *at, uint64_t end)
{
	uint64_t found, slot, limit;
	unsigned level;

	while (*at < end) {
		slot = sim.port.slot_next(&space->shm, *at, end, &found, &level);
		if (shm_entry_is_none(slot))
			break;
		limit = found + (SHM_PAGE_BYTES << (9 * level));
		if (*at < found)
			*at = found;
		if (limit > end)
			limit = end;
		for (; !shm_entry_is_link(slot) && *at < limit; *at += SHM_PAGE_BYTES) {
			uint64_t entry = sim.port.page_next(&space->shm, *at, limit, at);
			if (shm_entry_is_none(entry))
				break;
			if (shm_entry_is_own(entry))
				return sim_own_entry(space, *at);
		}
		*at = limit;
	}
	return NULL;
}

/* Up to `max` own pages from *at on are cleared: their frames; *at moves on. Fewer: those were all. */
static unsigned own_pages_clear(struct sim_space *space, uint64_t *at, uint64_t end,
				uint64_t *frames, unsigned max)
{
	unsigned count = 0;
	uint64_t *entry;

	while (count < max && (entry = own_next(space, at, end))) {
		frames[count++] = shm_entry_frame(*entry);
		*entry = SHM_ENTRY_NONE;
	}
	return count;
}

/* The space's own pages in [start, end) go: clear, flush, free. */
static void own_pages_drop(struct sim_space *space, uint64_t start, uint64_t end)
{
	uint64_t frames[64];

	unsigned count, max = sizeof(frames) / sizeof(frames[0]);

	do {
		count = own_pages_clear(space, &start, end, frames, max);
		if (count > 0)
			sim.port.flush_range(&space->shm, 0, UINT64_MAX);
		for (unsigned i = 0; i < count; i++)
			sim.port.frame_free(frames[i]);
	} while (count == max);
}

/* Own leaves of spans without areas go. */
static void own_leaves_prune(struct sim_space *space, uint64_t start, uint64_t end)
{
	uint64_t found, area_start, area_end;
	struct shm_piece *piece;
	unsigned level;

	for (uint64_t at = start; at < end; at = found + (SHM_PAGE_BYTES << (9 * level))) {
		uint64_t slot = sim.port.slot_next(&space->shm, at, end, &found, &level);
		if (shm_entry_is_none(slot))
			break;
		if (port_area_next(&space->shm, found, &area_start, &area_end, &piece) &&
		    area_start < found + (SHM_PAGE_BYTES << (9 * level)))
			continue;
		sim_assert(!shm_entry_is_link(slot));
		for (unsigned i = 0; i < SHM_ENTRIES_PER_TABLE; i++)
			sim_assert(shm_entry_is_none(sim_frame_words(shm_entry_frame(slot))[i]));
		sim_assert(sim.port.slot_exchange(&space->shm, found, slot, SHM_ENTRY_NONE));
		sim.port.flush_range(&space->shm, found, found + SHM_SPAN_BYTES);
		sim_table_free(shm_entry_frame(slot));
	}
}

static void area_unmap_whole(struct sim_space *space, struct sim_area *area)
{
	uint64_t start = area->start, end = area->end;

	own_pages_drop(space, start, end);
	if (area->piece.mapping)
		shm_piece_unmap(&space->shm, &area->piece, space->caller.pid);
	sim_expect_unreachable(space, start, end, 0);
	area_remove(space, area);
}

static int range_unmap(struct sim_space *space, uint64_t start, uint64_t end)
{
	int error = area_cut(space, start);

	if (!error)
		error = area_cut(space, end);
	if (error)
		return error;
	for (unsigned i = 0; i < space->area_count;) {
		if (space->areas[i]->start >= start && space->areas[i]->end <= end)
			area_unmap_whole(space, space->areas[i]);
		else
			i++;
	}
	own_leaves_prune(space, start, end);
	return 0;
}

static void port_area_unmap(struct shm_space *shm_space, struct shm_piece *piece)
{
	struct sim_space *space = sim_space_of(shm_space);
	struct sim_area *area = sim_area_at(space, piece->start);
	uint64_t start = area->start, end = area->end;

	sim_assert(&area->piece == piece);
	area_unmap_whole(space, area);
	own_leaves_prune(space, start, end);
}

static int area_make(struct sim_space *space, uint64_t start, uint64_t end,
		     struct shm_object *object, uint64_t index, unsigned protection, unsigned flags)
{
	struct sim_area *area = sim.port.mem_alloc(sizeof(*area), 0);

	if (!area)
		return -ENOMEM;
	*area = (struct sim_area){
		.start = start, .end = end, .protection = protection, .protection_max = protection};
	shm_place(&space->shm, start, end);
	if (object) {
		int error = shm_piece_map(&space->shm, &area->piece, object, start, end, index,
					  protection, flags, space->caller.pid);
		if (error) {
			sim.port.mem_free(area, sizeof(*area));
			return error;
		}
	}
	area_insert(space, area);
	if (object)
		shm_piece_settle(&space->shm, &area->piece);
	return 0;
}

/* The lowest free address from 1 GiB on. */
static uint64_t first_fit(const struct sim_space *space, uint64_t size, uint64_t alignment)
{
	uint64_t start = 1ull << 30;

	for (unsigned i = 0; i < space->area_count; i++) {
		if (space->areas[i]->end <= start)
			continue;
		if (space->areas[i]->start >= start + size)
			break;
		start = (space->areas[i]->end + alignment - 1) & ~(alignment - 1);
	}
	return start;
}

static int port_area_map(struct shm_space *shm_space, const struct shm_area_request *request,
			 uint64_t *address)
{
	struct sim_space *space = sim_space_of(shm_space);
	uint64_t start = request->address, size = request->size_bytes;

	if (!(request->flags & SHM_AREA_FIXED) && start == 0)
		start = first_fit(space, size, request->alignment_bytes);
	uint64_t area_start, area_end;
	struct shm_piece *piece;
	bool occupied = port_area_next(shm_space, start, &area_start, &area_end, &piece) &&
			area_start < start + size;
	if (occupied && !(request->flags & SHM_AREA_REPLACE))
		return -EINVAL;
	if (occupied) {
		int error = range_unmap(space, start, start + size);
		if (error)
			return error;
	}
	*address = start;
	return area_make(space, start, start + size, request->object, request->index,
			 request->protection, SHM_PIECE_SEGMENT);
}

int sim_map(struct sim_space *space, uint64_t address, uint64_t pages, struct shm_object *object,
	    uint64_t index, unsigned protection, unsigned flags)
{
	uint64_t end = address + pages * SHM_PAGE_BYTES;

	port_space_lock(&space->shm, true);
	int error = range_unmap(space, address, end);
	if (!error)
		error = area_make(space, address, end, object, index, protection, flags);
	port_space_unlock(&space->shm, true);
	return error;
}

int sim_unmap(struct sim_space *space, uint64_t start, uint64_t end)
{
	port_space_lock(&space->shm, true);
	int error = range_unmap(space, start, end);
	port_space_unlock(&space->shm, true);
	return error;
}

/* Own copies get the new protection: clear, flush, set. */
static void own_pages_protect(struct sim_space *space, struct sim_area *area)
{
	uint64_t *entry;

	for (uint64_t at = area->start; (entry = own_next(space, &at, area->end));
	     at += SHM_PAGE_BYTES) {
		uint64_t frame = shm_entry_frame(*entry);
		*entry = SHM_ENTRY_NONE;
		sim.port.flush_range(&space->shm, at, at + SHM_PAGE_BYTES);
		*entry = shm_entry_own(shm_entry_page(frame, area->protection));
	}
}

int sim_protect(struct sim_space *space, uint64_t start, uint64_t end, unsigned protection)
{
	port_space_lock(&space->shm, true);
	int error = area_cut(space, start);
	if (!error)
		error = area_cut(space, end);
	shm_place(&space->shm, start, end);
	for (unsigned i = 0; !error && i < space->area_count; i++) {
		struct sim_area *area = space->areas[i];
		if (area->start < start || area->end > end)
			continue;
		area->protection = protection;
		if (area->piece.mapping)
			shm_piece_protect(&space->shm, &area->piece, protection);
		if (protection)
			own_pages_protect(space, area);
		if (!(protection & SHM_WRITE))
			sim_expect_unreachable(space, area->start, area->end, SHM_WRITE);
	}
	port_space_unlock(&space->shm, true);
	return error;
}

int sim_extend(struct sim_space *space, uint64_t start, uint64_t new_end)
{
	port_space_lock(&space->shm, true);
	struct sim_area *area = sim_area_at(space, start);
	sim_assert(area && area->start == start && area->piece.mapping);
	shm_place(&space->shm, area->end, new_end);
	area->end = new_end;
	shm_piece_extend(&space->shm, &area->piece, new_end);
	port_space_unlock(&space->shm, true);
	return 0;
}

/* ---- spaces ---- */

struct sim_space *sim_space_create(int32_t pid)
{
	struct sim_space *space = sim.port.mem_alloc(sizeof(*space), 0);

	if (!space)
		return NULL;
	memset(space, 0, sizeof(*space));
	space->number = sim.space_count++;
	space->root = sim.port.table_alloc(0);
	if (!space->root) {
		sim.port.mem_free(space, sizeof(*space));
		return NULL;
	}
	space->caller = (struct shm_caller){.space = &space->shm,
					    .pid = pid,
					    .memlock_limit_bytes = UINT64_MAX,
					    .creators = &space->creators};
	shm_space_init(&space->shm, &sim.shm);
	return space;
}

static void tables_free(struct sim_space *space)
{
	uint64_t *root = sim_frame_words(space->root);

	for (unsigned i = 0; i < SHM_ENTRIES_PER_TABLE; i++) {
		if (shm_entry_is_none(root[i]))
			continue;
		sim_assert(!shm_entry_is_link(root[i]));
		uint64_t middle = shm_entry_frame(root[i]);
		for (unsigned j = 0; j < SHM_ENTRIES_PER_TABLE; j++)
			sim_assert(shm_entry_is_none(sim_frame_words(middle)[j]));
		sim_table_free(middle);
	}
	sim_table_free(space->root);
}

void sim_space_destroy(struct sim_space *space)
{
	port_space_lock(&space->shm, true);
	while (space->area_count > 0) {
		struct sim_area *area = space->areas[space->area_count - 1];
		int error = range_unmap(space, area->start, area->end);
		sim_assert(!error);
	}
	port_space_unlock(&space->shm, true);
	shm_space_release(&space->shm);
	shm_creator_exit(&space->creators);
	for (unsigned c = 0; c < SIM_CPUS; c++)
		if (sim.cpus[c].space == space)
			sim_cpu_run(c, NULL);
	tables_free(space);
	sim.port.mem_free(space, sizeof(*space));
}

/* Own pages are copied at once: copy on write between spaces is a host's affair. */
static int own_pages_fork(struct sim_space *child, struct sim_space *parent,
			  const struct sim_area *area)
{
	uint64_t *entry;

	for (uint64_t at = area->start; (entry = own_next(parent, &at, area->end));
	     at += SHM_PAGE_BYTES) {
		if (sim.port.pages_prepare(&child->shm, at))
			return -ENOMEM;
		uint64_t frame = sim.port.frame_alloc(0);
		if (!frame)
			return -ENOMEM;
		entry = sim_own_entry(parent, at);
		memcpy(sim_frame_words(frame), sim_frame_words(shm_entry_frame(*entry)),
		       SHM_PAGE_BYTES);
		*sim_own_entry(child, at) =
			shm_entry_own(shm_entry_page(frame, shm_entry_protection(*entry)));
	}
	return 0;
}

static int area_fork(struct sim_space *child, struct sim_space *parent, const struct sim_area *area)
{
	struct sim_area *copy = sim.port.mem_alloc(sizeof(*copy), 0);

	if (!copy)
		return -ENOMEM;
	*copy = *area;
	copy->piece = (struct shm_piece){0};
	if (area->piece.mapping) {
		int error =
			shm_piece_fork(&child->shm, &copy->piece, &area->piece, parent->caller.pid);
		if (error) {
			sim.port.mem_free(copy, sizeof(*copy));
			return error;
		}
	}
	area_insert(child, copy);
	return own_pages_fork(child, parent, area);
}

struct sim_space *sim_space_fork(struct sim_space *parent, int32_t pid)
{
	struct sim_space *child = sim_space_create(pid);
	int error = 0;

	if (!child)
		return NULL;
	port_space_lock(&parent->shm, true);
	child->writer = parent->writer; /* unborn: nobody else knows it */
	for (unsigned i = 0; i < parent->area_count && !error; i++)
		error = area_fork(child, parent, parent->areas[i]);
	child->writer = 0;
	port_space_unlock(&parent->shm, true);
	if (error) {
		sim_space_destroy(child);
		return NULL;
	}
	return child;
}

/* ---- start ---- */

static void host_port(struct shm_port *port)
{
	port->space_lock = port_space_lock;
	port->space_unlock = port_space_unlock;
	port->area_map = port_area_map;
	port->area_unmap = port_area_unmap;
	port->area_next = port_area_next;
}

void sim_init(bool link, uint64_t seed)
{
	unsigned used = sim.frames_used;

	memset(&sim, 0, offsetof(struct sim, state));
	memset(sim.state, 0, used);
	memset((char *)&sim + offsetof(struct sim, references), 0, used * sizeof(uint32_t));
	memset((char *)&sim + offsetof(struct sim, frames_used), 0,
	       sizeof(sim) - offsetof(struct sim, frames_used));
	sim.random = seed * 0x9e3779b97f4a7c15ull + 1;
	sim.commit_limit = 1ull << 40;
	sim.port.capabilities = SHM_CPU_CAPABILITIES | SHM_CAN_LINK | SHM_CAN_LINK_UPPER;
	sim_memory_port(&sim.port);
	sim_mmu_port(&sim.port);
	sim_lock_port(&sim.port);
	host_port(&sim.port);
	sim_memory_init();
	shm_init(&sim.shm, &sim.port, link, false);
}
