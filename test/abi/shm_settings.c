// SPDX-License-Identifier: MIT
/*
 * The settings in /proc/sys/kernel/shm*, and /proc/sysvipc/shm. On Linux they
 * are those of this program's own IPC namespace.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define SETTINGS "/proc/sys/kernel/"

static void write_text(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		SKIP("settings cannot be changed here");
	if (write(fd, text, strlen(text)) < 0) {
		int error = errno;
		close(fd);
		errno = error;
		return;
	}
	close(fd);
	errno = 0;
}

static void set(const char *name, const char *text)
{
	write_text(name, text);
	CHECK_EQ(errno, 0);
}

static void refused(const char *name, const char *text)
{
	write_text(name, text);
	CHECK_EQ(errno, EINVAL);
}

static void read_text(const char *path, char *text, size_t size_bytes)
{
	int fd = CHECK_OK(open(path, O_RDONLY));
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, text + length, size_bytes - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	text[length] = '\0';
}

static unsigned long long get(const char *name)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	read_text(path, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

static void set_defaults(void)
{
	set("shmmni", "4096");
	set("shmall", "18446744073692774399");
	set("shmmax", "18446744073692774399");
	set("shm_rmid_forced", "0");
}

static void defaults(void)
{
	CHECK_EQ(get("shmmni"), 4096);
	CHECK_EQ(get("shmall"), 18446744073692774399ull);
	CHECK_EQ(get("shmmax"), 18446744073692774399ull);
	CHECK_EQ(get("shm_rmid_forced"), 0);
}

static void number_of_segments(void)
{
	struct shminfo info;
	int id[3];

	set("shmmni", "3");
	CHECK_OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&info));
	CHECK_EQ(info.shmmni, 3);
	CHECK_EQ(info.shmseg, 3);
	for (int i = 0; i < 3; i++)
		id[i] = make_segment(PAGE, 0600);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	/* Lower than what is there: nothing happens to them. */
	set("shmmni", "1");
	remove_segment(id[0]);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	remove_segment(id[1]);
	remove_segment(id[2]);
	remove_segment(make_segment(PAGE, 0600));
	refused("shmmni", "32769");
	refused("shmmni", "-1");
	set_defaults();
}

static void all_segments(void)
{
	int id;

	set("shmall", "10");
	id = make_segment(8 * PAGE, 0600);
	CHECK_ERROR(shmget(IPC_PRIVATE, 2 * PAGE + 1, 0600), ENOSPC);
	remove_segment(make_segment(2 * PAGE, 0600));
	/* A size beyond shmmax comes first. */
	set("shmmax", "4096");
	CHECK_ERROR(shmget(IPC_PRIVATE, 20 * PAGE, 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE + 1, 0600), EINVAL);
	remove_segment(make_segment(PAGE, 0600));
	CHECK_OK(shmdt(attach(id, 0))); /* made before */
	remove_segment(id);
	set_defaults();
}

static void create_and_leave(void *argument)
{
	*(int *)argument = CHECK_OK(shmget(0x5a3e0300, PAGE, IPC_CREAT | 0600));
	exit(0);
}

static void removal_forced(void)
{
	struct shmid_ds ds;
	int shared, here;

	set("shm_rmid_forced", "1");
	here = make_segment(PAGE, 0600);
	CHECK_EQ(attachments(here), 0); /* never attached: it stays */
	CHECK_OK(shmdt(attach(here, 0)));
	CHECK_ERROR(shmctl(here, IPC_STAT, &ds), EINVAL);
	abi_in_child(create_and_leave, &shared);
	CHECK_ERROR(shmget(0x5a3e0300, 0, 0), ENOENT); /* gone with its creator */
	refused("shm_rmid_forced", "2");
	set("shm_rmid_forced", "0");
	abi_in_child(create_and_leave, &shared);
	shared = CHECK_OK(shmget(0x5a3e0300, 0, 0));
	set("shm_rmid_forced", "1"); /* what has lost its creator goes now */
	CHECK_ERROR(shmget(0x5a3e0300, 0, 0), ENOENT);
	set_defaults();
}

