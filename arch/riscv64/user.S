/* SPDX-License-Identifier: MIT */
/*
 * The only code that touches user memory, with SUM set just here. An
 * instruction that may fault is noted with the place where to go on; the fault
 * code sends it there when the page cannot be had. Each of these gets a range
 * that user.c has checked, and returns 0, or -14 (EFAULT) unless it says otherwise.
 */

#include "arch/riscv64/offsets.h"

	/* An access to user memory that goes on at `fixup` when it fails. */
	.macro user fixup, instruction:vararg
9999:	\instruction
	.pushsection .user_fixups, "a"
	.balign 8
	.quad 9999b, \fixup
	.popsection
	.endm

	.macro user_open
	li t6, SSTATUS_SUM
	csrs sstatus, t6
	.endm
	.macro user_close
	csrc sstatus, t6
	.endm

	.text

failed:
	li t6, SSTATUS_SUM
	csrc sstatus, t6
	li a0, -14
	ret

	/*
	 * user_copy(to, from, size): one of the two is a user's. Words where both are
	 * aligned alike, else bytes: a misaligned word may cost a trap to the firmware.
	 */
	.global user_copy
user_copy:
	user_open
	add a3, a0, a2
	xor t0, a0, a1
	andi t0, t0, 7
	bnez t0, copy_bytes
	li t0, 16
	bltu a2, t0, copy_bytes
copy_head:
	andi t0, a0, 7
	beqz t0, copy_words
	user failed, lb t1, 0(a1)
	user failed, sb t1, 0(a0)
	addi a0, a0, 1
	addi a1, a1, 1
	j copy_head
copy_words:
	sub t0, a3, a0
	andi t0, t0, -64
	add a4, a0, t0 /* end of the blocks of 64 */
	beq a0, a4, copy_single
copy_block:
	user failed, ld t0, 0(a1)
	user failed, ld t1, 8(a1)
	user failed, ld t2, 16(a1)
	user failed, ld t3, 24(a1)
	user failed, ld t4, 32(a1)
	user failed, ld t5, 40(a1)
	user failed, ld a5, 48(a1)
	user failed, ld a6, 56(a1)
	user failed, sd t0, 0(a0)
	user failed, sd t1, 8(a0)
	user failed, sd t2, 16(a0)
	user failed, sd t3, 24(a0)
	user failed, sd t4, 32(a0)
	user failed, sd t5, 40(a0)
	user failed, sd a5, 48(a0)
	user failed, sd a6, 56(a0)
	addi a0, a0, 64
	addi a1, a1, 64
	bne a0, a4, copy_block
copy_single:
	sub t0, a3, a0
	andi t0, t0, -8
	add a4, a0, t0
	beq a0, a4, copy_bytes
1:	user failed, ld t0, 0(a1)
	user failed, sd t0, 0(a0)
	addi a0, a0, 8
	addi a1, a1, 8
	bne a0, a4, 1b
copy_bytes:
	beq a0, a3, 2f
1:	user failed, lb t0, 0(a1)
	user failed, sb t0, 0(a0)
	addi a0, a0, 1
	addi a1, a1, 1
	bne a0, a3, 1b
2:	user_close
	li a0, 0
	ret

	/* user_clear(to, size) */
	.global user_clear
user_clear:
	user_open
	add a3, a0, a1
1:	beq a0, a3, 4f
	andi t0, a0, 7
	beqz t0, 2f
	user failed, sb zero, 0(a0)
	addi a0, a0, 1
	j 1b
2:	sub t0, a3, a0
	andi t0, t0, -8
	add a4, a0, t0
3:	beq a0, a4, 5f
	user failed, sd zero, 0(a0)
	addi a0, a0, 8
	j 3b
5:	beq a0, a3, 4f
	user failed, sb zero, 0(a0)
	addi a0, a0, 1
	j 5b
4:	user_close
	li a0, 0
	ret

	/* user_string(to, from, size): the length without the NUL, or size when there is none. */
	.global user_string
user_string:
	user_open
	li t1, 0
1:	beq t1, a2, 2f
	user failed, lbu t0, 0(a1)
	sb t0, 0(a0)
	beqz t0, 2f
	addi a0, a0, 1
	addi a1, a1, 1
	addi t1, t1, 1
	j 1b
2:	user_close
	mv a0, t1
	ret

	/* user_load(value, address), user_store(address, value): 32 bits */
	.global user_load
user_load:
	user_open
	user failed, lw t0, 0(a1)
	user_close
	sw t0, 0(a0)
	li a0, 0
	ret

	.global user_store
user_store:
	user_open
	user failed, sw a1, 0(a0)
	user_close
	li a0, 0
	ret

	/*
	 * user_cmpxchg(address, expected, desired, seen). Acquire and release, as the
	 * futex code orders by it. A failing store-conditional loops; a faulting one goes.
	 */
	.global user_cmpxchg
user_cmpxchg:
	user_open
	sext.w a1, a1
1:	user failed, lr.w.aqrl t0, 0(a0)
	bne t0, a1, 2f
	user failed, sc.w.aqrl t1, a2, 0(a0)
	bnez t1, 1b
2:	user_close
	sw t0, 0(a3)
	li a0, 0
	ret
