// SPDX-License-Identifier: MIT
/*
 * msgsnd(2), msgrcv(2). Senders that wait are served in order of arrival, but
 * one whose message is too long for what is free does not keep a shorter one
 * behind it from going, as on Linux.
 */

#include "kernel/ipc/ipc_namespace.h"
#include "kernel/process/process.h"
#include "kernel/syscall/syscall.h"

#define TYPE_BYTES sizeof(int64_t) /* of struct msgbuf, before the text */

/* A waiter's status, beside 0 and errors. */
#define PENDING 1
#define RETRY   2 /* look again: the queue's settings changed */

struct msg_waiter {
	struct list_node node; /* [o] */
	struct thread *thread; /* [I] */
	int status;            /* [a] not on the list when it is not PENDING */
};

struct msg_sender {
	struct msg_waiter waiter;
	struct message *message; /* the queue's or a receiver's when the status is 0 */
	int32_t pid;
};

enum search { SEARCH_ANY, SEARCH_EQUAL, SEARCH_OTHER, SEARCH_LOWEST, SEARCH_POSITION };

struct msg_receiver {
	struct msg_waiter waiter;
	enum search search;
	int64_t type; /* or position */
	uint64_t max_bytes;
	int32_t pid;
	struct message *message; /* received, when the status is 0 */
};

/* ---- under the queue's lock ---- */

/* The waiter and its thread may be gone as soon as the status is set. */
static void waiter_finish(struct msg_waiter *waiter, int status)
{
	list_remove(&waiter->node);
	thread_wake(waiter->thread);
	/* Release: what was done for the waiter is done before it goes on. */
	__atomic_store_n(&waiter->status, status, __ATOMIC_RELEASE);
}

static bool fits(const struct msg_queue *queue, const struct message *message)
{
	return queue->byte_count + message->size_bytes <= queue->byte_limit &&
	       queue->message_count + 1 <= queue->byte_limit;
}

static bool matches(const struct message *message, const struct msg_receiver *receiver)
{
	switch (receiver->search) {
	case SEARCH_EQUAL:
		return message->type == receiver->type;
	case SEARCH_OTHER:
		return message->type != receiver->type;
	case SEARCH_LOWEST:
		return message->type <= receiver->type;
	default:
		return true;
	}
}

/* To a receiver that waits for it. Those for whom it is too long have failed then. */
static bool hand_over(struct msg_queue *queue, struct message *message)
{
	list_for_each_safe (node, &queue->receivers) {
		struct msg_receiver *receiver =
			container_of(node, struct msg_receiver, waiter.node);
		if (!matches(message, receiver))
			continue;
		if (receiver->max_bytes < message->size_bytes) {
			waiter_finish(&receiver->waiter, -E2BIG);
			continue;
		}
		queue->lrpid = receiver->waiter.thread->tid; /* the thread's, as on Linux */
		queue->rtime = ipc_now();
		receiver->message = message;
		waiter_finish(&receiver->waiter, 0);
		return true;
	}
	return false;
}

static void queue_send(struct msg_space *space, struct msg_queue *queue, struct message *message,
		       int32_t pid)
{
	queue->lspid = pid;
	queue->stime = ipc_now();
	if (hand_over(queue, message))
		return;
	list_push_back(&queue->messages, &message->node);
	queue->byte_count += message->size_bytes;
	queue->message_count++;
	__atomic_fetch_add(&space->bytes, message->size_bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&space->count, 1, __ATOMIC_RELAXED);
}

/* Something was taken: senders whose messages fit now have sent them. */
static void senders_serve(struct msg_space *space, struct msg_queue *queue)
{
	list_for_each_safe (node, &queue->senders) {
		struct msg_sender *sender = container_of(node, struct msg_sender, waiter.node);
		if (!fits(queue, sender->message))
			continue;
		queue_send(space, queue, sender->message, sender->pid);
		waiter_finish(&sender->waiter, 0);
	}
}

static struct message *message_find(const struct msg_queue *queue,
				    const struct msg_receiver *receiver)
{
	struct message *lowest = NULL;
	int64_t position = 0;

	list_for_each (node, &queue->messages) {
		struct message *message = container_of(node, struct message, node);
		if (receiver->search == SEARCH_POSITION && position++ != receiver->type)
			continue;
		if (!matches(message, receiver))
			continue;
		if (receiver->search != SEARCH_LOWEST)
			return message;
		if (!lowest || message->type < lowest->type)
			lowest = message;
		if (lowest->type == 1)
			break;
	}
	return lowest;
}

