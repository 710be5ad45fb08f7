/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_MEMFD_H
#define KERNEL_FILE_MEMFD_H

/* memfd_create(2) and its seals. */

#include <stdint.h>

struct file;
struct file_map;
struct inode;

int memfd_init(void);                                    /* 0; -ENOMEM */
long memfd_add_seals(struct file *file, uint32_t seals); /* F_ADD_SEALS */
/* May the inode be mapped so, shared? 0, -EPERM; its seals may lower protection_max. Inode lock held. */
int memfd_map_check(struct inode *inode, struct file_map *map);
long memfd_seals(struct file *file); /* F_GET_SEALS */

#endif
