// SPDX-License-Identifier: MIT
/*
 * Page frames: a buddy allocator, and in front of it for each CPU a stack of
 * single frames that it uses without a lock.
 *
 * A free block is on the list of its order through its own first bytes. Two
 * blocks that can merge share one bit, which says whether exactly one of them
 * is free; so a frame's record is nothing but its reference count, valid only
 * while it is allocated, and boot has only the bits to clear: one for each
 * frame. Frames of holes and of the kernel are simply never freed.
 *
 * Lock: `frames.lock`. The CPUs' stacks belong to their CPUs (no preemption);
 * others only read their counts.
 */

#include "kernel/mm/frame.h"

#include "arch/arch.h"
#include "kernel/lib/check.h"
#include "kernel/lib/list.h"
#include "kernel/lib/print.h"
#include "kernel/lib/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fail.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/cpu.h"

#define ORDER_MAX     10 /* 4 MiB */
#define CACHE_FRAMES  64
#define CACHE_RETURN  32 /* how many go back when a CPU's stack is full */
#define REFILL_ORDER  4
#define JUNK          0x6b
#define RESERVE_MIN   64
#define RESERVE_MAX   512
#define RESERVE_SHARE 512 /* one frame in so many is kept back */

struct frame_cache {
	uint32_t count; /* [a] own CPU writes, others read */
	uint64_t frame[CACHE_FRAMES];
} __attribute__((aligned(64)));

static struct {
	struct spinlock lock;
	uint64_t base;        /* [I] page number of the first record, aligned to ORDER_MAX */
	uint64_t limit;       /* [I] page number behind the last record */
	uint32_t *references; /* [I] the array; [a] each */
	uint64_t *pair_bits[ORDER_MAX];       /* [I] the arrays; lock: the bits */
	struct list_node free[ORDER_MAX + 1]; /* lock */
	uint32_t nonempty;                    /* lock: bit for each order that has a block */
	uint64_t free_count;                  /* lock; read without it for reports */
	uint64_t total_count;                 /* lock; the same */
	uint64_t reserve;                     /* [I] */
} frames = {.lock = SPINLOCK_INIT(RANK_FRAMES)};

static struct frame_cache caches[CPUS_MAX];

static uint32_t *reference_of(uint64_t frame)
{
	return &frames.references[(frame >> PAGE_SHIFT) - frames.base];
}

/* ---- blocks; all under the lock, numbers relative to frames.base ---- */

static struct list_node *block_node(uint64_t number)
{
	return phys_to_virt((frames.base + number) << PAGE_SHIFT);
}

static uint64_t block_number(struct list_node *node)
{
	return (virt_to_phys(node) >> PAGE_SHIFT) - frames.base;
}

/* Flip the bit that the block shares with its buddy; true: now exactly one is free. */
static bool pair_flip(uint64_t number, unsigned order)
{
	uint64_t bit = number >> (order + 1);
	uint64_t *word = &frames.pair_bits[order][bit / 64];

	*word ^= 1ull << (bit % 64);
	return *word >> (bit % 64) & 1;
}

static void block_push(uint64_t number, unsigned order)
{
	list_push_front(&frames.free[order], block_node(number));
	frames.nonempty |= 1u << order;
}

static void block_take(struct list_node *node, unsigned order)
{
	list_remove(node);
	if (list_is_empty(&frames.free[order]))
		frames.nonempty &= ~(1u << order);
}

static void block_free(uint64_t number, unsigned order)
{
	frames.free_count += 1ull << order;
	while (order < ORDER_MAX && !pair_flip(number, order)) {
		block_take(block_node(number ^ (1ull << order)), order);
		number &= ~(1ull << order);
		order++;
	}
	block_push(number, order);
}

