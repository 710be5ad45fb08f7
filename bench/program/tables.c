// SPDX-License-Identifier: MIT
/* Memory for page tables when many processes attach one segment. */

#include <signal.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operation.h"

#define SPAN (2 * MIB)

static uint64_t process_count;
static pid_t *processes;

static void set_up_sparse(uint64_t count)
{
	process_count = count;
	processes = calloc(count, sizeof(*processes));
	must(processes, "calloc");
	segment_make(GIB);
}

/* Attaches when told to, touches one page in each 2 MiB, reports, and stays. */
static void attacher(int go, int ready)
{
	char byte;

	must(read(go, &byte, 1) == 1, "read");
	segment_attach();
	for (uint64_t at = 0; at < GIB; at += SPAN)
		((volatile char *)attached)[at] = 1;
	must(write(ready, &byte, 1) == 1, "write");
	for (;;)
		pause();
}

/* KiB of page tables that come with attaching and touching, in all processes together. */
static uint64_t measure_tables(void)
{
	int go[2], ready[2];
	char byte = 'g';

	must(pipe(go) == 0 && pipe(ready) == 0, "pipe");
	for (uint64_t i = 0; i < process_count; i++) {
		processes[i] = fork();
		must(processes[i] >= 0, "fork");
		if (!processes[i])
			attacher(go[0], ready[1]);
	}
	int64_t before = file_number("/proc/meminfo", "PageTables");
	must(before >= 0, "PageTables of /proc/meminfo");
	for (uint64_t i = 0; i < process_count; i++)
		must(write(go[1], &byte, 1) == 1 && read(ready[0], &byte, 1) == 1, "hand-over");
	int64_t after = file_number("/proc/meminfo", "PageTables");
	close(go[0]);
	close(go[1]);
	close(ready[0]);
	close(ready[1]);
	return after - before;
}

static void tear_down(void)
{
	for (uint64_t i = 0; i < process_count; i++)
		kill(processes[i], SIGKILL);
	for (uint64_t i = 0; i < process_count; i++)
		waitpid(processes[i], NULL, 0);
	free(processes);
	segment_drop();
}

#define TABLES(count, text)                                                                        \
	{GROUP_LARGE,                                                                              \
	 "tables-" #count,                                                                         \
	 "KiB of page tables, " text " of 1 GiB",                                                  \
	 set_up_sparse,                                                                            \
	 NULL,                                                                                     \
	 tear_down,                                                                                \
	 measure_tables,                                                                           \
	 count,                                                                                    \
	 0,                                                                                        \
	 1,                                                                                        \
	 1,                                                                                        \
	 1}

const struct operation table_operations[] = {
	TABLES(1, "1 process"),
	TABLES(10, "10 processes"),
	TABLES(100, "100 processes"),
	TABLES(1000, "1,000 processes"),
	{.name = NULL},
};
