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

static void write_byte(void *address)
{
	*(volatile char *)address = 9;
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

static void borders_move(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 1, 8 * PAGE);
	CHECK_OK(mprotect(p, 4 * PAGE, PROT_READ));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(mprotect(p + 4 * PAGE, 2 * PAGE, PROT_READ)); /* more of the lower */
	CHECK_EQ(attachments(id), 2);
	abi_dies(write_byte, p + 5 * PAGE, SIGSEGV);
	p[6 * PAGE] = 2;
	CHECK_OK(mprotect(p + 3 * PAGE, 3 * PAGE, PROT_READ | PROT_WRITE)); /* of the upper */
	CHECK_EQ(attachments(id), 2);
	abi_dies(write_byte, p + 2 * PAGE, SIGSEGV);
	p[3 * PAGE] = p[5 * PAGE] = 2;
	CHECK_OK(mprotect(p, 3 * PAGE, PROT_READ | PROT_WRITE)); /* two whole ones stay two */
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(p[0] + p[3 * PAGE] + p[6 * PAGE], 5);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void borders_of_advice_move(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(madvise(p, 2 * PAGE, MADV_DONTDUMP));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTDUMP));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(madvise(p + PAGE, 3 * PAGE, MADV_DODUMP));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(mlock(p + 6 * PAGE, 2 * PAGE));
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(mlock(p + 4 * PAGE, 2 * PAGE));
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(munlock(p + 4 * PAGE, PAGE));
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

/* ---- remap_file_pages: one attach whose parts lie where they do not belong ---- */

static char *attach_marked(int id)
{
	char *p = attach(id, 0);

	for (int i = 0; i < 8; i++)
		p[i * PAGE] = (char)i;
	return p;
}

/* remap_file_pages, where there is such a call. */
static int remap(char *at, unsigned pages, unsigned index)
{
	int result = remap_file_pages(at, pages * PAGE, 0, index, 0);

	if (result < 0 && errno == ENOSYS)
		SKIP("no remap_file_pages");
	return result;
}

static void remapped_stays_behind(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach_marked(id);

	CHECK_OK(remap(p, 1, 3));
	CHECK_EQ(p[0], 3);
	CHECK_EQ(p[PAGE], 1);
	CHECK_EQ(attachments(id), 2);
	*(volatile char *)p = 30;
	CHECK_EQ(*(volatile char *)(p + 3 * PAGE), 30);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(p[0], 30);
	CHECK_ERROR(shmdt(p), EINVAL);
	remove_segment(id);
	CHECK_EQ(p[0], 30); /* it keeps the removed segment */
	CHECK_OK(munmap(p, PAGE));
}

static void remapped_back_joins(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach_marked(id);

	CHECK_OK(remap(p + 2 * PAGE, 2, 2)); /* as it is: cut from what follows, no more */
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(remap(p + 2 * PAGE, 2, 3));
	CHECK_EQ(attachments(id), 3);
	CHECK_EQ(p[3 * PAGE], 4);
	CHECK_OK(remap(p + 2 * PAGE, 2, 2));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(remap(p, 8, 1));
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(p[0], 1);
	CHECK_OK(remap(p, 8, 0));
	CHECK_EQ(p[0], 0);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void remapped_past_the_end(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach_marked(id);

	CHECK_OK(remap(p, 1, 100));
	abi_dies(read_byte, p, SIGBUS);
	CHECK_ERROR(remap_file_pages(p, PAGE, 0, 1ul << 52, 0), EOVERFLOW);
	CHECK_OK(munmap(p, PAGE));
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void remapped_in_one_attach_only(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *where = free_range(32 * PAGE);

	CHECK_OK(shmat(id, where, 0));
	CHECK_OK(shmat(id, where + 8 * PAGE, 0));
	CHECK_EQ(remap(where + 7 * PAGE, 2, 0), -1);
	CHECK_EQ(errno, EINVAL);
	CHECK_OK(mprotect(where + 2 * PAGE, PAGE, PROT_READ));
	CHECK_ERROR(remap_file_pages(where + PAGE, 2 * PAGE, 0, 0, 0), EINVAL);
	CHECK_OK(remap(where + 2 * PAGE, 1, 0));
	CHECK_OK(mprotect(where + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	CHECK_OK(munmap(where + 2 * PAGE, PAGE));
	CHECK_OK(shmdt(where));
	CHECK_OK(shmdt(where + 8 * PAGE));
	CHECK_OK(shmat(id, where, SHM_RDONLY));
	CHECK_ERROR(remap_file_pages(where, PAGE, 0, 1, 0), EINVAL);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void remapped_and_moved(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach_marked(id), *where = free_range(32 * PAGE);

	CHECK_OK(remap(p, 2, 6));
	CHECK_EQ((uintptr_t)mremap(p, PAGE, PAGE, FIXED, where + 6 * PAGE),
		 (uintptr_t)where + 6 * PAGE);
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(shmdt(where)); /* six pages above it lies page 6 */
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(p[PAGE], 7);
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void remap_all(void *p)
{
	CHECK_EQ(remap(p, 8, 0), -1);
	CHECK_EQ(errno, EINVAL);
}

static void remapped_after_removal(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *p = attach_marked(id);
	struct shmid_ds ds;

	remove_segment(id);
	CHECK_OK(remap(p, 4, 4));
	CHECK_EQ(p[0], 4);
	abi_in_child(read_byte, p);
	remap_all(p); /* the last of it goes first */
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	abi_dies(read_byte, p, SIGSEGV);
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
	CASE(borders_move, "mprotect next to a part that is like it moves the border: observed"),
	CASE(borders_of_advice_move, "madvise and mlock move the border like mprotect: observed"),
	CASE(remapped_stays_behind,
	     "shmdt leaves what remap_file_pages put elsewhere, which counts: observed"),
	CASE(remapped_back_joins, "a part remapped to its place joins the one before it: observed"),
	CASE(remapped_past_the_end,
	     "an attach remapped past the segment's end is SIGBUS: observed"),
	CASE(remapped_in_one_attach_only,
	     "remap_file_pages takes one attach, in one way, for writing: EINVAL: observed"),
	CASE(remapped_and_moved,
	     "shmdt finds a remapped part that lies as its page does: observed"),
	CASE(remapped_after_removal,
	     "remap_file_pages over all of a removed segment destroys it: observed"),
	CASES_END,
};
