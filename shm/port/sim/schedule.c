// SPDX-License-Identifier: MIT
/*
 * Deterministic threads: coroutines that hand over only in sim_yield and
 * sim_block. sim_explore runs a scenario again and again, each time with
 * another sequence of decisions, depth first, until all are done.
 *
 * A decision is taken before each lock, entry and flush operation: go on, or
 * let another thread run first (a preemption, while this one could go on).
 */

#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <sanitizer/common_interface_defs.h>

#include "shm/port/sim/sim.h"

#define THREADS_MAX   3
#define STACK_BYTES   (256 * 1024)
#define DECISIONS_MAX 2048
#define NOBODY        THREADS_MAX

struct coroutine {
	ucontext_t context;
	void *fake_stack; /* AddressSanitizer's */
	bool finished;
	bool (*ready)(void *); /* blocked until it says true; NULL: not blocked */
	void *ready_context;
	const char *why;
};

struct decision {
	uint8_t options[THREADS_MAX];
	uint8_t count, taken;
};

static struct {
	const struct sim_scenario *scenario;
	struct coroutine threads[THREADS_MAX];
	struct coroutine explorer;
	const void *explorer_stack;
	size_t explorer_stack_bytes;
	unsigned current; /* NOBODY: the explorer */
	struct decision path[DECISIONS_MAX];
	unsigned depth, length;
	unsigned preemptions;
} schedule = {.current = NOBODY};

static char stacks[THREADS_MAX][STACK_BYTES] __attribute__((aligned(4096)));

unsigned sim_thread(void)
{
	return schedule.current == NOBODY ? 0 : schedule.current;
}

static void switch_to(unsigned next)
{
	unsigned previous = schedule.current;
	struct coroutine *from =
		previous == NOBODY ? &schedule.explorer : &schedule.threads[previous];
	struct coroutine *to = next == NOBODY ? &schedule.explorer : &schedule.threads[next];
	const void *bottom = next == NOBODY ? schedule.explorer_stack : stacks[next];
	size_t size = next == NOBODY ? schedule.explorer_stack_bytes : STACK_BYTES;

	schedule.current = next;
	__sanitizer_start_switch_fiber(from->finished ? NULL : &from->fake_stack, bottom, size);
	swapcontext(&from->context, &to->context);
	__sanitizer_finish_switch_fiber(from->fake_stack, NULL, NULL);
}

static bool enabled(unsigned thread)
{
	struct coroutine *coroutine = &schedule.threads[thread];

	return !coroutine->finished &&
	       (!coroutine->ready || coroutine->ready(coroutine->ready_context));
}

static void print_path(void)
{
	fprintf(stderr, "decisions:");
	for (unsigned i = 0; i < schedule.depth; i++)
		fprintf(stderr, " %u", schedule.path[i].options[schedule.path[i].taken]);
	fprintf(stderr, "\n");
}

void sim_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n  in %s\n", file, line, what, sim_context);
	if (schedule.scenario) {
		fprintf(stderr, "  scenario %s, thread %u, ", schedule.scenario->name,
			schedule.current);
		print_path();
	}
	__sanitizer_print_stack_trace();
	__builtin_trap();
}

/* Who runs next: replayed from the path, or the first option of a new decision. */
static unsigned decide(void)
{
	unsigned current = schedule.current;
	bool may_continue = current != NOBODY && enabled(current);
	struct decision options = {.count = 0};

	if (may_continue)
		options.options[options.count++] = (uint8_t)current;
	if (!may_continue || schedule.preemptions < schedule.scenario->preemptions)
		for (unsigned t = 0; t < schedule.scenario->thread_count; t++)
			if (t != current && enabled(t))
				options.options[options.count++] = (uint8_t)t;
	if (options.count == 0)
		return NOBODY;
	unsigned next = options.options[0];
	if (options.count > 1) {
		if (schedule.depth < schedule.length) {
			options.taken = schedule.path[schedule.depth].taken;
			sim_assert(options.count == schedule.path[schedule.depth].count);
			next = options.options[options.taken];
		} else {
			sim_assert(schedule.length < DECISIONS_MAX);
			schedule.length++;
		}
		schedule.path[schedule.depth++] = options;
	}
	if (may_continue && next != current)
		schedule.preemptions++;
	return next;
}

static void run_step_check(void)
{
	if (!schedule.scenario->step)
		return;
	sim.quiet = true;
	schedule.scenario->step(schedule.scenario->context);
	sim.quiet = false;
}

void sim_yield(void)
{
	if (schedule.current == NOBODY || sim.quiet)
		return;
	run_step_check();
	unsigned next = decide();
	if (next != schedule.current)
		switch_to(next);
}

void sim_block(const char *why, bool (*ready)(void *), void *context)
{
	if (ready(context))
		return;
	if (schedule.current == NOBODY)
		sim_fail(__FILE__, __LINE__, why);
	struct coroutine *self = &schedule.threads[schedule.current];
	self->ready = ready;
	self->ready_context = context;
	self->why = why;
	while (!ready(context)) {
		unsigned next = decide();
		if (next == NOBODY)
			sim_fail(__FILE__, __LINE__, why);
		if (next != schedule.current)
			switch_to(next);
	}
	self->ready = NULL;
}

static void thread_main(void)
{
	unsigned self = schedule.current;

	__sanitizer_finish_switch_fiber(NULL, &schedule.explorer_stack,
					&schedule.explorer_stack_bytes);
	schedule.scenario->threads[self](schedule.scenario->context);
	run_step_check();
	schedule.threads[self].finished = true;
	unsigned next = decide();
	if (next == NOBODY)
		for (unsigned t = 0; t < schedule.scenario->thread_count; t++)
			if (!schedule.threads[t].finished)
				sim_fail(__FILE__, __LINE__, "all threads are blocked");
	switch_to(next);
}

static void run_once(void)
{
	const struct sim_scenario *scenario = schedule.scenario;

	schedule.depth = 0;
	schedule.preemptions = 0;
	scenario->setup(scenario->context);
	for (unsigned t = 0; t < scenario->thread_count; t++) {
		struct coroutine *thread = &schedule.threads[t];
		*thread = (struct coroutine){0};
		getcontext(&thread->context);
		thread->context.uc_stack.ss_sp = stacks[t];
		thread->context.uc_stack.ss_size = STACK_BYTES;
		thread->context.uc_link = NULL;
		makecontext(&thread->context, thread_main, 0);
	}
	switch_to(decide());
	scenario->finish(scenario->context);
}

/* The next sequence of decisions: the last one that has another option takes it. */
static bool next_path(void)
{
	schedule.length = schedule.depth;
	while (schedule.length > 0) {
		struct decision *last = &schedule.path[schedule.length - 1];
		if (last->taken + 1 < last->count) {
			last->taken++;
			return true;
		}
		schedule.length--;
	}
	return false;
}

uint64_t sim_explore(const struct sim_scenario *scenario)
{
	uint64_t runs = 0;

	sim_assert(scenario->thread_count <= THREADS_MAX);
	schedule.scenario = scenario;
	schedule.length = 0;
	do {
		run_once();
		runs++;
		if (scenario->runs_max && runs >= scenario->runs_max)
			break;
	} while (next_path());
	schedule.scenario = NULL;
	return runs;
}
