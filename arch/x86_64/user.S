/* SPDX-License-Identifier: MIT */
/*
 * Access to user memory. An instruction that may fault has an entry in the
 * fix-up table: the fault handler goes on there when the page cannot be had.
 * stac and clac open and close the user's pages where the CPU has SMAP.
 */

	.macro if_smap byte
991:	nopl (%rax)
	.pushsection .patch_table, "a"
	.quad 991b
	.long 3
	.byte 0x0f, 0x01, \byte, 0
	.popsection
	.endm
	.macro user_access_begin
	if_smap 0xcb /* stac */
	.endm
	.macro user_access_end
	if_smap 0xca /* clac */
	.endm
	.macro fixup from, to
	.pushsection .fixup_table, "a"
	.quad \from, \to
	.popsection
	.endm

	.text

/* int user_copy(void *to, const void *from, size_t size): 0, or 1 after a fault. Ranges are checked. */
	.globl user_copy
user_copy:
	mov %rdx, %rcx
	shr $3, %rcx
	user_access_begin
1:	rep movsq
	mov %edx, %ecx
	and $7, %ecx
	jz 3f
2:	rep movsb
3:	user_access_end
	xor %eax, %eax
	ret
4:	user_access_end
	mov $1, %eax
	ret
	fixup 1b, 4b
	fixup 2b, 4b

/* int user_clear(void *to, size_t size) */
	.globl user_clear
user_clear:
	xor %eax, %eax
	mov %rsi, %rcx
	shr $3, %rcx
	user_access_begin
1:	rep stosq
	mov %esi, %ecx
	and $7, %ecx
2:	rep stosb
	user_access_end
	ret
4:	user_access_end
	mov $1, %eax
	ret
	fixup 1b, 4b
	fixup 2b, 4b

/* long user_string(char *to, const char *from, size_t size): length, -1 a fault, -2 no NUL within size. */
	.globl user_string
user_string:
	xor %eax, %eax
	user_access_begin
1:	cmp %rdx, %rax
	je 3f
2:	movzbl (%rsi,%rax), %ecx
	mov %cl, (%rdi,%rax)
	test %ecx, %ecx
	jz 4f
	inc %rax
	jmp 1b
3:	mov $-2, %rax
4:	user_access_end
	ret
5:	user_access_end
	mov $-1, %rax
	ret
	fixup 2b, 5b

/* int user_load32(uint32_t *value, uint64_t address) */
	.globl user_load32
user_load32:
	user_access_begin
1:	mov (%rsi), %ecx
	user_access_end
	mov %ecx, (%rdi)
	xor %eax, %eax
	ret
2:	user_access_end
	mov $1, %eax
	ret
	fixup 1b, 2b

/* int user_store32(uint64_t address, uint32_t value) */
	.globl user_store32
user_store32:
	user_access_begin
1:	mov %esi, (%rdi)
	user_access_end
	xor %eax, %eax
	ret
2:	user_access_end
	mov $1, %eax
	ret
	fixup 1b, 2b

/* int user_exchange32(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *seen) */
	.globl user_exchange32
user_exchange32:
	mov %esi, %eax
	user_access_begin
1:	lock cmpxchg %edx, (%rdi)
	user_access_end
	mov %eax, (%rcx)
	xor %eax, %eax
	ret
2:	user_access_end
	mov $1, %eax
	ret
	fixup 1b, 2b
