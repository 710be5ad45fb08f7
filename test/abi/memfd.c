// SPDX-License-Identifier: MIT
/* memfd_create(2) with every flag, and every seal against what is open and mapped. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory_test.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#define MFD_EXEC        0x0010u
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

static int sealable(off_t size_bytes)
{
	int fd = CHECK_OK(memfd_create("seal", MFD_ALLOW_SEALING));

	CHECK_OK(ftruncate(fd, size_bytes));
	return fd;
}

static void *map_fd(int fd, int protection, int flags)
{
	void *memory = mmap(NULL, 4 * PAGE, protection, flags, fd, 0);

	CHECK(memory != MAP_FAILED);
	return memory;
}

/* Open the same file again, through /proc: with a mode of its own. */
static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* ---- memfd_create ---- */

static void create_flags(void)
{
	struct stat status;
	int fd = CHECK_OK(memfd_create("", 0));

	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0777);
	CHECK_EQ(status.st_nlink, 0);
	CHECK_EQ(status.st_size, 0);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	fd = CHECK_OK(memfd_create("x", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
	fd = CHECK_OK(memfd_create("x", MFD_NOEXEC_SEAL));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_EXEC);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0666);
	fd = CHECK_OK(memfd_create("x", MFD_EXEC));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0777);
}

static void create_errors(void)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[249] = 0;
	CHECK_OK(memfd_create(name, 0));
	name[249] = 'n';
	name[250] = 0;
	CHECK_ERROR(memfd_create(name, 0), EINVAL);
	CHECK_ERROR(memfd_create(NULL, 0), EFAULT);
	CHECK_ERROR(memfd_create("x", 0x20), EINVAL);
	CHECK_ERROR(memfd_create("x", ~0u), EINVAL);
	CHECK_ERROR(memfd_create("x", MFD_EXEC | MFD_NOEXEC_SEAL), EINVAL);
	CHECK_ERROR(memfd_create(NULL, 0x20), EINVAL);
}

static void names_are_free(void)
{
	char text[64] = "";
	int a = CHECK_OK(memfd_create("same / name", 0));
	int b = CHECK_OK(memfd_create("same / name", 0));
	char path[64];
	struct stat one, two;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	CHECK_OK(readlink(path, text, sizeof(text) - 1));
	CHECK_EQ(strcmp(text, "/memfd:same / name (deleted)"), 0);
	CHECK_OK(fstat(a, &one));
	CHECK_OK(fstat(b, &two));
	CHECK(one.st_ino != two.st_ino);
	CHECK_EQ(one.st_dev, two.st_dev);
	CHECK_EQ(write(a, "a", 1), 1);
	CHECK_EQ(read(b, text, 1), 0);
}

static void dies_with_the_last(void)
{
	int fd = sealable(4 * PAGE);
	char *m = map_fd(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	m[PAGE] = 'x';
	int again = CHECK_OK(reopen(fd, O_RDONLY));
	CHECK_OK(close(fd));
	char byte = 0;
	CHECK_EQ(pread(again, &byte, 1, PAGE), 1);
	CHECK_EQ(byte, 'x');
	CHECK_OK(close(again));
	CHECK_EQ(m[PAGE], 'x');
}

/* ---- seals ---- */

static void seal_errors(void)
{
	int fd = sealable(PAGE), pipes[2];
	int readable = CHECK_OK(reopen(fd, O_RDONLY));

	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, 0x40), EINVAL);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, -1), EINVAL);
	CHECK_ERROR(fcntl(readable, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
	CHECK_ERROR(fcntl(readable, F_ADD_SEALS, 0x40), EPERM);
	CHECK_EQ(fcntl(readable, F_GET_SEALS), 0);
	CHECK_OK(pipe(pipes));
	CHECK_ERROR(fcntl(pipes[0], F_GET_SEALS), EINVAL);
	CHECK_ERROR(fcntl(pipes[1], F_ADD_SEALS, F_SEAL_SHRINK), EINVAL);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, 0));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	CHECK_EQ(fcntl(readable, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, 0), EPERM);
}

