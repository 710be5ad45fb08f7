// SPDX-License-Identifier: MIT
/* /proc/PID and /proc/PID/task/TID: the table, and the short files. stat and status: proc_stat.c. */

#include "abi/errno.h"
#include "kernel/file/mount.h"
#include "kernel/file/path.h"
#include "kernel/file/proc.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

/* ---- getting hold of it ---- */

struct process *proc_process(const struct proc_subject *subject)
{
	struct process *process = process_find(subject->pid);

	if (!process || process->serial == subject->serial)
		return process;
	process_put(process);
	return NULL;
}

struct thread *proc_thread(const struct proc_subject *subject)
{
	struct thread *thread = thread_find(subject->tid);

	if (!thread || thread->process->serial == subject->serial)
		return thread;
	thread_put(thread);
	return NULL;
}

struct space *proc_space(const struct proc_subject *subject)
{
	if (subject->held)
		return space_get_held(subject->held);

	struct process *process = proc_process(subject);
	struct space *space = process ? process_space_get(process) : NULL;

	process_put(process);
	return space;
}

/* The file-system context of the subject's thread, for who may look, with a reference; NULL: none any more. */
static struct fs_context *proc_context(const struct proc_subject *subject)
{
	struct thread *thread = proc_thread(subject);
	struct fs_context *context = NULL;

	if (!thread)
		return NULL;
	spin_lock(&tree_lock);
	if (thread->fs && process_may_locked(thread->process, PROCESS_LOOK))
		context = fs_context_get(thread->fs);
	spin_unlock(&tree_lock);
	thread_put(thread);
	return context;
}

/* ---- memory of the program ---- */

#define PROGRAM_TEXT_MAX (1u << 20)

static int show_program_text(struct text *text, const struct proc_subject *subject,
			     bool environment)
{
	struct space *space = proc_space(subject);
	char chunk[512];

	if (!space) /* a zombie, or a thread of the kernel's own */
		return 0;
	uint64_t at = environment ? space->environment_start : space->arguments_start;
	uint64_t end = environment ? space->environment_end : space->arguments_end;
	if (end - at > PROGRAM_TEXT_MAX)
		end = at + PROGRAM_TEXT_MAX;
	while (at < end) {
		size_t want = end - at < sizeof(chunk) ? end - at : sizeof(chunk);
		size_t got = space_copy_in(space, chunk, at, want);

		text_add_bytes(text, chunk, got);
		at += got;
		if (got < want)
			break;
	}
	space_put(space);
	return 0;
}

static int show_cmdline(struct text *text, const struct proc_subject *subject)
{
	return show_program_text(text, subject, false);
}

static int show_environ(struct text *text, const struct proc_subject *subject)
{
	return show_program_text(text, subject, true);
}

static int show_auxv(struct text *text, const struct proc_subject *subject)
{
	const struct space *space = subject->held; /* its record is enough */
	size_t words = 0;

	while (words + 2 < sizeof(space->auxv) / 8 && space->auxv[words])
		words += 2;
	text_add_bytes(text, space->auxv, (words + 2) * 8);
	return 0;
}

static int show_statm(struct text *text, const struct proc_subject *subject)
{
	struct space *space = proc_space(subject);
	struct space_usage usage = {0};

	if (space) {
		space_usage(space, &usage);
		space_put(space);
	}
	text_add(text, "%llu %llu %llu %llu 0 %llu 0\n", (unsigned long long)usage.mapped,
		 (unsigned long long)(usage.own + usage.shared), (unsigned long long)usage.shared,
		 (unsigned long long)usage.text, (unsigned long long)(usage.data + usage.stack));
	return 0;
}

/* ---- names ---- */

static int show_comm(struct text *text, const struct proc_subject *subject)
{
	struct thread *thread = proc_thread(subject);

	if (!thread)
		return -ESRCH;
	text_add(text, "%s\n", thread->name);
	thread_put(thread);
	return 0;
}

