// SPDX-License-Identifier: MIT
/*
 * The kernel as shm's host: struct shm_port over frames, areas, page tables
 * and flushes of kernel/mm. Each member's contract is in shm/port.h.
 *
 * Slots and own leaves of a space are changed under its page-table lock, since
 * shm may come with an object's lock alone, from another process.
 */

#include "abi/errno.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/print.h"
#include "kernel/mm/area.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/pagetable.h"
#include "kernel/process/mutex.h"
#include "kernel/process/time.h"

#define WAIT_QUEUES 16
#define NS_PER_S    1000000000ull

_Static_assert(sizeof(struct mutex) <= offsetof(struct shm_mutex, rank), "shm_mutex is too small");
_Static_assert(sizeof(struct spinlock) <= sizeof(struct shm_spin), "shm_spin is too small");

struct shm shm_instance;

/* Waiters of all channels, by hash: who is woken for nothing looks and sleeps again. */
static struct wait_queue wait_queues[WAIT_QUEUES];

/* ---- memory ---- */

static uint64_t port_frame_alloc(unsigned flags)
{
	(void)flags; /* there is nothing to wait for: no reclaim */
	return frame_alloc(FRAME_ZERO);
}

static void *port_frame_data(uint64_t frame)
{
	return phys_to_virt(frame);
}

static uint64_t port_table_alloc(unsigned flags)
{
	uint64_t table = frame_alloc(SHM_ENTRY_NONE == 0 ? FRAME_ZERO : 0);

	(void)flags;
	for (unsigned i = 0; table && SHM_ENTRY_NONE != 0 && i < SHM_ENTRIES_PER_TABLE; i++)
		((uint64_t *)phys_to_virt(table))[i] = SHM_ENTRY_NONE;
	return table;
}

static uint64_t *port_table_data(uint64_t table)
{
	return phys_to_virt(table);
}

static void *port_mem_alloc(size_t size_bytes, unsigned flags)
{
	(void)flags;
	return kmem_alloc(size_bytes);
}

/* ---- areas ---- */

static void port_space_lock(struct shm_space *space, bool exclusive)
{
	space_lock(space_of(space), exclusive);
}

static void port_space_unlock(struct shm_space *space, bool exclusive)
{
	space_unlock(space_of(space), exclusive);
}

/* Inline, so that one request is made and not two. */
static inline __attribute__((always_inline)) int
port_area_map(struct shm_space *space, const struct shm_area_request *from, uint64_t *address)
{
	struct space_request request = {
		.address = from->address,
		.size_bytes = from->size_bytes,
		.protection = from->protection,
		.protection_max = from->protection_max,
		.flags = AREA_SEGMENT,
		.object = from->object,
		.index = from->index,
		.alignment_bytes = from->alignment_bytes,
	};

	if (from->flags & SHM_AREA_FIXED)
		request.flags |= AREA_FIXED;
	if ((from->flags & SHM_AREA_FIXED) && !(from->flags & SHM_AREA_REPLACE))
		request.flags |= AREA_NOREPLACE;

	int err = space_map(space_of(space), &request, address);

	/* What is in the way is told before what the address space is too small for. */
	if (err == -ENOMEM && request.flags & AREA_NOREPLACE) {
		const struct area *area = space_area_above(space_of(space), request.address);
		if (area && area->start < request.address + request.size_bytes)
			return -EINVAL;
	}
	return err == -EEXIST ? -EINVAL : err;
}

static void port_area_unmap(struct shm_space *space, struct shm_piece *piece)
{
	space_unmap_area(space_of(space), container_of(piece, struct area, piece));
}

static bool port_area_next(struct shm_space *space, uint64_t address, uint64_t *start,
			   uint64_t *end, struct shm_piece **piece)
{
	struct area *area = space_area_above(space_of(space), address);

	if (!area)
		return false;
	*start = area->start;
	*end = area->end;
	*piece = area->piece.mapping ? &area->piece : NULL;
	return true;
}

/* ---- entries ---- */

/* Inline: a walk to a level that the compiler knows is no loop. */
#define FOR_EACH_LEVEL static inline __attribute__((always_inline))

FOR_EACH_LEVEL int slot_prepare(struct space *space, uint64_t address, unsigned level)
{
	uint64_t *slot;

	spin_lock(&space->page_table_lock);
	int err = pagetable_slot_make(space, address, level, &slot);

	spin_unlock(&space->page_table_lock);
	return err;
}

FOR_EACH_LEVEL uint64_t slot_get(struct space *space, uint64_t address, unsigned level)
{
	spin_lock(&space->page_table_lock);
	uint64_t *slot = pagetable_slot(space, address, level);
	uint64_t value = slot ? entry_load(slot) : SHM_ENTRY_NONE;

	spin_unlock(&space->page_table_lock);
	return value;
}

