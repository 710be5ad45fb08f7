// SPDX-License-Identifier: MIT
/*
 * Pages leave for swap and come back.
 *
 *   present ── age ──> old ── fault ──> present
 *   present, old ── evict ──> busy ── written ──> swapped ── fault ──> busy ──> present
 *                              └─ not written: present        └─ not read: poison
 *
 * While an entry is busy its object's mutex is free; whoever needs the page
 * waits on the object, and so does whoever wants to take pages away. The
 * record of a busy entry lives on the stack of the one who does the I/O; it
 * is for debuggers, nobody else reads it.
 *
 * Eviction only tries locks: it runs when memory is short, perhaps under locks.
 */

#include "shm/mapping.h"
#include "abi/errno.h"

#define BATCH_PAGES 64

struct busy_record {
	uint64_t frame;
	uint64_t slot;
} __attribute__((aligned(16)));

static uint64_t entry_any_frame(uint64_t entry)
{
	return shm_entry_is_old(entry) ? shm_entry_old_frame(entry) : shm_entry_frame(entry);
}

int shm_object_page_read(struct shm_object *object, struct shm_leaf *leaf, uint64_t index,
			 struct shm_reserve *reserve)
{
	const struct shm_port *port = shm_port(object->shm);
	uint64_t *entry = shm_leaf_entry(leaf, index);
	struct busy_record record = {.frame = reserve->frame, .slot = shm_entry_swap_slot(*entry)};

	if (!record.frame)
		record.frame = port->frame_alloc(SHM_NOWAIT);
	if (!record.frame)
		return -EAGAIN;
	reserve->frame = 0;
	shm_entry_store(entry, shm_entry_busy(&record));
	object->busy++;
	shm_object_unlock(object);
	int error = port->swap_read(record.slot, record.frame);
	shm_object_lock(object);

	/* Resize and punch wait for idle, so the leaf is still there; growth may have moved it. */
	entry = shm_leaf_entry(shm_object_leaf(object, index), index);
	shm_entry_store(entry, error ? shm_entry_poison() : shm_entry_object_page(record.frame));
	object->swapped--;
	port->swap_free(record.slot);
	if (error) {
		port->frame_free(record.frame);
	} else {
		object->resident++;
		shm_count(&object->shm->counters.pages, 1);
	}
	object->busy--;
	port->wake(object);
	return error ? -EIO : 0;
}

/* Entries of one leaf that are worked on together; none where a page is left alone. */
struct batch {
	struct shm_leaf *leaf;
	uint64_t index;
	unsigned count;
	uint64_t entries[BATCH_PAGES];
};

/* The pages of one leaf from `index` on that are accessed, or all that are in memory. Returns how many. */
static unsigned batch_collect(struct shm_object *object, uint64_t index, uint64_t end, bool all,
			      struct batch *batch)
{
	const struct shm_port *port = shm_port(object->shm);
	uint64_t leaf_end = (index / SHM_ENTRIES_PER_TABLE + 1) * SHM_ENTRIES_PER_TABLE;
	unsigned found = 0;

	if (end > leaf_end)
		end = leaf_end;
	batch->index = index;
	batch->count = (unsigned)(end - index < BATCH_PAGES ? end - index : BATCH_PAGES);
	batch->leaf = shm_object_leaf(object, index);
	if (!batch->leaf)
		return 0;
	for (unsigned i = 0; i < batch->count; i++) {
		uint64_t entry = *shm_leaf_entry(batch->leaf, index + i);
		bool wanted = shm_entry_accessed(entry) ||
			      (all && (shm_entry_is_present(entry) || shm_entry_is_old(entry)));
		/* A pinned page is being read or written through its frame. */
		if (wanted && port->frame_references(entry_any_frame(entry)) > 1)
			wanted = false;
		batch->entries[i] = wanted ? entry : SHM_ENTRY_NONE;
		found += wanted;
	}
	return found;
}