static int store_comm(const char *name, const struct proc_subject *subject)
{
	struct thread *thread = proc_thread(subject);

	if (!thread)
		return -ESRCH;
	if (thread->process != process_current()) {
		thread_put(thread);
		return -EINVAL;
	}
	(void)string_copy(thread->name, name, sizeof(thread->name));
	char *end = strchr(thread->name, '\n');
	if (end)
		*end = 0;
	thread_put(thread);
	return 0;
}

/* ---- shortages made on purpose ---- */

#ifdef SAMEPAGE_DEBUG
static bool is_own_thread(const struct proc_subject *subject)
{
	return subject->tid == thread_current()->tid &&
	       subject->serial == process_current()->serial;
}

static uint64_t fail_nth_value(const struct proc_subject *subject)
{
	return is_own_thread(subject) ? fail_nth_left() : 0;
}

/* As Linux has it with fault injection: the Nth allocation of this thread from now on fails. */
static int store_fail_nth(const char *text, const struct proc_subject *subject)
{
	uint64_t value;

	if (!is_own_thread(subject) || !string_parse_u64(&text, &value))
		return -EINVAL;
	fail_nth_set((uint32_t)value);
	return 0;
}

#define DEBUG_ENTRIES                                                                              \
	{.name = "fail-nth",                                                                       \
	 .mode = S_IFREG | 0644,                                                                   \
	 .value = fail_nth_value,                                                                  \
	 .store = store_fail_nth},
#else
#define DEBUG_ENTRIES
#endif

/* ---- limits ---- */

static const struct {
	const char *name, *unit;
	unsigned resource; /* RLIMIT_* */
} limit_names[] = {
	{"Max cpu time", "seconds", 0},     {"Max file size", "bytes", 1},
	{"Max data size", "bytes", 2},      {"Max stack size", "bytes", 3},
	{"Max core file size", "bytes", 4}, {"Max resident set", "bytes", 5},
	{"Max processes", "processes", 6},  {"Max open files", "files", 7},
	{"Max locked memory", "bytes", 8},  {"Max address space", "bytes", 9},
	{"Max file locks", "locks", 10},    {"Max pending signals", "signals", 11},
	{"Max msgqueue size", "bytes", 12}, {"Max nice priority", "", 13},
	{"Max realtime priority", "", 14},  {"Max realtime timeout", "us", 15},
};

static void limit_text(char text[24], uint64_t limit)
{
	if (limit == UINT64_MAX)
		(void)string_copy(text, "unlimited", 24);
	else
		(void)format(text, 24, "%llu", (unsigned long long)limit);
}

static int show_limits(struct text *text, const struct proc_subject *subject)
{
	struct process *process = proc_process(subject);
	char soft[24], hard[24];

	if (!process)
		return -ESRCH;
	text_add(text, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < sizeof(limit_names) / sizeof(limit_names[0]); i++) {
		limit_text(soft, process->limits[limit_names[i].resource][0]);
		limit_text(hard, process->limits[limit_names[i].resource][1]);
		text_add(text, "%-25s %-20s %-20s %-10s\n", limit_names[i].name, soft, hard,
			 limit_names[i].unit);
	}
	process_put(process);
	return 0;
}

static int show_mounts(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	mount_table_text(text);
	return 0;
}

static int show_mountinfo(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	mount_info_text(text);
	return 0;
}

/* ---- links ---- */

static long dentry_link_text(struct dentry *dentry, char *text, size_t size_bytes)
{
	bool reachable, deleted;

	if (!dentry)
		return -ENOENT;
	struct dentry *root = context_root();
	long length = dentry_path(dentry, root, text, size_bytes, &reachable, &deleted);
	dentry_put(root);
	if (length >= 0 && deleted && (size_t)length + 11 <= size_bytes) {
		memcpy(text + length, " (deleted)", 11);
		length += 10;
	}
	return length;
}

