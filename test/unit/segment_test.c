// SPDX-License-Identifier: MIT
/* System V: ids, keys, permissions, limits, attachments, removal, the report. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test/unit/unit.h"

#define KEY 0x1234

static struct shm_namespace *ns;
static struct sim_space *a, *b;

static void world(void)
{
	check_equal(shm_namespace_create(&sim.shm, &ns), 0);
	a = sim_space_create(10);
	b = sim_space_create(20);
	sim_cpu_run(0, a);
	sim_cpu_run(1, b);
	a->caller.capabilities = SHM_CAP_IPC_LOCK | SHM_CAP_IPC_OWNER | SHM_CAP_SYS_ADMIN;
	b->caller.uid = b->caller.gid = 1000;
}

static void world_check(void)
{
	sim.quiet = true;
	shm_check_namespace(ns);
	shm_check_space(&a->shm);
	shm_check_space(&b->shm);
	sim.quiet = false;
}

static void world_end(void)
{
	world_check();
	sim_space_destroy(a);
	sim_space_destroy(b);
	shm_namespace_put(ns);
}

static int32_t get(struct sim_space *space, int32_t key, uint64_t size_bytes, int flags)
{
	return shm_get(ns, &space->caller, key, size_bytes, flags);
}

static int32_t make(uint64_t size_bytes)
{
	int32_t id = get(a, IPC_PRIVATE, size_bytes, 0600);

	check(id >= 0);
	return id;
}

static long control(struct sim_space *space, int32_t id, int command)
{
	union shm_control_data data;

	return shm_control(ns, &space->caller, id, command, &data);
}

static struct abi_shmid_ds stat_of(int32_t id)
{
	union shm_control_data data;

	check_equal(shm_control(ns, &a->caller, id, IPC_STAT, &data), 0);
	return data.ds;
}

static uint64_t attach(struct sim_space *space, int32_t id, uint64_t address, int flags)
{
	uint64_t attached = 0;

	check_equal(shm_attach(ns, &space->caller, id, address, flags, &attached), 0);
	return attached;
}

static int try_attach(struct sim_space *space, int32_t id, uint64_t address, int flags)
{
	uint64_t attached;

	return shm_attach(ns, &space->caller, id, address, flags, &attached);
}

/* ---- ids and keys ---- */

static void get_rules(void)
{
	world();
	check_equal(get(a, KEY, PAGE, 0600), -ENOENT);
	check_equal(get(a, KEY, PAGE, IPC_EXCL | 0600), -ENOENT);
	check_equal(get(a, IPC_PRIVATE, 0, 0600), -EINVAL);
	check_equal(get(a, IPC_PRIVATE, UINT64_MAX, 0600), -EINVAL);
	check_equal(get(a, IPC_PRIVATE, 1ull << 63, 0600), -EINVAL);
	check_equal(get(a, IPC_PRIVATE, 1ull << 55, 0600), -ENOMEM);
	int32_t id = get(a, KEY, 5000, IPC_CREAT | 0640);
	check_equal(id, 0);
	check_equal(get(a, KEY, 0, 0), id);
	check_equal(get(a, KEY, 5000, IPC_CREAT), id);
	check_equal(get(a, KEY, 5001, 0), -EINVAL);
	check_equal(get(a, KEY, 5001, IPC_CREAT | IPC_EXCL), -EEXIST);
	check_equal(get(b, KEY, 0, 0), id);
	check_equal(get(b, KEY, 0, 0400), -EACCES);
	check_equal(get(b, KEY, 5001, 0400), -EINVAL);
	check_equal(get(a, IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB), -ENOMEM);
	check_equal(get(a, IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB | 5 << SHM_HUGE_SHIFT), -EINVAL);
	b->caller.memlock_limit_bytes = 0;
	check_equal(get(b, IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB), -EPERM);
	check_equal(control(a, id, IPC_RMID), 0);
	check_equal(get(a, KEY, 0, 0), -ENOENT);
	check_equal(control(a, id, IPC_STAT), -EINVAL);
	world_end();
}

