// SPDX-License-Identifier: MIT
/* Unix sockets: pairs, messages, options, polling. See also socket_connect.c, socket_rights.c. */

#define _GNU_SOURCE
#include "socket_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

static void making(void)
{
	int ends[2];

	CHECK_ERROR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
	CHECK_ERROR(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
	CHECK_ERROR(socket(AF_UNIX, 99, 0), EINVAL);
	CHECK_ERROR(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
	CHECK_ERROR(socket(77, SOCK_STREAM, 0), EAFNOSUPPORT);
	CHECK_ERROR(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8), EFAULT);
	CHECK_OK(close(CHECK_OK(socket(AF_UNIX, SOCK_STREAM, AF_UNIX))));
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends));
	CHECK_EQ(CHECK_OK(fcntl(ends[0], F_GETFD)), FD_CLOEXEC);
	CHECK_EQ(CHECK_OK(fcntl(ends[1], F_GETFL)) & (O_NONBLOCK | O_ACCMODE), O_NONBLOCK | O_RDWR);
	CHECK_ERROR(recv(ends[0], ends, 1, 0), EAGAIN);
	CHECK_ERROR(lseek(ends[0], 0, SEEK_CUR), ESPIPE);
	CHECK_ERROR(listen(1, 1), ENOTSOCK);
	CHECK_ERROR(listen(-1, 1), EBADF);
}

static void seen_as_files(void)
{
	char link[64], text[64] = "", expected[64];
	struct stat info;
	int ends[2];

	pair(SOCK_STREAM, ends);
	CHECK_OK(fstat(ends[0], &info));
	CHECK(S_ISSOCK(info.st_mode));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", ends[0]);
	CHECK_OK(readlink(link, text, sizeof(text) - 1));
	snprintf(expected, sizeof(expected), "socket:[%lu]", (unsigned long)info.st_ino);
	CHECK(strcmp(text, expected) == 0);
	CHECK_ERROR(open(link, O_RDWR), ENXIO);
}

