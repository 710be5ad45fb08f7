// SPDX-License-Identifier: MIT
/* Open files and credentials over Unix sockets: unix(7), cmsg(3). */

#define _GNU_SOURCE
#include "socket_test.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int *map_whole(int fd)
{
	int *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(map != MAP_FAILED);
	return map;
}

/* The main case: one process makes memory and hands it to another, which maps it elsewhere. */
static void share(int memory)
{
	int ends[2], fd;

	pair(SOCK_STREAM, ends);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		close(memory);
		if (receive_fds(ends[1], &fd, 1, 0, NULL) != 1)
			_exit(1);
		int *gap = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int *theirs = map_whole(fd);
		if (gap == MAP_FAILED || theirs[0] != 17)
			_exit(2);
		theirs[1024] = 18;
		_exit(0);
	}
	CHECK_OK(ftruncate(memory, 8192));
	int *map = map_whole(memory);
	map[0] = 17;
	CHECK_EQ(send_fds(ends[0], &memory, 1), 1);
	CHECK_OK(close(memory)); /* it lives on its way */
	abi_join(child);
	CHECK_EQ(map[1024], 18);
}

static void memory_is_handed_over(void)
{
	char name[64];

	share(CHECK_OK(memfd_create("passed", 0)));
	snprintf(name, sizeof(name), "/samepage-rights-%d", (int)getpid());
	int fd = CHECK_OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_OK(shm_unlink(name));
	share(fd);
}

static void each_type_carries(void)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

	for (unsigned i = 0; i < 3; i++) {
		int ends[2], pipes[2], fds[4], flags;
		char byte;
		pair(types[i], ends);
		CHECK_OK(pipe(pipes));
		CHECK_EQ(send_fds(ends[0], pipes, 2), 1);
		CHECK_EQ(receive_fds(ends[1], fds, 4, MSG_CMSG_CLOEXEC, &flags), 2);
		CHECK_EQ(flags, MSG_CMSG_CLOEXEC);
		CHECK_EQ(CHECK_OK(fcntl(fds[0], F_GETFD)), FD_CLOEXEC);
		CHECK_EQ(write(fds[1], "p", 1), 1);
		CHECK_EQ(read(pipes[0], &byte, 1), 1);
		CHECK_EQ(send_fds(ends[0], pipes, 1), 1);
		CHECK_EQ(receive_fds(ends[1], fds, 4, 0, &flags), 1);
		CHECK_EQ(flags, 0);
		CHECK_EQ(CHECK_OK(fcntl(fds[0], F_GETFD)), 0);
	}
}

