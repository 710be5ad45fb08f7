// SPDX-License-Identifier: MIT
/* Set-uid programs, and what others reach of them who could reach the program before. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory_test.h"
#include "mount_test.h"

#define STRANGER 12345

/* 1 in a program that has just begun. */
static volatile int begun = 1;

static char program[64];

/* A copy of this program that whoever executes it runs as root. */
static void program_make(void)
{
	char path[] = "/tmp/set-id-XXXXXX";

	private_mount_point(path);
	CHECK_OK(mount("set-id", path, "tmpfs", 0, "mode=755"));
	snprintf(program, sizeof(program), "%s/program", path);
	abi_copy_self(program, 04755);
}

static void program_remove(void)
{
	char *slash = strrchr(program, '/');

	*slash = 0;
	CHECK_OK(umount2(program, MNT_DETACH));
	CHECK_OK(rmdir(program));
}

/* The set-uid program: until the pipe in descriptor 3 is closed. */
static int set_id_helper(int argc, char **argv)
{
	char byte;

	(void)argc;
	(void)argv;
	CHECK_EQ(geteuid(), 0);
	CHECK_EQ(getuid(), STRANGER);
	(void)!read(3, &byte, 1);
	CHECK_EQ(begun, 1);
	return 0;
}

static void program_become(void)
{
	char *arguments[] = {program, "--helper", "set-id", NULL};
	char *environment[] = {"KEY=new", NULL};

	CHECK_OK(execve(program, arguments, environment));
}

/* What the set-uid program waits for, until it is closed. */
static int pipe_make(void)
{
	int ends[2];

	CHECK_OK(pipe(ends));
	CHECK_OK(fcntl(ends[1], F_SETFD, FD_CLOEXEC));
	if (ends[0] != 3)
		CHECK_OK(dup2(ends[0], 3));
	return ends[1];
}

/* ---- during the exec ---- */

/* A process that has much memory to give back in its exec. */
static void large(void *argument)
{
	size_t size_bytes = 48 * MIB;

	(void)argument;
	memset((char *)map_private(size_bytes), 1, size_bytes);
	program_become();
}

static void reach_once(int writes)
{
	int value, end = pipe_make();
	struct iovec local = {&value, sizeof(value)}, remote = {(void *)&begun, sizeof(begun)};
	unsigned count = 0;
	ssize_t done;

	begun = 2;
	pid_t pid = abi_start(large, NULL);
	do {
		value = 2;
		done = writes ? process_vm_writev(pid, &local, 1, &remote, 1, 0)
			      : process_vm_readv(pid, &local, 1, &remote, 1, 0);
		CHECK_EQ(value, 2); /* the old program's; and the new one looks at its own */
	} while (done == sizeof(value) && ++count);
	CHECK(count > 0);
	CHECK_EQ(done, -1);
	CHECK_EQ(errno, EPERM);
	CHECK_OK(close(end));
	abi_join(pid);
}

static void reach(void *argument)
{
	(void)argument;
	abi_become(STRANGER, STRANGER);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
	for (int i = 0; i < 12; i++)
		reach_once(i & 1);
}

static void memory_of_the_old_program_only(void)
{
	program_make();
	abi_in_child(reach, NULL);
	program_remove();
}

/* ---- after it ---- */

static void wait_and_become(void *argument)
{
	char byte;

	(void)!read(*(int *)argument, &byte, 1);
	program_become();
}

static int file_of(pid_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void look(void *argument)
{
	static const char *const names[] = {"maps", "smaps", "environ"};
	int files[3], start[2], end;
	char byte;

	(void)argument;
	abi_become(STRANGER, STRANGER);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
	end = pipe_make();
	CHECK_OK(pipe(start));
	pid_t pid = abi_start(wait_and_become, &start[0]);
	for (int i = 0; i < 3; i++) {
		files[i] = CHECK_OK(file_of(pid, names[i]));
		CHECK_EQ(read(files[i], &byte, 1), 1);
	}
	CHECK_EQ(write(start[1], "x", 1), 1);
	for (int fd; (fd = file_of(pid, "maps")) >= 0; close(fd))
		abi_sleep_ms(1);
	CHECK_EQ(errno, EACCES);
	for (int i = 0; i < 3; i++) {
		CHECK_ERROR(file_of(pid, names[i]), EACCES);
		CHECK_EQ(pread(files[i], &byte, 1, 0), 0);
		CHECK_OK(close(files[i]));
	}
	CHECK_OK(close(end));
	abi_join(pid);
}

static void files_opened_before(void)
{
	program_make();
	abi_in_child(look, NULL);
	program_remove();
}

const struct abi_case abi_cases[] = {
	CASE(memory_of_the_old_program_only,
	     "who may reach a program's memory never reaches that of the set-uid program that it "
	     "becomes: process_vm_readv(2), ptrace(2)"),
	CASE(files_opened_before,
	     "maps, smaps and environ that were opened before tell nothing of it: observed"),
	HELPER("set-id", set_id_helper),
	CASES_END,
};
