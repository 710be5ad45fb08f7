// SPDX-License-Identifier: MIT
/*
 * semget(2), semctl(2): sets come, are looked at, changed and removed, with the
 * order of errors that Linux has. Operations are semop.c's.
 */

#include "kernel/ipc/sem.h"

#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define MODE_READ  0444u
#define MODE_WRITE 0222u

static size_t set_bytes(uint32_t count)
{
	return sizeof(struct sem_set) + count * sizeof(struct semaphore);
}

void sem_set_put(struct sem_set *set)
{
	if (ipc_object_put(&set->object))
		ipc_free(set, set_bytes(set->count));
}

static struct sem_space *space_current(void)
{
	return &thread_current()->ipc->sem;
}

static int32_t limit(const struct sem_space *space, unsigned which)
{
	return __atomic_load_n(&space->limits[which], __ATOMIC_RELAXED);
}

void sem_space_init(struct sem_space *space)
{
	ipc_table_init(&space->table);
	space->limits[LIMIT_SEMMSL] = SEMMSL;
	space->limits[LIMIT_SEMMNS] = SEMMNS;
	space->limits[LIMIT_SEMOPM] = SEMOPM;
	space->limits[LIMIT_SEMMNI] = SEMMNI;
	space->total_count = 0;
}

/* ---- semget ---- */

/* More semaphores than an existing set has cannot be asked for. */
static int check_count(const struct ipc_object *object, uint64_t count)
{
	return count > ((const struct sem_set *)object)->count ? -EINVAL : 0;
}

static struct sem_set *set_new(int32_t key, int flags, uint32_t count)
{
	struct sem_set *set = ipc_alloc(set_bytes(count));

	if (!set)
		return NULL;
	memset(set, 0, set_bytes(count));
	ipc_object_init(&set->object, key, flags);
	set->count = count;
	list_init(&set->zeros);
	list_init(&set->altering);
	list_init(&set->undos);
	return set;
}

/* The limit is a program's to set, and may be negative. */
static bool room_for(const struct sem_space *space, uint32_t count)
{
	uint64_t total = __atomic_load_n(&space->total_count, __ATOMIC_RELAXED);

	return (int64_t)(total + count) <= limit(space, LIMIT_SEMMNS);
}

/* The id; -EEXIST: somebody else was faster with the key. */
static long set_enter(struct sem_space *space, struct sem_set *set)
{
	long result = -EEXIST;

	ipc_table_lock_all(&space->table);
	if (set->object.entry.key == IPC_PRIVATE ||
	    !shm_ids_find_key(&space->table.ids, set->object.entry.key)) {
		result = -ENOSPC;
		if (room_for(space, set->count))
			result = shm_ids_enter(&space->table.ids, &set->object.entry,
					       (uint32_t)limit(space, LIMIT_SEMMNI));
	}
	if (!result) {
		result = set->object.entry.id;
		space->total_count += set->count;
	}
	ipc_table_unlock_all(&space->table);
	return result;
}

static long set_create(struct sem_space *space, int32_t key, int flags, uint32_t count)
{
	if (!count)
		return -EINVAL;
	if (!room_for(space, count)) /* looked at again when the set is entered */
		return -ENOSPC;
	struct sem_set *set = set_new(key, flags, count);
	if (!set)
		return -ENOMEM;
	long result = set_enter(space, set);
	if (result < 0)
		sem_set_put(set);
	return result;
}

/* semget(key, count, flags) */
long sys_semget(const uint64_t *argument)
{
	struct sem_space *space = space_current();
	int32_t key = (int32_t)argument[0], count = (int32_t)argument[1];
	int flags = (int)argument[2];
	long result;

	if (count < 0 || count > limit(space, LIMIT_SEMMSL))
		return -EINVAL;
	if (key == IPC_PRIVATE)
		return set_create(space, key, flags, (uint32_t)count);
	do {
		result = ipc_open(&space->table, key, flags, check_count, (uint64_t)count);
		if (result != -ENOENT || !(flags & IPC_CREAT))
			return result;
		result = set_create(space, key, flags, (uint32_t)count);
	} while (result == -EEXIST);
	return result;
}

/* ---- removal ---- */

