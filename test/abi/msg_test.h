/* SPDX-License-Identifier: MIT */
#ifndef MSG_TEST_H
#define MSG_TEST_H

/* What the programs about System V message queues have in common. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "abi.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MSG_KEY     0x5a3e0800
#define TEXT_MAX    8192  /* kernel.msgmax */
#define QUEUE_BYTES 16384 /* kernel.msgmnb */

struct message {
	long type;
	char text[TEXT_MAX + 1];
};

static inline int make_queue(int mode)
{
	return CHECK_OK(msgget(IPC_PRIVATE, mode));
}

static inline void remove_queue(int id)
{
	CHECK_OK(msgctl(id, IPC_RMID, NULL));
}

static inline struct msqid_ds stat_queue(int id)
{
	struct msqid_ds ds;

	memset(&ds, 0x55, sizeof(ds));
	CHECK_OK(msgctl(id, IPC_STAT, &ds));
	return ds;
}

static inline void set_queue_bytes(int id, unsigned long bytes)
{
	struct msqid_ds ds = stat_queue(id);

	ds.msg_qbytes = bytes;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
}

/* A message of this type whose text is `size` times one letter: msgsnd's result. */
static inline int send_letters(int id, long type, char letter, size_t size, int flags)
{
	struct message message = {.type = type};

	memset(message.text, letter, sizeof(message.text));
	return msgsnd(id, &message, size, flags);
}

/* The first letter of what is received; 0 for an empty message. */
static inline int receive_letter(int id, long type, int flags)
{
	struct message message = {0};
	ssize_t size = CHECK_OK(msgrcv(id, &message, TEXT_MAX, type, flags));

	return size ? message.text[0] : 0;
}

/* Until the process sleeps: thrice in a row, as it may sleep on its way. */
static inline void await_sleep_of(pid_t pid, pid_t thread)
{
	char path[64], text[512];
	int asleep = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, thread);
	for (int i = 0; i < 5000 && asleep < 3; i++) {
		int fd = CHECK_OK(open(path, O_RDONLY));
		ssize_t length = read(fd, text, sizeof(text) - 1);
		close(fd);
		text[length < 0 ? 0 : length] = '\0';
		const char *state = strrchr(text, ')');
		asleep = state && state[2] == 'S' ? asleep + 1 : 0;
		abi_sleep_ms(2);
	}
	CHECK_EQ(asleep, 3);
}

static inline void await_sleep(pid_t pid)
{
	await_sleep_of(pid, pid);
}

#endif
