// SPDX-License-Identifier: MIT
/* The rules of ids, keys, creators and totals, as far as they can be seen. */

#include "shm/creator.h"
#include "shm/namespace.h"
#include "shm/object.h"

static bool created_by_creator(const struct shm_segment *segment)
{
	const struct shm_segment *other = segment->creator->first;

	while (other && other != segment)
		other = other->created_next;
	return other == segment;
}

static void check_segment(struct shm_namespace *ns, struct shm_segment *segment, uint32_t index)
{
	struct shm *shm = ns->shm;

	shm_assert(shm, segment->ns == ns && segment->listed && segment->references > 0);
	shm_assert(shm, shm_ids_index(&ns->ids, segment->entry.id) == index);
	shm_assert(shm, shm_namespace_find_id(ns, segment->entry.id) == segment);
	shm_assert(shm, shm_object_segment(segment->object) == segment);
	shm_assert(shm, segment->size_bytes > 0);
	if (segment->entry.key != IPC_PRIVATE)
		shm_assert(shm, shm_namespace_find_key(ns, segment->entry.key) == segment);
	/* Removed and unused: only while the last detach is being finished, which counts as a use. */
	if (segment->mode & SHM_DEST)
		shm_assert(shm, segment->entry.key == IPC_PRIVATE &&
					(segment->users || segment->references > 1));
	if (segment->creator)
		shm_assert(shm, segment->creator->ns == ns && created_by_creator(segment));
	shm_assert(shm, !segment->locker == !(segment->mode & SHM_LOCKED));
}

void shm_check_namespace(struct shm_namespace *ns)
{
	struct shm_segment *segment;
	uint64_t pages = 0;
	uint32_t count = 0, keys = 0;

	if (!shm_port(ns->shm)->mutex_try(&ns->lock)) {
		shm_count(&ns->shm->checked.namespaces_skipped, 1);
		return;
	}
	shm_count(&ns->shm->checked.namespaces, 1);
	for (uint32_t i = 0; (segment = shm_namespace_next(ns, &i)); i++) {
		check_segment(ns, segment, i);
		pages += shm_segment_pages(segment);
		keys += segment->entry.key != IPC_PRIVATE;
		shm_check_object(segment->object);
		count++;
	}
	shm_count(&ns->shm->checked.segments, count);
	shm_assert(ns->shm, count == ns->ids.count);
	shm_assert(ns->shm, pages == ns->total_pages);
	shm_assert(ns->shm, keys == ns->ids.keys.node_count);
	shm_port(ns->shm)->mutex_unlock(&ns->lock);
}
