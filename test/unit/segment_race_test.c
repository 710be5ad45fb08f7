// SPDX-License-Identifier: MIT
/*
 * Segments under every interleaving of two or three callers: who attaches,
 * detaches, forks, exits and removes at the same time. However they meet, the
 * segment goes exactly when nobody needs it, once, and nothing is left.
 */

#include <stdio.h>
#include <string.h>

#include "test/unit/unit.h"

#define KEY         0x77
#define BASE        (2 * SPAN)
#define OCCUPIED    (8 * SPAN)
#define PREEMPTIONS 2

static struct shm_namespace *ns;
static struct sim_space *spaces[3];
static int32_t id;
static int results[3];
static unsigned attached; /* bit for each process that begins attached */
static bool forced;       /* kernel.shm_rmid_forced */

/* ---- operations: each by the process of its number ---- */

static void attach_detach(unsigned who)
{
	uint64_t at;

	results[who] = shm_attach(ns, &spaces[who]->caller, id, 0, 0, &at);
	if (!results[who])
		check_equal(shm_detach(ns, &spaces[who]->caller, at), 0);
	check(results[who] == 0 || results[who] == -EINVAL);
}

/* Held for a while, but not attached in the end. */
static void attach_in_vain(unsigned who)
{
	uint64_t at;

	check_equal(shm_attach(ns, &spaces[who]->caller, id, OCCUPIED, 0, &at), -EINVAL);
}

static void detach(unsigned who)
{
	int err = shm_detach(ns, &spaces[who]->caller, BASE);

	check_equal(err, attached & 1u << who ? 0 : -EINVAL);
}

static void end(unsigned who)
{
	struct sim_space *space = spaces[who];

	spaces[who] = NULL;
	sim_space_destroy(space);
}

static void fork_and_end(unsigned who)
{
	struct sim_space *child = sim_space_fork(spaces[who], 100 + (int32_t)who);

	check(child != NULL);
	sim_space_destroy(child);
}

static void remove_it(unsigned who)
{
	union shm_control_data data;

	results[who] = (int)shm_control(ns, &spaces[who]->caller, id, IPC_RMID, &data);
	check(results[who] == 0 || results[who] == -EINVAL);
}

static void look(unsigned who)
{
	union shm_control_data data;
	long result = shm_control(ns, &spaces[who]->caller, id, IPC_STAT, &data);

	check(result == 0 || result == -EINVAL);
	/* Never seen as removed with nobody there, but while the last one is on its way out. */
	check(result || data.ds.shm_segsz == 3 * PAGE);
}

/* By key: the same or, when it has been removed, a new one. */
static void get_by_key(unsigned who)
{
	union shm_control_data data;
	int32_t got = shm_get(ns, &spaces[who]->caller, KEY, PAGE, IPC_CREAT | 0600);

	check(got >= 0);
	if (got != id)
		check_equal(shm_control(ns, &spaces[who]->caller, got, IPC_RMID, &data), 0);
}

static void (*const operations[])(unsigned who) = {
	attach_detach, detach, end, fork_and_end, remove_it, look, get_by_key, attach_in_vain,
};
static const char *const names[] = {
	"attach", "detach", "exit", "fork", "remove", "look", "get", "attach in vain",
};
#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* ---- the world ---- */

static unsigned chosen[3], threads;

static void setup(void *context)
{
	(void)context;
	sim_init(unit_link, 1); /* frames are never used again, so each run has its own */
	check_equal(shm_namespace_create(&sim.shm, &ns), 0);
	check_equal(shm_namespace_set_limit(ns, SHM_LIMIT_RMID_FORCED, forced), 0);
	for (unsigned i = 0; i < 3; i++) {
		spaces[i] = sim_space_create((int32_t)i + 1);
		spaces[i]->caller.capabilities = SHM_CAP_IPC_OWNER | SHM_CAP_SYS_ADMIN;
	}
	id = shm_get(ns, &spaces[0]->caller, KEY, 3 * PAGE, IPC_CREAT | 0600);
	check(id >= 0);
	for (unsigned i = 0; i < 3; i++) {
		uint64_t at;
		check_equal(sim_map(spaces[i], OCCUPIED, 1, NULL, 0, READ_WRITE, 0), 0);
		if (!(attached & 1u << i))
			continue;
		check_equal(shm_attach(ns, &spaces[i]->caller, id, BASE, 0, &at), 0);
		sim_cpu_run(i, spaces[i]);
		check_equal(sim_write(i, BASE, i), 0);
	}
}

