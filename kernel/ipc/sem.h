/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_IPC_SEM_H
#define KERNEL_IPC_SEM_H

/*
 * Semaphore sets. One lock for each set. A thread that must wait leaves its
 * operations on the set's list; whoever changes the values carries them out
 * for it and wakes it with the result, so that a wake-up is never in vain.
 *
 * [I] immutable, [a] atomic, [o] the set's lock, [u] the undo list's lock.
 */

#include "abi/sem.h"
#include "kernel/ipc/object.h"
#include "kernel/lib/list.h"

struct thread;

/* The semaphores of one IPC namespace. */
struct sem_space {
	struct ipc_table table;
	int32_t limits[4];    /* [a] kernel.sem, in its order: SEMMSL, SEMMNS, SEMOPM, SEMMNI */
	uint64_t total_count; /* table's lock: semaphores in all sets */
};
enum { LIMIT_SEMMSL, LIMIT_SEMMNS, LIMIT_SEMOPM, LIMIT_SEMMNI };

struct semaphore {
	int32_t value;
	int32_t pid; /* of the last operation; the process's */
};

struct sem_set {
	struct ipc_object object; /* first */
	uint32_t count;           /* [I] */
	uint32_t complex_count;   /* [o] waiters in `altering` with more than one operation */
	int64_t otime;            /* [o] */
	/* [o] waiters, in order of arrival: those that only wait for zeros, and those that change */
	struct list_node zeros, altering;
	struct list_node undos;        /* [o] struct sem_undo.in_set */
	struct semaphore semaphores[]; /* [o] */
};

/* What one process (or those that share by CLONE_SYSVSEM) undoes in one set when it ends. */
struct sem_undo {
	struct list_node in_set;  /* [o] */
	struct list_node in_list; /* [u] */
	struct sem_undo_list *list;
	struct sem_set *set;
	int16_t adjust[];
};

/* Operations that wait. On the waiting thread's stack. */
struct sem_waiter {
	struct list_node node; /* [o] */
	struct thread *thread; /* [I] */
	const struct abi_sembuf *operations;
	unsigned operation_count;
	bool alters, raises;
	int32_t pid;
	struct sem_undo *undo;             /* NULL: no operation has SEM_UNDO */
	const struct abi_sembuf *blocking; /* [o] the operation that cannot be done now */
	int status; /* [a] SEM_PENDING, or the result: not on the list then */
};
#define SEM_PENDING 1

void sem_space_init(struct sem_space *space);
/* Remove all sets: nobody uses the namespace any more. */
void sem_space_release(struct sem_space *space);

/* A locked set; it goes with its last reference. */
static inline struct sem_set *sem_set_of(struct ipc_object *object)
{
	return (struct sem_set *)object;
}
void sem_set_put(struct sem_set *set);

/*
 * Do all operations or none: 0; SEM_PENDING: waiter->blocking must wait;
 * -EAGAIN: it must and has IPC_NOWAIT; -ERANGE. Set locked. (semop.c)
 */
int sem_perform(struct sem_set *set, struct sem_waiter *waiter);
/* Values have changed, by what `by` did or (NULL) any: whoever can go on now does. Set locked. */
void sem_update(struct sem_set *set, const struct sem_waiter *by);
/* Everyone who waits gets -EIDRM. Set locked. */
void sem_expel(struct sem_set *set);

/* The running thread's adjustments for the set, made if need be; NULL: no memory. Set locked. */
struct sem_undo *sem_undo_obtain(struct sem_set *set);
/* SETVAL, SETALL: forget adjustments of semaphores [first, first + count). Set locked. */
void sem_undo_clear(struct sem_set *set, uint32_t first, uint32_t count);
/* The set goes: all adjustments with it. Set locked. */
void sem_undo_forget(struct sem_set *set);

#endif