/* => table locked whole and set locked by caller; both are unlocked */
static void set_remove(struct sem_space *space, struct sem_set *set)
{
	shm_ids_leave(&space->table.ids, &set->object.entry);
	set->object.removed = true;
	space->total_count -= set->count;
	ipc_table_unlock_all(&space->table);
	sem_undo_forget(set);
	sem_expel(set);
	ipc_object_unlock(&set->object);
	sem_set_put(set);
}

void sem_space_release(struct sem_space *space)
{
	struct sem_set *set;

	while ((set = sem_set_of(ipc_first_removable(&space->table)))) {
		set_remove(space, set);
		arch_interrupt_point();
	}
}

static long control_remove(struct sem_space *space, int32_t id)
{
	struct ipc_object *object;
	int err = ipc_find_removable(&space->table, id, &object);

	if (!err)
		set_remove(space, sem_set_of(object));
	return err;
}

static long control_set(struct sem_space *space, int32_t id, uint64_t from)
{
	struct abi_semid_ds ds;

	if (copy_from_user(&ds, from, sizeof(ds)))
		return -EFAULT;
	struct sem_set *set = sem_set_of(ipc_find(&space->table, id));
	if (!set)
		return -EINVAL;
	long result = ipc_owned(&set->object) ? ipc_set(&set->object, &ds.sem_perm) : -EPERM;
	ipc_object_unlock(&set->object);
	return result;
}

/* ---- looking ---- */

