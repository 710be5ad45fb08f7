// SPDX-License-Identifier: MIT
/*
 * What the kernel writes, byte by byte: each field of each structure at its
 * offset, with its width, whatever libc's headers say. The layouts are those of all
 * 64-bit machines that Linux runs on with little-endian order (asm-generic/shmbuf.h).
 */

#include "shm_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define KEY  0x5a3e0a01
#define SIZE 5000
#define FILL 0xa5

/* Bigger than every structure, so that what is written beyond one shows. */
static unsigned char bytes[256];

static long control(int id, int command)
{
	if (sizeof(long) != 8)
		SKIP("the layouts here are those of 64-bit machines");
	memset(bytes, FILL, sizeof(bytes));
	return CHECK_OK(syscall(SYS_shmctl, id, command, bytes));
}

static uint64_t field(size_t offset, size_t width)
{
	uint64_t value = 0;

	memcpy(&value, bytes + offset, width);
	return value;
}

/* Nothing behind the structure was written. */
static void check_end(size_t size)
{
	CHECK_EQ(bytes[size - 1], 0);
	for (size_t i = size; i < sizeof(bytes); i++)
		CHECK_EQ(bytes[i], FILL);
}

/* A segment whose every field differs: read into `bytes`, removed. */
static int look(void)
{
	int id = CHECK_OK(shmget(KEY, SIZE, IPC_CREAT | IPC_EXCL | 0640));

	control(id, IPC_STAT);
	remove_segment(id);
	return id;
}

static void perm_key(void)
{
	look();
	CHECK_EQ(field(0, 4), KEY);
}

static void perm_owner(void)
{
	look();
	CHECK_EQ(field(4, 4), geteuid());
	CHECK_EQ(field(8, 4), getegid());
}

static void perm_creator(void)
{
	look();
	CHECK_EQ(field(12, 4), geteuid());
	CHECK_EQ(field(16, 4), getegid());
}

static void perm_owner_is_not_creator(void)
{
	if (!abi_is_root())
		SKIP("needs other users: run as root");
	int id = make_segment(PAGE, 0600);
	struct shmid_ds ds = {.shm_perm = {.uid = 70001, .gid = 70002, .mode = 0600}};

	CHECK_OK(shmctl(id, IPC_SET, &ds));
	control(id, IPC_STAT);
	CHECK_EQ(field(4, 4), 70001);
	CHECK_EQ(field(8, 4), 70002);
	CHECK_EQ(field(12, 4), 0);
	CHECK_EQ(field(16, 4), 0);
	remove_segment(id);
}

static void perm_mode(void)
{
	look();
	CHECK_EQ(field(20, 4), 0640);
}

static void perm_sequence(void)
{
	for (int i = 0; i < 200; i++) {
		int id = look();
		CHECK_EQ(field(24, 2), id >> 15);
	}
	CHECK(field(24, 2) != 0);
}

static void perm_reserved(void)
{
	look();
	CHECK_EQ(field(26, 2), 0);
	CHECK_EQ(field(32, 8), 0);
	CHECK_EQ(field(40, 8), 0);
}

static void size(void)
{
	look();
	CHECK_EQ(field(48, 8), SIZE);
}

static void size_is_64_bits(void)
{
	int id = make_segment((1ul << 32) + 1, 0600 | SHM_NORESERVE);

	control(id, IPC_STAT);
	CHECK_EQ(field(48, 8), (1ul << 32) + 1);
	remove_segment(id);
}

/* Attached, detached: all three times are now; before, two are 0. */
static void times(void)
{
	int id = make_segment(PAGE, 0600);
	uint64_t now = (uint64_t)time(NULL);

	control(id, IPC_STAT);
	CHECK_EQ(field(56, 8), 0);
	CHECK_EQ(field(64, 8), 0);
	CHECK(field(72, 8) - now + 5 <= 10);
	char *p = attach(id, 0);
	control(id, IPC_STAT);
	CHECK(field(56, 8) - now + 5 <= 10);
	CHECK_EQ(field(64, 8), 0);
	CHECK_OK(shmdt(p));
	control(id, IPC_STAT);
	CHECK(field(64, 8) - now + 5 <= 10);
	remove_segment(id);
}

static void pids(void)
{
	int id = make_segment(PAGE, 0600);

	control(id, IPC_STAT);
	CHECK_EQ(field(80, 4), getpid());
	CHECK_EQ(field(84, 4), 0);
	CHECK_OK(shmdt(attach(id, 0)));
	control(id, IPC_STAT);
	CHECK_EQ(field(84, 4), getpid());
	remove_segment(id);
}

static void count(void)
{
	int id = make_segment(PAGE, 0600);
	char *a = attach(id, 0), *b = attach(id, 0);

	control(id, IPC_STAT);
	CHECK_EQ(field(88, 8), 2);
	CHECK_OK(shmdt(a));
	CHECK_OK(shmdt(b));
	remove_segment(id);
}

