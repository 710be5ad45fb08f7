// SPDX-License-Identifier: MIT
/* The naive model: shmget(2), shmop(2), shmctl(2) as one would write them in an afternoon. */

#include "test/model/naive.h"

#include <string.h>

#include "shm/object.h"

struct naive naive;

/* ---- memory ---- */

int naive_access(struct naive_page *page, unsigned access, uint64_t **value)
{
	struct naive_object *object = &naive.objects[page->object];

	if (page->shown == SHOWS_NOTHING || !page->protection)
		return -EFAULT;
	if (access == SHM_WRITE && !(page->protection & SHM_WRITE))
		return -EFAULT;
	*value = &page->value;
	if (page->shown == SHOWS_ANONYMOUS || page->own)
		return 0;
	if (page->index >= object->size || object->there[page->index] == THERE_LOST)
		return -EIO;
	*value = &object->values[page->index];
	object->there[page->index] = THERE_YES;
	object->touched[page->index] = TOUCHED_YES;
	if (page->shown == SHOWS_PRIVATE && access == SHM_WRITE) {
		page->own = true;
		page->value = **value;
		*value = &page->value;
	}
	return 0;
}

void naive_object_cut(struct naive_object *object, uint64_t first, uint64_t end)
{
	for (uint64_t i = first; i < end && i < PAGES_MAX; i++) {
		object->values[i] = 0;
		object->there[i] = THERE_NO;
		object->touched[i] = TOUCHED_NO;
	}
}

void naive_object_resize(struct naive_object *object, uint64_t size)
{
	naive_object_cut(object, size, PAGES_MAX);
	object->size = size;
	object->charged = shm_object_charge_pages(size);
}

uint64_t naive_charged(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < THINGS; i++)
		sum += naive.objects[i].charged;
	return sum;
}

/* ---- segments ---- */

struct naive_segment *naive_find_id(int32_t id)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (naive.segments[i].used && naive.segments[i].id == id)
			return &naive.segments[i];
	return NULL;
}

struct naive_segment *naive_find_key(int32_t key)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (naive.segments[i].used && naive.segments[i].key == key && key != IPC_PRIVATE)
			return &naive.segments[i];
	return NULL;
}

struct naive_segment *naive_free_segment(void)
{
	for (unsigned i = 0; i < SEGMENTS; i++)
		if (!naive.segments[i].used && !naive.objects[OBJECTS + i].open)
			return &naive.segments[i];
	return NULL;
}

unsigned naive_count(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < SEGMENTS; i++)
		count += naive.segments[i].used;
	return count;
}

uint64_t naive_total_pages(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SEGMENTS; i++)
		if (naive.segments[i].used)
			sum += naive_pages(&naive.segments[i]);
	return sum;
}

long naive_highest_index(void)
{
	int32_t highest = 0;

	for (unsigned i = 0; i < SEGMENTS; i++)
		if (naive.segments[i].used && naive.segments[i].id % 32768 > highest)
			highest = naive.segments[i].id % 32768;
	return highest;
}

/* The first index from that of a wished id on that nobody has; 32768: there is none. */
int32_t naive_wished_index(int32_t wish)
{
	int32_t index = wish % 32768;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (naive.segments[i].used && naive.segments[i].id % 32768 == index) {
			index++;
			i = (unsigned)-1; /* from the first again */
		}
	}
	return index;
}

/* A new segment can have an id. */
static long id_for_new(void)
{
	if (naive_count() >= naive.limits.shmmni)
		return -ENOSPC;
	if (naive.limits.next_id < 0 || naive_wished_index(naive.limits.next_id) < 32768)
		return 0;
	naive.limits.next_id = -1;
	return -ENOSPC;
}

static bool in_group(const struct naive_caller *caller, uint32_t gid)
{
	return caller->access_gid == gid || caller->group == gid;
}

bool naive_permits(const struct naive_segment *segment, const struct naive_caller *caller,
		   unsigned wanted)
{
	unsigned digit = segment->mode;

	if (caller->uid == segment->uid || caller->uid == segment->cuid)
		digit >>= 6;
	else if (in_group(caller, segment->gid) || in_group(caller, segment->cgid))
		digit >>= 3;
	wanted = (wanted | wanted >> 3 | wanted >> 6) & 7;
	return (wanted & digit) == wanted || (caller->capabilities & SHM_CAP_IPC_OWNER);
}

bool naive_owned(const struct naive_segment *segment, const struct naive_caller *caller)
{
	return caller->uid == segment->uid || caller->uid == segment->cuid ||
	       (caller->capabilities & SHM_CAP_SYS_ADMIN);
}

static long room_for(uint64_t bytes)
{
	uint64_t pages = bytes / SHM_PAGE_BYTES + (bytes % SHM_PAGE_BYTES != 0);

	if (bytes == 0 || bytes > naive.limits.shmmax_bytes)
		return -EINVAL;
	return pages == 1ull << 52 || pages > naive.limits.shmall_pages - naive_total_pages() ||
			       naive_total_pages() > naive.limits.shmall_pages
		       ? -ENOSPC
		       : 0;
}

static long huge(const struct naive_caller *caller, unsigned flags)
{
	unsigned log = flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK;

	if (log != 0 && log != 21 && log != 30)
		return -EINVAL;
	if (!(caller->capabilities & SHM_CAP_IPC_LOCK) && caller->access_gid && caller->group)
		return -EPERM;
	return flags & SHM_NORESERVE ? 0 : -ENOMEM;
}

