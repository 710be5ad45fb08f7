/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_MMAP_H
#define KERNEL_MM_MMAP_H

/* What mmap(2) does in steps, for those who do the same from another beginning. `flags` are MAP_*. */

#include "kernel/mm/space.h"

/*
 * The object to show, with a reference, or none for private anonymous memory; and how the file may be
 * shown. The request has flags, protection and index. 0, -EACCES, -ENODEV, -ENOMEM, what the file says.
 */
int mmap_object_take(struct space_request *request, struct file *file, uint64_t flags);
/* Map it in the running thread's space, give the object's reference back, populate. The address, or why not. */
long mmap_request_map(struct space_request *request, uint64_t flags);

#endif
