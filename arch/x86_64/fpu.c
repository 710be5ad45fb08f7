// SPDX-License-Identifier: MIT
/*
 * Floating-point and vector registers: x87, SSE and, with XSAVE, AVX. Saved and
 * loaded at each switch between programs; the kernel itself uses them only in
 * page.S, which puts back what it took. Intel SDM volume 1, 13.4.
 */

#include "abi/signal.h"
#include "arch/x86_64/fpu.h"
#include "arch/x86_64/x86.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/process/process.h"

#define CONTROL_X87 0x37f
#define CONTROL_SSE 0x1f80

uint32_t fpu_mxcsr_mask;
extern bool page_use_avx; /* page.S */

void fpu_init(void)
{
	static struct fpu_area probe;

	if (!cpu_features.xsave)
		cpu_features.fpu_bytes = FPU_LEGACY_BYTES;
	if (cpu_features.fpu_bytes > FPU_AREA_BYTES)
		panic("the CPU's vector state has %u bytes", cpu_features.fpu_bytes);
	__asm__ volatile("fninit; fxsave64 %0" : "=m"(probe));
	page_use_avx = cpu_features.xsave_mask & (1u << 2);
	fpu_mxcsr_mask = probe.mxcsr_mask ? probe.mxcsr_mask : 0xffbf;
}

void fpu_save(void *area)
{
	if (cpu_features.xsave)
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
}

void fpu_load(const void *area)
{
	if (cpu_features.xsave)
		__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(area) : "memory");
}

/* As after reset of the CPU but with all exceptions masked: no part is in use. */
void fpu_reset(void *memory)
{
	struct fpu_area *area = memory;

	memset(area, 0, FPU_LEGACY_BYTES + FPU_HEADER_BYTES);
	area->control = CONTROL_X87;
	area->mxcsr = CONTROL_SSE;
}

/* The si_code of the first exception that is raised and not masked; status and mask as in MXCSR. */
static int exception_code(unsigned raised)
{
	static const int codes[6] = {FPE_FLTINV, FPE_FLTUND, FPE_FLTDIV,
				     FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES};

	for (unsigned bit = 0; bit < 6; bit++)
		if (raised & 1u << bit)
			return codes[bit];
	return FPE_FLTINV;
}

int fpu_exception_code(bool simd)
{
	struct fpu_area *area = thread_current()->arch.fpu;

	fpu_save(area);
	if (simd)
		return exception_code(area->mxcsr & ~(area->mxcsr >> 7));
	return exception_code(area->status & ~area->control);
}
