/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_TREE_H
#define KERNEL_PROCESS_TREE_H

/* The tree of processes, for this folder. `_locked`: the tree lock is held. */

#include "kernel/process/process.h"
#include "kernel/process/signal_send.h"

extern struct list_node process_list; /* tree lock: all of them, by in_all */

struct process *process_create(void); /* in no tree, one reference; NULL: no memory */
void process_insert_locked(struct process *process, struct thread *thread, struct process *parent);
void process_remove_locked(struct process *process); /* the tree's reference is the caller's now */
void thread_insert_locked(struct thread *thread, int32_t tid, struct process *process);
struct thread *thread_find_locked(int32_t tid);

/* All threads leave, with this wait4 status unless one is set already. */
void process_kill_locked(struct process *process, int status);
/* A zombie, or one whose parent does not care, goes for good: the caller drops the reference. */
void process_reap_locked(struct process *process);
/* The parent learns of the zombie; true: it does not care, the zombie is reaped, put it. */
bool process_zombie_tell_locked(struct process *process);
/* The parent (or tracer of jobs) learns that a child stopped, continued or ended. */
void process_tell_parent_locked(struct process *process, int code, int status);
const struct cred *process_cred_locked(struct process *process); /* never NULL */
/* A vfork parent waits for this thread no longer. */
void vfork_release(struct thread *thread);

#endif