static void segment_reserved(void)
{
	look();
	CHECK_EQ(field(96, 8), 0);
	CHECK_EQ(field(104, 8), 0);
}

static void segment_length(void)
{
	look();
	check_end(112);
}

static void stat_by_index_is_the_same(void)
{
	int id = make_segment(SIZE, 0640);
	unsigned char by_id[sizeof(bytes)];

	control(id, IPC_STAT);
	memcpy(by_id, bytes, sizeof(bytes));
	control(id & 0x7fff, SHM_STAT);
	CHECK(!memcmp(by_id, bytes, sizeof(bytes)));
	control(id & 0x7fff, SHM_STAT_ANY);
	CHECK(!memcmp(by_id, bytes, sizeof(bytes)));
	remove_segment(id);
}

static void set_reads_owner_and_mode_there(void)
{
	int id = make_segment(SIZE, 0600);

	memset(bytes, 0, sizeof(bytes));
	uint32_t owner[2] = {geteuid(), getegid()}, mode = 0444;
	memcpy(bytes + 4, owner, 8);
	memcpy(bytes + 20, &mode, 4);
	if (sizeof(long) == 8)
		CHECK_OK(syscall(SYS_shmctl, id, IPC_SET, bytes));
	control(id, IPC_STAT);
	CHECK_EQ(field(20, 4), 0444);
	CHECK_EQ(field(48, 8), SIZE);
	remove_segment(id);
}

/* ---- IPC_INFO and SHM_INFO ---- */

static uint64_t setting(const char *name)
{
	char path[64], text[32] = "";

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		SKIP("no /proc/sys/kernel");
	close(fd);
	unsigned long long value = 0;
	CHECK_EQ(sscanf(text, "%llu", &value), 1);
	return value;
}

static void limit_shmmax(void)
{
	control(0, IPC_INFO);
	CHECK_EQ(field(0, 8), setting("shmmax"));
}

static void limit_shmmin(void)
{
	control(0, IPC_INFO);
	CHECK_EQ(field(8, 8), 1);
}

static void limit_shmmni(void)
{
	control(0, IPC_INFO);
	CHECK_EQ(field(16, 8), setting("shmmni"));
}

static void limit_shmseg(void)
{
	control(0, IPC_INFO);
	CHECK_EQ(field(24, 8), setting("shmmni"));
}

static void limit_shmall(void)
{
	control(0, IPC_INFO);
	CHECK_EQ(field(32, 8), setting("shmall"));
}

static void limits_length(void)
{
	control(0, IPC_INFO);
	for (size_t at = 40; at < 72; at += 8)
		CHECK_EQ(field(at, 8), 0);
	check_end(72);
}

static void totals_fields(void)
{
	int id = make_segment(3 * PAGE, 0600);
	char *p = attach(id, 0);

	p[0] = p[PAGE] = 1;
	control(0, SHM_INFO);
	CHECK_EQ(field(0, 4), 1);                 /* used_ids */
	CHECK_EQ(field(8, 8), 3);                 /* shm_tot */
	CHECK_EQ(field(16, 8) + field(24, 8), 2); /* shm_rss, shm_swp */
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void totals_swap_never_counted(void)
{
	control(0, SHM_INFO);
	CHECK_EQ(field(32, 8), 0);
	CHECK_EQ(field(40, 8), 0);
	check_end(48);
}

/* ---- numbers ---- */

static void commands(void)
{
	CHECK_EQ(IPC_RMID, 0);
	CHECK_EQ(IPC_SET, 1);
	CHECK_EQ(IPC_STAT, 2);
	CHECK_EQ(IPC_INFO, 3);
	CHECK_EQ(SHM_LOCK, 11);
	CHECK_EQ(SHM_UNLOCK, 12);
	CHECK_EQ(SHM_STAT, 13);
	CHECK_EQ(SHM_INFO, 14);
	CHECK_EQ(SHM_STAT_ANY, 15);
	int id = make_segment(PAGE, 0600);
	memset(bytes, 0, sizeof(bytes));
	for (int command = 4; command < 11; command++)
		CHECK_ERROR(syscall(SYS_shmctl, id, command, bytes), EINVAL);
	CHECK_ERROR(syscall(SYS_shmctl, id, 16, bytes), EINVAL);
	CHECK_ERROR(syscall(SYS_shmctl, id, 10000, bytes), EINVAL);
	remove_segment(id);
}

static void index_and_sequence(void)
{
	int first = make_segment(PAGE, 0600), second, id;

	while ((first & 0x7fff) != 0) { /* others were here before */
		remove_segment(first);
		first = make_segment(PAGE, 0600);
	}
	second = make_segment(PAGE, 0600);
	CHECK_EQ(second >> 15, first >> 15);
	CHECK_EQ(second & 0x7fff, (first & 0x7fff) + 1);
	remove_segment(first);
	id = make_segment(PAGE, 0600);
	CHECK_EQ(id, second + 1); /* not yet the first's place */
	remove_segment(second);
	/* From the 64th place to the first, which is free, with the next sequence number. */
	while ((id & 0x7fff) > 1 && (id >> 15) == (first >> 15)) {
		remove_segment(id);
		id = make_segment(PAGE, 0600);
	}
	CHECK_EQ(id & 0x7fff, 0);
	CHECK_EQ(id >> 15, (first >> 15) + 1);
	remove_segment(id);
}

/* ---- alignment ---- */

static void lba_is_a_page(void)
{
	CHECK_EQ(SHMLBA, sysconf(_SC_PAGESIZE));
}

static void chosen_addresses_are_aligned(void)
{
	int id = make_segment(1, 0600);
	char *all[20];

	for (int i = 0; i < 20; i++) {
		all[i] = attach(id, i % 2 ? SHM_RDONLY : 0);
		CHECK_EQ((uintptr_t)all[i] % SHMLBA, 0);
	}
	for (int i = 0; i < 20; i++)
		CHECK_OK(shmdt(all[i]));
	remove_segment(id);
}

/* The kernel rounds a length up to pages; behind them nothing of it is mapped. */
static void touch(void *address)
{
	*(volatile char *)address = 1;
}

static void last_page_is_whole(void)
{
	int id = make_segment(PAGE + 1, 0600);
	char *hole = free_range(8 * PAGE);
	char *p = CHECK_OK((char *)shmat(id, hole, 0));

	p[2 * PAGE - 1] = 1;
	CHECK_EQ(p[2 * PAGE - 1], 1);
	abi_dies(touch, p + 2 * PAGE, 11);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

const struct abi_case abi_cases[] = {
	CASE(perm_key, "ipc_perm: key, 32 bits at 0: shmctl(2), asm-generic/ipcbuf.h"),
	CASE(perm_owner, "ipc_perm: uid at 4, gid at 8: asm-generic/ipcbuf.h"),
	CASE(perm_creator, "ipc_perm: cuid at 12, cgid at 16: asm-generic/ipcbuf.h"),
	CASE(perm_owner_is_not_creator, "users above 16 bits, owner and creator apart: shmctl(2)"),
	CASE(perm_mode, "ipc_perm: mode, 32 bits at 20: asm-generic/ipcbuf.h"),
	CASE(perm_sequence, "ipc_perm: seq, 16 bits at 24, the id without its index: observed"),
	CASE(perm_reserved, "ipc_perm: the rest of 48 bytes is 0: asm-generic/ipcbuf.h"),
	CASE(size, "shmid_ds: segsz at 48, the size asked for: shmctl(2), asm-generic/shmbuf.h"),
	CASE(size_is_64_bits, "shmid_ds: segsz has 64 bits: asm-generic/shmbuf.h"),
	CASE(times, "shmid_ds: atime at 56, dtime at 64, ctime at 72: asm-generic/shmbuf.h"),
	CASE(pids, "shmid_ds: cpid at 80, lpid at 84, 32 bits each: asm-generic/shmbuf.h"),
	CASE(count, "shmid_ds: nattch, 64 bits at 88: asm-generic/shmbuf.h"),
	CASE(segment_reserved, "shmid_ds: the last 16 bytes are 0: asm-generic/shmbuf.h"),
	CASE(segment_length, "IPC_STAT writes 112 bytes: asm-generic/shmbuf.h"),
	CASE(stat_by_index_is_the_same,
	     "SHM_STAT, SHM_STAT_ANY write what IPC_STAT does: shmctl(2)"),
	CASE(set_reads_owner_and_mode_there,
	     "IPC_SET reads uid at 4, gid at 8, mode at 20: observed"),
	CASE(limit_shmmax, "shminfo: shmmax at 0: shmctl(2)"),
	CASE(limit_shmmin, "shminfo: shmmin at 8 is 1: shmctl(2)"),
	CASE(limit_shmmni, "shminfo: shmmni at 16: shmctl(2)"),
	CASE(limit_shmseg, "shminfo: shmseg at 24 is shmmni: observed"),
	CASE(limit_shmall, "shminfo: shmall at 32: shmctl(2)"),
	CASE(limits_length, "IPC_INFO writes 72 bytes, the last 32 are 0: asm-generic/shmbuf.h"),
	CASE(totals_fields, "shm_info: used_ids at 0, tot at 8, rss at 16, swp at 24: shmctl(2)"),
	CASE(totals_swap_never_counted,
	     "shm_info: 48 bytes, swap attempts and successes 0: shmctl(2)"),
	CASE(commands, "the commands' numbers; those between are EINVAL: linux/shm.h, linux/ipc.h"),
	CASE(index_and_sequence, "an id is sequence << 15 | index; indices go round: observed"),
	CASE(lba_is_a_page, "SHMLBA is the size of a page: asm-generic/shmparam.h"),
	CASE(chosen_addresses_are_aligned, "addresses are multiples of SHMLBA: shmop(2)"),
	CASE(last_page_is_whole, "the last page is mapped whole, and no more: shmget(2)"),
	CASES_END,
};
