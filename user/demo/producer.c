// SPDX-License-Identifier: MIT
/*
 * Shows: two programs that share a segment. The producer writes a text, the
 * consumer (consumer.c) reads it, and the last of them to leave removes the
 * segment.
 *
 *	producer [TEXT]; consumer                    they find each other by key
 *	producer --private [TEXT] | consumer --id -  the shmid is passed on
 *
 * Exit status 0, or 1 when something failed.
 */

#include "mailbox.h"

int main(int argc, char **argv)
{
	int private = argc > 1 && !strcmp(argv[1], "--private");
	const char *text = argc > 1 + private ? argv[1 + private] : "Hello from the producer!";
	FILE *report = private ? stderr : stdout; /* standard output carries the shmid then */
	key_t key = private ? IPC_PRIVATE : MAILBOX_KEY;

	int shmid = shmget(key, sizeof(struct mailbox), IPC_CREAT | 0600);
	if (shmid < 0)
		die("producer: shmget");
	struct mailbox *mailbox = attach(shmid);
	snprintf(mailbox->text, sizeof(mailbox->text), "%s", text);
	/* Release (the default does more): whoever sees `ready` sees the text. */
	atomic_store(&mailbox->ready, 1);

	fprintf(report, "producer %d: wrote \"%s\" into segment %d\n", getpid(), text, shmid);
	if (private)
		printf("%d\n", shmid);
	int last = mailbox_leave(mailbox, shmid);
	if (last)
		fprintf(report, "producer %d: was the last user, removed segment %d\n", getpid(),
			shmid);
	return 0;
}
