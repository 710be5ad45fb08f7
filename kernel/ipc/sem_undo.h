/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_IPC_SEM_UNDO_H
#define KERNEL_IPC_SEM_UNDO_H

/* SEM_UNDO, for fork, exit and unshare: a thread's list of adjustments (thread.sem_undo). */

struct thread;

/* clone(2), CLONE_SYSVSEM: the child shares the running thread's list. 0; -ENOMEM. */
int sem_undo_share(struct thread *child);
/*
 * The thread ends, or leaves the list or the IPC namespace: if it was the
 * list's last user, the adjustments are made. No locks held.
 */
void sem_undo_exit(struct thread *thread);

#endif
