/* SPDX-License-Identifier: MIT */
/*
 * Into the kernel and out of it. gs: in the kernel it points to struct cpu, in
 * user mode it is the program's; swapgs is the first thing after entry from
 * user mode and the last before the return. A trap in the kernel leaves it
 * alone, but for those that may hit between the two (paranoid_entry).
 *
 * All entries build a struct trap_frame; interrupts stay off.
 */

#include "arch/x86_64/offsets.h"

/* A three-byte instruction that exists only with SMAP: a no-op until features.c patches it in. */
	.macro if_smap byte
991:	nopl (%rax)
	.pushsection .patch_table, "a"
	.quad 991b
	.long 3
	.byte 0x0f, 0x01, \byte, 0
	.popsection
	.endm
	.macro user_access_end
	if_smap 0xca /* clac */
	.endm

	.macro push_registers
	push %rax
	push %rcx
	push %r11
	push %r9
	push %r8
	push %r10
	push %rdx
	push %rsi
	push %rdi
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	.endm

	.macro pop_registers
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	pop %rdi
	pop %rsi
	pop %rdx
	pop %r10
	pop %r8
	pop %r9
	pop %r11
	pop %rcx
	pop %rax
	.endm

	.text

	.globl syscall_entry
syscall_entry:
	swapgs
	mov %rsp, %gs:CPU_USER_SP
	mov %gs:CPU_KERNEL_STACK, %rsp
	push $USER_DATA
	push %gs:CPU_USER_SP
	push %r11
	push $USER_CODE
	push %rcx
	push $0
	push %rax
	push_registers
	xor %ebp, %ebp
	/* Straight to the handler; trap_syscall is for numbers that have none. */
	cmp %eax, syscall_table_size(%rip)
	jbe 2f
	mov %eax, %ecx
	shl $SYSCALL_ENTRY_SHIFT, %rcx
	mov syscall_table(%rcx), %rcx
	test %rcx, %rcx
	jz 2f
	lea FRAME_ARGUMENTS(%rsp), %rdi
	call *%rcx
	mov %rax, FRAME_RAX(%rsp)
1:	mov %gs:CPU_THREAD, %rax
	cmpl $0, THREAD_WORK(%rax)
	jne user_exit
	/* A handler that replaces the frame (execve, rt_sigreturn) leaves no number in it. */
	cmpq $0, FRAME_NUMBER(%rsp)
	jl user_exit
	/* Else rip is where the call left it; a non-canonical one would fault in sysret on Intel. */
	mov FRAME_RIP(%rsp), %rcx
	mov %rcx, %rax
	shr $47, %rax
	jnz user_exit
	mov FRAME_R11(%rsp), %r11
	mov FRAME_RBP(%rsp), %rbp
	/* rbx and r12 to r15 are as they were: the handler, a C function, has kept them. */
	add $FRAME_ARGUMENTS, %rsp
	pop %rdi
	pop %rsi
	pop %rdx
	pop %r10
	pop %r8
	pop %r9
	mov FRAME_RAX - FRAME_R11(%rsp), %rax
	mov FRAME_RSP - FRAME_R11(%rsp), %rsp
	swapgs
	sysretq

2:	mov %rsp, %rdi
	call trap_syscall
	jmp 1b

	/* rdi: a frame of user mode. */
	.globl frame_leave
frame_leave:
	mov %rdi, %rsp
user_exit:
	mov %gs:CPU_THREAD, %rax
	cmpl $0, THREAD_WORK(%rax)
	jne 1f
	/* iretq to a non-canonical address would fault in the kernel, with the user's gs. */
	mov FRAME_RIP(%rsp), %rax
	mov %rax, %rcx
	shl $16, %rcx
	sar $16, %rcx
	cmp %rax, %rcx
	jne 2f
	pop_registers
	add $16, %rsp
	swapgs
	iretq
1:	mov %rsp, %rdi
	call trap_return_work
	jmp user_exit
2:	mov %rsp, %rdi
	call trap_bad_ip
	jmp user_exit

trap_entry:
	cld
	user_access_end
	testb $3, 24(%rsp) /* cs */
	jz 1f
	swapgs
	push_registers
	mov %rsp, %rdi
	call trap_handle
	jmp user_exit
1:	push_registers
	mov %rsp, %rdi
	call trap_handle
	pop_registers
	add $16, %rsp
	iretq

/* NMI, double fault, machine check: which gs is loaded shows only in its base. */
paranoid_entry:
	cld
	user_access_end
	push_registers
	xor %ebx, %ebx
	mov $0xc0000101, %ecx /* GS_BASE */
	rdmsr
	test %edx, %edx
	js 1f
	swapgs
	inc %ebx
1:	mov %rsp, %rdi
	call trap_paranoid
	test %ebx, %ebx
	jz 2f
	swapgs
2:	pop_registers
	add $16, %rsp
	iretq

/* One stub of 16 bytes for each vector; those with an error code from the CPU push none. */
	.balign 16
	.globl trap_stubs
trap_stubs:
	.set vector, 0
	.rept 64
	.balign 16
	.if vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21
	.else
	push $0
	.endif
	push $vector
	.if vector == 2 || vector == 8 || vector == 18
	jmp paranoid_entry
	.else
	jmp trap_entry
	.endif
	.set vector, vector + 1
	.endr

/* void thread_switch_stacks(uint64_t *save, uint64_t load) */
	.globl thread_switch_stacks
thread_switch_stacks:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, (%rdi)
	mov %rsi, %rsp
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* The first turn of a thread: what thread.c put into the saved registers. */
	.globl thread_first_run
thread_first_run:
	xor %ebp, %ebp
	mov %r12, %rdi
	call *%rbx
	ud2