FOR_EACH_LEVEL bool slot_exchange(struct space *space, uint64_t address, unsigned level,
				  uint64_t expected, uint64_t desired)
{
	spin_lock(&space->page_table_lock);
	uint64_t *slot = pagetable_slot(space, address, level);
	bool done = slot && entry_load(slot) == expected;

	if (done)
		entry_store(slot, desired);
	spin_unlock(&space->page_table_lock);
	return done;
}

static int port_slot_prepare(struct shm_space *shm, uint64_t address)
{
	return slot_prepare(space_of(shm), address, SHM_LEVEL_SPAN);
}

static uint64_t port_slot_get(struct shm_space *shm, uint64_t address)
{
	return slot_get(space_of(shm), address, SHM_LEVEL_SPAN);
}

static bool port_slot_exchange(struct shm_space *shm, uint64_t address, uint64_t expected,
			       uint64_t desired)
{
	return slot_exchange(space_of(shm), address, SHM_LEVEL_SPAN, expected, desired);
}

static int port_upper_prepare(struct shm_space *shm, uint64_t address)
{
	return slot_prepare(space_of(shm), address, SHM_LEVEL_MIDDLE);
}

static uint64_t port_upper_get(struct shm_space *shm, uint64_t address)
{
	return slot_get(space_of(shm), address, SHM_LEVEL_MIDDLE);
}

static bool port_upper_exchange(struct shm_space *shm, uint64_t address, uint64_t expected,
				uint64_t desired)
{
	return slot_exchange(space_of(shm), address, SHM_LEVEL_MIDDLE, expected, desired);
}

static uint64_t port_slot_next(struct shm_space *shm, uint64_t address, uint64_t end,
			       uint64_t *found, unsigned *level)
{
	struct space *space = space_of(shm);

	spin_lock(&space->page_table_lock);
	uint64_t *slot = pagetable_slot_any(space, address, end, found, level);
	uint64_t value = slot ? entry_load(slot) : SHM_ENTRY_NONE;

	spin_unlock(&space->page_table_lock);
	return value;
}

static int port_pages_prepare(struct shm_space *shm, uint64_t address)
{
	struct space *space = space_of(shm);
	uint64_t *entry;

	spin_lock(&space->page_table_lock);
	int err = pagetable_entry_make(space, address, &entry);

	spin_unlock(&space->page_table_lock);
	return err;
}

static int port_pages_set(struct shm_space *shm, uint64_t address, const uint64_t *entries,
			  unsigned count, unsigned protection)
{
	struct space *space = space_of(shm);
	int entered = 0;

	spin_lock(&space->page_table_lock);
	uint64_t *target = pagetable_entry(space, address);

	for (unsigned i = 0; target && i < count; i++) {
		if (!shm_entry_accessed(entries[i]) || !shm_entry_is_none(entry_load(&target[i])))
			continue;
		entry_store(&target[i], shm_entry_page(shm_entry_frame(entries[i]), protection));
		entered++;
	}
	spin_unlock(&space->page_table_lock);
	return target ? entered : -EAGAIN;
}

/* The object's page in an entry: present or old, not the space's own; 0: none. */
static uint64_t object_frame(uint64_t entry)
{
	if (entry_has_own_page(entry))
		return 0;
	if (shm_entry_is_present(entry))
		return shm_entry_frame(entry);
	return shm_entry_is_old(entry) ? shm_entry_old_frame(entry) : 0;
}

/* Clear one span's entries; `entries` may be NULL. Under the page-table lock. */
static uint64_t leaf_clear(uint64_t *target, const uint64_t *entries, uint64_t count)
{
	uint64_t cleared = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t value = entry_load(&target[i]);

		if (shm_entry_is_none(value))
			continue;

		uint64_t frame = object_frame(value);

		if (!frame || (entries && frame != object_frame(entries[i])))
			continue;
		entry_store(&target[i], SHM_ENTRY_NONE);
		cleared++;
	}
	return cleared;
}

static uint64_t port_pages_clear(struct shm_space *shm, uint64_t address, const uint64_t *entries,
				 uint64_t count)
{
	struct space *space = space_of(shm);
	uint64_t end = address + count * SHM_PAGE_BYTES, cleared = 0, span;

	if (space_is_ending(space))
		return 0; /* the tables go at once, and no CPU walks them */
	while (address < end) {
		spin_lock(&space->page_table_lock);
		uint64_t *slot = pagetable_slot_next(space, address, end, &span);
		uint64_t stop = slot && span + SHM_SPAN_BYTES < end ? span + SHM_SPAN_BYTES : end;

		if (slot && span > address) {
			entries = entries ? entries + (span - address) / SHM_PAGE_BYTES : NULL;
			address = span;
		}
		if (slot && shm_entry_is_table(entry_load(slot)))
			cleared += leaf_clear(pagetable_entry(space, address), entries,
					      (stop - address) / SHM_PAGE_BYTES);
		spin_unlock(&space->page_table_lock);
		address = stop;
	}
	return cleared;
}

