// SPDX-License-Identifier: MIT
/*
 * shmget(2), shmat(2), shmdt(2), shmctl(2): their rules and the order of their
 * errors, as Linux has them. What a segment is stands in segment.c, how it is
 * found in namespace.c, and its pages behind shm_object_*.
 *
 * Huge pages are those of a Linux on which none are configured: SHM_HUGETLB is
 * ENOMEM, and with SHM_NORESERVE gives a segment whose every page is SIGBUS.
 */

#include "abi/errno.h"
#include "shm/locked.h"
#include "shm/namespace.h"
#include "shm/segment_trace.h"

#define MODE_READ  0444u
#define MODE_WRITE 0222u
#define MODE_EXEC  0111u

#define INVALID_ID UINT32_MAX /* of users and groups */

/* ---- shmget ---- */

/* SHM_HUGETLB where no huge pages are configured: 0 and the object's flags, or what is wrong. */
static int huge_flags(const struct shm_caller *caller, int flags, unsigned *object_flags)
{
	unsigned size_log = (unsigned)flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK;

	if (size_log != 0 && size_log != SHM_SPAN_SHIFT && size_log != SHM_MIDDLE_SHIFT)
		return -EINVAL; /* no such page size */
	/* vm.hugetlb_shm_group is 0. */
	if (!(caller->capabilities & SHM_CAP_IPC_LOCK) && !shm_caller_in_group(caller, 0))
		return -EPERM;
	if (!(flags & SHM_NORESERVE))
		return -ENOMEM;
	*object_flags |=
		size_log == SHM_MIDDLE_SHIFT ? SHM_OBJECT_HUGE_MIDDLE : SHM_OBJECT_HUGE_SPAN;
	return 0;
}

/* => namespace locked by caller */
static int32_t create_locked(struct shm_namespace *ns, const struct shm_caller *caller, int32_t key,
			     uint64_t size_bytes, int flags)
{
	struct shm_segment_request request = {
		.key = key,
		.size_bytes = size_bytes,
		.mode = flags & 0777,
		.object_flags = flags & SHM_NORESERVE ? SHM_OBJECT_NORESERVE : 0,
	};
	uint64_t pages = (size_bytes >> SHM_PAGE_SHIFT) + !!(size_bytes & (SHM_PAGE_BYTES - 1));
	struct shm_segment *segment;
	int err = 0;

	if (size_bytes < SHMMIN || size_bytes > ns->limits.shmmax_bytes)
		return -EINVAL;
	if (pages << SHM_PAGE_SHIFT < size_bytes || /* the last, not whole page of 2^64 bytes */
	    ns->total_pages + pages < pages || ns->total_pages + pages > ns->limits.shmall_pages)
		return -ENOSPC;
	if (flags & SHM_HUGETLB)
		err = huge_flags(caller, flags, &request.object_flags);
	else if (size_bytes > INT64_MAX)
		err = -EINVAL; /* no file can be so large */
	if (err)
		return err;
	err = shm_segment_create(ns, caller, &request, &segment);
	if (err)
		return err;
	shm_trace_segment(segment, "is created");
	return segment->entry.id;
}

/* => namespace locked by caller */
static int32_t open_locked(struct shm_segment *segment, const struct shm_caller *caller,
			   uint64_t size_bytes, int flags)
{
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		return -EEXIST;
	if (size_bytes > segment->size_bytes)
		return -EINVAL; /* before permission is looked at */
	if (!shm_segment_permits(segment, caller, (unsigned)flags & 0777)) {
		shm_trace_refusal(segment, caller, "shmget of", (unsigned)flags);
		return -EACCES;
	}
	return segment->entry.id;
}

int32_t shm_get(struct shm_namespace *ns, const struct shm_caller *caller, int32_t key,
		uint64_t size_bytes, int flags)
{
	struct shm_segment *segment = NULL;
	int32_t id;

	shm_namespace_lock(ns);
	if (key != IPC_PRIVATE)
		segment = shm_namespace_find_key(ns, key);
	if (segment)
		id = open_locked(segment, caller, size_bytes, flags);
	else if (key == IPC_PRIVATE || flags & IPC_CREAT)
		id = create_locked(ns, caller, key, size_bytes, flags);
	else
		id = -ENOENT;
	shm_namespace_unlock(ns);
	return id;
}

