/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_DIRECTORY_H
#define KERNEL_FILE_DIRECTORY_H

/* Open directories: getdents64(2). */

#include "kernel/file/file.h"

extern const struct file_operations directory_files;

#endif
