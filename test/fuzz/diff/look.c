// SPDX-License-Identifier: MIT
/* What can be seen of segments, areas and files, put so that it is the same on both kernels. */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_ANY 15

static void look_file(const struct op *op)
{
	struct stat status;

	if (fstat((int)op->a[0], &status) < 0) {
		say_result(-1);
		return;
	}
	say(" mode %o size %ld blocks %ld links %ld user %u", status.st_mode, (long)status.st_size,
	    (long)status.st_blocks, (long)status.st_nlink, user_drawn(status.st_uid));
}

/* Where areas are cut, only whether there is one: see draw_seed. */
static unsigned long attachments(unsigned long nattch)
{
	return control->cuts ? nattch != 0 : nattch;
}

void look_stat(const struct op *op)
{
	static const int commands[] = {IPC_STAT, IPC_STAT, SHM_STAT, STAT_ANY};
	struct shmid_ds ds;

	if (op->code == OP_FSTAT) {
		look_file(op);
		return;
	}
	int id = control->ids[op->a[0]], command = commands[op->a[1]];
	long value = shmctl(command == IPC_STAT ? id : id & 0x7fff, command, &ds);
	if (value < 0) {
		say_result(-1);
		return;
	}
	if (command != IPC_STAT)
		say(" id %ld", value);
	say(" key %x owner %u.%u creator %u.%u mode %o size %lu nattch %lu cpid %d lpid %d times "
	    "%d%d%d",
	    ds.shm_perm.__key, user_drawn(ds.shm_perm.uid), ds.shm_perm.gid,
	    user_drawn(ds.shm_perm.cuid), ds.shm_perm.cgid, ds.shm_perm.mode,
	    (unsigned long)ds.shm_segsz, attachments(ds.shm_nattch), pid_generation(ds.shm_cpid),
	    pid_generation(ds.shm_lpid), ds.shm_atime != 0, ds.shm_dtime != 0, ds.shm_ctime != 0);
}

void look_info(const struct op *op)
{
	union {
		struct shminfo limits;
		struct shm_info now;
		struct shmid_ds ds;
	} info;

	memset(&info, 0, sizeof(info));
	if (op->a[1] == 0) {
		say_result(shmctl(0, IPC_INFO, &info.ds));
		say(" max %lu min %lu mni %lu seg %lu all %lu", info.limits.shmmax,
		    info.limits.shmmin, info.limits.shmmni, info.limits.shmseg, info.limits.shmall);
		return;
	}
	say_result(shmctl(0, SHM_INFO, &info.ds));
	say(" used %d total %lu resident %lu swapped %lu", info.now.used_ids, info.now.shm_tot,
	    info.now.shm_rss, info.now.shm_swp);
}

struct seen {
	unsigned long start, end, offset, inode;
	char flags[8], name[80];
};

/*
 * Is it the other one's continuation? Which neighbours are one area is not
 * compared but for segments, where nattch counts them.
 */
static bool continues(const struct seen *one, const struct seen *next)
{
	return one->end == next->start && strcmp(one->flags, next->flags) == 0 &&
	       strcmp(one->name, next->name) == 0 &&
	       (control->cuts || strncmp(one->name, "/SYSV", 5) != 0) &&
	       one->inode == next->inode &&
	       (one->name[0] != '/' || one->offset + (one->end - one->start) == next->offset);
}

static void say_area(const struct seen *seen)
{
	if (seen->end == 0)
		return;
	say("\n\t%lu-%lu %s %lx %s", (seen->start - WINDOW) / PAGE, (seen->end - WINDOW) / PAGE,
	    seen->flags, seen->offset, seen->name);
	if (strncmp(seen->name, "/SYSV", 5) == 0)
		say(" id %lu", seen->inode);
}

