/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_FILE_SETTING_H
#define KERNEL_FILE_SETTING_H

/*
 * Numbers written to /proc/sys, as Linux takes them: after white space, 12, 0xc
 * or 014, in at most 20 characters; then the end or white space. What comes after
 * that is not written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next number of a list, which *text moves behind: 1; 0: there is none; -EINVAL: or not of 32 bits. */
int setting_next(const char **text, int32_t *value);
/* From `least` to `most`, perhaps negative. 0; -EINVAL, with *value unchanged. */
int setting_parse(const char *text, int64_t least, int64_t most, int64_t *value);
/* 64 bits without a sign. The same. */
int setting_parse_u64(const char *text, uint64_t *value);
/* How much of a text of `words` words, or fewer, Linux says was written: what follows them is not. */
size_t setting_length(const char *text, unsigned words);
/* Are there all `words` words, and white space behind the last one? Then a NUL may follow. */
bool setting_is_over(const char *text, unsigned words);

#endif
