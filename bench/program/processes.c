// SPDX-License-Identifier: MIT
/* Processes, and memory that is shared without System V. */

#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "operation.h"

static void set_up_touched(uint64_t size_bytes)
{
	segment_make(size_bytes);
	segment_attach();
	segment_touch(size_bytes);
}

static void body_fork(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		pid_t child = fork();
		must(child >= 0, "fork");
		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
}

/* A function of its own: the child shares the caller's variables. */
static __attribute__((noinline)) void vfork_once(bool exec)
{
	pid_t child = vfork();

	must(child >= 0, "vfork");
	if (!child) {
		if (exec)
			execl("/proc/self/exe", "counts", "!", NULL);
		_exit(exec);
	}
	waitpid(child, NULL, 0);
}

static void body_vfork(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		vfork_once(false);
}

static void body_exec(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		vfork_once(true);
}

static void body_memfd(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		int fd = memfd_create("bench", 0);
		must(ftruncate(fd, PAGE) == 0, "ftruncate");
		char *map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		munmap(map, PAGE);
		close(fd);
	}
}

static void body_anonymous(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		volatile char *map =
			mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		map[0] = 1;
		munmap((void *)map, MIB);
	}
}

const struct operation process_operations[] = {
	{GROUP_SMALL, "fork", "fork + exit + wait", NULL, body_fork, NULL, NULL, 0, 0, 20, 1, 3},
	{GROUP_LARGE, "fork-1g", "fork + exit + wait, 1 GiB attached and touched", set_up_touched,
	 body_fork, segment_drop, NULL, GIB, 0, 20, 1, 1},
	{GROUP_SMALL, "vfork", "vfork + exit + wait", NULL, body_vfork, NULL, NULL, 0, 0, 20, 1, 3},
	{GROUP_SMALL, "exec", "vfork + exec + exit + wait", NULL, body_exec, NULL, NULL, 0, 0, 10,
	 1, 3},
	{GROUP_SMALL, "memfd", "memfd create, size, map, unmap, close", NULL, body_memfd, NULL,
	 NULL, 0, 0, 50, 1, 3},
	{GROUP_SMALL, "anonymous", "anonymous shared map, touched once, unmapped", NULL,
	 body_anonymous, NULL, NULL, 0, 0, 50, 1, 3},
	{.name = NULL},
};
