/* SPDX-License-Identifier: MIT */
#ifndef ABI_SIGNAL_ARCH_H
#define ABI_SIGNAL_ARCH_H

/* What of abi/signal.h differs between architectures: riscv64, which has no SA_RESTORER. */

#include <stdint.h>

struct abi_sigaction {
	uint64_t handler; /* SIG_DFL, SIG_IGN, or the user's function */
	uint64_t flags;   /* SA_* */
	uint64_t mask;
};

_Static_assert(sizeof(struct abi_sigaction) == 24, "struct sigaction, as rt_sigaction takes it");

#endif
