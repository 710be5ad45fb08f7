// SPDX-License-Identifier: MIT
/*
 * Settings, files of /proc/sys that hold numbers: proc_sys(5). A read gives all of them from the
 * start, and nothing from anywhere else; a write counts at the start only. Those of an IPC
 * namespace belong to that of whoever looked the file up, and do not keep it: when it is gone,
 * there is nothing to read. Who may write is asked at each write, not only when the file is opened.
 */

#include "abi/errno.h"
#include "kernel/file/open.h"
#include "kernel/file/proc.h"
#include "kernel/file/setting.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"

#define STORE_BYTES_MAX 4095 /* what Linux looks at; the rest counts as written */

static const struct proc_entry *entry_of(const struct inode *inode)
{
	return inode->generic;
}

/* ---- whose settings ---- */

static struct ipc_namespace *namespace_of(const struct inode *inode)
{
	return (struct ipc_namespace *)(uintptr_t)inode->private[1];
}

void proc_setting_init(struct inode *inode)
{
	struct ipc_namespace *ns = thread_current()->ipc;

	if (!entry_of(inode)->of_ipc)
		return;
	ipc_namespace_hold(ns);
	inode->private[1] = (uintptr_t)ns;
}

static void setting_destroy(struct inode *inode)
{
	if (entry_of(inode)->of_ipc)
		ipc_namespace_unhold(namespace_of(inode));
}

/* 0, and subject_end follows; -ENOENT: the namespace is gone. */
static int subject_begin(const struct inode *inode, struct proc_subject *subject)
{
	*subject = (struct proc_subject){.ipc = NULL};
	if (!entry_of(inode)->of_ipc)
		return 0;
	if (!ipc_namespace_revive(namespace_of(inode)))
		return -ENOENT;
	subject->ipc = namespace_of(inode);
	return 0;
}

static void subject_end(const struct proc_subject *subject)
{
	if (subject->ipc)
		ipc_namespace_put(subject->ipc);
}

/* ---- reading and writing ---- */

static long read_from_start(const struct proc_entry *entry, const struct proc_subject *subject,
			    struct io *io, uint64_t *position)
{
	struct text text = {.bytes = NULL};
	long result = entry->show(&text, subject);

	if (!result && text.no_memory)
		result = -ENOMEM;
	if (!result) {
		size_t size_bytes = text.length < io->left_bytes ? text.length : io->left_bytes;

		result = (long)size_bytes;
		if (io_copy_to(io, text.bytes, size_bytes) < size_bytes)
			result = -EFAULT;
		else
			*position += size_bytes;
	}
	text_release(&text);
	return result;
}

static long setting_read(struct file *file, struct io *io, uint64_t *position)
{
	struct proc_subject subject;
	long result = subject_begin(file->inode, &subject);

	if (result)
		return result;
	if (!*position && io->left_bytes)
		result = read_from_start(entry_of(file->inode), &subject, io, position);
	subject_end(&subject);
	return result;
}

/* Takes `text`, which has room for one byte more: how much of it was written, or a negative errno. */
static long write_text(const struct proc_entry *entry, const struct proc_subject *subject,
		       struct io *io, char *text, size_t size_bytes)
{
	if (io_copy_from(io, text, size_bytes) < size_bytes)
		return -EFAULT;
	text[size_bytes] = 0;
	if (strlen(text) < size_bytes && !setting_is_over(text, entry->setting_words))
		return -EINVAL;
	int err = entry->store(text, subject);
	return err ? err : (long)setting_length(text, entry->setting_words);
}

static long write_at_start(const struct proc_entry *entry, const struct proc_subject *subject,
			   struct io *io)
{
	size_t all = io->left_bytes;
	size_t size_bytes = all < STORE_BYTES_MAX ? all : STORE_BYTES_MAX;
	char *text = kmem_alloc(size_bytes + 1);

	if (!text)
		return -ENOMEM;
	long result = write_text(entry, subject, io, text, size_bytes);
	kmem_free(text, size_bytes + 1);
	return result < 0 ? result : result + (long)(all - size_bytes);
}

/* Those with CAP_CHECKPOINT_RESTORE may set the next ids: proc_sys_kernel(5). */
static bool may_write(const struct proc_entry *entry)
{
	const struct cred *cred = cred_current();

	if (entry->for_restore)
		return cred_has(cred, CAP_CHECKPOINT_RESTORE) || cred_has(cred, CAP_SYS_ADMIN);
	return entry->mode & (cred->euid ? 0002 : 0200);
}

static long setting_write(struct file *file, struct io *io, uint64_t *position)
{
	const struct proc_entry *entry = entry_of(file->inode);
	struct proc_subject subject;
	long result = subject_begin(file->inode, &subject);

	if (result)
		return result;
	if (!may_write(entry))
		result = -EPERM;
	else if (*position || !io->left_bytes)
		result = (long)io->left_bytes;
	else
		result = write_at_start(entry, &subject, io);
	subject_end(&subject);
	if (result > 0)
		*position += (uint64_t)result;
	return result;
}

static const struct file_operations setting_files = {
	.read = setting_read,
	.write = setting_write,
	.seeks = true,
};

static int setting_beyond_mode(const struct inode *inode, const struct access *access,
			       unsigned mask)
{
	(void)mask;
	return entry_of(inode)->for_restore && access->restore ? 0 : -EACCES;
}

const struct inode_operations proc_setting_operations = {
	.files = &setting_files,
	.beyond_mode = setting_beyond_mode,
	.destroy = setting_destroy,
};
