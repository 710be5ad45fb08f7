/* SPDX-License-Identifier: MIT */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

/*
 * What every architecture gives the kernel. Inline parts that must be fast,
 * struct trap_frame and struct arch_thread are in arch/ARCH/include/arch_cpu.h.
 *
 * Interrupts: the kernel runs with interrupts off, from entry to exit. They are
 * on in user mode, in arch_idle, and for a moment in arch_interrupt_point,
 * which long loops call where they hold no spinlock. So spinlocks need not
 * touch the interrupt flag, a CPU's own data needs no lock, and a thread
 * leaves its CPU only where it sleeps or returns to user mode. A CPU that spins
 * for another (flush) polls its own requests meanwhile.
 */

#include "arch_cpu.h"

struct thread;
struct space;

/* ---- boot ---- */

#define BOOT_RANGES_MAX 16

struct boot_range {
	uint64_t start, end; /* physical; whole pages for memory, exact bytes for the initrd */
};

/* Filled in by the architecture before kernel_main. */
struct boot_info {
	struct boot_range
		memory[BOOT_RANGES_MAX]; /* usable RAM, kernel image and firmware cut out */
	unsigned memory_count;
	struct boot_range
		initrd; /* start == end: none. Inside a memory range or not: both happen */
	char command_line[2048];
	unsigned cpu_count; /* capped at CPUS_MAX */
};

extern struct boot_info boot_info;

/* The kernel's entry on the boot CPU, on a stack of its own, direct map and console working. */
void kernel_main(void) __attribute__((noreturn));
/* The same for the others; called on the idle thread's stack. */
void kernel_secondary_main(void) __attribute__((noreturn));

/* Traps, clock, interrupt controller of the boot CPU, console input. After memory is up. */
void arch_init(void);
/* The same for this secondary CPU. */
void arch_init_secondary(void);
/* Start CPU `id` (1 .. cpu_count - 1) with the stack and struct cpu of `idle`; returns when it runs. */
bool arch_cpu_start(unsigned id, struct thread *idle);

/* Stop the machine; panicked: so that the runner can tell. All CPUs end. */
void arch_power_off(bool panicked) __attribute__((noreturn));
void arch_restart(void) __attribute__((noreturn));

/* ---- console: the first serial port, polled output, for the kernel log ---- */
void arch_console_write(const char *text, size_t length);

/* One step up the chain of frame pointers, for a panic's backtrace; false at its end. */
bool arch_frame_step(const uint64_t *frame, uint64_t *caller, uint64_t *next);

/* ---- device interrupts and the serial ports of this machine ---- */
/*
 * From now on call handler(argument) when the line fires (on x86_64 the ISA or
 * GSI number, on riscv64 the PLIC source), on the boot CPU, interrupts off, no
 * lock held. 0, or -EINVAL when there is no such line or it is taken. After arch_init.
 */
int arch_irq_register(unsigned line, void (*handler)(void *argument), void *argument);

enum arch_serial_kind { ARCH_SERIAL_NONE, ARCH_SERIAL_16550, ARCH_SERIAL_VIRTIO_MMIO };

struct arch_serial {
	enum arch_serial_kind kind;
	uint64_t base; /* 16550: what read and write want; virtio: mapped registers, virtual */
	unsigned irq;  /* for arch_irq_register */
	/* 16550 only: its register `index` (0 .. 7), through port I/O or memory. */
	uint8_t (*read)(uint64_t base, unsigned index);
	void (*write)(uint64_t base, unsigned index, uint8_t value);
};

/* Filled in by arch_init. [0] is the console, [1] the runner's control port (/dev/port1). */
#define ARCH_SERIAL_COUNT 2
extern struct arch_serial arch_serials[ARCH_SERIAL_COUNT];

/* ---- clock ---- */
uint64_t clock_now_ns(void);       /* since boot, the same on all CPUs, never backwards */
uint64_t clock_boot_wall_ns(void); /* CLOCK_REALTIME at clock_now_ns() == 0, from the RTC */
/* One shot on this CPU: trap_timer is called at or after the time. UINT64_MAX: never. */
void clock_set_deadline(uint64_t deadline_ns);

/* ---- other CPUs ---- */
void ipi_send(unsigned cpu_id); /* trap_ipi runs there, soon; several may become one */
/* Another CPU's request may be pending while this one spins with interrupts off: serve it. */
void ipi_poll(void);

/* ---- MMU ---- */
/* Generic walks are in kernel/mm/pagetable.c, over shm_cpu.h. */
extern unsigned mmu_levels;            /* 4 or 3 */
extern uint64_t mmu_user_end;          /* first address that is not user's */
extern uint64_t mmu_kernel_root;       /* physical; the root with only the kernel in it */
void mmu_root_init(uint64_t *root);    /* put the kernel's part into a fresh, zeroed root table */
void mmu_switch(uint64_t root);        /* load a root on this CPU; flushes what is not global */
void mmu_flush_page(uint64_t address); /* this CPU, one user address */
void mmu_flush_user(void);             /* this CPU, all of user space */

