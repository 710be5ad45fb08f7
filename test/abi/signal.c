// SPDX-License-Identifier: MIT
/* Signals: handlers, masks, waiting, interrupted calls, timers. */

#define _GNU_SOURCE
#include "abi.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Volatile, so that the compiler does not see what it is. */
static volatile int *volatile nowhere = (volatile int *)16;

static volatile sig_atomic_t count, last_signal, last_code, last_pid, last_value;

static void on_signal(int signal)
{
	last_signal = signal;
	count++;
}

static void on_siginfo(int signal, siginfo_t *info, void *context)
{
	(void)context;
	last_signal = signal;
	last_code = info->si_code;
	last_pid = info->si_pid;
	last_value = info->si_value.sival_int;
	count++;
}

static void catch_signal(int signal, int flags)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};

	if (flags & SA_SIGINFO)
		action.sa_sigaction = on_siginfo;
	count = 0;
	CHECK_OK(sigaction(signal, &action, NULL));
}

static sigset_t set_of(int signal)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signal);
	return set;
}

static void block(int signal)
{
	sigset_t set = set_of(signal);

	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
}

static void unblock(int signal)
{
	sigset_t set = set_of(signal);

	CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static void handler_runs_at_once(void)
{
	catch_signal(SIGUSR1, SA_SIGINFO);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(count, 1);
	CHECK_EQ(last_signal, SIGUSR1);
	CHECK_EQ(last_code, SI_USER);
	CHECK_EQ(last_pid, getpid());
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(count, 2);
	CHECK_EQ(last_code, SI_TKILL);
}

static void blocked_waits(void)
{
	sigset_t pending;

	catch_signal(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK_EQ(count, 0);
	CHECK_OK(sigpending(&pending));
	CHECK(sigismember(&pending, SIGUSR1));
	unblock(SIGUSR1);
	/* A standard signal is pending once. */
	CHECK_EQ(count, 1);
}

static void real_time_signals_queue(void)
{
	int signal = SIGRTMIN + 1;

	catch_signal(signal, SA_SIGINFO);
	block(signal);
	for (int i = 1; i <= 3; i++)
		CHECK_OK(sigqueue(getpid(), signal, (union sigval){.sival_int = i}));
	unblock(signal);
	CHECK_EQ(count, 3);
	CHECK_EQ(last_value, 3);
	CHECK_EQ(last_code, SI_QUEUE);
}

static volatile int depth, deepest, raised;

static void on_nested(int signal)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (raised++ < 2)
		raise(signal);
	depth--;
}

static void handler_blocks_itself(void)
{
	struct sigaction action = {.sa_handler = on_nested};

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	deepest = raised = 0;
	raise(SIGUSR1);
	CHECK_EQ(deepest, 1);
	action.sa_flags = SA_NODEFER;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	deepest = raised = 0;
	raise(SIGUSR1);
	CHECK_EQ(deepest, 3);
}

static void reset_handler(void)
{
	struct sigaction action;

	catch_signal(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	CHECK_OK(sigaction(SIGUSR1, NULL, &action));
	CHECK(action.sa_handler == SIG_DFL);
	CHECK_EQ(count, 1);
}

static void raise_signal(void *argument)
{
	raise((int)(long)argument);
}

static void default_actions(void)
{
	static const int deadly[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGUSR1,  SIGPIPE,
				     SIGALRM, SIGTERM, SIGSYS,  SIGXCPU, SIGVTALRM};
	static const int harmless[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};

	for (unsigned i = 0; i < sizeof(deadly) / sizeof(deadly[0]); i++)
		abi_dies(raise_signal, (void *)(long)deadly[i], deadly[i]);
	for (unsigned i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		abi_in_child(raise_signal, (void *)(long)harmless[i]);
}

static void kill_cannot_be_caught(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	CHECK_ERROR(sigaction(SIGKILL, &action, NULL), EINVAL);
	CHECK_ERROR(sigaction(SIGSTOP, &action, NULL), EINVAL);
	block(SIGKILL);
	abi_dies(raise_signal, (void *)(long)SIGKILL, SIGKILL);
}

static void kill_errors(void)
{
	CHECK_ERROR(kill(getpid(), 65), EINVAL);
	CHECK_ERROR(kill(getpid(), -1), EINVAL);
	CHECK_ERROR(kill(31999, SIGTERM), ESRCH);
	CHECK_OK(kill(getpid(), 0));
	CHECK_ERROR(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_tgkill, getpid(), 31999, 0), ESRCH);
	CHECK_ERROR(syscall(SYS_tkill, -1, 0), EINVAL);
}

static void kill_others(void *argument)
{
	abi_become(1000, 1000);
	CHECK_ERROR(kill((pid_t)(long)argument, SIGTERM), EPERM);
	CHECK_ERROR(kill((pid_t)(long)argument, 0), EPERM);
	/* SIGCONT within the session is allowed. */
	CHECK_OK(kill((pid_t)(long)argument, SIGCONT));
}

static void kill_permission(void)
{
	abi_in_child(kill_others, (void *)(long)getpid());
}

/* ---- waiting for signals ---- */

static void kill_soon(void *argument)
{
	abi_sleep_ms(30);
	kill(getppid(), (int)(long)argument);
}

static void suspend_takes_mask(void)
{
	sigset_t empty, mask;

	catch_signal(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	sigemptyset(&empty);
	CHECK_ERROR(sigsuspend(&empty), EINTR);
	CHECK_EQ(count, 1);
	CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &mask));
	CHECK(sigismember(&mask, SIGUSR1));
	pid_t pid = abi_start(kill_soon, (void *)(long)SIGUSR1);
	CHECK_ERROR(sigsuspend(&empty), EINTR);
	CHECK_EQ(count, 2);
	abi_join(pid);
}

static void pause_ends(void)
{
	catch_signal(SIGUSR1, SA_RESTART);
	pid_t pid = abi_start(kill_soon, (void *)(long)SIGUSR1);
	CHECK_ERROR(pause(), EINTR);
	CHECK_EQ(count, 1);
	abi_join(pid);
}

static void timed_wait(void)
{
	sigset_t set = set_of(SIGUSR1);
	struct timespec short_time = {0, 20000000}, none = {0, 0};
	siginfo_t info;

	block(SIGUSR1);
	CHECK_ERROR(sigtimedwait(&set, &info, &none), EAGAIN);
	CHECK_ERROR(sigtimedwait(&set, &info, &short_time), EAGAIN);
	raise(SIGUSR1);
	CHECK_EQ(sigtimedwait(&set, &info, &none), SIGUSR1);
	CHECK_EQ(info.si_signo, SIGUSR1);
	pid_t pid = abi_start(kill_soon, (void *)(long)SIGUSR1);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGUSR1);
	CHECK_EQ(info.si_pid, pid);
	abi_join(pid);
	short_time.tv_nsec = 1000000000;
	CHECK_ERROR(sigtimedwait(&set, &info, &short_time), EINVAL);
}

