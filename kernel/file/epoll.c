// SPDX-License-Identifier: MIT
/*
 * epoll(7). An item is one descriptor that one instance watches. It stays
 * registered with its file's wait queues; a wake-up there puts it on the
 * instance's ready list, and epoll_wait looks only at what is there.
 *
 * Locks: epoll_mutex, one for all instances, for items coming, changing, going
 * and being looked at; the instance's spinlock for its ready list, which is
 * taken under the lock of whatever queue woke the item.
 *
 * Known gap: an instance cannot watch another one (Linux allows five levels).
 */

#include "kernel/file/epoll.h"

#include "abi/epoll.h"
#include "abi/errno.h"
#include "abi/poll.h"
#include "arch/arch.h"
#include "kernel/file/anonymous.h"
#include "kernel/file/open.h"
#include "kernel/file/poll.h"
#include "kernel/lib/list.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/wait.h"
#include "kernel/syscall/syscall.h"

#define QUEUES_MAX   2 /* of one file */
#define EVENTS_CHUNK 32
#define EVENTS_MAX   (INT32_MAX / 16)
#define EVENTS_KEPT  (EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE | EPOLLWAKEUP)

struct epoll {
	struct list_node items; /* epoll_mutex */
	struct spinlock lock;
	struct list_node ready; /* lock */
	bool looking; /* lock: collect has taken off what was on it, and may put it back */
	struct wait_queue queue; /* epoll_wait, and poll on the instance */
};

struct epoll_item {
	struct epoll *epoll;       /* [I] */
	struct file *file;         /* [I] no reference: it tells us when it goes */
	int fd;                    /* [I] as it was when added */
	uint32_t events;           /* epoll_mutex */
	uint64_t data;             /* epoll_mutex */
	struct list_node in_epoll; /* epoll_mutex */
	struct list_node in_file;  /* epoll_mutex */
	struct list_node in_ready; /* the instance's lock */
	bool ready;                /* the instance's lock: on that list */
	unsigned queue_count;
	struct waiter waiters[QUEUES_MAX];
};

static struct mutex epoll_mutex = MUTEX_INIT(RANK_PIPE);
static const struct file_operations epoll_files;

/* ---- the ready list ---- */

static void item_ready(struct epoll_item *item)
{
	struct epoll *epoll = item->epoll;

	spin_lock(&epoll->lock);
	if (!item->ready) {
		item->ready = true;
		list_push_back(&epoll->ready, &item->in_ready);
	}
	spin_unlock(&epoll->lock);
	wait_wake_all(&epoll->queue);
}

/* Under the lock of the file's queue. */
static void item_notify(struct waiter *waiter)
{
	struct epoll_item *item = waiter->data;

	item_ready(item);
}

void epoll_register(struct epoll_item *item, struct wait_queue *queue)
{
	if (item->queue_count == QUEUES_MAX)
		return;
	struct waiter *waiter = &item->waiters[item->queue_count++];
	waiter->data = item;
	waiter_add_notify(queue, waiter, item_notify);
}

/* What the item asks for and its file has. epoll_mutex held, so the file is there. */
static uint32_t item_events(struct epoll_item *item)
{
	return poll_events(item->file, NULL) & (item->events | POLLERR | POLLHUP) & ~EVENTS_KEPT;
}

/* ---- items ---- */

static struct epoll_item *item_find(struct epoll *epoll, struct file *file, int fd)
{
	list_for_each (node, &epoll->items) {
		struct epoll_item *item = container_of(node, struct epoll_item, in_epoll);

		if (item->file == file && item->fd == fd)
			return item;
	}
	return NULL;
}

static void item_destroy(struct epoll_item *item)
{
	for (unsigned i = 0; i < item->queue_count; i++)
		waiter_remove(&item->waiters[i]);
	spin_lock(&item->epoll->lock);
	list_remove(&item->in_ready);
	spin_unlock(&item->epoll->lock);
	list_remove(&item->in_epoll);
	list_remove(&item->in_file);
	kmem_free(item, sizeof(*item));
}

static int item_add(struct epoll *epoll, struct file *file, int fd,
		    const struct abi_epoll_event *event)
{
	struct epoll_item *item = kmem_zalloc(sizeof(*item));

	if (!item)
		return -ENOMEM;
	item->epoll = epoll;
	item->file = file;
	item->fd = fd;
	item->events = event->events;
	item->data = event->data;
	list_init(&item->in_ready);
	list_push_back(&epoll->items, &item->in_epoll);
	if (!file->epoll_items.next)
		list_init(&file->epoll_items);
	list_push_back(&file->epoll_items, &item->in_file);
	(void)poll_events_watch(file, item);
	if (item_events(item))
		item_ready(item);
	return 0;
}

