// SPDX-License-Identifier: MIT
/*
 * What libc builds on futexes, between processes that map the memory at
 * different addresses: mutexes, conditions, barriers, semaphores and kin.
 */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BYTES 8192

struct world {
	pthread_mutex_t mutex;
	pthread_cond_t condition;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	pthread_spinlock_t spinlock;
	sem_t semaphore;
	atomic_int word, waiting;
	volatile int count, turn;
};

static int memory;

static void *map(int fd)
{
	void *map = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	CHECK(map != MAP_FAILED);
	return map;
}

static struct world *world_create(void)
{
	memory = CHECK_OK(memfd_create("world", 0));
	CHECK_OK(ftruncate(memory, BYTES));
	return map(memory);
}

/* A child that sees the world elsewhere. 0 in it; its pid in the parent. */
static pid_t elsewhere(struct world **world)
{
	pid_t child = CHECK_OK(fork());

	if (!child) {
		struct world *old = *world;
		*world = map(memory); /* the old place is still taken */
		CHECK(*world != old);
		CHECK_OK(munmap(old, BYTES));
	}
	return child;
}

static struct timespec soon(clockid_t clock, long ms)
{
	struct timespec time;

	clock_gettime(clock, &time);
	time.tv_nsec += ms % 1000 * 1000000;
	time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

/* ---- mutexes ---- */

static void mutex_create(struct world *world, int type, int robust)
{
	pthread_mutexattr_t attribute;

	CHECK_EQ(pthread_mutexattr_init(&attribute), 0);
	CHECK_EQ(pthread_mutexattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED), 0);
	CHECK_EQ(pthread_mutexattr_settype(&attribute, type), 0);
	CHECK_EQ(pthread_mutexattr_setrobust(&attribute, robust), 0);
	CHECK_EQ(pthread_mutex_init(&world->mutex, &attribute), 0);
}

static void count_many(struct world *world)
{
	for (int i = 0; i < 300; i++) {
		CHECK_EQ(pthread_mutex_lock(&world->mutex), 0);
		int seen = world->count;
		if (i % 16 == 0)
			sched_yield();
		world->count = seen + 1;
		CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
	}
}

static void excludes(int type, int robust)
{
	struct world *world = world_create(), *mine = world;
	pid_t children[3];

	mutex_create(world, type, robust);
	for (int i = 0; i < 3; i++) {
		children[i] = elsewhere(&mine);
		if (!children[i]) {
			count_many(mine);
			_exit(0);
		}
	}
	count_many(world);
	for (int i = 0; i < 3; i++)
		abi_join(children[i]);
	CHECK_EQ(world->count, 1200);
}

