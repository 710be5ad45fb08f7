// SPDX-License-Identifier: MIT
/*
 * The referee: has players carry out what draw.c draws, and prints a hash of
 * each episode's results.
 *
 *	diff [--trace] [--keep N,N-N,...] SEED FIRST COUNT OPERATIONS
 *
 * plays COUNT episodes from number FIRST on; with --trace it prints every line;
 * with --keep it plays only these operations of each episode.
 *
 * Each episode begins with nothing, in two new IPC namespaces, so that it can
 * be played alone, and ids are the same each time. Runs as root; on Linux
 * /dev/shm is another one too. Exit status 77: it cannot run here.
 */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURN_SECONDS    30
#define OPERATIONS_MOST 10000

static const char *const names[OP_COUNT] = {
	"shmget",   "shmat",     "shmat-anywhere", "shmdt",      "stat",      "set",
	"rmid",     "info",      "lock",           "shmctl",     "mmap",      "munmap",
	"mprotect", "mremap",    "madvise",        "msync",      "mincore",   "mlock",
	"read",     "write",     "probe",          "ftruncate",  "fallocate", "seals",
	"memfd",    "reopen",    "pread",          "pwrite",     "lseek",     "fstat",
	"peer",     "futex",     "fork-child",     "setuid",     "setgroups", "sysctl",
	"limit",    "maps",      "sysvipc",        "semget",     "semop",     "semctl",
	"sem-stat", "sem-child", "sem-wait",       "msgget",     "msgsnd",    "msgrcv",
	"msgctl",   "msg-stat",  "msg-wait",       "ipc-sysctl", "namespace", "capabilities",
	"record",   "shm-open",  "shm-unlink",     "fork",       "exec",      "restart",
};

static bool trace;
static uint64_t hash;
static bool skipped[OPERATIONS_MOST]; /* --keep: the others */

static void __attribute__((noreturn)) die(const char *what)
{
	printf("diff: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	kill(0, SIGKILL);
	_exit(1);
}

/* ---- the players ---- */

static void player_note(unsigned player, pid_t pid)
{
	control->player_pid[player] = pid;
	if (control->generation < GENERATIONS)
		control->pids[control->generation++] = pid;
}

static void player_start(unsigned player)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		play_loop(player);
	player_note(player, pid);
}

static void player_end(unsigned player)
{
	pid_t pid = control->player_pid[player];

	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
}

/* Wait for the player's token. False: it has ended instead. */
static bool player_finish(unsigned player, int *status)
{
	struct pollfd done = {FD_DONE, POLLIN, 0};
	char token;

	for (unsigned i = 0; i < TURN_SECONDS * 100; i++) {
		if (poll(&done, 1, 10) == 1) {
			if (read(FD_DONE, &token, 1) != 1)
				die("read");
			return true;
		}
		if (waitpid(control->player_pid[player], status, WNOHANG) > 0)
			return false;
	}
	errno = ETIMEDOUT;
	die("a player hangs");
}

static void player_turn(const struct op *op)
{
	int status = 0;

	if (write(FD_GO_WRITE + (int)op->player, "!", 1) != 1)
		die("write");
	if (op->code == OP_RESTART) {
		if (waitpid(control->player_pid[op->player], &status, 0) < 0)
			die("waitpid");
	} else if (player_finish(op->player, &status)) {
		return;
	}
	char end[40];
	snprintf(end, sizeof(end), " ended with status %d", status);
	strncat(control->text, end, sizeof(control->text) - strlen(control->text) - 1);
	player_start(op->player);
}

/* ---- an episode ---- */

static void line_note(unsigned number, const struct op *op)
{
	char line[sizeof(control->text) + 200];
	int length = snprintf(line, sizeof(line), "%u: P%u %s %lx %lx %lx %lx %lx %lx:%s\n", number,
			      op->player, names[op->code], (long)op->a[0], (long)op->a[1],
			      (long)op->a[2], (long)op->a[3], (long)op->a[4], (long)op->a[5],
			      control->text);

	for (int i = 0; i < length && line[i]; i++)
		hash = (hash ^ (uint8_t)line[i]) * 0x100000001b3ull;
	if (trace) {
		fputs(line, stdout);
		fflush(stdout);
	}
}

