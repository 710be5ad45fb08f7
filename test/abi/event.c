// SPDX-License-Identifier: MIT
/* epoll, eventfd, timerfd, signalfd. */

#define _GNU_SOURCE
#include "file_test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

static int instance;

static void watch(int operation, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	CHECK_OK(epoll_ctl(instance, operation, fd, &event));
}

/* Events of one look, without waiting; *first is the first one. */
static int look(struct epoll_event *first)
{
	struct epoll_event events[8];
	int count = CHECK_OK(epoll_wait(instance, events, 8, 0));

	if (count)
		*first = events[0];
	return count;
}

static void level(void)
{
	struct epoll_event event;
	int fds[2];
	char byte;

	instance = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	CHECK_OK(pipe(fds));
	watch(EPOLL_CTL_ADD, fds[0], EPOLLIN, 0x1234567890abcdef);
	CHECK_EQ(look(&event), 0);
	CHECK_EQ(write(fds[1], "xy", 2), 2);
	for (int i = 0; i < 3; i++) { /* as long as there is something */
		CHECK_EQ(look(&event), 1);
		CHECK_EQ(event.events, EPOLLIN);
		CHECK_EQ(event.data.u64, 0x1234567890abcdef);
	}
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(look(&event), 1);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(look(&event), 0);
	watch(EPOLL_CTL_ADD, fds[1], EPOLLOUT, 7);
	CHECK_EQ(look(&event), 1);
	CHECK_EQ(event.data.u64, 7);
	watch(EPOLL_CTL_MOD, fds[1], 0, 8);
	CHECK_EQ(look(&event), 0);
	CHECK_OK(close(fds[1]));
	CHECK_EQ(look(&event), 1);
	CHECK_EQ(event.events, EPOLLHUP);
	CHECK_OK(epoll_ctl(instance, EPOLL_CTL_DEL, fds[0], NULL));
	CHECK_EQ(look(&event), 0);
}

static void edge(void)
{
	struct epoll_event event;
	int fds[2];

	instance = CHECK_OK(epoll_create1(0));
	CHECK_OK(pipe(fds));
	watch(EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLET, 1);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(look(&event), 1);
	CHECK_EQ(look(&event), 0); /* once for what came */
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(look(&event), 1);
	watch(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT, 2);
	CHECK_EQ(look(&event), 1);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(look(&event), 0); /* until it is set again */
	watch(EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT, 2);
	CHECK_EQ(look(&event), 1);
}

static void errors(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fds[2], file = CHECK_OK(open("/proc/self/exe", O_RDONLY));

	instance = CHECK_OK(epoll_create1(0));
	CHECK_OK(pipe(fds));
	CHECK_OK(epoll_ctl(instance, EPOLL_CTL_ADD, fds[0], &event));
	CHECK_ERROR(epoll_ctl(instance, EPOLL_CTL_ADD, fds[0], &event), EEXIST);
	CHECK_ERROR(epoll_ctl(instance, EPOLL_CTL_MOD, fds[1], &event), ENOENT);
	CHECK_ERROR(epoll_ctl(instance, EPOLL_CTL_DEL, fds[1], &event), ENOENT);
	CHECK_ERROR(epoll_ctl(instance, EPOLL_CTL_ADD, 999, &event), EBADF);
	CHECK_ERROR(epoll_ctl(instance, EPOLL_CTL_ADD, file, &event), EPERM);
	CHECK_ERROR(epoll_ctl(instance, EPOLL_CTL_ADD, instance, &event), EINVAL);
	CHECK_ERROR(epoll_ctl(fds[0], EPOLL_CTL_ADD, fds[1], &event), EINVAL);
	CHECK_ERROR(epoll_ctl(instance, 9, fds[0], &event), EINVAL);
	CHECK_ERROR(epoll_wait(instance, &event, 0, 0), EINVAL);
	CHECK_ERROR(epoll_wait(fds[0], &event, 1, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_epoll_create1, 1), EINVAL);
	int copy = CHECK_OK(dup(fds[0]));
	CHECK_OK(epoll_ctl(instance, EPOLL_CTL_ADD, copy, &event)); /* another descriptor */
	CHECK_EQ(write(fds[1], "x", 1), 1);
	struct epoll_event events[4];
	CHECK_EQ(epoll_wait(instance, events, 4, -1), 2);
	CHECK_EQ(epoll_wait(instance, events, 1, -1), 1);
	struct pollfd entry = {instance, POLLIN, 0};
	CHECK_EQ(poll(&entry, 1, -1), 1);
}