static void bad_control(void)
{
	_Alignas(8) char control[64] = {0};
	char byte = 'x';
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int ends[2], fds[254], bad = 999;

	pair(SOCK_STREAM, ends);
	CHECK_ERROR(sendmsg(ends[0], &message, 0), EINVAL); /* a length of 0 */
	*header = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, 77};
	CHECK_ERROR(sendmsg(ends[0], &message, 0), EINVAL);
	*header = (struct cmsghdr){CMSG_LEN(100), SOL_SOCKET, SCM_RIGHTS};
	CHECK_ERROR(sendmsg(ends[0], &message, 0), EINVAL);
	*header = (struct cmsghdr){CMSG_LEN(8), SOL_SOCKET, SCM_CREDENTIALS};
	CHECK_ERROR(sendmsg(ends[0], &message, 0), EINVAL);
	CHECK_ERROR(send_fds(ends[0], &bad, 1), EBADF);
	for (int i = 0; i < 254; i++)
		fds[i] = ends[0];
	CHECK_ERROR(send_fds(ends[0], fds, 254), EINVAL);
	CHECK_ERROR(recv(ends[1], &byte, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(send_fds(ends[0], fds, 253), 1);
	/* read(2) takes the byte; the files are closed. */
	CHECK_EQ(read(ends[1], &byte, 1), 1);
}

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 300; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void little_room(void)
{
	int ends[2], sent[3], fds[4], flags;

	pair(SOCK_STREAM, ends);
	for (int i = 0; i < 3; i++)
		sent[i] = CHECK_OK(open("/dev/null", O_RDWR));
	int before = open_count();
	CHECK_EQ(send_fds(ends[0], sent, 3), 1);
	CHECK_EQ(receive_fds(ends[1], fds, 2, 0, &flags), 2);
	CHECK_EQ(flags, MSG_CTRUNC);
	CHECK_EQ(open_count(), before + 2);
	CHECK_EQ(send_fds(ends[0], sent, 3), 1);
	CHECK_EQ(receive_fds(ends[1], fds, 0, 0, &flags), 0);
	CHECK_EQ(flags, MSG_CTRUNC);
	CHECK_EQ(open_count(), before + 2);
	/* No descriptor is free for the second one. */
	struct rlimit limit;
	int lowest = CHECK_OK(dup(1));
	CHECK_OK(close(lowest));
	CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = (rlim_t)lowest + 1;
	/* Before the limit: it bounds what a user has on the way too, and others may run as this one. */
	CHECK_EQ(send_fds(ends[0], sent, 3), 1);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_EQ(receive_fds(ends[1], fds, 4, 0, &flags), 1);
	CHECK_EQ(flags, MSG_CTRUNC);
}

static void peeked_files_are_copies(void)
{
	int ends[2], pipes[2], first, second;
	char byte;

	pair(SOCK_DGRAM, ends);
	CHECK_OK(pipe(pipes));
	CHECK_EQ(send_fds(ends[0], &pipes[1], 1), 1);
	CHECK_EQ(receive_fds(ends[1], &first, 1, MSG_PEEK, NULL), 1);
	CHECK_EQ(receive_fds(ends[1], &second, 1, 0, NULL), 1);
	CHECK_OK(close(pipes[1]));
	CHECK_OK(close(first));
	CHECK_EQ(write(second, "x", 1), 1);
	CHECK_EQ(read(pipes[0], &byte, 1), 1);
	CHECK_OK(close(second));
	CHECK_EQ(read(pipes[0], &byte, 1), 0);
}

static void streams_stop_behind_files(void)
{
	char buffer[16];
	int ends[2], fd;

	pair(SOCK_STREAM, ends);
	CHECK_EQ(send(ends[0], "ab", 2, 0), 2);
	CHECK_EQ(send_fds(ends[0], &ends[0], 1), 1);
	CHECK_EQ(send(ends[0], "cd", 2, 0), 2);
	CHECK_EQ(recv(ends[1], buffer, sizeof(buffer), 0), 3);
	CHECK_EQ(recv(ends[1], buffer, sizeof(buffer), 0), 2);
	CHECK_EQ(receive_fds(ends[1], &fd, 1, MSG_DONTWAIT, NULL), -1);
}

/* The pipe's last writer is on its way; when that ends, its reader sees the end. */
static void expect_closed(int reader)
{
	char byte;

	CHECK_EQ(read(reader, &byte, 1), 0);
}

static void unread_files_are_closed(void)
{
	int ends[2], pipes[2];

	pair(SOCK_STREAM, ends);
	CHECK_OK(pipe(pipes));
	CHECK_EQ(send_fds(ends[0], &pipes[1], 1), 1);
	CHECK_OK(close(pipes[1]));
	CHECK_OK(close(ends[0]));
	struct pollfd entry = {pipes[0], POLLIN, 0};
	CHECK_EQ(poll(&entry, 1, 0), 0);
	CHECK_OK(close(ends[1]));
	expect_closed(pipes[0]);
}

static void not_accepted_files_are_closed(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_name(&address, "rights");
	int listener = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), pipes[2];
	int client = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	CHECK_OK(bind(listener, (void *)&address, length));
	CHECK_OK(listen(listener, 1));
	CHECK_OK(connect(client, (void *)&address, length));
	CHECK_OK(pipe(pipes));
	CHECK_EQ(send_fds(client, &pipes[1], 1), 1);
	CHECK_OK(close(pipes[1]));
	CHECK_OK(close(listener));
	expect_closed(pipes[0]);
}