/* A block's frame, or 0. Keeps the reserve unless told otherwise. */
static uint64_t block_alloc(unsigned order, unsigned flags)
{
	uint64_t kept = flags & FRAME_RESERVE ? 0 : frames.reserve;
	uint32_t usable = frames.nonempty >> order << order;

	if (!usable || frames.free_count < kept + (1ull << order))
		return 0;

	unsigned from = (unsigned)__builtin_ctz(usable);
	struct list_node *node = frames.free[from].next;
	uint64_t number = block_number(node);

	block_take(node, from);
	if (from < ORDER_MAX)
		pair_flip(number, from);
	while (from > order) {
		from--;
		pair_flip(number, from);
		block_push(number + (1ull << from), from);
	}
	frames.free_count -= 1ull << order;
	return (frames.base + number) << PAGE_SHIFT;
}

/* Free whole pages [first, end), in blocks as large as they fit. */
static void range_free(uint64_t first, uint64_t end)
{
	while (first < end) {
		uint64_t number = first - frames.base;
		unsigned order = number ? (unsigned)__builtin_ctzll(number) : ORDER_MAX;

		if (order > ORDER_MAX)
			order = ORDER_MAX;
		while ((1ull << order) > end - first)
			order--;
		block_free(number, order);
		first += 1ull << order;
	}
}

/* ---- the CPUs' stacks of single frames ---- */

static struct frame_cache *cache_current(void)
{
	return &caches[cpu_current()->id];
}

/* A block of several frames needs no work to become single ones: nothing is recorded of it. */
static uint64_t cache_refill(struct frame_cache *cache, unsigned flags)
{
	unsigned order = REFILL_ORDER;
	uint64_t block;

	spin_lock(&frames.lock);
	block = block_alloc(order, flags);
	if (!block) {
		order = 0;
		block = block_alloc(order, flags);
	}
	spin_unlock(&frames.lock);
	for (uint64_t i = (1ull << order) - 1; block && i; i--)
		cache->frame[cache->count++] = block + (i << PAGE_SHIFT);
	return block;
}

static void cache_push(uint64_t frame)
{
	struct frame_cache *cache = cache_current();

	if (cache->count == CACHE_FRAMES) {
		spin_lock(&frames.lock);
		for (unsigned i = 0; i < CACHE_RETURN; i++)
			block_free((cache->frame[--cache->count] >> PAGE_SHIFT) - frames.base, 0);
		spin_unlock(&frames.lock);
	}
	cache->frame[cache->count++] = frame;
}

static void junk_fill(uint64_t frame, unsigned order)
{
#ifdef SAMEPAGE_DEBUG
	memset(phys_to_virt(frame), JUNK, PAGE_BYTES << order);
#else
	(void)frame;
	(void)order;
#endif
}

/* ---- what the kernel calls ---- */

uint64_t frame_alloc(unsigned flags)
{
	struct frame_cache *cache = cache_current();
	uint64_t frame;

	if (!(flags & (FRAME_RESERVE | FRAME_COUNTED)) && fail_nth_hit())
		return 0;
	if (__builtin_expect(cache->count != 0, 1))
		frame = cache->frame[--cache->count];
	else
		frame = cache_refill(cache, flags);
	if (!frame)
		return 0;
	__atomic_store_n(reference_of(frame), 1, __ATOMIC_RELAXED);
	if (flags & FRAME_ZERO)
		page_clear(phys_to_virt(frame));
	return frame;
}

uint64_t frame_alloc_order(unsigned order, unsigned flags)
{
	uint64_t frame;

	if (order == 0)
		return frame_alloc(flags);
	if (order > ORDER_MAX || (!(flags & (FRAME_RESERVE | FRAME_COUNTED)) && fail_nth_hit()))
		return 0;
	spin_lock(&frames.lock);
	frame = block_alloc(order, flags);
	spin_unlock(&frames.lock);
	if (!frame)
		return 0;
	__atomic_store_n(reference_of(frame), 1, __ATOMIC_RELAXED);
	for (uint64_t i = 0; (flags & FRAME_ZERO) && i < (1ull << order); i++)
		page_clear(phys_to_virt(frame + (i << PAGE_SHIFT)));
	return frame;
}

void frame_free_order(uint64_t frame, unsigned order)
{
	kassert(*reference_of(frame) == 1);
	*reference_of(frame) = 0;
	junk_fill(frame, order);
	if (order == 0) {
		cache_push(frame);
		return;
	}
	spin_lock(&frames.lock);
	block_free((frame >> PAGE_SHIFT) - frames.base, order);
	spin_unlock(&frames.lock);
}

