// SPDX-License-Identifier: MIT
/* msgget(2), msgctl(2): new queues, keys, each command, permission, the order of errors. */

#include "msg_test.h"

#include <sys/syscall.h>

#ifndef MSG_STAT_ANY
#define MSG_STAT_ANY 13
#endif

/* ---- msgget ---- */

static void private_queues_differ(void)
{
	int a = make_queue(0600), b = make_queue(0600);

	CHECK(a != b);
	remove_queue(a);
	remove_queue(b);
}

static void new_queue_fields(void)
{
	time_t before = time(NULL);
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | IPC_EXCL | 0640));
	struct msqid_ds ds = stat_queue(id);

	CHECK_EQ(ds.msg_perm.__key, MSG_KEY);
	CHECK_EQ(ds.msg_perm.uid, geteuid());
	CHECK_EQ(ds.msg_perm.gid, getegid());
	CHECK_EQ(ds.msg_perm.cuid, geteuid());
	CHECK_EQ(ds.msg_perm.cgid, getegid());
	CHECK_EQ(ds.msg_perm.mode, 0640);
	CHECK_EQ(ds.msg_perm.__seq, id >> 15);
	CHECK_EQ(ds.msg_qnum, 0);
	CHECK_EQ(ds.msg_cbytes, 0);
	CHECK_EQ(ds.msg_qbytes, QUEUE_BYTES);
	CHECK_EQ(ds.msg_lspid, 0);
	CHECK_EQ(ds.msg_lrpid, 0);
	CHECK_EQ(ds.msg_stime, 0);
	CHECK_EQ(ds.msg_rtime, 0);
	CHECK(ds.msg_ctime >= before && ds.msg_ctime <= time(NULL));
	remove_queue(id);
}

static void keys(void)
{
	CHECK_ERROR(msgget(MSG_KEY, 0600), ENOENT);
	CHECK_ERROR(msgget(MSG_KEY, IPC_EXCL | 0600), ENOENT);
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | 0600));
	CHECK_EQ(msgget(MSG_KEY, 0), id);
	CHECK_EQ(msgget(MSG_KEY, IPC_CREAT | 0600), id);
	CHECK_EQ(msgget(MSG_KEY, IPC_EXCL), id);
	CHECK_ERROR(msgget(MSG_KEY, IPC_CREAT | IPC_EXCL | 0600), EEXIST);
	remove_queue(id);
	CHECK_ERROR(msgget(MSG_KEY, 0600), ENOENT);
	int other = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | 0600));
	CHECK(other != id);
	CHECK_ERROR(msgctl(id, IPC_STAT, &(struct msqid_ds){0}), EINVAL);
	remove_queue(other);
}

static void key_as_other_user(void *argument)
{
	abi_become(1000, 1000);
	CHECK_EQ(msgget(MSG_KEY, 0), *(int *)argument);
	CHECK_EQ(msgget(MSG_KEY, 0444), *(int *)argument);
	CHECK_ERROR(msgget(MSG_KEY, 0002), EACCES);
}

static void permission_of_existing(void)
{
	if (!abi_is_root())
		SKIP("needs another user");
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | 0604));

	abi_in_child(key_as_other_user, &id);
	remove_queue(id);
}

/* ---- msgctl ---- */

static void set_takes_four_fields(void)
{
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | 0600));
	struct msqid_ds ds = stat_queue(id);

	ds.msg_perm.mode = 07644;
	ds.msg_perm.cuid = 77;
	ds.msg_perm.__key = 1;
	ds.msg_qbytes = 100;
	ds.msg_qnum = 9;
	ds.__msg_cbytes = 9;
	ds.msg_lspid = 9;
	ds.msg_stime = 9;
	ds.msg_ctime = 9;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
	ds = stat_queue(id);
	CHECK_EQ(ds.msg_perm.mode, 0644);
	CHECK_EQ(ds.msg_perm.cuid, geteuid());
	CHECK_EQ(ds.msg_perm.__key, MSG_KEY);
	CHECK_EQ(ds.msg_qbytes, 100);
	CHECK_EQ(ds.msg_qnum, 0);
	CHECK_EQ(ds.__msg_cbytes, 0);
	CHECK_EQ(ds.msg_lspid, 0);
	CHECK_EQ(ds.msg_stime, 0);
	CHECK(ds.msg_ctime > 9);
	ds.msg_perm.gid = (gid_t)-1;
	CHECK_ERROR(msgctl(id, IPC_SET, &ds), EINVAL);
	remove_queue(id);
}

