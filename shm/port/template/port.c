// SPDX-License-Identifier: MIT
/*
 * A port that does nothing: copy it, and fill in your kernel. It compiles as
 * it is. The contract of each member stands in shm/port.h; what is said here is
 * what a kernel usually does there. docs/porting.md is the way through it.
 */

#include "shm/shm.h"
#include "shm_cpu.h"
#include "abi/errno.h"

/* ---- memory: your frame allocator and heap ---- */

/* A frame from the page allocator, cleared, its count set to 1. */
static uint64_t frame_alloc(unsigned flags)
{
	(void)flags;
	return 0;
}

/* Count up. Without a count in your frame records: an array of them by frame number. */
static void frame_hold(uint64_t frame)
{
	(void)frame;
}

static uint32_t frame_references(uint64_t frame)
{
	(void)frame;
	return 1;
}

/* Count down; at 0 give it back to the page allocator. */
static void frame_free(uint64_t frame)
{
	(void)frame;
}

static void frames_free(const uint64_t *frames, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		frame_free(frames[i]);
}

/* Where your kernel sees physical memory: the direct map. */
static void *frame_data(uint64_t frame)
{
	return (void *)(uintptr_t)frame;
}

/* A frame, every entry of it SHM_ENTRY_NONE. */
static uint64_t table_alloc(unsigned flags)
{
	(void)flags;
	return 0;
}

static void table_free(uint64_t table)
{
	(void)table;
}

static uint64_t *table_data(uint64_t table)
{
	return frame_data(table);
}

/* kmalloc and kfree. The size comes back with the memory. */
static void *mem_alloc(size_t size_bytes, unsigned flags)
{
	(void)size_bytes;
	(void)flags;
	return NULL;
}

static void mem_free(void *memory, size_t size_bytes)
{
	(void)memory;
	(void)size_bytes;
}

/* Overcommit accounting. A kernel without one says 0, always. */
static int reserve(uint64_t pages)
{
	(void)pages;
	return 0;
}

static void unreserve(uint64_t pages)
{
	(void)pages;
}

/* ---- areas: your list or tree of mappings, one struct shm_piece in each ---- */

/* The lock that mmap and page faults take. One mode is enough: ignore `exclusive`. */
static void space_lock(struct shm_space *space, bool exclusive)
{
	(void)space;
	(void)exclusive;
}

static void space_unlock(struct shm_space *space, bool exclusive)
{
	(void)space;
	(void)exclusive;
}

/*
 * Your mmap without its lock: find room or check the address, shm_place, make
 * the area, shm_piece_map with SHM_PIECE_SEGMENT, insert, shm_piece_settle.
 */
static int area_map(struct shm_space *space, const struct shm_area_request *request,
		    uint64_t *address)
{
	(void)space;
	(void)request;
	(void)address;
	return -ENOMEM;
}

/* Your munmap of one area as a whole, without its lock: shm_piece_unmap, then its record goes. */
static void area_unmap(struct shm_space *space, struct shm_piece *piece)
{
	(void)space;
	(void)piece;
}

static bool area_next(struct shm_space *space, uint64_t address, uint64_t *start, uint64_t *end,
		      struct shm_piece **piece)
{
	(void)space;
	(void)address;
	(void)start;
	(void)end;
	(void)piece;
	return false;
}

/* ---- entries: your page-table walk, under your page-table lock ---- */

/* Walk down to the middle table, making what is missing. */
static int slot_prepare(struct shm_space *space, uint64_t address)
{
	(void)space;
	(void)address;
	return -ENOMEM;
}

/* A walk that stops, and finds none, where an entry on the way is none or a link. */
static uint64_t slot_get(struct shm_space *space, uint64_t address)
{
	(void)space;
	(void)address;
	return SHM_ENTRY_NONE;
}

/* Compare and store. Without SHM_CAN_LINK in the capabilities it is never called. */
static bool slot_exchange(struct shm_space *space, uint64_t address, uint64_t expected,
			  uint64_t desired)
{
	(void)space;
	(void)address;
	(void)expected;
	(void)desired;
	return false;
}

/* The same one table higher, where an entry covers 1 GiB. */
static int upper_prepare(struct shm_space *space, uint64_t address)
{
	(void)space;
	(void)address;
	return -ENOMEM;
}

static uint64_t upper_get(struct shm_space *space, uint64_t address)
{
	(void)space;
	(void)address;
	return SHM_ENTRY_NONE;
}

static bool upper_exchange(struct shm_space *space, uint64_t address, uint64_t expected,
			   uint64_t desired)
{
	(void)space;
	(void)address;
	(void)expected;
	(void)desired;
	return false;
}

