// SPDX-License-Identifier: MIT
/*
 * The scheduler: a round-robin queue for each CPU, with time slices that end
 * only where others wait.
 *
 * A thread is running (cpu->thread), queued (in_run_queue), sleeping, or on its
 * way: taken from one place by somebody who will queue it in another. The run
 * lock of its CPU is held while it changes between them, and across the switch
 * itself: who takes a CPU's run lock finds the registers of every thread that
 * does not run there saved. A waker chooses the CPU: the one that the thread ran
 * on if it is idle, else an idle one, else the first again. A CPU without work
 * looks at the others' queues before it idles.
 *
 * Known gaps: CPUs that all have work are not balanced; no priorities.
 */

#include "abi/errno.h"
#include "kernel/lib/print.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/futex.h"
#include "kernel/process/process.h"
#include "kernel/process/rseq.h"
#include "kernel/process/thread.h"

#define SLICE_NS 4000000ull

struct cpu cpus[CPUS_MAX];
unsigned cpu_online_count;
uint64_t cpu_online_mask;

static struct thread boot_idle;

static bool cpu_allowed(const struct thread *thread, const struct cpu *cpu)
{
	return __atomic_load_n(&thread->affinity, __ATOMIC_SEQ_CST) >> cpu->id & 1;
}

static bool cpu_is_idle(const struct cpu *cpu)
{
	return __atomic_load_n(&cpu->thread, __ATOMIC_RELAXED) == cpu->idle &&
	       !__atomic_load_n(&cpu->run_count, __ATOMIC_RELAXED);
}

/* ---- queues; run lock held ---- */

static void queue_push(struct cpu *cpu, struct thread *thread)
{
	list_push_back(&cpu->run_queue, &thread->in_run_queue);
	__atomic_store_n(&cpu->run_count, cpu->run_count + 1, __ATOMIC_RELAXED);
}

static void queue_remove(struct cpu *cpu, struct thread *thread)
{
	list_remove(&thread->in_run_queue);
	__atomic_store_n(&cpu->run_count, cpu->run_count - 1, __ATOMIC_RELAXED);
}

static struct thread *queue_pop(struct cpu *cpu)
{
	if (list_is_empty(&cpu->run_queue))
		return NULL;
	struct thread *thread = container_of(cpu->run_queue.next, struct thread, in_run_queue);
	queue_remove(cpu, thread);
	return thread;
}

/* The lock of the CPU that the thread belongs to now. */
static struct cpu *thread_cpu_lock(struct thread *thread)
{
	for (;;) {
		struct cpu *cpu = __atomic_load_n(&thread->cpu, __ATOMIC_SEQ_CST);
		spin_lock(&cpu->run_lock);
		if (__atomic_load_n(&thread->cpu, __ATOMIC_SEQ_CST) == cpu)
			return cpu;
		spin_unlock(&cpu->run_lock);
	}
}

/* ---- choosing a CPU ---- */

static struct cpu *choose_cpu(struct thread *thread, struct cpu *last)
{
	struct cpu *best = NULL;

	if (cpu_online_count == 1 || (cpu_allowed(thread, last) && cpu_is_idle(last)))
		return last;
	for (unsigned id = 0; id < CPUS_MAX; id++) {
		struct cpu *cpu = &cpus[id];
		if (!cpu->online || !cpu_allowed(thread, cpu))
			continue;
		if (cpu_is_idle(cpu))
			return cpu;
		if (!best || cpu->run_count < best->run_count)
			best = cpu;
	}
	if (!best)
		return last;
	return cpu_allowed(thread, last) && last->run_count <= best->run_count ? last : best;
}

/* Threads wait on this CPU while one runs: its slice must end. */
static void slice_arm(struct cpu *cpu)
{
	if (cpu->armed_ns <= cpu->slice_end_ns)
		return;
	uint64_t now_ns = clock_now_ns();
	if (cpu->slice_end_ns < now_ns)
		cpu->slice_end_ns = now_ns + SLICE_NS;
	timer_arm(cpu, cpu->slice_end_ns);
}

void schedule_kick(void)
{
	struct cpu *cpu = cpu_current();

	if (cpu->run_count && cpu->thread != cpu->idle)
		slice_arm(cpu);
}

void schedule_place(struct thread *thread)
{
	struct cpu *cpu = choose_cpu(thread, thread->cpu);

	for (;;) {
		__atomic_store_n(&thread->cpu, cpu, __ATOMIC_SEQ_CST);
		spin_lock(&cpu->run_lock);
		/* Under the lock: schedule_set_affinity either finds it queued or we see its mask. */
		if (cpu_allowed(thread, cpu))
			break;
		spin_unlock(&cpu->run_lock);
		cpu = choose_cpu(thread, cpu);
	}
	queue_push(cpu, thread);
	bool first = cpu->run_count == 1;
	spin_unlock(&cpu->run_lock);

	if (cpu != cpu_current()) {
		if (first)
			ipi_send(cpu->id);
	} else if (cpu->thread != cpu->idle) {
		slice_arm(cpu);
	}
}

