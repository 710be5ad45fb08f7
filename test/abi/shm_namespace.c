// SPDX-License-Identifier: MIT
/* IPC namespaces and shared memory: ipc_namespaces(7), unshare(2), clone(2), setns(2). */

#include "shm_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define KEY             0x5a3e0a00
#define NS_GET_NSTYPE_  0xb703
#define OTHER_NAMESPACE (CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWPID | CLONE_NEWCGROUP)

/* In the child that runs a case: away from where we were. */
static void leave(void)
{
	if (unshare(CLONE_NEWIPC))
		SKIP("cannot make an IPC namespace");
}

/* What a link of /proc says, as "ipc:[NUMBER]". */
static void link_text(const char *path, char text[64])
{
	long length = CHECK_OK(readlink(path, text, 63));

	text[length] = 0;
	CHECK(!strncmp(text, "ipc:[", 5) && text[length - 1] == ']');
}

static int open_namespace(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		SKIP("this kernel has no files for namespaces");
	return fd;
}

static void write_setting(const char *name, const char *text)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		SKIP("settings cannot be changed here");
	CHECK_OK(write(fd, text, strlen(text)));
	close(fd);
}

static long setting(const char *name)
{
	char path[64], text[64] = {0};

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	int fd = CHECK_OK(open(path, O_RDONLY));
	CHECK_OK(read(fd, text, 63));
	close(fd);
	return atol(text);
}

static long used_ids(void)
{
	struct shm_info totals;

	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	return totals.used_ids;
}

static void empty_at_first_in_child(void *argument)
{
	int id = *(int *)argument;
	struct shmid_ds ds;

	leave();
	CHECK_EQ(used_ids(), 0);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(shmat(id, NULL, 0), EINVAL);
	CHECK_ERROR(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	/* Its own ids begin again, and its own keys. */
	int own = CHECK_OK(shmget(KEY, 2 * PAGE, IPC_CREAT | IPC_EXCL | 0600));
	CHECK_EQ(own, 0);
	CHECK_EQ(used_ids(), 1);
	CHECK_OK(shmdt(attach(own, 0)));
}

static void empty_at_first(void)
{
	int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));

	abi_in_child(empty_at_first_in_child, &id);
	CHECK_EQ(used_ids(), 1);
	CHECK_EQ(stat_segment(id).shm_segsz, PAGE);
	remove_segment(id);
}

static void limits_in_child(void *argument)
{
	(void)argument;
	leave();
	CHECK_EQ(setting("shmmni"), 4096);
	CHECK_EQ(setting("shm_rmid_forced"), 0);
	write_setting("shmmni", "1");
	write_setting("shmall", "5");
	write_setting("shm_rmid_forced", "1");
	CHECK_ERROR(shmget(IPC_PRIVATE, 6 * PAGE, 0600), ENOSPC);
	make_segment(PAGE, 0600);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
}

static void own_limits(void)
{
	write_setting("shmmni", "77");
	abi_in_child(limits_in_child, NULL);
	CHECK_EQ(setting("shmmni"), 77);
	CHECK_EQ(setting("shm_rmid_forced"), 0);
	int id = make_segment(6 * PAGE, 0600), other = make_segment(PAGE, 0600);
	remove_segment(id);
	remove_segment(other);
	write_setting("shmmni", "4096");
}

static void own_report_in_child(void *argument)
{
	char text[4096] = {0};

	(void)argument;
	int before = CHECK_OK(open("/proc/sysvipc/shm", O_RDONLY));
	leave();
	int after = CHECK_OK(open("/proc/sysvipc/shm", O_RDONLY));
	long length = CHECK_OK(read(after, text, sizeof(text) - 1));
	CHECK_EQ(text[length - 1], '\n');
	CHECK(strchr(text, '\n') == text + length - 1); /* the headline only */
	/* What was opened there shows what is there. */
	memset(text, 0, sizeof(text));
	CHECK_OK(read(before, text, sizeof(text) - 1));
	CHECK(strstr(text, " 12345 "));
	close(before);
	close(after);
}

static void own_report(void)
{
	int id = make_segment(12345, 0600);

	abi_in_child(own_report_in_child, NULL);
	remove_segment(id);
}

static void attached_survives_in_child(void *argument)
{
	char *p = argument;
	struct shmid_ds ds;

	leave();
	int id = make_segment(PAGE, 0600);
	char *q = attach(id, 0);
	p[0] = 1; /* attached in the old one: still there */
	leave();  /* nobody is in the middle one now: its segment is gone but for our attach */
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	q[5] = 6;
	CHECK_EQ(q[5], 6);
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		CHECK_EQ(q[5], 6);
		q[5] = 7;
		_exit(0);
	}
	abi_join(pid);
	CHECK_EQ(q[5], 7);
	CHECK_OK(shmdt(q));
	CHECK_ERROR(shmdt(q), EINVAL);
	CHECK_OK(shmdt(p));
}

