// SPDX-License-Identifier: MIT
/*
 * Segments and files of 1 GiB and more, of which little is touched: a kernel may share the tables of
 * a whole GiB between processes, and must let go of them at every change. Needs little memory.
 */

#include "shm_test.h"

#include <signal.h>
#include <sys/wait.h>

#define MIB  (1ul << 20)
#define GIB  (1ul << 30)
#define STEP (64 * MIB)

static char *shared;

static int large_segment(size_t size_bytes)
{
	return make_segment(size_bytes, 0600 | SHM_NORESERVE);
}

static char *map_file(int fd, size_t size_bytes, int flags)
{
	return CHECK_OK((char *)mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, flags, fd, 0));
}

static void stamp(char *base, size_t size_bytes, char first)
{
	for (size_t at = 0; at < size_bytes; at += STEP)
		base[at] = (char)(first + at / STEP);
}

static void check_stamps(const char *base, size_t size_bytes, char first)
{
	for (size_t at = 0; at < size_bytes; at += STEP)
		CHECK_EQ(base[at], (char)(first + at / STEP));
}

static void write_there(void *address)
{
	*(volatile char *)address = 1;
}

static void read_there(void *address)
{
	(void)*(volatile char *)address;
}

/* A removed segment goes with its last attach. */
static void both_detached(char *p, char *q)
{
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
}

static void second_sees(void *id)
{
	char *p = attach(*(int *)id, 0);

	check_stamps(p, GIB, 1);
	stamp(p, GIB, 50);
	p[3 * MIB] = 7; /* a page that is new for both */
}

static void seen_by_another(void)
{
	int id = large_segment(GIB);
	char *p = attach(id, 0);

	stamp(p, GIB, 1);
	abi_in_child(second_sees, &id);
	check_stamps(p, GIB, 50);
	CHECK_EQ(p[3 * MIB], 7);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	p = attach(id, 0);
	check_stamps(p, GIB, 50);
	remove_segment(id);
	CHECK_OK(shmdt(p));
}

static void part_unmapped(void)
{
	int id = large_segment(GIB);
	char *p = attach(id, 0), *q = attach(id, 0);
	unsigned char there;

	remove_segment(id);
	stamp(p, GIB, 1);
	check_stamps(q, GIB, 1);
	CHECK_OK(munmap(p + STEP, PAGE));
	CHECK_ERROR(mincore(p + STEP, PAGE, &there), ENOMEM);
	abi_dies(read_there, p + STEP, SIGSEGV);
	check_stamps(q, GIB, 1);
	CHECK_EQ(p[2 * STEP], 3);
	p[2 * STEP] = 33;
	CHECK_EQ(q[2 * STEP], 33);
	q[STEP + PAGE] = 4;
	CHECK_EQ(p[STEP + PAGE], 4);
	CHECK_OK(munmap(p, STEP));
	abi_dies(read_there, p, SIGSEGV);
	CHECK_EQ(q[0], 1);
	both_detached(p, q);
}

static void page_protected(void)
{
	int id = large_segment(GIB);
	char *p = attach(id, 0), *q = attach(id, 0);

	remove_segment(id);
	stamp(p, GIB, 1);
	check_stamps(q, GIB, 1);
	CHECK_OK(mprotect(p + STEP, PAGE, PROT_READ));
	CHECK_EQ(p[STEP], 2);
	abi_dies(write_there, p + STEP, SIGSEGV);
	p[STEP + PAGE] = 9;
	p[2 * STEP] = 10;
	q[STEP] = 11;
	CHECK_EQ(p[STEP], 11);
	CHECK_EQ(q[STEP + PAGE], 9);
	CHECK_EQ(q[2 * STEP], 10);
	CHECK_OK(mprotect(p + STEP, PAGE, PROT_NONE));
	abi_dies(read_there, p + STEP, SIGSEGV);
	CHECK_OK(mprotect(p, GIB, PROT_READ | PROT_WRITE));
	p[STEP] = 12;
	CHECK_EQ(q[STEP], 12);
	both_detached(p, q);
}

