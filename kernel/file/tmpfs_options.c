// SPDX-License-Identifier: MIT
/* The text that a tmpfs is mounted with, and that /proc/mounts shows. */

#include "kernel/file/tmpfs_options.h"

#include "abi/errno.h"
#include "kernel/file/inode.h"
#include "kernel/file/text.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"

#define INODE_BYTES 1024 /* what Linux takes an inode for when it looks for overflow */
#define MODE_USUAL  01777

static uint64_t limit_usual(void)
{
	return frame_total_count() / 2;
}

struct tmpfs_options tmpfs_options_usual(uint32_t mode, uint32_t uid, uint32_t gid)
{
	return (struct tmpfs_options){
		.pages_max = limit_usual(),
		.inodes_max = limit_usual(),
		.mode = mode,
		.uid = uid,
		.gid = gid,
	};
}

/* ---- values; each ends with its text ---- */

/* A number and perhaps a letter: "64m" is 64 << 20. Moves on behind it. */
static bool take_size(const char **text, uint64_t *value)
{
	static const char letters[] = "kmgtpe";

	if (!string_parse_u64(text, value))
		return false;
	const char *letter = **text ? strchr(letters, **text | 32) : NULL;
	if (letter) {
		*value <<= 10 * (letter - letters + 1);
		++*text;
	}
	return true;
}

static bool parse_count(const char *text, uint64_t most, uint64_t *count)
{
	uint64_t value;

	if (!take_size(&text, &value) || *text || value > most)
		return false;
	*count = value;
	return true;
}

/* "50%", "64m", "1048576": in pages. */
static bool parse_size(const char *text, uint64_t *pages)
{
	uint64_t value;

	if (!take_size(&text, &value))
		return false;
	if (*text == '%') {
		value = frame_total_count() * PAGE_BYTES * value / 100;
		text++;
	}
	*pages = value / PAGE_BYTES + (value % PAGE_BYTES != 0);
	return *text == 0;
}

static bool parse_mode(const char *text, uint32_t *mode)
{
	uint32_t value = 0;

	if (!*text)
		return false;
	for (; *text >= '0' && *text <= '7'; text++)
		if (__builtin_mul_overflow(value, 8, &value) ||
		    __builtin_add_overflow(value, (uint32_t)(*text - '0'), &value))
			return false;
	*mode = value & 07777;
	return *text == 0;
}

static bool parse_id(const char *text, uint32_t *id)
{
	uint64_t value;

	if (!string_parse_u64(&text, &value) || *text || value >= UINT32_MAX) /* -1 is nobody */
		return false;
	*id = (uint32_t)value;
	return true;
}

/* ---- options ---- */

/* Has the option this name? Then *value is what follows it. */
static bool is_option(const char *text, const char *name, const char **value)
{
	size_t length = strlen(name);

	*value = text + length;
	return !strncmp(text, name, length);
}

/* One that is a word alone. False: there is none of that name. */
static bool parse_word(const char *text, struct tmpfs_options *options)
{
	if (!strcmp(text, "ro") || !strcmp(text, "rw"))
		options->read_only = text[1] == 'o';
	else if (!strcmp(text, "inode32") || !strcmp(text, "inode64"))
		options->inode64 = text[5] == '6';
	else if (!strcmp(text, "noswap"))
		options->no_swap = true;
	else /* the only huge pages and the only policy that there are; or no word at all */
		return !*text || !strcmp(text, "huge=never") || !strcmp(text, "mpol=default");
	return true;
}

static bool parse_option(const char *text, struct tmpfs_options *options)
{
	const char *value;

	if (is_option(text, "size=", &value))
		return parse_size(value, &options->pages_max);
	if (is_option(text, "nr_blocks=", &value))
		return parse_count(value, INT64_MAX, &options->pages_max);
	if (is_option(text, "nr_inodes=", &value))
		return parse_count(value, UINT64_MAX / INODE_BYTES, &options->inodes_max);
	if (is_option(text, "mode=", &value))
		return parse_mode(value, &options->mode);
	if (is_option(text, "uid=", &value))
		return parse_id(value, &options->uid);
	if (is_option(text, "gid=", &value))
		return parse_id(value, &options->gid);
	return parse_word(text, options);
}

int tmpfs_options_parse(const char *text, struct tmpfs_options *options)
{
	char one[64]; /* no option that is understood is longer */

	for (;;) {
		const char *end = strchr(text, ',');
		size_t length = end ? (size_t)(end - text) : strlen(text);

		if (length >= sizeof(one))
			return -EINVAL;
		memcpy(one, text, length);
		one[length] = 0;
		if (!parse_option(one, options))
			return -EINVAL;
		if (!end)
			return 0;
		text = end + 1;
	}
}

void tmpfs_options_show(struct text *text, const struct filesystem *filesystem)
{
	if (filesystem->quota.max_pages != limit_usual())
		text_add(text, ",size=%lluk", filesystem->quota.max_pages * (PAGE_BYTES / 1024));
	if (filesystem->inodes_max != limit_usual())
		text_add(text, ",nr_inodes=%lu", filesystem->inodes_max);
	if (filesystem->root_mode != MODE_USUAL)
		text_add(text, ",mode=%03o", filesystem->root_mode);
	if (filesystem->root_uid)
		text_add(text, ",uid=%u", filesystem->root_uid);
	if (filesystem->root_gid)
		text_add(text, ",gid=%u", filesystem->root_gid);
	text_add(text, "%s%s", filesystem->inode64 ? ",inode64" : "",
		 filesystem->no_swap ? ",noswap" : "");
}
