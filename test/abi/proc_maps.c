// SPDX-License-Identifier: MIT
/* /proc/PID/maps, smaps and smaps_rollup: how each kind of memory is named and counted: proc(5). */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "memory_test.h"

static char line[512];

/* The line of /proc/self/FILE for the area that begins at the address. */
static FILE *find_area(const char *file_name, const volatile void *start)
{
	char path[64];
	unsigned long from, to;

	snprintf(path, sizeof(path), "/proc/self/%s", file_name);
	FILE *file = fopen(path, "r");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && from == (unsigned long)start)
			return file;
	abi_fail(__FILE__, __LINE__, "no area begins at %p", (void *)start);
}

struct entry {
	unsigned long start, end, offset, inode;
	char rights[8], name[256];
	unsigned device_major, device_minor;
};

static struct entry entry_of(const volatile void *start)
{
	struct entry entry = {0};

	fclose(find_area("maps", start));
	CHECK(sscanf(line, "%lx-%lx %7s %lx %x:%x %lu %255[^\n]", &entry.start, &entry.end,
		     entry.rights, &entry.offset, &entry.device_major, &entry.device_minor,
		     &entry.inode, entry.name) >= 7);
	return entry;
}

/* Of /proc/self/smaps: one field of an area, in kB. */
static long field_of(const volatile void *start, const char *field)
{
	FILE *file = find_area("smaps", start);
	size_t length = strlen(field);
	long value = -1;

	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, length) && line[length] == ':')
			value = strtol(line + length + 1, NULL, 10);
	fclose(file);
	CHECK(value >= 0);
	return value;
}

/* Does VmFlags of an area have the two letters? */
static int flag_of(const volatile void *start, const char *flag)
{
	FILE *file = find_area("smaps", start);
	char word[5];

	snprintf(word, sizeof(word), " %s", flag);
	while (fgets(line, sizeof(line), file) && strncmp(line, "VmFlags:", 8))
		;
	fclose(file);
	return strstr(line, word) != NULL;
}

/* ---- maps ---- */

static void segment_named(void)
{
	key_t key = 0x51000000 + getpid();
	int id = CHECK_OK(shmget(key, 4 * PAGE, IPC_CREAT | IPC_EXCL | 0600));
	char *m = CHECK_OK(shmat(id, NULL, 0)), name[64];

	CHECK_OK(mprotect(m + 2 * PAGE, PAGE, PROT_READ));
	CHECK_OK(shmctl(id, IPC_RMID, NULL)); /* the name keeps its key */
	struct entry entry = entry_of(m), part = entry_of(m + 2 * PAGE);
	snprintf(name, sizeof(name), "/SYSV%08x (deleted)", (unsigned)key);
	CHECK_EQ(strcmp(entry.name, name), 0);
	CHECK_EQ(strcmp(entry.rights, "rw-s"), 0);
	CHECK_EQ(entry.inode, id);
	CHECK_EQ(entry.device_major, 0);
	CHECK_EQ(entry.offset, 0);
	CHECK_EQ(strcmp(part.name, name), 0);
	CHECK_EQ(strcmp(part.rights, "r--s"), 0);
	CHECK_EQ(part.offset, 2 * PAGE);
	CHECK_OK(shmdt(m));
}

static void anonymous_named(void)
{
	volatile char *shared = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	volatile char *other = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	struct entry entry = entry_of(shared);

	CHECK_EQ(strcmp(entry.name, "/dev/zero (deleted)"), 0);
	CHECK_EQ(strcmp(entry.rights, "rw-s"), 0);
	CHECK(entry.inode != 0);
	CHECK(entry.inode != entry_of(other).inode); /* each has its own */
	CHECK_EQ(entry.device_major, 0);
	/* A guard on both sides, so that it joins nothing. */
	char *private = (char *)map(3 * PAGE, PROT_NONE, MAP_PRIVATE);
	CHECK_OK(mprotect(private + PAGE, PAGE, PROT_READ | PROT_EXEC));
	entry = entry_of(private + PAGE);
	CHECK_EQ(strcmp(entry.rights, "r-xp"), 0);
	CHECK_EQ(entry.name[0], 0);
	CHECK_EQ(entry.inode + entry.offset + entry.device_major + entry.device_minor, 0);
}

