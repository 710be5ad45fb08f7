// SPDX-License-Identifier: MIT
/*
 * /proc/sysvipc/shm_attach: who is attached to what, a line for each attachment
 * in the namespace, in order of processes and addresses. A reader sees those of
 * segments that it may read, as with SHM_STAT.
 */

#include "kernel/file/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

/*
 * Processes may share a space (vfork, CLONE_VM): what is attached there is told
 * once, of the one with the lowest number. Is this that one?
 */
static bool speaks_for(const struct process *process, const struct space *space)
{
	struct process *other;
	bool first = true;

	/* Each thread has a reference, and the caller. */
	if (__atomic_load_n(&space->references, __ATOMIC_RELAXED) <= process->thread_count + 1)
		return true;
	for (int32_t pid = 1; first && (other = process_find_from(pid));) {
		pid = other->pid + 1;
		struct space *theirs = pid <= process->pid ? process_space_get(other) : NULL;
		process_put(other);
		if (pid > process->pid)
			break;
		first = theirs != space;
		if (theirs)
			space_put(theirs);
		schedule_point();
	}
	return first;
}

/* The attachments of one process, until the piece is full. True: these were all. */
static bool stream_process(struct text *text, struct proc_stream *stream, struct process *process)
{
	struct space *space = process_space_get(process);
	struct shm_caller caller;
	char line[128];
	size_t length = 0;

	if (!space)
		return true;
	shm_caller_current(&caller);
	if (stream->detail || (space->shm.mapping_count && speaks_for(process, space))) {
		do {
			length = shm_report_attach_line(stream->ns->shm, &caller, &space->shm,
							process->pid, &stream->detail, line,
							sizeof(line));
			text_add_bytes(text, line, length);
		} while (length && text->length < stream->wanted_bytes);
	}
	space_put(space);
	return !length;
}

void proc_stream_attachments(struct text *text, struct proc_stream *stream)
{
	struct process *process;

	if (!stream->cursor) {
		text_add_bytes(text, shm_report_attach_header, strlen(shm_report_attach_header));
		stream->cursor = 1; /* the process to go on with; detail: above which address */
	}
	while (text->length < stream->wanted_bytes &&
	       (process = process_find_from((int32_t)stream->cursor))) {
		if (process->pid != (int32_t)stream->cursor)
			stream->detail = 0;
		stream->cursor = (uint64_t)process->pid;
		if (stream_process(text, stream, process)) {
			stream->cursor++;
			stream->detail = 0;
		}
		process_put(process);
		schedule_point();
	}
}
