// SPDX-License-Identifier: MIT
/* fork, exit, wait; groups and sessions. */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fork_exit(int status)
{
	pid_t pid = CHECK_OK(fork());

	if (!pid)
		_exit(status);
	return pid;
}

static pid_t fork_pause(void)
{
	pid_t pid = CHECK_OK(fork());

	while (!pid)
		pause();
	return pid;
}

static void kill_reap(pid_t pid)
{
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitpid(pid, NULL, 0));
}

static void child_copies_memory(void)
{
	volatile int value = 1;
	int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		value = 2;
		shared[0] = 2;
		_exit(value == 2 ? 0 : 1);
	}
	CHECK_EQ(CHECK_OK(waitpid(pid, &status, 0)), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(value, 1);
	CHECK_EQ(shared[0], 2);
}

static void status_of_exit_and_signal(void)
{
	int status;

	CHECK_OK(waitpid(fork_exit(300), &status, 0));
	CHECK(WIFEXITED(status));
	CHECK_EQ(WEXITSTATUS(status), 300 & 0xff);
	pid_t pid = fork_pause();
	CHECK_OK(kill(pid, SIGTERM));
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGTERM);
}

static void wait_errors(void)
{
	int status;

	CHECK_ERROR(wait(&status), ECHILD);
	pid_t pid = fork_pause();
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(waitpid(-1, &status, WNOHANG), 0);
	CHECK_ERROR(waitpid(pid + 1, &status, 0), ECHILD);
	CHECK_ERROR(waitpid(1, &status, 0), ECHILD);
	CHECK_ERROR(waitpid(pid, &status, 0x100), EINVAL);
	CHECK_ERROR(waitid(P_ALL, 0, NULL, 0), EINVAL);
	CHECK_ERROR(waitid(P_PID, 0, NULL, WEXITED), EINVAL);
	kill_reap(pid);
	CHECK_ERROR(waitpid(pid, &status, 0), ECHILD);
}

static void wait_any_finds_the_zombie(void)
{
	pid_t busy[5], done;
	int status;

	for (int i = 0; i < 5; i++)
		busy[i] = fork_pause();
	done = fork_exit(9);
	CHECK_EQ(waitpid(-1, &status, 0), done);
	CHECK_EQ(WEXITSTATUS(status), 9);
	for (int i = 0; i < 5; i++)
		kill_reap(busy[i]);
}

static void wait_for_group(void)
{
	pid_t mine = fork_exit(1), other = fork_pause();

	CHECK_OK(setpgid(other, other));
	CHECK_EQ(waitpid(0, NULL, 0), mine);
	CHECK_ERROR(waitpid(0, NULL, 0), ECHILD);
	CHECK_OK(kill(-other, SIGKILL));
	CHECK_EQ(waitpid(-other, NULL, 0), other);
}

static void waitid_tells_all(void)
{
	siginfo_t info;
	pid_t pid = fork_exit(7);

	memset(&info, 0, sizeof(info));
	CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_status, 7);
	CHECK_EQ(info.si_signo, SIGCHLD);
	/* WNOWAIT: still there. */
	CHECK_OK(waitid(P_PID, pid, &info, WEXITED));
	CHECK_ERROR(waitid(P_PID, pid, &info, WEXITED), ECHILD);
	pid = fork_pause();
	memset(&info, 1, sizeof(info));
	CHECK_OK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG));
	CHECK_EQ(info.si_pid, 0);
	CHECK_EQ(info.si_signo, 0);
	kill_reap(pid);
}

static void stop_and_continue(void)
{
	pid_t pid = fork_pause();
	int status;

	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(WSTOPSIG(status), SIGSTOP);
	/* Told once. */
	CHECK_EQ(waitpid(pid, &status, WUNTRACED | WNOHANG), 0);
	CHECK_OK(kill(pid, SIGCONT));
	CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
	CHECK(WIFCONTINUED(status));
	/* SIGKILL ends a stopped process too. */
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WTERMSIG(status), SIGKILL);
}

static void ignored_children_leave_no_zombie(void)
{
	signal(SIGCHLD, SIG_IGN);
	fork_exit(0);
	fork_exit(0);
	CHECK_ERROR(wait(NULL), ECHILD);
}

static void orphan_gets_new_parent(void)
{
	int pipe_fds[2];
	pid_t parents[2] = {0, 0};

	CHECK_OK(pipe(pipe_fds));
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		pid_t self = getpid();
		if (!fork()) {
			while (getppid() == self)
				sched_yield();
			parents[0] = getppid();
			parents[1] = self;
			(void)!write(pipe_fds[1], parents, sizeof(parents));
			_exit(0);
		}
		_exit(0);
	}
	CHECK_OK(waitpid(pid, NULL, 0));
	CHECK_EQ(read(pipe_fds[0], parents, sizeof(parents)), sizeof(parents));
	CHECK_EQ(parents[1], pid);
	CHECK(parents[0] != pid);
}

static void death_signal(void)
{
	int pipe_fds[2];
	char byte;

	CHECK_OK(pipe(pipe_fds));
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		if (!fork()) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)!write(pipe_fds[1], "r", 1);
			for (;;)
				pause();
		}
		(void)!read(pipe_fds[0], &byte, 1);
		_exit(0);
	}
	close(pipe_fds[1]);
	CHECK_OK(waitpid(pid, NULL, 0));
	/* The end of file comes when the grandchild, too, is gone. */
	CHECK_EQ(read(pipe_fds[0], &byte, 1), 0);
}

static void vfork_shares_memory(void)
{
	static volatile int value;
	int status;

	value = 0;
	pid_t pid = vfork();
	if (!pid) {
		value = 5;
		_exit(3);
	}
	CHECK_EQ(value, 5);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(WEXITSTATUS(status), 3);
}