static long control_info(struct sem_space *space, int command, uint64_t to)
{
	int32_t highest;
	uint32_t count = ipc_table_count(&space->table, &highest);
	struct abi_seminfo info = {
		.semmap = SEMMNS,
		.semmni = limit(space, LIMIT_SEMMNI),
		.semmns = limit(space, LIMIT_SEMMNS),
		.semmnu = SEMMNS,
		.semmsl = limit(space, LIMIT_SEMMSL),
		.semopm = limit(space, LIMIT_SEMOPM),
		.semume = SEMOPM,
		.semusz = SEMUSZ,
		.semvmx = SEMVMX,
		.semaem = SEMAEM,
	};

	if (command == SEM_INFO) {
		info.semusz = (int32_t)count;
		info.semaem = (int32_t)__atomic_load_n(&space->total_count, __ATOMIC_RELAXED);
	}
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static long control_stat(struct sem_space *space, int32_t id, int command, uint64_t to)
{
	struct abi_semid_ds ds = {0};
	struct sem_set *set = sem_set_of(command == IPC_STAT ? ipc_find(&space->table, id)
							     : ipc_find_index(&space->table, id));
	long result = 0;

	if (!set)
		return -EINVAL;
	if (command != SEM_STAT_ANY && !ipc_permits(&set->object, MODE_READ)) {
		result = -EACCES;
	} else {
		ipc_stat(&space->table, &set->object, &ds.sem_perm);
		ds.sem_otime = set->otime;
		ds.sem_ctime = set->object.ctime;
		ds.sem_nsems = set->count;
		if (command != IPC_STAT)
			result = set->object.entry.id;
	}
	ipc_object_unlock(&set->object);
	if (result >= 0 && copy_to_user(to, &ds, sizeof(ds)))
		return -EFAULT;
	return result;
}

/* How many wait for the semaphore to become zero, or to grow. => set locked by caller */
static long count_waiters(const struct sem_set *set, uint32_t number, bool zero)
{
	const struct list_node *lists[] = {&set->zeros, &set->altering};
	long count = 0;

	for (unsigned i = 0; i < 2; i++) {
		list_for_each (node, lists[i]) {
			const struct abi_sembuf *blocking =
				container_of(node, struct sem_waiter, node)->blocking;
			count += blocking->sem_num == number && (blocking->sem_op == 0) == zero;
		}
	}
	return count;
}

static long control_one(struct sem_space *space, int32_t id, int32_t number, int command)
{
	struct sem_set *set = sem_set_of(ipc_find(&space->table, id));
	long result = -EINVAL;

	if (!set)
		return -EINVAL;
	if (!ipc_permits(&set->object, MODE_READ))
		result = -EACCES;
	else if (number < 0 || (uint32_t)number >= set->count)
		result = -EINVAL;
	else if (command == GETVAL)
		result = set->semaphores[number].value;
	else if (command == GETPID)
		result = set->semaphores[number].pid;
	else
		result = count_waiters(set, (uint32_t)number, command == GETZCNT);
	ipc_object_unlock(&set->object);
	return result;
}

/* ---- values ---- */

/* => set locked by caller */
static void values_changed(struct sem_set *set)
{
	set->object.ctime = ipc_now();
	sem_update(set, NULL);
}

static long control_set_one(struct sem_space *space, int32_t id, int32_t number, int32_t value)
{
	if (value < 0 || value > SEMVMX)
		return -ERANGE;
	struct sem_set *set = sem_set_of(ipc_find(&space->table, id));
	long result = 0;

	if (!set)
		return -EINVAL;
	if (number < 0 || (uint32_t)number >= set->count) {
		result = -EINVAL;
	} else if (!ipc_permits(&set->object, MODE_WRITE)) {
		result = -EACCES;
	} else {
		sem_undo_clear(set, (uint32_t)number, 1);
		set->semaphores[number].value = value;
		set->semaphores[number].pid = process_current()->pid;
		values_changed(set);
	}
	ipc_object_unlock(&set->object);
	return result;
}

/* User memory is not touched under the lock: the values stop over in an array. */
static long get_all(struct sem_set *set, uint64_t to, uint16_t *values)
{
	ipc_object_lock(&set->object);
	for (uint32_t i = 0; i < set->count; i++)
		values[i] = (uint16_t)set->semaphores[i].value;
	bool removed = set->object.removed;
	ipc_object_unlock(&set->object);
	if (removed)
		return -EIDRM;
	return copy_to_user(to, values, set->count * sizeof(*values)) ? -EFAULT : 0;
}

static long set_all(struct sem_set *set, uint64_t from, uint16_t *values)
{
	if (copy_from_user(values, from, set->count * sizeof(*values)))
		return -EFAULT;
	for (uint32_t i = 0; i < set->count; i++)
		if (values[i] > SEMVMX)
			return -ERANGE;
	ipc_object_lock(&set->object);
	bool removed = set->object.removed;
	for (uint32_t i = 0; i < set->count && !removed; i++)
		set->semaphores[i] = (struct semaphore){values[i], process_current()->pid};
	if (!removed) {
		sem_undo_clear(set, 0, set->count);
		values_changed(set);
	}
	ipc_object_unlock(&set->object);
	return removed ? -EIDRM : 0;
}

static long control_all(struct sem_space *space, int32_t id, int command, uint64_t buffer)
{
	struct sem_set *set = sem_set_of(ipc_find(&space->table, id));
	bool permitted;

	if (!set)
		return -EINVAL;
	permitted = ipc_permits(&set->object, command == SETALL ? MODE_WRITE : MODE_READ);
	ipc_object_get(&set->object);
	ipc_object_unlock(&set->object);

	long result = permitted ? -ENOMEM : -EACCES;
	uint16_t *values = permitted ? kmem_alloc(set->count * sizeof(*values)) : NULL;
	if (values)
		result = command == SETALL ? set_all(set, buffer, values)
					   : get_all(set, buffer, values);
	kmem_free(values, set->count * sizeof(*values));
	sem_set_put(set);
	return result;
}

/* semctl(semid, number, command, argument) */
long sys_semctl(const uint64_t *argument)
{
	struct sem_space *space = space_current();
	int32_t id = (int32_t)argument[0], number = (int32_t)argument[1];
	int command = (int)argument[2];

	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
	case SEM_INFO:
		return control_info(space, command, argument[3]);
	case IPC_STAT:
	case SEM_STAT:
	case SEM_STAT_ANY:
		return control_stat(space, id, command, argument[3]);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return control_one(space, id, number, command);
	case GETALL:
	case SETALL:
		return control_all(space, id, command, argument[3]);
	case SETVAL:
		return control_set_one(space, id, number, (int32_t)argument[3]);
	case IPC_SET:
		return control_set(space, id, argument[3]);
	case IPC_RMID:
		return control_remove(space, id);
	default:
		return -EINVAL;
	}
}
