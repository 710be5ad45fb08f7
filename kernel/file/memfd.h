/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_MEMFD_H
#define KERNEL_FILE_MEMFD_H

/* memfd_create(2) and its seals. */

#include <stdint.h>

struct file;

int memfd_init(void);                                    /* 0; -ENOMEM */
long memfd_add_seals(struct file *file, uint32_t seals); /* F_ADD_SEALS */
long memfd_seals(struct file *file);                     /* F_GET_SEALS */

#endif
