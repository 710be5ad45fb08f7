/* SPDX-License-Identifier: MIT */
#ifndef ARCH_X86_64_OFFSETS_H
#define ARCH_X86_64_OFFSETS_H

/* Numbers for the assembly files; thread.c asserts that C agrees. */

#define USER_DATA 0x2b
#define USER_CODE 0x33

#define CPU_KERNEL_STACK 8
#define CPU_USER_SP      16
#define CPU_THREAD       24

#define THREAD_WORK 56

#define FRAME_RBP       32
#define FRAME_ARGUMENTS 48
#define FRAME_R11       96
#define FRAME_RAX       112
#define FRAME_NUMBER    120
#define FRAME_RIP       136
#define FRAME_RSP       160

#define SYSCALL_ENTRY_SHIFT 4

#endif
