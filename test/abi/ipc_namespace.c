// SPDX-License-Identifier: MIT
/*
 * IPC namespaces by descriptor: setns(2) to that of a pidfd's process, and what a file of
 * /proc/PID/ns is and is not. What a namespace holds is in shm_namespace.c.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KEY    0x5a3e0d00
#define NOBODY 65534

#define PIDFD_GET_IPC _IO(0xff, 2)

static int open_pid(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0 && errno == ENOSYS)
		SKIP("no pidfd_open here");
	return CHECK_OK(fd);
}

/* Linux before 5.8 takes no pidfd. */
static void set_namespace(int pidfd)
{
	if (setns(pidfd, CLONE_NEWIPC) && errno == EINVAL && !abi_in_samepage())
		SKIP("this kernel's setns takes no pidfd");
	CHECK_OK(setns(pidfd, CLONE_NEWIPC));
}

static void own_namespace(void)
{
	if (unshare(CLONE_NEWIPC))
		SKIP("no IPC namespaces here");
}

/* A process in a namespace of its own, where KEY is a segment's. */
static pid_t start_elsewhere(void)
{
	int ready[2];
	char c;

	CHECK_OK(pipe(ready));
	pid_t pid = CHECK_OK(fork());
	if (!pid) {
		own_namespace();
		CHECK_OK(shmget(KEY, 1, IPC_CREAT | 0600));
		CHECK_EQ(write(ready[1], "x", 1), 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		SKIP("no IPC namespaces here");
	close(ready[0]);
	return pid;
}

static void check_name(const char *path, const char *other, bool same)
{
	char a[64] = "", b[64] = "";

	CHECK_OK(readlink(path, a, sizeof(a) - 1));
	CHECK_OK(readlink(other, b, sizeof(b) - 1));
	CHECK_EQ(!strcmp(a, b), same);
}

static void by_pidfd(void)
{
	int before = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));
	int mine = open_pid(getpid());
	char path[64];

	set_namespace(mine);
	CHECK_ERROR(setns(mine, 0), EINVAL);
	CHECK_ERROR(setns(mine, 1), EINVAL);
	CHECK_ERROR(setns(mine, CLONE_NEWIPC | CLONE_SYSVSEM), EINVAL);
	CHECK_ERROR(setns(mine, CLONE_NEWIPC | CLONE_VM), EINVAL);
	pid_t pid = start_elsewhere();
	int pidfd = open_pid(pid);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	CHECK_OK(setns(pidfd, CLONE_NEWIPC));
	CHECK_OK(shmget(KEY, 0, 0));
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	check_name(path, "/proc/self/ns/ipc", true);
	CHECK_OK(setns(before, CLONE_NEWIPC));
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	/* A directory of /proc is no pidfd here. */
	snprintf(path, sizeof(path), "/proc/%d", pid);
	CHECK_ERROR(setns(CHECK_OK(open(path, O_RDONLY)), CLONE_NEWIPC), EINVAL);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
	CHECK_ERROR(setns(pidfd, CLONE_NEWIPC), ESRCH);
	CHECK_EQ(abi_wait(pid), SIGKILL);
	CHECK_ERROR(setns(pidfd, CLONE_NEWIPC), ESRCH);
	CHECK_ERROR(setns(pidfd, 0), EINVAL);
}

static void as_nobody(void *argument)
{
	const int *pidfds = argument;

	abi_become(NOBODY, NOBODY);
	CHECK_ERROR(setns(pidfds[0], CLONE_NEWIPC), EPERM);
	CHECK_ERROR(setns(pidfds[0], 0), EINVAL);
	CHECK_ERROR(setns(open_pid(getpid()), CLONE_NEWIPC), EPERM);
	CHECK_ERROR(setns(pidfds[1], CLONE_NEWIPC), ESRCH);
}

static void by_pidfd_unprivileged(void)
{
	pid_t pid = CHECK_OK(fork());
	int pidfds[2] = {open_pid(getpid())};

	if (!pid)
		_exit(0);
	pidfds[1] = open_pid(pid);
	CHECK_EQ(abi_wait(pid), 0);
	set_namespace(pidfds[0]);
	abi_in_child(as_nobody, pidfds);
}

static void asks_as_nobody(void *argument)
{
	abi_become(NOBODY, NOBODY);
	CHECK_ERROR(ioctl(*(int *)argument, PIDFD_GET_IPC, 0), EACCES);
}

