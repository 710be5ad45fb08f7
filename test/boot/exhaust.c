// SPDX-License-Identifier: MIT
/*
 * Memory exhausted, in each way a program can: private pages, shared pages,
 * files, page tables, areas, pipes, segments, processes, threads. Each attempt
 * runs in a child; the machine must go on, and every frame must come back.
 *
 * A line "ok NAME" or "not ok NAME" for each, what happened before it. Only for
 * Samepage, in a small machine: on Linux it would disturb everybody else.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE      4096ul
#define MIB       (1ul << 20)
#define FILE_NAME "/tmp/exhaust"

/* How a child may end: with the errno of a refused call, or by one of these signals. */
#define BY_KILL 256
#define BY_BUS  257

static long free_frames(void)
{
	char line[128];
	long frames = -1;
	FILE *file = fopen("/proc/samepage/counters", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "free_frames %ld", &frames) == 1)
			break;
	if (file)
		fclose(file);
	return frames;
}

static void private_pages(void)
{
	for (;;) {
		char *m =
			mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (m == MAP_FAILED)
			_exit(errno);
		memset(m, 1, MIB);
	}
}

static void shared_pages(void)
{
	size_t size = (size_t)sysconf(_SC_PHYS_PAGES) * PAGE;
	char *m = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		_exit(errno);
	memset(m, 1, size);
}

static void one_file(void)
{
	static char bytes[MIB];
	int fd = open(FILE_NAME, O_CREAT | O_RDWR, 0600);

	memset(bytes, 1, sizeof(bytes)); /* its own pages are there already */
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	_exit(errno);
}

static void page_tables(void)
{
	size_t size = 1ul << 36;
	char *m = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (m == MAP_FAILED)
		_exit(errno);
	for (size_t i = 0; i < size; i += 2 * MIB)
		m[i] = 1;
}

/* Until the limit on areas, or on memory for them. */
static void areas(void)
{
	for (int i = 0;; i++)
		if (mmap(NULL, PAGE, i % 2 ? PROT_READ : PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			_exit(errno);
}

static void pipes(void)
{
	static char bytes[PAGE];
	struct rlimit limit = {100000, 100000};
	int ends[2];

	setrlimit(RLIMIT_NOFILE, &limit);
	while (pipe2(ends, O_NONBLOCK) == 0)
		while (write(ends[1], bytes, sizeof(bytes)) > 0)
			;
	_exit(errno);
}

static void segments(void)
{
	static int ids[4096];
	int count = 0, error = 0;

	while (count < 4096 && !error) {
		int id = shmget(IPC_PRIVATE, 16 * PAGE, 0600);

		if (id < 0) {
			error = errno;
			break;
		}
		ids[count++] = id;
		char *m = shmat(id, NULL, 0);
		if (m == (void *)-1)
			error = errno;
		else
			m[0] = 1;
	}
	while (count)
		shmctl(ids[--count], IPC_RMID, NULL);
	_exit(error ? error : ENOSPC);
}

static void processes(void)
{
	static pid_t pids[32768];
	int count = 0, error = 0;

	while (count < 32768 && !error) {
		pid_t pid = fork();

		if (pid == 0) {
			for (;;)
				pause();
		}
		if (pid < 0)
			error = errno;
		else
			pids[count++] = pid;
	}
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < count; i++)
		waitpid(pids[i], NULL, 0);
	_exit(error);
}

static void *wait_for_ever(void *argument)
{
	for (;;)
		pause();
	return argument;
}

static void threads(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, 16 * PAGE);
	for (;;) {
		int error = pthread_create(&thread, &attributes, wait_for_ever, NULL);

		if (error)
			_exit(error);
	}
}

static const struct attempt {
	const char *name;
	void (*run)(void);
	int ends[4]; /* how it may */
} attempts[] = {
	{"private_pages", private_pages, {ENOMEM, BY_KILL}},
	{"shared_pages", shared_pages, {BY_BUS, BY_KILL}},
	{"one_file", one_file, {ENOSPC, ENOMEM, BY_KILL}},
	{"page_tables", page_tables, {BY_KILL}},
	{"areas", areas, {ENOMEM, BY_KILL}},
	{"pipes", pipes, {ENOMEM, EMFILE, ENFILE, BY_KILL}},
	{"segments", segments, {ENOMEM, ENOSPC, BY_BUS, BY_KILL}},
	{"processes", processes, {ENOMEM, EAGAIN, BY_KILL}},
	{"threads", threads, {EAGAIN, ENOMEM, BY_KILL}},
};

/* 0: it could not be started. */
static int attempt_run(const struct attempt *attempt)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		attempt->run();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	if (kill(-pid, SIGKILL) == 0) /* killed itself, it may have left children */
		usleep(300000);
	unlink(FILE_NAME);
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	return WTERMSIG(status) == SIGKILL ? BY_KILL : WTERMSIG(status) == SIGBUS ? BY_BUS : 0;
}

static int attempt_judge(const struct attempt *attempt)
{
	long before = free_frames(), after;
	int end = attempt_run(attempt), good = 0;

	/* The last of its threads may still be leaving on another CPU. */
	for (int i = 0; (after = free_frames()) != before && i < 50; i++)
		usleep(20000);
	for (int i = 0; i < 4; i++)
		good |= end && attempt->ends[i] == end;
	printf("# %s: ended by %d, %ld frames were free, then %ld\n%s %s\n", attempt->name, end,
	       before, after, good && before == after ? "ok" : "not ok", attempt->name);
	fflush(stdout);
	return good && before == after;
}

int main(void)
{
	unsigned failed = 0;
	const size_t count = sizeof(attempts) / sizeof(attempts[0]);

	/* Tables of the kernel, and what process 1 needs to pass our lines on, grow once. */
	for (size_t i = 0; i < count; i++) {
		printf("# %s: ended by %d\n", attempts[i].name, attempt_run(&attempts[i]));
		fflush(stdout);
		free_frames();
	}
	usleep(100000);
	for (size_t i = 0; i < count; i++)
		failed += !attempt_judge(&attempts[i]);
	printf("%zu passed, %u failed\n", count - failed, failed);
	return failed != 0;
}
