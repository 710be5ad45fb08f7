// SPDX-License-Identifier: MIT
/* Unix sockets. */

#include "call.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_LENGTH 11 /* the family, a zero byte, eight letters */

static struct sockaddr_un name = {AF_UNIX, "\0shortage"};
static struct sockaddr_un other = {AF_UNIX, "\0anything"};
static struct sockaddr_un path = {AF_UNIX, "bound"};
static socklen_t length;
static struct iovec piece;
static struct msghdr message, received;
static struct mmsghdr messages[3];
static _Alignas(8) char control[CMSG_SPACE(3 * sizeof(int))], control_in[200];
static int ends[2], flag = 1;

static void lengths(void)
{
	length = sizeof(struct sockaddr_un);
}

static void pair_close(long result)
{
	(void)result;
	need(close(ends[0]) == 0 && close(ends[1]) == 0, "close");
}

static void free_again(long result)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)result;
	need(fd >= 0 && dup2(fd, FD_FREE) == FD_FREE && close(fd) == 0, "socket");
}

static void unbind(long result)
{
	free_again(result);
	(void)unlink("bound");
}

/* One that waits to be accepted at most, and none from before. */
static void nobody_waits(long result)
{
	free_again(result);
	for (int fd; (fd = accept4(FD_LISTENER, NULL, NULL, SOCK_NONBLOCK)) >= 0;)
		close(fd);
}

static void somebody_waits(void)
{
	nobody_waits(0);
	need(connect(FD_FREE, (void *)&name, NAME_LENGTH) == 0, "connect");
	length = sizeof(struct sockaddr_un);
}

static void accepted(long fd)
{
	undo_close(fd);
	nobody_waits(0);
}

static void drained(long result)
{
	(void)result;
	drain();
}

static void message_make(void)
{
	int files[3] = {FD_FILE, FD_MEMORY, FD_NULL};

	drain();
	piece = (struct iovec){buffer, 3000};
	message = (struct msghdr){.msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	*header = (struct cmsghdr){CMSG_LEN(sizeof(files)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(header), files, sizeof(files));
	received = (struct msghdr){.msg_iov = &piece,
				   .msg_iovlen = 1,
				   .msg_control = control_in,
				   .msg_controllen = sizeof(control_in)};
	for (unsigned i = 0; i < 3; i++) {
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &piece, .msg_iovlen = 1};
		messages[i].msg_len = 0;
	}
}

static void message_waits(void)
{
	message_make();
	need(sendmsg(FD_SOCKET, &message, 0) == 3000, "sendmsg");
}

static void bytes_wait(void)
{
	message_make();
	need(send(FD_SOCKET, buffer, 5000, 0) == 5000, "send");
	need(send(FD_DATAGRAM, buffer, 5000, 0) == 5000, "send");
}

static void files_close(long result)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(&received);

	(void)result;
	need(header && header->cmsg_type == SCM_RIGHTS, "descriptors that were not sent");
	for (unsigned i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++)
		close(((int *)CMSG_DATA(header))[i]);
	drain();
}

#define ALLOCATES .flags = CALL_ALLOCATES, .errors = {ENOBUFS}
#define SENDS     .flags = CALL_ALLOCATES, .errors = {ENOBUFS}, .ready = message_make, .undo = drained

const struct call calls_socket[] = {
	{CALL(socket, AF_UNIX, SOCK_STREAM, 0), ALLOCATES, .undo = undo_close},
	{CALL(socket, AF_UNIX, SOCK_DGRAM, 0), .what = "datagram", ALLOCATES, .undo = undo_close},
	{CALL(socketpair, AF_UNIX, SOCK_STREAM, 0, AT(ends)), ALLOCATES, .undo = pair_close},
	{CALL(socketpair, AF_UNIX, SOCK_SEQPACKET, 0, AT(ends)), .what = "packets", ALLOCATES,
	 .undo = pair_close},
	{CALL(bind, FD_FREE, AT(&other), NAME_LENGTH), .undo = unbind},
	{CALL(bind, FD_FREE, AT(&path), sizeof(path)), .what = "path", .flags = CALL_ALLOCATES,
	 .errors = {ENOBUFS, ENOSPC}, .undo = unbind},
	{CALL(listen, FD_LISTENER, 5)},
	{CALL(connect, FD_FREE, AT(&name), NAME_LENGTH), ALLOCATES, .undo = nobody_waits},
	{CALL(accept, FD_LISTENER, 0, 0), ALLOCATES, .ready = somebody_waits, .undo = accepted},
	{CALL(accept4, FD_LISTENER, AT(buffer), AT(&length), SOCK_CLOEXEC), ALLOCATES,
	 .ready = somebody_waits, .undo = accepted},
	{CALL(getsockname, FD_LISTENER, AT(buffer), AT(&length)), .ready = lengths},
	{CALL(getpeername, FD_SOCKET, AT(buffer), AT(&length)), .ready = lengths},
	{CALL(sendto, FD_SOCKET, AT(buffer), 9000, 0, 0, 0), SENDS},
	{CALL(sendto, FD_DATAGRAM, AT(buffer), 9000, 0, 0, 0), .what = "datagram", SENDS},
	{CALL(write, FD_SOCKET, AT(buffer), 9000), .what = "socket", SENDS},
	{CALL(sendmsg, FD_SOCKET, AT(&message), 0), SENDS},
	{CALL(sendmsg, FD_DATAGRAM, AT(&message), 0), .what = "datagram", SENDS},
	{CALL(sendmmsg, FD_DATAGRAM, AT(messages), 3, 0), SENDS},
	{CALL(recvfrom, FD_PEER, AT(buffer), 5000, 0, 0, 0), .ready = bytes_wait, .undo = drained},
	{CALL(recvmsg, FD_PEER, AT(&received), 0), .ready = message_waits, .undo = files_close},
	{CALL(recvmmsg, FD_DATAGRAM_PEER, AT(messages), 1, 0, 0), .ready = bytes_wait,
	 .undo = drained},
	{CALL(setsockopt, FD_SOCKET, SOL_SOCKET, SO_PASSCRED, AT(&flag), sizeof(flag))},
	{CALL(getsockopt, FD_SOCKET, SOL_SOCKET, SO_PEERCRED, AT(buffer), AT(&length)),
	 .ready = lengths},
	{CALL(shutdown, FD_DATAGRAM, 0)},
	{0},
};
