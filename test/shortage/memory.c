// SPDX-License-Identifier: MIT
/* Mappings, and the program's own accesses: pages, tables, copies, the stack. */

#include "call.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define READ_WRITE (PROT_READ | PROT_WRITE)
#define PRIVATE    (MAP_PRIVATE | MAP_ANONYMOUS)
#define EVERYWHERE (MAP_SHARED | MAP_ANONYMOUS)

static void place(unsigned long address, unsigned long size, int flags, int fd)
{
	void *map = mmap((void *)address, size, READ_WRITE, flags | MAP_FIXED, fd, 0);

	need(map == (void *)address, "mmap");
}

/* ---- what calls need and what takes them back ---- */

static void room_unmap(long result)
{
	(void)result;
	need(munmap((void *)ROOM, 4 * AREA) == 0, "munmap");
}

static void room_private(void)
{
	place(ROOM, AREA, PRIVATE, -1);
}

static void room_touched(void)
{
	room_private();
	memset((void *)ROOM, 1, AREA);
}

static void room_file(void)
{
	place(ROOM, AREA, MAP_PRIVATE, FD_MEMORY);
}

static void room_shared(void)
{
	place(ROOM, AREA, MAP_SHARED, FD_MEMORY);
}

/* Sizes that no object keeps within itself: leaves, links. */
static void room_large(void)
{
	place(ROOM, 4 * AREA, EVERYWHERE | MAP_NORESERVE, -1);
}

static void arena_open(long result)
{
	(void)result;
	need(mprotect((void *)ARENA, AREA, READ_WRITE) == 0, "mprotect");
}

static void arena_back(long result)
{
	(void)result;
	place(ARENA, AREA, PRIVATE, -1);
	memset((void *)ARENA, 1, AREA);
}

static void arena_unlock(long result)
{
	(void)result;
	need(munlockall() == 0, "munlockall");
}

static void break_back(long result)
{
	(void)result;
	syscall(SYS_brk, sbrk(0));
}

static long run_brk(void)
{
	char *now = sbrk(0);
	long result = syscall(SYS_brk, now + 4 * AREA);

	errno = ENOMEM; /* as libc makes it of a break that stays where it was */
	return result == (long)now ? -1 : result;
}

/* ---- accesses ---- */

static long run_read_page(void)
{
	return *(volatile char *)ROOM;
}

static long run_write_page(void)
{
	*(volatile char *)ROOM = 1;
	return 0;
}

static long run_write_far(void)
{
	*(volatile char *)(ROOM + 3 * AREA) = 1;
	return 0;
}

static void unmap_far(void)
{
	room_unmap(0);
	place(0x7000000000, AREA, PRIVATE, -1);
}

static long run_write_table(void)
{
	*(volatile char *)0x7000000000 = 1;
	return 0;
}

static void far_back(long result)
{
	(void)result;
	need(munmap((void *)0x7000000000, AREA) == 0, "munmap");
}

static __attribute__((noinline)) long stack_use(unsigned depth)
{
	volatile char bytes[2 * PAGE];

	bytes[0] = (char)depth;
	return depth ? stack_use(depth - 1) + bytes[0] : 0;
}

static long run_stack(void)
{
	return stack_use(100) & 0;
}

static long run_kernel_write(void)
{
	return pread(FD_FILE, (void *)ROOM, 100, 0);
}

static long run_kernel_read(void)
{
	return pwrite(FD_NULL, (void *)ROOM, 100, 0) < 0 ? -1 : pwrite(FD_PATH, (void *)ROOM, 1, 0);
}

static void path_back(long result)
{
	need(ftruncate(FD_PATH, 0) == 0, "ftruncate");
	room_unmap(result);
}

/* The child writes what both have: a copy each. */
static long run_copy_on_write(void)
{
	for (unsigned long i = 0; i < 8; i++)
		((volatile char *)ROOM)[i * PAGE] = 2;
	return 0;
}

static void two_own_it(void)
{
	room_touched();
	helper_start();
}

#define ALLOCATES .flags = CALL_ALLOCATES
#define TOUCHES   .flags = CALL_ALLOCATES | CALL_ALONE | CALL_KILLS
#define SHARES    .flags = CALL_ALLOCATES | CALL_ALONE | CALL_BUS

