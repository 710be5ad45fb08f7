/* SPDX-License-Identifier: MIT */
/*
 * A kernel for riscv64 that prints at which tick it was entered, as 64 binary
 * digits after an @, and ends the machine: what came before is the firmware's.
 */

	.globl _start
_start:
	rdtime s0
	li s1, 63
	li a0, '@'
	call put
1:	srl a0, s0, s1
	andi a0, a0, 1
	addi a0, a0, '0'
	call put
	addi s1, s1, -1
	bgez s1, 1b
	li t0, 0x100000 /* the virt machine's test device */
	li t1, 0x5555
	sw t1, (t0)
2:	wfi
	j 2b

put:
	li a7, 1 /* SBI's legacy console_putchar */
	ecall
	ret