static void tmpfs_files_have_seals(void)
{
	char path[] = "/dev/shm/seal-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0)
		SKIP("/dev/shm cannot be written");
	CHECK_OK(unlink(path));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), EPERM);
}

static void seal_shrink(void)
{
	int fd = sealable(4 * PAGE);

	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	CHECK_ERROR(ftruncate(fd, 4 * PAGE - 1), EPERM);
	CHECK_ERROR(ftruncate(fd, 0), EPERM);
	CHECK_OK(ftruncate(fd, 4 * PAGE));
	CHECK_OK(ftruncate(fd, 5 * PAGE));
	CHECK_ERROR(reopen(fd, O_RDWR | O_TRUNC), EPERM);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE));
	CHECK_EQ(write(fd, "x", 1), 1);
}

static void seal_grow(void)
{
	int fd = sealable(2 * PAGE);
	char text[2 * PAGE] = "";

	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	CHECK_ERROR(ftruncate(fd, 2 * PAGE + 1), EPERM);
	CHECK_ERROR(fallocate(fd, 0, PAGE, 2 * PAGE), EPERM);
	CHECK_OK(fallocate(fd, 0, 0, 2 * PAGE));
	CHECK_ERROR(fallocate(fd, FALLOC_FL_KEEP_SIZE, PAGE, 2 * PAGE), EPERM);
	CHECK_ERROR(pwrite(fd, "x", 1, 2 * PAGE), EPERM);
	CHECK_EQ(pwrite(fd, text, 2 * PAGE, PAGE), PAGE);
	CHECK_EQ(pwrite(fd, text, PAGE, PAGE + 1), PAGE - 1);
	CHECK_EQ(pwrite(fd, "x", 1, 2 * PAGE - 1), 1);
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_ERROR(ftruncate(fd, 2 * PAGE), EPERM);
}

static void seal_write(void)
{
	int fd = sealable(4 * PAGE);
	char byte;

	CHECK_EQ(write(fd, "a", 1), 1);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	CHECK_ERROR(write(fd, "b", 1), EPERM);
	CHECK_ERROR(pwrite(fd, "b", 1, 9 * PAGE), EPERM);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	CHECK_OK(ftruncate(fd, 5 * PAGE)); /* sizes are another seal's */
	CHECK_OK(ftruncate(fd, 4 * PAGE));
	CHECK_OK(fallocate(fd, 0, PAGE, PAGE));
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	CHECK(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED_VALIDATE, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	char *private = map_fd(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	CHECK_EQ(private[0], 'a');
	private[0] = 'p';
	CHECK_EQ(pread(fd, &byte, 1, 0), 1);
	CHECK_EQ(byte, 'a');
	int again = CHECK_OK(reopen(fd, O_RDWR));
	CHECK_ERROR(write(again, "b", 1), EPERM);
	CHECK_EQ(fcntl(again, F_GET_SEALS), F_SEAL_WRITE);
}

static void seal_write_read_maps(void)
{
	int fd = sealable(4 * PAGE);

	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	/* Read-only shared maps of a sealed file: since Linux 6.7, never writable later. */
	void *m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED && errno == EPERM)
		SKIP("a Linux before 6.7");
	CHECK(m != MAP_FAILED);
	CHECK_ERROR(mprotect(m, PAGE, PROT_READ | PROT_WRITE), EACCES);
	int readable = CHECK_OK(reopen(fd, O_RDONLY));
	m = map_fd(readable, PROT_READ, MAP_SHARED);
	CHECK_ERROR(mprotect(m, PAGE, PROT_WRITE), EACCES);
}

/* F_SEAL_WRITE while something is mapped: the errno, or 0. Undone by a new file each time. */
static int seal_beside_map(int open_flags, int protection, int flags)
{
	int fd = sealable(4 * PAGE);
	int mapped = CHECK_OK(reopen(fd, open_flags));

	map_fd(mapped, protection, flags);
	CHECK_OK(close(mapped));
	errno = 0;
	int result = fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW) ? errno : 0;
	CHECK_EQ(fcntl(fd, F_GET_SEALS), result ? 0 : F_SEAL_WRITE | F_SEAL_GROW);
	return result;
}

