/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_NAMESPACE_FILE_H
#define KERNEL_FILE_NAMESPACE_FILE_H

/* Files that stand for a namespace and keep it: what /proc/PID/ns/ipc leads to. namespaces(7). */

#include <stddef.h>

struct dentry;
struct file;
struct ipc_namespace;

int namespace_file_init(void); /* 0; -ENOMEM */
/* The namespace's file, a reference to the caller, which holds one to the namespace. 0; -ENOMEM. */
int namespace_file_dentry(struct ipc_namespace *ns, struct dentry **dentry);
/* Opened for the running thread, close-on-exec: a descriptor; -ENOMEM, -EMFILE. */
long namespace_file_open(struct ipc_namespace *ns);
/* What it is called: "ipc:[4026531839]". Returns the length. */
size_t namespace_file_name(const struct ipc_namespace *ns, char *text, size_t size_bytes);
/* The namespace of such a file, which the file keeps; NULL: it is another kind of file. */
struct ipc_namespace *namespace_of_file(const struct file *file);

#endif
