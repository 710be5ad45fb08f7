/* SPDX-License-Identifier: MIT */
#ifndef ABI_MSG_H
#define ABI_MSG_H

/* System V message queues on 64-bit Linux: msgget(2), msgop(2), msgctl(2). */

#include "abi/ipc.h"

#define MSG_NOERROR 010000 /* msgrcv: a long message is cut off */
#define MSG_EXCEPT  020000 /* msgrcv: any type but this */
#define MSG_COPY    040000 /* msgrcv: a copy of the message at a position */

#define MSG_STAT     11 /* msgctl */
#define MSG_INFO     12
#define MSG_STAT_ANY 13

#define MSGMNI 32000 /* limits that a namespace begins with */
#define MSGMAX 8192
#define MSGMNB 16384

#define MSGPOOL (MSGMNI * (MSGMNB / 1024)) /* figures without a meaning, which IPC_INFO gives */
#define MSGTQL  MSGMNB
#define MSGMAP  MSGMNB
#define MSGSSZ  16
#define MSGSEG  0xffff

struct abi_msqid_ds {
	struct abi_ipc_perm msg_perm;
	int64_t msg_stime, msg_rtime, msg_ctime;
	uint64_t msg_cbytes, msg_qnum, msg_qbytes;
	int32_t msg_lspid, msg_lrpid;
	uint64_t unused[2];
};

struct abi_msginfo {
	int32_t msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
	uint16_t msgseg;
};

_Static_assert(sizeof(struct abi_msqid_ds) == 120, "struct msqid64_ds");
_Static_assert(sizeof(struct abi_msginfo) == 32, "struct msginfo");

#endif
