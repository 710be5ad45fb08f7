// SPDX-License-Identifier: MIT
/*
 * Restartable sequences, rseq(2): a thread reads in its own memory on which CPU it runs,
 * and a short section of code that counts on it is sent to its abort address when
 * the thread was switched or took a signal in it.
 *
 * libc registers every thread, so a switch must stay cheap: nothing is written unless the thread is on
 * another CPU than its area says, and its memory is looked at only after a switch that interrupted
 * the program itself. WORK_RSEQ does both on the way out, where faults can be resolved. System
 * calls pay nothing. A section that makes a system call, which none may, is not aborted by a switch in it.
 *
 * mm_cid is 0 in a program of one thread, else the CPU's number: different in threads that run at the
 * same time, and below the number of CPUs, but not always the smallest such number.
 */

#include "kernel/process/rseq.h"

#include "abi/errno.h"
#include "abi/rseq.h"
#include "abi/sched.h"
#include "kernel/mm/space.h"
#include "kernel/syscall/syscall.h"

#define FIELD(thread, name) ((thread)->rseq.area + offsetof(struct abi_rseq, name))

/* mm_cid on this CPU. Whoever makes a second thread, or has one, sees another reference. */
static uint32_t concurrency_id(const struct thread *thread)
{
	bool alone = __atomic_load_n(&thread->space->references, __ATOMIC_RELAXED) == 1;

	return alone ? 0 : cpu_current()->id;
}

static void work_set(struct thread *thread)
{
	__atomic_fetch_or(&thread->work, WORK_RSEQ, __ATOMIC_RELAXED);
}

/* ---- the section ---- */

/* What Linux demands of it: -EINVAL kills the program. */
static int section_check(const struct abi_rseq_section *section, const struct thread *thread)
{
	uint64_t end = section->start_ip + section->post_commit_offset;
	uint32_t signature;

	if (section->version || section->start_ip >= mmu_user_end || end >= mmu_user_end ||
	    end < section->start_ip || section->abort_ip >= mmu_user_end)
		return -EINVAL;
	if (section->abort_ip - section->start_ip < section->post_commit_offset)
		return -EINVAL;
	/* So that no address can be made up where the thread would go on. */
	if (copy_from_user(&signature, section->abort_ip - sizeof(signature), sizeof(signature)))
		return -EFAULT;
	return signature == thread->rseq.signature ? 0 : -EINVAL;
}

static int section_forget(const struct thread *thread)
{
	return clear_user(FIELD(thread, section), sizeof(uint64_t));
}

/* If the thread is in a section, it goes on at the abort address. 0; -EFAULT, -EINVAL. */
static int section_leave(const struct thread *thread, struct trap_frame *frame)
{
	struct abi_rseq_section section;
	uint64_t address;
	uint32_t flags;

	if (copy_from_user(&address, FIELD(thread, section), sizeof(address)))
		return -EFAULT;
	if (!address)
		return 0;
	if (copy_from_user(&section, address, sizeof(section)))
		return -EFAULT;
	int err = section_check(&section, thread);
	if (err)
		return err;
	if (frame_ip(frame) - section.start_ip >= section.post_commit_offset)
		return section_forget(thread);
	/* Flags that forbade the restart are no more: Linux 6.1. */
	if (user_load_u32(&flags, FIELD(thread, flags)))
		return -EFAULT;
	if (flags || section.flags)
		return -EINVAL;
	err = section_forget(thread);
	if (!err)
		frame_set_ip(frame, section.abort_ip);
	return err;
}

/* ---- the numbers ---- */

static int numbers_update(struct thread *thread)
{
	uint32_t cpu = cpu_current()->id, id = concurrency_id(thread);
	uint32_t cpu_ids[2] = {cpu, cpu}, node_and_id[2] = {0, id};

	if (cpu == thread->rseq.cpu && id == thread->rseq.id)
		return 0;
	/* Before the area: a fault there may end on another CPU, and rseq_resume compares. */
	thread->rseq.cpu = cpu;
	thread->rseq.id = id;
	if (copy_to_user(FIELD(thread, cpu_id_start), cpu_ids, sizeof(cpu_ids)) ||
	    copy_to_user(FIELD(thread, node_id), node_and_id, sizeof(node_and_id)))
		return -EFAULT;
	return 0;
}

