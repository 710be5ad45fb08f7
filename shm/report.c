// SPDX-License-Identifier: MIT
/*
 * /proc/sysvipc/shm, in Linux's columns, which ipcs(1) and others parse: proc_sysvipc(5);
 * and who is attached, which no other system tells.
 */

#include "shm/mapping.h"
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
		digits[count++] = "0123456789abcdef"[value % base];
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

/* ---- who is attached ---- */

const char shm_report_attach_header[] =
	"     shmid    pid            address               length mode tables\n";

static void put_string(struct text *text, const char *string)
{
	while (*string)
		put(text, *string++);
}

/* Does any of the piece's spans show the object's own table? */
static bool piece_is_linked(struct shm_space *space, const struct shm_piece *piece)
{
	const struct shm_port *port = shm_port(space->shm);
	uint64_t found, slot;
	unsigned level;

	if (!space->link_count)
		return false;
	for (uint64_t at = piece->start; at < piece->end; at = found + shm_level_bytes(level)) {
		slot = port->slot_next(space, at, piece->end, &found, &level);
		if (shm_entry_is_none(slot))
			return false;
		if (shm_entry_is_link(slot))
			return true;
	}
	return false;
}

static void put_attachment(struct text *text, struct shm_space *space,
			   const struct shm_piece *piece, int32_t shmid, int32_t pid)
{
	put_number(text, (uint64_t)shmid, false, 10, 10);
	put(text, ' ');
	put_number(text, (uint64_t)pid, false, 10, 6);
	put(text, ' ');
	put_number(text, piece->start, false, 16, 18);
	put(text, ' ');
	put_number(text, piece->end - piece->start, false, 10, 20);
	put_string(text, piece->protection & SHM_WRITE ? " rw   " : " ro   ");
	put_string(text, piece_is_linked(space, piece) ? "linked\n" : "private\n");
}

/* The piece's segment is in this namespace, and the caller may read it, as for SHM_STAT. */
static bool may_show(struct shm_namespace *ns, const struct shm_caller *caller,
		     struct shm_segment *segment)
{
	bool may;

	if (segment->ns != ns)
		return false;
	shm_namespace_lock(ns);
	may = shm_segment_permits(segment, caller, SHM_R);
	shm_namespace_unlock(ns);
	return may;
}

size_t shm_report_attach_line(struct shm_namespace *ns, const struct shm_caller *caller,
			      struct shm_space *space, int32_t pid, uint64_t *cursor, char *line,
			      size_t size_bytes)
{
	const struct shm_port *port = shm_port(space->shm);
	struct text text = {line, line + size_bytes - 1};
	struct shm_piece *piece;
	uint64_t start, end;

	port->space_lock(space, false);
	while (text.at == line && port->area_next(space, *cursor, &start, &end, &piece)) {
		*cursor = end;
		if (piece && piece->flags & SHM_PIECE_SEGMENT) {
			struct shm_segment *segment = shm_object_segment(shm_piece_object(piece));
			if (may_show(ns, caller, segment))
				put_attachment(&text, space, piece, segment->entry.id, pid);
		}
		port->interrupt_point();
	}
	port->space_unlock(space, false);
	*text.at = '\0';
	return (size_t)(text.at - line);
}
