// SPDX-License-Identifier: MIT
/* Threads of two processes do everything to few sockets at once, for two seconds; nothing is lost. */

#define _GNU_SOURCE
#include "socket_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define SOCKETS 24
#define THREADS 3
#define SECONDS 2

static int fds[SOCKETS];

static uint32_t draw(uint32_t *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}

/* Takes the place of what was there; the descriptor given is closed. */
static void put(int fd, int place)
{
	if (fd < 0)
		return;
	dup2(fd, fds[place]);
	close(fd);
}

static void new_pair(uint32_t random, int i, int j)
{
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
	int ends[2];

	if (socketpair(AF_UNIX, types[random % 3] | SOCK_NONBLOCK, 0, ends))
		return;
	put(ends[0], i);
	put(ends[1], j);
}

/* A connection that carries its own listener; accepted or not. */
static void new_connection(uint32_t random, int i, int j)
{
	struct sockaddr_un address;
	socklen_t length = abstract_name(&address, "stress");
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	address.sun_path[1] = (char)(random % 64);
	if (!bind(listener, (void *)&address, length) && !listen(listener, 3) &&
	    !connect(client, (void *)&address, length)) {
		send_fds(client, &fds[i], 1);
		send_fds(client, &listener, 1);
		if (random & 64)
			put(accept4(listener, NULL, NULL, SOCK_NONBLOCK), i);
		else
			send_fds(fds[i], &listener, 1);
	}
	put(client, j);
	close(listener);
}

static void one_operation(uint32_t *state)
{
	char buffer[5000] = {0};
	uint32_t random = draw(state);
	int i = (int)(draw(state) % SOCKETS), j = (int)(draw(state) % SOCKETS), got[4];

	switch (draw(state) % 9) {
	case 0:
		new_pair(random, i, j);
		break;
	case 1:
	case 2:
		send_fds(fds[i], &fds[j], 1);
		break;
	case 3:
		if (receive_fds(fds[i], got, 1, MSG_DONTWAIT, NULL) == 1)
			put(got[0], j);
		break;
	case 4:
		if (receive_fds(fds[i], got, 1, MSG_DONTWAIT | MSG_PEEK, NULL) == 1)
			close(got[0]);
		break;
	case 5:
		send(fds[i], buffer, random % sizeof(buffer), MSG_DONTWAIT | MSG_NOSIGNAL);
		break;
	case 6:
		recv(fds[i], buffer, random % sizeof(buffer), MSG_DONTWAIT);
		break;
	case 7:
		shutdown(fds[i], (int)(random % 3));
		break;
	default:
		new_connection(random, i, j);
	}
}

static void *run(void *argument)
{
	uint32_t state = *(uint32_t *)argument;
	time_t end = time(NULL) + SECONDS;

	while (time(NULL) < end)
		one_operation(&state);
	return NULL;
}

static void process_run(uint32_t seed)
{
	uint32_t seeds[THREADS];
	pthread_t threads[THREADS];

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SOCKETS; i++)
		fds[i] = CHECK_OK(open("/dev/null", O_RDWR));
	for (uint32_t i = 0; i < THREADS; i++) {
		seeds[i] = seed + i * 7919;
		CHECK_EQ(pthread_create(&threads[i], NULL, run, &seeds[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	_exit(0);
}

static void two_processes(void)
{
	pid_t children[2];

	for (uint32_t i = 0; i < 2; i++) {
		children[i] = CHECK_OK(fork());
		if (!children[i])
			process_run(i + 1);
	}
	for (int i = 0; i < 2; i++)
		abi_join(children[i]);
}

static void everything_at_once(void)
{
	two_processes(); /* and the kernel's caches are warm */
	if (!abi_in_samepage())
		return;
	uint64_t before = abi_samepage_frames();
	two_processes();
	abi_sleep_ms(200);
	uint64_t after = abi_samepage_frames();
	CHECK(after + 64 >= before); /* caches of CPUs may keep some */
}

const struct abi_case abi_cases[] = {
	CASE(everything_at_once,
	     "files in circles, threads that race; all is given back: observed"),
	CASES_END,
};