static void raise_limit(void *argument)
{
	struct msqid_ds ds;
	int id = *(int *)argument;

	abi_become(1000, 1000);
	CHECK_OK(msgctl(id, IPC_STAT, &ds));
	ds.msg_qbytes = QUEUE_BYTES + 1;
	CHECK_ERROR(msgctl(id, IPC_SET, &ds), EPERM);
	ds.msg_qbytes = 10;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
	ds.msg_qbytes = QUEUE_BYTES;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
	ds.msg_qbytes = QUEUE_BYTES + 1;
	ds.msg_perm.uid = (uid_t)-1;
	CHECK_ERROR(msgctl(id, IPC_SET, &ds), EPERM);
}

static void limit_needs_privilege(void)
{
	if (!abi_is_root())
		SKIP("needs another user");
	int id = make_queue(0666);
	struct msqid_ds ds = stat_queue(id);

	ds.msg_perm.uid = 1000;
	ds.msg_qbytes = QUEUE_BYTES * 4;
	if (msgctl(id, IPC_SET, &ds) != 0) {
		CHECK_EQ(errno, EPERM);
		remove_queue(id);
		SKIP("root is without CAP_SYS_RESOURCE here");
	}
	CHECK_EQ(stat_queue(id).msg_qbytes, QUEUE_BYTES * 4);
	abi_in_child(raise_limit, &id);
	remove_queue(id);
}

static void limits_are_told(void)
{
	struct msginfo info;
	int id = make_queue(0600);

	CHECK(msgctl(0, IPC_INFO, (struct msqid_ds *)&info) >= 0);
	CHECK_EQ(info.msgmax, TEXT_MAX);
	CHECK_EQ(info.msgmnb, QUEUE_BYTES);
	CHECK_EQ(info.msgmni, 32000);
	CHECK_EQ(info.msgpool, 512000);
	CHECK_EQ(info.msgmap, QUEUE_BYTES);
	CHECK_EQ(info.msgssz, 16);
	CHECK_EQ(info.msgtql, QUEUE_BYTES);
	CHECK_EQ(info.msgseg, 0xffff);
	remove_queue(id);
}

static void usage_is_told(void)
{
	struct msginfo info;
	int a = make_queue(0600), b = make_queue(0600);

	CHECK_OK(send_letters(a, 1, 'a', 10, 0));
	CHECK_OK(send_letters(b, 1, 'b', 20, 0));
	CHECK_OK(send_letters(b, 1, 'c', 0, 0));
	CHECK_EQ(msgctl(0, MSG_INFO, (struct msqid_ds *)&info), b & 0x7fff);
	CHECK_EQ(info.msgpool, 2);
	CHECK_EQ(info.msgmap, 3);
	CHECK_EQ(info.msgtql, 30);
	CHECK_EQ(receive_letter(b, 0, 0), 'b');
	remove_queue(a);
	CHECK_EQ(msgctl(0, MSG_INFO, (struct msqid_ds *)&info), b & 0x7fff);
	CHECK_EQ(info.msgpool, 1);
	CHECK_EQ(info.msgmap, 1);
	CHECK_EQ(info.msgtql, 0);
	remove_queue(b);
	CHECK_EQ(msgctl(0, MSG_INFO, (struct msqid_ds *)&info), 0);
	CHECK_EQ(info.msgmap, 0);
}

