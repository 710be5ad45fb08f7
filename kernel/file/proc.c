// SPDX-License-Identifier: MIT
/*
 * The mechanics of /proc: lookups in tables, listings, links, and files whose
 * text is made when it is read from the start and kept for the rest of the
 * reading, so that a reader in small steps sees one moment.
 */

#include "kernel/file/proc.h"

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "kernel/file/mount.h"
#include "kernel/file/open.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

#define STORE_BYTES_MAX 128

static const struct proc_entry *entry_of(const struct inode *inode)
{
	return inode->generic;
}

/* In private[]: pid and tid; fd and serial. */
static struct proc_subject subject_of(const struct inode *inode)
{
	return (struct proc_subject){
		.pid = (int32_t)inode->private[0],
		.tid = (int32_t)(inode->private[0] >> 32),
		.fd = (int32_t)inode->private[1],
		.serial = (uint32_t)(inode->private[1] >> 32),
	};
}

/* Nobody's, or somebody's who is still there. */
static bool subject_is_there(const struct proc_subject *subject)
{
	struct process *process = subject->pid ? proc_process(subject) : NULL;
	bool there = process || !subject->pid;

	process_put(process);
	if (there && subject->tid != subject->pid) {
		struct thread *thread = proc_thread(subject);

		there = thread != NULL;
		if (thread)
			thread_put(thread);
	}
	return there;
}

/* ---- inodes ---- */

static const struct inode_operations proc_directory_operations, proc_link_operations,
	proc_magic_operations, proc_file_operations;

static const struct inode_operations *operations_of(const struct proc_entry *entry)
{
	if (S_ISDIR(entry->mode))
		return &proc_directory_operations;
	if (S_ISLNK(entry->mode))
		return entry->follow ? &proc_magic_operations : &proc_link_operations;
	if (entry->setting_words)
		return &proc_setting_operations;
	if (entry->operations)
		return entry->operations;
	return entry->stream ? &proc_stream_operations : &proc_file_operations;
}

/* The same for the same thing as long as the kernel runs. */
static uint64_t number_of(const struct proc_entry *entry, const struct proc_subject *subject)
{
	uint64_t number = (uintptr_t)entry >> 3 & 0xffff;

	return number + ((uint64_t)subject->tid << 20) + ((uint64_t)subject->fd << 42);
}

/*
 * Who owns a process: its user. Of one that has ended, or that has changed users and executed
 * nothing since, only directories that all may read: proc(5), prctl(2). 0; -ESRCH: it is gone.
 */
static int set_owner(struct inode *inode, const struct proc_subject *subject)
{
	inode->uid = inode->gid = 0;
	if (!subject->pid)
		return 0;

	struct process *process = proc_process(subject);
	if (!process)
		return -ESRCH;
	if ((process->dumpable && !process->zombie) || inode->mode == (S_IFDIR | 0555)) {
		struct cred *cred = process_cred_get(process);
		inode->uid = cred->euid;
		inode->gid = cred->egid;
		cred_put(cred);
	}
	process_put(process);
	return 0;
}

/* 0; -ENOMEM, -ESRCH. */
static int proc_inode(struct filesystem *filesystem, const struct proc_entry *entry,
		      const struct proc_subject *subject, struct inode **made)
{
	struct inode *inode = inode_create(filesystem, operations_of(entry), entry->mode);

	if (!inode)
		return -ENOMEM;
	inode->number = number_of(entry, subject);
	inode->generic = entry;
	inode->private[0] = (uint32_t)subject->pid | (uint64_t)(uint32_t)subject->tid << 32;
	inode->private[1] = (uint32_t)subject->fd | (uint64_t)subject->serial << 32;
	inode->links = S_ISDIR(entry->mode) ? 2 : 1;
	inode->size_bytes = entry->size_bytes;
	if (entry->setting_words)
		proc_setting_init(inode);
	int err = set_owner(inode, subject);
	if (err)
		inode_put(inode);
	else
		*made = inode;
	return err;
}

/* ---- directories ---- */

static int find_entry(const struct inode *directory, const char *name, size_t length,
		      const struct proc_entry **entry, struct proc_subject *found)
{
	const struct proc_entry *here = entry_of(directory);
	struct proc_subject subject = subject_of(directory);

	*found = subject;
	for (const struct proc_entry *e = here->entries; e && e->name; e++) {
		if (strlen(e->name) == length && !memcmp(e->name, name, length)) {
			*entry = e;
			return 0;
		}
	}
	return here->find ? here->find(&subject, name, length, entry, found) : -ENOENT;
}

static int proc_lookup(struct dentry *directory, const char *name, size_t length,
		       struct dentry **found)
{
	const struct proc_entry *entry;
	struct proc_subject subject;
	struct inode *inode;
	int err = find_entry(directory->inode, name, length, &entry, &subject);

	if (err)
		return err;
	if (entry_of(directory->inode)->owner_only) {
		err = proc_may_look(&subject);
		if (err)
			return err;
	}
	err = proc_inode(directory->inode->filesystem, entry, &subject, &inode);
	if (err)
		return err;
	*found = dentry_create(directory, inode, name, length);
	inode_put(inode);
	return *found ? 0 : -ENOMEM;
}

#define LIST_FIRST 65536 /* positions of what `list` gives; below are the table's */

static int proc_iterate(struct dentry *directory, struct directory_emitter *emitter)
{
	const struct proc_entry *here = entry_of(directory->inode);
	struct proc_subject subject = subject_of(directory->inode), found;
	const struct proc_entry *entry;
	char name[16];

	if (!subject_is_there(&subject))
		return -ENOENT;
	if (here->owner_only && proc_may_look(&subject))
		return -EACCES;
	uint64_t position = 2;
	for (const struct proc_entry *e = here->entries; e && e->name; e++, position++) {
		if (position < emitter->position)
			continue;
		if (!emitter->emit(emitter, e->name, strlen(e->name), number_of(e, &subject),
				   e->mode, position + 1))
			return 0;
	}
	uint64_t cursor = emitter->position > LIST_FIRST ? emitter->position - LIST_FIRST : 0;
	while (here->list && here->list(&subject, &cursor, name)) {
		if (find_entry(directory->inode, name, strlen(name), &entry, &found))
			continue; /* gone again */
		if (!emitter->emit(emitter, name, strlen(name), number_of(entry, &found),
				   entry->mode, LIST_FIRST + cursor))
			return 0;
	}
	return 0;
}

/* A process may look at its own descriptors, also if it does not own the directory. */
static int directory_beyond_mode(const struct inode *inode, const struct access *access,
				 unsigned mask)
{
	(void)access;
	(void)mask;
	return entry_of(inode)->own_may_look && subject_of(inode).pid == process_current()->pid ? 0
												: 1;
}

static const struct inode_operations proc_directory_operations = {
	.beyond_mode = directory_beyond_mode,
	.lookup = proc_lookup,
	.iterate = proc_iterate,
};

/* ---- links ---- */

static long proc_read_link(struct dentry *link, char *text, size_t size_bytes)
{
	const struct proc_entry *entry = entry_of(link->inode);
	struct proc_subject subject = subject_of(link->inode);

	if (entry->owner_only) {
		int err = proc_may_look(&subject);
		if (err)
			return err == -ESRCH ? -ENOENT : err;
	}
	return entry->link(&subject, text, size_bytes);
}

static int proc_follow(struct dentry *link, struct dentry **target)
{
	const struct proc_entry *entry = entry_of(link->inode);
	struct proc_subject subject = subject_of(link->inode);

	if (entry->owner_only) {
		int err = proc_may_look(&subject);
		if (err)
			return err;
	}
	return entry->follow(&subject, target);
}

static const struct inode_operations proc_link_operations = {.read_link = proc_read_link};
static const struct inode_operations proc_magic_operations = {
	.read_link = proc_read_link,
	.follow = proc_follow,
};

/* ---- files ---- */

