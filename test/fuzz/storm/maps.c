// SPDX-License-Identifier: MIT
/* Operations on mappings. The table of them is exact or forgets: what is in it is mapped so. */

#define _GNU_SOURCE
#include "storm.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define ARENA_START 0x1000000000ul /* 64 GiB: also where addresses have 38 bits */
#define ARENA_BYTES 0x0800000000ul
#define MIB         (1ul << 20)
#define GIB         (1ul << 30)

/* ---- the table ---- */

struct map *map_draw(void)
{
	unsigned first = draw() % MAPS;

	for (unsigned i = 0; i < MAPS; i++) {
		struct map *map = &me.maps[(first + i) % MAPS];

		if (map->bytes)
			return map;
	}
	return NULL;
}

struct map *map_enter(const struct map *map)
{
	for (unsigned i = 0; i < MAPS; i++) {
		if (!me.maps[i].bytes) {
			me.maps[i] = *map;
			return &me.maps[i];
		}
	}
	munmap((void *)map->address, map->bytes);
	return NULL;
}

/* [start, end) is something else now. Of a map that was cut in two the upper part is forgotten. */
void maps_cut(uintptr_t start, uintptr_t end)
{
	for (unsigned i = 0; i < MAPS; i++) {
		struct map *map = &me.maps[i];
		uintptr_t map_end = map->address + map->bytes;

		if (!map->bytes || map_end <= start || map->address >= end)
			continue;
		if (start > map->address) {
			map->bytes = start - map->address;
		} else if (end < map_end) {
			map->index += (end - map->address) / PAGE;
			map->bytes = map_end - end;
			map->address = end;
		} else {
			map->bytes = 0;
		}
	}
}

static uintptr_t address_draw(uint64_t bytes)
{
	static const uintptr_t alignments[] = {PAGE, 16 * PAGE, 2 * MIB, 2 * MIB, GIB};
	uintptr_t alignment = alignments[draw() % 5];

	if (bytes >= GIB && chance(2)) /* where whole middle tables may be linked */
		return ARENA_START + draw() % 16 * GIB;

	/* Few places, so that they meet. */
	return ARENA_START +
	       (chance(2) ? draw() % (64 * MIB) : draw() % ARENA_BYTES) / alignment * alignment;
}

/* A part of a map: whole pages, not empty. */
static void part_draw(const struct map *map, uintptr_t *start, uintptr_t *end)
{
	uint64_t pages = map->bytes / PAGE, first = chance(3) ? 0 : page_draw(pages), count;

	count = chance(3) ? pages - first : 1 + page_draw(pages - first);
	*start = map->address + first * PAGE;
	*end = *start + count * PAGE;
}

/* ---- attach ---- */

static void attach_segment(struct object *object, uint64_t name)
{
	uint32_t number = (uint32_t)(name >> 32);
	int flags = 0;
	uintptr_t address = 0;

	if (!chance(3)) {
		address = address_draw(object_pages(number) * PAGE);
		if (chance(4)) {
			flags |= SHM_RND;
			address += draw() % PAGE;
		}
		flags |= chance(3) ? SHM_REMAP : 0;
	}
	flags |= chance(5) ? SHM_RDONLY : 0;
	flags |= chance(20) ? SHM_EXEC : 0;
	void *at = shmat((int)(uint32_t)name, (void *)address, flags);
	if (at == (void *)-1) {
		/* Somebody removed it and did not live to say so. */
		struct shmid_ds status;
		if (flags & SHM_REMAP)
			maps_cut(address / PAGE * PAGE,
				 address / PAGE * PAGE + object_pages(number) * PAGE);
		if (shmctl((int)(uint32_t)name, IPC_STAT, &status) != 0)
			__atomic_compare_exchange_n(&object->name, &name, 0, false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
		return;
	}
	if (address && (uintptr_t)at != address / PAGE * PAGE)
		fail("shmat at %lx gave %p", (unsigned long)address, at);
	struct map map = {.address = (uintptr_t)at,
			  .bytes = object_pages(number) * PAGE,
			  .number = number,
			  .kind = SEGMENT,
			  .plain = true,
			  .write = !(flags & SHM_RDONLY)};
	maps_cut(map.address, map.address + map.bytes);
	(void)map_enter(&map);
}

static void attach_file(uint32_t kind, uint32_t number, int fd)
{
	struct stat status;
	bool private = chance(4), fixed = chance(2);
	int protection = PROT_READ | (chance(4) ? 0 : PROT_WRITE);

	if (fstat(fd, &status) != 0)
		return;
	uint64_t pages = (uint64_t)status.st_size / PAGE + (chance(4) ? 3 : 0);
	if (!pages)
		return;
	struct map map = {.kind = kind, .number = number, .write = protection & PROT_WRITE};
	map.index = chance(3) ? page_draw(pages) : 0;
	map.bytes = (chance(2) ? pages - map.index : 1 + page_draw(pages - map.index)) * PAGE;
	map.address = fixed ? address_draw(map.bytes) : 0;
	void *at = mmap((void *)map.address, map.bytes, protection,
			(private ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED) |
				(fixed ? MAP_FIXED : 0) |
				(map.bytes <= 64 * PAGE && chance(10) ? MAP_LOCKED : 0),
			fd, (off_t)(map.index * PAGE));
	if (fixed) /* even if it failed: the old ones may be gone */
		maps_cut(map.address, map.address + map.bytes);
	if (at == MAP_FAILED)
		return;
	map.address = (uintptr_t)at;
	(void)map_enter(&map);
}

void operate_attach(void)
{
	struct object *object = object_draw();
	uint64_t name = LOAD(&object->name);
	uint32_t number = (uint32_t)(name >> 32);
	char path[64];
	int fd;

	if (!name)
		return;
	switch (object->kind) {
	case SEGMENT:
		attach_segment(object, name);
		break;
	case FILE_NAMED:
		file_path(path, number);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return;
		attach_file(FILE_NAMED, number, fd);
		close(fd);
		break;
	case MEMFD:
		attach_file(MEMFD, number, (int)(uint32_t)name);
		break;
	default:
		break;
	}
}

void operate_private(void)
{
	uint64_t pages = 1 + draw() % 64;
	bool fixed = chance(2);
	void *at = mmap(fixed ? (void *)address_draw(pages * PAGE) : NULL, pages * PAGE,
			PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | (fixed ? MAP_FIXED : 0), -1, 0);

	if (at == MAP_FAILED)
		return;
	maps_cut((uintptr_t)at, (uintptr_t)at + pages * PAGE);
	(void)map_enter(&(struct map){.address = (uintptr_t)at,
				      .bytes = pages * PAGE,
				      .kind = PRIVATE_MEMORY,
				      .write = true});
}

/* ---- detach ---- */

void operate_detach(void)
{
	struct map *map = map_draw();

	if (!map)
		return;
	uintptr_t base = map->address - map->index * PAGE;
	if (map->kind != SEGMENT) {
		munmap((void *)map->address, map->bytes);
		map->bytes = 0;
		return;
	}
	/* All pieces of one segment with this base go, but another one's first piece may be the first. */
	if (shmdt((void *)base) != 0)
		return;
	for (unsigned i = 0; i < MAPS; i++) {
		map = &me.maps[i];
		if (map->bytes && map->kind == SEGMENT && map->address - map->index * PAGE == base)
			map->bytes = 0;
	}
}

void operate_unmap(void)
{
	struct map *map = map_draw();
	uintptr_t start, end;

	if (!map)
		return;
	part_draw(map, &start, &end);
	if (munmap((void *)start, end - start) == 0)
		maps_cut(start, end);
}

/* ---- change ---- */

void operate_protect(void)
{
	static const int protections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
					  PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC};
	struct map *map = map_draw();
	uintptr_t start, end;

	if (!map)
		return;
	part_draw(map, &start, &end);
	map->plain = false;
	(void)mprotect((void *)start, end - start, protections[draw() % 5]);
}

