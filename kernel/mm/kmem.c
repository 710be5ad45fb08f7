// SPDX-License-Identifier: MIT
/*
 * Small objects. A size class takes them from slabs: blocks of one to four
 * frames, aligned to their size, with a header at the front, so that an
 * object's address gives its slab. Each CPU keeps a short list of free objects
 * of each class. Larger sizes are whole blocks of frames.
 *
 * A slab that becomes empty goes back to the frames at once, but for the last
 * of its class, which kmem_trim returns too.
 *
 * Locks: a CPU's cache (its own CPU takes it, and kmem_trim) -> `slabs.lock`.
 */

#include "kernel/mm/kmem.h"

#include "arch/arch.h"
#include "kernel/lib/check.h"
#include "kernel/lib/list.h"
#include "kernel/lib/print.h"
#include "kernel/lib/spinlock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/fail.h"
#include "kernel/mm/frame.h"
#include "kernel/process/cpu.h"

#define CLASS_COUNT 14
#define CLASS_LARGE 2048 /* what is larger is a block of frames */
#define JUNK        0x6d

struct slab {
	struct list_node node; /* in slabs.partial while some object is free */
	void *free;            /* freed objects, linked through their first word */
	uint32_t used;         /* objects given out, caches included */
	uint32_t carved;       /* objects that were ever given out: the rest was never touched */
	uint32_t class;
} __attribute__((aligned(64)));

static const struct class
{
	uint16_t size_bytes;
	uint8_t order;
	uint8_t cache_max; /* a CPU keeps so many, and moves half of it at a time */
} classes[CLASS_COUNT] = {
	{16, 0, 64},  {32, 0, 64},  {48, 0, 32},  {64, 0, 32},  {96, 0, 32},
	{128, 0, 32}, {192, 0, 32}, {256, 0, 16}, {384, 0, 16}, {512, 0, 16},
	{768, 1, 8},  {1024, 1, 8}, {1536, 2, 8}, {2048, 2, 8},
};

/* By size in units of 16 bytes, rounded up. */
static const uint8_t class_of[CLASS_LARGE / 16 + 1] = {
	[0 ... 1] = 0,    [2] = 1,          [3] = 2,          [4] = 3,           [5 ... 6] = 4,
	[7 ... 8] = 5,    [9 ... 12] = 6,   [13 ... 16] = 7,  [17 ... 24] = 8,   [25 ... 32] = 9,
	[33 ... 48] = 10, [49 ... 64] = 11, [65 ... 96] = 12, [97 ... 128] = 13,
};

struct kmem_cache {
	struct spinlock lock;
	struct cached {
		void *head;
		uint32_t count;
	} of[CLASS_COUNT];
} __attribute__((aligned(64)));

static struct {
	struct spinlock lock;
	struct list_node
		partial[CLASS_COUNT]; /* lock; a zero head is an empty list not set up yet */
	uint32_t empty[CLASS_COUNT];  /* lock: slabs in partial with nothing used */
	uint32_t count[CLASS_COUNT];  /* lock: slabs */
	uint64_t used[CLASS_COUNT];   /* lock: objects given out, caches included */
	uint64_t bytes;               /* lock */
} slabs = {.lock = SPINLOCK_INIT(RANK_ALLOCATOR_SMALL)};

static struct kmem_cache caches[CPUS_MAX] = {
	[0 ... CPUS_MAX - 1] = {.lock = SPINLOCK_INIT(RANK_ALLOCATOR_CACHE)},
};

/* ---- slabs; all under slabs.lock ---- */

static uint32_t slab_capacity(uint32_t class)
{
	return (uint32_t)(((PAGE_BYTES << classes[class].order) - sizeof(struct slab)) /
			  classes[class].size_bytes);
}

static struct slab *slab_of(void *object, uint32_t class)
{
	return (struct slab *)((uintptr_t)object & ~((PAGE_BYTES << classes[class].order) - 1));
}

static struct slab *slab_create(uint32_t class)
{
	uint64_t frame = frame_alloc_order(classes[class].order, FRAME_COUNTED);

	if (!frame)
		return NULL;

	struct slab *slab = phys_to_virt(frame);

	slab->free = NULL;
	slab->used = slab->carved = 0;
	slab->class = class;
	list_push_front(&slabs.partial[class], &slab->node);
	slabs.empty[class]++;
	slabs.count[class]++;
	slabs.bytes += PAGE_BYTES << classes[class].order;
	return slab;
}