static void ids_go_round(void)
{
	world();
	/* As Linux: a window of 64 indices, and a new sequence number each time round. */
	for (int32_t i = 0; i < 200; i++) {
		int32_t id = make(PAGE);
		check_equal(id, i / 64 << 15 | i % 64);
		check_equal(control(a, id, IPC_RMID), 0);
	}
	world_end();
}

static void many_segments(void)
{
	enum { COUNT = 3000 };
	static int32_t ids[COUNT];

	world();
	for (int32_t i = 0; i < COUNT; i++) {
		ids[i] = get(a, KEY + i, PAGE, IPC_CREAT | IPC_EXCL | 0600);
		check(ids[i] >= 0);
	}
	for (int32_t i = 0; i < COUNT; i++)
		check_equal(get(a, KEY + i, 0, 0), ids[i]);
	for (int32_t i = 0; i < COUNT; i += 2)
		check_equal(control(a, ids[i], IPC_RMID), 0);
	for (int32_t i = 0; i < COUNT; i++)
		check_equal(get(a, KEY + i, 0, 0), i % 2 ? ids[i] : -ENOENT);
	check_equal(control(a, 0, SHM_INFO), ids[COUNT - 1] & 0x7fff);
	world_end(); /* the rest goes with the namespace */
}

static void limits(void)
{
	struct shm_limits limits;

	world();
	shm_namespace_limits(ns, &limits);
	check_equal(limits.shmmni, 4096);
	limits.shmmni = 2;
	limits.shmall_pages = 10;
	limits.shmmax_bytes = 8 * PAGE;
	check_equal(shm_namespace_set_limits(ns, &limits), 0);
	check_equal(get(a, IPC_PRIVATE, 8 * PAGE + 1, 0600), -EINVAL);
	int32_t id = make(8 * PAGE);
	check_equal(get(a, IPC_PRIVATE, 3 * PAGE, 0600), -ENOSPC);
	make(2 * PAGE);
	check_equal(get(a, IPC_PRIVATE, 1, 0600), -ENOSPC);
	check_equal(control(a, id, IPC_RMID), 0);
	make(PAGE);
	check_equal(get(a, IPC_PRIVATE, 1, 0600), -ENOSPC); /* shmmni */
	limits.shmmni = 32769;
	check_equal(shm_namespace_set_limits(ns, &limits), -EINVAL);
	world_end();
}

static void next_id(void)
{
	struct shm_limits limits;

	world();
	shm_namespace_limits(ns, &limits);
	limits.next_id = 7 << 15 | 1000;
	check_equal(shm_namespace_set_limits(ns, &limits), 0);
	check_equal(make(PAGE), 7 << 15 | 1000);
	shm_namespace_limits(ns, &limits);
	check_equal((uint32_t)limits.next_id, UINT32_MAX);
	check_equal(make(PAGE), 0);
	limits.next_id = 9 << 15 | 1000; /* taken: the next that is free */
	check_equal(shm_namespace_set_limits(ns, &limits), 0);
	check_equal(make(PAGE), 9 << 15 | 1001);
	world_end();
}

/* ---- permission ---- */

