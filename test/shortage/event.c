// SPDX-License-Identifier: MIT
/* Pipes, polling, counters, timers as descriptors. */

#include "call.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static struct timespec soon = {0, 1000};
static struct itimerspec hour = {.it_value = {3600, 0}};
static struct epoll_event event = {.events = EPOLLIN};
static struct pollfd polled[300];
static uint64_t set[16], one = 1;
static int ends[2];
static long new_pipe;

static void pipe_close(long result)
{
	(void)result;
	need(close(ends[0]) == 0 && close(ends[1]) == 0, "close");
}

/* Used once, a pipe keeps its first page. */
static void pipe_made(void)
{
	static int made[2] = {-1, -1};

	if (made[0] >= 0)
		need(close(made[0]) == 0 && close(made[1]) == 0, "close");
	need(pipe(made) == 0, "pipe");
	new_pipe = made[1];
}

static void all_polled(void)
{
	for (unsigned i = 0; i < 300; i++)
		polled[i] = (struct pollfd){.fd = FD_PIPE_OUT, .events = POLLIN};
}

static void set_made(void)
{
	for (unsigned i = 0; i < 16; i++)
		set[i] = 0;
	set[0] = 1ull << FD_PIPE_OUT;
}

static void signals_chosen(void)
{
	set[0] = 1ull << (SIGUSR1 - 1);
}

static void epoll_without(long result)
{
	(void)result;
	need(epoll_ctl(FD_EPOLL, EPOLL_CTL_DEL, FD_EVENT, NULL) == 0, "EPOLL_CTL_DEL");
}

static void event_counted(void)
{
	need(write(FD_EVENT, &one, sizeof(one)) == sizeof(one), "write to an eventfd");
}

static void event_empty(long result)
{
	need(read(FD_EVENT, buffer, sizeof(one)) == sizeof(one), "read of an eventfd");
	(void)result;
}

#define ALLOCATES .flags = CALL_ALLOCATES

const struct call calls_event[] = {
	{CALL(pipe2, AT(ends), O_CLOEXEC), ALLOCATES, .undo = pipe_close},
	{CALL(write, 0, AT(buffer), 100), .what = "new pipe", .first = &new_pipe,
	 .ready = pipe_made, ALLOCATES},
	{CALL(ppoll, AT(polled), 1, AT(&soon), 0, 8), .ready = all_polled},
	{CALL(ppoll, AT(polled), 300, AT(&soon), 0, 8), .what = "many", .ready = all_polled,
	 ALLOCATES},
	{CALL(pselect6, FD_LAST, AT(set), 0, 0, AT(&soon), 0), .ready = set_made, ALLOCATES},
	{CALL(pselect6, 1000, AT(set), 0, 0, AT(&soon), 0), .what = "many", .ready = set_made,
	 ALLOCATES},
	{CALL(epoll_create1, 0), ALLOCATES, .undo = undo_close},
	{CALL(epoll_ctl, FD_EPOLL, EPOLL_CTL_ADD, FD_EVENT, AT(&event)), ALLOCATES,
	 .errors = {ENOSPC}, .undo = epoll_without},
	{CALL(epoll_ctl, FD_EPOLL, EPOLL_CTL_MOD, FD_PIPE_OUT, AT(&event)), .what = "change"},
	{CALL(epoll_pwait, FD_EPOLL, AT(buffer), 10, 1, 0, 8)},
	{.name = "epoll_pwait2",
	 .number = 441,
	 .argument = {FD_EPOLL, AT(buffer), 10, AT(&soon), 0, 8}},
	{CALL(eventfd2, 0, 0), ALLOCATES, .undo = undo_close},
	{CALL(read, FD_EVENT, AT(buffer), 8), .what = "eventfd", .ready = event_counted},
	{CALL(write, FD_EVENT, AT(&one), 8), .what = "eventfd", .undo = event_empty},
	{CALL(signalfd4, -1, AT(set), 8, 0), ALLOCATES, .ready = signals_chosen,
	 .undo = undo_close},
	{CALL(timerfd_create, CLOCK_MONOTONIC, 0), ALLOCATES, .undo = undo_close},
	{CALL(timerfd_settime, FD_TIMER, 0, AT(&hour), AT(buffer))},
	{CALL(timerfd_gettime, FD_TIMER, AT(buffer))},
#ifdef SYS_epoll_create
	{CALL(pipe, AT(ends)), ALLOCATES, .undo = pipe_close},
	{CALL(poll, AT(polled), 300, 1), .ready = all_polled, ALLOCATES},
	{CALL(select, 1000, AT(set), 0, 0, AT(&soon)), .ready = set_made, ALLOCATES},
	{CALL(epoll_create, 1), ALLOCATES, .undo = undo_close},
	{CALL(epoll_wait, FD_EPOLL, AT(buffer), 10, 1)},
	{CALL(eventfd, 0), ALLOCATES, .undo = undo_close},
	{CALL(signalfd, -1, AT(set), 8), ALLOCATES, .ready = signals_chosen, .undo = undo_close},
#endif
	{0},
};
