/* SPDX-License-Identifier: MIT */
#ifndef ABI_DIRENT_H
#define ABI_DIRENT_H

/* getdents64(2). */

#include <stdint.h>

#define DT_UNKNOWN 0
#define DT_FIFO    1
#define DT_CHR     2
#define DT_DIR     4
#define DT_BLK     6
#define DT_REG     8
#define DT_LNK     10
#define DT_SOCK    12

struct abi_dirent64 {
	uint64_t d_ino;
	int64_t d_off; /* the position after this entry */
	uint16_t d_reclen;
	uint8_t d_type;
	char d_name[]; /* ends with NUL; the record is a multiple of 8 bytes */
};

#define ABI_DIRENT64_NAME 19 /* offset of d_name: no padding before it */

#endif
