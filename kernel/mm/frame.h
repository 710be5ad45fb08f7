/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_FRAME_H
#define KERNEL_MM_FRAME_H

/*
 * Page frames: a buddy allocator with per-CPU caches of single frames. A frame
 * is named by its physical address; 0 is never one. Its record is at most 16 bytes.
 */

#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES 4096ull

#define FRAME_ZERO    (1u << 0) /* filled with zeros */
#define FRAME_RESERVE (1u << 1) /* may use the reserve: the kernel's own way out of a shortage */
#define FRAME_COUNTED (1u << 2) /* kmem.c: this allocation was counted for fail_nth already */

void frame_init(void); /* from boot_info; the initrd's frames stay taken */
/* 2^order contiguous frames, aligned, one reference; or 0. */
uint64_t frame_alloc_order(unsigned order, unsigned flags);
void frame_free_order(uint64_t frame, unsigned order); /* regardless of references: must be 1 */
/* One frame, one reference; or 0. */
uint64_t frame_alloc(unsigned flags);
void frame_get(uint64_t frame);
void frame_put(uint64_t frame); /* the last reference frees */
void frame_put_many(const uint64_t *list, unsigned count);
uint32_t frame_references(uint64_t frame);
/* Give frames to the allocator that boot kept back (the initrd, when unpacked). */
void frame_release_range(uint64_t start, uint64_t end);
uint64_t frame_total_count(void);
/*
 * Exact: caches of the CPUs included, empty slabs given back first, slack of
 * the others counted as free. Not cheap: for reports and tests.
 */
uint64_t frame_free_count(void);
uint64_t frame_free_estimate(void); /* cheap, a few frames too low */

/* Overcommit accounting: vm.overcommit_memory. 0 or -ENOMEM. */
int commit_reserve(uint64_t pages);
void commit_release(uint64_t pages);
uint64_t commit_count(void); /* pages promised: Committed_AS */
uint64_t commit_limit(void); /* CommitLimit, pages */
extern uint32_t commit_mode; /* 0 heuristic, 1 always, 2 strict */

#endif
