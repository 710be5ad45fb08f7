/* SPDX-License-Identifier: MIT */
/*
 * The first instructions, on the boot CPU from OpenSBI and on the others from
 * its HSM extension: supervisor mode, translation off, at physical addresses.
 *
 * Translation goes on by a trap: stvec points to the virtual address where to
 * go on, satp is written, and the next fetch, whose physical address is not
 * mapped, faults. A hart that lacks the mode ignores the write to satp and
 * simply goes on: so Sv48 is tried first, then Sv39.
 */

#include "arch/riscv64/offsets.h"

#define SATP_SV39 8
#define SATP_SV48 9
#define PTE_TABLE 0x01
#define PTE_ALL   0xef /* dirty, accessed, global, read, write, execute, valid */

	/* a0 and a1 are kept. root in t0 (physical), mode constant; goes on at `label`. */
	.macro translate mode, label
	la t1, \label
	li t2, -1
	slli t2, t2, 32
	add t1, t1, t2
	csrw stvec, t1
	srli t0, t0, 12
	li t1, \mode
	slli t1, t1, 60
	or t0, t0, t1
	sfence.vma
	csrw satp, t0
	.endm

	.section .text.start, "ax"
	.global _start
_start:
	/*
	 * OpenSBI 1.1 marks a hart as one to be started before it notes where: a hart that looks
	 * in between comes here, as at power-on. Only the first to come is the boot hart.
	 */
	la t0, boot_taken
	li t1, 1
	amoswap.w t1, t1, (t0)
	bnez t1, _start_secondary
	csrw sie, zero
	csrw sstatus, zero
	/* Under Sv48 the table of the last 512 GiB hangs in the last root entry. */
	la t0, boot_root
	la t1, boot_upper
	srli t1, t1, 2
	ori t1, t1, PTE_TABLE
	li t2, 511 * 8
	add t2, t2, t0
	sd t1, 0(t2)
	translate SATP_SV48, boot_high
	/* Under Sv39 it is the root itself. */
	la t0, boot_upper
	translate SATP_SV39, boot_high
1:	wfi
	j 1b

	.balign 4
boot_high:
	la sp, boot_stack_end
	la tp, cpus
	la t0, trap_entry
	csrw stvec, t0
	csrw sscratch, zero
	li s0, 0
	li ra, 0
	call boot_main
1:	wfi
	j 1b

	/* CPUs are started one at a time: secondary_cpu is this one's struct cpu, with its stack. */
	.global _start_secondary
_start_secondary:
	csrw sie, zero
	csrw sstatus, zero
	la t0, secondary_satp
	ld t0, 0(t0)
	la t1, secondary_high
	li t2, -1
	slli t2, t2, 32
	add t1, t1, t2
	csrw stvec, t1
	sfence.vma
	csrw satp, t0
1:	wfi
	j 1b

	.balign 4
secondary_high:
	la tp, secondary_cpu
	ld tp, 0(tp)
	ld sp, CPU_KERNEL_STACK(tp)
	la t0, trap_entry
	csrw stvec, t0
	csrw sscratch, zero
	li s0, 0
	li ra, 0
	call secondary_main
1:	wfi
	j 1b

	/*
	 * boot_taken is in .data, not .bss: it must be 0 when nothing has run yet.
	 *
	 * The tables that start-up runs on: physical 0 to 8 GiB at the direct map,
	 * and the second GiB from 2 on where the image is linked. mmu.c replaces them.
	 */
	.data
	.balign 4
boot_taken:
	.word 0

	.balign 4096
boot_upper:
	.zero 256 * 8
	.quad 0x00000000 + PTE_ALL, 0x10000000 + PTE_ALL, 0x20000000 + PTE_ALL, 0x30000000 + PTE_ALL
	.quad 0x40000000 + PTE_ALL, 0x50000000 + PTE_ALL, 0x60000000 + PTE_ALL, 0x70000000 + PTE_ALL
	.zero (510 - 264) * 8
	.quad 0x20000000 + PTE_ALL
	.quad 0

	.bss
	.balign 4096
boot_root:
	.zero 4096
boot_stack:
	.zero 16384
boot_stack_end:
