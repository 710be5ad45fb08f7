// SPDX-License-Identifier: MIT
/*
 * Every allocation fails once (fail-nth, as in shm_fail.c) while sockets are made,
 * named, connected and used, and files locked: the call says so, nothing is lost.
 */

#define _GNU_SOURCE
#include "fail_test.h"
#include "socket_test.h"

#include <sys/mman.h>

static int ends[2], memory;

/* ---- operations: 0, or -1 with errno; what they made is gone afterwards, if the close can do it ---- */

static int pair_made(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return -1;
	return close(fds[0]) | close(fds[1]);
}

static int bytes_sent(void)
{
	char buffer[100] = {0};

	if (send(ends[0], buffer, sizeof(buffer), 0) != sizeof(buffer))
		return -1;
	return recv(ends[1], buffer, sizeof(buffer), 0) == sizeof(buffer) ? 0 : -1;
}

static int file_sent(void)
{
	int fd = -1;

	if (send_fds(ends[0], &memory, 1) != 1)
		return -1;
	int count = receive_fds(ends[1], &fd, 1, 0, NULL);
	if (count == 1)
		return close(fd);
	errno = ENOMEM; /* the descriptor did not fit: MSG_CTRUNC */
	return -1;
}

static int connected(void)
{
	struct sockaddr_un address;
	socklen_t length = abstract_name(&address, "fail");
	int fds[3] = {-1, -1, -1}, result = -1, error;

	fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	fds[1] = fds[0] < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM, 0);
	if (fds[1] >= 0 && !bind(fds[0], (void *)&address, length) && !listen(fds[0], 1) &&
	    !connect(fds[1], (void *)&address, length)) {
		fds[2] = accept(fds[0], NULL, NULL);
		result = fds[2] < 0 ? -1 : 0;
	}
	error = errno;
	for (int i = 0; i < 3; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	errno = error;
	return result;
}

static int bound_to_path(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/samepage-fail-%d",
		 (int)getpid());
	int result = bind(fd, (void *)&address, sizeof(address)), error = errno;
	close(fd);
	if (!result)
		result = unlink(address.sun_path);
	else
		errno = error;
	return result;
}

static int locked(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 10};

	if (fcntl(memory, F_SETLK, &lock))
		return -1;
	lock.l_start = 15;
	lock.l_len = 2;
	lock.l_type = F_UNLCK;
	int result = fcntl(memory, F_SETLK, &lock);
	lock.l_start = lock.l_len = 0;
	return result ? result : fcntl(memory, F_SETLK, &lock);
}

static int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 100; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void try_all(int (*operation)(void))
{
	int before = open_count();

	for (unsigned n = 1; n < FAIL_CALLS_MAX; n++) {
		char leftover[200];
		fail_nth(n);
		int result = operation(), error = errno;
		bool happened = fail_stop();
		if (result)
			CHECK(error == ENOMEM || error == ENOBUFS || error == ENOLCK);
		/* A message may be left, and a name. */
		while (recv(ends[1], leftover, sizeof(leftover), MSG_DONTWAIT) > 0)
			;
		snprintf(leftover, sizeof(leftover), "/tmp/samepage-fail-%d", (int)getpid());
		(void)!unlink(leftover);
		CHECK_EQ(open_count(), before);
		if (!happened) {
			CHECK_EQ(result, 0);
			return;
		}
	}
	CHECK(!"it allocates without end");
}

static void each_fails_once(void)
{
	fail_open();
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	memory = CHECK_OK(memfd_create("sent", 0));
	try_all(pair_made);
	try_all(bytes_sent);
	try_all(file_sent);
	try_all(connected);
	try_all(bound_to_path);
	try_all(locked);
}

const struct abi_case abi_cases[] = {
	CASE(each_fails_once, "ENOMEM, ENOBUFS or ENOLCK, and nothing is lost: socket(2), send(2)"),
	CASES_END,
};
