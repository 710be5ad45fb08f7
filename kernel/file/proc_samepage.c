// SPDX-License-Identifier: MIT
/* /proc/samepage: counters as "name value" lines, for tests and the curious. */

#include "kernel/file/proc.h"
#include "kernel/mm/flush.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

static void add(struct text *text, const char *name, const uint64_t *counter)
{
	text_add(text, "%s %llu\n", name,
		 (unsigned long long)__atomic_load_n(counter, __ATOMIC_RELAXED));
}

static int show_counters(struct text *text, const struct proc_subject *subject)
{
	const struct shm_counters *shm = &shm_instance.counters;

	(void)subject;
	add(text, "link", &(uint64_t){shm_instance.link});
	add(text, "objects", &shm->objects);
	add(text, "pages", &shm->pages);
	add(text, "leaves", &shm->leaves);
	add(text, "mappings", &shm->mappings);
	add(text, "links", &shm->links);
	add(text, "drops", &shm->drops);
	add(text, "fills", &shm->fills);
	add(text, "faults", &shm->faults);
	add(text, "flush_ranges", &flush_counters.ranges);
	add(text, "flush_shared", &flush_counters.shared);
	add(text, "interrupts", &flush_counters.interrupts);
	add(text, "processes", &process_count);
	add(text, "forks", &process_fork_count);
	/* Last, since making this text takes memory too. */
	add(text, "free_frames", &(uint64_t){frame_free_count()});
	add(text, "total_frames", &(uint64_t){frame_total_count()});
	add(text, "small_bytes", &(uint64_t){kmem_used_bytes()});
	add(text, "object_bytes", &(uint64_t){kmem_object_bytes()});
	return 0;
}

#ifdef SAMEPAGE_DEBUG
#define DEBUG_ENTRIES                                                                              \
	{.name = "check",                                                                          \
	 .mode = S_IFREG | 0600,                                                                   \
	 .show = proc_show_check,                                                                  \
	 .store = proc_store_check},                                                               \
		{.name = "counts", .mode = S_IFREG | 0400, .show = proc_show_counts},
#else
#define DEBUG_ENTRIES
#endif

const struct proc_entry proc_samepage_entries[] = {
	{.name = "counters", .mode = S_IFREG | 0444, .show = show_counters},
	{.name = "shm_table",
	 .mode = S_IFREG | 0666,
	 .show = proc_show_shm_table,
	 .store = proc_store_shm_table},
	DEBUG_ENTRIES{.name = NULL},
};
