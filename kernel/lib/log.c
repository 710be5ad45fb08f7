// SPDX-License-Identifier: MIT
/*
 * The kernel log: every line goes into a ring, and to the console unless the
 * kernel argument "quiet" is given. A panic always goes to the console.
 *
 * The ring's lock is the last in the order, so that log_line works under any.
 */

#include "kernel/lib/log.h"

#include "arch/arch.h"
#include "kernel/lib/cmdline.h"
#include "kernel/lib/print.h"
#include "kernel/lib/spinlock.h"
#include "kernel/lib/string.h"

#define LINE_BYTES 512

static struct spinlock log_lock = SPINLOCK_INIT(RANK_LOG);
static char ring[LOG_RING_BYTES]; /* log_lock */
static uint64_t ring_end;         /* log_lock */
static bool panicking;            /* [a] */

static void ring_append(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		ring[ring_end++ % LOG_RING_BYTES] = text[i];
}

/* "<4>[   12.345678] text\n"; the level is for syslog's readers, the console goes without. */
static size_t line_make(char *line, size_t size_bytes, const char *pattern, va_list arguments)
{
	uint64_t now_us = clock_now_ns() / 1000;
	size_t length = (size_t)format(line, size_bytes, "<6>[%5lu.%06lu] ", now_us / 1000000,
				       now_us % 1000000);
	length += (size_t)format_list(line + length, size_bytes - length, pattern, arguments);
	if (length > size_bytes - 2)
		length = size_bytes - 2;
	line[length++] = '\n';
	line[length] = 0;
	return length;
}

static void line_emit(const char *pattern, va_list arguments, bool to_console)
{
	char line[LINE_BYTES];
	size_t length = line_make(line, sizeof(line), pattern, arguments);

	/* After a panic began, the holder of the lock may never give it back. */
	bool locked = !__atomic_load_n(&panicking, __ATOMIC_RELAXED);
	if (locked)
		spin_lock(&log_lock);
	ring_append(line, length);
	if (to_console)
		arch_console_write(line + 3, length - 3);
	if (locked)
		spin_unlock(&log_lock);
}

void log_line(const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	line_emit(pattern, arguments, !kernel_argument_flag("quiet"));
	va_end(arguments);
}

size_t log_read(uint64_t *position, char *text, size_t size_bytes)
{
	size_t count = 0;

	spin_lock(&log_lock);
	if (ring_end > LOG_RING_BYTES && *position < ring_end - LOG_RING_BYTES)
		*position = ring_end - LOG_RING_BYTES;
	while (count < size_bytes && *position < ring_end)
		text[count++] = ring[(*position)++ % LOG_RING_BYTES];
	spin_unlock(&log_lock);
	return count;
}

void log_bounds(uint64_t *oldest, uint64_t *end)
{
	spin_lock(&log_lock);
	*end = ring_end;
	*oldest = ring_end > LOG_RING_BYTES ? ring_end - LOG_RING_BYTES : 0;
	spin_unlock(&log_lock);
}

/* Return addresses from the frame pointers, for a look at the ELF file with llvm-symbolizer. */
static void backtrace_log(const uint64_t *frame)
{
	char text[LINE_BYTES];
	size_t length = (size_t)format(text, sizeof(text), "called from:");

	for (int depth = 0; depth < 12; depth++) {
		uint64_t caller, next;
		if (!arch_frame_step(frame, &caller, &next))
			break;
		length += (size_t)format(text + length, sizeof(text) - length, " %lx", caller);
		frame = (const uint64_t *)next;
	}
	length += (size_t)format(text + length, sizeof(text) - length, "\n");
	arch_console_write(text, length);
}

void panic(const char *pattern, ...)
{
	va_list arguments;

	if (__atomic_exchange_n(&panicking, true, __ATOMIC_RELAXED))
		arch_power_off(true);
	arch_console_write("kernel panic: ", 14);
	va_start(arguments, pattern);
	line_emit(pattern, arguments, true);
	va_end(arguments);
	backtrace_log(__builtin_frame_address(0));
	arch_power_off(true);
}
