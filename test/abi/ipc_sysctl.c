// SPDX-License-Identifier: MIT
/*
 * The files of /proc/sys/kernel that hold settings of System V IPC, as files: whose settings they
 * are, who may write, what one read or write is. What each setting takes is in shm_sysctl.c and
 * sem_settings.c.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETTINGS "/proc/sys/kernel/"
#define NOBODY   65534

static int open_setting(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EROFS))
		SKIP("settings cannot be changed here");
	return CHECK_OK(fd);
}

static void own_namespace(void)
{
	if (unshare(CLONE_NEWIPC))
		SKIP("no IPC namespaces here");
}

static void check_reads(int fd, const char *expected)
{
	char text[64];
	long length = CHECK_OK(pread(fd, text, sizeof(text) - 1, 0));

	text[length] = 0;
	if (strcmp(text, expected))
		abi_fail(__FILE__, __LINE__, "reads %s, not %s", text, expected);
}

static void check_setting(const char *name, const char *expected)
{
	int fd = open_setting(name);

	check_reads(fd, expected);
	close(fd);
}

/* ---- whose settings ---- */

static const struct {
	const char *name, *set, *is, *at_first;
} ones[] = {
	{"shmmni", "88", "88\n", "4096\n"},
	{"shmmax", "0x100", "256\n", "18446744073692774399\n"},
	{"msgmax", "89", "89\n", "8192\n"},
	{"sem", "90", "90\t1024000000\t500\t32000\n", "32000\t1024000000\t500\t32000\n"},
};
#define ONES 4

static void namespace_of_the_open(void)
{
	int fds[ONES], before = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));

	own_namespace();
	for (int i = 0; i < ONES; i++)
		fds[i] = open_setting(ones[i].name);
	int mine = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));
	own_namespace();
	for (int i = 0; i < ONES; i++) {
		CHECK_EQ(write(fds[i], ones[i].set, strlen(ones[i].set)), strlen(ones[i].set));
		check_reads(fds[i], ones[i].is);
		check_setting(ones[i].name, ones[i].at_first);
	}
	CHECK_OK(setns(mine, 0));
	for (int i = 0; i < ONES; i++)
		check_setting(ones[i].name, ones[i].is);
	CHECK_OK(setns(before, 0));
}

/* Linux takes a namespace down a moment after its last user has gone. */
static void wait_until_gone(int fd)
{
	char c;

	for (int i = 0; i < 10000 && pread(fd, &c, 1, 0) == 1; i++)
		abi_sleep_ms(1);
	CHECK_ERROR(pread(fd, &c, 1, 0), ENOENT);
}

static void gone_with_the_namespace(void)
{
	int before = CHECK_OK(open("/proc/self/ns/ipc", O_RDONLY));

	own_namespace();
	int one = open_setting("shmmni"), other = open_setting("sem");
	int keeper = CHECK_OK(open("/proc/sysvipc/shm", O_RDONLY));
	CHECK_OK(setns(before, 0));
	abi_sleep_ms(20);
	check_reads(one, "4096\n");
	CHECK_OK(close(keeper));
	wait_until_gone(one);
	wait_until_gone(other);
	CHECK_ERROR(pwrite(one, "5", 1, 0), ENOENT);
	CHECK_ERROR(pwrite(other, "5", 1, 0), ENOENT);
	CHECK_OK(close(one));
	CHECK_OK(close(other));
}

/* ---- who may write ---- */

static void set_capabilities(uint64_t effective, uint64_t permitted)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)effective, .permitted = (uint32_t)permitted},
		{.effective = (uint32_t)(effective >> 32),
		 .permitted = (uint32_t)(permitted >> 32)},
	};

	if (syscall(SYS_capset, &header, data))
		SKIP("needs capabilities");
}

static void as_somebody_else(void *argument)
{
	const int *fds = argument;

	abi_become(NOBODY, NOBODY);
	CHECK_ERROR(pwrite(fds[0], "99", 2, 0), EPERM);
	CHECK_ERROR(pwrite(fds[0], "99", 2, 1), EPERM);
	CHECK_ERROR(pwrite(fds[0], "x", 1, 0), EPERM);
	CHECK_ERROR(pwrite(fds[1], "99", 2, 0), EPERM);
	check_reads(fds[0], "4096\n");
}