static uint64_t port_page_next(struct shm_space *shm, uint64_t address, uint64_t end,
			       uint64_t *found)
{
	struct space *space = space_of(shm);
	uint64_t value = SHM_ENTRY_NONE;

	spin_lock(&space->page_table_lock);
	uint64_t *entry = pagetable_entry(space, address);

	for (; entry && address < end && shm_entry_is_none(value); address += PAGE_BYTES) {
		*found = address;
		value = entry_load(entry++);
	}
	spin_unlock(&space->page_table_lock);
	return value;
}

/* ---- flushes, locks, time ---- */

/* Links may have gone with the pages, so the tables on the way are flushed too. */
static void port_flush_range(struct shm_space *space, uint64_t start, uint64_t end)
{
	flush_range(space_of(space), start, end, true);
}

/*
 * shm's storage is the kernel's locks. Zero is an unlocked one without a rank:
 * shm's own order is proved in the simulator, which knows which lock is which.
 */
static void port_mutex_lock(struct shm_mutex *mutex)
{
	mutex_lock((struct mutex *)mutex);
}

static bool port_mutex_try(struct shm_mutex *mutex)
{
	return mutex_try((struct mutex *)mutex);
}

static void port_mutex_unlock(struct shm_mutex *mutex)
{
	mutex_unlock((struct mutex *)mutex);
}

static void port_spin_lock(struct shm_spin *spin)
{
	spin_lock((struct spinlock *)spin);
}

static void port_spin_unlock(struct shm_spin *spin)
{
	spin_unlock((struct spinlock *)spin);
}

static struct wait_queue *queue_of(const void *channel)
{
	return &wait_queues[((uintptr_t)channel >> 6) % WAIT_QUEUES];
}

static void port_wait(const void *channel, struct shm_mutex *mutex)
{
	wait_sleep_mutex(queue_of(channel), (struct mutex *)mutex, WAIT_FOREVER, 0);
}

static void port_wake(const void *channel)
{
	wait_wake_all(queue_of(channel));
}

static void port_interrupt_point(void)
{
	arch_interrupt_point();
}

static uint64_t port_now_seconds(void)
{
	return (time_wall_offset_ns() + clock_now_ns()) /
	       NS_PER_S; /* what clock_settime(2) made it */
}

static void port_trace(const char *line)
{
	log_line("shm: %s", line);
}

static __attribute__((noreturn)) void port_fatal(const char *file, int line, const char *what)
{
	panic("shm: %s:%d: %s", file, line, what);
}

const struct shm_port kernel_port = {
	.capabilities = SHM_CAN_LINK | SHM_CAN_LINK_UPPER | SHM_CPU_CAPABILITIES,
	.frame_alloc = port_frame_alloc,
	.frame_hold = frame_get,
	.frame_references = frame_references,
	.frame_free = frame_put,
	.frames_free = frame_put_many,
	.frame_data = port_frame_data,
	.table_alloc = port_table_alloc,
	.table_free = frame_put,
	.table_data = port_table_data,
	.mem_alloc = port_mem_alloc,
	.mem_free = kmem_free,
	.reserve = commit_reserve,
	.unreserve = commit_release,
	.space_lock = port_space_lock,
	.space_unlock = port_space_unlock,
	.area_map = port_area_map,
	.area_unmap = port_area_unmap,
	.area_next = port_area_next,
	.slot_prepare = port_slot_prepare,
	.slot_get = port_slot_get,
	.slot_exchange = port_slot_exchange,
	.upper_prepare = port_upper_prepare,
	.upper_get = port_upper_get,
	.upper_exchange = port_upper_exchange,
	.slot_next = port_slot_next,
	.pages_prepare = port_pages_prepare,
	.pages_set = port_pages_set,
	.pages_clear = port_pages_clear,
	.page_next = port_page_next,
	.flush_range = port_flush_range,
	.flush_shared = flush_shared,
	.flush_local = mmu_flush_page,
	.mutex_lock = port_mutex_lock,
	.mutex_try = port_mutex_try,
	.mutex_unlock = port_mutex_unlock,
	.spin_lock = port_spin_lock,
	.spin_unlock = port_spin_unlock,
	.wait = port_wait,
	.wake = port_wake,
	.interrupt_point = port_interrupt_point,
	.now_seconds = port_now_seconds,
	.trace = port_trace,
	.fatal = port_fatal,
};

void shm_port_init(void)
{
	for (unsigned i = 0; i < WAIT_QUEUES; i++)
		wait_queue_init(&wait_queues[i]);
	shm_init(&shm_instance, &kernel_port, kernel_argument_u64("shm.link", 1) != 0,
		 kernel_argument_flag("shm.trace"));
	shm_instance.extended_ids = kernel_argument_flag("ipcmni_extend");
}