/* Which pages of [first, first + count) exist. Object locked. */
static uint64_t range_end(const struct shm_object *object, uint64_t first, uint64_t count)
{
	if (first >= object->size_pages)
		return first;
	return count < object->size_pages - first ? first + count : object->size_pages;
}

uint64_t shm_object_age(struct shm_object *object, uint64_t first, uint64_t count)
{
	const struct shm_port *port = shm_port(object->shm);
	uint64_t aged = 0;
	struct batch batch;

	if (!port->mutex_try(&object->mutex))
		return 0;
	uint64_t end = range_end(object, first, count);
	for (uint64_t index = first; index < end; index += batch.count) {
		unsigned found = batch_collect(object, index, end, false, &batch);
		if (found == 0)
			continue;
		aged += found;
		for (unsigned i = 0; i < batch.count; i++)
			if (!shm_entry_is_none(batch.entries[i]))
				shm_entry_store(shm_leaf_entry(batch.leaf, index + i),
						shm_entry_old(batch.entries[i]));
		shm_leaf_hide(object, batch.entries, index, batch.count);
	}
	if (aged > 0)
		port->flush_shared();
	shm_object_unlock(object);
	return aged;
}

/* Entries become busy, nobody can reach the pages any more. Object locked. */
static void batch_take(struct shm_object *object, const struct batch *batch,
		       struct busy_record *records)
{
	for (unsigned i = 0; i < batch->count; i++) {
		if (shm_entry_is_none(batch->entries[i]))
			continue;
		records[i].frame = entry_any_frame(batch->entries[i]);
		shm_entry_store(shm_leaf_entry(batch->leaf, batch->index + i),
				shm_entry_busy(&records[i]));
		object->busy++;
	}
	shm_leaf_hide(object, batch->entries, batch->index, batch->count);
	shm_port(object->shm)->flush_shared();
}

/* The I/O is over. Object locked again; growth may have moved the leaf. Returns pages written. */
static uint64_t batch_finish(struct shm_object *object, const struct batch *batch,
			     const struct busy_record *records)
{
	const struct shm_port *port = shm_port(object->shm);
	struct shm_leaf *leaf = shm_object_leaf(object, batch->index);
	uint64_t written = 0;

	for (unsigned i = 0; i < batch->count; i++) {
		if (shm_entry_is_none(batch->entries[i]))
			continue;
		uint64_t *entry = shm_leaf_entry(leaf, batch->index + i);
		object->busy--;
		if (!records[i].slot) {
			shm_entry_store(entry, shm_entry_object_page(records[i].frame));
			continue;
		}
		shm_entry_store(entry, shm_entry_swapped(records[i].slot));
		port->frame_free(records[i].frame);
		object->resident--;
		object->swapped++;
		shm_count(&object->shm->counters.pages, -1);
		written++;
	}
	port->wake(object);
	return written;
}

uint64_t shm_object_evict(struct shm_object *object, uint64_t first, uint64_t count)
{
	const struct shm_port *port = shm_port(object->shm);
	struct busy_record records[BATCH_PAGES] = {0};
	struct batch batch;
	uint64_t written = 0;

	if (!port->swap_write || !port->mutex_try(&object->mutex))
		return 0;
	uint64_t end = range_end(object, first, count);
	for (uint64_t index = first; index < end; index += batch.count) {
		if (batch_collect(object, index, end, true, &batch) == 0)
			continue;
		batch_take(object, &batch, records);
		shm_object_unlock(object);
		for (unsigned i = 0; i < batch.count; i++) {
			records[i].slot = 0;
			if (!shm_entry_is_none(batch.entries[i]) &&
			    port->swap_write(records[i].frame, &records[i].slot))
				records[i].slot = 0;
		}
		shm_object_lock(object);
		written += batch_finish(object, &batch, records);
		end = range_end(object, first, count);
	}
	shm_object_unlock(object);
	return written;
}
