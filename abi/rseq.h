/* SPDX-License-Identifier: MIT */
#ifndef ABI_RSEQ_H
#define ABI_RSEQ_H

/* Restartable sequences: rseq(2), linux/rseq.h. */

#include <stdint.h>

#define RSEQ_FLAG_UNREGISTER      1
#define RSEQ_CPU_ID_UNINITIALIZED UINT32_MAX
#define RSEQ_BYTES_FIRST          32 /* what Linux 4.18 began with; it must then be so aligned */
#define RSEQ_ALIGNMENT            32
#define RSEQ_FEATURE_BYTES        28 /* up to the last field that is known */

/* In the thread's memory. */
struct abi_rseq {
	uint32_t cpu_id_start, cpu_id;
	uint64_t
		section; /* 0, or the address of a struct abi_rseq_section: the thread may be in it */
	uint32_t flags;
	uint32_t node_id, mm_cid;
};

struct abi_rseq_section {
	uint32_t version, flags;
	uint64_t start_ip, post_commit_offset, abort_ip;
};

#endif