/* The whole of a file in /proc, or nothing. */
static const char *text_of(const char *path)
{
	static char text[1 << 16];
	size_t used = 0;
	ssize_t length;
	int fd = open(path, O_RDONLY);

	while ((length = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)length;
	close(fd);
	text[used] = 0;
	return text;
}

/* A number, and one character behind it on its line. */
static const char *number_read(const char *at, unsigned base, unsigned long *value)
{
	for (*value = 0;; at++) {
		unsigned digit = *at >= 'a' ? (unsigned)(*at - 'a') + 10 : (unsigned)(*at - '0');
		if (digit >= base)
			return at + (*at && *at != '\n');
		*value = *value * base + digit;
	}
}

/* A line of maps, which is most of what this program reads: sscanf takes ten times as long. */
static const char *area_read(const char *at, struct seen *seen)
{
	unsigned long device;

	at = number_read(at, 16, &seen->start);
	at = number_read(at, 16, &seen->end);
	memcpy(seen->flags, at, 4);
	seen->flags[4] = 0;
	at = number_read(at + 5, 16, &seen->offset);
	at = number_read(at, 16, &device);
	at = number_read(at, 16, &device);
	at = number_read(at, 10, &seen->inode);
	at += strspn(at, " ");
	size_t length = strcspn(at, "\n");
	size_t kept = length < sizeof(seen->name) ? length : sizeof(seen->name) - 1;
	memcpy(seen->name, at, kept);
	seen->name[kept] = 0;
	return at + length + (at[length] != 0);
}

void look_maps(void)
{
	const char *at = text_of("/proc/self/maps");
	struct seen last, seen;

	if (!*at)
		say(" nothing");
	last.end = 0;
	while (*at) {
		at = area_read(at, &seen);
		if (seen.start < WINDOW || seen.start >= WINDOW + (1ul << 30))
			continue;
		if (continues(&last, &seen)) {
			last.end = seen.end;
			continue;
		}
		say_area(&last);
		last = seen;
	}
	say_area(&last);
}

bool look_private(uint64_t address)
{
	struct seen seen;
	unsigned char there;

	if (mincore((void *)(address & -PAGE), PAGE, &there) < 0)
		return false; /* nothing is mapped, which is soon found out */

	const char *at = text_of("/proc/self/maps");
	while (*at) {
		at = area_read(at, &seen);
		if (seen.start <= address && address < seen.end)
			return strchr(seen.flags, 'p');
	}
	return false;
}

bool look_locked(void)
{
	const char *locked = strstr(text_of("/proc/self/status"), "VmLck:");

	return locked && strtol(locked + strlen("VmLck:"), NULL, 10) > 0;
}

void look_sysvipc(void)
{
	char line[300];
	FILE *file = fopen("/proc/sysvipc/shm", "r");

	if (!file) {
		say_result(-1);
		return;
	}
	while (fgets(line, sizeof(line), file)) {
		long key, id, mode, size, cpid, lpid, nattch, uid, gid, cuid, cgid, atime, dtime,
			ctime, rss, swap;
		if (sscanf(line, "%ld %ld %lo %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld %ld",
			   &key, &id, (unsigned long *)&mode, &size, &cpid, &lpid, &nattch, &uid,
			   &gid, &cuid, &cgid, &atime, &dtime, &ctime, &rss, &swap) == 16)
			say("\n\tkey %lx id %ld mode %lo size %ld by %d %d nattch %ld users %u %ld "
			    "%u "
			    "%ld rss %ld swap %ld",
			    key, id, mode, size, pid_generation((int32_t)cpid),
			    pid_generation((int32_t)lpid), (long)attachments((unsigned long)nattch),
			    user_drawn((uint32_t)uid), gid, user_drawn((uint32_t)cuid), cgid, rss,
			    swap);
	}
	fclose(file);
}

void look_mincore(const struct op *op)
{
	unsigned char there[1024];
	long result = mincore((void *)op->a[0], (size_t)op->a[1], there);

	say_result(result);
	/* Zeros that a parent has only read are not there in its child on Linux; here they are. */
	if (result == 0 && !play_inherited)
		for (int64_t i = 0; i * (int64_t)PAGE < op->a[1]; i++)
			say("%d", there[i] & 1);
}
