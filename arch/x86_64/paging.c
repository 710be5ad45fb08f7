// SPDX-License-Identifier: MIT
/*
 * The kernel's half of every address space, written at each change or execute,
 * never both: text, constants, data, the direct map, devices. It is complete
 * before the first process, so that root tables can copy its two entries.
 *
 *	ARCH_DIRECT_MAP   entry 273  RAM, in the largest pages that there are
 *	ARCH_KERNEL_BASE  entry 511  the image, page by page; above it, devices
 */

#include "arch/x86_64/x86.h"
#include "kernel/lib/print.h"

#define ENTRY_PRESENT  (1ull << 0)
#define ENTRY_WRITE    (1ull << 1)
#define ENTRY_UNCACHED (3ull << 3) /* PWT, PCD */
#define ENTRY_ACCESSED (3ull << 5) /* and dirty */
#define ENTRY_LARGE    (1ull << 7)
#define ENTRY_GLOBAL   (1ull << 8)
#define ENTRY_NX       (1ull << 63)
#define TABLE_FLAGS    (ENTRY_PRESENT | ENTRY_WRITE | ENTRY_ACCESSED)

#define SIZE_4K 0x1000ull
#define SIZE_2M 0x200000ull
#define SIZE_1G 0x40000000ull

#define DIRECT_ENTRY   273
#define IMAGE_ENTRY    511
#define IMAGE_TABLES   4 /* 8 MiB, kernel.ld asserts it */
#define DEVICE_BASE    (ARCH_KERNEL_BASE + SIZE_1G)
#define DEVICE_ENTRIES 512

typedef uint64_t table[512];

static table root __attribute__((aligned(4096)));
static table direct_upper __attribute__((aligned(4096)));
static table image_upper __attribute__((aligned(4096)));
static table image_middle __attribute__((aligned(4096)));
static table image_leaves[IMAGE_TABLES] __attribute__((aligned(4096)));
static table device_middle __attribute__((aligned(4096)));
static table device_leaf __attribute__((aligned(4096)));
static unsigned device_used; /* entries of device_leaf; during boot only */

unsigned mmu_levels = 4;
uint64_t mmu_user_end = 0x00007ffffffff000ull; /* the last page is a guard against sysret's trap */
uint64_t mmu_kernel_root;

extern char kernel_start[], kernel_text_end[], kernel_rodata_end[], kernel_end[];

/* Entry flags that this CPU knows. */
static uint64_t entry_flags(uint64_t flags)
{
	if (!cpu_features.nx)
		flags &= ~ENTRY_NX;
	if (!cpu_features.pge)
		flags &= ~ENTRY_GLOBAL;
	return flags | ENTRY_PRESENT | ENTRY_ACCESSED;
}

static void image_map(const char *from, const char *to, uint64_t flags)
{
	for (const char *at = from; at < to; at += SIZE_4K) {
		uint64_t physical = image_to_phys(at);
		image_leaves[physical / SIZE_2M][physical / SIZE_4K % 512] =
			physical | entry_flags(flags | ENTRY_GLOBAL);
	}
}

static void image_map_all(void)
{
	for (unsigned i = 0; i < IMAGE_TABLES; i++)
		image_middle[i] = image_to_phys(image_leaves[i]) | TABLE_FLAGS;
	image_map(kernel_start, kernel_text_end, 0);
	image_map(kernel_text_end, kernel_rodata_end, ENTRY_NX);
	image_map(kernel_rodata_end, kernel_end, ENTRY_WRITE | ENTRY_NX);
	image_upper[510] = image_to_phys(image_middle) | TABLE_FLAGS;
	device_middle[0] = image_to_phys(device_leaf) | TABLE_FLAGS;
	image_upper[511] = image_to_phys(device_middle) | TABLE_FLAGS;
}

/* The middle table for one GiB of the direct map; NULL: that GiB is mapped as a whole already. */
static uint64_t *direct_middle(uint64_t physical)
{
	uint64_t *upper = &direct_upper[physical / SIZE_1G];

	if (!(*upper & ENTRY_PRESENT))
		*upper = virt_to_phys(boot_page_take()) | TABLE_FLAGS;
	if (*upper & ENTRY_LARGE)
		return NULL;
	return phys_to_virt(*upper & ~0xfffull);
}

/* RAM in [start, end), rounded outwards to 2 MiB; whole GiBs in one entry if the CPU can. */
static void direct_map_range(uint64_t start, uint64_t end)
{
	uint64_t flags = entry_flags(ENTRY_WRITE | ENTRY_NX | ENTRY_LARGE | ENTRY_GLOBAL);
	uint64_t at = start & ~(SIZE_2M - 1);

	while (at < end) {
		if (cpu_features.pages_1g && at % SIZE_1G == 0 && end - at >= SIZE_1G) {
			direct_upper[at / SIZE_1G] = at | flags;
			at += SIZE_1G;
			continue;
		}
		uint64_t *middle = direct_middle(at);
		if (middle)
			middle[at / SIZE_2M % 512] = at | flags;
		at += SIZE_2M;
	}
}

void paging_init(void)
{
	image_map_all();
	/* The low 2 MiB, with the image and what firmware left, are in no range of boot_info. */
	direct_map_range(0, image_to_phys(kernel_end));
	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		struct boot_range range = boot_info.memory[i];
		if (range.end > 512 * SIZE_1G)
			range.end = boot_info.memory[i].end = 512 * SIZE_1G;
		if (range.start < range.end)
			direct_map_range(range.start, range.end);
	}
	if (boot_info.initrd.start < boot_info.initrd.end)
		direct_map_range(boot_info.initrd.start, boot_info.initrd.end);
	root[DIRECT_ENTRY] = image_to_phys(direct_upper) | TABLE_FLAGS;
	root[IMAGE_ENTRY] = image_to_phys(image_upper) | TABLE_FLAGS;
	mmu_kernel_root = image_to_phys(root);
	mmu_switch(mmu_kernel_root);
}

void mmu_root_init(uint64_t *fresh)
{
	fresh[DIRECT_ENTRY] = root[DIRECT_ENTRY];
	fresh[IMAGE_ENTRY] = root[IMAGE_ENTRY];
}

void mmu_switch(uint64_t physical)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(physical) : "memory");
}

void mmu_flush_page(uint64_t address)
{
	__asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

void mmu_flush_user(void)
{
	uint64_t physical;

	__asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=&r"(physical) : : "memory");
}

void *mmu_map_device(uint64_t physical, uint64_t size_bytes)
{
	uint64_t first = physical & ~(SIZE_4K - 1);
	uint64_t count = (physical + size_bytes - first + SIZE_4K - 1) / SIZE_4K;
	uint64_t flags = entry_flags(ENTRY_WRITE | ENTRY_NX | ENTRY_UNCACHED | ENTRY_GLOBAL);
	uint64_t virtual = DEVICE_BASE + device_used * SIZE_4K;

	if (count > DEVICE_ENTRIES - device_used)
		panic("no room to map the device at %lx", physical);
	for (uint64_t i = 0; i < count; i++)
		device_leaf[device_used++] = (first + i * SIZE_4K) | flags;
	return (void *)(virtual + physical % SIZE_4K);
}
