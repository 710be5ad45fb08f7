/* SPDX-License-Identifier: MIT */
#ifndef ARCH_RISCV64_CSR_H
#define ARCH_RISCV64_CSR_H

/* Control and status registers. */

#include <stdint.h>

#define csr_read(name)                                                                             \
	({                                                                                         \
		uint64_t csr_value;                                                                \
		__asm__ volatile("csrr %0, " #name : "=r"(csr_value)::"memory");                   \
		csr_value;                                                                         \
	})
#define csr_write(name, value)                                                                     \
	__asm__ volatile("csrw " #name ", %0" ::"r"((uint64_t)(value)) : "memory")
#define csr_set(name, bits)                                                                        \
	__asm__ volatile("csrs " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")
#define csr_clear(name, bits)                                                                      \
	__asm__ volatile("csrc " #name ", %0" ::"r"((uint64_t)(bits)) : "memory")

/* Bits of sie and sip. */
#define INTERRUPT_SOFTWARE (1ull << 1)
#define INTERRUPT_TIMER    (1ull << 5)
#define INTERRUPT_EXTERNAL (1ull << 9)

#endif
