// SPDX-License-Identifier: MIT
/* What a CPU does when another interrupts it. Signals need nothing here: the way out looks. */

#include "arch/arch.h"
#include "kernel/mm/flush.h"
#include "kernel/process/process.h"

void trap_ipi(void)
{
	flush_serve();
	schedule_kick();
}

void ipi_poll(void)
{
	flush_serve();
}
