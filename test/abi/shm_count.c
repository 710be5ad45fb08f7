// SPDX-License-Identifier: MIT
/* nattch, times and pids over vfork, threads, exec, a failed exec, kill and fork. */

#include "shm_test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

/* `--helper count-fresh ID`: how many attachments there are, seen from a fresh program. */
static int count_fresh(int argc, char **argv)
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

static void exec_count(int id)
{
	char number[16];
	char *argv[] = {(char *)abi_self(), "--helper", "count-fresh", number, NULL};

	snprintf(number, sizeof(number), "%d", id);
	execv(argv[0], argv);
	_exit(101);
}

static void wait_for_attachments(int id, unsigned long count)
{
	for (int i = 0; attachments(id) != count; i++) {
		CHECK(i < 2000);
		abi_sleep_ms(1);
	}
}

static void vfork_child_attaches(void)
{
	/* The child's attach is made in the parent's memory, and stays there. */
	int id = make_segment(PAGE, 0600);
	char *volatile p = NULL;
	volatile pid_t child = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		p = shmat(id, NULL, 0);
		child = getpid();
		_exit(0);
	}
	CHECK_EQ(status_of(pid), 0);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(stat_segment(id).shm_lpid, child);
	p[0] = 1;
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void vfork_child_detaches(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid = vfork();

	if (pid == 0)
		_exit(shmdt(p) != 0);
	CHECK_EQ(status_of(pid), 0);
	CHECK_EQ(attachments(id), 0);
	CHECK_ERROR(shmdt(p), EINVAL);
	remove_segment(id);
}

static void vfork_and_exec(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid = vfork();

	if (pid == 0)
		exec_count(id);
	CHECK_EQ(status_of(pid), 1 << 8); /* the new program has none, ours stays */
	CHECK_EQ(attachments(id), 1);
	p[0] = 1;
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void vfork_killed(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid = vfork();

	if (pid == 0) {
		kill(getpid(), SIGKILL);
		_exit(1);
	}
	CHECK_EQ(status_of(pid), SIGKILL);
	CHECK_EQ(attachments(id), 1);
	p[0] = 1;
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static char child_stack[65536] __attribute__((aligned(64)));

static void *clone_attached;

static int clone_child(void *argument)
{
	clone_attached = shmat(*(int *)argument, NULL, 0);
	return clone_attached == (void *)-1;
}

static void clone_vm_shares(void)
{
	/* Another process in the same memory, at the same time. */
	int id = make_segment(PAGE, 0600);
	pid_t pid = CHECK_OK(
		clone(clone_child, child_stack + sizeof(child_stack), CLONE_VM | SIGCHLD, &id));

	CHECK_EQ(status_of(pid), 0);
	CHECK_EQ(attachments(id), 1); /* of the memory, which lives */
	CHECK_EQ(stat_segment(id).shm_lpid, pid);
	CHECK_OK(shmdt(clone_attached));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static int in_thread_id;

static void *thread_attaches_and_leaves(void *argument)
{
	(void)argument;
	return attach(in_thread_id, 0);
}

static void threads_end(void)
{
	enum { COUNT = 8 };
	pthread_t thread[COUNT];
	void *p[COUNT];

	in_thread_id = make_segment(PAGE, 0600);
	for (int i = 0; i < COUNT; i++)
		CHECK_EQ(pthread_create(&thread[i], NULL, thread_attaches_and_leaves, NULL), 0);
	for (int i = 0; i < COUNT; i++)
		CHECK_EQ(pthread_join(thread[i], &p[i]), 0);
	CHECK_EQ(attachments(in_thread_id), COUNT);
	CHECK_EQ(stat_segment(in_thread_id).shm_lpid, getpid()); /* the process, not the thread */
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_EQ(attachments(in_thread_id), 2 * COUNT);
		_exit(0);
	}
	abi_join(pid);
	for (int i = 0; i < COUNT; i++)
		CHECK_OK(shmdt(p[i]));
	CHECK_EQ(attachments(in_thread_id), 0);
	remove_segment(in_thread_id);
}

static void *thread_execs(void *argument)
{
	(void)argument;
	exec_count(in_thread_id);
	return NULL;
}

static void exec_by_thread(void)
{
	in_thread_id = make_segment(PAGE, 0600);
	char *p = attach(in_thread_id, 0);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		pthread_t thread;
		attach(in_thread_id, 0);
		CHECK_EQ(pthread_create(&thread, NULL, thread_execs, NULL), 0);
		for (;;)
			abi_sleep_ms(1000);
	}
	CHECK_EQ(status_of(pid), 1 << 8);
	CHECK_EQ(attachments(in_thread_id), 1);
	CHECK_OK(shmdt(p));
	remove_segment(in_thread_id);
}

static void exec_sets_times(void)
{
	int id = make_segment(PAGE, 0600);
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		attach(id, 0);
		exec_count(id);
	}
	CHECK_EQ(status_of(pid), 0);
	struct shmid_ds ds = stat_segment(id);
	CHECK(ds.shm_dtime > 0);
	CHECK_EQ(ds.shm_lpid, pid);
	remove_segment(id);
}

