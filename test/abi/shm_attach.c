// SPDX-License-Identifier: MIT
/* shmat(2): addresses, flags, protections, and the order of its errors. */

#include "shm_test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>

static void bad_ids(void)
{
	int id = make_segment(PAGE, 0600);

	CHECK_ERROR(shmat(-1, NULL, 0), EINVAL);
	CHECK_ERROR(shmat(INT32_MIN, NULL, 0), EINVAL);
	CHECK_ERROR(shmat(INT32_MAX, NULL, 0), EINVAL);
	CHECK_ERROR(shmat(id + 1, NULL, 0), EINVAL);
	CHECK_ERROR(shmat(id + (1 << 15), NULL, 0), EINVAL);
	remove_segment(id);
	CHECK_ERROR(shmat(id, NULL, 0), EINVAL);
}

static void shows_the_segment(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *a = attach(id, 0), *b = attach(id, 0);

	CHECK(a != b);
	CHECK_EQ((uintptr_t)a % PAGE, 0);
	strcpy(a + PAGE - 3, "over the edge");
	CHECK(!strcmp(b + PAGE - 3, "over the edge"));
	b[3 * PAGE - 1] = 42;
	CHECK_EQ(a[3 * PAGE - 1], 42);
	CHECK_OK(shmdt(a));
	CHECK_EQ(b[3 * PAGE - 1], 42);
	CHECK_OK(shmdt(b));
	char *c = attach(id, 0);
	CHECK(!strcmp(c + PAGE - 3, "over the edge"));
	CHECK_OK(shmdt(c));
	remove_segment(id);
}

static void times_and_pids(void)
{
	int id = make_segment(PAGE, 0600);
	time_t before = time(NULL);
	char *a = attach(id, 0);
	struct shmid_ds ds = stat_segment(id);

	CHECK_EQ(ds.shm_nattch, 1);
	CHECK_EQ(ds.shm_lpid, getpid());
	CHECK(ds.shm_atime >= before && ds.shm_atime <= time(NULL));
	CHECK_EQ(ds.shm_dtime, 0);
	CHECK_OK(shmdt(a));
	ds = stat_segment(id);
	CHECK_EQ(ds.shm_nattch, 0);
	CHECK_EQ(ds.shm_lpid, getpid());
	CHECK(ds.shm_dtime >= before && ds.shm_dtime <= time(NULL));
	remove_segment(id);
}

static void address_honoured(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *where = free_range(16 * PAGE);

	CHECK_EQ((uintptr_t)shmat(id, where, 0), (uintptr_t)where);
	CHECK_ERROR(shmat(id, where, 0), EINVAL);
	CHECK_ERROR(shmat(id, where + PAGE, 0), EINVAL);
	CHECK_ERROR(shmat(id, where - PAGE, 0), EINVAL);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ((uintptr_t)shmat(id, where + 2 * PAGE, 0), (uintptr_t)where + 2 * PAGE);
	CHECK_OK(shmdt(where));
	CHECK_OK(shmdt(where + 2 * PAGE));
	remove_segment(id);
}

static void address_unaligned(void)
{
	int id = make_segment(PAGE, 0600);
	char *where = free_range(16 * PAGE);

	CHECK_ERROR(shmat(id, where + 1, 0), EINVAL);
	CHECK_ERROR(shmat(id, where + PAGE - 1, 0), EINVAL);
	CHECK_EQ((uintptr_t)shmat(id, where + 1, SHM_RND), (uintptr_t)where);
	CHECK_ERROR(shmat(id, where + PAGE - 1, SHM_RND), EINVAL);
	CHECK_OK(shmdt(where));
	CHECK_EQ((uintptr_t)shmat(id, where + PAGE - 1, SHM_RND), (uintptr_t)where);
	CHECK_OK(shmdt(where));
	remove_segment(id);
}

static void round_to_zero_unprivileged(void *argument)
{
	int id = *(int *)argument;

	abi_become(65534, 65534);
	CHECK_ERROR(shmat(id, (void *)1, SHM_RND), EPERM);
	CHECK_ERROR(shmat(id, (void *)1, 0), EINVAL);
}

