/* SPDX-License-Identifier: MIT */
/* The page at USER_CODE_ADDRESS: rt_sigreturn. Unwinders know these two instructions. */

	.section .rodata, "a"
	.balign 4096
	.global user_code
user_code:
	.option push
	.option norvc
	li a7, 139
	ecall
	.option pop
	.balign 4096
