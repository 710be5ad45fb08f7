/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_STRING_H
#define KERNEL_LIB_STRING_H

/* The part of string.h that a freestanding compiler wants, and a little more. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t size_bytes);
void *memmove(void *to, const void *from, size_t size_bytes);
void *memset(void *to, int byte, size_t size_bytes);
int memcmp(const void *a, const void *b, size_t size_bytes);
size_t strlen(const char *text);
size_t strnlen(const char *text, size_t size_bytes);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t size_bytes);
char *strchr(const char *text, int byte);
char *strrchr(const char *text, int byte);
/* Like strlcpy(3): always ends with NUL; returns strlen(from). */
size_t string_copy(char *to, const char *from, size_t size_bytes);
/* Decimal, 0x hexadecimal or 0 octal number at *text, moved past it. False: none, or too large. */
bool string_parse_u64(const char **text, uint64_t *value);

#endif