static void run_0(void *context)
{
	(void)context;
	operations[chosen[0]](0);
}
static void run_1(void *context)
{
	(void)context;
	operations[chosen[1]](1);
}
static void run_2(void *context)
{
	(void)context;
	operations[chosen[2]](2);
}

static void step(void *context)
{
	(void)context;
	sim.quiet = true;
	shm_check_namespace(ns);
	sim.quiet = false;
}

static void finish(void *context)
{
	const struct shm_caller root = {.pid = 50,
					.capabilities = SHM_CAP_IPC_OWNER | SHM_CAP_SYS_ADMIN};
	union shm_control_data data;
	unsigned users = 0;
	bool removed = false, left = false;

	step(context);
	for (unsigned i = 0; i < threads; i++) {
		removed |= operations[chosen[i]] == remove_it;
		/* With shm_rmid_forced it goes when somebody leaves, or its creator ends. */
		left |= operations[chosen[i]] != look && operations[chosen[i]] != get_by_key &&
			(operations[chosen[i]] != detach || attached & 1u << i) &&
			(operations[chosen[i]] != end || i == 0 || attached & 1u << i) &&
			(operations[chosen[i]] != fork_and_end || attached & 1u << i);
	}
	for (unsigned i = 0; i < 3; i++)
		users += spaces[i] && spaces[i]->area_count > 1;
	removed |= forced && left;
	long result = shm_control(ns, &root, id, IPC_STAT, &data);
	if (users) {
		check_equal(result, 0);
		check_equal(data.ds.shm_nattch, users);
	} else {
		check_equal(result, removed ? -EINVAL : 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		if (spaces[i])
			sim_space_destroy(spaces[i]);
	}
	shm_namespace_put(ns);
	sim_check_empty();
}

static uint64_t explore(unsigned thread_count)
{
	threads = thread_count;
	const struct sim_scenario scenario = {
		.name = sim_context,
		.setup = setup,
		.threads = {run_0, run_1, run_2},
		.thread_count = threads,
		.step = step,
		.finish = finish,
		.preemptions = PREEMPTIONS,
	};

	snprintf(sim_context, sizeof(sim_context), "%s, %s, %s, attached %u%s", names[chosen[0]],
		 names[chosen[1]], threads > 2 ? names[chosen[2]] : "-", attached,
		 forced ? ", shm_rmid_forced" : "");
	return sim_explore(&scenario);
}

static void all_pairs(void)
{
	for (chosen[0] = 0; chosen[0] < OPERATIONS; chosen[0]++) {
		for (chosen[1] = 0; chosen[1] < OPERATIONS; chosen[1]++)
			explore(2);
	}
}

static void pairs(void)
{
	for (attached = 0; attached < 4; attached++)
		all_pairs();
}

static void pairs_forced(void)
{
	forced = true;
	pairs();
}

static void triples(void)
{
	/* Who comes, leaves and removes, in threes. */
	static const unsigned sets[][3] = {
		{1, 1, 1}, {2, 2, 2}, {1, 2, 4}, {2, 1, 0}, {1, 0, 4}, {3, 1, 4}, {1, 7, 4},
	};

	for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		memcpy(chosen, sets[i], sizeof(chosen));
		for (attached = 1; attached < 8; attached += 2) {
			forced = attached == 3;
			explore(3);
		}
	}
}

static const struct unit_test tests[] = {
	{"pairs", "any two calls at once", pairs, true},
	{"pairs_forced", "any two calls at once, with shm_rmid_forced", pairs_forced, true},
	{"triples", "three leave at once", triples, true},
	{0},
};

const struct unit_suite segment_race_suite = {"segment_race", tests};
