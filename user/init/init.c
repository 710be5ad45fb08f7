// SPDX-License-Identifier: MIT
/*
 * Process 1 of the guest: reads its orders, runs one program, sends the runner
 * what it wrote, the files asked for and its status, and powers off.
 *
 * Two ways to run the program. Normally its standard streams are pipes and a
 * child of ours, the pump, carries them over the port. With a console order it
 * leads a session on /dev/console, and only the end goes over the port.
 * Process 1 itself only waits, so that orphans are always reaped.
 *
 * `init ORDERS PORT-DESCRIPTOR` is for its test on the host: it mounts nothing
 * and exits at the end.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <grp.h>

#include "init.h"
#include "protocol.h"

#define ORDERS_PATH "/samepage/orders"
#define PORT_PATH   "/dev/port1"

static void descriptors_prepare(void)
{
	int fd = open("/dev/console", O_RDWR);

	/* Pipes must not land on 0, 1 and 2. */
	while (fd >= 0 && fd < 2)
		fd = dup(fd);
	if (fd > 2)
		close(fd);
}

static void mount_missing(const char *probe, const char *type, const char *where, const char *data)
{
	if (access(probe, F_OK) == 0)
		return;
	mkdir(where, 0755);
	if (mount(type, where, type, 0, data) < 0)
		fprintf(stderr, "init: mount %s: %s\n", where, strerror(errno));
}

static void system_prepare(void)
{
	mount_missing("/proc/self", "proc", "/proc", NULL);
	mount_missing("/dev/null", "devtmpfs", "/dev", NULL);
	mount_missing("/dev/shm", "tmpfs", "/dev/shm", "mode=1777");
}

/* The port with the line raw, or -1 when the machine has none. */
static int port_open(void)
{
	int port = open(PORT_PATH, O_RDWR | O_CLOEXEC | O_NOCTTY);
	struct termios termios;

	if (port >= 0 && tcgetattr(port, &termios) == 0) {
		cfmakeraw(&termios);
		tcsetattr(port, TCSANOW, &termios);
	}
	return port;
}

/* The group and home folder of a user, from /etc/passwd. */
static gid_t user_look_up(uid_t user, char *home, size_t size_bytes)
{
	FILE *file = fopen("/etc/passwd", "re");
	gid_t group = user;
	char line[512], folder[256];
	unsigned uid, gid;

	snprintf(home, size_bytes, "/");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*[^:]:%*[^:]:%u:%u:%*[^:]:%255[^:]", &uid, &gid, folder) != 3 ||
		    uid != user)
			continue;
		group = gid;
		snprintf(home, size_bytes, "%s", folder);
		break;
	}
	if (file)
		fclose(file);
	return group;
}

