// SPDX-License-Identifier: MIT
/* shm_open(3), and files of /dev/shm under live mappings. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "memory_test.h"
#include "mount_test.h"

static char name[64];

/* A name nobody else has. Skips where /dev/shm is not to be had. */
static const char *fresh_name(void)
{
	snprintf(name, sizeof(name), "/samepage-%d", (int)getpid());
	if (access("/dev/shm", W_OK | X_OK) != 0)
		SKIP("/dev/shm cannot be written");
	return name;
}

static int open_fresh(off_t size_bytes)
{
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600));

	CHECK_OK(shm_unlink(name));
	CHECK_OK(ftruncate(fd, size_bytes));
	return fd;
}

static char *map_fd(int fd, size_t pages, int flags)
{
	char *m = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, flags, fd, 0);

	CHECK(m != MAP_FAILED);
	return m;
}

/* ---- names ---- */

static void create_and_unlink(void)
{
	struct stat status;

	umask(027);
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0666));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0640);
	CHECK_EQ(status.st_size, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_ERROR(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_OK(ftruncate(fd, PAGE));
	map_fd(fd, 1, MAP_SHARED)[0] = 'x';
	int again = CHECK_OK(shm_open(name, O_RDONLY, 0));
	char byte = 0;
	CHECK_EQ(read(again, &byte, 1), 1);
	CHECK_EQ(byte, 'x');
	CHECK_ERROR(ftruncate(again, 0), EINVAL);
	CHECK_OK(close(CHECK_OK(shm_open(name, O_RDWR | O_TRUNC, 0))));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, 0);
	CHECK_OK(shm_unlink(name));
	CHECK_ERROR(shm_unlink(name), ENOENT);
	CHECK_ERROR(shm_open(name, O_RDWR, 0), ENOENT);
	CHECK_OK(fstat(fd, &status)); /* it lives on */
	CHECK_EQ(status.st_nlink, 0);
}

static void name_errors(void)
{
	char longest[300];

	fresh_name();
	memset(longest, 'n', sizeof(longest));
	longest[0] = '/';
	longest[257] = 0;
	CHECK_ERROR(shm_open(longest, O_RDWR | O_CREAT, 0600), ENAMETOOLONG);
	CHECK_ERROR(shm_open("/a/b", O_RDWR | O_CREAT, 0600), EINVAL);
	CHECK_ERROR(shm_open("/", O_RDWR | O_CREAT, 0600), EINVAL);
	CHECK_ERROR(shm_open("", O_RDWR | O_CREAT, 0600), EINVAL);
}

static void other_user(void *argument)
{
	(void)argument;
	abi_become(12345, 12345);
	CHECK_ERROR(shm_unlink(name), EACCES); /* glibc's word for EPERM */
	CHECK_ERROR(shm_open(name, O_RDWR, 0), EACCES);
	CHECK_OK(shm_open(name, O_RDONLY, 0));
}

static void sticky(void)
{
	struct stat status;

	fresh_name();
	CHECK_OK(stat("/dev/shm", &status));
	CHECK_EQ(status.st_mode, S_IFDIR | 01777);
	int fd = CHECK_OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0644));
	pid_t pid = abi_start(other_user, NULL);
	abi_join(pid);
	CHECK_OK(close(fd));
	CHECK_OK(shm_unlink(name));
}

/* ---- sizes under live mappings ---- */

static void shrink_and_grow(void)
{
	int fd = open_fresh(1024 * PAGE);
	char *m = map_fd(fd, 1024, MAP_SHARED);

	faults_catch();
	memset(m, 'x', 1024 * PAGE);
	CHECK_OK(ftruncate(fd, PAGE + 100));
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGBUS);
	CHECK_EQ(fault_code, BUS_ADRERR);
	CHECK_EQ(touch(m + 1023 * PAGE, 1), SIGBUS);
	CHECK_EQ(m[PAGE + 99], 'x');
	CHECK_EQ(m[PAGE + 100], 0); /* the rest of the last page */
	m[PAGE + 200] = 'y';
	CHECK_OK(ftruncate(fd, 1024 * PAGE));
	CHECK_EQ(m[2 * PAGE], 0);
	CHECK_EQ(m[1023 * PAGE], 0);
}

