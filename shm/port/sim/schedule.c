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

struct label {
	uint32_t reads, writes;
};

struct coroutine {
	ucontext_t context; /* for its first start; afterwards jumps, which make no system calls */
	void *jump[5];
	bool started;
	struct label label; /* of the step that it takes next */
	void *fake_stack;   /* AddressSanitizer's */
	bool finished;
	bool (*ready)(void *); /* blocked until it says true; NULL: not blocked */
	void *ready_context;
};

struct decision {
	uint8_t options[THREADS_MAX];
	uint8_t count, taken;
	uint8_t asleep; /* threads, when it was reached first */
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
	uint8_t asleep; /* threads whose next step was tried before all that conflicts with it */
	bool pruned;    /* the rest of this run is like another one: only finish */
} schedule = {.current = NOBODY, .explorer = {.started = true}};

static char stacks[THREADS_MAX][STACK_BYTES] __attribute__((aligned(4096)));

unsigned sim_thread(void)
{
	return schedule.current == NOBODY ? 0 : schedule.current;
}

static __attribute__((no_sanitize("address"))) void jump_to(struct coroutine *to)
{
	if (to->started)
		__builtin_longjmp(to->jump, 1);
	to->started = true;
	setcontext(&to->context);
	__builtin_trap();
}

static __attribute__((noinline, no_sanitize("address"))) void switch_to(unsigned next)
{
	unsigned previous = schedule.current;
	struct coroutine *from =
		previous == NOBODY ? &schedule.explorer : &schedule.threads[previous];
	struct coroutine *to = next == NOBODY ? &schedule.explorer : &schedule.threads[next];
	const void *bottom = next == NOBODY ? schedule.explorer_stack : stacks[next];
	size_t size = next == NOBODY ? schedule.explorer_stack_bytes : STACK_BYTES;

	schedule.current = next;
	__sanitizer_start_switch_fiber(&from->fake_stack, bottom, size);
	if (__builtin_setjmp(from->jump) == 0)
		jump_to(to);
	from = schedule.current == NOBODY ? &schedule.explorer
					  : &schedule.threads[schedule.current];
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

static bool conflict(struct label a, struct label b)
{
	return (a.writes & (b.reads | b.writes)) || (a.reads & b.writes);
}

/* The thread takes its step: those that sleep until something conflicts wake up. */
static void wake_conflicting(unsigned thread)
{
	for (unsigned t = 0; t < schedule.scenario->thread_count; t++)
		if ((schedule.asleep & 1u << t) &&
		    conflict(schedule.threads[t].label, schedule.threads[thread].label))
			schedule.asleep &= (uint8_t)~(1u << t);
}

/* All threads that may run next, this one first. */
static struct decision collect_options(bool may_continue)
{
	struct decision options = {.count = 0, .asleep = schedule.asleep};
	unsigned current = schedule.current;
	bool every = schedule.scenario->preemptions == SIM_EVERY;
	bool others =
		every || !may_continue || schedule.preemptions < schedule.scenario->preemptions;

	if (may_continue && !(every && (schedule.asleep & 1u << current)))
		options.options[options.count++] = (uint8_t)current;
	for (unsigned t = 0; others && t < schedule.scenario->thread_count; t++)
		if (t != current && enabled(t) && !(every && (schedule.asleep & 1u << t)))
			options.options[options.count++] = (uint8_t)t;
	return options;
}

static unsigned any_enabled(void)
{
	if (schedule.current != NOBODY && enabled(schedule.current))
		return schedule.current;
	for (unsigned t = 0; t < schedule.scenario->thread_count; t++)
		if (enabled(t))
			return t;
	return NOBODY;
}

/*
 * Who runs next: replayed from the path, or the first option of a new decision.
 * Sleep sets (Godefroid): an option that was tried sleeps while the others are
 * tried, until a step conflicts with its own; a run in which all that could go
 * on sleep is the same as an earlier one.
 */
static unsigned decide(void)
{
	unsigned current = schedule.current;

	if (schedule.pruned)
		return any_enabled();
	bool may_continue = current != NOBODY && enabled(current);
	struct decision options = collect_options(may_continue);
	if (options.count == 0) {
		unsigned next = any_enabled();
		schedule.pruned = next != NOBODY;
		return next;
	}
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
		for (unsigned i = 0; i < options.taken; i++)
			schedule.asleep |= (uint8_t)(1u << options.options[i]);
	}
	wake_conflicting(next);
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

static void set_label(uint32_t reads, uint32_t writes)
{
	schedule.threads[schedule.current].label =
		(struct label){reads | sim.lock_reads[schedule.current],
			       writes | sim.lock_writes[schedule.current]};
}

void sim_yield(uint32_t reads, uint32_t writes)
{
	if (schedule.current == NOBODY || sim.quiet)
		return;
	run_step_check();
	set_label(reads, writes);
	unsigned next = decide();
	if (next != schedule.current)
		switch_to(next);
}

void sim_block(const char *why, bool (*ready)(void *), void *context, uint32_t reads,
	       uint32_t writes)
{
	if (schedule.current == NOBODY || sim.quiet) {
		if (!ready(context))
			sim_fail(__FILE__, __LINE__, why);
		return;
	}
	struct coroutine *self = &schedule.threads[schedule.current];
	run_step_check();
	set_label(reads, writes);
	self->ready = ready;
	self->ready_context = context;
	unsigned next = decide();
	if (next == NOBODY)
		sim_fail(__FILE__, __LINE__, why); /* all are blocked */
	if (next != schedule.current)
		switch_to(next);
	self->ready = NULL;
}

/* A thread is started once and then does its part of each run. */
static void thread_main(void)
{
	unsigned self = schedule.current;

	__sanitizer_finish_switch_fiber(NULL, &schedule.explorer_stack,
					&schedule.explorer_stack_bytes);
	for (;;) {
		schedule.scenario->threads[self](schedule.scenario->context);
		run_step_check();
		schedule.threads[self].finished = true;
		unsigned next = decide();
		for (unsigned t = 0; next == NOBODY && t < schedule.scenario->thread_count; t++)
			if (!schedule.threads[t].finished)
				sim_fail(__FILE__, __LINE__, "all threads are blocked");
		switch_to(next);
	}
}

static void thread_prepare(unsigned t)
{
	struct coroutine *thread = &schedule.threads[t];

	thread->label = (struct label){SIM_ALL, SIM_ALL};
	thread->finished = false;
	thread->ready = NULL;
	if (thread->started)
		return;
	getcontext(&thread->context);
	thread->context.uc_stack.ss_sp = stacks[t];
	thread->context.uc_stack.ss_size = STACK_BYTES;
	thread->context.uc_link = NULL;
	makecontext(&thread->context, thread_main, 0);
}

static void run_once(void)
{
	const struct sim_scenario *scenario = schedule.scenario;

	schedule.depth = 0;
	schedule.preemptions = 0;
	schedule.asleep = 0;
	schedule.pruned = false;
	scenario->setup(scenario->context);
	for (unsigned t = 0; t < scenario->thread_count; t++)
		thread_prepare(t);
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
	} while (next_path());
	schedule.scenario = NULL;
	return runs;
}
