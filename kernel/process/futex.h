/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_FUTEX_H
#define KERNEL_PROCESS_FUTEX_H

#include <stdint.h>

struct thread;

void futex_init(void);
/* Wake up to `count` waiters of the word, private or shared, in the running thread's space. */
void futex_wake_address(uint64_t address, int count);
/* The thread ends: the locks of its robust list pass on. robust.c */
void robust_list_exit(struct thread *thread);
/* It leaves its space: CLONE_CHILD_CLEARTID. exit.c */
void clear_tid_exit(struct thread *thread);

#endif
