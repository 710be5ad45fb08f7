// SPDX-License-Identifier: MIT
/*
 * What happens next. The sequence depends on the seed alone, never on what an
 * operation gave, so that one difference does not change all that follows.
 */

#define _GNU_SOURCE

#include "diff.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

void draw_seed(uint64_t seed, bool cuts)
{
	control->cuts = cuts;
	control->random = (seed + 1) * 0x9e3779b97f4a7c15ull | 1;
}

uint64_t draw(uint64_t bound)
{
	uint64_t state = control->random;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	control->random = state;
	return (state * 0x2545f4914f6cdd1dull >> 20) % bound;
}

static int64_t draw_page(void)
{
	return draw(4) ? PICK(0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 18, 20, 510, 511, 512, 513,
			      514, 516, 1022, 1023, 1024, 1025, 1030)
		       : (int64_t)draw(40);
}

static int64_t draw_pages(void)
{
	return draw(3) ? PICK(1, 1, 1, 2, 2, 3, 4, 5) : PICK(8, 15, 16, 17, 40, 511, 512, 513, 600);
}

/* An address: nearly always at a page. */
int64_t draw_address(void)
{
	return (int64_t)WINDOW + draw_page() * (int64_t)PAGE +
	       (draw(30) ? 0 : PICK(1, 8, 2048, 4095));
}

/* A length that stays in the window, or near it. */
static int64_t draw_length(void)
{
	return draw_pages() * (int64_t)PAGE - (draw(20) ? 0 : PICK(1, 100, 4095));
}

static int64_t draw_bytes(void)
{
	return draw(3) ? draw_page() * (int64_t)PAGE
		       : PICK(0, 1, 100, 4095, 4096, 4097, 8191, 65536, 65537, 0x200000, 0x200001);
}

static int64_t draw_protection(void)
{
	return PICK(PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		    PROT_READ, PROT_NONE, PROT_WRITE, PROT_READ | PROT_WRITE | PROT_EXEC,
		    PROT_READ | PROT_EXEC);
}

static int64_t draw_segment(void)
{
	return (int64_t)draw(SEGMENTS);
}

static void draw_shmget(int64_t *a)
{
	a[0] = draw_segment();
	a[1] = draw(3) ? KEY_FIRST + (int64_t)draw(4) : IPC_PRIVATE;
	a[2] = PICK(1, 4096, 4096, 4097, 3 * 4096, 8 * 4096, 65536, 65537, 512 * 4096, 513 * 4096,
		    600 * 4096, 0, -1, 1ll << 62);
	a[3] = PICK(0, IPC_CREAT, IPC_CREAT, IPC_CREAT, IPC_CREAT, IPC_CREAT | IPC_EXCL, IPC_EXCL) |
	       PICK(0600, 0600, 0600, 0666, 0666, 0400, 0, 0640, 0777, 0060, 0006) |
	       PICK(0, 0, 0, SHM_NORESERVE, 01000, 02000);
}

static void draw_mmap(int64_t *a)
{
	a[0] = draw_address();
	a[1] = draw(40) ? draw_length() : 0;
	a[2] = draw_protection();
	a[3] = PICK(MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_FIXED_NOREPLACE) |
	       PICK(MAP_SHARED, MAP_PRIVATE, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE, 0) |
	       PICK(0, 0, 0, 0, MAP_POPULATE, MAP_NORESERVE, MAP_LOCKED);
	a[4] = draw(3) ? FD_FILE + (int64_t)draw(2 * FILES) : -1;
	a[5] = draw(3) ? PICK(0, 0, 0, 4096, 8192, 5 * 4096, 512 * 4096) : draw_bytes();
	if (a[4] < 0)
		a[3] |= MAP_ANONYMOUS;
	else if (a[3] & MAP_PRIVATE && !(a[3] & MAP_SHARED))
		a[4] &= ~2; /* the files that never shrink: play_ftruncate */
}

/* Such a move may span areas from Linux 6.17 on, and not before. */
bool draw_moves_as_it_is(const int64_t *a)
{
	return a[3] & MREMAP_FIXED && (a[1] + (int64_t)PAGE - 1) / (int64_t)PAGE ==
					      (a[2] + (int64_t)PAGE - 1) / (int64_t)PAGE;
}

static void draw_mremap(int64_t *a)
{
	a[0] = draw_address();
	a[1] = draw(12) ? draw_length() : 0;
	a[2] = draw(40) ? draw_length() : 0;
	a[3] = draw(3) ? MREMAP_MAYMOVE | MREMAP_FIXED : PICK(0, 0, 0, MREMAP_FIXED, 8);
	if (draw(10) == 0)
		a[3] |= MREMAP_DONTUNMAP;
	if (draw(4) == 0)
		a[2] = a[1];
	if (control->one_area && draw_moves_as_it_is(a))
		a[1] = a[2] = (int64_t)PAGE;
	a[4] = draw_address();
}

