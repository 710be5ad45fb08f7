// SPDX-License-Identifier: MIT
/* What a tmpfs is mounted with, what /proc/mounts and statfs(2) show of it; remounting. */

#define _GNU_SOURCE
#include "file_test.h"
#include "mount_test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <time.h>

static char place[] = "/tmp/mount-XXXXXX";

static void mount_with(const char *options)
{
	CHECK_OK(mount("none", place, "tmpfs", 0, options));
}

static void mount_point_remove(void)
{
	CHECK_OK(rmdir(place));
}

static uint64_t blocks_of(const char *options)
{
	struct statfs state;

	mount_with(options);
	CHECK_OK(statfs(place, &state));
	CHECK_OK(umount(place));
	return state.f_blocks;
}

/* All pages that there are. */
static uint64_t pages_in_all(void)
{
	unsigned long long kilobytes = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	CHECK(file != NULL);
	CHECK_EQ(fscanf(file, "MemTotal: %llu", &kilobytes), 1);
	fclose(file);
	return kilobytes / 4;
}

static void sizes(void)
{
	private_mount_point(place);
	CHECK_EQ(blocks_of("nr_blocks=4"), 4);
	CHECK_EQ(blocks_of("nr_blocks=4k"), 4096);
	CHECK_EQ(blocks_of("nr_blocks=0x10"), 16);
	CHECK_EQ(blocks_of("nr_blocks=2M"), 2 << 20);
	CHECK_EQ(blocks_of("nr_blocks=1g"), 1 << 30);
	CHECK_EQ(blocks_of("size=1"), 1);
	CHECK_EQ(blocks_of("size=4097"), 2);
	CHECK_EQ(blocks_of("size=1t"), 1 << 28);
	CHECK_EQ(blocks_of("size=0"), 0); /* no limit */
	CHECK_EQ(blocks_of("size=30%"), (pages_in_all() * 30 + 99) / 100);
	CHECK_EQ(blocks_of("size=200%"), pages_in_all() * 2);
	CHECK_EQ(blocks_of("nr_blocks=4k,size=8k"), 2); /* the last one holds */
	CHECK_EQ(blocks_of(",size=8k,,nr_blocks=7,"), 7);
	mount_point_remove();
}

static void refused(void)
{
	static const char *const wrong[] = {
		"nr_blocks=",   "nr_blocks",  "nr_blocks=x", "nr_blocks=-1", "nr_blocks=4%",
		"nr_blocks=4x", "size=50%k",  "size=-1",     "size= 4k",     "size",
		"nr_inodes=5x", "mode=8",     "mode=",       "mode",         "mode=0x1ff",
		"mode=700 ",    "uid=-1",     "uid=",        "uid=5x",       "uid=4294967295",
		"uid=root",     "gid=-1",     "gid",         "huge=",        "huge=foo",
		"huge",         "mpol=",      "mpol=foo",    "inode64=1",    "inode",
		"noswap=1",     "noswapx",    "swap",        "nosuid",       "noatime",
		"defaults",     "size=4k,foo"};

	private_mount_point(place);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (mount("none", place, "tmpfs", 0, wrong[i]) == 0 || errno != EINVAL)
			abi_fail(__FILE__, __LINE__, "\"%s\" was not refused with EINVAL",
				 wrong[i]);
	CHECK_ERROR(mount("none", place, NULL, 0, NULL), EINVAL);
	CHECK_ERROR(mount("none", place, "", 0, NULL), ENODEV);
	mount_point_remove();
}

static void check_root(mode_t mode, uid_t uid, gid_t gid)
{
	struct stat state;

	CHECK_OK(stat(place, &state));
	CHECK_EQ(state.st_mode, S_IFDIR | mode);
	CHECK_EQ(state.st_uid, uid);
	CHECK_EQ(state.st_gid, gid);
}

