// SPDX-License-Identifier: MIT
/* What arguments are: interesting values, by kind. */

#include "calls.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

uint64_t state;
char *arena;
int32_t segments[4], sets[2], queues[2];

uint64_t draw(void)
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

uint64_t draw_argument(void)
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

/* ---- arguments by kind ---- */

static struct timespec soon[2] = {{0, 1000000}, {0, 1000000}};
static const char *const names[] = {
	".",
	"/",
	"",
	"a",
	"b",
	"b/c",
	"l",
	"../../tmp",
	"/proc/self/status",
	"/proc/self/fd/7",
	"/dev/null",
	"n",
	"a-name-that-is-too-long-to-be-kept-inside-of-the-entry-of-a-directory-by-anybody",
};

static uint64_t draw_length(void)
{
	static const uint64_t lengths[] = {0, 1, 4, 8, 16, 24, 110, 128, 4095, 4096, 4097, 65536};

	switch (draw() % 4) {
	case 0:
		return edges[draw() % (sizeof(edges) / sizeof(edges[0]))];
	case 1:
		return draw() % ARENA;
	default:
		return lengths[draw() % (sizeof(lengths) / sizeof(lengths[0]))];
	}
}

/* In the arena; at a page's end, so that it goes on in the next; nowhere; where none may read or write. */
uint64_t draw_memory(void)
{
	uint64_t page = (uint64_t)arena + draw() % (ARENA / PAGE) * PAGE;

	switch (draw() % 16) {
	case 0:
		return 0;
	case 1:
		return edges[draw() % (sizeof(edges) / sizeof(edges[0]))];
	case 2:
		return page + PAGE - draw() % 16;
	case 3:
		return (uint64_t)names; /* only to be read */
	default:
		return page + draw() % 64 * 8;
	}
}

static uint64_t draw_pieces(void)
{
	struct iovec *pieces = (struct iovec *)(arena + draw() % 8 * PAGE);

	for (unsigned i = 0; i < 4; i++)
		pieces[i] = (struct iovec){(void *)draw_memory(), draw_length()};
	return (uint64_t)pieces;
}

static uint64_t draw_message(void)
{
	struct msghdr *message = (struct msghdr *)(arena + 9 * PAGE);

	message->msg_name = draw() % 4 ? NULL : (void *)draw_memory();
	message->msg_namelen = (socklen_t)draw_length();
	message->msg_iov = (struct iovec *)draw_pieces();
	message->msg_iovlen = draw() % 8 ? draw() % 4 : draw_length();
	message->msg_control = draw() % 2 ? NULL : (void *)draw_memory();
	message->msg_controllen = draw_length();
	return (uint64_t)message;
}

uint64_t draw_flags(void)
{
	switch (draw() % 6) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)1 << draw() % 32;
	case 2:
		return draw() & draw() & 0xffffffff;
	default:
		return draw() & draw() & 0xfff;
	}
}

static uint64_t draw_user(void)
{
	return draw() % 4 ? draw() % 3 * 1000 : draw() % 2 ? (uint64_t)-1 : draw();
}

/* long: a table */
uint64_t draw_kind(char kind)
{
	if (draw() % 24 == 0)
		return draw_argument();
	switch (kind) {
	case 'f':
		return draw() % 16 ? 3 + draw() % 24 : (uint64_t)-1;
	case 'd':
		return draw() % 4 ? (uint64_t)AT_FDCWD : draw() % 24;
	case 'n':
		return (uint64_t)names[draw() % (sizeof(names) / sizeof(names[0]))];
	case 'p':
		return draw_memory();
	case 'v':
		return draw_pieces();
	case 'h':
		return draw_message();
	case 'a':
		return (uint64_t)arena + draw() % (ARENA / PAGE) * PAGE;
	case 'l':
	case 'o':
		return draw_length();
	case 'g':
		return draw_flags();
	case 'c':
		return draw() % 36;
	case 't':
		return draw() % 2 ? 0 : (uint64_t)getpid();
	case 'u':
		return draw_user();
	case 'z':
		return (uint64_t)soon;
	case 'S':
		return (uint64_t)&edges[draw() % 8];
	case 's':
		return (uint64_t)segments[draw() % 4];
	case 'm':
		return (uint64_t)sets[draw() % 2];
	case 'q':
		return (uint64_t)queues[draw() % 2];
	case 'k':
		return draw() % 5;
	default:
		return draw_argument();
	}
}