/* ---- interrupted calls ---- */

static void read_interrupted(void)
{
	int pipe_fds[2];
	char byte;

	CHECK_OK(pipe(pipe_fds));
	catch_signal(SIGUSR1, 0);
	pid_t pid = abi_start(kill_soon, (void *)(long)SIGUSR1);
	CHECK_ERROR(read(pipe_fds[0], &byte, 1), EINTR);
	abi_join(pid);
}

static int restart_pipe[2];

static void kill_then_write(void *argument)
{
	kill_soon(argument);
	abi_sleep_ms(30);
	(void)!write(restart_pipe[1], "x", 1);
}

static void read_restarted(void)
{
	char byte;

	CHECK_OK(pipe(restart_pipe));
	catch_signal(SIGUSR1, SA_RESTART);
	pid_t pid = abi_start(kill_then_write, (void *)(long)SIGUSR1);
	CHECK_EQ(read(restart_pipe[0], &byte, 1), 1);
	CHECK_EQ(count, 1);
	abi_join(pid);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nanosleep_interrupted(void)
{
	struct timespec span = {5, 0}, left = {0, 0};

	catch_signal(SIGUSR1, SA_RESTART);
	pid_t pid = abi_start(kill_soon, (void *)(long)SIGUSR1);
	CHECK_ERROR(nanosleep(&span, &left), EINTR);
	CHECK(left.tv_sec == 4 && left.tv_nsec > 0);
	abi_join(pid);
}

static void stop_me(void *argument)
{
	abi_sleep_ms(30);
	kill((pid_t)(long)argument, SIGSTOP);
	abi_sleep_ms(30);
	kill((pid_t)(long)argument, SIGCONT);
}

/* Stopped and continued in the middle, without a handler: the sleep goes on, to its end. */
static void nanosleep_goes_on(void)
{
	uint64_t start = now_ms();
	struct timespec span = {0, 200000000};

	pid_t pid = abi_start(stop_me, (void *)(long)getpid());
	CHECK_OK(nanosleep(&span, NULL));
	uint64_t took = now_ms() - start;
	CHECK(took >= 200 && took < 2000);
	abi_join(pid);
}

/* ---- timers ---- */

static void alarm_rings(void)
{
	struct itimerval timer = {{0, 0}, {0, 30000}}, left;

	catch_signal(SIGALRM, 0);
	CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
	CHECK_OK(getitimer(ITIMER_REAL, &left));
	CHECK(left.it_value.tv_usec > 0 && left.it_value.tv_usec <= 30000);
	CHECK_ERROR(pause(), EINTR);
	CHECK_EQ(count, 1);
	CHECK_OK(getitimer(ITIMER_REAL, &left));
	CHECK_EQ(left.it_value.tv_usec, 0);
	CHECK_EQ(alarm(10), 0);
	CHECK_EQ(alarm(0), 10);
}

static void interval_timer(void)
{
	struct itimerval timer = {{0, 10000}, {0, 10000}}, off = {{0, 0}, {0, 0}};

	catch_signal(SIGALRM, 0);
	CHECK_OK(setitimer(ITIMER_REAL, &timer, NULL));
	while (count < 4)
		pause();
	CHECK_OK(setitimer(ITIMER_REAL, &off, NULL));
	CHECK(count >= 4);
}

static void alarm_kills(void *argument)
{
	(void)argument;
	signal(SIGALRM, SIG_DFL);
	struct itimerval timer = {{0, 0}, {0, 20000}};
	setitimer(ITIMER_REAL, &timer, NULL);
	for (;;)
		pause();
}

static void alarm_ends_a_loop(void *argument)
{
	struct itimerval timer = {{0, 0}, {0, 20000}};

	(void)argument;
	setitimer(ITIMER_REAL, &timer, NULL);
	for (volatile unsigned i = 0;; i++)
		;
}

static void alarm_default(void)
{
	abi_dies(alarm_kills, NULL, SIGALRM);
	abi_dies(alarm_ends_a_loop, NULL, SIGALRM);
}

/* ---- threads ---- */

static volatile pid_t handled_by;

static void on_thread_signal(int signal)
{
	(void)signal;
	handled_by = (pid_t)syscall(SYS_gettid);
	count++;
}

static volatile pid_t thread_tid;
static volatile int thread_stop;

static void *thread_waits(void *argument)
{
	sigset_t set = set_of(SIGUSR1);

	pthread_sigmask(argument ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
	thread_tid = (pid_t)syscall(SYS_gettid);
	while (!thread_stop)
		usleep(1000);
	return NULL;
}

static void signal_to_thread(void)
{
	struct sigaction action = {.sa_handler = on_thread_signal};
	pthread_t thread;

	count = 0;
	thread_stop = 0;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	block(SIGUSR1);
	CHECK_EQ(pthread_create(&thread, NULL, thread_waits, NULL), 0);
	while (!thread_tid)
		usleep(1000);
	/* To the process: the thread that does not block it takes it. */
	CHECK_OK(kill(getpid(), SIGUSR1));
	while (!count)
		usleep(1000);
	CHECK_EQ(handled_by, thread_tid);
	CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
	while (count < 2)
		usleep(1000);
	CHECK_EQ(handled_by, thread_tid);
	thread_stop = 1;
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void *thread_dies(void *argument)
{
	raise(SIGTERM);
	return argument;
}

static void die_by_thread(void *argument)
{
	pthread_t thread;

	(void)argument;
	pthread_create(&thread, NULL, thread_dies, NULL);
	for (;;)
		pause();
}

static void fatal_signal_ends_all_threads(void)
{
	abi_dies(die_by_thread, NULL, SIGTERM);
}

static sigjmp_buf jump_buffer;

static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(jump_buffer, 1);
}

static void jump_out_of_handler(void)
{
	struct sigaction action = {.sa_handler = on_fault};
	volatile int caught = 0;

	CHECK_OK(sigaction(SIGSEGV, &action, NULL));
	for (int i = 0; i < 3; i++) {
		if (sigsetjmp(jump_buffer, 1))
			caught++;
		else
			*nowhere = 1;
	}
	CHECK_EQ(caught, 3);
}

static void fault_while_blocked(void *argument)
{
	(void)argument;
	signal(SIGSEGV, on_signal);
	block(SIGSEGV);
	*nowhere = 1;
}

static void blocked_fault_kills(void)
{
	abi_dies(fault_while_blocked, NULL, SIGSEGV);
}

static void child_signal(void)
{
	siginfo_t info;
	sigset_t set = set_of(SIGCHLD);

	block(SIGCHLD);
	pid_t pid = CHECK_OK(fork());
	if (!pid)
		_exit(5);
	CHECK_EQ(sigwaitinfo(&set, &info), SIGCHLD);
	CHECK_EQ(info.si_code, CLD_EXITED);
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, 5);
	CHECK_EQ(info.si_uid, getuid());
	CHECK_OK(waitpid(pid, NULL, 0));
}

const struct abi_case abi_cases[] = {
	CASE(handler_runs_at_once, "a signal to oneself is handled before kill returns: kill(2)"),
	CASE(blocked_waits, "a blocked signal is pending, once: signal(7)"),
	CASE(real_time_signals_queue, "real-time signals queue, in order: signal(7)"),
	CASE(handler_blocks_itself,
	     "a handler's signal is blocked, but for SA_NODEFER: sigaction(2)"),
	CASE(reset_handler, "SA_RESETHAND: sigaction(2)"),
	CASE(default_actions, "what signals do by default: signal(7)"),
	CASE(kill_cannot_be_caught, "SIGKILL and SIGSTOP: signal(7)"),
	CASE(kill_errors, "EINVAL, ESRCH: kill(2), tgkill(2)"),
	CASE(kill_permission, "EPERM for others, SIGCONT within the session: kill(2)"),
	CASE(suspend_takes_mask, "the mask holds for the wait: sigsuspend(2)"),
	CASE(pause_ends, "pause is never restarted: pause(2)"),
	CASE(timed_wait, "a blocked signal is taken, EAGAIN in time: sigtimedwait(2)"),
	CASE(read_interrupted, "EINTR without SA_RESTART: signal(7)"),
	CASE(read_restarted, "goes on with SA_RESTART: signal(7)"),
	CASE(nanosleep_interrupted, "EINTR and the time that is left: nanosleep(2)"),
	CASE(nanosleep_goes_on, "stop and continue do not end a sleep: signal(7)"),
	CASE(alarm_rings, "ITIMER_REAL, alarm: setitimer(2)"),
	CASE(interval_timer, "an interval goes on by itself: setitimer(2)"),
	CASE(alarm_default, "SIGALRM kills by default, also a busy loop: alarm(2), signal(7)"),
	CASE(signal_to_thread, "a thread that does not block it takes it: signal(7)"),
	CASE(fatal_signal_ends_all_threads, "the whole process dies: signal(7)"),
	CASE(jump_out_of_handler, "siglongjmp restores the mask: sigsetjmp(3)"),
	CASE(blocked_fault_kills, "a fault whose signal is blocked kills: sigprocmask(2)"),
	CASE(child_signal, "SIGCHLD tells who and how: sigaction(2)"),
	CASES_END,
};
