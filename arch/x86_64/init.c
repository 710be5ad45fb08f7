// SPDX-License-Identifier: MIT
/* The order in which the parts of a CPU come up, once the kernel has its first structures. */

#include "arch/x86_64/x86.h"

void arch_init(void)
{
	apic_init();
	clock_init();
	serials_init();
}

void arch_init_secondary(void)
{
	apic_init_cpu();
}