static void seal_write_busy(void)
{
	CHECK_EQ(seal_beside_map(O_RDWR, PROT_READ | PROT_WRITE, MAP_SHARED), EBUSY);
	CHECK_EQ(seal_beside_map(O_RDWR, PROT_READ, MAP_SHARED), EBUSY);
	CHECK_EQ(seal_beside_map(O_RDWR, PROT_NONE, MAP_SHARED), EBUSY);
	CHECK_EQ(seal_beside_map(O_RDONLY, PROT_READ, MAP_SHARED), 0);
	CHECK_EQ(seal_beside_map(O_RDWR, PROT_READ | PROT_WRITE, MAP_PRIVATE), 0);
	CHECK_EQ(seal_beside_map(O_RDONLY, PROT_READ | PROT_WRITE, MAP_PRIVATE), 0);
}

static void seal_write_after_unmap(void)
{
	int fd = sealable(4 * PAGE);
	char *m = map_fd(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ)); /* three pieces */
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(munmap(m, PAGE));
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(munmap(m + 2 * PAGE, 2 * PAGE));
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(munmap(m + PAGE, PAGE));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void seal_write_replaced(void)
{
	int fd = sealable(4 * PAGE);
	char *m = map_fd(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	char *moved = mremap(m, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);

	CHECK(moved != MAP_FAILED);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	void *copy = mremap(moved, 0, PAGE, MREMAP_MAYMOVE);
	CHECK(copy != MAP_FAILED);
	CHECK_EQ((char *)mmap(moved, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			      -1, 0) -
			 moved,
		 0);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(munmap(copy, PAGE));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void wait_for_byte(void *argument)
{
	char byte;

	CHECK_EQ(read(*(int *)argument, &byte, 1), 1);
}

static void seal_write_child(void)
{
	int fd = sealable(4 * PAGE), pipes[2];
	char *m = map_fd(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_OK(pipe(pipes));
	pid_t pid = abi_start(wait_for_byte, &pipes[0]);
	CHECK_OK(munmap(m, 4 * PAGE));
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	abi_join(pid);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void failed_maps_leave_no_trace(void)
{
	int fd = sealable(4 * PAGE);

	CHECK(mmap(NULL, 1ul << 60, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK(mmap((void *)1, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED);
	CHECK(mmap((void *)(1ul << 60), PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	      MAP_FAILED);
	void *m = map_fd(fd, PROT_READ, MAP_PRIVATE);
	CHECK(mmap(m, PAGE, PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0) == MAP_FAILED);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void seal_future_write(void)
{
	int fd = sealable(4 * PAGE);
	char *m = map_fd(fd, PROT_READ | PROT_WRITE, MAP_SHARED);

	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE));
	m[0] = 'x'; /* what is mapped stays writable */
	CHECK_OK(mprotect(m, PAGE, PROT_READ));
	CHECK_OK(mprotect(m, PAGE, PROT_READ | PROT_WRITE));
	m[0] = 'y';
	CHECK_ERROR(write(fd, "b", 1), EPERM);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE), EPERM);
	CHECK_ERROR(madvise(m, PAGE, MADV_REMOVE), EPERM);
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	CHECK_EQ(errno, EPERM);
	char *other = map_fd(fd, PROT_READ, MAP_SHARED);
	CHECK_EQ(other[0], 'y');
	CHECK_ERROR(mprotect(other, PAGE, PROT_READ | PROT_WRITE), EACCES);
	char *private = map_fd(fd, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	private[0] = 'p';
	CHECK_EQ(m[0], 'y');
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY);
	CHECK_OK(munmap(m, 4 * PAGE));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void seal_exec(void)
{
	struct stat status;
	int fd = sealable(4 * PAGE);

	CHECK_OK(fchmod(fd, 0644));
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_EXEC);
	CHECK_ERROR(fchmod(fd, 0755), EPERM);
	CHECK_ERROR(fchmod(fd, 0645), EPERM);
	CHECK_OK(fchmod(fd, 0600));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode & 07777, 0600);
	CHECK_EQ(write(fd, "x", 1), 1);
	/* Of a file that may run it takes the other rights too. */
	fd = sealable(4 * PAGE);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC));
	CHECK_EQ(fcntl(fd, F_GET_SEALS),
		 F_SEAL_EXEC | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
	CHECK_ERROR(fchmod(fd, 0666), EPERM);
	CHECK_OK(fchmod(fd, 0711));
	/* So it is busy as F_SEAL_WRITE is. */
	fd = sealable(4 * PAGE);
	map_fd(fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	CHECK_ERROR(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC), EBUSY);
	CHECK_EQ(fcntl(fd, F_GET_SEALS), 0);
}

static void noexec_cannot_run(void)
{
	int fd = CHECK_OK(memfd_create("x", MFD_NOEXEC_SEAL));
	char path[64];

	CHECK_ERROR(fchmod(fd, 0777), EPERM);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_ERROR(execve(path, (char *[]){"x", NULL}, (char *[]){NULL}), EACCES);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); /* it may be sealed without being asked */
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_EXEC | F_SEAL_WRITE);
}

static void all_seals_at_once(void)
{
	int all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |
		  F_SEAL_EXEC;
	int fd = sealable(PAGE);

	CHECK_OK(fcntl(fd, F_ADD_SEALS, all));
	CHECK_EQ(fcntl(fd, F_GET_SEALS), all);
	CHECK_ERROR(ftruncate(fd, 0), EPERM);
	CHECK_ERROR(ftruncate(fd, 2 * PAGE), EPERM);
	CHECK_OK(ftruncate(fd, PAGE));
}

const struct abi_case abi_cases[] = {
	CASE(create_flags, "flags, mode, first seals: memfd_create(2)"),
	CASE(create_errors, "EINVAL, EFAULT: memfd_create(2), ERRORS"),
	CASE(names_are_free, "names need not differ and show in /proc: memfd_create(2)"),
	CASE(dies_with_the_last, "it lives as long as someone has it: memfd_create(2)"),
	CASE(seal_errors, "F_ADD_SEALS, F_GET_SEALS: EPERM, EINVAL: fcntl(2)"),
	CASE(tmpfs_files_have_seals, "a tmpfs file is sealed against sealing: observed"),
	CASE(seal_shrink, "F_SEAL_SHRINK: fcntl(2)"),
	CASE(seal_grow, "F_SEAL_GROW: fcntl(2)"),
	CASE(seal_write, "F_SEAL_WRITE: fcntl(2)"),
	CASE(seal_write_read_maps, "a sealed file may be mapped to be read, for good: fcntl(2)"),
	CASE(seal_write_busy, "EBUSY beside a shared map that is or may become writable: fcntl(2)"),
	CASE(seal_write_after_unmap, "EBUSY until the last piece of the map is gone: fcntl(2)"),
	CASE(seal_write_replaced, "mremap and MAP_FIXED keep count too: fcntl(2)"),
	CASE(seal_write_child, "EBUSY because of a child's map: fcntl(2)"),
	CASE(failed_maps_leave_no_trace,
	     "a map that failed does not make F_SEAL_WRITE busy: fcntl(2)"),
	CASE(seal_future_write, "F_SEAL_FUTURE_WRITE leaves what is mapped: fcntl(2)"),
	CASE(seal_exec, "F_SEAL_EXEC keeps the x bits, and closes what may run: observed"),
	CASE(noexec_cannot_run, "MFD_NOEXEC_SEAL: memfd_create(2)"),
	CASE(all_seals_at_once, "all seals in one call: fcntl(2)"),
	CASES_END,
};
