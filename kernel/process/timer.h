/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_TIMER_H
#define KERNEL_PROCESS_TIMER_H

/*
 * Things to do at a time: a tree for each CPU, and one shot of its clock for
 * the earliest. A timer is started on the running CPU and may be stopped from
 * any. `fire` runs under the CPU's timer lock, so once timer_stop has returned
 * it does not run and will not.
 */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/rbtree.h"

struct cpu;

struct timer {
	struct rb_node node;
	uint64_t when_ns;
	struct cpu *cpu;                   /* [a] whose tree it is in; NULL: none */
	void (*fire)(struct timer *timer); /* may wake and send signals; not start timers */
};

void timer_start(struct timer *timer, uint64_t when_ns); /* must not be started */
bool timer_stop(struct timer *timer);                    /* was it still to come? */

/* For the scheduler. */
void timer_fire_due(struct cpu *cpu, uint64_t now_ns);
void timer_arm(struct cpu *cpu, uint64_t when_ns); /* this CPU's clock shall ring by then */
void timer_rearm(struct cpu *cpu);                 /* it rang: set it for the next timer */

#endif