static void as_root_alone(void *argument)
{
	const int *fds = argument;

	set_capabilities(0, 0);
	CHECK_EQ(pwrite(fds[0], "98", 2, 0), 2);
	CHECK_EQ(pwrite(fds[0], "4096", 4, 0), 4);
	CHECK_ERROR(pwrite(fds[1], "99", 2, 0), EPERM);
}

static void rights_at_each_write(void)
{
	int fds[2] = {open_setting("shmmni")};

	if (access(SETTINGS "shm_next_id", F_OK))
		SKIP("this kernel was built without shm_next_id");
	fds[1] = open_setting("shm_next_id");
	check_reads(fds[0], "4096\n");
	abi_in_child(as_somebody_else, fds);
	abi_in_child(as_root_alone, fds);
	check_reads(fds[0], "4096\n");
	check_reads(fds[1], "-1\n");
}

#define RESTORE (1ull << 40) /* CAP_CHECKPOINT_RESTORE */

/* access(2) asks for the real user: without what it can do unless it is root, with all of it then. */
static void access_of_a_capable_user(void *argument)
{
	(void)argument;
	CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
	if (setresuid(NOBODY, NOBODY, NOBODY))
		SKIP("needs to change its user: run as root");
	set_capabilities(RESTORE, RESTORE);
	CHECK_OK(close(CHECK_OK(open(SETTINGS "shm_next_id", O_WRONLY))));
	CHECK_ERROR(access(SETTINGS "shm_next_id", W_OK), EACCES);
	CHECK_OK(access(SETTINGS "shm_next_id", R_OK));
}

static void access_of_an_incapable_root(void *argument)
{
	(void)argument;
	set_capabilities(0, RESTORE);
	CHECK_ERROR(open(SETTINGS "shm_next_id", O_WRONLY), EACCES);
	CHECK_OK(access(SETTINGS "shm_next_id", W_OK));
	CHECK_OK(access(SETTINGS "shmmni", W_OK));
}

static void access_of_next_ids(void)
{
	if (access(SETTINGS "shm_next_id", F_OK))
		SKIP("this kernel was built without shm_next_id");
	if (!abi_is_root())
		SKIP("needs root");
	abi_in_child(access_of_a_capable_user, NULL);
	abi_in_child(access_of_an_incapable_root, NULL);
}

/* ---- what one read and one write is ---- */

static void one_read(void)
{
	int fd = open_setting("shmmni");
	char text[8], *volatile nowhere = (char *)8;

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(read(fd, text, 0), 0);
		CHECK_EQ(read(fd, text, 1), 1);
		CHECK_EQ(text[0], '4');
		CHECK_EQ(read(fd, text, 8), 0);
		CHECK_EQ(pread(fd, text, 8, 2), 0);
		CHECK_EQ(pread(fd, text, 3, 0), 3);
		CHECK_OK(lseek(fd, 0, SEEK_SET));
	}
	CHECK_EQ(read(fd, text, 8), 5);
	CHECK_EQ(read(fd, text, 8), 0);
	CHECK_ERROR(pread(fd, nowhere, 8, 0), EFAULT);
	CHECK_EQ(pread(fd, nowhere, 8, 1), 0);
	close(fd);
}

/* A number between blanks, or NULL: EINVAL. */
static void check_blanks(int fd, size_t before, const char *number, size_t after, bool good)
{
	size_t length = before + strlen(number) + after;
	char *text = malloc(length);

	memset(text, ' ', length);
	memcpy(text + before, number, strlen(number));
	if (good)
		CHECK_EQ(pwrite(fd, text, length, 0), length);
	else
		CHECK_ERROR(pwrite(fd, text, length, 0), EINVAL);
	free(text);
}

static void long_writes(void)
{
	int fd = open_setting("shmmni");

	check_blanks(fd, 500, "7", 0, true);
	check_reads(fd, "7\n");
	check_blanks(fd, 4094, "8", 0, true);
	check_reads(fd, "8\n");
	check_blanks(fd, 4095, "9", 0, false);
	check_blanks(fd, 0, "10", 5000, true);
	check_reads(fd, "10\n");
	check_blanks(fd, 4094, "11", 0, true); /* only the first byte of it is looked at */
	check_reads(fd, "1\n");
	CHECK_EQ(pwrite(fd, "4096", 4, 0), 4);
	close(fd);
}

