// SPDX-License-Identifier: MIT
/* The files of /proc's root: memory, time, CPUs, version, and the way to the other tables. */

#include "abi/errno.h"
#include "arch/arch.h"
#include "kernel/file/mount.h"
#include "kernel/file/proc.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/log.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/syscall/system.h"

#define TICK_NS 10000000ull

static void add_size(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%-15s %8llu kB\n", name, (unsigned long long)pages * 4);
}

/* Of all spaces, and of objects. A space that a vfork shares is counted twice. */
static uint64_t table_pages(void)
{
	uint64_t count = shm_instance.counters.leaves;
	struct process *process;

	for (int32_t pid = 1; (process = process_find_from(pid)); pid++) {
		struct space *space = process_space_get(process);

		pid = process->pid;
		if (space) {
			count += __atomic_load_n(&space->table_pages, __ATOMIC_RELAXED) + 1;
			space_put(space);
		}
		process_put(process);
	}
	return count;
}

static int show_meminfo(struct text *text, const struct proc_subject *subject)
{
	uint64_t free = frame_free_count();
	uint64_t shared = shm_instance.counters.pages;

	(void)subject;
	add_size(text, "MemTotal:", frame_total_count());
	add_size(text, "MemFree:", free);
	add_size(text, "MemAvailable:", free);
	add_size(text, "Buffers:", 0);
	add_size(text, "Cached:", shared); /* every file is memory that is shared */
	add_size(text, "SwapCached:", 0);
	add_size(text, "Active:", shared);
	add_size(text, "Inactive:", 0);
	add_size(text, "SwapTotal:", 0);
	add_size(text, "SwapFree:", 0);
	add_size(text, "Dirty:", 0);
	add_size(text, "Writeback:", 0);
	add_size(text, "Mapped:", shared);
	add_size(text, "Shmem:", shared);
	add_size(text, "Slab:", kmem_used_bytes() >> PAGE_SHIFT);
	add_size(text, "SReclaimable:", 0);
	add_size(text, "SUnreclaim:", kmem_used_bytes() >> PAGE_SHIFT);
	add_size(text, "PageTables:", table_pages());
	add_size(text, "CommitLimit:", commit_limit());
	add_size(text, "Committed_AS:", commit_count());
	text_add(text, "HugePages_Total:       0\nHugePages_Free:        0\n"
		       "HugePages_Rsvd:        0\nHugePages_Surp:        0\n"
		       "Hugepagesize:       2048 kB\n");
	return 0;
}

/* ---- time ---- */

static uint64_t idle_ns(void)
{
	uint64_t idle = 0;

	for (unsigned i = 0; i < cpu_online_count; i++)
		idle += cpus[i].idle_ns;
	return idle;
}

static void add_hundredths(struct text *text, uint64_t ns)
{
	text_add(text, "%llu.%02llu", (unsigned long long)(ns / 1000000000),
		 (unsigned long long)(ns / TICK_NS % 100));
}

static int show_uptime(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	add_hundredths(text, clock_now_ns());
	text_add(text, " ");
	add_hundredths(text, idle_ns());
	text_add(text, "\n");
	return 0;
}

/* Known gap: no averages are kept; what runs now stands for all three. */
static int show_loadavg(struct text *text, const struct proc_subject *subject)
{
	uint64_t running = schedule_runnable_count();

	(void)subject;
	text_add(text, "%llu.00 %llu.00 %llu.00 %llu/%llu %llu\n", (unsigned long long)running,
		 (unsigned long long)running, (unsigned long long)running,
		 (unsigned long long)running, (unsigned long long)process_count,
		 (unsigned long long)process_fork_count);
	return 0;
}

static void add_cpu(struct text *text, const char *name, uint64_t busy_ns, uint64_t idle)
{
	text_add(text, "%s %llu 0 0 %llu 0 0 0 0 0 0\n", name,
		 (unsigned long long)(busy_ns / TICK_NS), (unsigned long long)(idle / TICK_NS));
}

