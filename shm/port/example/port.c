// SPDX-License-Identifier: MIT
/*
 * The port of the smallest host: struct shm_port over ordinary memory. In the
 * order of docs/porting.md: memory, locks, entries, flushes, areas, the rest.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shm/port/example/host.h"
#include "abi/errno.h"

#define GIGA_SHIFT 30

struct host_counts host_counts;

static struct host_space *host_of(struct shm_space *space)
{
	return (struct host_space *)space;
}

/* ---- memory: frames are named by their physical address, here 4096 * (number + 1) ---- */

static uint64_t memory[HOST_FRAMES][512] __attribute__((aligned(4096)));
static uint32_t references[HOST_FRAMES];

void host_memory_init(void)
{
	memset(references, 0, sizeof(references));
	memset(&host_counts, 0, sizeof(host_counts));
}

static uint64_t number_of(uint64_t frame)
{
	return frame / SHM_PAGE_BYTES - 1;
}

static uint64_t *words_of(uint64_t frame)
{
	return memory[number_of(frame)];
}

static uint64_t take(void)
{
	for (uint64_t i = 0; i < HOST_FRAMES; i++) {
		if (references[i] > 0)
			continue;
		references[i] = 1;
		memset(memory[i], 0, SHM_PAGE_BYTES);
		return (i + 1) * SHM_PAGE_BYTES;
	}
	return 0;
}

static uint64_t frame_alloc(unsigned flags)
{
	(void)flags; /* we never sleep, so SHM_NOWAIT is nothing new */
	uint64_t frame = take();
	host_counts.frames += frame != 0;
	return frame;
}

static void frame_hold(uint64_t frame)
{
	references[number_of(frame)]++;
}

static uint32_t frame_references(uint64_t frame)
{
	return references[number_of(frame)];
}

static void frame_free(uint64_t frame)
{
	if (--references[number_of(frame)] == 0)
		host_counts.frames--;
}

static void frames_free(const uint64_t *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		frame_free(frames[i]);
}

static void *frame_data(uint64_t frame)
{
	return words_of(frame);
}

/* SHM_ENTRY_NONE is 0 on the CPUs that this host is built for; on others fill the table with it. */
static uint64_t table_alloc(unsigned flags)
{
	(void)flags;
	uint64_t table = take();
	host_counts.tables += table != 0;
	return table;
}

static void table_free(uint64_t table)
{
	references[number_of(table)] = 0;
	host_counts.tables--;
}

static uint64_t *table_data(uint64_t table)
{
	return words_of(table);
}

static void *mem_alloc(size_t size_bytes, unsigned flags)
{
	(void)flags;
	host_counts.heap_bytes += size_bytes;
	return malloc(size_bytes); /* your heap; ours is aligned to 16 */
}

static void mem_free(void *freed, size_t size_bytes)
{
	host_counts.heap_bytes -= size_bytes;
	free(freed);
}

/* No overcommit accounting: every promise is taken for good. */
static int reserve(uint64_t pages)
{
	(void)pages;
	return 0;
}

static void unreserve(uint64_t pages)
{
	(void)pages;
}

/* ---- locks: one CPU, no threads, so nobody is ever in the way ---- */

static void space_lock(struct shm_space *space, bool exclusive)
{
	(void)space;
	(void)exclusive;
}

static void mutex_lock(struct shm_mutex *mutex)
{
	(void)mutex;
}

static bool mutex_try(struct shm_mutex *mutex)
{
	(void)mutex;
	return true;
}

static void spin_lock(struct shm_spin *spin)
{
	(void)spin;
}

/* For pages under swap I/O: without swap never called. */
static void wait(const void *channel, struct shm_mutex *mutex)
{
	(void)channel;
	(void)mutex;
}

static void wake(const void *channel)
{
	(void)channel;
}

static void interrupt_point(void)
{
}

/* ---- entries: slots of the middle tables, pages of the space's own leaves ---- */

/* The middle table's entry for the 2 MiB around an address; NULL: there is no middle table. */
static uint64_t *slot_of(struct host_space *space, uint64_t address)
{
	uint64_t upper = words_of(space->root)[address >> GIGA_SHIFT & 511];

	return shm_entry_is_none(upper)
		       ? NULL
		       : &words_of(shm_entry_frame(upper))[address >> SHM_SPAN_SHIFT & 511];
}

/* The entry in the space's own leaf; NULL where there is none, or a link. */
static uint64_t *own_entry(struct host_space *space, uint64_t address)
{
	uint64_t *slot = slot_of(space, address);

	if (!slot || shm_entry_is_none(*slot) || shm_entry_is_link(*slot))
		return NULL;
	return &words_of(shm_entry_frame(*slot))[address >> SHM_PAGE_SHIFT & 511];
}

