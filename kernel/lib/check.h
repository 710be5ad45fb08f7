/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_CHECK_H
#define KERNEL_LIB_CHECK_H

/*
 * Invariants of the kernel around shm, which debug builds walk while all CPUs
 * work: /proc/samepage/check (kernel/file/proc_check.c). Each function belongs
 * to one room, takes that room's locks itself, panics when a rule is broken,
 * and adds what it has seen to the totals.
 */

#include <stddef.h>
#include <stdint.h>

struct space;
struct ipc_namespace;
struct process;

struct check_totals {
	uint64_t walks;                                   /* the one that is under way included */
	uint64_t spaces, areas, tables, own_pages, links; /* page tables and what they show */
	uint64_t processes, threads;
	uint64_t sets, semaphores, queues, messages;
	uint64_t free_blocks, free_objects; /* the allocators' */
};

/*
 * Areas against their list, tree and sums; page tables against areas; what its pieces show, and
 * their objects, each mostly once in a walk. Takes the space lock shared. One walk at a time.
 */
void space_check(struct space *space, struct check_totals *totals);
/* The free blocks of frames; the slabs, and that nobody writes to what is free. */
void frames_check(struct check_totals *totals);
void kmem_check(struct check_totals *totals);
/* Numbers, parents, children, threads. */
void process_tree_check(struct check_totals *totals);
/* The process with the lowest number above `pid`, with a reference; NULL: no more. */
struct process *process_check_next(int32_t pid);
/* Semaphore sets and message queues of one namespace. */
void ipc_namespace_check(struct ipc_namespace *ns, struct check_totals *totals);

/* Objects of a size class that are in use, when kmem_trim has just run; 0 behind the last class. */
uint64_t kmem_live_count(unsigned class, size_t *size_bytes);

#endif
