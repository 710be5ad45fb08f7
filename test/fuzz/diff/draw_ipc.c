// SPDX-License-Identifier: MIT
/* Draws the arguments of calls for semaphores, queues, namespaces, capabilities and names. */

#define _GNU_SOURCE

#include "diff.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

static int64_t draw_slot(void)
{
	/* Few of the slots, so that what was made is met again; at times what is not an id. */
	return draw(20) ? (int64_t)draw(3) : (int64_t)draw(3 * SEGMENTS + 2);
}

static int64_t draw_key(void)
{
	return draw(3) ? KEY_FIRST + (int64_t)draw(4) : IPC_PRIVATE;
}

static int64_t draw_get_flags(void)
{
	return PICK(0, IPC_CREAT, IPC_CREAT, IPC_CREAT, IPC_CREAT, IPC_CREAT | IPC_EXCL, IPC_EXCL) |
	       PICK(0600, 0600, 0666, 0666, 0666, 0400, 0200, 0, 0640, 0777, 0060, 0006);
}

/* Up to six operations of ten bits each: which semaphore, what (play_sem.c's table), flags. */
static int64_t draw_sops(void)
{
	int64_t packed = 0;

	for (unsigned i = 0; i < 6; i++) {
		int64_t number = PICK(0, 0, 0, 0, 1, 1, 2, 3, 7);
		int64_t what = PICK(0, 1, 1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10);
		int64_t flags = PICK(0, 0, 0, 1, 2, 2, 3);
		packed = packed << 10 | number << 6 | what << 2 | flags;
	}
	return packed;
}

static int64_t draw_sop_count(void)
{
	return draw(30) ? PICK(1, 1, 1, 1, 2, 2, 3, 4, 6) : PICK(0, 11, -1, 600);
}

static void draw_sem(struct op *op)
{
	int64_t *a = op->a;

	a[0] = draw_slot();
	switch (op->code) {
	case OP_SEMGET:
		a[0] = (int64_t)draw(3);
		a[1] = draw_key();
		a[2] = draw(15) ? PICK(1, 1, 2, 2, 4, 8, 8) : PICK(0, -1, 100, 101, 90);
		a[3] = draw_get_flags();
		break;
	case OP_SEMCTL:
		a[1] = draw(15) ? PICK(0, 0, 0, 1, 1, 2, 3, 7) : PICK(-1, 8, 100);
		a[2] = draw(20) ? PICK(GETVAL, GETVAL, SETVAL, GETALL, GETALL, SETALL, GETPID,
				       GETNCNT, GETZCNT, IPC_SET, IPC_SET, IPC_RMID)
				: PICK(0, 4, 5, 10, 21, 99, -1, 0x100);
		a[3] = draw(10) ? PICK(0, 0, 1, 1, 2, 3, 10) : PICK(SEMVMX, SEMVMX + 1, -1);
		a[4] = (int64_t)draw(20);
		a[5] = PICK(0, 0, 1000, 1001, -1);
		break;
	case OP_SEM_STAT:
		a[1] = (int64_t)draw(7);
		break;
	case OP_SEM_WAIT:
		a[1] = draw_sops();
		a[2] = draw_sops();
		a[3] = 1 + (int64_t)draw(WAITERS);
		a[4] = (int64_t)draw(8);
		a[5] = draw_sops();
		break;
	default: /* OP_SEMOP, OP_SEM_CHILD */
		a[1] = draw_sop_count();
		a[2] = draw_sops();
		a[3] = draw(20) ? (int64_t)draw(2) : 2 + (int64_t)draw(4);
		break;
	}
}

static int64_t draw_type(void)
{
	return draw(20) ? PICK(0, 0, 1, 1, 2, 3, 5, -1, -2, -3, -5)
			: PICK(1ll << 40, INT64_MAX, INT64_MIN, -(1ll << 40));
}

static int64_t draw_size(void)
{
	return draw(12) ? PICK(0, 1, 4, 8, 8, 60, 100, 2000, 4048, 4049, 8000)
			: PICK(8192, 8193, -1, 1ll << 32, 4096);
}

static int64_t draw_receive_flags(void)
{
	return PICK(0, 0, MSG_NOERROR, MSG_NOERROR, MSG_EXCEPT, MSG_EXCEPT | MSG_NOERROR, MSG_COPY,
		    MSG_COPY | MSG_NOERROR, MSG_COPY | MSG_EXCEPT, 0100);
}