static int slot_prepare(struct shm_space *space, uint64_t address)
{
	uint64_t *upper = &words_of(host_of(space)->root)[address >> GIGA_SHIFT & 511];

	if (shm_entry_is_none(*upper)) {
		uint64_t table = table_alloc(0);
		if (!table)
			return -ENOMEM;
		*upper = shm_entry_table(table);
	}
	return 0;
}

static uint64_t slot_get(struct shm_space *space, uint64_t address)
{
	uint64_t *slot = slot_of(host_of(space), address);

	return slot ? *slot : SHM_ENTRY_NONE;
}

static bool slot_exchange(struct shm_space *space, uint64_t address, uint64_t expected,
			  uint64_t desired)
{
	uint64_t *slot = slot_of(host_of(space), address);

	if (!slot || *slot != expected)
		return false;
	*slot = desired;
	return true;
}

static uint64_t slot_next(struct shm_space *space, uint64_t address, uint64_t end, uint64_t *found,
			  unsigned *level)
{
	uint64_t at = address & ~(SHM_SPAN_BYTES - 1);

	while (at < end) {
		uint64_t *slot = slot_of(host_of(space), at);
		if (slot && !shm_entry_is_none(*slot)) {
			*found = at;
			*level = SHM_LEVEL_SPAN; /* this host has no links above */
			return *slot;
		}
		at = slot ? at + SHM_SPAN_BYTES : ((at >> GIGA_SHIFT) + 1) << GIGA_SHIFT;
	}
	return SHM_ENTRY_NONE;
}

static int pages_prepare(struct shm_space *space, uint64_t address)
{
	if (slot_prepare(space, address))
		return -ENOMEM;
	uint64_t *slot = slot_of(host_of(space), address);
	if (shm_entry_is_link(*slot))
		return -EAGAIN;
	if (shm_entry_is_none(*slot)) {
		uint64_t table = table_alloc(0);
		if (!table)
			return -ENOMEM;
		*slot = shm_entry_table(table);
	}
	return 0;
}

static int pages_set(struct shm_space *space, uint64_t address, const uint64_t *entries,
		     unsigned count, unsigned protection)
{
	uint64_t *own = own_entry(host_of(space), address);
	int entered = 0;

	if (!own)
		return -EAGAIN;
	for (unsigned i = 0; i < count; i++) {
		if (!shm_entry_accessed(entries[i]) || !shm_entry_is_none(own[i]))
			continue;
		own[i] = shm_entry_page(shm_entry_frame(entries[i]), protection);
		entered++;
	}
	return entered;
}

/* Does the own leaf show the page of this entry of the object, present or old? */
static bool shows(uint64_t own, uint64_t entry)
{
	if (shm_entry_is_none(entry))
		return false;
	if (shm_entry_is_old(entry))
		return shm_entry_frame(own) == shm_entry_old_frame(entry);
	return shm_entry_is_present(entry) && shm_entry_frame(own) == shm_entry_frame(entry);
}

static uint64_t pages_clear(struct shm_space *space, uint64_t address, const uint64_t *entries,
			    uint64_t count)
{
	uint64_t cleared = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t *own = own_entry(host_of(space), address + i * SHM_PAGE_BYTES);
		if (!own || shm_entry_is_none(*own) || shm_entry_is_own(*own) ||
		    (entries && !shows(*own, entries[i])))
			continue;
		*own = SHM_ENTRY_NONE;
		cleared++;
	}
	return cleared;
}

static uint64_t page_next(struct shm_space *space, uint64_t address, uint64_t end, uint64_t *found)
{
	uint64_t *own = own_entry(host_of(space), address);
	uint64_t entry = SHM_ENTRY_NONE;

	for (; own && address < end && shm_entry_is_none(entry); address += SHM_PAGE_BYTES) {
		*found = address;
		entry = *own++;
	}
	return entry;
}

bool host_is_linked(struct host_space *space, uint64_t address)
{
	return shm_entry_is_link(slot_get(&space->shm, address));
}

/* ---- flushes: our walks remember nothing. With an MMU: invalidate, here and on all CPUs ---- */

static void flush_range(struct shm_space *space, uint64_t start, uint64_t end)
{
	(void)space;
	(void)start;
	(void)end;
	host_counts.flushes++;
}

static void flush_shared(void)
{
	host_counts.flushes++;
}

static void flush_local(uint64_t address)
{
	(void)address;
	host_counts.flushes++;
}

/* ---- areas: a sorted array of them ---- */

static bool area_next(struct shm_space *space, uint64_t address, uint64_t *start, uint64_t *end,
		      struct shm_piece **piece)
{
	for (unsigned i = 0; i < host_of(space)->area_count; i++) {
		struct host_area *area = host_of(space)->areas[i];
		if (area->end <= address)
			continue;
		*start = area->start;
		*end = area->end;
		*piece = &area->piece;
		return true;
	}
	return false;
}

