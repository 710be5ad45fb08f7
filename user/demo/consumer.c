// SPDX-License-Identifier: MIT
/*
 * Shows: the other side of producer.c. Finds the segment by key, or takes its
 * shmid from the command line (`-`: from standard input), waits until the text
 * is there, and prints it.
 *
 *	consumer             by key
 *	consumer --id ID     by shmid
 *
 * Exit status 0, or 1 when something failed.
 */

#include <sched.h>

#include "mailbox.h"

static int find_segment(int argc, char **argv)
{
	int shmid;

	if (argc == 3 && !strcmp(argv[1], "--id")) {
		if (strcmp(argv[2], "-"))
			return atoi(argv[2]);
		if (scanf("%d", &shmid) != 1) {
			fprintf(stderr, "consumer: no shmid on standard input\n");
			exit(1);
		}
		return shmid;
	}
	shmid = shmget(MAILBOX_KEY, sizeof(struct mailbox), IPC_CREAT | 0600);
	if (shmid < 0)
		die("consumer: shmget");
	return shmid;
}

int main(int argc, char **argv)
{
	int shmid = find_segment(argc, argv);
	struct mailbox *mailbox = attach(shmid);

	while (!atomic_load(&mailbox->ready))
		sched_yield();
	printf("consumer %d: read \"%s\" from segment %d\n", getpid(), mailbox->text, shmid);
	if (mailbox_leave(mailbox, shmid))
		printf("consumer %d: was the last user, removed segment %d\n", getpid(), shmid);
	return 0;
}