void operate_remap(void)
{
	struct map *map = map_draw();
	int flags = chance(4) ? 0 : MREMAP_MAYMOVE;
	uintptr_t to = 0;

	if (!map)
		return;
	uint64_t pages = map->bytes / PAGE, wanted = pages;
	if (chance(3))
		wanted = 1 + page_draw(pages);
	else if (chance(3))
		wanted = pages + draw() % 40;
	if (flags && chance(2)) {
		flags |= MREMAP_FIXED;
		to = address_draw(wanted * PAGE);
		/* Whether they overlap is the kernel's to find out: then nothing happens. */
		if (to < map->address + map->bytes && map->address < to + wanted * PAGE)
			return;
	}
	struct map moved = *map;
	map->bytes = 0; /* not in the table while the destination is cut out of it */
	if (to)
		maps_cut(to, to + wanted * PAGE);
	void *at = mremap((void *)moved.address, moved.bytes, wanted * PAGE, flags, (void *)to);
	if (at != MAP_FAILED) {
		moved.address = (uintptr_t)at;
		moved.bytes = wanted * PAGE;
		*map = moved;
	} else if (!to) {
		*map = moved;
	}
	/* After a failed move to a fixed place it is forgotten: parts may have gone. */
}

void operate_advise(void)
{
	static const int advices[] = {MADV_DONTNEED, MADV_DONTNEED, MADV_WILLNEED,   MADV_REMOVE,
				      MADV_RANDOM,   MADV_DONTFORK, MADV_SEQUENTIAL, MADV_DODUMP,
				      MADV_COLD,     MADV_PAGEOUT,  MADV_FREE};
	struct map *map = map_draw();
	int advice = advices[draw() % (sizeof(advices) / sizeof(advices[0]))];
	uintptr_t start, end;

	if (!map || (advice == MADV_REMOVE && map->kind == SEGMENT))
		return;
	part_draw(map, &start, &end);
	if (advice == MADV_DONTFORK)
		map->nofork = true;
	(void)madvise((void *)start, end - start, advice);
}

void operate_lock(void)
{
	struct map *map = map_draw();
	unsigned char resident[64];
	uintptr_t start, end;

	if (!map)
		return;
	part_draw(map, &start, &end);
	if (end - start > 64 * PAGE)
		end = start + 64 * PAGE;
	switch (draw() % 5) {
	case 0:
		(void)mlock((void *)start, end - start);
		break;
	case 1:
		(void)mlock2((void *)start, end - start, MLOCK_ONFAULT);
		break;
	case 2:
		(void)munlock((void *)start, end - start);
		break;
	case 3:
		(void)mincore((void *)start, end - start, resident);
		break;
	default:
		(void)msync((void *)start, end - start, chance(2) ? MS_SYNC : MS_ASYNC);
	}
}

void operate_touch(void)
{
	struct map *map = map_draw();

	for (unsigned i = 0; map && i < 1 + draw() % 8; i++)
		touch(map, page_draw(map->bytes / PAGE), !chance(3));
}