static uint64_t slot_next(struct shm_space *space, uint64_t address, uint64_t end, uint64_t *found,
			  unsigned *level)
{
	(void)space;
	(void)address;
	(void)end;
	(void)found;
	(void)level;
	return SHM_ENTRY_NONE;
}

/* slot_prepare, and a leaf of the space's own where the slot is none. */
static int pages_prepare(struct shm_space *space, uint64_t address)
{
	(void)space;
	(void)address;
	return -ENOMEM;
}

static int pages_set(struct shm_space *space, uint64_t address, const uint64_t *entries,
		     unsigned count, unsigned protection)
{
	(void)space;
	(void)address;
	(void)entries;
	(void)count;
	(void)protection;
	return -EAGAIN;
}

static uint64_t pages_clear(struct shm_space *space, uint64_t address, const uint64_t *entries,
			    uint64_t count)
{
	(void)space;
	(void)address;
	(void)entries;
	(void)count;
	return 0;
}

static uint64_t page_next(struct shm_space *space, uint64_t address, uint64_t end, uint64_t *found)
{
	(void)space;
	(void)address;
	(void)end;
	(void)found;
	return SHM_ENTRY_NONE;
}

/* ---- flushes: this CPU, then interrupts to those that run the space, then wait ---- */

static void flush_range(struct shm_space *space, uint64_t start, uint64_t end)
{
	(void)space;
	(void)start;
	(void)end;
}

/* One CPU: flush everything. Several: the same on each that runs a space with mappings. */
static void flush_shared(void)
{
}

static void flush_local(uint64_t address)
{
	(void)address;
}

/* ---- locks: yours, in the words of shm's; all zero is unlocked ---- */

static void mutex_lock(struct shm_mutex *mutex)
{
	(void)mutex;
}

static bool mutex_try(struct shm_mutex *mutex)
{
	(void)mutex;
	return true;
}

static void mutex_unlock(struct shm_mutex *mutex)
{
	(void)mutex;
}

static void spin_lock(struct shm_spin *spin)
{
	(void)spin;
}

static void spin_unlock(struct shm_spin *spin)
{
	(void)spin;
}

/* Only pages under swap I/O are waited for: without swap this is never called. */
static void wait(const void *channel, struct shm_mutex *mutex)
{
	(void)channel;
	(void)mutex;
}

static void wake(const void *channel)
{
	(void)channel;
}

/* A kernel that is interrupted anywhere has nothing to do here. */
static void interrupt_point(void)
{
}

static uint64_t now_seconds(void)
{
	return 0;
}

static void fatal(const char *file, int line, const char *what) __attribute__((noreturn));
static void fatal(const char *file, int line, const char *what)
{
	(void)file;
	(void)line;
	(void)what;
	for (;;)
		;
}

/* No trace, no swap: these members may be NULL. */
const struct shm_port template_port;
const struct shm_port template_port = {
	.capabilities = SHM_CPU_CAPABILITIES | SHM_CAN_LINK,
	.frame_alloc = frame_alloc,
	.frame_hold = frame_hold,
	.frame_references = frame_references,
	.frame_free = frame_free,
	.frames_free = frames_free,
	.frame_data = frame_data,
	.table_alloc = table_alloc,
	.table_free = table_free,
	.table_data = table_data,
	.mem_alloc = mem_alloc,
	.mem_free = mem_free,
	.reserve = reserve,
	.unreserve = unreserve,
	.space_lock = space_lock,
	.space_unlock = space_unlock,
	.area_map = area_map,
	.area_unmap = area_unmap,
	.area_next = area_next,
	.slot_prepare = slot_prepare,
	.slot_get = slot_get,
	.slot_exchange = slot_exchange,
	.upper_prepare = upper_prepare,
	.upper_get = upper_get,
	.upper_exchange = upper_exchange,
	.slot_next = slot_next,
	.pages_prepare = pages_prepare,
	.pages_set = pages_set,
	.pages_clear = pages_clear,
	.page_next = page_next,
	.flush_range = flush_range,
	.flush_shared = flush_shared,
	.flush_local = flush_local,
	.mutex_lock = mutex_lock,
	.mutex_try = mutex_try,
	.mutex_unlock = mutex_unlock,
	.spin_lock = spin_lock,
	.spin_unlock = spin_unlock,
	.wait = wait,
	.wake = wake,
	.interrupt_point = interrupt_point,
	.now_seconds = now_seconds,
	.fatal = fatal,
};