static void stream_bytes(void)
{
	char buffer[32];
	int ends[2], available;

	pair(SOCK_STREAM, ends);
	CHECK_EQ(write(ends[0], "abc", 3), 3);
	CHECK_EQ(send(ends[0], "defg", 4, 0), 4);
	CHECK_OK(ioctl(ends[1], FIONREAD, &available));
	CHECK_EQ(available, 7);
	CHECK_EQ(recv(ends[1], buffer, 5, MSG_PEEK), 5);
	CHECK(memcmp(buffer, "abcde", 5) == 0);
	CHECK_EQ(read(ends[1], buffer, 2), 2);
	CHECK_EQ(recv(ends[1], buffer, sizeof(buffer), 0), 5);
	CHECK(memcmp(buffer, "cdefg", 5) == 0);
	CHECK_ERROR(recv(ends[1], buffer, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERROR(send(ends[0], (void *)8, 4, 0), EFAULT);
	CHECK_EQ(send(ends[0], "", 0, 0), 0);
	struct iovec pieces[2] = {{"12", 2}, {"345", 3}};
	CHECK_EQ(writev(ends[1], pieces, 2), 5);
	CHECK_EQ(read(ends[0], buffer, 8), 5);
	CHECK(memcmp(buffer, "12345", 5) == 0);
}

static void datagrams(int type)
{
	char buffer[8] = "";
	int ends[2], available;

	pair(type, ends);
	CHECK_EQ(send(ends[0], "abcdef", 6, 0), 6);
	CHECK_EQ(send(ends[0], "", 0, 0), 0);
	CHECK_EQ(send(ends[0], "gh", 2, 0), 2);
	CHECK_OK(ioctl(ends[1], FIONREAD, &available));
	CHECK_EQ(available, type == SOCK_DGRAM ? 6 : 8);
	CHECK_EQ(recv(ends[1], buffer, 3, MSG_PEEK), 3);
	struct iovec piece = {buffer, 4};
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
	CHECK_EQ(recvmsg(ends[1], &message, MSG_PEEK | MSG_TRUNC), 6);
	CHECK_EQ(message.msg_flags, MSG_TRUNC);
	CHECK_EQ(recv(ends[1], buffer, 3, 0), 3);
	CHECK_EQ(recv(ends[1], buffer, 8, 0), 0);
	CHECK_EQ(recv(ends[1], buffer, 8, 0), 2);
	CHECK_ERROR(recv(ends[1], buffer, 8, MSG_DONTWAIT), EAGAIN);
}

static void borders_are_kept(void)
{
	datagrams(SOCK_DGRAM);
	datagrams(SOCK_SEQPACKET);
}

static void too_long(void)
{
	static char big[300000];
	int ends[2];

	pair(SOCK_DGRAM, ends);
	CHECK_ERROR(send(ends[0], big, sizeof(big), 0), EMSGSIZE);
	CHECK_EQ(send(ends[0], big, 100000, 0), 100000);
	CHECK_EQ(recv(ends[1], big, sizeof(big), 0), 100000);
}

static void full_and_empty_again(void)
{
	static char big[65536];
	int ends[2], value = 0;
	long sent = 0, got = 0, n;

	pair(SOCK_STREAM | SOCK_NONBLOCK, ends);
	while ((n = send(ends[0], big, sizeof(big), 0)) > 0)
		sent += n;
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent >= 65536 && sent < 4 << 20);
	CHECK_EQ(polled(ends[0], POLLOUT), 0);
	CHECK_OK(ioctl(ends[0], TIOCOUTQ, &value));
	CHECK(value >= sent);
	while ((n = recv(ends[1], big, sizeof(big), 0)) > 0)
		got += n;
	CHECK_EQ(got, sent);
	CHECK_EQ(polled(ends[0], POLLOUT), POLLOUT);
	CHECK_OK(ioctl(ends[0], TIOCOUTQ, &value));
	CHECK_EQ(value, 0);
}

static void writer_waits(void)
{
	static char block[70000];
	long total = 0;
	int ends[2];

	pair(SOCK_STREAM, ends);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		close(ends[1]);
		for (int i = 0; i < 20; i++) {
			memset(block, i, sizeof(block));
			if (write(ends[0], block, sizeof(block)) != sizeof(block))
				_exit(1);
		}
		_exit(0);
	}
	CHECK_OK(close(ends[0]));
	for (long n; (n = CHECK_OK(read(ends[1], block, 9999))) > 0; total += n)
		for (long i = 0; i < n; i++)
			CHECK_EQ(block[i], (total + i) / (long)sizeof(block));
	CHECK_EQ(total, 20l * (long)sizeof(block));
	abi_join(child);
}

static void wait_all(void)
{
	char buffer[16];
	int ends[2];

	pair(SOCK_STREAM, ends);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		for (int i = 0; i < 10; i++) {
			abi_sleep_ms(5);
			if (send(ends[0], "x", 1, 0) != 1)
				_exit(1);
		}
		_exit(0);
	}
	CHECK_OK(close(ends[0]));
	CHECK_EQ(recv(ends[1], buffer, 8, MSG_WAITALL), 8);
	CHECK_EQ(recv(ends[1], buffer, 8, MSG_WAITALL), 2);
	abi_join(child);
}

