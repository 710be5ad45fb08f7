// SPDX-License-Identifier: MIT
/*
 * Random system calls with random arguments, in child processes that may die
 * of them: the kernel may not. Arguments are drawn from what real ones look
 * like (descriptors, addresses in and out of mappings, small numbers, edges).
 *
 *	calls [seed [children [calls in each]]]
 *
 * Prints the seed first: it alone reproduces the run on one CPU. Exits 0 when
 * the kernel still forks, runs and reaps at the end.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE          4096ul
#define ARENA         (64 * PAGE)
#define CHILD_SECONDS 2
#define ALIVE_TRIES   100

static uint64_t state;
static char *arena;
static int32_t segments[4], sets[2], queues[2];

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1dull;
}

static const uint64_t edges[] = {
	0,
	1,
	2,
	7,
	8,
	4095,
	4096,
	4097,
	0x7fffffff,
	0x80000000,
	0xffffffff,
	1ull << 32,
	1ull << 47,
	0x7ffffffff000,
	0x800000000000,
	1ull << 62,
	1ull << 63,
	(uint64_t)-1,
	(uint64_t)-2,
	(uint64_t)-4096,
	0xffffffff80000000,
	0xffff888000000000,
	0xffffffc000000000,
};

static uint64_t draw_argument(void)
{
	switch (draw() % 8) {
	case 0:
		return edges[draw() % (sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return draw() % 12; /* a descriptor, a command, a signal */
	case 2:
		return (uint64_t)arena + draw() % ARENA;
	case 3:
		return (uint64_t)arena + draw() % (ARENA / PAGE) * PAGE;
	case 4:
		return draw() % 16 * PAGE;
	case 5:
		return 1ull << draw() % 64;
	case 6:
		return (uint64_t)segments[draw() % 4];
	default:
		return draw() >> draw() % 64;
	}
}

/* Calls that would only end the run: the machine's end, sleep without end, signals to everybody. */
static int forbidden(long number)
{
	static const long list[] = {
		SYS_reboot,
		SYS_exit,
		SYS_exit_group,
		SYS_kill,
		SYS_rt_sigsuspend,
		SYS_tkill,
		SYS_tgkill,
		SYS_wait4,
		SYS_waitid,
		SYS_nanosleep,
		SYS_ppoll,
		SYS_pselect6,
		SYS_setsid,
		SYS_rt_sigreturn,
		SYS_clone,
		SYS_vhangup,
		SYS_setpgid,
		SYS_unlinkat,
		SYS_umount2,
		SYS_mount,
		SYS_chroot,
		SYS_pivot_root,
		SYS_renameat2,
		SYS_rt_sigqueueinfo,
		SYS_ptrace,
		SYS_clock_nanosleep,
		SYS_rt_sigtimedwait,
		SYS_clone3,
		SYS_settimeofday,
		SYS_clock_settime,
		SYS_semop, /* ipc_call has them, without long sleeps */
		SYS_semtimedop,
		SYS_msgsnd,
		SYS_msgrcv,
		SYS_rt_tgsigqueueinfo,
#ifdef SYS_fork
		SYS_fork,
		SYS_vfork,
		SYS_pause,
		SYS_poll,
		SYS_select,
		SYS_unlink,
		SYS_rename,
		SYS_rmdir,
#endif
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i] == number)
			return 1;
	return 0;
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

static void child_run(unsigned calls)
{
	if (chdir("/tmp") != 0)
		_exit(1);
	/* Descriptors 0 to 2 are the run's own: give the calls others to break. */
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		if (dup2(null, fd) < 0)
			close(fd); /* an earlier child may have spoilt /dev/null */
	descriptors_open();
	for (unsigned i = 0; i < calls; i++) {
		long number = draw() % 4 ? (long)(draw() % 451) : draw_socket_call();
		uint64_t a[6];
		for (int n = 0; n < 6; n++)
			a[n] = draw_argument();
		/* Contents that look like pointers and lengths for what is read through pointers. */
		for (int n = 0; n < 8; n++)
			((uint64_t *)arena)[draw() % (PAGE / 8)] = draw_argument();
		if (draw() % 16 == 0)
			ipc_call();
		if (!forbidden(number))
			syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

/* Still a working kernel? A child that attaches, writes and exits. */
/* 0: not now; another of these programs may have removed the segment, as each does with all. */
static int shares_memory(void)
{
	int status, id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);

	if (id < 0)
		return 0;
	pid_t child = fork();
	if (child == 0) {
		char *map = shmat(id, NULL, 0);
		if (map == (void *)-1)
			_exit(1);
		map[0] = 1;
		_exit(0);
	}
	int good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
	shmctl(id, IPC_RMID, NULL);
	return good;
}

static int alive(void)
{
	for (int i = 0; i < ALIVE_TRIES; i++)
		if (shares_memory())
			return 1;
	return 0;
}

static void sets_and_queues_remove(void)
{
	struct seminfo sets_info;
	struct msginfo queues_info;
	struct semid_ds set;
	struct msqid_ds queue;
	int last = semctl(0, 0, SEM_INFO, &sets_info);

	for (int index = 0; index <= last; index++) {
		int id = semctl(index, 0, SEM_STAT, &set);
		if (id >= 0)
			semctl(id, 0, IPC_RMID);
	}
	last = msgctl(0, MSG_INFO, (struct msqid_ds *)&queues_info);
	for (int index = 0; index <= last; index++) {
		int id = msgctl(index, MSG_STAT, &queue);
		if (id >= 0)
			msgctl(id, IPC_RMID, NULL);
	}
}

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

/* The child's status; killed when it has slept or spun for too long. -1: it cannot be reaped. */
static int child_reap(pid_t child, const sigset_t *chld)
{
	struct timespec limit = {CHILD_SECONDS, 0};
	int status;

	for (;;) {
		pid_t reaped = waitpid(child, &status, WNOHANG);
		if (reaped)
			return reaped == child ? status : -1;
		if (sigtimedwait(chld, NULL, &limit) < 0 && errno == EAGAIN)
			kill(child, SIGKILL);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned children = argc > 2 ? (unsigned)atoi(argv[2]) : 200;
	unsigned calls = argc > 3 ? (unsigned)atoi(argv[3]) : 500;
	unsigned killed = 0;
	sigset_t chld;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);

	printf("calls: seed %llu, %u children, %u calls each\n", (unsigned long long)seed, children,
	       calls);
	fflush(stdout);
	for (unsigned i = 0; i < children; i++) {
		int status;
		state = (seed + i) * 0x9e3779b97f4a7c15ull | 1;
		pid_t child = fork();
		if (child == 0) {
			arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			for (int n = 0; n < 4; n++)
				segments[n] = shmget(IPC_PRIVATE, (1ul + n * 40) * PAGE,
						     IPC_CREAT | 0666);
			for (int n = 0; n < 2; n++) {
				sets[n] = semget(IPC_PRIVATE, 4 + n * 30, IPC_CREAT | 0666);
				queues[n] = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
			}
			setpgid(0, 0);
			if (i % 3 == 2 && setuid(1000 + i % 5) != 0)
				_exit(1);
			child_run(calls);
		}
		status = child < 0 ? -1 : child_reap(child, &chld);
		if (status == -1) {
			printf("calls: fork or wait failed at child %u: %s\n", i, strerror(errno));
			return 1;
		}
		killed += WIFSIGNALED(status);
		segments_remove();
		sets_and_queues_remove();
	}
	if (!alive()) {
		printf("calls: the kernel no longer shares memory\n");
		return 1;
	}
	printf("calls: %u of %u children died by a signal; the kernel goes on\n", killed, children);
	return 0;
}
