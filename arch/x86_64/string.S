/* SPDX-License-Identifier: MIT */
/* memcpy and memset by words: unaligned ones cost nothing here, so kernel/lib's care is not needed. */

	.text

/* void *memcpy(void *to, const void *from, size_t size); forward, so that memmove may use it */
	.globl memcpy
memcpy:
	mov %rdi, %rax
	mov %rdx, %rcx
	shr $3, %rcx
	rep movsq
	mov %edx, %ecx
	and $7, %ecx
	jz 1f
	rep movsb
1:	ret

/* void *memset(void *to, int byte, size_t size) */
	.globl memset
memset:
	mov %rdi, %r8
	movzbl %sil, %eax
	movabs $0x0101010101010101, %rcx
	imul %rcx, %rax
	mov %rdx, %rcx
	shr $3, %rcx
	rep stosq
	mov %edx, %ecx
	and $7, %ecx
	jz 1f
	rep stosb
1:	mov %r8, %rax
	ret
