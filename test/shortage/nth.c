// SPDX-License-Identifier: MIT
/*
 * The Nth allocation of a call fails, for N = 1, 2, ... until the call succeeds
 * and did not come so far. After each failure: the error is documented, mappings
 * and descriptors are as before, and the call succeeds when it is repeated. After
 * all of them nothing is lost: frames, small objects, objects, mappings.
 *
 * /proc/thread-self/fail-nth counts the allocations of the thread, page faults
 * too: so the program's own pages are all touched before.
 */

#include "call.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX   700 /* no call allocates more often */
#define ROUNDS_BLIND 12  /* for calls that do not come back to say how often they did */
#define LEAK_TRIES   3   /* what the kernel keeps for the next time is no leak: it is lost once */
#define EXIT_EXECED  20  /* and 21: the program that execve started; all allocations were made */

static char maps_before[32768], maps_after[32768];

static void fail_after(unsigned n)
{
	char text[16];
	int length = sprintf(text, "%u", n);

	need(pwrite(FD_CONTROL, text, (size_t)length, 0) == length, "fail-nth");
}

static unsigned fail_stop(void)
{
	char text[16] = "";

	need(pread(FD_CONTROL, text, sizeof(text) - 1, 0) > 0, "fail-nth");
	unsigned left = (unsigned)atoi(text);
	fail_after(0);
	return left;
}

static unsigned files_open(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < 300; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void maps_read(char *text, size_t size)
{
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t length = 0;
	ssize_t got;

	need(fd >= 0, "/proc/self/maps");
	while ((got = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = 0;
	close(fd);
}

static void made_again(const struct call *call, unsigned n)
{
	if (call->ready)
		call->ready();
	long result = result_of(call);

	if (result < 0 && errno != call->answer)
		fail("after allocation %u failed, once more: %s", n, strerror(errno));
	if (result >= 0 && call->undo)
		call->undo(result);
}

/* One N. True: the call did not come so far. */
static bool once(const struct call *call, unsigned n)
{
	if (call->ready)
		call->ready();
	unsigned files = files_open();
	maps_read(maps_before, sizeof(maps_before));
	world_touch();
	fail_after(n);
	long result = result_of(call);
	int error = errno;
	unsigned left = fail_stop();

	if (result >= 0 && call->undo)
		call->undo(result);
	if (result < 0 && left && error != call->answer)
		fail("with memory: %s", strerror(error));
	if (result < 0 && !is_answer(call, error))
		fail("allocation %u fails: %s, which is not documented", n, strerror(error));
	if (result < 0 && error != call->answer && !(call->flags & CALL_PARTS)) {
		maps_read(maps_after, sizeof(maps_after));
		if (strcmp(maps_before, maps_after))
			fail("allocation %u fails: the mappings changed\n%s---\n%s", n, maps_before,
			     maps_after);
		if (files_open() != files)
			fail("allocation %u fails: %u descriptors, then %u", n, files,
			     files_open());
	}
	if (!left)
		made_again(call, n);
	return left != 0;
}

static void each(const struct call *call)
{
	unsigned n = 1;

	made_again(call, 0); /* what grows once has grown */
	while (n < ROUNDS_MAX && !once(call, n))
		n++;
	report->left = n;
	if (n == ROUNDS_MAX)
		fail("it allocates without end");
	if (n > 1 && !(call->flags & (CALL_ALLOCATES | CALL_SOMETIMES)))
		fail("it allocates, though its entry says that it does not");
	if (n == 1 && (call->flags & CALL_ALLOCATES))
		fail("it does not allocate, though its entry says that it does");
}

static void started(const struct call *call)
{
	world_enter();
	world_touch();
	if (call->before)
		call->before();
}

static void child_each(const struct call *call)
{
	started(call);
	each(call);
}

/* ---- calls that have a process of their own each time ---- */

static unsigned alone_n;

static void child_alone(const struct call *call)
{
	started(call);
	if (call->ready)
		call->ready();
	world_touch();
	fail_after(alone_n);
	long result = result_of(call);
	int error = errno;

	report->left = fail_stop();
	report->result = result;
	report->error = result < 0 ? error : 0;
	report->told = true;
	if (result >= 0 && call->undo)
		call->undo(result);
	if (result < 0 && report->left && error != call->answer)
		fail("with memory: %s", strerror(error));
	if (result < 0 && !is_answer(call, error))
		fail("allocation %u fails: %s, which is not documented", alone_n, strerror(error));
	if (result < 0 && !(call->flags & (CALL_KILLS | CALL_BUS | CALL_PARTS)))
		made_again(call, alone_n);
}

/* Its end: NULL if it is one that the entry allows. */
static const char *end_judge(const struct call *call, int status)
{
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (report->problem[0])
		return report->problem;
	if ((number == SIGKILL && (call->flags & CALL_KILLS)) ||
	    (number == SIGBUS && (call->flags & CALL_BUS)) ||
	    (number == SIGSEGV && (call->flags & CALL_SEGV)))
		return NULL;
	if (number) {
		snprintf(report->problem, sizeof(report->problem), "signal %d", number);
		return report->problem;
	}
	return NULL;
}

static int child_run(const struct call *call, void (*run)(const struct call *))
{
	int status;

	fflush(stdout);
	helper_pid = 0;
	memset(report, 0, sizeof(*report));
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		run(call);
		if (helper_pid)
			kill((pid_t)helper_pid, SIGKILL);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		snprintf(report->problem, sizeof(report->problem), "fork: %s", strerror(errno));
		return 0;
	}
	kill(-pid, SIGKILL); /* whom it left */
	world_clean();
	return status;
}

/* NULL: all was well. */
static const char *alone(const struct call *call)
{
	for (alone_n = 1; alone_n < ROUNDS_MAX; alone_n++) {
		int status = child_run(call, child_alone);
		const char *problem = end_judge(call, status);

		if (problem)
			return problem;
		if (report->told ? report->left != 0
				 : WIFEXITED(status) &&
					   (WEXITSTATUS(status) == EXIT_EXECED ||
					    (!WEXITSTATUS(status) && alone_n == ROUNDS_BLIND)))
			return alone_n == 1 && (call->flags & CALL_ALLOCATES)
				       ? "it does not allocate, though its entry says that it does"
			       : alone_n > 1 && report->told && !(call->flags & CALL_ALLOCATES)
				       ? "it allocates, though its entry says that it does not"
				       : NULL;
	}
	return "it allocates without end";
}

static const char *run_entry(const struct call *call)
{
	if (call->flags & CALL_ALONE)
		return alone(call);

	int status = child_run(call, child_each);
	const char *problem = end_judge(call, status & ~0xff00);

	if (!problem && WIFSIGNALED(status))
		problem = "a signal";
	if (!problem)
		alone_n = report->left;
	return problem;
}

unsigned nth_drive(const struct call *const *calls, unsigned count)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < count; i++) {
		static char lost[400];
		const char *problem = NULL;
		struct counts before;
		bool leaks = true;

		for (unsigned tries = 0; !problem && leaks && tries < LEAK_TRIES; tries++) {
			counts_now(&before);
			problem = run_entry(calls[i]);
			leaks = !counts_return(&before, lost, sizeof(lost));
		}
		if (!problem && leaks)
			problem = lost;
		if (problem)
			printf("# %s\n", problem);
		printf("# %u allocations\n%s %s\n", alone_n - 1, problem ? "not ok" : "ok",
		       call_name(calls[i]));
		failed += problem != NULL;
	}
	return failed;
}
