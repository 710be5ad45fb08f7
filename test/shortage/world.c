// SPDX-License-Identifier: MIT
/* What a process of the test has, so that entries of the table are constants; and how it is counted. */

#include "call.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#define FOLDER      "/tmp/shortage"
#define STACK_TOUCH (16 * PAGE)
#define COUNT_TRIES 60

_Alignas(4096) char buffer[65536];
long segment_id, set_id, queue_id, own_pid, helper_pid;
struct report *report;
const struct call *call_now;

extern char __executable_start[], etext[], __data_start[], end[];

/* The case has failed, here in its process. */
void fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(report->problem, sizeof(report->problem), format, list);
	va_end(list);
	_exit(1);
}

void need(bool good, const char *what)
{
	if (!good)
		fail("set-up: %s: %s", what, strerror(errno));
}

static void touch(uintptr_t from, uintptr_t to, bool write)
{
	for (uintptr_t at = from & ~(PAGE - 1); at < to; at += PAGE) {
		volatile char *byte = (volatile char *)(at < from ? from : at);
		char value = *byte;

		if (write)
			*byte = value;
	}
}

void world_touch(void)
{
	char *here = __builtin_frame_address(0);

	touch((uintptr_t)here - STACK_TOUCH, (uintptr_t)here, true);
	touch((uintptr_t)__executable_start, (uintptr_t)etext, false);
	touch((uintptr_t)__data_start, (uintptr_t)end, true);
	touch((uintptr_t)report, (uintptr_t)(report + 1), true);
	if (own_pid == getpid()) {
		touch(ARENA, ARENA + AREA, true);
		touch(SHARED, SHARED + AREA / 2, true);
	}
}

void helper_start(void)
{
	report->helper_waits = false;
	helper_pid = fork();
	need(helper_pid >= 0, "fork");
	if (!helper_pid) {
		world_touch();
		report->helper_waits = true;
		for (;;)
			pause();
	}
	while (!report->helper_waits)
		sched_yield();
	world_touch();
}

static void place(int fd, int number, const char *what)
{
	need(fd >= 0 && dup2(fd, number) == number && close(fd) == 0, what);
}

static void place_pair(const int ends[2], int number, const char *what)
{
	place(ends[0], number, what);
	place(ends[1], number + 1, what);
}

static void map(unsigned long address, int flags)
{
	void *place = mmap((void *)address, AREA, PROT_READ | PROT_WRITE,
			   flags | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	need(place == (void *)address, "mmap");
}

static void sockets_make(void)
{
	struct sockaddr_un name = {AF_UNIX, "\0shortage"};
	int ends[2];

	need(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	place_pair(ends, FD_SOCKET, "socketpair");
	need(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0, "socketpair");
	place_pair(ends, FD_DATAGRAM, "socketpair");
	place(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), FD_LISTENER, "socket");
	need(bind(FD_LISTENER, (void *)&name, 11) == 0 && listen(FD_LISTENER, 5) == 0, "bind");
	place(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), FD_FREE, "socket");
}

static void files_make(void)
{
	(void)mkdir(FOLDER, 0700);
	need(chdir(FOLDER) == 0, "chdir");
	place(open("f", O_CREAT | O_TRUNC | O_RDWR, 0600), FD_FILE, "f");
	need(write(FD_FILE, buffer, 8192) == 8192, "write");
	place(open("g", O_CREAT | O_TRUNC | O_RDWR, 0600), FD_PATH, "g");
	need(mkdir("d", 0700) == 0 && symlink("f", "s0") == 0 && symlink("./s0", "s1") == 0,
	     "names");
	place(open(".", O_RDONLY | O_DIRECTORY), FD_DIRECTORY, ".");
	place(open("/dev/null", O_RDWR), FD_NULL, "/dev/null");
}

static void descriptors_make(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ends[2];

	need(pipe(ends) == 0, "pipe");
	place_pair(ends, FD_PIPE_OUT, "pipe");
	place(epoll_create1(0), FD_EPOLL, "epoll");
	need(epoll_ctl(FD_EPOLL, EPOLL_CTL_ADD, FD_PIPE_OUT, &event) == 0, "epoll_ctl");
	place(eventfd(0, 0), FD_EVENT, "eventfd");
	place(timerfd_create(CLOCK_MONOTONIC, 0), FD_TIMER, "timerfd");
	place(memfd_create("memory", MFD_ALLOW_SEALING), FD_MEMORY, "memfd");
	need(ftruncate(FD_MEMORY, AREA) == 0, "ftruncate");
	place((int)syscall(SYS_pidfd_open, getpid(), 0), FD_SELF, "pidfd");
	place(open("/proc/self/ns/ipc", O_RDONLY), FD_NAMESPACE, "ipc");
	place(open("/proc/thread-self/fail-nth", O_RDWR), FD_CONTROL, "fail-nth");
}

