// SPDX-License-Identifier: MIT
/*
 * Every allocation in the kernel fails once: with fail-nth, the Nth of a thread
 * from now on, for each N until a call gets through without using it up. The
 * call succeeds or says ENOMEM, and nothing is lost. Only where the kernel was
 * built for it: Linux with CONFIG_FAULT_INJECTION, Samepage with DEBUG=1.
 */

#include "shm_test.h"
#include "fail_test.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#define KEY 0x5a3e0600

static int segment;

static bool happened; /* the Nth allocation was asked for */

/* ---- operations: 0, or -1 with errno; what they made is gone afterwards ---- */

static int make_and_remove(void)
{
	int id = shmget(KEY, 100 * PAGE, IPC_CREAT | IPC_EXCL | 0600);

	return id < 0 ? -1 : shmctl(id, IPC_RMID, NULL);
}

static int attach_and_detach(void)
{
	void *p = shmat(segment, NULL, 0);

	return p == (void *)-1 ? -1 : shmdt(p);
}

static int attach_over(void)
{
	char *p = shmat(segment, NULL, 0);

	if (p == (char *)-1)
		return -1;
	void *q = shmat(segment, p + 2 * PAGE, SHM_REMAP);
	int error = errno;
	happened |= fail_stop();
	CHECK_OK(shmdt(p));
	if (q != (void *)-1)
		CHECK_OK(shmdt(q));
	errno = error;
	return q == (void *)-1 ? -1 : 0;
}

static int cut_in_the_middle(void)
{
	char *p = shmat(segment, NULL, 0);

	if (p == (char *)-1)
		return -1;
	int result = mprotect(p + PAGE, PAGE, PROT_READ), error = errno;
	int next = munmap(p + 3 * PAGE, PAGE);
	if (!result) {
		result = next;
		error = errno;
	}
	happened |= fail_stop();
	CHECK_OK(shmdt(p));
	errno = error;
	return result;
}

static const struct {
	const char *name;
	int (*run)(void);
} operations[] = {
	{"shmget, IPC_RMID", make_and_remove},
	{"shmat, shmdt", attach_and_detach},
	{"shmat over itself", attach_over},
	{"mprotect, munmap", cut_in_the_middle},
};

static void fail_each(int (*run)(void))
{
	for (unsigned n = 1; n < FAIL_CALLS_MAX; n++) {
		happened = false;
		fail_nth(n);
		errno = 0;
		int result = run(), error = errno;
		happened |= fail_stop();
		fail_nth(0);
		CHECK(result == 0 || error == ENOMEM || error == EAGAIN);
		CHECK(result == 0 || happened);
		CHECK_EQ(attachments(segment), 1);
		if (result == 0 && !happened)
			return;
	}
	abi_fail(__FILE__, __LINE__, "more than %d allocations", FAIL_CALLS_MAX);
}

/* In a process of its own, which a fault of its private memory may kill: status 2 if it happened. */
static void fork_once(void *argument)
{
	fail_open();
	happened = false;
	fail_nth(*(unsigned *)argument);
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	int error = errno;
	happened |= fail_stop();
	CHECK(pid > 0 || (happened && (error == ENOMEM || error == EAGAIN)));
	if (pid > 0)
		waitpid(pid, NULL, 0);
	_exit(happened ? 2 : 0);
}

static void fork_fails(void)
{
	for (unsigned n = 1; n < FAIL_CALLS_MAX; n++) {
		int status;
		pid_t pid = abi_start(fork_once, &n);
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		/* Its child, if it had one, may have outlived it for a moment. */
		for (int i = 0; i < 1000 && attachments(segment) > 1; i++)
			abi_sleep_ms(1);
		CHECK_EQ(attachments(segment), 1);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			return;
		CHECK(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 2);
	}
	abi_fail(__FILE__, __LINE__, "more than %d allocations", FAIL_CALLS_MAX);
}

static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

static void each_allocation_fails(void)
{
	uint64_t frames = 0;

	fail_open();
	stay_on_one_cpu();
	segment = make_segment(1000 * PAGE, 0600);
	char *p = attach(segment, 0);
	memset(p, 1, 10 * PAGE);
	for (int round = 0; round < 7; round++) {
		for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
			fail_each(operations[i].run);
		fork_fails();
		if (abi_in_samepage() && round == 1)
			frames = abi_samepage_frames();
	}
	/* What is lost once a round is five by now. */
	if (abi_in_samepage())
		abi_frames_return(frames);
	CHECK_OK(shmdt(p));
	remove_segment(segment);
}

static void touch_failing(void *argument)
{
	char *p = argument;

	fail_open();
	for (unsigned n = 1; n < 20; n++) {
		fail_nth(n);
		*(volatile char *)(p + n * (PAGE << 9)) = 1;
		fail_nth(0);
	}
	/* Each fault was lucky, or took memory from elsewhere: fine, too. */
	raise(SIGBUS);
}

static void shared_page_fails(void)
{
	fail_open();
	int id = make_segment(30 * (PAGE << 9), 0600 | SHM_NORESERVE);
	char *p = attach(id, 0);

	abi_dies(touch_failing, p, SIGBUS);
	memset(p, 1, 4 * PAGE);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(each_allocation_fails,
	     "ENOMEM at each allocation of each call, and nothing is lost: shmget(2), shmop(2)"),
	CASE(shared_page_fails, "a shared page that cannot be had is SIGBUS: observed"),
	CASES_END,
};