static void covered_inside(void)
{
	int id = large_segment(GIB);
	char *p = attach(id, 0), *q = attach(id, 0);

	remove_segment(id);
	stamp(p, GIB, 1);
	check_stamps(q, GIB, 1);
	CHECK_OK(mmap(p + STEP, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	CHECK_EQ(p[STEP], 0);
	p[STEP] = 99;
	check_stamps(q, GIB, 1);
	CHECK_EQ(p[3 * STEP], 4);
	p[3 * STEP] = 44;
	CHECK_EQ(q[3 * STEP], 44);
	both_detached(p, q);
}

static void moved(void)
{
	int fd = CHECK_OK(memfd_create("large", 0));

	CHECK_OK(ftruncate(fd, GIB + STEP));

	char *p = map_file(fd, GIB + STEP, MAP_SHARED), *q = map_file(fd, GIB + STEP, MAP_SHARED);
	char *room = free_range(2 * GIB);

	stamp(p, GIB + STEP, 1);
	check_stamps(q, GIB + STEP, 1);
	CHECK_EQ((uintptr_t)mremap(p, GIB + STEP, GIB + STEP, MREMAP_MAYMOVE | MREMAP_FIXED, room),
		 (uintptr_t)room);
	abi_dies(read_there, p, SIGSEGV);
	check_stamps(room, GIB + STEP, 1);
	stamp(room, GIB + STEP, 20);
	check_stamps(q, GIB + STEP, 20);
	CHECK_EQ((uintptr_t)mremap(q, GIB + STEP, STEP + PAGE, 0), (uintptr_t)q);
	abi_dies(read_there, q + 2 * STEP, SIGSEGV);
	CHECK_EQ(q[STEP], 21);
	q[STEP] = 5;
	CHECK_EQ(room[STEP], 5);
}

static void cut_and_grown(void)
{
	int fd = CHECK_OK(memfd_create("large", 0));

	CHECK_OK(ftruncate(fd, 2 * GIB));

	char *p = map_file(fd, 2 * GIB, MAP_SHARED), *q = map_file(fd, 2 * GIB, MAP_SHARED);

	stamp(p, 2 * GIB, 1);
	check_stamps(q, 2 * GIB, 1);
	CHECK_OK(ftruncate(fd, GIB + STEP + PAGE));
	abi_dies(read_there, p + GIB + 2 * STEP, SIGBUS);
	abi_dies(write_there, q + GIB + STEP + PAGE, SIGBUS);
	CHECK_EQ(q[GIB + STEP], (char)(1 + GIB / STEP + 1));
	CHECK_OK(ftruncate(fd, GIB - PAGE));
	abi_dies(read_there, p + GIB, SIGBUS);
	abi_dies(read_there, p + GIB - PAGE, SIGBUS);
	CHECK_EQ(q[STEP], 2);
	q[STEP] = 77;
	CHECK_EQ(p[STEP], 77);
	CHECK_OK(ftruncate(fd, 2 * GIB));
	CHECK_EQ(p[GIB], 0);
	CHECK_EQ(p[GIB + STEP], 0);
	q[GIB + STEP] = 3;
	CHECK_EQ(p[GIB + STEP], 3);
	CHECK_OK(ftruncate(fd, 0));
	abi_dies(read_there, q, SIGBUS);
	CHECK_OK(ftruncate(fd, 2 * GIB));
	CHECK_EQ(q[STEP], 0);
}

static void ends_inside(void)
{
	int fd = CHECK_OK(memfd_create("large", 0));

	CHECK_OK(ftruncate(fd, GIB + PAGE));

	char *p = map_file(fd, 2 * GIB, MAP_SHARED), *q = map_file(fd, 2 * GIB, MAP_SHARED);

	p[GIB] = 1;
	CHECK_EQ(q[GIB], 1);
	abi_dies(read_there, p + GIB + PAGE, SIGBUS);
	abi_dies(write_there, q + 2 * GIB - PAGE, SIGBUS);
	CHECK_OK(ftruncate(fd, 2 * GIB));
	q[2 * GIB - PAGE] = 2;
	CHECK_EQ(p[2 * GIB - PAGE], 2);
}

static void attached_read_only(void)
{
	int id = large_segment(GIB);
	char *p = attach(id, 0), *r = attach(id, SHM_RDONLY);

	remove_segment(id);
	stamp(p, GIB, 1);
	check_stamps(r, GIB, 1);
	abi_dies(write_there, r, SIGSEGV);
	abi_dies(write_there, r + PAGE, SIGSEGV);
	p[STEP + PAGE] = 5;
	CHECK_EQ(r[STEP + PAGE], 5);
	CHECK_ERROR(mprotect(r, GIB, PROT_READ | PROT_WRITE), EACCES);
	CHECK_OK(mprotect(p, GIB, PROT_READ));
	CHECK_EQ(p[STEP], 2);
	abi_dies(write_there, p + STEP, SIGSEGV);
	CHECK_OK(mprotect(p, GIB, PROT_READ | PROT_WRITE));
	p[STEP] = 6;
	CHECK_EQ(r[STEP], 6);
	both_detached(p, r);
}

static void write_stamps(void *unused)
{
	(void)unused;
	check_stamps(shared, GIB, 1);
	stamp(shared, GIB, 40);
	shared[MIB] = 5;
	CHECK_OK(munmap(shared + STEP, STEP));
	shared[2 * STEP + PAGE] = 6;
}

static void forked(void)
{
	shared = CHECK_OK((char *)mmap(NULL, GIB, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	stamp(shared, GIB, 1);
	abi_in_child(write_stamps, NULL);
	check_stamps(shared, GIB, 40);
	CHECK_EQ(shared[MIB], 5);
	CHECK_EQ(shared[2 * STEP + PAGE], 6);
}

static void private_copies(void)
{
	int fd = CHECK_OK(memfd_create("large", 0));

	CHECK_OK(ftruncate(fd, GIB));

	char *p = map_file(fd, GIB, MAP_SHARED),
	     *own = map_file(fd, GIB, MAP_PRIVATE | MAP_NORESERVE);

	stamp(p, GIB, 1);
	check_stamps(own, GIB, 1);
	own[STEP] = 9;
	check_stamps(p, GIB, 1);
	p[3 * STEP] = 8;
	CHECK_EQ(own[3 * STEP], 8);
	CHECK_OK(madvise(p, GIB, MADV_REMOVE));
	CHECK_EQ(p[STEP], 0);
	CHECK_EQ(p[3 * STEP], 0);
	CHECK_EQ(own[STEP], 9);
	CHECK_EQ(own[3 * STEP], 0);
}

static void hold(void *id)
{
	char *p = attach(*(int *)id, 0);

	check_stamps(p, GIB, 1);
	p[0] = 100;
	for (;;)
		pause();
}

static void killed(void)
{
	int id = large_segment(GIB);
	char *p = attach(id, 0);
	int status;

	stamp(p, GIB, 1);

	pid_t child = abi_start(hold, &id);

	while (*(volatile char *)p != 100)
		abi_sleep_ms(1);
	CHECK_EQ(attachments(id), 3); /* it has its parent's too */
	CHECK_OK(kill(child, SIGKILL));
	CHECK_EQ(CHECK_OK(waitpid(child, &status, 0)), child);
	CHECK_EQ(attachments(id), 1);
	p[0] = 1;
	check_stamps(p, GIB, 1);
	CHECK_OK(shmdt(p));
	p = attach(id, 0);
	remove_segment(id);
	check_stamps(p, GIB, 1);
	CHECK_OK(shmdt(p));
}

const struct abi_case abi_cases[] = {
	CASE(seen_by_another,
	     "a GiB written sparsely is what another process sees, and back: shmat(2)"),
	CASE(part_unmapped,
	     "munmap of a page leaves the rest, and other attaches, as they are: munmap(2)"),
	CASE(page_protected,
	     "mprotect of a page holds for it alone, in this attach alone: mprotect(2)"),
	CASE(covered_inside, "MAP_FIXED inside shows in this attach alone: mmap(2)"),
	CASE(moved, "mremap takes a mapping of more than a GiB along, or cuts it: mremap(2)"),
	CASE(cut_and_grown,
	     "ftruncate across a GiB: SIGBUS past the end, then zeros: ftruncate(2), mmap(2)"),
	CASE(ends_inside, "past a file's end within a mapped GiB: SIGBUS, until it grows: mmap(2)"),
	CASE(attached_read_only,
	     "a read-only attach sees, and cannot write, whatever others may: shmat(2)"),
	CASE(forked, "a child shares a GiB, and what it unmaps is its own: fork(2)"),
	CASE(private_copies,
	     "a private mapping of a GiB copies; MADV_REMOVE takes the rest: mmap(2), madvise(2)"),
	CASE(killed, "a killed process is detached; what it wrote stays: shmat(2), _exit(2)"),
	CASES_END,
};