/* Its own IPC namespace goes with it. */
void world_enter(void)
{
	report->problem[0] = 0;
	report->told = false;
	own_pid = getpid();
	need(unshare(CLONE_NEWIPC) == 0, "unshare");
	need((segment_id = shmget(IPC_PRIVATE, 100 * PAGE, 0600)) >= 0, "shmget");
	need((set_id = semget(IPC_PRIVATE, 4, 0600)) >= 0, "semget");
	need((queue_id = msgget(IPC_PRIVATE, 0600)) >= 0, "msgget");
	files_make();
	descriptors_make();
	sockets_make();
	map(ARENA, MAP_PRIVATE);
	map(SHARED, MAP_SHARED);
}

void world_clean(void)
{
	static const char *const names[] = {
		"f",  "g",     "s0",
		"s1", "bound", "a-new-name-that-is-too-long-for-the-entry-itself-to-keep-it-inside",
	};

	need(chdir(FOLDER) == 0, "chdir");
	(void)umount2("d", 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlink(names[i]) && errno == EISDIR)
			(void)rmdir(names[i]);
	(void)rmdir("d");
	need(chdir("/") == 0, "chdir");
}

void drain(void)
{
	static const int from[] = {FD_PIPE_OUT, FD_PEER, FD_SOCKET, FD_DATAGRAM_PEER, FD_DATAGRAM};

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++)
		for (;;) {
			struct pollfd one = {from[i], POLLIN, 0};
			if (poll(&one, 1, 0) != 1 || !(one.revents & POLLIN) ||
			    read(from[i], buffer, sizeof(buffer)) <= 0)
				break;
		}
}

void undo_close(long fd)
{
	need(close((int)fd) == 0, "close");
}

void undo_unmap(long address)
{
	need(munmap((void *)address, AREA) == 0, "munmap");
}

/* ---- entries ---- */

const char *call_name(const struct call *call)
{
	static char text[200];

	if (!call->what)
		return call->name;
	snprintf(text, sizeof(text), "%s, %s", call->name, call->what);
	return text;
}

long result_of(const struct call *call)
{
	const long *a = call->argument;

	call_now = call;
	if (call->run)
		return call->run();
	return syscall(call->number, call->first ? *call->first : a[0], a[1], a[2], a[3], a[4],
		       a[5]);
}

bool is_answer(const struct call *call, int error)
{
	bool good = error == call->answer || (error == ENOMEM && !(call->flags & CALL_CERTAIN));

	for (unsigned i = 0; i < ERRORS_MAX; i++)
		good |= call->errors[i] && call->errors[i] == error;
	return good;
}

/* ---- what there is of everything ---- */

void counts_now(struct counts *counts)
{
	static char text[4096];
	struct {
		const char *name;
		uint64_t *value;
	} wanted[] = {
		{"free_frames", &counts->frames},  {"object_bytes", &counts->bytes},
		{"objects", &counts->objects},     {"pages", &counts->pages},
		{"leaves", &counts->leaves},       {"mappings", &counts->mappings},
		{"processes", &counts->processes},
	};
	int fd = open("/proc/samepage/counters", O_RDONLY);

	memset(text, 0, sizeof(text));
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0) {
		printf("# /proc/samepage/counters: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		size_t length = strlen(wanted[i].name);
		for (char *line = text; line && *line; line = strchr(line, '\n')) {
			line += strspn(line, "\n");
			if (!strncmp(line, wanted[i].name, length) && line[length] == ' ')
				*wanted[i].value = strtoull(line + length, NULL, 10);
		}
	}
}

/* Whoever was killed may take a moment to be gone. */
bool counts_return(const struct counts *before, char *text, unsigned size)
{
	struct counts now;

	for (int i = 0; i < COUNT_TRIES; i++) {
		counts_now(&now);
		if (!memcmp(before, &now, sizeof(now)))
			return true;
		usleep(1000);
	}
	snprintf(text, size,
		 "more than before: frames %ld, bytes of small objects %ld, objects %ld, their "
		 "pages %ld, "
		 "leaves %ld, mappings %ld, processes %ld",
		 (long)(before->frames - now.frames), (long)(now.bytes - before->bytes),
		 (long)(now.objects - before->objects), (long)(now.pages - before->pages),
		 (long)(now.leaves - before->leaves), (long)(now.mappings - before->mappings),
		 (long)(now.processes - before->processes));
	return false;
}
