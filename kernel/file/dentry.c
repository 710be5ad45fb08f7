// SPDX-License-Identifier: MIT
/* The tree of names. Life and locks: dentry.h. */

#include "kernel/file/dentry.h"

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"

struct rwlock file_tree_lock;
struct dentry *root_dentry;
struct list_node mounts = LIST_INIT(mounts);

static struct spinlock dentry_name_lock = SPINLOCK_INIT(RANK_FS_CONTEXT);

void dentry_init(void)
{
	rwlock_init(&file_tree_lock, RANK_FILE_NAMESPACE);
}

/* FNV-1a. */
static uint32_t name_hash(const char *name, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619u;
	return hash;
}

int dentry_name_reserve(size_t length, char **reserved)
{
	*reserved = NULL;
	if (length < DENTRY_NAME_INLINE)
		return 0;
	*reserved = kmem_alloc(length + 1);
	return *reserved ? 0 : -ENOMEM;
}

void dentry_name_release(size_t length, char *reserved)
{
	kmem_free(reserved, length + 1);
}

static void name_set(struct dentry *dentry, const char *name, size_t length, char *reserved)
{
	dentry->name = reserved ? reserved : dentry->name_inline;
	memcpy(dentry->name, name, length);
	dentry->name[length] = 0;
	dentry->name_bytes = (uint16_t)length;
	dentry->hash = name_hash(name, length);
}

struct dentry *dentry_create(struct dentry *parent, struct inode *inode, const char *name,
			     size_t length)
{
	struct dentry *dentry = kmem_zalloc(sizeof(*dentry));
	char *reserved;

	if (!dentry)
		return NULL;
	if (dentry_name_reserve(length, &reserved)) {
		kmem_free(dentry, sizeof(*dentry));
		return NULL;
	}
	name_set(dentry, name, length, reserved);
	dentry->references = 1;
	dentry->inode = inode;
	inode_get(inode);
	dentry->parent = parent;
	if (parent)
		dentry_get(parent);
	list_init(&dentry->in_order);
	list_init(&dentry->order);
	dentry->next_cookie = 2; /* after "." and ".." */
	return dentry;
}

void dentry_get(struct dentry *dentry)
{
	__atomic_fetch_add(&dentry->references, 1, __ATOMIC_RELAXED);
}

/* A linked dentry has the table's reference, so what ends here is in no table. */
void dentry_put(struct dentry *dentry)
{
	while (dentry && !__atomic_sub_fetch(&dentry->references, 1, __ATOMIC_ACQ_REL)) {
		struct dentry *parent = dentry->parent;

		kassert(!dentry->linked);
		inode_put(dentry->inode);
		if (dentry->name != dentry->name_inline)
			dentry_name_release(dentry->name_bytes, dentry->name);
		kmem_free(dentry, sizeof(*dentry));
		dentry = parent;
	}
}

/* ---- the tables ---- */

static int name_compare(uint32_t hash, const char *name, size_t length, const struct dentry *dentry)
{
	if (hash != dentry->hash)
		return hash < dentry->hash ? -1 : 1;
	if (length != dentry->name_bytes)
		return length < dentry->name_bytes ? -1 : 1;
	return memcmp(name, dentry->name, length);
}

struct dentry *dentry_child(struct dentry *directory, const char *name, size_t length)
{
	uint32_t hash = name_hash(name, length);
	struct rb_node *node = directory->children.node;

	while (node) {
		struct dentry *dentry = container_of(node, struct dentry, by_name);
		int order = name_compare(hash, name, length, dentry);

		if (!order) {
			dentry_get(dentry);
			return dentry;
		}
		node = order < 0 ? node->left : node->right;
	}
	return NULL;
}

bool dentry_has_children(const struct dentry *directory)
{
	return directory->children.node != NULL;
}

