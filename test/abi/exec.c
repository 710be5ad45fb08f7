// SPDX-License-Identifier: MIT
/* What a program is given by execve, and what it keeps of the one before. */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int exec_helper(int argc, char **argv)
{
	if (!strcmp(argv[0], "echo")) {
		for (int i = 1; i < argc; i++)
			printf("%s|", argv[i]);
		printf("%s\n", getenv("ABI_TEST") ? getenv("ABI_TEST") : "none");
		return 21;
	}
	if (!strcmp(argv[0], "pid"))
		return getpid() == atoi(argv[1]) && syscall(SYS_gettid) == getpid() ? 0 : 1;
	if (!strcmp(argv[0], "auxv")) {
		const uint8_t *random = (const uint8_t *)getauxval(AT_RANDOM);
		return getauxval(AT_PAGESZ) == 4096 && random && getauxval(AT_PHDR) &&
				       getauxval(AT_ENTRY) && getauxval(AT_CLKTCK) == 100 &&
				       getauxval(AT_UID) == getuid() &&
				       !strcmp((const char *)getauxval(AT_EXECFN), argv[1]) &&
				       getauxval(AT_SECURE) == 0
			       ? 0
			       : 1;
	}
	if (!strcmp(argv[0], "signals")) {
		struct sigaction action;
		sigset_t mask, pending;
		sigaction(SIGUSR1, NULL, &action);
		if (action.sa_handler != SIG_DFL)
			return 1;
		sigaction(SIGUSR2, NULL, &action);
		if (action.sa_handler != SIG_IGN)
			return 2;
		sigprocmask(SIG_BLOCK, NULL, &mask);
		sigpending(&pending);
		if (!sigismember(&mask, SIGHUP) || !sigismember(&pending, SIGHUP))
			return 3;
		return fcntl(atoi(argv[1]), F_GETFD) == -1 && fcntl(atoi(argv[2]), F_GETFD) == 0
			       ? 0
			       : 4;
	}
	if (!strcmp(argv[0], "arguments"))
		return argc == 1 + 3000 && strlen(argv[3000]) == 100 ? 0 : 1;
	return 99;
}

static int run_helper(char *const *arguments, char *const *environment)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		execve(abi_self(), arguments, environment);
		_exit(98);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void passes_strings(void)
{
	int pipe_fds[2], status;
	char text[64] = "";

	CHECK_OK(pipe(pipe_fds));
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		dup2(pipe_fds[1], 1);
		execve(abi_self(), (char *[]){"x", "--helper", "echo", "a b", "", "c", NULL},
		       (char *[]){"ABI_TEST=yes", NULL});
		_exit(98);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(WEXITSTATUS(status), 21);
	CHECK(read(pipe_fds[0], text, sizeof(text) - 1) > 0);
	CHECK(!strcmp(text, "a b||c|yes\n"));
}

static void auxiliary_vector(void)
{
	CHECK_EQ(run_helper((char *[]){"x", "--helper", "auxv", (char *)abi_self(), NULL}, NULL),
		 0);
}

static void many_arguments(void)
{
	static char *arguments[3004];
	static char text[101];

	memset(text, 'x', 100);
	arguments[0] = "x";
	arguments[1] = "--helper";
	arguments[2] = "arguments";
	for (int i = 0; i < 3000; i++)
		arguments[3 + i] = text;
	CHECK_EQ(run_helper(arguments, NULL), 0);
}

static void signals_and_descriptors(void)
{
	char closed[16], open[16];
	sigset_t mask;

	snprintf(closed, sizeof(closed), "%d", CHECK_OK(fcntl(1, F_DUPFD_CLOEXEC, 100)));
	snprintf(open, sizeof(open), "%d", CHECK_OK(fcntl(1, F_DUPFD, 200)));
	signal(SIGUSR1, (void (*)(int))many_arguments);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		raise(SIGHUP);
		execve(abi_self(), (char *[]){"x", "--helper", "signals", closed, open, NULL},
		       NULL);
		_exit(98);
	}
	int status;
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
}

