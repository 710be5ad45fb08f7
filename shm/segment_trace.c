// SPDX-License-Identifier: MIT
/* The lines of shm.trace=1 about segments. */

#include "shm/segment_trace.h"

#include "shm/namespace.h"
#include "shm/trace.h"

#define NUMBER(value)  ((uint64_t)(value))
#define STRING(string) SHM_TRACE_POINTER(string)

/* "rw-" and the like, by SHM_READ, SHM_WRITE, SHM_EXEC. */
static const char *rights(unsigned protection)
{
	static const char *const names[] = {"---", "r--", "-w-", "rw-", "--x", "r-x", "-wx", "rwx"};

	return names[protection & 7];
}

void shm_trace_segment(const struct shm_segment *segment, const char *what)
{
	shm_trace(segment->ns->shm, "segment %u (key 0x%x, %u bytes, nattch %u) %s",
		  NUMBER(segment->entry.id), NUMBER((uint32_t)segment->entry.key),
		  segment->size_bytes, NUMBER((uint32_t)segment->users), STRING(what));
}

void shm_trace_access_line(const struct shm_segment *segment, const struct shm_caller *caller,
			   const char *what, uint64_t address, unsigned protection)
{
	shm_trace(segment->ns->shm, "pid %u %s segment %u at 0x%x, %s%s", NUMBER(caller->pid),
		  STRING(what), NUMBER(segment->entry.id), address, STRING(rights(protection)),
		  STRING(protection & SHM_WRITE ? "" : ": attached read-only"));
}

void shm_trace_refusal(const struct shm_segment *segment, const struct shm_caller *caller,
		       const char *what, unsigned wanted)
{
	static const char *const class_names[] = {[SHM_CLASS_OWNER] = "owner",
						  [SHM_CLASS_GROUP] = "group",
						  [SHM_CLASS_OTHER] = "other"};
	unsigned needs = (wanted & 0444 ? SHM_READ : 0) | (wanted & 0222 ? SHM_WRITE : 0) |
			 (wanted & 0111 ? SHM_EXEC : 0);

	shm_trace(segment->ns->shm,
		  "pid %u: %s segment %u refused: segment mode 0%o, caller is %s, needs %s",
		  NUMBER(caller->pid), STRING(what), NUMBER(segment->entry.id),
		  NUMBER(segment->mode & 0777u),
		  STRING(class_names[shm_segment_class(segment, caller)]), STRING(rights(needs)));
}

void shm_trace_reason(const struct shm_segment *segment, const struct shm_caller *caller,
		      const char *what, const char *reason)
{
	shm_trace(segment->ns->shm, "pid %u: %s segment %u refused: %s", NUMBER(caller->pid),
		  STRING(what), NUMBER(segment->entry.id), STRING(reason));
}

static const char *how_attached(const struct shm_piece *piece)
{
	static const char *const names[] = {"with no access",  "read-only",        "write-only",
					    "not executable",  "execute-only",     "read-only",
					    "without reading", "with every access"};

	return names[piece->protection & 7];
}

void shm_trace_fault(struct shm *shm, const struct shm_piece *piece, uint64_t address,
		     unsigned access)
{
	const char *verb = access == SHM_WRITE  ? "write"
			   : access == SHM_EXEC ? "execution"
						: "read";
	bool is_segment = piece->flags & SHM_PIECE_SEGMENT;
	const struct shm_object *object = shm_piece_object(piece);

	shm_trace(shm, "%s at 0x%x of %s %u refused: attached %s", STRING(verb), address,
		  STRING(is_segment ? "segment" : "object"),
		  is_segment ? NUMBER(shm_object_segment(object)->entry.id)
			     : shm_object_serial(object),
		  STRING(how_attached(piece)));
}
