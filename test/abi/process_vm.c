// SPDX-License-Identifier: MIT
/* process_vm_readv(2), process_vm_writev(2). */

#define _GNU_SOURCE

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory_test.h"

static int wake[2], ready[2];

/* A child with the same memory as this process has now; it waits until it is told to end. */
static pid_t other_start(void (*prepare)(void))
{
	char byte;

	CHECK_OK(pipe(wake));
	CHECK_OK(pipe(ready));
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_OK(close(wake[1]));
		if (prepare)
			prepare();
		CHECK_EQ(write(ready[1], "x", 1), 1);
		(void)!read(wake[0], &byte, 1);
		_exit(0);
	}
	CHECK_OK(close(wake[0]));
	CHECK_EQ(read(ready[0], &byte, 1), 1);
	return pid;
}

static void other_end(pid_t pid)
{
	CHECK_OK(close(wake[1]));
	abi_join(pid);
}

static char *shared, *private, *segment;

static void fill(void)
{
	memset(private, 'c', 4 * PAGE);
	shared[0] = 's';
	segment[PAGE] = 'g';
}

static void maps_make(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 4 * PAGE, 0600));

	segment = CHECK_OK(shmat(id, NULL, 0));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	shared = (char *)map(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	private = (char *)map_private(4 * PAGE);
}

static long move(pid_t pid, void *mine, void *theirs, size_t size_bytes, int writes)
{
	struct iovec local = {mine, size_bytes}, remote = {theirs, size_bytes};

	return writes ? process_vm_writev(pid, &local, 1, &remote, 1, 0)
		      : process_vm_readv(pid, &local, 1, &remote, 1, 0);
}

static void reads_and_writes(void)
{
	char buffer[2 * PAGE] = "";

	maps_make();
	memset(private, 'p', 4 * PAGE);
	pid_t pid = other_start(fill);
	CHECK_EQ(move(pid, buffer, private + 100, 2 * PAGE, 0), 2 * PAGE);
	CHECK_EQ(buffer[0], 'c');
	CHECK_EQ(buffer[2 * PAGE - 1], 'c');
	CHECK_EQ(private[0], 'p');
	CHECK_EQ(move(pid, buffer, shared, 1, 0), 1);
	CHECK_EQ(buffer[0], 's');
	CHECK_EQ(move(pid, buffer, segment + PAGE, 1, 0), 1);
	CHECK_EQ(buffer[0], 'g');
	memset(buffer, 'w', PAGE);
	CHECK_EQ(move(pid, buffer, private + 2 * PAGE - 10, 20, 1), 20);
	CHECK_EQ(private[2 * PAGE], 'p');
	CHECK_EQ(move(pid, buffer, shared + 3 * PAGE, 1, 1), 1); /* never touched */
	CHECK_EQ(shared[3 * PAGE], 'w');
	CHECK_EQ(move(pid, buffer, segment, PAGE, 1), PAGE);
	CHECK_EQ(segment[PAGE - 1], 'w');
	CHECK_EQ(move(pid, buffer + PAGE, private + 2 * PAGE - 11, 22, 0), 22);
	CHECK_EQ(memcmp(buffer + PAGE, "cwwwwwwwwwwwwwwwwwwwwc", 22), 0);
	other_end(pid);
	CHECK_OK(shmdt(segment));
}

static void vectors(void)
{
	char a[10] = "", b[10] = "", c[10] = "";
	struct iovec local[3] = {{a, 3}, {b, 0}, {c, 7}}, remote[2] = {{NULL, 0}, {NULL, 0}};

	private = (char *)map_private(4 * PAGE);
	memcpy(private, "0123456789", 10);
	memcpy(private + PAGE, "abcdefghij", 10);
	remote[0] = (struct iovec){private, 5};
	remote[1] = (struct iovec){private + PAGE, 10};
	CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 2, 0), 10);
	CHECK_EQ(strcmp(a, "012"), 0);
	CHECK_EQ(strcmp(c, "34abcde"), 0);
	CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 1, 0), 5);
	CHECK_EQ(process_vm_readv(getpid(), local, 0, remote, 1, 0), 0);
	CHECK_EQ(process_vm_readv(getpid(), local, 1, remote, 0, 0), 0);
}

