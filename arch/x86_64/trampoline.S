/* SPDX-License-Identifier: MIT */
/*
 * A secondary CPU's first steps, copied to 0x8000: 16-bit real mode, to 32 bits
 * by boot.S's GDT, to 64 by its enter_long_mode, into the kernel.
 */

#define KERNEL_BASE      0xffffffff80000000
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)
#define TRAMPOLINE       0x8000

	.section .rodata, "a"
	.globl trampoline_start, trampoline_end
	.code16
trampoline_start:
	cli
	cld
	xor %ax, %ax
	mov %ax, %ds
	lgdtl TRAMPOLINE + (gdt_pointer - trampoline_start)
	mov $1, %eax /* CR0.PE */
	mov %eax, %cr0
	ljmpl $0x20, $(TRAMPOLINE + protected - trampoline_start)

	.code32
protected:
	mov $0x18, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov $(TRAMPOLINE + 0x1000), %esp
	mov $PHYSICAL(enter_long_mode), %eax
	call *%eax
	ljmp $0x10, $(TRAMPOLINE + long_mode - trampoline_start)

	.code64
long_mode:
	xor %eax, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	movabs $secondary_entry, %rax
	jmp *%rax

	.balign 4
gdt_pointer:
	.word 5 * 8 - 1
	.long PHYSICAL(boot_gdt)
trampoline_end:

	.text
secondary_entry:
	/* The first page tables reach 1 GiB: the stack may lie above. */
	mov mmu_kernel_root(%rip), %rax
	mov %rax, %cr3
	mov secondary_stack(%rip), %rsp
	xor %ebp, %ebp
	call secondary_start
	ud2
