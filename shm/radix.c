// SPDX-License-Identifier: MIT
/*
 * A sparse array of leaves: a tree of 64-way nodes, as high as its largest
 * number needs. An object of up to 2 MiB has no node at all, one of up to
 * 128 MiB has one. Nodes that become empty are freed at once.
 *
 *   height 2:   root ── node ── leaf 0 .. 63
 *                    └─ node ── leaf 64 .. 127
 */

#include "shm/object.h"
#include "abi/errno.h"

static bool number_fits(const struct shm_radix *radix, uint64_t number)
{
	return number >> (radix->height * SHM_RADIX_SHIFT) == 0;
}

static unsigned slot_of(uint64_t number, unsigned level)
{
	return number >> ((level - 1) * SHM_RADIX_SHIFT) & (SHM_RADIX_FANOUT - 1);
}

struct shm_leaf *shm_radix_find(const struct shm_radix *radix, uint64_t number)
{
	void *item = radix->root;

	if (!number_fits(radix, number))
		return NULL;
	for (unsigned level = radix->height; level > 0 && item; level--)
		item = ((struct shm_radix_node *)item)->slots[slot_of(number, level)];
	return item;
}

struct shm_leaf *shm_radix_next(const struct shm_radix *radix, uint64_t *number)
{
	while (radix->root && number_fits(radix, *number)) {
		void *item = radix->root;
		unsigned level = radix->height;

		while (level > 0) {
			struct shm_radix_node *node = item;
			item = node->slots[slot_of(*number, level)];
			if (!item)
				break;
			level--;
		}
		if (item)
			return item;
		/* Skip the whole subtree that is missing. */
		unsigned shift = (level - 1) * SHM_RADIX_SHIFT;
		*number = ((*number >> shift) + 1) << shift;
	}
	return NULL;
}

static struct shm_radix_node *node_make(struct shm *shm, struct shm_reserve *reserve)
{
	struct shm_radix_node *node;

	if (reserve->node_count > 0)
		node = reserve->nodes[--reserve->node_count];
	else
		node = shm_port(shm)->mem_alloc(sizeof(*node), SHM_NOWAIT);
	if (node)
		*node = (struct shm_radix_node){0};
	return node;
}

int shm_radix_insert(struct shm *shm, struct shm_radix *radix, uint64_t number,
		     struct shm_leaf *leaf, struct shm_reserve *reserve)
{
	while (!number_fits(radix, number)) {
		if (radix->root) {
			struct shm_radix_node *node = node_make(shm, reserve);
			if (!node)
				return -EAGAIN;
			node->slots[0] = radix->root;
			node->used = 1;
			radix->root = node;
		}
		radix->height++;
	}

	void **place = &radix->root;
	struct shm_radix_node *parent = NULL;
	for (unsigned level = radix->height; level > 0; level--) {
		if (!*place) {
			struct shm_radix_node *node = node_make(shm, reserve);
			if (!node)
				return -EAGAIN; /* shm_radix_remove of the number prunes the chain */
			*place = node;
			if (parent)
				parent->used++;
		}
		parent = *place;
		place = &parent->slots[slot_of(number, level)];
	}
	*place = leaf;
	if (parent)
		parent->used++;
	return 0;
}

void shm_radix_remove(struct shm *shm, struct shm_radix *radix, uint64_t number)
{
	void **path[SHM_RADIX_HEIGHT_MAX + 1];
	unsigned depth = 0;

	if (!number_fits(radix, number))
		return;
	path[0] = &radix->root;
	for (unsigned level = radix->height; level > 0 && *path[depth]; level--) {
		struct shm_radix_node *node = *path[depth];
		path[++depth] = &node->slots[slot_of(number, level)];
	}
	/* A chain that an insert left without its leaf ends early: it is pruned alike. */
	bool counted = *path[depth] != NULL;
	*path[depth] = NULL;
	while (depth > 0) {
		struct shm_radix_node *node = *path[--depth];
		if (counted)
			node->used--;
		if (node->used > 0)
			return;
		*path[depth] = NULL;
		shm_port(shm)->mem_free(node, sizeof(*node));
		counted = true;
	}
	radix->height = 0;
}
