// SPDX-License-Identifier: MIT
/* Futexes, threads, robust mutexes, affinity, clocks. */

#define _GNU_SOURCE
#include "abi.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long futex(atomic_int *word, int operation, unsigned value, const void *timeout,
		  atomic_int *second, unsigned third)
{
	return syscall(SYS_futex, word, operation, value, timeout, second, third);
}

static atomic_int *shared_words(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	return page;
}

static void wait_errors(void)
{
	atomic_int word = 1;
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, tiny = {0, 1000000};
	atomic_int *odd = (atomic_int *)((char *)&word + 1);

	CHECK_ERROR(futex(&word, FUTEX_WAIT, 2, NULL, NULL, 0), EAGAIN);
	CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, &tiny, NULL, 0), ETIMEDOUT);
	CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE, 1, &tiny, NULL, 0), ETIMEDOUT);
	CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, &bad, NULL, 0), EINVAL);
	CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, &negative, NULL, 0), EINVAL);
	CHECK_ERROR(futex(odd, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERROR(futex(odd, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERROR(futex((atomic_int *)16, FUTEX_WAIT, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(futex((atomic_int *)16, FUTEX_WAKE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(futex((atomic_int *)16, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EFAULT);
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
	CHECK_ERROR(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), 0);
}

static void absolute_deadline(void)
{
	atomic_int word = 1;
	struct timespec now;

	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 1, &now, NULL, FUTEX_BITSET_MATCH_ANY),
		    ETIMEDOUT);
	now.tv_nsec += 20000000;
	now.tv_sec += now.tv_nsec / 1000000000;
	now.tv_nsec %= 1000000000;
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 1, &now, NULL, FUTEX_BITSET_MATCH_ANY),
		    ETIMEDOUT);
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &now));
	now.tv_sec -= 1;
	CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 1, &now, NULL,
			  FUTEX_BITSET_MATCH_ANY),
		    ETIMEDOUT);
}

/* In a child: wait on words[0], then count the wake-up in words[8]. */
static pid_t start_waiter(atomic_int *words, unsigned bitset)
{
	pid_t pid = CHECK_OK(fork());

	if (pid)
		return pid;
	atomic_fetch_add(&words[9], 1);
	long result = futex(words, FUTEX_WAIT_BITSET, 0, NULL, NULL, bitset);
	atomic_fetch_add(&words[8], 1);
	_exit(result ? 1 : 0);
}

static void until_all_wait(atomic_int *words, int count)
{
	while (atomic_load(&words[9]) != count)
		sched_yield();
	abi_sleep_ms(30);
}

static void wake_counts(void)
{
	atomic_int *words = shared_words();
	pid_t pids[4];

	for (int i = 0; i < 4; i++)
		pids[i] = start_waiter(words, FUTEX_BITSET_MATCH_ANY);
	until_all_wait(words, 4);
	CHECK_EQ(futex(words, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	CHECK_EQ(futex(words, FUTEX_WAKE, 2, NULL, NULL, 0), 2);
	CHECK_EQ(futex(&words[1], FUTEX_WAKE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0), 1);
	for (int i = 0; i < 4; i++)
		abi_join(pids[i]);
	CHECK_EQ(words[8], 4);
}

static void bitsets_choose(void)
{
	atomic_int *words = shared_words();
	pid_t one = start_waiter(words, 1), two = start_waiter(words, 2);

	until_all_wait(words, 2);
	CHECK_EQ(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 4), 0);
	CHECK_EQ(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 2), 1);
	abi_join(two);
	CHECK_EQ(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 3), 1);
	abi_join(one);
	CHECK_ERROR(futex(words, FUTEX_WAKE_BITSET, 10, NULL, NULL, 0), EINVAL);
}

