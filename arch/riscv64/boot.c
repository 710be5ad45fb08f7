// SPDX-License-Identifier: MIT
/* From start.S to kernel_main: the machine's description, the kernel's tables, usable memory. */

#include "arch/riscv64/csr.h"
#include "arch/riscv64/machine.h"
#include "arch/riscv64/sbi.h"
#include "kernel/lib/print.h"

#define PAGE_MASK 0xfffull

const char arch_name[] = "riscv64";

void boot_main(uint64_t hart, uint64_t devicetree) __attribute__((noreturn));

/* Cut [start, end) out of the usable memory; whole pages. */
static void memory_cut(uint64_t start, uint64_t end)
{
	start &= ~PAGE_MASK;
	end = (end + PAGE_MASK) & ~PAGE_MASK;
	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		struct boot_range *range = &boot_info.memory[i];
		struct boot_range before = {range->start, start < range->end ? start : range->end};
		struct boot_range after = {end > range->start ? end : range->start, range->end};

		if (before.start < before.end && after.start < after.end &&
		    boot_info.memory_count < BOOT_RANGES_MAX)
			boot_info.memory[boot_info.memory_count++] = after;
		if (before.start < before.end)
			*range = before;
		else if (after.start < after.end)
			*range = after;
		else
			*range = boot_info.memory[--boot_info.memory_count], i--;
	}
}

/* The initrd stays inside: frame_init keeps its frames back. The device tree has been read. */
static void memory_find(void)
{
	for (unsigned i = 0; i < machine.memory_count; i++)
		boot_info.memory[i] = machine.memory[i];
	boot_info.memory_count = machine.memory_count;
	for (unsigned i = 0; i < machine.reserved_count; i++)
		memory_cut(machine.reserved[i].start, machine.reserved[i].end);
	/* The firmware lies below the image; the direct map leaves all that out. */
	for (unsigned i = 0; i < machine.memory_count; i++) {
		const struct boot_range *range = &machine.memory[i];
		if (range->start < image_physical(image_start) &&
		    range->end > image_physical(image_start))
			memory_cut(range->start, image_physical(image_start));
	}
	memory_cut(image_physical(image_start), image_physical(image_end));
}

void boot_main(uint64_t hart, uint64_t devicetree)
{
	devicetree_read(devicetree, hart);
	serial_init();
	mmu_init();
	clock_init();
	memory_find();
	boot_info.cpu_count = machine.hart_count;
	kernel_main();
}
