// SPDX-License-Identifier: MIT
/* /proc/PID/fd: links to the open files themselves; /proc/PID/fdinfo: their positions and flags. */

#include "abi/errno.h"
#include "kernel/file/open.h"
#include "kernel/file/proc.h"
#include "kernel/lib/print.h"
#include "kernel/process/process.h"

/* The file of a descriptor, with a reference, or NULL. `judge`: for who may look, which an exec changes. */
static struct file *file_of(const struct proc_subject *subject, bool judge)
{
	struct process *process = proc_process(subject);
	struct fd_table *table = process ? process_files_get(process, judge) : NULL;
	struct file *file = NULL;

	process_put(process);
	if (!table)
		return NULL;
	int fd = fd_table_next(table, subject->fd, &file);
	fd_table_put(table);
	if (fd == subject->fd)
		return file;
	if (fd >= 0)
		file_put(file);
	return NULL;
}

static long fd_text(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	struct file *file = file_of(subject, true);

	if (!file)
		return -ENOENT;
	long length = (long)file_path(file, text, size_bytes);
	file_put(file);
	return length;
}

static int fd_follow(const struct proc_subject *subject, struct dentry **target)
{
	struct file *file = file_of(subject, true);

	if (!file)
		return -ENOENT;
	*target = file_dentry(file);
	file_put(file);
	return *target ? 0 : -ENOMEM;
}

static int show_fdinfo(struct text *text, const struct proc_subject *subject)
{
	struct file *file = file_of(subject, false); /* who opened this might look */

	if (!file)
		return -ENOENT;
	text_add(text, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t1\nino:\t%llu\n",
		 (unsigned long long)file->position, file->flags,
		 (unsigned long long)file->inode->number);
	file_put(file);
	return 0;
}

static const struct proc_entry fd_entry = {
	.name = "",
	.mode = S_IFLNK | 0700,
	.link = fd_text,
	.follow = fd_follow,
	.owner_only = true,
};
static const struct proc_entry fdinfo_entry = {
	.name = "",
	.mode = S_IFREG | 0444,
	.show = show_fdinfo,
	.owner_only = true,
	.outlives = true, /* and says ENOENT */
};

static int find(const struct proc_subject *subject, const char *name, size_t length,
		struct proc_subject *found)
{
	int32_t fd = proc_parse_number(name, length);

	if (fd < 0)
		return -ENOENT;
	*found = *subject;
	found->fd = fd;
	struct file *file = file_of(found, true);
	if (!file)
		return -ENOENT;
	file_put(file);
	return 0;
}

int proc_fd_find(const struct proc_subject *subject, const char *name, size_t length,
		 const struct proc_entry **entry, struct proc_subject *found)
{
	*entry = &fd_entry;
	return find(subject, name, length, found);
}

int proc_fdinfo_find(const struct proc_subject *subject, const char *name, size_t length,
		     const struct proc_entry **entry, struct proc_subject *found)
{
	*entry = &fdinfo_entry;
	return find(subject, name, length, found);
}

bool proc_fd_list(const struct proc_subject *subject, uint64_t *cursor, char name[16])
{
	struct process *process = proc_process(subject);
	struct fd_table *table = process ? process_files_get(process, true) : NULL;
	struct file *file;

	process_put(process);
	if (!table)
		return false;
	int fd = fd_table_next(table, (int)*cursor, &file);
	fd_table_put(table);
	if (fd < 0)
		return false;
	file_put(file);
	*cursor = (uint64_t)fd + 1;
	(void)format(name, 16, "%d", fd);
	return true;
}