static void requeue(void)
{
	atomic_int *words = shared_words();
	pid_t pids[3];

	for (int i = 0; i < 3; i++)
		pids[i] = start_waiter(words, FUTEX_BITSET_MATCH_ANY);
	until_all_wait(words, 3);
	CHECK_ERROR(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)10, &words[16], 5), EAGAIN);
	/* One woken, two moved. */
	CHECK_EQ(futex(words, FUTEX_CMP_REQUEUE, 1, (void *)10, &words[16], 0), 3);
	CHECK_EQ(futex(words, FUTEX_WAKE, 10, NULL, NULL, 0), 0);
	CHECK_EQ(futex(&words[16], FUTEX_WAKE, 10, NULL, NULL, 0), 2);
	for (int i = 0; i < 3; i++)
		abi_join(pids[i]);
}

/* A waiter that was moved still leaves in time, and by a signal. */
static void moved_waiter_times_out(void)
{
	atomic_int *words = shared_words();
	struct timespec span = {0, 200000000};
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		atomic_fetch_add(&words[9], 1);
		long result = futex(words, FUTEX_WAIT, 0, &span, NULL, 0);
		_exit(result == -1 && errno == ETIMEDOUT ? 0 : 1);
	}
	until_all_wait(words, 1);
	CHECK_EQ(futex(words, FUTEX_REQUEUE, 0, (void *)1, &words[16], 0), 1);
	abi_join(pid);
	CHECK_EQ(futex(&words[16], FUTEX_WAKE, 1, NULL, NULL, 0), 0);
}

static void wake_operation(void)
{
	atomic_int *words = shared_words();
	pid_t pid = start_waiter(words, FUTEX_BITSET_MATCH_ANY);
	int operation = FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 7);

	until_all_wait(words, 1);
	atomic_store(&words[16], 7);
	CHECK_EQ(futex(words, FUTEX_WAKE_OP, 1, (void *)1, &words[16], (unsigned)operation), 1);
	CHECK_EQ(words[16], 12);
	abi_join(pid);
	/* Or with 1 << 4. */
	operation = FUTEX_OP((FUTEX_OP_OR | FUTEX_OP_OPARG_SHIFT), 4, FUTEX_OP_CMP_LT, 0);
	CHECK_EQ(futex(words, FUTEX_WAKE_OP, 1, (void *)1, &words[16], (unsigned)operation), 0);
	CHECK_EQ(words[16], 12 | 16);
	CHECK_ERROR(futex(words, FUTEX_WAKE_OP, 1, (void *)1, &words[16], 0xff000000u), ENOSYS);
}

static void shared_over_attaches(void)
{
	int id = CHECK_OK(shmget(IPC_PRIVATE, 4096, 0600));
	atomic_int *here = shmat(id, NULL, 0), *there = shmat(id, NULL, 0);

	CHECK(here != (void *)-1 && there != (void *)-1);
	shmctl(id, IPC_RMID, NULL);
	pid_t pid = start_waiter(here, FUTEX_BITSET_MATCH_ANY);
	until_all_wait(here, 1);
	CHECK_EQ(futex(there, FUTEX_WAKE, 1, NULL, NULL, 0), 1);
	abi_join(pid);
	CHECK_OK(shmdt(here));
	CHECK_OK(shmdt(there));
}

/* Over fork, a private mapping is two: a shared futex operation does not cross. */
static void private_memory_is_not_shared(void)
{
	atomic_int *words = shared_words();
	static atomic_int word;
	struct timespec span = {0, 100000000};
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		atomic_fetch_add(&words[9], 1);
		long result = futex(&word, FUTEX_WAIT, 0, &span, NULL, 0);
		_exit(result == -1 && errno == ETIMEDOUT ? 0 : 1);
	}
	until_all_wait(words, 1);
	CHECK_EQ(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0), 0);
	abi_join(pid);
}

/* The word lies in a page that was never touched. */
static void wait_on_untouched_page(void)
{
	atomic_int *page =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	atomic_int *shared = shared_words();
	struct timespec tiny = {0, 1000000};

	CHECK_ERROR(futex(page, FUTEX_WAIT_PRIVATE, 0, &tiny, NULL, 0), ETIMEDOUT);
	CHECK_ERROR(futex(&page[1024], FUTEX_WAIT_PRIVATE, 1, &tiny, NULL, 0), EAGAIN);
	CHECK_ERROR(futex(shared, FUTEX_WAIT, 0, &tiny, NULL, 0), ETIMEDOUT);
	CHECK_ERROR(futex(&shared[4], FUTEX_WAIT, 1, &tiny, NULL, 0), EAGAIN);
}

