// SPDX-License-Identifier: MIT
/* System V: ids, keys, permissions, limits, attachments, removal. */

#include "test/unit/segment_world.h"

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
	check_equal(get(b, IPC_PRIVATE, PAGE, 0600 | SHM_HUGETLB), -EPERM);
	check_equal(control(a, id, IPC_RMID), 0);
	check_equal(get(a, KEY, 0, 0), -ENOENT);
	check_equal(control(a, id, IPC_STAT), -EINVAL);
	world_end();
}

static void huge_pages_are_none(void)
{
	const int flags = 0600 | SHM_HUGETLB | SHM_NORESERVE;
	uint64_t value;

	world();
	int32_t id = get(a, IPC_PRIVATE, 5000, flags);
	check(id >= 0);
	check_equal(stat_of(id).shm_segsz, 5000);
	uint64_t at = attach(a, id, 0, 0);
	check_equal(at % SHM_SPAN_BYTES, 0);
	check_equal(sim_read(0, at, &value), -EIO);
	check_equal(sim_write(0, at + SHM_SPAN_BYTES - PAGE, 1), -EIO);
	check_equal(try_attach(a, id, at + SHM_SPAN_BYTES + PAGE, 0), -EINVAL);
	check_equal(shm_detach(ns, &a->caller, at), 0);
	check_equal(control(a, id, SHM_LOCK), 0);
	check_equal(stat_of(id).shm_perm.mode, 0600);
	check_equal(control(a, id, IPC_RMID), 0);
	/* Larger than any object that may have pages. */
	id = get(a, IPC_PRIVATE, (1ull << 63) + 5, flags | 30 << SHM_HUGE_SHIFT);
	check(id >= 0);
	check_equal(control(a, id, IPC_RMID), 0);
	b->caller.access_gid = 0;
	id = get(b, IPC_PRIVATE, PAGE, flags);
	check(id >= 0);
	check_equal(control(b, id, IPC_RMID), 0);
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
	set_limit(SHM_LIMIT_SHMMNI, 2);
	set_limit(SHM_LIMIT_SHMALL, 10);
	set_limit(SHM_LIMIT_SHMMAX, 8 * PAGE);
	check_equal(get(a, IPC_PRIVATE, 8 * PAGE + 1, 0600), -EINVAL);
	int32_t id = make(8 * PAGE);
	check_equal(get(a, IPC_PRIVATE, 3 * PAGE, 0600), -ENOSPC);
	make(2 * PAGE);
	check_equal(get(a, IPC_PRIVATE, 1, 0600), -ENOSPC);
	check_equal(control(a, id, IPC_RMID), 0);
	make(PAGE);
	check_equal(get(a, IPC_PRIVATE, 1, 0600), -ENOSPC); /* shmmni */
	check_equal(shm_namespace_set_limit(ns, SHM_LIMIT_SHMMNI, 32769), -EINVAL);
	check_equal(shm_namespace_set_limit(ns, SHM_LIMIT_SHMMNI, 1ull << 32 | 1), -EINVAL);
	check_equal(shm_namespace_set_limit(ns, SHM_LIMIT_NEXT_ID, 1ull << 31), -EINVAL);
	check_equal(shm_namespace_set_limit(ns, SHM_LIMIT_NEXT_ID, (uint64_t)-2), -EINVAL);
	shm_namespace_limits(ns, &limits);
	check_equal(limits.shmmni, 2);
	check_equal(limits.shmall_pages, 10);
	check_equal(limits.shmmax_bytes, 8 * PAGE);
	world_end();
}

static void next_id(void)
{
	struct shm_limits limits;

	world();
	set_limit(SHM_LIMIT_NEXT_ID, 7 << 15 | 1000);
	check_equal(make(PAGE), 7 << 15 | 1000);
	shm_namespace_limits(ns, &limits);
	check_equal((uint32_t)limits.next_id, UINT32_MAX);
	check_equal(make(PAGE), 0);
	set_limit(SHM_LIMIT_SHMMNI, 4000); /* brings back no wish */
	check_equal(make(PAGE), 1);
	set_limit(SHM_LIMIT_NEXT_ID, 9 << 15 | 1000); /* taken: the next that is free */
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
	b->caller.gid = 2000; /* whose the things are that it makes: no member for that */
	check_equal(try_attach(b, id, 0, SHM_RDONLY), -EACCES);
	b->caller.gid = 1000;
	b->caller.access_gid = 2000;
	check_equal(shm_detach(ns, &b->caller, attach(b, id, 0, SHM_RDONLY)), 0);
	b->caller.access_gid = 1000;
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
	world();
	set_limit(SHM_LIMIT_ATTACH_REMOVED, false);
	int32_t id = make(PAGE);
	attach(a, id, SPAN, 0);
	check_equal(control(a, id, IPC_RMID), 0);
	check_equal(try_attach(a, id, 0, 0), -EIDRM);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(try_attach(a, id, 0, 0), -EINVAL);
	world_end();
}

static void rmid_forced(void)
{
	world();
	b->caller.capabilities = a->caller.capabilities;
	set_limit(SHM_LIMIT_RMID_FORCED, true);
	int32_t never = make(PAGE), once = make(PAGE), held = make(PAGE);
	attach(a, once, SPAN, 0);
	check_equal(shm_detach(ns, &a->caller, SPAN), 0);
	check_equal(control(a, once, IPC_STAT), -EINVAL);
	check_equal(control(a, never, IPC_STAT), 0);
	attach(b, held, 0, 0);
	shm_creator_exit(&a->creators);
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
	shm_creator_exit(&a->creators);
	check_equal(control(a, orphan, IPC_STAT), 0);
	set_limit(SHM_LIMIT_RMID_FORCED, true);
	check_equal(control(a, orphan, IPC_STAT), -EINVAL);
	check_equal(control(a, living, IPC_STAT), 0);
	shm_creator_exit(&b->creators);
	check_equal(control(a, living, IPC_STAT), -EINVAL);
	shm_creator_exit(&b->creators);
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

static const struct unit_test tests[] = {
	{"get_rules", "shmget's errors come in Linux's order", get_rules, true},
	{"huge_pages_are_none", "SHM_HUGETLB with SHM_NORESERVE: nothing but SIGBUS",
	 huge_pages_are_none, true},
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
	{0},
};

const struct unit_suite segment_suite = {"segment", tests};