static void exec_of_the_last(void)
{
	int id = make_segment(PAGE, 0600), status;
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		attach(id, 0);
		remove_segment(id);
		exec_count(id); /* it is gone before the new program runs */
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 100 << 8);
	CHECK_ERROR(shmat(id, NULL, 0), EINVAL);
}

static void try_exec(const char *path, int error)
{
	char *argv[] = {"x", NULL};

	CHECK_ERROR(execv(path, argv), error);
}

static void failed_execs(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0), path[64];

	snprintf(path, sizeof(path), "/tmp/shm_count.%d", getpid());
	FILE *file = fopen(path, "w");
	if (!file)
		SKIP("cannot write to /tmp");
	p[0] = 3;
	try_exec("/no/such/program", ENOENT);
	try_exec("/", EACCES);
	try_exec(path, EACCES);
	chmod(path, 0755);
	fclose(file);
	try_exec(path, ENOEXEC); /* empty */
	file = fopen(path, "w");
	fputs("#!/no/such/interpreter\n", file);
	fclose(file);
	try_exec(path, ENOENT);
	file = fopen(path, "w");
	fputs("\177ELF not really", file);
	fclose(file);
	try_exec(path, ENOEXEC);
	CHECK_ERROR(syscall(SYS_execve, path, 8, NULL), EFAULT);
	unlink(path);
	CHECK_EQ(attachments(id), 1);
	CHECK_EQ(p[0], 3);
	CHECK_EQ(stat_segment(id).shm_dtime, 0);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void failed_fork(void)
{
	struct rlimit limit;
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	CHECK_OK(mprotect(p + PAGE, PAGE, PROT_READ));
	CHECK_EQ(attachments(id), 3);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		/* As another user, who may have no process more: root's limit is not looked at. */
		abi_become(54321, 54321);
		limit = (struct rlimit){1, 1};
		CHECK_OK(setrlimit(RLIMIT_NPROC, &limit));
		pid_t next = fork();
		if (next == 0)
			_exit(0);
		if (next > 0) {
			waitpid(next, NULL, 0);
			SKIP("RLIMIT_NPROC does not hold here");
		}
		CHECK_EQ(errno, EAGAIN);
		_exit(0);
	}
	abi_join(pid);
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void fork_of_a_fork(void)
{
	int id = make_segment(PAGE, 0600), go[2];
	char *p = attach(id, 0), byte;

	CHECK_OK(pipe(go));
	for (int i = 0; i < 5; i++) {
		if (CHECK_OK(fork()) == 0) {
			if (CHECK_OK(fork()) == 0) {
				close(go[1]);
				_exit(read(go[0], &byte, 1) != 0);
			}
			_exit(0); /* its child becomes an orphan */
		}
	}
	for (int i = 0; i < 5; i++)
		CHECK(wait(NULL) > 0);
	CHECK_EQ(attachments(id), 6);
	close(go[1]);
	wait_for_attachments(id, 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void kill_in_every_state(void)
{
	int id = make_segment(PAGE, 0600);
	volatile char *p = attach(id, 0);

	for (int i = 0; i < 40; i++) {
		p[0] = 0;
		pid_t pid = CHECK_OK(fork());
		if (pid == 0) {
			p[0] = 1;
			for (;;) {
				char *q = shmat(id, NULL, i & 1 ? SHM_RDONLY : 0);
				if (i & 2 && q != (char *)-1)
					shmdt(q);
				if (i & 4 && vfork() == 0)
					_exit(0);
			}
		}
		while (!p[0])
			sched_yield();
		CHECK_OK(kill(pid, SIGKILL));
		CHECK_EQ(status_of(pid), SIGKILL);
		if (!(i & 4))
			CHECK_EQ(attachments(id), 1);
		wait_for_attachments(id, 1);
	}
	CHECK_OK(shmdt((char *)p));
	remove_segment(id);
}

static void stopped_process_keeps(void)
{
	int id = make_segment(PAGE, 0600), status;
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		attach(id, 0);
		raise(SIGSTOP);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(kill(pid, SIGKILL));
	status_of(pid);
	CHECK_EQ(attachments(id), 0);
	remove_segment(id);
}

static void zombie_has_none(void)
{
	struct shmid_ds ds;
	int id = make_segment(PAGE, 0600);
	siginfo_t info;
	pid_t pid = CHECK_OK(fork());

	if (pid == 0) {
		attach(id, 0);
		_exit(0);
	}
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	CHECK_EQ(attachments(id), 0); /* dead, though not yet waited for */
	remove_segment(id);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	status_of(pid);
}

static void times_go_on(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	struct shmid_ds first = stat_segment(id), ds;

	abi_sleep_ms(1100);
	char *q = attach(id, 0);
	ds = stat_segment(id);
	CHECK(ds.shm_atime > first.shm_atime);
	CHECK_EQ(ds.shm_ctime, first.shm_ctime);
	CHECK_EQ(ds.shm_dtime, 0);
	CHECK_OK(shmdt(q));
	first = stat_segment(id);
	CHECK(first.shm_dtime >= ds.shm_atime);
	CHECK_EQ(first.shm_atime, ds.shm_atime);
	abi_sleep_ms(1100);
	CHECK_OK(shmdt(p));
	CHECK(stat_segment(id).shm_dtime > first.shm_dtime);
	CHECK_OK(shmctl(id, SHM_LOCK, NULL)); /* no time of its own */
	CHECK_EQ(stat_segment(id).shm_ctime, ds.shm_ctime);
	remove_segment(id);
}

static void failed_attach_leaves_no_trace(void)
{
	int id = make_segment(PAGE, 0600);
	struct shmid_ds before = stat_segment(id), after;
	char *taken =
		CHECK_OK((char *)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	CHECK_ERROR(shmat(id, taken, 0), EINVAL);
	CHECK_ERROR(shmat(id, taken + 1, 0), EINVAL);
	after = stat_segment(id);
	CHECK(!memcmp(&before, &after, sizeof(before)));
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(vfork_child_attaches, "an attach in vfork's child is the parent's: vfork(2)"),
	CASE(vfork_child_detaches, "and a detach: vfork(2)"),
	CASE(vfork_and_exec, "vfork, execve: the parent's attach stays, one: observed"),
	CASE(vfork_killed, "vfork's child dies: nothing is detached: observed"),
	CASE(clone_vm_shares, "an attach belongs to the memory, not to who made it: clone(2)"),
	CASE(threads_end, "eight threads attach and end: eight attaches: shmop(2)"),
	CASE(exec_by_thread, "execve by a thread detaches: shmop(2)"),
	CASE(exec_sets_times, "execve sets dtime and lpid: shmop(2), observed"),
	CASE(exec_of_the_last, "execve destroys a removed segment: shmop(2), observed"),
	CASE(failed_execs, "execve that fails, in seven ways, keeps the attach: execve(2)"),
	CASE(failed_fork, "a fork that fails adds nothing: observed"),
	CASE(fork_of_a_fork, "orphans count, too: observed"),
	CASE(kill_in_every_state, "SIGKILL amid attach, detach, vfork: nothing is left: shmop(2)"),
	CASE(stopped_process_keeps,
	     "a stopped process keeps its attach; SIGKILL drops it: observed"),
	CASE(zombie_has_none, "a zombie has detached: observed"),
	CASE(times_go_on, "atime, dtime, ctime: each changes for its own reason: shmctl(2)"),
	CASE(failed_attach_leaves_no_trace, "a refused shmat changes no field: shmop(2)"),
	HELPER("count-fresh", count_fresh),
	CASES_END,
};
