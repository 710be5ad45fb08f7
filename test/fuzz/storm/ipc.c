// SPDX-License-Identifier: MIT
/* Semaphores, message queues, and memfds that travel over a socket. */

#define _GNU_SOURCE
#include "storm.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SET_SIZE      5
#define TEXT_MAX      600
#define PASSED_PAGES  24
#define EXCLUDE_TURNS 4

/* A set or queue of the board; made when there is none. -1: not now. */
static int id_draw(int32_t *slot, bool set)
{
	int32_t none = 0, id = LOAD(slot) - 1;

	if (id >= 0)
		return id;
	id = set ? semget(IPC_PRIVATE, SET_SIZE, 0600) : msgget(IPC_PRIVATE, 0600);
	if (id < 0)
		return -1;
	if (__atomic_compare_exchange_n(slot, &none, id + 1, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		return id;
	if (set)
		(void)semctl(id, 0, IPC_RMID);
	else
		(void)msgctl(id, IPC_RMID, NULL);
	return none - 1;
}

void operate_semaphore(void)
{
	int32_t *slot = &me.board->sets[draw() % SETS];
	int id = id_draw(slot, true);
	struct timespec limit = {.tv_nsec = (long)(draw() % 3000000)};
	unsigned short values[SET_SIZE];
	struct sembuf operations[4];
	unsigned count = 1 + draw() % 4;

	if (id < 0)
		return;
	switch (draw() % 12) {
	case 0:
		id = (int)TAKE(slot) - 1;
		if (id >= 0)
			(void)semctl(id, 0, IPC_RMID);
		return;
	case 1:
		(void)semctl(id, (int)(draw() % SET_SIZE), SETVAL, (int)(draw() % 10));
		return;
	case 2:
		(void)semctl(id, 0, GETALL, values);
		return;
	default:
		break;
	}
	for (unsigned i = 0; i < count; i++)
		operations[i] = (struct sembuf){
			.sem_num = (unsigned short)(draw() % SET_SIZE),
			.sem_op = (short)((int)(draw() % 5) - 2),
			.sem_flg =
				(short)((chance(2) ? SEM_UNDO : 0) | (chance(3) ? IPC_NOWAIT : 0)),
		};
	(void)semtimedop(id, operations, count, &limit);
}

/*
 * One semaphore that only one holds. Who dies holding it gives it back by
 * SEM_UNDO and leaves its name, so an old name at the start is no error.
 */
void operate_exclusion(void)
{
	struct sembuf take = {.sem_op = -1, .sem_flg = SEM_UNDO};
	struct sembuf give = {.sem_op = 1, .sem_flg = SEM_UNDO};
	struct timespec limit = {.tv_nsec = 2000000};
	uint32_t token = (uint32_t)getpid();

	if (semtimedop(me.board->lock_set, &take, 1, &limit) != 0)
		return;
	STORE(&me.board->lock_owner, token);
	for (unsigned i = 0; i < EXCLUDE_TURNS; i++) {
		operate_touch();
		sched_yield();
		if (LOAD(&me.board->lock_owner) != token)
			fail("%u and %u both hold the semaphore", token,
			     LOAD(&me.board->lock_owner));
	}
	STORE(&me.board->lock_owner, 0);
	(void)semop(me.board->lock_set, &give, 1);
}

/* Futexes in whatever is mapped: found by object, so from other addresses and processes too. */
void operate_futex(void)
{
	struct timespec limit = {.tv_nsec = (long)(draw() % 1000000)};
	struct map *map = map_draw(), *other = map_draw();

	if (!map)
		return;
	uint32_t *word = (uint32_t *)(map->address + page_draw(map->bytes / PAGE) * PAGE);
	uint32_t *second = (uint32_t *)(other->address + page_draw(other->bytes / PAGE) * PAGE);
	switch (draw() % 4) {
	case 0:
		(void)syscall(SYS_futex, word, FUTEX_WAIT, 0, &limit, NULL, 0);
		break;
	case 1:
		(void)syscall(SYS_futex, word, FUTEX_REQUEUE, 1, (void *)2ul, second, 0);
		break;
	default:
		(void)syscall(SYS_futex, word, FUTEX_WAKE, 3, NULL, NULL, 0);
	}
}

/* ---- messages ---- */

struct text {
	long type;
	uint32_t length, salt;
	uint8_t bytes[TEXT_MAX];
};
#define TEXT_HEAD (sizeof(uint32_t) * 2)

static uint8_t text_byte(uint32_t salt, uint32_t at)
{
	return (uint8_t)(salt * 7 + at * 13);
}

void operate_queue(void)
{
	int32_t *slot = &me.board->queues[draw() % QUEUES];
	int id = id_draw(slot, false);
	struct text text = {.type = 1 + (long)(draw() % 5)};

	if (id < 0)
		return;
	if (chance(30)) {
		id = (int)TAKE(slot) - 1;
		if (id >= 0)
			(void)msgctl(id, IPC_RMID, NULL);
	} else if (chance(2)) {
		text.length = draw() % TEXT_MAX;
		text.salt = (uint32_t)draw();
		for (uint32_t i = 0; i < text.length; i++)
			text.bytes[i] = text_byte(text.salt, i);
		(void)msgsnd(id, &text, TEXT_HEAD + text.length, IPC_NOWAIT);
	} else {
		ssize_t got = msgrcv(id, &text, sizeof(text) - sizeof(long), (long)(draw() % 7) - 3,
				     IPC_NOWAIT | MSG_NOERROR);
		if (got < 0)
			return;
		if ((size_t)got != TEXT_HEAD + text.length)
			fail("a message of %zd bytes says that it has %u", got, text.length);
		for (uint32_t i = 0; i < text.length; i++)
			if (text.bytes[i] != text_byte(text.salt, i))
				fail("byte %u of a message is %u", i, text.bytes[i]);
	}
}

/* ---- descriptors ---- */

union control_bytes {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void pass(void)
{
	uint32_t number = number_new();
	struct iovec vector = {&number, sizeof(number)};
	union control_bytes space = {0};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &space,
				 .msg_controllen = sizeof(space.bytes)};
	int fd = memfd_create("passed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (fd < 0)
		return;
	(void)ftruncate(fd, PASSED_PAGES * PAGE);
	if (chance(4))
		(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	(void)sendmsg(SOCKET_FD + (int)(draw() % 2), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(fd);
}

static void receive(void)
{
	uint32_t number = 0;
	struct iovec vector = {&number, sizeof(number)};
	union control_bytes space = {0};
	struct msghdr message = {.msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = &space,
				 .msg_controllen = sizeof(space.bytes)};
	int fd;

	if (recvmsg(SOCKET_FD + (int)(draw() % 2), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
	    sizeof(number))
		return;
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return; /* no descriptor was free */
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	struct map map = {
		.bytes = PASSED_PAGES * PAGE, .number = number, .kind = MEMFD, .write = true};
	void *at = mmap(NULL, map.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (chance(4))
		(void)ftruncate(fd, (off_t)(draw() % PASSED_PAGES * PAGE));
	if (chance(4)) { /* once more round */
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
		(void)sendmsg(SOCKET_FD, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	close(fd);
	if (at == MAP_FAILED)
		return;
	map.address = (uintptr_t)at;
	touch(&map, draw() % PASSED_PAGES, true);
	(void)map_enter(&map);
}

void operate_pass(void)
{
	if (chance(2))
		pass();
	else
		receive();
}
