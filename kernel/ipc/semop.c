// SPDX-License-Identifier: MIT
/*
 * semop(2), semtimedop(2). Operations are done all together or not at all, by
 * whoever finds that they can be: the caller, or the one that changes a value
 * that a sleeper waits for. Sleepers are looked at in order of arrival, those
 * that only wait for zeros first, as on Linux. Who cannot go on does not keep
 * those behind it from going on.
 */

#include "kernel/ipc/ipc_namespace.h"
#include "kernel/mm/kmem.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"
#include "kernel/process/time.h"
#include "kernel/syscall/syscall.h"

#define OPERATIONS_FAST 16 /* on the stack; more are allocated */

/* ---- doing ---- */

/* One operation, if it can be done: 0, SEM_PENDING, -ERANGE. */
static int perform_one(struct sem_set *set, const struct abi_sembuf *operation,
		       struct sem_undo *undo)
{
	struct semaphore *semaphore = &set->semaphores[operation->sem_num];
	int32_t value = semaphore->value + operation->sem_op;

	if ((!operation->sem_op && value) || value < 0)
		return SEM_PENDING;
	if (value > SEMVMX)
		return -ERANGE;
	if (operation->sem_flg & SEM_UNDO) {
		int32_t adjust = undo->adjust[operation->sem_num] - operation->sem_op;
		if (adjust < -SEMAEM - 1 || adjust > SEMAEM)
			return -ERANGE;
		undo->adjust[operation->sem_num] = (int16_t)adjust;
	}
	semaphore->value = value;
	return 0;
}

int sem_perform(struct sem_set *set, struct sem_waiter *waiter)
{
	const struct abi_sembuf *first = waiter->operations, *operation = first;
	const struct abi_sembuf *end = first + waiter->operation_count;
	int result = 0;

	for (; operation < end; operation++) {
		result = perform_one(set, operation, waiter->undo);
		if (result)
			break;
	}
	if (!result) {
		for (operation = first; operation < end; operation++)
			set->semaphores[operation->sem_num].pid = waiter->pid;
		return 0;
	}
	if (result == SEM_PENDING) {
		waiter->blocking = operation;
		if (operation->sem_flg & IPC_NOWAIT)
			result = -EAGAIN;
	}
	while (operation-- > first) {
		set->semaphores[operation->sem_num].value -= operation->sem_op;
		if (operation->sem_flg & SEM_UNDO)
			waiter->undo->adjust[operation->sem_num] += operation->sem_op;
	}
	return result;
}

/* ---- waking ---- */

static void waiter_enter(struct sem_set *set, struct sem_waiter *waiter)
{
	list_push_back(waiter->alters ? &set->altering : &set->zeros, &waiter->node);
	if (waiter->alters && waiter->operation_count > 1)
		set->complex_count++;
}

static void waiter_leave(struct sem_set *set, struct sem_waiter *waiter)
{
	list_remove(&waiter->node);
	if (waiter->alters && waiter->operation_count > 1)
		set->complex_count--;
}

/* Off the list with a result. The waiter and its thread may be gone as soon as the status is set. */
static void waiter_finish(struct sem_set *set, struct sem_waiter *waiter, int status)
{
	waiter_leave(set, waiter);
	thread_wake(waiter->thread);
	/* Release: what was done for the waiter is done before it goes on. */
	__atomic_store_n(&waiter->status, status, __ATOMIC_RELEASE);
}

/* Is one of those semaphores 0 that the waiter's operations name, or any (NULL)? */
static bool some_zero(const struct sem_set *set, const struct sem_waiter *by)
{
	for (uint32_t i = 0; i < (by ? by->operation_count : set->count); i++)
		if (!set->semaphores[by ? by->operations[i].sem_num : i].value)
			return true;
	return false;
}

/*
 * Those that wait for zeros only: they change nothing, so once round is enough. Only if there is
 * a 0 in what `by` did, as on Linux: a look may also end them with EAGAIN, and changes which
 * operation they count for (GETZCNT). By itself, since few wait for zeros.
 */
static __attribute__((noinline)) bool update_zeros(struct sem_set *set, const struct sem_waiter *by)
{
	bool done = false;

	if (!some_zero(set, by))
		return false;
	list_for_each_safe (node, &set->zeros) {
		struct sem_waiter *waiter = container_of(node, struct sem_waiter, node);
		int result = sem_perform(set, waiter);
		if (result == SEM_PENDING)
			continue;
		waiter_finish(set, waiter, result);
		done |= !result;
	}
	return done;
}

/*
 * Once through those that change values. *again: what one of them did may let
 * one before it go on; never so if it only took from one semaphore.
 */
static bool update_altering(struct sem_set *set, bool *again)
{
	bool done = false;

	*again = false;
	list_for_each_safe (node, &set->altering) {
		struct sem_waiter *waiter = container_of(node, struct sem_waiter, node);
		int result = sem_perform(set, waiter);
		if (result == SEM_PENDING)
			continue;
		*again = !result && (waiter->operation_count > 1 || set->complex_count);
		if (!result && !list_is_empty(&set->zeros))
			update_zeros(set, waiter);
		waiter_finish(set, waiter, result);
		done |= !result;
		if (*again)
			break;
	}
	return done;
}

void sem_update(struct sem_set *set, const struct sem_waiter *by)
{
	bool done = !list_is_empty(&set->zeros) && update_zeros(set, by);

	/* Values that only fell let nobody go on who changes one value; many, who knows. */
	for (bool again = !by || by->raises || set->complex_count; again;)
		done |= update_altering(set, &again);
	if (done)
		set->otime = ipc_now();
}

