// SPDX-License-Identifier: MIT
/* shmdt(2): which pieces go, and which do not. */

#include "shm_test.h"

#include <signal.h>

static void bad_addresses(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0);
	char *other = CHECK_OK((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	CHECK_ERROR(shmdt(p + 1), EINVAL);
	CHECK_ERROR(shmdt(p + PAGE), EINVAL);
	CHECK_ERROR(shmdt(p - PAGE), EINVAL);
	CHECK_ERROR(shmdt(NULL), EINVAL);
	CHECK_ERROR(shmdt((void *)-1), EINVAL);
	CHECK_ERROR(shmdt((void *)-PAGE), EINVAL);
	CHECK_ERROR(shmdt((void *)0x4000000000000000), EINVAL);
	CHECK_ERROR(shmdt(other), EINVAL);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	CHECK_ERROR(shmdt(p), EINVAL);
	remove_segment(id);
}

static void touch(void *address)
{
	*(volatile char *)address = 1;
}

static void nothing_stays(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 1, 3 * PAGE);
	CHECK_OK(shmdt(p));
	for (unsigned i = 0; i < 3; i++)
		abi_dies(touch, p + i * PAGE, SIGSEGV);
	CHECK_ERROR(write(1, p, 1), EFAULT);
	remove_segment(id);
}

static void middle_unmapped(void)
{
	int id = make_segment(5 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 3, 5 * PAGE);
	CHECK_OK(munmap(p + 2 * PAGE, PAGE));
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(p[PAGE] + p[3 * PAGE], 6);
	abi_dies(touch, p + 2 * PAGE, SIGSEGV);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void head_unmapped(void)
{
	int id = make_segment(5 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(munmap(p, 2 * PAGE));
	CHECK_EQ(attachments(id), 1);
	CHECK_ERROR(shmdt(p + 2 * PAGE), EINVAL);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void tail_unmapped(void)
{
	int id = make_segment(5 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(munmap(p + 3 * PAGE, 2 * PAGE));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void foreign_page_spared(void)
{
	int id = make_segment(5 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 3, 5 * PAGE);
	CHECK_OK(mmap(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(p[2 * PAGE], 0);
	p[2 * PAGE] = 8;
	char *q = attach(id, 0);
	CHECK_EQ(q[2 * PAGE], 3); /* it never showed in the segment */
	CHECK_OK(shmdt(q));
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	CHECK_EQ(p[2 * PAGE], 8);
	abi_dies(touch, p + 3 * PAGE, SIGSEGV);
	remove_segment(id);
}

static void protected_pieces(void)
{
	int id = make_segment(5 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 3, 5 * PAGE);
	CHECK_OK(mprotect(p + 2 * PAGE, PAGE, PROT_READ));
	CHECK_EQ(attachments(id), 3);
	abi_dies(touch, p + 2 * PAGE, SIGSEGV);
	p[PAGE] = p[3 * PAGE] = 4;
	CHECK_OK(mprotect(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(attachments(id), 3);
	p[2 * PAGE] = 5;
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void neighbours_stay(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *where = free_range(16 * PAGE);

	CHECK_OK(shmat(id, where, 0));
	CHECK_OK(shmat(id, where + 2 * PAGE, 0));
	CHECK_OK(shmat(id, where + 4 * PAGE, 0));
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(shmdt(where + 2 * PAGE));
	CHECK_EQ(attachments(id), 2);
	where[0] = where[5 * PAGE] = 1;
	abi_dies(touch, where + 2 * PAGE, SIGSEGV);
	CHECK_OK(shmdt(where));
	CHECK_OK(shmdt(where + 4 * PAGE));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void moved_attach(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0), *where = free_range(16 * PAGE);

	p[0] = 6;
	CHECK_EQ((uintptr_t)mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, where),
		 (uintptr_t)where);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(where[0], 6);
	CHECK_ERROR(shmdt(p), EINVAL);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void duplicated_by_mremap(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0);
	char *q = CHECK_OK((char *)mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE));

	CHECK_EQ(attachments(id), 2);
	p[PAGE] = 6;
	CHECK_EQ(q[PAGE], 6);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(q[PAGE], 6);
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void grown_past_the_end(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0);

	p[0] = 1;
	char *q = CHECK_OK((char *)mremap(p, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
	CHECK_EQ(q[0], 1);
	CHECK_EQ(attachments(id), 1);
	abi_dies(touch, q + 2 * PAGE, SIGBUS);
	abi_dies(touch, q + 4 * PAGE - 1, SIGBUS);
	q[2 * PAGE - 1] = 1;
	CHECK_OK(shmdt(q));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(bad_addresses, "EINVAL where no attach begins: shmop(2)"),
	CASE(nothing_stays, "after detach the range is unmapped: shmop(2)"),
	CASE(middle_unmapped, "munmap of the middle leaves two; shmdt takes both: observed"),
	CASE(head_unmapped, "shmdt takes the attach's address, even if its head is gone: observed"),
	CASE(tail_unmapped, "munmap of the tail leaves one: observed"),
	CASE(foreign_page_spared, "shmdt spares what MAP_FIXED put in the middle: observed"),
	CASE(protected_pieces, "mprotect cuts pieces, which count and do not merge: observed"),
	CASE(neighbours_stay, "adjacent attaches of one segment stay apart: observed"),
	CASE(moved_attach,
	     "a moving mremap keeps the count; shmdt wants the new address: observed"),
	CASE(duplicated_by_mremap, "mremap with old length 0 adds an attach: mremap(2)"),
	CASE(grown_past_the_end, "growth past the segment's end faults with SIGBUS: observed"),
	CASES_END,
};
