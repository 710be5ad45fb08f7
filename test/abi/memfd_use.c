// SPDX-License-Identifier: MIT
/* memfd_create(2): the descriptor over fork, exec and /proc; programs run from it; huge pages. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory_test.h"

#ifndef MFD_HUGETLB
#define MFD_HUGETLB 4u
#endif

extern char **environ;

static void opened_large_and_writable(void)
{
	int fd = CHECK_OK(memfd_create("x", 0));

	/* libc's O_LARGEFILE is 0 where files are always large; the kernel's is not. */
	CHECK_EQ(syscall(SYS_fcntl, fd, F_GETFL) & (O_ACCMODE | 0100000), O_RDWR | 0100000);
}

static void descriptors_used_up(void)
{
	struct rlimit limit = {16, 16};
	int count = 0;

	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	while (count < 17 && memfd_create("x", 0) >= 0)
		count++;
	CHECK_EQ(errno, EMFILE);
	CHECK(count <= 13);
}

static void child_writes(void *argument)
{
	CHECK_EQ(pwrite(*(int *)argument, "child", 5, 0), 5);
	CHECK_OK(ftruncate(*(int *)argument, 2 * PAGE));
}

static void inherited_by_fork(void)
{
	int fd = CHECK_OK(memfd_create("x", MFD_CLOEXEC));
	char text[5];

	abi_in_child(child_writes, &fd);
	CHECK_EQ(pread(fd, text, 5, 0), 5);
	CHECK_EQ(memcmp(text, "child", 5), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_END), 2 * PAGE);
}

/* `memfd-seen FD BYTE`: the descriptor shows the byte; BYTE "-": it is closed. */
static int seen_after_exec(int argc, char **argv)
{
	char byte;

	if (argc < 3)
		return 2;
	ssize_t got = pread(atoi(argv[1]), &byte, 1, 0);
	return argv[2][0] == '-' ? !(got < 0 && errno == EBADF) : !(got == 1 && byte == *argv[2]);
}

static void exec_with(void *argument)
{
	char number[16], *byte = argument;
	int fd = CHECK_OK(memfd_create("x", *byte == '-' ? MFD_CLOEXEC : 0));
	char *arguments[] = {"memfd", "--helper", "memfd-seen", number, byte, NULL};

	CHECK_EQ(write(fd, "e", 1), 1);
	snprintf(number, sizeof(number), "%d", fd);
	execv(abi_self(), arguments);
	abi_fail(__FILE__, __LINE__, "execv failed");
}

static void kept_by_exec(void)
{
	abi_in_child(exec_with, "e");
	abi_in_child(exec_with, "-");
}

static void open_parents(void *argument)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), *(int *)argument);
	int fd = open(path, O_RDWR);
	if (fd < 0 && errno == EACCES)
		SKIP("the parent's descriptors are not to be had here");
	char *m = CHECK_OK((char *)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	CHECK_EQ(m[1], 'p');
	m[2] = 'c';
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
}