static void *write_later(void *argument)
{
	abi_sleep_ms(50);
	CHECK_EQ(write(*(int *)argument, "x", 1), 1);
	return NULL;
}

static void waiting(void)
{
	struct epoll_event event;
	pthread_t thread;
	int fds[2];

	instance = CHECK_OK(epoll_create1(0));
	CHECK_OK(pipe(fds));
	watch(EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
	CHECK_EQ(epoll_wait(instance, &event, 1, 20), 0);
	CHECK_EQ(pthread_create(&thread, NULL, write_later, &fds[1]), 0);
	CHECK_EQ(epoll_wait(instance, &event, 1, 10000), 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void watched_files_go(void)
{
	struct epoll_event event;
	int fds[2];

	instance = CHECK_OK(epoll_create1(0));
	for (int i = 0; i < 100; i++) {
		CHECK_OK(pipe(fds));
		watch(EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
		CHECK_EQ(write(fds[1], "x", 1), 1);
		CHECK_OK(close(fds[0]));
		CHECK_OK(close(fds[1]));
		CHECK_EQ(look(&event), 0);
	}
	CHECK_OK(pipe(fds));
	watch(EPOLL_CTL_ADD, fds[0], EPOLLIN, 1);
	CHECK_OK(close(instance));
	CHECK_EQ(write(fds[1], "x", 1), 1);
}

static void event_counts(void)
{
	uint64_t value;
	int fd = CHECK_OK(eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC));

	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(value, 3);
	CHECK_ERROR(read(fd, &value, 8), EAGAIN);
	CHECK_ERROR(read(fd, &value, 7), EINVAL);
	value = 5;
	CHECK_EQ(write(fd, &value, 8), 8);
	CHECK_EQ(write(fd, &value, 8), 8);
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(value, 10);
	value = UINT64_MAX;
	CHECK_ERROR(write(fd, &value, 8), EINVAL);
	value = UINT64_MAX - 1;
	CHECK_EQ(write(fd, &value, 8), 8);
	value = 1;
	CHECK_ERROR(write(fd, &value, 8), EAGAIN);
	struct pollfd entry = {fd, POLLIN | POLLOUT, 0};
	CHECK_EQ(poll(&entry, 1, 0), 1);
	CHECK_EQ(entry.revents, POLLIN);
	CHECK_OK(close(fd));
	fd = CHECK_OK(eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK));
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_EQ(value, 1);
	CHECK_EQ(read(fd, &value, 8), 8);
	CHECK_ERROR(read(fd, &value, 8), EAGAIN);
	CHECK_ERROR(eventfd(0, 2), EINVAL);
	char path[64], text[64] = "";
	sprintf(path, "/proc/self/fd/%d", fd);
	CHECK_OK(readlink(path, text, sizeof(text) - 1));
	CHECK(!strcmp(text, "anon_inode:[eventfd]"));
}

static void timers(void)
{
	struct itimerspec set = {{0, 20000000}, {0, 10000000}}, got;
	uint64_t count;
	int fd = CHECK_OK(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));

	CHECK_OK(timerfd_gettime(fd, &got));
	CHECK_EQ(got.it_value.tv_nsec, 0);
	CHECK_OK(timerfd_settime(fd, 0, &set, NULL));
	CHECK_EQ(read(fd, &count, 8), 8);
	CHECK(count >= 1);
	abi_sleep_ms(100);
	CHECK_EQ(read(fd, &count, 8), 8);
	CHECK(count >= 3);
	CHECK_OK(timerfd_gettime(fd, &got));
	CHECK_EQ(got.it_interval.tv_nsec, 20000000);
	CHECK(got.it_value.tv_nsec > 0 && got.it_value.tv_nsec <= 20000000);
	struct epoll_event event;
	instance = CHECK_OK(epoll_create1(0));
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, 5);
	CHECK_EQ(epoll_wait(instance, &event, 1, 5000), 1);
	set = (struct itimerspec){{0, 0}, {0, 0}};
	CHECK_OK(timerfd_settime(fd, 0, &set, &got));
	CHECK_EQ(got.it_interval.tv_nsec, 20000000);
	struct pollfd entry = {fd, POLLIN, 0};
	CHECK_EQ(poll(&entry, 1, 30), 0);
	struct timespec now;
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
	CHECK_OK(close(fd));
	fd = CHECK_OK(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	set.it_value = now; /* is past already */
	CHECK_OK(timerfd_settime(fd, TFD_TIMER_ABSTIME, &set, NULL));
	CHECK_EQ(read(fd, &count, 8), 8);
	CHECK_EQ(count, 1);
	CHECK_ERROR(read(fd, &count, 8), EAGAIN);
	CHECK_ERROR(timerfd_create(77, 0), EINVAL);
	CHECK_ERROR(timerfd_gettime(0, &got), EINVAL);
}

/* A set of two signals, blocked. */
static sigset_t block(int first, int second)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, first);
	sigaddset(&set, second);
	CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
	return set;
}