static void queue_take(struct msg_space *space, struct msg_queue *queue, struct message *message,
		       int32_t pid)
{
	list_remove(&message->node);
	queue->byte_count -= message->size_bytes;
	queue->message_count--;
	__atomic_fetch_sub(&space->bytes, message->size_bytes, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&space->count, 1, __ATOMIC_RELAXED);
	queue->lrpid = pid;
	queue->rtime = ipc_now();
	senders_serve(space, queue);
}

void msg_changed(struct msg_queue *queue)
{
	list_for_each_safe (node, &queue->receivers)
		waiter_finish(container_of(node, struct msg_waiter, node), RETRY);
	list_for_each_safe (node, &queue->senders) {
		struct msg_sender *sender = container_of(node, struct msg_sender, waiter.node);
		if (fits(queue, sender->message))
			waiter_finish(&sender->waiter, RETRY);
	}
}

void msg_expel(struct msg_queue *queue)
{
	list_for_each_safe (node, &queue->receivers)
		waiter_finish(container_of(node, struct msg_waiter, node), -EIDRM);
	list_for_each_safe (node, &queue->senders)
		waiter_finish(container_of(node, struct msg_waiter, node), -EIDRM);
}

/* ---- waiting ---- */

/*
 * => queue locked by caller; unlocked for the wait. RETRY: locked again, else
 * not. A restart, if no handler runs, does all from the beginning.
 */
static int waiter_sleep(struct msg_queue *queue, struct list_node *list, struct msg_waiter *waiter)
{
	int status;

	waiter->thread = thread_current();
	waiter->status = PENDING;
	list_push_back(list, &waiter->node);
	ipc_object_get(&queue->object);
	ipc_object_unlock(&queue->object);
	for (;;) {
		int err = thread_sleep(WAIT_FOREVER, WAIT_INTERRUPTIBLE);
		status = __atomic_load_n(&waiter->status, __ATOMIC_ACQUIRE);
		if (status != PENDING)
			break;
		/* Somebody may be about to set it, under the lock. */
		ipc_object_lock(&queue->object);
		status = waiter->status;
		if (status == PENDING && err) {
			list_remove(&waiter->node);
			status = -ERESTARTNOHAND;
		}
		ipc_object_unlock(&queue->object);
		if (status != PENDING)
			break;
	}
	if (status == RETRY) {
		ipc_object_lock(&queue->object);
		if (!queue->object.removed) {
			(void)ipc_object_put(&queue->object); /* the table has one too */
			return RETRY;
		}
		ipc_object_unlock(&queue->object);
		status = -EIDRM;
	}
	msg_queue_put(queue);
	return status;
}

/* ---- msgsnd ---- */

static int send(struct msg_space *space, int32_t id, struct message *message, int flags)
{
	struct msg_queue *queue = msg_queue_of(ipc_find(&space->table, id));
	struct msg_sender sender = {.message = message, .pid = process_current()->pid};
	int status = RETRY;

	if (!queue)
		return -EINVAL;
	while (status == RETRY) {
		if (!ipc_permits(&queue->object, 0222)) {
			status = -EACCES;
		} else if (fits(queue, message)) {
			queue_send(space, queue, message, sender.pid);
			status = 0;
		} else if (flags & IPC_NOWAIT) {
			status = -EAGAIN;
		} else {
			status = waiter_sleep(queue, &queue->senders, &sender.waiter);
			if (status != RETRY)
				return status;
		}
	}
	ipc_object_unlock(&queue->object);
	return status;
}

/* msgsnd(msqid, message, size, flags) */
long sys_msgsnd(const uint64_t *argument)
{
	struct msg_space *space = &thread_current()->ipc->msg;
	int32_t id = (int32_t)argument[0];
	uint64_t size_bytes = argument[2];
	struct message *message;
	int64_t type;

	if (copy_from_user(&type, argument[1], sizeof(type)))
		return -EFAULT;
	if (size_bytes > (uint64_t)__atomic_load_n(&space->max_bytes, __ATOMIC_RELAXED) || id < 0)
		return -EINVAL;
	if (type < 1)
		return -EINVAL;
	int err = message_load(argument[1] + TYPE_BYTES, size_bytes, &message);
	if (err)
		return err;
	message->type = type;
	err = send(space, id, message, (int)argument[3]);
	if (err)
		message_free(message);
	return err;
}