/* ---- shmat, shmdt ---- */

/* Checks what does not depend on the segment, and rounds: 0, -EINVAL, -EPERM. */
static int attach_request(uint64_t address, int flags, struct shm_area_request *request)
{
	request->address = request->index = 0;
	request->flags = 0;
	request->protection = SHM_READ;
	request->protection_max = SHM_READ | SHM_EXEC;
	if (!(flags & SHM_RDONLY)) {
		request->protection |= SHM_WRITE;
		request->protection_max |= SHM_WRITE;
	}
	if (flags & SHM_ATTACH_EXEC)
		request->protection |= SHM_EXEC;
	if (!address)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (address & (SHMLBA - 1)) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		address &= ~(uint64_t)(SHMLBA - 1);
		if (!address) /* page 0 is nobody's */
			return flags & SHM_REMAP ? -EINVAL : -EPERM;
	}
	request->address = address;
	request->flags = SHM_AREA_FIXED | (flags & SHM_REMAP ? SHM_AREA_REPLACE : 0);
	return 0;
}

/* The segment, held, if the caller may attach it like this. */
static int hold_for_attach(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
			   unsigned protection, struct shm_segment **held)
{
	unsigned wanted = MODE_READ | (protection & SHM_WRITE ? MODE_WRITE : 0) |
			  (protection & SHM_EXEC ? MODE_EXEC : 0);
	struct shm_segment *segment;
	int err = 0;

	shm_namespace_lock(ns);
	segment = shm_namespace_find_id(ns, shmid);
	if (!segment) {
		err = -EINVAL;
	} else if (!shm_segment_permits(segment, caller, wanted)) {
		shm_trace_refusal(segment, caller, "shmat of", wanted);
		err = -EACCES;
	} else if (segment->mode & SHM_DEST && !ns->limits.attach_removed) {
		shm_trace_reason(segment, caller, "shmat of", "segment removed");
		err = -EIDRM;
	} else {
		shm_segment_hold(segment);
		*held = segment;
	}
	shm_namespace_unlock(ns);
	return err;
}

/* Fill in what depends on the segment and map it. */
static int attach_held(const struct shm_caller *caller, struct shm_segment *segment,
		       struct shm_area_request *request, uint64_t *attached)
{
	const struct shm_port *port = shm_port(segment->ns->shm);
	int err;

	request->object = segment->object;
	request->size_bytes = shm_object_size_pages(segment->object) << SHM_PAGE_SHIFT;
	request->alignment_bytes = shm_object_alignment_bytes(segment->object);
	if (request->flags & SHM_AREA_FIXED && !(request->flags & SHM_AREA_REPLACE) &&
	    request->address + segment->size_bytes < request->address)
		return -EINVAL; /* with the size in bytes, as on Linux */
	if (request->flags & SHM_AREA_FIXED &&
	    request->address & (shm_object_page_bytes(segment->object) - 1))
		return -EINVAL; /* huge pages */
	port->space_lock(caller->space, true);
	err = port->area_map(caller->space, request, attached);
	port->space_unlock(caller->space, true);
	if (err)
		shm_trace_reason(segment, caller, "shmat of",
				 err == -EINVAL ? "address range occupied" : "no room or memory");
	else
		shm_trace_access(segment, caller, "attaches", *attached, request->protection);
	return err;
}

int shm_attach(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
	       uint64_t address, int flags, uint64_t *attached)
{
	struct shm_area_request request;
	struct shm_segment *segment;
	int err;

	if (shmid < 0)
		return -EINVAL;
	err = attach_request(address, flags, &request);
	if (err == -EINVAL)
		return err;
	int refused = hold_for_attach(ns, caller, shmid, request.protection, &segment);
	if (refused)
		return refused;
	if (!err)
		err = attach_held(caller, segment, &request, attached);
	shm_segment_unhold(segment);
	return err;
}

