/* SPDX-License-Identifier: MIT */
#ifndef SHM_SEGMENT_TRACE_H
#define SHM_SEGMENT_TRACE_H

/*
 * What shm.trace=1 logs about segments: attach, detach, removal, and why an
 * access was refused. Each does nothing, at once, when tracing is off. Any locks.
 */

#include "shm/object.h"
#include "shm/segment.h"

/* "segment 5 (key 0x2a, 8192 bytes, nattch 1) <what>" */
void shm_trace_segment(const struct shm_segment *segment, const char *what);
/* "pid 12 <what> segment 5 at 0x7f..., rw-" */
void shm_trace_access_line(const struct shm_segment *segment, const struct shm_caller *caller,
			   const char *what, uint64_t address, unsigned protection);
static inline void shm_trace_access(const struct shm_segment *segment,
				    const struct shm_caller *caller, const char *what,
				    uint64_t address, unsigned protection)
{
	if (__builtin_expect(segment->object->shm->trace, 0))
		shm_trace_access_line(segment, caller, what, address, protection);
}
/* "pid 12: <what> segment 5 refused: segment mode 0640, caller is other, needs rw-" */
void shm_trace_refusal(const struct shm_segment *segment, const struct shm_caller *caller,
		       const char *what, unsigned wanted);
/* The same with another reason. */
void shm_trace_reason(const struct shm_segment *segment, const struct shm_caller *caller,
		      const char *what, const char *reason);
/* "write at 0x7f... to segment 5 refused: attached read-only": SIGSEGV follows. */
void shm_trace_fault(struct shm *shm, const struct shm_piece *piece, uint64_t address,
		     unsigned access);

#endif
