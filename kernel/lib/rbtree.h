/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_RBTREE_H
#define KERNEL_LIB_RBTREE_H

/* A red-black tree, intrusive, with a hook that keeps a summary of each subtree. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/lib/list.h"

struct rb_node {
	uintptr_t parent_color;
	struct rb_node *left, *right;
};

struct rb_root {
	struct rb_node *node;
	/*
	 * Something in the node's subtree changed: recompute its summary, or mark it stale.
	 * Did that change anything for the nodes above? A rotation must not. NULL: none is kept.
	 */
	bool (*update)(struct rb_node *node);
};

/* Put the node at *link, a child pointer of parent (NULL: the root), then rebalance. */
void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link);
/*
 * Put `node`, with no children yet, into a copy of the tree where `from` is in
 * the original: from its colour nothing needs to be balanced.
 */
void rb_clone(struct rb_node *node, const struct rb_node *from, struct rb_node *parent,
	      struct rb_node **link);
void rb_remove(struct rb_root *root, struct rb_node *node);
/* The node's own data changed: recompute summaries upwards, as far as they change. */
void rb_update(struct rb_root *root, struct rb_node *node);
struct rb_node *rb_next(const struct rb_node *node);

#endif