static void the_other_side_ends(void)
{
	char buffer[4];
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	pair(SOCK_STREAM, ends);
	CHECK_EQ(send(ends[1], "ab", 2, 0), 2);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(polled(ends[0], POLLIN | POLLOUT | POLLRDHUP),
		 POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	CHECK_EQ(recv(ends[0], buffer, 4, 0), 2);
	CHECK_EQ(recv(ends[0], buffer, 4, 0), 0);
	CHECK_ERROR(send(ends[0], "x", 1, 0), EPIPE);
	close(ends[0]);

	pair(SOCK_STREAM, ends);
	CHECK_EQ(send(ends[0], "ab", 2, 0), 2);
	CHECK_OK(close(ends[1])); /* with bytes unread */
	CHECK_EQ(polled(ends[0], POLLIN) & POLLERR, POLLERR);
	CHECK_ERROR(recv(ends[0], buffer, 4, 0), ECONNRESET);
	CHECK_EQ(recv(ends[0], buffer, 4, 0), 0);
	close(ends[0]);

	pair(SOCK_SEQPACKET, ends);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(recv(ends[0], buffer, 4, 0), 0);
	CHECK_ERROR(send(ends[0], "x", 1, 0), EPIPE);
	close(ends[0]);

	pair(SOCK_DGRAM, ends);
	CHECK_OK(close(ends[1]));
	CHECK_ERROR(send(ends[0], "x", 1, 0), ECONNREFUSED);
	CHECK_ERROR(send(ends[0], "x", 1, 0), ENOTCONN);
}

static void write_to_nobody(void *argument)
{
	int *ends = argument;

	signal(SIGPIPE, SIG_DFL);
	CHECK_ERROR(send(ends[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	(void)!write(ends[0], "x", 1);
}

static void sigpipe(void)
{
	int ends[2];

	pair(SOCK_STREAM, ends);
	CHECK_OK(close(ends[1]));
	abi_dies(write_to_nobody, ends, SIGPIPE);
}

static void shut(void)
{
	char buffer[4];
	int ends[2];

	signal(SIGPIPE, SIG_IGN);
	pair(SOCK_STREAM, ends);
	CHECK_ERROR(shutdown(ends[0], 3), EINVAL);
	CHECK_EQ(send(ends[0], "ab", 2, 0), 2);
	CHECK_OK(shutdown(ends[0], SHUT_WR));
	CHECK_ERROR(send(ends[0], "x", 1, 0), EPIPE);
	CHECK_EQ(polled(ends[1], POLLIN | POLLRDHUP | POLLOUT), POLLIN | POLLRDHUP | POLLOUT);
	CHECK_EQ(recv(ends[1], buffer, 4, 0), 2);
	CHECK_EQ(recv(ends[1], buffer, 4, 0), 0);
	CHECK_EQ(send(ends[1], "back", 4, 0), 4);
	CHECK_EQ(recv(ends[0], buffer, 4, 0), 4);
	CHECK_OK(shutdown(ends[1], SHUT_RDWR));
	CHECK_EQ(polled(ends[0], POLLIN) & POLLHUP, POLLHUP);
	CHECK_EQ(recv(ends[0], buffer, 4, 0), 0);
	int lone = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_OK(shutdown(lone, SHUT_RDWR));
}

/* ---- options, time-outs, signals, epoll ---- */

static void options(void)
{
	socklen_t size = sizeof(int);
	int ends[2], value;

	pair(SOCK_SEQPACKET, ends);
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, &size));
	CHECK_EQ(value, SOCK_SEQPACKET);
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_DOMAIN, &value, &size));
	CHECK_EQ(value, AF_UNIX);
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_PROTOCOL, &value, &size));
	CHECK_EQ(value, 0);
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
	CHECK_EQ(value, 0);
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &value, &size));
	CHECK_EQ(value, 0);
	value = 10000;
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, sizeof(value)));
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &value, &size));
	CHECK_EQ(value, 20000);
	value = 1;
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &value, sizeof(value)));
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_RCVBUF, &value, &size));
	CHECK_EQ(value, 2304);
	CHECK_ERROR(setsockopt(ends[0], SOL_SOCKET, SO_TYPE, &value, sizeof(value)), ENOPROTOOPT);
	CHECK_ERROR(setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &value, 3), EINVAL);
	CHECK_ERROR(setsockopt(ends[0], 6, 1, &value, sizeof(value)), EOPNOTSUPP);
	CHECK_ERROR(getsockopt(ends[0], SOL_SOCKET, 9999, &value, &size), ENOPROTOOPT);
	struct ucred cred;
	size = sizeof(cred);
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &cred, &size));
	CHECK_EQ(cred.pid, getpid());
	CHECK_EQ(cred.uid, geteuid());
	int lone = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_OK(getsockopt(lone, SOL_SOCKET, SO_PEERCRED, &cred, &size));
	CHECK_EQ(cred.pid, 0);
	CHECK_EQ((int)cred.uid, -1);
}

static void nothing(int signal)
{
	(void)signal;
}

static void time_limits(void)
{
	struct timeval limit = {0, 50000}, got;
	struct timespec before, after;
	socklen_t size = sizeof(got);
	char byte;
	int ends[2];

	pair(SOCK_STREAM, ends);
	CHECK_OK(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)));
	CHECK_OK(getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &got, &size));
	CHECK(got.tv_sec == 0 && got.tv_usec >= 48000 && got.tv_usec <= 52000);
	clock_gettime(CLOCK_MONOTONIC, &before);
	CHECK_ERROR(recv(ends[0], &byte, 1, 0), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &after);
	CHECK((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 >=
	      45);
	struct sigaction action = {.sa_handler = nothing}; /* no SA_RESTART */
	sigaction(SIGALRM, &action, NULL);
	struct itimerval timer = {{0, 0}, {0, 30000}};
	setitimer(ITIMER_REAL, &timer, NULL);
	CHECK_ERROR(recv(ends[1], &byte, 1, 0), EINTR);
	limit.tv_usec = 1000000;
	CHECK_ERROR(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)), EDOM);
}