static void calls_past_the_end(void)
{
	int fd = open_fresh(2 * PAGE), pipes[2];
	char *m = map_fd(fd, 2, MAP_SHARED);

	m[PAGE] = 'x';
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_OK(pipe(pipes));
	CHECK_ERROR(write(pipes[1], m + PAGE, 1), EFAULT);
	CHECK_EQ(write(pipes[1], "ab", 2), 2);
	CHECK_ERROR(read(pipes[0], m + PAGE, 2), EFAULT);
}

static void private_copies_go(void)
{
	int fd = open_fresh(4 * PAGE);
	char *m = map_fd(fd, 4, MAP_PRIVATE);

	faults_catch();
	memset(m, 'p', 4 * PAGE);
	CHECK_OK(ftruncate(fd, PAGE + 10));
	CHECK_EQ(m[0], 'p');
	CHECK_EQ(m[PAGE + 20], 'p'); /* the last page has a copy still, as it was */
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGBUS);
	CHECK_EQ(touch(m + 3 * PAGE, 1), SIGBUS);
	CHECK_OK(ftruncate(fd, 4 * PAGE));
	CHECK_EQ(m[2 * PAGE], 0);
	CHECK_EQ(pwrite(fd, "f", 1, 3 * PAGE), 1);
	CHECK_EQ(m[3 * PAGE], 'f');
}

static void private_copies_of_children(void)
{
	int fd = open_fresh(4 * PAGE), pipes[2], back[2];
	char *m = map_fd(fd, 4, MAP_PRIVATE), byte;

	faults_catch();
	CHECK_OK(pipe(pipes));
	CHECK_OK(pipe(back));
	memset(m, 'p', 4 * PAGE);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		m[3 * PAGE] = 'c';
		CHECK_EQ(write(back[1], "x", 1), 1);
		CHECK_EQ(read(pipes[0], &byte, 1), 1);
		CHECK_EQ(m[0], 'p');
		CHECK_EQ(touch(m + 2 * PAGE, 0), SIGBUS);
		CHECK_EQ(touch(m + 3 * PAGE, 0), SIGBUS);
		_exit(0);
	}
	CHECK_EQ(read(back[0], &byte, 1), 1);
	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_EQ(write(pipes[1], "x", 1), 1);
	abi_join(pid);
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGBUS);
}

static void copies_beside_others(void)
{
	int fd = open_fresh(8 * PAGE);
	char *m = map_fd(fd, 8, MAP_PRIVATE);

	faults_catch();
	memset(m, 'p', 8 * PAGE);
	/* In the middle something else: it is none of the file's. */
	CHECK(mmap(m + 4 * PAGE, PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m + 4 * PAGE);
	m[4 * PAGE] = 'a';
	CHECK_OK(mprotect(m + 6 * PAGE, PAGE, PROT_NONE));
	CHECK_OK(ftruncate(fd, 2 * PAGE));
	CHECK_EQ(m[PAGE], 'p');
	CHECK_EQ(touch(m + 2 * PAGE, 0), SIGBUS);
	CHECK_EQ(m[4 * PAGE], 'a');
	CHECK_EQ(touch(m + 6 * PAGE, 0), SIGSEGV);
	CHECK_OK(mprotect(m + 6 * PAGE, PAGE, PROT_READ));
	CHECK_EQ(touch(m + 6 * PAGE, 0), SIGBUS);
	CHECK_EQ(touch(m + 7 * PAGE, 0), SIGBUS);
}

static void punched_holes(void)
{
	int fd = open_fresh(4 * PAGE);
	char *shared = map_fd(fd, 4, MAP_SHARED), *private = map_fd(fd, 4, MAP_PRIVATE);
	struct stat status;

	memset(shared, 's', 4 * PAGE);
	private[0] = 'p';
	CHECK_EQ(private[PAGE], 's');
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE + 10));
	CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
	CHECK_EQ(lseek(fd, 0, SEEK_DATA), 2 * PAGE);
	CHECK_EQ(shared[0], 0);
	CHECK_EQ(shared[2 * PAGE + 9], 0);
	CHECK_EQ(shared[2 * PAGE + 10], 's');
	CHECK_EQ(private[0], 'p'); /* copies stay */
	CHECK_EQ(private[PAGE], 0);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, 4 * PAGE);
	CHECK_ERROR(lseek(fd, 4 * PAGE, SEEK_DATA), ENXIO);
	CHECK_ERROR(lseek(fd, 4 * PAGE, SEEK_HOLE), ENXIO);
	CHECK_EQ(lseek(fd, 2 * PAGE + 5, SEEK_HOLE), 4 * PAGE);
	CHECK_ERROR(lseek(fd, -1, SEEK_DATA), ENXIO);
}