static long place_text(const struct proc_subject *subject, bool root, char *text, size_t size_bytes)
{
	struct fs_context *context = proc_context(subject);
	struct dentry *place = root ? context_root_of(context) : context_directory_of(context);
	long length = dentry_link_text(place, text, size_bytes);

	dentry_put(place);
	fs_context_put(context);
	return length;
}

static int place_follow(const struct proc_subject *subject, bool root, struct dentry **target)
{
	struct fs_context *context = proc_context(subject);

	*target = root ? context_root_of(context) : context_directory_of(context);
	fs_context_put(context);
	return *target ? 0 : -ENOENT;
}

static long cwd_text(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	return place_text(subject, false, text, size_bytes);
}

static int cwd_follow(const struct proc_subject *subject, struct dentry **target)
{
	return place_follow(subject, false, target);
}

static long root_text(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	return place_text(subject, true, text, size_bytes);
}

static int root_follow(const struct proc_subject *subject, struct dentry **target)
{
	return place_follow(subject, true, target);
}

/* The program's file, with a reference to its dentry. */
static int exe_follow(const struct proc_subject *subject, struct dentry **target)
{
	struct process *process = proc_process(subject);
	struct space *space;
	int err = process ? process_space_access(process, PROCESS_LOOK, &space) : -ESRCH;

	process_put(process);
	*target = NULL;
	if (err)
		return err == -ESRCH ? -ENOENT : err;
	space_lock(space, false);
	if (space->executable && space->executable->dentry) {
		*target = space->executable->dentry;
		dentry_get(*target);
	}
	space_unlock(space, false);
	space_put(space);
	return *target ? 0 : -ENOENT;
}

static long exe_text(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	struct dentry *dentry;
	int err = exe_follow(subject, &dentry);

	if (err)
		return err;
	long length = dentry_link_text(dentry, text, size_bytes);
	dentry_put(dentry);
	return length;
}

/* ---- task ---- */

static int find_task(const struct proc_subject *subject, const char *name, size_t length,
		     const struct proc_entry **entry, struct proc_subject *found)
{
	int32_t tid = proc_parse_number(name, length);
	struct thread *thread = tid > 0 ? thread_find(tid) : NULL;

	if (!thread)
		return -ENOENT;
	bool belongs = thread->process->serial == subject->serial;
	thread_put(thread);
	if (!belongs)
		return -ENOENT;
	*found = (struct proc_subject){.pid = subject->pid, .tid = tid, .serial = subject->serial};
	*entry = &proc_thread_directory;
	return 0;
}

/* The thread with the lowest id above *cursor. */
static bool list_tasks(const struct proc_subject *subject, uint64_t *cursor, char name[16])
{
	struct process *process = proc_process(subject);
	int32_t best = INT32_MAX;

	if (!process)
		return false;
	spin_lock(&tree_lock);
	list_for_each (node, &process->threads) {
		struct thread *thread = container_of(node, struct thread, in_process);

		if ((uint64_t)thread->tid > *cursor && thread->tid < best)
			best = thread->tid;
	}
	spin_unlock(&tree_lock);
	process_put(process);
	if (best == INT32_MAX)
		return false;
	*cursor = (uint64_t)best;
	(void)format(name, 16, "%d", best);
	return true;
}

/* ---- the tables ---- */

