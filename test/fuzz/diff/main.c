// SPDX-License-Identifier: MIT
/*
 * The referee: has players carry out what draw.c draws, and prints a hash of
 * each episode's results, with a digit of it after each operation: what
 * differs once, and not again, has a place.
 *
 *	diff [--one-area] [--trace] [--keep N,N-N,...] SEED FIRST COUNT OPERATIONS
 *
 * plays COUNT episodes from number FIRST on; with --trace it prints every line of the last;
 * with --keep it plays only these operations of each episode. --one-area is for
 * comparing with a Linux before 6.17, which does not move several areas at once.
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
#include <sched.h>
#include <signal.h>
#include <stddef.h>
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

#define TURN_SECONDS 60

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
	control->turn[player] = 0;
	pid_t pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0)
		play_loop(player, false);
	player_note(player, pid);
}

static void player_end(unsigned player)
{
	pid_t pid = control->player_pid[player];

	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
}

static void on_child(int number)
{
	(void)number;
	control->turn[REFEREE] = 1;
}

/* The players go on from here until the referee is needed, also because one has ended. */
static void players_go(void)
{
	const struct op *op = &control->op;
	int status;

	control->stage = PLAYING;
	turn_give(op->player);
	for (;;) {
		if (!turn_wait(REFEREE, TURN_SECONDS)) {
			errno = ETIMEDOUT;
			die("a player hangs");
		}
		if (__atomic_load_n(&control->stage, __ATOMIC_SEQ_CST) != PLAYING)
			return;
		/* Whose turn it is may have changed, but not if he has ended. */
		if (waitpid(control->player_pid[op->player], &status, WNOHANG) > 0)
			break;
	}
	say(" ended with status %d", status);
	player_start(op->player);
	control->stage = PLAYED;
}

/* ---- an episode ---- */

static void line_print(void)
{
	const struct op *op = &control->op;

	printf("%u: P%u %s %lx %lx %lx %lx %lx %lx:%s\n", control->number - 1, op->player,
	       names[op->code], (long)op->a[0], (long)op->a[1], (long)op->a[2], (long)op->a[3],
	       (long)op->a[4], (long)op->a[5], control->text);
	fflush(stdout);
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

/* A new namespace with small limits, where Linux's own are large; entered. */
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
	limit_set("sem", "100 400 10 24");
	limit_set("msgmni", "24");
}

static void episode_begin(void)
{
	memset(control, 0, offsetof(struct board, trace));
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

/* An operation that only the referee can begin, or that he has to finish; the next is drawn. */
static void referee_turn(void)
{
	const struct op *op = &control->op;

	if (control->stage == DRAWN && op->code == OP_RESTART && op->a[0]) {
		player_end(op->player);
		player_start(op->player);
		control->stage = PLAYED;
	} else if (control->stage == DRAWN) {
		if (op->code == OP_FORK) {
			player_end((unsigned)op->a[0]);
			control->player_pid[op->a[0]] = 0;
		}
		players_go();
	}
	if (control->stage != PLAYED)
		return;
	if (op->code == OP_FORK && control->player_pid[op->a[0]])
		player_note((unsigned)op->a[0], control->player_pid[op->a[0]]);
	else if (op->code == OP_FORK)
		player_start((unsigned)op->a[0]);
	turn_note();
	if (control->trace)
		line_print();
	control->stage = turn_draw();
}

static void episode_play(uint64_t seed, unsigned episode, unsigned operations)
{
	episode_begin();
	draw_seed(seed * 1000003 + episode, episode & 1);
	control->operations = operations;
	memset(control->digits, '-', operations);
	control->stage = turn_draw();
	while (control->stage != OVER)
		referee_turn();
	episode_end();
	printf("episode %u %016llx %s\n", episode, (unsigned long long)control->hash,
	       control->digits);
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
	/* Out of the way of the fixed numbers, which are below 30. */
	for (int i = 3; i < 30; i++)
		close(i);
	int fd = memfd_create("control", 0);
	if (dup2(fd, FD_CONTROL) < 0 || ftruncate(FD_CONTROL, sizeof(struct board)))
		die("memfd_create");
	close(fd);
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

	memset(control->skipped, true, sizeof(control->skipped));
	for (; *list; list = end + (*end == ',')) {
		unsigned long first = strtoul(list, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (end == list || (*end && *end != ',') || last >= OPERATIONS_MOST)
			return false;
		for (; first <= last; first++)
			control->skipped[first] = false;
	}
	return true;
}

/* Take it off the front. */
static bool argument_is(int *argc, char ***argv, const char *name)
{
	bool is = *argc > 1 && strcmp((*argv)[1], name) == 0;

	*argv += is;
	*argc -= is;
	return is;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_child, .sa_flags = SA_RESTART | SA_NOCLDSTOP};

	if (argc == 3 && strcmp(argv[1], "--player") == 0) {
		control_map();
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		play_loop((unsigned)atoi(argv[2]), true);
	}
	descriptors_make();
	control_map();
	control->one_area = argument_is(&argc, &argv, "--one-area");
	bool trace = argument_is(&argc, &argv, "--trace");
	bool keeps = argc == 7 && strcmp(argv[1], "--keep") == 0 && keep(argv[2]);
	argv += keeps * 2;
	argc -= keeps * 2;
	if (argc != 5 || strtoul(argv[4], NULL, 0) > OPERATIONS_MOST) {
		fprintf(stderr, "usage: diff [--one-area] [--trace] [--keep N,N-N] SEED FIRST "
				"COUNT OPERATIONS\n");
		return 2;
	}
	setpgid(0, 0);
	namespace_enter();
	sigaction(SIGCHLD, &action, NULL);
	unsigned first = (unsigned)atoi(argv[2]), count = (unsigned)atoi(argv[3]);
	for (unsigned i = 0; i < count; i++) {
		control->trace = trace && i + 1 == count;
		episode_play(strtoull(argv[1], NULL, 0), first + i, (unsigned)atoi(argv[4]));
	}
	return 0;
}
