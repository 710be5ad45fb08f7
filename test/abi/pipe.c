// SPDX-License-Identifier: MIT
/* Pipes, fifos, descriptors, poll and select. */

#define _GNU_SOURCE
#include "file_test.h"

#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static void pipe_basics(void)
{
	char text[16];
	int fds[2], available;
	struct stat state;

	CHECK_OK(pipe(fds));
	CHECK_EQ(write(fds[1], "hello", 5), 5);
	CHECK_OK(ioctl(fds[0], FIONREAD, &available));
	CHECK_EQ(available, 5);
	CHECK_EQ(read(fds[0], text, 2), 2);
	CHECK_EQ(read(fds[0], text, 16), 3);
	CHECK(!memcmp(text, "llo", 3));
	CHECK_ERROR(lseek(fds[0], 0, SEEK_SET), ESPIPE);
	CHECK_ERROR(pread(fds[0], text, 1, 0), ESPIPE);
	CHECK_ERROR(read(fds[1], text, 1), EBADF);
	CHECK_ERROR(write(fds[0], text, 1), EBADF);
	CHECK_OK(fstat(fds[0], &state));
	CHECK(S_ISFIFO(state.st_mode));
	CHECK_OK(close(fds[1]));
	CHECK_EQ(read(fds[0], text, 1), 0);
	CHECK_ERROR(pipe2(fds, 1), EINVAL);
	CHECK_ERROR(syscall(SYS_pipe2, 8, 0), EFAULT);
}

/* Ten bytes of a page, and then nothing. */
static void bad_memory(void)
{
	char *m = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char text[32] = "";
	int fds[2];

	CHECK(m != MAP_FAILED);
	CHECK_OK(munmap(m + 4096, 4096));
	CHECK_OK(pipe2(fds, O_NONBLOCK));
	m += 4096 - 10;
	CHECK_ERROR(write(fds[1], m, 20), EFAULT);
	CHECK_ERROR(read(fds[0], text, 20), EAGAIN);
	CHECK_EQ(write(fds[1], "0123456789abcdefghij", 20), 20);
	CHECK_ERROR(read(fds[0], m, 20), EFAULT);
	CHECK_EQ(read(fds[0], text, 20), 20); /* all of it is still there */
	CHECK_EQ(memcmp(text, "0123456789abcdefghij", 20), 0);
}

static void pipe_capacity(void)
{
	static char text[70000], back[70000];
	int fds[2];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7 + i / 251);
	CHECK_OK(pipe2(fds, O_NONBLOCK));
	CHECK_EQ(fcntl(fds[0], F_GETPIPE_SZ), 65536);
	CHECK_ERROR(read(fds[0], back, 1), EAGAIN);
	CHECK_EQ(write(fds[1], text, 70000), 65536);
	CHECK_ERROR(write(fds[1], text, 1), EAGAIN);
	CHECK_EQ(read(fds[0], back, 5000), 5000);
	CHECK_EQ(write(fds[1], text, 4096), 4096); /* all or nothing */
	CHECK_EQ(read(fds[0], back + 5000, 65000), 60536 + 4096);
	CHECK(!memcmp(text, back, 65536));
	CHECK(!memcmp(text, back + 65536, 4096));
	for (int i = 0; i < 100; i++) { /* round and round the ring */
		CHECK_EQ(write(fds[1], text, 50001), 50001);
		CHECK_EQ(read(fds[0], back, 70000), 50001);
		CHECK(!memcmp(text, back, 50001));
	}
}

static void write_more(void *argument)
{
	int fd = *(int *)argument;
	static char text[300000];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i % 253);
	CHECK_EQ(write(fd, text, sizeof(text)), (long)sizeof(text));
}

static void pipe_blocks(void)
{
	static char chunk[9999];
	int fds[2];
	size_t done = 0;
	long got;

	CHECK_OK(pipe(fds));
	pid_t child = abi_start(write_more, &fds[1]);
	CHECK_OK(close(fds[1]));
	while ((got = CHECK_OK(read(fds[0], chunk, sizeof(chunk)))) > 0) {
		for (long i = 0; i < got; i++)
			CHECK_EQ(chunk[i], (char)((done + (size_t)i) % 253));
		done += (size_t)got;
	}
	CHECK_EQ(done, 300000);
	abi_join(child);
}

