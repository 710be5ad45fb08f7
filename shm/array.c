// SPDX-License-Identifier: MIT
/*
 * The sparse array behind ids and hash buckets. Nodes without elements are
 * freed, except the first leaf, which lives in the array itself: so a small
 * table allocates nothing, and every node's leftmost child always exists when
 * the node is on the left edge. An empty leaf stays while it is the near one,
 * so that what comes and goes in a place of its own does not make a node each time.
 */

#include "shm/array.h"

#include "abi/errno.h"

#define SLOT_BITS  6
#define SLOT_COUNT 64u
#define HEIGHT_MAX 4

static unsigned slot_of(uint32_t i, unsigned level)
{
	return (i >> (level * SLOT_BITS)) & (SLOT_COUNT - 1);
}

/* How many elements a tree of this height has room for. */
static uint64_t capacity(unsigned height)
{
	return 1ull << (height * SLOT_BITS);
}

static void mark(uint64_t *set, unsigned slot, bool on)
{
	if (on)
		*set |= 1ull << slot;
	else
		*set &= ~(1ull << slot);
}

void shm_array_init(struct shm_array *array, const struct shm_port *port)
{
	array->port = port;
	array->root = &array->first;
	array->height = 1;
	array->count = 0;
	array->near_number = 0;
	array->near = &array->first;
	__builtin_memset(&array->first, 0, sizeof(array->first));
}

/* NULL: it does not exist. */
static struct shm_array_node *leaf_of(const struct shm_array *array, uint32_t i)
{
	struct shm_array_node *node = array->root;
	unsigned shift = (array->height - 1) * SLOT_BITS;

	if (i >> shift >= SLOT_COUNT)
		return NULL;
	for (; shift > 0 && node; shift -= SLOT_BITS)
		node = node->slots[i >> shift & (SLOT_COUNT - 1)];
	return node;
}

void *shm_array_get_far(const struct shm_array *array, uint32_t i)
{
	const struct shm_array_node *leaf = leaf_of(array, i);

	return leaf ? leaf->slots[slot_of(i, 0)] : NULL;
}

static struct shm_array_node *node_create(struct shm_array *array)
{
	struct shm_array_node *node = array->port->mem_alloc(sizeof(*node), 0);

	if (node)
		__builtin_memset(node, 0, sizeof(*node));
	return node;
}

static int raise_to(struct shm_array *array, uint32_t i)
{
	while (i >= capacity(array->height)) {
		struct shm_array_node *root = node_create(array);
		if (!root)
			return -ENOMEM;
		root->slots[0] = array->root;
		root->present = 1;
		root->full = array->root->full == UINT64_MAX;
		array->root = root;
		array->height++;
	}
	return 0;
}

int shm_array_prepare_far(struct shm_array *array, uint32_t i)
{
	struct shm_array_node *node;

	if (i >= SHM_ARRAY_LIMIT)
		return -ENOMEM;
	if (raise_to(array, i)) {
		shm_array_trim(array, i);
		return -ENOMEM;
	}
	node = array->root;
	for (unsigned level = array->height - 1; level > 0; level--) {
		unsigned slot = slot_of(i, level);
		if (!node->slots[slot]) {
			node->slots[slot] = node_create(array);
			if (!node->slots[slot]) {
				shm_array_trim(array, i);
				return -ENOMEM;
			}
			node->present |= 1ull << slot;
		}
		node = node->slots[slot];
	}
	shm_array_approach(array, i);
	return 0;
}

/* The nodes from the root towards element i, as far as they exist; path[level]. The lowest level. */
static unsigned path_to(struct shm_array *array, uint32_t i, struct shm_array_node **path)
{
	unsigned level = array->height - 1;

	path[level] = array->root;
	while (level > 0 && path[level]->slots[slot_of(i, level)]) {
		path[level - 1] = path[level]->slots[slot_of(i, level)];
		level--;
	}
	return level;
}

/* A node on the path changed: tell the nodes above whether their child is full. */
static void mark_full(struct shm_array *array, uint32_t i, struct shm_array_node **path,
		      unsigned level)
{
	for (level++; level < array->height; level++)
		mark(&path[level]->full, slot_of(i, level), path[level - 1]->full == UINT64_MAX);
}

void shm_array_mark_near(struct shm_array *array)
{
	struct shm_array_node *path[HEIGHT_MAX];
	uint32_t i = array->near_number * SLOT_COUNT;

	path_to(array, i, path);
	mark_full(array, i, path, 0);
}

static void near_set(struct shm_array *array, struct shm_array_node *leaf, uint32_t number)
{
	array->near = leaf;
	array->near_number = number;
}

