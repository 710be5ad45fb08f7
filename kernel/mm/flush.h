/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_FLUSH_H
#define KERNEL_MM_FLUSH_H

/*
 * Flushing translations (docs/design.md, rule 7). There are no address-space
 * identifiers: switching spaces flushes, so only CPUs whose current space is
 * concerned get an interrupt. Each call returns when no CPU can use the old
 * translation any more. No spinlock held.
 */

#include <stdbool.h>
#include <stdint.h>

struct space;

/* Pages of [start, end) of one space changed; tables: or a table on the way to them. */
void flush_range(struct space *space, uint64_t start, uint64_t end, bool tables);
/* Every CPU that runs any space that maps any object. */
void flush_shared(void);
/* Do what other CPUs asked this one for. From trap_ipi, ipi_poll; under any lock. */
void flush_serve(void);

struct flush_counters {
	uint64_t ranges, shared; /* [a] calls */
	uint64_t interrupts;     /* [a] sent to other CPUs */
};
extern struct flush_counters flush_counters;

#endif