/* Our child, with its streams in place, becomes the program. */
static void program_become(const struct orders *orders)
{
	char home[256];
	gid_t group = user_look_up(orders->user, home, sizeof(home));

	signal(SIGPIPE, SIG_DFL);
	clearenv();
	setenv("PATH", "/sbin:/bin:/usr/sbin:/usr/bin", 1);
	setenv("HOME", home, 1);
	for (size_t i = 0; i < orders->environment_count; i++)
		putenv(orders->environment[i]);
	if (orders->user &&
	    (setgroups(0, NULL) < 0 || setgid(group) < 0 || setuid(orders->user) < 0)) {
		fprintf(stderr, "init: user %u: %s\n", orders->user, strerror(errno));
		_exit(126);
	}
	execvp(orders->arguments[0], orders->arguments);
	int error = errno;
	fprintf(stderr, "init: %s: %s\n", orders->arguments[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

static void console_take(const struct orders *orders)
{
	int console = open("/dev/console", O_RDWR);
	struct winsize size = {.ws_row = (unsigned short)orders->rows,
			       .ws_col = (unsigned short)orders->columns};

	if (console < 0 || ioctl(console, TIOCSCTTY, 1) < 0)
		fprintf(stderr, "init: /dev/console: %s\n", strerror(errno));
	if (console < 0)
		return;
	if (orders->rows && orders->columns)
		ioctl(console, TIOCSWINSZ, &size);
	fchown(console, orders->user, (gid_t)-1);
	for (int fd = 0; fd <= 2; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
}

/* Reaps every child until `wanted` has ended: its status, or -1. */
static int reap_until(pid_t wanted)
{
	int status;

	for (;;) {
		pid_t pid = wait(&status);
		if (pid == wanted)
			return status;
		if (pid < 0 && errno != EINTR) {
			fprintf(stderr, "init: wait: %s\n", strerror(errno));
			return -1;
		}
	}
}

static void run_on_console(const struct orders *orders, int port)
{
	if (port >= 0 && !start_await(port))
		fprintf(stderr, "init: the control port is lost\n");
	pid_t program = fork();

	if (program == 0) {
		setsid();
		console_take(orders);
		program_become(orders);
	}
	int status = program < 0 ? 126 << 8 : reap_until(program);
	if (port >= 0)
		result_send(port, orders, status);
	else
		fprintf(stderr, "init: no " PORT_PATH "; the program's status is %#x\n", status);
}

static pid_t program_start(const struct orders *orders, const int pipes[3][2])
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setsid();
	dup2(pipes[0][0], 0);
	dup2(pipes[1][1], 1);
	dup2(pipes[2][1], 2);
	program_become(orders);
	_exit(126);
}

static void pump_become(const struct orders *orders, int port, int pipes[3][2], int status_fd)
{
	struct program_pipes ours = {pipes[0][1], pipes[1][0], pipes[2][0], status_fd};

	close(pipes[0][0]);
	close(pipes[1][1]);
	close(pipes[2][1]);
	fcntl(ours.to_stdin, F_SETFL, O_NONBLOCK);
	fcntl(ours.from_stdout, F_SETFL, O_NONBLOCK);
	fcntl(ours.from_stderr, F_SETFL, O_NONBLOCK);
	fcntl(ours.status, F_SETFL, O_NONBLOCK);
	int status = pump_run(port, &ours);
	if (status >= 0)
		result_send(port, orders, status);
	_exit(status < 0);
}

static void run_on_pipes(const struct orders *orders, int port)
{
	int pipes[3][2], status_pipe[2];

	for (int i = 0; i < 3; i++) {
		if (pipe2(pipes[i], O_CLOEXEC) < 0) {
			fprintf(stderr, "init: pipe: %s\n", strerror(errno));
			return;
		}
	}
	if (pipe2(status_pipe, O_CLOEXEC) < 0)
		return;
	pid_t program = program_start(orders, pipes);
	pid_t pump = fork();
	if (pump == 0) {
		close(status_pipe[1]);
		pump_become(orders, port, pipes, status_pipe[0]);
	}
	for (int i = 0; i < 3; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	if (program < 0 || pump < 0) {
		fprintf(stderr, "init: fork: %s\n", strerror(errno));
		return;
	}
	int status = reap_until(program);
	if (write(status_pipe[1], &status, sizeof(status)) == sizeof(status))
		reap_until(pump);
}

int main(int argc, char **argv)
{
	bool test = argc == 3;
	struct orders orders;
	int port;

	if (test) {
		port = atoi(argv[2]);
		fcntl(port, F_SETFD, FD_CLOEXEC);
	} else {
		descriptors_prepare();
		system_prepare();
		port = port_open();
	}
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	if (orders_read(test ? argv[1] : ORDERS_PATH, &orders)) {
		if (port >= 0)
			port_send(port, FRAME_HELLO, "samepage-init 1", 15);
		if (orders.console || port < 0)
			run_on_console(&orders, port);
		else
			run_on_pipes(&orders, port);
	}
	if (test)
		return 0;
	sync();
	reboot(RB_POWER_OFF);
	fprintf(stderr, "init: reboot: %s\n", strerror(errno));
	for (;;)
		pause();
}