static bool occupied(struct shm_space *space, uint64_t start, uint64_t end)
{
	uint64_t area_start, area_end;
	struct shm_piece *piece;

	return area_next(space, start, &area_start, &area_end, &piece) && area_start < end;
}

static void insert(struct host_space *space, struct host_area *area)
{
	unsigned i = space->area_count++;

	for (; i > 0 && space->areas[i - 1]->start > area->start; i--)
		space->areas[i] = space->areas[i - 1];
	space->areas[i] = area;
}

/* This is mmap: find room, tell shm, make the area, let shm fill in its piece, insert, settle. */
static int area_map(struct shm_space *space, const struct shm_area_request *request,
		    uint64_t *address)
{
	uint64_t start = request->address, size = request->size_bytes;

	if (host_of(space)->area_count == HOST_AREAS || request->flags & SHM_AREA_REPLACE)
		return -ENOMEM; /* SHM_REMAP is for a host that can cut its areas */
	if (request->flags & SHM_AREA_FIXED) {
		if (occupied(space, start, start + size))
			return -EINVAL;
	} else {
		start = 1ull << GIGA_SHIFT;
		while (occupied(space, start, start + size))
			start += request->alignment_bytes;
	}
	struct host_area *area = mem_alloc(sizeof(*area), 0);
	if (!area)
		return -ENOMEM;
	*area = (struct host_area){start, start + size, request->protection, {0}};
	shm_place(space, start, start + size);
	int error = shm_piece_map(space, &area->piece, request->object, start, start + size,
				  request->index, request->protection, SHM_PIECE_SEGMENT, 1);
	if (error) {
		mem_free(area, sizeof(*area));
		return error;
	}
	insert(host_of(space), area);
	shm_piece_settle(space, &area->piece);
	*address = start;
	return 0;
}

/* This is munmap of a whole area. */
static void area_unmap(struct shm_space *space, struct shm_piece *piece)
{
	struct host_space *host = host_of(space);
	unsigned i = 0;

	while (&host->areas[i]->piece != piece)
		i++;
	struct host_area *area = host->areas[i];
	shm_piece_unmap(space, piece, 1);
	for (host->area_count--; i < host->area_count; i++)
		host->areas[i] = host->areas[i + 1];
	mem_free(area, sizeof(*area));
}

/* ---- the rest ---- */

static uint64_t now_seconds(void)
{
	return 1000; /* your wall clock */
}

static void trace(const char *line)
{
	printf("  (%s)\n", line);
}

static __attribute__((noreturn)) void fatal(const char *file, int line, const char *what)
{
	printf("%s:%d: broken: %s\n", file, line, what);
	abort();
}

#define HOST_PORT(can)                                                                             \
	{                                                                                          \
		.capabilities = SHM_CPU_CAPABILITIES | (can),                                      \
		.frame_alloc = frame_alloc,                                                        \
		.frame_hold = frame_hold,                                                          \
		.frame_references = frame_references,                                              \
		.frame_free = frame_free,                                                          \
		.frames_free = frames_free,                                                        \
		.frame_data = frame_data,                                                          \
		.table_alloc = table_alloc,                                                        \
		.table_free = table_free,                                                          \
		.table_data = table_data,                                                          \
		.mem_alloc = mem_alloc,                                                            \
		.mem_free = mem_free,                                                              \
		.reserve = reserve,                                                                \
		.unreserve = unreserve,                                                            \
		.space_lock = space_lock,                                                          \
		.space_unlock = space_lock,                                                        \
		.area_map = area_map,                                                              \
		.area_unmap = area_unmap,                                                          \
		.area_next = area_next,                                                            \
		.slot_prepare = slot_prepare,                                                      \
		.slot_get = slot_get,                                                              \
		.slot_exchange = slot_exchange,                                                    \
		.slot_next = slot_next,                                                            \
		.pages_prepare = pages_prepare,                                                    \
		.pages_set = pages_set,                                                            \
		.pages_clear = pages_clear,                                                        \
		.page_next = page_next,                                                            \
		.flush_range = flush_range,                                                        \
		.flush_shared = flush_shared,                                                      \
		.flush_local = flush_local,                                                        \
		.mutex_lock = mutex_lock,                                                          \
		.mutex_try = mutex_try,                                                            \
		.mutex_unlock = mutex_lock,                                                        \
		.spin_lock = spin_lock,                                                            \
		.spin_unlock = spin_lock,                                                          \
		.wait = wait,                                                                      \
		.wake = wake,                                                                      \
		.interrupt_point = interrupt_point,                                                \
		.now_seconds = now_seconds,                                                        \
		.trace = trace,                                                                    \
		.fatal = fatal,                                                                    \
	}
const struct shm_port host_port = HOST_PORT(SHM_CAN_LINK);
const struct shm_port host_port_fill = HOST_PORT(0);