static void vfork_parent_is_uninterruptible(void)
{
	static volatile char state;
	int status;

	pid_t pid = vfork();
	if (!pid) {
		char path[32], text[256] = "";

		snprintf(path, sizeof(path), "/proc/%d/stat", getppid());
		for (int i = 0; i < 1000 && state != 'D'; i++) {
			int fd = open(path, O_RDONLY);
			if (read(fd, text, sizeof(text) - 1) > 0)
				state = strrchr(text, ')')[2];
			close(fd);
			usleep(1000);
		}
		_exit(0);
	}
	CHECK_EQ(state, 'D');
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

/* ---- groups and sessions ---- */

static void groups(void)
{
	pid_t a = fork_pause(), b = fork_pause();

	CHECK_EQ(getpgid(a), getpgrp());
	CHECK_OK(setpgid(a, 0));
	CHECK_EQ(getpgid(a), a);
	CHECK_OK(setpgid(b, a));
	CHECK_EQ(getpgid(b), a);
	CHECK_ERROR(setpgid(b, b + 1000), EPERM);
	CHECK_ERROR(setpgid(a, -1), EINVAL);
	CHECK_ERROR(setpgid(30000, 0), ESRCH);
	CHECK_OK(kill(-a, SIGKILL));
	CHECK_OK(waitpid(a, NULL, 0));
	CHECK_OK(waitpid(b, NULL, 0));
	CHECK_ERROR(kill(-a, 0), ESRCH);
}

static void session_child(void *argument)
{
	(void)argument;
	CHECK_EQ(setsid(), getpid());
	CHECK_EQ(getsid(0), getpid());
	CHECK_EQ(getpgrp(), getpid());
	CHECK_ERROR(setsid(), EPERM);
	CHECK_ERROR(setpgid(0, 0), EPERM);
	pid_t pid = fork_pause();
	CHECK_EQ(getsid(pid), getpid());
	kill_reap(pid);
}

static void sessions(void)
{
	abi_in_child(session_child, NULL);
}

static void setpgid_after_exec(void)
{
	int pipe_fds[2];
	char byte;

	CHECK_OK(pipe(pipe_fds));
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		dup2(pipe_fds[1], 1);
		execve(abi_self(), (char *[]){"x", "--helper", "echo", NULL}, NULL);
		_exit(98);
	}
	CHECK_EQ(read(pipe_fds[0], &byte, 1), 1);
	CHECK_ERROR(setpgid(pid, pid), EACCES);
	CHECK_OK(waitpid(pid, NULL, 0));
}

/* ---- many ---- */

static void many_children(void)
{
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 40; i++)
			fork_exit(i);
		for (int i = 0; i < 40; i++)
			CHECK_OK(wait(NULL));
	}
	CHECK_ERROR(wait(NULL), ECHILD);
}

static void clone_errors(void)
{
	CHECK_ERROR(syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_clone3, NULL, 8), EINVAL);
}

static void scheduling_policies(void)
{
	struct sched_param none = {0}, some = {1};
	int status;

	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	CHECK_OK(sched_setscheduler(0, SCHED_BATCH, &none));
	CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
	CHECK_OK(sched_setparam(0, &none));
	pid_t child = CHECK_OK(fork());
	if (!child)
		_exit(sched_getscheduler(0));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(WEXITSTATUS(status), SCHED_BATCH);
	CHECK_EQ(sched_getscheduler(0), SCHED_BATCH);
	CHECK_ERROR(sched_setscheduler(0, SCHED_BATCH, &some), EINVAL);
	CHECK_ERROR(sched_setscheduler(0, 77, &none), EINVAL);
	CHECK_ERROR(sched_setscheduler(-1, SCHED_OTHER, &none), EINVAL);
	CHECK_ERROR(sched_setscheduler(999999999, SCHED_OTHER, &none), ESRCH);
	CHECK_OK(sched_setscheduler(0, SCHED_OTHER, &none));
}

const struct abi_case abi_cases[] = {
	CASE(child_copies_memory, "private memory is copied, shared memory is not: fork(2)"),
	CASE(status_of_exit_and_signal, "8 bits of the status, or the signal: wait(2)"),
	CASE(wait_errors, "ECHILD without such children, EINVAL for options: wait(2)"),
	CASE(wait_any_finds_the_zombie, "whoever ended is found first: wait(2)"),
	CASE(wait_for_group, "0 and -group choose by process group: wait(2)"),
	CASE(waitid_tells_all, "siginfo, WNOWAIT, WNOHANG: waitid(2)"),
	CASE(stop_and_continue, "WUNTRACED, WCONTINUED, each told once: wait(2)"),
	CASE(ignored_children_leave_no_zombie, "SIGCHLD ignored: sigaction(2), wait(2)"),
	CASE(orphan_gets_new_parent, "an orphan has another parent: fork(2)"),
	CASE(death_signal, "PR_SET_PDEATHSIG: prctl(2)"),
	CASE(vfork_shares_memory, "the child runs in the parent's memory, first: vfork(2)"),
	CASE(vfork_parent_is_uninterruptible, "state D: vfork(2), proc(5)"),
	CASE(groups, "setpgid, getpgid, kill of a group: setpgid(2), kill(2)"),
	CASE(sessions, "a leader cannot leave: setsid(2)"),
	CASE(setpgid_after_exec, "EACCES once the child called execve: setpgid(2)"),
	CASE(many_children, "two hundred children, none lost: fork(2), wait(2)"),
	CASE(clone_errors, "flags that need others: clone(2)"),
	CASE(scheduling_policies, "the policy is kept and inherited: sched_setscheduler(2)"),
	CASES_END,
};
