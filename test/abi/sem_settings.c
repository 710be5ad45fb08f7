// SPDX-License-Identifier: MIT
/*
 * The settings of semaphores and message queues in /proc/sys/kernel, and
 * /proc/sysvipc/sem and msg. On Linux they are those of this program's own IPC
 * namespace.
 */

#include "msg_test.h"
#include "sem_test.h"

#define SETTINGS "/proc/sys/kernel/"
#define DEFAULTS "32000 1024000000 500 32000\n"

static int write_text(const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	int fd = open(path, O_WRONLY);
	if (fd < 0)
		SKIP("settings cannot be changed here");
	ssize_t length = write(fd, text, strlen(text));
	int error = errno;
	close(fd);
	errno = error;
	return length < 0 ? -1 : 0;
}

static void read_text(const char *path, char *text, size_t size_bytes)
{
	int fd = CHECK_OK(open(path, O_RDONLY));
	size_t length = 0;
	ssize_t got;

	while ((got = read(fd, text + length, size_bytes - 1 - length)) > 0)
		length += (size_t)got;
	close(fd);
	text[length] = '\0';
}

static void is_now(const char *name, const char *expected)
{
	char path[128], text[128];

	snprintf(path, sizeof(path), SETTINGS "%s", name);
	read_text(path, text, sizeof(text));
	if (strcmp(text, expected) != 0)
		abi_fail(__FILE__, __LINE__, "%s is \"%s\", not \"%s\"", name, text, expected);
}

/* ---- kernel.sem ---- */

static void four_numbers(void)
{
	is_now("sem", "32000\t1024000000\t500\t32000\n");
	CHECK_OK(write_text("sem", "250 32000 32 128\n"));
	is_now("sem", "250\t32000\t32\t128\n");
	CHECK_OK(write_text("sem", "11\n"));
	CHECK_OK(write_text("sem", " 12\t22"));
	is_now("sem", "12\t22\t32\t128\n");
	CHECK_OK(write_text("sem", "0x10 010"));
	is_now("sem", "16\t8\t32\t128\n");
	CHECK_OK(write_text("sem", "-5"));
	is_now("sem", "-5\t8\t32\t128\n");
	CHECK_OK(write_text("sem", DEFAULTS));
}

static void bad_numbers(void)
{
	CHECK_ERROR(write_text("sem", "abc"), EINVAL);
	CHECK_ERROR(write_text("sem", " \n"), EINVAL);
	CHECK_ERROR(write_text("sem", "99999999999 1"), EINVAL);
	CHECK_ERROR(write_text("sem", "7,8"), EINVAL);
	is_now("sem", "32000\t1024000000\t500\t32000\n");
	/* What comes before a bad one is taken. */
	CHECK_ERROR(write_text("sem", "5 abc"), EINVAL);
	is_now("sem", "5\t1024000000\t500\t32000\n");
	CHECK_ERROR(write_text("sem", "250 32000 32 32769"), ERANGE);
	CHECK_ERROR(write_text("sem", "250 32000 32 -1"), ERANGE);
	is_now("sem", "250\t32000\t32\t32000\n");
	CHECK_OK(write_text("sem", "250 32000 32 32768"));
	CHECK_OK(write_text("sem", DEFAULTS));
}

