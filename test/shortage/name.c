// SPDX-License-Identifier: MIT
/* Names: paths are followed, made, moved and removed. */

#include "call.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define LONG_NAME "a-new-name-that-is-too-long-for-the-entry-itself-to-keep-it-inside"
#define LONG_TEXT LONG_NAME LONG_NAME

static struct timespec times[2] = {{1, 0}, {2, 0}};

static void remove_directory(long result)
{
	(void)result;
	need(rmdir(LONG_NAME) == 0, "rmdir");
}

static void remove_file(long result)
{
	(void)result;
	need(unlink(LONG_NAME) == 0, "unlink");
}

/* One that failed half way may have left it. */
static void make_directory(void)
{
	(void)rmdir(LONG_NAME);
	need(mkdir(LONG_NAME, 0700) == 0, "mkdir");
}

static void make_file(void)
{
	(void)unlink(LONG_NAME);
	need(mknod(LONG_NAME, S_IFREG | 0600, 0) == 0, "mknod");
}

static void back_to_g(long result)
{
	(void)result;
	need(rename(LONG_NAME, "g") == 0, "rename");
}

static void exchange_back(long result)
{
	(void)result;
	need(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, LONG_NAME, 2) == 0 &&
		     unlink(LONG_NAME) == 0,
	     "renameat2");
}

static void mode_back(long result)
{
	(void)result;
	need(chmod("g", 0600) == 0 && chown("g", 0, 0) == 0, "chmod");
}

static void unmount(long result)
{
	(void)result;
	need(umount2("d", 0) == 0, "umount2");
}

static void mount_there(void)
{
	need(mount("none", "d", "tmpfs", 0, "size=1m") == 0, "mount");
}

#define ALLOCATES .flags = CALL_ALLOCATES
#define MAKES     .flags = CALL_ALLOCATES, .errors = {ENOSPC}
#define XATTR     .answer = EOPNOTSUPP

const struct call calls_name[] = {
	{CALL(mkdirat, AT_FDCWD, AT(LONG_NAME), 0700), MAKES, .undo = remove_directory},
	{CALL(mknodat, AT_FDCWD, AT(LONG_NAME), S_IFREG | 0600, 0), MAKES, .undo = remove_file},
	{CALL(mknodat, AT_FDCWD, AT(LONG_NAME), S_IFIFO | 0600, 0), .what = "FIFO", MAKES,
	 .undo = remove_file},
	{CALL(symlinkat, AT("a-target"), AT_FDCWD, AT(LONG_NAME)), MAKES, .undo = remove_file},
	{CALL(symlinkat, AT(LONG_TEXT), AT_FDCWD, AT(LONG_NAME)), .what = "that takes a page",
	 MAKES, .undo = remove_file},
	{CALL(linkat, AT_FDCWD, AT("f"), AT_FDCWD, AT(LONG_NAME), 0), MAKES, .undo = remove_file},
	{CALL(unlinkat, AT_FDCWD, AT(LONG_NAME), 0), .ready = make_file, ALLOCATES},
	{CALL(unlinkat, AT_FDCWD, AT(LONG_NAME), AT_REMOVEDIR), .what = "directory",
	 .ready = make_directory, ALLOCATES},
	{CALL(renameat2, AT_FDCWD, AT("g"), AT_FDCWD, AT(LONG_NAME), 1), MAKES, .undo = back_to_g},
	{CALL(renameat2, AT_FDCWD, AT("f"), AT_FDCWD, AT(LONG_NAME), 2), .what = "exchange", MAKES,
	 .ready = make_file, .undo = exchange_back},
	{CALL(readlinkat, AT_FDCWD, AT("s0"), AT(buffer), 100), ALLOCATES},
	{CALL(newfstatat, AT_FDCWD, AT("s1"), AT(buffer), 0), ALLOCATES},
	{CALL(statx, AT_FDCWD, AT("s1"), 0, STATX_ALL, AT(buffer)), ALLOCATES},
	{CALL(statfs, AT("s1"), AT(buffer)), ALLOCATES},
	{CALL(faccessat, AT_FDCWD, AT("s1"), R_OK), ALLOCATES},
	{CALL(faccessat2, AT_FDCWD, AT("s1"), R_OK, AT_EACCESS), ALLOCATES},
	{CALL(fchmodat, AT_FDCWD, AT("g"), 0640), ALLOCATES, .undo = mode_back},
	{CALL(fchownat, AT_FDCWD, AT("g"), 1, 1, 0), ALLOCATES, .undo = mode_back},
	{CALL(utimensat, AT_FDCWD, AT("g"), AT(times), 0), .what = "by name", ALLOCATES},
	{CALL(getcwd, AT(buffer), 1000), ALLOCATES},
	{CALL(chdir, AT(".")), ALLOCATES},
	{CALL(chroot, AT("/")), ALLOCATES},
	{CALL(mount, AT("none"), AT("d"), AT("tmpfs"), 0, AT("size=1m")), ALLOCATES,
	 .undo = unmount},
	{CALL(umount2, AT("d"), 0), .ready = mount_there, ALLOCATES},
	{CALL(getxattr, AT("f"), AT("user.x"), AT(buffer), 100), XATTR},
	{CALL(lgetxattr, AT("f"), AT("user.x"), AT(buffer), 100), XATTR},
	{CALL(setxattr, AT("f"), AT("user.x"), AT(buffer), 100, 0), XATTR},
	{CALL(lsetxattr, AT("f"), AT("user.x"), AT(buffer), 100, 0), XATTR},
	{CALL(listxattr, AT("f"), AT(buffer), 100), XATTR},
	{CALL(llistxattr, AT("f"), AT(buffer), 100), XATTR},
	{CALL(removexattr, AT("f"), AT("user.x")), XATTR},
	{CALL(lremovexattr, AT("f"), AT("user.x")), XATTR},
#ifdef SYS_renameat
	{CALL(renameat, AT_FDCWD, AT("g"), AT_FDCWD, AT(LONG_NAME)), MAKES, .undo = back_to_g},
#endif
	{0},
};

