// SPDX-License-Identifier: MIT
/*
 * SEM_UNDO: a list of adjustments for each process, or for those that share it
 * by CLONE_SYSVSEM, with an entry for each set. The last user's end makes them.
 * An entry is on two lists, its set's and its owner's, and leaves both under
 * both locks; who holds either lock and finds an entry knows that its other
 * side exists. fork(2) passes nothing on; execve(2) keeps the list.
 */

#include "kernel/ipc/sem_undo.h"

#include "abi/errno.h"
#include "kernel/ipc/sem.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"

struct sem_undo_list {
	struct spinlock lock;
	uint32_t references;    /* [a] threads */
	struct list_node undos; /* lock; used last first */
};

static size_t undo_bytes(const struct sem_set *set)
{
	return sizeof(struct sem_undo) + set->count * sizeof(int16_t);
}

/* The running thread's list; only it sets the pointer. NULL: no memory. */
static struct sem_undo_list *list_obtain(struct thread *thread)
{
	struct sem_undo_list *list = thread->sem_undo;

	if (list)
		return list;
	list = kmem_alloc(sizeof(*list));
	if (!list)
		return NULL;
	spin_init(&list->lock, RANK_IPC_UNDO);
	list->references = 1;
	list_init(&list->undos);
	thread->sem_undo = list;
	return list;
}

/* => both locks held by caller */
static struct sem_undo *find(struct sem_undo_list *list, const struct sem_set *set)
{
	list_for_each (node, &list->undos) {
		struct sem_undo *undo = container_of(node, struct sem_undo, in_list);
		if (undo->set == set) {
			list_remove(&undo->in_list);
			list_push_front(&list->undos, &undo->in_list);
			return undo;
		}
	}
	return NULL;
}

struct sem_undo *sem_undo_obtain(struct sem_set *set)
{
	struct sem_undo_list *list = list_obtain(thread_current());

	if (!list)
		return NULL;
	spin_lock(&list->lock);
	struct sem_undo *undo = find(list, set);
	if (!undo && (undo = ipc_alloc(undo_bytes(set)))) {
		memset(undo, 0, undo_bytes(set));
		undo->list = list;
		undo->set = set;
		list_push_back(&set->undos, &undo->in_set);
		list_push_front(&list->undos, &undo->in_list);
	}
	spin_unlock(&list->lock);
	return undo;
}

/* => set locked by caller */
static void undo_free(struct sem_undo *undo)
{
	struct sem_undo_list *list = undo->list;

	spin_lock(&list->lock);
	list_remove(&undo->in_list);
	spin_unlock(&list->lock);
	list_remove(&undo->in_set);
	ipc_free(undo, undo_bytes(undo->set));
}

void sem_undo_clear(struct sem_set *set, uint32_t first, uint32_t count)
{
	list_for_each (node, &set->undos)
		memset(container_of(node, struct sem_undo, in_set)->adjust + first, 0,
		       count * sizeof(int16_t));
}

void sem_undo_forget(struct sem_set *set)
{
	list_for_each_safe (node, &set->undos)
		undo_free(container_of(node, struct sem_undo, in_set));
}

/* ---- the end ---- */

/* => set locked by caller. Linux's way with what is out of range: as far as it goes. */
static void adjust(struct sem_set *set, const struct sem_undo *undo)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct semaphore *semaphore = &set->semaphores[i];
		int32_t value = semaphore->value + undo->adjust[i];

		if (!undo->adjust[i])
			continue;
		semaphore->value = value < 0 ? 0 : value > SEMVMX ? SEMVMX : value;
		semaphore->pid = process_current()->pid;
	}
	set->otime = ipc_now();
	sem_update(set, NULL);
}

/* The set of the list's first entry, with a reference; NULL: the list is empty. */
static struct sem_set *first_set(struct sem_undo_list *list)
{
	struct sem_set *set = NULL;

	spin_lock(&list->lock);
	if (!list_is_empty(&list->undos)) {
		set = container_of(list->undos.next, struct sem_undo, in_list)->set;
		ipc_object_get(&set->object);
	}
	spin_unlock(&list->lock);
	return set;
}

void sem_undo_exit(struct thread *thread)
{
	struct sem_undo_list *list = thread->sem_undo;
	struct sem_set *set;

	if (!list)
		return;
	thread->sem_undo = NULL;
	/* As with any reference: see ipc_object_put. */
	if (__atomic_sub_fetch(&list->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	while ((set = first_set(list))) {
		ipc_object_lock(&set->object);
		spin_lock(&list->lock);
		struct sem_undo *undo = find(list, set); /* unless the set was removed meanwhile */
		spin_unlock(&list->lock);
		if (undo) {
			adjust(set, undo);
			undo_free(undo);
		}
		ipc_object_unlock(&set->object);
		sem_set_put(set);
		arch_interrupt_point();
	}
	kmem_free(list, sizeof(*list));
}

int sem_undo_share(struct thread *child)
{
	struct sem_undo_list *list = list_obtain(thread_current());

	if (!list)
		return -ENOMEM;
	__atomic_add_fetch(&list->references, 1, __ATOMIC_RELAXED);
	child->sem_undo = list;
	return 0;
}
