// SPDX-License-Identifier: MIT
/* Mutexes, spin locks and waiting of the simulated host, over sim_block. They check the rules. */

#include "shm/port/sim/sim.h"

/* words[0]: holder + 1. words[1]: how often somebody was woken. */
static bool mutex_free(void *mutex)
{
	return ((struct shm_mutex *)mutex)->words[0] == 0;
}

/* A thread holds one mutex of a rank at most, and all of a rank count as one. */
static uint32_t guarded_by(const struct shm_mutex *mutex)
{
	return mutex->rank == SHM_RANK_NAMESPACE ? SIM_NAMESPACE : SIM_OBJECT;
}

static void mutex_take(struct shm_mutex *mutex)
{
	mutex->words[0] = sim_thread() + 1;
	if (sim.quiet)
		return;
	sim.mutexes_held[sim_thread()][mutex->rank]++;
	sim.lock_writes[sim_thread()] |= guarded_by(mutex);
}

static void port_mutex_lock(struct shm_mutex *mutex)
{
	sim_assert(!sim.spins_held);
	sim_assert(!sim.mutexes_held[sim_thread()][SHM_RANK_OBJECT]);
	sim_assert(mutex->rank == SHM_RANK_OBJECT ||
		   !sim.mutexes_held[sim_thread()][SHM_RANK_NAMESPACE]);
	sim_assert(mutex->words[0] != sim_thread() + 1);
	sim_block("mutex", mutex_free, mutex, 0, guarded_by(mutex));
	mutex_take(mutex);
}

static bool port_mutex_try(struct shm_mutex *mutex)
{
	sim_yield(0, guarded_by(mutex));
	if (!mutex_free(mutex))
		return false;
	mutex_take(mutex);
	return true;
}

static void port_mutex_unlock(struct shm_mutex *mutex)
{
	sim_assert(mutex->words[0] == sim_thread() + 1);
	mutex->words[0] = 0;
	if (sim.quiet)
		return;
	sim.mutexes_held[sim_thread()][mutex->rank]--;
	sim.lock_writes[sim_thread()] &= ~guarded_by(mutex);
}

static void port_spin_lock(struct shm_spin *spin)
{
	sim_assert(spin->words[0] == 0);
	spin->words[0] = sim_thread() + 1;
	sim.spins_held++;
}

static void port_spin_unlock(struct shm_spin *spin)
{
	sim_assert(spin->words[0] == sim_thread() + 1);
	spin->words[0] = 0;
	sim.spins_held--;
}

static uint64_t wakes;

static bool woken(void *since)
{
	return wakes != *(uint64_t *)since;
}

static void port_wait(const void *channel, struct shm_mutex *mutex)
{
	uint64_t since = wakes;

	(void)channel; /* spurious returns are fine */
	port_mutex_unlock(mutex);
	sim_block("wait", woken, &since, 0, SIM_OBJECT);
	port_mutex_lock(mutex);
}

static void port_wake(const void *channel)
{
	(void)channel;
	wakes++;
}

static void port_interrupt_point(void)
{
	sim_assert(!sim.spins_held);
}

static uint64_t port_now_seconds(void)
{
	return 1000000 + sim.now;
}

static void port_trace(const char *line)
{
	(void)line;
}

static __attribute__((noreturn)) void port_fatal(const char *file, int line, const char *what)
{
	sim_fail(file, line, what);
}

void sim_lock_port(struct shm_port *port)
{
	port->mutex_lock = port_mutex_lock;
	port->mutex_try = port_mutex_try;
	port->mutex_unlock = port_mutex_unlock;
	port->spin_lock = port_spin_lock;
	port->spin_unlock = port_spin_unlock;
	port->wait = port_wait;
	port->wake = port_wake;
	port->interrupt_point = port_interrupt_point;
	port->now_seconds = port_now_seconds;
	port->trace = port_trace;
	port->fatal = port_fatal;
}
