// SPDX-License-Identifier: MIT
/*
 * Children that wait in a call. Nothing depends on time: a child is looked at
 * until it has put down what the call gave, or sleeps, before and after something
 * was done about it; who is woken is runnable from then on, until then or it waits again.
 */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STILL_WAITS 4711

static struct {
	unsigned count;
	pid_t pids[WAITERS];
	int stats[WAITERS]; /* /proc/PID/stat */
} now;

static bool waits(unsigned i)
{
	return *(volatile int32_t *)&control->waited[i].value == STILL_WAITS;
}

/* Until the child has put down what its call gave, or sleeps in it. */
static void settle(unsigned i)
{
	char text[64];

	do {
		sched_yield();
		ssize_t length = waits(i) ? pread(now.stats[i], text, sizeof(text) - 1, 0) : 0;
		text[length > 0 ? length : 0] = 0;
		const char *after = strrchr(text, ')');
		if (!after || after[2] == 'S' || after[2] == 'Z')
			return;
	} while (true);
}

static unsigned waiting(unsigned first)
{
	unsigned count = 0;

	for (unsigned i = first; i < now.count; i++)
		count += waits(i);
	return count;
}

/* Those from `first` on: as long as one is done, which may have woken another. */
static void settle_all(unsigned first)
{
	unsigned before;

	do {
		before = waiting(first);
		for (unsigned i = first; i < now.count; i++)
			settle(i);
	} while (waiting(first) < before);
}

static void on_signal(int number)
{
	(void)number;
}

void wait_begin(unsigned count, long (*call)(const struct op *op, unsigned number),
		const struct op *op)
{
	struct sigaction action = {.sa_handler = on_signal};
	char path[32];

	now.count = count;
	for (unsigned i = 0; i < count; i++) {
		control->waited[i].value = STILL_WAITS;
		now.pids[i] = fork();
		if (now.pids[i] == 0) {
			sigaction(SIGUSR1, &action, NULL);
			int32_t value = (int32_t)call(op, i);
			control->waited[i].error = errno;
			*(volatile int32_t *)&control->waited[i].value = value;
			for (;;) /* the ends, which undo what was done, are in order, too */
				pause();
		}
		snprintf(path, sizeof(path), "/proc/%d/stat", now.pids[i]);
		now.stats[i] = open(path, O_RDONLY);
		settle(i);
		say(waits(i) ? " waits" : " is done");
	}
}

void wait_end(bool interrupt)
{
	for (unsigned i = 0; i < now.count && interrupt; i++)
		kill(now.pids[i], SIGUSR1);
	for (unsigned i = 0; i < now.count; i++) {
		settle_all(i); /* the end of the one before may have woken it */
		close(now.stats[i]);
		kill(now.pids[i], SIGKILL);
		waitpid(now.pids[i], NULL, 0);
		int32_t value = control->waited[i].value;
		if (value == STILL_WAITS)
			say(", waits");
		else if (value == -1)
			say(", error %d", control->waited[i].error);
		else
			say(", = %d", value);
	}
	now.count = 0;
}