static void permissions(void)
{
	static const uint32_t groups[] = {7, 2000};

	world();
	int32_t id = get(a, KEY, PAGE, IPC_CREAT | 0640);
	union shm_control_data data;
	check_equal(shm_control(ns, &a->caller, id, IPC_STAT, &data), 0);
	data.ds.shm_perm.uid = 500;
	data.ds.shm_perm.gid = 2000;
	check_equal(shm_control(ns, &a->caller, id, IPC_SET, &data), 0);

	check_equal(try_attach(b, id, 0, SHM_RDONLY), -EACCES);
	b->caller.groups = groups;
	b->caller.group_count = 2;
	uint64_t at = attach(b, id, 0, SHM_RDONLY);
	check_equal(sim_write(1, at, 1), -EFAULT);
	check_equal(try_attach(b, id, 0, 0), -EACCES);
	check_equal(try_attach(b, id, 0, SHM_RDONLY | SHM_ATTACH_EXEC), -EACCES);
	b->caller.uid = 500;
	attach(b, id, 0, 0);
	check_equal(control(b, id, IPC_RMID), 0);
	b->caller.uid = 501;
	check_equal(control(b, id, IPC_RMID), -EPERM);
	check_equal(control(b, id, SHM_LOCK), -EPERM);
	check_equal(control(a, id, SHM_LOCK), 0);
	check_equal(stat_of(id).shm_perm.mode, 0640 | SHM_DEST | SHM_LOCKED);
	world_end();
}

/* ---- attachments ---- */

static void attach_addresses(void)
{
	world();
	int32_t id = make(2 * PAGE);
	check_equal(try_attach(a, -1, 0, 0), -EINVAL);
	check_equal(try_attach(a, id + 1, 0, 0), -EINVAL);
	check_equal(try_attach(a, id, 0, SHM_REMAP), -EINVAL);
	check_equal(try_attach(a, id, SPAN + 1, 0), -EINVAL);
	check_equal(try_attach(a, id, 1, SHM_RND), -EPERM);
	check_equal(try_attach(a, id, 1, SHM_RND | SHM_REMAP), -EINVAL);
	check_equal(try_attach(a, id, 0 - PAGE, 0), -EINVAL);
	check_equal(attach(a, id, SPAN + 1, SHM_RND), SPAN);
	check_equal(try_attach(a, id, SPAN + PAGE, 0), -EINVAL);
	check_equal(attach(a, id, SPAN, SHM_REMAP), SPAN);
	check_equal(stat_of(id).shm_nattch, 1);
	check_equal(shm_detach(ns, &a->caller, SPAN + 1), -EINVAL);
	check_equal(shm_detach(ns, &a->caller, SPAN + PAGE), -EINVAL);
	check_equal(shm_detach(ns, &b->caller, SPAN), -EINVAL);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(shm_detach(ns, &a->caller, SPAN), -EINVAL);
	check_equal(stat_of(id).shm_nattch, 0);
	world_end();
}

static void pieces_count(void)
{
	world();
	int32_t id = make(5 * PAGE);
	attach(a, id, SPAN, 0);
	check_equal(sim_protect(a, SPAN + 2 * PAGE, SPAN + 3 * PAGE, SHM_READ), 0);
	check_equal(stat_of(id).shm_nattch, 3);
	check_equal(sim_unmap(a, SPAN, SPAN + PAGE), 0);
	check_equal(stat_of(id).shm_nattch, 3);
	check_equal(sim_unmap(a, SPAN + 2 * PAGE, SPAN + 3 * PAGE), 0);
	check_equal(stat_of(id).shm_nattch, 2);
	struct sim_space *child = sim_space_fork(a, 11);
	check_equal(stat_of(id).shm_nattch, 4);
	check_equal(stat_of(id).shm_lpid, 10);
	sim_space_destroy(child);
	check_equal(stat_of(id).shm_nattch, 2);
	check_equal(stat_of(id).shm_lpid, 11);
	/* Its head is gone, but not its address. */
	check_equal(shm_detach(ns, &a->caller, SPAN + PAGE), -EINVAL);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(stat_of(id).shm_nattch, 0);
	world_end();
}

static void foreign_piece_spared(void)
{
	world();
	int32_t id = make(5 * PAGE), other = make(PAGE);
	attach(a, id, SPAN, 0);
	attach(a, other, SPAN + 2 * PAGE, SHM_REMAP);
	check_equal(stat_of(id).shm_nattch, 2);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(stat_of(id).shm_nattch, 0);
	check_equal(stat_of(other).shm_nattch, 1);
	world_end();
}

