// SPDX-License-Identifier: MIT
/* Attaches that munmap, mremap, mprotect, MAP_FIXED have cut, moved, hidden: shmdt(2), nattch. */

#include "shm_test.h"

#include <signal.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static void touch(void *address)
{
	*(volatile char *)address = 1;
}

/* Nothing is mapped at [address, address + PAGE). */
static void check_unmapped(char *address)
{
	unsigned char resident;

	CHECK_ERROR(mincore(address, PAGE, &resident), ENOMEM);
}

static void never_attached(void)
{
	char *anonymous =
		CHECK_OK((char *)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	static char data[2 * PAGE];
	int local, memory = CHECK_OK(memfd_create("x", 0));

	CHECK_OK(ftruncate(memory, PAGE));
	char *shared = CHECK_OK((char *)mmap(NULL, PAGE, PROT_READ, MAP_SHARED, memory, 0));
	CHECK_ERROR(shmdt(anonymous), EINVAL);
	CHECK_ERROR(shmdt(shared), EINVAL);
	CHECK_ERROR(shmdt((char *)(((uintptr_t)data + PAGE) & ~(PAGE - 1))), EINVAL);
	CHECK_ERROR(shmdt((char *)((uintptr_t)&local & ~(PAGE - 1))), EINVAL);
	CHECK_ERROR(shmdt((char *)((uintptr_t)never_attached & ~(PAGE - 1))), EINVAL);
	CHECK_ERROR(shmdt(free_range(PAGE)), EINVAL);
	CHECK_ERROR(shmdt((char *)0xffff800000000000), EINVAL);
	CHECK_ERROR(shmdt((char *)0x7ffffffff000), EINVAL);
	CHECK_OK(munmap(shared, PAGE));
	close(memory);
}

static void all_unmapped(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);
	struct shmid_ds ds;

	remove_segment(id);
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(munmap(p, PAGE));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(munmap(p + 2 * PAGE, PAGE)); /* a detach like any other */
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(shmdt(p), EINVAL);
}

static void unmap_sets_times(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_EQ(stat_segment(id).shm_dtime, 0);
	CHECK_OK(munmap(p + 2 * PAGE, PAGE)); /* a shorter attach: nothing is detached */
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(munmap(p, 3 * PAGE));
	CHECK(stat_segment(id).shm_dtime > 0);
	CHECK_EQ(stat_segment(id).shm_lpid, getpid());
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void several_at_once(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *where = free_range(16 * PAGE);

	for (int i = 0; i < 4; i++)
		CHECK_OK(shmat(id, where + i * 2 * PAGE, 0));
	CHECK_EQ(attachments(id), 4);
	/* One munmap takes half the first, two whole ones, half of the last. */
	CHECK_OK(munmap(where + PAGE, 6 * PAGE));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 1);
	CHECK_ERROR(shmdt(where + 7 * PAGE), EINVAL);
	CHECK_OK(shmdt(where + 6 * PAGE));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void every_second_page(void)
{
	enum { PAGES = 40 };
	int id = make_segment(PAGES * PAGE, 0600);
	char *p = attach(id, 0);

	for (int i = 1; i < PAGES; i += 2)
		CHECK_OK(munmap(p + i * PAGE, PAGE));
	CHECK_EQ(attachments(id), PAGES / 2);
	for (int i = 0; i < PAGES; i += 2)
		p[i * PAGE] = (char)i;
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	for (int i = 0; i < PAGES; i++)
		check_unmapped(p + i * PAGE);
	p = attach(id, 0);
	for (int i = 0; i < PAGES; i++)
		CHECK_EQ(p[i * PAGE], i % 2 ? 0 : i);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void shrunk_by_mremap(void)
{
	int id = make_segment(4 * PAGE, 0600);
	char *p = attach(id, 0);

	p[PAGE] = 5;
	CHECK_EQ((uintptr_t)mremap(p, 4 * PAGE, 2 * PAGE, 0), (uintptr_t)p);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(p[PAGE], 5);
	check_unmapped(p + 2 * PAGE);
	CHECK_EQ((uintptr_t)mremap(p, 2 * PAGE, 4 * PAGE, 0), (uintptr_t)p); /* and back */
	p[3 * PAGE] = 6;
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	check_unmapped(p + 3 * PAGE);
	remove_segment(id);
}

static void tail_moved(void)
{
	int id = make_segment(4 * PAGE, 0600);
	char *p = attach(id, 0), *where = free_range(16 * PAGE) + 8 * PAGE;

	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)(10 + i);
	CHECK_EQ((uintptr_t)mremap(p + 2 * PAGE, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
				   where),
		 (uintptr_t)where);
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(where[0], 12);
	CHECK_EQ(p[PAGE], 11);
	/* The moved part belongs to the address where its page 0 would be. */
	CHECK_ERROR(shmdt(where), EINVAL);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(where[PAGE], 13);
	CHECK_OK(shmdt(where - 2 * PAGE));
	CHECK_EQ(attachments(id), 0);
	check_unmapped(where);
	remove_segment(id);
}

static void moved_over_another(void)
{
	struct shmid_ds ds;
	int id = make_segment(2 * PAGE, 0600), other = make_segment(2 * PAGE, 0600);
	char *where = free_range(16 * PAGE), *p = attach(id, 0);

	CHECK_OK(shmat(other, where, 0));
	remove_segment(other);
	p[PAGE] = 7;
	CHECK_OK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, where));
	CHECK_ERROR(shmctl(other, IPC_STAT, &ds), EINVAL); /* its last attach was covered */
	CHECK_EQ(where[PAGE], 7);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(where));
	remove_segment(id);
}

