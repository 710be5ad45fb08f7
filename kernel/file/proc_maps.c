// SPDX-License-Identifier: MIT
/* /proc/PID/maps, smaps and smaps_rollup: proc(5). */

#include "abi/errno.h"
#include "kernel/file/inode.h"
#include "kernel/file/proc.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

#define NAME_COLUMN 73 /* where Linux puts the name */
#define NAME_BYTES  4096

/* What Linux shows for its internal shared memory: device 00:01. */
#define SEGMENT_DEVICE abi_device(0, 1)

/* A name may have newlines: each is \012, so that a line stays one. Returns its length. */
static size_t name_escape(char *name, size_t length, size_t size_bytes)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] != '\n')
			continue;
		if (length + 3 > size_bytes)
			return i;
		memmove(name + i + 4, name + i + 1, length - i - 1);
		memcpy(name + i, "\\012", 4);
		length += 3;
	}
	return length;
}

static size_t view_name(const struct area_view *view, char *name, size_t size_bytes)
{
	if (view->segment)
		return (size_t)format(name, size_bytes, "/SYSV%08x (deleted)", view->key);
	if (view->file)
		return name_escape(name, file_path(view->file, name, size_bytes), size_bytes);
	if (view->shows_object)
		return (size_t)format(name, size_bytes, "/dev/zero (deleted)");
	if (view->flags & AREA_HEAP)
		return (size_t)format(name, size_bytes, "[heap]");
	if (view->initial_stack)
		return (size_t)format(name, size_bytes, "[stack]");
	name[0] = 0;
	return 0;
}

static void show_view(struct text *text, const struct area_view *view, char *name)
{
	uint64_t device = 0, number = 0;

	if (view->file)
		file_identity(view->file, &device, &number);
	if (view->segment || (view->shows_object && !view->file)) {
		device = SEGMENT_DEVICE;
		number = view->segment ? (uint64_t)(uint32_t)view->shmid : view->object_serial;
	}
	bool is_private = !view->shows_object || (view->flags & AREA_PRIVATE);
	char line[128];
	int length = format(line, sizeof(line), "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ",
			    (unsigned long long)view->start, (unsigned long long)view->end,
			    view->protection & SHM_READ ? 'r' : '-',
			    view->protection & SHM_WRITE ? 'w' : '-',
			    view->protection & SHM_EXEC ? 'x' : '-', is_private ? 'p' : 's',
			    (unsigned long long)view->file_offset, abi_device_major(device),
			    abi_device_minor(device), (unsigned long long)number);

	text_add_bytes(text, line, (size_t)length);
	size_t name_bytes = view_name(view, name, NAME_BYTES);
	if (name_bytes) {
		text_add(text, "%*s", length < NAME_COLUMN ? NAME_COLUMN - length : 0, "");
		text_add_bytes(text, name, name_bytes);
	}
	text_add_bytes(text, "\n", 1);
}

/* ---- smaps ---- */

/* Bytes; of one area, or of all. */
struct sums {
	uint64_t pss, pss_dirty, shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t anonymous, locked;
};

static bool view_is_private(const struct area_view *view)
{
	return !view->shows_object || (view->flags & AREA_PRIVATE);
}

/*
 * Known gap: which pages this process itself touched is not told; what is
 * resident counts, and the object's mappings are taken to show all of it.
 */
static void sums_add(struct sums *sums, const struct area_view *view)
{
	uint64_t object = view->object_pages * PAGE_BYTES;
	uint64_t own = view->own_pages * PAGE_BYTES, common = view->own_shared * PAGE_BYTES;
	uint64_t share = object / (view->object_maps ? view->object_maps : 1);

	sums->anonymous += own;
	sums->private_dirty += own - common;
	sums->shared_dirty += common;
	sums->pss += view->own_pss_bytes + share;
	sums->pss_dirty += view->own_pss_bytes + (view_is_private(view) ? 0 : share);
	/* A file's pages seen privately are program text and its like: clean. */
	if (view_is_private(view))
		*(view->object_maps > 1 ? &sums->shared_clean : &sums->private_clean) += object;
	else
		*(view->object_maps > 1 ? &sums->shared_dirty : &sums->private_dirty) += object;
	if (view->flags & AREA_LOCKED)
		sums->locked += view->own_pss_bytes + share;
}

static void show_line(struct text *text, const char *name, uint64_t bytes)
{
	text_add(text, "%-15s %*llu kB\n", name, strlen(name) > 15 ? 7 : 8,
		 (unsigned long long)bytes / 1024);
}

