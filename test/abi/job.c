// SPDX-License-Identifier: MIT
/* Stopping and continuing whole processes, how long groups live, orphaned ones, and what fork and exec keep. */

#define _GNU_SOURCE
#include "abi.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int *words; /* shared */

static void share_words(void)
{
	words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(words != MAP_FAILED);
}

static void *count_for_ever(void *argument)
{
	for (;;) {
		atomic_fetch_add(&words[(long)argument], 1);
		usleep(100);
	}
	return NULL;
}

static void until_more(int index)
{
	int before = atomic_load(&words[index]);

	while (atomic_load(&words[index]) == before)
		usleep(1000);
}

static void stop_halts_all_threads(void)
{
	int status;

	share_words();
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		pthread_t thread;
		for (long i = 1; i < 4; i++)
			pthread_create(&thread, NULL, count_for_ever, (void *)i);
		count_for_ever((void *)0);
	}
	for (int i = 0; i < 4; i++)
		until_more(i);
	for (int round = 0; round < 5; round++) {
		int seen[4];
		CHECK_OK(kill(pid, SIGSTOP));
		CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
		CHECK(WIFSTOPPED(status));
		abi_sleep_ms(10); /* a thread that runs stops within its next step */
		for (int i = 0; i < 4; i++)
			seen[i] = atomic_load(&words[i]);
		abi_sleep_ms(20);
		for (int i = 0; i < 4; i++)
			CHECK_EQ(atomic_load(&words[i]), seen[i]);
		CHECK_OK(kill(pid, SIGCONT));
		CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
		for (int i = 0; i < 4; i++)
			until_more(i);
	}
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static volatile sig_atomic_t count, last_code, last_status;

static void on_child(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	last_code = info->si_code;
	last_status = info->si_status;
	count++;
}

static void until_count(int value)
{
	while (count < value)
		usleep(1000);
}

static pid_t fork_pause(void)
{
	pid_t pid = CHECK_OK(fork());

	while (!pid)
		pause();
	return pid;
}

static void parent_learns_of_stops(void)
{
	struct sigaction action = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO};

	CHECK_OK(sigaction(SIGCHLD, &action, NULL));
	pid_t pid = fork_pause();
	CHECK_OK(kill(pid, SIGTSTP));
	until_count(1);
	CHECK_EQ(last_code, CLD_STOPPED);
	CHECK_EQ(last_status, SIGTSTP);
	CHECK_OK(kill(pid, SIGCONT));
	until_count(2);
	CHECK_EQ(last_code, CLD_CONTINUED);
	CHECK_EQ(last_status, SIGCONT);
	action.sa_flags |= SA_NOCLDSTOP;
	CHECK_OK(sigaction(SIGCHLD, &action, NULL));
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, NULL, WUNTRACED), pid);
	CHECK_EQ(count, 2);
	CHECK_OK(kill(pid, SIGKILL));
	until_count(3);
	CHECK_EQ(last_code, CLD_KILLED);
	CHECK_EQ(last_status, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void waitid_of_stops(void)
{
	siginfo_t info;
	pid_t pid = fork_pause();

	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
	CHECK_EQ(info.si_code, CLD_STOPPED);
	CHECK_EQ(info.si_status, SIGSTOP);
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WSTOPPED));
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WCONTINUED));
	CHECK_EQ(info.si_code, CLD_CONTINUED);
	CHECK_EQ(info.si_status, SIGCONT);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED));
	CHECK_EQ(info.si_code, CLD_KILLED);
	CHECK_EQ(info.si_status, SIGKILL);
}

static void on_hangup(int signal)
{
	atomic_store(&words[signal], 1);
}

