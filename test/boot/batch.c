// SPDX-License-Identifier: MIT
/*
 * In the guest: runs shmconform group by group, with marks between them, a limit
 * of time for each, and nothing left behind: batch SECONDS PROGRAM GROUP... A group that
 * hangs costs only itself. A shell with busybox's timeout would do, but that leaves a
 * process behind for seconds, whose memory comes back while the next group counts frames.
 */

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

static int group_run(const char *path, const char *group, int seconds)
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
		execl(path, path, "--group", group, (char *)NULL);
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
	if (argc < 4)
		return 1;
	for (int i = 3; i < argc; i++) {
		printf("@@ begin %s\n", argv[i]);
		fflush(stdout);
		int code = group_run(argv[2], argv[i], atoi(argv[1]));
		printf("\n@@ end %d\n", code);
		fflush(stdout);
	}
	return 0;
}
