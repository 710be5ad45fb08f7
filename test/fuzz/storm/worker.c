// SPDX-License-Identifier: MIT
/* One random process: draws operations until it is told to stop, or has done its share. */

#define _GNU_SOURCE
#include "storm.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define WORKER_OPERATIONS 1500
#define SECONDS_MAX       900 /* of one process, if nobody ends it */

static const struct {
	void (*operate)(void);
	unsigned weight;
} operations[] = {
	{operate_attach, 120},  {operate_touch, 300}, {operate_detach, 70}, {operate_unmap, 40},
	{operate_protect, 40},  {operate_remap, 40},  {operate_advise, 40}, {operate_lock, 30},
	{operate_private, 15},  {operate_create, 60}, {operate_remove, 25}, {operate_resize, 50},
	{operate_control, 40},  {operate_read, 30},   {operate_look, 8},    {operate_semaphore, 60},
	{operate_exclusion, 8}, {operate_queue, 40},  {operate_pass, 30},   {operate_fork, 20},
	{operate_spawn, 8},     {operate_exec, 1},    {operate_kill, 6},    {operate_namespace, 5},
	{operate_threads, 6},   {operate_exhaust, 1}, {operate_setting, 2}, {operate_futex, 20},
	{operate_peek, 10},
};
#define OPERATION_COUNT (sizeof(operations) / sizeof(operations[0]))

static void operate(void)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < OPERATION_COUNT; i++)
		sum += operations[i].weight;
	unsigned at = draw() % sum;
	for (unsigned i = 0; i < OPERATION_COUNT; i++) {
		if (at < operations[i].weight) {
			operations[i].operate();
			return;
		}
		at -= operations[i].weight;
	}
}

void worker_run(unsigned count)
{
	while (count-- && !LOAD(&control->stop)) {
		operate();
		(void)ADD(&me.board->operations, 1);
	}
}

/* What fork gave us: the supervisor's maps of what has no name. */
static void anonymous_enter(void)
{
	for (unsigned i = 0; i < OBJECTS; i++) {
		const struct object *object = &me.board->objects[i];
		uint32_t number = (uint32_t)(object->name >> 32);

		if (object->kind == ANONYMOUS)
			(void)map_enter(&(struct map){.address = (uintptr_t)me.board->anonymous[i],
						      .bytes = object_pages(number) * PAGE,
						      .number = number,
						      .kind = ANONYMOUS,
						      .write = true});
	}
}

/* PROGRAM worker|child SUPERVISOR SLOT LANE SEED OPERATIONS */
void worker_main(char **arguments)
{
	bool child = strcmp(arguments[1], "child") == 0;

	if (!control_map())
		_exit(1);
	program = arguments[0];
	me.supervisor = (unsigned)strtoul(arguments[2], NULL, 10);
	me.slot = (unsigned)strtoul(arguments[3], NULL, 10);
	me.lane = (unsigned)strtoul(arguments[4], NULL, 10);
	me.board = &control->boards[me.supervisor];
	me.depth = child ? 1 : 0;
	seed_from(strtoul(arguments[5], NULL, 10), me.supervisor, me.slot);
	handlers_install();
	alarm(SECONDS_MAX);
	worker_run(child ? (unsigned)strtoul(arguments[6], NULL, 10) : WORKER_OPERATIONS);
	_exit(0);
}

void worker_forked(void)
{
	handlers_install();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(SECONDS_MAX);
	anonymous_enter();
	worker_run(WORKER_OPERATIONS);
	_exit(0);
}