/* A session: leader, a job leader in another group, and its child, stopped, in that group. */
static void orphaned_group_is_told(void)
{
	share_words();
	pid_t leader = CHECK_OK(fork());
	if (!leader) {
		setsid();
		pid_t job = fork();
		if (!job) {
			setpgid(0, 0);
			pid_t member = fork();
			if (!member) {
				signal(SIGHUP, on_hangup);
				signal(SIGCONT, on_hangup);
				raise(SIGSTOP);
				atomic_store(&words[0], 1);
				_exit(0);
			}
			waitpid(member, NULL, WUNTRACED);
			_exit(0); /* now nobody in the session can continue the member */
		}
		waitpid(job, NULL, 0);
		_exit(0);
	}
	/* The group keeps a parent in the session only as long as the job leader lives. */
	CHECK_OK(waitpid(leader, NULL, 0));
	for (int i = 0; i < 3000 && !atomic_load(&words[0]); i++)
		usleep(1000);
	CHECK(atomic_load(&words[0]));
	CHECK(atomic_load(&words[SIGHUP]));
	CHECK(atomic_load(&words[SIGCONT]));
}

/* ---- how long groups live ---- */

static void kill_reap(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void group_outlives_its_starter(void)
{
	pid_t a = fork_pause(), b = fork_pause(), c = fork_pause();

	CHECK_OK(setpgid(a, 0));
	CHECK_OK(setpgid(b, a));
	kill_reap(a);
	CHECK_EQ(getpgid(b), a);
	CHECK_OK(setpgid(c, a));
	kill_reap(b);
	CHECK_OK(kill(-a, 0));
	CHECK_ERROR(setpgid(a, a), ESRCH);
	kill_reap(c);
	CHECK_ERROR(kill(-a, 0), ESRCH);
}

static void group_started_again(void)
{
	pid_t a = fork_pause(), b = fork_pause();

	CHECK_OK(setpgid(b, 0));
	for (int i = 0; i < 100; i++) {
		CHECK_OK(setpgid(a, 0));
		CHECK_OK(setpgid(a, b));
		/* Nobody is left in it. */
		CHECK_ERROR(setpgid(b, a), EPERM);
	}
	CHECK_OK(setpgid(a, 0));
	CHECK_OK(setpgid(b, a));
	CHECK_OK(setpgid(a, getpgrp()));
	CHECK_EQ(getpgid(b), a);
	CHECK_OK(setpgid(a, 0));
	CHECK_OK(kill(-a, SIGKILL));
	CHECK_EQ(waitpid(a, NULL, 0), a);
	CHECK_EQ(waitpid(b, NULL, 0), b);
}

static void leave_group_behind(void *argument)
{
	pid_t old = getpgrp(), leader = getpid();
	int *ends = argument;

	CHECK_OK(setpgid(0, 0));
	pid_t pid = fork_pause();
	CHECK_OK(setpgid(0, old));
	CHECK_ERROR(setsid(), EPERM);
	kill_reap(pid);
	CHECK_EQ(setsid(), getpid());
	/* The session goes on without its leader. */
	pid = CHECK_OK(fork());
	if (!pid) {
		while (kill(leader, 0) == 0) /* until it was waited for */
			usleep(1000);
		CHECK_EQ(getsid(0), leader);
		CHECK_EQ(getpgrp(), leader);
		CHECK_OK(setpgid(0, 0));
		CHECK_EQ(getsid(0), leader);
		CHECK_EQ(setpgid(0, leader), -1);
		CHECK_EQ(errno, EPERM);
		CHECK_ERROR(setsid(), EPERM);
		CHECK_EQ(write(ends[1], "", 1), 1);
		_exit(0);
	}
}

static void session_needs_a_free_number(void)
{
	int ends[2];
	char byte;

	CHECK_OK(pipe(ends));
	abi_in_child(leave_group_behind, ends);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(read(ends[0], &byte, 1), 1); /* else the grandchild has failed */
}

static void stop_self(void *argument)
{
	(void)argument;
	setsid();
	/* An orphaned group is not stopped by the terminal's signals; by SIGSTOP it would be. */
	raise(SIGTSTP);
	raise(SIGTTIN);
	raise(SIGTTOU);
}

static void orphan_ignores_terminal_stops(void)
{
	abi_in_child(stop_self, NULL);
}

static void continue_discards_stops(void)
{
	sigset_t set, pending;

	sigemptyset(&set);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGCONT);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	raise(SIGTSTP);
	raise(SIGCONT);
	CHECK_OK(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGTSTP));
	raise(SIGTSTP);
	CHECK_OK(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGCONT));
	CHECK(sigismember(&pending, SIGTSTP));
	raise(SIGCONT);
}

