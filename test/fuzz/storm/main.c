// SPDX-License-Identifier: MIT
/*
 * The storm's eye: starts the supervisors, has the kernel's invariants walked
 * all the time, watches that everybody gets on, and compares what is in use
 * before and after. See README.md.
 *
 *	storm [--seed N] [--seconds N] [--round N]
 *
 * "ok NAME" or "not ok NAME" for each thing that is looked at; exits with 0 if all are well.
 */

#define _GNU_SOURCE
#include "storm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK         "/proc/samepage/check"
#define COUNTS        "/proc/samepage/counts"
#define WALK_PAUSE_US 20000
#define EXTRA_SECONDS 120.0
#define EXTRA_ROUND   5.0
#define WARM_SECONDS  2
#define HANG_SECONDS  120
#define SETTLE_TURNS  600 /* of 100 ms */
#define VALUES        64

struct values {
	char name[VALUES][24];
	unsigned long long value[VALUES];
	unsigned count;
};

static bool checked; /* this kernel can walk its invariants */
static pid_t supervisors[SUPERVISORS];

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void values_read(const char *path, struct values *values)
{
	FILE *file = fopen(path, "r");

	memset(values, 0, sizeof(*values));
	while (file && values->count < VALUES &&
	       fscanf(file, "%23s %llu", values->name[values->count],
		      &values->value[values->count]) == 2)
		values->count++;
	if (file)
		fclose(file);
}

static unsigned long long value_of(const struct values *values, const char *name)
{
	for (unsigned i = 0; i < values->count; i++)
		if (strcmp(values->name[i], name) == 0)
			return values->value[i];
	return 0;
}

static void walk(void)
{
	int fd = checked ? open(CHECK, O_WRONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)!write(fd, "1", 1);
		close(fd);
	}
	usleep(WALK_PAUSE_US);
}

/* ---- one round ---- */

static bool control_create(void)
{
	int fd = memfd_create("storm control", 0);

	if (fd < 0 || ftruncate(fd, sizeof(struct control)) != 0 || dup2(fd, CONTROL_FD) < 0)
		return false;
	close(fd);
	if (!control_map())
		return false;
	control->run = getpid();
	return true;
}

/* Does every supervisor's storm go on? Called often; looks at the clock. */
static bool progress_watch(void)
{
	static uint64_t seen[SUPERVISORS];
	static double since[SUPERVISORS];

	for (unsigned i = 0; i < SUPERVISORS; i++) {
		uint64_t operations = LOAD(&control->boards[i].operations);

		if (operations != seen[i] || since[i] == 0) {
			seen[i] = operations;
			since[i] = now();
		} else if (now() - since[i] > HANG_SECONDS) {
			printf("# supervisor %u hangs after %llu operations\n", i,
			       (unsigned long long)operations);
			return false;
		}
	}
	return true;
}

static bool supervisors_ended(void)
{
	bool all = true;

	for (unsigned i = 0; i < SUPERVISORS; i++) {
		if (supervisors[i] && waitpid(supervisors[i], NULL, WNOHANG) == supervisors[i])
			supervisors[i] = 0;
		all &= !supervisors[i];
	}
	return all;
}

/* True: nothing went wrong that anybody noticed. */
static bool round_run(uint64_t seed, double seconds, uint64_t *operations)
{
	double end = now() + seconds, last;
	bool moving = true;

	if (!control_create())
		return false;
	for (unsigned i = 0; i < SUPERVISORS; i++) {
		supervisors[i] = fork();
		if (supervisors[i] == 0)
			supervisor_main(i, seed);
	}
	while (now() < end && !LOAD(&control->stop) && (moving = progress_watch()))
		walk();
	STORE(&control->stop, true);
	for (last = now() + HANG_SECONDS; !supervisors_ended() && now() < last;)
		walk();
	for (unsigned i = 0; i < SUPERVISORS; i++)
		*operations += control->boards[i].operations;
	bool good = supervisors_ended() && moving && !LOAD(&control->failed);
	if (LOAD(&control->failed))
		printf("# %s\n", control->message);
	else if (!good)
		printf("# supervisors do not end\n");
	munmap(control, sizeof(*control));
	close(CONTROL_FD);
	return good;
}

/* ---- before and after ---- */

/* What is in use when only those processes are left that were there at first, and nothing moves. */
static bool counts_settle(unsigned long long processes, struct values *settled)
{
	struct values again;

	values_read(COUNTS, settled);
	for (unsigned turn = 0; turn < SETTLE_TURNS; turn++) {
		usleep(100000);
		values_read(COUNTS, &again);
		if (memcmp(settled, &again, sizeof(again)) == 0 &&
		    value_of(&again, "processes") == processes)
			return true;
		*settled = again;
	}
	printf("# %llu processes at first, %llu after the first round\n", processes,
	       value_of(settled, "processes"));
	return false;
}

