// SPDX-License-Identifier: MIT
/*
 * Counts instructions (by the clock of a counting machine) for each operation of a
 * table: see ../README.md. As process 1 it is the whole of a guest's user side.
 *
 *     counts [--raw] [GROUP or ID...]      GROUP: small, large, million, pair; without: small
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counter.h"
#include "operation.h"

#define COUNTERS "/proc/samepage/counters"

static const char *const group_names[GROUP_COUNT] = {"small", "large", "million", "pair"};
static const struct operation *const tables[] = {segment_operations, touch_operations,
						 process_operations, handoff_operations,
						 table_operations,   pair_operations};

/* What one round took; kept for the round that took least. */
struct result {
	uint64_t used;
	int64_t faults, flushes, interrupts; /* -1: this kernel does not say */
};

static int64_t faults_now(void)
{
	struct rusage usage;
	int64_t shared = file_number(COUNTERS, "faults");

	if (shared >= 0)
		return shared;
	return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_minflt : -1;
}

static int64_t flushes_now(void)
{
	int64_t own = file_number(COUNTERS, "flush_ranges");
	return own < 0 ? -1 : own + file_number(COUNTERS, "flush_shared");
}

static void run_round(const struct operation *operation, struct result *result)
{
	int64_t faults, flushes, interrupts;

	if (operation->set_up)
		operation->set_up(operation->argument);
	faults = faults_now();
	flushes = flushes_now();
	interrupts = file_number(COUNTERS, "interrupts");
	if (operation->measure) {
		result->used = operation->measure();
	} else {
		uint64_t start = counter_read();
		operation->body(operation->times);
		result->used = (counter_read() - start) * COUNTER_UNIT;
	}
	if (flushes >= 0) {
		flushes = flushes_now() - flushes;
		interrupts = file_number(COUNTERS, "interrupts") - interrupts;
	}
	result->faults = faults < 0 ? -1 : faults_now() - faults;
	result->flushes = flushes;
	result->interrupts = interrupts;
	if (operation->tear_down)
		operation->tear_down();
}

/* In a process of its own. */
static void run_rounds(const struct operation *operation, struct result *best)
{
	struct result result;

	for (unsigned round = 0; round < operation->rounds; round++) {
		run_round(operation, &result);
		if (round == 0 || result.used < best->used)
			*best = result;
	}
	_exit(0);
}

static void print_result(const struct operation *operation, const struct result *result, bool raw,
			 int status)
{
	double divisor = (double)operation->times * operation->units;
	double used = result->used / divisor;

	if (status != 0) {
		const char *why =
			WIFEXITED(status) && WEXITSTATUS(status) == 77 ? "absent" : "failed";
		printf(raw ? "@row\t%s\t%s\n" : "%-52s %12s\n",
		       raw ? operation->id : operation->name, why);
	} else if (raw) {
		printf("@row\t%s\t%.3f\t%.4f", operation->id, used, result->faults / divisor);
		if (result->flushes >= 0)
			printf("\t%.4f\t%.4f", result->flushes / divisor,
			       result->interrupts / divisor);
		printf("\n");
	} else {
		printf("%-52s %12.*f\n", operation->name, used < 100 ? 2 : 0, used);
	}
	if (isatty(STDOUT_FILENO))
		fflush(stdout);
}

static void run_operation(const struct operation *operation, bool raw)
{
	int status = -1;
	struct result *result =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(result != MAP_FAILED, "mmap");
	if (population_set(operation->population)) {
		pid_t child = fork();
		must(child >= 0, "fork");
		if (!child)
			run_rounds(operation, result);
		waitpid(child, &status, 0);
	}
	print_result(operation, result, raw, status);
	munmap(result, PAGE);
}

/* All of a group, or the one operation of that id. False if there is neither. */
static bool run_named(const char *name, bool raw)
{
	bool any = false;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct operation *one = tables[i]; one->name; one++)
			if (!strcmp(group_names[one->group], name) || !strcmp(one->id, name)) {
				run_operation(one, raw);
				any = true;
			}
	return any;
}

/* For the driver: the operations in the table's order. */
static void list(void)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct operation *one = tables[i]; one->name; one++)
			printf("%s\t%s\t%s\n", group_names[one->group], one->id, one->name);
}

int main(int count, char **arguments)
{
	static char output[1 << 16];
	bool raw = false, any = false;

	/* At the end, or else the host takes a row when it has time, and interrupts the next. */
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	if (getpid() == 1)
		guest_main();
	if (count == 2 && !strcmp(arguments[1], "--list")) {
		list();
		return 0;
	}
	for (int i = 1; i < count; i++) {
		if (!strcmp(arguments[i], "--raw")) {
			raw = true;
			continue;
		}
		any = true;
		if (!run_named(arguments[i], raw)) {
			fprintf(stderr, "counts: neither group nor operation: %s\n", arguments[i]);
			return 2;
		}
	}
	if (!any)
		run_named("small", raw);
	if (getppid() != 1)
		population_set(0); /* a guest ends faster without */
	return 0;
}
