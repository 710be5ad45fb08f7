// SPDX-License-Identifier: MIT
/* The slow path of a spinlock: wait with plain loads, so that the cache line stays shared. */

#include "kernel/lib/spinlock.h"

#include "arch/arch.h"

void spin_lock_contended(struct spinlock *lock)
{
	do {
		while (spin_is_held(lock))
			cpu_relax();
	} while (__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE));
}