static void on_nothing(int signal)
{
	(void)signal;
}

static void signal_interrupts_wait(void)
{
	atomic_int word = 0;
	struct sigaction action = {.sa_handler = on_nothing};
	struct timespec span = {5, 0};

	sigaction(SIGALRM, &action, NULL);
	ualarm(30000, 0);
	CHECK_ERROR(futex(&word, FUTEX_WAIT, 0, &span, NULL, 0), EINTR);
	ualarm(30000, 0);
	CHECK_ERROR(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EINTR);
}

/* ---- threads ---- */

#define THREADS 8
#define ROUNDS  2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long guarded, arrived;

static void *count_up(void *argument)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		guarded++;
		if (i % 64 == 0)
			sched_yield();
		pthread_mutex_unlock(&mutex);
	}
	return argument;
}

static void mutex_excludes(void)
{
	pthread_t threads[THREADS];
	void *result;

	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, count_up, (void *)i), 0);
	for (long i = 0; i < THREADS; i++) {
		CHECK_EQ(pthread_join(threads[i], &result), 0);
		CHECK_EQ((long)result, i);
	}
	CHECK_EQ(guarded, (long)THREADS * ROUNDS);
}

static void *wait_for_all(void *argument)
{
	pthread_mutex_lock(&mutex);
	arrived++;
	pthread_cond_broadcast(&condition);
	while (arrived < THREADS)
		pthread_cond_wait(&condition, &mutex);
	pthread_mutex_unlock(&mutex);
	return argument;
}

static void condition_broadcast(void)
{
	pthread_t threads[THREADS];

	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, wait_for_all, NULL), 0);
	for (long i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void *do_nothing(void *argument)
{
	return argument;
}

static void many_threads(void)
{
	for (int i = 0; i < 300; i++) {
		pthread_t thread;
		CHECK_EQ(pthread_create(&thread, NULL, do_nothing, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
}

static void *exit_process(void *argument)
{
	abi_sleep_ms(10);
	_exit((int)(long)argument);
}

static void exit_group_from_thread(void)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		pthread_t thread;
		pthread_create(&thread, NULL, exit_process, (void *)17L);
		for (;;)
			pause();
	}
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(WEXITSTATUS(status), 17);
}

static void *outlive_main(void *argument)
{
	abi_sleep_ms(50);
	return argument;
}

static void main_thread_may_end_first(void)
{
	int status;
	pid_t pid = CHECK_OK(fork());

	if (!pid) {
		pthread_t thread;
		pthread_create(&thread, NULL, outlive_main, NULL);
		pthread_exit(NULL);
	}
	abi_sleep_ms(20);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_OK(waitpid(pid, &status, 0));
	CHECK_EQ(status, 0);
}

static void semaphore_between_processes(void)
{
	sem_t *semaphores = (sem_t *)shared_words();

	CHECK_OK(sem_init(&semaphores[0], 1, 0));
	CHECK_OK(sem_init(&semaphores[1], 1, 0));
	pid_t pid = CHECK_OK(fork());
	for (int i = 0; i < 500; i++) {
		CHECK_OK(sem_post(&semaphores[pid ? 0 : 1]));
		CHECK_OK(sem_wait(&semaphores[pid ? 1 : 0]));
	}
	if (!pid)
		_exit(0);
	abi_join(pid);
}

static void robust_mutex(void)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)shared_words();
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	CHECK_EQ(pthread_mutex_init(lock, &attributes), 0);
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		pthread_mutex_lock(lock);
		abi_sleep_ms(50);
		kill(getpid(), SIGKILL);
	}
	abi_sleep_ms(20);
	/* Waits until the owner dies. */
	CHECK_EQ(pthread_mutex_lock(lock), EOWNERDEAD);
	CHECK_EQ(pthread_mutex_consistent(lock), 0);
	CHECK_EQ(pthread_mutex_unlock(lock), 0);
	CHECK_EQ(pthread_mutex_lock(lock), 0);
	CHECK_OK(waitpid(pid, NULL, 0));
}

