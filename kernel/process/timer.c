// SPDX-License-Identifier: MIT
/*
 * The timers of each CPU. The clock is only ever set earlier: when it rings
 * before anything is due, it is set again. So the common case, a sleep that is
 * woken before its time, costs no access to the device.
 */

#include "kernel/process/timer.h"

#include "kernel/process/cpu.h"
#include "kernel/process/wait.h"

static struct timer *timer_of(struct rb_node *node)
{
	return node ? container_of(node, struct timer, node) : NULL;
}

void timer_arm(struct cpu *cpu, uint64_t when_ns)
{
	if (when_ns >= cpu->armed_ns)
		return;
	cpu->armed_ns = when_ns;
	clock_set_deadline(when_ns);
}

void timer_rearm(struct cpu *cpu)
{
	spin_lock(&cpu->timer_lock);
	uint64_t when_ns = cpu->timer_first ? cpu->timer_first->when_ns : UINT64_MAX;
	spin_unlock(&cpu->timer_lock);

	cpu->armed_ns = when_ns;
	clock_set_deadline(when_ns);
}

void timer_start(struct timer *timer, uint64_t when_ns)
{
	struct cpu *cpu = cpu_current();

	timer->when_ns = when_ns;
	spin_lock(&cpu->timer_lock);
	struct rb_node **link = &cpu->timers.node, *parent = NULL;
	while (*link) {
		parent = *link;
		link = when_ns < timer_of(parent)->when_ns ? &parent->left : &parent->right;
	}
	rb_insert(&cpu->timers, &timer->node, parent, link);
	if (!cpu->timer_first || when_ns < cpu->timer_first->when_ns)
		cpu->timer_first = timer;
	__atomic_store_n(&timer->cpu, cpu, __ATOMIC_RELEASE);
	spin_unlock(&cpu->timer_lock);
	timer_arm(cpu, when_ns);
}

static void timer_remove(struct cpu *cpu, struct timer *timer)
{
	if (cpu->timer_first == timer)
		cpu->timer_first = timer_of(rb_next(&timer->node));
	rb_remove(&cpu->timers, &timer->node);
	/* Release: who sees it stopped without the lock also sees what `fire` did before. */
	__atomic_store_n(&timer->cpu, NULL, __ATOMIC_RELEASE);
}

bool timer_stop(struct timer *timer)
{
	struct cpu *cpu = __atomic_load_n(&timer->cpu, __ATOMIC_ACQUIRE);

	if (!cpu)
		return false;
	spin_lock(&cpu->timer_lock);
	bool pending = timer->cpu == cpu;
	if (pending)
		timer_remove(cpu, timer);
	spin_unlock(&cpu->timer_lock);
	return pending;
}

void timer_fire_due(struct cpu *cpu, uint64_t now_ns)
{
	spin_lock(&cpu->timer_lock);
	for (struct timer *timer = cpu->timer_first; timer && timer->when_ns <= now_ns;
	     timer = cpu->timer_first) {
		/* Removed last: timer_stop must find it here, and wait, until fire is through. */
		timer->fire(timer);
		timer_remove(cpu, timer);
	}
	spin_unlock(&cpu->timer_lock);
}