static void write_nowhere(void *argument)
{
	int *fds = argument;

	CHECK_OK(close(fds[0]));
	CHECK_OK((int)write(fds[1], "x", 1));
}

static void broken_pipe(void)
{
	int fds[2];

	CHECK_OK(pipe(fds));
	CHECK_OK(close(fds[0]));
	int pair[2];
	CHECK_OK(pipe(pair));
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERROR(write(fds[1], "x", 1), EPIPE);
	signal(SIGPIPE, SIG_DFL);
	int both[2];
	CHECK_OK(pipe(both));
	CHECK_OK(close(both[0]));
	int arguments[2] = {dup(pair[0]), both[1]};
	abi_dies(write_nowhere, arguments, SIGPIPE);
}

static int handled;
static void handle(int signal)
{
	(void)signal;
	handled++;
}

static void kill_soon(void *argument)
{
	abi_sleep_ms(50);
	CHECK_OK(kill(*(pid_t *)argument, SIGUSR1));
}

static void interrupted_read(void)
{
	struct sigaction action = {.sa_handler = handle};
	pid_t self = getpid();
	int fds[2];
	char byte;

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_OK(pipe(fds));
	pid_t child = abi_start(kill_soon, &self);
	CHECK_ERROR(read(fds[0], &byte, 1), EINTR);
	CHECK_EQ(handled, 1);
	abi_join(child);
	child = abi_start(kill_soon, &self);
	struct pollfd entry = {fds[0], POLLIN, 0};
	CHECK_ERROR(poll(&entry, 1, 5000), EINTR);
	abi_join(child);
}

static void open_reader(void *unused)
{
	char text[8];
	int fd = CHECK_OK(open("fifo", O_RDONLY));

	(void)unused;
	CHECK_EQ(read(fd, text, 8), 5);
	CHECK_EQ(read(fd, text, 8), 0);
}

static void named_fifo(void)
{
	struct stat state;

	file_test_enter();
	CHECK_OK(mkfifo("fifo", 0600));
	CHECK_OK(stat("fifo", &state));
	CHECK(S_ISFIFO(state.st_mode));
	CHECK_ERROR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	int early = CHECK_OK(open("fifo", O_RDONLY | O_NONBLOCK));
	CHECK_OK(close(early));
	pid_t child = abi_start(open_reader, NULL);
	int fd = CHECK_OK(open("fifo", O_WRONLY)); /* waits for the reader */
	CHECK_EQ(write(fd, "hello", 5), 5);
	CHECK_OK(close(fd));
	abi_join(child);
	fd = CHECK_OK(open("fifo", O_RDWR));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("fifo"));
	file_test_leave();
}

static void duplicates(void)
{
	struct rlimit limit = {64, 64};
	int fd = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC));

	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	int copy = CHECK_OK(dup(fd));
	CHECK_EQ(fcntl(copy, F_GETFD), 0);
	CHECK_EQ(dup2(fd, 40), 40);
	CHECK_EQ(dup2(fd, fd), fd);
	CHECK_ERROR(dup2(1000, 1000), EBADF);
	CHECK_ERROR(dup3(fd, fd, 0), EINVAL);
	CHECK_EQ(dup3(fd, 41, O_CLOEXEC), 41);
	CHECK_EQ(fcntl(41, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_DUPFD, 40), 42);
	CHECK_EQ(fcntl(fd, F_DUPFD_CLOEXEC, 40), 43);
	CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
	CHECK_ERROR(fcntl(fd, F_DUPFD, 64), EINVAL);
	CHECK_ERROR(dup2(fd, 64), EBADF);
	while (dup(fd) >= 0)
		;
	CHECK_EQ(errno, EMFILE);
	CHECK_ERROR(open("/dev/null", O_RDONLY), EMFILE);
	CHECK_OK((int)syscall(SYS_close_range, 30, 1000, 4)); /* CLOEXEC only */
	CHECK_EQ(fcntl(40, F_GETFD), FD_CLOEXEC);
	CHECK_OK((int)syscall(SYS_close_range, 10, 1000, 0));
	CHECK_ERROR(fcntl(40, F_GETFD), EBADF);
	CHECK_ERROR(close(40), EBADF);
	CHECK_ERROR(syscall(SYS_close_range, 10, 9, 0), EINVAL);
}

