// SPDX-License-Identifier: MIT
/*
 * What may be written to /proc/sys/kernel/shm*, and shm_rmid_forced with the
 * thread that made a segment. On Linux the settings are those of this program's
 * own IPC namespace.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SETTINGS "/proc/sys/kernel/"
#define KEY      0x5a3e0900

static int open_setting(const char *name, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	return open(path, flags);
}

/* What write(2) gives: a length or -1 with errno. */
static long write_setting(const char *name, const char *text, size_t length)
{
	int fd = open_setting(name, O_WRONLY);

	if (fd < 0)
		SKIP("settings cannot be changed here");
	long result = write(fd, text, length);
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

static void set(const char *name, const char *text)
{
	CHECK_OK(write_setting(name, text, strlen(text)));
}

static void get(const char *name, char text[64])
{
	int fd = CHECK_OK(open_setting(name, O_RDONLY));
	long length = CHECK_OK(read(fd, text, 63));

	close(fd);
	text[length] = 0;
}

struct written {
	const char *text;
	const char *number; /* what it sets, as it reads back; NULL: EINVAL */
};

static void try_all(const char *name, const char *first, const struct written *written)
{
	char text[64], expected[64], last[64];

	set(name, first);
	snprintf(last, sizeof(last), "%s\n", first);
	for (; written->text; written++) {
		long result = write_setting(name, written->text, strlen(written->text));
		bool good = written->number != NULL;
		if ((result < 0) == good || (!good && errno != EINVAL))
			abi_fail(__FILE__, __LINE__, "%s: '%s' gave %ld, %s", name, written->text,
				 result, abi_error(errno));
		if (good) {
			snprintf(expected, sizeof(expected), "%s\n", written->number);
			strcpy(last, expected);
		}
		get(name, text);
		if (strcmp(text, last))
			abi_fail(__FILE__, __LINE__, "%s: '%s' set %s", name, written->text, text);
	}
}

#define FORMS                                                                                      \
	{"5", "5"}, {" 6", "6"}, {"\t7\n", "7"}, {"4096\n\n", "4096"}, {"0x10", "16"},             \
		{"010", "8"}, {"0", "0"}, {"5 6", "5"}, {"5x", NULL}, {"08", NULL}, {"0x", NULL},  \
		{"+5", NULL}, {"-5", NULL}, {"-1", NULL}, {"\n", NULL}, {" ", NULL},               \
		{"5,6", NULL}, {"x", NULL}, {"18446744073709551616", NULL},                        \
	{                                                                                          \
		"99999999999999999999999", NULL                                                    \
	}

static void sizes(void)
{
	static const struct written written[] = {
		FORMS,
		{"18446744073709551615", "18446744073709551615"},
		{"4294967296", "4294967296"},
		{"0xffffffffffffffff", "18446744073709551615"},
		{"-0", NULL},
		{NULL, NULL},
	};

	try_all("shmmax", "1", written);
	try_all("shmall", "1", written);
}

static void counts(void)
{
	static const struct written written[] = {
		FORMS,        {"-0", "0"},          {"32768", "32768"},   {"16777217", NULL},
		{"-3", NULL}, {"2147483648", NULL}, {"4294967295", NULL}, {"4294967297", NULL},
		{NULL, NULL},
	};

	try_all("shmmni", "1", written);
}

static void switches(void)
{
	static const struct written written[] = {
		{"1", "1"}, {"0", "0"},    {"0x1", "1"}, {"2", NULL}, {"-1", NULL},
		{"", "1"},  {"01\n", "1"}, {"-0", "0"},  {"x", NULL}, {NULL, NULL},
	};

	try_all("shm_rmid_forced", "0", written);
	if (!access(SETTINGS "shm_attach_removed", F_OK))
		try_all("shm_attach_removed", "1", written);
}

static void wished_ids(void)
{
	static const struct written written[] = {
		FORMS,        {"-0", "0"}, {"2147483647", "2147483647"}, {"2147483648", NULL},
		{NULL, NULL},
	};

	if (access(SETTINGS "shm_next_id", F_OK))
		SKIP("this kernel was built without shm_next_id");
	try_all("shm_next_id", "7", written);
}

static void not_from_the_middle(void)
{
	char text[64];
	int fd;

	set("shmmni", "50");
	fd = CHECK_OK(open_setting("shmmni", O_RDWR));
	CHECK_EQ(pwrite(fd, "60", 2, 1), 2); /* taken for the rest of an earlier write */
	get("shmmni", text);
	CHECK(!strcmp(text, "50\n"));
	CHECK_EQ(write(fd, "70\n", 3), 3);
	CHECK_EQ(write(fd, "80\n", 3), 3);
	close(fd);
	get("shmmni", text);
	CHECK(!strcmp(text, "70\n"));
}

/* Only behind the last word and white space. */
static void ended_by_nul(void)
{
	char text[64];

	CHECK_ERROR(write_setting("shmmni", "9\0", 2), EINVAL);
	CHECK_ERROR(write_setting("shmmni", "9\0\n", 3), EINVAL);
	CHECK_ERROR(write_setting("shmmni", "\0009", 2), EINVAL);
	CHECK_EQ(write_setting("shmmni", "91\n\0", 4), 3);
	CHECK_EQ(write_setting("shmmni", "92 \0 7", 6), 3);
	get("shmmni", text);
	CHECK(!strcmp(text, "92\n"));
	CHECK_ERROR(write_setting("sem", "250 32000 32\0", 13), EINVAL);
	CHECK_ERROR(write_setting("sem", "250 32000 32 \0", 14), EINVAL);
	CHECK_ERROR(write_setting("sem", "250 32000 32 128\0", 17), EINVAL);
	CHECK_EQ(write_setting("sem", "250 32000 32 128 \0", 18), 17);
}

/* What follows the words that a setting has is not written. */
static void words_too_many(void)
{
	char text[64];

	CHECK_EQ(write_setting("shmmni", "50 60 70\n", 9), 3);
	CHECK_EQ(write_setting("shmmni", " 51\n\n", 5), 5);
	CHECK_EQ(write_setting("shmmax", "100000\t1", 8), 7);
	CHECK_EQ(write_setting("msgmni", "52\n7 8", 6), 3);
	CHECK_ERROR(write_setting("msgmni", "53x 8", 5), EINVAL);
	get("shmmni", text);
	CHECK(!strcmp(text, "51\n"));
	get("sem", text);
	char longer[80];
	int length = snprintf(longer, sizeof(longer), "%s", text);
	length += snprintf(longer + length, sizeof(longer) - (size_t)length, "9 9\n");
	CHECK_EQ(write_setting("sem", longer, (size_t)length), (long)strlen(text));
	get("sem", longer);
	CHECK(!strcmp(text, longer));
}

static void as_a_user(void *argument)
{
	static const char *names[] = {"shmmax", "shmall", "shmmni", "shm_rmid_forced"};
	char text[64];

	(void)argument;
	abi_become(65534, 65534);
	for (int i = 0; i < 4; i++) {
		CHECK_ERROR(open_setting(names[i], O_WRONLY), EACCES);
		CHECK_ERROR(open_setting(names[i], O_RDWR), EACCES);
		get(names[i], text);
	}
}

/* The mode alone counts; but the next ids are for CAP_CHECKPOINT_RESTORE, and for nobody else. */
static void as_a_capable_user(void *argument)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	(void)argument;
	CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_OK(setresuid(65534, 65534, 65534));
	CHECK_OK(syscall(SYS_capget, &header, data));
	data[0].effective = data[0].permitted;
	data[1].effective = data[1].permitted;
	if (!(data[0].effective >> CAP_SYS_ADMIN & 1))
		return;
	CHECK_OK(syscall(SYS_capset, &header, data));
	CHECK_ERROR(open_setting("shmmni", O_WRONLY), EACCES);
	CHECK_OK(close(CHECK_OK(open_setting("shm_next_id", O_WRONLY))));
	data[0].effective &= ~(1u << CAP_SYS_ADMIN);
	data[1].effective = 0;
	CHECK_OK(syscall(SYS_capset, &header, data));
	CHECK_ERROR(open_setting("shm_next_id", O_WRONLY), EACCES);
	CHECK_ERROR(open_setting("msg_next_id", O_WRONLY), EACCES);
}

