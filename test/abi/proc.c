// SPDX-License-Identifier: MIT
/* /proc as ps, ipcs and libc parse it: proc(5). */

#define _GNU_SOURCE
#include "file_test.h"

#include <dirent.h>
#include <elf.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char content[65536];

/* The whole file, read in small steps; its length. */
static long take(const char *path)
{
	int fd = CHECK_OK(open(path, O_RDONLY));
	long length = 0, got;

	while ((got = CHECK_OK(read(fd, content + length, 333))) > 0)
		length += got;
	content[length] = 0;
	CHECK_OK(close(fd));
	return length;
}

/* The number after "NAME" and white space at the start of a line. */
static long long number_after(const char *name)
{
	size_t length = strlen(name);

	for (char *line = content; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, length))
			return strtoll(line + length, NULL, 10);
	}
	abi_fail(__FILE__, __LINE__, "no line %s", name);
}

static void process_stat(void)
{
	int pid, parent, group, session, fields = 0;
	char state;

	CHECK_OK(prctl(PR_SET_NAME, "odd ) name"));
	take("/proc/self/stat");
	CHECK_EQ(sscanf(content, "%d", &pid), 1);
	CHECK_EQ(pid, getpid());
	CHECK(strstr(content, "(odd ) name)") != NULL);
	char *rest = strrchr(content, ')');
	CHECK_EQ(sscanf(rest, ") %c %d %d %d", &state, &parent, &group, &session), 4);
	CHECK_EQ(state, 'R');
	CHECK_EQ(parent, getppid());
	CHECK_EQ(group, getpgrp());
	CHECK_EQ(session, getsid(0));
	for (char *space = rest; (space = strchr(space, ' ')); space++)
		fields++;
	CHECK_EQ(fields, 50); /* 52 with the first two */
	CHECK_EQ(content[strlen(content) - 1], '\n');
}

/* The program's own name, as comm has it. */
static const char *own_name(void)
{
	const char *slash = strrchr(abi_self(), '/');

	return slash ? slash + 1 : abi_self();
}

static void process_status(void)
{
	char name[32];

	take("/proc/self/status");
	snprintf(name, sizeof(name), "Name:\t%.15s\n", own_name());
	CHECK(!strncmp(content, name, strlen(name)));
	CHECK(strstr(content, "\nState:\tR (running)\n") != NULL);
	CHECK_EQ(number_after("Pid:"), getpid());
	CHECK_EQ(number_after("PPid:"), getppid());
	CHECK_EQ(number_after("Tgid:"), getpid());
	CHECK_EQ(number_after("Uid:"), getuid());
	CHECK_EQ(number_after("Threads:"), 1);
	CHECK(number_after("VmSize:") >= number_after("VmRSS:"));
	CHECK(number_after("VmRSS:") > 0);
	CHECK(strstr(content, "\nSigBlk:\t0000000000000000\n") != NULL);
}

static void stop_self(void *unused)
{
	(void)unused;
	CHECK_OK(raise(SIGSTOP));
}