static void root_directory(void)
{
	private_mount_point(place);
	mount_with("size=64k");
	check_root(01777, geteuid(), getegid());
	check_mounted("/proc/self/mounts", place, " tmpfs rw,relatime,size=64k 0 0");
	CHECK_OK(umount(place));
	mount_with("nr_inodes=9,size=64k,mode=0700,uid=5,gid=0x6,huge=never");
	check_root(0700, 5, 6);
	check_mounted("/proc/self/mounts", place, ",size=64k,nr_inodes=9,mode=700,uid=5,gid=6 ");
	check_mounted("/proc/self/mountinfo", place, " rw,size=64k,nr_inodes=9,mode=700,uid=5");
	CHECK_OK(chmod(place, 0500)); /* it is what the mount was told that shows */
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT, "size=4k,mode=777,uid=7"));
	check_root(0500, 5, 6);
	check_mounted("/proc/self/mounts", place, ",size=4k,nr_inodes=9,mode=700,uid=5,gid=6 ");
	CHECK_OK(umount(place));
	mount_with("size=4k,mode=0");
	check_root(0, geteuid(), getegid());
	check_mounted("/proc/self/mounts", place, ",size=4k,mode=000 ");
	CHECK_OK(umount(place));
	mount_point_remove();
}

static void words(void)
{
	private_mount_point(place);
	mount_with("inode32,size=4k,inode64,noswap");
	check_mounted("/proc/self/mounts", place, ",size=4k,inode64,noswap ");
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT, "size=8k"));
	check_mounted("/proc/self/mounts", place, ",size=8k,inode64,noswap ");
	CHECK_OK(umount(place));
	mount_with("size=4k");
	CHECK_ERROR(mount(NULL, place, NULL, MS_REMOUNT, "noswap"), EINVAL);
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT, "inode64"));
	check_mounted("/proc/self/mounts", place, ",size=4k,inode64 ");
	CHECK_OK(umount(place));
	mount_with("rw,ro");
	check_mounted("/proc/self/mounts", place, " tmpfs ro,relatime");
	CHECK_OK(umount(place));
	mount_point_remove();
}

static unsigned long flags_of(const char *path)
{
	struct statfs state;

	CHECK_OK(statfs(path, &state));
	return (unsigned long)state.f_flags & ~0x20ul; /* the kernel's own "these are valid" */
}

static void flags(void)
{
	struct statfs state;

	private_mount_point(place);
	mount_with("size=4k");
	CHECK_EQ(flags_of(place), ST_RELATIME);
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT | MS_NOSUID | MS_RDONLY, NULL));
	CHECK_EQ(flags_of(place), ST_RELATIME | ST_NOSUID | ST_RDONLY);
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT | MS_NODEV | MS_NOEXEC, NULL));
	CHECK_EQ(flags_of(place), ST_RELATIME | ST_NODEV | ST_NOEXEC);
	CHECK_OK(umount(place));
	int fd = CHECK_OK(memfd_create("memory", 0)); /* mounted nowhere; no limit */
	CHECK_OK(fstatfs(fd, &state));
	CHECK_EQ(state.f_flags & ~0x20, 0);
	CHECK_EQ(state.f_blocks, 0);
	CHECK_EQ(state.f_bfree, 0);
	CHECK_OK(close(fd));
	mount_point_remove();
}

static int make_read_only(void)
{
	return mount(NULL, place, NULL, MS_REMOUNT | MS_RDONLY, NULL) ? errno : 0;
}

/* It can become read-only now; and is written again afterwards. */
static void check_may(void)
{
	CHECK_EQ(make_read_only(), 0);
	CHECK_ERROR(open("new", O_CREAT | O_RDWR, 0600), EROFS);
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT, NULL));
}

/* It cannot: and nothing of what else was asked for has happened. */
static void check_may_not(void)
{
	CHECK_EQ(make_read_only(), EBUSY);
	CHECK_ERROR(mount(NULL, place, NULL, MS_REMOUNT | MS_RDONLY, "size=8m"), EBUSY);
	check_mounted("/proc/self/mounts", place, " tmpfs rw,relatime,size=4096k ");
	CHECK_OK(close(CHECK_OK(open("new", O_CREAT | O_RDWR, 0600))));
	CHECK_OK(unlink("new"));
}

static void enter_mount(void)
{
	private_mount_point(place);
	mount_with("size=4m");
	CHECK_OK(chdir(place));
}

static void leave_mount(void)
{
	CHECK_OK(chdir("/"));
	CHECK_OK(umount(place));
	mount_point_remove();
}

