// SPDX-License-Identifier: MIT
/*
 * What one process holds: a table of segments of its own making. A held
 * segment lives even with no attachment; removing it unmaps it here and drops
 * the hold, and the segment goes with its last user anywhere. The space lock
 * guards the table. fork(2) does not copy it; attachments are inherited as usual.
 */

#include "abi/errno.h"
#include "shm/hash.h"
#include "shm/namespace.h"
#include "shm/segment_trace.h"

struct shm_table {
	struct shm_hash held; /* of table_entry, by the segment's address */
};

struct table_entry {
	struct shm_hash_node node; /* first */
	struct shm_segment *segment;
};

static void table_lock(struct shm_space *space)
{
	shm_port(space->shm)->space_lock(space, true);
}

static void table_unlock(struct shm_space *space)
{
	shm_port(space->shm)->space_unlock(space, true);
}

static uint32_t hash_of(const struct shm_segment *segment)
{
	return shm_hash_mix((uint32_t)((uintptr_t)segment >> 4));
}

/* By address only: the segment may not exist. => space locked by caller */
static struct table_entry *find(struct shm_space *space, const struct shm_segment *segment)
{
	struct shm_hash_node *node;

	if (!space->table)
		return NULL;
	node = shm_hash_first(&space->table->held, hash_of(segment));
	for (; node; node = shm_hash_next(node)) {
		struct table_entry *entry = (struct table_entry *)node;
		if (entry->segment == segment)
			return entry;
	}
	return NULL;
}

/* => space locked by caller */
static int table_obtain(struct shm_space *space)
{
	const struct shm_port *port = shm_port(space->shm);

	if (space->table)
		return 0;
	space->table = port->mem_alloc(sizeof(*space->table), 0);
	if (!space->table)
		return -ENOMEM;
	shm_hash_init(&space->table->held, port);
	return 0;
}

/* The hold of a new segment moves into the table. => space locked by caller */
static int table_add(struct shm_space *space, struct shm_segment *segment)
{
	const struct shm_port *port = shm_port(space->shm);
	struct table_entry *entry;

	if (table_obtain(space))
		return -ENOMEM;
	entry = port->mem_alloc(sizeof(*entry), 0);
	if (!entry)
		return -ENOMEM;
	if (shm_hash_prepare(&space->table->held, hash_of(segment))) {
		port->mem_free(entry, sizeof(*entry));
		return -ENOMEM;
	}
	entry->segment = segment;
	shm_hash_insert(&space->table->held, &entry->node, hash_of(segment));
	return 0;
}

int shm_table_create(struct shm_namespace *ns, const struct shm_caller *caller, uint64_t pages,
		     struct shm_segment **created)
{
	const struct shm_segment_request request = {
		.key = IPC_PRIVATE,
		.size_bytes = pages << SHM_PAGE_SHIFT,
		.mode = 0600,
		.transient = true,
	};
	struct shm_segment *segment;
	int err;

	if (!pages || pages > UINT64_MAX >> SHM_PAGE_SHIFT)
		return -EINVAL;
	shm_namespace_lock(ns);
	if (request.size_bytes > ns->limits.shmmax_bytes)
		err = -EINVAL;
	else if (ns->total_pages + pages > ns->limits.shmall_pages)
		err = -ENOSPC;
	else
		err = shm_segment_create(ns, caller, &request, &segment);
	shm_namespace_unlock(ns);
	if (err)
		return err;

	table_lock(caller->space);
	err = table_add(caller->space, segment);
	table_unlock(caller->space);
	if (err)
		shm_segment_unhold(segment);
	else
		*created = segment;
	return err;
}

int shm_table_attach(struct shm_namespace *ns, const struct shm_caller *caller,
		     struct shm_segment *segment, uint64_t *address)
{
	struct shm_space *space = caller->space;
	struct shm_area_request request = {
		.address = *address,
		.protection = SHM_READ | SHM_WRITE,
		.protection_max = SHM_READ | SHM_WRITE | SHM_EXEC,
		.flags = *address ? SHM_AREA_FIXED : 0,
	};
	int err = -EINVAL;

	(void)ns; /* the segment knows its own */
	if (*address & (SHM_PAGE_BYTES - 1))
		return -EINVAL;
	table_lock(space);
	if (find(space, segment)) {
		request.object = segment->object;
		request.size_bytes = shm_object_size_pages(segment->object) << SHM_PAGE_SHIFT;
		request.alignment_bytes = shm_object_alignment_bytes(segment->object);
		err = shm_port(space->shm)->area_map(space, &request, address);
	}
	table_unlock(space);
	return err;
}

/* Unmap every piece of the segment in the space. => space locked by caller */
static void unmap_all(struct shm_space *space, const struct shm_segment *segment)
{
	const struct shm_port *port = shm_port(space->shm);
	uint64_t start, end, at = 0;
	struct shm_piece *piece;

	while (port->area_next(space, at, &start, &end, &piece)) {
		if (piece && piece->flags & SHM_PIECE_SEGMENT &&
		    shm_object_segment(shm_piece_object(piece)) == segment)
			port->area_unmap(space, piece);
		at = end;
	}
}

bool shm_table_remove(const struct shm_caller *caller, struct shm_segment *segment)
{
	struct shm_space *space = caller->space;
	struct table_entry *entry;

	table_lock(space);
	entry = find(space, segment);
	if (entry) {
		unmap_all(space, segment);
		shm_hash_remove(&space->table->held, &entry->node);
	}
	table_unlock(space);
	if (!entry)
		return false;
	shm_port(space->shm)->mem_free(entry, sizeof(*entry));
	shm_segment_unhold(segment);
	return true;
}

struct shm_segment *shm_table_find(struct shm_space *space, int32_t shmid)
{
	struct shm_segment *found = NULL;
	struct shm_hash_node *node;

	table_lock(space);
	node = space->table ? shm_hash_walk(&space->table->held, NULL) : NULL;
	for (; node && !found; node = shm_hash_walk(&space->table->held, node)) {
		struct shm_segment *segment = ((struct table_entry *)node)->segment;
		if (segment->entry.id == shmid)
			found = segment;
	}
	table_unlock(space);
	return found;
}

size_t shm_table_list(struct shm_space *space, struct shm_table_line *lines, size_t count)
{
	struct shm_hash_node *node;
	size_t length = 0;

	table_lock(space);
	node = space->table ? shm_hash_walk(&space->table->held, NULL) : NULL;
	for (; node && length < count; node = shm_hash_walk(&space->table->held, node)) {
		const struct shm_segment *segment = ((struct table_entry *)node)->segment;
		lines[length++] = (struct shm_table_line){segment->entry.id, segment->size_bytes};
	}
	table_unlock(space);
	return length;
}

size_t shm_table_len(struct shm_space *space)
{
	return space->table ? space->table->held.node_count : 0;
}

bool shm_table_is_empty(struct shm_space *space)
{
	return shm_table_len(space) == 0;
}

void shm_table_release(struct shm_space *space)
{
	struct shm_table *table = space->table;
	struct shm_hash_node *node;

	if (!table)
		return;
	while ((node = shm_hash_pop(&table->held))) {
		struct table_entry *entry = (struct table_entry *)node;
		shm_segment_unhold(entry->segment);
		shm_port(space->shm)->mem_free(entry, sizeof(*entry));
	}
	shm_port(space->shm)->mem_free(table, sizeof(*table));
	space->table = NULL;
}