void epoll_file_gone(struct file *file)
{
	mutex_lock(&epoll_mutex);
	while (!list_is_empty(&file->epoll_items))
		item_destroy(container_of(file->epoll_items.next, struct epoll_item, in_file));
	mutex_unlock(&epoll_mutex);
}

/* ---- the instance ---- */

static void epoll_release(struct file *file)
{
	struct epoll *epoll = file->data;

	mutex_lock(&epoll_mutex);
	while (!list_is_empty(&epoll->items))
		item_destroy(container_of(epoll->items.next, struct epoll_item, in_epoll));
	mutex_unlock(&epoll_mutex);
	kmem_free(epoll, sizeof(*epoll));
}

/*
 * Is nothing ready? What somebody is looking at may stay ready, and he wakes nobody when he puts it
 * back: so until he is done it counts. The instance's lock held.
 */
static bool is_quiet(const struct epoll *epoll)
{
	return list_is_empty(&epoll->ready) && !epoll->looking;
}

/* Known gap: an item whose event is gone again still makes the instance look readable once. */
static unsigned epoll_poll(struct file *file, struct poll_waiters *waiters)
{
	struct epoll *epoll = file->data;

	if (waiters)
		poll_register(waiters, &epoll->queue);
	spin_lock(&epoll->lock);
	bool quiet = is_quiet(epoll);
	spin_unlock(&epoll->lock);
	return quiet ? 0 : POLL_IN;
}

static const struct file_operations epoll_files = {
	.poll = epoll_poll,
	.release = epoll_release,
};

static long epoll_create(uint32_t flags)
{
	struct epoll *epoll = kmem_zalloc(sizeof(*epoll));

	if (!epoll)
		return -ENOMEM;
	list_init(&epoll->items);
	list_init(&epoll->ready);
	spin_init(&epoll->lock, RANK_EPOLL);
	wait_queue_init(&epoll->queue);
	spin_init(&epoll->queue.lock, RANK_EPOLL_QUEUE); /* taken under other queues' locks */
	long fd = anonymous_open("[eventpoll]", &epoll_files, epoll, flags);
	if (fd < 0)
		kmem_free(epoll, sizeof(*epoll));
	return fd;
}

long sys_epoll_create(const uint64_t *argument)
{
	return (int)argument[0] <= 0 ? -EINVAL : epoll_create(0);
}

long sys_epoll_create1(const uint64_t *argument)
{
	uint32_t flags = (uint32_t)argument[0];

	return flags & ~(uint32_t)EPOLL_CLOEXEC ? -EINVAL : epoll_create(flags);
}

/* ---- epoll_ctl(2) ---- */

static int control(struct epoll *epoll, int operation, struct file *file, int fd,
		   const struct abi_epoll_event *event)
{
	struct epoll_item *item = item_find(epoll, file, fd);

	if (operation == EPOLL_CTL_ADD)
		return item ? -EEXIST : item_add(epoll, file, fd, event);
	if (!item)
		return -ENOENT;
	if (operation == EPOLL_CTL_DEL) {
		item_destroy(item);
		return 0;
	}
	item->events = event->events;
	item->data = event->data;
	if (item_events(item))
		item_ready(item);
	return 0;
}

static bool can_watch(const struct file *file)
{
	return file->operations->poll && !S_ISREG(file->inode->mode) && !S_ISDIR(file->inode->mode);
}

static long control_files(struct file *instance, int operation, struct file *file, int fd,
			  const struct abi_epoll_event *event)
{
	if (!can_watch(file))
		return -EPERM;
	if (instance->operations != &epoll_files || file == instance ||
	    file->operations == &epoll_files)
		return -EINVAL;
	if (operation < EPOLL_CTL_ADD || operation > EPOLL_CTL_MOD)
		return -EINVAL;
	mutex_lock(&epoll_mutex);
	int err = control(instance->data, operation, file, fd, event);
	mutex_unlock(&epoll_mutex);
	return err;
}

long sys_epoll_ctl(const uint64_t *argument)
{
	int operation = (int)argument[1], fd = (int)argument[2];
	struct abi_epoll_event event = {0};
	long result = -EBADF;

	if (operation != EPOLL_CTL_DEL && copy_from_user(&event, argument[3], sizeof(event)))
		return -EFAULT;
	struct file *instance = fd_file((int)argument[0]), *file = fd_file(fd);
	if (instance && file)
		result = control_files(instance, operation, file, fd, &event);
	if (instance)
		file_put(instance);
	if (file)
		file_put(file);
	return result;
}

