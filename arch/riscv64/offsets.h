/* SPDX-License-Identifier: MIT */
#ifndef ARCH_RISCV64_OFFSETS_H
#define ARCH_RISCV64_OFFSETS_H

/* Where the assembly finds fields. thread.c asserts that the compiler agrees. */

#define CPU_KERNEL_STACK 8
#define CPU_SCRATCH      16
#define CPU_THREAD       40

#define THREAD_STACK_POINTER  0
#define THREAD_RETURN_ADDRESS 8
#define THREAD_SAVED          16
#define THREAD_FP             112
#define THREAD_FCSR           368
#define THREAD_WORK           384

#define FRAME_SEPC           256
#define FRAME_SSTATUS        264
#define FRAME_NUMBER         272
#define FRAME_FIRST_ARGUMENT 280
#define FRAME_BYTES          288

#define SSTATUS_SIE      0x2
#define SSTATUS_SPIE     0x20
#define SSTATUS_SPP      0x100
#define SSTATUS_FS       0x6000
#define SSTATUS_FS_CLEAN 0x4000
#define SSTATUS_SUM      0x40000

#define CAUSE_SYSTEM_CALL 8

#endif