long naive_shmget(const struct naive_caller *caller, int32_t key, uint64_t bytes, int flags,
		  struct naive_segment **found)
{
	struct naive_segment *segment = *found = naive_find_key(key);

	if (segment) {
		if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
			return -EEXIST;
		if (bytes > segment->bytes)
			return -EINVAL;
		return naive_permits(segment, caller, (unsigned)flags & 0777) ? segment->id
									      : -EACCES;
	}
	if (key != IPC_PRIVATE && !(flags & IPC_CREAT))
		return -ENOENT;
	long error = room_for(bytes);
	if (error)
		return error;
	if (flags & SHM_HUGETLB)
		return huge(caller, (unsigned)flags);
	if (bytes > INT64_MAX)
		return -EINVAL;
	uint64_t charge =
		shm_object_charge_pages(bytes / SHM_PAGE_BYTES + (bytes % SHM_PAGE_BYTES != 0));
	if (!(flags & SHM_NORESERVE) && charge > naive.commit_limit - naive_charged())
		return -ENOMEM;
	error = id_for_new();
	return error ? error : NAIVE_NEW;
}

long naive_table_create(uint64_t pages)
{
	if (pages == 0)
		return -EINVAL;
	long error = room_for(pages * SHM_PAGE_BYTES);
	if (error)
		return error;
	return id_for_new();
}

void naive_created(struct naive_segment *segment, const struct naive_caller *caller, int32_t id,
		   int32_t key, uint64_t bytes, int flags, int32_t pid, int creator)
{
	struct naive_object *object = naive_object_of(segment);

	*segment = (struct naive_segment){.used = true,
					  .id = id,
					  .key = key,
					  .bytes = bytes,
					  .mode = (unsigned)flags & 0777,
					  .cpid = pid,
					  .uid = caller->uid,
					  .gid = caller->gid,
					  .cuid = caller->uid,
					  .cgid = caller->gid,
					  .ctime = naive.now,
					  .holder = -1,
					  .creator = creator};
	memset(object, 0, sizeof(*object));
	object->open = true;
	object->size = naive_pages(segment);
	object->charged = flags & SHM_NORESERVE ? 0 : shm_object_charge_pages(object->size);
	naive.limits.next_id = -1;
}

static void segment_go(struct naive_segment *segment)
{
	struct naive_object *object = naive_object_of(segment);

	segment->used = false;
	memset(object, 0, sizeof(*object));
}

void naive_left(struct naive_segment *segment)
{
	if (segment->used && segment->nattch == 0 && segment->holder < 0 &&
	    (segment->removed || segment->transient || naive.limits.rmid_forced))
		segment_go(segment);
}

long naive_shmat(const struct naive_caller *caller, int32_t id, uint64_t address, int flags,
		 struct naive_segment **found, unsigned *protection)
{
	struct naive_segment *segment = naive_find_id(id);
	uint64_t rounded = address & ~(uint64_t)(SHMLBA - 1);
	unsigned wanted = 0444;

	*found = NULL;
	*protection = SHM_READ;
	if (id < 0 || (address != rounded && !(flags & SHM_RND)) ||
	    (rounded == 0 && (flags & SHM_REMAP)))
		return -EINVAL;
	if (!(flags & SHM_RDONLY)) {
		wanted |= 0222;
		*protection |= SHM_WRITE;
	}
	if (flags & SHM_ATTACH_EXEC) {
		wanted |= 0111;
		*protection |= SHM_EXEC;
	}
	if (!segment)
		return -EINVAL;
	if (!naive_permits(segment, caller, wanted))
		return -EACCES;
	if (segment->removed && !naive.limits.attach_removed)
		return -EIDRM;
	*found = segment;
	return address != 0 && rounded == 0 ? -EPERM : 0;
}

static uint64_t locked_pages(uint32_t uid)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SEGMENTS; i++)
		if (naive.segments[i].used && naive.segments[i].locked &&
		    naive.segments[i].locker == uid)
			sum += naive_pages(&naive.segments[i]);
	return sum;
}

static long lock_segment(struct naive_segment *segment, const struct naive_caller *caller,
			 bool lock)
{
	bool able = caller->capabilities & SHM_CAP_IPC_LOCK;

	if (!able && ((caller->uid != segment->uid && caller->uid != segment->cuid) ||
		      (lock && caller->memlock == 0)))
		return -EPERM;
	if (lock && !segment->locked) {
		if (!able && locked_pages(caller->uid) + naive_pages(segment) >
				     caller->memlock / SHM_PAGE_BYTES)
			return -ENOMEM;
		segment->locker = caller->uid;
	}
	segment->locked = lock;
	return 0;
}

long naive_change(const struct naive_caller *caller, int32_t id, int command,
		  const struct abi_shmid_ds *ds)
{
	struct naive_segment *segment = naive_find_id(id);

	if (!segment || id < 0)
		return -EINVAL;
	if (command == SHM_LOCK || command == SHM_UNLOCK)
		return lock_segment(segment, caller, command == SHM_LOCK);
	if (!naive_owned(segment, caller))
		return -EPERM;
	if (command == IPC_RMID) {
		segment->removed = true;
		segment->key = IPC_PRIVATE;
		naive_left(segment);
		return 0;
	}
	if (ds->shm_perm.uid == UINT32_MAX || ds->shm_perm.gid == UINT32_MAX)
		return -EINVAL;
	segment->uid = ds->shm_perm.uid;
	segment->gid = ds->shm_perm.gid;
	segment->mode = ds->shm_perm.mode & 0777;
	segment->ctime = naive.now;
	return 0;
}
