/* SPDX-License-Identifier: MIT */
#ifndef TEST_SEGMENT_WORLD_H
#define TEST_SEGMENT_WORLD_H

/* A namespace and two processes, root's and another's, for tests of segments. */

#include <stdio.h>
#include <string.h>

#include "test/unit/unit.h"

#define KEY 0x1234

static struct shm_namespace *ns;
static struct sim_space *a, *b;

static inline void world(void)
{
	check_equal(shm_namespace_create(&sim.shm, &ns), 0);
	a = sim_space_create(10);
	b = sim_space_create(20);
	sim_cpu_run(0, a);
	sim_cpu_run(1, b);
	a->caller.capabilities = SHM_CAP_IPC_LOCK | SHM_CAP_IPC_OWNER | SHM_CAP_SYS_ADMIN;
	b->caller.uid = b->caller.gid = b->caller.access_gid = 1000;
}

static inline void world_check(void)
{
	sim.quiet = true;
	shm_check_namespace(ns);
	shm_check_space(&a->shm);
	shm_check_space(&b->shm);
	sim.quiet = false;
}

static inline void world_end(void)
{
	world_check();
	sim_space_destroy(a);
	sim_space_destroy(b);
	shm_namespace_put(ns);
}

static inline void set_limit(enum shm_limit limit, uint64_t value)
{
	check_equal(shm_namespace_set_limit(ns, limit, value), 0);
}

static inline int32_t get(struct sim_space *space, int32_t key, uint64_t size_bytes, int flags)
{
	return shm_get(ns, &space->caller, key, size_bytes, flags);
}

static inline int32_t make(uint64_t size_bytes)
{
	int32_t id = get(a, IPC_PRIVATE, size_bytes, 0600);

	check(id >= 0);
	return id;
}

static inline long control(struct sim_space *space, int32_t id, int command)
{
	union shm_control_data data;

	return shm_control(ns, &space->caller, id, command, &data);
}

static inline struct abi_shmid_ds stat_of(int32_t id)
{
	union shm_control_data data;

	check_equal(shm_control(ns, &a->caller, id, IPC_STAT, &data), 0);
	return data.ds;
}

static inline uint64_t attach(struct sim_space *space, int32_t id, uint64_t address, int flags)
{
	uint64_t attached = 0;

	check_equal(shm_attach(ns, &space->caller, id, address, flags, &attached), 0);
	return attached;
}

static inline int try_attach(struct sim_space *space, int32_t id, uint64_t address, int flags)
{
	uint64_t attached;

	return shm_attach(ns, &space->caller, id, address, flags, &attached);
}

#endif
