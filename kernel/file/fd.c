// SPDX-License-Identifier: MIT
/*
 * Descriptor tables. Slots change under the table's spinlock; a file found in
 * one gets its reference under the same lock, so that close(2) in another
 * thread cannot free it in between.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/resource.h"
#include "kernel/file/open.h"
#include "kernel/file/fd.h"
#include "kernel/file/lock.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/socket/closed.h"
#include "kernel/syscall/syscall.h"

#define FD_FIRST_CAPACITY 64
#define FD_CAPACITY_MAX   (1 << 20)

struct fd_slot {
	struct file *file; /* NULL: free, or reserved while `taken` */
	bool close_on_exec;
};

struct fd_table {
	uint32_t references; /* [a] */
	struct spinlock lock;
	struct fd_slot *slots; /* lock; kmem */
	int capacity;          /* lock */
	int lowest;            /* lock: no free slot below */
	int end;               /* lock: no used slot from here on */
};

/* ---- life ---- */

static struct fd_table *table_create(int capacity)
{
	struct fd_table *table = kmem_zalloc(sizeof(*table));

	if (!table)
		return NULL;
	table->slots = kmem_zalloc((size_t)capacity * sizeof(*table->slots));
	if (!table->slots) {
		kmem_free(table, sizeof(*table));
		return NULL;
	}
	table->references = 1;
	table->capacity = capacity;
	spin_init(&table->lock, RANK_FD_TABLE);
	return table;
}

struct fd_table *fd_table_create(void)
{
	return table_create(FD_FIRST_CAPACITY);
}

struct fd_table *fd_table_get(struct fd_table *table)
{
	__atomic_fetch_add(&table->references, 1, __ATOMIC_RELAXED);
	return table;
}

/* A descriptor of the table is closed: its record locks of the file go, whichever took them. */
static void descriptor_put(struct fd_table *table, struct file *file)
{
	if (__builtin_expect(file->inode->records != NULL, 0))
		record_release(file->inode, table);
	file_put(file);
}

static void descriptor_close(struct fd_table *table, struct file *file)
{
	descriptor_put(table, file);
	socket_descriptor_closed();
}

void fd_table_put(struct fd_table *table)
{
	if (!table || __atomic_sub_fetch(&table->references, 1, __ATOMIC_ACQ_REL))
		return;
	for (int fd = 0; fd < table->end; fd++)
		if (table->slots[fd].file)
			descriptor_put(table, table->slots[fd].file);
	kmem_free(table->slots, (size_t)table->capacity * sizeof(*table->slots));
	kmem_free(table, sizeof(*table));
	socket_descriptor_closed();
}

/* The slots that `source` uses, with references, into an empty table of enough capacity. */
static void table_copy_locked(struct fd_table *copy, struct fd_table *source)
{
	for (int fd = 0; fd < source->end; fd++) {
		copy->slots[fd] = source->slots[fd];
		if (copy->slots[fd].file)
			file_get(copy->slots[fd].file);
	}
	copy->lowest = source->lowest;
	copy->end = source->end;
}

struct fd_table *fd_table_fork(struct fd_table *source)
{
	for (;;) {
		int capacity = __atomic_load_n(&source->capacity, __ATOMIC_RELAXED);
		struct fd_table *copy = table_create(capacity);

		if (!copy)
			return NULL;
		spin_lock(&source->lock);
		bool fits = source->end <= capacity; /* it may have grown meanwhile */
		if (fits)
			table_copy_locked(copy, source);
		spin_unlock(&source->lock);
		if (fits)
			return copy;
		fd_table_put(copy);
	}
}

/* ---- slots ---- */

static int limit_of_running(void)
{
	uint64_t limit = process_current()->limits[RLIMIT_NOFILE][0];

	return limit < FD_CAPACITY_MAX ? (int)limit : FD_CAPACITY_MAX;
}

static struct fd_table *table_of_running(void)
{
	return thread_current()->files;
}

