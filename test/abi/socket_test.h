/* SPDX-License-Identifier: MIT */
#ifndef SOCKET_TEST_H
#define SOCKET_TEST_H

/* What socket*.c share. */

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi.h"

static inline void pair(int type, int ends[2])
{
	CHECK_OK(socketpair(AF_UNIX, type, 0, ends));
}

static inline short polled(int fd, short events)
{
	struct pollfd entry = {fd, events, 0};

	CHECK(poll(&entry, 1, 0) >= 0);
	return entry.revents;
}

/* An abstract name of this process's own. Returns the address's length. */
static inline socklen_t abstract_name(struct sockaddr_un *address, const char *word)
{
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	int length = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "%s-%d", word,
			      (int)getpid());
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

/* One byte and a control message with these descriptors. Returns what sendmsg does. */
static inline long send_fds(int socket, const int *fds, unsigned count)
{
	_Alignas(8) char control[CMSG_SPACE(sizeof(int) * 300)] = {0};
	char byte = 'f';
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_SPACE(sizeof(int) * count)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(header), fds, sizeof(int) * count);
	return sendmsg(socket, &message, 0);
}

/* A byte and at most `room` descriptors: how many came. -1: recvmsg failed. *flags: msg_flags. */
static inline int receive_fds(int socket, int *fds, unsigned room, int ask, int *flags)
{
	_Alignas(8) char control[CMSG_SPACE(sizeof(int) * 300)];
	char byte;
	struct iovec piece = {&byte, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = CMSG_LEN(sizeof(int) * room)};

	if (recvmsg(socket, &message, ask) < 0)
		return -1;
	if (flags)
		*flags = message.msg_flags;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return 0;
	unsigned count = (unsigned)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	memcpy(fds, CMSG_DATA(header), sizeof(int) * count);
	return (int)count;
}

#endif