static void read_only_beside_writers(void)
{
	enter_mount();
	int fd = CHECK_OK(open("f", O_CREAT | O_RDWR, 0600));
	CHECK_OK(ftruncate(fd, 4096));
	check_may_not();
	CHECK_OK(link("f", "g"));
	CHECK_OK(unlink("f"));
	check_may_not();
	int second = CHECK_OK(dup(fd));
	CHECK_OK(close(fd));
	check_may_not();
	char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, second, 0);
	CHECK(m != MAP_FAILED);
	CHECK_OK(close(second));
	check_may_not(); /* what is mapped is open */
	CHECK_OK(munmap(m, 4096));
	check_may();
	fd = CHECK_OK(open("g", O_RDONLY));
	check_may();
	CHECK_EQ(make_read_only(), 0);
	CHECK_ERROR(open("g", O_RDWR), EROFS);
	CHECK_ERROR(ftruncate(fd, 0), EINVAL);
	CHECK_EQ(make_read_only(), 0);
	CHECK_OK(close(fd));
	leave_mount();
}

static void read_only_beside_readers(void)
{
	enter_mount();
	CHECK_OK(mkfifo("p", 0600));
	int fd = CHECK_OK(open("p", O_RDWR));
	check_may();
	CHECK_EQ(make_read_only(), 0);
	CHECK_OK(close(CHECK_OK(open("p", O_RDWR)))); /* nothing of the file system is written */
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT, NULL));
	CHECK_OK(close(fd));
	CHECK_OK(mkdir("d", 0700));
	fd = CHECK_OK(open("d", O_RDONLY));
	check_may();
	CHECK_OK(close(fd));
	leave_mount();
}

static void read_only_beside_removed(void)
{
	enter_mount();
	CHECK_OK(close(CHECK_OK(open("f", O_CREAT | O_RDWR, 0600))));
	int fd = CHECK_OK(open("f", O_RDONLY));
	CHECK_OK(link("f", "g"));
	CHECK_OK(unlink("f"));
	check_may();
	CHECK_OK(unlink("g"));
	check_may_not(); /* closing it frees what is on it */
	CHECK_OK(close(fd));
	check_may();
	CHECK_OK(mkdir("d", 0700));
	CHECK_OK(chdir("d"));
	CHECK_OK(rmdir("../d"));
	CHECK_EQ(make_read_only(), EBUSY);
	CHECK_OK(chdir(place));
	check_may();
	fd = CHECK_OK(open(".", O_TMPFILE | O_RDWR, 0600));
	check_may_not();
	CHECK_OK(close(fd));
	leave_mount();
}

/* Where the link of an open file leads. */
static void check_leads(int fd, const char *expected)
{
	char path[64], text[128] = "";

	sprintf(path, "/proc/self/fd/%d", fd);
	CHECK_OK(readlink(path, text, sizeof(text) - 1));
	if (strcmp(text, expected))
		abi_fail(__FILE__, __LINE__, "\"%s\", not \"%s\"", text, expected);
}

static void names_after_detaching(void)
{
	private_mount_point(place);
	mount_with("size=1m");
	CHECK_OK(chdir(place));
	int root = CHECK_OK(open(".", O_RDONLY));
	CHECK_OK(mkdir("d", 0700));
	int fd = CHECK_OK(open("d/f", O_CREAT | O_RDWR, 0600));
	int removed = CHECK_OK(open("d/g", O_CREAT | O_RDWR, 0600));
	CHECK_OK(unlink("d/g"));
	CHECK_OK(ftruncate(fd, 4096));
	CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) != MAP_FAILED);
	CHECK_OK(chdir("/"));
	CHECK_ERROR(umount(place), EBUSY);
	CHECK_OK(umount2(place, MNT_DETACH));
	check_leads(root, "/");
	check_leads(fd, "/d/f");
	check_leads(removed, "/d/g (deleted)");
	check_mounted("/proc/self/maps", " r--s ", " /d/f\n");
	mount_point_remove();
}

#define KEPT_FD 50

/* Until it is killed: a file system comes, has a file open, and goes. */
static void come_and_go(void *argument)
{
	char path[64];

	(void)argument;
	sprintf(path, "%s/f", place);
	for (;;) {
		mount_with("size=1m");
		int fd = CHECK_OK(open(path, O_CREAT | O_RDWR, 0600));
		CHECK_EQ(dup2(fd, KEPT_FD), KEPT_FD);
		CHECK_OK(close(fd));
		CHECK_OK(umount2(place, MNT_DETACH));
	}
}