static void files_named(void)
{
	struct stat status;
	int fd = CHECK_OK(memfd_create("a name", 0));
	char path[] = "/dev/shm/maps-XXXXXX", name[64];

	CHECK_OK(ftruncate(fd, 4 * PAGE));
	CHECK_OK(fstat(fd, &status));
	char *m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 2 * PAGE);
	CHECK(m != MAP_FAILED);
	struct entry entry = entry_of(m);
	CHECK_EQ(strcmp(entry.name, "/memfd:a name (deleted)"), 0);
	CHECK_EQ(strcmp(entry.rights, "r--s"), 0);
	CHECK_EQ(entry.offset, 2 * PAGE);
	CHECK_EQ(entry.inode, status.st_ino);
	CHECK_EQ(makedev(entry.device_major, entry.device_minor), status.st_dev);
	fd = mkstemp(path);
	if (fd < 0)
		SKIP("/dev/shm cannot be written");
	CHECK_OK(ftruncate(fd, PAGE));
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(m != MAP_FAILED);
	entry = entry_of(m);
	CHECK_EQ(strcmp(entry.name, path), 0);
	CHECK_EQ(strcmp(entry.rights, "rw-p"), 0);
	CHECK_OK(unlink(path));
	snprintf(name, sizeof(name), "%s (deleted)", path);
	entry = entry_of(m);
	CHECK_EQ(strcmp(entry.name, name), 0);
}

/* How many areas [m, m + pages) is in. */
static unsigned areas_of(volatile char *m, size_t pages)
{
	unsigned long start, end, from = (unsigned long)m, to = from + pages * PAGE;
	FILE *file = fopen("/proc/self/maps", "r");
	unsigned count = 0;

	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start < to && end > from)
			count++;
	fclose(file);
	return count;
}