static void shared_bytes(void)
{
	uint64_t value;

	world();
	int32_t id = get(a, KEY, 3 * SPAN, IPC_CREAT | 0666);
	uint64_t here = attach(a, id, 0, 0), there = attach(b, id, 40 * SPAN + PAGE, 0);
	for (uint64_t page = 0; page < 3 * SPAN / PAGE; page += 100) {
		check_equal(sim_write(0, here + page * PAGE, page + 1), 0);
		check_equal(sim_read(1, there + page * PAGE, &value), 0);
		check_equal(value, page + 1);
	}
	world_end();
}

/* ---- removal ---- */

static void removed_while_attached(void)
{
	world();
	int32_t id = get(a, KEY, 20 * PAGE, IPC_CREAT | 0666);
	int64_t frames = sim.frames_live;
	uint64_t here = attach(a, id, 0, 0);
	for (uint64_t i = 0; i < 20; i++)
		check_equal(sim_write(0, here + i * PAGE, i), 0);
	check_equal(control(a, id, IPC_RMID), 0);
	check_equal(stat_of(id).shm_perm.mode, 0666 | SHM_DEST);
	check_equal(stat_of(id).shm_perm.key, IPC_PRIVATE);
	check_equal(get(a, KEY, 0, 0), -ENOENT);
	int32_t other = get(a, KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600);
	check(other >= 0 && other != id);
	world_check();
	attach(b, id, 0, 0); /* by id it can be attached still */
	check_equal(control(a, id, IPC_RMID), 0);
	check_equal(shm_detach(ns, &a->caller, here), 0);
	check_equal(stat_of(id).shm_nattch, 1);
	sim_space_destroy(b);
	check_equal(control(a, id, IPC_STAT), -EINVAL);
	check_equal(sim.frames_live, frames); /* all is back at the last detach */
	check_equal(get(a, KEY, 0, 0), other);
	b = sim_space_create(20);
	world_end();
}

static void strict_reading(void)
{
	struct shm_limits limits;

	world();
	shm_namespace_limits(ns, &limits);
	limits.attach_removed = false;
	check_equal(shm_namespace_set_limits(ns, &limits), 0);
	int32_t id = make(PAGE);
	attach(a, id, SPAN, 0);
	check_equal(control(a, id, IPC_RMID), 0);
	check_equal(try_attach(a, id, 0, 0), -EIDRM);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(try_attach(a, id, 0, 0), -EINVAL);
	world_end();
}

static void set_rmid_forced(bool forced)
{
	struct shm_limits limits;

	shm_namespace_limits(ns, &limits);
	limits.rmid_forced = forced;
	check_equal(shm_namespace_set_limits(ns, &limits), 0);
}

static void rmid_forced(void)
{
	world();
	b->caller.capabilities = a->caller.capabilities;
	set_rmid_forced(true);
	int32_t never = make(PAGE), once = make(PAGE), held = make(PAGE);
	attach(a, once, SPAN, 0);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(control(a, once, IPC_STAT), -EINVAL);
	check_equal(control(a, never, IPC_STAT), 0);
	attach(b, held, 0, 0);
	shm_creator_exit(ns, 10);
	check_equal(control(a, never, IPC_STAT), -EINVAL);
	check_equal(control(a, held, IPC_STAT), 0);
	sim_space_destroy(b);
	check_equal(control(a, held, IPC_STAT), -EINVAL);
	b = sim_space_create(20);
	world_end();
}

