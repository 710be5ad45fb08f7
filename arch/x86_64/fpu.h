/* SPDX-License-Identifier: MIT */
#ifndef ARCH_X86_64_FPU_H
#define ARCH_X86_64_FPU_H

/* The layout of the XSAVE area, which programs see in signal frames. */

#include <stdint.h>

#define FPU_LEGACY_BYTES 512 /* what FXSAVE writes */
#define FPU_HEADER_BYTES 64
#define FPU_AREA_BYTES   832 /* with AVX, the most that features.c enables */

#define FPU_MAGIC_START 0x46505853u /* Linux: the frame has more than FXSAVE's part */
#define FPU_MAGIC_END   0x46505845u

struct fpu_area {
	uint16_t control, status;
	uint8_t tag, reserved0;
	uint16_t opcode;
	uint64_t ip, data;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t registers[432]; /* x87, then XMM, then 48 bytes that nobody uses */
	struct fpu_software {   /* the CPU leaves these to us; Linux uses them in signal frames */
		uint32_t magic, extended_bytes;
		uint64_t features;
		uint32_t state_bytes, reserved[7];
	} software;
	/* XSAVE's header */
	uint64_t in_use, compaction, reserved1[6];
	uint8_t extended[FPU_AREA_BYTES - FPU_LEGACY_BYTES - FPU_HEADER_BYTES];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct fpu_area) == FPU_AREA_BYTES, "XSAVE area");

extern uint32_t fpu_mxcsr_mask; /* the bits of mxcsr that may be set */

#endif
