/* SPDX-License-Identifier: MIT */
/* Whole pages: page_clear(page), page_copy(to, from). */

	.text
	.global page_clear
page_clear:
	li t0, 4096
	add t0, t0, a0
1:
	.set offset, 0
	.rept 32
	sd zero, offset(a0)
	.set offset, offset + 8
	.endr
	addi a0, a0, 256
	bne a0, t0, 1b
	ret

	.global page_copy
page_copy:
	li t0, 4096
	add t0, t0, a0
1:
	.set offset, 0
	.rept 4
	ld t1, offset(a1)
	ld t2, offset + 8(a1)
	ld t3, offset + 16(a1)
	ld t4, offset + 24(a1)
	ld t5, offset + 32(a1)
	ld t6, offset + 40(a1)
	ld a2, offset + 48(a1)
	ld a3, offset + 56(a1)
	sd t1, offset(a0)
	sd t2, offset + 8(a0)
	sd t3, offset + 16(a0)
	sd t4, offset + 24(a0)
	sd t5, offset + 32(a0)
	sd t6, offset + 40(a0)
	sd a2, offset + 48(a0)
	sd a3, offset + 56(a0)
	.set offset, offset + 64
	.endr
	addi a0, a0, 256
	addi a1, a1, 256
	bne a0, t0, 1b
	ret
