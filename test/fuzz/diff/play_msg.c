// SPDX-License-Identifier: MIT
/* Message queues. */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define TEXT_MOST 16384
#define STAT_ANY  13

struct text {
	long type;
	unsigned char bytes[TEXT_MOST];
};

/* A slot of queues; past them other kinds' ids, and what is no id. */
static int queue_of(int64_t slot)
{
	if (slot < SEGMENTS)
		return control->queues[slot];
	if (slot < 2 * SEGMENTS)
		return control->sets[slot - SEGMENTS];
	return slot < 3 * SEGMENTS ? control->ids[slot - 2 * SEGMENTS]
				   : (int)(slot - 3 * SEGMENTS) * 0x7fffffff - 1;
}

static void play_msgget(const struct op *op)
{
	int id = msgget((key_t)op->a[1], (int)op->a[2]);

	say_result(id);
	if (id >= 0)
		control->queues[op->a[0]] = id;
}

/* As many bytes as a call with this size may touch, and some more. */
static size_t touched(uint64_t size)
{
	return size < TEXT_MOST - 128 ? (size + 127) & ~63ul : TEXT_MOST;
}

static long send(const int64_t *a)
{
	static struct text text;
	size_t size = touched((uint64_t)a[2]);
	uint64_t word = 0x0706050403020100 + (uint64_t)a[4] * 0x0001000100010001;

	text.type = a[1];
	for (size_t i = 0; i < size; i += sizeof(word))
		memcpy(text.bytes + i, &word, sizeof(word));
	return msgsnd(queue_of(a[0]), a[5] ? (void *)a[5] : &text, (size_t)a[2], (int)a[3]);
}

static void play_receive(const int64_t *a)
{
	static struct text text;
	size_t size = touched((uint64_t)a[2]);
	uint64_t sum = 0, word;

	memset(&text, 0x66, sizeof(text.type) + size);
	long value =
		msgrcv(queue_of(a[0]), a[5] ? (void *)a[5] : &text, (size_t)a[2], a[1], (int)a[3]);
	say_result(value);
	if (a[5] || value > TEXT_MOST)
		return;
	for (size_t i = 0; i < size; i += sizeof(word)) {
		memcpy(&word, text.bytes + i, sizeof(word));
		sum = sum * 31 + word;
	}
	if (value >= 0)
		say(" type %ld first %d", text.type, text.bytes[0]);
	say(" sum %lx", sum);
}

static void play_msgctl(const struct op *op)
{
	const int64_t *a = op->a;
	struct msqid_ds ds;

	memset(&ds, 0x55, sizeof(ds));
	ds.msg_perm.uid = user_real(a[2]);
	ds.msg_perm.gid = a[4] & 8 ? 100 : 0;
	ds.msg_perm.mode = (unsigned short)a[3];
	ds.msg_qbytes = (msglen_t)a[4];
	say_result(msgctl(queue_of(a[0]), (int)a[1], &ds));
}

static void look_sysvipc_msg(void)
{
	char line[300];
	FILE *file = fopen("/proc/sysvipc/msg", "r");
	long key, id, mode, bytes, count, lspid, lrpid, uid, gid, cuid, cgid;

	if (!file) {
		say_result(-1);
		return;
	}
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%ld %ld %lo %ld %ld %ld %ld %ld %ld %ld %ld", &key, &id,
			   (unsigned long *)&mode, &bytes, &count, &lspid, &lrpid, &uid, &gid,
			   &cuid, &cgid) == 11)
			say("\n\tkey %lx id %ld mode %lo bytes %ld count %ld by %d %d users %u %ld "
			    "%u %ld",
			    key, id, mode, bytes, count, pid_generation((int32_t)lspid),
			    pid_generation((int32_t)lrpid), user_drawn((uint32_t)uid), gid,
			    user_drawn((uint32_t)cuid), cgid);
	fclose(file);
}

static void look_limits(int command)
{
	struct msginfo info = {0};

	say_result(msgctl(0, command, (struct msqid_ds *)&info));
	say(" %d %d %d %d %d %d %d", info.msgpool, info.msgmap, info.msgmax, info.msgmnb,
	    info.msgmni, info.msgssz, info.msgtql);
}

static void look_msg_stat(const struct op *op)
{
	static const int commands[] = {IPC_STAT, IPC_STAT, MSG_STAT, STAT_ANY, IPC_INFO, MSG_INFO};
	struct msqid_ds ds;

	if (op->a[1] == 6) {
		look_sysvipc_msg();
		return;
	}
	int id = queue_of(op->a[0]), command = commands[op->a[1]];
	if (op->a[1] >= 4) {
		look_limits(command);
		return;
	}
	long value = msgctl(command == IPC_STAT ? id : id & 0x7fff, command, &ds);
	say_result(value);
	if (value >= 0)
		say(" key %x owner %u.%u creator %u.%u mode %o seq %u bytes %lu count %lu most %lu "
		    "by "
		    "%d %d times %d%d%d",
		    ds.msg_perm.__key, user_drawn(ds.msg_perm.uid), ds.msg_perm.gid,
		    user_drawn(ds.msg_perm.cuid), ds.msg_perm.cgid, ds.msg_perm.mode,
		    ds.msg_perm.__seq, (unsigned long)ds.__msg_cbytes, (unsigned long)ds.msg_qnum,
		    (unsigned long)ds.msg_qbytes, pid_generation(ds.msg_lspid),
		    pid_generation(ds.msg_lrpid), ds.msg_stime != 0, ds.msg_rtime != 0,
		    ds.msg_ctime != 0);
}

static long call(const struct op *op, unsigned number)
{
	static struct text text;
	const int64_t *a = op->a;

	text.type = a[5];
	if (a[3] >> 32)
		return msgsnd(queue_of(a[0]), &text, (size_t)a[2] + number, 0);
	return msgrcv(queue_of(a[0]), &text, (size_t)a[2], a[1] + number, (int)a[3] & ~MSG_COPY);
}

/* Senders or receivers wait; a message comes, or goes, or the queue changes. */
static void play_wait(const struct op *op)
{
	const int64_t *a = op->a;
	struct op change = {.a = {a[0], a[4] == 5 ? IPC_RMID : IPC_SET, 0, 0666, 16384}};

	/* Woken senders send as they run, on Linux: one alone has an order. */
	wait_begin(a[3] >> 32 ? 1 : 1 + (a[5] & 1), call, op);
	if (a[4] < 3)
		say_result(send((int64_t[]){a[0], a[5], 8, IPC_NOWAIT, 1, 0}));
	else if (a[4] == 3)
		play_receive((int64_t[]){a[0], 0, TEXT_MOST, IPC_NOWAIT, 0, 0});
	else if (a[4] < 6)
		play_msgctl(&change);
	wait_end(a[4] == 6);
	look_msg_stat(&(struct op){.a = {a[0], 0}});
}

bool play_msg(const struct op *op)
{
	switch (op->code) {
	case OP_MSGGET:
		play_msgget(op);
		return true;
	case OP_MSGSND:
		say_result(send(op->a));
		return true;
	case OP_MSGRCV:
		play_receive(op->a);
		return true;
	case OP_MSGCTL:
		play_msgctl(op);
		return true;
	case OP_MSG_STAT:
		look_msg_stat(op);
		return true;
	case OP_MSG_WAIT:
		play_wait(op);
		return true;
	default:
		return false;
	}
}
