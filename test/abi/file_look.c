// SPDX-License-Identifier: MIT
/* What files look like: sizes and pages of directories and links, statx; what open refuses by kind. */

#define _GNU_SOURCE
#include "file_test.h"
#include "mount_test.h"

#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

static void check_size(const char *name, long size)
{
	struct stat state;

	CHECK_OK(lstat(name, &state));
	CHECK_EQ(state.st_size, size);
}

static void directory_sizes(void)
{
	struct stat state;

	file_test_enter();
	CHECK_OK(mkdir("a", 0700));
	CHECK_OK(mkdir("b", 0700));
	check_size(".", 80);
	check_size("a", 40);
	file_test_make("a/f", "text");
	CHECK_OK(link("a/f", "a/g"));
	CHECK_OK(symlink("x", "a/s"));
	check_size("a", 100);
	CHECK_OK(close(CHECK_OK(open("a", O_TMPFILE | O_RDWR, 0600))));
	CHECK_OK(rename("a/f", "b/f"));
	check_size("a", 80);
	check_size("b", 60);
	CHECK_OK(rename("a/s", "b/f")); /* in place of it */
	check_size("a", 60);
	check_size("b", 60);
	CHECK_OK(syscall(SYS_renameat2, AT_FDCWD, "a/g", AT_FDCWD, "b/f", 2));
	check_size("a", 60);
	check_size("b", 60);
	int fd = CHECK_OK(open("b", O_RDONLY));
	CHECK_OK(unlink("b/f"));
	CHECK_OK(rename("b", "a/b"));
	check_size(".", 60);
	check_size("a", 80);
	CHECK_OK(rmdir("a/b"));
	CHECK_OK(fstat(fd, &state));
	CHECK_EQ(state.st_size, 40);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("a/g"));
	CHECK_OK(rmdir("a"));
	check_size(".", 40);
	file_test_leave();
}

static void directory_places(void)
{
	file_test_enter();
	int fd = CHECK_OK(open(".", O_RDONLY));
	CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
	CHECK_EQ(lseek(fd, 5, SEEK_CUR), 10);
	CHECK_ERROR(lseek(fd, 0, SEEK_END), EINVAL);
	CHECK_ERROR(lseek(fd, 0, SEEK_DATA), EINVAL);
	CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
	CHECK_OK(close(fd));
	file_test_leave();
}

static long free_pages(void)
{
	struct statfs state;

	CHECK_OK(statfs(".", &state));
	return (long)state.f_bfree;
}

static long link_blocks(const char *name)
{
	struct stat state;

	CHECK_OK(lstat(name, &state));
	return state.st_blocks;
}

static void pages_of_links(void)
{
	char place[] = "/tmp/mount-XXXXXX", text[PATH_MAX];

	private_mount_point(place);
	CHECK_OK(mount("none", place, "tmpfs", 0, "size=8k"));
	CHECK_OK(chdir(place));
	memset(text, 'q', sizeof(text));
	text[127] = 0;
	CHECK_OK(symlink(text, "short"));
	CHECK_EQ(link_blocks("short"), 0);
	CHECK_EQ(free_pages(), 2);
	text[127] = 'q';
	text[128] = 0;
	CHECK_OK(symlink(text, "long"));
	CHECK_EQ(link_blocks("long"), 8);
	CHECK_EQ(free_pages(), 1);
	CHECK_OK(link("long", "other"));
	CHECK_EQ(free_pages(), 1);
	text[128] = 'q';
	text[4095] = 0;
	CHECK_OK(symlink(text, "longest"));
	CHECK_EQ(free_pages(), 0);
	CHECK_ERROR(symlink(text, "more"), ENOSPC);
	CHECK_ERROR(symlink(text, "more"), ENOSPC);
	CHECK_OK(symlink("x", "more"));
	CHECK_OK(unlink("long"));
	CHECK_EQ(free_pages(), 0);
	CHECK_OK(unlink("other"));
	CHECK_EQ(free_pages(), 1);
	CHECK_OK(unlink("longest"));
	CHECK_EQ(free_pages(), 2);
	CHECK_OK(chdir("/"));
	CHECK_OK(umount(place));
	CHECK_OK(rmdir(place));
}

static void open_by_kind(void)
{
	int fds[2];
	char path[64];

	file_test_enter();
	CHECK_OK(mkfifo("p", 0600));
	CHECK_ERROR(open("p", O_RDWR | O_DIRECT), EINVAL);
	CHECK_ERROR(open("p", O_RDONLY | O_NONBLOCK | O_DIRECT), EINVAL);
	CHECK_ERROR(open("p", O_WRONLY | O_NONBLOCK | O_DIRECT), ENXIO);
	CHECK_ERROR(open("p", 3), EINVAL);
	CHECK_OK(pipe(fds));
	sprintf(path, "/proc/self/fd/%d", fds[0]);
	CHECK_ERROR(open(path, 3), EINVAL);
	CHECK_ERROR(open(path, O_RDONLY | O_DIRECT), EINVAL);
	CHECK_ERROR(open(".", O_RDONLY | O_DIRECT), EINVAL);
	int direct = CHECK_OK(open(".", O_RDONLY));
	CHECK_ERROR(fcntl(direct, F_SETFL, O_DIRECT), EINVAL);
	CHECK_OK(close(direct));
	direct = CHECK_OK(open("/dev/null", O_RDWR));
	CHECK_ERROR(fcntl(direct, F_SETFL, O_DIRECT), EINVAL);
	CHECK_OK(close(direct));
	CHECK_OK(fcntl(fds[0], F_SETFL, O_DIRECT));
	CHECK_OK(fcntl(fds[0], F_SETFL, 0));
	CHECK_ERROR(open(".", 3), EISDIR);
	CHECK_ERROR(open("/dev/null", O_RDWR | O_DIRECT), EINVAL);
	CHECK_ERROR(open("/proc/version", O_RDONLY | O_DIRECT), EINVAL);
	CHECK_OK(close(CHECK_OK(open("/dev/null", 3))));
	CHECK_OK(close(CHECK_OK(open("p", O_PATH | O_DIRECT))));
	int fd = CHECK_OK(open("f", O_CREAT | O_RDWR | O_DIRECT, 0600));
	CHECK_EQ(fcntl(fd, F_GETFL) & O_DIRECT, O_DIRECT);
	CHECK_OK(close(fd));
	CHECK_OK(unlink("f"));
	CHECK_OK(unlink("p"));
	file_test_leave();
}

const struct abi_case abi_cases[] = {
	CASE(directory_sizes, "tmpfs: a directory's size is 20 for each entry, dots too: observed"),
	CASE(directory_places, "tmpfs: a directory has no end to seek to: observed"),
	CASE(pages_of_links, "tmpfs: a symbolic link of 128 bytes or more takes a page: observed"),
	CASE(open_by_kind,
	     "EINVAL for O_DIRECT but on regular files, mode 3 on fifos: open(2), observed"),
	CASES_END,
};
