// SPDX-License-Identifier: MIT
/* Growing text. Memory comes by doubling, so that a long text is copied seldom. */

#include "kernel/file/text.h"

#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/kmem.h"

#define TEXT_FIRST_BYTES 512
#define TEXT_BYTES_MAX   (4u << 20)

/* Room for so many more bytes and a NUL. */
static bool text_reserve(struct text *text, size_t size_bytes)
{
	size_t capacity = text->capacity ? text->capacity : TEXT_FIRST_BYTES;

	if (text->length + size_bytes < text->capacity)
		return true;
	while (capacity <= text->length + size_bytes)
		capacity *= 2;
	char *bytes = capacity <= TEXT_BYTES_MAX ? kmem_alloc(capacity) : NULL;
	if (!bytes) {
		text->no_memory = true;
		return false;
	}
	memcpy(bytes, text->bytes, text->length);
	kmem_free(text->bytes, text->capacity);
	text->bytes = bytes;
	text->capacity = capacity;
	return true;
}

void text_add(struct text *text, const char *pattern, ...)
{
	char few[256];
	va_list arguments;

	va_start(arguments, pattern);
	int length = format_list(few, sizeof(few), pattern, arguments);
	va_end(arguments);
	if (length < (int)sizeof(few)) {
		text_add_bytes(text, few, (size_t)length);
		return;
	}
	if (!text_reserve(text, (size_t)length))
		return;
	va_start(arguments, pattern);
	(void)format_list(text->bytes + text->length, (size_t)length + 1, pattern, arguments);
	va_end(arguments);
	text->length += (size_t)length;
}

void text_add_bytes(struct text *text, const void *bytes, size_t size_bytes)
{
	if (!size_bytes || !text_reserve(text, size_bytes))
		return;
	memcpy(text->bytes + text->length, bytes, size_bytes);
	text->length += size_bytes;
}

void text_release(struct text *text)
{
	kmem_free(text->bytes, text->capacity);
	*text = (struct text){0};
}
