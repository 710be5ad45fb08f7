// SPDX-License-Identifier: MIT
/* Processes as descriptors: pidfd_open(2) and its kin; membarrier(2). */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int open_pid(pid_t pid, unsigned flags)
{
	return (int)syscall(SYS_pidfd_open, pid, flags);
}

static int send_signal(int fd, int signal, siginfo_t *info, unsigned flags)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, signal, info, flags);
}

static pid_t start_sleeper(void)
{
	pid_t child = CHECK_OK(fork());

	if (!child) {
		abi_sleep_ms(10000);
		_exit(0);
	}
	return child;
}

static void opening(void)
{
	char text[64] = "", link[64];
	int fd = CHECK_OK(open_pid(getpid(), 0));

	CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CHECK_OK(readlink(link, text, sizeof(text) - 1));
	CHECK(strstr(text, "pidfd"));
	CHECK_ERROR(read(fd, text, 1), EINVAL);
	CHECK_ERROR(open_pid(0, 0), EINVAL);
	CHECK_ERROR(open_pid(-1, 0), EINVAL);
	CHECK_ERROR(open_pid(999999, 0), ESRCH);
	CHECK_ERROR(open_pid(getpid(), 1), EINVAL);
	CHECK(CHECK_OK(fcntl(CHECK_OK(open_pid(getpid(), O_NONBLOCK)), F_GETFL)) & O_NONBLOCK);
}

static void sending(void)
{
	pid_t child = start_sleeper();
	int fd = CHECK_OK(open_pid(child, 0));
	siginfo_t info = {.si_signo = SIGTERM, .si_code = SI_QUEUE};

	CHECK_OK(send_signal(fd, 0, NULL, 0));
	CHECK_ERROR(send_signal(1, 0, NULL, 0), EBADF);
	CHECK_ERROR(send_signal(999, 0, NULL, 0), EBADF);
	CHECK_ERROR(send_signal(fd, 0, NULL, 1u << 20), EINVAL);
	CHECK_ERROR(send_signal(fd, 99, NULL, 0), EINVAL);
	CHECK_ERROR(send_signal(fd, SIGHUP, &info, 0), EINVAL);
	info.si_code = SI_USER;
	CHECK_ERROR(send_signal(fd, SIGTERM, &info, 0), EPERM);
	info.si_code = SI_QUEUE;
	CHECK_OK(send_signal(fd, SIGTERM, &info, 0));
	int status;
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_ERROR(send_signal(fd, 0, NULL, 0), ESRCH);
}

/* The folder stands for the process, not for its number; files and folders in it do not. */
static void sending_to_folder(void)
{
	static const char *const not[] = {"/proc", "/proc/self/task", "/proc/self/stat",
					  "/proc/self/fd", "/proc/thread-self"};
	char path[64];
	int status;
	pid_t child = start_sleeper();

	for (unsigned i = 0; i < sizeof(not) / sizeof(not[0]); i++) {
		int fd = CHECK_OK(open(not[i], O_RDONLY));
		CHECK_ERROR(send_signal(fd, 0, NULL, 0), EBADF);
		CHECK_OK(close(fd));
	}
	snprintf(path, sizeof(path), "/proc/%d", child);
	int fd = CHECK_OK(open(path, O_RDONLY | O_DIRECTORY));
	int path_only = CHECK_OK(open(path, O_PATH));
	CHECK_ERROR(send_signal(path_only, 0, NULL, 0), EBADF);
	CHECK_ERROR(send_signal(fd, 99, NULL, 0), EINVAL);
	CHECK_ERROR(waitid(P_PIDFD, (id_t)fd, &(siginfo_t){0}, WEXITED), EBADF);
	CHECK_OK(send_signal(fd, 0, NULL, 0));
	CHECK_OK(send_signal(fd, SIGTERM, NULL, 0));
	CHECK_OK(waitid(P_PID, (id_t)child, &(siginfo_t){0}, WEXITED | WNOWAIT));
	CHECK_OK(send_signal(fd, 0, NULL, 0));
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_ERROR(send_signal(fd, 0, NULL, 0), ESRCH);
}

