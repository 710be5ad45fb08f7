/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_IPC_MSG_H
#define KERNEL_IPC_MSG_H

/*
 * Message queues. One lock for each queue. A receiver that finds nothing and a
 * sender that finds the queue full leave word of what they want on the queue's
 * lists; whoever sends or receives serves them: a message goes straight to the
 * receiver, a sender's message into the queue. So a wake-up is never in vain.
 *
 * [I] immutable, [a] atomic, [o] the queue's lock.
 */

#include "abi/msg.h"
#include "kernel/ipc/object.h"
#include "kernel/lib/list.h"

/* The queues of one IPC namespace. */
struct msg_space {
	struct ipc_table table;
	int32_t max_bytes, queue_bytes, queue_limit; /* [a] kernel.msgmax, msgmnb, msgmni */
	int64_t bytes, count;                        /* [a] in all queues: MSG_INFO */
};

/* A message: its text in parts, none larger than a page, so that memory need not be in one piece. */
struct message_part {
	struct message_part *next;
	uint8_t text[];
};

struct message {
	struct list_node node; /* [o] */
	int64_t type;
	uint64_t size_bytes;
	struct message_part *more; /* the text after what stands here */
	uint8_t text[];
};

struct msg_queue {
	struct ipc_object object;            /* first */
	struct list_node messages;           /* [o] oldest first */
	struct list_node receivers, senders; /* [o] in order of arrival */
	uint64_t byte_count, message_count;  /* [o] */
	uint64_t byte_limit;                 /* [o] qbytes; of messages too */
	int64_t stime, rtime;                /* [o] */
	int32_t lspid, lrpid;                /* [o] */
};

void msg_space_init(struct msg_space *space);
/* Remove all queues: nobody uses the namespace any more. */
void msg_space_release(struct msg_space *space);

static inline struct msg_queue *msg_queue_of(struct ipc_object *object)
{
	return (struct msg_queue *)object;
}
void msg_queue_put(struct msg_queue *queue);

/* ---- message.c ---- */

/* A message with the program's text: 0; -ENOMEM; -EFAULT. No locks. */
int message_load(uint64_t from, uint64_t size_bytes, struct message **message);
/* Its first bytes to the program: 0, -EFAULT. No locks. */
int message_store(const struct message *message, uint64_t to, uint64_t size_bytes);
/* The same text again, no longer than `message`, which was loaded to be overwritten. Any locks. */
void message_copy(struct message *message, const struct message *from);
void message_free(struct message *message); /* NULL is fine */

/* ---- msgop.c: queue locked ---- */

/* The limit may have grown and the mode have changed: who waits looks again. */
void msg_changed(struct msg_queue *queue);
/* Everyone who waits gets -EIDRM. */
void msg_expel(struct msg_queue *queue);

#endif