static void stat_by_index(void)
{
	struct msqid_ds ds;
	int id = make_queue(0600), index = id & 0x7fff;

	CHECK_EQ(msgctl(index, MSG_STAT, &ds), id);
	CHECK_EQ(ds.msg_qbytes, QUEUE_BYTES);
	CHECK_EQ(msgctl(index, MSG_STAT_ANY, &ds), id);
	CHECK_ERROR(msgctl(index + 1, MSG_STAT, &ds), EINVAL);
	remove_queue(id);
	CHECK_ERROR(msgctl(index, MSG_STAT, &ds), EINVAL);
}

static void bad_arguments(void)
{
	int id = make_queue(0600);
	struct msqid_ds ds, *bad = (void *)8;

	CHECK_ERROR(msgctl(id, 99, &ds), EINVAL);
	CHECK_ERROR(msgctl(id, -1, &ds), EINVAL);
	CHECK_ERROR(msgctl(id, 10, &ds), EINVAL);
	CHECK_ERROR(syscall(SYS_msgctl, id, IPC_STAT | 0x100, &ds), EINVAL);
	CHECK_ERROR(msgctl(-1, IPC_INFO, &ds), EINVAL);
	CHECK_ERROR(msgctl(id + 1, IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(msgctl(id + (1 << 15), IPC_STAT, &ds), EINVAL);
	CHECK_ERROR(msgctl(id, IPC_STAT, bad), EFAULT);
	CHECK_ERROR(msgctl(id, IPC_SET, bad), EFAULT);
	CHECK_ERROR(msgctl(id + 1, IPC_SET, bad), EFAULT);
	CHECK_ERROR(msgctl(id + 1, IPC_STAT, bad), EINVAL);
	CHECK_ERROR(msgctl(0, IPC_INFO, bad), EFAULT);
	CHECK_ERROR(msgctl(0, MSG_INFO, bad), EFAULT);
	remove_queue(id);
	CHECK_ERROR(msgctl(id, IPC_RMID, NULL), EINVAL);
}

static void forbidden(void *argument)
{
	int id = *(int *)argument;
	struct msqid_ds ds;
	struct message message = {.type = 1};

	abi_become(1000, 1000);
	CHECK_ERROR(msgctl(id, IPC_STAT, &ds), EACCES);
	CHECK_ERROR(msgctl(id & 0x7fff, MSG_STAT, &ds), EACCES);
	CHECK_EQ(msgctl(id & 0x7fff, MSG_STAT_ANY, &ds), id);
	CHECK_ERROR(msgctl(id, IPC_RMID, NULL), EPERM);
	CHECK_ERROR(msgctl(id, IPC_SET, &ds), EPERM);
	CHECK_ERROR(msgsnd(id, &message, 1, 0), EACCES);
	CHECK_ERROR(msgrcv(id, &message, 1, 0, 0), EACCES);
	CHECK_ERROR(msgrcv(id, &message, 1, 0, IPC_NOWAIT), EACCES);
}

static void read_only(void *argument)
{
	int id = *(int *)argument;
	struct message message = {.type = 1};

	abi_become(1000, 1000);
	CHECK_ERROR(msgsnd(id, &message, 1, 0), EACCES);
	CHECK_ERROR(msgrcv(id, &message, 1, 0, IPC_NOWAIT), ENOMSG);
	stat_queue(id);
}

static void write_only(void *argument)
{
	int id = *(int *)argument;
	struct message message = {.type = 1};

	abi_become(1000, 1000);
	CHECK_OK(msgsnd(id, &message, 1, 0));
	CHECK_ERROR(msgrcv(id, &message, 1, 0, IPC_NOWAIT), EACCES);
}

static void each_needs_its_permission(void)
{
	if (!abi_is_root())
		SKIP("needs another user");
	int id = make_queue(0600);
	abi_in_child(forbidden, &id);
	remove_queue(id);
	id = make_queue(0604);
	abi_in_child(read_only, &id);
	remove_queue(id);
	id = make_queue(0602);
	abi_in_child(write_only, &id);
	remove_queue(id);
}

static void as_somebody_else(void *argument)
{
	(void)argument;
	if (setresgid(-1, 12001, 0) || setresuid(-1, 12002, 0))
		SKIP("needs to change its user: run as root");
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | IPC_EXCL | 0600));
	struct msqid_ds ds = stat_queue(id);
	CHECK_EQ(ds.msg_perm.uid, 12002);
	CHECK_EQ(ds.msg_perm.cuid, 12002);
	CHECK_EQ(ds.msg_perm.gid, 12001);
	CHECK_EQ(ds.msg_perm.cgid, 12001);
	remove_queue(id);
}

