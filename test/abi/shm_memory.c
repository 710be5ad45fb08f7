// SPDX-License-Identifier: MIT
/*
 * Attached memory under other calls: protection, madvise, mincore, mlock,
 * futexes, neighbours in the same 2 MiB; large segments, and how often they fault.
 */

#include "shm_test.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>

#define SPAN (2ul << 20)

static void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static void large_segment_shared(void)
{
	size_t size_bytes = 9 * SPAN + 5 * PAGE;
	int id = make_segment(size_bytes, 0600);
	char *p = attach(id, 0);

	for (size_t i = 0; i < size_bytes; i += PAGE)
		*(uint64_t *)(p + i) = i;
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		char *q = attach(id, 0);
		for (size_t i = 0; i < size_bytes; i += PAGE)
			CHECK_EQ(*(uint64_t *)(q + i), i);
		for (size_t i = 0; i < size_bytes; i += 7 * PAGE)
			*(uint64_t *)(q + i) = ~i;
		_exit(0);
	}
	abi_join(pid);
	for (size_t i = 0; i < size_bytes; i += PAGE)
		CHECK_EQ(*(uint64_t *)(p + i), i % (7 * PAGE) ? i : ~i);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void unaligned_attach_shares(void)
{
	size_t size_bytes = 3 * SPAN;
	int id = make_segment(size_bytes, 0600);
	char *room = free_range(8 * SPAN);
	char *odd = (char *)((uintptr_t)room & ~(SPAN - 1)) + SPAN + 3 * PAGE;
	char *p = attach(id, 0);

	CHECK_EQ((uintptr_t)shmat(id, odd, 0), (uintptr_t)odd);
	for (size_t i = 0; i < size_bytes; i += PAGE)
		p[i] = (char)(i / PAGE);
	for (size_t i = 0; i < size_bytes; i += PAGE)
		CHECK_EQ(odd[i], (char)(i / PAGE));
	for (size_t i = 0; i < size_bytes; i += PAGE)
		odd[i] = (char)(i / PAGE + 1);
	for (size_t i = 0; i < size_bytes; i += PAGE)
		CHECK_EQ(p[i], (char)(i / PAGE + 1));
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(odd));
	remove_segment(id);
}

/* What a second process finds right after the segment's end. */
static void look_behind(int id, char *where, size_t size_bytes)
{
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		CHECK_OK(shmdt(where));
		/* Everything of ours is a copy; take it away and attach afresh. */
		munmap(where + size_bytes, SPAN - size_bytes % SPAN);
		CHECK_EQ((uintptr_t)shmat(id, where, 0), (uintptr_t)where);
		for (size_t i = 0; i < size_bytes; i += PAGE)
			CHECK_EQ(where[i], 5);
		abi_dies(write_byte, where + size_bytes, SIGSEGV);
		_exit(0);
	}
	abi_join(pid);
}