static void other_states(void)
{
	char path[64];
	int status;
	pid_t pid = abi_start(stop_self, NULL);

	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	sprintf(path, "/proc/%d/stat", pid);
	take(path);
	CHECK(strstr(content, ") T ") != NULL);
	CHECK_OK(kill(pid, SIGKILL));
	siginfo_t info;
	CHECK_OK(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
	take(path);
	CHECK(strstr(content, ") Z ") != NULL);
	sprintf(path, "/proc/%d/cmdline", pid);
	CHECK_EQ(take(path), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_ERROR(open(path, O_RDONLY), ENOENT);
}

static void maps_lines(void)
{
	char expected[256], path[300];

	file_test_enter();
	int fd = CHECK_OK(open("mapped", O_CREAT | O_RDWR, 0600));
	CHECK_OK(ftruncate(fd, 16384));
	char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 8192);
	CHECK(map != MAP_FAILED);
	struct stat state;
	CHECK_OK(fstat(fd, &state));
	take("/proc/self/maps");
	sprintf(expected, "%lx-%lx r--s 00002000 ", (long)map, (long)map + 8192);
	char *line = strstr(content, expected);
	CHECK(line != NULL);
	sprintf(expected, " %ld ", (long)state.st_ino);
	CHECK(strstr(line, expected) != NULL);
	CHECK(getcwd(path, sizeof(path) - 8) != NULL);
	strcat(path, "/mapped\n");
	char *name = strstr(line, path);
	CHECK(name != NULL);
	CHECK_EQ(name - line, 73);
	CHECK_OK(unlink("mapped"));
	take("/proc/self/maps");
	CHECK(strstr(content, "/mapped (deleted)\n") != NULL);
	CHECK(strstr(content, "[heap]\n") != NULL);
	CHECK(strstr(content, "[stack]\n") != NULL);
	file_test_leave();
}

static void maps_of_segment(void)
{
	char expected[128];
	int id = CHECK_OK(shmget(0x1234abc, 8192, IPC_CREAT | 0600));
	char *map = shmat(id, NULL, 0);

	CHECK(map != (char *)-1);
	CHECK_OK(shmctl(id, IPC_RMID, NULL));
	take("/proc/self/maps");
	sprintf(expected, "%lx-%lx rw-s 00000000 00:01 %d ", (long)map, (long)map + 8192, id);
	char *line = strstr(content, expected);
	CHECK(line != NULL);
	CHECK(strstr(line, "/SYSV01234abc (deleted)\n") != NULL);
	CHECK_OK(shmdt(map));
}

static void segments_table(void)
{
	int key, id, segment = CHECK_OK(shmget(0x77, 5000, IPC_CREAT | 0640));
	unsigned mode;
	unsigned long size;

	take("/proc/sysvipc/shm");
	CHECK(!strncmp(
		content,
		"       key      shmid perms                  size  cpid  lpid nattch   uid   gid"
		"  cuid  cgid      atime      dtime      ctime                   rss"
		"                  swap\n",
		strchr(content, '\n') + 1 - content));
	char *line = strchr(content, '\n') + 1;
	CHECK_EQ(sscanf(line, "%d %d %o %lu", &key, &id, &mode, &size), 4);
	CHECK_EQ(key, 0x77);
	CHECK_EQ(id, segment);
	CHECK_EQ(mode, 0640);
	CHECK_EQ(size, 5000);
	CHECK_OK(shmctl(segment, IPC_RMID, NULL));
}

static void program_memory(void)
{
	take("/proc/self/cmdline");
	CHECK(strstr(content, own_name()) != NULL);
	take("/proc/self/auxv");
	Elf64_auxv_t *entry = (Elf64_auxv_t *)content;
	bool page_seen = false;
	for (; entry->a_type != AT_NULL; entry++)
		if (entry->a_type == AT_PAGESZ)
			page_seen = entry->a_un.a_val == 4096;
	CHECK(page_seen);
	char link[256] = "";
	CHECK_OK(readlink("/proc/self/exe", link, sizeof(link) - 1));
	CHECK(!strcmp(strrchr(link, '/') + 1, own_name()));
	int exe = CHECK_OK(open("/proc/self/exe", O_RDONLY));
	CHECK_EQ(read(exe, content, 4), 4);
	CHECK(!memcmp(content, ELFMAG, 4));
	CHECK_OK(close(exe));
}

static void *wait_there(void *fd)
{
	char byte;

	CHECK_EQ(read(*(int *)fd, &byte, 1), 1);
	return NULL;
}

static void threads(void)
{
	int fds[2], count = 0;
	pthread_t thread;
	struct dirent *entry;

	CHECK_OK(pipe(fds));
	CHECK_EQ(pthread_create(&thread, NULL, wait_there, &fds[0]), 0);
	DIR *directory = opendir("/proc/self/task");
	CHECK(directory != NULL);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	CHECK_OK(closedir(directory));
	CHECK_EQ(count, 2);
	take("/proc/self/status");
	CHECK_EQ(number_after("Threads:"), 2);
	char text[64] = "", expected[64];
	CHECK_OK(readlink("/proc/thread-self", text, sizeof(text) - 1));
	sprintf(expected, "%d/task/%d", getpid(), gettid());
	CHECK(!strcmp(text, expected));
	CHECK_EQ(write(fds[1], "x", 1), 1);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void descriptor_links(void)
{
	char path[64], text[128] = "";
	int fds[2], count = 0;
	struct dirent *entry;

	CHECK_OK(pipe(fds));
	sprintf(path, "/proc/self/fd/%d", fds[1]);
	CHECK_OK(readlink(path, text, sizeof(text) - 1));
	CHECK(!strncmp(text, "pipe:[", 6));
	int again = CHECK_OK(open(path, O_WRONLY)); /* the same pipe through its link */
	CHECK_EQ(write(again, "x", 1), 1);
	CHECK_EQ(read(fds[0], text, 2), 1);
	CHECK_OK(close(again));
	CHECK_OK(close(fds[0]));
	CHECK_OK(close(fds[1]));
	CHECK_ERROR(readlink(path, text, sizeof(text)), ENOENT);
	DIR *directory = opendir("/proc/self/fd");
	CHECK(directory != NULL);
	while ((entry = readdir(directory)))
		count += entry->d_name[0] != '.';
	CHECK(count >= 4);
	CHECK_OK(closedir(directory));
	int link = CHECK_OK(open("/dev/fd/0", O_PATH | O_NOFOLLOW));
	CHECK_OK(close(link));
}

/* The flags that fdinfo tells of a descriptor. */
static long flags_told(int fd)
{
	char path[64];

	sprintf(path, "/proc/self/fdinfo/%d", fd);
	take(path);
	const char *flags = strstr(content, "flags:\t");
	CHECK(flags != NULL);
	return strtol(flags + 7, NULL, 8);
}

static void descriptor_flags(void)
{
	int fd = CHECK_OK(open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY));
	long flags = CHECK_OK(fcntl(fd, F_GETFL));

	CHECK_EQ(flags_told(fd), flags | O_CLOEXEC);
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
	CHECK_EQ(flags_told(fd), flags | O_APPEND | O_CLOEXEC);
	int other = CHECK_OK(dup(fd)); /* the same file: the flag is the descriptor's */
	CHECK_EQ(flags_told(other), flags | O_APPEND);
	CHECK_OK(fcntl(fd, F_SETFD, 0));
	CHECK_EQ(flags_told(fd), flags | O_APPEND);
	CHECK_OK(close(other));
	CHECK_OK(close(fd));
}

static void descriptor_modes(void)
{
	static const struct {
		int flags;
		mode_t mode;
	} kinds[] = {{O_RDONLY, 0500}, {O_WRONLY, 0300}, {O_RDWR, 0700}, {O_PATH, 0}, {3, 0}};
	char path[64];
	struct stat state;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		int fd = CHECK_OK(open("/dev/null", kinds[i].flags));

		sprintf(path, "/proc/self/fd/%d", fd);
		CHECK_OK(lstat(path, &state));
		CHECK_EQ(state.st_mode, S_IFLNK | kinds[i].mode);
		CHECK_EQ(state.st_size, 64);
		CHECK_OK(close(fd));
	}
	CHECK_OK(lstat("/proc/self/cwd", &state));
	CHECK_EQ(state.st_mode, S_IFLNK | 0777);
	CHECK_EQ(state.st_size, 0);
}

