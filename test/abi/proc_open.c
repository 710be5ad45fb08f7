// SPDX-License-Identifier: MIT
/* Files of /proc/PID that stay open while the process becomes another program, ends, or its number goes on. */

#define _GNU_SOURCE
#include "file_test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char content[65536];

static const char *const of_process[] = {"maps", "smaps",   "smaps_rollup", "environ",
					 "auxv", "cmdline", "comm",         "limits",
					 "stat", "statm",   "status"};
enum { MAPS, SMAPS, ROLLUP, ENVIRON, AUXV, CMDLINE, OF_PROCESS = 11 };
static int opened[OF_PROCESS];

static void files_open(pid_t pid)
{
	char path[64];

	for (int i = 0; i < OF_PROCESS; i++) {
		sprintf(path, "/proc/%d/%s", pid, of_process[i]);
		opened[i] = CHECK_OK(open(path, O_RDONLY));
	}
}

static void files_close(void)
{
	for (int i = 0; i < OF_PROCESS; i++)
		CHECK_OK(close(opened[i]));
}

static ssize_t again(int which)
{
	ssize_t length = pread(opened[which], content, sizeof(content) - 1, 0);

	content[length > 0 ? length : 0] = 0;
	return length;
}

/* The process is gone: what its files say, though another may have its number. */
static void files_of_gone(void)
{
	for (int i = 0; i < OF_PROCESS; i++)
		if (i != ENVIRON && i != AUXV)
			CHECK_ERROR(again(i), ESRCH);
	CHECK_EQ(again(ENVIRON), 0);
	CHECK(again(AUXV) > 0);
}

static int wait_helper(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	(void)!write(1, "x", 1);
	(void)!read(0, content, 1);
	return 0;
}

/* Once it is told to, it becomes another program, which says so and waits. */
static pid_t waiting_start(int to[2], int from[2])
{
	char *arguments[] = {"waits", "--helper", "proc-waits", NULL};
	char *environment[] = {"WHICH=new", NULL};

	CHECK_OK(pipe(to));
	CHECK_OK(pipe(from));
	pid_t pid = CHECK_OK(fork());
	if (pid)
		return pid;
	CHECK_OK(close(to[1]));
	CHECK_OK(dup2(to[0], 0));
	CHECK_OK(dup2(from[1], 1));
	CHECK_EQ(read(0, content, 1), 1);
	CHECK_OK(execve(abi_self(), arguments, environment));
	return 0;
}

static void opened_before_exec(void)
{
	int to[2], from[2];
	char auxv[1024];
	pid_t pid = waiting_start(to, from);

	files_open(pid);
	ssize_t length = again(AUXV);
	CHECK(length > 0 && length < (ssize_t)sizeof(auxv));
	memcpy(auxv, content, (size_t)length);
	CHECK_EQ(write(to[1], "x", 1), 1);
	CHECK_EQ(read(from[0], content, 1), 1);
	CHECK_EQ(again(MAPS), 0);
	CHECK_EQ(again(SMAPS), 0);
	CHECK_ERROR(again(ROLLUP), ESRCH);
	CHECK_EQ(again(ENVIRON), 0);
	CHECK_EQ(again(AUXV), length);
	CHECK_EQ(memcmp(auxv, content, (size_t)length), 0);
	CHECK(again(CMDLINE) > 0);
	CHECK_EQ(strcmp(content, "waits"), 0);
	files_close();
	files_open(pid);
	CHECK(again(MAPS) > 0);
	CHECK(again(ENVIRON) > 0);
	CHECK_EQ(strcmp(content, "WHICH=new"), 0);
	files_close();
	CHECK_OK(close(to[1]));
	abi_join(pid);
}

/* Only root may open them for writing, and then cannot. */
static void nobody_writes(void)
{
	static const char *const names[] = {"maps", "smaps", "environ", "status"};
	char path[64];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		sprintf(path, "/proc/self/%s", names[i]);
		int fd = open(path, O_WRONLY);
		if (fd < 0)
			SKIP("needs to be root");
		CHECK_ERROR(write(fd, "x", 1), EINVAL);
		CHECK_OK(close(fd));
	}
}

static void opened_before_the_end(void)
{
	int to[2], from[2];
	pid_t pid = waiting_start(to, from);
	siginfo_t info;

	files_open(pid);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	CHECK_EQ(again(MAPS), 0);
	CHECK_ERROR(again(ROLLUP), ESRCH);
	CHECK_EQ(again(ENVIRON), 0);
	CHECK(again(AUXV) > 0);
	CHECK_EQ(again(CMDLINE), 0);
	CHECK(again(OF_PROCESS - 1) > 0);
	abi_wait(pid);
	files_of_gone();
	files_close();
}