static void play_one(unsigned number)
{
	struct op *op = &control->op;

	draw_op(op);
	if (number < OPERATIONS_MOST && skipped[number])
		return;
	control->text[0] = 0;
	if (op->code == OP_RESTART && op->a[0]) {
		player_end(op->player);
		player_start(op->player);
	} else if (op->code == OP_FORK) {
		unsigned heir = (unsigned)op->a[0];
		player_end(heir);
		control->player_pid[heir] = 0;
		player_turn(op);
		if (control->player_pid[heir])
			player_note(heir, control->player_pid[heir]);
		else
			player_start(heir);
	} else {
		player_turn(op);
	}
	line_note(number, op);
}

static void limit_set(const char *name, const char *value)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	int fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

/* A new namespace with small limits; entered. */
static void namespace_make(int fd)
{
	if (unshare(CLONE_NEWIPC))
		die("unshare");
	int made = open("/proc/self/ns/ipc", O_RDONLY);
	if (made < 0 || dup2(made, fd) != fd)
		die("/proc/self/ns/ipc");
	close(made);
	limit_set("shmmax", "67108864");
	limit_set("shmall", "16384");
	limit_set("shmmni", "32");
	limit_set("shm_rmid_forced", "0");
	limit_set("sem", "100 400 10 24");
	limit_set("msgmax", "8192");
	limit_set("msgmnb", "16384");
	limit_set("msgmni", "24");
}

static void episode_begin(void)
{
	memset(control, 0, sizeof(*control));
	control->user_base = 200000 + (uint32_t)getpid() * USERS;
	namespace_make(FD_NAMESPACE);
	namespace_make(FD_NAMESPACE + 1);
	if (setns(FD_NAMESPACE, CLONE_NEWIPC))
		die("setns");
	for (int i = 0; i < FILES; i++) {
		int fd = memfd_create("diff", i == 3 ? 0 : MFD_ALLOW_SEALING);
		if (fd < 0 || dup2(fd, FD_FILE + i) < 0 ||
		    ftruncate(FD_FILE + i, i * 5 * (long)PAGE))
			die("memfd_create");
		close(fd);
		close(FD_READ_ONLY + i);
	}
	for (unsigned i = 0; i < SEGMENTS; i++)
		control->ids[i] = control->sets[i] = control->queues[i] = -1;
	for (unsigned i = 0; i < PLAYERS; i++)
		player_start(i);
}

/* Segments go now: Linux removes a namespace's at its leisure, and locked ones count till then. */
static void segments_remove(void)
{
	struct shm_info info;
	struct shmid_ds ds;
	int last = shmctl(0, SHM_INFO, (struct shmid_ds *)&info);

	for (int index = 0; index <= last; index++) {
		int id = shmctl(index, SHM_STAT, &ds);
		if (id >= 0)
			shmctl(id, IPC_RMID, NULL);
	}
}

static void episode_end(void)
{
	char path[32];

	for (unsigned i = 0; i < PLAYERS; i++)
		player_end(i);
	for (int i = 0; i < 2; i++) {
		if (setns(FD_NAMESPACE + i, CLONE_NEWIPC))
			die("setns");
		segments_remove();
	}
	for (int i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "/dev/shm/diff%d", i);
		unlink(path);
	}
}

static void episode_play(uint64_t seed, unsigned episode, unsigned operations)
{
	hash = 0xcbf29ce484222325ull;
	draw_seed(seed * 1000003 + episode, episode & 1);
	episode_begin();
	control->cuts = episode & 1;
	for (unsigned i = 0; i < operations; i++)
		play_one(i);
	episode_end();
	printf("episode %u %016llx\n", episode, (unsigned long long)hash);
	fflush(stdout);
}

/* ---- the run ---- */

static void control_map(void)
{
	void *at = mmap((void *)CONTROL, sizeof(struct board), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_FIXED, FD_CONTROL, 0);
	if (at != (void *)CONTROL)
		die("the page of control");
}