/* A socket in its own queue, and two in each other's, with a pipe's end in each. */
static void cycles_end(void)
{
	int ends[2], pipes[2], more[2];

	CHECK_OK(pipe(pipes));
	pair(SOCK_STREAM, ends);
	CHECK_EQ(send_fds(ends[0], (int[]){ends[1], pipes[1]}, 2), 1);
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	pair(SOCK_DGRAM, ends);
	pair(SOCK_SEQPACKET, more);
	CHECK_EQ(send_fds(ends[0], (int[]){more[1], pipes[1]}, 2), 1);
	CHECK_EQ(send_fds(more[0], (int[]){ends[1], more[1]}, 2), 1);
	CHECK_OK(close(pipes[1]));
	for (int i = 0; i < 2; i++) {
		CHECK_OK(close(ends[i]));
		CHECK_OK(close(more[i]));
	}
	/* Linux looks for them now and then: when another socket is closed. */
	for (int i = 0; i < 50; i++) {
		struct pollfd entry = {pipes[0], POLLIN, 0};
		pair(SOCK_STREAM, ends);
		close(ends[0]);
		close(ends[1]);
		if (poll(&entry, 1, 100))
			break;
	}
	CHECK_OK(fcntl(pipes[0], F_SETFL, O_NONBLOCK));
	expect_closed(pipes[0]);
}

/* A cycle that somebody still holds by one end is whole. */
static void held_cycles_stay(void)
{
	int ends[2], more[2], fd, pipes[2];
	char byte;

	CHECK_OK(pipe(pipes));
	pair(SOCK_STREAM, ends);
	pair(SOCK_STREAM, more);
	CHECK_EQ(send_fds(ends[0], (int[]){more[1], pipes[1]}, 2), 1);
	CHECK_EQ(send_fds(more[0], &more[1], 1), 1);
	CHECK_OK(close(more[0]));
	CHECK_OK(close(more[1]));
	CHECK_OK(close(pipes[1]));
	int received[2];
	CHECK_EQ(receive_fds(ends[1], received, 2, 0, NULL), 2);
	CHECK_EQ(receive_fds(received[0], &fd, 1, 0, NULL), 1);
	CHECK_EQ(write(received[1], "x", 1), 1);
	CHECK_EQ(read(pipes[0], &byte, 1), 1);
}

/* Deeper than a kernel stack is: closing the first closes all. */
static void long_chains_end(void)
{
	int ends[2], next[2], pipes[2];

	CHECK_OK(pipe(pipes));
	pair(SOCK_DGRAM, ends);
	CHECK_EQ(send_fds(ends[0], &pipes[1], 1), 1);
	CHECK_OK(close(pipes[1]));
	for (int i = 0; i < 600; i++) {
		pair(SOCK_DGRAM, next);
		if (send_fds(next[0], (int[]){ends[0], ends[1]}, 2) != 1) {
			CHECK_EQ(errno, ETOOMANYREFS); /* older kernels: at most four deep */
			CHECK_OK(close(next[0]));
			CHECK_OK(close(next[1]));
			break;
		}
		CHECK_OK(close(ends[0]));
		CHECK_OK(close(ends[1]));
		memcpy(ends, next, sizeof(ends));
	}
	CHECK_OK(close(ends[0]));
	CHECK_OK(close(ends[1]));
	struct pollfd entry = {pipes[0], POLLIN, 0};
	CHECK_EQ(poll(&entry, 1, 10000), 1);
	expect_closed(pipes[0]);
}

static void flood(void *argument)
{
	int ends[2], sent = 0;
	struct rlimit limit = {64, 64};

	(void)argument;
	abi_become(3456, 3456);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	pair(SOCK_STREAM | SOCK_NONBLOCK, ends);
	while (sent < 1000 && send_fds(ends[0], (int[]){0, 1, 0, 1}, 4) == 1)
		sent++;
	CHECK_EQ(errno, ETOOMANYREFS);
	CHECK(sent >= 16 && sent <= 40);
}

static void a_limit_in_flight(void)
{
	abi_in_child(flood, NULL);
}

/* ---- credentials ---- */

static long receive_credentials(int socket, struct ucred *cred, int *flags)
{
	_Alignas(8) char control[256];
	char byte;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	long result = recvmsg(socket, &message, 0);
	struct cmsghdr *header = result > 0 ? CMSG_FIRSTHDR(&message) : NULL;

	*flags = message.msg_flags;
	if (!header)
		return -1;
	CHECK_EQ(header->cmsg_type, SCM_CREDENTIALS);
	CHECK_EQ(header->cmsg_len, CMSG_LEN(sizeof(*cred)));
	memcpy(cred, CMSG_DATA(header), sizeof(*cred));
	return result;
}

