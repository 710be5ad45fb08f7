// SPDX-License-Identifier: MIT
/* What the CPU can do, and switching it on: Intel SDM volume 3, 2.5; volume 2, CPUID. */

#include "arch/x86_64/x86.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/process/cpu.h"

#define CR4_OSFXSR     (1ull << 9)
#define CR4_OSXMMEXCPT (1ull << 10)
#define CR4_PAE        (1ull << 5)
#define CR4_PGE        (1ull << 7)
#define CR4_UMIP       (1ull << 11)
#define CR4_OSXSAVE    (1ull << 18)
#define CR4_SMEP       (1ull << 20)
#define CR4_SMAP       (1ull << 21)

#define FLAG_TF   (1u << 8)
#define FLAG_IF   (1u << 9)
#define FLAG_DF   (1u << 10)
#define FLAG_IOPL (3u << 12)
#define FLAG_NT   (1u << 14)
#define FLAG_RF   (1u << 16)
#define FLAG_AC   (1u << 18)

#define EFER_SCE (1u << 0)

#define XSTATE_WANTED 7u /* x87, SSE, AVX */

struct cpu_features cpu_features;
const char arch_name[] = "x86_64";

/* Places in the text that need a feature: written as no-ops, made real here. entry.S has the macro. */
struct patch {
	uint64_t address;
	uint32_t length;
	uint8_t code[4];
};
extern const struct patch patch_table_start[], patch_table_end[];

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid id;
	__asm__ volatile("cpuid"
			 : "=a"(id.eax), "=b"(id.ebx), "=c"(id.ecx), "=d"(id.edx)
			 : "a"(leaf), "c"(subleaf));
	return id;
}

static void model_read(void)
{
	if (cpuid(0x80000000, 0).eax < 0x80000004)
		return;
	for (uint32_t i = 0; i < 3; i++) {
		struct cpuid id = cpuid(0x80000002 + i, 0);
		memcpy(cpu_features.model + 16 * i, &id, sizeof(id));
	}
}

void cpu_features_read(void)
{
	struct cpu_features *features = &cpu_features;
	uint32_t leaves = cpuid(0, 0).eax;
	struct cpuid basic = cpuid(1, 0);
	struct cpuid extended = cpuid(0x80000001, 0);

	features->hwcap = basic.edx;
	features->pge = basic.edx & (1u << 13);
	features->nx = extended.edx & (1u << 20);
	features->pages_1g = extended.edx & (1u << 26);
	if (leaves >= 7) {
		struct cpuid structured = cpuid(7, 0);
		features->smep = structured.ebx & (1u << 7);
		features->smap = structured.ebx & (1u << 20);
		features->umip = structured.ecx & (1u << 2);
	}
	features->xsave = leaves >= 13 && (basic.ecx & (1u << 26));
	if (features->xsave)
		features->xsave_mask = cpuid(13, 0).eax & XSTATE_WANTED;
	model_read();
}

/* Before the text is made read-only: through the direct map it stays writable. */
static void patches_apply(void)
{
	for (const struct patch *patch = patch_table_start; patch < patch_table_end; patch++)
		memcpy(phys_to_virt(image_to_phys((const void *)patch->address)), patch->code,
		       patch->length);
}

static void xsave_enable(void)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"(cpu_features.xsave_mask), "d"(0));
	cpu_features.fpu_bytes = cpuid(13, 0).ebx;
}

void cpu_features_enable(void)
{
	uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	uint64_t kernel_and_user = (uint64_t)KERNEL_CODE << 32 | (uint64_t)(USER_CODE - 16) << 48;

	cr4 |= cpu_features.pge ? CR4_PGE : 0;
	cr4 |= cpu_features.umip ? CR4_UMIP : 0;
	cr4 |= cpu_features.smep ? CR4_SMEP : 0;
	cr4 |= cpu_features.smap ? CR4_SMAP : 0;
	cr4 |= cpu_features.xsave ? CR4_OSXSAVE : 0;
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
	if (cpu_features.xsave)
		xsave_enable();
	if (cpu_current()->id == 0) {
		if (cpu_features.smap)
			patches_apply();
		fpu_init();
	}
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
	msr_write(MSR_STAR, kernel_and_user);
	msr_write(MSR_LSTAR, (uint64_t)syscall_entry);
	msr_write(MSR_SYSCALL_MASK,
		  FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_RF | FLAG_AC);
}

uint64_t arch_hwcap(void)
{
	return cpu_features.hwcap;
}

void arch_cpuinfo_line(char *text, size_t size_bytes, unsigned cpu_id)
{
	format(text, size_bytes,
	       "processor\t: %u\nvendor_id\t: Samepage\nmodel name\t: %s\nflags\t\t:%s%s%s%s%s\n\n",
	       cpu_id, cpu_features.model, " fpu tsc msr apic syscall lm",
	       cpu_features.nx ? " nx" : "", cpu_features.xsave ? " xsave" : "",
	       cpu_features.smep ? " smep" : "", cpu_features.smap ? " smap" : "");
}
