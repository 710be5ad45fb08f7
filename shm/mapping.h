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

/* ---- link.c: slots between none and link. Object locked. None of these flushes. ---- */

/* May the span around `address`, which piece shows through leaf, be a link? Space locked. */
bool shm_span_linkable(struct shm_space *space, const struct shm_piece *piece,
		       const struct shm_leaf *leaf, uint64_t address);
/* Drop the link at the slot around an address that the mapping shows, if it is one: true. */
bool shm_slot_unlink(const struct shm_mapping *mapping, uint64_t address);
/* Drop every link to leaf `number`. */
void shm_leaf_unlink(struct shm_object *object, struct shm_leaf *leaf, uint64_t number);
/* Clear every copy in own leaves of the present or old pages [index, index + count) of a leaf. */
void shm_leaf_hide(struct shm_object *object, const uint64_t *entries, uint64_t index,
		   unsigned count);

static inline uint64_t shm_mapping_address(const struct shm_mapping *mapping, uint64_t index)
{
	return mapping->base + (index << SHM_PAGE_SHIFT);
}

#endif