static int show_stat(struct text *text, const struct proc_subject *subject)
{
	uint64_t busy = 0;
	char name[16];

	(void)subject;
	for (unsigned i = 0; i < cpu_online_count; i++)
		busy += cpus[i].busy_ns;
	add_cpu(text, "cpu ", busy, idle_ns());
	for (unsigned i = 0; i < cpu_online_count; i++) {
		(void)format(name, sizeof(name), "cpu%u", i);
		add_cpu(text, name, cpus[i].busy_ns, cpus[i].idle_ns);
	}
	text_add(text, "intr 0\nctxt 0\nbtime %llu\nprocesses %llu\nprocs_running %llu\n",
		 (unsigned long long)(clock_boot_wall_ns() / 1000000000),
		 (unsigned long long)process_fork_count,
		 (unsigned long long)schedule_runnable_count());
	text_add(text, "procs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

/* ---- what it is ---- */

static int show_cpuinfo(struct text *text, const struct proc_subject *subject)
{
	char lines[1024];

	(void)subject;
	for (unsigned i = 0; i < cpu_online_count; i++) {
		lines[0] = 0;
		arch_cpuinfo_line(lines, sizeof(lines), i);
		text_add_bytes(text, lines, strlen(lines));
	}
	return 0;
}

static int show_version(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "Linux version %s (samepage) (clang) %s\n", system_release, system_version);
	return 0;
}

static int show_filesystems(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "nodev\tproc\nnodev\ttmpfs\nnodev\tramfs\nnodev\tpipefs\n");
	return 0;
}

static int show_cmdline(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%s\n", boot_info.command_line);
	return 0;
}

static int show_devices(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "Character devices:\n  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n\n"
		       "Block devices:\n");
	return 0;
}

/* The log as it stands. Known gap: reading neither waits for more nor takes anything away. */
static int show_kmsg(struct text *text, const struct proc_subject *subject)
{
	char chunk[512];
	uint64_t position = 0;
	size_t got;

	(void)subject;
	while ((got = log_read(&position, chunk, sizeof(chunk))) > 0)
		text_add_bytes(text, chunk, got);
	return 0;
}

/* ---- links ---- */

static long self_link(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	(void)subject;
	return format(text, size_bytes, "%d", process_current()->pid);
}

static long thread_self_link(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	(void)subject;
	return format(text, size_bytes, "%d/task/%d", process_current()->pid,
		      thread_current()->tid);
}

static long mounts_link(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	(void)subject;
	return format(text, size_bytes, "self/mounts");
}

#define FILE_ENTRY(entry_name, how) {.name = (entry_name), .mode = S_IFREG | 0444, .show = (how)}
#define DIRECTORY_ENTRY(entry_name, table)                                                         \
	{.name = (entry_name), .mode = S_IFDIR | 0555, .entries = (table)}
#define LINK_ENTRY(entry_name, how) {.name = (entry_name), .mode = S_IFLNK | 0777, .link = (how)}

const struct proc_entry proc_system_entries[] = {
	FILE_ENTRY("cmdline", show_cmdline),
	FILE_ENTRY("cpuinfo", show_cpuinfo),
	FILE_ENTRY("devices", show_devices),
	FILE_ENTRY("filesystems", show_filesystems),
	{.name = "kmsg", .mode = S_IFREG | 0400, .show = show_kmsg},
	FILE_ENTRY("loadavg", show_loadavg),
	FILE_ENTRY("meminfo", show_meminfo),
	LINK_ENTRY("mounts", mounts_link),
	DIRECTORY_ENTRY("samepage", proc_samepage_entries),
	LINK_ENTRY("self", self_link),
	FILE_ENTRY("stat", show_stat),
	DIRECTORY_ENTRY("sys", proc_sys_entries),
	DIRECTORY_ENTRY("sysvipc", proc_sysvipc_entries),
	LINK_ENTRY("thread-self", thread_self_link),
	FILE_ENTRY("uptime", show_uptime),
	FILE_ENTRY("version", show_version),
	{.name = NULL},
};
