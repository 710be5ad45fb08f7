// SPDX-License-Identifier: MIT
/* Processes and threads, namespaces, other processes' memory, futexes. */

#include "call.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct timespec soon = {0, 1000};
static struct iovec here, there;
static struct clone_args arguments = {.exit_signal = SIGCHLD};
static char long_argument[20000];
static struct {
	uint64_t value, address;
	uint32_t flags, reserved;
} waited[2];

static void reap(long pid)
{
	need(waitpid((pid_t)pid, NULL, 0) == pid, "waitpid");
}

/* Calls that come back in a child: it ends there. */
static long parent_only(long pid)
{
	if (!pid)
		syscall(SYS_exit_group, 0);
	return pid;
}

/* In tables that nothing else is in. */
static void guards_make(void)
{
	void *guarded = mmap((void *)0x7000000000, AREA, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	need(guarded != MAP_FAILED, "mmap");
	need(madvise(guarded, AREA, MADV_GUARD_INSTALL) == 0, "madvise");
}

static long run_clone(void)
{
	return parent_only(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static long run_clone3(void)
{
	return parent_only(syscall(SYS_clone3, &arguments, sizeof(arguments)));
}

static int thread_nothing(void *argument)
{
	(void)argument;
	syscall(SYS_exit, 0);
	return 0;
}

static long run_thread(void)
{
	int tid = clone(thread_nothing, (char *)ARENA + AREA,
			CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM,
			NULL);

	return tid;
}

static void thread_end(long tid)
{
	for (int i = 0; i < 1000 && syscall(SYS_tgkill, getpid(), tid, 0) == 0; i++)
		usleep(100);
}

static long run_clone_namespace(void)
{
	return parent_only(syscall(SYS_clone, SIGCHLD | CLONE_NEWIPC, 0, 0, 0, 0));
}

#ifdef SYS_fork
static long run_fork(void)
{
	return parent_only(syscall(SYS_fork));
}
#endif

/* The child runs on our stack meanwhile. */
static long run_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	return pid;
}

static long run_execve(void)
{
	char *const list[] = {"/proc/self/exe", "--left", long_argument, NULL};

	return execve("/proc/self/exe", list, environment);
}

static long run_execveat(void)
{
	char *const list[] = {"/proc/self/exe", "--left", long_argument, NULL};

	return syscall(SYS_execveat, AT_FDCWD, "/proc/self/exe", list, environment, 0);
}

static void fill_argument(void)
{
	memset(long_argument, 'x', sizeof(long_argument) - 1);
}

static long run_exit(void)
{
	return syscall(SYS_exit, 0);
}

static long run_exit_group(void)
{
	return syscall(SYS_exit_group, 0);
}

static void child_ended(void)
{
	pid_t pid = fork();

	need(pid >= 0, "fork");
	if (!pid)
		_exit(0);
	siginfo_t state;
	need(waitid(P_PID, (id_t)pid, &state, WEXITED | WNOWAIT) == 0, "waitid");
	world_touch();
}

static void child_started(void)
{
	helper_start();
}

static void no_leader(void)
{
	need(setpgid(0, getpgid(getppid())) == 0, "setpgid");
}

static void pieces_make(void)
{
	here = (struct iovec){buffer, 1000};
	there = (struct iovec){(void *)ARENA, 1000};
}

static void untouched_pieces_make(void)
{
	here = (struct iovec){buffer, 1000};
	there = (struct iovec){(void *)(SHARED + 40 * PAGE), 1000};
}

static long run_namespace(void)
{
	return unshare(CLONE_NEWIPC);
}

static void waited_make(void)
{
	waited[0].value = 1;
	waited[0].address = (uint64_t)SHARED;
	waited[0].flags = FUTEX_32;
	waited[1] = waited[0];
	*(volatile uint32_t *)SHARED = 0;
}

#define ALLOCATES .flags = CALL_ALLOCATES
/* The parent writes to pages that it now shares with the child: a copy each. */
#define FORKS .flags = CALL_ALLOCATES | CALL_ALONE | CALL_KILLS, .errors = {EAGAIN}

const struct call calls_process[] = {
	{RUN(clone, NULL, run_clone), FORKS, .undo = reap},
	{RUN(clone, "guards", run_clone), FORKS, .ready = guards_make, .undo = reap},
	{RUN(clone, "thread", run_thread), .flags = CALL_ALLOCATES, .errors = {EAGAIN},
	 .undo = thread_end},
	{RUN(clone, "namespace", run_clone_namespace),
	 .flags = CALL_ALLOCATES | CALL_ALONE | CALL_KILLS, .errors = {EAGAIN, ENOSPC},
	 .undo = reap},
	{RUN(clone3, NULL, run_clone3), FORKS, .undo = reap},
	{RUN(execve, NULL, run_execve), .before = fill_argument,
	 .flags = CALL_ALLOCATES | CALL_ALONE | CALL_KILLS | CALL_SEGV, .errors = {E2BIG, EAGAIN}},
	{RUN(execveat, NULL, run_execveat), .before = fill_argument,
	 .flags = CALL_ALLOCATES | CALL_ALONE | CALL_KILLS | CALL_SEGV, .errors = {E2BIG, EAGAIN}},
	{RUN(exit, NULL, run_exit), .flags = CALL_ALONE},
	{RUN(exit_group, NULL, run_exit_group), .flags = CALL_ALONE},
	{CALL(wait4, -1, AT(buffer), 0, AT(buffer + 64)), .ready = child_ended},
	{CALL(waitid, P_ALL, 0, AT(buffer), WEXITED, AT(buffer + 256)), .ready = child_ended},
	{CALL(setpgid, 0, 0)},
	{CALL(setpgid, 0, 0), .what = "new group", .first = &helper_pid, .ready = child_started,
	 .flags = CALL_ALONE},
	{CALL(setsid, 0), .ready = no_leader, .flags = CALL_ALONE},
	{RUN(unshare, NULL, run_namespace), .flags = CALL_ALLOCATES | CALL_ALONE,
	 .errors = {ENOSPC}},
	{CALL(unshare, CLONE_FILES | CLONE_FS), .what = "files",
	 .flags = CALL_ALLOCATES | CALL_ALONE},
	{CALL(setns, FD_NAMESPACE, CLONE_NEWIPC)},
	{CALL(pidfd_open, 0), .first = &own_pid, ALLOCATES, .undo = undo_close},
	{CALL(pidfd_send_signal, FD_SELF, 0, 0, 0)},
	{CALL(process_vm_readv, 0, AT(&here), 1, AT(&there), 1, 0), .first = &own_pid, ALLOCATES,
	 .before = pieces_make},
	{CALL(process_vm_writev, 0, AT(&here), 1, AT(&there), 1, 0), .first = &own_pid, ALLOCATES,
	 .before = pieces_make},
	{CALL(process_vm_writev, 0, AT(&here), 1, AT(&there), 1, 0), .what = "untouched",
	 .first = &own_pid, .flags = CALL_ALLOCATES | CALL_ALONE, .before = untouched_pieces_make,
	 .errors = {EFAULT}},
	{CALL(futex, SHARED, FUTEX_WAKE, 1)},
	{CALL(futex, SHARED, FUTEX_WAIT, 0, AT(&soon)), .what = "wait", .answer = ETIMEDOUT,
	 .ready = waited_make},
	{.name = "futex_waitv",
	 .number = 449,
	 .argument = {AT(waited), 1, 0, 0, 0},
	 .answer = EAGAIN,
	 ALLOCATES,
	 .ready = waited_make},
	{.name = "futex_wake", .number = 454, .argument = {SHARED, 1, 1, FUTEX_32}},
	{.name = "futex_wait",
	 .number = 455,
	 .argument = {SHARED, 1, 1, FUTEX_32},
	 .answer = EAGAIN,
	 .ready = waited_make},
	{.name = "futex_requeue",
	 .number = 456,
	 .argument = {AT(waited), 0, 1, 1},
	 .answer = EAGAIN,
	 .ready = waited_make},
	{CALL(nanosleep, AT(&soon), 0)},
	{CALL(clock_nanosleep, CLOCK_MONOTONIC, 0, AT(&soon), 0)},
#ifdef SYS_fork
	{RUN(fork, NULL, run_fork), FORKS, .undo = reap},
	{RUN(vfork, NULL, run_vfork), .flags = CALL_ALLOCATES | CALL_ALONE, .errors = {EAGAIN},
	 .undo = reap},
#else
	{RUN(clone, "vfork", run_vfork), .flags = CALL_ALLOCATES | CALL_ALONE, .errors = {EAGAIN},
	 .undo = reap},
#endif
	{0},
};
