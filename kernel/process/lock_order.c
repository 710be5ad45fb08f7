// SPDX-License-Identifier: MIT
/*
 * Debug builds: locks are taken with rising ranks (kernel/lib/spinlock.h).
 * Spinlocks belong to the CPU (a run lock changes threads while it is held),
 * sleeping locks to the thread. A thread takes a sleeping lock only when it
 * holds no spinlock.
 */

#include "kernel/lib/print.h"
#include "kernel/lib/spinlock.h"
#include "kernel/process/process.h"

#ifdef SAMEPAGE_DEBUG

static bool rank_sleeps(uint32_t rank)
{
	return rank <= RANK_SHM_OBJECT;
}

void lock_order_take(uint32_t rank)
{
	struct cpu *cpu = cpu_current();
	uint64_t *held = &cpu->locks_held;

	if (rank == RANK_NONE)
		return;
	if (rank_sleeps(rank)) {
		if (cpu->locks_held)
			panic("sleeping lock of rank %u under spinlocks %#lx", rank,
			      (unsigned long)cpu->locks_held);
		held = &cpu->thread->locks_held;
	} else {
		cpu->spin_depth++;
	}
	if (*held >> rank) {
		uint64_t order = *held;
		cpu->locks_held = 0; /* the panic itself takes locks */
		panic("lock order: rank %u under %#lx", rank, (unsigned long)order);
	}
	*held |= 1ull << rank;
}

void lock_order_drop(uint32_t rank)
{
	struct cpu *cpu = cpu_current();

	if (rank == RANK_NONE)
		return;
	if (rank_sleeps(rank)) {
		cpu->thread->locks_held &= ~(1ull << rank);
	} else {
		cpu->locks_held &= ~(1ull << rank);
		cpu->spin_depth--;
	}
}

#endif
