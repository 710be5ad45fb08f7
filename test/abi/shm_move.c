// SPDX-License-Identifier: MIT
/*
 * Parts of attaches that mremap and remap_file_pages have taken elsewhere: which
 * attach they belong to, what shmdt takes, how many they are. Nothing is said in
 * mremap(2) or shmdt(2); Linux remembers the file that shmat made for each attach.
 */

#include "shm_test.h"

#include <signal.h>

#define FIXED (MREMAP_MAYMOVE | MREMAP_FIXED)

static int segment;
static char *first, *second; /* two attaches of it, of eight pages each */

static void attach_two(void)
{
	first = free_range(64 * PAGE);
	second = first + 16 * PAGE;
	segment = make_segment(8 * PAGE, 0600);
	CHECK_OK(shmat(segment, first, 0));
	CHECK_OK(shmat(segment, second, 0));
	for (int i = 0; i < 8; i++)
		first[i * PAGE] = (char)i;
}

static void end_two(void)
{
	CHECK_EQ(attachments(segment), 0);
	remove_segment(segment);
}

/* Pages [from, to) of the second attach take the place of the first one's. */
static void second_into_first(unsigned from, unsigned to)
{
	size_t size = (to - from) * PAGE;

	CHECK_EQ((uintptr_t)mremap(second + from * PAGE, size, size, FIXED, first + from * PAGE),
		 (uintptr_t)first + from * PAGE);
}

static void read_byte(void *address)
{
	(void)*(volatile char *)address;
}

static void one_after_the_other(void)
{
	attach_two();
	second_into_first(4, 8);
	CHECK_EQ(attachments(segment), 3);
	CHECK_EQ(first[5 * PAGE], 5);
	CHECK_OK(shmdt(first)); /* its own half, as what lies lowest */
	CHECK_EQ(attachments(segment), 2);
	abi_dies(read_byte, first, SIGSEGV);
	CHECK_EQ(first[5 * PAGE], 5);
	CHECK_OK(shmdt(first)); /* the other's half */
	CHECK_EQ(attachments(segment), 1);
	CHECK_ERROR(shmdt(first), EINVAL);
	CHECK_OK(shmdt(second));
	end_two();
}

static void lowest_decides(void)
{
	attach_two();
	second_into_first(0, 2);
	CHECK_EQ(attachments(segment), 3);
	CHECK_OK(shmdt(first));
	CHECK_EQ(attachments(segment), 2);
	abi_dies(read_byte, first + PAGE, SIGSEGV);
	CHECK_EQ(first[2 * PAGE], 2);
	CHECK_OK(shmdt(first));
	CHECK_OK(shmdt(second));
	end_two();
}

static void both_ends_of_one(void)
{
	attach_two();
	second_into_first(2, 4);
	CHECK_EQ(attachments(segment), 5);
	CHECK_OK(shmdt(first));
	CHECK_EQ(attachments(segment), 3);
	abi_dies(read_byte, first + 4 * PAGE, SIGSEGV);
	CHECK_EQ(first[3 * PAGE], 3);
	CHECK_OK(shmdt(first));
	CHECK_OK(shmdt(second));
	end_two();
}

static void moved_in_two_steps(void)
{
	attach_two();
	second_into_first(6, 8);
	second_into_first(2, 4); /* of the same attach as what came before */
	CHECK_OK(shmdt(first));
	CHECK_EQ(attachments(segment), 4);
	CHECK_OK(shmdt(first));
	CHECK_EQ(attachments(segment), 2);
	CHECK_OK(shmdt(second));
	end_two();
}

static void detach_both(void *argument)
{
	(void)argument;
	CHECK_OK(shmdt(first));
	CHECK_EQ(attachments(segment), 5);
	CHECK_OK(shmdt(first));
	CHECK_EQ(attachments(segment), 4);
	CHECK_ERROR(shmdt(first), EINVAL);
}

static void known_to_a_child(void)
{
	attach_two();
	second_into_first(4, 8);
	abi_in_child(detach_both, NULL);
	CHECK_OK(shmdt(first));
	CHECK_OK(shmdt(first));
	CHECK_OK(shmdt(second));
	end_two();
}

static void attached_over_what_grew(void)
{
	char *where = free_range(64 * PAGE);
	int id = make_segment(2 * PAGE, 0600);

	CHECK_OK(shmat(id, where, 0));
	CHECK_EQ((uintptr_t)mremap(where, 2 * PAGE, 4 * PAGE, 0), (uintptr_t)where);
	CHECK_EQ((uintptr_t)shmat(id, where, SHM_REMAP), (uintptr_t)where);
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(where)); /* what was left of the first */
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void parts_join_again(void)
{
	char *where = free_range(64 * PAGE), *aside = where + 16 * PAGE;
	int id = make_segment(8 * PAGE, 0600);

	CHECK_OK(shmat(id, where, 0));
	CHECK_EQ((uintptr_t)mremap(where + 4 * PAGE, 4 * PAGE, 4 * PAGE, FIXED, aside),
		 (uintptr_t)aside);
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ((uintptr_t)mremap(aside, 4 * PAGE, 4 * PAGE, FIXED, where + 4 * PAGE),
		 (uintptr_t)where + 4 * PAGE);
	CHECK_EQ(attachments(id), 1);
	where[5 * PAGE] = 5;
	CHECK_EQ((uintptr_t)mremap(where, 4 * PAGE, 4 * PAGE, FIXED, aside), (uintptr_t)aside);
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ((uintptr_t)mremap(aside, 4 * PAGE, 4 * PAGE, FIXED, where), (uintptr_t)where);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(where[5 * PAGE], 5);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void middle_joins_once(void)
{
	char *where = free_range(64 * PAGE), *aside = where + 16 * PAGE;
	int id = make_segment(8 * PAGE, 0600);

	CHECK_OK(shmat(id, where, 0));
	CHECK_EQ((uintptr_t)mremap(where + 2 * PAGE, 4 * PAGE, 4 * PAGE, FIXED, aside),
		 (uintptr_t)aside);
	CHECK_EQ(attachments(id), 3);
	CHECK_EQ((uintptr_t)mremap(aside, 4 * PAGE, 4 * PAGE, FIXED, where + 2 * PAGE),
		 (uintptr_t)where + 2 * PAGE);
	CHECK_EQ(attachments(id), 2); /* with what comes before it, not with what follows too */
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(one_after_the_other, "shmdt takes one of two attaches brought to one base: observed"),
	CASE(lowest_decides, "the lowest part says which attach shmdt takes: observed"),
	CASE(both_ends_of_one, "shmdt takes an attach around a part of another: observed"),
	CASE(moved_in_two_steps, "what moved in two steps is still one attach: observed"),
	CASE(known_to_a_child, "a child's attaches are told apart like the parent's: observed"),
	CASE(attached_over_what_grew, "an attach over a grown one leaves its rest: observed"),
	CASE(parts_join_again, "a part that mremap brings back joins the rest: observed"),
	CASE(middle_joins_once, "a part brought back between two joins the lower: observed"),
	CASES_END,
};
