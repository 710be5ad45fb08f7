/* SPDX-License-Identifier: MIT */
#ifndef DEMO_H
#define DEMO_H

/* What the demos share: ending with a reason, and a segment attached in one step. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

/* Say what failed and why, and end with status 1. */
static inline void __attribute__((noreturn)) die(const char *what)
{
	perror(what);
	exit(1);
}

static inline void *attach(int shmid)
{
	void *address = shmat(shmid, NULL, 0);

	if (address == (void *)-1)
		die("shmat");
	return address;
}

/*
 * A private segment, attached, and already removed: it lives for as long as
 * somebody is attached, so that nothing is left behind however the demo ends.
 */
static inline void *attach_private(size_t size_bytes)
{
	int shmid = shmget(IPC_PRIVATE, size_bytes, 0600);

	if (shmid < 0)
		die("shmget");
	void *address = attach(shmid);
	if (shmctl(shmid, IPC_RMID, NULL))
		die("shmctl");
	return address;
}

static inline pid_t start_child(void)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	return pid;
}

/* Wait for all children: how many did not end with status 0. */
static inline int wait_children(void)
{
	int status, bad = 0;

	while (wait(&status) > 0)
		bad += status != 0;
	return bad;
}

#endif