/* Calls that only the older architectures have: the others' under other names. */
const struct call calls_old[] = {
#ifdef SYS_open
	{CALL(open, AT("f"), O_RDONLY), ALLOCATES, .undo = undo_close},
	{CALL(creat, AT("g"), 0600), ALLOCATES, .undo = undo_close},
	{CALL(mkdir, AT(LONG_NAME), 0700), MAKES, .undo = remove_directory},
	{CALL(mknod, AT(LONG_NAME), S_IFREG | 0600, 0), MAKES, .undo = remove_file},
	{CALL(symlink, AT("a-target"), AT(LONG_NAME)), MAKES, .undo = remove_file},
	{CALL(link, AT("f"), AT(LONG_NAME)), MAKES, .undo = remove_file},
	{CALL(unlink, AT(LONG_NAME)), .ready = make_file, ALLOCATES},
	{CALL(rmdir, AT(LONG_NAME)), .ready = make_directory, ALLOCATES},
	{CALL(rename, AT("g"), AT(LONG_NAME)), MAKES, .undo = back_to_g},
	{CALL(readlink, AT("s0"), AT(buffer), 100), ALLOCATES},
	{CALL(stat, AT("s1"), AT(buffer)), ALLOCATES},
	{CALL(lstat, AT("s1"), AT(buffer)), ALLOCATES},
	{CALL(access, AT("s1"), R_OK), ALLOCATES},
	{CALL(chmod, AT("g"), 0640), ALLOCATES, .undo = mode_back},
	{CALL(chown, AT("g"), 1, 1), ALLOCATES, .undo = mode_back},
	{CALL(lchown, AT("g"), 1, 1), ALLOCATES, .undo = mode_back},
	{CALL(utime, AT("g"), 0), ALLOCATES},
	{CALL(utimes, AT("g"), 0), ALLOCATES},
	{CALL(futimesat, AT_FDCWD, AT("g"), 0), ALLOCATES},
#endif
	{0},
};
