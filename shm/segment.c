// SPDX-License-Identifier: MIT
/*
 * One segment: who may use it, who uses it, when it goes.
 *
 * It goes when it has no attachment and no hold, and was removed, or is
 * transient, or kernel.shm_rmid_forced is set: Linux looks at the last only
 * when somebody leaves, so a segment that was never attached stays.
 */

#include "shm/segment.h"

#include "abi/errno.h"
#include "shm/locked.h"
#include "shm/namespace.h"
#include "shm/segment_trace.h"

#define MODE_BITS 0777

_Static_assert(offsetof(struct shm_segment, entry) == 0, "found by its entry");

static const struct shm_port *port_of(const struct shm_segment *segment)
{
	return shm_port(segment->ns->shm);
}

static void segment_lock(struct shm_segment *segment)
{
	port_of(segment)->spin_lock(&segment->lock);
}

static void segment_unlock(struct shm_segment *segment)
{
	port_of(segment)->spin_unlock(&segment->lock);
}

uint64_t shm_segment_pages(const struct shm_segment *segment)
{
	return (segment->size_bytes + SHM_PAGE_BYTES - 1) >> SHM_PAGE_SHIFT;
}

uint64_t shm_segment_len(const struct shm_segment *segment)
{
	return segment->size_bytes;
}

bool shm_segment_is_empty(const struct shm_segment *segment)
{
	return segment->size_bytes == 0;
}

int32_t shm_segment_id(const struct shm_segment *segment)
{
	return segment->entry.id;
}

/* ---- creation ---- */

static struct shm_segment *segment_new(struct shm_namespace *ns, const struct shm_caller *caller,
				       const struct shm_segment_request *request)
{
	struct shm_segment *segment = shm_port(ns->shm)->mem_alloc(sizeof(*segment), 0);

	if (!segment)
		return NULL;
	*segment = (struct shm_segment){
		.entry.key = request->key,
		.first_key = request->key,
		.ns = ns,
		.size_bytes = request->size_bytes,
		.ctime = (int64_t)shm_port(ns->shm)->now_seconds(),
		.users = request->transient ? SHM_HOLD : 0,
		.references = 1,
		.cpid = caller->pid,
		.uid = caller->uid,
		.gid = caller->gid,
		.cuid = caller->uid,
		.cgid = caller->gid,
		.mode = request->mode & MODE_BITS,
		.transient = request->transient,
		.listed = true,
	};
	return segment;
}

int shm_segment_create(struct shm_namespace *ns, const struct shm_caller *caller,
		       const struct shm_segment_request *request, struct shm_segment **created)
{
	struct shm_segment *segment = segment_new(ns, caller, request);
	int err;

	if (!segment)
		return -ENOMEM;
	err = shm_object_create(ns->shm, shm_segment_pages(segment), request->object_flags,
				&segment->object);
	if (err) {
		err = err == -EFBIG ? -EINVAL : err;
		goto free_segment;
	}
	err = shm_namespace_enter(ns, caller, segment);
	if (err)
		goto put_object;
	shm_object_set_segment(segment->object, segment);
	/* Relaxed: the lock that we hold orders it. */
	__atomic_add_fetch(&ns->references, 1, __ATOMIC_RELAXED);
	*created = segment;
	return 0;

put_object:
	shm_object_put(segment->object);
free_segment:
	shm_port(ns->shm)->mem_free(segment, sizeof(*segment));
	return err;
}

/* ---- removal ---- */

