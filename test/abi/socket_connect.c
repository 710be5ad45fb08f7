// SPDX-License-Identifier: MIT
/* Unix sockets: names, connections, datagrams with addresses. */

#define _GNU_SOURCE
#include "socket_test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>

static void unconnected(void)
{
	struct sockaddr_un address;
	socklen_t size = sizeof(address);
	char byte;
	int stream = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int packets = CHECK_OK(socket(AF_UNIX, SOCK_SEQPACKET, 0));

	CHECK_ERROR(send(stream, "x", 1, MSG_NOSIGNAL), ENOTCONN);
	CHECK_ERROR(recv(stream, &byte, 1, 0), EINVAL);
	CHECK_ERROR(recv(packets, &byte, 1, 0), ENOTCONN);
	CHECK_ERROR(send(packets, "x", 1, 0), ENOTCONN);
	CHECK_ERROR(getpeername(stream, (void *)&address, &size), ENOTCONN);
	CHECK_OK(getsockname(stream, (void *)&address, &size));
	CHECK_EQ(size, 2);
	CHECK_EQ(address.sun_family, AF_UNIX);
	CHECK_ERROR(accept(stream, NULL, NULL), EINVAL);
	CHECK_ERROR(listen(stream, 1), EINVAL);
	CHECK_EQ(polled(stream, POLLIN | POLLOUT), POLLOUT | POLLHUP);
}

static void binding(void)
{
	struct sockaddr_un address, other;
	socklen_t length = abstract_name(&address, "bind"), size = sizeof(other);
	int a = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int b = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));

	CHECK_ERROR(bind(a, (void *)&address, 1), EINVAL);
	CHECK_ERROR(bind(a, (void *)&address, 200), EINVAL);
	CHECK_ERROR(bind(a, (void *)8, length), EFAULT);
	CHECK_OK(bind(a, (void *)&address, length));
	CHECK_ERROR(bind(b, (void *)&address, length), EADDRINUSE);
	CHECK_ERROR(bind(a, (void *)&address, length - 1), EINVAL);
	CHECK_OK(getsockname(a, (void *)&other, &size));
	CHECK_EQ(size, length);
	CHECK(memcmp(&address, &other, length) == 0);
	CHECK_ERROR(connect(b, (void *)&address, length), ECONNREFUSED);
	address.sun_family = AF_INET;
	CHECK_ERROR(bind(b, (void *)&address, length), EINVAL);
	address.sun_family = AF_UNIX;
	CHECK_OK(close(a));
	CHECK_OK(bind(b, (void *)&address, length));
	/* Only the family: a name is found. */
	a = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	CHECK_OK(bind(a, (void *)&address, 2));
	size = sizeof(other);
	CHECK_OK(getsockname(a, (void *)&other, &size));
	CHECK_EQ(size, 8);
	CHECK_EQ(other.sun_path[0], 0);
}

static void paths(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX}, other;
	char folder[] = "/tmp/samepage-socket-XXXXXX";
	socklen_t size = sizeof(other);
	struct stat info;
	int a = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int b = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	int c = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));

	CHECK(mkdtemp(folder));
	CHECK_OK(chmod(folder, 0777));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/name", folder);
	umask(027);
	CHECK_ERROR(connect(b, (void *)&address, sizeof(address)), ENOENT);
	CHECK_OK(bind(a, (void *)&address, sizeof(address)));
	CHECK_ERROR(bind(b, (void *)&address, sizeof(address)), EADDRINUSE);
	CHECK_OK(stat(address.sun_path, &info));
	CHECK_EQ(info.st_mode, S_IFSOCK | 0750);
	CHECK_ERROR(open(address.sun_path, O_RDWR), ENXIO);
	CHECK_OK(getsockname(a, (void *)&other, &size));
	CHECK_EQ(size, 2 + strlen(address.sun_path) + 1);
	CHECK_ERROR(connect(b, (void *)&address, sizeof(address)), ECONNREFUSED);
	CHECK_ERROR(connect(c, (void *)&address, sizeof(address)), EPROTOTYPE);
	CHECK_OK(listen(a, 5));
	CHECK_OK(connect(b, (void *)&address, sizeof(address)));
	size = sizeof(other);
	CHECK_OK(getpeername(b, (void *)&other, &size));
	CHECK(strcmp(other.sun_path, address.sun_path) == 0);
	CHECK_OK(close(a));
	CHECK_EQ(access(address.sun_path, F_OK), 0); /* the node stays */
	a = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0));
	CHECK_ERROR(connect(a, (void *)&address, sizeof(address)), ECONNREFUSED);
	CHECK_OK(unlink(address.sun_path));
	CHECK_ERROR(connect(a, (void *)&address, sizeof(address)), ENOENT);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/none/name", folder);
	CHECK_ERROR(bind(a, (void *)&address, sizeof(address)), ENOENT);
	CHECK_OK(rmdir(folder));
}