static void attached_survives(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	abi_in_child(attached_survives_in_child, p);
	CHECK_EQ(p[0], 1);
	CHECK_EQ(attachments(id), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static char child_stack[65536] __attribute__((aligned(64)));

static int in_clone(void *argument)
{
	CHECK_EQ(used_ids(), 0);
	CHECK_ERROR(shmat(*(int *)argument, NULL, 0), EINVAL);
	CHECK_EQ(make_segment(PAGE, 0600), 0);
	return 0;
}

static void clone_makes_one(void)
{
	int status, id = make_segment(PAGE, 0600);
	pid_t pid = clone(in_clone, child_stack + sizeof(child_stack), CLONE_NEWIPC | SIGCHLD, &id);

	if (pid < 0)
		SKIP("cannot make an IPC namespace");
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_EQ(used_ids(), 1);
	remove_segment(id);
}

static void names(void)
{
	char mine[64], other[64], path[64], text[64];
	struct stat by_link, by_file;

	if (access("/proc/self/ns/ipc", F_OK))
		SKIP("this kernel has no files for namespaces");
	link_text("/proc/self/ns/ipc", mine);
	link_text("/proc/thread-self/ns/ipc", other);
	CHECK(!strcmp(mine, other));
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", getpid());
	link_text(path, other);
	CHECK(!strcmp(mine, other));
	snprintf(path, sizeof(path), "/proc/self/task/%d/ns/ipc", getpid());
	link_text(path, other);
	CHECK(!strcmp(mine, other));
	/* The number is the inode's. */
	CHECK_OK(stat("/proc/self/ns/ipc", &by_link));
	snprintf(text, sizeof(text), "ipc:[%lu]", (unsigned long)by_link.st_ino);
	CHECK(!strcmp(mine, text));
	int fd = open_namespace("/proc/self/ns/ipc");
	CHECK_OK(fstat(fd, &by_file));
	CHECK_EQ(by_file.st_ino, by_link.st_ino);
	CHECK_EQ(by_file.st_dev, by_link.st_dev);
	CHECK_EQ(by_file.st_mode, S_IFREG | 0444);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	link_text(path, other);
	CHECK(!strcmp(mine, other));
	CHECK_ERROR(read(fd, text, 1), EINVAL);
	CHECK_EQ(ioctl(fd, NS_GET_NSTYPE_), CLONE_NEWIPC);
	close(fd);
}

static void a_new_name_in_child(void *argument)
{
	char before[64], after[64], parent[64], path[64];

	(void)argument;
	link_text("/proc/self/ns/ipc", before);
	leave();
	link_text("/proc/self/ns/ipc", after);
	CHECK(strcmp(before, after));
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", getppid());
	link_text(path, parent);
	CHECK(!strcmp(before, parent));
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		link_text("/proc/self/ns/ipc", before);
		CHECK(!strcmp(before, after)); /* fork stays in it */
		_exit(0);
	}
	abi_join(pid);
}

static void a_new_name(void)
{
	abi_in_child(a_new_name_in_child, NULL);
}

static void go_and_come_back_in_child(void *argument)
{
	int id = *(int *)argument;
	int home = open_namespace("/proc/self/ns/ipc");

	leave();
	int away = open_namespace("/proc/self/ns/ipc");
	int own = make_segment(3 * PAGE, 0600);
	CHECK_OK(setns(home, CLONE_NEWIPC));
	CHECK_EQ(stat_segment(id).shm_segsz, PAGE);
	/* Kept by the file alone. */
	CHECK_OK(setns(away, 0));
	CHECK_EQ(stat_segment(own).shm_segsz, 3 * PAGE);
	char *p = attach(own, 0);
	CHECK_OK(setns(home, 0));
	p[0] = 1;
	CHECK_EQ(stat_segment(id).shm_nattch, 0);
	CHECK_OK(setns(away, CLONE_NEWIPC));
	CHECK_EQ(stat_segment(own).shm_nattch, 1);
	CHECK_OK(shmdt(p));
	close(away);
	close(home);
}

static void go_and_come_back(void)
{
	int id = make_segment(PAGE, 0600);

	abi_in_child(go_and_come_back_in_child, &id);
	CHECK_EQ(used_ids(), 1);
	remove_segment(id);
}

static void join_a_child_in_child(void *argument)
{
	int ready[2], go[2];
	char path[64], byte;

	(void)argument;
	CHECK_OK(pipe(ready));
	CHECK_OK(pipe(go));
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		close(go[1]);
		leave();
		int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
		strcpy(attach(id, 0), "hello");
		CHECK_EQ(write(ready[1], "r", 1), 1);
		_exit(read(go[0], &byte, 1) != 0);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		SKIP("cannot make an IPC namespace");
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", pid);
	int fd = open_namespace(path);
	CHECK_OK(setns(fd, CLONE_NEWIPC));
	close(fd);
	char *p = attach(CHECK_OK(shmget(KEY, 0, 0)), SHM_RDONLY);
	CHECK(!strcmp(p, "hello"));
	close(go[1]);
	abi_join(pid);
	CHECK_EQ(attachments(CHECK_OK(shmget(KEY, 0, 0))), 1); /* we are in it: it stays */
}

static void join_a_child(void)
{
	abi_in_child(join_a_child_in_child, NULL);
}

static void bad_setns(void)
{
	int fd = open_namespace("/proc/self/ns/ipc"), ends[2];
	int path_only = CHECK_OK(open("/proc/self/ns/ipc", O_PATH));

	CHECK_OK(pipe(ends));
	CHECK_ERROR(setns(-1, 0), EBADF);
	CHECK_ERROR(setns(999, CLONE_NEWIPC), EBADF);
	CHECK_ERROR(setns(ends[0], 0), EINVAL);
	CHECK_ERROR(setns(ends[0], CLONE_NEWIPC), EINVAL);
	CHECK_ERROR(setns(fd, CLONE_NEWNET), EINVAL);
	CHECK_ERROR(setns(fd, CLONE_NEWIPC | CLONE_NEWNET), EINVAL);
	CHECK_ERROR(setns(fd, 1), EINVAL);
	CHECK_ERROR(setns(path_only, 0), EBADF);
	close(fd);
	close(path_only);
}

static void unprivileged_in_child(void *argument)
{
	int fd = *(int *)argument;

	abi_become(65534, 65534);
	CHECK_ERROR(unshare(CLONE_NEWIPC), EPERM);
	CHECK_ERROR(setns(fd, 0), EPERM);
	CHECK_ERROR(setns(fd, CLONE_NEWNET), EINVAL); /* before that */
	CHECK_ERROR(syscall(SYS_clone, CLONE_NEWIPC | SIGCHLD, 0, 0, 0, 0), EPERM);
	/* Flags that need others come before that, CLONE_SYSVSEM after it. */
	CHECK_ERROR(syscall(SYS_clone, CLONE_NEWIPC | CLONE_THREAD, 0, 0, 0, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SIGHAND, 0, 0, 0, 0), EINVAL);
	CHECK_ERROR(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0), EPERM);
	CHECK_OK(unshare(0));
	CHECK_OK(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
}

static void unprivileged(void)
{
	int fd = open_namespace("/proc/self/ns/ipc");

	abi_in_child(unprivileged_in_child, &fd);
	close(fd);
}

static void bad_unshare(void)
{
	CHECK_OK(unshare(0));
	CHECK_ERROR(unshare(CLONE_PARENT), EINVAL);
	CHECK_ERROR(unshare(CLONE_NEWIPC | CLONE_SETTLS), EINVAL);
	CHECK_ERROR(unshare(SIGCHLD), EINVAL);
	CHECK_ERROR(syscall(SYS_clone, CLONE_NEWIPC | CLONE_SYSVSEM | SIGCHLD, 0, 0, 0, 0), EINVAL);
}

static void no_other_kinds(void)
{
	if (!abi_in_samepage())
		SKIP("this Linux may have them");
	CHECK_ERROR(unshare(CLONE_NEWUSER), EINVAL);
	CHECK_ERROR(unshare(CLONE_NEWIPC | CLONE_NEWUSER), EINVAL);
	for (int bit = 0; bit < 32; bit++) {
		if (!((OTHER_NAMESPACE | CLONE_NEWNS) & 1u << bit))
			continue;
		CHECK_ERROR(unshare((int)(1u << bit)), EINVAL);
		CHECK_ERROR(syscall(SYS_clone, 1ul << bit | SIGCHLD, 0, 0, 0, 0), EINVAL);
	}
	CHECK_ERROR(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK(access("/proc/self/ns/user", F_OK) != 0);
}

static void *leave_in_thread(void *argument)
{
	*(bool *)argument = unshare(CLONE_NEWIPC) == 0;
	if (*(bool *)argument)
		CHECK_EQ(used_ids(), 0);
	return NULL;
}

static void of_a_thread(void)
{
	int id = make_segment(PAGE, 0600);
	pthread_t thread;
	bool done;

	CHECK_EQ(pthread_create(&thread, NULL, leave_in_thread, &done), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	CHECK_EQ(used_ids(), 1); /* the others stay where they are */
	remove_segment(id);
	if (!done)
		SKIP("cannot make an IPC namespace");
}

static void orphans_in_child(void *argument)
{
	struct shmid_ds ds;
	int home = open_namespace("/proc/self/ns/ipc");

	(void)argument;
	write_setting("shm_rmid_forced", "1");
	int id = make_segment(PAGE, 0600);
	leave(); /* leaving for a new one ends what the creator keeps */
	CHECK_OK(setns(home, 0));
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	id = make_segment(PAGE, 0600);
	int other = CHECK_OK(dup(home));
	leave();
	CHECK_OK(setns(other, 0));
	write_setting("shm_rmid_forced", "0");
}

static void orphans(void)
{
	abi_in_child(orphans_in_child, NULL);
	CHECK_EQ(used_ids(), 0);
}

static void kept_by_setns_in_child(void *argument)
{
	int *id = argument;
	int home = open_namespace("/proc/self/ns/ipc");

	leave();
	int away = open_namespace("/proc/self/ns/ipc");
	CHECK_OK(setns(home, 0));
	write_setting("shm_rmid_forced", "1");
	id[0] = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
	CHECK_OK(setns(away, 0)); /* but entering one that is there does not */
	CHECK_OK(setns(home, 0));
	CHECK_EQ(attachments(id[0]), 0);
	CHECK_OK(setns(away, 0));
	/* The end in another namespace does. */
}

static void kept_by_setns(void)
{
	int id[1];

	abi_in_child(kept_by_setns_in_child, id);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	write_setting("shm_rmid_forced", "0");
}

static void fill_and_end(void *argument)
{
	(void)argument;
	leave();
	for (int i = 0; i < 20; i++) {
		int id = CHECK_OK(shmget(KEY + i, 64 * PAGE, IPC_CREAT | 0600));
		char *p = attach(id, 0);
		memset(p, 1, 64 * PAGE);
		if (i % 2)
			CHECK_OK(shmdt(p));
	}
}

static void memory_comes_back(void)
{
	uint64_t before = 0;

	abi_samepage_frames();
	for (int round = 0; round < 8; round++) {
		abi_in_child(fill_and_end, NULL);
		if (round == 3)
			before = abi_samepage_frames();
	}
	/* Twenty segments of 64 pages each: what is lost would be 5,000 frames. */
	CHECK(abi_samepage_frames() + 32 >= before);
}

static void many_in_child(void *argument)
{
	(void)argument;
	for (int i = 0; i < 200; i++) {
		leave();
		CHECK_EQ(make_segment(PAGE, 0600), 0);
	}
}

static void many(void)
{
	abi_in_child(many_in_child, NULL);
}

const struct abi_case abi_cases[] = {
	CASE(empty_at_first, "a new namespace has its own ids, keys, totals: ipc_namespaces(7)"),
	CASE(own_limits, "and its own limits and switches: ipc_namespaces(7)"),
	CASE(own_report, "/proc/sysvipc/shm shows the one where it was opened: observed"),
	CASE(attached_survives, "an attach outlives the namespace: observed"),
	CASE(clone_makes_one, "CLONE_NEWIPC: clone(2)"),
	CASE(names, "/proc/PID/ns/ipc: text, inode, type: namespaces(7), ioctl_ns(2)"),
	CASE(a_new_name, "each namespace has its own name, which fork keeps: namespaces(7)"),
	CASE(go_and_come_back, "an open file keeps a namespace: namespaces(7)"),
	CASE(join_a_child, "setns to a child's; the last to leave destroys it: setns(2)"),
	CASE(bad_setns, "EBADF, EINVAL: setns(2)"),
	CASE(unprivileged, "CAP_SYS_ADMIN is needed: unshare(2), setns(2), clone(2)"),
	CASE(bad_unshare, "EINVAL for other flags: unshare(2), clone(2)"),
	CASE(no_other_kinds, "other kinds: EINVAL as without them: unshare(2)"),
	CASE(of_a_thread, "a namespace is the thread's: namespaces(7), observed"),
	CASE(orphans, "unshare orphans what the thread had made: observed"),
	CASE(kept_by_setns, "setns does not, the thread's end elsewhere does: observed"),
	CASE(memory_comes_back, "the last process frees everything: ipc_namespaces(7)"),
	CASE(many, "two hundred, one after the other: unshare(2)"),
	CASES_END,
};
