// SPDX-License-Identifier: MIT
/* Signals and the timers that send them. */

#include "call.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define FIRST_REALTIME 34 /* SIGRTMIN of libc, which is no constant */

static uint64_t action[4], set, none;
static struct timespec soon = {0, 1000};
static struct itimerval hour = {.it_value = {3600, 0}};
static siginfo_t information = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};
static stack_t stack = {.ss_sp = buffer, .ss_size = sizeof(buffer)};

static void handler(int signal)
{
	(void)signal;
}

static void handle(int number, int flags)
{
	struct sigaction act = {.sa_handler = handler, .sa_flags = flags};

	need(sigaction(number, &act, NULL) == 0, "sigaction");
}

static void blocked(void)
{
	sigset_t usual;

	sigemptyset(&usual);
	sigaddset(&usual, SIGUSR1);
	sigaddset(&usual, FIRST_REALTIME);
	need(sigprocmask(SIG_BLOCK, &usual, NULL) == 0, "sigprocmask");
	set = 1ull << (SIGUSR1 - 1) | 1ull << (FIRST_REALTIME - 1);
}

/* Whatever is pending is taken. */
static void taken(void)
{
	struct timespec zero = {0, 0};

	blocked();
	while (syscall(SYS_rt_sigtimedwait, &set, NULL, &zero, 8) > 0)
		;
}

static void taken_again(long result)
{
	(void)result;
	taken();
}

static void one_pending(void)
{
	taken();
	need(kill(getpid(), SIGUSR1) == 0, "kill");
}

/* A pause that the alarm had ended before it began would never end: once more, each millisecond. */
static void handled_often(void)
{
	struct itimerval each_1ms = {{0, 1000}, {0, 1000}};

	handle(SIGALRM, 0);
	need(setitimer(ITIMER_REAL, &each_1ms, NULL) == 0, "setitimer");
}

static void alarm_off(long result)
{
	struct itimerval never = {0};

	(void)result;
	need(setitimer(ITIMER_REAL, &never, NULL) == 0, "setitimer");
}

static void handled_here(void)
{
	handle(SIGUSR2, 0);
}

/* A handler runs and comes back: the frame is on the stack, which is there. */
static long run_sigreturn(void)
{
	return kill(getpid(), SIGUSR2);
}

/* On a stack of which nothing is there yet. */
static void handled_elsewhere(void)
{
	stack_t other = {.ss_sp = (void *)ROOM, .ss_size = AREA};

	need(mmap((void *)ROOM, AREA, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == (void *)ROOM,
	     "mmap");
	need(sigaltstack(&other, NULL) == 0, "sigaltstack");
	handle(SIGUSR2, SA_ONSTACK);
}

static long run_queue_thread(void)
{
	return syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), FIRST_REALTIME, &information);
}

static long run_tgkill(void)
{
	return syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
}

#define QUEUES .flags = CALL_ALLOCATES, .errors = {EAGAIN}, .before = blocked, .undo = taken_again
/* Of a standard signal only what siginfo would say may be lost. */
#define SENDS .flags = CALL_ALLOCATES | CALL_CERTAIN, .before = blocked, .undo = taken_again

const struct call calls_signal[] = {
	{CALL(rt_sigaction, SIGUSR1, 0, AT(action), 8)},
	{CALL(rt_sigprocmask, SIG_BLOCK, AT(&none), AT(buffer), 8)},
	{CALL(rt_sigpending, AT(buffer), 8)},
	{CALL(rt_sigsuspend, AT(&none), 8), .answer = EINTR, .ready = handled_often,
	 .flags = CALL_SOMETIMES},
	{CALL(rt_sigtimedwait, AT(&set), AT(buffer), AT(&soon), 8), .ready = one_pending},
	{RUN(rt_sigreturn, NULL, run_sigreturn), .before = handled_here, .flags = CALL_ALLOCATES},
	{RUN(rt_sigreturn, "a stack that is not there", run_sigreturn), .ready = handled_elsewhere,
	 .flags = CALL_ALLOCATES | CALL_ALONE | CALL_KILLS | CALL_SEGV},
	{CALL(rt_sigqueueinfo, 0, FIRST_REALTIME, AT(&information)), .first = &own_pid, QUEUES},
	{RUN(rt_tgsigqueueinfo, NULL, run_queue_thread), QUEUES},
	{CALL(kill, 0, SIGUSR1), .first = &own_pid, SENDS},
	{CALL(tkill, 0, SIGUSR1), .first = &own_pid, SENDS},
	{RUN(tgkill, NULL, run_tgkill), SENDS},
	{CALL(sigaltstack, AT(&stack), AT(buffer))},
	{CALL(setitimer, ITIMER_REAL, AT(&hour), 0), .undo = alarm_off},
	{CALL(getitimer, ITIMER_REAL, AT(buffer))},
#ifdef SYS_pause
	{CALL(pause, 0), .answer = EINTR, .ready = handled_often, .flags = CALL_SOMETIMES},
	{CALL(alarm, 1000), .undo = alarm_off},
#endif
	{0},
};
