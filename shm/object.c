// SPDX-License-Identifier: MIT
/*
 * Objects: pages without addresses.
 *
 * Life: created with one reference; each mapping, segment and open file holds
 * one; the last put frees pages, leaves and the object. A page is made by the
 * first fault, populate or pin that needs it, and goes by punch (resize.c),
 * shrink or the object's end.
 *
 * Locks: the object's mutex guards its entries, leaves, size and list of
 * mappings. Frames and leaves are taken without waiting under it; when there
 * are none, it is released, a reserve is filled, and the work begins again.
 */

#include "shm/object.h"
#include "shm/segment.h"
#include "abi/errno.h"

void shm_init(struct shm *shm, const struct shm_port *port, bool link, bool trace)
{
	*shm = (struct shm){
		.port = port,
		.link = link && (port->capabilities & SHM_CAN_LINK),
		.trace = trace && port->trace,
		.next_serial = 1,
	};
}

/* What the host's overcommit accounting is charged: pages and the tables for them. */
uint64_t shm_object_charge_pages(uint64_t size_pages)
{
	if (size_pages <= SHM_INLINE_PAGES)
		return size_pages;
	return size_pages + (size_pages + SHM_ENTRIES_PER_TABLE - 1) / SHM_ENTRIES_PER_TABLE +
	       shm_middle_count(size_pages);
}

static void inline_leaf_init(struct shm_object *object)
{
	object->small = true;
	object->alignment_bytes = SHM_PAGE_BYTES;
	object->inlined.leaf = (struct shm_leaf){.entries = object->inlined.entries};
	for (unsigned i = 0; i < SHM_INLINE_PAGES; i++)
		object->inlined.entries[i] = SHM_ENTRY_NONE;
}

void shm_object_outgrow(struct shm_object *object)
{
	object->small = false;
	object->leaves = object->middles = (struct shm_radix){0};
	shm_object_set_size(object, object->size_pages);
}

void shm_object_set_size(struct shm_object *object, uint64_t size_pages)
{
	struct shm *shm = object->shm;
	uint64_t alignment_bytes = SHM_PAGE_BYTES;

	if ((shm->link || object->flags & SHM_OBJECT_HUGE) && !object->small) {
		bool upper = shm_port(shm)->capabilities & SHM_CAN_LINK_UPPER;
		uint64_t large = object->flags & SHM_OBJECT_HUGE
					 ? object->flags & SHM_OBJECT_HUGE_MIDDLE
					 : shm_middle_count(size_pages);
		alignment_bytes = upper && large ? SHM_MIDDLE_BYTES : SHM_SPAN_BYTES;
	}
	__atomic_store_n(&object->size_pages, size_pages, __ATOMIC_RELAXED);
	__atomic_store_n(&object->alignment_bytes, alignment_bytes, __ATOMIC_RELAXED);
}

/* The page size that an object's flags name. */
static uint64_t page_bytes_of(unsigned flags)
{
	if (flags & SHM_OBJECT_HUGE)
		return flags & SHM_OBJECT_HUGE_MIDDLE ? SHM_MIDDLE_BYTES : SHM_SPAN_BYTES;
	return SHM_PAGE_BYTES;
}

static uint64_t huge_round(uint64_t size_pages, unsigned flags)
{
	uint64_t pages = page_bytes_of(flags) >> SHM_PAGE_SHIFT;

	return (size_pages + pages - 1) & ~(pages - 1);
}

int shm_object_create(struct shm *shm, uint64_t size_pages, unsigned flags,
		      struct shm_object **created)
{
	const struct shm_port *port = shm_port(shm);

	if (flags & SHM_OBJECT_HUGE)
		size_pages = huge_round(size_pages, flags);
	else if (size_pages > SHM_OBJECT_PAGES_MAX)
		return -EFBIG;
	if (!(flags & SHM_OBJECT_NORESERVE)) {
		int error = port->reserve(shm_object_charge_pages(size_pages));
		if (error)
			return error;
	}
	struct shm_object *object = port->mem_alloc(sizeof(*object), 0);
	if (!object) {
		if (!(flags & SHM_OBJECT_NORESERVE))
			port->unreserve(shm_object_charge_pages(size_pages));
		return -ENOMEM;
	}