/* ---- the scheduler ---- */

static void affinity(void)
{
	cpu_set_t set, one;
	unsigned cpu;

	CHECK_OK(sched_getaffinity(0, sizeof(set), &set));
	CHECK(CPU_COUNT(&set) > 0);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		CHECK_OK(sched_setaffinity(0, sizeof(one), &one));
		CHECK_OK(syscall(SYS_getcpu, &cpu, NULL, NULL));
		CHECK_EQ(cpu, i);
	}
	CHECK_OK(sched_setaffinity(0, sizeof(set), &set));
	CPU_ZERO(&one);
	CHECK_ERROR(sched_setaffinity(0, sizeof(one), &one), EINVAL);
	CHECK_ERROR(sched_setaffinity(31999, sizeof(set), &set), ESRCH);
	CHECK_ERROR(sched_getaffinity(0, 4, &set), EINVAL);
}

static void loops_share_a_cpu(void)
{
	atomic_long *counters = (atomic_long *)shared_words();
	cpu_set_t one;
	pid_t pids[3];

	CHECK_OK(sched_getaffinity(0, sizeof(one), &one));
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (CPU_ISSET(i, &one)) {
			CPU_ZERO(&one);
			CPU_SET(i, &one);
			break;
		}
	}
	for (int i = 0; i < 3; i++) {
		pids[i] = CHECK_OK(fork());
		if (!pids[i]) {
			sched_setaffinity(0, sizeof(one), &one);
			for (;;)
				atomic_fetch_add(&counters[i], 1);
		}
	}
	abi_sleep_ms(400);
	for (int i = 0; i < 3; i++)
		CHECK_OK(kill(pids[i], SIGKILL));
	for (int i = 0; i < 3; i++)
		CHECK_OK(waitpid(pids[i], NULL, 0));
	for (int i = 0; i < 3; i++)
		CHECK(counters[i] > 0);
}

static void scheduling_queries(void)
{
	struct sched_param parameter;

	CHECK_EQ(sched_getscheduler(0), SCHED_OTHER);
	CHECK_OK(sched_getparam(0, &parameter));
	CHECK_EQ(parameter.sched_priority, 0);
	CHECK_EQ(sched_get_priority_max(SCHED_FIFO), 99);
	CHECK_EQ(sched_get_priority_min(SCHED_RR), 1);
	CHECK_EQ(sched_get_priority_max(SCHED_OTHER), 0);
	CHECK_ERROR(sched_get_priority_max(77), EINVAL);
	CHECK_ERROR(sched_getscheduler(31999), ESRCH);
}

/* ---- clocks ---- */

static void clocks(void)
{
	struct timespec a, b;
	static const clockid_t ids[] = {CLOCK_REALTIME,           CLOCK_MONOTONIC,
					CLOCK_MONOTONIC_RAW,      CLOCK_BOOTTIME,
					CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID,
					CLOCK_MONOTONIC_COARSE};

	for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		CHECK_OK(clock_gettime(ids[i], &a));
		CHECK_OK(clock_gettime(ids[i], &b));
		CHECK(b.tv_sec > a.tv_sec || (b.tv_sec == a.tv_sec && b.tv_nsec >= a.tv_nsec));
		CHECK_OK(clock_getres(ids[i], &a));
	}
	CHECK_ERROR(clock_gettime(77, &a), EINVAL);
	CHECK_OK(clock_gettime(CLOCK_REALTIME, &a));
	CHECK(a.tv_sec > 1600000000);
	CHECK(labs(time(NULL) - a.tv_sec) <= 1);
}

