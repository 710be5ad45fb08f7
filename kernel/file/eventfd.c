// SPDX-License-Identifier: MIT
/* eventfd(2): a number that is added to by writing and taken by reading. */

#include "abi/epoll.h"
#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/anonymous.h"
#include "kernel/lib/spinlock.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct spinlock lock;
	uint64_t count; /* lock */
	bool semaphore; /* [I] reading takes 1 */
	struct wait_queue queue;
};

static long eventfd_read(struct file *file, struct io *io, uint64_t *position)
{
	struct eventfd *event = file->data;
	uint64_t value = 1;
	int err = 0;

	(void)position;
	if (io->left_bytes < sizeof(value))
		return -EINVAL;
	spin_lock(&event->lock);
	while (!event->count && !err)
		err = file->flags & O_NONBLOCK ? -EAGAIN
					       : wait_sleep(&event->queue, &event->lock,
							    WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	if (!err) {
		if (!event->semaphore)
			value = event->count;
		event->count -= value;
	}
	spin_unlock(&event->lock);
	if (err)
		return err;
	wait_wake_all(&event->queue);
	return io_copy_to(io, &value, sizeof(value)) == sizeof(value) ? (long)sizeof(value)
								      : -EFAULT;
}

static long eventfd_write(struct file *file, struct io *io, uint64_t *position)
{
	struct eventfd *event = file->data;
	uint64_t value;
	int err = 0;

	(void)position;
	if (io->left_bytes < sizeof(value))
		return -EINVAL;
	if (io_copy_from(io, &value, sizeof(value)) < sizeof(value))
		return -EFAULT;
	if (value == UINT64_MAX)
		return -EINVAL;
	spin_lock(&event->lock);
	while (value > COUNT_MAX - event->count && !err)
		err = file->flags & O_NONBLOCK ? -EAGAIN
					       : wait_sleep(&event->queue, &event->lock,
							    WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	if (!err)
		event->count += value;
	spin_unlock(&event->lock);
	if (err)
		return err;
	wait_wake_all(&event->queue);
	return sizeof(value);
}

static unsigned eventfd_poll(struct file *file, struct poll_waiters *waiters)
{
	struct eventfd *event = file->data;

	if (waiters)
		poll_register(waiters, &event->queue);
	uint64_t count = __atomic_load_n(&event->count, __ATOMIC_RELAXED);
	return (count ? POLL_IN : 0) | (count < COUNT_MAX ? POLL_OUT : 0);
}

static void eventfd_release(struct file *file)
{
	kmem_free(file->data, sizeof(struct eventfd));
}

static const struct file_operations eventfd_files = {
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
};

static long eventfd_call(uint32_t count, uint32_t flags)
{
	if (flags & ~(uint32_t)(EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC))
		return -EINVAL;
	struct eventfd *event = kmem_zalloc(sizeof(*event));
	if (!event)
		return -ENOMEM;
	spin_init(&event->lock, RANK_POLL);
	wait_queue_init(&event->queue);
	event->count = count;
	event->semaphore = flags & EFD_SEMAPHORE;
	long fd = anonymous_open("[eventfd]", &eventfd_files, event, flags);
	if (fd < 0)
		kmem_free(event, sizeof(*event));
	return fd;
}

long sys_eventfd(const uint64_t *argument)
{
	return eventfd_call((uint32_t)argument[0], 0);
}

long sys_eventfd2(const uint64_t *argument)
{
	return eventfd_call((uint32_t)argument[0], (uint32_t)argument[1]);
}