/* ---- what fork and exec keep ---- */

static void fork_child(void *argument)
{
	sigset_t mask, pending;
	struct itimerval timer;
	stack_t stack;

	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &mask));
	CHECK(sigismember(&mask, SIGUSR1));
	CHECK_OK(sigpending(&pending));
	CHECK(!sigismember(&pending, SIGUSR1));
	CHECK_OK(getitimer(ITIMER_REAL, &timer));
	CHECK_EQ(timer.it_value.tv_sec, 0);
	CHECK_OK(sigaltstack(NULL, &stack));
	CHECK(stack.ss_sp == argument);
	CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
}

static void fork_keeps(void)
{
	static char alternative[65536];
	stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	signal(SIGUSR2, SIG_IGN);
	raise(SIGUSR1);
	alarm(20);
	CHECK_OK(sigaltstack(&stack, NULL));
	abi_in_child(fork_child, alternative);
	CHECK(alarm(0) > 10);
}

static int look_at_kept(int argc, char **argv)
{
	struct itimerval timer;
	stack_t stack;

	(void)argc;
	(void)argv;
	getitimer(ITIMER_REAL, &timer);
	sigaltstack(NULL, &stack);
	return timer.it_value.tv_sec > 0 && stack.ss_flags == SS_DISABLE ? 0 : 1;
}

static void exec_child(void *argument)
{
	static char alternative[65536];
	stack_t stack = {.ss_sp = alternative, .ss_size = sizeof(alternative)};

	(void)argument;
	CHECK_OK(sigaltstack(&stack, NULL));
	alarm(20);
	execve(abi_self(), (char *[]){"x", "--helper", "kept", NULL}, NULL);
	_exit(98);
}

static void exec_keeps(void)
{
	abi_in_child(exec_child, NULL);
}

static void vfork_child_killed(void)
{
	int status;
	pid_t pid = vfork();

	if (!pid) {
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static void vfork_parent_killed(void)
{
	int status;

	share_words();
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		if (!vfork()) {
			atomic_store(&words[0], 1);
			usleep(50000);
			atomic_store(&words[1], 1);
			_exit(0);
		}
		_exit(0);
	}
	while (!atomic_load(&words[0]))
		usleep(1000);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WTERMSIG(status), SIGKILL);
	/* The child goes on in the memory that was its parent's. */
	while (!atomic_load(&words[1]))
		usleep(1000);
}

const struct abi_case abi_cases[] = {
	CASE(stop_halts_all_threads, "SIGSTOP and SIGCONT mean the whole process: signal(7)"),
	CASE(parent_learns_of_stops, "SIGCHLD for stops, unless SA_NOCLDSTOP: sigaction(2)"),
	CASE(waitid_of_stops, "CLD_STOPPED, CLD_CONTINUED, CLD_KILLED: waitid(2)"),
	CASE(orphaned_group_is_told,
	     "SIGHUP and SIGCONT to a stopped orphaned group: POSIX, _exit"),
	CASE(orphan_ignores_terminal_stops, "an orphaned group is not stopped: POSIX, SIGTSTP"),
	CASE(continue_discards_stops, "SIGCONT and stops discard each other: POSIX"),
	CASE(group_outlives_its_starter,
	     "a group has its number until its last member leaves: setpgid(2), POSIX"),
	CASE(group_started_again, "who left may come back, and start it again: setpgid(2)"),
	CASE(session_needs_a_free_number, "EPERM while a group has the caller's number; without "
					  "its leader it goes on: setsid(2)"),
	CASE(fork_keeps, "mask, handlers, stack; not pending signals, not timers: fork(2)"),
	CASE(exec_keeps, "the alarm goes on, the alternative stack is gone: execve(2)"),
	CASE(vfork_child_killed, "death by a signal ends vfork's wait: vfork(2)"),
	CASE(vfork_parent_killed, "a waiting parent can be killed: vfork(2), observed"),
	HELPER("kept", look_at_kept),
	CASES_END,
};
