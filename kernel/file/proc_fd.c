// SPDX-License-Identifier: MIT
/* /proc/PID/fd: links to the open files themselves; /proc/PID/fdinfo: their positions and flags. */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "kernel/file/open.h"
#include "kernel/file/proc.h"
#include "kernel/lib/print.h"
#include "kernel/process/process.h"

/*
 * The file of a descriptor, with a reference, and whether execve closes it; or NULL. `judge`: for
 * who may look, which an exec changes.
 */
static struct file *descriptor_of(const struct proc_subject *subject, bool judge,
				  bool *close_on_exec)
{
	struct process *process = proc_process(subject);
	struct fd_table *table = process ? process_files_get(process, judge) : NULL;
	struct file *file = NULL;

	process_put(process);
	if (!table)
		return NULL;
	int fd = fd_table_next(table, subject->fd, &file, close_on_exec);
	fd_table_put(table);
	if (fd == subject->fd)
		return file;
	if (fd >= 0)
		file_put(file);
	return NULL;
}

static struct file *file_of(const struct proc_subject *subject)
{
	bool close_on_exec;

	return descriptor_of(subject, true, &close_on_exec);
}

static long fd_text(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	struct file *file = file_of(subject);

	if (!file)
		return -ENOENT;
	long length = (long)file_path(file, text, size_bytes);
	file_put(file);
	return length;
}

static int fd_follow(const struct proc_subject *subject, struct dentry **target)
{
	struct file *file = file_of(subject);

	if (!file)
		return -ENOENT;
	*target = file_dentry(file);
	file_put(file);
	return *target ? 0 : -ENOMEM;
}

static int show_fdinfo(struct text *text, const struct proc_subject *subject)
{
	bool close_on_exec;
	/* Who opened this might look. */
	struct file *file = descriptor_of(subject, false, &close_on_exec);

	if (!file)
		return -ENOENT;
	text_add(text, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%d\nino:\t%llu\n",
		 (unsigned long long)file->position,
		 (file->flags & ~(uint32_t)O_NOCTTY) | (close_on_exec ? (uint32_t)O_CLOEXEC : 0),
		 file->inode->filesystem->mount_id, (unsigned long long)file->inode->number);
	file_put(file);
	return 0;
}

/* A link's mode says what the file is open for: proc_pid_fd(5). Its size is nobody's: observed. */
#define FD_ENTRY(permission)                                                                       \
	{                                                                                          \
		.name = "",                                                                        \
		.mode = S_IFLNK | (permission),                                                    \
		.size_bytes = 64,                                                                  \
		.link = fd_text,                                                                   \
		.follow = fd_follow,                                                               \
		.owner_only = true,                                                                \
	}

static const struct proc_entry fd_entries[2][2] = {
	{FD_ENTRY(0), FD_ENTRY(0300)}, /* [may be read][may be written] */
	{FD_ENTRY(0500), FD_ENTRY(0700)},
};
static const struct proc_entry fdinfo_entry = {
	.name = "",
	.mode = S_IFREG | 0444,
	.show = show_fdinfo,
	.owner_only = true,
	.outlives = true, /* and says ENOENT */
};

/* The descriptor of that name: its file with a reference, or NULL. */
static struct file *find(const struct proc_subject *subject, const char *name, size_t length,
			 struct proc_subject *found)
{
	int32_t fd = proc_parse_number(name, length);

	if (fd < 0)
		return NULL;
	*found = *subject;
	found->fd = fd;
	return file_of(found);
}

int proc_fd_find(const struct proc_subject *subject, const char *name, size_t length,
		 const struct proc_entry **entry, struct proc_subject *found)
{
	struct file *file = find(subject, name, length, found);

	if (!file)
		return -ENOENT;
	*entry = &fd_entries[file_can_read(file)][file_can_write(file)];
	file_put(file);
	return 0;
}

int proc_fdinfo_find(const struct proc_subject *subject, const char *name, size_t length,
		     const struct proc_entry **entry, struct proc_subject *found)
{
	struct file *file = find(subject, name, length, found);

	if (!file)
		return -ENOENT;
	*entry = &fdinfo_entry;
	file_put(file);
	return 0;
}

bool proc_fd_list(const struct proc_subject *subject, uint64_t *cursor, char name[16])
{
	struct process *process = proc_process(subject);
	struct fd_table *table = process ? process_files_get(process, true) : NULL;
	struct file *file;
	bool close_on_exec;

	process_put(process);
	if (!table)
		return false;
	int fd = fd_table_next(table, (int)*cursor, &file, &close_on_exec);
	fd_table_put(table);
	if (fd < 0)
		return false;
	file_put(file);
	*cursor = (uint64_t)fd + 1;
	(void)format(name, 16, "%d", fd);
	return true;
}
