// SPDX-License-Identifier: MIT
/*
 * The framework's one file: runs the cases of a program, each in a process of
 * its own with a time limit, and reports lines `ok NAME`, `not ok NAME`,
 * `skip NAME`, then `N passed, N failed`. Details come before, as `# ...`.
 *
 * On Linux it first moves into an IPC namespace of its own and limits what it
 * may use, so that nothing of the host is touched.
 */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CASE_SECONDS 30
#define STATUS_SKIP  77

static const char *self_path;
static const char *case_name = "start";

static const struct {
	int error;
	const char *name;
} error_names[] = {
	{EPERM, "EPERM"},         {ENOENT, "ENOENT"},
	{EINTR, "EINTR"},         {EIO, "EIO"},
	{E2BIG, "E2BIG"},         {EBADF, "EBADF"},
	{ECHILD, "ECHILD"},       {EAGAIN, "EAGAIN"},
	{ENOMEM, "ENOMEM"},       {EACCES, "EACCES"},
	{EFAULT, "EFAULT"},       {EBUSY, "EBUSY"},
	{EEXIST, "EEXIST"},       {ENODEV, "ENODEV"},
	{ENOTDIR, "ENOTDIR"},     {EISDIR, "EISDIR"},
	{EINVAL, "EINVAL"},       {EMFILE, "EMFILE"},
	{ENOTTY, "ENOTTY"},       {EFBIG, "EFBIG"},
	{ENOSPC, "ENOSPC"},       {ESPIPE, "ESPIPE"},
	{EPIPE, "EPIPE"},         {ERANGE, "ERANGE"},
	{ESRCH, "ESRCH"},         {ENOEXEC, "ENOEXEC"},
	{ENOSYS, "ENOSYS"},       {EIDRM, "EIDRM"},
	{ENOTEMPTY, "ENOTEMPTY"}, {ELOOP, "ELOOP"},
	{EOVERFLOW, "EOVERFLOW"}, {EOPNOTSUPP, "EOPNOTSUPP"},
	{ETIMEDOUT, "ETIMEDOUT"}, {EXDEV, "EXDEV"},
	{ENXIO, "ENXIO"},         {ETXTBSY, "ETXTBSY"},
	{EROFS, "EROFS"},         {ENAMETOOLONG, "ENAMETOOLONG"},
};

const char *abi_error(int error)
{
	static char number[16];

	for (size_t i = 0; i < sizeof(error_names) / sizeof(error_names[0]); i++) {
		if (error_names[i].error == error)
			return error_names[i].name;
	}
	snprintf(number, sizeof(number), "%d", error);
	return number;
}

void abi_fail(const char *file, int line, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	printf("# %s: %s:%d: ", case_name, file, line);
	vprintf(pattern, arguments);
	printf("\n");
	fflush(stdout);
	va_end(arguments);
	_exit(1);
}

void abi_skip(const char *reason)
{
	printf("# %s: %s\n", case_name, reason);
	fflush(stdout);
	_exit(STATUS_SKIP);
}

pid_t abi_start(void (*run)(void *), void *argument)
{
	fflush(stdout);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		run(argument);
		_exit(0);
	}
	return pid;
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			abi_fail(__FILE__, __LINE__, "waitpid(%d): %s", (int)pid, abi_error(errno));
	}
	return status;
}

void abi_join(pid_t pid)
{
	int status = wait_for(pid);

	if (WIFSIGNALED(status))
		abi_fail(__FILE__, __LINE__, "child died by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		_exit(WEXITSTATUS(status)); /* the child has said why */
}

void abi_in_child(void (*run)(void *), void *argument)
{
	abi_join(abi_start(run, argument));
}

void abi_dies(void (*run)(void *), void *argument, int signal)
{
	int status = wait_for(abi_start(run, argument));

	if (!WIFSIGNALED(status)) {
		if (WEXITSTATUS(status))
			_exit(WEXITSTATUS(status));
		abi_fail(__FILE__, __LINE__, "child lived, should die by signal %d", signal);
	}
	CHECK_EQ(WTERMSIG(status), signal);
}

void abi_become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		abi_skip("needs to change its user: run as root");
}

bool abi_is_root(void)
{
	unsigned long users = 1ul << 32;
	FILE *map = fopen("/proc/self/uid_map", "re");

	if (map) {
		if (fscanf(map, "%*u %*u %lu", &users) != 1)
			users = 0;
		fclose(map);
	}
	return geteuid() == 0 && users > 65535;
}

const char *abi_self(void)
{
	return self_path;
}

