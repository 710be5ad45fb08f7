// SPDX-License-Identifier: MIT
/*
 * /proc/sysvipc, in Linux's columns, which ipcs(1) parses: proc_sysvipc(5); and
 * the settings of semaphores and message queues in /proc/sys/kernel, with what
 * Linux takes and refuses. Each is the reader's IPC namespace's.
 */

#include "kernel/file/proc_ipc.h"

#include "abi/errno.h"
#include "kernel/file/proc.h"
#include "kernel/file/setting.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/lib/string.h"
#include "kernel/process/process.h"
#include "shm/shm.h"

/* ---- sysvipc/ ---- */

static int show_segments(struct text *text, const struct proc_subject *subject)
{
	char line[512];
	uint32_t cursor = 0;
	size_t length;

	(void)subject;
	text_add(text, "%s", shm_report_header);
	while ((length = shm_report_line(thread_current()->ipc->shm, &cursor, line, sizeof(line))) >
	       0)
		text_add_bytes(text, line, length);
	return 0;
}

static void add_owner(struct text *text, const struct ipc_object *object)
{
	text_add(text, " %5u %5u %5u %5u", object->uid, object->gid, object->cuid, object->cgid);
}

static int show_semaphores(struct text *text, const struct proc_subject *subject)
{
	struct ipc_table *table = &thread_current()->ipc->sem.table;
	struct ipc_object *object;
	uint32_t cursor = 0;

	(void)subject;
	text_add(text, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
		       "      ctime\n");
	while ((object = ipc_next(table, &cursor))) {
		const struct sem_set *set = sem_set_of(object);
		text_add(text, "%10d %10d  %4o %10u", object->entry.key, object->entry.id,
			 object->mode, set->count);
		add_owner(text, object);
		text_add(text, " %10lld %10lld\n", (long long)set->otime, (long long)object->ctime);
		ipc_object_unlock(object);
		arch_interrupt_point();
	}
	return 0;
}

static int show_queues(struct text *text, const struct proc_subject *subject)
{
	struct ipc_table *table = &thread_current()->ipc->msg.table;
	struct ipc_object *object;
	uint32_t cursor = 0;

	(void)subject;
	text_add(text, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid"
		       "  cuid  cgid      stime      rtime      ctime\n");
	while ((object = ipc_next(table, &cursor))) {
		const struct msg_queue *queue = msg_queue_of(object);
		text_add(text, "%10d %10d  %4o  %10llu %10llu %5u %5u", object->entry.key,
			 object->entry.id, object->mode, (unsigned long long)queue->byte_count,
			 (unsigned long long)queue->message_count, (unsigned)queue->lspid,
			 (unsigned)queue->lrpid);
		add_owner(text, object);
		text_add(text, " %10lld %10lld %10lld\n", (long long)queue->stime,
			 (long long)queue->rtime, (long long)object->ctime);
		ipc_object_unlock(object);
		arch_interrupt_point();
	}
	return 0;
}

const struct proc_entry proc_sysvipc_entries[] = {
	{.name = "msg", .mode = S_IFREG | 0444, .show = show_queues},
	{.name = "sem", .mode = S_IFREG | 0444, .show = show_semaphores},
	{.name = "shm", .mode = S_IFREG | 0444, .show = show_segments},
	{.name = NULL},
};

/* ---- settings ---- */

/* The next number of a list: 1; 0: there is none; -EINVAL. */
static int next_number(const char **text, int32_t *value)
{
	const char *at = *text;
	uint64_t number;

	while (*at == ' ' || *at == '\t' || *at == '\n')
		at++;
	*text = at;
	if (!*at)
		return 0;
	bool negative = *at == '-';
	at += negative;
	if (!string_parse_u64(&at, &number) || number > (uint64_t)INT32_MAX + negative)
		return -EINVAL;
	if (*at && *at != ' ' && *at != '\t' && *at != '\n')
		return -EINVAL;
	*value = (int32_t)(negative ? 0 - number : number);
	*text = at;
	return 1;
}

static int store_number(const char *text, int32_t least, int32_t most, int32_t *setting)
{
	int64_t value;
	int err = setting_parse(text, least, most, &value);

	if (!err)
		__atomic_store_n(setting, (int32_t)value, __ATOMIC_RELAXED);
	return err;
}

static struct ipc_namespace *namespace(void)
{
	return thread_current()->ipc;
}

int proc_show_sem(struct text *text, const struct proc_subject *subject)
{
	const int32_t *limits = namespace()->sem.limits;

	(void)subject;
	text_add(text, "%d\t%d\t%d\t%d\n", limits[0], limits[1], limits[2], limits[3]);
	return 0;
}

/* Up to four numbers. Those before a bad one are taken, but for a bad number of sets. */
int proc_store_sem(const char *text, const struct proc_subject *subject)
{
	struct sem_space *space = &namespace()->sem;
	int err = 0, found = 1;

	(void)subject;
	for (unsigned i = 0; i < 4 && found > 0; i++) {
		int32_t value;
		found = next_number(&text, &value);
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
	(void)subject;
	text_add(text, "%d\n", namespace()->msg.max_bytes);
	return 0;
}

int proc_store_msgmax(const char *text, const struct proc_subject *subject)
{
	(void)subject;
	return store_number(text, 0, INT32_MAX, &namespace()->msg.max_bytes);
}

int proc_show_msgmnb(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%d\n", namespace()->msg.queue_bytes);
	return 0;
}

int proc_store_msgmnb(const char *text, const struct proc_subject *subject)
{
	(void)subject;
	return store_number(text, 0, INT32_MAX, &namespace()->msg.queue_bytes);
}

int proc_show_msgmni(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%d\n", namespace()->msg.queue_limit);
	return 0;
}

int proc_store_msgmni(const char *text, const struct proc_subject *subject)
{
	struct msg_space *space = &namespace()->msg;

	(void)subject;
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
	(void)subject;
	text_add(text, "%d\n", ipc_table_next_id(&namespace()->sem.table));
	return 0;
}

int proc_store_sem_next_id(const char *text, const struct proc_subject *subject)
{
	(void)subject;
	return store_next_id(text, &namespace()->sem.table);
}

int proc_show_msg_next_id(struct text *text, const struct proc_subject *subject)
{
	(void)subject;
	text_add(text, "%d\n", ipc_table_next_id(&namespace()->msg.table));
	return 0;
}

int proc_store_msg_next_id(const char *text, const struct proc_subject *subject)
{
	(void)subject;
	return store_next_id(text, &namespace()->msg.table);
}
