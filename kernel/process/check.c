// SPDX-License-Identifier: MIT
/* Invariants of the process tree (kernel/lib/check.h), under its lock. */

#ifdef SAMEPAGE_DEBUG

#include "kernel/lib/check.h"

#include "kernel/lib/print.h"
#include "kernel/process/tree.h"
#include "kernel/process/user.h"

/* Returns how many threads its users count for it. */
static uint64_t check_process(struct process *process, struct check_totals *totals)
{
	unsigned threads = 0;

	kassert(process->references > 0);
	kassert(process_find_locked(process->pid) == process);
	list_for_each (node, &process->threads) {
		struct thread *thread = container_of(node, struct thread, in_process);

		kassert(thread->process == process && thread->references > 0);
		kassert(thread_find_locked(thread->tid) == thread);
		threads++;
	}
	kassert(threads == process->thread_count);
	kassert(!process->zombie || !threads);
	/* Its first thread is there, or its credentials are. */
	kassert(process->zombie_cred != NULL || thread_find_locked(process->pid) != NULL);
	list_for_each (node, &process->children)
		kassert(container_of(node, struct process, in_siblings)->parent == process);
	totals->processes++;
	totals->threads += threads;
	return threads + (process->zombie_cred != NULL);
}

void process_tree_check(struct check_totals *totals)
{
	uint64_t before = totals->processes, counted = 0;

	spin_lock(&tree_lock);
	list_for_each (node, &process_list)
		counted += check_process(container_of(node, struct process, in_all), totals);
	kassert(counted == user_thread_count_locked());
	kassert(totals->processes - before == process_count);
	spin_unlock(&tree_lock);
}

struct process *process_check_next(int32_t pid)
{
	struct process *lowest = NULL;

	spin_lock(&tree_lock);
	list_for_each (node, &process_list) {
		struct process *process = container_of(node, struct process, in_all);

		if (process->pid > pid && (!lowest || process->pid < lowest->pid))
			lowest = process;
	}
	process_get(lowest);
	spin_unlock(&tree_lock);
	return lowest;
}

#endif