/* Is as much in use as at first? The last processes may still be on their way out. */
static bool counts_compare(const struct values *before)
{
	struct values after;
	bool same = false;

	for (unsigned turn = 0; turn < SETTLE_TURNS && !same; turn++) {
		values_read(COUNTS, &after);
		same = memcmp(before, &after, sizeof(after)) == 0;
		if (!same)
			usleep(100000);
	}
	for (unsigned i = 0; i < after.count && !same; i++)
		if (before->value[i] != after.value[i])
			printf("# %s: %llu before, %llu after\n", after.name[i], before->value[i],
			       after.value[i]);
	return same && after.count > 0;
}

/* Has everything been walked that can be? `tell`: say how often, and what has not. */
static bool walks_complete(bool tell)
{
	static const char *const kinds[] = {
		"walks",   "spaces",   "areas",      "tables",      "own_pages",   "links",
		"pieces",  "objects",  "namespaces", "sets",        "queues",      "messages",
		"threads", "segments", "processes",  "free_blocks", "free_objects"};
	struct values values;
	bool good = true;

	values_read(CHECK, &values);
	for (unsigned i = 0; i < values.count && tell; i++)
		printf("%s %s %llu%s", i ? "" : "# walked:", values.name[i], values.value[i],
		       i + 1 < values.count ? "" : "\n");
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (value_of(&values, kinds[i]))
			continue;
		if (tell)
			printf("# %s: none was walked\n", kinds[i]);
		good = false;
	}
	return good;
}

static bool verdict(bool good, const char *name)
{
	printf("%s %s\n", good ? "ok" : "not ok", name);
	fflush(stdout);
	return good;
}

/* Files that lost their name on the board. */
static void files_remove(void)
{
	DIR *directory = opendir("/dev/shm");
	char prefix[32], path[300];
	struct dirent *entry;

	(void)snprintf(prefix, sizeof(prefix), "storm.%d.", (int)getpid());
	while (directory && (entry = readdir(directory))) {
		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "/dev/shm/%s", entry->d_name);
		(void)unlink(path);
	}
	if (directory)
		closedir(directory);
}

/* How long the storm is to go on; on a busy machine until everything was walked once. */
static double storm_left(double end)
{
	double left = end - now();

	if (left > 0.5 || !checked || walks_complete(false) || left < -EXTRA_SECONDS)
		return left > 0.5 ? left : 0;
	return EXTRA_ROUND;
}

static bool storm(uint64_t seed, double seconds, double round_seconds)
{
	struct values before = {.count = 0};
	unsigned long long processes;
	double end, left;
	uint64_t operations = 0, rounds = 0;
	bool good = true, same = true;

	if (checked) {
		values_read(COUNTS, &before);
		processes = value_of(&before, "processes");
		good = round_run(seed, WARM_SECONDS, &operations);
		files_remove();
		same = !good || counts_settle(processes, &before);
	}
	end = now() + seconds;
	while (good && same && (left = storm_left(end)) > 0) {
		good = round_run(seed + ++rounds, left < round_seconds ? left : round_seconds,
				 &operations);
		files_remove();
		same = !checked || !good || counts_compare(&before);
	}
	printf("# seed %llu: %llu operations in %llu rounds\n", (unsigned long long)seed,
	       (unsigned long long)operations, (unsigned long long)rounds);
	verdict(good, "contents, progress and detaches");
	if (checked && good) {
		good = verdict(same, "every count is back at its start");
		good &= verdict(walks_complete(true), "invariants were walked");
	}
	return good;
}

int main(int count, char **arguments)
{
	unsigned long long seed = 1;
	double seconds = 10, round_seconds = 60;

	program = arguments[0];
	if (count == 7 && arguments[1][0] != '-')
		worker_main(arguments);
	for (int i = 1; i + 1 < count; i += 2) {
		if (strcmp(arguments[i], "--seed") == 0)
			seed = strtoull(arguments[i + 1], NULL, 10);
		else if (strcmp(arguments[i], "--seconds") == 0)
			seconds = strtod(arguments[i + 1], NULL);
		else if (strcmp(arguments[i], "--round") == 0)
			round_seconds = strtod(arguments[i + 1], NULL);
		else
			return 2;
	}
	if (unshare(CLONE_NEWIPC) != 0) {
		printf("skip storm: no IPC namespace\n");
		return 0;
	}
	checked = access(CHECK, W_OK) == 0;
	printf("# seed %llu, %g seconds%s\n", seed, seconds, checked ? "" : ", nothing is walked");
	fflush(stdout);
	return storm(seed, seconds, round_seconds) ? 0 : 1;
}