static void who_may_write(void)
{
	struct stat status;

	CHECK_OK(stat(SETTINGS "shmmni", &status));
	CHECK_EQ(status.st_mode, S_IFREG | 0644);
	abi_in_child(as_a_user, NULL);
	abi_in_child(as_a_capable_user, NULL);
}

static void lower_than_there_is(void)
{
	int id = make_segment(100 * PAGE, 0600);
	struct shm_info totals;

	set("shmmax", "4096");
	set("shmall", "10");
	set("shmmni", "1");
	CHECK_OK(shmdt(attach(id, 0)));
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE + 1, 0600), EINVAL);
	CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&totals));
	CHECK_EQ(totals.shm_tot, 100);
	remove_segment(id);
	remove_segment(make_segment(PAGE, 0600));
	set("shmmni", "0");
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	set("shmmni", "5");
	set("shmall", "0");
	CHECK_ERROR(shmget(IPC_PRIVATE, PAGE, 0600), ENOSPC);
	set("shmmax", "0");
	CHECK_ERROR(shmget(IPC_PRIVATE, 1, 0600), EINVAL);
}

/* Where shmmax does not stand in the way of anything. */
static void sizes_of_64_bits(void)
{
	const size_t large = 1ul << 63;

	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX, 0600), EINVAL);
	set("shmmax", "18446744073709551615");
	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX, 0600), ENOSPC);
	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX - 4094, 0600), ENOSPC);
	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX, SHM_HUGETLB | 0600), ENOSPC);
	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX - 4095, 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, large, 0600), EINVAL);
	CHECK_ERROR(shmget(IPC_PRIVATE, large - 1, 0600), ENOMEM);
	remove_segment(make_segment(large - 1, SHM_NORESERVE | 0600));
	remove_segment(make_segment(large / 2 + 1, SHM_NORESERVE | 0600));
	set("shmall", "18446744073709551615");
	CHECK_ERROR(shmget(IPC_PRIVATE, SIZE_MAX, 0600), ENOSPC);
	CHECK_ERROR(shmget(IPC_PRIVATE, large - 1, 0600), ENOMEM);
}