static void system_files(void)
{
	take("/proc/meminfo");
	CHECK(number_after("MemTotal:") > number_after("MemFree:"));
	CHECK(number_after("MemAvailable:") > 0);
	CHECK(number_after("SwapTotal:") >= 0);
	take("/proc/stat");
	CHECK(!strncmp(content, "cpu  ", 5));
	CHECK(strstr(content, "\ncpu0 ") != NULL);
	CHECK(number_after("btime") > 0);
	double up, idle;
	take("/proc/uptime");
	CHECK_EQ(sscanf(content, "%lf %lf", &up, &idle), 2);
	take("/proc/loadavg");
	float load[3];
	int running, all, last;
	CHECK_EQ(sscanf(content, "%f %f %f %d/%d %d", load, load + 1, load + 2, &running, &all,
			&last),
		 6);
	take("/proc/mounts");
	CHECK(strstr(content, " /proc proc ") != NULL);
	CHECK(strstr(content, " /dev/shm tmpfs ") != NULL);
	take("/proc/filesystems");
	CHECK(strstr(content, "nodev\ttmpfs\n") != NULL);
	take("/proc/version");
	CHECK(!strncmp(content, "Linux version ", 14));
	CHECK(take("/proc/cpuinfo") > 0);
}

static void settings(void)
{
	take("/proc/sys/kernel/shmmni");
	CHECK_EQ(atoi(content), 4096);
	take("/proc/sys/kernel/shmmax");
	CHECK(!strcmp(content, "18446744073692774399\n"));
	take("/proc/sys/kernel/shm_next_id");
	CHECK(!strcmp(content, "-1\n"));
	take("/proc/sys/kernel/ostype");
	CHECK(!strcmp(content, "Linux\n"));
	CHECK_EQ(take("/proc/sys/kernel/random/uuid"), 37);
	take("/proc/sys/vm/overcommit_memory");
	CHECK(content[0] >= '0' && content[0] <= '2');
}

