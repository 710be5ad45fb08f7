// SPDX-License-Identifier: MIT
/*
 * Red-black trees. Colours: every path from a node down has the same number of
 * black nodes, and a red node has black children; so no path is longer than
 * twice another. The colour is the low bit of the parent pointer.
 *
 * Summaries: after any change below a node, `update` recomputes the node's
 * summary from itself and its children. The path up is recomputed once, before
 * balancing, as far as summaries change; a rotation then recomputes the two
 * nodes that it turns, and no more: what lies below them stays the same.
 */

#include "kernel/lib/rbtree.h"

#define RED 1ul

static struct rb_node *parent_of(const struct rb_node *node)
{
	return (struct rb_node *)(node->parent_color & ~RED);
}

static bool is_red(const struct rb_node *node)
{
	return node && (node->parent_color & RED);
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
	node->parent_color = (uintptr_t)parent | (node->parent_color & RED);
}

static void set_red(struct rb_node *node, bool red)
{
	node->parent_color = (node->parent_color & ~RED) | (red ? RED : 0);
}

/* The pointer of the parent, or of the root, that leads to the node. */
static struct rb_node **link_to(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *parent = parent_of(node);

	if (!parent)
		return &root->node;
	return parent->left == node ? &parent->left : &parent->right;
}

void rb_update(struct rb_root *root, struct rb_node *node)
{
	if (!root->update)
		return;
	while (node && root->update(node))
		node = parent_of(node);
}

/* The child on one side takes the node's place; the node becomes its child on the other. */
static void rotate(struct rb_root *root, struct rb_node *node, bool to_left)
{
	struct rb_node *child = to_left ? node->right : node->left;
	struct rb_node *moved = to_left ? child->left : child->right;

	*link_to(root, node) = child;
	set_parent(child, parent_of(node));
	if (to_left) {
		node->right = moved;
		child->left = node;
	} else {
		node->left = moved;
		child->right = node;
	}
	if (moved)
		set_parent(moved, node);
	set_parent(node, child);
	if (root->update) {
		root->update(node);
		root->update(child);
	}
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link)
{
	node->left = node->right = NULL;
	node->parent_color = (uintptr_t)parent | RED;
	*link = node;
	if (root->update) {
		root->update(node); /* what it held before says nothing */
		rb_update(root, parent);
	}

	while (is_red(parent_of(node))) {
		struct rb_node *above = parent_of(node), *grand = parent_of(above);
		bool left = grand->left == above;
		struct rb_node *uncle = left ? grand->right : grand->left;

		if (is_red(uncle)) {
			set_red(above, false);
			set_red(uncle, false);
			set_red(grand, true);
			node = grand;
			continue;
		}
		if (node == (left ? above->right : above->left)) {
			rotate(root, above, left);
			above = node;
		}
		set_red(above, false);
		set_red(grand, true);
		rotate(root, grand, !left);
		break;
	}
	set_red(root->node, false);
}

void rb_clone(struct rb_node *node, const struct rb_node *from, struct rb_node *parent,
	      struct rb_node **link)
{
	node->left = node->right = NULL;
	node->parent_color = (uintptr_t)parent | (from->parent_color & RED);
	*link = node;
}

/* The paths through `node` (may be NULL), a child of `parent`, lack one black node. */
static void remove_fix(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
	while (parent && !is_red(node)) {
		bool left = parent->left == node;
		struct rb_node *sibling = left ? parent->right : parent->left;

		if (is_red(sibling)) {
			set_red(sibling, false);
			set_red(parent, true);
			rotate(root, parent, left);
			sibling = left ? parent->right : parent->left;
		}
		struct rb_node *near = left ? sibling->left : sibling->right;
		struct rb_node *far = left ? sibling->right : sibling->left;
		if (!is_red(near) && !is_red(far)) {
			set_red(sibling, true);
			node = parent;
			parent = parent_of(node);
			continue;
		}
		if (!is_red(far)) {
			set_red(near, false);
			set_red(sibling, true);
			rotate(root, sibling, !left);
			far = sibling;
			sibling = near;
		}
		set_red(sibling, is_red(parent));
		set_red(parent, false);
		set_red(far, false);
		rotate(root, parent, left);
		return;
	}
	if (node)
		set_red(node, false);
}

void rb_remove(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *child, *parent, *moved = NULL;
	bool removed_red;

	if (node->left && node->right) {
		/* The next node in order takes the place, colour and children of this one. */
		struct rb_node *next = node->right;
		while (next->left)
			next = next->left;
		child = next->right;
		removed_red = is_red(next);
		parent = parent_of(next);
		if (parent == node) {
			parent = next;
		} else {
			parent->left = child;
			if (child)
				set_parent(child, parent);
			next->right = node->right;
			set_parent(next->right, next);
		}
		moved = next;
		*link_to(root, node) = next;
		next->parent_color = node->parent_color;
		next->left = node->left;
		set_parent(next->left, next);
	} else {
		child = node->left ? node->left : node->right;
		parent = parent_of(node);
		removed_red = is_red(node);
		*link_to(root, node) = child;
		if (child)
			set_parent(child, parent);
	}
	/* Summaries first: rotations rely on those of the children. Up to a node that moved, all are stale. */
	if (root->update) {
		struct rb_node *at = parent;
		for (; moved && at != moved; at = parent_of(at))
			root->update(at);
		if (moved) {
			root->update(moved);
			at = parent_of(moved);
		}
		rb_update(root, at);
	}
	if (!removed_red)
		remove_fix(root, child, parent);
}

struct rb_node *rb_next(const struct rb_node *node)
{
	if (node->right) {
		node = node->right;
		while (node->left)
			node = node->left;
		return (struct rb_node *)node;
	}
	struct rb_node *parent = parent_of(node);
	while (parent && parent->right == node) {
		node = parent;
		parent = parent_of(node);
	}
	return parent;
}
