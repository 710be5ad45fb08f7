/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_LIB_PRINT_H
#define KERNEL_LIB_PRINT_H

/*
 * Text for people: the kernel log and formatted buffers. The formats are those
 * of printf(3) without floating point: %d %i %u %x %X %o %c %s %p %% with the
 * flags - 0 + space #, width, precision (also *), and hh h l ll z j t.
 */

#include <stdarg.h>
#include <stddef.h>

/* Like snprintf(3): returns the length that the whole text has. size_bytes 0 is fine. */
int format(char *text, size_t size_bytes, const char *pattern, ...)
	__attribute__((format(printf, 3, 4)));
int format_list(char *text, size_t size_bytes, const char *pattern, va_list arguments);

/* A line for the kernel log (kept for dmesg, written to the console unless quiet); no \n needed. */
void log_line(const char *pattern, ...) __attribute__((format(printf, 1, 2)));

/* The kernel cannot go on: says why on the console, stops all CPUs, ends the machine. */
void panic(const char *pattern, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Must hold, whatever a program does. In every build. */
#define kassert(condition)                                                                         \
	do {                                                                                       \
		if (__builtin_expect(!(condition), 0))                                             \
			panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition);      \
	} while (0)
/* Only in debug builds: too dear for hot paths. */
#ifdef SAMEPAGE_DEBUG
#define kdebug_assert(condition) kassert(condition)
#else
#define kdebug_assert(condition) ((void)sizeof(condition))
#endif

#endif