static void allocation_modes(void)
{
	int fd = open_fresh(4 * PAGE), readable;
	char path[64];

	CHECK_ERROR(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERROR(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, PAGE), EOPNOTSUPP);
	CHECK_ERROR(fallocate(fd, 0x8000, 0, PAGE), EOPNOTSUPP);
	CHECK_ERROR(fallocate(fd, 0, -1, PAGE), EINVAL);
	CHECK_ERROR(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK_ERROR(fallocate(fd, 0, PAGE, INT64_MAX), EFBIG);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	readable = CHECK_OK(open(path, O_RDONLY));
	CHECK_ERROR(fallocate(readable, 0, 0, PAGE), EBADF);
	CHECK_OK(fallocate(fd, 0, 3 * PAGE, 3 * PAGE));
	CHECK_EQ(lseek(fd, 0, SEEK_END), 6 * PAGE);
	CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 6 * PAGE, PAGE));
	CHECK_EQ(lseek(fd, 0, SEEK_END), 6 * PAGE);
}

/* ---- a file system of its own: size, remount ---- */

static long free_pages(const char *path)
{
	struct statfs statfs_now;

	CHECK_OK(statfs(path, &statfs_now));
	return (long)statfs_now.f_bfree;
}

static void in_mount(const char *path)
{
	char file[96];
	struct statfs status;

	CHECK_OK(statfs(path, &status));
	CHECK_EQ(status.f_type, 0x01021994);
	CHECK_EQ(status.f_bsize, PAGE);
	CHECK_EQ(status.f_blocks, 16);
	CHECK_EQ(status.f_bfree, 16);
	CHECK_EQ(status.f_namelen, 255);
	snprintf(file, sizeof(file), "%s/file", path);
	int fd = CHECK_OK(open(file, O_RDWR | O_CREAT, 0600));
	CHECK_OK(ftruncate(fd, 1024 * PAGE)); /* a hole takes nothing */
	CHECK_EQ(free_pages(path), 16);
	char *m = map_fd(fd, 1024, MAP_SHARED);
	m[0] = m[100 * PAGE] = 1;
	CHECK_EQ(free_pages(path), 14);
	CHECK_ERROR(fallocate(fd, 0, 0, 20 * PAGE), ENOSPC);
	CHECK_EQ(free_pages(path), 14);
	CHECK_OK(fallocate(fd, 0, 0, 15 * PAGE));
	CHECK_EQ(free_pages(path), 0);
	CHECK_ERROR(pwrite(fd, "x", 1, 200 * PAGE), ENOSPC);
	faults_catch();
	CHECK_EQ(touch(m + 200 * PAGE, 1), SIGBUS);
	CHECK_EQ(touch(m + 100 * PAGE, 1), 0);
	CHECK_ERROR(mount("none", path, NULL, MS_REMOUNT, "size=4096"), EINVAL); /* more is used */
	CHECK_OK(mount("none", path, NULL, MS_REMOUNT, "size=128k"));
	CHECK_EQ(free_pages(path), 16);
	CHECK_EQ(touch(m + 200 * PAGE, 1), 0);
	CHECK_EQ(free_pages(path), 15);
	CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8 * PAGE));
	CHECK_EQ(free_pages(path), 23);
	CHECK_OK(munmap(m, 1024 * PAGE));
	CHECK_OK(unlink(file));
	CHECK_EQ(free_pages(path), 23);
	CHECK_OK(close(fd));
	CHECK_EQ(free_pages(path), 32);
	CHECK_ERROR(mount("none", path, NULL, MS_REMOUNT, "size=what"), EINVAL);
	CHECK_ERROR(mount("none", path, NULL, MS_REMOUNT, "nothing=5"), EINVAL);
}

static void size_of_mount(void)
{
	char path[] = "/tmp/mount-XXXXXX";

	private_mount_point(path);
	CHECK_ERROR(mount("none", path, "tmpfs", 0, "size=what"), EINVAL);
	CHECK_ERROR(mount("none", path, "tmpfs", 0, "nothing=5"), EINVAL);
	CHECK_OK(mount("none", path, "tmpfs", 0, "size=64k,mode=700"));
	in_mount(path);
	CHECK_OK(umount(path));
	CHECK_OK(rmdir(path));
}

static void check_inodes(long total, long left)
{
	struct statfs now;

	CHECK_OK(statfs(".", &now));
	CHECK_EQ(now.f_files, total);
	CHECK_EQ(now.f_ffree, left);
}

