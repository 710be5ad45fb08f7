/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_DEVICE_CONTROL_H
#define KERNEL_DEVICE_CONTROL_H

/* /dev/port1: the second serial port, bytes as they are. */

#include "kernel/file/file.h"

void control_init(void);
int control_open(struct file *file, int open_flags);
extern const struct file_operations control_operations;

#endif
