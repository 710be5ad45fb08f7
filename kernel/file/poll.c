// SPDX-License-Identifier: MIT
/*
 * poll(2) and select(2): look at every descriptor, and sleep on the queues of
 * all of them until one has something. Each round looks again at all; the
 * queues are joined in the first round only.
 */

#include "abi/poll.h"
#include "abi/errno.h"
#include "abi/resource.h"
#include "arch/arch.h"
#include "kernel/file/epoll.h"
#include "kernel/file/open.h"
#include "kernel/file/poll.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

#define WAITERS_INLINE 8
#define WAITERS_CHUNK  64

struct waiter_chunk {
	struct waiter_chunk *next;
	unsigned count;
	struct waiter waiters[WAITERS_CHUNK];
};

struct poll_waiters {
	unsigned count;
	struct waiter few[WAITERS_INLINE];
	struct waiter_chunk *chunks; /* the one being filled first */
	bool no_memory;
	struct epoll_item *item; /* not NULL: its queues are asked for */
};

void poll_register(struct poll_waiters *waiters, struct wait_queue *queue)
{
	struct waiter *waiter;

	if (waiters->item) {
		epoll_register(waiters->item, queue);
		return;
	}
	if (waiters->count < WAITERS_INLINE) {
		waiter = &waiters->few[waiters->count++];
	} else {
		if (!waiters->chunks || waiters->chunks->count == WAITERS_CHUNK) {
			struct waiter_chunk *chunk = kmem_alloc(sizeof(*chunk));

			if (!chunk) {
				waiters->no_memory = true;
				return;
			}
			chunk->next = waiters->chunks;
			chunk->count = 0;
			waiters->chunks = chunk;
		}
		waiter = &waiters->chunks->waiters[waiters->chunks->count++];
	}
	waiter_add(queue, waiter);
	/* What is looked at next must not be what it was before we queued: wait.c, nobody_waits. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void waiters_remove(struct poll_waiters *waiters)
{
	for (unsigned i = 0; i < waiters->count; i++)
		waiter_remove(&waiters->few[i]);
	while (waiters->chunks) {
		struct waiter_chunk *chunk = waiters->chunks;

		for (unsigned i = 0; i < chunk->count; i++)
			waiter_remove(&chunk->waiters[i]);
		waiters->chunks = chunk->next;
		kmem_free(chunk, sizeof(*chunk));
	}
}

uint32_t poll_events(struct file *file, struct poll_waiters *waiters)
{
	uint32_t events = POLL_IN | POLL_OUT;

	if (file->operations->poll)
		events = file->operations->poll(file, waiters);
	if (events & POLL_IN)
		events |= POLLRDNORM;
	if (events & POLL_OUT)
		events |= POLLWRNORM;
	return events;
}

uint32_t poll_events_watch(struct file *file, struct epoll_item *item)
{
	struct poll_waiters waiters = {.item = item};

	return poll_events(file, &waiters);
}

long poll_wait(struct watch *watches, unsigned count, uint64_t deadline_ns)
{
	struct poll_waiters waiters = {.count = 0};
	bool first = true;
	long ready = 0;
	int err = 0;

	for (;;) {
		thread_sleep_prepare();
		for (unsigned i = 0; i < count; i++) {
			struct watch *watch = &watches[i];

			if (watch->file)
				watch->got = poll_events(watch->file, first && !ready && deadline_ns
									      ? &waiters
									      : NULL) &
					     (watch->wanted | POLL_ERR | POLL_HUP);
			if (watch->got)
				ready++;
		}
		first = false;
		if (ready || err || !deadline_ns)
			break;
		err = waiters.no_memory ? -ENOMEM : thread_sleep(deadline_ns, WAIT_INTERRUPTIBLE);
	}
	waiters_remove(&waiters);
	if (ready)
		return ready;
	return err == -ETIMEDOUT ? 0 : err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

/* ---- poll(2) ---- */

#define WATCHES_ON_STACK 16

struct poll_set {
	struct abi_pollfd *entries;
	struct watch *watches;
	unsigned count;
};

static long poll_run(struct poll_set *set, uint64_t address, uint64_t deadline_ns)
{
	for (unsigned i = 0; i < set->count; i++) {
		struct abi_pollfd *entry = &set->entries[i];
		struct watch *watch = &set->watches[i];

		watch->file = entry->fd < 0 ? NULL : fd_file(entry->fd);
		watch->wanted = (uint16_t)entry->events;
		watch->got = !watch->file && entry->fd >= 0 ? POLLNVAL : 0;
	}
	long result = poll_wait(set->watches, set->count, deadline_ns);
	for (unsigned i = 0; i < set->count; i++) {
		set->entries[i].revents = (int16_t)set->watches[i].got;
		if (set->watches[i].file)
			file_put(set->watches[i].file);
	}
	if (result >= 0 && copy_to_user(address, set->entries, set->count * sizeof(*set->entries)))
		result = -EFAULT;
	return result;
}

static long poll_call(uint64_t address, uint64_t count, uint64_t deadline_ns)
{
	struct abi_pollfd few_entries[WATCHES_ON_STACK];
	struct watch few_watches[WATCHES_ON_STACK];
	struct poll_set set = {few_entries, few_watches, (unsigned)count};
	size_t entries_bytes = count * sizeof(*set.entries);
	size_t watches_bytes = count * sizeof(*set.watches);
	long result = -ENOMEM;

	if (count > process_current()->limits[RLIMIT_NOFILE][0])
		return -EINVAL;
	if (count > WATCHES_ON_STACK) {
		set.entries = kmem_alloc(entries_bytes);
		set.watches = kmem_alloc(watches_bytes);
	}
	if (set.entries && set.watches) {
		result = -EFAULT;
		if (!copy_from_user(set.entries, address, entries_bytes))
			result = poll_run(&set, address, deadline_ns);
	}
	if (count > WATCHES_ON_STACK) {
		kmem_free(set.entries, entries_bytes);
		kmem_free(set.watches, watches_bytes);
	}
	return result;
}

long sys_poll(const uint64_t *argument)
{
	int32_t ms = (int32_t)argument[2];
	uint64_t deadline =
		ms < 0 ? WAIT_FOREVER
		       : poll_deadline_after((uint64_t)ms / 1000, (uint64_t)ms % 1000 * 1000000);

	return poll_call(argument[0], (uint32_t)argument[1], deadline);
}

long sys_ppoll(const uint64_t *argument)
{
	uint64_t deadline;
	int err = poll_deadline_from_user(argument[2], &deadline);

	if (!err)
		err = poll_mask_set(argument[3], argument[4]);
	if (err)
		return err;
	long result = poll_call(argument[0], (uint32_t)argument[1], deadline);
	poll_time_left_to_user(argument[2], deadline);
	return result;
}