static void release(struct shm_segment *segment)
{
	struct shm_namespace *ns = segment->ns;

	/* As in shm_namespace_release. */
	if (__atomic_sub_fetch(&segment->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	if (segment->locker)
		shm_locked_remove(segment);
	shm_object_put(segment->object);
	shm_port(ns->shm)->mem_free(segment, sizeof(*segment));
	shm_namespace_release(ns);
}

void shm_segment_free_all(struct shm_segment *dead)
{
	while (dead) {
		struct shm_segment *segment = dead;
		dead = segment->created_next;
		release(segment);
	}
}

static void bury(struct shm_segment *segment, struct shm_segment **dead)
{
	shm_namespace_leave(segment->ns, segment);
	segment->listed = false;
	segment->created_next = *dead;
	*dead = segment;
	shm_trace_segment(segment, "is freed");
}

static bool in_use(const struct shm_segment *segment)
{
	return __atomic_load_n(&segment->users, __ATOMIC_RELAXED) != 0;
}

void shm_segment_remove(struct shm_segment *segment, struct shm_segment **dead)
{
	bool used;

	segment_lock(segment);
	segment->mode |= SHM_DEST;
	used = in_use(segment);
	segment_unlock(segment);
	if (used) {
		shm_ids_forget_key(&segment->ns->ids, &segment->entry);
		shm_trace_segment(segment, "is removed and goes with its last user");
	} else {
		bury(segment, dead);
	}
}

void shm_segment_remove_unused(struct shm_segment *segment, struct shm_segment **dead)
{
	bool used;

	segment_lock(segment);
	used = in_use(segment);
	segment_unlock(segment);
	if (!used)
		bury(segment, dead);
}

/* Does it go when nobody uses it? => segment's lock held by caller */
static bool goes_unused(const struct shm_segment *segment)
{
	return segment->mode & SHM_DEST || segment->transient ||
	       __atomic_load_n(&segment->ns->rmid_forced, __ATOMIC_RELAXED);
}

/* => segment's lock held by caller */
static bool must_go(const struct shm_segment *segment)
{
	return !in_use(segment) && goes_unused(segment);
}

void shm_segment_finish(struct shm_segment *segment)
{
	struct shm_namespace *ns = segment->ns;
	struct shm_segment *dead = NULL;
	bool going;

	shm_namespace_lock(ns);
	segment_lock(segment);
	going = must_go(segment);
	segment_unlock(segment);
	if (going && segment->listed)
		bury(segment, &dead);
	shm_namespace_unlock(ns);
	shm_segment_free_all(dead);
	release(segment); /* what the last detach took */
}

/* ---- use ---- */

void shm_segment_attached(struct shm_segment *segment, int32_t pid)
{
	const struct shm_port *port = port_of(segment);
	int64_t now = (int64_t)port->now_seconds();

	port->spin_lock(&segment->lock);
	__atomic_fetch_add(&segment->users, 1, __ATOMIC_RELAXED);
	segment->atime = now;
	segment->lpid = pid;
	port->spin_unlock(&segment->lock);
}

/* => segment's lock held by caller. True: it was the last one, and the segment goes with it. */
static bool leave_locked(struct shm_segment *segment, uint64_t user)
{
	/* Acquire: what those did who left without the lock. */
	__atomic_fetch_sub(&segment->users, user, __ATOMIC_ACQUIRE);
	if (!must_go(segment))
		return false;
	__atomic_add_fetch(&segment->references, 1, __ATOMIC_RELAXED);
	return true;
}

bool shm_segment_detached(struct shm_segment *segment, int32_t pid)
{
	const struct shm_port *port = port_of(segment);
	int64_t now = (int64_t)port->now_seconds();
	bool last;

	port->spin_lock(&segment->lock);
	segment->dtime = now;
	segment->lpid = pid;
	last = leave_locked(segment, 1);
	port->spin_unlock(&segment->lock);
	return last;
}

void shm_segment_used(struct shm_segment *segment, int32_t pid)
{
	const struct shm_port *port = port_of(segment);
	int64_t now = (int64_t)port->now_seconds();

	port->spin_lock(&segment->lock);
	segment->atime = now;
	segment->lpid = pid;
	port->spin_unlock(&segment->lock);
}

void shm_segment_split(struct shm_segment *segment)
{
	/* Relaxed: the piece that is split keeps the segment. */
	__atomic_fetch_add(&segment->users, 1, __ATOMIC_RELAXED);
}

void shm_segment_merged(struct shm_segment *segment)
{
	/* Relaxed: the piece that remains keeps the segment. */
	__atomic_fetch_sub(&segment->users, 1, __ATOMIC_RELAXED);
}

void shm_segment_hold(struct shm_segment *segment)
{
	/* Relaxed: who looks whether there are users, to free the segment, has the namespace lock too. */
	__atomic_fetch_add(&segment->users, SHM_HOLD, __ATOMIC_RELAXED);
}

struct shm_segment *shm_piece_hold(const struct shm_piece *piece, uint64_t going)
{
	struct shm_segment *segment = shm_object_segment(shm_piece_object(piece));
	bool over;

	/* The piece is one user, so it does not go now; its going is decided under its lock. */
	segment_lock(segment);
	over = __atomic_load_n(&segment->users, __ATOMIC_RELAXED) == going && goes_unused(segment);
	if (!over)
		shm_segment_hold(segment);
	segment_unlock(segment);
	return over ? NULL : segment;
}

void shm_segment_unhold(struct shm_segment *segment)
{
	uint64_t users = __atomic_load_n(&segment->users, __ATOMIC_RELAXED);
	bool last;

	/* With others there, as after an attach that went well, we leave without further ado. */
	while (users != SHM_HOLD) {
		/* Release: our use of the segment is over before the last one leaves. */
		if (__atomic_compare_exchange_n(&segment->users, &users, users - SHM_HOLD, true,
						__ATOMIC_RELEASE, __ATOMIC_RELAXED))
			return;
	}
	segment_lock(segment);
	last = leave_locked(segment, SHM_HOLD);
	segment_unlock(segment);
	if (last)
		shm_segment_finish(segment);
}

/* ---- permission ---- */

bool shm_caller_in_group(const struct shm_caller *caller, uint32_t gid)
{
	if (caller->access_gid == gid)
		return true;
	for (size_t i = 0; i < caller->group_count; i++) {
		if (caller->groups[i] == gid)
			return true;
	}
	return false;
}

enum shm_class shm_segment_class(const struct shm_segment *segment, const struct shm_caller *caller)
{
	if (caller->uid == segment->cuid || caller->uid == segment->uid)
		return SHM_CLASS_OWNER;
	if (shm_caller_in_group(caller, segment->cgid) || shm_caller_in_group(caller, segment->gid))
		return SHM_CLASS_GROUP;
	return SHM_CLASS_OTHER;
}

bool shm_segment_permits(const struct shm_segment *segment, const struct shm_caller *caller,
			 unsigned wanted)
{
	static const unsigned shift[] = {
		[SHM_CLASS_OWNER] = 6, [SHM_CLASS_GROUP] = 3, [SHM_CLASS_OTHER] = 0};
	unsigned granted;

	if (!wanted || caller->capabilities & SHM_CAP_IPC_OWNER)
		return true;
	granted = (unsigned)segment->mode >> shift[shm_segment_class(segment, caller)];
	wanted = (wanted | wanted >> 3 | wanted >> 6) & 7;
	return !(wanted & ~granted);
}

bool shm_segment_owned(const struct shm_segment *segment, const struct shm_caller *caller)
{
	return caller->uid == segment->cuid || caller->uid == segment->uid ||
	       caller->capabilities & SHM_CAP_SYS_ADMIN;
}

/* ---- status ---- */

void shm_segment_stat(struct shm_segment *segment, struct abi_shmid_ds *ds)
{
	/* Each field once: the struct is large, and this is all that the call does. */
	ds->shm_perm.key = segment->entry.key;
	ds->shm_perm.uid = segment->uid;
	ds->shm_perm.gid = segment->gid;
	ds->shm_perm.cuid = segment->cuid;
	ds->shm_perm.cgid = segment->cgid;
	ds->shm_perm.seq = shm_ids_sequence(&segment->ns->ids, segment->entry.id);
	ds->shm_perm.pad = 0;
	ds->shm_perm.pad_end = 0;
	ds->shm_perm.unused[0] = ds->shm_perm.unused[1] = 0;
	ds->shm_segsz = segment->size_bytes;
	ds->shm_ctime = segment->ctime;
	ds->shm_cpid = segment->cpid;
	ds->unused[0] = ds->unused[1] = 0;
	segment_lock(segment);
	ds->shm_perm.mode = segment->mode;
	ds->shm_atime = segment->atime;
	ds->shm_dtime = segment->dtime;
	ds->shm_lpid = segment->lpid;
	ds->shm_nattch = (uint32_t)segment->users;
	segment_unlock(segment);
}

bool shm_piece_segment(const struct shm_piece *piece, int32_t *shmid, uint32_t *key)
{
	if (!(piece->flags & SHM_PIECE_SEGMENT) || !piece->mapping)
		return false;
	const struct shm_segment *segment = shm_object_segment(shm_piece_object(piece));
	*shmid = segment->entry.id;
	*key = (uint32_t)segment->first_key;
	return true;
}
