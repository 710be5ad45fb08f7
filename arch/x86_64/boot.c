// SPDX-License-Identifier: MIT
/*
 * The first C code: what QEMU says about the machine (PVH start information)
 * becomes boot_info; then the kernel's own page tables, and kernel_main.
 */

#include "arch/x86_64/x86.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/process/cpu.h"

#define START_MAGIC   0x336ec578
#define RANGE_RAM     1
#define LOW_MEMORY    0x100000ull /* firmware, start information, the trampoline: not ours */
#define FW_CFG_SELECT 0x510
#define FW_CFG_DATA   0x511
#define FW_CFG_CPUS   5

/* https://xenbits.xen.org/docs/unstable/misc/pvh.html: hvm_start_info and what it points to. */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules, command_line, rsdp;
	uint64_t ranges; /* version 1 */
	uint32_t range_count, reserved;
};
struct start_module {
	uint64_t address, size_bytes, command_line, reserved;
};
struct start_range {
	uint64_t address, size_bytes;
	uint32_t type, reserved;
};

extern char kernel_end[];

void boot_start(uint64_t start_physical) __attribute__((noreturn));

static void memory_add(uint64_t start, uint64_t end)
{
	start = (start + 4095) & ~4095ull;
	end &= ~4095ull;
	if (start < end && boot_info.memory_count < BOOT_RANGES_MAX)
		boot_info.memory[boot_info.memory_count++] = (struct boot_range){start, end};
}

/* The kernel image is the only hole above LOW_MEMORY that the machine's own map does not show. */
static void memory_read(const struct start_info *start)
{
	const struct start_range *range = phys_to_virt(start->ranges);
	uint64_t image_end = image_to_phys(kernel_end);

	for (unsigned i = 0; i < start->range_count; i++, range++) {
		uint64_t from = range->address, to = from + range->size_bytes;

		if (range->type != RANGE_RAM)
			continue;
		if (from < LOW_MEMORY)
			from = LOW_MEMORY;
		if (from < image_end && to > image_end)
			from = image_end;
		memory_add(from, to);
	}
}

/*
 * Take zeroed pages behind the kernel image, before there is an allocator.
 * The first page tables reach 1 GiB; the initrd lies at the end of memory.
 */
void *boot_page_take(void)
{
	struct boot_range *range = &boot_info.memory[0];
	void *page;

	for (unsigned i = 0; i < boot_info.memory_count; i++) {
		range = &boot_info.memory[i];
		if (range->start >= image_to_phys(kernel_end))
			break;
	}
	uint64_t taken = range->start;
	bool in_initrd = taken < boot_info.initrd.end && taken + 4096 > boot_info.initrd.start;
	if (in_initrd || taken + 4096 > range->end || taken >= 1ull << 30)
		panic("no memory behind the kernel image for page tables");
	range->start += 4096;
	page = phys_to_virt(taken);
	memset(page, 0, 4096);
	return page;
}

static unsigned cpu_count_read(void)
{
	unsigned count;

	port_write16(FW_CFG_SELECT, FW_CFG_CPUS);
	count = port_read8(FW_CFG_DATA);
	count |= (unsigned)port_read8(FW_CFG_DATA) << 8;
	if (count == 0 || count == 0xffff)
		count = 1; /* no such device */
	return count > CPUS_MAX ? CPUS_MAX : count;
}

void boot_start(uint64_t start_physical)
{
	const struct start_info *start = phys_to_virt(start_physical);
	struct cpu *cpu = &cpus[0];

	cpu->arch.self = cpu;
	msr_write(MSR_GS_BASE, (uint64_t)cpu);
	console_init();
	cpu_features_read();
	if (start->magic != START_MAGIC || start->version < 1)
		panic("not entered through PVH: bad start information");
	if (start->module_count) {
		const struct start_module *module = phys_to_virt(start->modules);
		boot_info.initrd.start = module->address;
		boot_info.initrd.end = module->address + module->size_bytes;
	}
	if (start->command_line)
		string_copy(boot_info.command_line, phys_to_virt(start->command_line),
			    sizeof(boot_info.command_line));
	memory_read(start);
	boot_info.cpu_count = cpu_count_read();
	paging_init();
	descriptors_init(0);
	cpu_features_enable();
	kernel_main();
}