void abi_sleep_ms(unsigned milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

bool abi_in_samepage(void)
{
	return access("/proc/samepage", F_OK) == 0;
}

/* All of /proc/samepage/counters, as of one moment. */
static const char *samepage_counters(void)
{
	static char text[16384];
	size_t length = 0;
	ssize_t got;

	if (!abi_in_samepage())
		abi_skip("reads Samepage's own counters");
	int fd = CHECK_OK(open("/proc/samepage/counters", O_RDONLY));
	while ((got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	text[length] = '\0';
	return text;
}

static uint64_t counter_in(const char *text, const char *name)
{
	size_t name_length = strlen(name);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		line += strspn(line, "\n");
		if (!strncmp(line, name, name_length) && line[name_length] == ' ')
			return strtoull(line + name_length, NULL, 10);
	}
	abi_fail(__FILE__, __LINE__, "/proc/samepage/counters has no line '%s'", name);
}

uint64_t abi_samepage_counter(const char *name)
{
	return counter_in(samepage_counters(), name);
}

uint64_t abi_samepage_frames(void)
{
	const char *text = samepage_counters();

	return counter_in(text, "free_frames") + counter_in(text, "small_bytes") / 4096;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* On Linux: nothing of the host's can be seen or used up. */
static void isolate(void)
{
	struct rlimit none = {0, 0};
	struct rlimit space = {1ull << 36, 1ull << 36};

	setrlimit(RLIMIT_CORE, &none);
	if (abi_in_samepage())
		return;
	setrlimit(RLIMIT_AS, &space);
	if (unshare(CLONE_NEWIPC) == 0 || errno == ENOSYS)
		return; /* or there is nothing to hide from: not Linux */
	uid_t uid = getuid();
	gid_t gid = getgid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWIPC)) {
		printf("# cannot make an IPC namespace: %s\n0 passed, 1 failed\n",
		       abi_error(errno));
		exit(1);
	}
	char map[32];
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
}

/* Segments that a case left behind are removed; returns how many there were. */
static unsigned sweep_segments(void)
{
	struct shm_info totals;
	struct shmid_ds ds;
	unsigned count = 0;
	int highest = shmctl(0, SHM_INFO, (struct shmid_ds *)&totals);

	for (int i = 0; i <= highest && totals.used_ids > 0; i++) {
		int id = shmctl(i, SHM_STAT, &ds);
		if (id >= 0) {
			shmctl(id, IPC_RMID, NULL);
			count++;
		}
	}
	return count;
}

static void run_here(const struct abi_case *abi_case)
{
	setpgid(0, 0);
	alarm(CASE_SECONDS);
	abi_case->run();
	unsigned left = sweep_segments();
	if (left)
		abi_fail(__FILE__, __LINE__, "%u segments left behind", left);
	fflush(stdout);
	_exit(0);
}

/* 0: passed; STATUS_SKIP; anything else: failed. */
static int run_case(const struct abi_case *abi_case)
{
	int status;

	case_name = abi_case->name;
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		printf("# %s: fork: %s\n", case_name, abi_error(errno));
		return 1;
	}
	if (pid == 0)
		run_here(abi_case);
	status = wait_for(pid);
	kill(-pid, SIGKILL); /* children that it left */
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	sweep_segments();
	if (WIFSIGNALED(status)) {
		printf("# %s: died by signal %d%s\n", case_name, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (time limit)" : "");
		return 1;
	}
	return WEXITSTATUS(status);
}

static void list_cases(void)
{
	for (const struct abi_case *abi_case = abi_cases; abi_case->name; abi_case++)
		printf("%s\t%s\n", abi_case->name, abi_case->rule);
}

static bool is_chosen(const struct abi_case *abi_case, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strstr(abi_case->name, argv[i]))
			return true;
	}
	return argc == 1;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0, skipped = 0;

	self_path = argv[0];
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "--helper"))
		return abi_helper ? abi_helper(argc - 2, argv + 2) : 1;
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list_cases();
		return 0;
	}
	if (argc > 1 && argv[1][0] == '-') {
		printf("usage: %s [--list] [PART-OF-A-NAME...]\n", argv[0]);
		return 2;
	}
	isolate();
	for (const struct abi_case *abi_case = abi_cases; abi_case->name; abi_case++) {
		if (!is_chosen(abi_case, argc, argv))
			continue;
		int status = run_case(abi_case);
		if (status == 0)
			passed++;
		else if (status == STATUS_SKIP)
			skipped++;
		else
			failed++;
		printf("%s %s\n",
		       status == 0             ? "ok"
		       : status == STATUS_SKIP ? "skip"
					       : "not ok",
		       abi_case->name);
	}
	if (skipped)
		printf("# %u skipped\n", skipped);
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
