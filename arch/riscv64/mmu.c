// SPDX-License-Identifier: MIT
/*
 * The kernel's own page tables. One table, kernel_upper, maps the last 512 GiB
 * of the address space: its upper half is all that the kernel uses, so that
 * under Sv39 it serves as the root, and under Sv48 it hangs in the root's last
 * entry. Every space's root shares what it points to; it never changes after boot.
 *
 *	ARCH_DIRECT_MAP     physical 0 to 2 GiB (devices) and all memory: read-write, but
 *	                    the kernel's text and constants read-only there too
 *	USER_CODE_ADDRESS   one page of code for programs: returning from signal handlers
 *	ARCH_KERNEL_BASE    the image: text r-x, constants r--, data rw-
 *
 * Flushes are always of the whole user half: an address given to sfence.vma covers
 * only leaf entries (privileged architecture, 4.2.1), and links change middle ones.
 */

#include "arch/riscv64/csr.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/usercode.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"

#include <shm_cpu.h>

#define ENTRIES     512
#define PAGE_SIZE_  4096ull
#define MIDDLE_SIZE (1ull << 21)
#define UPPER_SIZE  (1ull << 30)
#define TABLES_MAX  16

#define PTE_GLOBAL (1ull << 5)
#define PTE_KERNEL (SHM_RISCV_VALID | SHM_RISCV_ACCESSED | PTE_GLOBAL)
#define PTE_READ   (PTE_KERNEL | SHM_RISCV_READ)
#define PTE_WRITE  (PTE_READ | SHM_RISCV_WRITE | SHM_RISCV_DIRTY)
#define PTE_TEXT   (PTE_READ | SHM_RISCV_EXECUTE)

#define SATP_SV39 (8ull << 60)
#define SATP_SV48 (9ull << 60)

unsigned mmu_levels;
uint64_t mmu_user_end;
uint64_t mmu_kernel_root;
uint64_t secondary_satp; /* start.S: what the other CPUs start with */

static uint64_t satp_mode;
static uint64_t kernel_upper[ENTRIES] __attribute__((aligned(4096)));
static uint64_t kernel_root[ENTRIES] __attribute__((aligned(4096)));
static uint64_t table_pool[TABLES_MAX][ENTRIES] __attribute__((aligned(4096)));
static unsigned tables_used;

/* The table that an entry of the kernel's tables points to, made if need be. */
static uint64_t *table_below(uint64_t *entry)
{
	if (*entry == SHM_ENTRY_NONE) {
		if (tables_used == TABLES_MAX)
			panic("memory has too many pieces for the kernel's tables");
		*entry = shm_entry_table(image_physical(table_pool[tables_used++]));
	}
	return phys_to_virt(shm_entry_frame(*entry));
}

/* Map [address, end) to `physical`, with the largest pages that fit. All are whole pages. */
static void map_range(uint64_t address, uint64_t end, uint64_t physical, uint64_t bits)
{
	while (address < end) {
		uint64_t both = address | physical, size_bytes = PAGE_SIZE_;
		uint64_t *entry = &kernel_upper[address / UPPER_SIZE % ENTRIES];

		if (both % UPPER_SIZE == 0 && end - address >= UPPER_SIZE) {
			size_bytes = UPPER_SIZE;
		} else {
			entry = &table_below(entry)[address / MIDDLE_SIZE % ENTRIES];
			if (both % MIDDLE_SIZE == 0 && end - address >= MIDDLE_SIZE)
				size_bytes = MIDDLE_SIZE;
			else
				entry = &table_below(entry)[address / PAGE_SIZE_ % ENTRIES];
		}
		*entry = physical >> 2 | bits;
		address += size_bytes;
		physical += size_bytes;
	}
}

static void map_direct(uint64_t start, uint64_t end, uint64_t bits)
{
	map_range(start + ARCH_DIRECT_MAP, end + ARCH_DIRECT_MAP, start, bits);
}

static void map_image_part(const char *start, const char *end, uint64_t bits)
{
	map_range((uint64_t)start, (uint64_t)end, image_physical(start), bits);
}

/* The memory that holds the image: what the image may not write, the direct map may not either. */
static void map_memory(const struct boot_range *memory)
{
	uint64_t start = memory->start & -MIDDLE_SIZE;
	uint64_t end = (memory->end + MIDDLE_SIZE - 1) & -MIDDLE_SIZE;
	uint64_t image = image_physical(image_start);
	uint64_t constants_end = image_physical(image_constants_end);

	if (image < start || image >= end) {
		map_direct(start, end, PTE_WRITE);
		return;
	}
	/* What lies before the image is the firmware's, and stays unmapped. */
	map_direct(image, constants_end, PTE_READ);
	map_direct(constants_end, end, PTE_WRITE);
}

void mmu_init(void)
{
	satp_mode = csr_read(satp) & 0xfull << 60;
	/* The addresses are the same in both modes, so one can be left for the other here. */
	if (kernel_argument_flag("riscv.sv39"))
		satp_mode = SATP_SV39;
	mmu_levels = satp_mode == SATP_SV48 ? 4 : 3;
	mmu_user_end = satp_mode == SATP_SV48 ? 1ull << 47 : 1ull << 38;

	map_direct(0, 2 * UPPER_SIZE, PTE_WRITE);
	for (unsigned i = 0; i < machine.memory_count; i++)
		map_memory(&machine.memory[i]);
	map_image_part(image_start, image_text_end, PTE_TEXT);
	map_image_part(image_text_end, image_constants_end, PTE_READ);
	map_image_part(image_constants_end, image_end, PTE_WRITE);
	map_range(USER_CODE_ADDRESS, USER_CODE_ADDRESS + PAGE_SIZE_, image_physical(user_code),
		  PTE_TEXT | SHM_RISCV_USER);

	mmu_root_init(kernel_root);
	mmu_kernel_root = image_physical(kernel_root);
	secondary_satp = mmu_satp(mmu_kernel_root);
	csr_write(satp, secondary_satp);
	__asm__ volatile("sfence.vma" ::: "memory");
}

uint64_t mmu_satp(uint64_t root)
{
	return satp_mode | root >> 12;
}

void mmu_root_init(uint64_t *root)
{
	if (mmu_levels == 4)
		root[ENTRIES - 1] = shm_entry_table(image_physical(kernel_upper));
	else
		memcpy(root + ENTRIES / 2, kernel_upper + ENTRIES / 2, sizeof(kernel_upper) / 2);
}

/* fence.i: pages of code that another hart wrote are fetched afresh by who comes to run here. */
void mmu_switch(uint64_t root)
{
	csr_write(satp, mmu_satp(root));
	__asm__ volatile("sfence.vma x0, %0; fence.i" ::"r"(0ull) : "memory");
}

void mmu_flush_page(uint64_t address)
{
	(void)address;
	mmu_flush_user();
}

/* Address space identifier 0 in a register: all but global entries. */
void mmu_flush_user(void)
{
	__asm__ volatile("sfence.vma x0, %0" ::"r"(0ull) : "memory");
}

void *mmu_map_device(uint64_t physical, uint64_t size_bytes)
{
	/* What is cached is the platform's attribute here, not the entry's. */
	kassert(physical + size_bytes <= 2 * UPPER_SIZE);
	return phys_to_virt(physical);
}
