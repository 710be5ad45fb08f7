/* SPDX-License-Identifier: MIT */
#ifndef TEST_FUZZ_DIFF_H
#define TEST_FUZZ_DIFF_H

/*
 * One random sequence, played alike on Linux and on Samepage. A referee
 * (main.c) draws operations from a seed (draw.c) and has players, processes
 * of their own, carry them out (play.c, look.c), one at a time. What each
 * result was is a line of text; the lines of an episode are hashed.
 *
 * Nothing that the two kernels may do differently gets into a line: segments
 * are named by slot, processes by the order in which they began, addresses by
 * page of a window that the kernel never chooses from.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PAGE         4096ul
#define SPAN_PAGES   512ul
#define WINDOW       0x2000000000ul /* three spans, and nothing else for a gigabyte */
#define WINDOW_PAGES (3 * SPAN_PAGES)
#define CONTROL      0x1800000000ul

#define PLAYERS     3
#define SEGMENTS    8 /* slots that remember ids */
#define FILES       4
#define GENERATIONS 128
#define KEY_FIRST   0x5a3e7000

/* Descriptors that every player has. */
enum {
	FD_CONTROL = 9,
	FD_GO = 10,       /* + player: its turn comes here */
	FD_GO_WRITE = 14, /* + player */
	FD_DONE = 18,     /* a player is done */
	FD_DONE_WRITE = 19,
	FD_FILE = 20,      /* + file, for reading and writing */
	FD_READ_ONLY = 24, /* + file: reopened for reading only, or not there */
};

enum code {
	OP_SHMGET,
	OP_SHMAT,
	OP_SHMAT_ANYWHERE,
	OP_SHMDT,
	OP_STAT,
	OP_SET,
	OP_RMID,
	OP_INFO,
	OP_LOCK,
	OP_SHMCTL_RAW,
	OP_MMAP,
	OP_MUNMAP,
	OP_MPROTECT,
	OP_MREMAP,
	OP_MADVISE,
	OP_MSYNC,
	OP_MINCORE,
	OP_MLOCK,
	OP_READ,
	OP_WRITE,
	OP_PROBE,
	OP_FTRUNCATE,
	OP_FALLOCATE,
	OP_SEALS,
	OP_MEMFD,
	OP_REOPEN,
	OP_PREAD,
	OP_PWRITE,
	OP_LSEEK,
	OP_FSTAT,
	OP_PEER,
	OP_FUTEX,
	OP_FORK_CHILD,
	OP_SETUID,
	OP_SETGROUPS,
	OP_SYSCTL,
	OP_LIMIT,
	OP_MAPS,
	OP_SYSVIPC,
	OP_FORK, /* becomes another player, which ends first */
	OP_EXEC,
	OP_RESTART, /* exits, or is killed; begins afresh */
	OP_COUNT,
};

struct op {
	uint32_t code, player;
	int64_t a[6];
};

/* In a page that all share. */
struct board {
	struct op op;
	int32_t ids[SEGMENTS];
	bool cuts;                   /* this episode cuts areas: see draw_seed */
	uint32_t generation;         /* processes begun in this episode */
	int32_t pids[GENERATIONS];   /* by generation */
	int32_t player_pid[PLAYERS]; /* who plays now */
	char text[3000];             /* what the operation gave */
};
#define control ((struct board *)CONTROL)

/*
 * draw.c: the next operation of the sequence. Only where `cuts`, calls that cut
 * an area by its flags. How many pieces a segment's area is in afterwards
 * changed in Linux 6.5 (a boundary may move, where a piece was added), so that
 * nattch is compared exactly in the other episodes.
 */
void draw_seed(uint64_t seed, bool cuts);
void draw_op(struct op *op);

/* play.c */
void play_loop(unsigned player) __attribute__((noreturn));
void say(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
/* Appends "= VALUE", or the error. */
void say_result(long value);
/* The byte there, or 1000 and what signal it was with which code. */
int byte_read(uint64_t address);
int byte_write(uint64_t address, uint8_t value);
int pid_generation(int32_t pid); /* -1: nobody's; 0: none */
extern bool play_inherited;      /* this process is another player's child */
int id_slot(int32_t id);         /* -1: in no slot */

/* look.c: operations that only look */
void look_stat(const struct op *op);
void look_info(const struct op *op);
void look_maps(void);
void look_sysvipc(void);
void look_mincore(const struct op *op);

#endif
