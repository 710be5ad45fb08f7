// SPDX-License-Identifier: MIT
/*
 * Shows: an attached segment is inherited over fork. The child reads what the
 * parent wrote and answers at the same address; the number of attachments goes
 * from 1 to 2 and back.
 *
 *	family
 *
 * Exit status 0; 1 when something is not as it should be.
 */

#include "demo.h"

static unsigned long attachments(int shmid)
{
	struct shmid_ds ds;

	if (shmctl(shmid, IPC_STAT, &ds))
		die("shmctl");
	return ds.shm_nattch;
}

static void child(int shmid, char *question, char *answer)
{
	printf("child:  read \"%s\" at the same address; %lu attachments\n", question,
	       attachments(shmid));
	strcpy(answer, "I was born attached");
	exit(attachments(shmid) == 2 ? 0 : 1);
}

int main(void)
{
	int shmid = shmget(IPC_PRIVATE, 4096, 0600);

	if (shmid < 0)
		die("shmget");
	char *question = attach(shmid), *answer = question + 2048;
	strcpy(question, "Who told you about this memory?");
	printf("parent: wrote \"%s\"; %lu attachment\n", question, attachments(shmid));

	if (start_child() == 0)
		child(shmid, question, answer);
	int bad = wait_children();
	printf("parent: read \"%s\"; %lu attachment\n", answer, attachments(shmid));
	bad += strcmp(answer, "I was born attached") != 0 || attachments(shmid) != 1;

	if (shmdt(question) || shmctl(shmid, IPC_RMID, NULL))
		die("family");
	return bad ? 1 : 0;
}
