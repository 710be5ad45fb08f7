// SPDX-License-Identifier: MIT
/* A process's memory: mmap, munmap, mprotect, brk, the stack, copy-on-write over fork, madvise. */

#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory_test.h"

/* ---- anonymous memory ---- */

static void anonymous_zero(void)
{
	volatile char *m = map_private(64 * PAGE);

	for (size_t i = 0; i < 64 * PAGE; i += 512)
		CHECK_EQ(m[i], 0);
	for (size_t i = 0; i < 64; i++)
		m[i * PAGE] = (char)i;
	for (size_t i = 0; i < 64; i++)
		CHECK_EQ(m[i * PAGE], i);
	CHECK_OK(munmap((void *)m, 64 * PAGE));
	m = map_private(64 * PAGE);
	for (size_t i = 0; i < 64 * PAGE; i += 512)
		CHECK_EQ(m[i], 0);
}

static void mmap_errors(void)
{
	int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
	char *m = (char *)map_private(PAGE);

	CHECK_ERROR(mmap(NULL, 0, rw, anonymous, -1, 0), EINVAL);
	CHECK_ERROR(mmap(NULL, PAGE, rw, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERROR(mmap(NULL, PAGE, rw, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERROR(syscall(SYS_mmap, NULL, PAGE, rw, anonymous, -1, 1L), EINVAL);
	CHECK_ERROR(mmap(NULL, (size_t)-1, rw, anonymous, -1, 0), ENOMEM);
	CHECK_ERROR(mmap(NULL, 1ul << 62, rw, anonymous, -1, 0), ENOMEM);
	CHECK_ERROR(mmap(m + 1, PAGE, rw, anonymous | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERROR(mmap(m, PAGE, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_ERROR(mmap((void *)(1ul << 62), PAGE, rw, anonymous | MAP_FIXED, -1, 0), ENOMEM);
}

static void mmap_hint_and_fixed(void)
{
	char *m = (char *)map_private(16 * PAGE);
	int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

	m[4 * PAGE] = 1;
	m[5 * PAGE] = 2;
	m[6 * PAGE] = 3;
	CHECK(mmap(m + 5 * PAGE, PAGE, rw, anonymous | MAP_FIXED, -1, 0) == m + 5 * PAGE);
	CHECK_EQ(m[4 * PAGE], 1);
	CHECK_EQ(m[5 * PAGE], 0);
	CHECK_EQ(m[6 * PAGE], 3);
	CHECK(mmap(m + 5 * PAGE, PAGE, rw, anonymous, -1, 0) != m + 5 * PAGE);
	CHECK_OK(munmap(m + 5 * PAGE, PAGE));
	CHECK(mmap(m + 5 * PAGE, PAGE, rw, anonymous, -1, 0) == m + 5 * PAGE);
}

static void munmap_parts(void)
{
	char *m = (char *)map_private(10 * PAGE);

	faults_catch();
	memset(m, 7, 10 * PAGE);
	CHECK_OK(munmap(m + 3 * PAGE, 2 * PAGE));
	CHECK_EQ(touch(m + 3 * PAGE, 0), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_MAPERR);
	CHECK_EQ(m[3 * PAGE - 1], 7);
	CHECK_EQ(m[5 * PAGE], 7);
	CHECK_OK(munmap(m, 10 * PAGE)); /* holes are fine */
	CHECK_EQ(touch(m, 0), SIGSEGV);
	CHECK_ERROR(munmap(m + 1, PAGE), EINVAL);
	CHECK_ERROR(munmap(m, 0), EINVAL);
	CHECK_ERROR(munmap((void *)(1ul << 62), PAGE), EINVAL);
	CHECK_OK(munmap(m, PAGE));
}

static void mprotect_rights(void)
{
	char *m = (char *)map_private(4 * PAGE);

	faults_catch();
	memset(m, 5, 4 * PAGE);
	CHECK_OK(mprotect(m + PAGE, 2 * PAGE, PROT_NONE));
	CHECK_EQ(touch(m + PAGE, 0), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_EQ(touch(m, 1), 0);
	CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ));
	CHECK_EQ(m[PAGE], 5);
	CHECK_EQ(touch(m + PAGE, 1), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_OK(mprotect(m, 4 * PAGE, PROT_READ | PROT_WRITE));
	CHECK_EQ(m[2 * PAGE], 5);
	CHECK_EQ(touch(m + PAGE, 1), 0);
	CHECK_EQ(m[PAGE], 1);
	CHECK_ERROR(mprotect(m + 1, PAGE, PROT_READ), EINVAL);
	CHECK_ERROR(mprotect(m, PAGE, 0x70), EINVAL);
	CHECK_OK(mprotect(m, 0, PROT_READ));
	CHECK_OK(munmap(m + 2 * PAGE, PAGE));
	CHECK_ERROR(mprotect(m, 4 * PAGE, PROT_READ), ENOMEM);
}

static void kernel_honours_rights(void)
{
	static void *volatile const wild[] = {(void *)0x10, (void *)-4096L, (void *)(1ul << 62)};
	char *m = (char *)map_private(3 * PAGE);
	int ends[2];

	CHECK_OK(pipe(ends));
	memset(m, 'x', 3 * PAGE);
	CHECK_OK(mprotect(m, PAGE, PROT_NONE));
	CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ));
	CHECK_ERROR(write(ends[1], m, 8), EFAULT);
	CHECK_EQ(write(ends[1], m + PAGE, 8), 8);
	CHECK_ERROR(read(ends[0], m + PAGE, 8), EFAULT);
	CHECK_EQ(write(ends[1], m + PAGE, 8), 8);
	CHECK_EQ(read(ends[0], m + 2 * PAGE, 8), 8);
	for (int i = 0; i < 3; i++)
		CHECK_ERROR(write(ends[1], wild[i], 8), EFAULT);
}

static void execute_needs_right(void)
{
#ifdef __x86_64__
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};
#else
	static const unsigned char code[] = {0x13, 0x05, 0xa0,
					     0x02, 0x82, 0x80}; /* li a0, 42; ret */
#endif
	char *m = (char *)map_private(PAGE);

	faults_catch();
	memcpy(m, code, sizeof(code));
	int signal = sigsetjmp(fault_return, 1);
	if (!signal) {
		((int (*)(void))(uintptr_t)m)();
		CHECK(false);
	}
	CHECK_EQ(signal, SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_OK(mprotect(m, PAGE, PROT_READ | PROT_EXEC));
	__builtin___clear_cache(m, m + PAGE);
	CHECK_EQ(((int (*)(void))(uintptr_t)m)(), 42);
}

/* ---- fork ---- */

static void child_changes_all(void *argument)
{
	char *m = argument;

	for (size_t i = 0; i < 32; i++) {
		CHECK_EQ(m[i * PAGE], i);
		m[i * PAGE] = 99;
	}
	for (size_t i = 32; i < 64; i++)
		CHECK_EQ(m[i * PAGE], 0);
}

static void fork_copies(void)
{
	char *m = (char *)map_private(64 * PAGE);

	for (size_t i = 0; i < 32; i++)
		m[i * PAGE] = (char)i;
	for (int round = 0; round < 3; round++)
		abi_in_child(child_changes_all, m);
	pid_t pid = abi_start(child_changes_all, m);
	abi_join(pid);
	for (size_t i = 0; i < 32; i++)
		CHECK_EQ(m[i * PAGE], i);
}

static void child_sees_still(void *argument)
{
	volatile long *m = argument;
	long seen = *m;

	for (int i = 0; i < 2000; i++)
		CHECK_EQ(*m, seen);
	*m = -1;
	CHECK_EQ(*m, -1);
}

static volatile int counting;

static void *count_up(void *argument)
{
	volatile long *m = argument;

	while (counting)
		++*m;
	return NULL;
}

static void fork_while_writing(void)
{
	volatile long *m = (volatile long *)map_private(PAGE);
	pthread_t thread;

	counting = 1;
	CHECK_EQ(pthread_create(&thread, NULL, count_up, (void *)m), 0);
	for (int i = 0; i < 20; i++)
		abi_in_child(child_sees_still, (void *)m);
	counting = 0;
	pthread_join(thread, NULL);
	CHECK(*m >= 0);
}

static void grandchild(void *argument)
{
	char *m = argument;

	CHECK_EQ(m[0], 1);
	m[0] = 3;
	CHECK_EQ(m[PAGE], 20);
}

static void child_forks(void *argument)
{
	char *m = argument;

	m[PAGE] = 20;
	abi_in_child(grandchild, m);
	CHECK_EQ(m[0], 1);
}

static void fork_twice_deep(void)
{
	char *m = (char *)map_private(2 * PAGE);

	m[0] = 1;
	m[PAGE] = 10;
	abi_in_child(child_forks, m);
	CHECK_EQ(m[0], 1);
	CHECK_EQ(m[PAGE], 10);
}

static void child_checks_advice(void *argument)
{
	char *m = argument;

	CHECK_EQ(touch(m, 0), SIGSEGV);
	CHECK_EQ(m[PAGE], 0);
	CHECK_EQ(m[2 * PAGE], 6);
}

static void fork_advice(void)
{
	char *m = (char *)map_private(3 * PAGE);

	faults_catch();
	memset(m, 6, 3 * PAGE);
	CHECK_OK(madvise(m, PAGE, MADV_DONTFORK));
	CHECK_OK(madvise(m + PAGE, PAGE, MADV_WIPEONFORK));
	abi_in_child(child_checks_advice, m);
	CHECK_EQ(m[0], 6);
	CHECK_EQ(m[PAGE], 6);
}

static void protected_while_common(void)
{
	char *m = (char *)map_private(2 * PAGE);
	int hold[2];

	memset(m, 4, 2 * PAGE);
	CHECK_OK(pipe(hold));
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(hold[1]);
		(void)!read(hold[0], &byte, 1);
		_exit(m[0] == 4 && m[PAGE] == 4 ? 0 : 1);
	}
	CHECK_OK(mprotect(m, 2 * PAGE, PROT_READ));
	CHECK_OK(mprotect(m, 2 * PAGE, PROT_READ | PROT_WRITE));
	m[0] = 9; /* must not show in the child */
	CHECK_OK(mprotect(m, 2 * PAGE, PROT_NONE));
	CHECK_OK(mprotect(m, 2 * PAGE, PROT_READ | PROT_WRITE));
	m[PAGE] = 9;
	close(hold[1]);
	abi_join(pid);
	CHECK_EQ(m[0], 9);
}

/* ---- heap and stack ---- */

static void heap_grows(void)
{
	char *start = sbrk(0);

	start += -(uintptr_t)start % PAGE;
	CHECK_OK(brk(start + 8 * PAGE));
	memset(start, 3, 8 * PAGE);
	CHECK_OK(brk(start + 2 * PAGE));
	CHECK_OK(brk(start + 8 * PAGE));
	CHECK_EQ(start[2 * PAGE - 1], 3);
	for (size_t i = 2 * PAGE; i < 8 * PAGE; i += PAGE)
		CHECK_EQ(start[i], 0);
	CHECK(mmap(start + 16 * PAGE, PAGE, PROT_READ,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == start + 16 * PAGE);
	CHECK_ERROR(brk(start + 17 * PAGE), ENOMEM);
	CHECK(sbrk(0) == start + 8 * PAGE);
}

static int __attribute__((noinline)) deep(int levels)
{
	volatile char frame[16 * 1024];

	frame[0] = (char)levels;
	frame[sizeof(frame) - 1] = 1;
	return levels ? deep(levels - 1) + frame[sizeof(frame) - 1] : 0;
}

static void stack_grows(void)
{
	CHECK_EQ(deep(300), 300); /* 4.8 MB of the usual 8 */
}

static void overflow(void *argument)
{
	struct rlimit limit = {1 << 20, 1 << 20};

	(void)argument;
	setrlimit(RLIMIT_STACK, &limit);
	deep(100000);
}

static void stack_ends(void)
{
	abi_dies(overflow, NULL, SIGSEGV);
}

/* ---- residency, locking ---- */

static void mincore_tells(void)
{
	char *m = (char *)map_private(4 * PAGE);
	unsigned char there[4];

	m[PAGE] = 1;
	CHECK_OK(mincore(m, 4 * PAGE, there));
	CHECK_EQ(there[0] & 1, 0);
	CHECK_EQ(there[1] & 1, 1);
	CHECK_EQ(there[2] & 1, 0);
	CHECK_OK(madvise(m, 4 * PAGE, MADV_DONTNEED));
	CHECK_EQ(m[PAGE], 0);
	CHECK_ERROR(mincore(m + 1, PAGE, there), EINVAL);
	CHECK_ERROR(mincore(m, PAGE, (void *)8), EFAULT);
	CHECK_OK(munmap(m + 3 * PAGE, PAGE));
	CHECK_ERROR(mincore(m, 4 * PAGE, there), ENOMEM);
	m = (char *)map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE);
	CHECK_OK(mincore(m, 2 * PAGE, there));
	CHECK_EQ(there[0] & there[1] & 1, 1);
}

static void mlock_populates(void)
{
	char *m = (char *)map_private(4 * PAGE);
	unsigned char there[4];

	CHECK_OK(mlock(m, 2 * PAGE));
	CHECK_OK(mincore(m, 4 * PAGE, there));
	CHECK_EQ(there[0] & there[1] & 1, 1);
	CHECK_EQ(there[2] & 1, 0);
	CHECK_ERROR(madvise(m, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_OK(munlock(m, 2 * PAGE));
	CHECK_OK(madvise(m, PAGE, MADV_DONTNEED));
	CHECK_OK(munmap(m + 3 * PAGE, PAGE));
	CHECK_ERROR(mlock(m, 4 * PAGE), ENOMEM);
	CHECK_ERROR(mlockall(0), EINVAL);
	CHECK_OK(munlockall());
}

static void advice_errors(void)
{
	char *m = (char *)map_private(2 * PAGE);

	CHECK_ERROR(madvise(m + 1, PAGE, MADV_DONTNEED), EINVAL);
	CHECK_ERROR(madvise(m, PAGE, 99), EINVAL);
	CHECK_OK(madvise(m, 0, MADV_DONTNEED));
	CHECK_OK(munmap(m, PAGE));
	m[PAGE] = 1;
	CHECK_ERROR(madvise(m, 2 * PAGE, MADV_DONTNEED), ENOMEM); /* but what is there is done */
	CHECK_EQ(m[PAGE], 0);
	CHECK_ERROR(madvise(m + PAGE, PAGE, MADV_REMOVE), EINVAL);
	CHECK_ERROR(msync(m + PAGE, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERROR(msync(m + PAGE, PAGE, 64), EINVAL);
	CHECK_ERROR(msync(m, PAGE, MS_ASYNC), ENOMEM);
	CHECK_OK(msync(m + PAGE, PAGE, MS_ASYNC));
}

const struct abi_case abi_cases[] = {
	CASE(anonymous_zero, "fresh private memory is zero: mmap(2)"),
	CASE(mmap_errors, "mmap(2), ERRORS"),
	CASE(mmap_hint_and_fixed, "MAP_FIXED replaces, a free hint is taken: mmap(2)"),
	CASE(munmap_parts, "a part may be unmapped, holes are fine: munmap(2)"),
	CASE(mprotect_rights, "mprotect(2), and the data stays"),
	CASE(kernel_honours_rights,
	     "the kernel's accesses are checked too: EFAULT: read(2), mprotect(2)"),
	CASE(execute_needs_right, "data is not executed without PROT_EXEC: mmap(2)"),
	CASE(fork_copies, "parent and child have separate memory: fork(2)"),
	CASE(fork_while_writing,
	     "a child's copy does not change while a parent's thread writes: fork(2)"),
	CASE(fork_twice_deep, "copies of copies are separate too: fork(2)"),
	CASE(fork_advice, "MADV_DONTFORK, MADV_WIPEONFORK: madvise(2)"),
	CASE(protected_while_common, "mprotect does not undo copy-on-write: fork(2), mprotect(2)"),
	CASE(heap_grows, "brk(2): fresh pages are zero; stops before a mapping"),
	CASE(stack_grows, "the stack grows by itself: getrlimit(2), RLIMIT_STACK"),
	CASE(stack_ends, "a stack past RLIMIT_STACK is SIGSEGV: getrlimit(2)"),
	CASE(mincore_tells, "mincore(2): there after the first touch"),
	CASE(mlock_populates, "mlock(2) makes pages present"),
	CASE(advice_errors, "madvise(2), msync(2): ERRORS"),
	CASES_END,
};
