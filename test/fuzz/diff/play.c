// SPDX-License-Identifier: MIT
/* A player: carries out one operation each time it is its turn, and says what that gave. */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned self;
bool play_inherited;
static sigjmp_buf fault_return;
static volatile int fault_seen;

void say(const char *pattern, ...)
{
	size_t room = sizeof(control->text) - control->text_length;
	va_list list;

	va_start(list, pattern);
	int length = vsnprintf(control->text + control->text_length, room, pattern, list);
	va_end(list);
	control->text_length += length < (int)room ? (uint32_t)length : (uint32_t)room - 1;
}

void say_number(long value)
{
	unsigned long left = value < 0 ? -(unsigned long)value : (unsigned long)value;
	char digits[24];
	unsigned count = 0;

	if (control->text_length + sizeof(digits) > sizeof(control->text))
		return;
	do
		digits[count++] = (char)('0' + left % 10);
	while (left /= 10);
	if (value < 0)
		digits[count++] = '-';
	digits[count++] = ' ';
	while (count)
		control->text[control->text_length++] = digits[--count];
	control->text[control->text_length] = 0;
}

void say_result(long value)
{
	long number = value == -1 ? errno : value;

	say(value == -1 ? " error" : " =");
	say_number(number);
}

int pid_generation(int32_t pid)
{
	if (pid == 0)
		return 0;
	for (uint32_t i = control->generation; i > 0; i--)
		if (control->pids[i - 1] == pid)
			return (int)i;
	return -1;
}

/* ---- access that may fault ---- */

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)context;
	fault_seen = 1000 + number * 10 + info->si_code;
	siglongjmp(fault_return, 1);
}

static void faults_catch(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	signal(SIGXFSZ, SIG_IGN);
}

int byte_read(uint64_t address)
{
	if (sigsetjmp(fault_return, 0))
		return fault_seen;
	return *(volatile uint8_t *)address;
}

int byte_write(uint64_t address, uint8_t value)
{
	if (sigsetjmp(fault_return, 0))
		return fault_seen;
	*(volatile uint8_t *)address = value;
	return value;
}

/* A fault takes long, and most of the window is empty: four in a row are enough. */
static void play_probe(const struct op *op)
{
	unsigned faults = 0;

	for (int64_t i = 0; i < op->a[1] && faults < 4; i++) {
		int byte = byte_read((uint64_t)op->a[0] + (uint64_t)i * PAGE);
		say_number(byte);
		faults = byte > 255 ? faults + 1 : 0;
	}
}

/* ---- System V ---- */

static void play_shmget(const struct op *op)
{
	int id = shmget((key_t)op->a[1], (size_t)op->a[2], (int)op->a[3]);

	say_result(id);
	if (id >= 0)
		control->ids[op->a[0]] = id;
}

static void say_address(void *address)
{
	if (address == (void *)-1)
		say_result(-1);
	else
		say(" = page %ld", (long)((uint64_t)address - WINDOW) / (long)PAGE);
}

static void play_shmat(const struct op *op)
{
	/* Without an address the kernel chooses one, outside of the window. */
	bool free_choice = (uint64_t)op->a[1] < PAGE && (op->a[1] == 0 || op->a[2] & SHM_RND);
	int id = control->ids[op->a[0]];

	if (free_choice && !(op->a[2] & SHM_REMAP)) {
		void *address = shmat(id, (void *)op->a[1], (int)op->a[2]);
		say_result(address == (void *)-1 ? -1 : shmdt(address));
		return;
	}
	say_address(shmat(id, (void *)op->a[1], (int)op->a[2]));
}

static void play_shmat_anywhere(const struct op *op)
{
	char *address = shmat(control->ids[op->a[0]], NULL, (int)op->a[2] & ~SHM_REMAP);

	if (address == (char *)-1) {
		say_result(-1);
		return;
	}
	say_number(byte_read((uint64_t)address));
	say_number(byte_write((uint64_t)address, 7));
	say_result(shmdt(address));
}

static void play_set(const struct op *op)
{
	struct shmid_ds ds;

	memset(&ds, 0x55, sizeof(ds));
	ds.shm_perm.uid = user_real(op->a[1]);
	ds.shm_perm.gid = (gid_t)op->a[2];
	ds.shm_perm.mode = (unsigned short)op->a[3];
	say_result(shmctl(control->ids[op->a[0]], IPC_SET, &ds));
}

/* Numbers and pointers as they come. What it writes goes to the window. */
static void play_shmctl_raw(const struct op *op)
{
	int id = op->a[0] >= 1000 && op->a[0] < 1000 + SEGMENTS ? control->ids[op->a[0] - 1000]
								: (int)op->a[0];
	say_result(shmctl(id, (int)op->a[1], (void *)op->a[2]));
}

/* ---- memory ---- */

static void play_mmap(const struct op *op)
{
	say_address(mmap((void *)op->a[0], (size_t)op->a[1], (int)op->a[2], (int)op->a[3],
			 (int)op->a[4], op->a[5]));
}

/*
 * Which neighbouring areas of private memory are one is not the same (Linux looks at
 * who forked when), and what grows or shrinks must be one: a page of it always is. What
 * MREMAP_DONTUNMAP unlocks is the whole area.
 */
static void play_mremap(const struct op *op)
{
	if (op->a[1] > (int64_t)PAGE && !draw_moves_as_it_is(op->a) &&
	    look_private((uint64_t)op->a[0])) {
		say(" not moved");
		return;
	}
	if ((op->a[3] & MREMAP_DONTUNMAP) && look_locked()) {
		say(" locked");
		return;
	}
	say_address(mremap((void *)op->a[0], (size_t)op->a[1], (size_t)op->a[2], (int)op->a[3],
			   (void *)op->a[4]));
}

static void play_mlock(const struct op *op)
{
	const void *address = (const void *)op->a[0];
	size_t length = (size_t)op->a[1];

	say_result(op->a[2] == 0   ? mlock(address, length)
		   : op->a[2] == 1 ? munlock(address, length)
				   : syscall(SYS_mlock2, address, length, 1));
}

static void play_futex(const struct op *op)
{
	static const int calls[] = {FUTEX_WAKE, FUTEX_WAIT, FUTEX_WAKE | FUTEX_PRIVATE_FLAG,
				    FUTEX_WAIT | FUTEX_PRIVATE_FLAG};
	struct timespec soon = {0, 1};

	/* Linux makes the page to find out what it is; here a word that nobody touched has none. */
	if (!(calls[op->a[1]] & FUTEX_PRIVATE_FLAG))
		say_number(byte_read((uint64_t)op->a[0]));
	say_result(syscall(SYS_futex, op->a[0], calls[op->a[1]], 1, &soon, NULL, 0));
}

/* Between the window here and that of another player. */
static void play_peer(const struct op *op)
{
	struct iovec mine = {(void *)op->a[0], (size_t)op->a[1]};
	struct iovec other = {(void *)op->a[2], (size_t)op->a[1]};
	pid_t pid = control->player_pid[op->a[3]];

	/* Linux has made the other's pages before it finds that there is none here. */
	for (int64_t i = 0; i <= op->a[1]; i += (int64_t)PAGE) {
		uint64_t at = (uint64_t)op->a[0] + (uint64_t)(i < op->a[1] ? i : op->a[1] - 1);
		int byte = byte_read(at);
		if (byte > 255 || (!op->a[4] && byte_write(at, (uint8_t)byte) > 255)) {
			say(" not here");
			return;
		}
	}
	say_result(op->a[4] ? process_vm_writev(pid, &mine, 1, &other, 1, 0)
			    : process_vm_readv(pid, &mine, 1, &other, 1, 0));
}

/* ---- files ---- */

static void play_memfd(const struct op *op)
{
	int to = FD_FILE + (int)(op->a[0] - FD_FILE) % FILES;
	int fd = memfd_create("diff", (unsigned)op->a[1]);

	if (fd < 0) {
		say_result(-1);
		return;
	}
	say_result(dup2(fd, to) == to ? 0 : -1);
	close(fd);
}

static void play_reopen(const struct op *op)
{
	int file = (int)(op->a[0] - FD_FILE) % FILES;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", FD_FILE + file);
	int fd = open(path, O_RDONLY);
	if (fd < 0) {
		say_result(-1);
		return;
	}
	say_result(dup2(fd, FD_READ_ONLY + file) < 0 ? -1 : 0);
	close(fd);
}

/*
 * Files 0 and 1, which are mapped privately, do not shrink: a private copy of a
 * page that was cut off stays here, and goes on Linux (docs/status.md).
 */
static void play_ftruncate(const struct op *op)
{
	struct stat status;

	if (!(op->a[0] & 2) && fstat((int)op->a[0], &status) == 0 && op->a[1] >= 0 &&
	    op->a[1] < status.st_size)
		say(" not shrunk");
	else
		say_result(ftruncate((int)op->a[0], op->a[1]));
}

/*
 * A write whose bytes cannot be read is not tried: Linux has made the file
 * longer, and the page, before it finds out, and nobody promises that.
 */
static void play_pwrite(const struct op *op)
{
	const int64_t *a = op->a;

	for (int64_t i = 0; i < a[3]; i += i + (int64_t)PAGE < a[3] ? (int64_t)PAGE : a[3] - i)
		if (byte_read((uint64_t)(a[2] + i)) > 255 ||
		    byte_read((uint64_t)(a[2] + a[3] - 1)) > 255) {
			say(" unreadable");
			return;
		}
	say_result(pwrite((int)a[0], (void *)a[2], (size_t)a[3], a[1]));
}

static void play_file(const struct op *op)
{
	const int64_t *a = op->a;
	int fd = (int)a[0];

	switch (op->code) {
	case OP_FTRUNCATE:
		play_ftruncate(op);
		break;
	case OP_FALLOCATE:
		say_result(fallocate(fd, (int)a[3], a[1], a[2]));
		break;
	case OP_SEALS:
		say_result(a[1] < 0 ? fcntl(fd, F_GET_SEALS) : fcntl(fd, F_ADD_SEALS, (int)a[1]));
		break;
	case OP_MEMFD:
		play_memfd(op);
		break;
	case OP_REOPEN:
		play_reopen(op);
		break;
	case OP_PREAD:
		say_result(pread(fd, (void *)a[2], (size_t)a[3], a[1]));
		break;
	case OP_PWRITE:
		play_pwrite(op);
		break;
	default:
		say_result(lseek(fd, a[1], (int)a[2]));
		break;
	}
}

/* ---- processes ---- */

/* A child that sees and changes what it inherited; then what is here. */
static void play_fork_child(const struct op *op)
{
	uint64_t address = (uint64_t)op->a[0];
	int status = -1;

	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		say(" child %d", byte_read(address));
		say_number(byte_write(address, (uint8_t)op->a[2]));
		_exit(3);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		say_result(-1);
		return;
	}
	say(" status %d, here %d", status, byte_read(address));
}

static void play_identity(const struct op *op)
{
	const int64_t *a = op->a;
	gid_t groups[2] = {(gid_t)a[1], (gid_t)a[1] + 1};
	struct rlimit limit = {0, 0};
	static const char *const names[] = {"shmmax", "shmall", "shmmni", "shm_rmid_forced"};
	char path[64];

	switch (op->code) {
	case OP_SETUID:
		/* Back to root first, as far as that is still possible; groups while root. */
		say_result(setresuid((uid_t)-1, 0, (uid_t)-1));
		say_result(setresgid((gid_t)a[2], (gid_t)a[2], (gid_t)-1));
		say_result(setresuid(user_real(a[0]), user_real(a[0]),
				     a[0] == a[1] ? user_real(a[0]) : 0));
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		break;
	case OP_SETGROUPS:
		say_result(setgroups((size_t)a[0], groups));
		break;
	case OP_LIMIT:
		getrlimit(a[0] ? RLIMIT_FSIZE : RLIMIT_MEMLOCK, &limit);
		limit.rlim_cur = (rlim_t)a[1];
		say_result(setrlimit(a[0] ? RLIMIT_FSIZE : RLIMIT_MEMLOCK, &limit));
		break;
	default:
		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", names[a[0]]);
		int fd = open(path, O_WRONLY);
		if (fd < 0) {
			say_result(-1);
			break;
		}
		snprintf(path, sizeof(path), "%ld\n", (long)a[1]);
		say_result(write(fd, path, strlen(path)));
		close(fd);
	}
}

