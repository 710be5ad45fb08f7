// SPDX-License-Identifier: MIT
/* printf(3)'s formats without floating point, into a buffer. */

#include <stdbool.h>
#include <stdint.h>

#include "kernel/lib/print.h"
#include "kernel/lib/string.h"

struct output {
	char *text;
	size_t size_bytes;
	size_t length; /* of the whole text, also where it no longer fits */
};

struct conversion {
	bool left, zero, plus, space, alternate;
	int width;
	int precision; /* -1: none given */
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size_bytes)
		out->text[out->length] = c;
	out->length++;
}

static void put_repeated(struct output *out, char c, int count)
{
	while (count-- > 0)
		put(out, c);
}

static void put_padded(struct output *out, const struct conversion *how, const char *text,
		       size_t length)
{
	int padding = how->width - (int)length;

	if (!how->left)
		put_repeated(out, ' ', padding);
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
	if (how->left)
		put_repeated(out, ' ', padding);
}

static void put_number(struct output *out, const struct conversion *how, uint64_t value,
		       unsigned base, bool upper, const char *prefix)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char reversed[24];
	int count = 0;

	for (; value; value /= base)
		reversed[count++] = digits[value % base];
	if (!count && how->precision != 0)
		reversed[count++] = '0';

	int prefix_length = (int)strlen(prefix);
	int zeros = how->precision - count;
	if (zeros < 0)
		zeros = 0;
	int padding = how->width - prefix_length - zeros - count;
	if (how->zero && !how->left && how->precision < 0 && padding > 0) {
		zeros += padding;
		padding = 0;
	}
	if (!how->left)
		put_repeated(out, ' ', padding);
	while (*prefix)
		put(out, *prefix++);
	put_repeated(out, '0', zeros);
	while (count)
		put(out, reversed[--count]);
	if (how->left)
		put_repeated(out, ' ', padding);
}

static const char *parse_flags(const char *at, struct conversion *how)
{
	for (;; at++) {
		switch (*at) {
		case '-':
			how->left = true;
			break;
		case '0':
			how->zero = true;
			break;
		case '+':
			how->plus = true;
			break;
		case ' ':
			how->space = true;
			break;
		case '#':
			how->alternate = true;
			break;
		default:
			return at;
		}
	}
}

static const char *parse_count(const char *at, int *count, va_list *arguments)
{
	if (*at == '*') {
		*count = va_arg(*arguments, int);
		return at + 1;
	}
	for (*count = 0; *at >= '0' && *at <= '9'; at++)
		*count = *count * 10 + (*at - '0');
	return at;
}

/* The size of the integer that the length modifier names; moves past it. */
static const char *parse_length(const char *at, size_t *size_bytes)
{
	*size_bytes = sizeof(int);
	if (at[0] == 'h') {
		*size_bytes = at[1] == 'h' ? 1 : 2;
		return at + (at[1] == 'h' ? 2 : 1);
	}
	if (at[0] == 'l' || at[0] == 'z' || at[0] == 'j' || at[0] == 't') {
		*size_bytes = 8;
		return at + (at[0] == 'l' && at[1] == 'l' ? 2 : 1);
	}
	return at;
}

static uint64_t take_unsigned(va_list *arguments, size_t size_bytes)
{
	if (size_bytes == 8)
		return va_arg(*arguments, uint64_t);
	uint32_t value = va_arg(*arguments, uint32_t);
	return size_bytes == 4 ? value : value & ((1u << (8 * size_bytes)) - 1);
}

static int64_t take_signed(va_list *arguments, size_t size_bytes)
{
	if (size_bytes == 8)
		return va_arg(*arguments, int64_t);
	int value = va_arg(*arguments, int);
	return size_bytes == 4 ? value : size_bytes == 2 ? (int16_t)value : (int8_t)value;
}

static void convert(struct output *out, const struct conversion *how, char kind, size_t size_bytes,
		    va_list *arguments)
{
	switch (kind) {
	case 'd':
	case 'i': {
		int64_t value = take_signed(arguments, size_bytes);
		uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
		const char *sign = value < 0 ? "-" : how->plus ? "+" : how->space ? " " : "";
		put_number(out, how, magnitude, 10, false, sign);
		break;
	}
	case 'u':
		put_number(out, how, take_unsigned(arguments, size_bytes), 10, false, "");
		break;
	case 'o':
		put_number(out, how, take_unsigned(arguments, size_bytes), 8, false,
			   how->alternate ? "0" : "");
		break;
	case 'x':
	case 'X': {
		uint64_t value = take_unsigned(arguments, size_bytes);
		const char *prefix = !how->alternate || !value ? "" : kind == 'X' ? "0X" : "0x";
		put_number(out, how, value, 16, kind == 'X', prefix);
		break;
	}
	case 'p':
		put_number(out, how, (uintptr_t)va_arg(*arguments, void *), 16, false, "0x");
		break;
	case 'c': {
		char c = (char)va_arg(*arguments, int);
		put_padded(out, how, &c, 1);
		break;
	}
	case 's': {
		const char *text = va_arg(*arguments, const char *);
		if (!text)
			text = "(null)";
		size_t most = how->precision < 0 ? SIZE_MAX : (size_t)how->precision;
		put_padded(out, how, text, strnlen(text, most));
		break;
	}
	default:
		put(out, kind);
		break;
	}
}

int format_list(char *text, size_t size_bytes, const char *pattern, va_list arguments)
{
	struct output out = {text, size_bytes, 0};
	va_list rest;

	va_copy(rest, arguments);
	for (const char *at = pattern; *at;) {
		if (*at != '%') {
			put(&out, *at++);
			continue;
		}
		struct conversion how = {.precision = -1};
		size_t value_bytes;
		at = parse_flags(at + 1, &how);
		at = parse_count(at, &how.width, &rest);
		if (how.width < 0) {
			how.left = true;
			how.width = -how.width;
		}
		if (*at == '.')
			at = parse_count(at + 1, &how.precision, &rest);
		at = parse_length(at, &value_bytes);
		if (!*at)
			break;
		convert(&out, &how, *at++, value_bytes, &rest);
	}
	va_end(rest);
	if (size_bytes)
		text[out.length < size_bytes ? out.length : size_bytes - 1] = 0;
	return (int)out.length;
}

int format(char *text, size_t size_bytes, const char *pattern, ...)
{
	va_list arguments;

	va_start(arguments, pattern);
	int length = format_list(text, size_bytes, pattern, arguments);
	va_end(arguments);
	return length;
}
