/* SPDX-License-Identifier: MIT */
#ifndef TEST_FUZZ_DIFF_H
#define TEST_FUZZ_DIFF_H

/*
 * One random sequence, played alike on Linux and on Samepage. Players,
 * processes of their own, which a referee starts (main.c), draw operations
 * from a seed (draw.c) and carry them out (play.c, look.c), one at a time
 * (turn.c). What each gave is text; all of an episode's is hashed.
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
#define SEGMENTS    8 /* slots that remember ids, of each kind */
#define FILES       4
#define GENERATIONS 128
#define KEY_FIRST   0x5a3e7000
#define USER_FIRST  1000
#define USERS       2
#define NAMES       3 /* in /dev/shm */
#define WAITERS     2 /* children that wait at once */
#define SEMVMX      32767
#define REFEREE     PLAYERS /* in turns */

#define OPERATIONS_MOST 10000 /* of an episode */

/* Descriptors that every player has. */
enum {
	FD_CONTROL = 9,
	FD_FILE = 20,      /* + file, for reading and writing */
	FD_READ_ONLY = 24, /* + file: reopened for reading only, or not there */
	FD_NAMESPACE = 28, /* the two IPC namespaces that an episode begins with */
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
	OP_SEMGET,
	OP_SEMOP,
	OP_SEMCTL,
	OP_SEM_STAT,
	OP_SEM_CHILD, /* operations with SEM_UNDO by a child, which ends */
	OP_SEM_WAIT,  /* children wait; something is done about it */
	OP_MSGGET,
	OP_MSGSND,
	OP_MSGRCV,
	OP_MSGCTL,
	OP_MSG_STAT,
	OP_MSG_WAIT,
	OP_IPC_SYSCTL,
	OP_NAMESPACE,
	OP_CAPABILITIES,
	OP_RECORD,
	OP_SHM_OPEN,
	OP_SHM_UNLINK,
	OP_FORK, /* becomes another player, which ends first */
	OP_EXEC,
	OP_RESTART, /* exits, or is killed; begins afresh */
	OP_COUNT,
};

struct op {
	uint32_t code, player;
	int64_t a[6];
};

/* Where the sequence stands. */
enum stage {
	DRAWN,   /* op is the next one */
	PLAYING, /* a player is at it */
	PLAYED,  /* it is done; its line is still to be noted */
	OVER,
};

/* In memory that all share. */
struct board {
	struct op op;
	uint32_t stage;
	uint32_t turn[PLAYERS + 1]; /* futexes: 1, and it is that player's turn, or the referee's */
	uint64_t random, hash;      /* the state of draw.c; of all lines so far */
	uint32_t number, operations; /* drawn; to draw */
	int32_t ids[SEGMENTS], sets[SEGMENTS], queues[SEGMENTS];
	uint32_t user_base;          /* the run's own users: others may run beside it */
	bool cuts;                   /* this episode cuts areas: see draw_seed */
	uint32_t generation;         /* processes begun in this episode */
	int32_t pids[GENERATIONS];   /* by generation */
	int32_t player_pid[PLAYERS]; /* who plays now */
	struct {
		int32_t value, error;
	} waited[WAITERS]; /* what a call gave that waited, until it can be said */
	uint32_t text_length;
	char text[3000]; /* what the operation gave */
	/* One of the hash after each operation; '-': it is not played. */
	char digits[OPERATIONS_MOST + 1];

	/* From here on the same for all episodes. */
	bool trace;
	bool one_area;                 /* --one-area: moves as on a Linux before 6.17 */
	bool skipped[OPERATIONS_MOST]; /* --keep: the others */
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

uint64_t draw(uint64_t bound);
#define PICK(...)                                                                                  \
	({                                                                                         \
		static const int64_t of[] = {__VA_ARGS__};                                         \
		of[draw(sizeof(of) / sizeof(of[0]))];                                              \
	})
int64_t draw_address(void);
bool draw_moves_as_it_is(
	const int64_t *a); /* OP_MREMAP: to a given place, without another length */
/* draw_ipc.c: the arguments of what is from OP_SEMGET on. */
void draw_ipc(struct op *op);

/* turn.c: draws the next operation that is to be played: DRAWN, or OVER. The caller says it in `stage`. */
enum stage turn_draw(void);
void turn_note(void); /* what the operation gave goes into the hash */
bool turn_referee_begins(void);
/* Wake whose turn it is; wait for one's own. False: so many seconds have passed (0: any number). */
void turn_give(unsigned to);
bool turn_wait(unsigned self, unsigned seconds);
/* After an operation: on to the next. True: it is one's own; else somebody was woken. */
bool turn_pass(unsigned self);

/* play.c: `amid` an operation, as after exec. */
void play_loop(unsigned player, bool amid) __attribute__((noreturn));
void say(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
void say_number(long value); /* say(" %ld", value), much faster */
/* Appends "= VALUE", or the error. */
void say_result(long value);
/* The byte there, or 1000 and what signal it was with which code. */
int byte_read(uint64_t address);
int byte_write(uint64_t address, uint8_t value);
int pid_generation(int32_t pid); /* -1: nobody's; 0: none */
extern bool play_inherited;      /* this process is another player's child */
/* Users are drawn as 0, 1000, 1001; what the kernel hears of the latter two is the run's own. */
uint32_t user_real(int64_t drawn);
uint32_t user_drawn(uint32_t real);

/* play_sem.c, play_msg.c, play_place.c: false if the operation is not theirs. */
bool play_sem(const struct op *op);
bool play_msg(const struct op *op);
bool play_place(const struct op *op);

/* wait.c: children that wait in a call. `call` runs in each; it returns what to keep. */
void wait_begin(unsigned count, long (*call)(const struct op *op, unsigned number),
		const struct op *op);
/* After something was done about it. Says what each gave, or that it waits still; none is left. */
void wait_end(bool interrupt);

/* look.c: operations that only look */
void look_stat(const struct op *op);
void look_info(const struct op *op);
void look_maps(void);
bool look_private(uint64_t address); /* there is private memory */
bool look_locked(void);              /* this process has locked some */
void look_sysvipc(void);
void look_mincore(const struct op *op);
bool namespace_lasts(void); /* this process's is one of the two: play_place.c */

#endif
