// SPDX-License-Identifier: MIT
/* What mmap refuses and which reason it tells first, stacks that grow, and what counts for RLIMIT_DATA. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "memory_test.h"

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW        (PROT_READ | PROT_WRITE)
#define USER_END  (1ul << 47) /* at least; with four levels of tables or fewer it is no address */
#define FAR_END   0x7ffffffffffff000

/* As mmap, and the length is not looked at by the compiler. */
static void *try_map(unsigned long at, unsigned long length, int protection, int flags, int fd,
		     long offset)
{
	return (void *)syscall(SYS_mmap, at, length, protection, flags, fd, offset);
}

#define CHECK_NO_MAP(expected, ...)                                                                \
	CHECK_ERROR(try_map(__VA_ARGS__) == MAP_FAILED ? -1 : 0, expected)

static void errors_in_order(void)
{
	int fd = CHECK_OK(memfd_create("rules", 0)), pipes[2];
	char path[64];

	CHECK_OK(pipe(pipes));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int writer = CHECK_OK(open(path, O_WRONLY));

	/* A length of 0 is the first; then a place that cannot be; then what is mapped. */
	CHECK_NO_MAP(EINVAL, 1, 0, PROT_READ, MAP_PRIVATE | MAP_FIXED, pipes[0], 0);
	CHECK_NO_MAP(ENOMEM, 0, -PAGE, PROT_READ, MAP_PRIVATE, writer, 0);
	CHECK_NO_MAP(ENOMEM, 0, -1ul, PROT_READ, MAP_PRIVATE, writer, 0);
	CHECK_NO_MAP(ENOMEM, 1, -PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, writer, 0);
	CHECK_NO_MAP(ENOMEM, USER_END << 9, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, pipes[0], 0);
	CHECK_NO_MAP(ENOMEM, (USER_END << 9) + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	CHECK_NO_MAP(EINVAL, MIB + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, pipes[0], 0);
	CHECK_NO_MAP(EINVAL, MIB + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, writer, 0);
	CHECK_NO_MAP(ENODEV, 0, PAGE, PROT_READ, MAP_PRIVATE, pipes[0], 0);
	CHECK_NO_MAP(EACCES, 0, PAGE, PROT_READ, MAP_PRIVATE, writer, 0);
	CHECK_NO_MAP(ENOMEM, 0, USER_END << 9, PROT_READ, MAP_ANONYMOUS, -1, 0); /* of no type */
	CHECK_NO_MAP(EINVAL, 0, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0);
	CHECK_NO_MAP(EBADF, 0, -PAGE, PROT_READ, MAP_PRIVATE, -1, 0);
	CHECK_NO_MAP(EINVAL, 0, -PAGE, PROT_READ, MAP_PRIVATE, -1, 1);
}

static void child_locks(void *argument)
{
	struct rlimit none = {0, 0};
	int *fds = argument;

	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &none));
	abi_become(12345, 12345);
	/* After the place, before all else. */
	CHECK_NO_MAP(ENOMEM, 0, -PAGE, PROT_READ, MAP_LOCKED, fds[0], 0);
	CHECK_NO_MAP(EPERM, 0, PAGE, PROT_READ, MAP_LOCKED, fds[0], 0); /* of no type */
	CHECK_NO_MAP(EPERM, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_LOCKED, fds[0], 0);
	CHECK_NO_MAP(EPERM, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_LOCKED, fds[1], FAR_END);
}

static void child_locks_much(void *argument)
{
	struct rlimit limit = {4 * PAGE, 4 * PAGE};
	int *fds = argument;

	CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
	abi_become(12345, 12345);
	CHECK_NO_MAP(EAGAIN, 0, 5 * PAGE, PROT_READ, MAP_PRIVATE | MAP_LOCKED, fds[0], 0);
	CHECK_NO_MAP(ENODEV, 0, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_LOCKED, fds[0], 0);
}

static void locked_in_order(void)
{
	int pipes[2], fds[2];

	CHECK_OK(pipe(pipes));
	fds[0] = pipes[0];
	fds[1] = CHECK_OK(memfd_create("rules", 0));
	abi_in_child(child_locks, fds);
	abi_in_child(child_locks_much, fds);
}

static void offsets(void)
{
	int fd = CHECK_OK(memfd_create("rules", 0)), zero = CHECK_OK(open("/dev/zero", O_RDWR));

	CHECK(try_map(0, PAGE, PROT_READ, MAP_SHARED, fd, FAR_END - PAGE) != MAP_FAILED);
	CHECK_NO_MAP(EOVERFLOW, 0, PAGE, PROT_READ, MAP_SHARED, fd, FAR_END);
	CHECK_NO_MAP(EOVERFLOW, 0, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, FAR_END - PAGE);
	CHECK_NO_MAP(EOVERFLOW, 0, PAGE, PROT_READ, MAP_PRIVATE, fd, -(long)PAGE);
	CHECK_NO_MAP(EOVERFLOW, 0, PAGE, PROT_READ, 0, fd, FAR_END); /* of no type */
	CHECK_NO_MAP(ENOMEM, 0, -PAGE, PROT_READ, MAP_SHARED, fd, FAR_END);
	/* What is no file has no offset. */
	CHECK(try_map(0, PAGE, PROT_READ, ANONYMOUS, -1, -(long)PAGE) != MAP_FAILED);
	CHECK(try_map(0, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, -(long)PAGE) !=
	      MAP_FAILED);
	CHECK(try_map(0, PAGE, PROT_READ, MAP_PRIVATE, zero, FAR_END) != MAP_FAILED);
	CHECK_NO_MAP(EOVERFLOW, 0, PAGE, PROT_READ, MAP_PRIVATE, zero, -(long)PAGE);
	CHECK_NO_MAP(EOVERFLOW, 0, 2 * PAGE, PROT_READ, MAP_SHARED, zero, -2 * (long)PAGE);
}

/* ---- what grows down ---- */

