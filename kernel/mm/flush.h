/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_FLUSH_H
#define KERNEL_MM_FLUSH_H

/* Translation flushes that other CPUs ask this one for. */

/* Serve cpu_current()->flush_request, if there is one. From trap_ipi, ipi_poll; under any lock. */
void flush_serve(void);

#endif
