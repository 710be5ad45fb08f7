// SPDX-License-Identifier: MIT
/* How many threads a user may have: what counts, from when, and until when. */

#define _GNU_SOURCE
#include "abi.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Nobody else's. */
static uid_t own_user(void)
{
	return 20000 + (uid_t)getpid() % 40000;
}

static void limit_set(rlim_t count)
{
	struct rlimit limit = {count, count};

	CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
}

static void *do_nothing(void *argument)
{
	return argument;
}

static void wait_to_be_killed(void *argument)
{
	(void)argument;
	for (;;)
		pause();
}

static void end_at_once(void *argument)
{
	(void)argument;
}

static void kill_and_wait(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* So many processes more fit under the limit, and no other. */
static void room_is(unsigned count)
{
	pid_t pids[8];

	for (unsigned i = 0; i < count; i++)
		pids[i] = abi_start(wait_to_be_killed, NULL);
	CHECK_ERROR(fork(), EAGAIN);
	for (unsigned i = 0; i < count; i++)
		kill_and_wait(pids[i]);
}

static void limited_user(void *argument)
{
	pthread_t thread;

	(void)argument;
	abi_become(own_user(), own_user());
	limit_set(3);
	pid_t first = abi_start(wait_to_be_killed, NULL);
	pid_t second = abi_start(wait_to_be_killed, NULL);
	CHECK_ERROR(fork(), EAGAIN);
	CHECK_EQ(pthread_create(&thread, NULL, do_nothing, NULL), EAGAIN);
	/* A zombie counts until it is waited for. */
	CHECK_OK(kill(first, SIGKILL));
	CHECK_OK(waitid(P_PID, (id_t)first, &(siginfo_t){0}, WEXITED | WNOWAIT));
	CHECK_ERROR(fork(), EAGAIN);
	CHECK_EQ(waitpid(first, NULL, 0), first);
	CHECK_EQ(pthread_create(&thread, NULL, do_nothing, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	kill_and_wait(second);
}

static void number_of_processes(void)
{
	abi_in_child(limited_user, NULL);
	/* Not root's. */
	limit_set(1);
	abi_in_child(end_at_once, NULL);
}

/* ---- the first thread ---- */

static void *second_thread(void *argument)
{
	pthread_t thread;

	(void)argument;
	abi_sleep_ms(100); /* the first one has ended */
	int err = pthread_create(&thread, NULL, do_nothing, NULL);
	_exit(err == EAGAIN ? 0 : 1);
}

static void first_thread_ends(void *argument)
{
	pthread_t thread;

	(void)argument;
	abi_become(own_user(), own_user());
	limit_set(2);
	CHECK_EQ(pthread_create(&thread, NULL, second_thread, NULL), 0);
	syscall(SYS_exit, 0);
}

static void first_thread_counts_on(void)
{
	abi_in_child(first_thread_ends, NULL);
}

/* ---- all is given back ---- */

static int exec_nothing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

static void exec_self(void)
{
	char *arguments[] = {(char *)abi_self(), "--helper", "nothing", NULL};

	execv(abi_self(), arguments);
	_exit(errno == EACCES ? ABI_STATUS_SKIP : 1);
}

static void *exec_thread(void *argument)
{
	exec_self();
	return argument;
}

static void exec_in_thread(void *argument)
{
	pthread_t thread;

	(void)argument;
	if (pthread_create(&thread, NULL, exec_thread, NULL))
		_exit(1);
	for (;;)
		pause();
}

static void *exit_group(void *argument)
{
	(void)argument;
	_exit(0);
}

static void end_in_thread(void *argument)
{
	pthread_t thread;

	(void)argument;
	if (pthread_create(&thread, NULL, exit_group, NULL))
		_exit(1);
	syscall(SYS_exit, 0);
}

static void vfork_and_end(void *argument)
{
	(void)argument;
	pid_t pid = vfork();
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void many_ends(void *argument)
{
	(void)argument;
	abi_become(own_user(), own_user());
	limit_set(4);
	for (unsigned i = 0; i < 10; i++) {
		pthread_t thread;

		abi_in_child(end_at_once, NULL);
		abi_in_child(exec_in_thread, NULL);
		abi_in_child(end_in_thread, NULL);
		abi_in_child(vfork_and_end, NULL);
		kill_and_wait(abi_start(wait_to_be_killed, NULL));
		CHECK_EQ(pthread_create(&thread, NULL, do_nothing, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	/* A child that nobody wants to know of. */
	signal(SIGCHLD, SIG_IGN);
	pid_t pid = abi_start(end_at_once, NULL);
	while (kill(pid, 0) == 0)
		abi_sleep_ms(1);
	signal(SIGCHLD, SIG_DFL);
	abi_sleep_ms(20); /* the last threads are on their way out */
	room_is(3);
}

static void all_is_given_back(void)
{
	abi_in_child(many_ends, NULL);
}

/* ---- who becomes another user ---- */

static void become(uid_t uid)
{
	CHECK_OK(setresuid(uid, (uid_t)-1, (uid_t)-1));
}

static void real_user_counts(void *argument)
{
	uid_t uid = own_user();

	(void)argument;
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		abi_become(uid, uid);
		limit_set(2);
		room_is(1);
		kill(getppid(), SIGUSR1);
		wait_to_be_killed(NULL);
	}
	abi_sleep_ms(50);
	/* The real one alone: this process has the other ids of root still. */
	for (unsigned i = 0; i < 100; i++) {
		become(uid);
		become(uid + 1);
		become(0);
	}
	kill_and_wait(pid);
	pid = CHECK_OK(fork());
	if (!pid) {
		limit_set(2);
		become(uid);
		CHECK_OK(setresuid((uid_t)-1, uid, uid));
		room_is(1);
		_exit(0);
	}
	abi_join(pid);
}

static void usr1(int signal)
{
	(void)signal;
}

static void real_user_alone(void)
{
	if (!abi_is_root())
		SKIP("needs to change its user: run as root");
	signal(SIGUSR1, usr1);
	abi_in_child(real_user_counts, NULL);
}

/* ---- execve after setuid ---- */

static void exec_over_limit(uid_t uid, unsigned others, bool fails)
{
	pid_t pids[4];

	for (unsigned i = 0; i < others; i++) {
		pids[i] = CHECK_OK(fork());
		if (!pids[i]) {
			CHECK_OK(setuid(uid));
			wait_to_be_killed(NULL);
		}
	}
	abi_sleep_ms(50);
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		char *arguments[] = {(char *)abi_self(), "--helper", "nothing", NULL};

		CHECK_OK(setuid(uid));
		if (!fails)
			exec_self();
		/* Before the file is looked for, but not before its name is read. */
		CHECK_ERROR(execv("/is-not-there", arguments), EAGAIN);
		CHECK_ERROR(execv(abi_self(), arguments), EAGAIN);
		CHECK_ERROR(syscall(SYS_execve, 1l, arguments, NULL), EFAULT);
		_exit(0);
	}
	abi_join(pid);
	for (unsigned i = 0; i < others; i++)
		kill_and_wait(pids[i]);
}

/* Too many at first; some end, and it may. Then it is not asked again. */
static void exec_once_there_is_room(uid_t uid)
{
	int ready[2], go[2];
	char byte = 0;

	CHECK_OK(pipe(ready));
	CHECK_OK(pipe(go));
	pid_t others[3];
	for (unsigned i = 0; i < 3; i++) {
		others[i] = CHECK_OK(fork());
		if (!others[i]) {
			CHECK_OK(setuid(uid));
			CHECK_EQ(write(ready[1], &byte, 1), 1);
			wait_to_be_killed(NULL);
		}
		CHECK_EQ(read(ready[0], &byte, 1), 1);
	}
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		char *arguments[] = {(char *)abi_self(), NULL};

		CHECK_OK(setuid(uid));
		CHECK_ERROR(execv("/is-not-there", arguments), EAGAIN);
		CHECK_EQ(write(ready[1], &byte, 1), 1);
		CHECK_EQ(read(go[0], &byte, 1), 1);
		CHECK_ERROR(execv("/is-not-there", arguments), ENOENT);
		exec_self();
	}
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	for (unsigned i = 0; i < 3; i++)
		kill_and_wait(others[i]);
	CHECK_EQ(write(go[1], &byte, 1), 1);
	abi_join(pid);
}

static void setuid_over_limit(void)
{
	uid_t uid = own_user();

	if (!abi_is_root())
		SKIP("needs to change its user: run as root");
	limit_set(2);
	exec_over_limit(uid, 2, false); /* only those that were there before count */
	exec_over_limit(uid, 3, true);
	exec_once_there_is_room(uid);
}

const struct abi_case abi_cases[] = {
	CASE(number_of_processes,
	     "RLIMIT_NPROC: EAGAIN, threads and zombies count, not root's: fork(2)"),
	CASE(first_thread_counts_on,
	     "a first thread that ended counts until its process is waited for: observed"),
	CASE(all_is_given_back,
	     "whatever way a thread ends, its place is free again: getrlimit(2)"),
	CASE(real_user_alone, "threads count for their real user: getrlimit(2)"),
	CASE(setuid_over_limit, "setuid goes over RLIMIT_NPROC, execve fails then: execve(2)"),
	HELPER("nothing", exec_nothing),
	CASES_END,
};