/* ---- msgrcv ---- */

static void search_set(struct msg_receiver *receiver, int64_t type, int flags)
{
	receiver->type = type;
	if (flags & MSG_COPY) {
		receiver->search = SEARCH_POSITION;
	} else if (!type) {
		receiver->search = SEARCH_ANY;
	} else if (type < 0) {
		receiver->search = SEARCH_LOWEST;
		receiver->type = type == INT64_MIN ? INT64_MAX : -type;
	} else {
		receiver->search = flags & MSG_EXCEPT ? SEARCH_OTHER : SEARCH_EQUAL;
	}
}

/*
 * A message was found: take it, or, with `copy`, overwrite that and its size.
 * => queue locked by caller
 */
static int found(struct msg_space *space, struct msg_queue *queue, struct msg_receiver *receiver,
		 struct message *message, struct message *copy)
{
	if (message->size_bytes > receiver->max_bytes)
		return -E2BIG;
	if (!copy) {
		queue_take(space, queue, message, receiver->pid);
		receiver->message = message;
		return 0;
	}
	if (message->size_bytes > copy->size_bytes)
		return -EINVAL;
	message_copy(copy, message);
	receiver->max_bytes = message->size_bytes; /* the copy may have more room */
	receiver->message = copy;
	return 0;
}

static int receive(struct msg_space *space, int32_t id, struct msg_receiver *receiver, int flags,
		   struct message *copy)
{
	struct msg_queue *queue = msg_queue_of(ipc_find(&space->table, id));
	int status = RETRY;

	if (!queue)
		return -EINVAL;
	while (status == RETRY) {
		struct message *message = NULL;
		bool permitted = ipc_permits(&queue->object, 0444);
		if (permitted)
			message = message_find(queue, receiver);
		if (!permitted) {
			status = -EACCES;
		} else if (message) {
			status = found(space, queue, receiver, message, copy);
		} else if (flags & IPC_NOWAIT) {
			status = -ENOMSG;
		} else {
			status = waiter_sleep(queue, &queue->receivers, &receiver->waiter);
			if (status != RETRY)
				return status;
		}
	}
	ipc_object_unlock(&queue->object);
	return status;
}

/* To the program: the size, or -EFAULT. The message is gone either way. */
static long deliver(const struct message *message, uint64_t to, uint64_t room_bytes)
{
	uint64_t size_bytes = message->size_bytes < room_bytes ? message->size_bytes : room_bytes;

	if (copy_to_user(to, &message->type, sizeof(message->type)) ||
	    message_store(message, to + TYPE_BYTES, size_bytes))
		return -EFAULT;
	return (long)size_bytes;
}

/* msgrcv(msqid, message, size, type, flags) */
long sys_msgrcv(const uint64_t *argument)
{
	struct msg_space *space = &thread_current()->ipc->msg;
	int32_t id = (int32_t)argument[0];
	uint64_t room_bytes = argument[2];
	int flags = (int)argument[4];
	struct message *copy = NULL;
	struct msg_receiver receiver = {
		.max_bytes = flags & MSG_NOERROR ? UINT64_MAX : room_bytes,
		.pid = process_current()->pid,
	};

	if (id < 0 || (int64_t)room_bytes < 0)
		return -EINVAL;
	search_set(&receiver, (int64_t)argument[3], flags);
	if (flags & MSG_COPY) {
		uint64_t max = (uint64_t)__atomic_load_n(&space->max_bytes, __ATOMIC_RELAXED);
		if (flags & MSG_EXCEPT || !(flags & IPC_NOWAIT))
			return -EINVAL;
		int err = message_load(argument[1], room_bytes < max ? room_bytes : max, &copy);
		if (err)
			return err;
	}
	long result = receive(space, id, &receiver, flags, copy);
	if (!result) {
		if (copy && receiver.max_bytes < room_bytes)
			room_bytes = receiver.max_bytes;
		result = deliver(receiver.message, argument[1], room_bytes);
	}
	if (receiver.message != copy)
		message_free(receiver.message);
	message_free(copy);
	return result;
}
