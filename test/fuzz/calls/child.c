// SPDX-License-Identifier: MIT
/* A child: what it has, and what it calls. */

#include "calls.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "kinds.h"

/*
 * Calls that would only end the run or spoil it for those after: the machine's end
 * and its clock, the child's end, signals to everybody, groups out of reach.
 */
static int forbidden(long number)
{
	static const long list[] = {
		SYS_reboot,
		SYS_exit,
		SYS_exit_group,
		SYS_setsid,
		SYS_setpgid,
		SYS_rt_sigreturn,
		SYS_vhangup,
		SYS_pivot_root,
		SYS_ptrace,
		SYS_settimeofday,
		SYS_clock_settime,
		SYS_kill,
		SYS_tkill,
		SYS_tgkill,
		SYS_rt_sigqueueinfo,
		SYS_rt_tgsigqueueinfo,
		SYS_pidfd_send_signal,
		SYS_clone,
		SYS_clone3,
		SYS_execve,
		SYS_execveat,
#ifdef SYS_fork
		SYS_fork,
		SYS_vfork,
#endif
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == number)
			return 1;
	return 0;
}

static void kind_call(void)
{
	const struct kinds *call = &kinds[draw() % (sizeof(kinds) / sizeof(kinds[0]))];
	uint64_t a[6] = {0};

	for (unsigned i = 0; i < 6 && call->arguments[i]; i++)
		a[i] = draw_kind(call->arguments[i]);
	if (!forbidden(call->number))
		syscall(call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* A signal to this process, as often as not one that it survives. */
static void signal_call(void)
{
	static const long numbers[] = {SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo,
				       SYS_rt_tgsigqueueinfo};
	static const int harmless[] = {0, SIGCHLD, SIGURG, SIGWINCH, SIGCONT, SIGALRM};
	long number = numbers[draw() % 5], self = getpid();
	long signal = draw() % 64 ? harmless[draw() % 6] : (long)(draw() % 66);

	if (number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo)
		syscall(number, self, self, signal, draw_memory());
	else
		syscall(number, self, signal, draw_memory());
}

/* Processes and threads with flags as they come; they end at once. Two on one stack only in turns. */
static void clone_call(void)
{
	uint64_t flags = draw_flags() << 8 | (draw() % 4 ? SIGCHLD : draw() % 256);

	if ((flags & 0x100) && draw() % 2)
		flags |= 0x4000; /* CLONE_VM, CLONE_VFORK */
	else
		flags &= ~0x100ull;
	if (syscall(SYS_clone, flags, 0, draw_memory(), draw_memory(), draw_memory()) == 0)
		syscall(SYS_exit, 0);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Whatever waits is interrupted before long. */
static void alarm_often(void)
{
	struct itimerval each_20ms = {{0, 20000}, {0, 20000}};
	struct sigaction action = {.sa_handler = on_alarm};
	sigset_t none;

	sigemptyset(&none);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &each_20ms, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A process of the child's own, which makes a few calls beside it. */
static void fork_call(void)
{
	pid_t pid = fork();

	if (pid)
		return;
	alarm_often();
	for (unsigned i = 0; i < 20; i++) {
		draw();
		kind_call();
	}
	syscall(SYS_exit_group, 0);
}

static int32_t draw_id(const int32_t ids[2])
{
	return draw() % 16 ? ids[draw() % 2] : (int32_t)draw_argument();
}

/* Operations that are mostly good ones; those that wait wait a millisecond. */
static void semaphore_call(void)
{
	struct sembuf *operations = (struct sembuf *)arena;
	struct timespec soon = {0, 1000000};
	unsigned count = (unsigned)(draw() % 16 ? 1 + draw() % 5 : draw() % 600);

	for (unsigned i = 0; i < count; i++) {
		operations[i].sem_num = (unsigned short)(draw() % 64 ? draw() % 4 : draw());
		operations[i].sem_op = (short)(draw() % 16 ? (int)(draw() % 7) - 3 : (int)draw());
		operations[i].sem_flg = (short)(draw() & (IPC_NOWAIT | SEM_UNDO));
	}
	syscall(SYS_semtimedop, draw_id(sets), operations, count, &soon);
}

/* System V semaphores and queues, with arguments that are closer to the point than drawn ones. */
static void ipc_call(void)
{
	struct msgbuf *message = (struct msgbuf *)(arena + draw() % PAGE);
	uint64_t size = draw() % 8 ? draw() % 3000 : draw_argument();
	long type = (long)(draw() % 9) - 4;

	switch (draw() % 8) {
	case 0:
		syscall(SYS_semctl, draw_id(sets), draw() % 5, draw() % 22, draw_argument());
		return;
	case 1:
		syscall(SYS_msgctl, draw_id(queues), draw() % 15, draw_argument());
		return;
	case 2:
		syscall(SYS_semget, draw() % 4, draw() % 40, draw() & 03777);
		syscall(SYS_msgget, draw() % 4, draw() & 03777);
		return;
	case 3:
	case 4:
		message->mtype = draw() % 8 ? (long)(1 + draw() % 5) : (long)draw_argument();
		syscall(SYS_msgsnd, draw_id(queues), message, size, draw() | IPC_NOWAIT);
		return;
	case 5:
		syscall(SYS_msgrcv, draw_id(queues), message, size, type,
			(draw() & 070000) | IPC_NOWAIT);
		return;
	default:
		semaphore_call();
	}
}

/* Those of sockets oftener than others. */
static long draw_socket_call(void)
{
	static const long list[] = {
		SYS_socketpair,
		SYS_socket,
		SYS_bind,
		SYS_listen,
		SYS_accept4,
		SYS_connect,
		SYS_sendto,
		SYS_recvfrom,
		SYS_sendmsg,
		SYS_recvmsg,
		SYS_sendmmsg,
		SYS_recvmmsg,
		SYS_setsockopt,
		SYS_getsockopt,
		SYS_shutdown,
		SYS_getsockname,
		SYS_fcntl,
		SYS_flock,
		SYS_set_robust_list,
		SYS_membarrier,
		424,
		434,
		449, /* pidfd_send_signal, pidfd_open, futex_waitv */
	};

	return list[draw() % (sizeof(list) / sizeof(list[0]))];
}

/*
 * Descriptors 4 to 11, where draws of small numbers find them: sockets of each
 * type, one that listens, one that is on its way to itself, a pidfd, memory.
 */
static void descriptors_open(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = {0, 'f', 'u', 'z', 'z'}};
	_Alignas(8) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec piece = {arena, 1};
	struct msghdr message = {.msg_iov = &piece,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int ends[2];

	*header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
		if (socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends))
			continue;
		memcpy(CMSG_DATA(header), &ends[1], sizeof(int));
		sendmsg(ends[0], &message, 0);
		sendmsg(ends[1], &message, 0);
	}
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (listener >= 0 && !bind(listener, (struct sockaddr *)&name, 7))
		listen(listener, 2);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	connect(client, (struct sockaddr *)&name, 7);
	syscall(434, getpid(), 0); /* pidfd_open */
	memfd_create("fuzz", MFD_ALLOW_SEALING);
}

static void files_make(void)
{
	if (chdir("/tmp") != 0)
		_exit(1);
	(void)mkdir("calls", 0777);
	if (chdir("calls") != 0)
		_exit(1);
	(void)mkdir("b", 0777);
	(void)symlink("a", "l");
	close(open("a", O_CREAT | O_RDWR, 0666));
	/* Descriptors 0 to 2 are the run's own: give the calls others to break. */
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			close(fd); /* an earlier child may have spoilt /dev/null */
}

/* Any number, any arguments. */
static void any_call(void)
{
	long number = draw() % 4   ? (long)(draw() % 480)
		      : draw() % 2 ? draw_socket_call()
				   : (long)draw_argument();
	uint64_t a[6];

	for (int n = 0; n < 6; n++)
		a[n] = draw_argument();
	if (!forbidden((int)number))
		syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void child_run(unsigned calls)
{
	files_make();
	descriptors_open();
	for (unsigned i = 0; i < calls; i++) {
		/* Contents that look like pointers and lengths for what is read through pointers. */
		for (int n = 0; n < 8; n++)
			((uint64_t *)arena)[draw() % (PAGE / 8)] = draw_argument();
		if (i % 16 == 0)
			alarm_often();
		if (draw() % 16 == 0)
			ipc_call();
		if (draw() % 64 == 0)
			signal_call();
		if (draw() % 128 == 0)
			clone_call();
		if (draw() % 256 == 0)
			fork_call();
		if (draw() % 4)
			kind_call();
		else
			any_call();
	}
	syscall(SYS_exit_group, 0);
}

int calls_list(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		puts(kinds[i].name);
	return 0;
}
