// SPDX-License-Identifier: MIT
/* Names: making, removing, renaming, links, walks along paths, directories' contents. */

#define _GNU_SOURCE
#include "file_test.h"

#include <dirent.h>
#include <linux/fs.h>
#include <sys/syscall.h>

static void make_and_remove(void)
{
	file_test_enter();
	CHECK_ERROR(open("a", O_RDONLY), ENOENT);
	file_test_make("a", "text");
	file_test_holds("a", "text");
	CHECK_ERROR(open("a", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	CHECK_ERROR(rmdir("a"), ENOTDIR);
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERROR(mkdir("d", 0755), EEXIST);
	CHECK_ERROR(unlink("d"), EISDIR);
	CHECK_ERROR(open("d", O_WRONLY), EISDIR);
	CHECK_ERROR(open("d", O_CREAT | O_RDONLY, 0600), EISDIR);
	file_test_make("d/b", "");
	CHECK_ERROR(rmdir("d"), ENOTEMPTY);
	CHECK_OK(unlink("d/b"));
	CHECK_OK(rmdir("d"));
	CHECK_OK(unlink("a"));
	CHECK_ERROR(unlink("a"), ENOENT);
	file_test_leave();
}

static void dots(void)
{
	file_test_enter();
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERROR(rmdir("d/."), EINVAL);
	CHECK_ERROR(rmdir("d/.."), ENOTEMPTY);
	CHECK_ERROR(rmdir("/"), EBUSY);
	CHECK_ERROR(mkdir(".", 0755), EEXIST);
	CHECK_ERROR(mkdir("/", 0755), EEXIST);
	CHECK_ERROR(unlink("."), EISDIR);
	CHECK_ERROR(rename("d", "."), EBUSY);
	CHECK_ERROR(rename(".", "e"), EBUSY);
	CHECK_OK(access("d/../d/./.", F_OK));
	CHECK_OK(access("/../../dev/shm", F_OK));
	CHECK_OK(rmdir("d"));
	file_test_leave();
}

static void trailing_slashes(void)
{
	file_test_enter();
	file_test_make("f", "");
	CHECK_OK(symlink("d", "l"));
	CHECK_ERROR(open("f/", O_RDONLY), ENOTDIR);
	CHECK_ERROR(open("new/", O_CREAT | O_RDWR, 0600), EISDIR);
	CHECK_ERROR(unlink("f/"), ENOTDIR);
	CHECK_ERROR(access("f/x", F_OK), ENOTDIR);
	CHECK_ERROR(link("f", "new/"), ENOENT);
	CHECK_ERROR(symlink("f", "new/"), ENOENT);
	CHECK_ERROR(rename("f", "new/"), ENOTDIR);
	CHECK_OK(mkdir("d/", 0755));
	CHECK_ERROR(unlink("l/"), ENOTDIR);
	CHECK_ERROR(rmdir("l/"), ENOTDIR);
	CHECK_ERROR(mkdir("l/", 0755), EEXIST);
	static const int ways[] = {O_CREAT, O_CREAT | O_RDWR, O_CREAT | O_EXCL | O_RDWR};
	for (int i = 0; i < 3; i++) {
		CHECK_ERROR(open("f/", ways[i], 0600), EISDIR); /* whatever is there */
		CHECK_ERROR(open("l/", ways[i], 0600), EISDIR);
		CHECK_ERROR(open("d/", ways[i], 0600), EISDIR);
		CHECK_ERROR(open("new/", ways[i], 0600), EISDIR);
		CHECK_ERROR(open("f/new/", ways[i], 0600), ENOTDIR);
		CHECK_ERROR(open("f/.", ways[i], 0600), ENOTDIR);
	}
	CHECK_ERROR(open("f/", O_RDWR), ENOTDIR);
	CHECK_OK(rename("d/", "e/"));
	CHECK_OK(rmdir("e/"));
	CHECK_OK(unlink("l"));
	CHECK_OK(unlink("f"));
	file_test_leave();
}

static void long_names(void)
{
	char name[300];
	char path[5000];

	file_test_enter();
	memset(name, 'n', sizeof(name));
	name[255] = 0;
	file_test_make(name, "");
	CHECK_OK(unlink(name));
	name[255] = 'n';
	name[256] = 0;
	CHECK_ERROR(open(name, O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
	CHECK_ERROR(access(name, F_OK), ENAMETOOLONG);
	for (int i = 0; i < 4999; i++)
		path[i] = i % 2 ? '/' : '.';
	path[4999] = 0;
	CHECK_ERROR(access(path, F_OK), ENAMETOOLONG);
	path[4095] = 0;
	CHECK_OK(access(path, F_OK));
	CHECK_ERROR(open("", O_RDONLY), ENOENT);
	CHECK_ERROR(syscall(SYS_openat, AT_FDCWD, (char *)8, O_RDONLY), EFAULT);
	file_test_leave();
}

static void symbolic_links(void)
{
	char text[64];

	file_test_enter();
	CHECK_OK(symlink("target", "l"));
	CHECK_EQ(readlink("l", text, sizeof(text)), 6);
	CHECK_EQ(readlink("l", text, 3), 3);
	CHECK_ERROR(readlink("l", text, 0), EINVAL);
	CHECK_ERROR(readlink(".", text, sizeof(text)), EINVAL);
	CHECK_ERROR(readlink("/", text, sizeof(text)), EINVAL);
	CHECK_ERROR(readlink("", text, sizeof(text)), ENOENT);
	int here = CHECK_OK(open(".", O_RDONLY));
	CHECK_ERROR(readlinkat(here, "", text, sizeof(text)), ENOENT);
	CHECK_OK(close(here));
	CHECK_ERROR(symlink("x", "l"), EEXIST);
	CHECK_ERROR(symlink("", "m"), ENOENT);
	CHECK_ERROR(open("l", O_RDONLY), ENOENT);
	CHECK_ERROR(open("l", O_CREAT | O_EXCL | O_RDWR, 0600), EEXIST);
	CHECK_OK(close(CHECK_OK(open("l", O_CREAT | O_RDWR, 0600))));
	CHECK_OK(access("target", F_OK));
	CHECK_ERROR(open("l", O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERROR(readlink("target", text, sizeof(text)), EINVAL);
	CHECK_OK(symlink("p", "q"));
	CHECK_OK(symlink("q", "p"));
	CHECK_ERROR(open("p", O_RDONLY), ELOOP);
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(symlink("../target", "d/up"));
	CHECK_OK(symlink("d", "dl"));
	CHECK_OK(access("dl/up", F_OK));
	CHECK_OK(access("dl/../target", F_OK));
	const char *all[] = {"l", "p", "q", "d/up", "dl", "target"};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		CHECK_OK(unlink(all[i]));
	CHECK_OK(rmdir("d"));
	file_test_leave();
}

static void deep_links(void)
{
	char from[16], to[16];

	file_test_enter();
	file_test_make("l0", "");
	for (int i = 1; i <= 41; i++) {
		sprintf(to, "l%d", i - 1);
		sprintf(from, "l%d", i);
		CHECK_OK(symlink(to, from));
	}
	CHECK_OK(access("l40", F_OK));
	CHECK_ERROR(access("l41", F_OK), ELOOP);
	for (int i = 0; i <= 41; i++) {
		sprintf(from, "l%d", i);
		CHECK_OK(unlink(from));
	}
	file_test_leave();
}

static void hard_links(void)
{
	struct stat a, b;

	file_test_enter();
	file_test_make("a", "one");
	CHECK_OK(link("a", "b"));
	CHECK_ERROR(link("a", "b"), EEXIST);
	CHECK_ERROR(link("missing", "c"), ENOENT);
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERROR(link("d", "e"), EPERM);
	CHECK_OK(stat("a", &a));
	CHECK_OK(stat("b", &b));
	CHECK_EQ(a.st_ino, b.st_ino);
	CHECK_EQ(a.st_nlink, 2);
	CHECK_OK(unlink("a"));
	file_test_holds("b", "one");
	CHECK_OK(stat("b", &b));
	CHECK_EQ(b.st_nlink, 1);
	CHECK_OK(stat(".", &a));
	CHECK_EQ(a.st_nlink, 3);
	CHECK_OK(rmdir("d"));
	CHECK_OK(stat(".", &a));
	CHECK_EQ(a.st_nlink, 2);
	CHECK_OK(unlink("b"));
	file_test_leave();
}

static void rename_replaces(void)
{
	struct stat before, after;

	file_test_enter();
	file_test_make("a", "A");
	file_test_make("b", "B");
	CHECK_OK(stat("a", &before));
	CHECK_OK(rename("a", "b"));
	CHECK_OK(stat("b", &after));
	CHECK_EQ(before.st_ino, after.st_ino);
	file_test_holds("b", "A");
	CHECK_ERROR(rename("a", "c"), ENOENT);
	CHECK_OK(link("b", "c"));
	CHECK_OK(rename("b", "c"));
	CHECK_OK(access("b", F_OK)); /* links to one file: nothing happens */
	CHECK_OK(unlink("b"));
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(mkdir("e", 0755));
	CHECK_ERROR(rename("c", "d"), EISDIR);
	CHECK_ERROR(rename("d", "c"), ENOTDIR);
	CHECK_OK(rename("d", "e"));
	CHECK_OK(mkdir("e/f", 0755));
	CHECK_ERROR(rename("e", "e/f/g"), EINVAL);
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERROR(rename("d", "e"), ENOTEMPTY);
	CHECK_ERROR(rename("e/f", "e"), ENOTEMPTY);
	CHECK_OK(rename("e/f", "d/f"));
	CHECK_OK(rmdir("d/f"));
	CHECK_OK(rmdir("d"));
	CHECK_OK(rmdir("e"));
	CHECK_OK(unlink("c"));
	file_test_leave();
}

static int rename_flags(const char *from, const char *to, unsigned flags)
{
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void rename_with_flags(void)
{
	file_test_enter();
	file_test_make("a", "A");
	file_test_make("b", "B");
	CHECK_ERROR(rename_flags("a", "b", RENAME_NOREPLACE), EEXIST);
	CHECK_OK(rename_flags("a", "c", RENAME_NOREPLACE));
	CHECK_OK(rename_flags("b", "c", RENAME_EXCHANGE));
	file_test_holds("b", "A");
	file_test_holds("c", "B");
	CHECK_ERROR(rename_flags("b", "missing", RENAME_EXCHANGE), ENOENT);
	CHECK_ERROR(rename_flags("b", "c", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	CHECK_ERROR(rename_flags("b", "c", 64), EINVAL);
	CHECK_OK(mkdir("d", 0755));
	CHECK_ERROR(rename_flags("d", "b/", RENAME_EXCHANGE), ENOTDIR); /* b is none yet */
	CHECK_ERROR(rename_flags("b/", "d", RENAME_EXCHANGE), ENOTDIR);
	CHECK_ERROR(rename_flags("b", "c/", RENAME_EXCHANGE), ENOTDIR);
	CHECK_ERROR(rename_flags("b", "d/..", 0), EBUSY);
	CHECK_ERROR(rename_flags("b", "d/.", RENAME_EXCHANGE), EBUSY);
	CHECK_ERROR(rename_flags("b", "d/.", RENAME_NOREPLACE), EEXIST);
	CHECK_ERROR(rename_flags("d/.", "c", RENAME_NOREPLACE), EBUSY);
	CHECK_OK(rename_flags("b", "d/", RENAME_EXCHANGE));
	file_test_holds("d", "A");
	CHECK_OK(rmdir("b"));
	CHECK_OK(unlink("d"));
	CHECK_OK(unlink("c"));
	file_test_leave();
}

static void directory_contents(void)
{
	char name[32];
	int seen = 0, dots_seen = 0;
	struct dirent *entry;

	file_test_enter();
	for (int i = 0; i < 500; i++) {
		sprintf(name, "file-with-a-name-%d", i);
		file_test_make(name, "");
	}
	DIR *directory = opendir(".");
	CHECK(directory != NULL);
	while ((entry = readdir(directory))) {
		if (entry->d_name[0] == '.') {
			CHECK_EQ(entry->d_type, DT_DIR);
			dots_seen++;
			continue;
		}
		CHECK_EQ(entry->d_type, DT_REG);
		CHECK_OK(unlink(entry->d_name)); /* removing while reading loses nothing */
		seen++;
	}
	CHECK_EQ(seen, 500);
	CHECK_EQ(dots_seen, 2);
	rewinddir(directory);
	CHECK(readdir(directory) != NULL);
	CHECK_OK(closedir(directory));
	CHECK_ERROR(syscall(SYS_getdents64, 0, name, sizeof(name)), ENOTDIR);
	file_test_leave();
}

static void removed_directory(void)
{
	char buffer[512], path[64];

	file_test_enter();
	CHECK_OK(mkdir("d", 0755));
	int fd = CHECK_OK(open("d", O_RDONLY | O_DIRECTORY));
	CHECK_OK(rmdir("d"));
	CHECK_ERROR(openat(fd, "x", O_CREAT | O_RDWR, 0600), ENOENT);
	CHECK_ERROR(mkdirat(fd, "x", 0700), ENOENT);
	CHECK_ERROR(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), ENOENT);
	CHECK(getcwd(path, sizeof(path)) != NULL);
	CHECK_OK(fchdir(fd));
	CHECK_ERROR(syscall(SYS_getcwd, buffer, sizeof(buffer)), ENOENT);
	CHECK_OK(chdir(path));
	CHECK_OK(close(fd));
	file_test_leave();
}

static void working_directory(void)
{
	char path[256], again[256];

	file_test_enter();
	CHECK(getcwd(path, sizeof(path)) != NULL);
	CHECK_ERROR(syscall(SYS_getcwd, again, 3), ERANGE);
	CHECK_OK(mkdir("d", 0755));
	int here = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));
	CHECK_OK(chdir("d"));
	CHECK(getcwd(again, sizeof(again)) != NULL);
	CHECK_EQ(strlen(again), strlen(path) + 2);
	CHECK_OK(rename("../d", "../renamed"));
	CHECK(getcwd(again, sizeof(again)) != NULL);
	CHECK(!strcmp(again + strlen(path), "/renamed"));
	CHECK_OK(fchdir(here));
	CHECK_ERROR(chdir("missing"), ENOENT);
	file_test_make("f", "");
	CHECK_ERROR(chdir("f"), ENOTDIR);
	CHECK_ERROR(openat(1000, "f", O_RDONLY), EBADF);
	int file = CHECK_OK(open("f", O_RDONLY));
	CHECK_ERROR(openat(file, "x", O_RDONLY), ENOTDIR);
	CHECK_ERROR(fchdir(file), ENOTDIR);
	CHECK_OK(close(file));
	CHECK_OK(unlinkat(here, "f", 0));
	CHECK_OK(unlinkat(here, "renamed", AT_REMOVEDIR));
	CHECK_OK(close(here));
	file_test_leave();
}

static void open_unlinked(void)
{
	char text[8], path[64], link_text[128];
	struct stat state;

	file_test_enter();
	int fd = CHECK_OK(open("a", O_CREAT | O_RDWR, 0600));
	CHECK_EQ(write(fd, "alive", 5), 5);
	CHECK_OK(unlink("a"));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_nlink, 0);
	CHECK_EQ(pread(fd, text, 8, 0), 5);
	sprintf(path, "/proc/self/fd/%d", fd);
	long length = CHECK_OK(readlink(path, link_text, sizeof(link_text) - 1));
	link_text[length] = 0;
	CHECK(strstr(link_text, "/a (deleted)") != NULL);
	int again = CHECK_OK(open(path, O_RDONLY)); /* through the link, without a name */
	CHECK_EQ(read(again, text, 8), 5);
	CHECK_OK(close(again));
	CHECK_OK(close(fd));
	file_test_leave();
}

static void unnamed_file(void)
{
	char path[64];

	file_test_enter();
	int fd = CHECK_OK(open(".", O_TMPFILE | O_RDWR, 0600));
	CHECK_EQ(write(fd, "text", 4), 4);
	sprintf(path, "/proc/self/fd/%d", fd);
	CHECK_OK(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW));
	file_test_holds("named", "text");
	CHECK_OK(close(fd));
	CHECK_OK(unlink("named"));
	CHECK_ERROR(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	file_test_leave();
}

/* Give a file that is open a name; 0 or the error. */
static int link_open(int fd, const char *name)
{
	char path[64];

	sprintf(path, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) ? errno : 0;
}

static void unnamed_for_good(void)
{
	struct stat state;

	file_test_enter();
	int fd = CHECK_OK(open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600));
	CHECK_EQ(link_open(fd, "a"), ENOENT);
	CHECK_OK(close(fd));
	fd = CHECK_OK(open(".", O_TMPFILE | O_RDWR, 0600));
	CHECK_EQ(link_open(fd, "a"), 0);
	CHECK_EQ(link_open(fd, "b"), 0);
	CHECK_OK(unlink("a"));
	CHECK_OK(unlink("b"));
	CHECK_EQ(link_open(fd, "a"), ENOENT); /* it was a file like others meanwhile */
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_nlink, 0);
	CHECK_OK(close(fd));
	fd = CHECK_OK(open("a", O_CREAT | O_RDWR, 0600));
	CHECK_OK(unlink("a"));
	CHECK_EQ(link_open(fd, "a"), ENOENT);
	CHECK_OK(close(fd));
	file_test_leave();
}

static void unnamed_looks(void)
{
	char path[64], text[128], expected[64];
	struct stat state;

	file_test_enter();
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(chmod("d", 02755));
	int fd = CHECK_OK(open("d", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_TMPFILE, O_TMPFILE);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
	CHECK_EQ(fcntl(fd, F_GETFL) & (O_TMPFILE | O_APPEND), O_TMPFILE | O_APPEND);
	CHECK_OK(fstat(fd, &state));
	sprintf(path, "/proc/self/fd/%d", fd);
	sprintf(expected, "/d/#%llu (deleted)", (unsigned long long)state.st_ino);
	CHECK_EQ(link_open(fd, "a"), 0); /* the name that it got is another one */
	long length = CHECK_OK(readlink(path, text, sizeof(text) - 1));
	text[length] = 0;
	CHECK(strlen(text) > strlen(expected));
	CHECK(!strcmp(text + length - strlen(expected), expected));
	CHECK_OK(close(fd));
	CHECK_OK(unlink("a"));
	CHECK_OK(rmdir("d"));
	file_test_leave();
}

static void unnamed_group(void)
{
	struct stat state;

	if (!abi_is_root())
		SKIP("needs to give a file to another group: run as root");
	file_test_enter();
	CHECK_OK(mkdir("d", 0755));
	CHECK_OK(chown("d", 0, 7));
	CHECK_OK(chmod("d", 02755));
	int fd = CHECK_OK(open("d", O_TMPFILE | O_RDWR, 0600));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_gid, 7);
	CHECK_OK(close(fd));
	CHECK_OK(rmdir("d"));
	file_test_leave();
}

static void path_only(void)
{
	char byte;
	struct stat state;

	file_test_enter();
	file_test_make("a", "x");
	CHECK_OK(symlink("a", "l"));
	int fd = CHECK_OK(open("a", O_PATH));
	CHECK_ERROR(read(fd, &byte, 1), EBADF);
	CHECK_ERROR(fchmod(fd, 0600), EBADF);
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_PATH, O_PATH);
	CHECK_OK(close(fd));
	fd = CHECK_OK(open("l", O_PATH | O_NOFOLLOW));
	CHECK_OK(fstat(fd, &state));
	CHECK(S_ISLNK(state.st_mode));
	CHECK_OK(close(fd));
	CHECK_OK(unlink("l"));
	CHECK_OK(unlink("a"));
	file_test_leave();
}

const struct abi_case abi_cases[] = {
	CASE(make_and_remove,
	     "open O_CREAT, mkdir, unlink, rmdir and their errors: open(2), rmdir(2)"),
	CASE(dots, "\".\" and \"..\" as the last part: rmdir(2), rename(2)"),
	CASE(trailing_slashes, "a trailing slash asks for a directory: path_resolution(7)"),
	CASE(long_names, "names of 255 bytes, paths of 4095: ENAMETOOLONG: path_resolution(7)"),
	CASE(symbolic_links, "made, read, followed, not followed, in a loop: symlink(7)"),
	CASE(deep_links, "forty links are followed, not more: path_resolution(7)"),
	CASE(hard_links, "one file, several names, a count: link(2)"),
	CASE(rename_replaces,
	     "rename replaces what is there, directories only if empty: rename(2)"),
	CASE(rename_with_flags, "RENAME_NOREPLACE, RENAME_EXCHANGE: renameat2(2)"),
	CASE(directory_contents,
	     "each entry is seen once, also when removing meanwhile: readdir(3)"),
	CASE(removed_directory, "nothing can be made in a removed directory: observed"),
	CASE(working_directory, "chdir, fchdir, getcwd over a rename: getcwd(3)"),
	CASE(open_unlinked, "an open file outlives its name: unlink(2)"),
	CASE(unnamed_file, "O_TMPFILE and linkat give a name later: open(2)"),
	CASE(unnamed_for_good,
	     "ENOENT for a new name with O_EXCL, or when all names went: open(2), linkat(2)"),
	CASE(unnamed_looks, "O_TMPFILE stays in F_GETFL, the link text is #INODE: observed"),
	CASE(unnamed_group, "O_TMPFILE in a set-group-id directory takes its group: inode(7)"),
	CASE(path_only, "O_PATH descriptors name, but neither read nor change: open(2)"),
	CASES_END,
};
