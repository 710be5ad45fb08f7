/* SPDX-License-Identifier: MIT */
#ifndef MAILBOX_H
#define MAILBOX_H

/* What producer.c and consumer.c agree on: how the segment is laid out and who removes it. */

#include <stdatomic.h>

#include "demo.h"

#define MAILBOX_KEY 0x5a4d5031

struct mailbox {
	atomic_int ready;   /* the text is complete */
	atomic_int leavers; /* how many of the two have finished */
	char text[1000];
};

/* The second of the two to leave is the last user, and removes the segment. */
static inline int mailbox_leave(struct mailbox *mailbox, int shmid)
{
	int last = atomic_fetch_add(&mailbox->leavers, 1) == 1;

	if (shmdt(mailbox))
		die("shmdt");
	if (last && shmctl(shmid, IPC_RMID, NULL))
		die("shmctl");
	return last;
}

#endif