static void descriptors_make(void)
{
	int ends[2];

	/* Out of the way of the fixed numbers, which are below 30. */
	for (int i = 3; i < 30; i++)
		close(i);
	int fd = memfd_create("control", 0);
	if (dup2(fd, FD_CONTROL) < 0 || ftruncate(FD_CONTROL, sizeof(struct board)))
		die("memfd_create");
	close(fd);
	for (int i = 0; i <= PLAYERS; i++) {
		if (pipe(ends))
			die("pipe");
		int in = i == PLAYERS ? FD_DONE : FD_GO + i;
		int out = i == PLAYERS ? FD_DONE_WRITE : FD_GO_WRITE + i;
		if (fcntl(ends[0], F_DUPFD, 40) < 0 || fcntl(ends[1], F_DUPFD, 60) < 0)
			die("dup");
		close(ends[0]);
		close(ends[1]);
		dup2(40, in);
		dup2(60, out);
		close(40);
		close(60);
	}
}

/*
 * Hosts do not give root the same capabilities: those that are needed, and no
 * others. False: one of them is not there.
 */
static bool capabilities_limit(void)
{
	static const uint64_t wanted = 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH |
				       1ull << CAP_FOWNER | 1ull << CAP_KILL | 1ull << CAP_SETGID |
				       1ull << CAP_SETUID | 1ull << CAP_SETPCAP |
				       1ull << CAP_IPC_LOCK | 1ull << CAP_IPC_OWNER |
				       1ull << CAP_SYS_PTRACE | 1ull << CAP_SYS_ADMIN;
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 64; i++)
		if (!(wanted >> i & 1))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (syscall(SYS_capget, &header, data))
		return false;
	for (int i = 0; i < 2; i++) {
		uint32_t half = (uint32_t)(wanted >> 32 * i);
		if (half & ~data[i].permitted)
			return false;
		data[i].permitted = data[i].effective = half;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) == 0;
}

static void namespace_enter(void)
{
	struct rlimit memory = {1ul << 31, 1ul << 31}, lock = {1 << 22, 1 << 22};

	if (geteuid() != 0) {
		printf("diff: needs root, who may become other users\n");
		exit(77);
	}
	if (unshare(CLONE_NEWIPC) != 0) {
		printf("diff: no IPC namespace of its own: %s\n", strerror(errno));
		exit(77);
	}
	if (access("/proc/samepage/counters", F_OK) != 0) {
		if (unshare(CLONE_NEWNS) != 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("diff", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")) {
			printf("diff: no /dev/shm of its own: %s\n", strerror(errno));
			exit(77);
		}
		setrlimit(RLIMIT_DATA, &memory);
	}
	if (!capabilities_limit()) {
		printf("diff: root lacks capabilities here\n");
		exit(77);
	}
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	umask(022);
	/* A machine's own limits are not the same everywhere. */
	setrlimit(RLIMIT_MEMLOCK, &lock);
}

/* "3,5-9". False: that is something else. */
static bool keep(const char *list)
{
	char *end;

	memset(skipped, true, sizeof(skipped));
	for (; *list; list = end + (*end == ',')) {
		unsigned long first = strtoul(list, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (end == list || (*end && *end != ',') || last >= OPERATIONS_MOST)
			return false;
		for (; first <= last; first++)
			skipped[first] = false;
	}
	return true;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--player") == 0) {
		control_map();
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		if (write(FD_DONE_WRITE, "!", 1) != 1)
			return 1;
		play_loop((unsigned)atoi(argv[2]));
	}
	trace = argc > 1 && strcmp(argv[1], "--trace") == 0;
	argv += trace;
	argc -= trace;
	bool keeps = argc == 7 && strcmp(argv[1], "--keep") == 0 && keep(argv[2]);
	argv += keeps * 2;
	argc -= keeps * 2;
	if (argc != 5) {
		fprintf(stderr,
			"usage: diff [--trace] [--keep N,N-N] SEED FIRST COUNT OPERATIONS\n");
		return 2;
	}
	setpgid(0, 0);
	namespace_enter();
	descriptors_make();
	control_map();
	unsigned first = (unsigned)atoi(argv[2]), count = (unsigned)atoi(argv[3]);
	for (unsigned i = 0; i < count; i++)
		episode_play(strtoull(argv[1], NULL, 0), first + i, (unsigned)atoi(argv[4]));
	return 0;
}