static void long_numbers(void)
{
	int fd = open_setting("shmmni"), sem = open_setting("sem");

	CHECK_EQ(pwrite(fd, "00000000000000000012", 20, 0), 20); /* octal */
	check_reads(fd, "10\n");
	CHECK_ERROR(pwrite(fd, "000000000000000000012", 21, 0), EINVAL);
	CHECK_EQ(pwrite(fd, "-0000000000000000000", 20, 0), 20);
	CHECK_ERROR(pwrite(fd, "-00000000000000000000", 21, 0), EINVAL);
	CHECK_EQ(pwrite(fd, "0x00000000000000000c 7", 22, 0), 21);
	check_reads(fd, "12\n");
	CHECK_ERROR(pwrite(fd, "0x000000000000000000d", 21, 0), EINVAL);
	CHECK_EQ(pwrite(fd, "\r\v\f13", 5, 0), 5);
	check_reads(fd, "13\n");
	CHECK_ERROR(pwrite(fd, "14\r", 3, 0), EINVAL);
	CHECK_EQ(pwrite(sem, "0x10 020 7 9", 12, 0), 12);
	check_reads(sem, "16\t16\t7\t9\n");
	CHECK_EQ(pwrite(sem, "32000 1024000000 500 32000", 26, 0), 26);
	CHECK_EQ(pwrite(fd, "4096", 4, 0), 4);
	close(fd);
	close(sem);
}

/* ---- many at once ---- */

static int racing;

static void *write_numbers(void *argument)
{
	int fd = open_setting(argument);
	char text[32];

	for (int i = 1; i < 2000; i++) {
		int length = snprintf(text, sizeof(text), "%d\n", 1000 + i);
		CHECK_EQ(pwrite(fd, text, (size_t)length, 0), length);
		check_reads(fd, text);
	}
	close(fd);
	__atomic_sub_fetch(&racing, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void writers_of_different_settings(void)
{
	static const char *names[] = {"shmmax", "shmall", "shmmni"};
	bool wish = !access(SETTINGS "shm_next_id", W_OK);
	pthread_t threads[3];

	racing = 3;
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_create(&threads[i], NULL, write_numbers, (void *)names[i]), 0);
	int fd = wish ? open_setting("shm_next_id") : -1;
	while (wish && __atomic_load_n(&racing, __ATOMIC_ACQUIRE)) {
		CHECK_EQ(pwrite(fd, "17", 2, 0), 2);
		int id = make_segment(1, 0600);
		CHECK_EQ(id, 17);
		for (int i = 0; i < 5; i++)
			check_reads(fd, "-1\n");
		remove_segment(id);
	}
	for (int i = 0; i < 3; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	for (int i = 0; i < 2; i++) {
		int limit = open_setting(names[i]);
		CHECK_EQ(write(limit, "18446744073692774399", 20), 20);
		close(limit);
	}
	fd = open_setting("shmmni");
	CHECK_EQ(write(fd, "4096", 4), 4);
}

const struct abi_case abi_cases[] = {
	CASE(namespace_of_the_open,
	     "settings belong to the namespace in which the file was opened: observed"),
	CASE(gone_with_the_namespace,
	     "they do not keep it; ENOENT when it is gone, and /proc/sysvipc keeps it: observed"),
	CASE(rights_at_each_write,
	     "EPERM at the write for who might not open it, by the effective user: observed"),
	CASE(access_of_next_ids, "access of shm_next_id asks for the real user: access(2)"),
	CASE(one_read, "a read gives all from the start, and nothing from elsewhere: observed"),
	CASE(long_writes, "any blanks, but nothing after 4,095 bytes is looked at: observed"),
	CASE(long_numbers, "a number has 20 characters at most: observed"),
	CASE(writers_of_different_settings,
	     "who writes one setting changes no other: proc_sys_kernel(5)"),
	CASES_END,
};
