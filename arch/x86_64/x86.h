/* SPDX-License-Identifier: MIT */
#ifndef ARCH_X86_64_X86_H
#define ARCH_X86_64_X86_H

/* What the files of arch/x86_64 share among themselves. */

#include "arch/arch.h"
#include "arch/x86_64/offsets.h"

/* ---- selectors: Linux's numbers, programs see them in signal frames ---- */
#define KERNEL_CODE 0x10
#define KERNEL_DATA 0x18
#define TSS_SELECT  0x40

/* ---- interrupt vectors; entry.S has VECTOR_COUNT stubs ---- */
#define VECTOR_IRQ      32 /* lines 0 .. 23 of the IOAPIC */
#define IRQ_COUNT       24
#define VECTOR_TIMER    56
#define VECTOR_IPI      57
#define VECTOR_SPURIOUS 63
#define VECTOR_COUNT    64

/* ---- model-specific registers ---- */
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_SYSCALL_MASK   0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

static inline void msr_write(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}
static inline uint64_t msr_read(uint32_t msr)
{
	uint32_t low, high;
	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (uint64_t)high << 32;
}

/* ---- ports ---- */
static inline uint8_t port_read8(uint16_t port)
{
	uint8_t value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}
static inline void port_write8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}
static inline void port_write16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}
static inline void port_write32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint64_t tsc_read(void)
{
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return low | (uint64_t)high << 32;
}

/* Physical address of something in the kernel's image. */
static inline uint64_t image_to_phys(const void *address)
{
	return (uint64_t)address - ARCH_KERNEL_BASE;
}

/* ---- features.c ---- */
struct cpu_features {
	bool nx, pages_1g, smep, smap, umip, pge, xsave;
	uint32_t hwcap;      /* CPUID.1:EDX */
	uint32_t xsave_mask; /* what XCR0 holds */
	uint32_t fpu_bytes;  /* what XSAVE or FXSAVE writes */
	char model[49];
};
extern struct cpu_features cpu_features;
void cpu_features_read(void);
/* Control registers and system-call entry of this CPU. */
void cpu_features_enable(void);

/* ---- boot.c ---- */
void *boot_page_take(void);

/* ---- console.c ---- */
void console_init(void);
void serials_init(void);

/* ---- paging.c ---- */
void paging_init(void);

/* ---- descriptors.c ---- */
void descriptors_init(unsigned cpu_id);
/* Where this CPU's next trap from user mode finds its stack. */
void descriptors_set_stack(unsigned cpu_id, uint64_t top);

/* ---- entry.S ---- */
extern char trap_stubs[], syscall_entry[], thread_first_run[];
void thread_switch_stacks(uint64_t *save, uint64_t load);
void frame_leave(struct trap_frame *frame) __attribute__((noreturn));

/* ---- fpu.c ---- */
void fpu_init(void);
void fpu_save(void *area);
void fpu_load(const void *area);
void fpu_reset(void *area); /* and the registers, when it is the running thread's */
/* Of the running thread, for SIGFPE: x87's or SSE's. */
int fpu_exception_code(bool simd);

/* ---- apic.c ---- */
void apic_init(void);     /* boot CPU: find, map, set up lines */
void apic_init_cpu(void); /* this CPU's local part */
void apic_end_of_interrupt(void);
void apic_timer_arm(uint32_t ticks); /* of 1 ns */
uint32_t apic_timer_left(void);
void apic_send(unsigned cpu_id, uint32_t command);
void irq_handle(unsigned line);

/* ---- clock.c ---- */
void clock_init(void);
void clock_interrupt(void);

#endif
