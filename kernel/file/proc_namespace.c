// SPDX-License-Identifier: MIT
/* /proc/PID/ns: a link for each namespace of a thread. There is one kind: IPC's. */

#include "abi/errno.h"
#include "kernel/file/namespace_file.h"
#include "kernel/file/proc.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/process/process.h"

/* The subject's, for who may look, with a reference; NULL: it has none any more. */
static struct ipc_namespace *namespace_get(const struct proc_subject *subject)
{
	struct thread *thread = proc_thread(subject);
	struct ipc_namespace *ns = NULL;

	if (!thread)
		return NULL;
	spin_lock(&tree_lock);
	if (thread->ipc && process_may_locked(thread->process, PROCESS_LOOK)) {
		ns = thread->ipc;
		ipc_namespace_get(ns);
	}
	spin_unlock(&tree_lock);
	thread_put(thread);
	return ns;
}

static long ipc_text(const struct proc_subject *subject, char *text, size_t size_bytes)
{
	struct ipc_namespace *ns = namespace_get(subject);

	if (!ns)
		return -ENOENT;
	long length = (long)namespace_file_name(ns, text, size_bytes);
	ipc_namespace_put(ns);
	return length;
}

static int ipc_follow(const struct proc_subject *subject, struct dentry **target)
{
	struct ipc_namespace *ns = namespace_get(subject);

	if (!ns)
		return -ENOENT;
	int err = namespace_file_dentry(ns, target);
	ipc_namespace_put(ns);
	return err;
}

const struct proc_entry proc_namespace_entries[] = {
	{.name = "ipc",
	 .mode = S_IFLNK | 0777,
	 .link = ipc_text,
	 .follow = ipc_follow,
	 .owner_only = true},
	{.name = NULL},
};
