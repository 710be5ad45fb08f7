// SPDX-License-Identifier: MIT
/*
 * Flushing. The asking CPU has stored its change; it fences, reads each CPU's
 * current space, and interrupts those that run a space it is about. A CPU that
 * switches stores its current space, fences, then loads the root. So either
 * the asker sees the new space, or the switching CPU walks the new tables.
 *
 * A request is a ticket: the target's flush_request counts up, and the asker
 * waits until flush_done has reached its ticket. One flush answers all tickets
 * drawn before it began. Who waits serves its own requests meanwhile.
 */

#include "kernel/mm/flush.h"

#include "kernel/lib/print.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"
#include "kernel/process/cpu.h"

#define PAGES_ONE_BY_ONE 8 /* more are flushed all at once */

struct flush_counters flush_counters;

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void flush_serve(void)
{
	struct cpu *cpu = cpu_current();
	/* Acquire: the changes that the askers made before they drew their tickets are seen. */
	uint32_t request = __atomic_load_n(&cpu->flush_request, __ATOMIC_ACQUIRE);

	if (request == cpu->flush_done)
		return;
	mmu_flush_user();
	/* Release: the flush is over before the askers go on. */
	__atomic_store_n(&cpu->flush_done, request, __ATOMIC_RELEASE);
}

/* Is what this CPU runs concerned? NULL: every space that maps objects is. */
static bool is_concerned(struct cpu *cpu, struct space *space)
{
	struct space *current = __atomic_load_n(&cpu->space, __ATOMIC_RELAXED);

	if (space || !current)
		return current == space && current;
	/*
	 * It may be gone while we look: then its CPU has switched, which flushed,
	 * and whatever we read here is memory and does no harm.
	 */
	return __atomic_load_n(&current->shm.mapping_count, __ATOMIC_RELAXED) != 0;
}

static void flush_others(struct space *space)
{
	struct cpu *self = cpu_current();
	uint32_t tickets[CPUS_MAX];
	unsigned asked = 0; /* bit for each CPU */

	/* Who spins for a lock that we hold does not poll: nobody may wait for a flush under one. */
	kdebug_assert(self->spin_depth == 0);
	if (cpu_online_count == 1)
		return;
	/* Our stores to the tables come before our reads of cpu->space: rule 7. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	for (unsigned i = 0; i < CPUS_MAX; i++) {
		struct cpu *cpu = &cpus[i];

		if (cpu == self || !__atomic_load_n(&cpu->online, __ATOMIC_RELAXED) ||
		    !is_concerned(cpu, space))
			continue;
		tickets[i] = __atomic_add_fetch(&cpu->flush_request, 1, __ATOMIC_ACQ_REL);
		asked |= 1u << i;
		count(&flush_counters.interrupts);
		ipi_send(i);
	}
	for (unsigned i = 0; asked; i++, asked >>= 1) {
		if (!(asked & 1))
			continue;
		while ((int32_t)(__atomic_load_n(&cpus[i].flush_done, __ATOMIC_ACQUIRE) -
				 tickets[i]) < 0) {
			ipi_poll();
			cpu_relax();
		}
	}
}

void flush_range(struct space *space, uint64_t start, uint64_t end, bool tables)
{
	count(&flush_counters.ranges);
	if (cpu_current()->space == space) {
		if (tables || end - start > PAGES_ONE_BY_ONE * PAGE_BYTES) {
			mmu_flush_user();
		} else {
			for (uint64_t address = start; address < end; address += PAGE_BYTES)
				mmu_flush_page(address);
		}
	}
	flush_others(space);
}

void flush_shared(void)
{
	count(&flush_counters.shared);
	if (is_concerned(cpu_current(), NULL))
		mmu_flush_user();
	flush_others(NULL);
}

void space_switch(struct space *space)
{
	struct cpu *cpu = cpu_current();

	if (cpu->space == space)
		return;
	__atomic_store_n(&cpu->space, space, __ATOMIC_RELAXED);
	/* The store is seen before the new tables are walked: the other half of rule 7. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	mmu_switch(space ? space->root : mmu_kernel_root);
}