/* What a process and a thread both have. */
#define COMMON_ENTRIES                                                                             \
	{.name = "auxv",                                                                           \
	 .mode = S_IFREG | 0400,                                                                   \
	 .show = show_auxv,                                                                        \
	 .of_space = PROC_SPACE,                                                                   \
	 .outlives = true},                                                                        \
		{.name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline},                 \
		{.name = "comm", .mode = S_IFREG | 0644, .show = show_comm, .store = store_comm},  \
		{.name = "cwd",                                                                    \
		 .mode = S_IFLNK | 0777,                                                           \
		 .link = cwd_text,                                                                 \
		 .follow = cwd_follow,                                                             \
		 .owner_only = true},                                                              \
		{.name = "environ",                                                                \
		 .mode = S_IFREG | 0400,                                                           \
		 .show = show_environ,                                                             \
		 .of_space = PROC_SPACE,                                                           \
		 .outlives = true},                                                                \
		{.name = "exe",                                                                    \
		 .mode = S_IFLNK | 0777,                                                           \
		 .link = exe_text,                                                                 \
		 .follow = exe_follow,                                                             \
		 .owner_only = true},                                                              \
		{.name = "limits", .mode = S_IFREG | 0444, .show = show_limits},                   \
		{.name = "maps",                                                                   \
		 .mode = S_IFREG | 0444,                                                           \
		 .stream = proc_stream_maps,                                                       \
		 .of_space = PROC_SPACE_OR_NONE},                                                  \
		{.name = "mountinfo",                                                              \
		 .mode = S_IFREG | 0444,                                                           \
		 .show = show_mountinfo,                                                           \
		 .outlives = true},                                                                \
		{.name = "mounts", .mode = S_IFREG | 0444, .show = show_mounts, .outlives = true}, \
		{.name = "pagemap",                                                                \
		 .mode = S_IFREG | 0400,                                                           \
		 .operations = &proc_pagemap_operations,                                           \
		 .of_space = PROC_SPACE_OR_NONE},                                                  \
		{.name = "root",                                                                   \
		 .mode = S_IFLNK | 0777,                                                           \
		 .link = root_text,                                                                \
		 .follow = root_follow,                                                            \
		 .owner_only = true},                                                              \
		{.name = "smaps",                                                                  \
		 .mode = S_IFREG | 0444,                                                           \
		 .stream = proc_stream_smaps,                                                      \
		 .of_space = PROC_SPACE_OR_NONE},                                                  \
		{.name = "smaps_rollup",                                                           \
		 .mode = S_IFREG | 0444,                                                           \
		 .show = proc_show_smaps_rollup,                                                   \
		 .of_space = PROC_SPACE},                                                          \
		{.name = "stat", .mode = S_IFREG | 0444, .show = proc_show_stat},                  \
		{.name = "statm", .mode = S_IFREG | 0444, .show = show_statm},                     \
	{                                                                                          \
		.name = "status", .mode = S_IFREG | 0444, .show = proc_show_status                 \
	}

#define FD_ENTRIES                                                                                 \
	{.name = "fd",                                                                             \
	 .mode = S_IFDIR | 0500,                                                                   \
	 .find = proc_fd_find,                                                                     \
	 .list = proc_fd_list,                                                                     \
	 .owner_only = true,                                                                       \
	 .own_may_look = true},                                                                    \
	{                                                                                          \
		.name = "fdinfo", .mode = S_IFDIR | 0555, .find = proc_fdinfo_find,                \
		.list = proc_fd_list, .owner_only = true                                           \
	}

/* clang-format off */
static const struct proc_entry thread_entries[] = {
	COMMON_ENTRIES,
	DEBUG_ENTRIES
	FD_ENTRIES,
	{.name = "ns", .mode = S_IFDIR | 0511, .entries = proc_namespace_entries},
	{.name = NULL},
};

static const struct proc_entry process_entries[] = {
	COMMON_ENTRIES,
	DEBUG_ENTRIES
	FD_ENTRIES,
	{.name = "ns", .mode = S_IFDIR | 0511, .entries = proc_namespace_entries},
	{.name = "task", .mode = S_IFDIR | 0555, .find = find_task, .list = list_tasks},
	{.name = NULL},
};
/* clang-format on */

const struct proc_entry proc_process_directory = {
	.name = "",
	.mode = S_IFDIR | 0555,
	.entries = process_entries,
};

const struct proc_entry proc_thread_directory = {
	.name = "",
	.mode = S_IFDIR | 0555,
	.entries = thread_entries,
};