static long send_credentials(int socket, struct ucred cred)
{
	_Alignas(8) char control[CMSG_SPACE(sizeof(cred))] = {0};
	char byte = 'c';
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	*header = (struct cmsghdr){CMSG_LEN(sizeof(cred)), SOL_SOCKET, SCM_CREDENTIALS};
	memcpy(CMSG_DATA(header), &cred, sizeof(cred));
	return sendmsg(socket, &message, 0);
}

static void lie(void *argument)
{
	int *ends = argument;

	abi_become(3456, 3456);
	CHECK_ERROR(send_credentials(ends[0], (struct ucred){1, 3456, 3456}), EPERM);
	CHECK_ERROR(send_credentials(ends[0], (struct ucred){getpid(), 0, 3456}), EPERM);
	CHECK_ERROR(send_credentials(ends[0], (struct ucred){getpid(), 3456, 0}), EPERM);
	CHECK_EQ(send_credentials(ends[0], (struct ucred){getpid(), 3456, 3456}), 1);
}

static void credentials(void)
{
	int ends[2], on = 1, flags;
	struct ucred cred;

	pair(SOCK_DGRAM, ends);
	CHECK_EQ(send(ends[0], "x", 1, 0), 1); /* before anybody asked */
	CHECK_OK(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	CHECK_EQ(receive_credentials(ends[1], &cred, &flags), 1);
	CHECK_EQ(cred.pid, 0);
	CHECK_EQ(cred.uid, 65534);
	CHECK_EQ(send(ends[0], "x", 1, 0), 1);
	CHECK_EQ(receive_credentials(ends[1], &cred, &flags), 1);
	CHECK_EQ(cred.pid, getpid());
	CHECK_EQ(cred.uid, getuid());
	CHECK_EQ(cred.gid, getgid());
	CHECK_EQ(send_credentials(ends[0], (struct ucred){getpid(), getuid(), getgid()}), 1);
	CHECK_EQ(receive_credentials(ends[1], &cred, &flags), 1);
	abi_in_child(lie, ends);
	CHECK_EQ(receive_credentials(ends[1], &cred, &flags), 1);
	CHECK_EQ(cred.uid, 3456);
}

static void nobodys_credentials(void)
{
	int ends[2];
	uid_t uid = getuid(), none = (uid_t)-1;
	gid_t gid = getgid();

	pair(SOCK_DGRAM, ends);
	CHECK_ERROR(send_credentials(ends[0], (struct ucred){getpid(), none, gid}), EINVAL);
	CHECK_ERROR(send_credentials(ends[0], (struct ucred){getpid(), uid, none}), EINVAL);
	CHECK_ERROR(send_credentials(ends[0], (struct ucred){999999999, none, none}), EINVAL);
	if (abi_is_root())
		CHECK_ERROR(send_credentials(ends[0], (struct ucred){999999999, 5, 5}), ESRCH);
	CHECK_EQ(send_credentials(ends[0], (struct ucred){getpid(), uid, gid}), 1);
}

const struct abi_case abi_cases[] = {
	CASE(memory_is_handed_over,
	     "a memfd and a POSIX segment, mapped on the other side: unix(7)"),
	CASE(each_type_carries, "SCM_RIGHTS, MSG_CMSG_CLOEXEC: unix(7), recvmsg(2)"),
	CASE(bad_control, "EINVAL, EBADF; 253 descriptors at most: unix(7)"),
	CASE(little_room, "what does not fit is closed: MSG_CTRUNC: unix(7)"),
	CASE(peeked_files_are_copies, "MSG_PEEK gives descriptors too: observed"),
	CASE(streams_stop_behind_files, "one recv goes to the bytes with files: unix(7)"),
	CASE(unread_files_are_closed, "with the socket that was to receive them: unix(7)"),
	CASE(not_accepted_files_are_closed, "with the listener: unix(7)"),
	CASE(cycles_end, "sockets that only hold each other are closed: observed"),
	CASE(held_cycles_stay, "but not if somebody can still reach them: observed"),
	CASE(long_chains_end, "however deep sockets carry sockets: observed"),
	CASE(a_limit_in_flight, "RLIMIT_NOFILE bounds those on their way: ETOOMANYREFS: unix(7)"),
	CASE(credentials, "SO_PASSCRED, SCM_CREDENTIALS, EPERM: unix(7)"),
	CASE(nobodys_credentials, "SCM_CREDENTIALS with an id of -1 is EINVAL: observed"),
	CASES_END,
};
