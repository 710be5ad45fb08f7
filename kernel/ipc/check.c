// SPDX-License-Identifier: MIT
/* Invariants of semaphore sets and message queues (kernel/lib/check.h), with all gates shut. */

#ifdef SAMEPAGE_DEBUG

#include "kernel/lib/check.h"

#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/print.h"

#define VALUE_MAX 32767 /* SEMVMX */

static void check_set(struct ipc_object *object, struct check_totals *totals)
{
	struct sem_set *set = sem_set_of(object);
	uint32_t several = 0;

	for (uint32_t i = 0; i < set->count; i++)
		kassert(set->semaphores[i].value >= 0 && set->semaphores[i].value <= VALUE_MAX);
	list_for_each (node, &set->altering) {
		struct sem_waiter *waiter = container_of(node, struct sem_waiter, node);

		kassert(waiter->alters && waiter->status == SEM_PENDING);
		several += waiter->operation_count > 1;
	}
	kassert(several == set->complex_count);
	list_for_each (node, &set->zeros) {
		struct sem_waiter *waiter = container_of(node, struct sem_waiter, node);

		kassert(!waiter->alters && waiter->status == SEM_PENDING);
	}
	list_for_each (node, &set->undos)
		kassert(container_of(node, struct sem_undo, in_set)->set == set);
	totals->sets++;
	totals->semaphores += set->count;
}

static void check_queue(struct ipc_object *object, struct check_totals *totals)
{
	struct msg_queue *queue = msg_queue_of(object);
	uint64_t messages = 0, bytes = 0;

	list_for_each (node, &queue->messages) {
		struct message *message = container_of(node, struct message, node);

		kassert(message->type > 0);
		messages++;
		bytes += message->size_bytes;
	}
	kassert(messages == queue->message_count && bytes == queue->byte_count);
	totals->queues++;
	totals->messages += messages;
}

static void check_table(struct ipc_table *table, struct check_totals *totals,
			void (*check)(struct ipc_object *object, struct check_totals *totals))
{
	struct shm_id_entry *entry;
	uint32_t count = 0, keys = 0;

	for (uint32_t index = 0; (entry = shm_ids_next(&table->ids, &index)); index++, count++) {
		struct ipc_object *object = (struct ipc_object *)entry;

		kassert(shm_ids_find(&table->ids, entry->id) == entry);
		if (entry->key != IPC_PRIVATE) {
			kassert(shm_ids_find_key(&table->ids, entry->key) == entry);
			keys++;
		}
		ipc_object_lock(object);
		kassert(!object->removed && object->references > 0);
		check(object, totals);
		ipc_object_unlock(object);
	}
	kassert(count == table->ids.count && keys == table->ids.keys.node_count);
}

void ipc_namespace_check(struct ipc_namespace *ns, struct check_totals *totals)
{
	uint64_t before = totals->semaphores;

	ipc_table_lock_all(&ns->sem.table);
	check_table(&ns->sem.table, totals, check_set);
	kassert(totals->semaphores - before == ns->sem.total_count);
	ipc_table_unlock_all(&ns->sem.table);
	ipc_table_lock_all(&ns->msg.table);
	check_table(&ns->msg.table, totals, check_queue);
	ipc_table_unlock_all(&ns->msg.table);
}

#endif
