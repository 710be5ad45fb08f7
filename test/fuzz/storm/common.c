// SPDX-License-Identifier: MIT
/* Random numbers, names, and how a failure is told. */

#define _GNU_SOURCE
#include "storm.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define GIB_PAGES  (1ul << 18)
#define SPAN_PAGES 512ul

struct control *control;
struct worker me;
const char *program;

uint64_t draw(void)
{
	me.random ^= me.random << 13;
	me.random ^= me.random >> 7;
	me.random ^= me.random << 17;
	return me.random * 0x2545f4914f6cdd1dull >> 16;
}

bool chance(unsigned one_in)
{
	return draw() % one_in == 0;
}

void seed_from(uint64_t seed, uint64_t a, uint64_t b)
{
	me.random = (seed + 1) * 0x9e3779b97f4a7c15ull ^ (a + 1) * 0xbf58476d1ce4e5b9ull ^
		    (b + 1) * 0x94d049bb133111ebull;
	me.random |= 1;
	for (int i = 0; i < 8; i++)
		(void)draw();
}

void fail(const char *pattern, ...)
{
	uint32_t none = 0;
	va_list arguments;

	if (__atomic_compare_exchange_n(&control->failed, &none, 1, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST)) {
		va_start(arguments, pattern);
		(void)vsnprintf(control->message, sizeof(control->message), pattern, arguments);
		va_end(arguments);
		STORE(&control->failed, 2);
	}
	STORE(&control->stop, true);
	_exit(1);
}

bool control_map(void)
{
	void *at = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, CONTROL_FD, 0);

	if (at == MAP_FAILED)
		return false;
	control = at;
	return true;
}

struct object *object_draw(void)
{
	return &me.board->objects[draw() % OBJECTS];
}

uint64_t object_pages(uint32_t number)
{
	static const uint64_t pages[] = {
		1,
		3,
		GIB_PAGES,
		17,
		64,
		511,
		512,
		513,
		1024,
		16,
		1543,
		1025,
		5,
		40,
		GIB_PAGES,
		700,
		2,
		GIB_PAGES + SPAN_PAGES + 3,
		12,
		512,
		2048,
		100,
		16,
		2 * GIB_PAGES + 5,
		2 * GIB_PAGES,
	};

	return pages[number % (sizeof(pages) / sizeof(pages[0]))];
}

/* A page that others are likely to draw too: at the ends, at the seams of tables, near the start. */
uint64_t page_draw(uint64_t pages)
{
	uint64_t page = 0, low = draw() % 4;

	switch (draw() % 8) {
	case 0:
	case 1:
		page = draw() % 16;
		break;
	case 2:
		page = pages - 1 - draw() % (pages < 8 ? pages : 8);
		break;
	case 3:
		page = SPAN_PAGES * (1 + draw() % 4) + low - 2;
		break;
	case 4:
		page = GIB_PAGES * (1 + draw() % 2) + low - 2;
		break;
	default:
		page = draw() % 100;
		break;
	}
	return page < pages ? page : page % pages;
}

/* 20 bits that say who made it and which one it is. */
uint32_t number_new(void)
{
	return me.supervisor << 16 | ((ADD(&me.board->next_number, 1) % 65535) + 1);
}

void file_path(char path[64], uint32_t number)
{
	(void)snprintf(path, 64, "/dev/shm/storm.%d.%x", (int)control->run, number);
}
