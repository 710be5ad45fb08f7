// SPDX-License-Identifier: MIT
/*
 * Record locks of fcntl(2): ranges of a file that an owner holds, for reading
 * with others or for writing alone. An owner is a table of descriptors (the
 * locks of POSIX: they go when the table closes any descriptor of the file), or
 * an open file (F_OFD_*: they go with it).
 *
 * An inode's records stand by owner, first the owner who has had some for
 * longest, so that the first one in the way is the one that Linux tells of. Those
 * of one owner are sorted and do not overlap, and neighbours of one type are one
 * record. Who waits is on a list, with the owner that it waits for: following it
 * finds deadlocks.
 */

#include "abi/errno.h"
#include "abi/fcntl.h"
#include "arch/arch.h"
#include "kernel/file/fd.h"
#include "kernel/file/lock.h"
#include "kernel/file/open.h"
#include "kernel/mm/kmem.h"
#include "kernel/process/process.h"

#define RECORDS_MAX  65536 /* in all; then ENOLCK */
#define DEADLOCK_MAX 64    /* a longer chain is not followed, as on Linux */

struct record {
	struct record *next;
	int64_t start, end; /* both are in it; INT64_MAX: to the end, wherever that is */
	const void *owner;
	int32_t pid; /* for F_GETLK; -1: an open file's */
	int16_t type;
};

struct record_waiter {
	struct list_node node;
	const void *owner;
	const void *holder; /* NULL: it was woken and will look again */
};

/* One lock and one queue for all files, as for flock(2). */
static struct spinlock records_lock = SPINLOCK_INIT(RANK_FD_TABLE);
static struct wait_queue records_queue = WAIT_QUEUE_INIT(records_queue);
static struct list_node record_waiters = LIST_INIT(record_waiters); /* records_lock */
static uint32_t record_count;                                       /* [a] */

static struct record *record_create(void)
{
	struct record *record;

