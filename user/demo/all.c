// SPDX-License-Identifier: MIT
/*
 * Runs all demos, one after the other, then `ipcs -m` with one segment of its
 * own to show (the demos left none), and then, if standard input is a terminal,
 * a shell.
 * `make run` starts it in the guest; on Linux it runs the demos beside it.
 *
 *	all [--no-shell]
 *
 * Exit status: how many demos failed.
 */

#include <libgen.h>
#include <stdbool.h>

#include "demo.h"

static const struct step {
	const char *title;
	const char *first[6];
	const char *second[6]; /* if any: reads what the first wrote */
} steps[] = {
	{"Two programs, one segment: they find each other by key", {"producer"}, {NULL}},
	{NULL, {"consumer"}, {NULL}},
	{"The same, with the shmid passed through a pipe",
	 {"producer", "--private", "Hello by shmid!"},
	 {"consumer", "--id", "-"}},
	{"Five processes count to 1000 each", {"counter"}, {NULL}},
	{"Parent and child over fork", {"family"}, {NULL}},
	{"The bounded buffer, busy waiting", {"buffer", "spin"}, {NULL}},
	{"The bounded buffer, asleep: one producer, one consumer", {"buffer", "sleep"}, {NULL}},
	{"The bounded buffer, asleep: several of both", {"buffer", "sleep", "4", "3"}, {NULL}},
	{"A linked list between processes", {"list"}, {NULL}},
};

static char folder[4096];

/* In a child: become the demo. */
static void become(const char *const *command)
{
	char path[8192];

	snprintf(path, sizeof(path), "%s/%s", folder, command[0]);
	execv(path, (char *const *)command);
	die(path);
}

static void become_with_output(const char *const *command, const int *pipe_ends)
{
	if (dup2(pipe_ends[1], 1) < 0)
		die("dup2");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	become(command);
}

static void become_with_input(const char *const *command, const int *pipe_ends)
{
	if (dup2(pipe_ends[0], 0) < 0)
		die("dup2");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	become(command);
}

static int run_step(const struct step *step)
{
	int pipe_ends[2];

	if (step->title)
		printf("\n== %s\n", step->title);
	if (!step->second[0]) {
		if (start_child() == 0)
			become(step->first);
		return wait_children();
	}
	if (pipe(pipe_ends))
		die("pipe");
	if (start_child() == 0)
		become_with_output(step->first, pipe_ends);
	if (start_child() == 0)
		become_with_input(step->second, pipe_ends);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return wait_children();
}

/* A program of the system, found by PATH: its exit status. */
static int run_system(const char *name, const char *argument)
{
	int status;
	pid_t pid = start_child();

	if (pid == 0) {
		execlp(name, name, argument, (char *)NULL);
		die(name);
	}
	waitpid(pid, &status, 0);
	return status;
}

/* `ipcs -m` while this program is attached to a segment, and no other exists. */
static int show_segments(void)
{
	int shmid = shmget(0x5a4d5000, 100000, IPC_CREAT | 0640);

	if (shmid < 0)
		die("shmget");
	char *address = attach(shmid);
	printf("\n== ipcs -m: one segment of ours, and nothing that the demos left behind\n");
	int bad = run_system("ipcs", "-m");
	if (shmdt(address) || shmctl(shmid, IPC_RMID, NULL))
		die("all");
	return bad;
}

int main(int argc, char **argv)
{
	bool shell = isatty(0) && !(argc > 1 && !strcmp(argv[1], "--no-shell"));
	int failed = 0;

	dup2(1, 2); /* one stream, so that lines stay in order */
	char *path = strdup(argv[0]);
	snprintf(folder, sizeof(folder), "%s", dirname(path));
	free(path);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int bad = run_step(&steps[i]);
		if (bad)
			printf("FAILED: %s\n", steps[i].first[0]);
		failed += bad != 0;
	}
	failed += show_segments() != 0;
	if (shell) {
		printf("== A shell; exit ends the machine. Try: ls /demo; counter 8 100000; "
		       "dmesg\n");
		run_system("sh", "-i");
	}
	return failed;
}
