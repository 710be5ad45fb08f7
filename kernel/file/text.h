/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_TEXT_H
#define KERNEL_FILE_TEXT_H

/* Text that grows: what a file of /proc says at one moment. All zero is empty. */

#include <stdbool.h>
#include <stddef.h>

struct text {
	char *bytes; /* kmem */
	size_t length, capacity;
	bool no_memory; /* something is missing */
};

void text_add(struct text *text, const char *pattern, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *text, const void *bytes, size_t size_bytes);
void text_release(struct text *text);

#endif