/* ---- shm_rmid_forced and threads ---- */

static void *make_in_thread(void *argument)
{
	*(int *)argument = CHECK_OK(shmget(IPC_PRIVATE, PAGE, 0600));
	return NULL;
}

static int made_by_a_thread_that_ended(void)
{
	pthread_t thread;
	int id;

	CHECK_EQ(pthread_create(&thread, NULL, make_in_thread, &id), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	return id;
}

/* Joining a thread does not wait for its very end. */
static void check_gone(int id)
{
	struct shmid_ds ds;

	for (int i = 0; i < 1000 && !shmctl(id, IPC_STAT, &ds); i++)
		abi_sleep_ms(1);
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
}

static void creator_is_a_thread(void)
{
	set("shm_rmid_forced", "1");
	int mine = make_segment(PAGE, 0600);
	check_gone(made_by_a_thread_that_ended());
	CHECK_EQ(attachments(mine), 0); /* this thread lives */
	set("shm_rmid_forced", "0");
	int orphan = made_by_a_thread_that_ended();
	abi_sleep_ms(20);
	CHECK_EQ(attachments(orphan), 0);
	set("shm_rmid_forced", "1");
	check_gone(orphan);
	CHECK_EQ(attachments(mine), 0);
	set("shm_rmid_forced", "0");
	remove_segment(mine);
}

struct made {
	int id, ready, go;
};

static void *make_and_wait(void *argument)
{
	struct made *made = argument;

	made->id = CHECK_OK(shmget(IPC_PRIVATE, PAGE, 0600));
	__atomic_store_n(&made->ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&made->go, __ATOMIC_ACQUIRE))
		abi_sleep_ms(1);
	return NULL;
}

static void attached_outlives_its_creator(void)
{
	struct made made = {0};
	pthread_t thread;

	set("shm_rmid_forced", "1");
	CHECK_EQ(pthread_create(&thread, NULL, make_and_wait, &made), 0);
	while (!__atomic_load_n(&made.ready, __ATOMIC_ACQUIRE))
		abi_sleep_ms(1);
	char *p = attach(made.id, 0);
	__atomic_store_n(&made.go, 1, __ATOMIC_RELEASE);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	abi_sleep_ms(20);
	CHECK_EQ(attachments(made.id), 1);
	p[0] = 1;
	CHECK_OK(shmdt(p));
	check_gone(made.id);
	set("shm_rmid_forced", "0");
}

/* `--helper segment-exists ID`: 0 if it does. */
static int segment_exists(int argc, char **argv)
{
	struct shmid_ds ds;

	if (argc != 2)
		return 100;
	return shmctl(atoi(argv[1]), IPC_STAT, &ds) ? 1 : 0;
}

static void exec_exists(int id)
{
	char number[16];
	char *argv[] = {(char *)abi_self(), "--helper", "segment-exists", number, NULL};

	snprintf(number, sizeof(number), "%d", id);
	execv(argv[0], argv);
	_exit(101);
}

static void *make_and_exec(void *argument)
{
	*(volatile int *)argument = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
	exec_exists(*(int *)argument);
	return NULL;
}

static void exec_keeps_the_creator(void)
{
	int status;

	set("shm_rmid_forced", "1");
	pid_t pid = CHECK_OK(fork());
	if (pid == 0)
		exec_exists(CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600)));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0); /* the new program found it */
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	/* Also when the thread that calls execve becomes the process. */
	pid = CHECK_OK(fork());
	if (pid == 0) {
		pthread_t thread;
		static int id;
		pthread_create(&thread, NULL, make_and_exec, &id);
		for (;;)
			abi_sleep_ms(1000);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_ERROR(shmget(KEY, 0, 0), ENOENT);
	/* What the thread that leaves had made goes. */
	set("shm_rmid_forced", "0");
}

