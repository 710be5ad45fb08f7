// SPDX-License-Identifier: MIT
/* MADV_GUARD_INSTALL and MADV_GUARD_REMOVE: pages of a mapping that must not be touched. */

#include "shm_test.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define INSTALL      102 /* MADV_GUARD_INSTALL: older headers lack it */
#define REMOVE       103
#define DONT_NEED_L  24 /* MADV_DONTNEED_LOCKED */
#define POPULATE     22 /* MADV_POPULATE_READ */
#define POPULATE_W   23
#define PAGES        4
#define MEMORY_BYTES (PAGES * PAGE)
#define PROT_RW      (PROT_READ | PROT_WRITE)

/* Linux 6.13 has guards in anonymous memory, 6.15 in files; others say that there is no such advice. */
static void guard(char *at, size_t size_bytes)
{
	int result = madvise(at, size_bytes, INSTALL);

	if (result && errno == EINVAL)
		SKIP("this kernel has no guard pages in such memory");
	CHECK_EQ(result, 0);
}

static void read_byte(void *address)
{
	(void)*(volatile char *)address;
}

static void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static char *anonymous(void)
{
	return CHECK_OK(
		(char *)mmap(NULL, MEMORY_BYTES, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static char *file(int flags)
{
	int fd = CHECK_OK(memfd_create("guard", 0));

	CHECK_OK(ftruncate(fd, MEMORY_BYTES));
	char *p = CHECK_OK((char *)mmap(NULL, MEMORY_BYTES, PROT_RW, flags, fd, 0));
	CHECK_OK(close(fd));
	return p;
}

/* What holds for each kind of memory; `kept`: its contents are elsewhere and come back. */
static void guarded(char *p, bool kept)
{
	for (int i = 0; i < PAGES; i++)
		p[i * PAGE] = (char)(i + 1);
	guard(p + PAGE, PAGE);
	abi_dies(read_byte, p + PAGE, SIGSEGV);
	abi_dies(write_byte, p + 2 * PAGE - 1, SIGSEGV);
	CHECK_EQ(p[0], 1);
	CHECK_EQ(p[2 * PAGE], 3);
	/* Neither protection nor advice about the pages takes it away. */
	CHECK_OK(mprotect(p, MEMORY_BYTES, PROT_READ));
	CHECK_OK(mprotect(p, MEMORY_BYTES, PROT_RW));
	CHECK_OK(madvise(p, MEMORY_BYTES, MADV_DONTNEED));
	abi_dies(read_byte, p + PAGE, SIGSEGV);
	CHECK_ERROR(madvise(p, MEMORY_BYTES, POPULATE), EFAULT);
	CHECK_ERROR(madvise(p, MEMORY_BYTES, POPULATE_W), EFAULT);
	CHECK_ERROR(mlock(p, MEMORY_BYTES), ENOMEM);
	CHECK_OK(munlock(p, MEMORY_BYTES));
	p[2 * PAGE] = 3;
	CHECK_OK(madvise(p, MEMORY_BYTES, REMOVE));
	CHECK_OK(madvise(p, MEMORY_BYTES, REMOVE));
	p[PAGE]++; /* there, and whatever it was */
	CHECK_EQ(p[2 * PAGE], 3);
	guard(p, MEMORY_BYTES);
	abi_dies(read_byte, p + 3 * PAGE, SIGSEGV);
	CHECK_OK(madvise(p, MEMORY_BYTES, REMOVE));
	CHECK_EQ(p[2 * PAGE], kept ? 3 : 0);
	p[0] = 1;
}

static void in_anonymous_memory(void)
{
	guarded(anonymous(), false);
}

static void in_shared_memory(void)
{
	guarded(CHECK_OK((char *)mmap(NULL, MEMORY_BYTES, PROT_RW, MAP_SHARED | MAP_ANONYMOUS, -1,
				      0)),
		true);
}

static void in_a_file(void)
{
	guarded(file(MAP_SHARED), true);
}

static void in_a_private_file(void)
{
	guarded(file(MAP_PRIVATE), false);
}

static void in_a_segment(void)
{
	int id = make_segment(MEMORY_BYTES, 0600);
	char *p = attach(id, 0);

	guarded(p, true);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void in_a_large_segment(void)
{
	size_t size_bytes = 8ul << 20;
	int id = make_segment(size_bytes, 0600);
	char *p = attach(id, 0), *q = attach(id, 0);

	for (size_t at = 0; at < size_bytes; at += PAGE)
		p[at] = q[at] = 1;
	guard(p + (2ul << 20) - PAGE, (2ul << 20) + 2 * PAGE); /* over the ends of two tables */
	abi_dies(read_byte, p + (2ul << 20) - PAGE, SIGSEGV);
	abi_dies(write_byte, p + (3ul << 20), SIGSEGV);
	abi_dies(read_byte, p + (4ul << 20), SIGSEGV);
	CHECK_EQ(p[(2ul << 20) - 2 * PAGE], 1);
	CHECK_EQ(p[(4ul << 20) + PAGE], 1);
	q[3ul << 20] = 7;
	CHECK_OK(madvise(p, size_bytes, REMOVE));
	CHECK_EQ(p[3ul << 20], 7);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void of_one_attach(void)
{
	int id = make_segment(MEMORY_BYTES, 0600);
	char *p = attach(id, 0), *other = attach(id, SHM_RDONLY);

	guard(p + PAGE, PAGE);
	CHECK_EQ(other[PAGE], 0);
	abi_dies(read_byte, p + PAGE, SIGSEGV);
	guard(other, PAGE); /* read-only is no hindrance */
	abi_dies(read_byte, other, SIGSEGV);
	CHECK_OK(shmdt(p));
	CHECK_EQ((uintptr_t)shmat(id, p, 0), (uintptr_t)p);
	p[PAGE] = 1; /* a new attach has none */
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(other));
	remove_segment(id);
}

static void not_for_calls(void)
{
	char *p = anonymous(), byte = 0;
	int zero = CHECK_OK(open("/dev/zero", O_RDONLY));
	struct iovec here = {&byte, 1}, there = {p, 1};

	guard(p, PAGE);
	CHECK_ERROR(read(zero, p, 1), EFAULT);
	CHECK_ERROR(process_vm_readv(getpid(), &here, 1, &there, 1, 0), EFAULT);
	CHECK_ERROR(syscall(SYS_futex, p, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(syscall(SYS_futex, p, FUTEX_WAIT, 0, NULL, NULL, 0), EFAULT);
	CHECK_OK(close(zero));
}

static void arguments(void)
{
	char *p = free_range(4 * MEMORY_BYTES);

	CHECK_EQ((uintptr_t)mmap(p, MEMORY_BYTES, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
				 -1, 0),
		 (uintptr_t)p);
	guard(p, 0);
	CHECK_ERROR(madvise(p + 1, PAGE, INSTALL), EINVAL);
	CHECK_ERROR(madvise(p, 2 * MEMORY_BYTES, INSTALL), ENOMEM); /* what is mapped is done */
	abi_dies(read_byte, p, SIGSEGV);
	CHECK_ERROR(madvise(p - PAGE, 2 * MEMORY_BYTES, REMOVE), ENOMEM);
	CHECK_EQ(p[0], 0);
	CHECK_OK(mlock(p, MEMORY_BYTES));
	CHECK_ERROR(madvise(p, PAGE, INSTALL), EINVAL);
	CHECK_OK(madvise(p, PAGE, REMOVE));
}

static void under_other_protections(void)
{
	char *p = anonymous();

	CHECK_OK(mprotect(p, MEMORY_BYTES, PROT_NONE));
	guard(p, PAGE);
	CHECK_OK(mprotect(p, MEMORY_BYTES, PROT_RW));
	abi_dies(read_byte, p, SIGSEGV);
	CHECK_OK(madvise(p, MEMORY_BYTES, MADV_FREE));
	CHECK_OK(madvise(p, MEMORY_BYTES, DONT_NEED_L));
	abi_dies(read_byte, p, SIGSEGV);
}

static void look_in_child(void *argument)
{
	char *p = argument;

	abi_dies(read_byte, p + PAGE, SIGSEGV);
	CHECK_EQ(p[0], 1);
	CHECK_OK(madvise(p, MEMORY_BYTES, REMOVE));
	CHECK_EQ(p[PAGE], 0);
}

static void inherited(void)
{
	char *p = anonymous(), *shared = file(MAP_SHARED);

	p[0] = shared[0] = 1;
	guard(p + PAGE, PAGE);
	guard(shared + PAGE, PAGE);
	abi_in_child(look_in_child, p);
	abi_in_child(look_in_child, shared);
	abi_dies(read_byte, p + PAGE, SIGSEGV); /* the child removed its own */
	abi_dies(read_byte, shared + PAGE, SIGSEGV);
	CHECK_OK(madvise(p, MEMORY_BYTES, MADV_WIPEONFORK));
	abi_in_child(read_byte, p + PAGE);
}

static void moved(void)
{
	char *kinds[] = {anonymous(), file(MAP_SHARED), file(MAP_PRIVATE)};

	for (int i = 0; i < 3; i++) {
		char *where = free_range(MEMORY_BYTES), *p = kinds[i];

		p[0] = 5;
		guard(p + PAGE, PAGE);
		CHECK_EQ((uintptr_t)mremap(p, MEMORY_BYTES, MEMORY_BYTES,
					   MREMAP_MAYMOVE | MREMAP_FIXED, where),
			 (uintptr_t)where);
		abi_dies(read_byte, where + PAGE, SIGSEGV);
		CHECK_EQ(where[0], 5);
		CHECK_EQ(where[2 * PAGE], 0);
		/* Something else at the address has no guard. */
		CHECK_OK(munmap(where + PAGE, PAGE));
		CHECK_OK(mmap(where + PAGE, PAGE, PROT_RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
			      -1, 0));
		CHECK_EQ(where[PAGE], 0);
		CHECK_OK(mmap(p, MEMORY_BYTES, PROT_RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1,
			      0));
		CHECK_EQ(p[PAGE], 0);
	}
}

static void past_the_end(void)
{
	int fd = CHECK_OK(memfd_create("guard", 0));

	CHECK_OK(ftruncate(fd, MEMORY_BYTES));
	char *p = CHECK_OK((char *)mmap(NULL, MEMORY_BYTES, PROT_RW, MAP_SHARED, fd, 0));

	p[PAGE] = 1;
	guard(p + PAGE, PAGE);
	CHECK_OK(ftruncate(fd, PAGE));
	abi_dies(read_byte, p + PAGE, SIGSEGV); /* the guard is met first */
	abi_dies(read_byte, p + 2 * PAGE, SIGBUS);
	CHECK_OK(ftruncate(fd, MEMORY_BYTES));
	abi_dies(read_byte, p + PAGE, SIGSEGV);
	CHECK_EQ(p[2 * PAGE], 0);
	CHECK_OK(madvise(p, MEMORY_BYTES, MADV_REMOVE));
	abi_dies(read_byte, p + PAGE, SIGSEGV);
}

static void not_resident(void)
{
	char *p = anonymous(), *shared = file(MAP_SHARED);
	unsigned char there[PAGES];

	memset(p, 1, MEMORY_BYTES);
	memset(shared, 1, MEMORY_BYTES);
	guard(p + PAGE, PAGE);
	guard(shared + PAGE, PAGE);
	CHECK_OK(mincore(p, MEMORY_BYTES, there));
	CHECK_EQ(there[0] & 1, 1);
	CHECK_EQ(there[1] & 1, 0);
	CHECK_OK(mincore(shared, MEMORY_BYTES, there));
	CHECK_EQ(there[1] & 1, 1); /* of the file's pages it tells */
}

const struct abi_case abi_cases[] = {
	CASE(in_anonymous_memory,
	     "a guard in anonymous memory is SIGSEGV until removed: madvise(2)"),
	CASE(in_shared_memory, "a guard in shared anonymous memory hides a page: observed"),
	CASE(in_a_file, "a guard in a mapping of a file hides a page: observed"),
	CASE(in_a_private_file, "a guard in a private mapping drops the copy: observed"),
	CASE(in_a_segment, "a guard in an attached segment hides a page: observed"),
	CASE(in_a_large_segment, "guards over several MiB of a segment that was touched: observed"),
	CASE(of_one_attach, "guards belong to one attach, and go with it: observed"),
	CASE(not_for_calls, "calls that meet a guard fail with EFAULT: observed"),
	CASE(arguments, "MADV_GUARD_INSTALL: EINVAL, ENOMEM; not in locked memory: madvise(2)"),
	CASE(under_other_protections, "guards outlast PROT_NONE and MADV_FREE: madvise(2)"),
	CASE(inherited, "fork copies guards, but not with MADV_WIPEONFORK: madvise(2)"),
	CASE(moved, "mremap takes guards along, munmap removes them: madvise(2)"),
	CASE(past_the_end, "a guard outlasts truncation and punching of its file: observed"),
	CASE(not_resident, "mincore: a guard is no page of anonymous memory: observed"),
	CASES_END,
};
