// SPDX-License-Identifier: MIT
/* What cases call: checks, children, other users, and what the system under test is. */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define FRAMES_WAIT_MS 10000 /* a machine on a busy host is slow */

const char *abi_case_name = "start";
const char *abi_program_path;
int abi_reason_fd = -1;

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
	printf("# %s: %s:%d: ", abi_case_name, file, line);
	vprintf(pattern, arguments);
	printf("\n");
	fflush(stdout);
	va_end(arguments);
	_exit(1);
}

void abi_skip(const char *reason)
{
	if (abi_reason_fd < 0 || write(abi_reason_fd, reason, strlen(reason)) < 0)
		printf("# %s: %s\n", abi_case_name, reason);
	fflush(stdout);
	_exit(ABI_STATUS_SKIP);
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

int abi_wait(pid_t pid)
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
	int status = abi_wait(pid);

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
	int status = abi_wait(abi_start(run, argument));

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
	return abi_program_path;
}

void abi_copy_self(const char *path, unsigned mode)
{
	static char buffer[65536];
	int from = CHECK_OK(open(abi_self(), O_RDONLY));
	int to = CHECK_OK(open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755));
	ssize_t count;

	while ((count = CHECK_OK(read(from, buffer, sizeof(buffer)))) > 0)
		CHECK_EQ(write(to, buffer, (size_t)count), count);
	CHECK_OK(fchmod(to, mode));
	CHECK_OK(close(from));
	CHECK_OK(close(to));
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
	memset(text, 0, sizeof(text)); /* its own pages are counted, too */
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

void abi_frames_return(uint64_t before)
{
	uint64_t now;

	for (int i = 0; (now = abi_samepage_frames()) < before; i++) {
		if (i == FRAMES_WAIT_MS / 10)
			abi_fail(__FILE__, __LINE__, "%llu frames are lost",
				 (unsigned long long)(before - now));
		abi_sleep_ms(10);
	}
}