static void next_id(void)
{
	char text[64];

	set("shm_next_id", "229479"); /* 7 << 15 | 103 */
	int id = make_segment(PAGE, 0600);
	CHECK_EQ(id, 229479);
	read_text(SETTINGS "shm_next_id", text, sizeof(text));
	CHECK_EQ(atoi(text), -1);
	int other = make_segment(PAGE, 0600);
	CHECK((other & 0x7fff) != 103);
	set("shm_next_id", "229479"); /* taken */
	int third = make_segment(PAGE, 0600);
	CHECK(third != id && third != other);
	remove_segment(id);
	remove_segment(other);
	remove_segment(third);
}

/* Its index is the last, and taken: no other is tried, and what comes next finds no wish. */
static void next_id_in_vain(void)
{
	char text[64];

	set("shm_next_id", "2147483647");
	int id = make_segment(PAGE, 0600);
	CHECK_EQ(id, 2147483647);
	set("shm_next_id", "2147483647");
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	read_text(SETTINGS "shm_next_id", text, sizeof(text));
	CHECK_EQ(atoi(text), -1);
	remove_segment(make_segment(PAGE, 0600));
	/* What shmmni forbids, or the size, uses up no wish. */
	set("shm_next_id", "229479");
	set("shmmni", "1");
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	set("shmmni", "4096");
	CHECK_ERROR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	int other = make_segment(PAGE, 0600);
	CHECK_EQ(other, 229479);
	remove_segment(id);
	remove_segment(other);
}

static void attach_removed_switch(void)
{
	if (access(SETTINGS "shm_attach_removed", F_OK))
		SKIP("Linux always attaches removed segments by id");
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	remove_segment(id);
	set("shm_attach_removed", "0");
	CHECK_ERROR(shmat(id, NULL, 0), EIDRM);
	set("shm_attach_removed", "1");
	CHECK_OK(shmdt(attach(id, 0)));
	CHECK_OK(shmdt(p));
}

static void report(void)
{
	char text[4096], expected[512];
	int id = CHECK_OK(shmget(0x5a3e0400, 5000, IPC_CREAT | 0640));
	char *p = attach(id, 0);
	struct shmid_ds ds;

	p[0] = 1;
	ds = stat_segment(id);
	read_text("/proc/sysvipc/shm", text, sizeof(text));
	snprintf(
		expected, sizeof(expected),
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid  "
		"cuid  cgid      atime      dtime      ctime                   rss                 "
		" "
		"swap\n%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu "
		"%21lu\n",
		0x5a3e0400, id, 0640, 5000ul, getpid(), getpid(), 1ul, geteuid(), getegid(),
		geteuid(), getegid(), ds.shm_atime, 0ul, ds.shm_ctime, PAGE, 0ul);
	CHECK(!strcmp(text, expected));
	CHECK_OK(shmdt(p));
	remove_segment(id);
	read_text("/proc/sysvipc/shm", text, sizeof(text));
	CHECK(strchr(text, '\n') && strchr(text, '\n')[1] == '\0');
}

static void ids_exhausted(void)
{
	enum { COUNT = 4096 };
	static int id[COUNT];

	for (int i = 0; i < COUNT; i++)
		id[i] = make_segment(1, 0600 | SHM_NORESERVE);
	CHECK_ERROR(shmget(IPC_PRIVATE, 1, 0600), ENOSPC);
	CHECK_ERROR(shmget(0x5a3e0500, 1, IPC_CREAT | 0600), ENOSPC);
	remove_segment(id[1000]);
	id[1000] = make_segment(1, 0600);
	for (int i = 0; i < COUNT; i++)
		remove_segment(id[i]);
}

const struct abi_case abi_cases[] = {
	CASE(defaults, "what the settings are at first: proc_sys_kernel(5)"),
	CASE(number_of_segments, "shmmni: ENOSPC for one more: shmget(2), observed"),
	CASE(all_segments, "shmall: ENOSPC, and shmmax: EINVAL, which comes first: shmget(2)"),
	CASE(removal_forced, "shm_rmid_forced: detach or the creator's exit destroy: proc(5)"),
	CASE(next_id, "shm_next_id: wished once, then -1: proc(5), observed"),
	CASE(next_id_in_vain, "shm_next_id: a try that finds no index uses it up: observed"),
	CASE(attach_removed_switch, "shm_attach_removed: EIDRM if off (Samepage's own)"),
	CASE(report, "/proc/sysvipc/shm, column for column: observed"),
	CASE(ids_exhausted, "4096 segments at once, then ENOSPC: shmget(2)"),
	CASES_END,
};
