// SPDX-License-Identifier: MIT
/* System V: the per-process table, the views, and each allocation failing once. */

#include "test/unit/segment_world.h"

/* ---- the per-process table ---- */

static void table_holds(void)
{
	struct shm_segment *first, *second;

	world();
	check(shm_table_is_empty(&a->shm));
	check_equal(shm_table_create(ns, &a->caller, 0, &first), -EINVAL);
	check_equal(shm_table_create(ns, &a->caller, 10, &first), 0);
	check_equal(shm_table_create(ns, &a->caller, 1, &second), 0);
	check_equal(shm_table_len(&a->shm), 2);
	check(!shm_table_is_empty(&a->shm) && shm_table_is_empty(&b->shm));
	check_equal(shm_segment_len(first), 10 * PAGE);
	check(!shm_segment_is_empty(first));
	int32_t id = shm_segment_id(first);

	/* Mapped here twice and by another process, which got the shmid. */
	b->caller.capabilities = SHM_CAP_IPC_OWNER;
	uint64_t chosen = 0, given = 8 * SPAN, value;
	check_equal(shm_table_attach(ns, &a->caller, first, &chosen), 0);
	check_equal(shm_table_attach(ns, &a->caller, first, &given), 0);
	check_equal(given, 8 * SPAN);
	check_equal(shm_table_attach(ns, &a->caller, first, &given), -EINVAL);
	check_equal(shm_table_attach(ns, &b->caller, first, &chosen), -EINVAL); /* not its own */
	uint64_t there = attach(b, id, 0, 0);
	check_equal(sim_write(0, given + 9 * PAGE, 42), 0);
	check_equal(sim_read(1, there + 9 * PAGE, &value), 0);
	check_equal(value, 42);
	check_equal(stat_of(id).shm_nattch, 3);

	check(shm_table_remove(&a->caller, first));
	check_equal(stat_of(id).shm_nattch, 1);
	check_equal(shm_table_len(&a->shm), 1);
	check_equal(sim_read(0, given, &value), -EFAULT);
	check_equal(sim_read(1, there + 9 * PAGE, &value), 0);
	check(!shm_table_remove(&a->caller, first));
	check_equal(shm_detach(ns, &b->caller, there), 0);
	check_equal(control(a, id, IPC_STAT), -EINVAL);
	check(shm_table_remove(&a->caller, second));
	check(shm_table_is_empty(&a->shm));
	world_end();
}

static void table_goes_with_its_space(void)
{
	struct shm_segment *segment;

	world();
	for (unsigned i = 0; i < 200; i++)
		check_equal(shm_table_create(ns, &b->caller, 1 + i, &segment), 0);
	check_equal(shm_table_len(&b->shm), 200);
	struct shm_table_line lines[300];
	check_equal(shm_table_list(&b->shm, lines, 7), 7);
	check_equal(shm_table_list(&b->shm, lines, 300), 200);
	for (unsigned i = 0; i < 200; i++) {
		segment = shm_table_find(&b->shm, lines[i].shmid);
		check_equal(shm_segment_id(segment), lines[i].shmid);
		check_equal(shm_segment_len(segment), lines[i].size_bytes);
	}
	check(!shm_table_find(&b->shm, 12345) && !shm_table_find(&a->shm, lines[0].shmid));
	sim_space_destroy(b);
	check_equal(control(a, 0, SHM_INFO), 0);
	b = sim_space_create(20);
	world_end();
}

/* ---- views ---- */

static void report_columns(void)
{
	char line[256], expected[256];
	uint32_t cursor = 0;

	world();
	sim.now = 1000;
	int32_t id = get(b, -5, 5000, IPC_CREAT | 0640);
	uint64_t at = attach(a, id, 0, 0);
	check_equal(sim_write(0, at, 1), 0);
	struct abi_shmid_ds ds = stat_of(id);
	size_t length = shm_report_line(ns, &cursor, line, sizeof(line));
	/* The format of Linux's ipc/shm.c. */
	snprintf(expected, sizeof(expected),
		 "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu "
		 "%21lu\n",
		 -5, id, 0640, 5000ul, 20, 10, 1ul, 1000, 1000, 1000, 1000, (long)ds.shm_atime,
		 (long)ds.shm_dtime, (long)ds.shm_ctime, (long)PAGE, 0ul);
	check(!strcmp(line, expected));
	check_equal(length, strlen(expected));
	check_equal(shm_report_line(ns, &cursor, line, sizeof(line)), 0);
	check_equal(line[0], 0);
	world_end();
}

