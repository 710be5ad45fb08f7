/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_IPC_OBJECT_H
#define KERNEL_IPC_OBJECT_H

/*
 * What semaphore sets and message queues have in common: an id and a key in a
 * table, an owner, a mode, a lock, and a life that lasts until nobody sleeps
 * on them any more.
 *
 * A table is read under the running CPU's own gate and changed under all
 * gates, so CPUs that work on different objects do not meet. Order: gate →
 * object → undo list.
 *
 * [I] immutable, [a] atomic, [t] table (one gate to read, all to write), [o] object's lock.
 */

#include "abi/ipc.h"
#include "kernel/lib/spinlock.h"
#include "kernel/process/cpu.h"
#include "shm/ids.h"

struct ipc_object {
	struct shm_id_entry entry; /* [t] first; its id is [I] once it is in the table */
	struct spinlock lock;
	uint32_t references; /* [a] the table's, and one for each sleeper */
	bool removed;        /* [o] */
	uint16_t mode;       /* [o] 0777 */
	uint32_t uid, gid;   /* [o] */
	uint32_t cuid, cgid; /* [I] */
	int64_t ctime;       /* [o] seconds */
};

struct ipc_table {
	struct shm_ids ids; /* [t] */
	struct ipc_gate {
		struct spinlock lock;
		uint8_t apart[56]; /* a cache line each */
	} gates[CPUS_MAX];
};

void ipc_table_init(struct ipc_table *table);
/* To look things up. */
void ipc_table_lock(struct ipc_table *table);
void ipc_table_unlock(struct ipc_table *table);
/* To change what is in it. */
void ipc_table_lock_all(struct ipc_table *table);
void ipc_table_unlock_all(struct ipc_table *table);

/* kernel.sem_next_id, msg_next_id: -1 when none is asked for. */
int32_t ipc_table_next_id(struct ipc_table *table);
void ipc_table_set_next_id(struct ipc_table *table, int32_t id);
/* How many objects are in it, and the highest index in use, 0 when none is. */
uint32_t ipc_table_count(struct ipc_table *table, int32_t *highest);

/* Fill in a new object: one reference, owned by the running thread. Not in a table yet. */
void ipc_object_init(struct ipc_object *object, int32_t key, int flags);
/* By id, or by index whatever the sequence number; locked; NULL: there is none. */
struct ipc_object *ipc_find(struct ipc_table *table, int32_t id);
struct ipc_object *ipc_find_index(struct ipc_table *table, int32_t index);
/* The one with the lowest index from *cursor on, locked; *cursor moves behind it. NULL: no more. */
struct ipc_object *ipc_next(struct ipc_table *table, uint32_t *cursor);
/*
 * To remove one: locked, and its table locked whole. By id: 0, or nothing is locked
 * and -EINVAL (there is none), -EPERM (not the running thread's to remove). Or the one
 * with the lowest index; NULL: none is left, and nothing is locked.
 */
int ipc_find_removable(struct ipc_table *table, int32_t id, struct ipc_object **found);
struct ipc_object *ipc_first_removable(struct ipc_table *table);

/*
 * semget(2), msgget(2) of a key that exists: its id; -EEXIST, -EACCES, or what
 * `check` says of the object and the argument; -ENOENT: nothing has the key.
 */
long ipc_open(struct ipc_table *table, int32_t key, int flags,
	      int (*check)(const struct ipc_object *object, uint64_t argument), uint64_t argument);

/* May the running thread do this? `wanted`: any of a mode's three digits. Object locked. */
bool ipc_permits(const struct ipc_object *object, unsigned wanted);
/* May it change or remove the object? Owner, creator or CAP_SYS_ADMIN. Object locked. */
bool ipc_owned(const struct ipc_object *object);
/* IPC_SET: 0 or -EINVAL (no such user). Sets ctime. Object locked. */
int ipc_set(struct ipc_object *object, const struct abi_ipc_perm *perm);
/* IPC_STAT's share. Object locked. */
void ipc_stat(const struct ipc_table *table, const struct ipc_object *object,
	      struct abi_ipc_perm *perm);

static inline void ipc_object_get(struct ipc_object *object)
{
	__atomic_add_fetch(&object->references, 1, __ATOMIC_RELAXED);
}
/* True: it was the last; the caller frees. */
static inline bool ipc_object_put(struct ipc_object *object)
{
	/* Release: our use is over before anybody frees it. Acquire: and so is theirs. */
	return __atomic_sub_fetch(&object->references, 1, __ATOMIC_ACQ_REL) == 0;
}
static inline void ipc_object_lock(struct ipc_object *object)
{
	spin_lock(&object->lock);
}
static inline void ipc_object_unlock(struct ipc_object *object)
{
	spin_unlock(&object->lock);
}

/*
 * Memory for what programs leave in the kernel: sets, queues, adjustments,
 * messages. All together take at most a quarter of the machine's, whatever
 * limits programs set. Not zeroed; NULL: none. Any locks but an allocator's.
 */
void *ipc_alloc(size_t size_bytes);
void ipc_free(void *memory, size_t size_bytes); /* NULL is fine */

/* The wall clock, in seconds. */
int64_t ipc_now(void);

#endif