static void shared_position(void)
{
	file_test_enter();
	int fd = CHECK_OK(open("f", O_CREAT | O_RDWR, 0600));
	int copy = CHECK_OK(dup(fd)), other = CHECK_OK(open("f", O_RDWR));
	CHECK_EQ(write(fd, "abc", 3), 3);
	CHECK_EQ(lseek(copy, 0, SEEK_CUR), 3);
	CHECK_EQ(lseek(other, 0, SEEK_CUR), 0);
	CHECK_OK(fcntl(copy, F_SETFL, O_NONBLOCK));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	CHECK_EQ(fcntl(other, F_GETFL) & O_NONBLOCK, 0);
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void whole_file_locks(void)
{
	file_test_enter();
	int fd = CHECK_OK(open("f", O_CREAT | O_RDWR, 0600)), other = CHECK_OK(open("f", O_RDWR));
	CHECK_OK(flock(fd, LOCK_SH));
	CHECK_OK(flock(other, LOCK_SH | LOCK_NB));
	CHECK_ERROR(flock(other, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(flock(fd, LOCK_UN));
	CHECK_OK(flock(other, LOCK_EX | LOCK_NB));
	CHECK_ERROR(flock(fd, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	CHECK_OK(close(other));
	CHECK_OK(flock(fd, LOCK_EX | LOCK_NB));
	CHECK_ERROR(flock(fd, 77), EINVAL);
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void poll_says(void)
{
	int fds[2];
	char byte;

	CHECK_OK(pipe(fds));
	struct pollfd entries[4] = {
		{fds[0], POLLIN, 7}, {fds[1], POLLOUT, 7}, {-1, POLLIN, 7}, {999, POLLIN, 7}};
	CHECK_EQ(poll(entries, 4, 0), 2);
	CHECK_EQ(entries[0].revents, 0);
	CHECK_EQ(entries[1].revents, POLLOUT);
	CHECK_EQ(entries[2].revents, 0);
	CHECK_EQ(entries[3].revents, POLLNVAL);
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(poll(entries, 1, -1), 1);
	CHECK_EQ(entries[0].revents, POLLIN);
	CHECK_OK(close(fds[1]));
	CHECK_EQ(poll(entries, 1, -1), 1);
	CHECK_EQ(entries[0].revents, POLLIN | POLLHUP);
	CHECK_EQ(read(fds[0], &byte, 1), 1);
	CHECK_EQ(poll(entries, 1, -1), 1);
	CHECK_EQ(entries[0].revents, POLLHUP);
	CHECK_OK(pipe(fds));
	CHECK_OK(close(fds[0]));
	entries[0] = (struct pollfd){fds[1], POLLOUT, 0};
	CHECK_EQ(poll(entries, 1, -1), 1);
	CHECK_EQ(entries[0].revents, POLLOUT | POLLERR);
	CHECK_ERROR(syscall(SYS_ppoll, 8, 1, NULL, NULL, 8), EFAULT);
}

static void write_later(void *argument)
{
	abi_sleep_ms(50);
	CHECK_EQ(write(*(int *)argument, "x", 1), 1);
}

static void poll_waits(void)
{
	struct timespec start, end;
	int fds[2];

	CHECK_OK(pipe(fds));
	struct pollfd entry = {fds[0], POLLIN, 0};
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &start));
	CHECK_EQ(poll(&entry, 1, 30), 0);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &end));
	CHECK((end.tv_sec - start.tv_sec) * 1000000000 + end.tv_nsec - start.tv_nsec >= 29000000);
	pid_t child = abi_start(write_later, &fds[1]);
	CHECK_EQ(poll(&entry, 1, 10000), 1);
	CHECK_EQ(entry.revents, POLLIN);
	abi_join(child);
}

static void select_says(void)
{
	int fds[2];
	fd_set readable, writable;
	struct timeval soon = {0, 10000};

	CHECK_OK(pipe(fds));
	FD_ZERO(&readable);
	FD_ZERO(&writable);
	FD_SET(fds[0], &readable);
	FD_SET(fds[1], &writable);
	CHECK_EQ(select(fds[1] + 1, &readable, &writable, NULL, NULL), 1);
	CHECK(!FD_ISSET(fds[0], &readable) && FD_ISSET(fds[1], &writable));
	FD_SET(fds[0], &readable);
	CHECK_EQ(select(fds[1] + 1, &readable, NULL, NULL, &soon), 0);
	CHECK(!FD_ISSET(fds[0], &readable));
	CHECK_EQ(write(fds[1], "x", 1), 1);
	FD_SET(fds[0], &readable);
	CHECK_EQ(select(fds[1] + 1, &readable, NULL, NULL, NULL), 1);
	CHECK(FD_ISSET(fds[0], &readable));
	FD_SET(60, &readable);
	CHECK_ERROR(select(61, &readable, NULL, NULL, NULL), EBADF);
	CHECK_ERROR(select(-1, NULL, NULL, NULL, NULL), EINVAL);
}

static void pselect_masks(void)
{
	struct sigaction action = {.sa_handler = handle};
	sigset_t blocked, empty;
	struct timespec soon = {5, 0};

	handled = 0;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	sigemptyset(&empty);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	CHECK_OK(sigprocmask(SIG_BLOCK, &blocked, NULL));
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 0);
	CHECK_ERROR(pselect(0, NULL, NULL, NULL, &soon, &empty), EINTR);
	CHECK_EQ(handled, 1);
	CHECK_OK(raise(SIGUSR1));
	CHECK_EQ(handled, 1); /* the mask is back */
	CHECK_ERROR(ppoll(NULL, 0, &soon, &empty), EINTR);
	CHECK_EQ(handled, 2);
}

/* As a shell does for <(command), when the command has ended already. */
static void reopened_through_proc(void)
{
	char path[64], byte = 'x';
	int ends[2];

	CHECK_OK(pipe(ends));
	CHECK_EQ(write(ends[1], &byte, 1), 1);
	CHECK_OK(close(ends[1]));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	int fd = CHECK_OK(open(path, O_RDONLY));
	CHECK_EQ(read(fd, &byte, 1), 1);
	CHECK_EQ(read(fd, &byte, 1), 0);
	CHECK_OK(close(fd));
	CHECK_OK(close(ends[0]));
}

const struct abi_case abi_cases[] = {
	CASE(pipe_basics, "bytes go through in order; no positions; end of file: pipe(7)"),
	CASE(pipe_capacity, "65536 bytes, PIPE_BUF whole, EAGAIN: pipe(7)"),
	CASE(bad_memory, "what cannot be copied whole stays or does not come: observed"),
	CASE(pipe_blocks, "a full pipe's writer waits for the reader: pipe(7)"),
	CASE(broken_pipe, "no reader: EPIPE and SIGPIPE: pipe(7)"),
	CASE(interrupted_read, "a signal's handler ends a wait with EINTR: signal(7)"),
	CASE(named_fifo, "opening waits for the other side: fifo(7)"),
	CASE(duplicates, "dup, dup2, dup3, F_DUPFD, close_range, RLIMIT_NOFILE: dup(2)"),
	CASE(shared_position, "copies of a descriptor share position and flags: dup(2)"),
	CASE(whole_file_locks, "flock: shared, exclusive, gone at close: flock(2)"),
	CASE(poll_says, "POLLIN, POLLOUT, POLLHUP, POLLERR, POLLNVAL: poll(2)"),
	CASE(poll_waits, "poll ends in time, and when something comes: poll(2)"),
	CASE(select_says, "sets in, sets out: select(2)"),
	CASE(pselect_masks, "the mask holds for the call only: pselect(2)"),
	CASE(reopened_through_proc, "opening a pipe again waits for nobody: observed"),
	CASES_END,
};