static void signals_read(void)
{
	sigset_t set = block(SIGUSR1, SIGRTMIN + 1), only_second;
	struct signalfd_siginfo got[4];
	int fd = CHECK_OK(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
	struct pollfd entry = {fd, POLLIN | POLLOUT, 0};

	CHECK_ERROR(read(fd, got, sizeof(got)), EAGAIN);
	CHECK_ERROR(read(fd, got, sizeof(got[0]) - 1), EINVAL);
	CHECK_ERROR(write(fd, got, sizeof(got[0])), EINVAL);
	CHECK_EQ(poll(&entry, 1, 0), 0);
	CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 7}));
	CHECK_OK(sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 8}));
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(poll(&entry, 1, 0), 1);
	CHECK_EQ(entry.revents, POLLIN);
	CHECK_EQ(read(fd, got, sizeof(got)), 3 * sizeof(got[0]));
	CHECK_EQ(got[0].ssi_signo, SIGUSR1);
	CHECK_EQ(got[0].ssi_code, SI_USER);
	CHECK_EQ(got[0].ssi_pid, getpid());
	CHECK_EQ(got[0].ssi_uid, getuid());
	CHECK_EQ(got[1].ssi_signo, SIGRTMIN + 1);
	CHECK_EQ(got[1].ssi_int, 7);
	CHECK_EQ(got[2].ssi_int, 8);
	/* The mask may be another one; what does not stand in it stays pending. */
	sigemptyset(&only_second);
	sigaddset(&only_second, SIGRTMIN + 1);
	CHECK_OK(kill(getpid(), SIGUSR1));
	CHECK_EQ(signalfd(fd, &only_second, 0), fd);
	CHECK_ERROR(read(fd, got, sizeof(got)), EAGAIN);
	CHECK_EQ(signalfd(fd, &set, 0), fd);
	CHECK_EQ(read(fd, got, sizeof(got)), sizeof(got[0]));
	CHECK_ERROR(signalfd(0, &set, 0), EINVAL);
	CHECK_ERROR(signalfd(99, &set, 0), EBADF);
	CHECK_ERROR(signalfd(-1, &set, 1), EINVAL);
	CHECK_ERROR(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_signalfd4, -1, NULL, 8, 0), EFAULT);
}

static void a_child_says_that_it_ended(void)
{
	sigset_t set = block(SIGCHLD, SIGUSR1);
	struct signalfd_siginfo got;
	struct epoll_event event;
	int fd = CHECK_OK(signalfd(-1, &set, 0)), status;

	instance = CHECK_OK(epoll_create1(0));
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, 3);
	CHECK_EQ(epoll_wait(instance, &event, 1, 0), 0);
	pid_t child = CHECK_OK(fork());
	if (child == 0) {
		abi_sleep_ms(20);
		_exit(5);
	}
	CHECK_EQ(epoll_wait(instance, &event, 1, 10000), 1);
	CHECK_EQ(event.data.u64, 3);
	CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
	CHECK_EQ(got.ssi_signo, SIGCHLD);
	CHECK_EQ(got.ssi_code, CLD_EXITED);
	CHECK_EQ(got.ssi_pid, child);
	CHECK_EQ(got.ssi_status, 5);
	CHECK_EQ(waitpid(child, &status, 0), child);
	/* Who waits in read(2) is woken; a child reads its own signals, not its parent's. */
	child = CHECK_OK(fork());
	if (child == 0) {
		CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
		_exit(got.ssi_signo == SIGUSR1 && got.ssi_pid == (uint32_t)getppid());
	}
	abi_sleep_ms(20);
	CHECK_OK(kill(child, SIGUSR1));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(WEXITSTATUS(status), 1);
}