/*
 * The first piece that an attach at `address` left behind: one that is as far
 * above it as its page lies in the segment. Space locked.
 */
static struct shm_piece *find_attach(struct shm_space *space, uint64_t address)
{
	const struct shm_port *port = shm_port(space->shm);
	uint64_t start, end, at = address;
	struct shm_piece *piece;

	while (port->area_next(space, at, &start, &end, &piece)) {
		if (piece && piece->flags & SHM_PIECE_SEGMENT && start >= address &&
		    (start - address) >> SHM_PAGE_SHIFT == shm_piece_index(piece, start))
			return piece;
		at = end;
	}
	return NULL;
}

/*
 * More than the piece may be left of its attach, below `limit`: all of that goes. Space locked.
 * Not inline: mostly an attach is in one piece.
 */
static __attribute__((noinline)) void detach_pieces(struct shm_space *space, uint64_t address,
						    struct shm_piece *piece, uint64_t limit)
{
	const struct shm_port *port = shm_port(space->shm);
	const struct shm_object *object = shm_piece_object(piece);
	uint64_t start, end, at = piece->end, attach = piece->attach;

	port->area_unmap(space, piece);
	/* The object may be gone now, but then so are all its pieces. */
	while (at < limit && port->area_next(space, at, &start, &end, &piece)) {
		at = end;
		if (end > limit)
			break;
		if (piece && piece->flags & SHM_PIECE_SEGMENT &&
		    shm_piece_object(piece) == object && piece->attach == attach &&
		    (start - address) >> SHM_PAGE_SHIFT == shm_piece_index(piece, start))
			port->area_unmap(space, piece);
	}
}

/* => space locked by caller */
static int detach_locked(struct shm_space *space, const struct shm_caller *caller, uint64_t address)
{
	struct shm_piece *piece = find_attach(space, address);
	struct shm_object *object;
	uint64_t limit;

	if (!piece)
		return -EINVAL;
	object = shm_piece_object(piece);
	limit = address + (shm_object_size_pages(object) << SHM_PAGE_SHIFT);
	shm_trace_access(shm_object_segment(object), caller, "detaches", address,
			 piece->protection);
	if (piece->end < limit)
		detach_pieces(space, address, piece, limit);
	else
		shm_port(space->shm)->area_unmap(space, piece);
	return 0;
}

int shm_detach(struct shm_namespace *ns, const struct shm_caller *caller, uint64_t address)
{
	struct shm_space *space = caller->space;
	int err;

	(void)ns; /* a piece knows its segment */
	if (address & (SHM_PAGE_BYTES - 1))
		return -EINVAL;
	shm_port(space->shm)->space_lock(space, true);
	err = detach_locked(space, caller, address);
	shm_port(space->shm)->space_unlock(space, true);
	return err;
}

/* ---- shmctl ---- */

/* => namespace locked by caller */
static long info_locked(struct shm_namespace *ns, struct abi_shminfo *info)
{
	int32_t highest = shm_ids_highest(&ns->ids);

	*info = (struct abi_shminfo){
		.shmmax = ns->limits.shmmax_bytes,
		.shmmin = SHMMIN,
		.shmmni = ns->limits.shmmni,
		.shmseg = ns->limits.shmmni,
		.shmall = ns->limits.shmall_pages,
	};
	return highest < 0 ? 0 : highest;
}

/* => namespace locked by caller */
static long totals_locked(struct shm_namespace *ns, struct abi_shm_info *totals)
{
	int32_t highest = shm_ids_highest(&ns->ids);
	const struct shm_segment *segment;

	*totals = (struct abi_shm_info){
		.used_ids = (int32_t)ns->ids.count,
		.shm_tot = ns->total_pages,
	};
	/* Asks all segments: it is this command's job. */
	for (uint32_t i = 0; (segment = shm_namespace_next(ns, &i)); i++) {
		totals->shm_rss += shm_object_resident_pages(segment->object);
		totals->shm_swp += shm_object_swapped_pages(segment->object);
	}
	return highest < 0 ? 0 : highest;
}

