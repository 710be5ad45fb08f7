// SPDX-License-Identifier: MIT
/* Where a process is and what it may: namespaces, capabilities, settings; names, record locks. */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

uint32_t user_real(int64_t drawn)
{
	return drawn < USER_FIRST ? (uint32_t)drawn
				  : control->user_base + (uint32_t)drawn - USER_FIRST;
}

uint32_t user_drawn(uint32_t real)
{
	return real - control->user_base < USERS ? real - control->user_base + USER_FIRST : real;
}

bool namespace_lasts(void)
{
	struct stat here, there;

	if (stat("/proc/self/ns/ipc", &here))
		return false;
	for (int i = 0; i < 2; i++)
		if (fstat(FD_NAMESPACE + i, &there) == 0 && there.st_ino == here.st_ino)
			return true;
	return false;
}

static void play_namespace(const struct op *op)
{
	char path[40];
	int fd;

	if (op->a[0] < 6) {
		say_result(setns(FD_NAMESPACE + (op->a[0] & 1), op->a[0] & 2 ? CLONE_NEWIPC : 0));
	} else if (op->a[0] < 8) {
		say_result(unshare(CLONE_NEWIPC));
	} else {
		snprintf(path, sizeof(path), "/proc/%d/ns/ipc", control->player_pid[op->a[1]]);
		fd = open(path, O_RDONLY);
		if (fd < 0) {
			say_result(-1);
			return;
		}
		say_result(setns(fd, CLONE_NEWIPC));
		close(fd);
	}
}

/* Some of the permitted ones stop being effective, or all are again. */
static void play_capabilities(const struct op *op)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
	uint64_t dropped = op->a[0] < 0 ? 0 : (uint64_t)op->a[1];

	say_result(syscall(SYS_capget, &header, data));
	data[0].effective = data[0].permitted & ~(uint32_t)dropped;
	data[1].effective = data[1].permitted & ~(uint32_t)(dropped >> 32);
	say_result(syscall(SYS_capset, &header, data));
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static void play_sysctl(const struct op *op)
{
	static const char *const names[] = {"msgmax",      "msgmnb",      "msgmni",      "sem",
					    "sem_next_id", "msg_next_id", "shm_next_id", "shmmni"};
	static const char *const forms[] = {
		"%ld\n",    "%ld",          " %ld\t100 \n",     "%ld %ld %ld %ld\n",
		"%ldx %ld", "%ld\n7 8 9\n", "0x%lx 1 2 3 4 5\n"};
	char path[64], text[128];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", names[op->a[0]]);
	int fd = open(path, O_RDWR);
	if (fd < 0) {
		say_result(-1);
		return;
	}
	long value = (long)op->a[1];
	snprintf(text, sizeof(text), forms[op->a[2]], value, value, 32, 32);
	say_result(write(fd, text, strlen(text)));
	memset(text, 0, sizeof(text));
	if (pread(fd, text, sizeof(text) - 1, 0) > 0)
		say(" %.*s", (int)strcspn(text, "\n"), text);
	close(fd);
}

static void play_record(const struct op *op)
{
	const int64_t *a = op->a;
	struct flock lock = {
		.l_type = (short)a[2], .l_whence = (short)a[5], .l_start = a[3], .l_len = a[4]};
	int result = fcntl((int)a[0], (int)a[1], &lock);

	say_result(result);
	if (result == 0 && (a[1] == F_GETLK || a[1] == F_OFD_GETLK))
		say(" type %d whence %d start %ld length %ld by %d", lock.l_type, lock.l_whence,
		    (long)lock.l_start, (long)lock.l_len, pid_generation(lock.l_pid));
}

static void play_shm_open(const struct op *op)
{
	char path[32];
	int to = FD_FILE + (int)op->a[1];

	snprintf(path, sizeof(path), "/dev/shm/diff%d", (int)op->a[0]);
	int fd = open(path, (int)op->a[2] | O_NOFOLLOW | O_CLOEXEC, (mode_t)op->a[3]);
	if (fd < 0) {
		say_result(-1);
		return;
	}
	say_result(dup2(fd, to) == to ? 0 : -1);
	close(fd);
}

static void play_shm_unlink(const struct op *op)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/shm/diff%d", (int)op->a[0]);
	say_result(unlink(path));
}

bool play_place(const struct op *op)
{
	switch (op->code) {
	case OP_NAMESPACE:
		play_namespace(op);
		return true;
	case OP_CAPABILITIES:
		play_capabilities(op);
		return true;
	case OP_IPC_SYSCTL:
		play_sysctl(op);
		return true;
	case OP_RECORD:
		play_record(op);
		return true;
	case OP_SHM_OPEN:
		play_shm_open(op);
		return true;
	case OP_SHM_UNLINK:
		play_shm_unlink(op);
		return true;
	default:
		return false;
	}
}
