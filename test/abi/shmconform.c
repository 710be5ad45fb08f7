// SPDX-License-Identifier: MIT
/*
 * shmconform: chooses cases, runs each in a process of its own with a time limit,
 * and reports in the Test Anything Protocol, version 14: a plan, then for each case
 * `ok N - GROUP/NAME: RULE` or `not ok ...`, or `ok ... # SKIP REASON`; details
 * come before, as `# ...`.
 *
 * Each case has an IPC namespace of its own; on Linux limits on what it may use
 * too, so that nothing of the host is touched. Where a kernel has no namespaces the
 * cases share the one that there is, and what they leave behind is removed.
 */

#define _GNU_SOURCE
#include "abi.h"

#include <fcntl.h>
#include <ctype.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define CASE_SECONDS   30
#define STATUS_USAGE   2
#define STATUS_NO_HELP 99 /* no such helper */

/* The section's bounds; the linker makes these names. */
extern const struct abi_case __start_abi_table[], __stop_abi_table[];

#define for_each_entry(entry)                                                                      \
	for (const struct abi_case *entry = __start_abi_table; entry < __stop_abi_table; entry++)  \
		if (entry->name)

enum isolation {
	ISOLATION_NONE,  /* nothing to hide from, or nothing to hide in */
	ISOLATION_CASES, /* each case makes a namespace */
	ISOLATION_FAILS, /* there are some, but not for us: every case skips */
};

static struct {
	char **groups, **filters, **words; /* patterns for groups and names, parts of names */
	int group_count, filter_count, word_count;
	bool list, list_groups, in_place;
	unsigned seconds;
} options = {.seconds = CASE_SECONDS};

static enum isolation isolation;
static const char *isolation_error;
static int reason_pipe[2];
static volatile pid_t running; /* the case, which is its group's leader */
static volatile sig_atomic_t out_of_time;

static const char usage[] =
	"usage: shmconform [OPTION | WORD]...\n"
	"Checks System V and POSIX shared memory, and what belongs to them, against Linux's "
	"rules.\n"
	"\n"
	"  --list            the cases that are chosen, GROUP/NAME and rule, and run none\n"
	"  --list-groups     the groups that are chosen\n"
	"  --group PATTERN   only groups whose name matches (may be given more than once)\n"
	"  --filter PATTERN  only cases whose NAME or GROUP/NAME matches, as a shell matches "
	"files\n"
	"  WORD              only cases whose GROUP/NAME contains it; PAGE(N): whose source it is\n"
	"  --seconds N       the time limit for each case: 30\n"
	"  --in-place        in the IPC namespace that there is: cases remove every segment, set\n"
	"                    and queue in it, and change its limits. For a kernel under test.\n"
	"  --help            this\n"
	"\n"
	"The output is TAP, version 14. Exit status: 0 all passed or skipped, 1 some failed,\n"
	"2 misuse. README.md in test/abi says more.\n";

/* ---- what there is ---- */

/* "shm_get" of ".../shm_get.c". */
static const char *group_of(const struct abi_case *entry)
{
	static char name[64];
	const char *slash = strrchr(entry->file, '/');

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : entry->file);
	name[strcspn(name, ".")] = '\0';
	return name;
}

static bool matches(char **patterns, int count, const char *text)
{
	for (int i = 0; i < count; i++) {
		if (fnmatch(patterns[i], text, 0) == 0)
			return true;
	}
	return false;
}

static bool is_chosen(const struct abi_case *entry)
{
	char full[256];

	if (!entry->rule)
		return false; /* a helper */
	if (options.group_count && !matches(options.groups, options.group_count, group_of(entry)))
		return false;
	if (options.filter_count + options.word_count == 0)
		return true;
	snprintf(full, sizeof(full), "%s/%s", group_of(entry), entry->name);
	if (matches(options.filters, options.filter_count, full) ||
	    matches(options.filters, options.filter_count, entry->name))
		return true;
	for (int i = 0; i < options.word_count; i++) {
		const char *word = options.words[i];
		/* "semop(2)" is a source: in the rule, where no longer name ends like it. */
		const char *at = strstr(strchr(word, '(') ? entry->rule : full, word);

		if (at && (at == entry->rule || *word == '(' || !strchr(word, '(') ||
			   !isalnum((unsigned char)at[-1])))
			return true;
	}
	return false;
}

static unsigned count_chosen(void)
{
	unsigned count = 0;

	for_each_entry(entry) count += is_chosen(entry);
	return count;
}

static void list(void)
{
	const char *last = "";

	for_each_entry(entry)
	{
		if (!is_chosen(entry))
			continue;
		if (options.list)
			printf("%s/%s\t%s\n", group_of(entry), entry->name, entry->rule);
		else if (strcmp(entry->file, last))
			printf("%s\n", group_of(entry));
		last = entry->file;
	}
}

