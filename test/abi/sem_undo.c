// SPDX-License-Identifier: MIT
/* SEM_UNDO: what a process did to semaphores is undone when it ends: semop(2). */

#include "sem_test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/shm.h>

static int set; /* of the case; children inherit it */
static int steps[4];

static void take_one(void *argument)
{
	CHECK_OK(operate(set, 0, *(int *)argument, 0));
}

static void give_with_undo(void *argument)
{
	CHECK_OK(operate(set, 0, *(int *)argument, SEM_UNDO));
}

static void undone_at_exit(void)
{
	int give = 5, take = -2;

	set = make_set(1, 0600);
	set_value(set, 0, 10);
	pid_t pid = abi_start(give_with_undo, &give);
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 10);
	CHECK_EQ(semctl(set, 0, GETPID), pid);
	abi_in_child(give_with_undo, &take);
	CHECK_EQ(value_of(set, 0), 10);
	remove_set(set);
}

static void take_and_die(void *argument)
{
	CHECK_OK(operate(set, 0, -1, SEM_UNDO));
	CHECK_OK(operate(set, 1, 3, SEM_UNDO));
	CHECK_OK(operate(set, 1, -1, 0));
	raise(*(int *)argument);
}

static void undone_when_killed(void)
{
	int number = SIGKILL;

	set = make_set(2, 0600);
	set_value(set, 0, 1);
	abi_dies(take_and_die, &number, SIGKILL);
	CHECK_EQ(value_of(set, 0), 1);
	/* 2 - 3 is cut off at 0. */
	CHECK_EQ(value_of(set, 1), 0);
	remove_set(set);
}

static void undo_wakes(void)
{
	int take = -1;

	set = make_set(2, 0600);
	set_value(set, 0, 1);
	pid_t holder = fork();
	if (holder == 0) {
		operate(set, 0, -1, SEM_UNDO);
		operate(set, 1, 1, 0);
		pause();
		_exit(1);
	}
	CHECK_OK(operate(set, 1, -1, 0));
	pid_t waiter = abi_start(take_one, &take);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(kill(holder, SIGKILL));
	abi_join(waiter);
	CHECK_EQ(waitpid(holder, NULL, 0), holder);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void adjust_is_capped(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, -10, SEM_UNDO));
	CHECK_OK(operate(set, 0, VALUE_MAX, 0));
}

static void undo_stays_in_range(void)
{
	set = make_set(1, 0600);
	set_value(set, 0, 10);
	abi_in_child(adjust_is_capped, NULL);
	CHECK_EQ(value_of(set, 0), VALUE_MAX);
	remove_set(set);
}

static void clear_by_setval(void *argument)
{
	unsigned short values[2] = {7, 7};

	CHECK_OK(operate(set, 0, 3, SEM_UNDO));
	CHECK_OK(operate(set, 1, 3, SEM_UNDO));
	if (*(int *)argument)
		CHECK_OK(semctl(set, 0, SETALL, (union semctl_argument){.array = values}));
	else
		set_value(set, 0, 7);
}

static void cleared_by_setting(void)
{
	int all = 0;

	set = make_set(2, 0600);
	abi_in_child(clear_by_setval, &all);
	CHECK_EQ(value_of(set, 0), 7);
	CHECK_EQ(value_of(set, 1), 0);
	all = 1;
	abi_in_child(clear_by_setval, &all);
	CHECK_EQ(value_of(set, 0), 7);
	CHECK_EQ(value_of(set, 1), 7);
	remove_set(set);
}

static void undo_range(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, 32767, SEM_UNDO));
	CHECK_OK(operate(set, 0, -32767, 0));
	CHECK_OK(operate(set, 0, 1, SEM_UNDO));
	CHECK_ERROR(operate(set, 0, 1, SEM_UNDO), ERANGE);
	CHECK_EQ(value_of(set, 0), 1);
	CHECK_OK(operate(set, 0, 1, 0));
	set_value(set, 0, VALUE_MAX);
	CHECK_OK(operate(set, 0, -32767, SEM_UNDO));
	CHECK_OK(operate(set, 0, 32767, 0));
	CHECK_ERROR(operate(set, 0, -1, SEM_UNDO | IPC_NOWAIT), ERANGE);
	CHECK_EQ(value_of(set, 0), VALUE_MAX);
}

static void adjustment_out_of_range(void)
{
	set = make_set(1, 0600);
	abi_in_child(undo_range, NULL);
	CHECK_EQ(value_of(set, 0), VALUE_MAX);
	remove_set(set);
}

static void fork_without_undo(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, 4, SEM_UNDO));
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 4);
}

