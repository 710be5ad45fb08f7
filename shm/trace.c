// SPDX-License-Identifier: MIT
/* Lines for the host's log: see trace.h. Any locks may be held. */

#include "shm/trace.h"

struct line {
	char text[160];
	unsigned length;
};

static void line_character(struct line *line, char character)
{
	if (line->length + 1 < sizeof(line->text))
		line->text[line->length++] = character;
}

static void line_string(struct line *line, const char *string)
{
	while (*string)
		line_character(line, *string++);
}

static void line_number(struct line *line, uint64_t number, unsigned base)
{
	char digits[24];
	unsigned count = 0;

	do {
		digits[count++] = "0123456789abcdef"[number % base];
		number /= base;
	} while (number > 0);
	while (count > 0)
		line_character(line, digits[--count]);
}

void shm_trace_line(struct shm *shm, const char *format, const uint64_t *arguments)
{
	struct line line = {.length = 0};

	for (; *format; format++) {
		if (*format != '%' || !format[1]) {
			line_character(&line, *format);
			continue;
		}
		format++;
		if (*format == 's')
			line_string(&line, (const char *)(uintptr_t)*arguments++);
		else
			line_number(&line, *arguments++,
				    *format == 'x'   ? 16
				    : *format == 'o' ? 8
						     : 10);
	}
	line.text[line.length] = 0;
	shm_port(shm)->trace(line.text);
}
