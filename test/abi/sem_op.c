// SPDX-License-Identifier: MIT
/* semop(2), semtimedop(2): atomic operations, waiting, waking. SEM_UNDO: sem_undo.c. */

#include "sem_test.h"

#include <sys/mman.h>

static int set; /* of the case; children inherit it */

/* ---- without waiting ---- */

static void values_change(void)
{
	set = make_set(2, 0600);
	CHECK_OK(operate(set, 0, 5, 0));
	CHECK_EQ(value_of(set, 0), 5);
	CHECK_OK(operate(set, 0, -3, 0));
	CHECK_EQ(value_of(set, 0), 2);
	CHECK_OK(operate(set, 1, 0, 0));
	CHECK_EQ(semctl(set, 0, GETPID), getpid());
	/* Waiting for zero counts as an operation, too. */
	CHECK_EQ(semctl(set, 1, GETPID), getpid());
	CHECK(stat_set(set).sem_otime > 0);
	remove_set(set);
}

static void would_wait(void)
{
	set = make_set(1, 0600);
	CHECK_ERROR(operate(set, 0, -1, IPC_NOWAIT), EAGAIN);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_ERROR(operate(set, 0, 0, IPC_NOWAIT), EAGAIN);
	CHECK_ERROR(operate(set, 0, -2, IPC_NOWAIT), EAGAIN);
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void all_or_nothing(void)
{
	struct sembuf operations[] = {{0, 1, 0}, {1, 2, 0}, {2, -1, IPC_NOWAIT}, {0, 5, 0}};

	set = make_set(3, 0600);
	CHECK_ERROR(semop(set, operations, 4), EAGAIN);
	CHECK_EQ(value_of(set, 0), 0);
	CHECK_EQ(value_of(set, 1), 0);
	CHECK_EQ(semctl(set, 1, GETPID), 0);
	operations[2].sem_op = 1;
	CHECK_OK(semop(set, operations, 4));
	CHECK_EQ(value_of(set, 0), 6);
	CHECK_EQ(value_of(set, 1), 2);
	CHECK_EQ(value_of(set, 2), 1);
	remove_set(set);
}

static void in_order_on_one(void)
{
	struct sembuf up_first[] = {{0, 1, 0}, {0, -1, IPC_NOWAIT}, {0, 0, IPC_NOWAIT}};
	struct sembuf down_first[] = {{0, -1, IPC_NOWAIT}, {0, 1, 0}};
	struct sembuf zero_then_up[] = {{0, 0, IPC_NOWAIT}, {0, 1, 0}};

	set = make_set(1, 0600);
	CHECK_OK(semop(set, up_first, 3));
	CHECK_EQ(value_of(set, 0), 0);
	CHECK_ERROR(semop(set, down_first, 2), EAGAIN);
	CHECK_OK(semop(set, zero_then_up, 2));
	CHECK_ERROR(semop(set, zero_then_up, 2), EAGAIN);
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void nowait_of_the_blocking_one_counts(void)
{
	struct sembuf operations[] = {{0, 1, IPC_NOWAIT}, {1, -1, 0}};
	struct timespec soon = {0, 20000000};

	set = make_set(2, 0600);
	CHECK_ERROR(semtimedop(set, operations, 2, &soon), EAGAIN);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void out_of_range(void)
{
	struct sembuf operations[] = {{1, 1, 0}, {0, 1, 0}};

	set = make_set(2, 0600);
	set_value(set, 0, VALUE_MAX);
	CHECK_ERROR(operate(set, 0, 1, 0), ERANGE);
	CHECK_ERROR(semop(set, operations, 2), ERANGE);
	CHECK_EQ(value_of(set, 1), 0);
	CHECK_OK(operate(set, 0, -32767, 0));
	CHECK_OK(operate(set, 0, 32767, 0));
	CHECK_EQ(value_of(set, 0), VALUE_MAX);
	CHECK_ERROR(operate(set, 0, -32768, IPC_NOWAIT), EAGAIN);
	remove_set(set);
}

static void bad_arguments(void)
{
	static struct sembuf many[501];
	struct timespec bad = {0, 1000000000}, negative = {-1, 0};
	struct sembuf one = {0, 0, 0};

	set = make_set(2, 0600);
	CHECK_ERROR(semop(set, many, 0), EINVAL);
	CHECK_ERROR(semop(set, many, 501), E2BIG);
	CHECK_ERROR(semop(-1, many, 501), E2BIG);
	CHECK_ERROR(semop(set, many, (size_t)-1), E2BIG);
	CHECK_OK(semop(set, many, 500));
	CHECK_ERROR(semop(-1, many, 1), EINVAL);
	CHECK_ERROR(semop(set + 1, many, 1), EINVAL);
	CHECK_ERROR(operate(set, 2, 0, 0), EFBIG);
	CHECK_ERROR(operate(set, 65535, 1, 0), EFBIG);
	CHECK_ERROR(semop(set, (struct sembuf *)8, 1), EFAULT);
	CHECK_ERROR(semop(-1, (struct sembuf *)8, 1), EFAULT);
	CHECK_ERROR(semtimedop(set, &one, 1, (struct timespec *)8), EFAULT);
	CHECK_ERROR(semtimedop(set, many, 501, (struct timespec *)8), EFAULT);
	CHECK_ERROR(semtimedop(set, &one, 1, &bad), EINVAL);
	CHECK_ERROR(semtimedop(set, &one, 1, &negative), EINVAL);
	CHECK_ERROR(semtimedop(set, many, 501, &bad), E2BIG);
	CHECK_ERROR(semtimedop(set, (struct sembuf *)8, 1, &bad), EFAULT);
	remove_set(set);
}

/* ---- waiting ---- */

static void take_one(void *argument)
{
	CHECK_OK(operate(set, 0, *(int *)argument, 0));
}

static void waits_until_enough(void)
{
	int change = -3;

	set = make_set(1, 0600);
	pid_t pid = abi_start(take_one, &change);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_EQ(semctl(set, 0, GETZCNT), 0);
	CHECK_OK(operate(set, 0, 2, 0));
	CHECK_EQ(semctl(set, 0, GETNCNT), 1);
	CHECK_EQ(value_of(set, 0), 2);
	CHECK_OK(operate(set, 0, 1, 0));
	/* It was done for the sleeper: nobody can come in between. */
	CHECK_EQ(value_of(set, 0), 0);
	CHECK_EQ(semctl(set, 0, GETPID), pid);
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
	abi_join(pid);
	remove_set(set);
}

static void waits_for_zero(void)
{
	int change = 0;

	set = make_set(1, 0600);
	set_value(set, 0, 2);
	pid_t a = abi_start(take_one, &change), b = abi_start(take_one, &change);
	await_waiters(set, 0, GETZCNT, 2);
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
	CHECK_OK(operate(set, 0, -1, 0));
	CHECK_EQ(semctl(set, 0, GETZCNT), 2);
	CHECK_OK(operate(set, 0, -1, 0));
	CHECK_EQ(semctl(set, 0, GETZCNT), 0);
	abi_join(a);
	abi_join(b);
	remove_set(set);
}

static void zeros_go_before_changes(void)
{
	struct sembuf down_up[] = {{0, -1, 0}, {0, 1, 0}};
	int zero = 0, take = -1;

	/* To 0 and at once to 1 again: who waits for zero sees nothing of it. */
	set = make_set(1, 0600);
	set_value(set, 0, 1);
	pid_t waiter = abi_start(take_one, &zero);
	await_waiters(set, 0, GETZCNT, 1);
	CHECK_OK(semop(set, down_up, 2));
	CHECK_EQ(semctl(set, 0, GETZCNT), 1);
	/* A sleeper's operation makes it 0: that wakes the other one. */
	CHECK_OK(operate(set, 0, -1, 0));
	abi_join(waiter);
	pid_t taker = abi_start(take_one, &take);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_EQ(value_of(set, 0), 0);
	abi_join(taker);
	remove_set(set);
}

static void setval_wakes(void)
{
	int take = -5, zero = 0;
	unsigned short zeros[1] = {0};

	set = make_set(1, 0600);
	pid_t pid = abi_start(take_one, &take);
	await_waiters(set, 0, GETNCNT, 1);
	set_value(set, 0, 7);
	CHECK_EQ(value_of(set, 0), 2);
	abi_join(pid);
	pid = abi_start(take_one, &zero);
	await_waiters(set, 0, GETZCNT, 1);
	CHECK_OK(semctl(set, 0, SETALL, (union semctl_argument){.array = zeros}));
	abi_join(pid);
	remove_set(set);
}

/* Sleepers in order of arrival; each that is served writes its number behind the last. */
static int *order;

static void take_and_note(void *argument)
{
	int number = *(int *)argument;

	CHECK_OK(operate(set, 0, -1, 0));
	order[__atomic_fetch_add(&order[0], 1, __ATOMIC_SEQ_CST)] = number;
	CHECK_OK(operate(set, 1, 1, 0));
}

static void first_come_first_served(void)
{
	pid_t pids[5];

	set = make_set(2, 0600);
	order = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	order[0] = 1;
	for (int i = 0; i < 5; i++) {
		pids[i] = abi_start(take_and_note, &i);
		await_waiters(set, 0, GETNCNT, i + 1);
	}
	for (int i = 0; i < 5; i++) {
		CHECK_OK(operate(set, 0, 1, 0));
		CHECK_OK(operate(set, 1, -1, 0)); /* it has been here */
		CHECK_EQ(order[i + 1], i);
		abi_join(pids[i]);
	}
	remove_set(set);
}

static void small_one_overtakes(void)
{
	int much = -5, little = -1;

	set = make_set(1, 0600);
	pid_t first = abi_start(take_one, &much);
	await_waiters(set, 0, GETNCNT, 1);
	pid_t second = abi_start(take_one, &little);
	await_waiters(set, 0, GETNCNT, 2);
	CHECK_OK(operate(set, 0, 1, 0));
	abi_join(second);
	CHECK_EQ(value_of(set, 0), 0);
	CHECK_OK(operate(set, 0, 5, 0));
	abi_join(first);
	remove_set(set);
}

static void move_one(void *argument)
{
	struct sembuf operations[] = {{0, -1, 0}, {1, 1, 0}};

	(void)argument;
	CHECK_OK(semop(set, operations, 2));
}

static void chain(void)
{
	int take = -1;

	/* The second sleeper's operations let the first go on. */
	set = make_set(3, 0600);
	struct sembuf both[] = {{1, -1, 0}, {2, 1, 0}};
	pid_t first = fork();
	if (first == 0)
		_exit(semop(set, both, 2) == 0 ? 0 : 1);
	await_waiters(set, 1, GETNCNT, 1);
	pid_t second = abi_start(move_one, NULL);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_EQ(value_of(set, 2), 1);
	CHECK_EQ(value_of(set, 1), 0);
	abi_join(first);
	abi_join(second);
	CHECK_OK(operate(set, 2, take, 0));
	remove_set(set);
}

static void counts_follow_the_blocking_one(void)
{
	struct sembuf operations[] = {{0, -1, 0}, {1, -1, 0}, {2, 0, 0}};

	set = make_set(3, 0600);
	set_value(set, 2, 1);
	pid_t pid = fork();
	if (pid == 0)
		_exit(semop(set, operations, 3) == 0 ? 0 : 1);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_EQ(semctl(set, 1, GETNCNT), 0);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
	CHECK_EQ(semctl(set, 1, GETNCNT), 1);
	CHECK_OK(operate(set, 1, 1, 0));
	CHECK_EQ(semctl(set, 1, GETNCNT), 0);
	CHECK_EQ(semctl(set, 2, GETZCNT), 1);
	CHECK_OK(operate(set, 2, -1, 0));
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void sleeper_finds_nowait(void *argument)
{
	struct sembuf operations[] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}};

	(void)argument;
	CHECK_ERROR(semop(set, operations, 2), EAGAIN);
}

static void nowait_after_sleep(void)
{
	set = make_set(2, 0600);
	pid_t pid = abi_start(sleeper_finds_nowait, NULL);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(operate(set, 0, 1, 0));
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void sleeper_out_of_range(void *argument)
{
	struct sembuf operations[] = {{0, -1, 0}, {1, 1, 0}};

	(void)argument;
	CHECK_ERROR(semop(set, operations, 2), ERANGE);
}

static void range_after_sleep(void)
{
	set = make_set(2, 0600);
	pid_t pid = abi_start(sleeper_out_of_range, NULL);
	await_waiters(set, 0, GETNCNT, 1);
	set_value(set, 1, VALUE_MAX);
	CHECK_OK(operate(set, 0, 1, 0));
	abi_join(pid);
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void removed_meanwhile(void *argument)
{
	CHECK_ERROR(operate(set, 0, *(int *)argument, 0), EIDRM);
}

static void removal_wakes_all(void)
{
	int take = -1, zero = 0;

	set = make_set(2, 0600);
	pid_t a = abi_start(removed_meanwhile, &take);
	await_waiters(set, 0, GETNCNT, 1);
	set_value(set, 0, 0);
	pid_t b = abi_start(removed_meanwhile, &take);
	await_waiters(set, 0, GETNCNT, 2);
	remove_set(set);
	abi_join(a);
	abi_join(b);
	set = make_set(1, 0600);
	set_value(set, 0, 1);
	a = abi_start(removed_meanwhile, &zero);
	await_waiters(set, 0, GETZCNT, 1);
	remove_set(set);
	abi_join(a);
}

static void on_signal(int number)
{
	(void)number;
}

static void interrupted(void *argument)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	(void)argument;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_ERROR(operate(set, 0, -1, 0), EINTR);
}

static void never_restarted(void)
{
	set = make_set(1, 0600);
	pid_t pid = abi_start(interrupted, NULL);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(kill(pid, SIGUSR1));
	abi_join(pid);
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
	CHECK_EQ(value_of(set, 0), 0);
	remove_set(set);
}

static void stopped(void *argument)
{
	(void)argument;
	CHECK_ERROR(operate(set, 0, -1, 0), EINTR);
}

static void stop_interrupts_too(void)
{
	int status;

	set = make_set(1, 0600);
	pid_t pid = abi_start(stopped, NULL);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK(WIFSTOPPED(status));
	CHECK_OK(kill(pid, SIGCONT));
	abi_join(pid);
	remove_set(set);
}

static void killed_sleeper_leaves(void)
{
	int take = -1, status;

	set = make_set(1, 0600);
	pid_t pid = abi_start(take_one, &take);
	await_waiters(set, 0, GETNCNT, 1);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void time_runs_out(void)
{
	struct timespec now, then, span = {0, 50000000}, none = {0, 0};
	struct sembuf take = {0, -1, 0};

	set = make_set(1, 0600);
	clock_gettime(CLOCK_MONOTONIC, &then);
	CHECK_ERROR(semtimedop(set, &take, 1, &span), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &now);
	CHECK((now.tv_sec - then.tv_sec) * 1000000000ll + now.tv_nsec - then.tv_nsec >= 50000000);
	CHECK_ERROR(semtimedop(set, &take, 1, &none), EAGAIN);
	CHECK_EQ(semctl(set, 0, GETNCNT), 0);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_OK(semtimedop(set, &take, 1, &none));
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_OK(semtimedop(set, &take, 1, NULL));
	remove_set(set);
}

static void failed_calls_note_nothing(void)
{
	set = make_set(2, 0600);
	CHECK_ERROR(operate(set, 0, -1, IPC_NOWAIT), EAGAIN);
	CHECK_ERROR(operate(set, 2, 1, 0), EFBIG);
	CHECK_EQ(stat_set(set).sem_otime, 0);
	CHECK_EQ(semctl(set, 0, GETPID), 0);
	/* But waiting for zero, which changes nothing, is an operation. */
	CHECK_OK(operate(set, 0, 0, 0));
	CHECK(stat_set(set).sem_otime > 0);
	remove_set(set);
}

static void interrupted_with_time(void *argument)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct timespec left = {25, 123456789};
	struct sembuf wait = {0, 0, 0};

	(void)argument;
	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	CHECK_ERROR(semtimedop(set, &wait, 1, &left), EINTR);
	CHECK_EQ(left.tv_sec, 25);
	CHECK_EQ(left.tv_nsec, 123456789);
}

static void timeout_is_left_alone(void)
{
	set = make_set(1, 0600);
	set_value(set, 0, 1);
	pid_t pid = abi_start(interrupted_with_time, NULL);
	await_waiters(set, 0, GETZCNT, 1);
	CHECK_OK(kill(pid, SIGUSR1));
	abi_join(pid);
	CHECK_EQ(semctl(set, 0, GETZCNT), 0);
	remove_set(set);
}

static void change_and_wait_unreadable(void *argument)
{
	struct sembuf both[] = {{0, 1, 0}, {1, 0, 0}};

	(void)argument;
	abi_become(1000, 1000);
	CHECK_OK(semop(set, both, 2));
	CHECK_ERROR(operate(set, 1, 0, 0), EACCES);
}

static void one_change_asks_for_alter_only(void)
{
	set = make_set(2, 0602);
	abi_in_child(change_and_wait_unreadable, NULL);
	CHECK_EQ(value_of(set, 0), 1);
	remove_set(set);
}

static void wait_for_zeros(void *argument)
{
	struct sembuf operations[] = {{0, 0, *(short *)argument}, {1, 0, 0}};

	CHECK_OK(semop(set, operations, 2));
}

/*
 * Who waits for two zeros is looked at again when one that changed is 0, and only then: so it
 * stays counted where it was, and IPC_NOWAIT of what is no longer 0 does not end it.
 */
static void zeros_are_looked_at_when_zero(void)
{
	short flags = 0;

	set = make_set(3, 0600);
	set_value(set, 0, 1);
	set_value(set, 1, 1);
	pid_t waiter = abi_start(wait_for_zeros, &flags);
	await_waiters(set, 0, GETZCNT, 1);
	CHECK_OK(operate(set, 0, -1, 0));
	CHECK_EQ(semctl(set, 1, GETZCNT), 1);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_EQ(semctl(set, 0, GETZCNT), 0);
	CHECK_EQ(semctl(set, 1, GETZCNT), 1);
	struct sembuf with_a_zero[] = {{2, 0, 0}, {0, 1, 0}};
	CHECK_OK(semop(set, with_a_zero, 2)); /* what was named is 0, changed or not */
	CHECK_EQ(semctl(set, 0, GETZCNT), 1);
	CHECK_EQ(semctl(set, 1, GETZCNT), 0);
	set_value(set, 0, 0);
	set_value(set, 1, 0);
	abi_join(waiter);

	flags = IPC_NOWAIT;
	set_value(set, 1, 1);
	waiter = abi_start(wait_for_zeros, &flags);
	await_waiters(set, 1, GETZCNT, 1);
	CHECK_OK(operate(set, 0, 1, 0));
	CHECK_EQ(semctl(set, 1, GETZCNT), 1);
	CHECK_OK(operate(set, 0, -1, 0));
	CHECK_OK(operate(set, 1, -1, 0));
	abi_join(waiter);
	remove_set(set);
}

const struct abi_case abi_cases[] = {
	CASE(values_change, "values go up and down; pid and otime are noted: semop(2)"),
	CASE(would_wait, "IPC_NOWAIT: EAGAIN instead of waiting: semop(2)"),
	CASE(all_or_nothing, "all operations or none: semop(2)"),
	CASE(in_order_on_one, "operations are done in order, also on one semaphore: semop(2)"),
	CASE(nowait_of_the_blocking_one_counts,
	     "the blocking operation's IPC_NOWAIT counts: semop(2)"),
	CASE(out_of_range, "above SEMVMX is ERANGE: semop(2)"),
	CASE(bad_arguments, "E2BIG, EINVAL, EFBIG, EFAULT, and their order: semop(2), observed"),
	CASE(waits_until_enough, "a negative operation waits for the value: semop(2)"),
	CASE(waits_for_zero, "operation 0 waits for zero: semop(2)"),
	CASE(zeros_go_before_changes, "a zero within one call is nobody's zero: semop(2)"),
	CASE(setval_wakes, "SETVAL and SETALL wake who can go on: semctl(2)"),
	CASE(first_come_first_served, "sleepers are served in order of arrival: observed"),
	CASE(small_one_overtakes, "who can go on overtakes who cannot: observed"),
	CASE(chain, "a sleeper's operations let another go on: semop(2)"),
	CASE(counts_follow_the_blocking_one,
	     "GETNCNT and GETZCNT count the one that blocks: semctl(2)"),
	CASE(nowait_after_sleep, "IPC_NOWAIT counts after a sleep, too: observed"),
	CASE(zeros_are_looked_at_when_zero,
	     "who waits for zeros is looked at when something is 0: observed"),
	CASE(range_after_sleep, "ERANGE after a sleep: observed"),
	CASE(removal_wakes_all, "IPC_RMID wakes all with EIDRM: semop(2)"),
	CASE(never_restarted, "a handler interrupts with EINTR, SA_RESTART or not: signal(7)"),
	CASE(stop_interrupts_too, "SIGSTOP and SIGCONT interrupt with EINTR: signal(7)"),
	CASE(killed_sleeper_leaves, "a killed sleeper no longer waits: semop(2)"),
	CASE(time_runs_out, "semtimedop gives EAGAIN when time is over: semop(2)"),
	CASE(failed_calls_note_nothing, "a call that fails sets neither otime nor pid: semop(2)"),
	CASE(timeout_is_left_alone, "EINTR leaves the timeout as it was: semop(2)"),
	CASE(one_change_asks_for_alter_only,
	     "a call that changes anything needs alter permission alone: observed"),
	CASES_END,
};
