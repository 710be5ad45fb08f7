// SPDX-License-Identifier: MIT
/*
 * /proc/sysvipc, in Linux's columns, which ipcs(1) parses: proc_sysvipc(5); and
 * the settings of semaphores and message queues in /proc/sys/kernel, with what
 * Linux takes and refuses. Settings are those of the subject's namespace.
 */

#include "kernel/file/proc_ipc.h"

#include "abi/errno.h"
#include "kernel/file/proc.h"
#include "kernel/file/setting.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/string.h"
#include "shm/shm.h"

/* ---- sysvipc/ ---- */

/* The first piece begins with the headline; the cursor is the next index and 1. */
static uint32_t stream_begin(struct text *text, struct proc_stream *stream, const char *header)
{
	if (!stream->cursor) {
		text_add_bytes(text, header, strlen(header));
		stream->cursor = 1;
	}
	return (uint32_t)(stream->cursor - 1);
}

static void stream_segments(struct text *text, struct proc_stream *stream)
{
	uint32_t index = stream_begin(text, stream, shm_report_header);
	char line[512];
	size_t length;

	while (text->length < stream->wanted_bytes &&
	       (length = shm_report_line(stream->ns->shm, &index, line, sizeof(line))) > 0)
		text_add_bytes(text, line, length);
	stream->cursor = index + 1ull;
}

static void add_owner(struct text *text, const struct ipc_object *object)
{
	text_add(text, " %5u %5u %5u %5u", object->uid, object->gid, object->cuid, object->cgid);
}

static void stream_semaphores(struct text *text, struct proc_stream *stream)
{
	static const char header[] =
		"       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
		"      ctime\n";
	struct ipc_table *table = &stream->ns->sem.table;
	uint32_t index = stream_begin(text, stream, header);
	struct ipc_object *object;

	while (text->length < stream->wanted_bytes && (object = ipc_next(table, &index))) {
		const struct sem_set *set = sem_set_of(object);
		text_add(text, "%10d %10d  %4o %10u", object->entry.key, object->entry.id,
			 object->mode, set->count);
		add_owner(text, object);
		text_add(text, " %10lld %10lld\n", (long long)set->otime, (long long)object->ctime);
		ipc_object_unlock(object);
	}
	stream->cursor = index + 1ull;
}

static void stream_queues(struct text *text, struct proc_stream *stream)
{
	static const char header[] =
		"       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid"
		"  cuid  cgid      stime      rtime      ctime\n";
	struct ipc_table *table = &stream->ns->msg.table;
	uint32_t index = stream_begin(text, stream, header);
	struct ipc_object *object;

	while (text->length < stream->wanted_bytes && (object = ipc_next(table, &index))) {
		const struct msg_queue *queue = msg_queue_of(object);
		text_add(text, "%10d %10d  %4o  %10llu %10llu %5u %5u", object->entry.key,
			 object->entry.id, object->mode, (unsigned long long)queue->byte_count,
			 (unsigned long long)queue->message_count, (unsigned)queue->lspid,
			 (unsigned)queue->lrpid);
		add_owner(text, object);
		text_add(text, " %10lld %10lld %10lld\n", (long long)queue->stime,
			 (long long)queue->rtime, (long long)object->ctime);
		ipc_object_unlock(object);
	}
	stream->cursor = index + 1ull;
}

const struct proc_entry proc_sysvipc_entries[] = {
	{.name = "msg", .mode = S_IFREG | 0444, .stream = stream_queues},
	{.name = "sem", .mode = S_IFREG | 0444, .stream = stream_semaphores},
	{.name = "shm", .mode = S_IFREG | 0444, .stream = stream_segments},
	{.name = "shm_attach", .mode = S_IFREG | 0444, .stream = proc_stream_attachments},
	{.name = NULL},
};

/* ---- settings ---- */

static int store_number(const char *text, int32_t least, int32_t most, int32_t *setting)
{
	int64_t value;
	int err = setting_parse(text, least, most, &value);

	if (!err)
		__atomic_store_n(setting, (int32_t)value, __ATOMIC_RELAXED);
	return err;
}

int proc_show_sem(struct text *text, const struct proc_subject *subject)
{
	const int32_t *limits = subject->ipc->sem.limits;

	text_add(text, "%d\t%d\t%d\t%d\n", limits[0], limits[1], limits[2], limits[3]);
	return 0;
}

/* Up to four numbers. Those before a bad one are taken, but for a bad number of sets. */
int proc_store_sem(const char *text, const struct proc_subject *subject)
{
	struct sem_space *space = &subject->ipc->sem;
	int err = 0, found = 1;

	for (unsigned i = 0; i < 4 && found > 0; i++) {
		int32_t value;
		found = setting_next(&text, &value);
		if (found < 0 || (!found && !i))
			err = -EINVAL;
		if (found <= 0)
			break;
		if (i == LIMIT_SEMMNI &&
		    (value < 0 || (uint32_t)value > shm_ids_limit(&space->table.ids)))
			return -ERANGE;
		__atomic_store_n(&space->limits[i], value, __ATOMIC_RELAXED);
	}
	return err;
}

int proc_show_msgmax(struct text *text, const struct proc_subject *subject)
{
	text_add(text, "%d\n", subject->ipc->msg.max_bytes);
	return 0;
}

int proc_store_msgmax(const char *text, const struct proc_subject *subject)
{
	return store_number(text, 0, INT32_MAX, &subject->ipc->msg.max_bytes);
}

int proc_show_msgmnb(struct text *text, const struct proc_subject *subject)
{
	text_add(text, "%d\n", subject->ipc->msg.queue_bytes);
	return 0;
}

int proc_store_msgmnb(const char *text, const struct proc_subject *subject)
{
	return store_number(text, 0, INT32_MAX, &subject->ipc->msg.queue_bytes);
}

int proc_show_msgmni(struct text *text, const struct proc_subject *subject)
{
	text_add(text, "%d\n", subject->ipc->msg.queue_limit);
	return 0;
}

int proc_store_msgmni(const char *text, const struct proc_subject *subject)
{
	struct msg_space *space = &subject->ipc->msg;

	return store_number(text, 0, (int32_t)shm_ids_limit(&space->table.ids),
			    &space->queue_limit);
}

int proc_show_auto_msgmni(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "0\n");
	return 0;
}

/* Without effect since Linux 3.19. */
int proc_store_auto_msgmni(const char *text, const struct proc_subject *subject)
{
	int32_t ignored;

	(void)subject;
	return store_number(text, 0, 1, &ignored);
}

static int store_next_id(const char *text, struct ipc_table *table)
{
	int32_t value;
	int err = store_number(text, 0, INT32_MAX, &value);

	if (!err)
		ipc_table_set_next_id(table, value);
	return err;
}

int proc_show_sem_next_id(struct text *text, const struct proc_subject *subject)
{
	text_add(text, "%d\n", ipc_table_next_id(&subject->ipc->sem.table));
	return 0;
}

int proc_store_sem_next_id(const char *text, const struct proc_subject *subject)
{
	return store_next_id(text, &subject->ipc->sem.table);
}

int proc_show_msg_next_id(struct text *text, const struct proc_subject *subject)
{
	text_add(text, "%d\n", ipc_table_next_id(&subject->ipc->msg.table));
	return 0;
}

int proc_store_msg_next_id(const char *text, const struct proc_subject *subject)
{
	return store_next_id(text, &subject->ipc->msg.table);
}