static void slack_is_private(void)
{
	size_t size_bytes = SPAN + 100 * PAGE;
	int id = make_segment(size_bytes, 0600);
	char *room = free_range(8 * SPAN);
	char *p = (char *)(((uintptr_t)room + SPAN - 1) & ~(SPAN - 1));

	CHECK_EQ((uintptr_t)shmat(id, p, 0), (uintptr_t)p);
	memset(p, 5, size_bytes);
	/* In the same 2 MiB as the segment's tail, right behind it. */
	char *slack = p + size_bytes;
	CHECK_EQ((uintptr_t)mmap(slack, 2 * PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		 (uintptr_t)slack);
	memset(slack, 9, 2 * PAGE);
	look_behind(id, p, size_bytes);
	CHECK_EQ(slack[PAGE], 9);
	CHECK_EQ(p[size_bytes - 1], 5);
	CHECK_OK(munmap(slack, 2 * PAGE));
	CHECK_EQ(p[size_bytes - 1], 5);
	abi_dies(write_byte, slack, SIGSEGV);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

/* Use the stack down to `low`; then go on there. */
static __attribute__((noinline)) void at_stack_depth(uintptr_t low, void (*run)(void *),
						     void *argument)
{
	volatile char room[PAGE];

	room[0] = 1;
	if ((uintptr_t)room > low)
		at_stack_depth(low, run, argument);
	else
		run(argument);
	room[1] = 1; /* no tail call */
}

struct beside_stack {
	int id;
	uintptr_t span;
};

static void grown(void *argument)
{
	/* Written with the stack's own bytes, below where it was. */
	volatile unsigned char *room = __builtin_alloca(64 * PAGE);

	for (size_t i = 0; i < 64 * PAGE; i += 64)
		room[i] = 0xee;
	*(volatile unsigned char **)argument = room;
}

static void grow_beside(void *argument)
{
	const struct beside_stack *beside = argument;
	size_t size_bytes = 100 * PAGE;
	volatile unsigned char *room;
	char *p = shmat(beside->id, (void *)beside->span, 0);

	CHECK_EQ((uintptr_t)p, beside->span);
	memset(p, 5, size_bytes); /* before the stack comes: what may be linked is */
	grown(&room);
	CHECK(((uintptr_t)room & ~(SPAN - 1)) == beside->span);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		char *q = attach(beside->id, 0);
		for (size_t i = 0; i < size_bytes; i++)
			CHECK_EQ(q[i], 5);
		abi_dies(write_byte, q + size_bytes, SIGSEGV);
		_exit(0);
	}
	abi_join(pid);
	for (size_t i = 0; i < size_bytes; i++)
		CHECK_EQ(p[i], 5);
	CHECK_OK(shmdt(p));
}

static void stack_grows_beside(void)
{
	struct beside_stack beside;
	char here;
	/* The stack's end at 1.9 of the 2 MiB, the segment in the first 0.4: more than its guard. */
	uintptr_t low = ((uintptr_t)&here & ~(SPAN - 1)) + SPAN - 30 * PAGE;

	if (low > (uintptr_t)&here - 4 * PAGE)
		low -= SPAN;
	beside.id = make_segment(100 * PAGE, 0600);
	beside.span = low & ~(SPAN - 1);
	at_stack_depth(low, grow_beside, &beside);
	remove_segment(beside.id);
}

static void fixed_map_inside(void)
{
	size_t size_bytes = 2 * SPAN;
	int id = make_segment(size_bytes, 0600);
	char *p = attach(id, 0), *q = attach(id, 0);

	memset(p, 5, size_bytes);
	CHECK_EQ(q[SPAN], 5);
	CHECK_OK(mmap(p + SPAN, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	p[SPAN] = 6;
	CHECK_EQ(q[SPAN], 5);
	CHECK_EQ(p[SPAN + PAGE], 5);
	q[SPAN + PAGE] = 7;
	CHECK_EQ(p[SPAN + PAGE], 7);
	CHECK_OK(shmdt(p));
	CHECK_EQ(q[SPAN], 5);
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void part_protected(void)
{
	size_t size_bytes = 2 * SPAN;
	int id = make_segment(size_bytes, 0600);
	char *p = attach(id, 0), *q = attach(id, 0);

	memset(p, 5, size_bytes);
	memset(q, 5, size_bytes);
	CHECK_OK(mprotect(p + SPAN, 8 * PAGE, PROT_READ));
	abi_dies(write_byte, p + SPAN, SIGSEGV);
	abi_dies(write_byte, p + SPAN + 7 * PAGE, SIGSEGV);
	write_byte(p + SPAN + 8 * PAGE);
	write_byte(q + SPAN); /* the other attach may */
	CHECK_EQ(p[SPAN], 1);
	CHECK_OK(mprotect(p, SPAN, PROT_NONE));
	abi_dies(write_byte, p, SIGSEGV);
	CHECK_OK(mprotect(p, size_bytes, PROT_READ | PROT_WRITE));
	write_byte(p);
	CHECK_EQ(q[0], 1);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void dontneed_keeps_remove_zeroes(void)
{
	int id = make_segment(4 * PAGE, 0600);
	char *p = attach(id, 0), *q = attach(id, 0);

	memset(p, 5, 4 * PAGE);
	CHECK_OK(madvise(p, 4 * PAGE, MADV_DONTNEED));
	CHECK_EQ(p[PAGE], 5);
	CHECK_OK(madvise(p + PAGE, 2 * PAGE, MADV_REMOVE));
	CHECK_EQ(p[0] + p[PAGE] + p[2 * PAGE] + p[3 * PAGE], 10);
	CHECK_EQ(q[PAGE], 0);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void mincore_and_mlock(void)
{
	int id = make_segment(4 * PAGE, 0600);
	unsigned char resident[4];
	char *p = attach(id, 0);

	CHECK_OK(mincore(p, 4 * PAGE, resident));
	CHECK_EQ(resident[0] & 1, 0);
	p[PAGE] = 1;
	CHECK_OK(mincore(p, 4 * PAGE, resident));
	CHECK_EQ(resident[0] & 1, 0);
	CHECK_EQ(resident[1] & 1, 1);
	CHECK_OK(mlock(p, 4 * PAGE));
	CHECK_OK(mincore(p, 4 * PAGE, resident));
	CHECK_EQ(resident[0] & resident[1] & resident[2] & resident[3] & 1, 1);
	CHECK_OK(munlock(p, 4 * PAGE));
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

static void futex_across_attaches(void)
{
	int id = make_segment(PAGE, 0600);
	uint32_t *here = (uint32_t *)attach(id, 0), *there = (uint32_t *)attach(id, 0);
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		struct timespec limit = {10, 0};
		__atomic_store_n(&there[1], 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&there[0], __ATOMIC_SEQ_CST) == 0) {
			long result = futex(there, FUTEX_WAIT, 0, &limit);
			CHECK(result == 0 || errno == EAGAIN || errno == EINTR);
		}
		_exit(0);
	}
	while (!__atomic_load_n(&here[1], __ATOMIC_SEQ_CST))
		abi_sleep_ms(1);
	abi_sleep_ms(20);
	__atomic_store_n(&here[0], 1, __ATOMIC_SEQ_CST);
	CHECK_OK(futex(here, FUTEX_WAKE, 1, NULL));
	abi_join(pid);
	CHECK_OK(shmdt(here));
	CHECK_OK(shmdt(there));
	remove_segment(id);
}

static void calls_on_detached_memory(void)
{
	int id = make_segment(PAGE, 0600), ends[2];
	char *p = attach(id, 0);

	CHECK_OK(pipe(ends));
	CHECK_EQ(write(ends[1], "abc", 3), 3);
	CHECK_EQ(read(ends[0], p, 1), 1);
	CHECK_EQ(p[0], 'a');
	CHECK_OK(shmdt(p));
	CHECK_ERROR(read(ends[0], p, 1), EFAULT);
	p = attach(id, SHM_RDONLY);
	CHECK_ERROR(read(ends[0], p, 1), EFAULT);
	CHECK_EQ(write(ends[1], p, 1), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

/* ---- counted faults (Samepage's own counters) ---- */

static uint64_t touch_all(char *p, size_t size_bytes)
{
	uint64_t faults = abi_samepage_counter("faults");

	for (size_t i = 0; i < size_bytes; i += PAGE)
		write_byte(p + i);
	return abi_samepage_counter("faults") - faults;
}

static void one_fault_for_each_span(void)
{
	size_t size_bytes = 8 * SPAN;
	abi_samepage_counter("faults");
	if (abi_samepage_counter("link") == 0)
		SKIP("linking is off");
	int id = make_segment(size_bytes, 0600);
	char *p = attach(id, 0);

	touch_all(p, size_bytes);
	CHECK_EQ(touch_all(p, size_bytes), 0); /* all linked already */
	char *q = attach(id, 0);
	CHECK(touch_all(q, size_bytes) <= 8);
	CHECK_EQ(touch_all(q, size_bytes), 0);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

/* ---- no memory left (in the guest only: on Linux it would be the host's) ---- */

static void touch_until_refused(void *argument)
{
	char *p = attach(*(int *)argument, 0);

	for (size_t i = 0;; i += PAGE)
		write_byte(p + i);
}

static void memory_used_up(void)
{
	uint64_t total = abi_samepage_counter("total_frames") * PAGE;
	struct shmid_ds ds;

	CHECK_ERROR(shmget(IPC_PRIVATE, 2 * total, 0600), ENOMEM);
	for (int round = 0; round < 2; round++) {
		int id = make_segment(2 * total, 0600 | SHM_NORESERVE);
		abi_dies(touch_until_refused, &id, SIGBUS);
		CHECK_EQ(attachments(id), 0);
		uint64_t left = abi_samepage_counter("free_frames") * PAGE;
		CHECK(left < total / 10);
		remove_segment(id);
		CHECK(abi_samepage_counter("free_frames") * PAGE > left + total / 2);
		CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	}
	int id = make_segment(total / 2, 0600);
	char *p = attach(id, 0);
	for (size_t i = 0; i < total / 2; i += PAGE)
		write_byte(p + i);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(large_segment_shared, "two processes see the same bytes of a large segment: shmop(2)"),
	CASE(unaligned_attach_shares, "attached at an odd page it shows the same: shmop(2)"),
	CASE(slack_is_private,
	     "what is mapped behind a segment never shows in another process: shmop(2)"),
	CASE(stack_grows_beside,
	     "a stack that grows into a segment's 2 MiB never shows there: shmop(2)"),
	CASE(fixed_map_inside, "MAP_FIXED into an attach hides the segment there only: mmap(2)"),
	CASE(part_protected, "mprotect of a part holds for that part of that attach: mprotect(2)"),
	CASE(dontneed_keeps_remove_zeroes, "MADV_DONTNEED, MADV_REMOVE: madvise(2), observed"),
	CASE(mincore_and_mlock, "pages are there once touched or locked: mincore(2), mlock(2)"),
	CASE(futex_across_attaches, "a shared futex is the page's, wherever it shows: futex(2)"),
	CASE(calls_on_detached_memory, "EFAULT where the attach does not allow it: read(2)"),
	CASE(one_fault_for_each_span,
	     "a second attach faults once for 2 MiB, a linked one never (Samepage's own)"),
	CASE(memory_used_up,
	     "a shared page that cannot be had is SIGBUS; nothing is lost: observed"),
	CASES_END,
};
