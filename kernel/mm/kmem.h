/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_KMEM_H
#define KERNEL_MM_KMEM_H

/* Small objects, by size class, with per-CPU caches. Aligned to 16 bytes. The caller knows the size. */

#include <stddef.h>
#include <stdint.h>

void *kmem_alloc(size_t size_bytes); /* not zeroed; NULL when there is none. Any size up to 4 MiB */
void *kmem_zalloc(size_t size_bytes);
void kmem_free(void *memory, size_t size_bytes); /* NULL is fine */
uint64_t kmem_used_bytes(void); /* slabs without their slack; large ones not counted */
void kmem_trim(void); /* give what the CPUs' caches keep and all empty slabs back to the frames */
/*
 * Frames of slabs that would be free if all objects were packed. Which slab an
 * object comes from is chance, so leaks are looked for with these counted as free.
 */
uint64_t kmem_slack_frames(void);
/* Objects given out, each as large as its class; what the CPUs' caches keep too, until kmem_trim. */
uint64_t kmem_object_bytes(void);

/* In debug builds: the Nth allocation (frames and small objects) of this thread from now on fails. 0: off. */
void fail_nth_set(uint32_t n);
uint32_t fail_nth_left(void);

#endif