const struct call calls_memory[] = {
	{CALL(mmap, 0, AREA, READ_WRITE, PRIVATE, -1, 0), ALLOCATES, .undo = undo_unmap},
	{CALL(mmap, 0, AREA, READ_WRITE, EVERYWHERE, -1, 0), .what = "shared", ALLOCATES,
	 .undo = undo_unmap},
	{CALL(mmap, 0, AREA, READ_WRITE, MAP_SHARED, FD_MEMORY, 0), .what = "file", ALLOCATES,
	 .undo = undo_unmap},
	{CALL(mmap, 0, AREA, PROT_READ, MAP_PRIVATE, FD_MEMORY, 0), .what = "private file",
	 ALLOCATES, .undo = undo_unmap},
	{CALL(mmap, 0, AREA, READ_WRITE, PRIVATE | MAP_POPULATE, -1, 0), .what = "populate",
	 ALLOCATES, .undo = undo_unmap},
	{CALL(mmap, 0, AREA, READ_WRITE, PRIVATE | MAP_LOCKED, -1, 0), .what = "locked",
	 .flags = CALL_ALLOCATES, .errors = {EAGAIN}, .undo = undo_unmap},
	{CALL(mmap, ARENA + 3 * PAGE, PAGE, PROT_READ, PRIVATE | MAP_FIXED, -1, 0),
	 .what = "in the middle of another", .flags = CALL_ALLOCATES, .undo = arena_back},
	{CALL(mmap, SHARED + 3 * PAGE, PAGE, PROT_READ, PRIVATE | MAP_FIXED | MAP_NORESERVE, -1, 0),
	 .what = "in the middle of shared memory", .flags = CALL_ALLOCATES | CALL_ALONE},
	{RUN(brk, NULL, run_brk), ALLOCATES, .undo = break_back},
	{CALL(munmap, ARENA + 3 * PAGE, PAGE), ALLOCATES, .undo = arena_back},
	{CALL(munmap, ROOM, AREA), .what = "all", .ready = room_touched},
	{CALL(munmap, SHARED + 3 * PAGE, PAGE), .what = "shared",
	 .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(mprotect, ARENA + 3 * PAGE, PAGE, PROT_READ), ALLOCATES, .undo = arena_open},
	{CALL(mprotect, ARENA, AREA, PROT_READ), .what = "all", .undo = arena_open},
	{CALL(mprotect, SHARED + 3 * PAGE, PAGE, PROT_READ), .what = "shared",
	 .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(mprotect, ROOM + PAGE, PAGE, PROT_READ), .what = "private file", .ready = room_file,
	 ALLOCATES, .undo = room_unmap},
	{CALL(mremap, ROOM, AREA, 2 * AREA, 0), .what = "grow", .ready = room_private,
	 .undo = room_unmap},
	{CALL(mremap, ROOM, AREA, PAGE, 0), .what = "shrink", .ready = room_touched, ALLOCATES,
	 .undo = room_unmap},
	{CALL(mremap, ROOM, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED, ROOM + 2 * AREA),
	 .what = "move", .ready = room_touched, ALLOCATES, .undo = room_unmap},
	{CALL(mremap, ROOM + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ROOM + 2 * AREA),
	 .what = "move the middle", .ready = room_touched, ALLOCATES, .undo = room_unmap},
	{CALL(mremap, ROOM + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ROOM + 2 * AREA),
	 .what = "move shared", .ready = room_shared, ALLOCATES, .undo = room_unmap},
	{CALL(mremap, ROOM, 0, AREA, MREMAP_MAYMOVE | MREMAP_FIXED, ROOM + 2 * AREA),
	 .what = "duplicate", .ready = room_shared, ALLOCATES, .undo = room_unmap},
	{CALL(mremap, ROOM + PAGE, 0, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, ROOM + 2 * AREA),
	 .what = "duplicate the middle", .ready = room_shared, ALLOCATES, .undo = room_unmap},
	{CALL(remap_file_pages, ROOM + PAGE, PAGE, 0, 5, 0), .ready = room_shared,
	 .flags = CALL_ALLOCATES | CALL_PARTS, .undo = room_unmap},
	{CALL(madvise, ARENA, AREA, MADV_DONTNEED), .undo = arena_back},
	{CALL(madvise, ARENA + PAGE, PAGE, MADV_DONTFORK), .what = "DONTFORK",
	 .flags = CALL_ALLOCATES, .errors = {EAGAIN}, .undo = arena_back},
	{CALL(madvise, SHARED, AREA, MADV_REMOVE), .what = "REMOVE"},
	{CALL(madvise, ROOM, AREA, MADV_GUARD_INSTALL), .what = "GUARD_INSTALL",
	 .ready = room_private, .flags = CALL_ALLOCATES | CALL_PARTS, .undo = room_unmap},
	{CALL(madvise, SHARED, AREA, MADV_WILLNEED), .what = "WILLNEED"},
	{CALL(madvise, ROOM, AREA, MADV_POPULATE_WRITE), .what = "POPULATE_WRITE",
	 .ready = room_private, .flags = CALL_ALLOCATES | CALL_PARTS, .errors = {EFAULT},
	 .undo = room_unmap},
	{CALL(mincore, ARENA, AREA, AT(buffer))},
	{CALL(mincore, SHARED, AREA, AT(buffer)), .what = "shared"},
	{CALL(msync, SHARED, AREA, MS_SYNC)},
	{CALL(mlock, ARENA + PAGE, PAGE), .flags = CALL_ALLOCATES, .errors = {EAGAIN},
	 .undo = arena_unlock},
	{CALL(mlock, ROOM, AREA), .what = "untouched", .ready = room_private,
	 .flags = CALL_ALLOCATES | CALL_PARTS, .errors = {EAGAIN}, .undo = room_unmap},
	{CALL(mlock, ROOM, AREA), .what = "shared", .ready = room_large,
	 .flags = CALL_ALLOCATES | CALL_PARTS, .errors = {EAGAIN}, .undo = room_unmap},
	{.name = "mlock2",
	 .number = SYS_mlock2,
	 .argument = {ARENA + PAGE, PAGE, 1},
	 .flags = CALL_ALLOCATES,
	 .errors = {EAGAIN},
	 .undo = arena_unlock},
	{CALL(munlock, ARENA, AREA)},
	{CALL(mlockall, MCL_CURRENT), .ready = room_private, .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(munlockall, 0)},
	{CALL(memfd_create, AT("a-name"), MFD_ALLOW_SEALING), ALLOCATES, .undo = undo_close},
	/* No calls. */
	{RUN(access to memory, "read a page", run_read_page), .ready = room_private, TOUCHES},
	{RUN(access to memory, "write a page", run_write_page), .ready = room_private, TOUCHES},
	{RUN(access to memory, "tables", run_write_table), .ready = unmap_far, TOUCHES,
	 .undo = far_back},
	{RUN(access to memory, "copy on write", run_copy_on_write), .ready = two_own_it, TOUCHES},
	{RUN(access to memory, "write a file's page", run_write_page), .ready = room_file, TOUCHES},
	{RUN(access to memory, "the stack grows", run_stack), TOUCHES},
	{RUN(access to memory, "write a shared page", run_write_page), .ready = room_shared,
	 SHARES},
	{RUN(access to memory, "write a large object's page", run_write_far), .ready = room_large,
	 SHARES},
	/* Copies of the kernel's: mm/README.md says why EFAULT. */
	{RUN(access to memory, "the kernel writes a page", run_kernel_write), .ready = room_private,
	 .flags = CALL_ALLOCATES, .errors = {EFAULT}, .undo = room_unmap},
	{RUN(access to memory, "the kernel writes a shared page", run_kernel_write),
	 .ready = room_large, .flags = CALL_ALLOCATES, .errors = {EFAULT}, .undo = room_unmap},
	{RUN(access to memory, "the kernel reads a page", run_kernel_read), .ready = room_private,
	 .flags = CALL_ALLOCATES, .errors = {EFAULT, ENOSPC}, .undo = path_back},
	{0},
};
