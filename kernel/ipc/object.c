// SPDX-License-Identifier: MIT
/* Tables of System V objects, their owners and modes. What kind they are does not matter here. */

#include "kernel/ipc/object.h"

#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/lib/random.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/cred.h"
#include "kernel/process/time.h"

#define NS_PER_S   1000000000ull
#define INVALID_ID UINT32_MAX /* of users and groups */

_Static_assert(offsetof(struct ipc_object, entry) == 0, "found by its entry");
_Static_assert(sizeof(struct ipc_gate) == 64, "a cache line");

int64_t ipc_now(void)
{
	return (int64_t)((time_wall_offset_ns() + clock_now_ns()) / NS_PER_S);
}

/* ---- memory ---- */

static uint64_t memory_bytes; /* [a] what ipc_alloc has given out */

/* What the allocator has to keep for it, about. */
static uint64_t charge_bytes(size_t size_bytes)
{
	return (size_bytes + 63) & ~63ull;
}

void *ipc_alloc(size_t size_bytes)
{
	uint64_t bytes = charge_bytes(size_bytes);
	void *memory = NULL;

	if (__atomic_add_fetch(&memory_bytes, bytes, __ATOMIC_RELAXED) <=
	    frame_total_count() * PAGE_BYTES / 4)
		memory = kmem_alloc(size_bytes);
	if (!memory)
		__atomic_sub_fetch(&memory_bytes, bytes, __ATOMIC_RELAXED);
	return memory;
}

void ipc_free(void *memory, size_t size_bytes)
{
	if (!memory)
		return;
	kmem_free(memory, size_bytes);
	__atomic_sub_fetch(&memory_bytes, charge_bytes(size_bytes), __ATOMIC_RELAXED);
}

/* ---- the table ---- */

void ipc_table_init(struct ipc_table *table)
{
	uint32_t seed;

	random_fill(&seed, sizeof(seed));
	shm_ids_init(&table->ids, shm_instance.port, shm_instance.extended_ids, seed);
	for (unsigned i = 0; i < CPUS_MAX; i++)
		spin_init(&table->gates[i].lock, RANK_IPC_TABLE);
}

/* Interrupts are off and the kernel is not preempted: the CPU stays the same until unlocking. */
void ipc_table_lock(struct ipc_table *table)
{
	spin_lock(&table->gates[cpu_current()->id].lock);
}

void ipc_table_unlock(struct ipc_table *table)
{
	spin_unlock(&table->gates[cpu_current()->id].lock);
}

void ipc_table_lock_all(struct ipc_table *table)
{
	spin_lock(&table->gates[0].lock);
	for (unsigned i = 1; i < CPUS_MAX; i++)
		spin_lock_second(&table->gates[i].lock);
}

void ipc_table_unlock_all(struct ipc_table *table)
{
	for (unsigned i = CPUS_MAX - 1; i > 0; i--)
		spin_unlock_second(&table->gates[i].lock);
	spin_unlock(&table->gates[0].lock);
}

int32_t ipc_table_next_id(struct ipc_table *table)
{
	ipc_table_lock(table);
	int32_t id = table->ids.next_id;
	ipc_table_unlock(table);
	return id;
}

void ipc_table_set_next_id(struct ipc_table *table, int32_t id)
{
	ipc_table_lock_all(table);
	table->ids.next_id = id;
	ipc_table_unlock_all(table);
}

uint32_t ipc_table_count(struct ipc_table *table, int32_t *highest)
{
	ipc_table_lock(table);
	uint32_t count = table->ids.count;
	*highest = shm_ids_highest(&table->ids);
	ipc_table_unlock(table);
	if (*highest < 0)
		*highest = 0;
	return count;
}

/* ---- finding ---- */

/* Gate held; drops it. */
static struct ipc_object *lock_found(struct ipc_table *table, struct shm_id_entry *entry)
{
	struct ipc_object *object = (struct ipc_object *)entry;

	if (object)
		ipc_object_lock(object);
	ipc_table_unlock(table);
	return object;
}

struct ipc_object *ipc_find(struct ipc_table *table, int32_t id)
{
	ipc_table_lock(table);
	return lock_found(table, shm_ids_find(&table->ids, id));
}

