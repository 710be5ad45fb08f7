// SPDX-License-Identifier: MIT
/* What a kernel does around shm: a space begins and ends, and a program's access faults. */

#include "shm/port/example/host.h"

bool host_space_init(struct host_space *space, struct shm *shm)
{
	*space = (struct host_space){.root = host_port.table_alloc(0)};
	shm_space_init(&space->shm, shm);
	return space->root != 0;
}

/* Leaves of the space's own are empty by now, and no slot is a link: shm_piece_unmap saw to it. */
static void tables_free(uint64_t table, unsigned levels)
{
	uint64_t *entries = host_port.table_data(table);

	for (unsigned i = 0; levels > 0 && i < SHM_ENTRIES_PER_TABLE; i++) {
		if (shm_entry_is_none(entries[i]))
			continue;
		if (shm_entry_is_link(entries[i]))
			host_port.fatal(__FILE__, __LINE__,
					"a link is left, which is not ours to free");
		tables_free(shm_entry_frame(entries[i]), levels - 1);
	}
	host_port.table_free(table);
}

void host_space_end(struct host_space *space)
{
	while (space->area_count > 0)
		host_port.area_unmap(&space->shm, &space->areas[0]->piece);
	shm_space_release(&space->shm);
	tables_free(space->root, 2);
}

/* What the MMU does: the byte's place in memory, or NULL for a page fault. */
static unsigned char *walk(struct host_space *space, uint64_t address, unsigned access)
{
	uint64_t slot = host_port.slot_get(&space->shm, address);

	if (shm_entry_is_none(slot))
		return NULL;
	if (shm_entry_is_link(slot) && !(shm_entry_link_protection(slot) & access))
		return NULL;
	uint64_t entry = host_port.table_data(
		shm_entry_frame(slot))[address >> SHM_PAGE_SHIFT & (SHM_ENTRIES_PER_TABLE - 1)];
	if (!shm_entry_accessed(entry) || !(shm_entry_protection(entry) & access))
		return NULL;
	unsigned char *page = host_port.frame_data(shm_entry_frame(entry));
	return page + address % SHM_PAGE_BYTES;
}

/* The page-fault handler: true to try again, false for a signal. */
static bool fault(struct host_space *space, uint64_t address, unsigned access)
{
	uint64_t start, end;
	struct shm_piece *piece;

	host_counts.faults++;
	if (!host_port.area_next(&space->shm, address, &start, &end, &piece) || address < start)
		return false; /* nothing is mapped: SIGSEGV */
	switch (shm_fault(&space->shm, piece, address, access)) {
	case SHM_FAULT_DONE:
		return true;
	case SHM_FAULT_DENIED: /* SIGSEGV */
	case SHM_FAULT_BUS:    /* SIGBUS */
	case SHM_FAULT_MEMORY: /* no memory */
	case SHM_FAULT_COPY:   /* for private mappings, which this host does not make */
		break;
	}
	return false;
}

unsigned char *host_access(struct host_space *space, uint64_t address, unsigned access)
{
	unsigned char *byte;

	while (!(byte = walk(space, address, access)))
		if (!fault(space, address, access))
			return NULL;
	return byte;
}