static void last_of_removed_and_forced(void)
{
	struct shmid_ds ds;

	set("shm_rmid_forced", "1");
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0), *q = attach(id, 0);
	CHECK_OK(shmdt(p));
	CHECK_EQ(attachments(id), 1);
	set("shm_rmid_forced", "0");
	CHECK_OK(shmdt(q)); /* not forced any more */
	CHECK_EQ(attachments(id), 0);
	set("shm_rmid_forced", "1"); /* its creator lives */
	CHECK_EQ(attachments(id), 0);
	CHECK_OK(shmdt(attach(id, 0)));
	CHECK_ERROR(shmctl(id, IPC_STAT, &ds), EINVAL);
	set("shm_rmid_forced", "0");
}

static void overcommit(void)
{
	static const char *path = "/proc/sys/vm/overcommit_memory";
	char text[64] = {0};

	if (!abi_in_samepage())
		SKIP("it is the host's, which is not to be changed");
	int fd = CHECK_OK(open(path, O_RDWR));
	CHECK_EQ(read(fd, text, 63), 2);
	CHECK(!strcmp(text, "0\n"));
	CHECK_ERROR(pwrite(fd, "3", 1, 0), EINVAL);
	CHECK_ERROR(pwrite(fd, "-1", 2, 0), EINVAL);
	CHECK_ERROR(pwrite(fd, "1x", 2, 0), EINVAL);
	CHECK_EQ(pwrite(fd, "0x2\n", 4, 0), 4);
	CHECK_EQ(pread(fd, text, 63, 0), 2);
	CHECK(!strcmp(text, "2\n"));
	/* Everything is charged now: SHM_NORESERVE does not help. */
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 40, 0600 | SHM_NORESERVE), ENOMEM);
	CHECK_EQ(pwrite(fd, "1", 1, 0), 1);
	remove_segment(make_segment(1ul << 40, 0600)); /* nothing is */
	CHECK_EQ(pwrite(fd, "0", 1, 0), 1);
	CHECK_ERROR(shmget(IPC_PRIVATE, 1ul << 40, 0600), ENOMEM);
	remove_segment(make_segment(1ul << 40, 0600 | SHM_NORESERVE));
	close(fd);
}

static void defaults_again(void)
{
	set("shmmni", "4096");
	set("shmall", "18446744073692774399");
	set("shmmax", "18446744073692774399");
	set("shm_rmid_forced", "0");
	set("shm_next_id", "0"); /* the next segment takes it */
	remove_segment(make_segment(1, 0600));
}

#define RESTORED(name)                                                                             \
	static void name##_restored(void)                                                          \
	{                                                                                          \
		name();                                                                            \
		defaults_again();                                                                  \
	}
RESTORED(sizes)
RESTORED(counts)
RESTORED(wished_ids)
RESTORED(not_from_the_middle)
RESTORED(ended_by_nul)
RESTORED(words_too_many)
RESTORED(lower_than_there_is)
RESTORED(sizes_of_64_bits)

const struct abi_case abi_cases[] = {
	CASE(sizes_restored,
	     "shmmax, shmall: what is a number, 64 bits: proc_sys_kernel(5), observed"),
	CASE(counts_restored, "shmmni: 0 to 32,768 (2^24 with ipcmni_extend): proc_sys_kernel(5)"),
	CASE(switches, "shm_rmid_forced: 0 or 1: proc_sys_kernel(5), observed"),
	CASE(wished_ids_restored, "shm_next_id: 0 to 2^31 - 1: proc_sys_kernel(5), observed"),
	CASE(not_from_the_middle_restored, "only a write at position 0 counts: proc_sys(5)"),
	CASE(ended_by_nul_restored, "a NUL only behind the last word and white space: observed"),
	CASE(words_too_many_restored,
	     "words too many are not written, and the result says so: observed"),
	CASE(who_may_write,
	     "others may read only, whatever they are capable of: proc_sys_kernel(5)"),
	CASE(lower_than_there_is_restored,
	     "limits below what is there hurt only what is new: observed"),
	CASE(sizes_of_64_bits_restored,
	     "ENOSPC where rounding up to pages overflows, EINVAL from 2^63 bytes on: observed"),
	CASE(creator_is_a_thread, "shm_rmid_forced: the creator is a thread: observed"),
	CASE(attached_outlives_its_creator, "what is attached goes with its last detach: proc(5)"),
	CASE(exec_keeps_the_creator, "execve is not the creator's end: observed"),
	CASE(last_of_removed_and_forced, "the switch counts at the moment of the detach: proc(5)"),
	CASE(overcommit, "vm.overcommit_memory: 0, 1, 2: proc_sys_vm(5)"),
	HELPER("segment-exists", segment_exists),
	CASES_END,
};