static void *exec_in_thread(void *argument)
{
	char pid[16];

	(void)argument;
	snprintf(pid, sizeof(pid), "%d", getpid());
	execve(abi_self(), (char *[]){"x", "--helper", "pid", pid, NULL}, NULL);
	_exit(98);
}

static void *sleep_for_ever(void *argument)
{
	for (;;)
		pause();
	return argument;
}

static void from_a_thread(void)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		pthread_t thread;
		pthread_create(&thread, NULL, sleep_for_ever, NULL);
		pthread_create(&thread, NULL, exec_in_thread, NULL);
		for (;;)
			pause();
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = CHECK_OK(open(path, O_CREAT | O_TRUNC | O_WRONLY, mode));

	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	CHECK_OK(fchmod(fd, mode));
	CHECK_OK(close(fd));
}

static void errors(void)
{
	char *arguments[] = {"x", NULL};
	char path[64], other[64];
	void *volatile wild_address = (void *)8;
	void *wild = wild_address;

	snprintf(path, sizeof(path), "/tmp/abi-exec-%d", getpid());
	snprintf(other, sizeof(other), "/tmp/abi-exec-%d-script", getpid());
	CHECK_ERROR(execve("/nowhere", arguments, NULL), ENOENT);
	CHECK_ERROR(execve("", arguments, NULL), ENOENT);
	CHECK_ERROR(execve("/tmp", arguments, NULL), EACCES);
	CHECK_ERROR(execve(wild, arguments, NULL), EFAULT);
	CHECK_ERROR(execve(abi_self(), wild, NULL), EFAULT);
	write_file(path, "not a program\n", 0755);
	CHECK_ERROR(execve(path, arguments, NULL), ENOEXEC);
	write_file(path, "\177ELF and then nonsense", 0755);
	CHECK_ERROR(execve(path, arguments, NULL), ENOEXEC);
	write_file(path, "", 0755);
	CHECK_ERROR(execve(path, arguments, NULL), ENOEXEC);
	write_file(other, "#!/nowhere/at/all\n", 0755);
	CHECK_ERROR(execve(other, arguments, NULL), ENOENT);
	CHECK_OK(chmod(other, 0644));
	CHECK_ERROR(execve(other, arguments, NULL), EACCES);
	unlink(path);
	unlink(other);
}

static void script(void)
{
	char path[64], text[512];
	int status;

	snprintf(path, sizeof(path), "/tmp/abi-script-%d", getpid());
	snprintf(text, sizeof(text), "#! %s --helper\n", abi_self());
	write_file(path, text, 0755);
	/* The interpreter sees: itself, "--helper", the script's path, the arguments but the first. */
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		execve(path, (char *[]){"zero", "one", NULL}, NULL);
		_exit(98);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	unlink(path);
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 99); /* no helper has the script's name */
}

static void argument_too_long(void)
{
	static char text[200000];

	memset(text, 'x', sizeof(text) - 1);
	CHECK_ERROR(execve(abi_self(), (char *[]){"x", text, NULL}, NULL), E2BIG);
}

const struct abi_case abi_cases[] = {
	CASE(passes_strings, "arguments and environment: execve(2)"),
	CASE(auxiliary_vector, "what the program is told about itself: getauxval(3)"),
	CASE(many_arguments, "three hundred kilobytes of arguments: execve(2)"),
	CASE(signals_and_descriptors,
	     "handlers are reset, ignored and blocked stay, close-on-exec: execve(2)"),
	CASE(from_a_thread, "other threads end, the pid stays: execve(2)"),
	CASE(errors, "each error: execve(2)"),
	CASE(script, "#! with one argument: execve(2)"),
	CASE(argument_too_long, "E2BIG above 128 KiB: execve(2)"),
	HELPER("echo", exec_helper),
	HELPER("pid", exec_helper),
	HELPER("auxv", exec_helper),
	HELPER("signals", exec_helper),
	HELPER("arguments", exec_helper),
	CASES_END,
};
