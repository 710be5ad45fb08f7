// SPDX-License-Identifier: MIT
/*
 * In the guest: runs each program of a folder, with marks between them, a limit
 * of time for each, and nothing left behind: batch SECONDS FOLDER. A shell with
 * busybox's timeout would do, but that leaves a process behind for seconds,
 * whose memory comes back while the next program counts frames.
 */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LOOK_EVERY_NS 2000000

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

static int program_run(const char *path, int seconds)
{
	const struct timespec pause = {0, LOOK_EVERY_NS};
	time_t end = now() + seconds;
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return 125;
	if (pid == 0) {
		setpgid(0, 0);
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(1, 2);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		nanosleep(&pause, NULL);
		if (now() > end)
			kill(pid, SIGKILL);
	}
	kill(-pid, SIGKILL);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct dirent **entries;
	int count;

	if (argc != 3 || chdir(argv[2]) < 0)
		return 1;
	count = scandir(".", &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[512];
		if (entries[i]->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", argv[2], entries[i]->d_name);
		printf("@@ begin %s\n", entries[i]->d_name);
		fflush(stdout);
		int code = program_run(path, atoi(argv[1]));
		printf("\n@@ end %d\n", code);
		fflush(stdout);
	}
	return count <= 0;
}
