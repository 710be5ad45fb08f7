// SPDX-License-Identifier: MIT
/*
 * timerfd_create(2). How often the timer has expired is worked out when
 * somebody asks; the kernel's timer only wakes who waits, and is started anew
 * for the next expiry by whoever reads.
 *
 * Known gap: setting the clock neither moves absolute timers of
 * CLOCK_REALTIME nor cancels them.
 */

#include "abi/epoll.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/anonymous.h"
#include "kernel/lib/list.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/time.h"
#include "kernel/process/timer.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

struct timerfd {
	struct spinlock lock;
	int clock;                     /* [I] CLOCK_* */
	uint64_t next_ns, interval_ns; /* lock; next 0: disarmed */
	struct timer timer;            /* lock to start and stop */
	struct wait_queue queue;
};

static const struct file_operations timerfd_files;

static void timerfd_fire(struct timer *timer)
{
	wait_wake_all(&container_of(timer, struct timerfd, timer)->queue);
}

static void timer_renew(struct timerfd *t)
{
	(void)timer_stop(&t->timer);
	if (t->next_ns)
		timer_start(&t->timer, t->next_ns);
}

/* Expiries that nobody has read. Lock held. */
static uint64_t expired_count(const struct timerfd *t)
{
	uint64_t now = clock_now_ns();

	if (!t->next_ns || now < t->next_ns)
		return 0;
	return t->interval_ns ? 1 + (now - t->next_ns) / t->interval_ns : 1;
}

/* Take them. Lock held. */
static uint64_t expired_take(struct timerfd *t)
{
	uint64_t count = expired_count(t);

	if (!count)
		return 0;
	t->next_ns = t->interval_ns ? t->next_ns + count * t->interval_ns : 0;
	timer_renew(t);
	return count;
}

static long timerfd_read(struct file *file, struct io *io, uint64_t *position)
{
	struct timerfd *t = file->data;
	uint64_t count;
	int err = 0;

	(void)position;
	if (io->left_bytes < sizeof(count))
		return -EINVAL;
	spin_lock(&t->lock);
	while (!(count = expired_take(t)) && !err)
		err = file->flags & O_NONBLOCK
			      ? -EAGAIN
			      : wait_sleep(&t->queue, &t->lock, WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	spin_unlock(&t->lock);
	if (!count)
		return err;
	return io_copy_to(io, &count, sizeof(count)) == sizeof(count) ? (long)sizeof(count)
								      : -EFAULT;
}

static unsigned timerfd_poll(struct file *file, struct poll_waiters *waiters)
{
	struct timerfd *t = file->data;

	if (waiters)
		poll_register(waiters, &t->queue);
	spin_lock(&t->lock);
	bool expired = expired_count(t);
	spin_unlock(&t->lock);
	return expired ? POLL_IN : 0;
}

static void timerfd_release(struct file *file)
{
	struct timerfd *t = file->data;

	(void)timer_stop(&t->timer);
	kmem_free(t, sizeof(*t));
}

static const struct file_operations timerfd_files = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long sys_timerfd_create(const uint64_t *argument)
{
	int clock = (int)argument[0];
	uint32_t flags = (uint32_t)argument[1];

	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	if (flags & ~(uint32_t)(TFD_NONBLOCK | TFD_CLOEXEC))
		return -EINVAL;
	struct timerfd *t = kmem_zalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	spin_init(&t->lock, RANK_ALARM);
	wait_queue_init(&t->queue);
	t->clock = clock;
	t->timer.fire = timerfd_fire;
	long fd = anonymous_open("[timerfd]", &timerfd_files, t, flags);
	if (fd < 0)
		kmem_free(t, sizeof(*t));
	return fd;
}

/* The file of a timer's descriptor, with a reference. 0; -EBADF, -EINVAL. */
static int timerfd_file(int fd, struct file **file)
{
	*file = fd_file(fd);
	if (!*file)
		return -EBADF;
	if ((*file)->operations == &timerfd_files)
		return 0;
	file_put(*file);
	return -EINVAL;
}

/* An itimerspec: interval, then time to the next expiry. Lock held. */
static void timerfd_state(const struct timerfd *t, uint64_t state_ns[2])
{
	uint64_t now = clock_now_ns(), next = t->next_ns;

	if (next && next <= now) /* the next one that is still to come */
		next = t->interval_ns ? next + expired_count(t) * t->interval_ns : 0;
	state_ns[0] = t->interval_ns;
	state_ns[1] = next ? next - now : 0;
}

static int state_write(uint64_t address, const uint64_t state_ns[2])
{
	int err = time_write(address, state_ns[0]);

	return err ? err : time_write(address + sizeof(struct abi_timespec), state_ns[1]);
}

long sys_timerfd_gettime(const uint64_t *argument)
{
	uint64_t state_ns[2];
	struct file *file;
	int err = timerfd_file((int)argument[0], &file);

	if (err)
		return err;
	struct timerfd *t = file->data;
	spin_lock(&t->lock);
	timerfd_state(t, state_ns);
	spin_unlock(&t->lock);
	file_put(file);
	return state_write(argument[1], state_ns);
}

long sys_timerfd_settime(const uint64_t *argument)
{
	uint32_t flags = (uint32_t)argument[1];
	uint64_t interval_ns, first_ns, old_ns[2];
	struct file *file;
	int err;

	if (flags & ~(uint32_t)(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET))
		return -EINVAL;
	err = time_read(argument[2], &interval_ns);
	if (!err)
		err = time_read(argument[2] + sizeof(struct abi_timespec), &first_ns);
	if (!err)
		err = timerfd_file((int)argument[0], &file);
	if (err)
		return err;
	struct timerfd *t = file->data;
	if (first_ns) {
		if (!(flags & TFD_TIMER_ABSTIME))
			first_ns = time_after(first_ns);
		else if (t->clock == CLOCK_REALTIME)
			first_ns = time_from_wall(first_ns);
		if (!first_ns)
			first_ns = 1; /* 0 is disarmed */
	}
	spin_lock(&t->lock);
	timerfd_state(t, old_ns);
	t->next_ns = first_ns;
	t->interval_ns = interval_ns;
	timer_renew(t);
	spin_unlock(&t->lock);
	file_put(file);
	return argument[3] ? state_write(argument[3], old_ns) : 0;
}