static void table_insert(struct dentry *dentry)
{
	struct dentry *directory = dentry->parent;
	struct rb_node **link = &directory->children.node, *parent = NULL;

	while (*link) {
		struct dentry *other = container_of(*link, struct dentry, by_name);

		parent = *link;
		link = name_compare(dentry->hash, dentry->name, dentry->name_bytes, other) < 0
			       ? &parent->left
			       : &parent->right;
	}
	rb_insert(&directory->children, &dentry->by_name, parent, link);
	inode_entries_add(directory->inode, 1);
	dentry->cookie = directory->next_cookie++;
	list_push_back(&directory->order, &dentry->in_order);
	dentry->linked = true;
}

static void table_remove(struct dentry *dentry)
{
	rb_remove(&dentry->parent->children, &dentry->by_name);
	inode_entries_add(dentry->parent->inode, -1);
	list_remove(&dentry->in_order);
	dentry->linked = false;
}

void dentry_link(struct dentry *dentry)
{
	dentry_get(dentry);
	table_insert(dentry);
}

void dentry_unlink(struct dentry *dentry)
{
	spin_lock(&dentry_name_lock); /* dentry_path reads `linked` */
	table_remove(dentry);
	spin_unlock(&dentry_name_lock);
	dentry_put(dentry);
}

void dentry_unmount(struct dentry *covered, struct dentry *root)
{
	spin_lock(&dentry_name_lock); /* dentry_path goes from one to the other */
	covered->mounted = NULL;
	root->mount = NULL;
	spin_unlock(&dentry_name_lock);
}

void dentry_move(struct dentry *dentry, struct dentry *parent, const char *name, size_t length,
		 char *reserved)
{
	struct dentry *old_parent = dentry->parent;
	char *old_name = dentry->name == dentry->name_inline ? NULL : dentry->name;
	size_t old_length = dentry->name_bytes;

	spin_lock(&dentry_name_lock);
	table_remove(dentry);
	dentry_get(parent);
	dentry->parent = parent;
	name_set(dentry, name, length, reserved);
	table_insert(dentry);
	spin_unlock(&dentry_name_lock);
	dentry_name_release(old_length, old_name);
	dentry_put(old_parent);
}

bool dentry_is_below(struct dentry *dentry, const struct dentry *ancestor)
{
	while (dentry) {
		if (dentry == ancestor)
			return true;
		dentry = dentry->mount ? dentry->mount->covered : dentry->parent;
	}
	return false;
}

struct dentry *dentry_parent(struct dentry *dentry)
{
	while (dentry->mount && dentry->mount->covered)
		dentry = dentry->mount->covered;
	if (dentry->parent)
		dentry = dentry->parent;
	dentry_get(dentry);
	return dentry;
}

struct dentry *dentry_cross(struct dentry *dentry)
{
	while (dentry->mounted) {
		struct dentry *root = dentry->mounted->root;

		dentry_get(root);
		dentry_put(dentry);
		dentry = root;
	}
	return dentry;
}

/* ---- spelling a path ---- */

long dentry_path(struct dentry *dentry, struct dentry *root, char *text, size_t size_bytes,
		 bool *reachable, bool *deleted)
{
	size_t at = size_bytes;
	bool too_long = false;

	*deleted = dentry->parent ? !dentry->linked && dentry->inode->filesystem->changeable
				  : !dentry->mount;
	*deleted &= !dentry->unmounted; /* who holds it sees the path in its file system */
	spin_lock(&dentry_name_lock);
	while (dentry != root) {
		if (dentry->mount && dentry->mount->covered) {
			dentry = dentry->mount->covered;
			continue;
		}
		/* A detached dentry (memfd) has a name but no parent; a root has an empty one. */
		if (dentry->name_bytes) {
			if (dentry->name_bytes + 2u > at) {
				too_long = true;
				break;
			}
			at -= dentry->name_bytes;
			memcpy(text + at, dentry->name, dentry->name_bytes);
			text[--at] = '/';
		}
		if (!dentry->parent)
			break;
		dentry = dentry->parent;
	}
	*reachable = dentry == root;
	spin_unlock(&dentry_name_lock);
	if (too_long)
		return -ENAMETOOLONG;
	if (at == size_bytes)
		text[--at] = '/';
	size_t length = size_bytes - at;
	memmove(text, text + at, length);
	if (length >= size_bytes)
		return -ENAMETOOLONG;
	text[length] = 0;
	return (long)length;
}
