/* SPDX-License-Identifier: MIT */
#ifndef ABI_UIO_H
#define ABI_UIO_H

/* readv(2). */

#include <stdint.h>

struct abi_iovec {
	uint64_t iov_base, iov_len;
};

#define IOV_MAX 1024

#endif