/* ---- epoll_wait(2) ---- */

/* One item of those that were ready. True: it has events, now in *event. epoll_mutex held. */
static bool item_look(struct epoll_item *item, struct abi_epoll_event *event)
{
	/* Off the list before looking: what comes from now on puts it there again. */
	spin_lock(&item->epoll->lock);
	list_remove(&item->in_ready);
	item->ready = false;
	spin_unlock(&item->epoll->lock);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);

	uint32_t events = item_events(item);
	if (!events)
		return false;
	*event = (struct abi_epoll_event){.events = events, .data = item->data};
	if (item->events & EPOLLONESHOT)
		item->events &= EVENTS_KEPT;
	else if (!(item->events & EPOLLET))
		item_ready(item); /* it stays ready until a look finds nothing */
	return true;
}

/* Up to `room` events. Each item that is ready now is looked at once. */
static unsigned collect(struct epoll *epoll, struct abi_epoll_event *events, unsigned room)
{
	struct list_node scan = LIST_INIT(scan);
	unsigned count = 0;

	mutex_lock(&epoll_mutex);
	spin_lock(&epoll->lock);
	while (!list_is_empty(&epoll->ready))
		list_push_back(&scan, list_pop_front(&epoll->ready));
	epoll->looking = !list_is_empty(&scan);
	spin_unlock(&epoll->lock);
	while (count < room && !list_is_empty(&scan)) {
		struct epoll_item *item = container_of(scan.next, struct epoll_item, in_ready);

		count += item_look(item, &events[count]);
	}
	spin_lock(&epoll->lock);
	while (!list_is_empty(&scan)) { /* for the next call, in their order */
		struct list_node *last = scan.previous;

		list_remove(last);
		list_push_front(&epoll->ready, last);
	}
	epoll->looking = false;
	spin_unlock(&epoll->lock);
	mutex_unlock(&epoll_mutex);
	return count;
}

static long wait_events(struct epoll *epoll, uint64_t address, unsigned room, uint64_t deadline_ns)
{
	struct abi_epoll_event events[EVENTS_CHUNK];
	unsigned count;
	int err = 0;

	if (room > EVENTS_CHUNK)
		room = EVENTS_CHUNK; /* the rest at the next call */
	while (!(count = collect(epoll, events, room)) && !err && deadline_ns) {
		spin_lock(&epoll->lock);
		if (is_quiet(epoll))
			err = wait_sleep(&epoll->queue, &epoll->lock, deadline_ns,
					 WAIT_INTERRUPTIBLE);
		spin_unlock(&epoll->lock);
	}
	if (count)
		return copy_to_user(address, events, count * sizeof(events[0])) ? -EFAULT
										: (long)count;
	return err == -ETIMEDOUT ? 0 : err == -ERESTARTSYS ? -EINTR : err;
}

static long wait_call(const uint64_t *argument, uint64_t deadline_ns)
{
	int room = (int)argument[2];
	struct file *instance;
	long result = -EINVAL;

	if (room <= 0 || room > EVENTS_MAX)
		return -EINVAL;
	instance = fd_file((int)argument[0]);
	if (!instance)
		return -EBADF;
	if (instance->operations == &epoll_files)
		result = wait_events(instance->data, argument[1], (unsigned)room, deadline_ns);
	file_put(instance);
	return result;
}

static uint64_t deadline_of_ms(uint64_t argument)
{
	int32_t ms = (int32_t)argument;

	if (ms < 0)
		return WAIT_FOREVER;
	return poll_deadline_after((uint64_t)ms / 1000, (uint64_t)ms % 1000 * 1000000);
}

long sys_epoll_wait(const uint64_t *argument)
{
	return wait_call(argument, deadline_of_ms(argument[3]));
}

long sys_epoll_pwait(const uint64_t *argument)
{
	int err = poll_mask_set(argument[4], argument[5]);

	return err ? err : wait_call(argument, deadline_of_ms(argument[3]));
}

long sys_epoll_pwait2(const uint64_t *argument)
{
	uint64_t deadline_ns;
	int err = poll_deadline_from_user(argument[3], &deadline_ns);

	if (!err)
		err = poll_mask_set(argument[4], argument[5]);
	return err ? err : wait_call(argument, deadline_ns);
}
