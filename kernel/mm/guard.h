/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_MM_GUARD_H
#define KERNEL_MM_GUARD_H

/* Pages that are not to be touched (guard.c). Space lock exclusive, unless it is said otherwise. */

#include "kernel/mm/area.h"

/* Is there one at the address? Either lock. */
bool guard_is_at(struct space *space, uint64_t address);
/* [start, end) of the area: what the space has of pages there goes. 0; -ENOMEM, -EINTR: a part of them is there. */
int guards_install(struct space *space, struct area *area, uint64_t start, uint64_t end);
void guards_remove(struct space *space, uint64_t start, uint64_t end);
/* The child, which is unborn, gets the same. 0; -ENOMEM. */
int guards_fork(struct space *parent, struct space *child, uint64_t start, uint64_t end);
/* They go along with a move; its leaves are there (pagetable_prepare_move). */
void guards_move(struct space *space, uint64_t from, uint64_t to, uint64_t size_bytes);

#endif