static void draw_range(int64_t *a)
{
	a[0] = draw_address();
	a[1] = draw(40) ? draw_length() : 0;
}

static void draw_file(struct op *op)
{
	int64_t *a = op->a;

	a[0] = FD_FILE + (int64_t)draw(draw(6) ? FILES : 2 * FILES);
	a[1] = draw_bytes();
	a[2] = draw(10) ? draw_bytes() : 0;
	switch (op->code) {
	case OP_FTRUNCATE:
		if (draw(20) == 0)
			a[1] = -1;
		break;
	case OP_FALLOCATE:
		a[3] = PICK(0, 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE,
			    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE,
			    FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_ZERO_RANGE, 0x80);
		break;
	case OP_SEALS:
		a[1] = draw(3) ? PICK(F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_FUTURE_WRITE,
				      F_SEAL_SEAL, F_SEAL_SHRINK | F_SEAL_GROW, 0x40)
			       : -1;
		break;
	case OP_MEMFD:
		a[1] = PICK(MFD_ALLOW_SEALING, MFD_ALLOW_SEALING, MFD_ALLOW_SEALING, 0, MFD_CLOEXEC,
			    0x4000);
		break;
	case OP_PREAD:
	case OP_PWRITE:
		a[2] = draw_address();
		a[3] = draw(3) ? PICK(0, 1, 10, 4096, 5000) : draw_length();
		break;
	case OP_LSEEK:
		a[2] = PICK(SEEK_DATA, SEEK_HOLE, SEEK_SET, SEEK_END);
		break;
	default:
		break;
	}
}

static void draw_identity(struct op *op)
{
	int64_t *a = op->a;

	switch (op->code) {
	case OP_SETUID: /* the saved user stays root, or nearly always */
		a[0] = PICK(0, 0, 0, 0, 1000, 1000, 1001);
		a[1] = draw(10) ? 0 : a[0];
		a[2] = PICK(0, 0, 100, 101);
		break;
	case OP_SETGROUPS:
		a[0] = PICK(0, 1, 2);
		a[1] = PICK(100, 101, 102);
		break;
	case OP_SYSCTL:
		a[0] = (int64_t)draw(4);
		a[1] = PICK(0, 1, 4096, 65536, 1 << 26, 1 << 26, 32, 32, 64, -1, 40000);
		break;
	default:
		a[0] = (int64_t)draw(2);
		a[1] = PICK(0, 4096, 65536, 1 << 22);
		break;
	}
}

static void draw_shm(struct op *op)
{
	int64_t *a = op->a;

	a[0] = draw_segment();
	switch (op->code) {
	case OP_SHMGET:
		draw_shmget(a);
		break;
	case OP_SHMAT:
	case OP_SHMAT_ANYWHERE:
		a[1] = draw(30) ? draw_address() : PICK(0, -4096);
		a[2] = PICK(0, 0, 0, 0, SHM_RDONLY, SHM_RND, SHM_REMAP, SHM_REMAP, SHM_EXEC,
			    SHM_RDONLY | SHM_REMAP, SHM_RND | SHM_REMAP, 0100);
		break;
	case OP_SHMDT:
		a[0] = draw_address();
		break;
	case OP_STAT:
		a[1] = (int64_t)draw(4);
		break;
	case OP_SET:
		a[1] = PICK(0, 0, 1000, 1001, -1);
		a[2] = PICK(0, 0, 100, 101);
		a[3] = PICK(0600, 0666, 0777, 0, 0400, 0644, 01777, 0060, 0006);
		break;
	case OP_SHMCTL_RAW:
		a[0] = draw(2) ? PICK(-1, 0x7fffffff) : draw_segment() + 1000;
		a[1] = PICK(-1, 0, 1, 2, 3, 4, 5, 6, 10, 13, 14, 15, 16, 0x100, 0x102);
		a[2] = PICK(0, 1, (int64_t)WINDOW, (int64_t)WINDOW + 4000);
		break;
	default:
		a[1] = (int64_t)draw(2);
		break;
	}
}

