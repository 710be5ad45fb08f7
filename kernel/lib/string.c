// SPDX-License-Identifier: MIT
/*
 * Memory and strings. The copies move words where both sides are aligned
 * alike; an architecture that has better instructions defines memcpy and memset
 * itself, in place of the weak ones here.
 */

#include "kernel/lib/string.h"

#define WORD_BYTES sizeof(uint64_t)

typedef uint64_t __attribute__((may_alias)) word;

__attribute__((weak)) void *memcpy(void *to, const void *from, size_t size_bytes)
{
	char *out = to;
	const char *in = from;

	if ((((uintptr_t)out ^ (uintptr_t)in) & (WORD_BYTES - 1)) == 0) {
		for (; size_bytes && ((uintptr_t)out & (WORD_BYTES - 1)); size_bytes--)
			*out++ = *in++;
		for (; size_bytes >= 4 * WORD_BYTES; size_bytes -= 4 * WORD_BYTES) {
			word a = ((const word *)in)[0], b = ((const word *)in)[1];
			word c = ((const word *)in)[2], d = ((const word *)in)[3];
			((word *)out)[0] = a;
			((word *)out)[1] = b;
			((word *)out)[2] = c;
			((word *)out)[3] = d;
			out += 4 * WORD_BYTES;
			in += 4 * WORD_BYTES;
		}
		for (; size_bytes >= WORD_BYTES; size_bytes -= WORD_BYTES) {
			*(word *)out = *(const word *)in;
			out += WORD_BYTES;
			in += WORD_BYTES;
		}
	}
	for (; size_bytes; size_bytes--)
		*out++ = *in++;
	return to;
}

void *memmove(void *to, const void *from, size_t size_bytes)
{
	char *out = to;
	const char *in = from;

	if (out <= in || out >= in + size_bytes)
		return memcpy(to, from, size_bytes);
	while (size_bytes--)
		out[size_bytes] = in[size_bytes];
	return to;
}

__attribute__((weak)) void *memset(void *to, int byte, size_t size_bytes)
{
	char *out = to;
	word pattern = (uint8_t)byte * 0x0101010101010101ull;

	for (; size_bytes && ((uintptr_t)out & (WORD_BYTES - 1)); size_bytes--)
		*out++ = (char)byte;
	for (; size_bytes >= 4 * WORD_BYTES; size_bytes -= 4 * WORD_BYTES) {
		((word *)out)[0] = pattern;
		((word *)out)[1] = pattern;
		((word *)out)[2] = pattern;
		((word *)out)[3] = pattern;
		out += 4 * WORD_BYTES;
	}
	for (; size_bytes >= WORD_BYTES; size_bytes -= WORD_BYTES) {
		*(word *)out = pattern;
		out += WORD_BYTES;
	}
	for (; size_bytes; size_bytes--)
		*out++ = (char)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t size_bytes)
{
	const uint8_t *left = a, *right = b;

	for (; size_bytes; size_bytes--, left++, right++)
		if (*left != *right)
			return *left - *right;
	return 0;
}

size_t strnlen(const char *text, size_t size_bytes)
{
	size_t length = 0;

	while (length < size_bytes && text[length])
		length++;
	return length;
}

size_t strlen(const char *text)
{
	return strnlen(text, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t size_bytes)
{
	for (; size_bytes; size_bytes--, a++, b++)
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

char *strchr(const char *text, int byte)
{
	for (;; text++) {
		if (*text == (char)byte)
			return (char *)text;
		if (!*text)
			return NULL;
	}
}

char *strrchr(const char *text, int byte)
{
	const char *found = NULL;

	for (;; text++) {
		if (*text == (char)byte)
			found = text;
		if (!*text)
			return (char *)found;
	}
}

size_t string_copy(char *to, const char *from, size_t size_bytes)
{
	size_t length = strlen(from);

	if (size_bytes) {
		size_t fits = length < size_bytes ? length : size_bytes - 1;
		memcpy(to, from, fits);
		to[fits] = 0;
	}
	return length;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

bool string_parse_u64(const char **text, uint64_t *value)
{
	const char *at = *text;
	int base = 10;
	uint64_t sum = 0;

	if (at[0] == '0' && (at[1] == 'x' || at[1] == 'X') && digit_value(at[2]) < 16) {
		base = 16;
		at += 2;
	} else if (at[0] == '0') {
		base = 8;
	}
	if (digit_value(*at) >= base)
		return false;
	for (; digit_value(*at) < base; at++)
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_value(*at), &sum))
			return false;
	*text = at;
	*value = sum;
	return true;
}