	if (__atomic_add_fetch(&record_count, 1, __ATOMIC_RELAXED) <= RECORDS_MAX) {
		record = kmem_alloc(sizeof(*record));
		if (record)
			return record;
	}
	__atomic_fetch_sub(&record_count, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void records_free(struct record *record)
{
	while (record) {
		struct record *next = record->next;
		kmem_free(record, sizeof(*record));
		__atomic_fetch_sub(&record_count, 1, __ATOMIC_RELAXED);
		record = next;
	}
}

/* ---- the list; records_lock held ---- */

static bool conflicts(const struct record *record, const struct record *wanted)
{
	if (wanted->type == F_UNLCK) /* F_OFD_GETLK asks for its own: Linux 6.6 */
		return record->owner == wanted->owner;
	return record->owner != wanted->owner &&
	       (record->type == F_WRLCK || wanted->type == F_WRLCK);
}

/* The first record of another owner that keeps this one out, or NULL. */
static struct record *conflict_find(struct inode *inode, const struct record *wanted)
{
	for (struct record *record = inode->records; record; record = record->next)
		if (record->start <= wanted->end && record->end >= wanted->start &&
		    conflicts(record, wanted))
			return record;
	return NULL;
}

static bool is_of(const struct record *record, const void *owner)
{
	return record && record->owner == owner;
}

/* Where the owner's records begin; without any, the end of the list. */
static struct record **owner_find(struct inode *inode, const void *owner)
{
	struct record **link = &inode->records;

	while (*link && !is_of(*link, owner))
		link = &(*link)->next;
	return link;
}

/* Where the owner's first record is that ends at the offset or behind it, or would be. */
static struct record **range_find(struct inode *inode, const void *owner, int64_t offset)
{
	struct record **link = owner_find(inode, owner);

	while (is_of(*link, owner) && (*link)->end < offset)
		link = &(*link)->next;
	return link;
}

static void move_to(struct record **link, struct record **list)
{
	struct record *record = *link;

	*link = record->next;
	record->next = *list;
	*list = record;
}

/* Does the owner have a record that the range would cut in two? */
static bool range_splits(struct inode *inode, const struct record *range)
{
	const struct record *record = *range_find(inode, range->owner, range->start);

	return is_of(record, range->owner) && record->start < range->start &&
	       record->end > range->end;
}

/*
 * Take [start, end] away from what the owner has; *spare becomes the rest
 * behind it of a record that is cut in two. What is left over goes to *gone.
 * Returns where a record of the range belongs.
 */
static struct record **range_clear(struct inode *inode, const struct record *range,
				   struct record **spare, struct record **gone)
{
	struct record **link = range_find(inode, range->owner, range->start);
	struct record *first = *link;

	if (is_of(first, range->owner) && first->start < range->start) {
		if (first->end > range->end) {
			struct record *behind = *spare;
			*spare = NULL;
			*behind = *first;
			first->next = behind;
		}
		first->end = range->start - 1;
		link = &first->next;
	}
	while (is_of(*link, range->owner) && (*link)->end <= range->end)
		move_to(link, gone);
	if (is_of(*link, range->owner) && (*link)->start <= range->end)
		(*link)->start = range->end + 1;
	return link;
}

/* What the owner has: neighbours of one type become one. */
static void neighbours_join(struct inode *inode, const void *owner, struct record **gone)
{
	struct record *record = *owner_find(inode, owner);

	while (record && is_of(record->next, owner)) {
		struct record *next = record->next;

		if (next->type == record->type && next->start == record->end + 1) {
			record->end = next->end;
			move_to(&record->next, gone);
		} else {
			record = next;
		}
	}
}

static void wake_locked(void)
{
	list_for_each (node, &record_waiters)
		container_of(node, struct record_waiter, node)->holder = NULL;
	wait_wake_all(&records_queue);
}

/* Does the holder, or whom it waits for and so on, wait for the owner? */
static bool would_deadlock(const void *owner, const void *holder)
{
	for (unsigned steps = 0; holder && steps < DEADLOCK_MAX; steps++) {
		const void *next = NULL;

		if (holder == owner)
			return true;
		list_for_each (node, &record_waiters) {
			struct record_waiter *waiter =
				container_of(node, struct record_waiter, node);
			if (waiter->owner == holder && waiter->holder)
				next = waiter->holder;
		}
		holder = next;
	}
	return false;
}

static int conflict_wait(const struct record *wanted, const struct record *conflict)
{
	struct record_waiter waiter = {.owner = wanted->owner, .holder = conflict->owner};

	if (wanted->pid >= 0 && would_deadlock(wanted->owner, conflict->owner))
		return -EDEADLK;
	list_push_back(&record_waiters, &waiter.node);
	int err = wait_sleep(&records_queue, &records_lock, WAIT_FOREVER, WAIT_INTERRUPTIBLE);
	list_remove(&waiter.node);
	return err;
}

/* ---- setting ---- */

static int record_set(struct inode *inode, const struct record *wanted, bool wait)
{
	bool unlock = wanted->type == F_UNLCK;
	bool all = unlock && wanted->start == 0 && wanted->end == INT64_MAX; /* cuts nothing */
	struct record *gone = NULL, *spare = all ? NULL : record_create(), *conflict;
	struct record *added = unlock ? NULL : record_create();
	int err = spare && added ? 0 : -ENOLCK;

	spin_lock(&records_lock);
	/* Giving up needs memory only for what is left on both sides, as fcntl(2) has it. */
	if (unlock && (spare || !range_splits(inode, wanted)))
		err = 0;
	while (!err && !unlock && (conflict = conflict_find(inode, wanted)) != NULL)
		err = wait ? conflict_wait(wanted, conflict) : -EAGAIN;
	if (!err) {
		struct record **link = range_clear(inode, wanted, &spare, &gone);
		if (!unlock) {
			*added = *wanted;
			added->next = *link;
			*link = added;
			added = NULL;
			neighbours_join(inode, wanted->owner, &gone);
		}
		wake_locked(); /* it may be less than before */
	}
	spin_unlock(&records_lock);
	records_free(gone);
	if (spare)
		spare->next = NULL;
	records_free(spare);
	if (added)
		added->next = NULL;
	records_free(added);
	return err;
}

void record_release(struct inode *inode, const void *owner)
{
	struct record *gone = NULL;

	spin_lock(&records_lock);
	for (struct record **link = owner_find(inode, owner); is_of(*link, owner);)
		move_to(link, &gone);
	if (gone)
		wake_locked();
	spin_unlock(&records_lock);
	records_free(gone);
}

/* ---- fcntl(2) ---- */

/* The program's range as first and last byte. 0; -EINVAL, -EOVERFLOW. */
static int range_read(struct file *file, const struct abi_flock *user, struct record *range)
{
	int64_t base = user->l_whence == SEEK_CUR   ? (int64_t)file->position
		       : user->l_whence == SEEK_END ? (int64_t)file_size(file)
						    : 0;
	int64_t start, end;

	if (user->l_whence < SEEK_SET || user->l_whence > SEEK_END)
		return -EINVAL;
	if (__builtin_add_overflow(base, user->l_start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	end = INT64_MAX;
	if (user->l_len > 0 && __builtin_add_overflow(start, user->l_len - 1, &end))
		return -EOVERFLOW;
	if (user->l_len < 0) {
		end = start - 1;
		start += user->l_len;
		if (start < 0)
			return -EINVAL;
	}
	range->start = start;
	range->end = end;
	return 0;
}

static int record_get(struct inode *inode, const struct record *wanted, struct abi_flock *user)
{
	spin_lock(&records_lock);
	const struct record *conflict = conflict_find(inode, wanted);
	if (conflict) {
		user->l_type = conflict->type;
		user->l_whence = SEEK_SET;
		user->l_start = conflict->start;
		user->l_len = conflict->end == INT64_MAX ? 0 : conflict->end - conflict->start + 1;
		user->l_pid = conflict->pid;
	} else {
		user->l_type = F_UNLCK;
	}
	spin_unlock(&records_lock);
	return 0;
}

/* Another thread may have closed the descriptor meanwhile, and missed the new record. */
static void closed_meanwhile(struct file *file, int fd, const void *owner)
{
	struct file *now = fd_file_any(fd);

	if (now != file)
		record_release(file->inode, owner);
	if (now)
		file_put(now);
}

long record_control(struct file *file, int fd, int command, uint64_t address)
{
	bool of_file = command >= F_OFD_GETLK, get = command == F_GETLK || command == F_OFD_GETLK;
	struct record wanted = {.owner = of_file ? (const void *)file : thread_current()->files,
				.pid = of_file ? -1 : process_current()->pid};
	struct abi_flock user;

	if (copy_from_user(&user, address, sizeof(user)))
		return -EFAULT;
	if (of_file && user.l_pid)
		return -EINVAL;
	if (get && user.l_type != F_RDLCK && user.l_type != F_WRLCK && !of_file)
		return -EINVAL;
	int err = range_read(file, &user, &wanted);
	if (err)
		return err;
	if (user.l_type < F_RDLCK || user.l_type > F_UNLCK)
		return -EINVAL;
	wanted.type = user.l_type;
	if (get) {
		(void)record_get(file->inode, &wanted, &user);
		return copy_to_user(address, &user, sizeof(user));
	}
	if ((wanted.type == F_RDLCK && !file_can_read(file)) ||
	    (wanted.type == F_WRLCK && !file_can_write(file)))
		return -EBADF;
	err = record_set(file->inode, &wanted, command == F_SETLKW || command == F_OFD_SETLKW);
	if (!err && !of_file && wanted.type != F_UNLCK)
		closed_meanwhile(file, fd, wanted.owner);
	return err;
}