static void draw_memory(struct op *op)
{
	int64_t *a = op->a;

	draw_range(a);
	if (!control->cuts && (op->code == OP_MPROTECT || op->code == OP_MLOCK))
		op->code = OP_PROBE;
	switch (op->code) {
	case OP_MMAP:
		draw_mmap(a);
		break;
	case OP_MREMAP:
		draw_mremap(a);
		break;
	case OP_MPROTECT:
		a[2] = draw_protection();
		break;
	case OP_MADVISE:
		a[2] = PICK(MADV_WILLNEED, MADV_DONTNEED, MADV_REMOVE, MADV_COLD,
			    MADV_POPULATE_READ, MADV_POPULATE_WRITE);
		if (control->cuts)
			a[2] = PICK(MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
				    MADV_DONTNEED, MADV_DONTNEED, MADV_REMOVE, MADV_REMOVE,
				    MADV_DONTFORK, MADV_DOFORK, MADV_WIPEONFORK, MADV_KEEPONFORK,
				    MADV_DONTDUMP, MADV_DODUMP, MADV_COLD, MADV_POPULATE_READ,
				    MADV_POPULATE_WRITE, 99);
		break;
	case OP_MSYNC:
		a[2] = PICK(MS_SYNC, MS_ASYNC, MS_INVALIDATE, MS_SYNC | MS_ASYNC,
			    MS_SYNC | MS_INVALIDATE, 8, 0);
		break;
	case OP_MLOCK:
		a[2] = (int64_t)draw(3);
		break;
	case OP_WRITE:
	case OP_FORK_CHILD:
		a[2] = (int64_t)draw(250) + 1;
		break;
	case OP_PROBE:
		a[1] = (int64_t)draw(24) + 1;
		break;
	case OP_PEER:
		a[2] = draw_address();
		a[3] = (int64_t)draw(PLAYERS);
		a[4] = (int64_t)draw(2);
		break;
	case OP_FUTEX:
		a[0] &= ~3;
		a[1] = (int64_t)draw(4);
		break;
	default:
		break;
	}
}

/* How often each comes. */
static const uint8_t weights[OP_COUNT] = {
	[OP_SHMGET] = 10,      [OP_SHMAT] = 22,     [OP_SHMAT_ANYWHERE] = 3, [OP_SHMDT] = 12,
	[OP_STAT] = 8,         [OP_SET] = 4,        [OP_RMID] = 4,           [OP_INFO] = 2,
	[OP_LOCK] = 2,         [OP_SHMCTL_RAW] = 2, [OP_MMAP] = 18,          [OP_MUNMAP] = 10,
	[OP_MPROTECT] = 12,    [OP_MREMAP] = 12,    [OP_MADVISE] = 12,       [OP_MSYNC] = 2,
	[OP_MINCORE] = 4,      [OP_MLOCK] = 4,      [OP_READ] = 16,          [OP_WRITE] = 26,
	[OP_PROBE] = 16,       [OP_FTRUNCATE] = 6,  [OP_FALLOCATE] = 6,      [OP_SEALS] = 3,
	[OP_MEMFD] = 2,        [OP_REOPEN] = 2,     [OP_PREAD] = 6,          [OP_PWRITE] = 6,
	[OP_LSEEK] = 3,        [OP_FSTAT] = 3,      [OP_PEER] = 8,           [OP_FUTEX] = 3,
	[OP_FORK_CHILD] = 3,   [OP_SETUID] = 5,     [OP_SETGROUPS] = 2,      [OP_SYSCTL] = 2,
	[OP_LIMIT] = 1,        [OP_MAPS] = 6,       [OP_SYSVIPC] = 3,        [OP_FORK] = 3,
	[OP_EXEC] = 1,         [OP_RESTART] = 1,    [OP_SEMGET] = 9,         [OP_SEMOP] = 24,
	[OP_SEMCTL] = 14,      [OP_SEM_STAT] = 4,   [OP_SEM_CHILD] = 3,      [OP_SEM_WAIT] = 3,
	[OP_MSGGET] = 8,       [OP_MSGSND] = 18,    [OP_MSGRCV] = 18,        [OP_MSGCTL] = 6,
	[OP_MSG_STAT] = 5,     [OP_MSG_WAIT] = 3,   [OP_IPC_SYSCTL] = 2,     [OP_NAMESPACE] = 3,
	[OP_CAPABILITIES] = 3, [OP_RECORD] = 5,     [OP_SHM_OPEN] = 3,       [OP_SHM_UNLINK] = 1,
};

void draw_op(struct op *op)
{
	unsigned sum = 0, chosen;

	memset(op, 0, sizeof(*op));
	for (unsigned i = 0; i < OP_COUNT; i++)
		sum += weights[i];
	chosen = (unsigned)draw(sum);
	while (chosen >= weights[op->code])
		chosen -= weights[op->code++];
	op->player = (uint32_t)draw(PLAYERS);
	if (op->code <= OP_SHMCTL_RAW)
		draw_shm(op);
	else if ((op->code >= OP_FTRUNCATE && op->code <= OP_FSTAT))
		draw_file(op);
	else if (op->code >= OP_SETUID && op->code <= OP_LIMIT)
		draw_identity(op);
	else if (op->code >= OP_SEMGET && op->code <= OP_SHM_UNLINK)
		draw_ipc(op);
	else if (op->code == OP_FORK)
		op->a[0] = (op->player + 1 + (int64_t)draw(PLAYERS - 1)) % PLAYERS;
	else if (op->code == OP_RESTART)
		op->a[0] = (int64_t)draw(2);
	else
		draw_memory(op);
}
