// SPDX-License-Identifier: MIT
/* Numbers in settings. */

#include "kernel/file/setting.h"

#include "abi/errno.h"

#define NUMBER_BYTES_MAX 20 /* with its sign: of a longer one Linux cannot tell where it ends */

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

static const char *skip_white(const char *text)
{
	while (is_separator(*text) || *text == '\v' || *text == '\f' || *text == '\r')
		text++;
	return text;
}

/* 16 and more: no digit. */
static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The sign, the digits and what may follow them, where *text ends. 0; -EINVAL. */
static int parse_number(const char **text, bool *negative, uint64_t *value)
{
	const char *at = *text;
	uint64_t sum = 0;

	*negative = *at == '-';
	at += *negative;
	unsigned base = *at != '0' ? 10 : 8;
	if (base == 8 && (at[1] | 0x20) == 'x' && digit_of(at[2]) < 16) {
		base = 16;
		at += 2;
	}
	if (digit_of(*at) >= base)
		return -EINVAL;
	for (; digit_of(*at) < base; at++) {
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, digit_of(*at), &sum))
			return -EINVAL;
	}
	if (at - *text > NUMBER_BYTES_MAX || (*at && !is_separator(*at)))
		return -EINVAL;
	*text = at;
	*value = sum;
	return 0;
}

int setting_next(const char **text, int32_t *value)
{
	uint64_t digits;
	bool negative;

	*text = skip_white(*text);
	if (!**text)
		return 0;
	if (parse_number(text, &negative, &digits) || digits > (uint64_t)INT32_MAX + negative)
		return -EINVAL;
	*value = (int32_t)(negative ? 0 - digits : digits);
	return 1;
}

int setting_parse_u64(const char *text, uint64_t *value)
{
	uint64_t digits;
	bool negative;

	text = skip_white(text);
	if (parse_number(&text, &negative, &digits) || negative)
		return -EINVAL;
	*value = digits;
	return 0;
}

int setting_parse(const char *text, int64_t least, int64_t most, int64_t *value)
{
	uint64_t digits;
	bool negative;

	text = skip_white(text);
	if (parse_number(&text, &negative, &digits) || digits > INT64_MAX)
		return -EINVAL;
	int64_t number = negative ? -(int64_t)digits : (int64_t)digits;
	if (number < least || number > most)
		return -EINVAL;
	*value = number;
	return 0;
}

/* Behind the words and the white space that follows them. */
static const char *skip_words(const char *text, unsigned words)
{
	text = skip_white(text);
	for (; words && *text; words--) {
		while (*text && !is_separator(*text))
			text++;
		text = skip_white(text);
	}
	return text;
}

size_t setting_length(const char *text, unsigned words)
{
	return (size_t)(skip_words(text, words) - text);
}

bool setting_is_over(const char *text, unsigned words)
{
	return *skip_words(text, words - 1) && is_separator(skip_words(text, words)[-1]);
}
