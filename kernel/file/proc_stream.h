/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_PROC_STREAM_H
#define KERNEL_FILE_PROC_STREAM_H

/*
 * Files of /proc whose text is made piece by piece while it is read, so that a
 * million lines take no more memory than one page of them. What a reader sees
 * is each line's truth at its own moment, and no line is made before it is
 * asked for. They show the IPC namespace of whoever opened them, also when that
 * has gone elsewhere, and the memory that a process had then.
 */

#include "kernel/file/text.h"
#include "kernel/ipc/ipc_namespace.h"

struct inode_operations;
struct space;

struct proc_stream {
	struct ipc_namespace *ns;
	struct space *held;      /* the file's whose entry is of_space: space_hold; else NULL */
	uint64_t cursor, detail; /* the maker's: where to go on; 0 at first */
	size_t wanted_bytes;     /* the next piece is complete when it is as long, not before */
};

/* Adds the next piece; none: that was all. No locks held but the file's own. */
typedef void proc_stream_function(struct text *text, struct proc_stream *stream);

extern const struct inode_operations proc_stream_operations;

#endif