static void address_near_zero(void)
{
	int id = make_segment(PAGE, 0666);

	CHECK_ERROR(shmat(id, (void *)1, SHM_RND | SHM_REMAP), EINVAL);
	CHECK_ERROR(shmat(id, NULL, SHM_REMAP), EINVAL);
	CHECK_ERROR(shmat(id, NULL, SHM_REMAP | SHM_RND), EINVAL);
	abi_in_child(round_to_zero_unprivileged, &id);
	remove_segment(id);
}

static void address_too_high(void)
{
	int id = make_segment(2 * PAGE, 0600);

	CHECK_ERROR(shmat(id, (void *)0xffffffffffff0000, 0), ENOMEM);
	CHECK_ERROR(shmat(id, (void *)0xffff800000000000, 0), ENOMEM);
	CHECK_ERROR(shmat(id, (void *)0xfffffffffffff000, 0), EINVAL); /* wraps round */
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void remap_replaces(void)
{
	int id = make_segment(2 * PAGE, 0600), other = make_segment(PAGE, 0600);
	char *where = CHECK_OK((char *)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	memset(where, 7, 4 * PAGE);
	CHECK_ERROR(shmat(id, where, 0), EINVAL);
	CHECK_EQ((uintptr_t)shmat(id, where, SHM_REMAP), (uintptr_t)where);
	CHECK_EQ(where[0], 0);
	CHECK_EQ(where[2 * PAGE], 7);
	CHECK_EQ(attachments(id), 1);
	/* Again at the same address: one goes, one comes. */
	CHECK_EQ((uintptr_t)shmat(id, where, SHM_REMAP), (uintptr_t)where);
	CHECK_EQ(attachments(id), 1);
	where[PAGE] = 9;
	CHECK_EQ((uintptr_t)shmat(other, where, SHM_REMAP), (uintptr_t)where);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(attachments(other), 1);
	CHECK_EQ(where[PAGE], 9);
	CHECK_OK(shmdt(where)); /* the one page of the other */
	CHECK_EQ(attachments(other), 0);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(where));
	CHECK_EQ(attachments(id), 0);
	CHECK_EQ(where[3 * PAGE], 7);
	remove_segment(id);
	remove_segment(other);
}

static void write_byte(void *address)
{
	*(volatile char *)address = 1;
}

static void run_at(void *address)
{
	((void (*)(void))address)();
}

static void read_only(void)
{
	int id = make_segment(PAGE, 0600);
	char *writable = attach(id, 0), *readable = attach(id, SHM_RDONLY);

	writable[5] = 55;
	CHECK_EQ(readable[5], 55);
	abi_dies(write_byte, readable, SIGSEGV);
	CHECK_ERROR(mprotect(readable, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_OK(mprotect(readable, PAGE, PROT_NONE));
	CHECK_OK(mprotect(readable, PAGE, PROT_READ));
	CHECK_EQ(readable[5], 55);
	writable[5] = 56;
	CHECK_EQ(readable[5], 56);
	CHECK_OK(shmdt(readable));
	CHECK_OK(shmdt(writable));
	remove_segment(id);
}

static void not_executable(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

#if defined(__x86_64__)
	p[0] = (char)0xc3;
#elif defined(__riscv)
	memcpy(p, "\x82\x80", 2);
#endif
	abi_dies(run_at, p, SIGSEGV);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void executable_if_asked(void)
{
	int id = make_segment(PAGE, 0700);
	char *p = attach(id, SHM_EXEC);

#if defined(__x86_64__)
	p[0] = (char)0xc3;
#elif defined(__riscv)
	memcpy(p, "\x82\x80", 2);
#endif
	__builtin___clear_cache(p, p + 16);
	run_at(p);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

/* The line of /proc/self/maps that begins at the address. */
static void maps_line(const void *address, char *line, size_t size_bytes)
{
	FILE *maps = fopen("/proc/self/maps", "r");

	CHECK(maps != NULL);
	while (fgets(line, (int)size_bytes, maps)) {
		if (strtoul(line, NULL, 16) == (uintptr_t)address) {
			fclose(maps);
			return;
		}
	}
	abi_fail(__FILE__, __LINE__, "no line for %p", address);
}

static void shown_in_maps(void)
{
	char line[512], expected[64];
	int id = CHECK_OK(shmget(0x5a3e0042, 2 * PAGE, IPC_CREAT | 0600));
	char *p = attach(id, 0), *q = attach(id, SHM_RDONLY);

	remove_segment(id); /* the key still shows */
	maps_line(p, line, sizeof(line));
	snprintf(expected, sizeof(expected), "%lx-%lx rw-s 00000000 ", (unsigned long)p,
		 (unsigned long)p + 2 * PAGE);
	CHECK(!strncmp(line, expected, strlen(expected)));
	CHECK(strstr(line, "/SYSV5a3e0042 (deleted)\n"));
	snprintf(expected, sizeof(expected), " %d ", id);
	CHECK(strstr(line, expected));
	maps_line(q, line, sizeof(line));
	CHECK(strstr(line, " r--s 00000000 "));
	CHECK_OK(munmap(p, PAGE));
	maps_line(p + PAGE, line, sizeof(line));
	CHECK(strstr(line, " rw-s 00001000 "));
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
}

static void sparse_terabyte(void)
{
	int id = make_segment(1ul << 40, 0600 | SHM_NORESERVE);
	char *p = shmat(id, NULL, 0);

	if (p == (char *)-1) {
		/* Natively the framework's own limit on addresses forbids it. */
		CHECK_EQ(errno, ENOMEM);
		remove_segment(id);
		SKIP("a terabyte of addresses is more than this process may have");
	}
	p[0] = 1;
	p[1ul << 39] = 2;
	p[(1ul << 40) - 1] = 3;
	CHECK_EQ(p[12345678], 0);
	CHECK_OK(shmdt(p));
	p = attach(id, SHM_RDONLY);
	CHECK_EQ(p[0] + p[1ul << 39] + p[(1ul << 40) - 1], 6);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void no_room(void)
{
	int id = make_segment(1ul << 46, 0600 | SHM_NORESERVE);

	void *p[3];
	int count = 0;
	while (count < 3 && (p[count] = shmat(id, NULL, 0)) != (void *)-1)
		count++;
	CHECK(count < 3);
	CHECK_EQ(errno, ENOMEM);
	while (count > 0)
		CHECK_OK(shmdt(p[--count]));
	remove_segment(id);
}

static void heap_is_taken(void)
{
	int id = make_segment(PAGE, 0600);
	char *top = CHECK_OK((char *)sbrk(0));
	char *aligned = (char *)(((uintptr_t)top + PAGE - 1) & ~(PAGE - 1));

	CHECK_OK(sbrk(4 * PAGE));
	CHECK_ERROR(shmat(id, aligned + PAGE, 0), EINVAL);
	char *above = (char *)(((uintptr_t)sbrk(0) + 2 * PAGE - 1) & ~(PAGE - 1));
	CHECK_EQ((uintptr_t)shmat(id, above, 0), (uintptr_t)above);
	CHECK_ERROR(sbrk(4 * PAGE), ENOMEM);
	CHECK_OK(shmdt(above));
	CHECK_OK(sbrk(4 * PAGE));
	remove_segment(id);
}

static void break_unmoved(void)
{
	int id = make_segment(PAGE, 0600);
	void *top = sbrk(0);
	char *p = attach(id, 0);

	CHECK_EQ((uintptr_t)sbrk(0), (uintptr_t)top);
	CHECK_OK(shmdt(p));
	CHECK_EQ((uintptr_t)sbrk(0), (uintptr_t)top);
	remove_segment(id);
}

static void both_ways_at_once(void)
{
	int id = make_segment(PAGE, 0600);
	char *readable = attach(id, SHM_RDONLY), *writable = attach(id, 0);
	char *again = attach(id, SHM_RDONLY);

	CHECK_EQ(attachments(id), 3);
	writable[5] = 'x';
	CHECK_EQ(readable[5], 'x');
	CHECK_EQ(again[5], 'x');
	abi_dies(write_byte, readable + 5, SIGSEGV);
	abi_dies(write_byte, again + 5, SIGSEGV);
	writable[5] = 'y';
	CHECK_EQ(readable[5], 'y');
	CHECK_OK(shmdt(readable));
	CHECK_OK(shmdt(writable));
	CHECK_OK(shmdt(again));
	remove_segment(id);
}

static void *use_in_thread(void *argument)
{
	int id = make_segment(PAGE, 0600);

	CHECK(syscall(SYS_gettid) != getpid());
	CHECK_EQ(stat_segment(id).shm_cpid, getpid());
	char *p = attach(id, 0);
	CHECK_EQ(stat_segment(id).shm_lpid, getpid());
	CHECK_OK(shmdt(p));
	CHECK_EQ(stat_segment(id).shm_lpid, getpid());
	remove_segment(id);
	return argument;
}

static void pids_of_threads(void)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, use_in_thread, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void use_up_areas(void *argument)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned long limit = 0, count = 0;
	int id = *(int *)argument;

	if (!file || fscanf(file, "%lu", &limit) != 1 || limit > 100000)
		SKIP("vm.max_map_count is not to be had, or is large");
	fclose(file);
	errno = 0;
	while (count <= limit && shmat(id, NULL, SHM_RDONLY) != (void *)-1)
		count++;
	CHECK_EQ(errno, ENOMEM);
	/* The program has some areas itself. */
	CHECK(count < limit && count > limit - 200);
	CHECK_EQ(attachments(id), count);
}

static void too_many_areas(void)
{
	int id = make_segment(PAGE, 0600);

	abi_in_child(use_up_areas, &id);
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void too_large_and_in_the_way(void)
{
	int id = shmget(IPC_PRIVATE, 1ull << 50, 0600 | SHM_NORESERVE);

	if (id < 0)
		SKIP("no segment of a petabyte");
	CHECK_ERROR(shmat(id, NULL, 0), ENOMEM);
	CHECK_ERROR(shmat(id, free_range(PAGE), 0), EINVAL); /* what lies above is told first */
	CHECK_ERROR(shmat(id, free_range(PAGE), SHM_REMAP), ENOMEM);
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(bad_ids, "EINVAL for an id that is negative, stale or was never given: shmop(2)"),
	CASE(shows_the_segment, "all attaches show the same bytes, which outlive them: shmop(2)"),
	CASE(times_and_pids, "atime, dtime, lpid, nattch: shmop(2)"),
	CASE(address_honoured, "a free address is taken exactly, an occupied one EINVAL: shmop(2)"),
	CASE(address_unaligned, "EINVAL unless SHM_RND rounds down: shmop(2)"),
	CASE(address_near_zero, "NULL with SHM_REMAP is EINVAL; page 0 is EPERM: observed"),
	CASE(address_too_high, "ENOMEM beyond user addresses, EINVAL when it wraps: observed"),
	CASE(remap_replaces, "SHM_REMAP replaces what is in its range: shmop(2)"),
	CASE(read_only, "SHM_RDONLY: SIGSEGV on write, mprotect EACCES: shmop(2), observed"),
	CASE(not_executable, "without SHM_EXEC code does not run: shmop(2)"),
	CASE(executable_if_asked, "with SHM_EXEC it does: shmop(2)"),
	CASE(shown_in_maps, "/proc/self/maps shows offset, shmid and the first key: observed"),
	CASE(sparse_terabyte, "a large segment takes memory where it is touched: shmget(2)"),
	CASE(no_room, "ENOMEM when the addresses are used up: shmop(2)"),
	CASE(too_large_and_in_the_way,
	     "EINVAL for what is in the way comes before ENOMEM: observed"),
	CASE(heap_is_taken, "attaches and the heap keep out of each other: brk(2), observed"),
	CASE(break_unmoved, "the heap's end is where it was after attach and detach: shmop(2)"),
	CASE(both_ways_at_once, "attached to read and to write by one process: shmop(2)"),
	CASE(pids_of_threads, "cpid and lpid are the process's, not its thread's: shmctl(2)"),
	CASE(too_many_areas, "ENOMEM at vm.max_map_count: shmop(2), proc_sys_vm(5)"),
	CASES_END,
};
