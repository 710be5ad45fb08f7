/* SPDX-License-Identifier: MIT */
#ifndef ARCH_RISCV64_USERCODE_H
#define ARCH_RISCV64_USERCODE_H

/*
 * One page of code that every program can run, at a fixed address in the
 * kernel's half: riscv64's signal handlers return to the kernel's code, since
 * its sigaction has no restorer. It is the same page for all, costs no area
 * and no entry of the program's own, and cannot be written or unmapped.
 */

#define USER_CODE_ADDRESS 0xffffffff40000000

#ifndef __ASSEMBLER__
extern char user_code[]; /* usercode.S: one page */
#endif

#endif