static void limits_hold(void)
{
	struct sembuf operations[3] = {{0}};
	struct seminfo info;

	CHECK_OK(write_text("sem", "10 15 2 3\n"));
	CHECK_OK(semctl(0, 0, IPC_INFO, (union semctl_argument){.info = &info}));
	CHECK_EQ(info.semmsl, 10);
	CHECK_EQ(info.semmns, 15);
	CHECK_EQ(info.semopm, 2);
	CHECK_EQ(info.semmni, 3);
	CHECK_ERROR(semget(IPC_PRIVATE, 11, 0600), EINVAL);
	int a = make_set(10, 0600);
	CHECK_ERROR(semget(IPC_PRIVATE, 6, 0600), ENOSPC);
	int b = make_set(4, 0600), c = make_set(1, 0600);
	CHECK_ERROR(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
	CHECK_ERROR(semget(IPC_PRIVATE, 0, 0600), EINVAL);
	CHECK_ERROR(semop(a, operations, 3), E2BIG);
	CHECK_OK(semop(a, operations, 2));
	remove_set(a);
	a = make_set(1, 0600);
	CHECK_ERROR(semget(IPC_PRIVATE, 1, 0600), ENOSPC); /* SEMMNI */
	remove_set(a);
	remove_set(b);
	remove_set(c);
	CHECK_OK(write_text("sem", DEFAULTS));
}

/* ---- kernel.msg* ---- */

static void one_number(void)
{
	static const char *const names[] = {"msgmax", "msgmnb", "msgmni"};
	static const char *const defaults[] = {"8192\n", "16384\n", "32000\n"};

	for (int i = 0; i < 3; i++) {
		is_now(names[i], defaults[i]);
		CHECK_OK(write_text(names[i], "5\n"));
		is_now(names[i], "5\n");
		CHECK_OK(write_text(names[i], "0"));
		CHECK_OK(write_text(names[i], "0x20"));
		is_now(names[i], "32\n");
		CHECK_ERROR(write_text(names[i], "-1"), EINVAL);
		CHECK_ERROR(write_text(names[i], "2147483648"), EINVAL);
		CHECK_ERROR(write_text(names[i], "abc"), EINVAL);
		CHECK_ERROR(write_text(names[i], "12abc"), EINVAL);
		is_now(names[i], "32\n");
		CHECK_OK(write_text(names[i], defaults[i]));
	}
	CHECK_OK(write_text("msgmax", "2147483647"));
	CHECK_OK(write_text("msgmax", "8192"));
	CHECK_OK(write_text("msgmni", "32768"));
	CHECK_ERROR(write_text("msgmni", "32769"), EINVAL);
	CHECK_OK(write_text("msgmni", "32000"));
}

static void message_limits_hold(void)
{
	CHECK_OK(write_text("msgmax", "10"));
	CHECK_OK(write_text("msgmnb", "15"));
	CHECK_OK(write_text("msgmni", "2"));
	int a = make_queue(0600), b = make_queue(0600);
	CHECK_ERROR(msgget(IPC_PRIVATE, 0600), ENOSPC);
	CHECK_ERROR(send_letters(a, 1, 'a', 11, 0), EINVAL);
	CHECK_OK(send_letters(a, 1, 'a', 10, 0));
	CHECK_ERROR(send_letters(a, 1, 'a', 6, IPC_NOWAIT), EAGAIN);
	CHECK_OK(send_letters(a, 1, 'a', 5, IPC_NOWAIT));
	CHECK_EQ(stat_queue(a).msg_qbytes, 15);
	CHECK_OK(write_text("msgmnb", "16384"));
	CHECK_EQ(stat_queue(a).msg_qbytes, 15);
	remove_queue(a);
	a = make_queue(0600);
	CHECK_EQ(stat_queue(a).msg_qbytes, QUEUE_BYTES);
	remove_queue(a);
	remove_queue(b);
	CHECK_OK(write_text("msgmni", "32000"));
	CHECK_OK(write_text("msgmax", "8192"));
}

static void long_messages(void)
{
	static struct {
		long type;
		char text[300000];
	} sent = {.type = 1}, got;

	CHECK_OK(write_text("msgmax", "300000"));
	CHECK_OK(write_text("msgmnb", "700000"));
	int id = make_queue(0600);
	for (size_t i = 0; i < sizeof(sent.text); i++)
		sent.text[i] = (char)(i ^ i >> 8);
	CHECK_OK(msgsnd(id, &sent, sizeof(sent.text), 0));
	CHECK_OK(msgsnd(id, &sent, sizeof(sent.text) - 4097, 0));
	CHECK_EQ(msgrcv(id, &got, sizeof(got.text), 0, 0), sizeof(got.text));
	CHECK_EQ(memcmp(&sent, &got, sizeof(sent)), 0);
	memset(&got, 0, sizeof(got));
	CHECK_EQ(msgrcv(id, &got, sizeof(got.text), 0, 0), sizeof(got.text) - 4097);
	CHECK_EQ(memcmp(sent.text, got.text, sizeof(sent.text) - 4097), 0);
	remove_queue(id);
	CHECK_OK(write_text("msgmax", "8192"));
	CHECK_OK(write_text("msgmnb", "16384"));
}

static void next_ids(void)
{
	if (access(SETTINGS "sem_next_id", W_OK) != 0)
		SKIP("Linux without CONFIG_CHECKPOINT_RESTORE");
	is_now("sem_next_id", "-1\n");
	CHECK_OK(write_text("sem_next_id", "98305"));
	is_now("sem_next_id", "98305\n");
	int set = make_set(1, 0600);
	CHECK_EQ(set, 98305);
	is_now("sem_next_id", "-1\n");
	CHECK_OK(write_text("msg_next_id", "65543"));
	int queue = make_queue(0600);
	CHECK_EQ(queue, 65543);
	is_now("msg_next_id", "-1\n");
	CHECK_ERROR(write_text("sem_next_id", "-2"), EINVAL);
	CHECK_ERROR(write_text("msg_next_id", "2147483648"), EINVAL);
	remove_set(set);
	remove_queue(queue);
}

/* The last index, and taken. */
static void next_ids_in_vain(void)
{
	if (access(SETTINGS "sem_next_id", W_OK) != 0)
		SKIP("Linux without CONFIG_CHECKPOINT_RESTORE");
	CHECK_OK(write_text("sem_next_id", "2147483647"));
	int set = make_set(1, 0600);
	CHECK_EQ(set, 2147483647);
	CHECK_OK(write_text("sem_next_id", "2147483647"));
	CHECK_ERROR(semget(IPC_PRIVATE, 1, 0600), ENOSPC);
	is_now("sem_next_id", "-1\n");
	remove_set(make_set(1, 0600));
	remove_set(set);
	CHECK_OK(write_text("msg_next_id", "2147483647"));
	int queue = make_queue(0600);
	CHECK_EQ(queue, 2147483647);
	CHECK_OK(write_text("msg_next_id", "2147483647"));
	CHECK_ERROR(msgget(IPC_PRIVATE, 0600), ENOSPC);
	is_now("msg_next_id", "-1\n");
	remove_queue(make_queue(0600));
	remove_queue(queue);
}

/* ---- /proc/sysvipc ---- */

static void list_of_sets(void)
{
	char text[4096], line[256];
	int id = CHECK_OK(semget(SEM_KEY, 4, IPC_CREAT | 0640));

	CHECK_OK(operate(id, 0, 1, 0));
	struct semid_ds ds = stat_set(id);
	read_text("/proc/sysvipc/sem", text, sizeof(text));
	snprintf(line, sizeof(line), "%10d %10d  %4o %10u %5u %5u %5u %5u %10ld %10ld\n", SEM_KEY,
		 id, 0640, 4, ds.sem_perm.uid, ds.sem_perm.gid, ds.sem_perm.cuid, ds.sem_perm.cgid,
		 (long)ds.sem_otime, (long)ds.sem_ctime);
	static const char header[] =
		"       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
		"      ctime\n";
	CHECK_EQ(strncmp(text, header, sizeof(header) - 1), 0);
	CHECK_EQ(strcmp(text + sizeof(header) - 1, line), 0);
	remove_set(id);
	read_text("/proc/sysvipc/sem", text, sizeof(text));
	CHECK_EQ(strcmp(text, header), 0);
}

static void list_of_queues(void)
{
	char text[4096], line[256];
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | 0604));

	CHECK_OK(send_letters(id, 1, 'a', 100, 0));
	CHECK_OK(send_letters(id, 1, 'a', 50, 0));
	CHECK_EQ(receive_letter(id, 0, 0), 'a');
	struct msqid_ds ds = stat_queue(id);
	read_text("/proc/sysvipc/msg", text, sizeof(text));
	snprintf(line, sizeof(line),
		 "%10d %10d  %4o  %10u %10u %5u %5u %5u %5u %5u %5u %10ld %10ld %10ld\n", MSG_KEY,
		 id, 0604, 50, 1, getpid(), getpid(), ds.msg_perm.uid, ds.msg_perm.gid,
		 ds.msg_perm.cuid, ds.msg_perm.cgid, (long)ds.msg_stime, (long)ds.msg_rtime,
		 (long)ds.msg_ctime);
	static const char header[] = "       key      msqid perms      cbytes       qnum lspid "
				     "lrpid   uid   gid  cuid  cgid"
				     "      stime      rtime      ctime\n";
	CHECK_EQ(strncmp(text, header, sizeof(header) - 1), 0);
	CHECK_EQ(strcmp(text + sizeof(header) - 1, line), 0);
	remove_queue(id);
}