/* An open file. Under the inode's lock, but that the space, once it is there, stays. */
struct reading {
	struct space *held; /* space_hold; NULL: the entry is not of_space, or there was none */
	struct text text;
	bool made; /* the text */
};

static void reading_free(struct reading *reading)
{
	text_release(&reading->text);
	kmem_free(reading, sizeof(*reading));
}

/* The file's text anew, for who reads from the start. */
static int snapshot(struct file *file)
{
	const struct proc_entry *entry = entry_of(file->inode);
	struct proc_subject subject = subject_of(file->inode);
	struct reading *reading = kmem_zalloc(sizeof(*reading)), *old;

	if (!reading)
		return -ENOMEM;
	mutex_lock(&file->inode->lock);
	old = file->data;
	subject.held = old ? old->held : NULL;
	mutex_unlock(&file->inode->lock);
	int err = 0;
	if (!entry->outlives && !subject_is_there(&subject))
		err = -ESRCH;
	else if (subject.held || !entry->of_space)
		err = entry->show(&reading->text, &subject);
	if (!err && reading->text.no_memory)
		err = -ENOMEM;
	old = reading;
	if (!err) {
		reading->held = subject.held;
		reading->made = true;
		mutex_lock(&file->inode->lock);
		old = file->data;
		file->data = reading;
		mutex_unlock(&file->inode->lock);
	}
	if (old)
		reading_free(old);
	return err;
}

static long copy_from_position(struct io *io, uint64_t *position, const char *text, size_t length)
{
	if (*position >= length)
		return 0;
	size_t left = length - *position;
	if (left > io->left_bytes)
		left = io->left_bytes;
	size_t done = io_copy_to(io, text + *position, left);
	*position += done;
	return !done && left ? -EFAULT : (long)done;
}

static long read_value(struct file *file, struct io *io, uint64_t *position)
{
	struct proc_subject subject = subject_of(file->inode);
	char text[24];
	int length = format(text, sizeof(text), "%llu\n",
			    (unsigned long long)entry_of(file->inode)->value(&subject));

	return copy_from_position(io, position, text, (size_t)length);
}

static long proc_read(struct file *file, struct io *io, uint64_t *position)
{
	if (entry_of(file->inode)->value)
		return read_value(file, io, position);
	if (!entry_of(file->inode)->show)
		return -EINVAL;
	mutex_lock(&file->inode->lock);
	struct reading *reading = file->data;
	if (!*position || !reading || !reading->made) {
		mutex_unlock(&file->inode->lock);
		int err = snapshot(file);
		if (err)
			return err;
		mutex_lock(&file->inode->lock);
		reading = file->data;
	}
	long done = copy_from_position(io, position, reading->text.bytes, reading->text.length);
	mutex_unlock(&file->inode->lock);
	return done;
}

static long proc_write(struct file *file, struct io *io, uint64_t *position)
{
	const struct proc_entry *entry = entry_of(file->inode);
	struct proc_subject subject = subject_of(file->inode);
	char text[STORE_BYTES_MAX + 1];
	size_t size_bytes = io->left_bytes;

	if (!entry->store)
		return subject.pid ? -EINVAL : -EIO; /* observed */
	if (!size_bytes)
		return 0;
	if (size_bytes > STORE_BYTES_MAX)
		return -EINVAL;
	if (io_copy_from(io, text, size_bytes) < size_bytes)
		return -EFAULT;
	text[size_bytes] = 0;
	int err = entry->store(text, &subject);
	if (err)
		return err;
	*position += size_bytes;
	return (long)size_bytes;
}

static void proc_release(struct file *file)
{
	struct reading *reading = file->data;

	if (!reading)
		return;
	if (reading->held)
		space_release(reading->held);
	reading_free(reading);
}

static const struct file_operations proc_files = {
	.read = proc_read,
	.write = proc_write,
	.release = proc_release,
	.seeks = true,
};

bool proc_is_there(const struct inode *inode)
{
	struct proc_subject subject = subject_of(inode);

	return subject_is_there(&subject);
}