static void effective_ids_own(void)
{
	abi_in_child(as_somebody_else, NULL);
}

static void make_and_exit(void *argument)
{
	(void)argument;
	CHECK_OK(
		send_letters(CHECK_OK(msgget(MSG_KEY, IPC_CREAT | IPC_EXCL | 0600)), 3, 'z', 9, 0));
}

static void outlives_its_creator(void)
{
	abi_in_child(make_and_exit, NULL);
	int id = CHECK_OK(msgget(MSG_KEY, 0));
	CHECK_EQ(receive_letter(id, 3, IPC_NOWAIT), 'z');
	remove_queue(id);
}

static void creator_changes(void *argument)
{
	(void)argument;
	abi_become(1000, 1000);
	int id = make_queue(0600);
	struct msqid_ds ds = stat_queue(id);
	ds.msg_perm.uid = 1001;
	ds.msg_perm.gid = 1001;
	ds.msg_perm.mode = 0;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
	CHECK_ERROR(msgctl(id, IPC_STAT, &(struct msqid_ds){0}), EACCES);
	ds.msg_perm.mode = 0600;
	CHECK_OK(msgctl(id, IPC_SET, &ds));
	CHECK_OK(send_letters(id, 1, 'a', 1, 0));
	remove_queue(id);
}

static void creator_keeps_rights(void)
{
	abi_in_child(creator_changes, NULL);
}

static void mode_keeps_nine_bits(void)
{
	int id = CHECK_OK(msgget(MSG_KEY, IPC_CREAT | 07777));

	CHECK_EQ(stat_queue(id).msg_perm.mode, 0777);
	remove_queue(id);
}

const struct abi_case abi_cases[] = {
	CASE(private_queues_differ, "IPC_PRIVATE makes a new queue each time: msgget(2)"),
	CASE(new_queue_fields, "the fields of a new queue: msgget(2)"),
	CASE(keys, "ENOENT, EEXIST, and keys of removed queues: msgget(2)"),
	CASE(permission_of_existing,
	     "an existing queue's mode is compared with the flags: msgget(2)"),
	CASE(set_takes_four_fields,
	     "IPC_SET takes uid, gid, mode, qbytes and sets ctime: msgctl(2)"),
	CASE(limit_needs_privilege, "qbytes above msgmnb needs CAP_SYS_RESOURCE: msgctl(2)"),
	CASE(limits_are_told, "IPC_INFO gives the limits: msgctl(2)"),
	CASE(usage_is_told, "MSG_INFO counts queues, messages, bytes: msgctl(2)"),
	CASE(stat_by_index, "MSG_STAT takes an index and gives the id: msgctl(2)"),
	CASE(bad_arguments, "unknown commands, ids; bad pointers: msgctl(2), observed"),
	CASE(each_needs_its_permission,
	     "read, write and ownership for each call: msgop(2), msgctl(2)"),
	CASE(effective_ids_own, "uid, cuid, gid, cgid are the effective ones: msgget(2)"),
	CASE(outlives_its_creator,
	     "a queue stays with its messages until it is removed: sysvipc(7)"),
	CASE(creator_keeps_rights,
	     "who made a queue may change and remove it: msgctl(2), sysvipc(7)"),
	CASE(mode_keeps_nine_bits, "of the flags, nine bits are the mode: msgget(2)"),
	CASES_END,
};