static void mutex_kinds(void)
{
	excludes(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
	excludes(PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
	excludes(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	excludes(PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
}

static void mutex_rules(void)
{
	struct world *world = world_create();
	struct timespec limit = soon(CLOCK_REALTIME, 30);

	mutex_create(world, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_STALLED);
	CHECK_EQ(pthread_mutex_lock(&world->mutex), 0);
	CHECK_EQ(pthread_mutex_lock(&world->mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
	pid_t child = elsewhere(&world);
	if (!child) {
		CHECK_EQ(pthread_mutex_trylock(&world->mutex), EBUSY);
		CHECK_EQ(pthread_mutex_timedlock(&world->mutex, &limit), ETIMEDOUT);
		limit = soon(CLOCK_MONOTONIC, 30);
		CHECK_EQ(pthread_mutex_clocklock(&world->mutex, CLOCK_MONOTONIC, &limit),
			 ETIMEDOUT);
		CHECK_EQ(pthread_mutex_unlock(&world->mutex), EPERM);
		_exit(0);
	}
	abi_join(child);
	CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
	mutex_create(world, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_STALLED);
	CHECK_EQ(pthread_mutex_lock(&world->mutex), 0);
	CHECK_EQ(pthread_mutex_lock(&world->mutex), EDEADLK);
	CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(&world->mutex), EPERM);
}

/* A process ends while it holds the lock and another waits for it. */
static void die_holding(struct world *world, bool by_signal)
{
	struct world *mine = world;
	pid_t child = elsewhere(&mine);

	if (!child) {
		CHECK_EQ(pthread_mutex_lock(&mine->mutex), 0);
		atomic_store(&mine->waiting, 1);
		abi_sleep_ms(by_signal ? 10000 : 40);
		_exit(0);
	}
	while (!atomic_load(&world->waiting))
		usleep(1000);
	if (by_signal) {
		pid_t killer = CHECK_OK(fork());
		if (!killer) {
			abi_sleep_ms(40);
			_exit(kill(child, SIGKILL));
		}
	}
	CHECK_EQ(pthread_mutex_lock(&world->mutex), EOWNERDEAD);
	atomic_store(&world->waiting, 0);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void owner_death(void)
{
	struct world *world = world_create();

	mutex_create(world, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < 2; i++) {
		die_holding(world, i == 1);
		CHECK_EQ(pthread_mutex_consistent(&world->mutex), 0);
		CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
		CHECK_EQ(pthread_mutex_trylock(&world->mutex), 0);
		CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
	}
	die_holding(world, false);
	CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0); /* not made consistent */
	CHECK_EQ(pthread_mutex_lock(&world->mutex), ENOTRECOVERABLE);
	CHECK_EQ(pthread_mutex_trylock(&world->mutex), ENOTRECOVERABLE);
}

/* A kernel without priority inheritance says so, and libc with it. */
static void priority_inheritance(void)
{
	pthread_mutexattr_t attribute;
	pthread_mutex_t mutex;

	CHECK_EQ(pthread_mutexattr_init(&attribute), 0);
	CHECK_EQ(pthread_mutexattr_setprotocol(&attribute, PTHREAD_PRIO_INHERIT), 0);
	int err = pthread_mutex_init(&mutex, &attribute);
	CHECK(err == 0 || err == ENOTSUP);
	if (err)
		return;
	CHECK_EQ(pthread_mutex_lock(&mutex), 0);
	CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

/* ---- conditions ---- */

static void condition_create(struct world *world, clockid_t clock)
{
	pthread_condattr_t attribute;

	mutex_create(world, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED);
	CHECK_EQ(pthread_condattr_init(&attribute), 0);
	CHECK_EQ(pthread_condattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED), 0);
	CHECK_EQ(pthread_condattr_setclock(&attribute, clock), 0);
	CHECK_EQ(pthread_cond_init(&world->condition, &attribute), 0);
}

static void take_turns(struct world *world, int own, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		CHECK_EQ(pthread_mutex_lock(&world->mutex), 0);
		while (world->turn != own)
			CHECK_EQ(pthread_cond_wait(&world->condition, &world->mutex), 0);
		world->turn = (own + 1) % 3;
		CHECK_EQ(pthread_cond_broadcast(&world->condition), 0);
		CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
	}
}

static void conditions(void)
{
	struct world *world = world_create(), *mine = world;
	pid_t children[2];

	condition_create(world, CLOCK_MONOTONIC);
	for (int i = 0; i < 2; i++) {
		children[i] = elsewhere(&mine);
		if (!children[i]) {
			take_turns(mine, i + 1, 100);
			_exit(0);
		}
	}
	take_turns(world, 0, 100);
	abi_join(children[0]);
	abi_join(children[1]);
	CHECK_EQ(world->turn, 0);
}

static void timed_conditions(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};

	for (int i = 0; i < 2; i++) {
		struct world *world = world_create();
		condition_create(world, clocks[i]);
		CHECK_EQ(pthread_mutex_lock(&world->mutex), 0);
		struct timespec limit = soon(clocks[i], 40), now;
		CHECK_EQ(pthread_cond_timedwait(&world->condition, &world->mutex, &limit),
			 ETIMEDOUT);
		clock_gettime(clocks[i], &now);
		CHECK(now.tv_sec > limit.tv_sec ||
		      (now.tv_sec == limit.tv_sec && now.tv_nsec >= limit.tv_nsec));
		struct world *mine = world;
		pid_t child = elsewhere(&mine);
		if (!child) {
			CHECK_EQ(pthread_mutex_lock(&mine->mutex), 0);
			CHECK_EQ(pthread_cond_signal(&mine->condition), 0);
			CHECK_EQ(pthread_mutex_unlock(&mine->mutex), 0);
			_exit(0);
		}
		limit = soon(clocks[i], 10000);
		CHECK_EQ(pthread_cond_timedwait(&world->condition, &world->mutex, &limit), 0);
		CHECK_EQ(pthread_mutex_unlock(&world->mutex), 0);
		abi_join(child);
	}
}

/* ---- the others ---- */

static void read_write(struct world *world)
{
	for (int i = 0; i < 200; i++) {
		CHECK_EQ(pthread_rwlock_rdlock(&world->rwlock), 0);
		CHECK_EQ(world->count, world->turn);
		CHECK_EQ(pthread_rwlock_unlock(&world->rwlock), 0);
		CHECK_EQ(pthread_rwlock_wrlock(&world->rwlock), 0);
		world->count++;
		if (i % 16 == 0)
			sched_yield();
		world->turn++;
		CHECK_EQ(pthread_rwlock_unlock(&world->rwlock), 0);
	}
}

static void rwlocks(void)
{
	struct world *world = world_create(), *mine = world;
	pthread_rwlockattr_t attribute;
	pid_t children[2];

	CHECK_EQ(pthread_rwlockattr_init(&attribute), 0);
	CHECK_EQ(pthread_rwlockattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED), 0);
	CHECK_EQ(pthread_rwlock_init(&world->rwlock, &attribute), 0);
	for (int i = 0; i < 2; i++) {
		children[i] = elsewhere(&mine);
		if (!children[i]) {
			read_write(mine);
			_exit(0);
		}
	}
	read_write(world);
	abi_join(children[0]);
	abi_join(children[1]);
	CHECK_EQ(world->count, 600);
	CHECK_EQ(pthread_rwlock_rdlock(&world->rwlock), 0);
	pid_t child = elsewhere(&mine);
	if (!child) {
		struct timespec limit = soon(CLOCK_REALTIME, 30);
		CHECK_EQ(pthread_rwlock_trywrlock(&mine->rwlock), EBUSY);
		CHECK_EQ(pthread_rwlock_timedwrlock(&mine->rwlock, &limit), ETIMEDOUT);
		CHECK_EQ(pthread_rwlock_tryrdlock(&mine->rwlock), 0);
		_exit(0);
	}
	abi_join(child);
}

static void barriers(void)
{
	struct world *world = world_create(), *mine = world;
	pthread_barrierattr_t attribute;
	pid_t children[3];

	CHECK_EQ(pthread_barrierattr_init(&attribute), 0);
	CHECK_EQ(pthread_barrierattr_setpshared(&attribute, PTHREAD_PROCESS_SHARED), 0);
	CHECK_EQ(pthread_barrier_init(&world->barrier, &attribute, 3), 0);
	for (int i = 0; i < 3; i++) {
		children[i] = elsewhere(&mine);
		if (children[i])
			continue;
		for (int round = 1; round <= 50; round++) {
			atomic_fetch_add(&mine->word, 1);
			int result = pthread_barrier_wait(&mine->barrier);
			CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
			CHECK_EQ(atomic_load(&mine->word), 3 * round);
			pthread_barrier_wait(&mine->barrier);
		}
		_exit(0);
	}
	for (int i = 0; i < 3; i++)
		abi_join(children[i]);
}

static void spinlocks(void)
{
	struct world *world = world_create(), *mine = world;

	CHECK_EQ(pthread_spin_init(&world->spinlock, PTHREAD_PROCESS_SHARED), 0);
	pid_t child = elsewhere(&mine);
	for (int i = 0; i < 2000; i++) {
		pthread_spin_lock(&mine->spinlock);
		mine->count++;
		pthread_spin_unlock(&mine->spinlock);
	}
	if (!child)
		_exit(0);
	abi_join(child);
	CHECK_EQ(world->count, 4000);
}

static void semaphores(void)
{
	struct world *world = world_create(), *mine = world;
	struct timespec limit = soon(CLOCK_REALTIME, 30);
	int value;

	CHECK_OK(sem_init(&world->semaphore, 1, 2));
	CHECK_OK(sem_wait(&world->semaphore));
	CHECK_OK(sem_trywait(&world->semaphore));
	CHECK_ERROR(sem_trywait(&world->semaphore), EAGAIN);
	CHECK_ERROR(sem_timedwait(&world->semaphore, &limit), ETIMEDOUT);
	pid_t child = elsewhere(&mine);
	if (!child) {
		for (int i = 0; i < 100; i++)
			CHECK_OK(sem_post(&mine->semaphore));
		_exit(0);
	}
	for (int i = 0; i < 100; i++)
		CHECK_OK(sem_wait(&world->semaphore));
	CHECK_OK(sem_getvalue(&world->semaphore, &value));
	CHECK_EQ(value, 0);
	abi_join(child);
}

static void named_semaphores(void)
{
	char name[64];

	snprintf(name, sizeof(name), "/samepage-sem-%d", (int)getpid());
	CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
	sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
	CHECK(semaphore != SEM_FAILED);
	CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED && errno == EEXIST);
	pid_t child = CHECK_OK(fork());
	if (!child) {
		CHECK_OK(sem_close(semaphore));
		CHECK(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		      MAP_FAILED); /* where it was is taken */
		sem_t *mine = sem_open(name, 0);
		CHECK(mine != SEM_FAILED);
		abi_sleep_ms(30);
		CHECK_OK(sem_post(mine));
		_exit(0);
	}
	CHECK_OK(sem_wait(semaphore));
	abi_join(child);
	CHECK_OK(sem_unlink(name));
	CHECK_OK(sem_post(semaphore)); /* it lives on */
	CHECK_OK(sem_wait(semaphore));
	CHECK_ERROR(sem_unlink(name), ENOENT);
}

const struct abi_case abi_cases[] = {
	CASE(mutex_kinds, "normal, recursive, checked, robust: pthread_mutexattr_setpshared(3)"),
	CASE(mutex_rules, "EBUSY, ETIMEDOUT, EDEADLK, EPERM: pthread_mutex_lock(3)"),
	CASE(owner_death, "EOWNERDEAD, ENOTRECOVERABLE: pthread_mutex_consistent(3)"),
	CASE(priority_inheritance, "works, or is ENOTSUP: pthread_mutexattr_setprotocol(3)"),
	CASE(conditions, "everybody is woken: pthread_condattr_setpshared(3)"),
	CASE(timed_conditions, "on either clock: pthread_cond_timedwait(3)"),
	CASE(rwlocks, "many readers or one writer: pthread_rwlockattr_setpshared(3)"),
	CASE(barriers, "nobody goes on early: pthread_barrierattr_setpshared(3)"),
	CASE(spinlocks, "nothing is lost: pthread_spin_init(3)"),
	CASE(semaphores, "unnamed ones in shared memory: sem_init(3)"),
	CASE(named_semaphores, "named ones in /dev/shm: sem_open(3)"),
	CASES_END,
};
