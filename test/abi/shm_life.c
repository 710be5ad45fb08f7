// SPDX-License-Identifier: MIT
/* The life cycle of attachments: fork, exec, exit, kill, threads; and memory that comes back. */

#include "shm_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

/* `--helper count-attachments ID`: how many attachments there are, seen from a fresh program. */
static int count_attachments(int argc, char **argv)
{
	struct shmid_ds ds;

	if (argc != 2 || shmctl(atoi(argv[1]), IPC_STAT, &ds))
		return 100;
	return (int)ds.shm_nattch;
}

static int status_of(pid_t pid)
{
	int status;

	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return status;
}

static void fork_adds(void)
{
	int id = make_segment(2 * PAGE, 0600);
	char *p = attach(id, 0), *q = attach(id, SHM_RDONLY);

	p[0] = 1;
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_EQ(attachments(id), 4);
		CHECK_EQ(stat_segment(id).shm_lpid, getppid());
		CHECK_EQ(q[0], 1);
		p[PAGE] = 2;
		_exit(0);
	}
	abi_join(pid);
	CHECK_EQ(q[PAGE], 2);
	CHECK_EQ(attachments(id), 2);
	CHECK_EQ(stat_segment(id).shm_lpid, pid);
	CHECK(stat_segment(id).shm_dtime > 0);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
}

static void child_detaches_its_own(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		CHECK_OK(shmdt(p));
		CHECK_EQ(attachments(id), 1);
		p = attach(id, 0);
		p[0] = 7;
		_exit(0);
	}
	abi_join(pid);
	CHECK_EQ(p[0], 7);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void forked_pieces(void)
{
	int id = make_segment(5 * PAGE, 0600);
	char *p = attach(id, 0);

	memset(p, 1, 5 * PAGE);
	CHECK_OK(munmap(p + PAGE, PAGE));
	CHECK_OK(mprotect(p + 3 * PAGE, PAGE, PROT_READ));
	CHECK_EQ(attachments(id), 4);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_EQ(attachments(id), 8);
		CHECK_EQ(p[0] + p[2 * PAGE] + p[3 * PAGE] + p[4 * PAGE], 4);
		CHECK_OK(shmdt(p));
		CHECK_EQ(attachments(id), 4);
		_exit(0);
	}
	abi_join(pid);
	CHECK_EQ(attachments(id), 4);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void exec_drops(void)
{
	int id = make_segment(PAGE, 0600);
	char number[16], *p = attach(id, 0);

	snprintf(number, sizeof(number), "%d", id);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		char *argv[] = {(char *)abi_self(), "--helper", "count-attachments", number, NULL};
		execv(argv[0], argv);
		_exit(101);
	}
	CHECK_EQ(status_of(pid), 1 << 8); /* the parent's only */
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void failed_exec_keeps(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0), *argv[] = {"x", NULL};

	p[0] = 3;
	CHECK_ERROR(execv("/no/such/program", argv), ENOENT);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(p[0], 3);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void vfork_adds_none(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	volatile unsigned long seen = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		struct shmid_ds ds;
		if (shmctl(id, IPC_STAT, &ds) == 0)
			seen = ds.shm_nattch;
		_exit(0);
	}
	CHECK_EQ(status_of(pid), 0);
	CHECK_EQ(seen, 1);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void dontfork(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(madvise(p, PAGE, MADV_DONTFORK));
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_EQ(attachments(id), 1);
		CHECK_ERROR(shmdt(p), EINVAL);
		_exit(0);
	}
	abi_join(pid);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void wait_for_attachments(int id, unsigned long count)
{
	for (int i = 0; attachments(id) != count; i++) {
		CHECK(i < 2000);
		abi_sleep_ms(1);
	}
}

static void kill_drops(void)
{
	int id = make_segment(3 * PAGE, 0600);
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		memset(attach(id, 0), 1, 3 * PAGE);
		attach(id, SHM_RDONLY);
		for (;;)
			abi_sleep_ms(1000);
	}
	wait_for_attachments(id, 2);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(status_of(pid), SIGKILL);
	CHECK_EQ(attachments(id), 0);
	CHECK_EQ(stat_segment(id).shm_lpid, pid);
	remove_segment(id);
}

static void last_exit_destroys(void)
{
	struct shmid_ds ds;
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		for (;;)
			abi_sleep_ms(1000);
	}
	remove_segment(id);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(kill(pid, SIGKILL));
	status_of(pid);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
}

static void *attach_in_thread(void *argument)
{
	return attach(*(int *)argument, 0);
}

static void threads_share(void)
{
	int id = make_segment(PAGE, 0600);
	pthread_t thread;
	void *p;

	CHECK_EQ(pthread_create(&thread, NULL, attach_in_thread, &id), 0);
	CHECK_EQ(pthread_join(thread, &p), 0);
	CHECK_EQ(attachments(id), 1); /* the thread has ended, its attach has not */
	*(char *)p = 4;
	CHECK_EQ(stat_segment(id).shm_lpid, getpid());
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void other_process_by_id(void *argument)
{
	char *p = attach(*(int *)argument, 0);

	CHECK_EQ(p[100], 11);
	p[100] = 12;
}

static void unrelated_process(void)
{
	int id = make_segment(PAGE, 0600);
	pid_t pid = abi_start(other_process_by_id, NULL);

	/* That one had no id, and must have crashed: nothing of ours is hurt. */
	int status = status_of(pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	char *p = attach(id, 0);
	p[100] = 11;
	abi_in_child(other_process_by_id, &id);
	CHECK_EQ(p[100], 12);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void many_attaches(void)
{
	enum { COUNT = 200 };
	int id = make_segment(PAGE, 0600);
	char *p[COUNT];

	for (int i = 0; i < COUNT; i++) {
		p[i] = attach(id, 0);
		CHECK_EQ(p[i][0], (char)i);
		p[i][0]++;
	}
	CHECK_EQ(attachments(id), COUNT);
	for (int i = 0; i < COUNT; i++)
		CHECK_OK(shmdt(p[(i * 37) % COUNT]));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

/* ---- memory comes back (Samepage's own counters) ---- */

static void attach_touch_die(int id, size_t size_bytes)
{
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		char *p = attach(id, 0);
		for (size_t i = 0; i < size_bytes; i += PAGE)
			p[i] = 1;
		raise(SIGKILL);
	}
	CHECK_EQ(status_of(pid), SIGKILL);
}

/* On one CPU: each keeps a few free small objects, and so perhaps a frame of them. */
static void stay_on_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
}

static void memory_back_at_last_detach(void)
{
	size_t size_bytes = 8 << 20;

	for (int round = 0; round < 8; round++) {
		uint64_t before = abi_samepage_frames();
		int id = make_segment(size_bytes, 0600);
		char *p = attach(id, 0);
		memset(p, 1, size_bytes);
		remove_segment(id);
		CHECK(abi_samepage_frames() + size_bytes / PAGE <= before);
		CHECK_OK(shmdt(p));
		if (round > 3) /* at first, pages and tables of our own were made */
			CHECK_EQ(abi_samepage_frames(), before);
	}
}

static void rounds(int count)
{
	for (int i = 0; i < count; i++) {
		int id = make_segment(5 * PAGE, 0600);
		attach_touch_die(id, 5 * PAGE);
		CHECK_EQ(attachments(id), 0);
		remove_segment(id);
	}
}

static void thousand_kills(void)
{
	abi_samepage_counter("free_frames");
	stay_on_one_cpu();
	/* Warm caches up, until what others are about to give back, such as a pipe's page, is back. */
	uint64_t frames, last = 0;
	for (int i = 0; i < 10; i++) {
		rounds(100);
		frames = abi_samepage_counter("free_frames");
		if (frames == last)
			break;
		last = frames;
	}
	rounds(1000);
	CHECK(abi_samepage_counter("free_frames") >= frames);
}

static void kills_on_all_cpus(void)
{
	abi_samepage_counter("free_frames");
	rounds(100);
	uint64_t small = abi_samepage_counter("small_bytes"), frames = abi_samepage_frames();
	rounds(500);
	abi_frames_return(frames);
	CHECK(abi_samepage_counter("small_bytes") <= small + 8 * PAGE);
}

const struct abi_case abi_cases[] = {
	CASE(fork_adds, "fork inherits every attach: shmop(2), fork(2)"),
	CASE(child_detaches_its_own, "a child's detach is its own: shmop(2)"),
	CASE(forked_pieces, "fork inherits pieces as they were cut: observed"),
	CASE(exec_drops, "execve detaches: shmop(2)"),
	CASE(failed_exec_keeps, "a failed execve does not: execve(2)"),
	CASE(vfork_adds_none, "vfork shares the space, and the attach: observed"),
	CASE(dontfork, "MADV_DONTFORK keeps an attach from the child: madvise(2)"),
	CASE(kill_drops, "SIGKILL detaches; lpid is the dead process: shmop(2), observed"),
	CASE(last_exit_destroys, "a removed segment goes with its last process: shmctl(2)"),
	CASE(threads_share, "an attach belongs to the process, not the thread: shmop(2)"),
	CASE(unrelated_process, "a process that inherited nothing attaches by id: shmop(2)"),
	CASE(many_attaches, "a process may attach one segment many times: shmop(2)"),
	CASE(memory_back_at_last_detach,
	     "the last detach gives all frames back at once: shmctl(2)"),
	CASE(thousand_kills,
	     "after 1000 rounds of fork, attach, kill no frame is lost: shmop(2), _exit(2)"),
	CASE(kills_on_all_cpus,
	     "the same on several CPUs, but for what their caches hold: shmop(2), _exit(2)"),
	HELPER("count-attachments", count_attachments),
	CASES_END,
};
