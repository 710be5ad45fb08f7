// SPDX-License-Identifier: MIT
/*
 * /proc/samepage/check and counts, in debug builds, for root.
 *
 * Writing to check walks every invariant that can be taken while all CPUs work,
 * and panics when one is broken; reading it tells how much all walks together
 * have seen, so that a walk that sees nothing is noticed. counts tells what is
 * in use, with the CPUs' caches given back: two quiet moments compare exactly.
 *
 * A space is walked under its lock, an object and a namespace when their mutex
 * is free at that moment: who holds it may be in the middle of something.
 */

#ifdef SAMEPAGE_DEBUG

#include "abi/errno.h"
#include "kernel/file/proc.h"
#include "kernel/lib/check.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

#define NAMESPACES_MAX 32 /* of one walk; those beyond are left out */
#define CLASSES_MAX    24

static struct mutex walking; /* one walk at a time; zero: free, without a rank */
static struct check_totals totals;

struct namespaces {
	struct ipc_namespace *of[NAMESPACES_MAX];
	unsigned count;
};

/* Those of the process's threads, with references. */
static void namespaces_add(struct namespaces *found, struct process *process)
{
	spin_lock(&tree_lock);
	list_for_each (node, &process->threads) {
		struct ipc_namespace *ns = container_of(node, struct thread, in_process)->ipc;
		unsigned i = 0;

		while (i < found->count && found->of[i] != ns)
			i++;
		if (!ns || i < found->count || i == NAMESPACES_MAX)
			continue;
		ipc_namespace_get(ns);
		found->of[found->count++] = ns;
	}
	spin_unlock(&tree_lock);
}

static void walk_namespaces(struct namespaces *found)
{
	for (unsigned i = 0; i < found->count; i++) {
		shm_check_namespace(found->of[i]->shm);
		ipc_namespace_check(found->of[i], &totals);
		ipc_namespace_put(found->of[i]);
		arch_interrupt_point();
	}
}

static void walk_spaces(struct namespaces *found)
{
	struct process *process;
	struct space *space;

	for (int32_t pid = 0; (process = process_check_next(pid)); process_put(process)) {
		pid = process->pid;
		namespaces_add(found, process);
		space = process_space_get(process);
		if (space) {
			space_check(space, &totals);
			space_put(space);
		}
		arch_interrupt_point();
	}
}

int proc_store_check(const char *text, const struct proc_subject *subject)
{
	struct namespaces found = {.count = 0};

	(void)text;
	(void)subject;
	if (!mutex_try(&walking))
		return -EBUSY;
	totals.walks++;
	walk_spaces(&found);
	walk_namespaces(&found);
	process_tree_check(&totals);
	frames_check(&totals);
	kmem_check(&totals);
	mutex_unlock(&walking);
	return 0;
}

static void add(struct text *text, const char *name, uint64_t value)
{
	text_add(text, "%s %llu\n", name, (unsigned long long)value);
}

int proc_show_check(struct text *text, const struct proc_subject *subject)
{
	const struct shm_checked *shm = &shm_instance.checked;

	(void)subject;
	add(text, "walks", totals.walks);
	add(text, "spaces", totals.spaces);
	add(text, "areas", totals.areas);
	add(text, "tables", totals.tables);
	add(text, "own_pages", totals.own_pages);
	add(text, "links", totals.links);
	add(text, "pieces", shm->pieces);
	add(text, "pieces_skipped", shm->pieces_skipped);
	add(text, "objects", shm->objects);
	add(text, "objects_skipped", shm->objects_skipped);
	add(text, "segments", shm->segments);
	add(text, "namespaces", shm->namespaces);
	add(text, "namespaces_skipped", shm->namespaces_skipped);
	add(text, "sets", totals.sets);
	add(text, "queues", totals.queues);
	add(text, "messages", totals.messages);
	add(text, "processes", totals.processes);
	add(text, "threads", totals.threads);
	add(text, "free_blocks", totals.free_blocks);
	add(text, "free_objects", totals.free_objects);
	return 0;
}

int proc_show_counts(struct text *text, const struct proc_subject *subject)
{
	const struct shm_counters *shm = &shm_instance.counters;
	uint64_t frames = frame_total_count() - frame_free_count(), live[CLASSES_MAX];
	size_t size_bytes[CLASSES_MAX];
	unsigned classes = 0;

	(void)subject;
	/* Before the text, which takes memory too. */
	for (; classes < CLASSES_MAX; classes++) {
		live[classes] = kmem_live_count(classes, &size_bytes[classes]);
		if (!size_bytes[classes])
			break;
	}
	add(text, "frames", frames);
	add(text, "promised", commit_count());
	add(text, "objects", shm->objects);
	add(text, "pages", shm->pages);
	add(text, "leaves", shm->leaves);
	add(text, "mappings", shm->mappings);
	add(text, "processes", process_count);
	for (unsigned i = 0; i < classes; i++)
		text_add(text, "small_%lu %llu\n", (unsigned long)size_bytes[i],
			 (unsigned long long)live[i]);
	return 0;
}

#endif
