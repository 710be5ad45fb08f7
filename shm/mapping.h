/* SPDX-License-Identifier: MIT */
#ifndef SHM_MAPPING_H
#define SHM_MAPPING_H

/*
 * One object in one space at one base address, shared or private, however
 * many pieces it was cut into. On two lists: the object's, so that a page can
 * be cleared wherever it shows, and the space's.
 *
 * Fields: [I] immutable, [o] object's mutex, [s] space lock exclusive.
 */

#include "shm/object.h"

struct shm_mapping {
	struct shm_object *object;     /* [I] one reference */
	struct shm_space *space;       /* [I] */
	uint64_t base;                 /* [I] where page 0 would show, modulo 2^64 */
	bool private;                  /* [I] */
	bool touched;                  /* [o] a link or a page was entered since it was made */
	uint64_t pieces;               /* [s] */
	uint64_t fork_serial;          /* [s] the child that is being made of this space, */
	struct shm_mapping *fork_copy; /* [s] and this mapping in it */
	uint64_t first, end;           /* [o] page indices that may show: grows only */
	struct shm_mapping *object_next, **object_link; /* [o] */
	struct shm_mapping *space_next, **space_link;   /* [s] */
};

/* What a slot of a level covers. */
static inline uint64_t shm_level_bytes(unsigned level)
{
	return SHM_PAGE_BYTES << (9 * level);
}

/* The port's operations on a slot of a level. */
static inline uint64_t shm_slot_get(struct shm_space *space, uint64_t address, unsigned level)
{
	const struct shm_port *port = shm_port(space->shm);

	return level == SHM_LEVEL_SPAN ? port->slot_get(space, address)
				       : port->upper_get(space, address);
}
static inline bool shm_slot_exchange(struct shm_space *space, uint64_t address, unsigned level,
				     uint64_t expected, uint64_t desired)
{
	const struct shm_port *port = shm_port(space->shm);

	return level == SHM_LEVEL_SPAN ? port->slot_exchange(space, address, expected, desired)
				       : port->upper_exchange(space, address, expected, desired);
}

/* Addresses that will have to be flushed. */
struct shm_range {
	uint64_t start, end;
};

/* ---- link.c: slots between none and link. Object locked. None of these flushes. ---- */

/* May the span around `address`, which piece shows through leaf, be a link? Space locked. */
bool shm_span_linkable(struct shm_space *space, const struct shm_piece *piece,
		       const struct shm_leaf *leaf, uint64_t address);
/* The same for the middle table over the GiB around `address`. */
bool shm_middle_linkable(struct shm_space *space, const struct shm_piece *piece, uint64_t address);
/* The slot is none: it becomes a link to a table of the object's. False: no own tables lead to it. */
bool shm_slot_link(const struct shm_piece *piece, struct shm_leaf *table, uint64_t address,
		   unsigned level);
/*
 * The slot at `found` of a space, one that the mapping shows, holds `entry`: if that is a link,
 * drop it, and widen the range by what it covered: true.
 */
bool shm_slot_unlink(const struct shm_mapping *mapping, uint64_t entry, uint64_t found,
		     unsigned level, struct shm_range *range);
/* Drop every link to a table of the object's, which is number `number` of its level. */
void shm_leaf_unlink(struct shm_object *object, struct shm_leaf *leaf, uint64_t number,
		     unsigned level);
/* Clear every copy in own leaves of the present or old pages [index, index + count) of a leaf. */
void shm_leaf_hide(struct shm_object *object, const uint64_t *entries, uint64_t index,
		   unsigned count);

static inline uint64_t shm_mapping_address(const struct shm_mapping *mapping, uint64_t index)
{
	return mapping->base + (index << SHM_PAGE_SHIFT);
}

/* Is there a link on the way to an address that the mapping shows? */
static inline bool shm_address_linked(const struct shm_mapping *mapping, uint64_t address)
{
	struct shm_space *space = mapping->space;

	if (shm_entry_is_link(shm_slot_get(space, address, SHM_LEVEL_SPAN)))
		return true;
	return shm_object_is_large(mapping->object) &&
	       shm_entry_is_link(shm_slot_get(space, address, SHM_LEVEL_MIDDLE));
}

#endif
