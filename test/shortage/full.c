// SPDX-License-Identifier: MIT
/*
 * The same calls with the machine's memory used up. A process of its own makes
 * ready, memory is filled to the last frame and the last small object, it calls,
 * memory is freed. The call succeeds, fails as documented, or (where the program
 * itself touches memory) the process is killed; after a failure it succeeds when
 * it is repeated; nothing is lost.
 *
 * Most of memory is filled once, by a file that stays; what a process needs to
 * become ready is left over, and filled and freed for each call.
 */

#include "call.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LEFT_OVER  (6ul << 20)
#define STEP       (1ul << 16)
#define SMALL_MAX  2040 /* the largest message that is a small object */
#define SMALL_STEP 16
#define LOST_TRIES 3
#define LOCKS_MAX  300 /* more than fit into what there is of slabs for them */

enum { NOT_READY, READY, FULL, CALLED, FREE_AGAIN };

static int bulk = -1, top = -1, small = -1;
static char page[STEP];
static struct {
	long type;
	char text[SMALL_MAX];
} message = {1, ""};

/* ---- the hog: this process, which allocates nothing else meanwhile ---- */

/* What is smaller than a message: locks of every other byte, queued signals. */
static void tiny_fill(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_len = 1};
	union sigval value = {0};

	for (unsigned i = 0; i < LOCKS_MAX && fcntl(bulk, F_SETLK, &lock) == 0; i++)
		lock.l_start += 2;
	while (sigqueue(getpid(), SIGRTMIN, value) == 0)
		;
}

static void tiny_free(void)
{
	struct flock all = {.l_type = F_UNLCK};
	struct timespec zero = {0, 0};
	sigset_t set;

	fcntl(bulk, F_SETLK, &all);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	while (sigtimedwait(&set, NULL, &zero) > 0)
		;
}

static void signal_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void small_fill(void)
{
	for (size_t size = SMALL_MAX; size >= SMALL_STEP; size -= SMALL_STEP)
		while (msgsnd(small, &message, size, IPC_NOWAIT) == 0)
			;
}

static void memory_fill(void)
{
	for (size_t step = STEP; step >= PAGE; step /= 2)
		while (write(top, page, step) > 0)
			;
	small_fill();
	tiny_fill();
	while (write(top, page, PAGE) > 0)
		;
}

static void memory_free(void)
{
	tiny_free(); /* it needs no memory */
	(void)!ftruncate(top, 0);
	(void)!lseek(top, 0, SEEK_SET);
	msgctl(small, IPC_RMID, NULL);
	small = -1;
}

/* Before memory is short. */
static void memory_prepare(void)
{
	struct msqid_ds state;

	memory_free();
	small = msgget(IPC_PRIVATE, 0600);
	if (small < 0 || msgctl(small, IPC_STAT, &state)) {
		printf("# msgget: %s\n", strerror(errno));
		exit(1);
	}
	state.msg_qbytes = 1ul << 30;
	msgctl(small, IPC_SET, &state);
}

static void bulk_fill(void)
{
	struct counts counts;

	bulk = memfd_create("bulk", 0);
	top = memfd_create("top", 0);
	for (counts_now(&counts); counts.frames * PAGE > LEFT_OVER; counts_now(&counts))
		if (write(bulk, page, STEP) <= 0)
			break;
}

/* ---- the process that calls ---- */

static void wait_for(unsigned state)
{
	while (report->state != state)
		sched_yield();
}

static void child(const struct call *call)
{
	world_enter();
	world_touch();
	if (call->before)
		call->before();
	if (!(call->flags & CALL_ALONE)) {
		if (call->ready)
			call->ready();
		long result = result_of(call);
		if (result < 0 && errno != call->answer)
			fail("with memory: %s", strerror(errno));
		if (result >= 0 && call->undo)
			call->undo(result);
	}
	if (call->ready)
		call->ready();
	world_touch();
	report->state = READY;
	wait_for(FULL);
	long result = result_of(call);
	int error = errno;

	report->result = result;
	report->error = result < 0 ? error : 0;
	report->state = CALLED;
	wait_for(FREE_AGAIN);
	if (result >= 0 && call->undo)
		call->undo(result);
	if (result < 0 && !is_answer(call, error))
		fail("%s, which is not documented", strerror(error));
	if (result < 0 && !(call->flags & (CALL_KILLS | CALL_BUS | CALL_PARTS))) {
		if (call->ready && !(call->flags & CALL_ALONE))
			call->ready();
		result = result_of(call);
		if (result < 0 && errno != call->answer)
			fail("once more with memory: %s", strerror(errno));
		if (result >= 0 && call->undo)
			call->undo(result);
	}
	if (helper_pid)
		kill((pid_t)helper_pid, SIGKILL);
}

/* Until the child has come so far, or ended: then true. */
static bool ended_before(pid_t pid, unsigned state, int *status)
{
	while (report->state != state) {
		pid_t ended = waitpid(pid, status, WNOHANG);

		if (ended)
			return true;
		sched_yield();
	}
	return false;
}

static const char *end_of(const struct call *call, int status)
{
	static char text[60];
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (report->problem[0])
		return report->problem;
	/* These need memory for certain. */
	bool access = !strcmp(call->name, "access to memory");
	if ((!number && !(access && report->state == FREE_AGAIN && report->result >= 0)) ||
	    (number == SIGKILL && (call->flags & CALL_KILLS)) ||
	    (number == SIGBUS && (call->flags & CALL_BUS)) ||
	    (number == SIGSEGV && (call->flags & CALL_SEGV)))
		return NULL;
	if (number == 0)
		return "memory was not used up";
	snprintf(text, sizeof(text), "signal %d, state %u", number, report->state);
	return text;
}

/* NULL: all was well. */
static const char *one(const struct call *call)
{
	int status = 0;
	bool ended;

	memory_prepare();
	memset(report, 0, sizeof(*report));
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		return "fork";
	if (pid == 0) {
		setpgid(0, 0);
		child(call);
		_exit(0);
	}
	ended = ended_before(pid, READY, &status);
	if (!ended) {
		memory_fill();
		report->state = FULL;
		ended = ended_before(pid, CALLED, &status);
	}
	memory_free();
	report->state = FREE_AGAIN;
	if (!ended)
		waitpid(pid, &status, 0);
	kill(-pid, SIGKILL); /* whom it left */
	world_clean();
	return end_of(call, status);
}

unsigned full_drive(const struct call *const *calls, unsigned count)
{
	unsigned failed = 0;
	static char lost[400];

	memset(page, 1, sizeof(page));
	memset(&message.text, 1, sizeof(message.text));
	signal_block();
	bulk_fill();
	for (unsigned i = 0; i < count; i++) {
		const char *problem = NULL;
		struct counts before;
		bool leaks = true;

		for (unsigned tries = 0; !problem && leaks && tries < LOST_TRIES; tries++) {
			counts_now(&before);
			problem = one(calls[i]);
			leaks = !counts_return(&before, lost, sizeof(lost));
		}
		if (!problem && leaks)
			problem = lost;
		if (problem)
			printf("# %s\n", problem);
		printf("# %s\n%s %s\n", report->error ? strerror(report->error) : "no error",
		       problem ? "not ok" : "ok", call_name(calls[i]));
		failed += problem != NULL;
	}
	return failed;
}
