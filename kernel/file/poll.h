/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_POLL_H
#define KERNEL_FILE_POLL_H

/* What poll(2) and select(2) share. */

#include <stdint.h>

struct file;
struct epoll_item;
struct poll_waiters;

/* POLL* that hold for a file now; registers with the queues unless `waiters` is NULL. */
uint32_t poll_events(struct file *file, struct poll_waiters *waiters);
/* The same, with the queues registered for an item of epoll. */
uint32_t poll_events_watch(struct file *file, struct epoll_item *item);

/* One descriptor that is watched. The file's reference is held while waiting on its queues. */
struct watch {
	struct file *file; /* NULL: not open, or not asked for */
	uint32_t wanted;   /* POLL* */
	uint32_t got;
};

/*
 * Wait until a watch has events (in `got`, which may be set before): how many
 * have; 0: time over; -ERESTARTNOHAND; -ENOMEM. A deadline of 0: do not wait.
 */
long poll_wait(struct watch *watches, unsigned count, uint64_t deadline_ns);

/* From a duration to a deadline of clock_now_ns; 0 for no duration at all. */
uint64_t poll_deadline_after(uint64_t seconds, uint64_t ns);
/* A timespec of the caller's; NULL: forever. 0; -EFAULT, -EINVAL. */
int poll_deadline_from_user(uint64_t address, uint64_t *deadline_ns);
/* ppoll and pselect6 give back the time that is left: poll(2). */
void poll_time_left_to_user(uint64_t address, uint64_t deadline_ns);
/* The signal mask of this call; NULL: unchanged. 0; -EFAULT, -EINVAL. */
int poll_mask_set(uint64_t address, uint64_t size_bytes);

#endif