/* => namespace locked by caller */
static long stat_locked(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
			int command, struct abi_shmid_ds *ds)
{
	struct shm_segment *segment = command == IPC_STAT ? shm_namespace_find_id(ns, shmid)
							  : shm_namespace_find_index(ns, shmid);

	if (!segment)
		return -EINVAL;
	if (command != SHM_STAT_ANY && !shm_segment_permits(segment, caller, MODE_READ)) {
		shm_trace_refusal(segment, caller, "shmctl stat of", MODE_READ);
		return -EACCES;
	}
	shm_segment_stat(segment, ds);
	return command == IPC_STAT ? 0 : segment->entry.id;
}

static void change_mode(struct shm_segment *segment, uint16_t clear, uint16_t set)
{
	const struct shm_port *port = shm_port(segment->ns->shm);

	port->spin_lock(&segment->lock);
	segment->mode = (segment->mode & ~clear) | set;
	port->spin_unlock(&segment->lock);
}

/* IPC_SET and IPC_RMID. => namespace locked by caller */
static long change_locked(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
			  int command, const struct abi_shmid_ds *ds, struct shm_segment **dead)
{
	struct shm_segment *segment = shm_namespace_find_id(ns, shmid);

	if (!segment)
		return -EINVAL;
	if (!shm_segment_owned(segment, caller)) {
		shm_trace_reason(segment, caller, command == IPC_SET ? "IPC_SET of" : "IPC_RMID of",
				 "caller is neither owner nor creator");
		return -EPERM;
	}
	if (command == IPC_RMID) {
		shm_segment_remove(segment, dead);
		return 0;
	}
	if (ds->shm_perm.uid == INVALID_ID || ds->shm_perm.gid == INVALID_ID)
		return -EINVAL;
	segment->uid = ds->shm_perm.uid;
	segment->gid = ds->shm_perm.gid;
	segment->ctime = (int64_t)shm_port(ns->shm)->now_seconds();
	change_mode(segment, 0777, ds->shm_perm.mode & 0777);
	return 0;
}

/* SHM_LOCK and SHM_UNLOCK: without swap, a mark. => namespace locked by caller */
static long lock_locked(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
			int command)
{
	struct shm_segment *segment = shm_namespace_find_id(ns, shmid);
	int err;

	if (!segment)
		return -EINVAL;
	if (!(caller->capabilities & SHM_CAP_IPC_LOCK)) {
		if (caller->uid != segment->uid && caller->uid != segment->cuid)
			return -EPERM;
		if (command == SHM_LOCK && !caller->memlock_limit_bytes)
			return -EPERM;
	}
	if (shm_object_page_bytes(segment->object) != SHM_PAGE_BYTES)
		return 0; /* huge pages are locked as it is, and not marked */
	if (command == SHM_UNLOCK) {
		if (segment->locker)
			shm_locked_remove(segment);
		change_mode(segment, SHM_LOCKED, 0);
		return 0;
	}
	if (segment->locker)
		return 0;
	err = shm_locked_add(segment, caller);
	if (!err)
		change_mode(segment, 0, SHM_LOCKED);
	return err;
}

long shm_control(struct shm_namespace *ns, const struct shm_caller *caller, int32_t shmid,
		 int command, union shm_control_data *data)
{
	struct shm_segment *dead = NULL;
	long result;

	if (command < 0 || shmid < 0)
		return -EINVAL;
	shm_namespace_lock(ns);
	switch (command) {
	case IPC_INFO:
		result = info_locked(ns, &data->info);
		break;
	case SHM_INFO:
		result = totals_locked(ns, &data->totals);
		break;
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		result = stat_locked(ns, caller, shmid, command, &data->ds);
		break;
	case IPC_SET:
		result = change_locked(ns, caller, shmid, command, &data->ds, &dead);
		break;
	case IPC_RMID:
		result = change_locked(ns, caller, shmid, command, NULL, &dead);
		break;
	case SHM_LOCK:
	case SHM_UNLOCK:
		result = lock_locked(ns, caller, shmid, command);
		break;
	default:
		result = -EINVAL;
	}
	shm_namespace_unlock(ns);
	if (dead)
		shm_segment_free_all(dead);
	return result;
}