static void file_of_pidfd(void)
{
	pid_t pid = start_elsewhere();
	int pidfd = open_pid(pid), before = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));
	char path[64], other[64];
	int fd = ioctl(pidfd, PIDFD_GET_IPC, 0);

	if (fd < 0 && errno == ENOTTY && !abi_in_samepage())
		SKIP("this kernel has no PIDFD_GET_IPC_NAMESPACE");
	CHECK_OK(fd);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	snprintf(other, sizeof(other), "/proc/self/fd/%d", fd);
	check_name(path, other, true);
	check_name("/proc/self/ns/ipc", other, false);
	CHECK_ERROR(ioctl(pidfd, PIDFD_GET_IPC, 1), EINVAL);
	CHECK_ERROR(ioctl(pidfd, TCGETS, 0), ENOTTY);
	abi_in_child(asks_as_nobody, &pidfd);
	CHECK_OK(kill(pid, SIGKILL));
	CHECK_OK(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
	CHECK_ERROR(ioctl(pidfd, PIDFD_GET_IPC, 0), ESRCH);
	CHECK_EQ(abi_wait(pid), SIGKILL);
	CHECK_ERROR(ioctl(pidfd, PIDFD_GET_IPC, 1), ESRCH);
	CHECK_OK(setns(fd, 0)); /* it lives as long as this file */
	CHECK_OK(shmget(KEY, 0, 0));
	CHECK_OK(setns(before, 0));
}

/* ---- the file ---- */

static void nobody_changes_it(void)
{
	static const char *path = "/proc/self/ns/ipc";
	int fd = CHECK_OK(open(path, O_RDONLY));
	struct stat status;
	char c;

	CHECK_ERROR(open(path, O_RDWR), EPERM);
	CHECK_ERROR(open(path, O_WRONLY), EPERM);
	CHECK_ERROR(open(path, O_RDONLY | O_TRUNC), EPERM);
	CHECK_ERROR(truncate(path, 0), EPERM);
	CHECK_ERROR(access(path, W_OK), EPERM);
	CHECK_ERROR(access(path, X_OK), EACCES);
	CHECK_OK(access(path, R_OK));
	CHECK_ERROR(fchmod(fd, 0444), EPERM);
	CHECK_ERROR(fchmod(fd, 0600), EPERM);
	CHECK_ERROR(fchown(fd, 0, 0), EPERM);
	CHECK_ERROR(chmod(path, 0600), EPERM);
	CHECK_ERROR(futimens(fd, NULL), EPERM);
	CHECK_ERROR(fsync(fd), EINVAL);
	CHECK_ERROR(fdatasync(fd), EINVAL);
	CHECK_ERROR(ftruncate(fd, 0), EINVAL);
	CHECK_ERROR(read(fd, &c, 1), EINVAL);
	CHECK_OK(fstat(fd, &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0444);
	close(fd);
}

/* ioctl_nsfs(2): questions to other kinds of namespaces. */
static void questions(void)
{
	int fd = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));
	uint64_t id = 0, other = 0;
	char text[64];

	CHECK_ERROR(ioctl(fd, _IO(0xb7, 4), text), EINVAL); /* NS_GET_OWNER_UID */
	CHECK_ERROR(ioctl(fd, _IO(0xb7, 2)), EINVAL);       /* NS_GET_PARENT */
	CHECK_ERROR(ioctl(fd, TCGETS, text), ENOTTY);
	CHECK_ERROR(ioctl(fd, _IO(0xb7, 100), text), ENOTTY);
	if (ioctl(fd, _IOR(0xb7, 13, uint64_t), &id))
		SKIP("this kernel has no NS_GET_ID");
	CHECK_ERROR(ioctl(fd, _IOR(0xb7, 5, uint64_t), &other), EINVAL); /* NS_GET_MNTNS_ID */
	for (unsigned i = 6; i < 10; i++) /* NS_GET_PID_FROM_PIDNS and its kin */
		CHECK_ERROR(ioctl(fd, _IOR(0xb7, i, int), 1), EINVAL);
	CHECK_ERROR(ioctl(fd, _IOR(0xb7, 13, uint64_t), 8), EFAULT);
	int again = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));
	CHECK_OK(ioctl(again, _IOR(0xb7, 13, uint64_t), &other));
	CHECK_EQ(id, other);
	own_namespace();
	int new = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));
	CHECK_OK(ioctl(new, _IOR(0xb7, 13, uint64_t), &other));
	CHECK(id != other);
	CHECK_OK(setns(fd, 0));
}