static int run_helper(int argc, char **argv)
{
	for_each_entry(entry)
	{
		if (argc > 0 && !entry->rule && !strcmp(entry->name, argv[0]))
			return ((int (*)(int, char **))entry->run)(argc, argv);
	}
	return STATUS_NO_HELP;
}

/* ---- alone ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

/* A /dev/shm of our own: the host's files are not seen, and what cases leave is gone with us. */
static void isolate_files(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		mount("shmconform", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
}

/* Can this process make IPC namespaces? If not, in a user namespace of its own it may. */
static void isolate(void)
{
	struct rlimit none = {0, 0};
	struct rlimit space = {1ull << 36, 1ull << 36};

	setrlimit(RLIMIT_CORE, &none);
	if (options.in_place)
		return;
	if (abi_in_samepage()) { /* a machine to be tested: files and limits are the cases' */
		isolation = unshare(CLONE_NEWIPC) == 0 ? ISOLATION_CASES : ISOLATION_NONE;
		return;
	}
	setrlimit(RLIMIT_AS, &space);
	isolation = ISOLATION_CASES;
	if (unshare(CLONE_NEWIPC) == 0) {
		isolate_files();
		return;
	}
	if (errno == ENOSYS || errno == EINVAL) {
		isolation = ISOLATION_NONE; /* the kernel has none */
		return;
	}
	uid_t uid = getuid();
	gid_t gid = getgid();
	if (unshare(CLONE_NEWUSER | CLONE_NEWIPC)) {
		isolation = ISOLATION_FAILS;
		isolation_error = abi_error(errno);
		return;
	}
	char map[32];
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
	isolate_files();
}

/* The highest used index, or -1: without System V IPC, or without this part of it. */
static int highest(int result, int used)
{
	return used ? result : -1;
}

/* What a case left behind is removed; returns how much there was. */
static unsigned sweep(void)
{
	struct shm_info segments = {0};
	struct seminfo sets = {0};
	struct msginfo queues = {0};
	struct shmid_ds segment;
	struct semid_ds set;
	struct msqid_ds queue;
	unsigned count = 0;
	int id, last;

	last = shmctl(0, SHM_INFO, (struct shmid_ds *)&segments);
	last = highest(last, segments.used_ids);
	for (int i = 0; i <= last; i++) {
		if ((id = shmctl(i, SHM_STAT, &segment)) >= 0)
			count += shmctl(id, IPC_RMID, NULL) == 0;
	}
	last = semctl(0, 0, SEM_INFO, &sets);
	last = highest(last, sets.semusz);
	for (int i = 0; i <= last; i++) {
		if ((id = semctl(i, 0, SEM_STAT, &set)) >= 0)
			count += semctl(id, 0, IPC_RMID) == 0;
	}
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)&queues);
	last = highest(last, queues.msgpool);
	for (int i = 0; i <= last; i++) {
		if ((id = msgctl(i, MSG_STAT, &queue)) >= 0)
			count += msgctl(id, IPC_RMID, NULL) == 0;
	}
	return count;
}

/* The limits as they were at first: a case that has no namespace of its own changes everybody's. */
static struct {
	const char *const path;
	char text[64];
} limits[] = {
	{"/proc/sys/kernel/shmmax", ""}, {"/proc/sys/kernel/shmall", ""},
	{"/proc/sys/kernel/shmmni", ""}, {"/proc/sys/kernel/shm_rmid_forced", ""},
	{"/proc/sys/kernel/sem", ""},    {"/proc/sys/kernel/msgmax", ""},
	{"/proc/sys/kernel/msgmnb", ""}, {"/proc/sys/kernel/msgmni", ""},
};

#define LIMITS (sizeof(limits) / sizeof(limits[0]))

static void remember_limits(void)
{
	for (size_t i = 0; i < LIMITS; i++) {
		int fd = open(limits[i].path, O_RDONLY);
		if (fd < 0 || read(fd, limits[i].text, sizeof(limits[i].text) - 1) < 0)
			limits[i].text[0] = '\0';
		if (fd >= 0)
			close(fd);
	}
}

static void restore_limits(void)
{
	for (size_t i = 0; i < LIMITS; i++) {
		if (limits[i].text[0])
			write_file(limits[i].path, limits[i].text);
	}
}

/* ---- one case ---- */

static void run_here(const struct abi_case *entry)
{
	setpgid(0, 0);
	signal(SIGALRM, SIG_DFL);
	if (isolation == ISOLATION_FAILS)
		abi_skip(isolation_error);
	if (isolation == ISOLATION_CASES && unshare(CLONE_NEWIPC))
		abi_fail(__FILE__, __LINE__, "no IPC namespace for the case: %s", abi_error(errno));
	entry->run();
	unsigned left = sweep();
	if (left)
		abi_fail(__FILE__, __LINE__, "%u segments, sets or queues left behind", left);
	fflush(stdout);
	_exit(0);
}

static void too_late(int signal)
{
	(void)signal;
	out_of_time = 1;
	kill(-running, SIGKILL);
	kill(running, SIGKILL); /* perhaps it is not yet in its group */
	alarm(1);
}