static void rmid_forced_later(void)
{
	world();
	b->caller.capabilities = a->caller.capabilities;
	int32_t orphan = make(PAGE);
	int32_t living = get(b, IPC_PRIVATE, PAGE, 0600);
	shm_creator_exit(ns, 10);
	check_equal(control(a, orphan, IPC_STAT), 0);
	set_rmid_forced(true);
	check_equal(control(a, orphan, IPC_STAT), -EINVAL);
	check_equal(control(a, living, IPC_STAT), 0);
	shm_creator_exit(ns, 20);
	check_equal(control(a, living, IPC_STAT), -EINVAL);
	shm_creator_exit(ns, 20);
	world_end();
}

static void namespace_ends_first(void)
{
	world();
	int32_t id = make(5 * PAGE);
	uint64_t at = attach(a, id, 0, 0), value;
	make(PAGE);
	check_equal(sim_write(0, at, 77), 0);
	shm_namespace_put(ns);
	check_equal(sim_read(0, at, &value), 0);
	check_equal(value, 77);
	sim_space_destroy(a);
	sim_space_destroy(b);
}

/* ---- the per-process table ---- */

static void table_holds(void)
{
	struct shm_segment *first, *second;
	bool removed;

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

	check_equal(shm_table_remove(ns, &a->caller, first, &removed), 0);
	check(removed);
	check_equal(stat_of(id).shm_nattch, 1);
	check_equal(shm_table_len(&a->shm), 1);
	check_equal(sim_read(0, given, &value), -EFAULT);
	check_equal(sim_read(1, there + 9 * PAGE, &value), 0);
	check_equal(shm_table_remove(ns, &a->caller, first, &removed), 0);
	check(!removed);
	check_equal(shm_detach(ns, &b->caller, there), 0);
	check_equal(control(a, id, IPC_STAT), -EINVAL);
	check_equal(shm_table_remove(ns, &a->caller, second, &removed), 0);
	check(removed && shm_table_is_empty(&a->shm));
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
	bool removed;
	uint64_t address = 0;
	int err = shm_table_create(ns, &b->caller, 100, &segment);

	if (err)
		return err;
	err = shm_table_attach(ns, &b->caller, segment, &address);
	fail_at = 0; /* what is left to do needs no memory */
	check_equal(shm_table_remove(ns, &b->caller, segment, &removed), 0);
	check(removed);
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
	{"get_rules", "shmget's errors come in Linux's order", get_rules, true},
	{"ids_go_round", "indices go round, sequence numbers move on", ids_go_round, true},
	{"many_segments", "3000 segments are found by id and key, and all go", many_segments, true},
	{"limits", "shmmax, shmall, shmmni", limits, true},
	{"next_id", "kernel.shm_next_id is honoured once", next_id, true},
	{"permissions", "the first class that fits decides; owner or creator may change",
	 permissions, false},
	{"attach_addresses", "shmat's and shmdt's addresses", attach_addresses, false},
	{"pieces_count", "nattch sums pieces over split, fork and exit", pieces_count, false},
	{"foreign_piece", "detach spares another segment in the middle", foreign_piece_spared,
	 false},
	{"shared_bytes", "two spaces see the same bytes at different addresses", shared_bytes,
	 false},
	{"removed_attached", "a removed segment goes with its last detach", removed_while_attached,
	 false},
	{"strict_reading", "attach_removed off: EIDRM", strict_reading, true},
	{"rmid_forced", "shm_rmid_forced: detach to none and the creator's exit destroy",
	 rmid_forced, false},
	{"rmid_forced_later", "switched on later, orphans go", rmid_forced_later, true},
	{"namespace_ends", "attached segments outlive their namespace", namespace_ends_first,
	 false},
	{"table_holds", "the per-process table: create, attach, remove, len", table_holds, false},
	{"table_space", "a table goes with its space", table_goes_with_its_space, false},
	{"report", "a line of /proc/sysvipc/shm", report_columns, false},
	{"control_info", "shmctl's views", control_info, true},
	{"fail_nth", "each allocation of each call may fail, and nothing leaks",
	 fail_every_allocation, false},
	{0},
};

const struct unit_suite segment_suite = {"segment", tests};