static void child_does_not_inherit(void)
{
	set = make_set(1, 0600);
	abi_in_child(fork_without_undo, NULL);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void exec_with_undo(void *argument)
{
	char text[16], *arguments[] = {"abi", "--helper", "sem-value-4", text, NULL};

	(void)argument;
	snprintf(text, sizeof(text), "%d", set);
	CHECK_OK(operate(set, 0, 4, SEM_UNDO));
	execv(abi_self(), arguments);
	abi_fail(__FILE__, __LINE__, "execv failed");
}

/* After execve: the adjustment is still to come. */
static int value_is_four(int argc, char **argv)
{
	return argc > 1 && semctl(atoi(argv[1]), 0, GETVAL) == 4 ? 0 : 1;
}

static void exec_keeps_undo(void)
{
	set = make_set(1, 0600);
	abi_in_child(exec_with_undo, NULL);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void *thread_gives(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, 1, SEM_UNDO));
	return NULL;
}

static void threads_share(void *argument)
{
	pthread_t thread;

	(void)argument;
	CHECK_EQ(pthread_create(&thread, NULL, thread_gives, NULL), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	abi_sleep_ms(10);
	/* pthreads share by CLONE_SYSVSEM: nothing is undone before the process ends. */
	CHECK_EQ(value_of(set, 0), 1);
	CHECK_OK(operate(set, 0, -1, SEM_UNDO));
	CHECK_OK(operate(set, 0, 2, 0));
}

static void threads_share_undo(void)
{
	set = make_set(1, 0600);
	abi_in_child(threads_share, NULL);
	CHECK_EQ(value_of(set, 0), 2);
	remove_set(set);
}

static int child_of_clone(void *argument)
{
	(void)argument;
	return operate(set, 0, 1, SEM_UNDO) == 0 ? 0 : 1;
}

static void processes_share(void *argument)
{
	static char stack[65536] __attribute__((aligned(16)));

	(void)argument;
	pid_t pid = CHECK_OK(
		clone(child_of_clone, stack + sizeof(stack), CLONE_SYSVSEM | SIGCHLD, NULL));
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 1);
}

static void processes_share_undo(void)
{
	set = make_set(1, 0600);
	abi_in_child(processes_share, NULL);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void removal_forgets(void *argument)
{
	int *made = argument;

	CHECK_OK(operate(set, 0, 1, SEM_UNDO));
	remove_set(set);
	*made = make_set(1, 0600);
}

static void undo_of_a_removed_set(void)
{
	int *made = CHECK_OK(
		(int *)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

	set = make_set(1, 0600);
	abi_in_child(removal_forgets, made);
	CHECK_EQ(value_of(*made, 0), 0);
	remove_set(*made);
}

static void undo_of_a_sleeper(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, -1, SEM_UNDO));
}

static void undo_done_for_a_sleeper(void)
{
	set = make_set(1, 0600);
	pid_t pid = abi_start(undo_of_a_sleeper, NULL);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(operate(set, 0, 1, 0));
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void fail_with_undo(void *argument)
{
	(void)argument;
	CHECK_ERROR(operate(set, 5, 1, SEM_UNDO), EFBIG);
	CHECK_EQ(stat_set(set).sem_otime, 0);
}

static void end_is_noticed(void)
{
	set = make_set(1, 0600);
	abi_in_child(fail_with_undo, NULL);
	CHECK(stat_set(set).sem_otime != 0);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void give_and_wait(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, 5, SEM_UNDO));
	CHECK_EQ(write(steps[1], "x", 1), 1);
	CHECK_EQ(read(steps[2], &(char){0}, 1), 1);
}

static void undoing_is_an_operation(void)
{
	set = make_set(1, 0600);
	CHECK_OK(pipe(steps));
	CHECK_OK(pipe(steps + 2));
	pid_t pid = abi_start(give_and_wait, NULL);
	CHECK_EQ(read(steps[0], &(char){0}, 1), 1);
	struct semid_ds ds = stat_set(set);
	CHECK_EQ(value_of(set, 0), 5);
	while (time(NULL) <= ds.sem_otime)
		abi_sleep_ms(20);
	abi_sleep_ms(20);
	CHECK_EQ(write(steps[3], "x", 1), 1);
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 0);
	CHECK_EQ(semctl(set, 0, GETPID), pid);
	CHECK(stat_set(set).sem_otime > ds.sem_otime);
	CHECK_EQ(stat_set(set).sem_ctime, ds.sem_ctime);
	remove_set(set);
}

static void unshare_list(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, 5, SEM_UNDO));
	CHECK_OK(unshare(CLONE_SYSVSEM));
	CHECK_EQ(value_of(set, 0), 0);
	CHECK_OK(operate(set, 0, 3, 0));
}

static void undone_by_unshare(void)
{
	set = make_set(1, 0600);
	abi_in_child(unshare_list, NULL);
	CHECK_EQ(value_of(set, 0), 3);
	remove_set(set);
}