/* 0: passed; ABI_STATUS_SKIP; anything else: failed. */
static int run_case(const struct abi_case *entry)
{
	int status;

	abi_case_name = entry->name;
	out_of_time = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid < 0) {
		printf("# %s: fork: %s\n", abi_case_name, abi_error(errno));
		return 1;
	}
	if (pid == 0)
		run_here(entry);
	running = pid;
	alarm(options.seconds);
	status = abi_wait(pid);
	alarm(0);
	kill(-pid, SIGKILL); /* children that it left */
	if (isolation == ISOLATION_NONE)
		restore_limits();
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (isolation == ISOLATION_NONE)
		sweep();
	if (WIFSIGNALED(status)) {
		printf("# %s: died by signal %d%s\n", abi_case_name, WTERMSIG(status),
		       out_of_time ? " (time limit)" : "");
		return 1;
	}
	return WEXITSTATUS(status);
}

/* Text on a TAP line: '#' begins a directive. */
static void print_escaped(const char *text)
{
	for (; *text; text++) {
		if (*text == '#' || *text == '\\')
			putchar('\\');
		putchar(*text == '\n' ? ' ' : *text);
	}
}

static void report(unsigned number, const struct abi_case *entry, int status)
{
	char reason[256];
	ssize_t length = read(reason_pipe[0], reason, sizeof(reason) - 1);

	reason[length > 0 ? length : 0] = '\0';
	printf("%s %u - %s/%s: ", status == 0 || status == ABI_STATUS_SKIP ? "ok" : "not ok",
	       number, group_of(entry), entry->name);
	print_escaped(entry->rule);
	if (status == ABI_STATUS_SKIP) {
		printf(" # SKIP ");
		print_escaped(reason);
	}
	printf("\n");
}

static int run_all(void)
{
	unsigned passed = 0, failed = 0, skipped = 0, number = 0;

	printf("TAP version 14\n1..%u\n", count_chosen());
	for_each_entry(entry)
	{
		if (!is_chosen(entry))
			continue;
		int status = run_case(entry);
		if (status == 0)
			passed++;
		else if (status == ABI_STATUS_SKIP)
			skipped++;
		else
			failed++;
		report(++number, entry, status);
	}
	printf("# %u passed, %u failed, %u skipped\n", passed, failed, skipped);
	return failed ? 1 : 0;
}

/* ---- options ---- */

static int misuse(const char *what, const char *which)
{
	fprintf(stderr, "shmconform: %s%s\n%s", what, which, usage);
	return STATUS_USAGE;
}

/* The three lists are parts of one array as long as argv. 0, or what to exit with plus one. */
static int read_options(int argc, char **argv)
{
	char **lists = calloc(3 * (size_t)argc, sizeof(*lists));

	if (!lists)
		return 2;
	options.groups = lists;
	options.filters = lists + argc;
	options.words = lists + 2 * argc;
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		bool takes = !strcmp(word, "--group") || !strcmp(word, "--filter") ||
			     !strcmp(word, "--seconds");
		if (takes && i + 1 == argc)
			return misuse("no value for ", word) + 1;
		if (!strcmp(word, "--group"))
			options.groups[options.group_count++] = argv[++i];
		else if (!strcmp(word, "--filter"))
			options.filters[options.filter_count++] = argv[++i];
		else if (!strcmp(word, "--seconds"))
			options.seconds = (unsigned)atoi(argv[++i]);
		else if (!strcmp(word, "--list"))
			options.list = true;
		else if (!strcmp(word, "--list-groups"))
			options.list_groups = true;
		else if (!strcmp(word, "--in-place"))
			options.in_place = true;
		else if (!strcmp(word, "--help"))
			return printf("%s", usage) > 0 ? 1 : 2;
		else if (word[0] == '-')
			return misuse("no such option: ", word) + 1;
		else
			options.words[options.word_count++] = argv[i];
	}
	if (options.seconds == 0)
		return misuse("--seconds takes a number", "") + 1;
	return 0;
}

/* Where this program is, also after chdir. */
static const char *own_path(const char *given)
{
	static char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (length > 0)
		return path;
	return realpath(given, path) ? path : given;
}

int main(int argc, char **argv)
{
	abi_program_path = own_path(argv[0]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "--helper"))
		return run_helper(argc - 2, argv + 2);
	int stop = read_options(argc, argv);
	if (stop)
		return stop - 1;
	if (count_chosen() == 0)
		return misuse("no such case", "");
	if (options.list || options.list_groups) {
		list();
		return 0;
	}
	if (pipe2(reason_pipe, O_CLOEXEC | O_NONBLOCK))
		reason_pipe[0] = reason_pipe[1] = -1; /* reasons are then printed before */
	abi_reason_fd = reason_pipe[1];
	signal(SIGALRM, too_late);
	isolate();
	if (isolation == ISOLATION_NONE)
		remember_limits();
	return run_all();
}
