// SPDX-License-Identifier: MIT
/*
 * Memory runs out while a process forks, starts a thread, execs or ends: for
 * each N the Nth allocation from then on fails, in a child that may well die of
 * it. The machine must go on, and all memory must come back. Needs
 * /proc/thread-self/fail-nth (shortage.c).
 */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul

static volatile unsigned *left; /* shared: what the child did not use up; 0 too if it died */

static uint64_t frames_but_small(void)
{
	return abi_samepage_counter("free_frames") + abi_samepage_counter("small_bytes") / PAGE;
}

static int control = -1; /* open from the start: who changes users may not open it any more */

static void arm(unsigned n)
{
	char text[16];

	control = open("/proc/thread-self/fail-nth", O_RDWR);
	if (control < 0 || pwrite(control, text, (size_t)sprintf(text, "%u", n), 0) < 0)
		_exit(3);
}

static void disarm(void)
{
	char text[16] = "";

	if (pread(control, text, sizeof(text) - 1, 0) > 0)
		*left = (unsigned)atoi(text);
}

static void one_child(void (*run)(void), unsigned n)
{
	pid_t pid = CHECK_OK(fork());

	*left = 0;
	if (!pid) {
		arm(n);
		run();
		disarm();
		_exit(0);
	}
	CHECK_OK(waitpid(pid, NULL, 0));
}

static void try_all(void (*run)(void))
{
	cpu_set_t one;

	if (!abi_in_samepage() || access("/proc/thread-self/fail-nth", W_OK))
		SKIP("no injected shortages here");
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
	left = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(left != MAP_FAILED);
	*left = 0;
	for (int i = 0; i < 10; i++)
		one_child(run, 100000); /* warm caches up */
	uint64_t frames = frames_but_small();
	unsigned n = 0;
	while (++n < 2000 && !*left)
		one_child(run, n);
	CHECK(n < 2000);
	for (int i = 0; i < 10; i++)
		one_child(run, 100000);
	uint64_t now = frames_but_small();
	/* Small objects are rounded to pages: two at most. */
	if (now + 2 < frames)
		abi_fail(__FILE__, __LINE__, "%llu frames lost over %u rounds",
			 (unsigned long long)(frames - now), n);
}

static void run_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void forking(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 5 << 20, 0600));
	char *p = shmat(id, NULL, 0);

	CHECK(p != (void *)-1);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	memset(p, 1, 5 << 20);
	try_all(run_fork);
	CHECK_OK(shmdt(p));
}

static void run_vfork(void)
{
	pid_t pid = vfork();

	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void vforking(void)
{
	try_all(run_vfork);
}

static void *do_nothing(void *argument)
{
	return argument;
}

static void run_thread(void)
{
	pthread_t thread;

	if (!pthread_create(&thread, NULL, do_nothing, NULL))
		pthread_join(thread, NULL);
}

static void threads(void)
{
	try_all(run_thread);
}

static int take_argument(int argc, char **argv)
{
	return argc == 2 && argv[1][0] ? 0 : 1;
}

static char long_argument[20000];

static void run_exec(void)
{
	execve(abi_self(), (char *[]){"x", "--helper", "take-argument", long_argument, NULL},
	       (char *[]){"A=b", NULL});
	disarm();
}

/* The last rounds, in which all goes well, do not come back to say so. */
static void run_exec_child(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execve(abi_self(),
		       (char *[]){"x", "--helper", "take-argument", long_argument, NULL},
		       (char *[]){"A=b", NULL});
		_exit(1);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* Armed in the child of vfork itself, since that is whose allocations count. */
static unsigned exec_fails_at(unsigned n)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		arm(n);
		run_exec();
		_exit(1);
	}
	CHECK_OK(waitpid(pid, &status, 0));
	return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void executing(void)
{
	memset(long_argument, 'x', sizeof(long_argument) - 1);
	try_all(run_exec_child);
	uint64_t frames = frames_but_small();
	unsigned n = 1;
	/* A success that comes after several in a row is one without a failure. */
	for (unsigned good = 0; good < 20 && n < 2000; n++)
		good = exec_fails_at(n) ? 0 : good + 1;
	CHECK(n < 2000);
	uint64_t now = frames_but_small();
	if (now + 2 < frames)
		abi_fail(__FILE__, __LINE__, "%llu frames lost over %u rounds",
			 (unsigned long long)(frames - now), n);
}

static void run_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 5; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
}

static void signals(void)
{
	try_all(run_signals);
}

static void run_credentials(void)
{
	gid_t groups[200] = {5, 3};

	(void)!setgroups(200, groups);
	(void)!setresuid(1, 2, 3);
	(void)!setsid();
}

static void credentials(void)
{
	try_all(run_credentials);
}

const struct abi_case abi_cases[] = {
	CASE(forking, "fork fails or works, and nothing is lost: fork(2)"),
	CASE(vforking, "the same of vfork: vfork(2)"),
	CASE(threads, "the same of a thread: clone(2)"),
	CASE(executing, "execve fails, kills or works, and nothing is lost: execve(2)"),
	CASE(signals, "the same of queued signals: sigqueue(3)"),
	CASE(credentials, "the same of groups, user ids, sessions: setgroups(2), setsid(2)"),
	HELPER("take-argument", take_argument),
	CASES_END,
};