/* ---- files of /proc/sysvipc and its kin that are open for writing ---- */

static void writing_to_reports(void)
{
	static const char *paths[] = {"/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg",
				      "/proc/meminfo"};

	if (!abi_is_root())
		SKIP("needs root");
	for (int i = 0; i < 4; i++) {
		int fd = open(paths[i], O_RDWR | O_TRUNC);
		if (fd < 0)
			SKIP("/proc is not to be written to here");
		CHECK_ERROR(write(fd, "x", 1), EIO);
		CHECK_OK(ftruncate(fd, 0));
		CHECK_OK(ftruncate(fd, 100));
		CHECK_ERROR(fsync(fd), EINVAL);
		struct stat status;
		CHECK_OK(fstat(fd, &status));
		CHECK_EQ(status.st_size, 0);
		close(fd);
		CHECK_OK(truncate(paths[i], 10));
	}
	int directory = CHECK_OK(open("/proc/sysvipc", O_RDONLY | O_DIRECTORY));
	CHECK_ERROR(fsync(directory), EINVAL);
	close(directory);
}

static void places_in_reports(void)
{
	static const char *paths[] = {"/proc/sysvipc/shm", "/proc/sysvipc/sem",
				      "/proc/sysvipc/msg"};
	char text[8] = "";

	for (int i = 0; i < 3; i++) {
		int fd = CHECK_OK(open(paths[i], O_RDONLY));
		CHECK_ERROR(lseek(fd, 0, SEEK_END), EINVAL);
		CHECK_ERROR(lseek(fd, -1, SEEK_END), EINVAL);
		CHECK_ERROR(lseek(fd, 0, SEEK_DATA), EINVAL);
		CHECK_ERROR(lseek(fd, -1, SEEK_SET), EINVAL);
		CHECK_EQ(lseek(fd, 7, SEEK_SET), 7);
		CHECK_EQ(read(fd, text, 3), 3);
		CHECK(!memcmp(text, "key", 3));
		CHECK_EQ(lseek(fd, -3, SEEK_CUR), 7);
		CHECK_EQ(read(fd, text, 3), 3);
		CHECK_EQ(lseek(fd, 100000, SEEK_SET), 100000);
		CHECK_EQ(read(fd, text, 3), 0);
		close(fd);
	}
}

static void read_as_it_is(void)
{
	int ids[6], fd = CHECK_OK(open("/proc/sysvipc/shm", O_RDONLY)), lines = 0;
	char c;

	for (int i = 0; i < 6; i++)
		ids[i] = make_segment(100, 0600);
	CHECK_EQ(read(fd, &c, 1), 1);
	remove_segment(ids[4]);
	int late = make_segment(100, 0600);
	while (read(fd, &c, 1) == 1)
		lines += c == '\n';
	CHECK_EQ(lines, 1 + 6);
	remove_segment(late);
	CHECK_OK(lseek(fd, 0, SEEK_SET));
	CHECK_EQ(read(fd, &c, 1), 1);
	for (int i = 0; i < 6; i++)
		if (i != 4)
			remove_segment(ids[i]);
	for (lines = 0; read(fd, &c, 1) == 1; lines += c == '\n')
		;
	CHECK_EQ(lines, 1);
	/* What the last read has left over, and more. */
	char text[256];
	int id = make_segment(100, 0600);
	CHECK_EQ(pread(fd, text, 10, 0), 10);
	CHECK_EQ(pread(fd, text, 200, 10), 200);
	CHECK(memchr(text, '\n', 200));
	remove_segment(id);
	close(fd);
}

const struct abi_case abi_cases[] = {
	CASE(by_pidfd, "a pidfd's process leads to its namespace, while it lives: setns(2)"),
	CASE(by_pidfd_unprivileged, "EPERM for who may not; ESRCH comes before it: setns(2)"),
	CASE(file_of_pidfd, "PIDFD_GET_IPC_NAMESPACE opens it: observed"),
	CASE(nobody_changes_it, "a namespace's file: EPERM for any change, root's too: observed"),
	CASE(questions, "ENOTTY, EINVAL for another kind's, NS_GET_ID: ioctl_nsfs(2), observed"),
	CASE(writing_to_reports, "open for writing, EIO at the write; no size, no fsync: observed"),
	CASE(read_as_it_is, "/proc/sysvipc shows what is there when a line is reached: observed"),
	CASE(places_in_reports, "/proc/sysvipc has no end to seek from: observed"),
	CASES_END,
};
