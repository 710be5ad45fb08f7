// SPDX-License-Identifier: MIT
/*
 * Extended attributes, xattr(7): no file has any and none can be set. The
 * answers are those of a Linux file system without them, so that cp and ls
 * see nothing unusual.
 */

#include "abi/errno.h"
#include "kernel/syscall/syscall.h"

#define NOT_SUPPORTED(name)                                                                        \
	long name(const uint64_t *argument)                                                        \
	{                                                                                          \
		(void)argument;                                                                    \
		return -EOPNOTSUPP;                                                                \
	}

NOT_SUPPORTED(sys_setxattr)
NOT_SUPPORTED(sys_lsetxattr)
NOT_SUPPORTED(sys_fsetxattr)
NOT_SUPPORTED(sys_getxattr)
NOT_SUPPORTED(sys_lgetxattr)
NOT_SUPPORTED(sys_fgetxattr)
NOT_SUPPORTED(sys_listxattr)
NOT_SUPPORTED(sys_llistxattr)
NOT_SUPPORTED(sys_flistxattr)
NOT_SUPPORTED(sys_removexattr)
NOT_SUPPORTED(sys_lremovexattr)
NOT_SUPPORTED(sys_fremovexattr)
