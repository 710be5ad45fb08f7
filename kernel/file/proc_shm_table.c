// SPDX-License-Identifier: MIT
/*
 * /proc/samepage/shm_table: the running process's table of shared memory, for
 * which Linux has no calls. Reading it lists what the process holds, a line
 * "SHMID BYTES" each. Writing is a command:
 *
 *	create PAGES            a new segment, held
 *	attach SHMID [ADDRESS]  map a held segment, where the kernel likes or there
 *	remove SHMID            unmap it here and drop the hold
 *
 * A held segment is attached with shmat(2) too, here and in other processes.
 */

#include "abi/errno.h"
#include "kernel/file/proc.h"
#include "kernel/lib/string.h"
#include "kernel/mm/space.h"
#include "kernel/ipc/ipc_namespace.h"
#include "kernel/process/process.h"

#define LISTED_MAX 128

static struct shm_namespace *caller_now(struct shm_caller *caller)
{
	shm_caller_current(caller);
	return thread_current()->ipc->shm;
}

int proc_show_shm_table(struct text *text, const struct proc_subject *subject)
{
	struct shm_caller caller;
	struct shm_table_line lines[LISTED_MAX];

	(void)subject;
	caller_now(&caller);
	size_t count = shm_table_list(caller.space, lines, LISTED_MAX);
	for (size_t i = 0; i < count; i++)
		text_add(text, "%d %llu\n", lines[i].shmid,
			 (unsigned long long)lines[i].size_bytes);
	return 0;
}

/* The next number of a command: 0 or -EINVAL. */
static int parse_number(const char **text, uint64_t *number)
{
	while (**text == ' ')
		(*text)++;
	return string_parse_u64(text, number) ? 0 : -EINVAL;
}

static bool parse_word(const char **text, const char *word)
{
	size_t length = strlen(word);

	if (strncmp(*text, word, length) || (*text)[length] != ' ')
		return false;
	*text += length;
	return true;
}

static int command_create(const char *text)
{
	struct shm_segment *segment;
	struct shm_caller caller;
	struct shm_namespace *ns = caller_now(&caller);
	uint64_t pages;

	if (parse_number(&text, &pages))
		return -EINVAL;
	caller.creators = NULL; /* it goes with the table, not with the thread */
	return shm_table_create(ns, &caller, pages, &segment);
}

/* The segment that a command names. */
static struct shm_segment *segment_of(const struct shm_caller *caller, const char **text)
{
	uint64_t id;

	if (parse_number(text, &id) || id > INT32_MAX)
		return NULL;
	return shm_table_find(caller->space, (int32_t)id);
}

static int command_attach(const char *text)
{
	struct shm_caller caller;
	struct shm_namespace *ns = caller_now(&caller);
	struct shm_segment *segment = segment_of(&caller, &text);
	uint64_t address;

	if (!segment)
		return -EINVAL;
	if (parse_number(&text, &address))
		address = 0;
	return shm_table_attach(ns, &caller, segment, &address);
}

static int command_remove(const char *text)
{
	struct shm_caller caller;

	caller_now(&caller);
	struct shm_segment *segment = segment_of(&caller, &text);

	return segment && shm_table_remove(&caller, segment) ? 0 : -EINVAL;
}

int proc_store_shm_table(const char *text, const struct proc_subject *subject)
{
	(void)subject;
	if (parse_word(&text, "create"))
		return command_create(text);
	if (parse_word(&text, "attach"))
		return command_attach(text);
	if (parse_word(&text, "remove"))
		return command_remove(text);
	return -EINVAL;
}
