// SPDX-License-Identifier: MIT
/* The format of entries, alike to the outside on all four CPUs. */

#include "test/unit/unit.h"

#define FRAME 0x0000007fff4ab000ull

static void entry_none(void)
{
	check(shm_entry_is_none(SHM_ENTRY_NONE));
	check(!shm_entry_is_present(SHM_ENTRY_NONE) && !shm_entry_accessed(SHM_ENTRY_NONE));
	check(!shm_entry_is_link(SHM_ENTRY_NONE));
	check(!shm_entry_is_table(SHM_ENTRY_NONE));
	check((SHM_ENTRY_NONE & 1) == 0);
}

static void entry_page(void)
{
	for (unsigned protection = 1; protection < 8; protection++) {
		uint64_t entry = shm_entry_page(FRAME, protection);
		check(!shm_entry_is_none(entry) && shm_entry_is_present(entry));
		check_equal(shm_entry_frame(entry), FRAME);
		check_equal(shm_entry_protection(entry), protection | SHM_READ);
		check(shm_entry_accessed(entry));
		uint64_t untouched = shm_entry_clear_accessed(entry);
		check(shm_entry_is_present(untouched) && !shm_entry_accessed(untouched));
		check_equal(shm_entry_frame(untouched), FRAME);
		check_equal(shm_entry_protection(untouched), shm_entry_protection(entry));
		check_equal(shm_entry_set_accessed(untouched), entry);
		check_equal(shm_entry_dirty(entry), (protection & SHM_WRITE) != 0);
		check(!shm_entry_is_own(entry));
		uint64_t own = shm_entry_own(entry);
		check(shm_entry_is_own(own) && shm_entry_is_present(own));
		check_equal(shm_entry_frame(own), FRAME);
		check_equal(shm_entry_protection(own), protection | SHM_READ);
	}
}

static void entry_table(void)
{
	uint64_t table = shm_entry_table(FRAME), link = shm_entry_link(FRAME, READ_WRITE);

	check(shm_entry_is_table(table) && !shm_entry_is_link(table) && !shm_entry_is_none(table));
	check(!shm_entry_is_table(link) && shm_entry_is_link(link) && !shm_entry_is_none(link));
	check_equal(shm_entry_frame(table), FRAME);
	check_equal(shm_entry_frame(link), FRAME);
	check_equal(shm_entry_link_protection(link), READ_WRITE);
	if (SHM_CPU_CAPABILITIES & SHM_PARENT_RESTRICT) {
		link = shm_entry_link(FRAME, SHM_READ);
		check(shm_entry_is_link(link));
		check_equal(shm_entry_link_protection(link), SHM_READ);
	}
}

static void entry_invalid(void)
{
	uint64_t record[2] __attribute__((aligned(16)));
	uint64_t states[] = {
		shm_entry_old(shm_entry_page(FRAME, READ_WRITE)),
		shm_entry_swapped(12345),
		shm_entry_busy(record),
		shm_entry_poison(),
	};
	bool (*const tests[])(uint64_t) = {
		shm_entry_is_old,
		shm_entry_is_swapped,
		shm_entry_is_busy,
		shm_entry_is_poison,
	};

	for (unsigned i = 0; i < 4; i++) {
		check((states[i] & 1) == 0);
		check(!shm_entry_is_none(states[i]) && !shm_entry_is_present(states[i]));
		check(!shm_entry_accessed(states[i]));
		for (unsigned j = 0; j < 4; j++)
			check_equal(tests[j](states[i]), i == j);
		check(!tests[i](SHM_ENTRY_NONE));
		check(!tests[i](shm_entry_page(FRAME, READ_WRITE)));
	}
	check_equal(shm_entry_swap_slot(states[1]), 12345);
	check(shm_entry_busy_record(states[2]) == record);
	/* A kernel's addresses too. */
	void *high = (void *)(uintptr_t)0xffff8880fffffff0ull;
	check(shm_entry_is_busy(shm_entry_busy(high)) && !shm_entry_accessed(shm_entry_busy(high)));
	check(shm_entry_busy_record(shm_entry_busy(high)) == high);
}

static void entry_old_young(void)
{
	for (unsigned protection = 1; protection < 8; protection++) {
		uint64_t page = shm_entry_page(FRAME, protection);
		check_equal(shm_entry_young(shm_entry_old(page)), page);
		check(!shm_entry_accessed(shm_entry_old(page)));
		check(!shm_entry_accessed(shm_entry_old(shm_entry_own(page))));
		check_equal(shm_entry_old_frame(shm_entry_old(page)), FRAME);
		check_equal(shm_entry_young(shm_entry_old(shm_entry_own(page))),
			    shm_entry_own(page));
	}
}

static const struct unit_test tests[] = {
	{"none", "none translates nothing and is no other state", entry_none, true},
	{"page", "a page keeps frame, protection, accessed, dirty and own", entry_page, true},
	{"table", "tables and links are told apart; a link may restrict", entry_table, true},
	{"invalid", "the four invalid states exclude each other and have bit 0 clear",
	 entry_invalid, true},
	{"old_young", "an old page becomes what it was", entry_old_young, true},
	{0},
};
const struct unit_suite cpu_suite = {"cpu", tests};