const struct abi_case abi_cases[] = {
	CASE(four_numbers,
	     "kernel.sem: SEMMSL SEMMNS SEMOPM SEMMNI, some or all: proc_sys_kernel(5)"),
	CASE(bad_numbers, "kernel.sem: EINVAL, ERANGE above the number of ids: observed"),
	CASE(limits_hold, "ENOSPC, EINVAL, E2BIG at each limit of kernel.sem: semget(2), semop(2)"),
	CASE(one_number, "kernel.msgmax, msgmnb, msgmni take numbers from 0: observed"),
	CASE(message_limits_hold,
	     "ENOSPC, EINVAL, EAGAIN at each limit of queues: msgget(2), msgop(2)"),
	CASE(long_messages, "texts longer than a page, as msgmax allows: msgop(2)"),
	CASE(next_ids, "sem_next_id and msg_next_id are honoured once: proc_sys_kernel(5)"),
	CASE(next_ids_in_vain,
	     "sem_next_id, msg_next_id: a try that finds no index uses it up: observed"),
	CASE(list_of_sets, "/proc/sysvipc/sem, byte by byte: proc_sysvipc(5)"),
	CASE(list_of_queues, "/proc/sysvipc/msg, byte by byte: proc_sysvipc(5)"),
	CASES_END,
};