static void set_as_root(void)
{
	if (!abi_is_root())
		SKIP("not root");
	int fd = CHECK_OK(open("/proc/sys/kernel/shmmni", O_RDWR));
	CHECK_EQ(write(fd, "123\n", 4), 4);
	take("/proc/sys/kernel/shmmni");
	CHECK(!strcmp(content, "123\n"));
	CHECK_ERROR(pwrite(fd, "x\n", 2, 0), EINVAL);
	CHECK_EQ(pwrite(fd, "4096\n", 5, 0), 5);
	CHECK_OK(close(fd));
	CHECK_ERROR(open("/proc/new", O_CREAT | O_RDWR, 0600), ENOENT);
	CHECK_ERROR(unlink("/proc/version"), EPERM);
	CHECK_ERROR(mkdir("/proc/new", 0700), ENOENT);
	CHECK_ERROR(rmdir("/proc/sys"), EPERM);
}

static void reading_again(void)
{
	char first[64], second[64];
	int fd = CHECK_OK(open("/proc/self/stat", O_RDONLY));

	CHECK_EQ(read(fd, first, 20), 20);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	CHECK_EQ(read(fd, second, 20), 20);
	CHECK_EQ(pread(fd, second + 20, 20, 10), 20);
	CHECK(!memcmp(second + 20, first + 10, 10));
	CHECK_EQ(lseek(fd, 100000, SEEK_SET), 100000);
	CHECK_EQ(read(fd, second, 20), 0);
	CHECK_OK(close(fd));
}

/* CAP_DAC_OVERRIDE does not help; CAP_SYS_PTRACE does. */
static void capable_stranger(void *pid)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
	char path[64];

	sprintf(path, "/proc/%d/ns/ipc", *(pid_t *)pid);
	CHECK_OK(prctl(PR_SET_KEEPCAPS, 1));
	CHECK_OK(setresuid(65534, 65534, 65534));
	data[0].permitted = 1u << CAP_DAC_OVERRIDE | 1u << CAP_SYS_PTRACE;
	data[0].effective = 1u << CAP_DAC_OVERRIDE;
	if (syscall(SYS_capset, &header, data))
		return; /* root here has not both */
	CHECK_ERROR(readlink(path, content, sizeof(content)), EACCES);
	data[0].effective = 1u << CAP_SYS_PTRACE;
	CHECK_OK(syscall(SYS_capset, &header, data));
	CHECK_OK(readlink(path, content, sizeof(content)));
}

static void strangers_process(void *pid)
{
	char path[64];

	abi_become(65534, 65534);
	sprintf(path, "/proc/%d/environ", *(pid_t *)pid);
	CHECK_ERROR(open(path, O_RDONLY), EACCES);
	sprintf(path, "/proc/%d/exe", *(pid_t *)pid);
	CHECK_ERROR(readlink(path, content, sizeof(content)), EACCES);
	sprintf(path, "/proc/%d/fd", *(pid_t *)pid);
	CHECK_ERROR(open(path, O_RDONLY), EACCES);
	sprintf(path, "/proc/%d/stat", *(pid_t *)pid);
	CHECK_OK(open(path, O_RDONLY));
}

static void privacy(void)
{
	pid_t pid = getpid();

	abi_in_child(strangers_process, &pid);
	if (abi_is_root())
		abi_in_child(capable_stranger, &pid);
}

const struct abi_case abi_cases[] = {
	CASE(process_stat, "PID/stat: 52 fields, the name in brackets: proc(5)"),
	CASE(process_status, "PID/status: names and numbers: proc(5)"),
	CASE(other_states, "a stopped process is T, a dead one Z, then gone: proc(5)"),
	CASE(maps_lines, "PID/maps: one line for an area, the name in column 73: proc(5)"),
	CASE(maps_of_segment,
	     "PID/maps: a segment is /SYSVkey (deleted) on 00:01 with its id: observed"),
	CASE(segments_table, "sysvipc/shm: what ipcs reads: proc(5)"),
	CASE(program_memory, "cmdline, auxv, exe: proc(5)"),
	CASE(threads, "task/ has each thread: proc(5)"),
	CASE(descriptor_links, "fd/ leads to open files: proc(5)"),
	CASE(descriptor_flags, "fdinfo/: flags are the file's and O_CLOEXEC: proc_pid_fdinfo(5)"),
	CASE(descriptor_modes, "fd/: a link's mode says what it is open for: proc_pid_fd(5)"),
	CASE(system_files, "meminfo, stat, uptime, loadavg, mounts, version: proc(5)"),
	CASE(settings, "sys/kernel and sys/vm: proc(5)"),
	CASE(set_as_root,
	     "settings are written; names are neither made nor removed: proc(5), observed"),
	CASE(reading_again, "a file is told anew from its start: proc(5), observed"),
	CASE(privacy, "strangers see stat, but not environ, exe, fd: proc(5)"),
	CASES_END,
};
