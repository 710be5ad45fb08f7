/* SPDX-License-Identifier: MIT */
#ifndef ABI_SIGNALFD_H
#define ABI_SIGNALFD_H

/* signalfd(2) */

#include <stdint.h>

#define SFD_NONBLOCK 04000
#define SFD_CLOEXEC  02000000

struct abi_signalfd_siginfo {
	uint32_t signo;
	int32_t error;
	int32_t code;
	uint32_t pid;
	uint32_t uid;
	int32_t fd;
	uint32_t tid;
	uint32_t band;
	uint32_t overrun;
	uint32_t trap;
	int32_t status;
	int32_t value_int;
	uint64_t value;
	uint64_t user_ticks;
	uint64_t system_ticks;
	uint64_t address;
	uint16_t address_bit;
	uint16_t pad16;
	int32_t call;
	uint64_t call_address;
	uint32_t arch;
	uint8_t pad[28];
};

_Static_assert(sizeof(struct abi_signalfd_siginfo) == 128, "struct signalfd_siginfo");

#endif