static void draw_msg(struct op *op)
{
	int64_t *a = op->a;

	a[0] = draw_slot();
	switch (op->code) {
	case OP_MSGGET:
		a[0] = (int64_t)draw(3);
		a[1] = draw_key();
		a[2] = draw_get_flags();
		break;
	case OP_MSGSND:
		a[1] = draw(15) ? PICK(1, 1, 2, 3, 5) : draw_type();
		a[2] = draw_size();
		a[3] = PICK(IPC_NOWAIT, IPC_NOWAIT, IPC_NOWAIT | MSG_NOERROR | 0100);
		a[4] = (int64_t)draw(250);
		a[5] = draw(15) ? 0 : draw_address();
		break;
	case OP_MSGRCV:
		a[1] = draw_type();
		a[2] = draw_size();
		a[3] = draw_receive_flags();
		if (!(a[3] & MSG_COPY) || draw(10))
			a[3] |= IPC_NOWAIT;
		a[5] = draw(15) ? 0 : draw_address();
		break;
	case OP_MSGCTL:
		a[1] = draw(20) ? PICK(IPC_SET, IPC_SET, IPC_SET, IPC_RMID)
				: PICK(4, 5, 10, 14, 21, -1, 0x100);
		a[2] = PICK(0, 0, 1000, 1001, -1);
		a[3] = PICK(0600, 0666, 0666, 0777, 0, 0400, 0200, 0644, 01777);
		a[4] = PICK(16384, 16384, 16384, 100, 8, 1, 0, 16385, 20000, -1);
		break;
	case OP_MSG_STAT:
		a[1] = (int64_t)draw(7);
		break;
	default: /* OP_MSG_WAIT */
		a[1] = draw(3) ? draw_type() : PICK(1, 2, 3);
		a[2] = PICK(0, 4, 8, 100, 2000, 8000);
		a[3] = (draw_receive_flags() & ~MSG_COPY) | (int64_t)draw(2) << 32;
		a[4] = (int64_t)draw(8);
		a[5] = PICK(1, 2, 3, 5);
		break;
	}
}

static void draw_place(struct op *op)
{
	int64_t *a = op->a;

	a[0] = (int64_t)draw(10);
	switch (op->code) {
	case OP_IPC_SYSCTL:
		a[0] = (int64_t)draw(8);
		a[1] = PICK(0, 1, 2, 8, 24, 32, 32, 100, 8192, 8192, 16384, 16384, -1, 1ll << 31,
			    40000);
		a[2] = (int64_t)draw(7);
		break;
	case OP_NAMESPACE:
		a[1] = (int64_t)draw(PLAYERS);
		break;
	case OP_CAPABILITIES:
		a[0] = draw(3) ? (int64_t)draw(PLAYERS) : -1;
		a[1] = 1ll << PICK(CAP_IPC_OWNER, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, CAP_SYS_PTRACE) |
		       1ll << PICK(CAP_IPC_OWNER, CAP_SYS_ADMIN, CAP_DAC_OVERRIDE,
				   CAP_CHECKPOINT_RESTORE);
		break;
	case OP_RECORD:
		a[0] = FD_FILE + (int64_t)draw(draw(6) ? FILES : 2 * FILES);
		a[1] = PICK(F_SETLK, F_SETLK, F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK);
		a[2] = PICK(F_RDLCK, F_WRLCK, F_WRLCK, F_UNLCK);
		if (a[1] == F_OFD_GETLK && a[2] == F_UNLCK) /* since Linux 6.6: one's own */
			a[2] = F_RDLCK;
		a[3] = PICK(0, 0, 10, 20, 50, 100, -1);
		a[4] = PICK(0, 1, 10, 20, 50, -10, -200);
		a[5] = draw(10) ? SEEK_SET : PICK(SEEK_CUR, SEEK_END, 5);
		break;
	default: /* OP_SHM_OPEN, OP_SHM_UNLINK */
		a[0] = (int64_t)draw(NAMES);
		a[1] = 2 + (int64_t)draw(2); /* files that may shrink */
		a[2] = PICK(O_RDWR, O_RDWR, O_RDWR, O_RDONLY) |
		       PICK(O_CREAT, O_CREAT, O_CREAT, 0, O_CREAT | O_EXCL, O_TRUNC);
		a[3] = PICK(0600, 0666, 0644, 0, 0400);
		break;
	}
}

void draw_ipc(struct op *op)
{
	if (op->code <= OP_SEM_WAIT)
		draw_sem(op);
	else if (op->code <= OP_MSG_WAIT)
		draw_msg(op);
	else
		draw_place(op);
}