static void show_sums(struct text *text, const struct sums *sums)
{
	static const char *const never[] = {
		"KSM:",           "LazyFree:",       "AnonHugePages:",   "ShmemPmdMapped:",
		"FilePmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:", "Swap:",
		"SwapPss:"};
	uint64_t resident =
		sums->shared_clean + sums->shared_dirty + sums->private_clean + sums->private_dirty;

	show_line(text, "Rss:", resident);
	show_line(text, "Pss:", sums->pss);
	show_line(text, "Pss_Dirty:", sums->pss_dirty);
	show_line(text, "Shared_Clean:", sums->shared_clean);
	show_line(text, "Shared_Dirty:", sums->shared_dirty);
	show_line(text, "Private_Clean:", sums->private_clean);
	show_line(text, "Private_Dirty:", sums->private_dirty);
	show_line(text, "Referenced:", resident);
	show_line(text, "Anonymous:", sums->anonymous);
	for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		show_line(text, never[i], 0);
	show_line(text, "Locked:", sums->locked);
}

static void show_flags(struct text *text, const struct area_view *view)
{
	bool huge = view->page_bytes != PAGE_BYTES, shared = !view_is_private(view);
	/* Who could not write when it was mapped has nothing to share, to Linux. */
	bool writer = view->file ? file_can_write(view->file)
				 : !view->segment || (view->protection_max & SHM_WRITE);
	const struct {
		bool holds;
		const char *letters;
	} flags[] = {
		{view->protection & SHM_READ, "rd"},
		{view->protection & SHM_WRITE, "wr"},
		{view->protection & SHM_EXEC, "ex"},
		{shared && writer, "sh"},
		{view->protection_max & SHM_READ, "mr"},
		{view->protection_max & SHM_WRITE, "mw"},
		{view->protection_max & SHM_EXEC, "me"},
		{shared, "ms"},
		{view->flags & AREA_STACK, "gd"},
		{view->flags & AREA_GUARDED, "gu"},
		{view->flags & AREA_LOCKED, "lo"},
		{view->flags & AREA_SEQUENTIAL, "sr"},
		{view->flags & AREA_RANDOM, "rr"},
		{view->flags & AREA_DONTFORK, "dc"},
		{huge, "de"},
		{view->flags & AREA_ONFAULT, "lf"},
		{view->flags & AREA_CHARGED, "ac"},
		{view->flags & AREA_NORESERVE, "nr"},
		{huge, "ht"},
		{view->flags & AREA_WIPEONFORK, "wf"},
		{view->flags & AREA_DONTDUMP, "dd"},
	};

	text_add(text, "VmFlags:");
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].holds)
			text_add(text, " %s", flags[i].letters);
	text_add(text, " \n");
}

static void show_details(struct text *text, const struct area_view *view)
{
	struct sums sums = {0};

	sums_add(&sums, view);
	show_line(text, "Size:", view->end - view->start);
	show_line(text, "KernelPageSize:", view->page_bytes);
	show_line(text, "MMUPageSize:", view->page_bytes);
	show_sums(text, &sums);
	text_add(text, "THPeligible:           0\n");
	show_flags(text, view);
}

static void stream_areas(struct text *text, struct proc_stream *stream, bool details)
{
	struct space *space = stream->held ? space_get_held(stream->held) : NULL;
	struct area_view view;

	if (!space)
		return;
	char *name = kmem_alloc(NAME_BYTES);
	if (!name)
		text->no_memory = true;
	while (name && text->length < stream->wanted_bytes &&
	       space_view_next(space, &stream->cursor, &view, details)) {
		show_view(text, &view, name);
		if (details)
			show_details(text, &view);
		if (view.file)
			file_put(view.file);
	}
	kmem_free(name, NAME_BYTES);
	space_put(space);
}

int proc_show_smaps_rollup(struct text *text, const struct proc_subject *subject)
{
	struct space *space = proc_space(subject);
	uint64_t cursor = 0, first = 0;
	struct sums sums = {0};
	struct area_view view;

	if (!space)
		return -ESRCH;
	while (space_view_next(space, &cursor, &view, true)) {
		if (!first)
			first = view.start;
		sums_add(&sums, &view);
		if (view.file)
			file_put(view.file);
		schedule_point();
		if (signal_kill_is_pending())
			break;
	}
	space_put(space);
	int length = 0;
	char line[80];
	length = format(line, sizeof(line), "%08llx-%08llx ---p 00000000 00:00 0 ",
			(unsigned long long)first, (unsigned long long)cursor);
	text_add_bytes(text, line, (size_t)length);
	text_add(text, "%*s[rollup]\n", length < NAME_COLUMN ? NAME_COLUMN - length : 0, "");
	show_sums(text, &sums);
	return 0;
}

void proc_stream_maps(struct text *text, struct proc_stream *stream)
{
	stream_areas(text, stream, false);
}

void proc_stream_smaps(struct text *text, struct proc_stream *stream)
{
	stream_areas(text, stream, true);
}