/* In the root of one with four inodes. */
static void in_small_mount(void)
{
	check_inodes(4, 3);
	CHECK_OK(close(CHECK_OK(open("file", O_CREAT | O_RDWR, 0600))));
	CHECK_OK(mkdir("directory", 0700));
	CHECK_OK(symlink("nothing", "link"));
	check_inodes(4, 0);
	CHECK_ERROR(open("more", O_CREAT | O_RDWR, 0600), ENOSPC);
	CHECK_ERROR(mkdir("more", 0700), ENOSPC);
	CHECK_ERROR(symlink("nothing", "more"), ENOSPC);
	CHECK_ERROR(mknod("more", S_IFIFO | 0600, 0), ENOSPC);
	CHECK_ERROR(link("file", "more"), ENOSPC);
	CHECK_ERROR(open(".", O_TMPFILE | O_RDWR, 0600), ENOSPC);
	CHECK_OK(rename("file", "other"));
	CHECK_OK(unlink("link"));
	check_inodes(4, 1);
	CHECK_OK(link("other", "second")); /* each further name counts */
	check_inodes(4, 0);
	CHECK_OK(unlink("other"));
	check_inodes(4, 1);
	int fd = CHECK_OK(open("open", O_CREAT | O_RDWR, 0600));
	CHECK_OK(unlink("open"));
	check_inodes(4, 0);
	CHECK_OK(close(fd));
	check_inodes(4, 1);
	CHECK_OK(link("second", "third"));
	CHECK_OK(rename("directory", "moved"));
	CHECK_OK(unlink("third"));
	CHECK_OK(close(CHECK_OK(open("new", O_CREAT | O_RDWR, 0600))));
	CHECK_OK(rename("new", "second"));
	check_inodes(4, 1);
}

static void remount_small(const char *path)
{
	static const char *const wrong[] = {"nr_inodes=2", "nr_inodes=x",   "nr_inodes=-1",
					    "nr_inodes=",  "nr_inodes=10%", "nr_inodes=5x"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		CHECK_ERROR(mount("none", path, NULL, MS_REMOUNT, wrong[i]), EINVAL);
	check_inodes(4, 1);
	CHECK_OK(mount("none", path, NULL, MS_REMOUNT, "nr_inodes=1k"));
	check_inodes(1024, 1021);
	CHECK_OK(mount("none", path, NULL, MS_REMOUNT, "size=64k"));
	check_inodes(1024, 1021);
	check_mounted("/proc/self/mounts", path, " tmpfs rw,relatime,size=64k,nr_inodes=1024 0 0");
	check_mounted("/proc/self/mountinfo", path, " - tmpfs none rw,size=64k,nr_inodes=1024\n");
	CHECK_OK(mount("none", path, NULL, MS_REMOUNT, "nr_inodes=0"));
	check_inodes(0, 0);
	CHECK_OK(close(CHECK_OK(open("more", O_CREAT | O_RDWR, 0600))));
	CHECK_ERROR(mount("none", path, NULL, MS_REMOUNT, "nr_inodes=1k"), EINVAL);
}

static void inodes_of_mount(void)
{
	char path[] = "/tmp/mount-XXXXXX";

	private_mount_point(path);
	CHECK_ERROR(mount("none", path, "tmpfs", 0, "nr_inodes=what"), EINVAL);
	CHECK_OK(mount("none", path, "tmpfs", 0, "nr_inodes=9,nr_inodes=4"));
	CHECK_OK(chdir(path));
	in_small_mount();
	remount_small(path);
	CHECK_OK(chdir("/"));
	CHECK_OK(umount(path));
	CHECK_OK(rmdir(path));
}

static void rights_of_the_descriptor(void)
{
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600));
	int readable = CHECK_OK(shm_open(name, O_RDONLY, 0));

	CHECK_OK(ftruncate(fd, PAGE));
	CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, readable, 0) == MAP_FAILED);
	CHECK_EQ(errno, EACCES);
	char *m = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, readable, 0);
	CHECK(m != MAP_FAILED);
	CHECK_ERROR(mprotect(m, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_OK(shm_unlink(name));
}

static void lowest_descriptor(void)
{
	int hole = CHECK_OK(dup(0));

	CHECK_OK(dup(0));
	CHECK_OK(close(hole));
	CHECK_EQ(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600), hole);
	CHECK_OK(shm_unlink(name));
}

static void map_outlives_descriptor(void)
{
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600));
	struct stat status;

	CHECK_OK(ftruncate(fd, PAGE));
	char *m = map_fd(fd, 1, MAP_SHARED);
	CHECK_OK(close(fd));
	m[0] = 'o';
	CHECK_OK(shm_unlink(name));
	CHECK_EQ(m[0], 'o');
	/* The name again is another object: empty, and none of the old one's. */
	fd = CHECK_OK(shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, 0);
	CHECK_OK(ftruncate(fd, PAGE));
	char *other = map_fd(fd, 1, MAP_SHARED);
	CHECK_EQ(other[0], 0);
	other[0] = 'n';
	CHECK_EQ(m[0], 'o');
	CHECK_OK(shm_unlink(name));
}

static void truncated_by_reader(void)
{
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600));
	struct stat status;

	CHECK_OK(ftruncate(fd, PAGE));
	CHECK_OK(close(CHECK_OK(shm_open(name, O_RDONLY | O_TRUNC, 0))));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, 0);
	CHECK_OK(shm_unlink(name));
}

static void truncate_as_other(void *argument)
{
	(void)argument;
	abi_become(12345, 12345);
	CHECK_ERROR(shm_open(name, O_RDONLY | O_TRUNC, 0), EACCES);
	CHECK_ERROR(shm_open(name, O_RDWR, 0), EACCES);
}

static void truncation_needs_writing(void)
{
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0644));
	struct stat status;

	CHECK_OK(ftruncate(fd, PAGE));
	pid_t pid = abi_start(truncate_as_other, NULL);
	abi_join(pid);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_size, PAGE);
	CHECK_OK(shm_unlink(name));
}

static void made_by_other(void *argument)
{
	struct stat status;

	(void)argument;
	if (setresgid(-1, 12001, 0) || setresuid(-1, 12002, 0))
		SKIP("needs to change its user: run as root");
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_uid, 12002);
	CHECK_EQ(status.st_gid, 12001);
	CHECK_OK(fchmod(fd, 0640));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0640);
	CHECK_ERROR(fchown(fd, 0, -1), EPERM);
	CHECK_OK(shm_unlink(name));
}

static void owner_and_mode(void)
{
	struct stat status;

	abi_in_child(made_by_other, NULL);
	int fd = CHECK_OK(shm_open(fresh_name(), O_RDWR | O_CREAT | O_EXCL, 0600));
	CHECK_OK(fchown(fd, 12003, 12004));
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_uid, 12003);
	CHECK_EQ(status.st_gid, 12004);
	CHECK_OK(shm_unlink(name));
}

const struct abi_case abi_cases[] = {
	CASE(create_and_unlink, "shm_open, shm_unlink: mode, flags, life: shm_open(3)"),
	CASE(name_errors, "ENAMETOOLONG, EINVAL: shm_open(3)"),
	CASE(sticky, "/dev/shm is 1777: others may not unlink: shm_overview(7)"),
	CASE(shrink_and_grow, "SIGBUS past the end, zeros after growing: mmap(2)"),
	CASE(calls_past_the_end, "EFAULT where a program would get SIGBUS: observed"),
	CASE(private_copies_go, "a shrink takes private copies too: observed"),
	CASE(private_copies_of_children,
	     "a shrink takes private copies of every process: observed"),
	CASE(copies_beside_others, "a shrink takes private copies of that file only: observed"),
	CASE(punched_holes, "FALLOC_FL_PUNCH_HOLE, SEEK_DATA, SEEK_HOLE: fallocate(2), lseek(2)"),
	CASE(allocation_modes, "what tmpfs allocates and refuses: fallocate(2)"),
	CASE(size_of_mount, "size=, remount, statfs: tmpfs(5)"),
	CASE(inodes_of_mount, "nr_inodes=: inodes and further names, ENOSPC, remount: tmpfs(5)"),
	CASE(rights_of_the_descriptor, "O_RDONLY is mapped to be read, for good: shm_open(3)"),
	CASE(lowest_descriptor, "the lowest free descriptor: shm_open(3)"),
	CASE(map_outlives_descriptor, "a map needs neither descriptor nor name: shm_open(3)"),
	CASE(truncated_by_reader, "O_RDONLY | O_TRUNC truncates: shm_open(3), NOTES"),
	CASE(truncation_needs_writing, "O_TRUNC without write permission is EACCES: shm_open(3)"),
	CASE(owner_and_mode, "effective ids own; fchown, fchmod: shm_open(3), shm_overview(7)"),
	CASES_END,
};