static void sleeps(void)
{
	struct timespec before, after, span = {0, 30000000}, bad = {0, -1};

	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &before));
	CHECK_OK(nanosleep(&span, NULL));
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &after));
	CHECK((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec >=
	      30000000);
	CHECK_ERROR(nanosleep(&bad, NULL), EINVAL);
	after.tv_nsec += 20000000;
	after.tv_sec += after.tv_nsec / 1000000000;
	after.tv_nsec %= 1000000000;
	CHECK_EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &after, NULL), 0);
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &before));
	CHECK(before.tv_sec > after.tv_sec ||
	      (before.tv_sec == after.tv_sec && before.tv_nsec >= after.tv_nsec));
	CHECK_EQ(clock_nanosleep(77, 0, &span, NULL), EINVAL);
}

/* Several ticks of the clock: Linux splits user from system time by ticks. */
static void burn(void)
{
	struct timespec cpu;

	do
		CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu));
	while (cpu.tv_sec == 0 && cpu.tv_nsec < 100000000);
}

static bool cpu_used(const struct rusage *usage)
{
	return usage->ru_utime.tv_sec + usage->ru_stime.tv_sec > 0 ||
	       usage->ru_utime.tv_usec + usage->ru_stime.tv_usec > 1000;
}

static void cpu_time_counts(void)
{
	struct rusage usage;
	struct timespec cpu;
	struct tms tms;

	burn();
	CHECK_OK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu));
	CHECK(cpu.tv_sec > 0 || cpu.tv_nsec > 1000000);
	CHECK_OK(getrusage(RUSAGE_SELF, &usage));
	CHECK(cpu_used(&usage));
	CHECK(times(&tms) != -1);
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		burn();
		_exit(0);
	}
	CHECK_OK(wait4(pid, NULL, 0, &usage));
	CHECK(cpu_used(&usage));
	CHECK_OK(getrusage(RUSAGE_CHILDREN, &usage));
	CHECK(cpu_used(&usage));
}

const struct abi_case abi_cases[] = {
	CASE(wait_errors, "EAGAIN, ETIMEDOUT, EINVAL, EFAULT, ENOSYS: futex(2)"),
	CASE(absolute_deadline, "WAIT_BITSET has absolute times: futex(2)"),
	CASE(wake_counts, "as many are woken as asked for: futex(2)"),
	CASE(bitsets_choose, "only waiters with a common bit: futex(2)"),
	CASE(requeue, "CMP_REQUEUE wakes some and moves others: futex(2)"),
	CASE(moved_waiter_times_out, "a moved waiter still leaves: futex(2)"),
	CASE(wake_operation, "WAKE_OP changes one word and wakes on two: futex(2)"),
	CASE(shared_over_attaches, "one segment at two addresses is one futex: futex(2)"),
	CASE(private_memory_is_not_shared, "after fork private words are two: futex(2)"),
	CASE(wait_on_untouched_page, "the word's page need not be there yet: futex(2)"),
	CASE(signal_interrupts_wait, "EINTR by a handler: futex(2)"),
	CASE(mutex_excludes, "no count is lost under a mutex: pthread_mutex_lock(3p)"),
	CASE(condition_broadcast, "everybody arrives: pthread_cond_broadcast(3)"),
	CASE(many_threads, "three hundred threads, one after another: pthreads(7)"),
	CASE(exit_group_from_thread, "any thread ends the process: exit_group(2)"),
	CASE(main_thread_may_end_first,
	     "the process lives until its last thread ends: pthread_exit(3)"),
	CASE(semaphore_between_processes, "process-shared semaphores: sem_init(3)"),
	CASE(robust_mutex, "EOWNERDEAD when the owner dies: pthread_mutexattr_setrobust(3)"),
	CASE(affinity, "a thread runs where it may: sched_setaffinity(2)"),
	CASE(loops_share_a_cpu, "busy loops on one CPU all get on: sched(7)"),
	CASE(scheduling_queries, "one policy: sched(7)"),
	CASE(clocks, "clocks go forward: clock_gettime(2)"),
	CASE(sleeps, "never too short; absolute: nanosleep(2)"),
	CASE(cpu_time_counts, "time on the CPU, own and children's: getrusage(2)"),
	CASES_END,
};
