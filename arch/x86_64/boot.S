/* SPDX-License-Identifier: MIT */
/*
 * Where QEMU enters: 32-bit protected mode, paging off, ebx = physical address
 * of the start information (PVH). Goes to 64 bits on the first page tables,
 * which map the first GiB three times: at 0, at the direct map, at the kernel.
 */

#define KERNEL_BASE      0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)

#define BOOT_STACK_BYTES 16384

	.section .note.Xen, "a", @note
	.balign 4
	.long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz "Xen"
	.long PHYSICAL(boot_entry)

	.section .text.boot, "ax"
	.code32
	.globl boot_entry
boot_entry:
	cld
	cli
	mov $PHYSICAL(boot_stack_top), %esp
	lgdt PHYSICAL(boot_gdt_pointer)
	call enter_long_mode
	ljmp $0x10, $PHYSICAL(boot_long_low)

/* Also used by secondary CPUs (trampoline.S). Keeps ebx; returns in compatibility mode. */
	.globl enter_long_mode
enter_long_mode:
	mov $(1 << 5), %eax /* CR4.PAE */
	mov %eax, %cr4
	mov $PHYSICAL(boot_root), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx /* EFER: SCE, LME, NXE if there is */
	mov $0x101, %esi
	mov %ebx, %edi
	mov $0x80000001, %eax
	push %ecx
	cpuid
	pop %ecx
	mov %edi, %ebx
	bt $20, %edx
	jnc 1f
	or $0x800, %esi
1:	mov %esi, %eax
	xor %edx, %edx
	wrmsr
	mov $0x80050033, %eax /* CR0: PG AM WP NE ET MP PE */
	mov %eax, %cr0
	ret

	.code64
boot_long_low:
	movabs $boot_long, %rax
	jmp *%rax
boot_long:
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov $boot_stack_top, %rsp
	xor %ebp, %ebp
	mov %ebx, %edi
	call boot_start
	ud2

	.section .rodata, "a"
	.balign 8
	.globl boot_gdt
boot_gdt:
	.quad 0
	.quad 0
	.quad 0x00af9b000000ffff /* 0x10: 64-bit code, the kernel's selector for good */
	.quad 0x00cf93000000ffff /* 0x18: data */
	.quad 0x00cf9b000000ffff /* 0x20: 32-bit code, for the trampoline */
boot_gdt_end:
	.globl boot_gdt_pointer
boot_gdt_pointer:
	.word boot_gdt_end - boot_gdt - 1
	.long PHYSICAL(boot_gdt)

	.section .data, "aw"
	.balign 4096
	.globl boot_root
boot_root:
	.quad PHYSICAL(boot_upper_low) + 3
	.fill 272, 8, 0
	.quad PHYSICAL(boot_upper_low) + 3 /* 273: ARCH_DIRECT_MAP */
	.fill 237, 8, 0
	.quad PHYSICAL(boot_upper_high) + 3 /* 511: KERNEL_BASE */
boot_upper_low:
	.quad PHYSICAL(boot_middle) + 3
	.fill 511, 8, 0
boot_upper_high:
	.fill 510, 8, 0
	.quad PHYSICAL(boot_middle) + 3
	.quad 0
boot_middle:
	.set frame, 0
	.rept 512
	.quad frame + 0x83 /* 2 MiB, writable */
	.set frame, frame + 0x200000
	.endr

	.section .bss, "aw", @nobits
	.balign 16
	.skip BOOT_STACK_BYTES
	.globl boot_stack_top
boot_stack_top:
