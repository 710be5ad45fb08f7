// SPDX-License-Identifier: MIT
/* Who may do what with files: modes, owners, sticky directories, access(2), times, umask. */

#define _GNU_SOURCE
#include "file_test.h"

#include <sys/syscall.h>
#include <time.h>

static void modes(void)
{
	struct stat state;

	file_test_enter();
	umask(027);
	CHECK_OK(close(CHECK_OK(open("f", O_CREAT | O_RDWR, 0666))));
	CHECK_OK(stat("f", &state));
	CHECK_EQ(state.st_mode, S_IFREG | 0640);
	CHECK_OK(mkdir("d", 0777));
	CHECK_OK(stat("d", &state));
	CHECK_EQ(state.st_mode, S_IFDIR | 0750);
	CHECK_EQ(umask(022), 027);
	CHECK_OK(chmod("f", 04711));
	CHECK_OK(stat("f", &state));
	CHECK_EQ(state.st_mode, S_IFREG | 04711);
	int fd = CHECK_OK(open("f", O_RDONLY));
	CHECK_OK(fchmod(fd, 0600));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_mode, S_IFREG | 0600);
	CHECK_ERROR(chmod("missing", 0600), ENOENT);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("f"));
	CHECK_OK(rmdir("d"));
	file_test_leave();
}

static void as_stranger(void *unused)
{
	(void)unused;
	abi_become(65534, 65534);
	CHECK_ERROR(open("secret", O_RDONLY), EACCES);
	CHECK_ERROR(open("readable", O_WRONLY), EACCES);
	CHECK_OK(close(CHECK_OK(open("readable", O_RDONLY))));
	CHECK_ERROR(open("closed/f", O_RDONLY), EACCES);
	CHECK_ERROR(open("new", O_CREAT | O_RDWR, 0600), EACCES);
	CHECK_ERROR(unlink("readable"), EACCES);
	CHECK_ERROR(chmod("readable", 0777), EPERM);
	CHECK_ERROR(chown("readable", 65534, 65534), EPERM);
	CHECK_ERROR(access("secret", R_OK), EACCES);
	CHECK_OK(access("readable", R_OK));
	CHECK_OK(access("secret", F_OK));
	CHECK_ERROR(mkdir("x", 0700), EACCES);
	CHECK_ERROR(truncate("readable", 0), EACCES);
	CHECK_ERROR(utimensat(AT_FDCWD, "readable", NULL, 0), EACCES);
	struct timespec times[2] = {{1, 0}, {2, 0}};
	CHECK_ERROR(utimensat(AT_FDCWD, "readable", times, 0), EPERM);
	/* the first class that matches decides: the group may not, though others may */
	CHECK_ERROR(open("not-group", O_RDONLY), EACCES);
	/* in a sticky directory only one's own goes */
	CHECK_OK(close(CHECK_OK(open("sticky/mine", O_CREAT | O_RDWR, 0600))));
	CHECK_OK(unlink("sticky/mine"));
	CHECK_ERROR(unlink("sticky/yours"), EPERM);
	CHECK_ERROR(rename("sticky/yours", "sticky/stolen"), EPERM);
}

static void strangers(void)
{
	if (!abi_is_root())
		SKIP("not root");
	file_test_enter();
	umask(0);
	file_test_make("secret", "");
	CHECK_OK(chmod("secret", 0600));
	file_test_make("readable", "");
	CHECK_OK(chmod("readable", 0644));
	file_test_make("not-group", "");
	CHECK_OK(chown("not-group", 0, 65534));
	CHECK_OK(chmod("not-group", 0604));
	CHECK_OK(mkdir("closed", 0700));
	file_test_make("closed/f", "");
	CHECK_OK(mkdir("sticky", 01777));
	file_test_make("sticky/yours", "");
	abi_in_child(as_stranger, NULL);
	const char *files[] = {"secret", "readable", "not-group", "closed/f", "sticky/yours"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		CHECK_OK(unlink(files[i]));
	CHECK_OK(rmdir("closed"));
	CHECK_OK(rmdir("sticky"));
	file_test_leave();
}

static void root_access(void)
{
	if (!abi_is_root())
		SKIP("not root");
	file_test_enter();
	file_test_make("f", "");
	CHECK_OK(chmod("f", 0));
	CHECK_OK(access("f", R_OK | W_OK));
	CHECK_ERROR(access("f", X_OK), EACCES);
	CHECK_ERROR(access("f", 8), EINVAL);
	CHECK_OK(chmod("f", 0001));
	CHECK_OK(access("f", X_OK));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void owners(void)
{
	struct stat state;

	if (!abi_is_root())
		SKIP("not root");
	file_test_enter();
	file_test_make("f", "");
	CHECK_OK(chmod("f", 06755));
	CHECK_OK(chown("f", 12, -1));
	CHECK_OK(stat("f", &state));
	CHECK_EQ(state.st_uid, 12);
	CHECK_EQ(state.st_gid, 0);
	CHECK_EQ(state.st_mode & 07777, 0755);
	CHECK_OK(symlink("f", "l"));
	CHECK_OK(lchown("l", 34, 56));
	CHECK_OK(stat("l", &state));
	CHECK_EQ(state.st_uid, 12);
	CHECK_OK(lstat("l", &state));
	CHECK_EQ(state.st_uid, 34);
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(chown("d", 0, 78));
	CHECK_OK(chmod("d", 02755));
	file_test_make("d/f", "");
	CHECK_OK(stat("d/f", &state));
	CHECK_EQ(state.st_gid, 78);
	CHECK_OK(mkdir("d/d", 0755));
	CHECK_OK(stat("d/d", &state));
	CHECK_EQ(state.st_mode & S_ISGID, S_ISGID);
	CHECK_OK(rmdir("d/d"));
	CHECK_OK(unlink("d/f"));
	CHECK_OK(rmdir("d"));
	CHECK_OK(unlink("l"));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void times(void)
{
	struct stat before, after;
	struct timespec times[2] = {{1000, 5}, {-2000, 999999999}};

	file_test_enter();
	file_test_make("f", "x");
	CHECK_OK(stat("f", &before));
	CHECK_OK(utimensat(AT_FDCWD, "f", times, 0));
	CHECK_OK(stat("f", &after));
	CHECK_EQ(after.st_atim.tv_sec, 1000);
	CHECK_EQ(after.st_atim.tv_nsec, 5);
	CHECK_EQ(after.st_mtim.tv_sec, -2000);
	CHECK_EQ(after.st_mtim.tv_nsec, 999999999);
	CHECK(after.st_ctim.tv_sec >= before.st_ctim.tv_sec);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = UTIME_NOW;
	CHECK_OK(utimensat(AT_FDCWD, "f", times, 0));
	CHECK_OK(stat("f", &after));
	CHECK_EQ(after.st_atim.tv_sec, 1000);
	CHECK(after.st_mtim.tv_sec >= before.st_mtim.tv_sec);
	times[0].tv_nsec = 1000000000;
	CHECK_ERROR(utimensat(AT_FDCWD, "f", times, 0), EINVAL);
	int fd = CHECK_OK(open("f", O_WRONLY));
	times[0] = times[1] = (struct timespec){7, 0};
	CHECK_OK(futimens(fd, times));
	CHECK_EQ(write(fd, "y", 1), 1);
	CHECK_OK(fstat(fd, &after));
	CHECK(after.st_mtim.tv_sec > 7);
	CHECK_EQ(after.st_atim.tv_sec, 7);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

#ifndef STATX_ALL
static void statx_agrees(void)
{
	SKIP("this libc has no statx");
}
#else
static void statx_agrees(void)
{
	struct stat state;
	struct statx more;

	file_test_enter();
	file_test_make("f", "12345");
	CHECK_OK(stat("f", &state));
	CHECK_OK(statx(AT_FDCWD, "f", 0, STATX_ALL, &more));
	CHECK_EQ(more.stx_size, 5);
	CHECK_EQ(more.stx_ino, state.st_ino);
	CHECK_EQ(more.stx_mode, state.st_mode);
	CHECK_EQ(more.stx_nlink, 1);
	CHECK_EQ(more.stx_mtime.tv_sec, state.st_mtim.tv_sec);
	CHECK_EQ(more.stx_blocks, 8);
	CHECK_ERROR(statx(AT_FDCWD, "f", 0x80000, STATX_ALL, &more), EINVAL);
	int fd = CHECK_OK(open("f", O_RDONLY));
	CHECK_OK(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &more));
	CHECK_EQ(more.stx_size, 5);
	CHECK_ERROR(stat("f", (struct stat *)8), EFAULT);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("f"));
	file_test_leave();
}
#endif

static uint32_t made_with(const char *name, mode_t mode)
{
	struct stat state;

	CHECK_OK(close(CHECK_OK(open(name, O_CREAT | O_EXCL | O_WRONLY, mode))));
	CHECK_OK(stat(name, &state));
	CHECK_EQ(state.st_gid, 77);
	CHECK_OK(unlink(name));
	return state.st_mode & 07777;
}

static void make_as_a_stranger(void *argument)
{
	struct stat state;

	(void)argument;
	umask(0);
	CHECK_EQ(made_with("g/root", 02755), 02755); /* it may */
	abi_become(65534, 65534);
	CHECK_EQ(made_with("g/x", 02755), 0755);
	CHECK_EQ(made_with("g/x", 02745), 02745); /* no program */
	CHECK_OK(mkdir("g/d", 0755));
	CHECK_OK(stat("g/d", &state));
	CHECK_EQ(state.st_mode & 07777, 02755);
	CHECK_OK(rmdir("g/d"));
	int fd = CHECK_OK(open("g", O_TMPFILE | O_WRONLY, 02755));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_mode & 07777, 0755);
	CHECK_EQ(state.st_gid, 77);
}

static void group_of_others(void)
{
	if (!abi_is_root())
		SKIP("needs to be root, to be another user then");
	file_test_enter();
	CHECK_OK(mkdir("g", 0777));
	CHECK_OK(chown("g", 0, 77));
	CHECK_OK(chmod("g", 02777));
	abi_in_child(make_as_a_stranger, NULL);
	CHECK_OK(rmdir("g"));
	file_test_leave();
}

const struct abi_case abi_cases[] = {
	CASE(modes, "umask and chmod set the bits: umask(2), chmod(2)"),
	CASE(strangers, "another user gets what the modes say: path_resolution(7)"),
	CASE(root_access, "root reads and writes all, but executes only with an x bit: access(2)"),
	CASE(owners, "chown clears set-id bits; set-group-id directories: chown(2)"),
	CASE(group_of_others,
	     "who is not of a directory's group makes no set-group-id program: observed"),
	CASE(times, "utimensat sets, omits, takes now; writing moves mtime: utimensat(2)"),
	CASE(statx_agrees, "statx says what stat says: statx(2)"),
	CASES_END,
};
