// SPDX-License-Identifier: MIT
/* Operations on objects: made, removed, resized, set, read, and what /proc says of them. */

#define _GNU_SOURCE
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE_PAGES   (1ul << 18) /* sparse: never promised */
#define EXHAUST_COUNT 160

/* Enter a new object where there is none; otherwise it goes again. */
static bool publish(struct object *object, uint32_t number, uint32_t id)
{
	uint64_t none = 0;

	return __atomic_compare_exchange_n(&object->name, &none, name_of(number, id), false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void operate_create(void)
{
	struct object *object = object_draw();
	uint32_t number = number_new();
	uint64_t pages = object_pages(number);
	char path[64];

	if (LOAD(&object->name))
		return;
	if (object->kind == SEGMENT) {
		/* Keys are drawn from few, so that most are taken. */
		int key = chance(3) ? (int)(1 + draw() % 100) : IPC_PRIVATE;
		int flags = IPC_CREAT | IPC_EXCL | 0600;

		flags |= pages >= LARGE_PAGES || chance(3) ? SHM_NORESERVE : 0;
		int id = shmget(key, (pages - 1) * PAGE + 1 + draw() % PAGE, flags);
		if (id >= 0 && !publish(object, number, (uint32_t)id))
			(void)shmctl(id, IPC_RMID, NULL);
	} else if (object->kind == FILE_NAMED) {
		file_path(path, number);
		int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
		if (fd < 0)
			return;
		(void)ftruncate(fd, (off_t)(pages * PAGE));
		close(fd);
		if (!publish(object, number, 0))
			(void)unlink(path);
	}
}

void operate_remove(void)
{
	struct object *object = object_draw();
	char path[64];
	uint64_t name;

	if (object->kind != SEGMENT && object->kind != FILE_NAMED)
		return;
	name = TAKE(&object->name);
	if (!name)
		return;
	if (object->kind == SEGMENT) {
		(void)shmctl((int)(uint32_t)name, IPC_RMID, NULL);
	} else {
		file_path(path, (uint32_t)(name >> 32));
		(void)unlink(path);
	}
}

/* A descriptor of a file or memfd of the board, its number, and whether to close it; -1: none. */
static int file_open(uint32_t *number, bool *opened)
{
	struct object *object = object_draw();
	uint64_t name = LOAD(&object->name);
	char path[64];

	*number = (uint32_t)(name >> 32);
	*opened = object->kind == FILE_NAMED;
	if (!name || (object->kind != FILE_NAMED && object->kind != MEMFD))
		return -1;
	if (object->kind == MEMFD)
		return (int)(uint32_t)name;
	file_path(path, *number);
	return open(path, O_RDWR | O_CLOEXEC);
}

void operate_resize(void)
{
	uint32_t number;
	bool opened;
	int fd = file_open(&number, &opened);

	if (fd < 0)
		return;
	uint64_t pages = object_pages((uint32_t)draw()), bytes;
	off_t start = (off_t)(page_draw(pages) * PAGE), length = (off_t)((1 + draw() % 30) * PAGE);
	switch (draw() % 4) {
	case 0:
		(void)fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, length);
		break;
	case 1:
		if (start < (off_t)(2048 * PAGE))
			(void)fallocate(fd, 0, start, length);
		break;
	default:
		/* Not within the words: what is cut off is zero, byte by byte. */
		bytes = pages * PAGE;
		bytes += chance(3) ? sizeof(uint64_t) * (LANES + draw() % 400) : 0;
		(void)ftruncate(fd, (off_t)bytes);
	}
	if (opened)
		close(fd);
}

void operate_read(void)
{
	uint64_t words[LANES] = {0};
	uint32_t number;
	bool opened;
	int fd = file_open(&number, &opened);

	if (fd < 0)
		return;
	uint64_t page = page_draw(object_pages(number));
	if (chance(3)) {
		words[0] = word_next(number, page);
		(void)!pwrite(fd, words, sizeof(words[0]),
			      (off_t)(page * PAGE + me.lane * sizeof(words[0])));
		words[0] = 0;
	}
	if (pread(fd, words, sizeof(words), (off_t)(page * PAGE)) > 0)
		verify_words(words, number, page, "read(2)");
	if (opened)
		close(fd);
}

void operate_control(void)
{
	struct object *object = object_draw();
	uint64_t name = LOAD(&object->name);
	int id = (int)(uint32_t)name;
	struct shmid_ds status;

	if (!name || object->kind != SEGMENT || shmctl(id, IPC_STAT, &status) != 0)
		return;
	uint64_t pages = (status.shm_segsz + PAGE - 1) / PAGE;
	if (pages != object_pages((uint32_t)(name >> 32)))
		fail("segment %x has %lu bytes", (unsigned)(name >> 32),
		     (unsigned long)status.shm_segsz);
	switch (draw() % 4) {
	case 0:
		status.shm_perm.mode = 0600 | (draw() & 0077);
		(void)shmctl(id, IPC_SET, &status);
		break;
	case 1:
		(void)shmctl(id, SHM_LOCK, NULL);
		break;
	case 2:
		(void)shmctl(id, SHM_UNLOCK, NULL);
		break;
	default:
		break;
	}
}

/* As many segments as there can be, and away with them. Others are refused meanwhile. */
void operate_exhaust(void)
{
	int ids[EXHAUST_COUNT], count = 0;

	while (count < EXHAUST_COUNT) {
		ids[count] = shmget(IPC_PRIVATE, PAGE, 0600);
		if (ids[count] < 0)
			break;
		count++;
	}
	if (count < EXHAUST_COUNT && errno != ENOSPC && errno != ENOMEM)
		fail("shmget number %d: errno %d", count, errno);
	if (me.board->limited && count == EXHAUST_COUNT)
		fail("%d segments in spite of shmmni", count);
	while (count)
		(void)shmctl(ids[--count], IPC_RMID, NULL);
}

/* What is there of a map that this process or another one of the board has, if that has it too. */
static void look_at_pages(void)
{
	const struct map *map = &me.maps[draw() % MAPS];
	uint64_t words[600];
	char path[64];

	if (!map->bytes)
		return;
	(void)snprintf(path, sizeof(path), "/proc/%d/pagemap",
		       (int)me.board->workers[draw() % WORKERS]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!pread(fd, words, sizeof(words), (off_t)(map->address / PAGE * sizeof(words[0])));
	close(fd);
}

/* What /proc says, of this process or another one of the board, which may be ending. */
void operate_look(void)
{
	static const char *const names[] = {"maps",  "smaps", "status",
					    "statm", "stat",  "smaps_rollup"};
	static const char *const tables[] = {"shm", "shm_attach", "sem", "msg"};
	char bytes[2000], path[64];

	if (chance(5)) {
		look_at_pages();
		return;
	}
	if (chance(3))
		(void)snprintf(path, sizeof(path), "/proc/sysvipc/%s", tables[draw() % 4]);
	else
		(void)snprintf(path, sizeof(path), "/proc/%d/%s",
			       (int)me.board->workers[draw() % WORKERS], names[draw() % 6]);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while (read(fd, bytes, sizeof(bytes)) > 0)
		;
	close(fd);
}

/* Only where settings are the namespace's own for certain: segments that nobody uses go by themselves. */
void operate_setting(void)
{
	if (!me.board->limited)
		return;
	int fd = open("/proc/sys/kernel/shm_rmid_forced", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)!write(fd, chance(3) ? "1" : "0", 1);
	close(fd);
}