static void grows_down(void)
{
	int fd = CHECK_OK(memfd_create("rules", 0)), zero = CHECK_OK(open("/dev/zero", O_RDWR));
	int pipes[2];

	CHECK_OK(pipe(pipes));
	CHECK_NO_MAP(EINVAL, 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	CHECK_NO_MAP(EINVAL, 0, PAGE, RW, MAP_SHARED | MAP_GROWSDOWN, fd, 0);
	CHECK_NO_MAP(EINVAL, 0, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0);
	CHECK_NO_MAP(EINVAL, 0, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, zero, 0);
	CHECK_NO_MAP(ENODEV, 0, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, pipes[0], 0);
	CHECK(try_map(0, PAGE, RW, ANONYMOUS | MAP_GROWSDOWN, -1, 0) != MAP_FAILED);
}

/* Three pages, of which the middle one is mapped. */
static char *middle_map(int flags)
{
	char *m = (char *)map_private(3 * PAGE);

	CHECK_OK(munmap(m, 3 * PAGE));
	m += PAGE;
	CHECK_EQ(try_map((unsigned long)m, PAGE, RW, ANONYMOUS | MAP_FIXED | flags, -1, 0), m);
	return m;
}

static void protect_as_it_grows(void)
{
	char *m = middle_map(0);

	CHECK_ERROR(mprotect(m, PAGE, RW | PROT_GROWSUP), EINVAL);
	CHECK_ERROR(mprotect(m, PAGE, RW | PROT_GROWSDOWN), EINVAL);
	CHECK_ERROR(mprotect(m - PAGE, PAGE, RW | PROT_GROWSUP), ENOMEM);
	CHECK_ERROR(mprotect(m - PAGE, PAGE, RW | PROT_GROWSDOWN), ENOMEM);
	CHECK_ERROR(mprotect(m - PAGE, 2 * PAGE, RW | PROT_GROWSUP), ENOMEM);
	CHECK_ERROR(mprotect(m - PAGE, 2 * PAGE, RW | PROT_GROWSDOWN), EINVAL);
	CHECK_ERROR(mprotect(m, PAGE, RW | PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
	CHECK_OK(munmap(m, PAGE));
	m = middle_map(MAP_GROWSDOWN);
	/* From where the area begins, whatever the range's start. */
	CHECK_OK(mprotect(m - PAGE, 2 * PAGE, PROT_READ | PROT_GROWSDOWN));
	faults_catch();
	CHECK_EQ(touch(m, 0), 0);
	CHECK_EQ(touch(m, 1), SIGSEGV);
}

/* ---- RLIMIT_DATA ---- */

/* What a file of /proc says of something, in kB. */
static long kb_of(const char *path, const char *format)
{
	FILE *file = fopen(path, "r");
	char line[256];
	long kb = -1;

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, format, &kb) == 1)
			break;
	fclose(file);
	return kb;
}

static long data_kb(void)
{
	return kb_of("/proc/self/status", "VmData: %ld kB");
}

/* Room for so many bytes of data, and no more. */
static void data_limit(unsigned long room, bool soft_is_none)
{
	unsigned long most = (unsigned long)data_kb() * 1024 + room;
	struct rlimit limit = {soft_is_none ? 0 : most, most};

	CHECK_OK(setrlimit(RLIMIT_DATA, &limit));
}

static void child_data(void *argument)
{
	volatile char *m = map(8 * MIB, PROT_READ, MAP_PRIVATE);

	data_limit(4 * MIB, argument != NULL);
	CHECK_NO_MAP(ENOMEM, 0, 5 * MIB, RW, ANONYMOUS, -1, 0);
	CHECK(try_map(0, 5 * MIB, PROT_READ, ANONYMOUS, -1, 0) != MAP_FAILED);
	CHECK(try_map(0, 5 * MIB, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	CHECK(try_map(0, 5 * MIB, RW, ANONYMOUS | MAP_GROWSDOWN, -1, 0) != MAP_FAILED);
	CHECK_ERROR(mprotect((char *)m, 5 * MIB, RW), ENOMEM);
	CHECK_OK(mprotect((char *)m, 3 * MIB,
			  RW | PROT_EXEC)); /* executable, and data all the same */
	CHECK_NO_MAP(ENOMEM, 0, 2 * MIB, RW, ANONYMOUS, -1, 0);
	CHECK_ERROR(mremap((char *)m, 3 * MIB, 5 * MIB, MREMAP_MAYMOVE), ENOMEM);
	CHECK_OK(mprotect((char *)m, 8 * MIB, PROT_READ));
	char *more = try_map(0, 3 * MIB, RW, ANONYMOUS, -1, 0);
	CHECK(more != MAP_FAILED);
	CHECK_OK(munmap(more, 3 * MIB));
	char *end = (char *)syscall(SYS_brk, 0);
	CHECK_EQ((char *)syscall(SYS_brk, end + 5 * MIB), end);
	if (!argument) /* the heap alone may not be larger than the limit, which is 0 */
		CHECK_EQ((char *)syscall(SYS_brk, end + 2 * MIB), end + 2 * MIB);
}

static void data_is_limited(void)
{
	abi_in_child(child_data, NULL);
	abi_in_child(child_data, ""); /* a soft limit of 0: the hard one counts: observed */
}

/* ---- RLIMIT_AS, vm.max_map_count ---- */

static void child_address_space(void *argument)
{
	char *m = (char *)map_private(8 * PAGE), *s = shmat(*(int *)argument, NULL, 0);
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	CHECK(s != (void *)-1);
	CHECK(file && fscanf(file, "%lu", &pages) == 1);
	fclose(file);
	struct rlimit limit = {pages * PAGE, pages * PAGE};
	CHECK_OK(setrlimit(RLIMIT_AS, &limit));
	CHECK_NO_MAP(ENOMEM, 0, PAGE, RW, ANONYMOUS, -1, 0);
	CHECK_EQ(try_map((unsigned long)m, 8 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0), m);
	CHECK_EQ(try_map((unsigned long)m + PAGE, PAGE, PROT_READ, ANONYMOUS | MAP_FIXED, -1, 0),
		 m + PAGE);
	CHECK_EQ(shmat(*(int *)argument, s, SHM_REMAP), s);
	/* One page gone, one come elsewhere; then what spans the hole would be one more. */
	CHECK_OK(munmap(m + 4 * PAGE, PAGE));
	char *other = try_map((unsigned long)s + MIB, PAGE, RW, ANONYMOUS, -1, 0);
	CHECK(other != MAP_FAILED && other != m + 4 * PAGE);
	CHECK_NO_MAP(ENOMEM, (unsigned long)m + 3 * PAGE, 3 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1,
		     0);
	CHECK_OK(munmap(other, PAGE));
	CHECK_EQ(try_map((unsigned long)m + 3 * PAGE, 3 * PAGE, RW, ANONYMOUS | MAP_FIXED, -1, 0),
		 m + 3 * PAGE);
}

static void what_is_replaced(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 2 * PAGE, 0600));

	abi_in_child(child_address_space, &id);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void child_areas(void *argument)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");
	unsigned long limit = 0, count = 0;
	char *m[20] = {0}, *at;

	(void)argument;
	if (!file || fscanf(file, "%lu", &limit) != 1 || limit > 100000)
		SKIP("vm.max_map_count is not to be had, or is large");
	fclose(file);
	/* Every second one another, so that no two are one. */
	while ((at = try_map(0, 3 * PAGE, count % 2 ? PROT_READ : RW, ANONYMOUS, -1, 0)) !=
	       MAP_FAILED)
		m[count++ % 20] = at;
	CHECK_EQ(errno, ENOMEM);
	CHECK(count < limit && count > limit - 200);
	CHECK_ERROR(munmap(m[0] + PAGE, PAGE), ENOMEM);
	CHECK_ERROR(mprotect(m[0] + PAGE, PAGE, PROT_NONE), ENOMEM);
	CHECK_ERROR(mremap(m[1], 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m[2]), ENOMEM);
	CHECK_OK(munmap(m[3], PAGE));
	CHECK_OK(munmap(m[4] + 2 * PAGE, PAGE));
	CHECK_EQ(mremap(m[5], 3 * PAGE, PAGE, 0), m[5]);
	CHECK_OK(munmap(m[6], 3 * PAGE));
}

static void too_many_areas(void)
{
	abi_in_child(child_areas, NULL);
}

static void below_the_stack(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	int id = CHECK_OK(shmget(IPC_PRIVATE, PAGE, 0600));
	unsigned long low = 0, start, distance[] = {1, 100, 256, 257};
	char line[256];

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "[stack]") && sscanf(line, "%lx-", &start) == 1)
			low = start;
	fclose(file);
	CHECK(low != 0);
	/* The guard keeps away what is put there by choice, not what is put there by name. */
	for (unsigned i = 0; i < sizeof(distance) / sizeof(distance[0]); i++) {
		unsigned long at = low - distance[i] * PAGE;
		CHECK_EQ(try_map(at, PAGE, RW, ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0), (void *)at);
		CHECK_OK(munmap((void *)at, PAGE));
		CHECK_EQ(shmat(id, (void *)at, 0), (void *)at);
		CHECK_OK(shmdt((void *)at));
	}
	CHECK(try_map(low - 100 * PAGE, PAGE, RW, ANONYMOUS, -1, 0) != (void *)(low - 100 * PAGE));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

