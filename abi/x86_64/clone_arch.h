/* SPDX-License-Identifier: MIT */
#ifndef ABI_CLONE_ARCH_H
#define ABI_CLONE_ARCH_H

/* Which arguments of clone(2) are which: x86_64. */
#define CLONE_ARGUMENT_TLS       4
#define CLONE_ARGUMENT_CHILD_TID 3

#endif
