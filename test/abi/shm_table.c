// SPDX-License-Identifier: MIT
/*
 * Samepage's per-process table of shared memory, /proc/samepage/shm_table: a
 * process creates a segment that it holds, maps it, passes its shmid on, and
 * removes it, which unmaps it here. Linux has nothing like it.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define TABLE "/proc/samepage/shm_table"

static int command(const char *text)
{
	int fd = open(TABLE, O_WRONLY);

	if (fd < 0)
		SKIP("only Samepage has such a table");
	long result = write(fd, text, strlen(text));
	int error = errno;
	close(fd);
	errno = error;
	return result < 0 ? -1 : 0;
}

static int command_about(const char *what, int id)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %d", what, id);
	return command(text);
}

/* How many segments the table holds; the first one's shmid and size. */
static int table_len(int *id, unsigned long *size_bytes)
{
	char text[4096];
	int fd = CHECK_OK(open(TABLE, O_RDONLY)), lines = 0;
	ssize_t length = CHECK_OK(read(fd, text, sizeof(text) - 1));

	close(fd);
	text[length] = '\0';
	for (char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	if (lines && id)
		CHECK_EQ(sscanf(text, "%d %lu", id, size_bytes), 2);
	return lines;
}

static void bad_commands(void)
{
	CHECK_ERROR(command("create 0"), EINVAL);
	CHECK_ERROR(command("create"), EINVAL);
	CHECK_ERROR(command("create x"), EINVAL);
	CHECK_ERROR(command("make 5"), EINVAL);
	CHECK_ERROR(command("attach 5"), EINVAL);
	CHECK_ERROR(command("remove 5"), EINVAL);
	CHECK_ERROR(command("create 99999999999"), ENOMEM);
	CHECK_EQ(table_len(NULL, NULL), 0);
}

static void other_process(void *argument)
{
	int id = *(int *)argument;

	CHECK_EQ(table_len(NULL, NULL), 0); /* the table is the parent's */
	CHECK_ERROR(command_about("attach", id), EINVAL);
	CHECK_ERROR(command_about("remove", id), EINVAL);
	char *p = attach(id, 0);
	CHECK_EQ(p[100], 42);
	p[101] = 43;
}

static void touch(void *address)
{
	*(volatile char *)address = 1;
}

static void life_of_a_held_segment(void)
{
	char *where = free_range(64 * PAGE), text[64];
	unsigned long size_bytes;
	struct shmid_ds ds;
	int id;

	CHECK_OK(command("create 10"));
	CHECK_EQ(table_len(&id, &size_bytes), 1);
	CHECK_EQ(size_bytes, 10 * PAGE);
	CHECK_EQ(attachments(id), 0);
	snprintf(text, sizeof(text), "attach %d %lu", id, (unsigned long)where);
	CHECK_OK(command(text));
	CHECK_ERROR(command(text), EINVAL); /* occupied */
	CHECK_OK(command_about("attach", id));
	CHECK_EQ(attachments(id), 2);
	where[100] = 42;
	abi_in_child(other_process, &id);
	CHECK_EQ(where[101], 43);
	CHECK_OK(shmdt(where)); /* held, and attached elsewhere */
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(command(text));
	CHECK_EQ(where[101], 43);
	CHECK_OK(command_about("remove", id));
	CHECK_EQ(table_len(NULL, NULL), 0);
	abi_dies(touch, where, SIGSEGV);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(command_about("remove", id), EINVAL);
}

static void create_some(void *argument)
{
	for (int i = 0; i < 20; i++)
		CHECK_OK(command("create 3"));
	CHECK_EQ(table_len(argument, (unsigned long[1]){0}), 20);
}

static void goes_with_its_process(void)
{
	struct shm_info totals;
	int id;

	abi_in_child(create_some, &id);
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(totals.used_ids, 0);
}

const struct abi_case abi_cases[] = {
	CASE(bad_commands, "EINVAL for what makes no sense (Samepage's own)"),
	CASE(life_of_a_held_segment, "create, attach, share by shmid, remove (Samepage's own)"),
	CASE(goes_with_its_process, "a table goes with its process (Samepage's own)"),
	CASES_END,
};