void frame_get(uint64_t frame)
{
	/* Relaxed: the caller has a reference or a lock that keeps one. */
	uint32_t before = __atomic_fetch_add(reference_of(frame), 1, __ATOMIC_RELAXED);

	kassert(before != 0);
}

void frame_put(uint64_t frame)
{
	/* Release what we did to the page; acquire what the other holders did, before it is reused. */
	uint32_t left = __atomic_sub_fetch(reference_of(frame), 1, __ATOMIC_ACQ_REL);

	kassert(left != UINT32_MAX);
	if (left)
		return;
	junk_fill(frame, 0);
	cache_push(frame);
}

/* Frames that were taken one after the other lie so: they go back as the blocks they were. */
void frame_put_many(const uint64_t *list, unsigned count)
{
	uint64_t first = 0, end = 0;

	spin_lock(&frames.lock);
	for (unsigned i = 0; i < count; i++) {
		uint32_t left = __atomic_sub_fetch(reference_of(list[i]), 1, __ATOMIC_ACQ_REL);
		uint64_t number = list[i] >> PAGE_SHIFT;

		kassert(left != UINT32_MAX);
		if (left)
			continue;
		junk_fill(list[i], 0);
		if (number != end) {
			range_free(first, end);
			first = number;
		}
		end = number + 1;
	}
	range_free(first, end);
	spin_unlock(&frames.lock);
}

uint32_t frame_references(uint64_t frame)
{
	/* Acquire: who sees 1 may write what the last other holder only read. */
	return __atomic_load_n(reference_of(frame), __ATOMIC_ACQUIRE);
}

uint64_t frame_total_count(void)
{
	return frames.total_count;
}

uint64_t frame_free_estimate(void)
{
	return __atomic_load_n(&frames.free_count, __ATOMIC_RELAXED);
}

uint64_t frame_free_count(void)
{
	uint64_t count;

	kmem_trim();
	count = kmem_slack_frames();
	spin_lock(&frames.lock);
	count += frames.free_count;
	spin_unlock(&frames.lock);
	for (unsigned i = 0; i < CPUS_MAX; i++)
		count += __atomic_load_n(&caches[i].count, __ATOMIC_RELAXED);
	return count;
}

/* ---- invariants: kernel/lib/check.h ---- */

#ifdef SAMEPAGE_DEBUG
void frames_check(struct check_totals *totals)
{
	uint64_t count = 0;

	spin_lock(&frames.lock);
	for (unsigned order = 0; order <= ORDER_MAX; order++) {
		kassert(list_is_empty(&frames.free[order]) == !(frames.nonempty >> order & 1));
		list_for_each (node, &frames.free[order]) {
			uint64_t number = block_number(node), bit = number >> (order + 1);

			kassert(node->next->previous == node);
			kassert(number < frames.limit - frames.base);
			kassert((number & ((1ull << order) - 1)) == 0);
			/* Were its buddy free too, they would have merged. */
			kassert(order == ORDER_MAX ||
				frames.pair_bits[order][bit / 64] >> (bit % 64) & 1);
			count += 1ull << order;
			if (++totals->free_blocks % 64 == 0)
				ipi_poll();
		}
	}
	kassert(count == frames.free_count);
	spin_unlock(&frames.lock);
}
#endif

/* ---- boot ---- */

static bool range_is_memory(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		const struct boot_range *range = &boot_info.memory[i];

		if (start >= range->start && end <= range->end)
			return true;
	}
	return false;
}

void frame_release_range(uint64_t start, uint64_t end)
{
	uint64_t first = start >> PAGE_SHIFT;
	uint64_t last = (end + PAGE_BYTES - 1) >> PAGE_SHIFT;

	/* What lies beside it outside of the memory ranges may be somebody's. */
	if (!range_is_memory(first << PAGE_SHIFT, last << PAGE_SHIFT)) {
		first = (start + PAGE_BYTES - 1) >> PAGE_SHIFT;
		last = end >> PAGE_SHIFT;
	}
	if (first < frames.base || last > frames.limit || first >= last)
		return;
	spin_lock(&frames.lock);
	frames.total_count += last - first;
	range_free(first, last);
	spin_unlock(&frames.lock);
}

/* The usable memory: the boot ranges with the initrd's pages cut out. Page numbers. */
static unsigned ranges_collect(struct boot_range *ranges)
{
	uint64_t initrd_first = boot_info.initrd.start >> PAGE_SHIFT;
	uint64_t initrd_end = (boot_info.initrd.end + PAGE_BYTES - 1) >> PAGE_SHIFT;
	unsigned count = 0;

	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		uint64_t first = (boot_info.memory[i].start + PAGE_BYTES - 1) >> PAGE_SHIFT;
		uint64_t end = boot_info.memory[i].end >> PAGE_SHIFT;

		if (first == 0)
			first = 1; /* frame 0 is never one */
		if (initrd_first < initrd_end && initrd_first < end && initrd_end > first) {
			if (initrd_first > first)
				ranges[count++] = (struct boot_range){first, initrd_first};
			first = initrd_end;
		}
		if (first < end)
			ranges[count++] = (struct boot_range){first, end};
	}
	return count;
}

/* Lay out the records and the bits at `memory` (NULL: only measure). Returns the bytes. */
static uint64_t records_lay(uint8_t *memory)
{
	uint64_t count = frames.limit - frames.base;
	uint64_t bytes = count * sizeof(uint32_t);

	frames.references = (uint32_t *)memory;
	for (unsigned order = 0; order < ORDER_MAX; order++) {
		uint64_t words = ((count >> (order + 1)) + 63) / 64;

		bytes = (bytes + 7) & ~7ull;
		if (memory) {
			frames.pair_bits[order] = (uint64_t *)(memory + bytes);
			memset(memory + bytes, 0, words * 8);
		}
		bytes += words * 8;
	}
	return bytes;
}

void frame_init(void)
{
	struct boot_range ranges[2 * BOOT_RANGES_MAX];
	unsigned count = ranges_collect(ranges);
	uint64_t align = 1ull << ORDER_MAX;
	uint64_t first = UINT64_MAX, end = 0;
	bool placed = false;

	for (unsigned i = 0; i < count; i++) {
		first = ranges[i].start < first ? ranges[i].start : first;
		end = ranges[i].end > end ? ranges[i].end : end;
	}
	if (boot_info.initrd.start < boot_info.initrd.end) {
		uint64_t initrd_end = (boot_info.initrd.end + PAGE_BYTES - 1) >> PAGE_SHIFT;

		first = boot_info.initrd.start >> PAGE_SHIFT < first
				? boot_info.initrd.start >> PAGE_SHIFT
				: first;
		end = initrd_end > end ? initrd_end : end;
	}
	frames.base = first & ~(align - 1);
	frames.limit = (end + align - 1) & ~(align - 1);
	for (unsigned order = 0; order <= ORDER_MAX; order++)
		list_init(&frames.free[order]);

	uint64_t record_pages = (records_lay(NULL) + PAGE_BYTES - 1) >> PAGE_SHIFT;

	for (unsigned i = 0; i < count && !placed; i++) {
		if (ranges[i].end - ranges[i].start < record_pages)
			continue;
		records_lay(phys_to_virt(ranges[i].start << PAGE_SHIFT));
		ranges[i].start += record_pages;
		placed = true;
	}
	if (!placed)
		panic("no room for the records of %lu frames", frames.limit - frames.base);
	spin_lock(&frames.lock);
	for (unsigned i = 0; i < count; i++) {
		frames.total_count += ranges[i].end - ranges[i].start;
		range_free(ranges[i].start, ranges[i].end);
	}
	spin_unlock(&frames.lock);
	frames.reserve = frames.total_count / RESERVE_SHARE;
	frames.reserve = frames.reserve < RESERVE_MIN ? RESERVE_MIN : frames.reserve;
	frames.reserve = frames.reserve > RESERVE_MAX ? RESERVE_MAX : frames.reserve;
}