static void opened_through_proc(void)
{
	int fd = CHECK_OK(memfd_create("x", MFD_ALLOW_SEALING));
	char byte;

	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_EQ(pwrite(fd, "p", 1, 1), 1);
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	abi_in_child(open_parents, &fd);
	CHECK_EQ(pread(fd, &byte, 1, 2), 1);
	CHECK_EQ(byte, 'c');
	CHECK_EQ(fcntl(fd, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW);
}

static void huge_page_flags(void)
{
	int fd = memfd_create("x", MFD_HUGETLB | 5u << 26);

	/* No machine has pages of 32 bytes; a kernel without huge pages refuses them all. */
	CHECK_EQ(fd, -1);
	CHECK(errno == EINVAL || errno == ENODEV || errno == ENOSYS || errno == ENOENT);
	/* A size without MFD_HUGETLB is no flag. */
	CHECK_ERROR(memfd_create("x", 21u << 26), EINVAL);
}

/* ---- programs run from a memfd ---- */

/* This program, or a script, in a memfd. */
static int program(const char *script, unsigned flags)
{
	int fd = CHECK_OK(memfd_create("program", flags));
	static char block[65536];
	ssize_t size;

	if (script) {
		CHECK_EQ(write(fd, script, strlen(script)), strlen(script));
		return fd;
	}
	int self = CHECK_OK(open(abi_self(), O_RDONLY | O_CLOEXEC));
	while ((size = CHECK_OK(read(self, block, sizeof(block)))) > 0)
		CHECK_EQ(write(fd, block, (size_t)size), size);
	CHECK_OK(close(self));
	return fd;
}

static int run_at(int fd, const char *path, char **arguments, int flags)
{
	return (int)syscall(SYS_execveat, fd, path, arguments, environ, flags);
}

/* `memfd-ran`: what the program sees of itself. */
static int ran_from_memfd(int argc, char **argv)
{
	char target[128] = "";

	(void)argc, (void)argv;
	if (readlink("/proc/self/exe", target, sizeof(target) - 1) < 0)
		return 1;
	return strcmp(target, "/memfd:program (deleted)") != 0;
}

static char *ran_arguments[] = {"memfd", "--helper", "memfd-ran", NULL};

static void run_descriptor(void *argument)
{
	int fd = program(NULL, *(unsigned *)argument);

	fexecve(fd, ran_arguments, environ);
	abi_fail(__FILE__, __LINE__, "fexecve: %s", abi_error(errno));
}

static void fexecve_runs_it(void)
{
	unsigned flags = 0;

	abi_in_child(run_descriptor, &flags);
	flags = MFD_CLOEXEC;
	abi_in_child(run_descriptor, &flags);
}

static void sealed_program(void *argument)
{
	int fd = program(NULL, MFD_ALLOW_SEALING);

	(void)argument;
	CHECK_OK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
	fexecve(fd, ran_arguments, environ);
	abi_fail(__FILE__, __LINE__, "fexecve: %s", abi_error(errno));
}

static void sealed_program_runs(void)
{
	abi_in_child(sealed_program, NULL);
}

/* The helper of that name: a script's interpreter is run with it. */
static int named_by_descriptor(int argc, char **argv)
{
	return argc == 2 && !strcmp(argv[1], "more") ? 0 : 1;
}

static void run_script(void *argument)
{
	char line[4200], *arguments[] = {"dropped", "more", NULL};

	(void)argument;
	snprintf(line, sizeof(line), "#!%s --helper\n", abi_self());
	if (strlen(line) > 120)
		SKIP("this program's path is too long for a #! line");
	/* The interpreter could not open what is closed by then. */
	CHECK_ERROR(run_at(program(line, MFD_CLOEXEC), "", arguments, AT_EMPTY_PATH), ENOENT);
	CHECK_EQ(dup2(program(line, 0), 99), 99);
	run_at(99, "", arguments, AT_EMPTY_PATH);
	abi_fail(__FILE__, __LINE__, "execveat: %s", abi_error(errno));
}

static void script_needs_its_descriptor(void)
{
	abi_in_child(run_script, NULL);
}

static void execveat_errors(void)
{
	int fd = program("#!/nothing/here\n", 0), pipes[2];
	char *none[] = {"x", NULL};

	CHECK_ERROR(run_at(fd, "", none, 0), ENOENT);
	CHECK_ERROR(run_at(fd, "", none, AT_EMPTY_PATH | 0x80), EINVAL);
	CHECK_ERROR(run_at(-1, "", none, AT_EMPTY_PATH), EBADF);
	CHECK_ERROR(run_at(-1, "x", none, 0), EBADF);
	CHECK_ERROR(run_at(fd, "x", none, 0), ENOTDIR);
	CHECK_ERROR(run_at(fd, NULL, none, 0), EFAULT);
	CHECK_ERROR(run_at(fd, "", none, AT_EMPTY_PATH), ENOENT); /* its interpreter */
	CHECK_ERROR(run_at(AT_FDCWD, "/proc/self/exe", none, AT_SYMLINK_NOFOLLOW), ELOOP);
	CHECK_ERROR(run_at(AT_FDCWD, "/", none, 0), EACCES);
	CHECK_OK(pipe(pipes));
	CHECK_ERROR(run_at(pipes[0], "", none, AT_EMPTY_PATH), EACCES);
	CHECK_OK(fchmod(fd, 0600));
	CHECK_ERROR(run_at(fd, "", none, AT_EMPTY_PATH), EACCES);
}

static void run_relative(void *argument)
{
	char path[4096], *base;

	(void)argument;
	snprintf(path, sizeof(path), "%s", abi_self());
	base = strrchr(path, '/');
	if (!base)
		SKIP("this program's path is relative");
	*base++ = '\0';
	int directory = CHECK_OK(open(path[0] ? path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	run_at(directory, base, (char *[]){"x", "--helper", "memfd-seen", "77", "-", NULL}, 0);
	abi_fail(__FILE__, __LINE__, "execveat: %s", abi_error(errno));
}

static void execveat_of_a_directory(void)
{
	abi_in_child(run_relative, NULL);
}

static void busy_while_written(void *argument)
{
	char path[64];
	int fd = program(NULL, 0);

	(void)argument;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int writer = CHECK_OK(open(path, O_WRONLY));
	CHECK_ERROR(run_at(fd, "", ran_arguments, AT_EMPTY_PATH), ETXTBSY);
	CHECK_OK(close(writer));
	run_at(fd, "", ran_arguments, AT_EMPTY_PATH);
	abi_fail(__FILE__, __LINE__, "execveat: %s", abi_error(errno));
}

static void text_is_busy(void)
{
	abi_in_child(busy_while_written, NULL);
}

const struct abi_case abi_cases[] = {
	CASE(opened_large_and_writable, "O_RDWR and O_LARGEFILE are set: memfd_create(2)"),
	CASE(descriptors_used_up, "EMFILE: memfd_create(2)"),
	CASE(inherited_by_fork, "a child of fork has the same file: memfd_create(2)"),
	CASE(kept_by_exec, "execve keeps it, unless MFD_CLOEXEC: memfd_create(2)"),
	HELPER("memfd-seen", seen_after_exec),
	CASE(opened_through_proc, "another process opens /proc/PID/fd/N: memfd_create(2), NOTES"),
	CASE(huge_page_flags, "page sizes need MFD_HUGETLB, and must exist: memfd_create(2)"),
	HELPER("memfd-ran", ran_from_memfd),
	CASE(fexecve_runs_it, "a program in a memfd runs: fexecve(3), execveat(2)"),
	CASE(sealed_program_runs, "also one that is sealed against writing: fexecve(3)"),
	HELPER("/dev/fd/99", named_by_descriptor),
	CASE(script_needs_its_descriptor,
	     "a script is /dev/fd/N to its interpreter; ENOENT if closed: execveat(2)"),
	CASE(execveat_errors, "EBADF, EINVAL, ELOOP, ENOENT, ENOTDIR, EACCES: execveat(2)"),
	CASE(execveat_of_a_directory, "a path relative to a directory: execveat(2)"),
	CASE(text_is_busy, "ETXTBSY while it is opened for writing: execve(2)"),
	CASES_END,
};