bool shm_array_approach(struct shm_array *array, uint32_t i)
{
	struct shm_array_node *left = array->near, *leaf = leaf_of(array, i);
	uint32_t left_number = array->near_number;

	if (!leaf)
		return false;
	near_set(array, leaf, i / SLOT_COUNT);
	if (!left->present)
		shm_array_trim(array, left_number * SLOT_COUNT);
	return true;
}

static void lower(struct shm_array *array)
{
	while (array->height > 1 && array->root->present == 1) {
		struct shm_array_node *root = array->root;
		array->root = root->slots[0];
		array->height--;
		array->port->mem_free(root, sizeof(*root));
	}
}

void shm_array_trim(struct shm_array *array, uint32_t i)
{
	struct shm_array_node *path[HEIGHT_MAX];

	if (i < capacity(array->height)) {
		unsigned level = path_to(array, i, path);
		while (level + 1 < array->height && !path[level]->present &&
		       path[level] != &array->first) {
			unsigned slot = slot_of(i, level + 1);
			if (path[level] == array->near)
				near_set(array, &array->first, 0);
			array->port->mem_free(path[level], sizeof(*path[level]));
			level++;
			path[level]->slots[slot] = NULL;
			mark(&path[level]->present, slot, false);
			mark(&path[level]->full, slot, false);
		}
		mark_full(array, i, path, level);
	}
	lower(array);
}

/*
 * The lowest empty index from `start` on in the subtree, or SHM_ARRAY_LIMIT. At
 * most two children are visited at each level: the one that holds `start`, and
 * the next that has room.
 */
static uint32_t find_empty_below(const struct shm_array_node *node, unsigned level, uint32_t start)
{
	unsigned from = slot_of(start, level);
	uint64_t room = ~node->full & (UINT64_MAX << from);
	uint32_t span = 1u << (level * SLOT_BITS);
	uint32_t base = start & ~(span * SLOT_COUNT - 1);

	for (; room; room &= room - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(room);
		uint32_t first = slot == from ? start : base + slot * span;
		uint32_t found = first;
		if (level > 0 && node->slots[slot])
			found = find_empty_below(node->slots[slot], level - 1, first);
		if (found < SHM_ARRAY_LIMIT)
			return found;
	}
	return SHM_ARRAY_LIMIT;
}

uint32_t shm_array_find_empty_far(const struct shm_array *array, uint32_t start, uint32_t end)
{
	uint32_t room = (uint32_t)capacity(array->height);
	uint32_t found = SHM_ARRAY_LIMIT;

	if (start < room)
		found = find_empty_below(array->root, array->height - 1, start);
	if (found == SHM_ARRAY_LIMIT)
		found = start < room ? room : start;
	return found < end ? found : SHM_ARRAY_LIMIT;
}

static uint32_t next_below(const struct shm_array_node *node, unsigned level, uint32_t start)
{
	unsigned from = slot_of(start, level);
	uint64_t there = node->present & (UINT64_MAX << from);
	uint32_t span = 1u << (level * SLOT_BITS);
	uint32_t base = start & ~(span * SLOT_COUNT - 1);

	for (; there; there &= there - 1) {
		unsigned slot = (unsigned)__builtin_ctzll(there);
		uint32_t first = slot == from ? start : base + slot * span;
		uint32_t found = first;
		if (level > 0)
			found = next_below(node->slots[slot], level - 1, first);
		if (found < SHM_ARRAY_LIMIT)
			return found;
	}
	return SHM_ARRAY_LIMIT;
}

uint32_t shm_array_next(const struct shm_array *array, uint32_t start)
{
	if (start >= capacity(array->height))
		return SHM_ARRAY_LIMIT;
	return next_below(array->root, array->height - 1, start);
}

/* The highest element of the subtree that begins at `base`, or SHM_ARRAY_LIMIT. */
static uint32_t last_below(const struct shm_array_node *node, unsigned level, uint32_t base)
{
	uint32_t span = 1u << (level * SLOT_BITS);

	/* Mostly the first that is looked at: only the near leaf may be empty. */
	for (uint64_t there = node->present; there;) {
		unsigned slot = 63 - (unsigned)__builtin_clzll(there);
		uint32_t found = base + slot * span;
		if (level > 0)
			found = last_below(node->slots[slot], level - 1, found);
		if (found < SHM_ARRAY_LIMIT)
			return found;
		mark(&there, slot, false);
	}
	return SHM_ARRAY_LIMIT;
}

uint32_t shm_array_last(const struct shm_array *array)
{
	return last_below(array->root, array->height - 1, 0);
}