static void mremap_keeps_times(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0), *where = free_range(16 * PAGE);
	struct shmid_ds before = stat_segment(id), after;

	CHECK_OK(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, where));
	after = stat_segment(id);
	CHECK_EQ(after.shm_nattch, before.shm_nattch);
	CHECK_EQ(after.shm_lpid, before.shm_lpid);
	CHECK_OK(shmdt(where));
	remove_segment(id);
}

static void covered_by_map_fixed(void)
{
	struct shmid_ds ds;
	int id = make_segment(4 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(mmap(p + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		      0));
	CHECK_EQ(attachments(id), 1);
	remove_segment(id);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(mmap(p, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(shmdt(p), EINVAL);
	CHECK_OK(munmap(p, 4 * PAGE));
}

static void covered_by_another_attach(void)
{
	int id = make_segment(5 * PAGE, 0600), other = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(shmat(other, p + 2 * PAGE, SHM_REMAP));
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(attachments(other), 1);
	CHECK_OK(shmdt(p)); /* both pieces around it, not it */
	CHECK_EQ(attachments(id), 0);
	CHECK_EQ(attachments(other), 1);
	p[2 * PAGE] = 1;
	CHECK_OK(shmdt(p + 2 * PAGE));
	remove_segment(id);
	remove_segment(other);
}

static void itself_in_its_middle(void)
{
	/* Page 2 of the attach at p shows page 0 of the one at p + 2 pages. */
	int id = make_segment(5 * PAGE, 0600);
	volatile char *where = free_range(16 * PAGE); /* the compiler knows no aliases here */

	CHECK_OK(shmat(id, (char *)where, 0));
	CHECK_OK(shmat(id, (char *)where + 2 * PAGE, SHM_REMAP));
	CHECK_EQ(attachments(id), 2);
	where[2 * PAGE] = 9;
	CHECK_EQ(where[0], 9);
	CHECK_OK(shmdt((char *)where));
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(where[2 * PAGE], 9);
	CHECK_OK(shmdt((char *)where + 2 * PAGE));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void protection_pieces_and_unmap(void)
{
	int id = make_segment(6 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(mprotect(p, 2 * PAGE, PROT_NONE));
	CHECK_EQ(attachments(id), 2);
	CHECK_OK(mprotect(p + 4 * PAGE, 2 * PAGE, PROT_READ));
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(mprotect(p + PAGE, 4 * PAGE, PROT_READ | PROT_WRITE));
	/* Linux before 6.5: five; later it moves a boundary between two: three. */
	CHECK_OK(munmap(p + 2 * PAGE, 2 * PAGE));
	CHECK_EQ(attachments(id), 4);
	abi_dies(touch, p, SIGSEGV);
	touch(p + PAGE);
	touch(p + 4 * PAGE);
	abi_dies(touch, p + 5 * PAGE, SIGSEGV);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	for (int i = 0; i < 6; i++)
		check_unmapped(p + i * PAGE);
	remove_segment(id);
}

static void dontfork_cuts(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(madvise(p + PAGE, PAGE, MADV_DONTFORK));
	CHECK_EQ(attachments(id), 3);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_EQ(attachments(id), 5);
		check_unmapped(p + PAGE);
		CHECK_OK(shmdt(p));
		CHECK_EQ(attachments(id), 3);
		_exit(0);
	}
	abi_join(pid);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void mlock_cuts(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	if (mlock(p + PAGE, PAGE))
		SKIP("this process may not lock memory");
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(munlock(p, 3 * PAGE));
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void nothing(void *argument)
{
	(void)argument;
}

static pid_t last_user(int id)
{
	struct shmid_ds ds;

	CHECK_OK(shmctl(id, IPC_STAT, &ds));
	return ds.shm_lpid;
}

/* Pieces that are cut anew count as used; where only the border between two moves, nobody did anything. */
static void border_moves(void)
{
	int id = make_segment(6 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(mprotect(p + PAGE, 2 * PAGE, PROT_READ));
	CHECK_EQ(last_user(id), getpid());
	abi_in_child(nothing, NULL);
	pid_t child = last_user(id);
	CHECK(child != getpid());
	CHECK_OK(mprotect(p + PAGE, 4 * PAGE, PROT_READ));
	CHECK_OK(mprotect(p + 3 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(attachments(id), 3);
	CHECK_EQ(last_user(id), child);
	CHECK_OK(mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
	CHECK_EQ(attachments(id), 4);
	CHECK_EQ(last_user(id), getpid());
	CHECK_OK(shmdt(p));
	p = attach(id, 0);
	CHECK_OK(mlock(p, 2 * PAGE));
	CHECK_EQ(attachments(id), 2);
	abi_in_child(nothing, NULL);
	child = last_user(id);
	CHECK_OK(munlock(p + PAGE, PAGE));
	CHECK_OK(mlock(p + PAGE, 3 * PAGE));
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(last_user(id), child);
	CHECK_OK(madvise(p + 5 * PAGE, PAGE, MADV_DONTFORK));
	CHECK_EQ(last_user(id), getpid());
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void longer_after_growth(void)
{
	/* What mremap added past the segment's end goes with the rest. */
	int id = make_segment(2 * PAGE, 0600);
	char *where = free_range(16 * PAGE);

	CHECK_OK(shmat(id, where, 0));
	CHECK_EQ((uintptr_t)mremap(where, 2 * PAGE, 6 * PAGE, 0), (uintptr_t)where);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 0);
	check_unmapped(where + 5 * PAGE);
	remove_segment(id);
}

static void unaligned_lengths(void)
{
	int id = make_segment(2 * PAGE + 1, 0600);
	char *p = attach(id, 0);

	p[3 * PAGE - 1] = 1;
	CHECK_OK(munmap(p, 1)); /* a page */
	check_unmapped(p);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	check_unmapped(p + 2 * PAGE);
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void kept_whole(void)
{
	int id = make_segment(8 * PAGE, 0600);
	char *m = attach(id, 0);
	char *moved = mremap(m + 3 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);

	if (moved == MAP_FAILED && errno == EINVAL)
		SKIP("a Linux before 5.13");
	CHECK(moved != MAP_FAILED);
	CHECK_EQ(attachments(id), 2);
	m[3 * PAGE] = 'x';
	CHECK_EQ(moved[0], 'x');
	CHECK_OK(shmdt(m));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(munmap(moved, PAGE));
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(kept_whole, "MREMAP_DONTUNMAP of a part leaves the attach in one piece: observed"),
	CASE(never_attached, "shmdt of any other address is EINVAL: shmop(2)"),
	CASE(all_unmapped,
	     "munmap of the last piece is a detach; a removed segment goes: observed"),
	CASE(unmap_sets_times, "munmap sets dtime and lpid: observed"),
	CASE(several_at_once, "one munmap over several attaches counts each: observed"),
	CASE(every_second_page, "one shmdt takes twenty pieces: observed"),
	CASE(shrunk_by_mremap, "mremap to a shorter and longer length keeps the count: observed"),
	CASE(tail_moved, "a moved tail is detached where its page 0 would lie: observed"),
	CASE(moved_over_another,
	     "mremap over the last attach destroys a removed segment: observed"),
	CASE(mremap_keeps_times, "a moving mremap is neither attach nor detach: observed"),
	CASE(covered_by_map_fixed, "MAP_FIXED over an attach detaches what it covers: mmap(2)"),
	CASE(covered_by_another_attach, "shmdt spares another segment in the middle: observed"),
	CASE(itself_in_its_middle, "and the same segment at another offset: observed"),
	CASE(protection_pieces_and_unmap, "pieces of five protections: observed"),
	CASE(dontfork_cuts, "MADV_DONTFORK of a page cuts in three, the child has two: observed"),
	CASE(mlock_cuts, "mlock of a page cuts in three: observed"),
	CASE(border_moves, "moving the border of two pieces sets neither atime nor lpid: observed"),
	CASE(longer_after_growth, "shmdt takes what mremap added past the end: observed"),
	CASE(unaligned_lengths, "a length is rounded up to whole pages: munmap(2), shmop(2)"),
	CASES_END,
};
