// SPDX-License-Identifier: MIT
/* Files of /proc, which are an entry's `what`: opened, read to their end, closed. Which of these failed does not matter. */

#include "call.h"

#include <fcntl.h>
#include <unistd.h>

#define PIECE 5000

static long done(int fd, long result)
{
	int error = errno;

	close(fd);
	errno = error;
	return result;
}

static long read_file(void)
{
	int fd = open(call_now->what, O_RDONLY);
	long got;

	if (fd < 0)
		return -1;
	while ((got = read(fd, buffer, PIECE)) > 0)
		;
	return done(fd, got);
}

/* Those of memory that is shared; of all there is no end. */
static long read_words(void)
{
	int fd = open(call_now->what, O_RDONLY);

	return fd < 0 ? -1 : done(fd, pread(fd, buffer, 64 * 8, SHARED / PAGE * 8));
}

static long list_folder(void)
{
	int fd = open(call_now->what, O_RDONLY | O_DIRECTORY);
	long got;

	if (fd < 0)
		return -1;
	while ((got = syscall(SYS_getdents64, fd, buffer, 500)) > 0)
		;
	return done(fd, got);
}

static long read_link(void)
{
	return readlink(call_now->what, buffer, PIECE);
}

static long write_setting(void)
{
	int fd = open(call_now->what, O_WRONLY);

	return fd < 0 ? -1 : done(fd, write(fd, "4096", 4));
}

#define ALLOCATES .flags = CALL_ALLOCATES

const struct call calls_proc[] = {
	{RUN(read, "/proc/self/maps", read_file), ALLOCATES},
	{RUN(read, "/proc/self/smaps", read_file), ALLOCATES},
	{RUN(read, "/proc/self/pagemap", read_words), ALLOCATES},
	{RUN(read, "/proc/self/status", read_file), ALLOCATES},
	{RUN(read, "/proc/self/stat", read_file), ALLOCATES},
	{RUN(read, "/proc/self/statm", read_file), ALLOCATES},
	{RUN(read, "/proc/self/cmdline", read_file), ALLOCATES},
	{RUN(read, "/proc/self/environ", read_file), ALLOCATES},
	{RUN(read, "/proc/self/auxv", read_file), ALLOCATES},
	{RUN(read, "/proc/self/limits", read_file), ALLOCATES},
	{RUN(read, "/proc/self/mounts", read_file), ALLOCATES},
	{RUN(read, "/proc/self/comm", read_file), ALLOCATES},
	{RUN(read, "/proc/self/fdinfo/41", read_file), ALLOCATES},
	{RUN(read, "/proc/cpuinfo", read_file), ALLOCATES},
	{RUN(read, "/proc/meminfo", read_file), ALLOCATES},
	{RUN(read, "/proc/stat", read_file), ALLOCATES},
	{RUN(read, "/proc/uptime", read_file), ALLOCATES},
	{RUN(read, "/proc/version", read_file), ALLOCATES},
	{RUN(read, "/proc/cmdline", read_file), ALLOCATES},
	{RUN(read, "/proc/filesystems", read_file), ALLOCATES},
	{RUN(read, "/proc/loadavg", read_file), ALLOCATES},
	{RUN(read, "/proc/sysvipc/shm", read_file), ALLOCATES},
	{RUN(read, "/proc/sysvipc/sem", read_file), ALLOCATES},
	{RUN(read, "/proc/sysvipc/msg", read_file), ALLOCATES},
	{RUN(read, "/proc/sysvipc/shm_attach", read_file), ALLOCATES},
	{RUN(read, "/proc/sys/kernel/shmmax", read_file), ALLOCATES},
	{RUN(read, "/proc/samepage/counters", read_file), ALLOCATES},
	{RUN(read, "/proc/samepage/shm_table", read_file), ALLOCATES},
	{RUN(getdents64, "/proc", list_folder), ALLOCATES},
	{RUN(getdents64, "/proc/self/fd", list_folder), ALLOCATES},
	{RUN(readlinkat, "/proc/self/fd/41", read_link), ALLOCATES},
	{RUN(write, "/proc/sys/kernel/shmmni", write_setting), ALLOCATES},
	{0},
};