/* ---- what memory is promised ---- */

static long committed_kb(void)
{
	return kb_of("/proc/meminfo", "Committed_AS: %ld kB");
}

/* Others may have promises of their own meanwhile, but not so large ones. */
static bool committed_is(long before, long kb)
{
	long now = committed_kb() - before;

	return now > kb - 50000 && now < kb + 50000;
}

static void promise_given_back(void)
{
	const size_t size = 200 * MIB;
	long before = committed_kb();
	char *m = (char *)map(size, PROT_READ, MAP_PRIVATE);

	CHECK(committed_is(before, 0));
	CHECK_OK(mprotect(m, size, RW));
	CHECK(committed_is(before, 204800));
	CHECK_OK(mprotect(m, size, PROT_READ)); /* nobody wrote */
	CHECK(committed_is(before, 0));
	CHECK_OK(mprotect(m, size, RW));
	m[0] = 1;
	CHECK_OK(mprotect(m, size, PROT_READ));
	CHECK(committed_is(before, 204800));
	CHECK_OK(munmap(m, size));
	CHECK(committed_is(before, 0));
}

const struct abi_case abi_cases[] = {
	CASE(errors_in_order, "of several errors mmap tells that of the place first: observed"),
	CASE(locked_in_order, "then that memory may not be locked: observed"),
	CASE(offsets, "EOVERFLOW past the largest file: mmap(2)"),
	CASE(grows_down, "MAP_GROWSDOWN is for private memory without a file: observed"),
	CASE(protect_as_it_grows, "PROT_GROWSUP, PROT_GROWSDOWN: mprotect(2)"),
	CASE(data_is_limited, "RLIMIT_DATA counts all that is private and writable: getrlimit(2)"),
	CASE(what_is_replaced, "RLIMIT_AS does not count what a mapping replaces: observed"),
	CASE(too_many_areas,
	     "at vm.max_map_count ends may still be cut off: proc_sys_vm(5), observed"),
	CASE(below_the_stack, "a named place may be in the guard of the stack: observed"),
	CASE(promise_given_back,
	     "memory that is made read-only untouched needs no promise: observed"),
	CASES_END,
};
