// SPDX-License-Identifier: MIT
/* What a mount's flags forbid: programs, their owners' rights, devices. */

#define _GNU_SOURCE

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "file_test.h"
#include "mount_test.h"

#define STRANGER 12345
#define DONE     23 /* the helper's exit status */

static char place[] = "/tmp/mount-flags-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", place, name);
	return path;
}

static void place_make(unsigned long flags)
{
	private_mount_point(place);
	CHECK_OK(mount("none", place, "tmpfs", flags, "mode=755"));
}

static void place_change(unsigned long flags)
{
	CHECK_OK(mount(NULL, place, NULL, MS_REMOUNT | flags, NULL));
}

static void place_remove(void)
{
	CHECK_OK(umount2(place, MNT_DETACH));
	CHECK_OK(rmdir(place));
}

/* ---- noexec ---- */

/* The program of another process: its exit status, or the error of its execve. */
static int status_of(const char *path, const char *name)
{
	char *arguments[] = {(char *)path, "--helper", (char *)name, NULL}, *environment[] = {NULL};
	int status;

	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		execve(path, arguments, environment);
		_exit(errno);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int done_helper(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return DONE;
}

static void no_programs(void)
{
	char text[128];

	place_make(MS_NOEXEC);
	abi_copy_self(path_of("program"), 0755);
	CHECK_EQ(status_of(path_of("program"), "done"), EACCES);
	CHECK_ERROR(access(path_of("program"), X_OK), EACCES);
	CHECK_ERROR(access(path_of("program"), X_OK | R_OK), EACCES);
	CHECK_OK(access(path_of("program"), R_OK | W_OK));
	CHECK_OK(access(place, X_OK));
	int fd = CHECK_OK(open(path_of("program"), O_RDONLY | O_CLOEXEC));
	CHECK_ERROR(fexecve(fd, (char *[]){"x", NULL}, (char *[]){NULL}), EACCES);
	CHECK_OK(close(fd));

	/* A script elsewhere, whose interpreter is here. */
	char script[] = "/tmp/mount-flags-script-XXXXXX";
	fd = CHECK_OK(mkstemp(script));
	snprintf(text, sizeof(text), "#!%s\n", path_of("program"));
	CHECK_EQ(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	CHECK_OK(fchmod(fd, 0755));
	CHECK_OK(close(fd));
	CHECK_EQ(status_of(script, "done"), EACCES);
	CHECK_OK(unlink(script));

	place_change(0);
	CHECK_EQ(status_of(path_of("program"), "done"), DONE);
	CHECK_OK(access(path_of("program"), X_OK));
	place_remove();
}

static void no_mapped_programs(void)
{
	static const int kinds[] = {MAP_SHARED, MAP_PRIVATE};

	place_make(MS_NOEXEC);
	int fd = CHECK_OK(open(path_of("f"), O_CREAT | O_RDWR, 0777));
	CHECK_EQ(write(fd, "hello", 5), 5);
	int unreadable = CHECK_OK(open(path_of("f"), O_WRONLY));
	for (int i = 0; i < 2; i++) {
		CHECK_ERROR(mmap(NULL, 4096, PROT_READ | PROT_EXEC, kinds[i], fd, 0), EPERM);
		CHECK_ERROR(mmap(NULL, 4096, PROT_EXEC, kinds[i], fd, 0), EPERM);
		CHECK_ERROR(mmap(NULL, 4096, PROT_EXEC, kinds[i], unreadable, 0), EACCES);
		CHECK_ERROR(mmap(NULL, 4096, PROT_EXEC, kinds[i], fd, 1), EINVAL);
		char *at = CHECK_OK(mmap(NULL, 4096, PROT_READ, kinds[i], fd, 0));
		CHECK_ERROR(mprotect(at, 4096, PROT_READ | PROT_EXEC), EACCES);
		CHECK_OK(mprotect(at, 4096, PROT_READ | PROT_WRITE));
		place_change(0);
		/* What was mapped stays what it was; what is mapped from now on is not. */
		CHECK_ERROR(mprotect(at, 4096, PROT_READ | PROT_EXEC), EACCES);
		char *second = CHECK_OK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, kinds[i], fd, 0));
		place_change(MS_NOEXEC);
		CHECK_OK(mprotect(second, 4096, PROT_READ));
		CHECK_OK(mprotect(second, 4096, PROT_READ | PROT_EXEC));
		CHECK_OK(munmap(second, 4096));
		CHECK_OK(munmap(at, 4096));
	}
	CHECK_OK(close(unreadable));
	CHECK_OK(close(fd));
	place_remove();
}

/* ---- nosuid ---- */

static int root_helper(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return geteuid() == 0 && getegid() == 0 ? DONE : geteuid() == STRANGER ? 1 : 2;
}

static void as_stranger(void *argument)
{
	abi_become(STRANGER, STRANGER);
	CHECK_EQ(status_of(path_of("program"), "root"), *(int *)argument);
}

static void no_rights_of_owners(void)
{
	int expected = 1;

	place_make(MS_NOSUID);
	abi_copy_self(path_of("program"), 06755);
	abi_in_child(as_stranger, &expected);
	place_change(0);
	expected = DONE;
	abi_in_child(as_stranger, &expected);
	place_remove();
}

/* ---- nodev ---- */

static void no_devices(void)
{
	struct stat state;

	place_make(MS_NODEV);
	if (mknod(path_of("zero"), S_IFCHR | 0666, makedev(1, 5)) != 0) {
		CHECK_EQ(errno, EPERM);
		place_remove();
		SKIP("no device can be made here");
	}
	CHECK_ERROR(open(path_of("zero"), O_RDONLY), EACCES);
	CHECK_ERROR(open(path_of("zero"), O_RDWR), EACCES);
	CHECK_ERROR(open(path_of("zero"), O_CREAT | O_RDONLY, 0600), EACCES);
	CHECK_OK(access(path_of("zero"), R_OK | W_OK));
	CHECK_OK(stat(path_of("zero"), &state));
	CHECK_EQ(state.st_rdev, makedev(1, 5));
	CHECK_OK(close(CHECK_OK(open(path_of("zero"), O_PATH))));
	CHECK_OK(mknod(path_of("fifo"), S_IFIFO | 0600, 0));
	CHECK_OK(close(CHECK_OK(open(path_of("fifo"), O_RDWR))));
	place_change(0);
	int fd = open(path_of("zero"), O_RDONLY);
	if (fd < 0) {
		/* A sandbox may forbid it whatever the mount says. */
		CHECK(!abi_in_samepage());
		place_remove();
		SKIP("no device can be opened here");
	}
	CHECK_EQ(read(fd, &state, 4), 4);
	place_change(MS_NODEV);
	CHECK_EQ(read(fd, &state, 4), 4);
	CHECK_OK(close(fd));
	place_remove();
}

const struct abi_case abi_cases[] = {
	CASE(no_programs, "noexec: execve and access(X_OK) are EACCES: execve(2), access(2)"),
	CASE(no_mapped_programs, "noexec: mmap is EPERM, mprotect EACCES: mmap(2), mprotect(2)"),
	CASE(no_rights_of_owners, "nosuid: set-id bits are ignored: execve(2), mount(2)"),
	CASE(no_devices, "nodev: open is EACCES: open(2), mount(2)"),
	HELPER("done", done_helper),
	HELPER("root", root_helper),
	CASES_END,
};
