// SPDX-License-Identifier: MIT
/* /proc/sysvipc/shm, in Linux's columns, which ipcs(1) and others parse: proc_sysvipc(5). */

#include "shm/namespace.h"

/* Text into a fixed buffer; what does not fit is cut off. */
struct text {
	char *at, *end; /* *end is the last place for the NUL */
};

const char shm_report_header[] =
	"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  "
	"cgid      atime      dtime      ctime                   rss                  swap\n";

static void put(struct text *text, char c)
{
	if (text->at < text->end)
		*text->at++ = c;
}

/* With spaces before it up to the width. */
static void put_number(struct text *text, uint64_t value, bool negative, unsigned base,
		       unsigned width)
{
	char digits[24];
	unsigned count = 0;

	do {
		digits[count++] = (char)('0' + value % base);
		value /= base;
	} while (value);
	if (negative)
		digits[count++] = '-';
	for (; width > count; width--)
		put(text, ' ');
	while (count)
		put(text, digits[--count]);
}

static void put_key(struct text *text, int32_t key)
{
	put_number(text, key < 0 ? 0 - (uint64_t)key : (uint64_t)key, key < 0, 10, 10);
}

static void put_line(struct text *text, const struct abi_shmid_ds *ds, int32_t id,
		     const struct shm_object *object)
{
	const struct {
		uint64_t value;
		unsigned base, width;
	} columns[] = {
		{(uint64_t)id, 10, 11},
		{ds->shm_perm.mode, 8, 6},
		{ds->shm_segsz, 10, 22},
		{(uint32_t)ds->shm_cpid, 10, 6},
		{(uint32_t)ds->shm_lpid, 10, 6},
		{ds->shm_nattch, 10, 7},
		{ds->shm_perm.uid, 10, 6},
		{ds->shm_perm.gid, 10, 6},
		{ds->shm_perm.cuid, 10, 6},
		{ds->shm_perm.cgid, 10, 6},
		{(uint64_t)ds->shm_atime, 10, 11},
		{(uint64_t)ds->shm_dtime, 10, 11},
		{(uint64_t)ds->shm_ctime, 10, 11},
		{shm_object_resident_pages(object) << SHM_PAGE_SHIFT, 10, 22},
		{shm_object_swapped_pages(object) << SHM_PAGE_SHIFT, 10, 22},
	};

	put_key(text, ds->shm_perm.key);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		/* A space even where a number fills its column. */
		put(text, ' ');
		put_number(text, columns[i].value, false, columns[i].base, columns[i].width - 1);
	}
	put(text, '\n');
}

size_t shm_report_line(struct shm_namespace *ns, uint32_t *cursor, char *line, size_t size_bytes)
{
	struct text text = {line, line + size_bytes - 1};
	struct shm_segment *segment;

	shm_namespace_lock(ns);
	segment = shm_namespace_next(ns, cursor);
	if (segment) {
		struct abi_shmid_ds ds;
		shm_segment_stat(segment, &ds);
		put_line(&text, &ds, segment->entry.id, segment->object);
		++*cursor;
	}
	shm_namespace_unlock(ns);
	*text.at = '\0';
	return (size_t)(text.at - line);
}
