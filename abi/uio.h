/* SPDX-License-Identifier: MIT */
#ifndef ABI_UIO_H
#define ABI_UIO_H

/* readv(2), preadv2(2). */

#include <stdint.h>

struct abi_iovec {
	uint64_t iov_base, iov_len;
};

#define IOV_MAX 1024

#define RWF_HIPRI    0x01u
#define RWF_DSYNC    0x02u
#define RWF_SYNC     0x04u
#define RWF_APPEND   0x10u
#define RWF_NOAPPEND 0x20u

#endif
