/* SPDX-License-Identifier: MIT */
/*
 * Whole pages, through one vector register, which is put back: nothing else
 * uses it meanwhile, since the kernel is not interrupted.
 */

	.text

/* void page_clear(void *page) */
	.globl page_clear
page_clear:
	sub $40, %rsp
	mov $4, %eax
	cmpb $0, page_use_avx(%rip)
	je 2f
	vmovdqu %ymm0, (%rsp)
	vpxor %xmm0, %xmm0, %xmm0 /* all of ymm0 */
1:
	.set offset, 0
	.rept 32
	vmovdqa %ymm0, offset(%rdi)
	.set offset, offset + 32
	.endr
	add $1024, %rdi
	dec %eax
	jnz 1b
	vmovdqu (%rsp), %ymm0
	add $40, %rsp
	ret
2:	movdqu %xmm0, (%rsp)
	pxor %xmm0, %xmm0
3:
	.set offset, 0
	.rept 64
	movdqa %xmm0, offset(%rdi)
	.set offset, offset + 16
	.endr
	add $1024, %rdi
	dec %eax
	jnz 3b
	movdqu (%rsp), %xmm0
	add $40, %rsp
	ret

/* void page_copy(void *to, const void *from) */
	.globl page_copy
page_copy:
	sub $40, %rsp
	mov $4, %eax
	cmpb $0, page_use_avx(%rip)
	je 2f
	vmovdqu %ymm0, (%rsp)
1:
	.set offset, 0
	.rept 32
	vmovdqa offset(%rsi), %ymm0
	vmovdqa %ymm0, offset(%rdi)
	.set offset, offset + 32
	.endr
	add $1024, %rdi
	add $1024, %rsi
	dec %eax
	jnz 1b
	vmovdqu (%rsp), %ymm0
	add $40, %rsp
	ret
2:	movdqu %xmm0, (%rsp)
3:
	.set offset, 0
	.rept 64
	movdqa offset(%rsi), %xmm0
	movdqa %xmm0, offset(%rdi)
	.set offset, offset + 16
	.endr
	add $1024, %rdi
	add $1024, %rsi
	dec %eax
	jnz 3b
	movdqu (%rsp), %xmm0
	add $40, %rsp
	ret

	.section .bss, "aw", @nobits
	.globl page_use_avx
page_use_avx:
	.skip 1