/* Physical memory is at phys_to_virt(physical), all of it, read-write, not executable. */
static inline void *phys_to_virt(uint64_t physical)
{
	return (void *)(physical + ARCH_DIRECT_MAP);
}
static inline uint64_t virt_to_phys(const void *virtual)
{
	return (uint64_t)virtual - ARCH_DIRECT_MAP; /* direct map only, not the kernel image */
}
/* Map device registers uncached; never unmapped. Returns the virtual address. */
void *mmu_map_device(uint64_t physical, uint64_t size_bytes);

/* ---- threads ---- */
/*
 * The thread first runs entry(argument), on its own stack, below the room for the
 * user's frame (frame_of in kernel/process/thread.h), which it leaves alone: the entry may end
 * with arch_return_to_user. The entry calls schedule_finish first of all.
 */
void arch_thread_init(struct thread *thread, void (*entry)(void *), void *argument);
/* Save `from`, run `to`: stack, callee-saved registers, user TLS, FP state. Not the space. */
void arch_thread_switch(struct thread *from, struct thread *to);
/* Leave the kernel for user mode with the frame at the top of this thread's stack. */
void arch_return_to_user(void) __attribute__((noreturn));
/* A fresh frame for execve: everything zero but ip and sp; FP state reset. */
void arch_frame_start(struct thread *thread, uint64_t ip, uint64_t sp);
void arch_thread_set_tls(struct thread *thread, uint64_t tls);     /* clone's CLONE_SETTLS */
int arch_thread_copy(struct thread *child, struct thread *parent); /* FP state, TLS; 0, -ENOMEM */
void arch_thread_destroy(struct thread *thread);

/* ---- signals: the frame on the user's stack, as Linux lays it out ---- */
struct signal_delivery;
/* 0, or -EFAULT when the user's stack cannot be written. */
int arch_signal_deliver(struct thread *thread, const struct signal_delivery *delivery);
/* rt_sigreturn: restore from the user's stack; 0 and the saved mask, or -EFAULT. */
int arch_signal_return(struct thread *thread, uint64_t *mask);

/* ---- user memory: the only way to it ---- */
/* Each checks the range, opens user access, survives a fault. 0 or -EFAULT; all or unspecified part done. */
int copy_from_user(void *to, uint64_t from, size_t size_bytes);
int copy_to_user(uint64_t to, const void *from, size_t size_bytes);
int clear_user(uint64_t to, size_t size_bytes);
/* Length without the NUL, -EFAULT, or -ENAMETOOLONG when no NUL within size_bytes. */
long copy_string_from_user(char *to, uint64_t from, size_t size_bytes);
/* 32-bit words, aligned (checked: -EINVAL), for futexes. */
int user_load_u32(uint32_t *value, uint64_t address);
int user_store_u32(uint64_t address, uint32_t value);
/* Atomic: if *address == expected, store desired. *seen is what was there. 0, -EFAULT. */
int user_cmpxchg_u32(uint64_t address, uint32_t expected, uint32_t desired, uint32_t *seen);
/* The kernel faulted at ip inside one of these: where to go on, or 0. */
uint64_t arch_fixup_find(uint64_t ip);

/* ---- page memory ---- */
void page_clear(void *page); /* 4096 bytes, aligned */
void page_copy(void *to, const void *from);

/* ---- what the architecture calls in the kernel ---- */

/* A system call: number and arguments are in the frame; sets the result. (kernel/syscall/dispatch.c) */
void trap_syscall(struct trap_frame *frame);
/*
 * A page fault. access: SHM_READ, SHM_WRITE or SHM_EXEC. (kernel/mm/fault.c)
 * From the kernel: goes to arch_fixup_find or panics.
 */
void trap_page_fault(struct trap_frame *frame, uint64_t address, unsigned access);
/* Another exception in user mode: the signal it means. (kernel/process/signal.c) */
void trap_user_exception(struct trap_frame *frame, int signal, int code, uint64_t address);
void trap_timer(void); /* kernel/process/schedule.c */
void trap_ipi(void);   /* kernel/process/ipi.c */
/* Before user mode, when thread_current()->work is not 0: signals, reschedule. */
void trap_return_work(struct trap_frame *frame);

/* Names and words for /proc/cpuinfo, uname, the aux vector. */
extern const char arch_name[]; /* "x86_64" */
void arch_cpuinfo_line(char *text, size_t size_bytes, unsigned cpu_id);
uint64_t arch_hwcap(void);

#endif