static void leave_namespace(void *argument)
{
	(void)argument;
	CHECK_OK(operate(set, 0, 5, SEM_UNDO));
	if (unshare(CLONE_NEWIPC) != 0)
		SKIP("no IPC namespace to be had");
	CHECK_EQ(write(steps[1], "x", 1), 1);
	CHECK_EQ(read(steps[2], &(char){0}, 1), 1);
}

static void undone_by_leaving_the_namespace(void)
{
	set = make_set(1, 0600);
	CHECK_OK(pipe(steps));
	CHECK_OK(pipe(steps + 2));
	pid_t pid = abi_start(leave_namespace, NULL);
	CHECK_OK(close(steps[1]));
	if (read(steps[0], &(char){0}, 1) == 1)
		CHECK_EQ(value_of(set, 0), 0); /* while the process goes on elsewhere */
	CHECK_EQ(write(steps[3], "x", 1), 1);
	abi_join(pid);
	remove_set(set);
}

static void attach_and_give(void *argument)
{
	CHECK(shmat(*(int *)argument, NULL, 0) != (void *)-1);
	CHECK_OK(operate(set, 0, 1, SEM_UNDO));
	CHECK_OK(operate(set, 1, 1, 0));
	for (;;)
		pause();
}

/* Whom the undo wakes sees no attachment of the dead process; it is done before wait(2) tells. */
static void undone_after_memory(void)
{
	int segment = CHECK_OK(shmget(IPC_PRIVATE, 64 << 10, 0600));

	set = make_set(2, 0600);
	for (int i = 0; i < 50; i++) {
		struct shmid_ds ds;
		pid_t pid = abi_start(attach_and_give, &segment);

		CHECK_OK(operate(set, 1, -1, 0));
		CHECK_OK(kill(pid, SIGKILL));
		if (i % 2) {
			CHECK_OK(operate(set, 0, 0, 0));
			CHECK_OK(shmctl(segment, IPC_STAT, &ds));
			CHECK_EQ(ds.shm_nattch, 0);
		}
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		CHECK_EQ(value_of(set, 0), 0);
	}
	CHECK_OK(shmctl(segment, IPC_RMID, NULL));
	remove_set(set);
}

static void give_and_hold(void *argument)
{
	int *ends = argument;

	close(ends[0]);
	CHECK_OK(operate(set, 0, 1, SEM_UNDO));
	CHECK_OK(operate(set, 1, 1, 0));
	for (;;)
		pause();
}

/* Whoever sees the end of a pipe that the dead process had finds its semaphores undone. */
static void undone_before_files(void)
{
	set = make_set(2, 0600);
	for (int i = 0; i < 50; i++) {
		int ends[2];
		char byte;

		CHECK_OK(pipe(ends));
		pid_t pid = abi_start(give_and_hold, ends);
		CHECK_OK(close(ends[1]));
		CHECK_OK(operate(set, 1, -1, 0));
		CHECK_OK(kill(pid, SIGKILL));
		CHECK_EQ(read(ends[0], &byte, 1), 0);
		CHECK_EQ(value_of(set, 0), 0);
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		CHECK_OK(close(ends[0]));
	}
	remove_set(set);
}

const struct abi_case abi_cases[] = {
	CASE(undone_at_exit, "SEM_UNDO is undone at exit, up and down: semop(2)"),
	CASE(undone_when_killed, "SEM_UNDO is undone at death; below 0 is 0: semop(2)"),
	CASE(undo_wakes, "undoing wakes who can go on: semop(2)"),
	CASE(undo_stays_in_range, "undoing stops at SEMVMX: observed"),
	CASE(cleared_by_setting, "SETVAL and SETALL clear adjustments: semctl(2)"),
	CASE(adjustment_out_of_range, "an adjustment out of range is ERANGE: semop(2)"),
	CASE(child_does_not_inherit, "fork does not pass adjustments on: semop(2)"),
	CASE(exec_keeps_undo, "execve keeps adjustments: semop(2)"),
	HELPER("sem-value-4", value_is_four),
	CASE(threads_share_undo, "threads share adjustments by CLONE_SYSVSEM: clone(2)"),
	CASE(processes_share_undo, "processes may share adjustments, too: clone(2)"),
	CASE(undo_of_a_removed_set, "a removed set's adjustments are gone: semop(2)"),
	CASE(undo_done_for_a_sleeper, "an operation done for a sleeper is undone, too: semop(2)"),
	CASE(end_is_noticed,
	     "a process that failed with SEM_UNDO sets sem_otime by its end: observed"),
	CASE(undoing_is_an_operation, "undoing sets pid and otime, not ctime: semctl(2), observed"),
	CASE(undone_after_memory, "segments are detached first: observed"),
	CASE(undone_before_files, "files are closed later: observed"),
	CASE(undone_by_unshare, "unshare(CLONE_SYSVSEM) undoes: unshare(2)"),
	CASE(undone_by_leaving_the_namespace, "so does another IPC namespace: unshare(2)"),
	CASES_END,
};
