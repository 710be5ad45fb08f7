// SPDX-License-Identifier: MIT
/*
 * Threads as records: their memory, stack and references. A thread holds one
 * reference to itself, which goes after it has left its CPU for the last time.
 */

#include "kernel/process/thread.h"

#include "abi/resource.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/kmem.h"

struct process kernel_process = {
	.limits = {[0 ... 15] = {RLIM_INFINITY, RLIM_INFINITY}}, /* it unpacks the initramfs */
	.references = 1,
	.children = LIST_INIT(kernel_process.children),
	.threads = LIST_INIT(kernel_process.threads),
};

static void thread_init(struct thread *thread, const char *name)
{
	thread->references = 1;
	thread->state = THREAD_RUNNABLE;
	thread->cpu = cpu_current();
	thread->affinity = (1ull << CPUS_MAX) - 1;
	list_init(&thread->in_process);
	list_init(&thread->in_run_queue);
	list_init(&thread->signals.queue);
	string_copy(thread->name, name, sizeof(thread->name));
	thread->start_ns = clock_now_ns();
}

void thread_init_kernel(struct thread *thread, const char *name)
{
	thread_init(thread, name);
	thread->process = &kernel_process;
	thread->start_ns = 0;
}

struct thread *thread_create(const char *name)
{
	struct thread *thread = kmem_zalloc(sizeof(*thread));

	if (!thread)
		return NULL;
	uint64_t stack = frame_alloc_order(KERNEL_STACK_ORDER, 0);
	if (!stack) {
		kmem_free(thread, sizeof(*thread));
		return NULL;
	}
	thread->stack = phys_to_virt(stack);
	thread_init(thread, name);
	return thread;
}

struct thread *thread_create_idle(unsigned cpu_id)
{
	char name[16];

	format(name, sizeof(name), "idle/%u", cpu_id);
	struct thread *thread = thread_create(name);
	if (thread)
		thread->process = &kernel_process;
	return thread;
}

/* The entry of every kernel thread: its argument is in restart_data, which it never needs. */
static void kernel_thread_entry(void *argument)
{
	struct thread *thread = argument;
	void (*entry)(void *) = (void (*)(void *))thread->restart_data[0];

	schedule_finish();
	entry((void *)thread->restart_data[1]);
	schedule_dead();
}

struct thread *thread_create_kernel(const char *name, void (*entry)(void *), void *argument)
{
	struct thread *thread = thread_create(name);

	if (!thread)
		return NULL;
	thread->process = &kernel_process;
	thread->restart_data[0] = (uint64_t)entry;
	thread->restart_data[1] = (uint64_t)argument;
	arch_thread_init(thread, kernel_thread_entry, thread);
	return thread;
}

void thread_start(struct thread *thread)
{
	schedule_place(thread);
}

uint64_t thread_run_ns(const struct thread *thread)
{
	/* What runs now is counted up to now; a switch in the same moment may blur it. */
	if (__atomic_load_n(&thread->cpu->thread, __ATOMIC_RELAXED) != thread)
		return thread->run_ns;
	return thread->run_ns + clock_now_ns() - thread->run_start_ns;
}

void thread_put(struct thread *thread)
{
	/* Release and acquire: what other holders did comes before the free. */
	if (__atomic_sub_fetch(&thread->references, 1, __ATOMIC_ACQ_REL))
		return;
	if (thread->process && thread->process != &kernel_process)
		process_put(thread->process);
	arch_thread_destroy(thread);
	frame_free_order(virt_to_phys(thread->stack), KERNEL_STACK_ORDER);
	kmem_free(thread, sizeof(*thread));
}
