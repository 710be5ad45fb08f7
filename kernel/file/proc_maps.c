// SPDX-License-Identifier: MIT
/* /proc/PID/maps and smaps: proc(5). */

#include "abi/errno.h"
#include "kernel/file/inode.h"
#include "kernel/file/proc.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"

#define NAME_COLUMN 73 /* where Linux puts the name */

/* What Linux shows for its internal shared memory: device 00:01. */
#define SEGMENT_DEVICE abi_device(0, 1)

static size_t view_name(const struct area_view *view, char *name, size_t size_bytes)
{
	if (view->segment)
		return (size_t)format(name, size_bytes, "/SYSV%08x (deleted)", view->key);
	if (view->file)
		return file_path(view->file, name, size_bytes);
	if (view->shows_object)
		return (size_t)format(name, size_bytes, "/dev/zero (deleted)");
	if (view->flags & AREA_HEAP)
		return (size_t)format(name, size_bytes, "[heap]");
	if (view->flags & AREA_STACK)
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
		number = view->segment ? (uint64_t)(uint32_t)view->shmid : 1;
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
	size_t name_bytes = view_name(view, name, 4096);
	if (name_bytes) {
		text_add(text, "%*s", length < NAME_COLUMN ? NAME_COLUMN - length : 0, "");
		text_add_bytes(text, name, name_bytes);
	}
	text_add_bytes(text, "\n", 1);
}

static void show_line(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%-15s %8llu kB\n", name, (unsigned long long)pages * 4);
}

/* Known gap: which pages this process itself touched is not told; what is resident counts. */
static void show_details(struct text *text, const struct area_view *view)
{
	bool is_private = !view->shows_object || (view->flags & AREA_PRIVATE);
	uint64_t shared = view->object_pages;

	show_line(text, "Size:", (view->end - view->start) >> PAGE_SHIFT);
	show_line(text, "KernelPageSize:", 1);
	show_line(text, "MMUPageSize:", 1);
	show_line(text, "Rss:", view->own_pages + shared);
	show_line(text, "Pss:", view->own_pages + shared);
	show_line(text, "Shared_Clean:", is_private ? shared : 0);
	show_line(text, "Shared_Dirty:", is_private ? 0 : shared);
	show_line(text, "Private_Clean:", 0);
	show_line(text, "Private_Dirty:", view->own_pages);
	show_line(text, "Referenced:", view->own_pages + shared);
	show_line(text, "Anonymous:", view->own_pages);
	show_line(text, "Swap:", 0);
	show_line(text, "SwapPss:", 0);
	show_line(text, "Locked:",
		  view->flags & AREA_LOCKED ? (view->end - view->start) >> PAGE_SHIFT : 0);
	text_add(text, "VmFlags:%s%s%s%s\n", view->protection & SHM_READ ? " rd" : "",
		 view->protection & SHM_WRITE ? " wr" : "",
		 view->protection & SHM_EXEC ? " ex" : "", is_private ? "" : " sh");
}

static int show_areas(struct text *text, const struct proc_subject *subject, bool details)
{
	struct space *space = proc_space(subject);
	struct area_view view;
	uint64_t cursor = 0;
	char *name;

	if (!space)
		return 0;
	name = kmem_alloc(4096);
	while (name && space_view_next(space, &cursor, &view, details)) {
		show_view(text, &view, name);
		if (details)
			show_details(text, &view);
		if (view.file)
			file_put(view.file);
	}
	kmem_free(name, 4096);
	space_put(space);
	return name ? 0 : -ENOMEM;
}

int proc_show_maps(struct text *text, const struct proc_subject *subject)
{
	return show_areas(text, subject, false);
}

int proc_show_smaps(struct text *text, const struct proc_subject *subject)
{
	return show_areas(text, subject, true);
}