/* A process that has the number, or 0. Where no file says which one is next, all others are used first. */
static pid_t start_as(pid_t wanted, void (*run)(void *))
{
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY | O_CLOEXEC);
	int length = sprintf(content, "%d", wanted - 1);

	for (int i = 0; i < 40000; i++) {
		bool next = fd >= 0 && pwrite(fd, content, (size_t)length, 0) == length;
		pid_t pid = next ? wanted - 1 : CHECK_OK(vfork());

		if (pid == 0)
			_exit(0);
		if (!next)
			abi_wait(pid);
		if (pid + 1 != wanted)
			continue;
		pid = abi_start(run, NULL);
		if (pid == wanted)
			return pid;
		CHECK_OK(kill(pid, SIGKILL));
		abi_wait(pid);
	}
	return 0;
}

static void pauses(void *argument)
{
	(void)argument;
	pause();
}

static void number_used_again(void)
{
	pid_t pid, other;
	char path[64];

	for (;;) { /* the lowest numbers are used once: PID_RESTART, RESERVED_PIDS */
		pid = abi_start(pauses, NULL);
		if (pid > 310)
			break;
		CHECK_OK(kill(pid, SIGKILL));
		abi_wait(pid);
	}
	files_open(pid);
	sprintf(path, "/proc/%d", pid);
	int directory = CHECK_OK(open(path, O_RDONLY));
	CHECK_OK(kill(pid, SIGKILL));
	abi_wait(pid);
	other = start_as(pid, pauses);
	if (!other)
		SKIP("numbers are not used again so soon");
	files_of_gone();
	CHECK_ERROR(openat(directory, "status", O_RDONLY), ESRCH);
	CHECK_OK(close(directory));
	files_close();
	files_open(other);
	CHECK(again(MAPS) > 0);
	files_close();
	CHECK_OK(kill(other, SIGKILL));
	abi_wait(other);
}

/* ---- whose they are ---- */

#define STRANGER 12345

static void check_owner(const char *path, uid_t uid)
{
	struct stat state;

	CHECK_OK(stat(path, &state));
	if (state.st_uid != uid)
		abi_fail(__FILE__, __LINE__, "%s belongs to %u", path, state.st_uid);
	CHECK_EQ(state.st_gid, uid);
}

static void change_user(void *argument)
{
	static const char *const of_root[] = {"/proc/self/environ", "/proc/self/maps",
					      "/proc/self/ns", "/proc/self/fd", "/proc/self/auxv"};
	static const char *const of_user[] = {"/proc/self", "/proc/self/task", "/proc/self/fdinfo"};

	(void)argument;
	CHECK_OK(dup2(CHECK_OK(open("/dev/null", O_RDWR)), 0));
	abi_become(STRANGER, STRANGER);
	for (int dumpable = 0; dumpable < 2; dumpable++) {
		CHECK_OK(prctl(PR_SET_DUMPABLE, dumpable));
		for (size_t i = 0; i < sizeof(of_root) / sizeof(of_root[0]); i++)
			check_owner(of_root[i], dumpable ? STRANGER : 0);
		for (size_t i = 0; i < sizeof(of_user) / sizeof(of_user[0]); i++)
			check_owner(of_user[i], STRANGER);
		/* Its own descriptors are there for it all the same. */
		CHECK_OK(close(CHECK_OK(open("/proc/self/fd", O_RDONLY))));
		CHECK_OK(close(CHECK_OK(open("/proc/self/fd/0", O_RDONLY))));
		CHECK_OK(close(CHECK_OK(open("/proc/self/maps", O_RDONLY))));
		if (dumpable)
			CHECK_OK(close(CHECK_OK(open("/proc/self/environ", O_RDONLY))));
		else
			CHECK_ERROR(open("/proc/self/environ", O_RDONLY), EACCES);
	}
}

static void owner(void)
{
	if (!abi_is_root())
		SKIP("only root becomes another user");
	check_owner("/proc/self/environ", 0);
	abi_in_child(change_user, NULL);
}

static void end_as_user(void *argument)
{
	(void)argument;
	abi_become(STRANGER, STRANGER);
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
}

static void owner_of_a_zombie(void)
{
	char path[64];
	siginfo_t info;

	if (!abi_is_root())
		SKIP("only root becomes another user");
	pid_t pid = abi_start(end_as_user, NULL);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	sprintf(path, "/proc/%d", pid);
	check_owner(path, STRANGER);
	sprintf(path, "/proc/%d/stat", pid);
	check_owner(path, 0);
	abi_join(pid);
}

const struct abi_case abi_cases[] = {
	CASE(opened_before_exec, "maps, smaps, environ, auxv are of the memory there was when they "
				 "were opened: observed"),
	CASE(nobody_writes, "EINVAL, not EIO as of other files of /proc: observed"),
	CASE(opened_before_the_end,
	     "an open file of a process that is gone: ESRCH, but environ and auxv: observed"),
	CASE(owner, "of who has changed users, what not all may read is root's: proc(5), prctl(2)"),
	CASE(owner_of_a_zombie, "the same of one that has ended: observed"),
	CASE(number_used_again, "nor does it tell of another that has the number: observed"),
	HELPER("proc-waits", wait_helper),
	CASES_END,
};