static void control_info(void)
{
	union shm_control_data data;

	world();
	check_equal(shm_control(ns, &a->caller, 5, IPC_INFO, &data), 0);
	check_equal(data.info.shmmni, 4096);
	check_equal(shm_control(ns, &a->caller, -1, IPC_INFO, &data), -EINVAL);
	make(PAGE);
	int32_t id = make(3 * PAGE);
	check_equal(shm_control(ns, &a->caller, 5, SHM_INFO, &data), 1);
	check_equal(data.totals.used_ids, 2);
	check_equal(data.totals.shm_tot, 4);
	check_equal(data.totals.shm_rss, 0);
	check_equal(shm_control(ns, &a->caller, 1, SHM_STAT, &data), id);
	check_equal(data.ds.shm_segsz, 3 * PAGE);
	check_equal(shm_control(ns, &b->caller, 1, SHM_STAT, &data), -EACCES);
	check_equal(shm_control(ns, &b->caller, 1, SHM_STAT_ANY, &data), id);
	check_equal(shm_control(ns, &a->caller, id, 77, &data), -EINVAL);
	check_equal(shm_control(ns, &a->caller, id, -1, &data), -EINVAL);
	world_end();
}

/* ---- the Nth allocation fails ---- */

static struct shm_port plain;
static uint64_t calls, fail_at;

static bool refuse(void)
{
	return ++calls == fail_at;
}
static uint64_t fail_table_alloc(unsigned flags)
{
	return refuse() ? 0 : plain.table_alloc(flags);
}
static void *fail_mem_alloc(size_t size_bytes, unsigned flags)
{
	return refuse() ? NULL : plain.mem_alloc(size_bytes, flags);
}
static int fail_reserve(uint64_t pages)
{
	return refuse() ? -ENOMEM : plain.reserve(pages);
}

static int32_t some_id;

static int do_get(void)
{
	int32_t id = get(a, KEY + 1000, 100 * PAGE, IPC_CREAT | IPC_EXCL | 0600);

	return id < 0 ? id : (int)control(a, id, IPC_RMID);
}
static int do_attach(void)
{
	int err = try_attach(b, some_id, 8 * SPAN, 0);

	return err ? err : shm_detach(ns, &b->caller, 8 * SPAN);
}
static int do_attach_over(void)
{
	int err = try_attach(a, some_id, SPAN + PAGE, SHM_REMAP);

	return err;
}
static int do_table(void)
{
	struct shm_segment *segment;
	uint64_t address = 0;
	int err = shm_table_create(ns, &b->caller, 100, &segment);

	if (err)
		return err;
	err = shm_table_attach(ns, &b->caller, segment, &address);
	fail_at = 0; /* what is left to do needs no memory */
	check(shm_table_remove(&b->caller, segment));
	return err;
}
static int do_namespace(void)
{
	struct shm_namespace *other;
	int err = shm_namespace_create(&sim.shm, &other);

	if (!err)
		shm_namespace_put(other);
	return err;
}

static uint64_t fail_one(int (*operation)(void), uint64_t n)
{
	world();
	/* 70 segments: the next needs a new node for its index, and the hash is about to split. */
	for (int32_t i = 0; i < 70; i++)
		check(get(a, KEY + i, PAGE, IPC_CREAT | 0600) >= 0);
	some_id = get(a, KEY + 500, 30 * PAGE, IPC_CREAT | 0666);
	attach(a, some_id, SPAN, 0);
	plain = sim.port;
	sim.port.table_alloc = fail_table_alloc;
	sim.port.mem_alloc = fail_mem_alloc;
	sim.port.reserve = fail_reserve;
	calls = 0;
	fail_at = n;
	int err = operation();
	check(err == 0 || err == -ENOMEM);
	check(n || !err);
	fail_at = 0;
	world_check();
	check_equal(operation(), 0);
	sim.port = plain;
	world_end();
	return calls;
}

static void fail_every_allocation(void)
{
	static int (*const operations[])(void) = {do_get, do_attach, do_attach_over, do_table,
						  do_namespace};

	for (unsigned i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		uint64_t total = fail_one(operations[i], 0);
		for (uint64_t n = 1; n <= total; n++) {
			snprintf(sim_context, sizeof(sim_context), "operation %u, call %lu", i,
				 (unsigned long)n);
			fail_one(operations[i], n);
		}
	}
}

static const struct unit_test tests[] = {
	{"table_holds", "the per-process table: create, attach, remove, len", table_holds, false},
	{"table_space", "a table goes with its space", table_goes_with_its_space, false},
	{"report", "a line of /proc/sysvipc/shm", report_columns, false},
	{"control_info", "shmctl's views", control_info, true},
	{"fail_nth", "each allocation of each call may fail, and nothing leaks",
	 fail_every_allocation, false},
	{0},
};

const struct unit_suite table_suite = {"table", tests};
