/* SPDX-License-Identifier: MIT */
#ifndef ARCH_RISCV64_SBI_H
#define ARCH_RISCV64_SBI_H

/* The firmware's services: RISC-V Supervisor Binary Interface 1.0. */

#include <stdint.h>

#define SBI_LEGACY_PUTCHAR 1
#define SBI_BASE           0x10
#define SBI_TIME           0x54494d45
#define SBI_IPI            0x735049
#define SBI_RFENCE         0x52464e43
#define SBI_HSM            0x48534d
#define SBI_SRST           0x53525354

struct sbi_result {
	long error, value;
};

static inline struct sbi_result sbi_call(long extension, long function, uint64_t first,
					 uint64_t second, uint64_t third)
{
	register uint64_t a0 __asm__("a0") = first;
	register uint64_t a1 __asm__("a1") = second;
	register uint64_t a2 __asm__("a2") = third;
	register long a6 __asm__("a6") = function;
	register long a7 __asm__("a7") = extension;

	__asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
	return (struct sbi_result){(long)a0, (long)a1};
}

#endif