/* Parts that are alike again are one area, of a file as of shared memory without a name. */
static void shared_areas_join(void)
{
	int fd = CHECK_OK(memfd_create("joined", 0));
	char path[40];

	CHECK_OK(ftruncate(fd, 8 * PAGE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int other = CHECK_OK(open(path, O_RDWR));
	for (unsigned i = 0; i < 2; i++) {
		char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(room != MAP_FAILED);
		int flags = MAP_SHARED | MAP_FIXED | (i ? MAP_ANONYMOUS : 0);
		char *m = mmap(room, 4 * PAGE, PROT_READ | PROT_WRITE, flags, i ? -1 : fd, 0);
		CHECK(m == room);
		m[PAGE] = 1;
		CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ));
		CHECK_EQ(areas_of(m, 4), 3);
		CHECK_OK(mprotect(m, PAGE, PROT_READ));
		CHECK_EQ(areas_of(m, 4), 2);
		CHECK_OK(mprotect(m, 2 * PAGE, PROT_READ | PROT_WRITE));
		CHECK_EQ(areas_of(m, 4), 1);
		m[0] = m[PAGE] = m[3 * PAGE] = 2;
		CHECK(mremap(m, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
	}
	char *room = mmap(NULL, 8 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int fixed = MAP_SHARED | MAP_FIXED;
	CHECK(mmap(room, PAGE, PROT_READ, fixed, fd, 0) == room);
	CHECK(mmap(room + PAGE, PAGE, PROT_READ, fixed, fd, PAGE) == room + PAGE);
	CHECK_EQ(areas_of(room, 2), 1); /* it goes on */
	CHECK(mmap(room + 2 * PAGE, PAGE, PROT_READ, fixed, fd, PAGE) == room + 2 * PAGE);
	CHECK_EQ(areas_of(room, 3), 2); /* not where the first ended */
	CHECK(mmap(room + 3 * PAGE, PAGE, PROT_READ, fixed, other, 2 * PAGE) == room + 3 * PAGE);
	CHECK_EQ(areas_of(room, 4), 3); /* opened anew */
	CHECK_OK(munmap(room, 8 * PAGE));
}

static void heap_and_stack(void)
{
	char *text = NULL;
	size_t size = 0;
	int heap = 0, stack = 0;
	unsigned long from, to, here = (unsigned long)&heap, end = (unsigned long)sbrk(PAGE);
	FILE *file = fopen("/proc/self/maps", "r");

	CHECK(file != NULL);
	while (getline(&text, &size, file) > 0) {
		CHECK(sscanf(text, "%lx-%lx ", &from, &to) == 2);
		if (strstr(text, "[heap]"))
			heap += from <= end && end < to;
		if (strstr(text, "[stack]"))
			stack += from <= here && here < to;
	}
	CHECK_EQ(heap, 1);
	CHECK_EQ(stack, 1);
}

/* ---- smaps ---- */

static void fields_in_order(void)
{
	static const char *const fields[] = {
		"Size",         "KernelPageSize", "MMUPageSize",   "Rss",           "Pss",
		"Shared_Clean", "Shared_Dirty",   "Private_Clean", "Private_Dirty", "Referenced",
		"Anonymous",    "LazyFree",       "AnonHugePages", "Swap",          "SwapPss",
		"Locked",       "VmFlags"};
	volatile char *m = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	FILE *file = find_area("smaps", m);
	size_t next = 0;

	while (next < sizeof(fields) / sizeof(fields[0]) && fgets(line, sizeof(line), file)) {
		size_t length = strlen(fields[next]);

		if (!strncmp(line, fields[next], length) && line[length] == ':')
			next++;
	}
	fclose(file);
	if (next < sizeof(fields) / sizeof(fields[0]))
		abi_fail(__FILE__, __LINE__, "%s is missing", fields[next]);
	CHECK_EQ(field_of(m, "Size"), 8);
	CHECK_EQ(field_of(m, "KernelPageSize"), 4);
	CHECK_EQ(field_of(m, "MMUPageSize"), 4);
}

static void child_counts(void *argument)
{
	char *m = argument;

	CHECK_EQ(field_of(m, "Rss"), 12);
	CHECK_EQ(field_of(m, "Pss"), 6);
	CHECK_EQ(field_of(m, "Shared_Dirty"), 12);
	CHECK_EQ(field_of(m, "Private_Dirty"), 0);
	m[0] = 'c';
	CHECK_EQ(field_of(m, "Shared_Dirty"), 8);
	CHECK_EQ(field_of(m, "Private_Dirty"), 4);
	CHECK_EQ(field_of(m, "Anonymous"), 12);
}

static void private_counts(void)
{
	char *m = (char *)map(6 * PAGE, PROT_NONE, MAP_PRIVATE);

	m += PAGE;
	CHECK_OK(mprotect(m, 4 * PAGE, PROT_READ | PROT_WRITE));
	m[0] = m[PAGE] = m[2 * PAGE] = 'p';
	CHECK_EQ(field_of(m, "Size"), 16);
	CHECK_EQ(field_of(m, "Rss"), 12);
	CHECK_EQ(field_of(m, "Pss"), 12);
	CHECK_EQ(field_of(m, "Anonymous"), 12);
	CHECK_EQ(field_of(m, "Private_Dirty"), 12);
	CHECK_EQ(field_of(m, "Shared_Dirty") + field_of(m, "Shared_Clean"), 0);
	abi_in_child(child_counts, m);
	CHECK_OK(mlock(m, 2 * PAGE));
	CHECK_EQ(field_of(m, "Locked"), 8);
}

static void child_touches(void *argument)
{
	char *m = argument;

	m[0]++;
	m[PAGE]++;
	CHECK_EQ(field_of(m, "Rss"), 8);
	CHECK_EQ(field_of(m, "Pss"), 4);
	CHECK_EQ(field_of(m, "Shared_Dirty"), 8);
}

static void shared_counts(void)
{
	char *m = (char *)map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);

	m[0] = m[PAGE] = 's';
	CHECK_EQ(field_of(m, "Rss"), 8);
	CHECK_EQ(field_of(m, "Pss"), 8);
	CHECK_EQ(field_of(m, "Private_Dirty"), 8);
	CHECK_EQ(field_of(m, "Anonymous"), 0);
	abi_in_child(child_touches, m);
}

static void flags(void)
{
	volatile char *shared = map(2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *m = (char *)map(6 * PAGE, PROT_NONE, MAP_PRIVATE) + PAGE;

	CHECK(flag_of(shared, "rd") && flag_of(shared, "wr") && !flag_of(shared, "ex"));
	CHECK(flag_of(shared, "sh") && flag_of(shared, "mr") && flag_of(shared, "mw"));
	CHECK(flag_of(shared, "ms"));
	CHECK_OK(mprotect(m, PAGE, PROT_READ | PROT_EXEC));
	CHECK(flag_of(m, "rd") && !flag_of(m, "wr") && flag_of(m, "ex") && !flag_of(m, "sh"));
	CHECK(flag_of(m, "me") && !flag_of(m, "lo") && !flag_of(m, "dc") && !flag_of(m, "wf"));
	CHECK_OK(mlock(m, PAGE));
	CHECK(flag_of(m, "lo"));
	CHECK_OK(madvise(m, PAGE, MADV_DONTFORK));
	CHECK(flag_of(m, "dc"));
	CHECK_OK(madvise(m, PAGE, MADV_WIPEONFORK));
	CHECK(flag_of(m, "wf"));
}

/* Is the letters' order theirs: "sr lo" is not. */
static void flags_in_order(void)
{
	char *m = (char *)map(3 * PAGE, PROT_NONE, MAP_PRIVATE) + PAGE;

	CHECK_OK(madvise(m, PAGE, MADV_RANDOM));
	CHECK(flag_of(m, "rr") && !flag_of(m, "sr"));
	CHECK_OK(madvise(m, PAGE, MADV_SEQUENTIAL));
	CHECK(flag_of(m, "sr") && !flag_of(m, "rr"));
	CHECK_OK(madvise(m, PAGE, MADV_DONTDUMP));
	CHECK_OK(madvise(m, PAGE, MADV_DONTFORK));
	CHECK_OK(madvise(m, PAGE, MADV_WIPEONFORK));
	CHECK_OK(mprotect(m, PAGE, PROT_READ | PROT_WRITE));
	CHECK_OK(mlock(m, PAGE));
	fclose(find_area("smaps", m));
	CHECK(flag_of(m, "dd"));
	char *at = strstr(line, " lo sr dc ac ");
	CHECK(at && strstr(at, " wf dd "));
	CHECK_OK(madvise(m, PAGE, MADV_DODUMP));
	CHECK(!flag_of(m, "dd"));
}

static void read_only_file_is_not_shared(void)
{
	int fd = CHECK_OK(memfd_create("flags", MFD_ALLOW_SEALING));
	int id = CHECK_OK(shmget(IPC_PRIVATE, PAGE, 0600));
	char path[64];

	CHECK_OK(ftruncate(fd, PAGE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int reader = CHECK_OK(open(path, O_RDONLY));
	char *m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	CHECK(flag_of(m, "sh") && flag_of(m, "ms") && flag_of(m, "mw"));
	m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	CHECK(m != MAP_FAILED);
	CHECK(!flag_of(m, "sh") && flag_of(m, "ms") && !flag_of(m, "mw"));
	CHECK_EQ(entry_of(m).rights[3], 's');
	m = shmat(id, NULL, SHM_RDONLY);
	CHECK(m != (void *)-1);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	CHECK(!flag_of(m, "sh") && flag_of(m, "ms"));
	CHECK_EQ(entry_of(m).rights[3], 's');
	CHECK_OK(shmdt(m));
}

/* A program that reads lines must not be led astray by a name. */
static void newline_in_name(void)
{
	int fd = CHECK_OK(memfd_create("two\nlines\\", 0));

	CHECK_OK(ftruncate(fd, PAGE));
	char *m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED);
	CHECK_EQ(strcmp(entry_of(m).name, "/memfd:two\\012lines\\ (deleted)"), 0);
}

static void only_the_first_stack(void)
{
	char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);

	CHECK(m != MAP_FAILED);
	CHECK_EQ(strcmp(entry_of(m).name, ""), 0);
	CHECK(flag_of(m, "gd"));
}

/* However much of it has no pages. */
static void sparse_is_quick(void)
{
	int fd = CHECK_OK(memfd_create("sparse", 0));
	const size_t size = 1ul << 34;

	CHECK_OK(ftruncate(fd, (off_t)size + 2 * PAGE));
	char *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
	CHECK(m != MAP_FAILED);
	m[0] = m[size / 2] = m[size - 1] = 's';
	time_t before = time(NULL);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(field_of(m, "Rss"), 12);
	CHECK(time(NULL) - before < 10);
}

/* However many areas there are, all are told. */
static void many_areas(void)
{
	const unsigned count = 8000;
	char *m = (char *)map(count * PAGE, PROT_READ, MAP_SHARED);
	unsigned maps = 0, smaps = 0;

	for (unsigned i = 0; i < count; i += 2)
		CHECK_OK(mprotect(m + i * PAGE, PAGE, PROT_NONE));
	FILE *file = fopen("/proc/self/maps", "r");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		maps++;
	fclose(file);
	file = fopen("/proc/self/smaps", "r");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		smaps += !strncmp(line, "VmFlags:", 8);
	fclose(file);
	CHECK(maps > count && maps < count + 200);
	CHECK_EQ(smaps, maps);
}

static void rollup(void)
{
	volatile char *m = map_private(64 * PAGE);
	FILE *file;
	long rss[3] = {0, 0, 0};

	/* The first round only makes the program's own pages resident. */
	for (int i = 0; i < 3; i++) {
		file = fopen("/proc/self/smaps_rollup", "r");
		CHECK(file != NULL);
		CHECK(fgets(line, sizeof(line), file) != NULL);
		CHECK(strstr(line, "[rollup]") != NULL);
		CHECK(strstr(line, " ---p 00000000 00:00 0 ") != NULL);
		while (fgets(line, sizeof(line), file))
			if (sscanf(line, "Rss: %ld kB", &rss[i]) == 1)
				break;
		fclose(file);
		for (int k = 0; k < 64 && i == 1; k++)
			m[k * PAGE] = 1;
	}
	CHECK(rss[2] >= rss[1] + 64 * 4);
	CHECK(rss[2] < rss[1] + 96 * 4);
}

const struct abi_case abi_cases[] = {
	CASE(segment_named,
	     "a segment is /SYSVkey (deleted), its id the inode, also in parts: proc(5)"),
	CASE(anonymous_named,
	     "shared anonymous memory is /dev/zero (deleted), each its own: observed"),
	CASE(files_named, "memfd, tmpfs, deleted files, offsets: proc(5)"),
	CASE(shared_areas_join, "shared areas that go on in one another are one: observed"),
	CASE(heap_and_stack, "[heap], [stack]: proc(5)"),
	CASE(fields_in_order, "smaps has the fields: proc(5)"),
	CASE(private_counts, "private pages: Rss, Pss, Private_, Shared_ after fork: proc(5)"),
	CASE(shared_counts, "shared pages: private while one process has them: proc(5)"),
	CASE(flags, "VmFlags: proc(5)"),
	CASE(flags_in_order, "VmFlags of advice, in Linux's order: observed"),
	CASE(read_only_file_is_not_shared, "what was opened read-only has no sh: observed"),
	CASE(newline_in_name, "a newline in a name is shown as \\012: observed"),
	CASE(only_the_first_stack, "[stack] is the first thread's, not all that grows: proc(5)"),
	CASE(sparse_is_quick, "smaps counts pages, not addresses: observed"),
	CASE(many_areas, "maps and smaps of thousands of areas: proc(5)"),
	CASE(rollup, "smaps_rollup sums up: proc(5)"),
	CASES_END,
};