static struct thread *steal(struct cpu *thief)
{
	for (unsigned step = 1; step < CPUS_MAX; step++) {
		struct cpu *cpu = &cpus[(thief->id + step) % CPUS_MAX];
		if (!__atomic_load_n(&cpu->run_count, __ATOMIC_RELAXED))
			continue;
		spin_lock(&cpu->run_lock);
		list_for_each (node, &cpu->run_queue) {
			struct thread *thread = container_of(node, struct thread, in_run_queue);
			if (!cpu_allowed(thread, thief))
				continue;
			queue_remove(cpu, thread);
			__atomic_store_n(&thread->cpu, thief, __ATOMIC_SEQ_CST);
			spin_unlock(&cpu->run_lock);
			return thread;
		}
		spin_unlock(&cpu->run_lock);
	}
	return NULL;
}

/* ---- switching ---- */

/* Run lock held; released by schedule_finish, on the new thread's stack. */
static void switch_to(struct cpu *cpu, struct thread *to)
{
	struct thread *from = cpu->thread;
	uint64_t now_ns = clock_now_ns();

	from->run_ns += now_ns - from->run_start_ns;
	if (from == cpu->idle)
		cpu->idle_ns += now_ns - from->run_start_ns;
	to->run_start_ns = now_ns;
	cpu->slice_end_ns = now_ns + SLICE_NS;
	cpu->switch_count++;
	if (cpu->run_count && to != cpu->idle)
		timer_arm(cpu, cpu->slice_end_ns);

	__atomic_store_n(&cpu->thread, to, __ATOMIC_RELAXED);
	if (to->space != cpu->space)
		space_switch(to->space);
	arch_thread_switch(from, to);
	schedule_finish();
	rseq_resume(from); /* it runs again */
}

void schedule_finish(void)
{
	struct cpu *cpu = cpu_current();
	struct thread *leaving = cpu->leaving;

	cpu->leaving = NULL;
	spin_unlock(&cpu->run_lock);
	if (!leaving)
		return;
	if (leaving->state == THREAD_DEAD)
		thread_put(leaving);
	else
		schedule_place(leaving);
}

void schedule_yield(void)
{
	struct cpu *cpu = cpu_current();
	struct thread *thread = cpu->thread;
	bool allowed = cpu_allowed(thread, cpu);

	if (!cpu->run_count && allowed)
		return;
	spin_lock(&cpu->run_lock);
	struct thread *next = queue_pop(cpu);
	if (!next && allowed) {
		spin_unlock(&cpu->run_lock);
		return;
	}
	if (allowed)
		queue_push(cpu, thread);
	else
		cpu->leaving = thread;
	switch_to(cpu, next ? next : cpu->idle);
}

void schedule_give_way(void)
{
	__atomic_fetch_and(&thread_current()->work, ~WORK_RESCHEDULE, __ATOMIC_SEQ_CST);
	schedule_yield();
}

void schedule_dead(void)
{
	struct cpu *cpu = cpu_current();

	spin_lock(&cpu->run_lock);
	cpu->thread->state = THREAD_DEAD;
	cpu->leaving = cpu->thread;
	struct thread *next = queue_pop(cpu);
	switch_to(cpu, next ? next : cpu->idle);
	panic("a dead thread runs");
}

void schedule_idle(void)
{
	struct cpu *cpu = cpu_current();

	for (;;) {
		struct thread *next = NULL;

		if (!cpu->run_count)
			next = steal(cpu);
		if (!next && !cpu->run_count) {
			arch_idle();
			continue;
		}
		spin_lock(&cpu->run_lock);
		if (!next)
			next = queue_pop(cpu);
		if (next)
			switch_to(cpu, next);
		else
			spin_unlock(&cpu->run_lock);
	}
}

void trap_timer(void)
{
	struct cpu *cpu = cpu_current();
	uint64_t now_ns = clock_now_ns();

	timer_fire_due(cpu, now_ns);
	timer_rearm(cpu);
	if (!cpu->run_count || cpu->thread == cpu->idle)
		return;
	if (now_ns >= cpu->slice_end_ns)
		__atomic_fetch_or(&cpu->thread->work, WORK_RESCHEDULE, __ATOMIC_RELAXED);
	else
		timer_arm(cpu, cpu->slice_end_ns);
}

/* ---- sleeping and waking ---- */

void thread_sleep_prepare(void)
{
	__atomic_store_n(&thread_current()->wake_pending, false, __ATOMIC_SEQ_CST);
}

static void thread_timer_fire(struct timer *timer)
{
	struct thread *thread = container_of(timer, struct thread, timer);

	__atomic_store_n(&thread->timed_out, true, __ATOMIC_RELAXED);
	thread_wake(thread);
}

static bool is_asleep(enum thread_state state)
{
	return state >= THREAD_SLEEPING;
}