	object->shm = shm;
	object->serial = __atomic_fetch_add(&shm->next_serial, 1, __ATOMIC_RELAXED);
	object->quota = NULL;
	object->segment = NULL;
	object->references = 1;
	object->mutex = (struct shm_mutex){0};
	object->size_pages = size_pages;
	object->resident = 0;
	object->swapped = 0;
	object->mappings = NULL;
	object->busy = 0;
	object->flags = (uint8_t)flags;
	if (size_pages <= SHM_INLINE_PAGES)
		inline_leaf_init(object);
	else
		shm_object_outgrow(object);
	shm_count(&shm->counters.objects, 1);
	*created = object;
	return 0;
}

void shm_object_get(struct shm_object *object)
{
	__atomic_fetch_add(&object->references, 1, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) void object_destroy(struct shm_object *object)
{
	struct shm *shm = object->shm;

	shm_assert(shm, !object->mappings && !object->busy);
	if (object->small) {
		if (object->inlined.leaf.used > 0)
			shm_leaf_empty(object, &object->inlined.leaf, 0, SHM_INLINE_PAGES);
	} else {
		struct shm_leaf *leaf;
		uint64_t number = 0;
		while ((leaf = shm_radix_next(&object->leaves, &number))) {
			shm_leaf_empty(object, leaf, 0, SHM_ENTRIES_PER_TABLE);
			shm_radix_remove(shm, &object->leaves, number);
			shm_leaf_destroy(shm, leaf);
			shm_port(shm)->interrupt_point();
			number++;
		}
		shm_middles_free(object, 0);
	}
	shm_assert(shm, !object->resident && !object->swapped);
	if (!(object->flags & SHM_OBJECT_NORESERVE))
		shm_port(shm)->unreserve(shm_object_charge_pages(object->size_pages));
	shm_count(&shm->counters.objects, -1);
	shm_port(shm)->mem_free(object, sizeof(*object));
}

void shm_object_put(struct shm_object *object)
{
	/* Release: our writes come before the end; acquire: the end sees everybody's. */
	if (__atomic_fetch_sub(&object->references, 1, __ATOMIC_ACQ_REL) == 1)
		object_destroy(object);
}

void shm_object_set_quota(struct shm_object *object, struct shm_quota *quota)
{
	object->quota = quota;
}

uint64_t shm_object_serial(const struct shm_object *object)
{
	return object->serial;
}

uint64_t shm_object_size_pages(const struct shm_object *object)
{
	return __atomic_load_n(&object->size_pages, __ATOMIC_RELAXED);
}

uint64_t shm_object_page_bytes(const struct shm_object *object)
{
	return page_bytes_of(object->flags);
}

uint64_t shm_object_resident_pages(const struct shm_object *object)
{
	return __atomic_load_n(&object->resident, __ATOMIC_RELAXED);
}

uint64_t shm_object_swapped_pages(const struct shm_object *object)
{
	return __atomic_load_n(&object->swapped, __ATOMIC_RELAXED);
}

uint64_t shm_object_alignment_bytes(const struct shm_object *object)
{
	return __atomic_load_n(&object->alignment_bytes, __ATOMIC_RELAXED);
}

void shm_object_set_segment(struct shm_object *object, struct shm_segment *segment)
{
	object->segment = segment;
}

struct shm_segment *shm_object_segment(const struct shm_object *object)
{
	return object->segment;
}

/* ---- leaves ---- */

struct shm_leaf *shm_leaf_create(struct shm *shm, unsigned flags)
{
	const struct shm_port *port = shm_port(shm);
	struct shm_leaf *leaf = port->mem_alloc(sizeof(*leaf), flags);

	if (!leaf)
		return NULL;
	uint64_t table = port->table_alloc(flags);
	if (!table) {
		port->mem_free(leaf, sizeof(*leaf));
		return NULL;
	}
	*leaf = (struct shm_leaf){.entries = port->table_data(table), .table = table};
	shm_count(&shm->counters.leaves, 1);
	return leaf;
}

void shm_leaf_destroy(struct shm *shm, struct shm_leaf *leaf)
{
	shm_assert(shm, !leaf->links && !leaf->used);
	shm_port(shm)->table_free(leaf->table);
	shm_port(shm)->mem_free(leaf, sizeof(*leaf));
	shm_count(&shm->counters.leaves, -1);
}

int shm_object_leaf_add(struct shm_object *object, uint64_t index, struct shm_reserve *reserve,
			struct shm_leaf **added)
{
	struct shm *shm = object->shm;
	uint64_t number = index / SHM_ENTRIES_PER_TABLE;

	if (object->flags & SHM_OBJECT_HUGE)
		return -ENOSPC; /* there are no such pages */

	struct shm_leaf *leaf = reserve->leaf;
	reserve->leaf = NULL;
	if (!leaf)
		leaf = shm_leaf_create(shm, SHM_NOWAIT);
	if (!leaf)
		return -EAGAIN;
	int error = shm_radix_insert(shm, &object->leaves, number, leaf, reserve);
	if (error) {
		shm_radix_remove(shm, &object->leaves, number);
		reserve->leaf = leaf;
		return error;
	}
	if (object->middles.root)
		shm_middle_enter(object, number, leaf);
	*added = leaf;
	return 0;
}

/* ---- the reserve ---- */

int shm_reserve_fill(struct shm *shm, struct shm_reserve *reserve)
{
	const struct shm_port *port = shm_port(shm);

	if (!reserve->frame)
		reserve->frame = port->frame_alloc(0);
	if (!reserve->leaf)
		reserve->leaf = shm_leaf_create(shm, 0);
	while (reserve->node_count < SHM_RADIX_HEIGHT_MAX) {
		struct shm_radix_node *node = port->mem_alloc(sizeof(*node), 0);
		if (!node)
			break;
		reserve->nodes[reserve->node_count++] = node;
	}
	if (reserve->frame && reserve->leaf && reserve->node_count == SHM_RADIX_HEIGHT_MAX)
		return 0;
	return -ENOMEM;
}

void shm_reserve_drop(struct shm *shm, struct shm_reserve *reserve)
{
	if (reserve->frame)
		shm_port(shm)->frame_free(reserve->frame);
	if (reserve->leaf)
		shm_leaf_destroy(shm, reserve->leaf);
	while (reserve->node_count > 0)
		shm_port(shm)->mem_free(reserve->nodes[--reserve->node_count],
					sizeof(struct shm_radix_node));
	*reserve = (struct shm_reserve){0};
}

/* ---- pages ---- */

#define FREE_BATCH 64

void shm_leaf_empty(struct shm_object *object, struct shm_leaf *leaf, unsigned first,
		    unsigned count)
{
	const struct shm_port *port = shm_port(object->shm);
	uint64_t frames[FREE_BATCH], freed = 0, used = leaf->used;
	unsigned batch = 0;

	for (unsigned i = first; i < first + count && leaf->used > 0; i++) {
		uint64_t entry = leaf->entries[i];
		if (shm_entry_is_none(entry))
			continue;
		shm_entry_store(&leaf->entries[i], SHM_ENTRY_NONE);
		leaf->used--;
		if (shm_entry_is_present(entry)) {
			frames[batch++] = shm_entry_frame(entry);
		} else if (shm_entry_is_old(entry)) {
			frames[batch++] = shm_entry_old_frame(entry);
		} else if (shm_entry_is_swapped(entry)) {
			port->swap_free(shm_entry_swap_slot(entry));
			object->swapped--;
		}
		if (batch == FREE_BATCH) {
			port->frames_free(frames, batch);
			freed += batch;
			batch = 0;
		}
	}
	if (batch > 0)
		port->frames_free(frames, batch);
	freed += batch;
	object->resident -= freed;
	if (object->quota)
		shm_count(&object->quota->used_pages, (int64_t)(leaf->used - used));
	shm_count(&object->shm->counters.pages, -(int64_t)freed);
}

void shm_object_wait_idle(struct shm_object *object)
{
	while (object->busy > 0)
		shm_port(object->shm)->wait(object, &object->mutex);
}