static void an_interval_goes_on(void)
{
	struct itimerval every = {{0, 10000}, {0, 10000}};
	struct timespec long_time = {10, 0};
	sigset_t set = block(SIGALRM, SIGUSR1);
	struct signalfd_siginfo got;
	int fd = CHECK_OK(signalfd(-1, &set, 0));

	CHECK_OK(setitimer(ITIMER_REAL, &every, NULL));
	for (int i = 0; i < 3; i++) {
		CHECK_EQ(read(fd, &got, sizeof(got)), sizeof(got));
		CHECK_EQ(got.ssi_signo, SIGALRM);
		CHECK_EQ(sigtimedwait(&set, NULL, &long_time), SIGALRM);
	}
}

/* ---- two who look at one instance ---- */

static int sources[2], go[2];

static bool is_readable(int timeout_ms)
{
	struct pollfd one = {.fd = instance, .events = POLLIN};

	return CHECK_OK(poll(&one, 1, timeout_ms)) == 1;
}

/* Each time it is told: takes one event, and says that it has. */
static void *take_one(void *argument)
{
	struct epoll_event event;
	char byte;

	while (read(go[0], &byte, 1) == 1) {
		CHECK_EQ(epoll_wait(instance, &event, 1, -1), 1);
		__atomic_store_n((int *)argument, 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* There are always two or one, however fast somebody takes one of two. */
static void what_another_leaves(void)
{
	int taken;
	pthread_t taker;

	instance = CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
	CHECK_OK(pipe(go));
	for (int i = 0; i < 2; i++) {
		sources[i] = CHECK_OK(eventfd(1, EFD_NONBLOCK));
		watch(EPOLL_CTL_ADD, sources[i], EPOLLIN | EPOLLONESHOT, (uint64_t)i);
	}
	CHECK_EQ(pthread_create(&taker, NULL, take_one, &taken), 0);
	for (int i = 0; i < 1000; i++) {
		taken = 0;
		CHECK_EQ(write(go[1], "x", 1), 1);
		while (!__atomic_load_n(&taken, __ATOMIC_SEQ_CST)) {
			CHECK(is_readable(0));
			sched_yield(); /* on one CPU the other cannot take it meanwhile */
		}
		CHECK(is_readable(10000));
		for (int j = 0; j < 2; j++)
			watch(EPOLL_CTL_MOD, sources[j], EPOLLIN | EPOLLONESHOT, (uint64_t)j);
	}
	CHECK_OK(close(go[1]));
	CHECK_EQ(pthread_join(taker, NULL), 0);
}

const struct abi_case abi_cases[] = {
	CASE(level, "an event stays as long as its cause: epoll(7)"),
	CASE(edge, "EPOLLET and EPOLLONESHOT tell once: epoll(7)"),
	CASE(errors, "what cannot be watched or found: epoll_ctl(2)"),
	CASE(waiting, "epoll_wait ends in time, and when something comes: epoll_wait(2)"),
	CASE(what_another_leaves,
	     "an event is there for all until somebody takes it: epoll(7), poll(2)"),
	CASE(watched_files_go, "closing a file ends its watching: epoll(7)"),
	CASE(event_counts, "eventfd adds up, takes all or one: eventfd(2)"),
	CASE(timers, "timerfd counts its expiries: timerfd_create(2)"),
	CASE(signals_read, "signalfd reads what is blocked and pending: signalfd(2)"),
	CASE(a_child_says_that_it_ended,
	     "signalfd can be waited for; a child's reads its own: signalfd(2)"),
	CASE(an_interval_goes_on, "setitimer goes on when its signal is accepted: setitimer(2)"),
	CASES_END,
};
