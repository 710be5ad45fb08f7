// SPDX-License-Identifier: MIT
/*
 * msgget(2), msgctl(2): queues come, are looked at, changed and removed, with
 * the order of errors that Linux has. Sending and receiving are msgop.c's.
 */

#include "kernel/ipc/msg.h"

#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/string.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

static struct msg_space *space_current(void)
{
	return &thread_current()->ipc->msg;
}

static int32_t limit(const int32_t *which)
{
	return __atomic_load_n(which, __ATOMIC_RELAXED);
}

void msg_space_init(struct msg_space *space)
{
	ipc_table_init(&space->table);
	space->max_bytes = MSGMAX;
	space->queue_bytes = MSGMNB;
	space->queue_limit = MSGMNI;
	space->bytes = space->count = 0;
}

/* The last reference: nobody waits, and the messages are gone. */
void msg_queue_put(struct msg_queue *queue)
{
	if (ipc_object_put(&queue->object))
		ipc_free(queue, sizeof(*queue));
}

/* ---- msgget ---- */

static long queue_create(struct msg_space *space, int32_t key, int flags)
{
	struct msg_queue *queue = ipc_alloc(sizeof(*queue));
	long result = -EEXIST;

	if (!queue)
		return -ENOMEM;
	memset(queue, 0, sizeof(*queue));
	ipc_object_init(&queue->object, key, flags);
	queue->byte_limit = (uint64_t)limit(&space->queue_bytes);
	list_init(&queue->messages);
	list_init(&queue->receivers);
	list_init(&queue->senders);

	ipc_table_lock_all(&space->table);
	if (key == IPC_PRIVATE || !shm_ids_find_key(&space->table.ids, key))
		result = shm_ids_enter(&space->table.ids, &queue->object.entry,
				       (uint32_t)limit(&space->queue_limit));
	if (!result)
		result = queue->object.entry.id;
	ipc_table_unlock_all(&space->table);
	if (result < 0)
		msg_queue_put(queue);
	return result;
}

/* msgget(key, flags) */
long sys_msgget(const uint64_t *argument)
{
	struct msg_space *space = space_current();
	int32_t key = (int32_t)argument[0];
	int flags = (int)argument[1];
	long result;

	if (key == IPC_PRIVATE)
		return queue_create(space, key, flags);
	do {
		result = ipc_open(&space->table, key, flags, NULL, 0);
		if (result != -ENOENT || !(flags & IPC_CREAT))
			return result;
		result = queue_create(space, key, flags);
	} while (result == -EEXIST); /* somebody else was faster */
	return result;
}

/* ---- removal ---- */

/* => table locked whole and queue locked by caller; both are unlocked */
static void queue_remove(struct msg_space *space, struct msg_queue *queue)
{
	struct list_node gone = LIST_INIT(gone), *node;

	shm_ids_leave(&space->table.ids, &queue->object.entry);
	queue->object.removed = true;
	ipc_table_unlock_all(&space->table);
	msg_expel(queue);
	__atomic_fetch_sub(&space->bytes, (int64_t)queue->byte_count, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&space->count, (int64_t)queue->message_count, __ATOMIC_RELAXED);
	if (!list_is_empty(&queue->messages)) {
		list_insert_before(queue->messages.next, &gone);
		list_remove(&queue->messages);
	}
	ipc_object_unlock(&queue->object);
	msg_queue_put(queue);
	while ((node = list_pop_front(&gone))) {
		message_free(container_of(node, struct message, node));
		arch_interrupt_point();
	}
}

void msg_space_release(struct msg_space *space)
{
	struct msg_queue *queue;

	while ((queue = msg_queue_of(ipc_first_removable(&space->table)))) {
		queue_remove(space, queue);
		arch_interrupt_point();
	}
}

static long control_remove(struct msg_space *space, int32_t id)
{
	struct ipc_object *object;
	int err = ipc_find_removable(&space->table, id, &object);

	if (!err)
		queue_remove(space, msg_queue_of(object));
	return err;
}