static void partial(void)
{
	char buffer[2 * PAGE];
	struct iovec local = {buffer, 2 * PAGE}, remote[2];

	private = (char *)map_private(4 * PAGE);
	CHECK_OK(munmap(private + PAGE, PAGE));
	CHECK_EQ(move(getpid(), buffer, private + 100, 2 * PAGE, 0), PAGE - 100);
	CHECK_ERROR(move(getpid(), buffer, private + PAGE, 10, 0), EFAULT);
	CHECK_ERROR(move(getpid(), buffer, private + PAGE, 10, 1), EFAULT);
	remote[0] = (struct iovec){private, 10};
	remote[1] = (struct iovec){private + PAGE, 10};
	CHECK_EQ(process_vm_readv(getpid(), &local, 1, remote, 2, 0), 10);
	CHECK_ERROR(move(getpid(), private + PAGE, private, 10, 0), EFAULT);
}

static void rights_of_pages(void)
{
	char buffer[16];

	private = (char *)map_private(4 * PAGE);
	CHECK_OK(mprotect(private, PAGE, PROT_READ));
	CHECK_OK(mprotect(private + PAGE, PAGE, PROT_NONE));
	CHECK_EQ(move(getpid(), buffer, private, 10, 0), 10);
	CHECK_ERROR(move(getpid(), buffer, private, 10, 1), EFAULT);
	CHECK_ERROR(move(getpid(), buffer, private + PAGE, 10, 0), EFAULT);
	CHECK_OK(mprotect(private + 2 * PAGE, PAGE, PROT_WRITE)); /* a CPU may read it */
	CHECK_ERROR(move(getpid(), buffer, private + 2 * PAGE, 10, 0), EFAULT);
	CHECK_EQ(move(getpid(), buffer, private + 2 * PAGE, 10, 1), 10);
}

static void refusal_makes_no_page(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 3 * PAGE, 0600));
	char *m = CHECK_OK((char *)shmat(id, NULL, 0)), byte;
	struct shm_info before, after;

	CHECK_OK(mprotect(m, PAGE, PROT_WRITE));
	CHECK_OK(mprotect(m + PAGE, PAGE, PROT_READ));
	CHECK_OK(mprotect(m + 2 * PAGE, PAGE, PROT_NONE));
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&before));
	CHECK_ERROR(move(getpid(), &byte, m, 1, 0), EFAULT);
	CHECK_ERROR(move(getpid(), &byte, m + PAGE, 1, 1), EFAULT);
	CHECK_ERROR(move(getpid(), &byte, m + 2 * PAGE, 1, 0), EFAULT);
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&after));
	CHECK_EQ(after.shm_rss, before.shm_rss);
	CHECK_OK(shmdt(m));
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static void arguments(void)
{
	char buffer[16];
	struct iovec local = {buffer, 16}, remote = {buffer, 16}, negative = {buffer, -1ul};
	static struct iovec many[IOV_MAX + 1];

	CHECK_ERROR(process_vm_readv(getpid(), &local, 1, &remote, 1, 1), EINVAL);
	CHECK_ERROR(process_vm_readv(getpid(), many, IOV_MAX + 1, &remote, 1, 0), EINVAL);
	CHECK_ERROR(process_vm_readv(getpid(), &local, 1, many, IOV_MAX + 1, 0), EINVAL);
	CHECK_ERROR(process_vm_readv(getpid(), &negative, 1, &remote, 1, 0), EINVAL);
	CHECK_ERROR(process_vm_readv(getpid(), &local, 1, &negative, 1, 0), EINVAL);
	CHECK_ERROR(process_vm_readv(getpid(), (void *)8, 1, &remote, 1, 0), EFAULT);
	CHECK_ERROR(process_vm_readv(getpid(), &local, 1, (void *)8, 1, 0), EFAULT);
	CHECK_ERROR(process_vm_readv(0x3ffffff, &local, 1, &remote, 1, 0), ESRCH);
	CHECK_ERROR(process_vm_readv(-1, &local, 1, &remote, 1, 0), ESRCH);
	CHECK_EQ(process_vm_readv(0x3ffffff, &local, 0, &remote, 1, 0), 0);
	CHECK_EQ(process_vm_readv(0x3ffffff, &local, 1, &remote, 0, 0), 0);
}

static void dead(void)
{
	char buffer[16];
	siginfo_t info;
	pid_t pid = CHECK_OK(fork());

	if (pid == 0)
		_exit(0);
	CHECK_OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	CHECK_ERROR(move(pid, buffer, buffer, 16, 0), ESRCH);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void as_stranger(void *argument)
{
	char buffer[16] = "";

	abi_become(12345, 12345);
	CHECK_ERROR(move(*(pid_t *)argument, buffer, buffer, 16, 0), EPERM);
	CHECK_ERROR(move(*(pid_t *)argument, buffer, buffer, 16, 1), EPERM);
	CHECK_EQ(move(getpid(), buffer, buffer, 16, 0), 16);
}

static void strangers(void)
{
	pid_t pid = other_start(NULL);

	abi_in_child(as_stranger, &pid);
	other_end(pid);
}

static void hide(void)
{
	CHECK_OK(prctl(PR_SET_DUMPABLE, 0));
}

static void show(void)
{
	CHECK_OK(prctl(PR_SET_DUMPABLE, 1));
}

static void same_user(void *argument)
{
	char buffer[16];

	(void)argument;
	abi_become(12345, 12345);
	pid_t pid = other_start(show);
	CHECK_EQ(move(pid, buffer, buffer, 16, 0), 16);
	other_end(pid);
	pid = other_start(hide);
	CHECK_ERROR(move(pid, buffer, buffer, 16, 0), EPERM);
	other_end(pid);
}

static void same_user_dumpable(void)
{
	abi_in_child(same_user, NULL);
}

/* ---- while the pages are copied on write ---- */

static volatile char *file_page;
static volatile int stop;

static void pause_forever(void *argument)
{
	(void)argument;
	pause();
}

/* Each fork makes the pages common to both; the writes after it part them. */
static void *part(void *argument)
{
	(void)argument;
	while (!stop) {
		pid_t pid = abi_start(pause_forever, NULL);

		file_page[0] = 'o';
		private[0] = 'o';
		CHECK_OK(kill(pid, SIGKILL));
		abi_wait(pid);
	}
	return NULL;
}

/* Runs beside, so that other CPUs know the pages too. */
static void *run_beside(void *argument)
{
	while (!stop)
		;
	return argument;
}

static double now(void)
{
	struct timespec time;

	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &time));
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void read_and_write(void *argument)
{
	pid_t pid = *(pid_t *)argument;
	double end = now() + 3;

	while (now() < end) {
		for (int i = 0; i < 100; i++) {
			char read = 0, written = (char)i, again = 0;

			CHECK_EQ(move(pid, &read, (void *)file_page, 1, 0), 1);
			CHECK_EQ(read, 'o');
			CHECK_EQ(move(pid, &read, private, 1, 0), 1);
			CHECK_EQ(read, 'o');
			CHECK_EQ(move(pid, &written, private + 8, 1, 1), 1);
			CHECK_EQ(move(pid, &again, private + 8, 1, 0), 1);
			CHECK_EQ(again, written);
		}
	}
}

static void while_pages_are_copied(void)
{
	pthread_t threads[2];
	pid_t self = getpid();
	int fd = CHECK_OK(memfd_create("file", 0));

	CHECK_EQ(write(fd, "file", 4), 4);
	file_page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(file_page != MAP_FAILED);
	private = (char *)map_private(PAGE);
	file_page[0] = private[0] = 'o';
	pid_t reader = abi_start(read_and_write, &self);
	CHECK_EQ(pthread_create(&threads[0], NULL, part, NULL), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, run_beside, NULL), 0);
	int status = abi_wait(reader);
	stop = 1;
	CHECK_EQ(pthread_join(threads[0], NULL), 0);
	CHECK_EQ(pthread_join(threads[1], NULL), 0);
	CHECK_EQ(status, 0);
	CHECK_OK(close(fd));
}

const struct abi_case abi_cases[] = {
	CASE(reads_and_writes, "private and shared memory of another process: process_vm_readv(2)"),
	CASE(vectors, "pieces of any size on both sides: process_vm_readv(2)"),
	CASE(partial, "what was moved before a bad page counts, else EFAULT: process_vm_readv(2)"),
	CASE(rights_of_pages, "the pages' rights hold: EFAULT: observed"),
	CASE(refusal_makes_no_page, "who is refused has touched nothing: observed"),
	CASE(while_pages_are_copied,
	     "what is read and written beside forks and writes is the process's own: observed"),
	CASE(arguments, "EINVAL, EFAULT, ESRCH, and 0 for nothing: process_vm_readv(2)"),
	CASE(dead, "a zombie has no memory: ESRCH: observed"),
	CASE(strangers, "EPERM without the right to trace: process_vm_readv(2), ptrace(2)"),
	CASE(same_user_dumpable, "nor may the same user where PR_SET_DUMPABLE is 0: ptrace(2)"),
	CASES_END,
};
