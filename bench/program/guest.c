// SPDX-License-Identifier: MIT
/*
 * The program as process 1 of a bare guest. It says at which count its first
 * instruction ran and how much memory was free then, runs the groups named in
 * /bench/orders (words on one line) in a child, and powers off.
 */

#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counter.h"
#include "operation.h"

#define WORDS_MAX 16

uint64_t bench_first_instruction = 1; /* counter.h: where the program is entered */

__asm__(COUNTER_ENTRY);

static void open_console(void)
{
	int fd = open("/dev/console", O_RDWR);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

/* The line of /bench/orders as arguments of this program. */
static void read_orders(char *arguments[WORDS_MAX + 1])
{
	static char line[256];
	FILE *file = fopen("/bench/orders", "r");
	int count = 0;

	arguments[count++] = "counts";
	if (file && fgets(line, sizeof(line), file))
		for (char *word = strtok(line, " \n"); word && count < WORDS_MAX;
		     word = strtok(NULL, " \n"))
			arguments[count++] = word;
	arguments[count] = NULL;
}

/* The crowds are larger than the limit of 4,096. Only ever in a guest. */
static void allow_many_segments(bool extended)
{
	FILE *file = fopen("/proc/sys/kernel/shmmni", "w");

	if (file) {
		fprintf(file, "%d\n", extended ? 1 << 21 : 32768);
		fclose(file);
	}
}

/* What Linux says it does about each fault of the CPU. */
static void print_mitigations(void)
{
	static const char folder[] = "/sys/devices/system/cpu/vulnerabilities";
	char path[512], line[200];
	struct dirent *entry;

	mkdir("/sys", 0755);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL) != 0)
		return;
	DIR *names = opendir(folder);
	while (names && (entry = readdir(names))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (file && fgets(line, sizeof(line), file))
			printf("@note\t%s\t%s", entry->d_name, line);
		if (file)
			fclose(file);
	}
	if (names)
		closedir(names);
	umount("/sys");
}

void guest_main(void)
{
	char *arguments[WORDS_MAX + 1];
	int status = -1;

	open_console();
	mkdir("/proc", 0755);
	(void)mount("proc", "/proc", "proc", 0, NULL);
	printf("\n@boot\t%llu\t%lld\n",
	       (unsigned long long)bench_first_instruction * COUNTER_ENTRY_UNIT,
	       (long long)file_number("/proc/meminfo", "MemFree"));
	print_mitigations();
	fflush(stdout);
	read_orders(arguments);
	allow_many_segments(arguments[1] && arguments[2] && !strcmp(arguments[2], "million"));
	pid_t child = fork();
	if (child == 0) {
		execv("/proc/self/exe", arguments);
		_exit(127);
	}
	waitpid(child, &status, 0);
	printf("@end\t%d\n", status);
	fflush(stdout);
	reboot(RB_POWER_OFF);
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}