void sem_expel(struct sem_set *set)
{
	list_for_each_safe (node, &set->zeros)
		waiter_finish(set, container_of(node, struct sem_waiter, node), -EIDRM);
	list_for_each_safe (node, &set->altering)
		waiter_finish(set, container_of(node, struct sem_waiter, node), -EIDRM);
}

/* ---- waiting ---- */

/* On the list, with a reference to the set, which it drops: until somebody has set the status. */
static int waiter_sleep(struct sem_set *set, struct sem_waiter *waiter, uint64_t deadline_ns)
{
	int status;

	for (;;) {
		int err = thread_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
		status = __atomic_load_n(&waiter->status, __ATOMIC_ACQUIRE);
		if (status != SEM_PENDING)
			break;
		/* Somebody may be about to set it, under the lock. */
		ipc_object_lock(&set->object);
		status = waiter->status;
		if (status == SEM_PENDING && err) {
			waiter_leave(set, waiter);
			status = err == -ETIMEDOUT ? -EAGAIN
						   : -EINTR; /* never restarted: signal(7) */
		}
		ipc_object_unlock(&set->object);
		if (status != SEM_PENDING)
			break;
	}
	sem_set_put(set);
	return status;
}

/* What can be said of operations without the set. */
struct operations_summary {
	uint32_t highest;
	bool alters, raises, undoes;
};

static struct operations_summary summarize(const struct abi_sembuf *operations, unsigned count)
{
	struct operations_summary sum = {0};

	for (const struct abi_sembuf *one = operations; one < operations + count; one++) {
		if (one->sem_num > sum.highest)
			sum.highest = one->sem_num;
		sum.alters |= one->sem_op != 0;
		sum.raises |= one->sem_op > 0;
		sum.undoes |= (one->sem_flg & SEM_UNDO) != 0;
	}
	return sum;
}

/* => set locked by caller. 0: go on. */
static int set_check(struct sem_set *set, const struct operations_summary *sum,
		     struct sem_waiter *waiter)
{
	/* First, as on Linux: sem_otime tells of the process's end even if nothing was permitted. */
	if (sum->undoes) {
		waiter->undo = sem_undo_obtain(set);
		if (!waiter->undo)
			return -ENOMEM;
	}
	if (sum->highest >= set->count)
		return -EFBIG;
	return ipc_permits(&set->object, sum->alters ? 0222 : 0444) ? 0 : -EACCES;
}

static int operate(int32_t id, const struct abi_sembuf *operations, unsigned count,
		   uint64_t deadline_ns)
{
	const struct operations_summary sum = summarize(operations, count);
	struct thread *thread = thread_current();
	struct sem_waiter waiter = {
		.thread = thread,
		.operations = operations,
		.operation_count = count,
		.alters = sum.alters,
		.raises = sum.raises,
		.pid = thread->process->pid,
		.status = SEM_PENDING,
	};
	struct sem_set *set = sem_set_of(ipc_find(&thread->ipc->sem.table, id));

	if (!set)
		return -EINVAL;
	int result = set_check(set, &sum, &waiter);
	if (!result)
		result = sem_perform(set, &waiter);
	if (!result) {
		set->otime = ipc_now();
		if (sum.alters)
			sem_update(set, &waiter);
	}
	if (result != SEM_PENDING) {
		ipc_object_unlock(&set->object);
		return result;
	}
	waiter_enter(set, &waiter);
	ipc_object_get(&set->object);
	ipc_object_unlock(&set->object);
	return waiter_sleep(set, &waiter, deadline_ns);
}

/* ---- the calls ---- */

static long operations_run(int32_t id, uint64_t from, uint32_t count, uint64_t deadline_ns,
			   struct abi_sembuf *operations)
{
	if (copy_from_user(operations, from, count * sizeof(*operations)))
		return -EFAULT;
	if (id < 0)
		return -EINVAL;
	return operate(id, operations, count, deadline_ns);
}

/* `late`: an error that is told when all that comes before it was right. */
static long operations_read(const uint64_t *argument, uint64_t deadline_ns, int late)
{
	struct abi_sembuf fast[OPERATIONS_FAST], *many;
	int32_t id = (int32_t)argument[0];
	uint32_t count = (uint32_t)argument[2];
	int32_t *limit = &thread_current()->ipc->sem.limits[LIMIT_SEMOPM];

	if (count > (uint32_t)__atomic_load_n(limit, __ATOMIC_RELAXED))
		return -E2BIG;
	if (count < 1)
		return -EINVAL;
	if (count <= OPERATIONS_FAST && !late)
		return operations_run(id, argument[1], count, deadline_ns, fast);
	many = kmem_alloc(count * sizeof(*many));
	if (!many)
		return -ENOMEM;
	long result = late;
	if (copy_from_user(many, argument[1], count * sizeof(*many)))
		result = -EFAULT;
	else if (!late)
		result = operations_run(id, argument[1], count, deadline_ns, many);
	kmem_free(many, count * sizeof(*many));
	return result;
}

/* semop(semid, operations, count) */
long sys_semop(const uint64_t *argument)
{
	return operations_read(argument, WAIT_FOREVER, 0);
}

/* semtimedop(semid, operations, count, timeout) */
long sys_semtimedop(const uint64_t *argument)
{
	uint64_t deadline_ns = WAIT_FOREVER;
	int err = argument[3] ? time_read_deadline(argument[3], &deadline_ns) : 0;

	if (err == -EFAULT)
		return err;
	return operations_read(argument, deadline_ns, err);
}