/* Make room for descriptor fd. No lock held. 0; -ENOMEM. */
static int table_grow(struct fd_table *table, int fd)
{
	int capacity = table->capacity;

	while (capacity <= fd)
		capacity *= 2;
	struct fd_slot *slots = kmem_zalloc((size_t)capacity * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	spin_lock(&table->lock);
	struct fd_slot *old = slots;
	int old_capacity = capacity;
	if (table->capacity < capacity) { /* nobody else was faster */
		old = table->slots;
		old_capacity = table->capacity;
		memcpy(slots, old, (size_t)old_capacity * sizeof(*slots));
		table->slots = slots;
		table->capacity = capacity;
	}
	spin_unlock(&table->lock);
	kmem_free(old, (size_t)old_capacity * sizeof(*old));
	return 0;
}

static void slot_set_locked(struct fd_table *table, int fd, struct file *file, bool close_on_exec)
{
	table->slots[fd] = (struct fd_slot){file, close_on_exec};
	if (fd >= table->end)
		table->end = fd + 1;
}

static void slot_clear_locked(struct fd_table *table, int fd)
{
	table->slots[fd] = (struct fd_slot){NULL, false};
	if (fd < table->lowest)
		table->lowest = fd;
	while (table->end > 0 && !table->slots[table->end - 1].file)
		table->end--;
}

static struct fd_slot *slot_locked(struct fd_table *table, int fd)
{
	if (fd < 0 || fd >= table->end || !table->slots[fd].file)
		return NULL;
	return &table->slots[fd];
}

struct file *fd_file_any(int fd)
{
	struct fd_table *table = table_of_running();
	struct file *file = NULL;

	spin_lock(&table->lock);
	struct fd_slot *slot = slot_locked(table, fd);
	if (slot) {
		file = slot->file;
		file_get(file);
	}
	spin_unlock(&table->lock);
	return file;
}

struct file *fd_file(int fd)
{
	struct file *file = fd_file_any(fd);

	if (file && (file->flags & O_PATH)) {
		file_put(file);
		return NULL;
	}
	return file;
}

int fd_install(struct file *file, int minimum, bool close_on_exec)
{
	struct fd_table *table = table_of_running();
	int limit = limit_of_running();

	for (;;) {
		spin_lock(&table->lock);
		int fd = minimum > table->lowest ? minimum : table->lowest;
		while (fd < table->end && table->slots[fd].file)
			fd++;
		if (minimum <= table->lowest)
			table->lowest = fd;
		bool fits = fd < table->capacity;
		if (fd < limit && fits)
			slot_set_locked(table, fd, file, close_on_exec);
		spin_unlock(&table->lock);
		if (fd >= limit)
			return -EMFILE;
		if (fits)
			return fd;
		int err = table_grow(table, fd);
		if (err)
			return err;
	}
}

int fd_table_exec(struct fd_table **table)
{
	if (__atomic_load_n(&(*table)->references, __ATOMIC_ACQUIRE) > 1) {
		struct fd_table *shared = *table, *own = fd_table_fork(shared);

		if (!own)
			return -ENOMEM;
		spin_lock(&tree_lock); /* others take a reference through it */
		*table = own;
		spin_unlock(&tree_lock);
		fd_table_put(shared);
	}
	for (int fd = 0; fd < (*table)->end; fd++) {
		struct file *file = NULL;

		spin_lock(&(*table)->lock);
		struct fd_slot *slot = slot_locked(*table, fd);
		if (slot && slot->close_on_exec) {
			file = slot->file;
			slot_clear_locked(*table, fd);
		}
		spin_unlock(&(*table)->lock);
		if (file)
			descriptor_close(*table, file);
	}
	return 0;
}

int fd_table_next(struct fd_table *table, int fd, struct file **file, bool *close_on_exec)
{
	int found = -1;

	spin_lock(&table->lock);
	for (; fd < table->end && found < 0; fd++) {
		if (!table->slots[fd].file)
			continue;
		found = fd;
		*file = table->slots[fd].file;
		*close_on_exec = table->slots[fd].close_on_exec;
		file_get(*file);
	}
	spin_unlock(&table->lock);
	return found;
}

int fd_flag(int fd, int set)
{
	struct fd_table *table = table_of_running();
	int flag = -EBADF;

	spin_lock(&table->lock);
	struct fd_slot *slot = slot_locked(table, fd);
	if (slot) {
		if (set >= 0)
			slot->close_on_exec = set;
		flag = slot->close_on_exec;
	}
	spin_unlock(&table->lock);
	return flag;
}

int fd_capacity(void)
{
	return __atomic_load_n(&table_of_running()->capacity, __ATOMIC_RELAXED);
}

/* ---- closing ---- */

static struct file *slot_take(struct fd_table *table, int fd)
{
	struct file *file = NULL;

	spin_lock(&table->lock);
	struct fd_slot *slot = slot_locked(table, fd);
	if (slot) {
		file = slot->file;
		slot_clear_locked(table, fd);
	}
	spin_unlock(&table->lock);
	return file;
}

long sys_close(const uint64_t *argument)
{
	struct fd_table *table = table_of_running();
	struct file *file = slot_take(table, (int)argument[0]);

	if (!file)
		return -EBADF;
	descriptor_close(table, file);
	return 0;
}

long sys_close_range(const uint64_t *argument)
{
	uint32_t first = (uint32_t)argument[0], last = (uint32_t)argument[1];
	unsigned flags = (unsigned)argument[2];
	struct thread *thread = thread_current();

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if ((flags & CLOSE_RANGE_UNSHARE) &&
	    __atomic_load_n(&thread->files->references, __ATOMIC_ACQUIRE) > 1) {
		struct fd_table *own = fd_table_fork(thread->files);

		if (!own)
			return -ENOMEM;
		fd_table_put(thread->files);
		thread->files = own;
	}
	for (uint32_t fd = first; fd <= last && fd < (uint32_t)thread->files->end; fd++) {
		if (flags & CLOSE_RANGE_CLOEXEC) {
			fd_flag((int)fd, 1);
			continue;
		}
		struct file *file = slot_take(thread->files, (int)fd);
		if (file)
			descriptor_close(thread->files, file);
	}
	return 0;
}

/* ---- duplicates ---- */

int fd_duplicate(int fd, int minimum, bool close_on_exec)
{
	struct file *file = fd_file_any(fd);

	if (!file)
		return -EBADF;
	if (minimum < 0 || minimum >= limit_of_running()) {
		file_put(file);
		return -EINVAL;
	}
	int copy = fd_install(file, minimum, close_on_exec);
	if (copy < 0)
		file_put(file);
	return copy;
}

/* dup2(2): whatever `to` was is closed, in one step. */
static long duplicate_to(int from, int to, bool close_on_exec)
{
	struct fd_table *table = table_of_running();
	struct file *file, *old;

	if (to < 0 || to >= limit_of_running())
		return -EBADF;
	file = fd_file_any(from);
	if (!file)
		return -EBADF;
	if (to >= __atomic_load_n(&table->capacity, __ATOMIC_RELAXED)) {
		int err = table_grow(table, to);

		if (err) {
			file_put(file);
			return err;
		}
	}
	spin_lock(&table->lock);
	old = table->slots[to].file;
	slot_set_locked(table, to, file, close_on_exec);
	spin_unlock(&table->lock);
	if (old)
		descriptor_close(table, old);
	return to;
}

long sys_dup(const uint64_t *argument)
{
	return fd_duplicate((int)argument[0], 0, false);
}

long sys_dup2(const uint64_t *argument)
{
	int from = (int)argument[0], to = (int)argument[1];

	if (from == to)
		return fd_flag(from, -1) < 0 ? -EBADF : to;
	return duplicate_to(from, to, false);
}

long sys_dup3(const uint64_t *argument)
{
	uint32_t flags = (uint32_t)argument[2];

	if ((int)argument[0] == (int)argument[1] || flags & ~(uint32_t)O_CLOEXEC)
		return -EINVAL;
	return duplicate_to((int)argument[0], (int)argument[1], flags & O_CLOEXEC);
}