static void watched(void)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET};
	int ends[2], epoll = CHECK_OK(epoll_create1(0));

	pair(SOCK_STREAM, ends);
	CHECK_OK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event));
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	CHECK_EQ(send(ends[1], "x", 1, 0), 1);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 1000), 1);
	CHECK_EQ(event.events, EPOLLIN);
	CHECK_EQ(epoll_wait(epoll, &event, 1, 0), 0);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		abi_sleep_ms(30);
		_exit(send(ends[1], "y", 1, 0) != 1);
	}
	CHECK_EQ(epoll_wait(epoll, &event, 1, 5000), 1);
	abi_join(child);
	CHECK_OK(close(ends[1]));
	CHECK_EQ(epoll_wait(epoll, &event, 1, 1000), 1);
	CHECK_EQ(event.events & (EPOLLHUP | EPOLLRDHUP), EPOLLHUP | EPOLLRDHUP);
}

static void many_messages(void)
{
	char first[4] = "", second[4] = "";
	struct iovec out[2] = {{"one", 3}, {"tw", 2}}, in[2] = {{first, 4}, {second, 4}};
	struct mmsghdr send[2] = {{.msg_hdr = {.msg_iov = &out[0], .msg_iovlen = 1}},
				  {.msg_hdr = {.msg_iov = &out[1], .msg_iovlen = 1}}};
	struct mmsghdr receive[2] = {{.msg_hdr = {.msg_iov = &in[0], .msg_iovlen = 1}},
				     {.msg_hdr = {.msg_iov = &in[1], .msg_iovlen = 1}}};
	int ends[2];

	pair(SOCK_DGRAM, ends);
	CHECK_EQ(sendmmsg(ends[0], send, 2, 0), 2);
	CHECK_EQ(send[1].msg_len, 2);
	CHECK_EQ(recvmmsg(ends[1], receive, 2, 0, NULL), 2);
	CHECK_EQ(receive[0].msg_len, 3);
	CHECK_EQ(receive[1].msg_len, 2);
	CHECK(memcmp(first, "one", 3) == 0 && memcmp(second, "tw", 2) == 0);
	CHECK_EQ(CHECK_OK(sendmmsg(ends[0], send, 1, 0)), 1);
	CHECK_EQ(recvmmsg(ends[1], receive, 2, MSG_WAITFORONE, NULL), 1);
}

const struct abi_case abi_cases[] = {
	CASE(making, "families, types, flags and errors: socket(2), socketpair(2)"),
	CASE(seen_as_files, "S_ISSOCK, socket:[inode], ENXIO: proc(5), open(2)"),
	CASE(stream_bytes, "a stream of bytes; MSG_PEEK, FIONREAD: unix(7)"),
	CASE(borders_are_kept, "DGRAM and SEQPACKET keep borders; MSG_TRUNC: recv(2)"),
	CASE(too_long, "EMSGSIZE: send(2)"),
	CASE(full_and_empty_again, "EAGAIN when full, TIOCOUTQ, POLLOUT: unix(7)"),
	CASE(writer_waits, "a full stream's writer waits for the reader: send(2)"),
	CASE(wait_all, "MSG_WAITALL fills the buffer or meets the end: recv(2)"),
	CASE(the_other_side_ends, "end of file, EPIPE, ECONNRESET, ECONNREFUSED: unix(7)"),
	CASE(sigpipe, "MSG_NOSIGNAL: send(2)"),
	CASE(shut, "one direction or both: shutdown(2)"),
	CASE(options, "SO_TYPE, SO_SNDBUF, SO_PEERCRED and kin: socket(7)"),
	CASE(time_limits, "SO_RCVTIMEO; EINTR: socket(7)"),
	CASE(watched, "edges by epoll: epoll(7)"),
	CASE(many_messages, "several at once: sendmmsg(2), recvmmsg(2)"),
	CASES_END,
};