/* Leave the CPU unless a wake-up came already. */
static void sleep_now(struct thread *thread, enum thread_state asleep)
{
	struct cpu *cpu = cpu_current();

	spin_lock(&cpu->run_lock);
	/*
	 * Sequentially consistent, as in thread_wake: of "state, then look for a
	 * wake-up" here and "wake-up, then look at the state" there, one sees the other.
	 */
	__atomic_store_n(&thread->state, asleep, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&thread->wake_pending, __ATOMIC_SEQ_CST)) {
		thread->state = THREAD_RUNNABLE;
		spin_unlock(&cpu->run_lock);
		return;
	}
	struct thread *next = queue_pop(cpu);
	switch_to(cpu, next ? next : cpu->idle);
}

static bool sleep_is_interrupted(unsigned flags)
{
	return (flags & WAIT_INTERRUPTIBLE && signal_is_pending()) ||
	       (flags & WAIT_KILLABLE && signal_kill_is_pending());
}

int thread_sleep(uint64_t deadline_ns, unsigned flags)
{
	struct thread *thread = thread_current();
	int result = 0;

	kdebug_assert(cpu_current()->spin_depth == 0);
	if (sleep_is_interrupted(flags))
		return -ERESTARTSYS;
	if (deadline_ns != WAIT_FOREVER) {
		if (clock_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		thread->timed_out = false;
		thread->timer.fire = thread_timer_fire;
		timer_start(&thread->timer, deadline_ns);
	}
	sleep_now(thread, flags & WAIT_INTERRUPTIBLE ? THREAD_SLEEPING : THREAD_UNINTERRUPTIBLE);
	if (deadline_ns != WAIT_FOREVER) {
		timer_stop(&thread->timer);
		if (thread->timed_out)
			result = -ETIMEDOUT;
	}
	__atomic_store_n(&thread->wake_pending, false, __ATOMIC_SEQ_CST);
	return sleep_is_interrupted(flags) ? -ERESTARTSYS : result;
}

void thread_wake(struct thread *thread)
{
	__atomic_store_n(&thread->wake_pending, true, __ATOMIC_SEQ_CST);
	if (!is_asleep(__atomic_load_n(&thread->state, __ATOMIC_SEQ_CST)))
		return;
	struct cpu *cpu = thread_cpu_lock(thread);
	bool sleeping = is_asleep(thread->state);
	if (sleeping)
		thread->state = THREAD_RUNNABLE; /* on its way: ours to place */
	spin_unlock(&cpu->run_lock);
	if (sleeping)
		schedule_place(thread);
}

void schedule_set_affinity(struct thread *thread, uint64_t affinity)
{
	__atomic_store_n(&thread->affinity, affinity, __ATOMIC_SEQ_CST);
	if (thread == thread_current()) {
		schedule_yield();
		return;
	}
	struct cpu *cpu = thread_cpu_lock(thread);
	bool queued = !list_is_empty(&thread->in_run_queue);
	bool move = !cpu_allowed(thread, cpu);
	bool running = cpu->thread == thread;
	if (queued && move)
		queue_remove(cpu, thread);
	if (running && move)
		__atomic_fetch_or(&thread->work, WORK_RESCHEDULE, __ATOMIC_RELAXED);
	spin_unlock(&cpu->run_lock);
	if (queued && move)
		schedule_place(thread);
	else if (running && move)
		ipi_send(cpu->id);
}

/* ---- start ---- */

uint64_t schedule_runnable_count(void)
{
	uint64_t count = 0;

	for (unsigned id = 0; id < CPUS_MAX; id++)
		if (cpus[id].online)
			count += cpus[id].run_count + (cpus[id].thread != cpus[id].idle);
	return count;
}

static void cpu_init(struct cpu *cpu, unsigned id, struct thread *idle)
{
	cpu->id = id;
	spin_init(&cpu->run_lock, RANK_RUN_QUEUE);
	spin_init(&cpu->timer_lock, RANK_TIMER);
	list_init(&cpu->run_queue);
	cpu->armed_ns = UINT64_MAX;
	cpu->idle = idle;
	cpu->thread = idle;
	idle->cpu = cpu;
	idle->affinity = 1ull << id;
	idle->state = THREAD_RUNNABLE;
}

void schedule_init(void)
{
	futex_init();
	thread_init_kernel(&boot_idle, "idle/0");
	cpu_init(&cpus[0], 0, &boot_idle);
	cpus[0].online = true;
	cpu_online_count = 1;
	cpu_online_mask = 1;
}

void schedule_start_cpus(void)
{
	for (unsigned id = 1; id < boot_info.cpu_count && id < CPUS_MAX; id++) {
		struct thread *idle = thread_create_idle(id);
		if (!idle)
			panic("no memory for the idle thread of CPU %u", id);
		cpu_init(&cpus[id], id, idle);
		if (!arch_cpu_start(id, idle)) {
			log_line("CPU %u does not start", id);
			continue;
		}
		cpus[id].online = true;
		__atomic_fetch_or(&cpu_online_mask, 1ull << id, __ATOMIC_RELAXED);
		cpu_online_count++;
	}
}