/* The child goes on as another player, the referee's child too. */
static void play_fork(const struct op *op)
{
	unsigned heir = (unsigned)op->a[0]; /* the next operation may be there before it runs */
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0) {
		play_inherited = true;
		play_loop(heir, false);
	}
	if (pid < 0) {
		say_result(-1);
		return;
	}
	say(" forked");
	control->player_pid[heir] = pid;
}

static void play_exec(void)
{
	char number[] = {(char)('0' + self), 0};
	char *argument[] = {"diff", "--player", number, NULL}, *environment[] = {NULL};

	execve("/proc/self/exe", argument, environment);
	say_result(-1);
}

/* long: a table of the operations */
static void play(const struct op *op)
{
	const int64_t *a = op->a;
	void *address = (void *)a[0];

	errno = 0;
	switch (op->code) {
	case OP_SHMGET:
		play_shmget(op);
		break;
	case OP_SHMAT:
		play_shmat(op);
		break;
	case OP_SHMAT_ANYWHERE:
		play_shmat_anywhere(op);
		break;
	case OP_SHMDT:
		say_result(shmdt(address));
		break;
	case OP_STAT:
		look_stat(op);
		break;
	case OP_SET:
		play_set(op);
		break;
	case OP_RMID:
		say_result(shmctl(control->ids[a[0]], IPC_RMID, NULL));
		break;
	case OP_INFO:
		look_info(op);
		break;
	case OP_LOCK:
		/* One that is not removed here goes at a time that nobody knows, and counts till then. */
		if (namespace_lasts())
			say_result(shmctl(control->ids[a[0]], a[1] ? SHM_LOCK : SHM_UNLOCK, NULL));
		break;
	case OP_SHMCTL_RAW:
		play_shmctl_raw(op);
		break;
	case OP_MMAP:
		play_mmap(op);
		break;
	case OP_MUNMAP:
		say_result(munmap(address, (size_t)a[1]));
		break;
	case OP_MPROTECT:
		say_result(mprotect(address, (size_t)a[1], (int)a[2]));
		break;
	case OP_MREMAP:
		play_mremap(op);
		break;
	case OP_MADVISE:
		say_result(madvise(address, (size_t)a[1], (int)a[2]));
		break;
	case OP_MSYNC:
		say_result(msync(address, (size_t)a[1], (int)a[2]));
		break;
	case OP_MINCORE:
		look_mincore(op);
		break;
	case OP_MLOCK:
		play_mlock(op);
		break;
	case OP_READ:
		say_number(byte_read((uint64_t)a[0]));
		break;
	case OP_WRITE:
		say_number(byte_write((uint64_t)a[0], (uint8_t)a[2]));
		break;
	case OP_PROBE:
		play_probe(op);
		break;
	case OP_FSTAT:
		look_stat(op);
		break;
	case OP_PEER:
		play_peer(op);
		break;
	case OP_FUTEX:
		play_futex(op);
		break;
	case OP_FORK_CHILD:
		play_fork_child(op);
		break;
	case OP_MAPS:
		look_maps();
		break;
	case OP_SYSVIPC:
		look_sysvipc();
		break;
	case OP_FORK:
		play_fork(op);
		break;
	case OP_EXEC:
		play_exec();
		break;
	case OP_RESTART:
		_exit(5);
	default:
		if (op->code >= OP_FTRUNCATE && op->code <= OP_LSEEK)
			play_file(op);
		else if (!play_sem(op) && !play_msg(op) && !play_place(op))
			play_identity(op);
	}
}

void play_loop(unsigned player, bool amid)
{
	self = player;
	signal(SIGCHLD, SIG_DFL); /* the referee's own */
	faults_catch();
	bool mine = amid && turn_pass(player);
	for (;;) {
		if (!mine)
			turn_wait(player, 0);
		play(&control->op);
		mine = turn_pass(player);
	}
}