struct ipc_object *ipc_find_index(struct ipc_table *table, int32_t index)
{
	ipc_table_lock(table);
	return lock_found(table, shm_ids_find_index(&table->ids, index));
}

struct ipc_object *ipc_next(struct ipc_table *table, uint32_t *cursor)
{
	ipc_table_lock(table);
	struct ipc_object *object = lock_found(table, shm_ids_next(&table->ids, cursor));
	if (object)
		++*cursor;
	return object;
}

int ipc_find_removable(struct ipc_table *table, int32_t id, struct ipc_object **found)
{
	int err = -EINVAL;

	ipc_table_lock_all(table);
	struct ipc_object *object = (struct ipc_object *)shm_ids_find(&table->ids, id);
	if (object) {
		ipc_object_lock(object);
		err = ipc_owned(object) ? 0 : -EPERM;
		if (err)
			ipc_object_unlock(object);
	}
	if (err)
		ipc_table_unlock_all(table);
	*found = object;
	return err;
}

struct ipc_object *ipc_first_removable(struct ipc_table *table)
{
	uint32_t index = 0;

	ipc_table_lock_all(table);
	struct ipc_object *object = (struct ipc_object *)shm_ids_next(&table->ids, &index);
	if (object)
		ipc_object_lock(object);
	else
		ipc_table_unlock_all(table);
	return object;
}

long ipc_open(struct ipc_table *table, int32_t key, int flags,
	      int (*check)(const struct ipc_object *object, uint64_t argument), uint64_t argument)
{
	ipc_table_lock(table);
	struct ipc_object *object = lock_found(table, shm_ids_find_key(&table->ids, key));
	if (!object)
		return -ENOENT;

	long result = object->entry.id;
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		result = -EEXIST;
	else if (check && check(object, argument))
		result = check(object, argument); /* before permission is looked at */
	else if (!ipc_permits(object, (unsigned)flags & 0777))
		result = -EACCES;
	ipc_object_unlock(object);
	return result;
}

/* ---- owner and mode ---- */

void ipc_object_init(struct ipc_object *object, int32_t key, int flags)
{
	const struct cred *cred = cred_current();

	object->entry.key = key;
	spin_init(&object->lock, RANK_IPC_OBJECT);
	object->references = 1;
	object->removed = false;
	object->mode = (uint16_t)(flags & 0777);
	object->uid = object->cuid = cred->euid;
	object->gid = object->cgid = cred->egid;
	object->ctime = ipc_now();
}

bool ipc_permits(const struct ipc_object *object, unsigned wanted)
{
	const struct cred *cred = cred_current();
	unsigned granted = object->mode;

	wanted = (wanted | wanted >> 3 | wanted >> 6) & 7;
	/* The first class that fits decides, even if another would grant more. */
	if (cred->euid == object->cuid || cred->euid == object->uid)
		granted >>= 6;
	else if (cred_in_group(cred, object->cgid) || cred_in_group(cred, object->gid))
		granted >>= 3;
	return !(wanted & ~granted) || cred_has(cred, CAP_IPC_OWNER);
}

bool ipc_owned(const struct ipc_object *object)
{
	const struct cred *cred = cred_current();

	return cred->euid == object->cuid || cred->euid == object->uid ||
	       cred_has(cred, CAP_SYS_ADMIN);
}

int ipc_set(struct ipc_object *object, const struct abi_ipc_perm *perm)
{
	if (perm->uid == INVALID_ID || perm->gid == INVALID_ID)
		return -EINVAL;
	object->uid = perm->uid;
	object->gid = perm->gid;
	object->mode = (uint16_t)(perm->mode & 0777);
	object->ctime = ipc_now();
	return 0;
}

void ipc_stat(const struct ipc_table *table, const struct ipc_object *object,
	      struct abi_ipc_perm *perm)
{
	*perm = (struct abi_ipc_perm){
		.key = object->entry.key,
		.uid = object->uid,
		.gid = object->gid,
		.cuid = object->cuid,
		.cgid = object->cgid,
		.mode = object->mode,
		.seq = shm_ids_sequence(&table->ids, object->entry.id),
	};
}