/* As before it was registered. */
static int numbers_reset(const struct thread *thread)
{
	static const uint32_t cpu_ids[2] = {0, RSEQ_CPU_ID_UNINITIALIZED};

	if (copy_to_user(FIELD(thread, cpu_id_start), cpu_ids, sizeof(cpu_ids)) ||
	    clear_user(FIELD(thread, node_id), 2 * sizeof(uint32_t)))
		return -EFAULT;
	return 0;
}

/* ---- when ---- */

void rseq_fork(struct thread *child, uint64_t clone_flags)
{
	struct thread *parent = thread_current();

	if (!parent->rseq.area)
		return;
	if (!(clone_flags & CLONE_VM)) {
		child->rseq = parent->rseq;
		work_set(child);
	} else if (parent->rseq.id != concurrency_id(parent)) {
		work_set(parent); /* it is not alone any more */
	}
}

void rseq_return(struct thread *thread, struct trap_frame *frame)
{
	if (!thread->rseq.area)
		return;
	if (section_leave(thread, frame) || numbers_update(thread))
		signal_force(SIGSEGV, SI_KERNEL, 0);
}

int rseq_signal(struct thread *thread, struct trap_frame *frame)
{
	return thread->rseq.area ? section_leave(thread, frame) : 0;
}

void rseq_interrupt(struct space *space, int cpu_id)
{
	for (int id = 0; id < CPUS_MAX; id++) {
		struct cpu *cpu = &cpus[id];

		if (!cpu->online || cpu == cpu_current() || (cpu_id >= 0 && cpu_id != id))
			continue;
		/* Under the lock its thread is there. A thread without an area does nothing for it. */
		spin_lock(&cpu->run_lock);
		if (__atomic_load_n(&cpu->space, __ATOMIC_RELAXED) == space)
			work_set(cpu->thread);
		spin_unlock(&cpu->run_lock);
	}
}

/* ---- the call ---- */

/* Registered already, with these? rseq(2). */
static int registered_check(const struct thread *thread, uint64_t area, uint32_t size_bytes,
			    uint32_t signature)
{
	if (thread->rseq.area != area || thread->rseq.size_bytes != size_bytes)
		return -EINVAL;
	return thread->rseq.signature == signature ? 0 : -EPERM;
}

static int area_check(uint64_t area, uint32_t size_bytes)
{
	if (size_bytes < RSEQ_BYTES_FIRST || area % RSEQ_ALIGNMENT)
		return -EINVAL;
	if (size_bytes > mmu_user_end || area > mmu_user_end - size_bytes)
		return -EFAULT;
	return 0;
}

static long area_register(struct thread *thread, const struct thread_rseq *wanted)
{
	uint64_t section;
	uint64_t at = wanted->area + offsetof(struct abi_rseq, section);
	int err = area_check(wanted->area, wanted->size_bytes);

	if (err)
		return err;
	/* A section of somebody before us means nothing. */
	if (copy_from_user(&section, at, sizeof(section)) ||
	    (section && clear_user(at, sizeof(section))))
		return -EFAULT;
	thread->rseq = *wanted;
	work_set(thread);
	return 0;
}

long sys_rseq(const uint64_t *argument)
{
	struct thread *thread = thread_current();
	uint32_t flags = (uint32_t)argument[2];
	struct thread_rseq wanted = {
		.area = argument[0],
		.size_bytes = (uint32_t)argument[1],
		.signature = (uint32_t)argument[3],
		.cpu = RSEQ_CPU_ID_UNINITIALIZED,
	};

	if (flags & ~(uint32_t)RSEQ_FLAG_UNREGISTER)
		return -EINVAL;
	if (!thread->rseq.area)
		return flags ? -EINVAL : area_register(thread, &wanted);
	int err = registered_check(thread, wanted.area, wanted.size_bytes, wanted.signature);
	if (err || !flags)
		return err ? err : -EBUSY;
	if (numbers_reset(thread))
		return -EFAULT;
	rseq_clear(thread);
	return 0;
}