static void names_beside_detaching(void)
{
	char link[64], path[64], text[128];
	unsigned kinds[2] = {0, 0};

	private_mount_point(place);
	sprintf(path, "%s/f", place);
	pid_t pid = abi_start(come_and_go, NULL);
	sprintf(link, "/proc/%d/fd/%d", pid, KEPT_FD);
	struct timespec now, start;
	CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &start));
	do {
		CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &now));
		ssize_t length = readlink(link, text, sizeof(text) - 1);
		if (length < 0) {
			CHECK_EQ(errno, ENOENT); /* between two files */
			continue;
		}
		text[length] = 0;
		bool mounted = strcmp(text, path) == 0;
		if (!mounted && strcmp(text, "/f") != 0)
			abi_fail(__FILE__, __LINE__, "the file is said to be \"%s\"", text);
		kinds[mounted]++;
	} while (now.tv_sec < start.tv_sec + 1);
	CHECK_OK(kill(pid, SIGKILL));
	abi_wait(pid);
	CHECK(kinds[0] + kinds[1] > 0);
	umount2(place, MNT_DETACH);
	mount_point_remove();
}

#ifndef STATX_MNT_ID
static void mount_ids(void)
{
	SKIP("this libc does not know STATX_MNT_ID");
}
#else
/* The id in the descriptor's fdinfo, and before the mount's place in mountinfo. */
static void check_told(int fd, uint64_t id)
{
	char path[64], line[512];
	unsigned long long told = 0;
	FILE *file;

	sprintf(path, "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		sscanf(line, "mnt_id: %llu", &told);
	fclose(file);
	CHECK_EQ(told, id);
	file = fopen("/proc/self/mountinfo", "r");
	CHECK(file != NULL);
	while (fgets(line, sizeof(line), file))
		if (strstr(line, place))
			told = strtoull(line, NULL, 10);
	fclose(file);
	CHECK_EQ(told, id);
}

static void mount_ids(void)
{
	struct statx there, file;
	char text[64];

	private_mount_point(place);
	mount_with("size=1m");
	CHECK_OK(statx(AT_FDCWD, place, 0, STATX_BASIC_STATS | STATX_MNT_ID, &there));
	CHECK(there.stx_mask & STATX_MNT_ID);
	CHECK_EQ(there.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT, STATX_ATTR_MOUNT_ROOT);
	CHECK_EQ(there.stx_attributes & STATX_ATTR_MOUNT_ROOT, STATX_ATTR_MOUNT_ROOT);
	sprintf(text, "%s/f", place);
	int fd = CHECK_OK(open(text, O_CREAT | O_RDWR, 0600));
	CHECK_OK(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &file));
	CHECK_EQ(file.stx_mnt_id, there.stx_mnt_id);
	CHECK_EQ(file.stx_attributes & STATX_ATTR_MOUNT_ROOT, 0);
	int root = CHECK_OK(open(place, O_RDONLY));
	CHECK_OK(statx(root, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_MNT_ID, &file));
	CHECK_EQ(file.stx_attributes & STATX_ATTR_MOUNT_ROOT, STATX_ATTR_MOUNT_ROOT);
	CHECK_OK(close(root));
	check_told(fd, there.stx_mnt_id);
	CHECK_OK(close(fd));
	CHECK_OK(umount(place));
	mount_point_remove();
}
#endif

const struct abi_case abi_cases[] = {
	CASE(sizes, "size=, nr_blocks=: units, percents, the last one holds: tmpfs(5)"),
	CASE(refused, "EINVAL for options and values that are none: tmpfs(5), observed"),
	CASE(root_directory, "mode=, uid=, gid=: of the root, and shown: tmpfs(5)"),
	CASE(words, "inode64, noswap and ro are shown; what a remount changes: tmpfs(5)"),
	CASE(flags, "f_flags tells how it is mounted: statfs(2)"),
	CASE(read_only_beside_writers,
	     "EBUSY to become read-only while a file is open for writing: mount(2)"),
	CASE(read_only_beside_readers, "fifos, directories and readers are no hindrance: observed"),
	CASE(read_only_beside_removed, "EBUSY too while a file without a name is open: observed"),
	CASE(names_after_detaching, "MNT_DETACH: files keep their paths in it: observed"),
	CASE(names_beside_detaching, "the name with the mount or without, nothing else: observed"),
	CASE(mount_ids, "one id in statx, fdinfo and mountinfo: statx(2), proc_pid_mountinfo(5)"),
	CASES_END,
};
