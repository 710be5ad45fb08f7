/* SPDX-License-Identifier: MIT */
#ifndef ABI_FUTEX_H
#define ABI_FUTEX_H

/* futex(2), set_robust_list(2). */

#include <stdint.h>

#define FUTEX_WAIT           0
#define FUTEX_WAKE           1
#define FUTEX_REQUEUE        3
#define FUTEX_CMP_REQUEUE    4
#define FUTEX_WAKE_OP        5
#define FUTEX_WAIT_BITSET    9
#define FUTEX_WAKE_BITSET    10
#define FUTEX_PRIVATE_FLAG   128
#define FUTEX_CLOCK_REALTIME 256

#define FUTEX_BITSET_MATCH_ANY 0xffffffffu

#define FUTEX_OP_SET       0 /* FUTEX_WAKE_OP */
#define FUTEX_OP_ADD       1
#define FUTEX_OP_OR        2
#define FUTEX_OP_ANDN      3
#define FUTEX_OP_XOR       4
#define FUTEX_OP_ARG_SHIFT 8
#define FUTEX_OP_CMP_EQ    0
#define FUTEX_OP_CMP_NE    1
#define FUTEX_OP_CMP_LT    2
#define FUTEX_OP_CMP_LE    3
#define FUTEX_OP_CMP_GT    4
#define FUTEX_OP_CMP_GE    5

#define FUTEX_WAITERS    0x80000000u /* in a robust lock's word */
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

/* futex_waitv(2), futex_wait, futex_wake, futex_requeue: flags, with FUTEX_PRIVATE_FLAG */
#define FUTEX_WAITV_MAX  128
#define FUTEX2_SIZE_MASK 0x03
#define FUTEX2_SIZE_U32  0x02
#define FUTEX2_NUMA      0x04 /* behind the word is one for the node */
#define FUTEX2_MPOL      0x08 /* the node is the memory policy's */
#define FUTEX_NO_NODE    0xffffffffu

struct abi_futex_waitv {
	uint64_t value, address;
	uint32_t flags, reserved;
};

struct abi_robust_list_head {
	uint64_t next; /* the first entry; entries point to the next; the last to this */
	int64_t futex_offset;
	uint64_t pending; /* being locked or unlocked */
};

#endif
