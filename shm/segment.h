/* SPDX-License-Identifier: MIT */
#ifndef SHM_SEGMENT_H
#define SHM_SEGMENT_H

/*
 * A segment: System V's identity, permission, times and lifetime around one
 * object. Internal to shm/.
 *
 * Life: in its namespace's table from shm_get until nobody needs it any more:
 * removed (or going with its last user) and neither attached nor held. An
 * attachment is a piece that mapping.c counted here; a hold is an attach under
 * way or an entry of a per-process table. So a piece's segment always exists.
 *
 * The last detach cannot take the namespace lock (it lies above the object
 * lock), so it is noted under the segment's own spin lock and finished by
 * shm_segment_finish after unlocking.
 *
 * Fields: [I] immutable, [n] namespace lock, [s] segment's spin lock, [n+s]
 * written under both, read under either, [a] atomic.
 */

#include "shm/ids.h"
#include "shm/shm.h"

struct shm_creator;
struct shm_locker;

#define SHM_HOLD (1ull << 32)

struct shm_segment {
	struct shm_id_entry entry;   /* [n] first; but its id is [I] */
	int32_t first_key;           /* [I] names it in /proc/PID/maps, also after removal */
	struct shm_namespace *ns;    /* [I] */
	struct shm_object *object;   /* [I] one reference */
	struct shm_creator *creator; /* [n] the thread that made it, NULL when that has ended */
	struct shm_locker *locker;   /* [n] on whose account it is locked; NULL: it is not */
	struct shm_segment *created_next, **created_link; /* [n] all of one creator */
	uint64_t size_bytes;                              /* [I] as asked for, not rounded */
	int64_t ctime;                                    /* [n] */
	int64_t atime, dtime;                             /* [s] */
	struct shm_spin lock; /* spin: leaf rank; nothing is taken under it */
	uint64_t users; /* [a] attachments (nattch), SHM_HOLD for each hold; 0 again under lock */
	uint32_t references; /* [a] to this struct: the table's, and detaches to be finished */
	int32_t lpid;        /* [s] */
	int32_t cpid;        /* [I] */
	uint32_t uid, gid;   /* [n] */
	uint32_t cuid, cgid; /* [I] */
	uint16_t mode;       /* [n+s] 0777 and SHM_DEST, SHM_LOCKED */
	bool transient;      /* [I] goes with its last user: made by shm_table_create */
	bool listed;         /* [n] in the namespace's table */
};

/* ---- what mapping.c calls, for pieces with SHM_PIECE_SEGMENT. Any locks but a segment's. ---- */

/* One more piece shows the segment: attach, fork, split. Sets atime, and lpid to `pid`. Cannot fail. */
void shm_segment_attached(struct shm_segment *segment, int32_t pid);
/* One more piece, and nobody did it yet: shm_segment_used says who, if it stays. */
void shm_segment_split(struct shm_segment *segment);
void shm_segment_used(struct shm_segment *segment, int32_t pid); /* sets atime and lpid */
/* Two pieces have become one. */
void shm_segment_merged(struct shm_segment *segment);
/*
 * One piece fewer. Sets dtime and lpid. True: it was the last user of a segment
 * that goes with it; then call shm_segment_finish once, after unlocking.
 */
bool shm_segment_detached(struct shm_segment *segment, int32_t pid);
/*
 * Complete what shm_segment_detached said: frees the segment unless somebody
 * came back. Takes the namespace lock; the space lock may be held, an object's and
 * a segment's may not.
 */
void shm_segment_finish(struct shm_segment *segment);

/* For shm_space_release: the space's per-process table goes, if it has one (table.c). */
void shm_table_release(struct shm_space *space);

/* ---- what object.c provides for segments ---- */

/* Whose object it is; NULL: no segment's. Set once, right after shm_object_create; no reference. */
void shm_object_set_segment(struct shm_object *object, struct shm_segment *segment);
struct shm_segment *shm_object_segment(const struct shm_object *object);

/* ---- for namespace.c, sysv.c, table.c, report.c ---- */

/* What a new segment is to be. */
struct shm_segment_request {
	int32_t key;
	uint64_t size_bytes; /* more than 0 */
	uint16_t mode;       /* 0777 */
	unsigned object_flags;
	bool transient; /* begins with one hold */
};
/* Create and enter it. Namespace locked. 0; -ENOMEM; -ENOSPC; -EINVAL: too large for an object. */
int shm_segment_create(struct shm_namespace *ns, const struct shm_caller *caller,
		       const struct shm_segment_request *request, struct shm_segment **segment);

/*
 * IPC_RMID: nobody finds it by key any more, and it goes with its last user:
 * now, if it has none. Namespace locked; what goes now is put on *dead, which
 * the caller gives to shm_segment_free_all after unlocking.
 */
void shm_segment_remove(struct shm_segment *segment, struct shm_segment **dead);
/* The same, but only if nobody uses it. */
void shm_segment_remove_unused(struct shm_segment *segment, struct shm_segment **dead);
void shm_segment_free_all(struct shm_segment *dead);

/* A use other than an attachment, until shm_segment_unhold. Namespace locked. */
void shm_segment_hold(struct shm_segment *segment);

/* Is it the caller's group, or one of its supplementary ones? */
bool shm_caller_in_group(const struct shm_caller *caller, uint32_t gid);
/* May the caller do this? `wanted` is a mode: any of the three digits' bits count. ipcperms(). */
bool shm_segment_permits(const struct shm_segment *segment, const struct shm_caller *caller,
			 unsigned wanted);
/* Which of the mode's digits decides: the first that fits. */
enum shm_class { SHM_CLASS_OWNER, SHM_CLASS_GROUP, SHM_CLASS_OTHER };
enum shm_class shm_segment_class(const struct shm_segment *segment,
				 const struct shm_caller *caller);
/* Owner, creator or CAP_SYS_ADMIN: shmctl(2), IPC_SET and IPC_RMID. */
bool shm_segment_owned(const struct shm_segment *segment, const struct shm_caller *caller);
/* Whole pages. */
uint64_t shm_segment_pages(const struct shm_segment *segment);
/* shmid_ds as IPC_STAT gives it. Namespace locked. */
void shm_segment_stat(struct shm_segment *segment, struct abi_shmid_ds *ds);

#endif