static void connections(void)
{
	struct sockaddr_un address, other;
	socklen_t length = abstract_name(&address, "listen"), size;
	int listener = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)), value;
	int client = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), server;
	char buffer[8];

	CHECK_OK(bind(listener, (void *)&address, length));
	CHECK_OK(listen(listener, 1));
	size = sizeof(value);
	CHECK_OK(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &size));
	CHECK_EQ(value, 1);
	CHECK_ERROR(accept(listener, NULL, NULL), EAGAIN);
	CHECK_EQ(polled(listener, POLLIN | POLLOUT), 0);
	CHECK_OK(connect(client, (void *)&address, length));
	CHECK_ERROR(connect(client, (void *)&address, length), EISCONN);
	CHECK_EQ(polled(listener, POLLIN), POLLIN);
	CHECK_EQ(send(client, "early", 5, 0), 5); /* before it is accepted */
	size = sizeof(other);
	server = CHECK_OK(accept4(listener, (void *)&other, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
	CHECK_EQ(size, 2); /* the client has no name */
	CHECK_EQ(CHECK_OK(fcntl(server, F_GETFD)), FD_CLOEXEC);
	size = sizeof(other);
	CHECK_OK(getsockname(server, (void *)&other, &size));
	CHECK_EQ(size, length);
	CHECK_EQ(recv(server, buffer, 8, 0), 5);
	CHECK_EQ(send(server, "hi", 2, 0), 2);
	CHECK_EQ(recv(client, buffer, 8, 0), 2);
	CHECK_ERROR(sendto(client, "x", 1, 0, (void *)&address, length), EISCONN);
	CHECK_ERROR(accept4(listener, NULL, NULL, 1), EINVAL);
	CHECK_ERROR(connect(listener, (void *)&address, length), EINVAL);
}

static void backlog(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_name(&address, "backlog");
	int listener = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), clients[3];
	char byte;

	CHECK_OK(bind(listener, (void *)&address, length));
	CHECK_OK(listen(listener, 1));
	for (int i = 0; i < 3; i++)
		clients[i] = CHECK_OK(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
	CHECK_OK(connect(clients[0], (void *)&address, length));
	CHECK_OK(connect(clients[1], (void *)&address, length));
	CHECK_ERROR(connect(clients[2], (void *)&address, length), EAGAIN);
	CHECK_OK(close(CHECK_OK(accept(listener, NULL, NULL))));
	CHECK_OK(connect(clients[2], (void *)&address, length));
	CHECK_EQ(recv(clients[0], &byte, 1, 0), 0);
	CHECK_OK(close(listener)); /* who was not accepted is told so */
	CHECK_ERROR(recv(clients[2], &byte, 1, 0), ECONNRESET);
}

static void waits_for_the_backlog(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_name(&address, "waiting");
	int listener = CHECK_OK(socket(AF_UNIX, SOCK_STREAM, 0)), got = 0;

	CHECK_OK(bind(listener, (void *)&address, length));
	CHECK_OK(listen(listener, 0));
	pid_t child = CHECK_OK(fork());
	if (!child) {
		for (int i = 0; i < 20; i++) {
			int client = socket(AF_UNIX, SOCK_STREAM, 0);
			if (connect(client, (void *)&address, length) ||
			    write(client, "12", 2) != 2 || close(client))
				_exit(1);
		}
		_exit(0);
	}
	for (int i = 0; i < 20; i++) {
		int server = CHECK_OK(accept(listener, NULL, NULL));
		char buffer[4];
		got += (int)CHECK_OK(recv(server, buffer, 4, MSG_WAITALL));
		CHECK_OK(close(server));
	}
	CHECK_EQ(got, 40);
	abi_join(child);
}

static void datagram_names(void)
{
	struct sockaddr_un to, own, from;
	socklen_t to_size = abstract_name(&to, "to"), own_size = abstract_name(&own, "own");
	socklen_t size = sizeof(from);
	int a = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM, 0));
	int b = CHECK_OK(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)), sent = 0;
	char buffer[8];

	CHECK_ERROR(send(b, "x", 1, 0), ENOTCONN);
	CHECK_ERROR(sendto(b, "x", 1, 0, (void *)&to, to_size), ECONNREFUSED);
	CHECK_OK(bind(a, (void *)&to, to_size));
	CHECK_EQ(sendto(b, "one", 3, 0, (void *)&to, to_size), 3);
	CHECK_EQ(recvfrom(a, buffer, 8, 0, (void *)&from, &size), 3);
	CHECK_EQ(size, 0); /* it has no name */
	CHECK_OK(bind(b, (void *)&own, own_size));
	CHECK_OK(connect(b, (void *)&to, to_size));
	CHECK_EQ(send(b, "four", 4, 0), 4);
	size = sizeof(from);
	CHECK_EQ(recvfrom(a, buffer, 8, 0, (void *)&from, &size), 4);
	CHECK_EQ(size, own_size);
	CHECK(memcmp(&from, &own, own_size) == 0);
	while (send(b, "x", 1, 0) == 1)
		sent++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(sent >= 2 && sent < 1000);
	CHECK_EQ(polled(b, POLLOUT), 0);
	CHECK_EQ(recv(a, buffer, 8, 0), 1);
	CHECK_EQ(polled(b, POLLOUT), POLLOUT);
	/* a talks to another one only: nobody else may send to it. */
	CHECK_OK(connect(a, (void *)&to, to_size));
	CHECK_ERROR(send(b, "x", 1, 0), EPERM);
	from.sun_family = AF_UNSPEC;
	CHECK_OK(connect(b, (void *)&from, sizeof(from)));
	CHECK_ERROR(send(b, "x", 1, 0), ENOTCONN);
	CHECK_ERROR(listen(a, 1), EOPNOTSUPP);
	CHECK_ERROR(accept(a, NULL, NULL), EOPNOTSUPP);
}

const struct abi_case abi_cases[] = {
	CASE(unconnected, "what cannot be done without a peer: unix(7)"),
	CASE(binding, "abstract names, autobind, EADDRINUSE: bind(2), unix(7)"),
	CASE(paths, "names in the file system: unix(7)"),
	CASE(connections, "connect, accept, names of both sides: accept(2)"),
	CASE(backlog, "a full backlog is EAGAIN; a closed one ECONNRESET: listen(2)"),
	CASE(waits_for_the_backlog, "connect waits for room in the backlog: connect(2)"),
	CASE(datagram_names, "sendto, recvfrom, a full queue, EPERM: unix(7)"),
	CASES_END,
};
