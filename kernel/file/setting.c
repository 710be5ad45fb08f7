// SPDX-License-Identifier: MIT
/* Numbers in settings. */

#include "kernel/file/setting.h"

#include <stdbool.h>

#include "abi/errno.h"

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* 16 and more: no digit. */
static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The digits and what may follow them. */
static int parse_digits(const char *text, uint64_t *value)
{
	unsigned base = text[0] != '0' ? 10 : 8;
	uint64_t sum = 0;

	if (base == 8 && (text[1] | 0x20) == 'x' && digit_of(text[2]) < 16) {
		base = 16;
		text += 2;
	}
	if (digit_of(*text) >= base)
		return -EINVAL;
	for (; digit_of(*text) < base; text++) {
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_of(*text), &sum))
			return -EINVAL;
	}
	if (*text && !is_white(*text))
		return -EINVAL;
	*value = sum;
	return 0;
}

int setting_parse_u64(const char *text, uint64_t *value)
{
	while (is_white(*text))
		text++;
	return parse_digits(text, value);
}

int setting_parse(const char *text, int64_t least, int64_t most, int64_t *value)
{
	uint64_t digits;
	int64_t number;

	while (is_white(*text))
		text++;
	bool negative = *text == '-';
	if (parse_digits(text + negative, &digits) || digits > INT64_MAX)
		return -EINVAL;
	number = negative ? -(int64_t)digits : (int64_t)digits;
	if (number < least || number > most)
		return -EINVAL;
	*value = number;
	return 0;
}

size_t setting_length(const char *text, unsigned words)
{
	const char *at = text;

	while (is_white(*at))
		at++;
	for (; words && *at; words--) {
		while (*at && !is_white(*at))
			at++;
		while (is_white(*at))
			at++;
	}
	return (size_t)(at - text);
}
