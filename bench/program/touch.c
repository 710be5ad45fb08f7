// SPDX-License-Identifier: MIT
/* Segments as memory: attach, touch, detach. */

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "operation.h"

static uint64_t size_bytes;

static void set_up_untouched(uint64_t size)
{
	segment_make(size);
}

static void set_up_resident(uint64_t size)
{
	size_bytes = size;
	segment_make_resident(size);
}

static void body_attach_detach(unsigned times)
{
	for (unsigned i = 0; i < times; i++)
		shmdt(shmat(segment, NULL, 0));
}

static void set_up_attached(uint64_t size)
{
	size_bytes = size;
	segment_make(size);
	segment_attach();
}

static void set_up_touched(uint64_t size)
{
	set_up_attached(size);
	segment_touch(size);
}

static void set_up_touched_detached(uint64_t size)
{
	set_up_touched(size);
	shmdt(attached);
	attached = NULL;
}

static void body_touch(unsigned times)
{
	(void)times;
	segment_touch(size_bytes);
}

static void body_read(unsigned times)
{
	(void)times;
	segment_read(size_bytes);
}

static void body_attach_touch(unsigned times)
{
	(void)times;
	segment_attach();
	segment_touch(size_bytes);
}

static void body_attach_read(unsigned times)
{
	(void)times;
	segment_attach();
	segment_read(size_bytes);
}

static void body_detach(unsigned times)
{
	(void)times;
	shmdt(attached);
	attached = NULL;
}

static void body_remove(unsigned times)
{
	(void)times;
	shmctl(segment, IPC_RMID, NULL);
	segment = -1;
}

static void body_mprotect_all(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		mprotect(attached, size_bytes, PROT_READ);
		mprotect(attached, size_bytes, PROT_READ | PROT_WRITE);
		segment_touch(size_bytes);
	}
}

static void body_mprotect_part(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		mprotect(attached + 16 * PAGE, 16 * PAGE, PROT_READ);
		mprotect(attached + 16 * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE);
		segment_touch(size_bytes);
	}
}

#define ROW(GROUP, ID, NAME, SIZE, SET_UP, BODY, TIMES, UNITS)                                     \
	{                                                                                          \
		.group = GROUP,                                                                    \
		.id = ID,                                                                          \
		.name = NAME,                                                                      \
		.set_up = SET_UP,                                                                  \
		.body = BODY,                                                                      \
		.tear_down = segment_drop,                                                         \
		.argument = SIZE,                                                                  \
		.times = TIMES,                                                                    \
		.units = UNITS,                                                                    \
		.rounds = GROUP == GROUP_LARGE ? 1 : 3,                                            \
	}
#define ATTACH(GROUP, ID, TEXT, SIZE, SET_UP)                                                      \
	ROW(GROUP, ID, "shmat + shmdt, " TEXT, SIZE, SET_UP, body_attach_detach, 200, 1)
/* Once a round; the figure is for one of UNITS. */
#define ONCE(GROUP, ID, TEXT, SET_UP, BODY, SIZE, UNITS)                                           \
	ROW(GROUP, ID, TEXT, SIZE, SET_UP, BODY, 1, UNITS)

const struct operation touch_operations[] = {
	ATTACH(GROUP_SMALL, "attach-4k", "4 KiB", PAGE, set_up_untouched),
	ATTACH(GROUP_SMALL, "attach-4k-resident", "4 KiB resident", PAGE, set_up_resident),
	ATTACH(GROUP_SMALL, "attach-1m", "1 MiB", MIB, set_up_untouched),
	ATTACH(GROUP_SMALL, "attach-1m-resident", "1 MiB resident", MIB, set_up_resident),
	ATTACH(GROUP_SMALL, "attach-64m", "64 MiB", 64 * MIB, set_up_untouched),
	ATTACH(GROUP_SMALL, "attach-64m-resident", "64 MiB resident", 64 * MIB, set_up_resident),
	ATTACH(GROUP_LARGE, "attach-1g", "1 GiB", GIB, set_up_untouched),
	ATTACH(GROUP_LARGE, "attach-1g-resident", "1 GiB resident", GIB, set_up_resident),
	ONCE(GROUP_SMALL, "first-write", "first touch by write, a page", set_up_attached,
	     body_touch, MIB, 256),
	ONCE(GROUP_SMALL, "first-read", "first touch by read, a page", set_up_attached, body_read,
	     MIB, 256),
	ONCE(GROUP_SMALL, "second-read-64m", "second process attaches, reads 64 MiB, a page",
	     set_up_resident, body_attach_read, 64 * MIB, 16384),
	ONCE(GROUP_SMALL, "second-write-64m", "second process attaches, writes 64 MiB, a page",
	     set_up_resident, body_attach_touch, 64 * MIB, 16384),
	ONCE(GROUP_SMALL, "second-total-64m", "second process attaches, writes 64 MiB, total",
	     set_up_resident, body_attach_touch, 64 * MIB, 1),
	ONCE(GROUP_LARGE, "second-read-1g", "second process attaches, reads 1 GiB, a page",
	     set_up_resident, body_attach_read, GIB, 262144),
	ONCE(GROUP_LARGE, "second-write-1g", "second process attaches, writes 1 GiB, a page",
	     set_up_resident, body_attach_touch, GIB, 262144),
	ONCE(GROUP_LARGE, "second-total-1g", "second process attaches, writes 1 GiB, total",
	     set_up_resident, body_attach_touch, GIB, 1),
	ONCE(GROUP_SMALL, "detach-touched", "shmdt of 64 MiB touched, a page", set_up_touched,
	     body_detach, 64 * MIB, 16384),
	ONCE(GROUP_SMALL, "remove-touched", "IPC_RMID of 64 MiB touched, a page",
	     set_up_touched_detached, body_remove, 64 * MIB, 16384),
	ROW(GROUP_SMALL, "mprotect-all", "mprotect of all of 1 MiB and back, touched", MIB,
	    set_up_touched, body_mprotect_all, 20, 1),
	ROW(GROUP_SMALL, "mprotect-part", "mprotect of 64 KiB of 1 MiB and back, touched", MIB,
	    set_up_touched, body_mprotect_part, 20, 1),
	{.name = NULL},
};
