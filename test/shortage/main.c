// SPDX-License-Identifier: MIT
/*
 * Every system call while memory is short:
 *
 *	shortage nth [WORD]	its Nth allocation fails, for each N (debug kernels)
 *	shortage full [WORD]	the machine's memory is used up
 *	shortage list		the names of the calls in the table
 *
 * "ok NAME" or "not ok NAME" for each entry (whose name contains WORD), after what went wrong in it.
 * For Samepage only: it would disturb everybody else, and it sets clocks and names.
 */

#include "call.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const struct call *const tables[] = {
	calls_identity, calls_memory, calls_file, calls_name, calls_event, calls_process,
	calls_signal,   calls_socket, calls_ipc,  calls_old,  calls_proc,
};

static const struct call *chosen[1000];
char **environment;

static unsigned choose(const char *word)
{
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct call *call = tables[i]; call->name; call++)
			if (!word || strstr(call_name(call), word))
				chosen[count++] = call;
	return count;
}

/* What execve started: has it all been allocated? 20: and some were left. */
static int tell_left(void)
{
	char text[16] = "";
	int fd = open("/proc/thread-self/fail-nth", O_RDWR);

	if (fd < 0 || pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return 21;
	return atoi(text) ? 20 : 21;
}

int main(int argc, char **argv, char **variables)
{
	unsigned failed;

	environment = variables;
	if (argc > 1 && !strcmp(argv[1], "--left"))
		return tell_left();

	unsigned count = choose(argc > 2 ? argv[2] : NULL);

	if (argc > 1 && !strcmp(argv[1], "list")) {
		for (unsigned i = 0; i < count; i++)
			puts(chosen[i]->name);
		return 0;
	}
	if (argc < 2 || access("/proc/samepage/counters", R_OK)) {
		fprintf(stderr, "usage, in Samepage: shortage nth|full|list [WORD]\n");
		return 2;
	}
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (report == MAP_FAILED)
		return 2;
	failed = !strcmp(argv[1], "full") ? full_drive(chosen, count) : nth_drive(chosen, count);
	printf("# %u entries, %u failed\n", count, failed);
	return failed != 0;
}