/* ---- the rest of msgctl ---- */

static long control_set(struct msg_space *space, int32_t id, uint64_t from)
{
	struct abi_msqid_ds ds;

	if (copy_from_user(&ds, from, sizeof(ds)))
		return -EFAULT;
	struct msg_queue *queue = msg_queue_of(ipc_find(&space->table, id));
	long result;

	if (!queue)
		return -EINVAL;
	if (!ipc_owned(&queue->object) || (ds.msg_qbytes > (uint64_t)limit(&space->queue_bytes) &&
					   !cred_has(cred_current(), CAP_SYS_RESOURCE)))
		result = -EPERM;
	else
		result = ipc_set(&queue->object, &ds.msg_perm);
	if (!result) {
		queue->byte_limit = ds.msg_qbytes;
		msg_changed(queue);
	}
	ipc_object_unlock(&queue->object);
	return result;
}

static long control_info(struct msg_space *space, int command, uint64_t to)
{
	int32_t highest;
	uint32_t count = ipc_table_count(&space->table, &highest);
	struct abi_msginfo info = {
		.msgpool = MSGPOOL,
		.msgmap = MSGMAP,
		.msgmax = limit(&space->max_bytes),
		.msgmnb = limit(&space->queue_bytes),
		.msgmni = limit(&space->queue_limit),
		.msgssz = MSGSSZ,
		.msgtql = MSGTQL,
		.msgseg = MSGSEG,
	};

	if (command == MSG_INFO) {
		int64_t bytes = __atomic_load_n(&space->bytes, __ATOMIC_RELAXED);
		int64_t messages = __atomic_load_n(&space->count, __ATOMIC_RELAXED);
		info.msgpool = (int32_t)count;
		info.msgmap = (int32_t)(messages < INT32_MAX ? messages : INT32_MAX);
		info.msgtql = (int32_t)(bytes < INT32_MAX ? bytes : INT32_MAX);
	}
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static long control_stat(struct msg_space *space, int32_t id, int command, uint64_t to)
{
	struct abi_msqid_ds ds = {0};
	struct msg_queue *queue =
		msg_queue_of(command == IPC_STAT ? ipc_find(&space->table, id)
						 : ipc_find_index(&space->table, id));
	long result = 0;

	if (!queue)
		return -EINVAL;
	if (command != MSG_STAT_ANY && !ipc_permits(&queue->object, 0444)) {
		result = -EACCES;
	} else {
		ipc_stat(&space->table, &queue->object, &ds.msg_perm);
		ds.msg_stime = queue->stime;
		ds.msg_rtime = queue->rtime;
		ds.msg_ctime = queue->object.ctime;
		ds.msg_cbytes = queue->byte_count;
		ds.msg_qnum = queue->message_count;
		ds.msg_qbytes = queue->byte_limit;
		ds.msg_lspid = queue->lspid;
		ds.msg_lrpid = queue->lrpid;
		if (command != IPC_STAT)
			result = queue->object.entry.id;
	}
	ipc_object_unlock(&queue->object);
	if (result >= 0 && copy_to_user(to, &ds, sizeof(ds)))
		return -EFAULT;
	return result;
}

/* msgctl(msqid, command, buffer) */
long sys_msgctl(const uint64_t *argument)
{
	struct msg_space *space = space_current();
	int32_t id = (int32_t)argument[0];
	int command = (int)argument[1];

	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
	case MSG_INFO:
		return control_info(space, command, argument[2]);
	case IPC_STAT:
	case MSG_STAT:
	case MSG_STAT_ANY:
		return control_stat(space, id, command, argument[2]);
	case IPC_SET:
		return control_set(space, id, argument[2]);
	case IPC_RMID:
		return control_remove(space, id);
	default:
		return -EINVAL;
	}
}