int proc_space_hold(const struct inode *inode, struct space **held)
{
	const struct proc_entry *entry = entry_of(inode);
	struct proc_subject subject = subject_of(inode);
	struct space *space;

	*held = NULL;
	if (!entry->of_space)
		return 0;
	struct process *process = proc_process(&subject);
	if (!process)
		return -ESRCH;
	int err = process_space_access(process, PROCESS_LOOK, &space);
	process_put(process);
	if (err)
		return err == -ESRCH && entry->of_space != PROC_SPACE ? 0 : err;
	space_hold(space);
	space_put(space);
	*held = space;
	return 0;
}

/* As proc_space_hold, or -ENOMEM. */
static int open_space(const struct inode *inode, struct file *file)
{
	struct space *held;
	int err = proc_space_hold(inode, &held);

	if (err || !held)
		return err;
	struct reading *reading = kmem_zalloc(sizeof(*reading));
	if (!reading) {
		space_release(held);
		return -ENOMEM;
	}
	reading->held = held;
	file->data = reading;
	return 0;
}

static int proc_open(struct inode *inode, struct file *file)
{
	const struct proc_entry *entry = entry_of(inode);
	struct proc_subject subject = subject_of(inode);

	if (entry->of_space)
		return open_space(inode, file);
	return entry->owner_only ? proc_may_look(&subject) : 0;
}

static const struct inode_operations proc_file_operations = {
	.files = &proc_files,
	.open = proc_open,
};

/* ---- who may look ---- */

int proc_may_look(const struct proc_subject *subject)
{
	struct process *process = proc_process(subject);

	if (!process)
		return -ESRCH;
	bool may = process_may(process, PROCESS_LOOK);
	process_put(process);
	return may ? 0 : -EACCES;
}

int32_t proc_parse_number(const char *name, size_t length)
{
	int64_t value = 0;

	if (!length || length > 9 || (length > 1 && name[0] == '0'))
		return -1;
	for (size_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return -1;
		value = value * 10 + (name[i] - '0');
	}
	return (int32_t)value;
}

int proc_directory_process(const struct file *file, struct process **process)
{
	const struct inode *inode = file->inode;

	if (inode->operations != &proc_directory_operations ||
	    entry_of(inode) != &proc_process_directory)
		return -EBADF;
	struct proc_subject subject = subject_of(inode);
	*process = proc_process(&subject);
	return *process ? 0 : -ESRCH;
}

/* ---- the root: the system's entries, and a directory for each process ---- */

static int find_process(const struct proc_subject *subject, const char *name, size_t length,
			const struct proc_entry **entry, struct proc_subject *found)
{
	int32_t pid = proc_parse_number(name, length);
	struct process *process = pid > 0 ? process_find(pid) : NULL;

	(void)subject;
	if (!process)
		return -ENOENT;
	*found = (struct proc_subject){.pid = pid, .tid = pid, .serial = process->serial};
	process_put(process);
	*entry = &proc_process_directory;
	return 0;
}

static bool list_processes(const struct proc_subject *subject, uint64_t *cursor, char name[16])
{
	struct process *process = process_find_from((int32_t)*cursor + 1);

	(void)subject;
	if (!process)
		return false;
	*cursor = (uint64_t)process->pid;
	(void)format(name, 16, "%d", process->pid);
	process_put(process);
	return true;
}

static const struct proc_entry root_entry = {
	.name = "",
	.mode = S_IFDIR | 0555,
	.entries = proc_system_entries,
	.find = find_process,
	.list = list_processes,
};

int proc_root(struct filesystem **filesystem, struct dentry **root)
{
	struct proc_subject nobody = {0};

	*filesystem = filesystem_create("proc", PROC_SUPER_MAGIC, false);
	if (!*filesystem)
		return -ENOMEM;
	struct inode *inode;
	int err = proc_inode(*filesystem, &root_entry, &nobody, &inode);
	*root = err ? NULL : mount_root_create(inode);
	if (*root)
		return 0;
	filesystem_put(*filesystem);
	return -ENOMEM;
}
