/* SPDX-License-Identifier: MIT */
#ifndef TEST_SHORTAGE_CALL_H
#define TEST_SHORTAGE_CALL_H

/*
 * The table: every system call that the kernel has, and what a program's own
 * accesses need memory for. An entry says how the call is made ready, made and
 * taken back; the drivers (nth.c, full.c) make it while memory is short.
 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define PAGE       4096ul
#define ERRORS_MAX 4

struct call {
	const char *name; /* the kernel's: sys_NAME; "access to memory": no call */
	const char *what; /* which of its ways, if there are several */
	/* The call itself: 0 or more, or -1 and errno. Or its number and arguments. */
	long (*run)(void);
	long number, argument[6];
	const long *first; /* the first argument is there */
	/* None of these is made to fail. */
	void (*before)(void);      /* once */
	void (*ready)(void);       /* before each time */
	void (*undo)(long result); /* after each success */
	unsigned flags;            /* CALL_ */
	int answer;                /* what it fails with although there is memory; 0: it succeeds */
	int errors
		[ERRORS_MAX]; /* what it may fail with without, beside ENOMEM; its man page says so */
};

#define CALL_ALLOCATES (1u << 0) /* else it needs no memory at all, and that is tested */
#define CALL_ALONE     (1u << 1) /* in a process of its own each time, which may end by it */
#define CALL_KILLS     (1u << 2) /* the program touches memory: without any, SIGKILL ends it */
#define CALL_BUS       (1u << 3) /* the same with a shared page: SIGBUS */
#define CALL_SEGV      (1u << 4) /* a signal's frame does not fit: SIGSEGV, as on Linux */
#define CALL_PARTS     (1u << 5) /* who fails half way has done the first half: the man page says so */
#define CALL_SOMETIMES (1u << 7) /* it allocates or not: an alarm that comes meanwhile does */
#define CALL_CERTAIN   (1u << 6) /* it does not fail for want of memory, not with ENOMEM either */

/* How entries are written: a call with constant arguments. Pointers too are numbers: AT(buffer). */
#define AT(object)               ((long)(object))
#define CALL(call, ...)          .name = #call, .number = SYS_##call, .argument = {__VA_ARGS__}
#define RUN(call, way, function) .name = #call, .what = (way), .run = (function)

extern const struct call calls_identity[], calls_memory[], calls_file[], calls_name[],
	calls_event[], calls_process[], calls_signal[], calls_socket[], calls_ipc[], calls_old[],
	calls_proc[];

/* ---- the world that each process of the test makes itself (world.c) ---- */

/* Descriptors with fixed numbers. */
enum {
	FD_CONTROL = 40, /* fail-nth */
	FD_FILE,         /* "f" in tmpfs: 8 KiB of text, opened for both */
	FD_DIRECTORY,    /* the directory */
	FD_PATH,         /* a second file, empty */
	FD_PIPE_OUT,
	FD_PIPE_IN,
	FD_SOCKET, /* a pair of streams */
	FD_PEER,
	FD_DATAGRAM, /* a pair of datagram sockets */
	FD_DATAGRAM_PEER,
	FD_LISTENER, /* abstract, named "shortage" and the pid */
	FD_FREE,     /* a stream that is not connected */
	FD_EPOLL,
	FD_EVENT,
	FD_TIMER,
	FD_MEMORY, /* memfd, 64 pages, sealable */
	FD_SELF,   /* pidfd of this process */
	FD_NAMESPACE,
	FD_NULL,
	FD_LAST,
};

/* At fixed addresses, 64 pages each. */
#define ARENA  0x10000000ul /* private, read and write, all there */
#define SHARED 0x20000000ul /* shared and anonymous, the first half there */
#define ROOM   0x30000000ul /* nothing is here */
#define AREA   (64 * PAGE)

extern const struct call *call_now; /* which is being made */
extern char buffer[65536];          /* for results */
extern long segment_id, set_id, queue_id, own_pid, helper_pid;

void world_enter(void);
void helper_start(void); /* a child, helper_pid, that does nothing and needs no memory any more */
void world_touch(void);  /* every page of the program itself is there and its own */
void world_clean(void);  /* what killed processes left */
void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void need(bool good, const char *what); /* set-up that failed */
long result_of(const struct call *call);
bool is_answer(const struct call *call, int error); /* documented */
const char *call_name(const struct call *call);     /* with its way */

/* Used by several tables. */
void undo_close(long fd);
void undo_unmap(long address); /* one area of 64 pages */
void drain(void);              /* pipes and sockets are empty */

/* ---- the drivers: how many entries failed ---- */

struct counts {
	uint64_t frames, bytes, objects, pages, leaves, mappings, processes;
};

void counts_now(struct counts *counts);
bool counts_return(const struct counts *before, char *text,
		   unsigned size); /* waits for stragglers */
unsigned nth_drive(const struct call *const *calls, unsigned count);
unsigned full_drive(const struct call *const *calls, unsigned count);

/* What a process of the test tells the driver. */
struct report {
	volatile unsigned state, left;
	volatile int error;
	volatile long result;
	volatile bool told, helper_waits;
	char problem[400];
};

extern struct report *report;
extern char **environment;

#endif
