/* SPDX-License-Identifier: MIT */
#ifndef ABI_OPEN_FLAGS_H
#define ABI_OPEN_FLAGS_H

/* open(2) flags that differ between architectures of Linux: x86_64. */

#define O_DIRECT    00040000
#define O_DIRECTORY 00200000
#define O_NOFOLLOW  00400000

#endif
