/* SPDX-License-Identifier: MIT */
#ifndef ABI_MEMBARRIER_H
#define ABI_MEMBARRIER_H

/* membarrier(2). */

#define MEMBARRIER_CMD_QUERY                           0
#define MEMBARRIER_CMD_GLOBAL                          (1 << 0)
#define MEMBARRIER_CMD_GLOBAL_EXPEDITED                (1 << 1)
#define MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED       (1 << 2)
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED               (1 << 3)
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED      (1 << 4)
#define MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ          (1 << 7)
#define MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ (1 << 8)

#define MEMBARRIER_CMD_FLAG_CPU 1 /* with ..._RSEQ: only the CPU that the third argument names */

#endif
