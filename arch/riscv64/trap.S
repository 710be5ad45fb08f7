/* SPDX-License-Identifier: MIT */
/*
 * Into the kernel and out of it. In user mode sscratch holds this hart's struct
 * cpu; in the kernel it is 0 and tp holds it. A trap from user mode starts at
 * the top of the thread's kernel stack, where its frame always lies; one from the
 * kernel (an interrupt in idle or at an interrupt point, a fault in a user
 * copy) continues on the stack that it finds.
 */

#include "arch/riscv64/offsets.h"

	.altmacro
	.macro save_one n
	sd x\n, \n * 8(sp)
	.endm
	.macro load_one n
	ld x\n, \n * 8(sp)
	.endm
	/* x5 to x31; x1 to x4 are the caller's business. */
	.macro save_most
	.set register, 5
	.rept 27
	save_one %register
	.set register, register + 1
	.endr
	.endm
	.macro load_range first, last
	.set register, \first
	.rept \last - \first + 1
	load_one %register
	.set register, register + 1
	.endr
	.endm
	.macro load_most
	load_range 5, 31
	.endm

	.text
	.balign 4
	.global trap_entry
trap_entry:
	csrrw tp, sscratch, tp
	beqz tp, trap_from_kernel

	sd sp, CPU_SCRATCH(tp)
	ld sp, CPU_KERNEL_STACK(tp)
	addi sp, sp, -FRAME_BYTES
	sd ra, 1 * 8(sp)
	sd gp, 3 * 8(sp)
	save_most
	ld t0, CPU_SCRATCH(tp)
	csrrw t1, sscratch, zero
	sd t0, 2 * 8(sp)
	sd t1, 4 * 8(sp)
	csrr t0, scause
	csrr t1, sepc
	csrr t2, sstatus
	sd t2, FRAME_SSTATUS(sp)
	li s0, 0 /* the chain of stack frames ends here */
	mv a0, sp
	li t3, CAUSE_SYSTEM_CALL
	bne t0, t3, trap_other

	ld t3, 10 * 8(sp)
	addi t1, t1, 4
	sd t1, FRAME_SEPC(sp)
	sd a7, FRAME_NUMBER(sp)
	sd t3, FRAME_FIRST_ARGUMENT(sp)
	call trap_syscall
	ld t0, CPU_THREAD(tp)
	lw t0, THREAD_WORK(t0)
	bnez t0, return_work
	/* A handler that replaces the frame (execve, rt_sigreturn) leaves no number in it. */
	ld t0, FRAME_NUMBER(sp)
	bltz t0, trap_return_user
	ld t1, FRAME_SEPC(sp)
	ld t2, FRAME_SSTATUS(sp)
	csrw sepc, t1
	csrw sstatus, t2
	csrw sscratch, tp
	/* s1 to s11 are as they were: the handler, a C function, has kept them. */
	load_range 5, 8
	load_range 10, 17
	load_range 28, 31
	ld ra, 1 * 8(sp)
	ld gp, 3 * 8(sp)
	ld tp, 4 * 8(sp)
	ld sp, 2 * 8(sp)
	sret

	/* sp is at the frame of a thread that goes back to user mode. */
	.global trap_return_user
trap_return_user:
	ld t0, CPU_THREAD(tp)
	lw t0, THREAD_WORK(t0)
	bnez t0, return_work
	ld t1, FRAME_SEPC(sp)
	ld t2, FRAME_SSTATUS(sp)
	csrw sepc, t1
	csrw sstatus, t2
	csrw sscratch, tp
	load_most
	ld ra, 1 * 8(sp)
	ld gp, 3 * 8(sp)
	ld tp, 4 * 8(sp)
	ld sp, 2 * 8(sp)
	sret

return_work:
	mv a0, sp
	call trap_return_work
	j trap_return_user

trap_other:
	sd t1, FRAME_SEPC(sp)
	li t3, -1
	sd t3, FRAME_NUMBER(sp)
	mv a1, t0
	csrr a2, stval
	call trap_from_user
	j trap_return_user

	.balign 4
trap_from_kernel:
	csrrw tp, sscratch, tp /* as they were: tp the cpu, sscratch 0 */
	sd sp, CPU_SCRATCH(tp)
	addi sp, sp, -FRAME_BYTES
	sd ra, 1 * 8(sp)
	sd gp, 3 * 8(sp)
	save_most
	ld t0, CPU_SCRATCH(tp)
	sd t0, 2 * 8(sp)
	csrr a1, scause
	csrr t1, sepc
	csrr t2, sstatus
	sd t1, FRAME_SEPC(sp)
	sd t2, FRAME_SSTATUS(sp)
	li t3, -1
	sd t3, FRAME_NUMBER(sp)
	/* A fault in a user copy came with user access open: close it; sret opens it again. */
	li t3, SSTATUS_SUM
	csrc sstatus, t3
	mv a0, sp
	csrr a2, stval
	call trap_in_kernel
	ld t1, FRAME_SEPC(sp)
	ld t2, FRAME_SSTATUS(sp)
	csrw sepc, t1
	csrw sstatus, t2
	load_most
	ld ra, 1 * 8(sp)
	ld gp, 3 * 8(sp)
	ld sp, 2 * 8(sp)
	sret

	/* thread_switch_registers(struct arch_thread *from, struct arch_thread *to) */
	.global thread_switch_registers
thread_switch_registers:
	sd sp, THREAD_STACK_POINTER(a0) /* offset 0: see below */
	sd ra, THREAD_RETURN_ADDRESS(a0)
	.set slot, THREAD_SAVED
	.irp name, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
	sd \name, slot(a0)
	.set slot, slot + 8
	.endr
	/*
	 * End a reservation that `from` left between its lr and sc: `to` may be about to execute
	 * its sc, and must not win with it. If it succeeds it stores what is there.
	 */
	sc.d zero, sp, (a0)
	ld sp, THREAD_STACK_POINTER(a1)
	ld ra, THREAD_RETURN_ADDRESS(a1)
	.set slot, THREAD_SAVED
	.irp name, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
	ld \name, slot(a1)
	.set slot, slot + 8
	.endr
	ret

	/* A thread's first return from thread_switch_registers: s1 is its entry, s2 the argument. */
	.global thread_first
thread_first:
	mv a0, s2
	jalr s1
	call schedule_dead

	.global arch_return_to_user
arch_return_to_user:
	ld sp, CPU_KERNEL_STACK(tp)
	addi sp, sp, -FRAME_BYTES
	li s0, 0
	j trap_return_user

	.option push
	.option arch, +f, +d
	/* fp_save(struct arch_thread *), fp_load(const struct arch_thread *); FS is not off. */
	.global fp_save
fp_save:
	frcsr t0
	sw t0, THREAD_FCSR(a0)
	.macro fp_save_one n
	fsd f\n, THREAD_FP + \n * 8(a0)
	.endm
	.set register, 0
	.rept 32
	fp_save_one %register
	.set register, register + 1
	.endr
	ret

	.global fp_load
fp_load:
	lw t0, THREAD_FCSR(a0)
	fscsr t0
	.macro fp_load_one n
	fld f\n, THREAD_FP + \n * 8(a0)
	.endm
	.set register, 0
	.rept 32
	fp_load_one %register
	.set register, register + 1
	.endr
	ret
	.option pop