static void slab_destroy(struct slab *slab)
{
	uint32_t class = slab->class;

	list_remove(&slab->node);
	slabs.empty[class]--;
	slabs.count[class]--;
	slabs.bytes -= PAGE_BYTES << classes[class].order;
	frame_free_order(virt_to_phys(slab), classes[class].order);
}

static void *slab_take(uint32_t class)
{
	struct list_node *head = &slabs.partial[class];
	struct slab *slab;
	void *object;

	if (!head->next)
		list_init(head);
	if (list_is_empty(head)) {
		slab = slab_create(class);
		if (!slab)
			return NULL;
	} else {
		slab = container_of(head->next, struct slab, node);
	}
	if (slab->free) {
		object = slab->free;
		slab->free = *(void **)object;
	} else {
		object = (uint8_t *)(slab + 1) +
			 (uint64_t)slab->carved++ * classes[class].size_bytes;
#ifdef SAMEPAGE_DEBUG
		memset(object, JUNK, classes[class].size_bytes);
#endif
	}
	slabs.used[class]++;
	if (slab->used++ == 0)
		slabs.empty[class]--;
	if (slab->used == slab_capacity(class))
		list_remove(&slab->node);
	return object;
}

static void slab_give(void *object, uint32_t class)
{
	struct slab *slab = slab_of(object, class);

	kassert(slab->class == class && slab->used != 0);
	if (slab->used == slab_capacity(class))
		list_push_front(&slabs.partial[class], &slab->node);
	*(void **)object = slab->free;
	slab->free = object;
	slabs.used[class]--;
	if (--slab->used == 0 && slabs.empty[class]++ > 0)
		slab_destroy(slab);
}

/* ---- the CPUs' caches; under the cache's lock ---- */

static struct kmem_cache *cache_lock(void)
{
	struct kmem_cache *cache = &caches[cpu_current()->id];

	spin_lock(&cache->lock);
	return cache;
}

static void cache_fill(struct cached *cached, uint32_t class)
{
	spin_lock(&slabs.lock);
	for (unsigned i = 0; i < classes[class].cache_max / 2u; i++) {
		void *object = slab_take(class);

		if (!object)
			break;
		*(void **)object = cached->head;
		cached->head = object;
		cached->count++;
	}
	spin_unlock(&slabs.lock);
}

static void cache_drain(struct cached *cached, uint32_t class, unsigned count)
{
	spin_lock(&slabs.lock);
	for (; count && cached->head; count--) {
		void *object = cached->head;

		cached->head = *(void **)object;
		cached->count--;
		slab_give(object, class);
	}
	spin_unlock(&slabs.lock);
}

/* ---- what the kernel calls ---- */

static unsigned large_order(size_t size_bytes)
{
	uint64_t pages = (size_bytes + PAGE_BYTES - 1) >> PAGE_SHIFT;

	return pages <= 1 ? 0 : 64 - (unsigned)__builtin_clzll(pages - 1);
}

static void *large_alloc(size_t size_bytes)
{
	uint64_t frame = frame_alloc_order(large_order(size_bytes), 0);

	return frame ? phys_to_virt(frame) : NULL;
}

void *kmem_alloc(size_t size_bytes)
{
	if (__builtin_expect(size_bytes > CLASS_LARGE, 0))
		return large_alloc(size_bytes);
	if (fail_nth_hit())
		return NULL;

	uint32_t class = class_of[(size_bytes + 15) / 16];
	struct kmem_cache *cache = cache_lock();
	struct cached *cached = &cache->of[class];

	if (__builtin_expect(!cached->head, 0))
		cache_fill(cached, class);

	void *object = cached->head;

	if (object) {
		cached->head = *(void **)object;
		cached->count--;
	}
	spin_unlock(&cache->lock);
	return object;
}

void *kmem_zalloc(size_t size_bytes)
{
	void *object = kmem_alloc(size_bytes);

	if (object)
		memset(object, 0, size_bytes);
	return object;
}

void kmem_free(void *memory, size_t size_bytes)
{
	if (!memory)
		return;
	if (__builtin_expect(size_bytes > CLASS_LARGE, 0)) {
		frame_free_order(virt_to_phys(memory), large_order(size_bytes));
		return;
	}

	uint32_t class = class_of[(size_bytes + 15) / 16];
	struct kmem_cache *cache = cache_lock();
	struct cached *cached = &cache->of[class];

#ifdef SAMEPAGE_DEBUG
	memset(memory, JUNK, classes[class].size_bytes);
#endif
	if (cached->count >= classes[class].cache_max)
		cache_drain(cached, class, classes[class].cache_max / 2u);
	*(void **)memory = cached->head;
	cached->head = memory;
	cached->count++;
	spin_unlock(&cache->lock);
}

void kmem_trim(void)
{
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		struct kmem_cache *cache = &caches[i];

		spin_lock(&cache->lock);
		for (uint32_t class = 0; class < CLASS_COUNT; class ++)
			cache_drain(&cache->of[class], class, cache->of[class].count);
		spin_unlock(&cache->lock);
	}
	spin_lock(&slabs.lock);
	for (uint32_t class = 0; class < CLASS_COUNT; class ++) {
		if (!slabs.empty[class])
			continue;
		list_for_each_safe (node, &slabs.partial[class]) {
			struct slab *slab = container_of(node, struct slab, node);

			if (!slab->used)
				slab_destroy(slab);
		}
	}
	spin_unlock(&slabs.lock);
}

uint64_t kmem_slack_frames(void)
{
	uint64_t frames = 0;

	spin_lock(&slabs.lock);
	for (uint32_t class = 0; class < CLASS_COUNT; class ++) {
		uint64_t capacity = slab_capacity(class);
		uint64_t needed = (slabs.used[class] + capacity - 1) / capacity;

		frames += (slabs.count[class] - needed) << classes[class].order;
	}
	spin_unlock(&slabs.lock);
	return frames;
}

uint64_t kmem_used_bytes(void)
{
	uint64_t slack = kmem_slack_frames() * PAGE_BYTES;

	return __atomic_load_n(&slabs.bytes, __ATOMIC_RELAXED) - slack;
}

uint64_t kmem_object_bytes(void)
{
	uint64_t bytes = 0;

	spin_lock(&slabs.lock);
	for (uint32_t class = 0; class < CLASS_COUNT; class ++)
		bytes += slabs.used[class] * classes[class].size_bytes;
	spin_unlock(&slabs.lock);
	return bytes;
}

/* ---- invariants: kernel/lib/check.h ---- */

#ifdef SAMEPAGE_DEBUG
/* A list of free objects: as long as it says, and nobody has written to them. */
static void check_free(void *object, uint32_t class, uint64_t count)
{
	for (; count; count--, object = *(void **)object) {
		kassert(object && slab_of(object, class)->class == class);
		for (unsigned i = sizeof(void *); i < classes[class].size_bytes; i++)
			kassert(((uint8_t *)object)[i] == JUNK);
	}
	kassert(!object);
}

static void check_class(uint32_t class, struct check_totals *totals)
{
	uint64_t capacity = slab_capacity(class), used = 0, partial = 0, empty = 0;

	if (!slabs.partial[class].next)
		return;
	list_for_each (node, &slabs.partial[class]) {
		struct slab *slab = container_of(node, struct slab, node);

		ipi_poll();
		kassert(slab->class == class && slab->used < capacity);
		kassert(slab->carved <= capacity && slab->used <= slab->carved);
		check_free(slab->free, class, slab->carved - slab->used);
		totals->free_objects += slab->carved - slab->used;
		used += slab->used;
		empty += !slab->used;
		partial++;
	}
	kassert(slabs.used[class] == used + (slabs.count[class] - partial) * capacity);
	kassert(slabs.empty[class] == empty);
}

void kmem_check(struct check_totals *totals)
{
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		struct kmem_cache *cache = &caches[i];

		spin_lock(&cache->lock);
		for (uint32_t class = 0; class < CLASS_COUNT; class ++) {
			kassert(cache->of[class].count <= classes[class].cache_max);
			check_free(cache->of[class].head, class, cache->of[class].count);
			totals->free_objects += cache->of[class].count;
		}
		spin_unlock(&cache->lock);
	}
	spin_lock(&slabs.lock);
	for (uint32_t class = 0; class < CLASS_COUNT; class ++)
		check_class(class, totals);
	spin_unlock(&slabs.lock);
}

uint64_t kmem_live_count(unsigned class, size_t *size_bytes)
{
	*size_bytes = class < CLASS_COUNT ? classes[class].size_bytes : 0;
	return class < CLASS_COUNT ? __atomic_load_n(&slabs.used[class], __ATOMIC_RELAXED) : 0;
}
#endif

/* ---- injected shortages ---- */

void fail_nth_set(uint32_t n)
{
	thread_current()->fail_nth = n;
}

uint32_t fail_nth_left(void)
{
	return thread_current()->fail_nth;
}