static void polling(void)
{
	pid_t child = start_sleeper();
	int fd = CHECK_OK(open_pid(child, 0)), epoll = CHECK_OK(epoll_create1(0));
	struct pollfd entry = {fd, POLLIN, 0};
	struct epoll_event event = {.events = EPOLLIN};
	siginfo_t info;

	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	CHECK_EQ(poll(&entry, 1, 0), 0);
	pid_t killer = CHECK_OK(fork());
	if (!killer) {
		abi_sleep_ms(40);
		_exit(send_signal(fd, SIGKILL, NULL, 0));
	}
	CHECK_EQ(poll(&entry, 1, 8000), 1);
	CHECK_EQ(entry.revents & POLLIN, POLLIN);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 1000), 1);
	memset(&info, 0, sizeof(info));
	CHECK_OK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	CHECK_EQ(info.si_pid, child);
	CHECK_EQ(info.si_status, SIGKILL);
	CHECK_EQ(poll(&entry, 1, 0), 1); /* for ever */
	abi_join(killer);
}

static void waiting(void)
{
	pid_t child = start_sleeper();
	int fd = CHECK_OK(open_pid(child, 0)), impatient = CHECK_OK(open_pid(child, O_NONBLOCK));
	siginfo_t info;

	CHECK_ERROR(waitid(P_PIDFD, (id_t)impatient, &info, WEXITED), EAGAIN);
	CHECK_OK(waitid(P_PIDFD, (id_t)impatient, &info, WEXITED | WNOHANG));
	CHECK_ERROR(waitid(P_PIDFD, 1, &info, WEXITED), EBADF);
	CHECK_OK(kill(child, SIGKILL));
	CHECK_OK(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	CHECK_ERROR(waitid(P_PIDFD, (id_t)fd, &info, WEXITED), ECHILD);
	CHECK_ERROR(waitid(P_PIDFD, (id_t)CHECK_OK(open_pid(getpid(), 0)), &info, WEXITED), ECHILD);
}

/* ---- membarrier(2) ---- */

static long barrier(int command, unsigned flags)
{
	return syscall(SYS_membarrier, command, flags, 0);
}

static atomic_int stop;
static volatile int flag_a, flag_b;
static atomic_int round_started, round_done;
static volatile int seen_by_other;

/* The side that pays nothing: only the compiler is kept from reordering. */
static void *other_side(void *argument)
{
	(void)argument;
	for (int round = 1; !atomic_load(&stop); round++) {
		while (atomic_load(&round_started) < round)
			if (atomic_load(&stop))
				return NULL;
		flag_b = 1;
		__asm__ volatile("" ::: "memory");
		seen_by_other = flag_a;
		atomic_store(&round_done, round);
	}
	return NULL;
}

static void barriers(void)
{
	pthread_t thread;

	if (barrier(MEMBARRIER_CMD_QUERY, 0) < 0)
		SKIP("no membarrier here");
	CHECK(barrier(MEMBARRIER_CMD_QUERY, 0) & MEMBARRIER_CMD_PRIVATE_EXPEDITED);
	CHECK_ERROR(barrier(MEMBARRIER_CMD_QUERY, 1), EINVAL);
	CHECK_ERROR(barrier(3, 0), EINVAL);
	CHECK_ERROR(barrier(-1, 0), EINVAL);
	CHECK_ERROR(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0), EPERM);
	CHECK_OK(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0));
	CHECK_OK(barrier(MEMBARRIER_CMD_GLOBAL, 0));
	CHECK_OK(barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0));
	CHECK_EQ(pthread_create(&thread, NULL, other_side, NULL), 0);
	for (int round = 1; round <= 300; round++) {
		flag_a = flag_b = 0;
		atomic_store(&round_started, round);
		flag_a = 1;
		CHECK_OK(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0));
		int seen = flag_b;
		while (atomic_load(&round_done) < round)
			sched_yield();
		CHECK(seen || seen_by_other); /* Dekker: one of the two saw the other */
	}
	atomic_store(&stop, 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

const struct abi_case abi_cases[] = {
	CASE(opening, "EINVAL, ESRCH, close-on-exec: pidfd_open(2)"),
	CASE(sending, "signals; ESRCH once it is reaped: pidfd_send_signal(2)"),
	CASE(sending_to_folder, "the same with /proc/PID, opened: pidfd_send_signal(2)"),
	CASE(polling, "readable when the process has ended: pidfd_open(2)"),
	CASE(waiting, "P_PIDFD; EAGAIN if it does not block: waitid(2)"),
	CASE(barriers, "EPERM before registering; orders other CPUs: membarrier(2)"),
	CASES_END,
};
