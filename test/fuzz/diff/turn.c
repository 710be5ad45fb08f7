// SPDX-License-Identifier: MIT
/*
 * Whose turn it is. The sequence lies in the page that all share, so that who
 * has done an operation draws the next one himself, and goes on with it or
 * wakes whose it is: most operations need no switch, or one. The referee is
 * woken for what only he can do.
 */

#define _GNU_SOURCE

#include "diff.h"

#include <errno.h>
#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void hash_word(uint64_t word)
{
	control->hash = (control->hash ^ word) * 0x100000001b3ull;
}

enum stage turn_draw(void)
{
	while (control->number < control->operations) {
		draw_op(&control->op);
		if (!control->skipped[control->number++]) {
			control->text[0] = 0;
			control->text_length = 0;
			return DRAWN;
		}
	}
	return OVER;
}

void turn_note(void)
{
	const struct op *op = &control->op;

	hash_word(op->code * PLAYERS + op->player);
	for (unsigned i = 0; i < 6; i++)
		hash_word((uint64_t)op->a[i]);
	for (unsigned i = 0; i < control->text_length; i++)
		hash_word((uint8_t)control->text[i]);
	control->digits[control->number - 1] = "0123456789abcdef"[control->hash >> 56 & 15];
}

bool turn_referee_begins(void)
{
	return control->op.code == OP_FORK || (control->op.code == OP_RESTART && control->op.a[0]);
}

void turn_give(unsigned to)
{
	__atomic_store_n(&control->turn[to], 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &control->turn[to], FUTEX_WAKE, 1, NULL, NULL, 0);
}

bool turn_wait(unsigned self, unsigned seconds)
{
	struct timespec limit = {seconds, 0};

	while (!__atomic_exchange_n(&control->turn[self], 0, __ATOMIC_SEQ_CST))
		if (syscall(SYS_futex, &control->turn[self], FUTEX_WAIT, 0, seconds ? &limit : NULL,
			    NULL, 0) < 0 &&
		    errno == ETIMEDOUT)
			return false;
	return true;
}

bool turn_pass(unsigned self)
{
	enum stage stage = PLAYED;
	unsigned to = REFEREE;

	/* The referee has lines to print, or to look after who was forked. */
	if (!control->trace && control->op.code != OP_FORK) {
		turn_note();
		stage = turn_draw();
		if (stage == DRAWN && !turn_referee_begins()) {
			to = control->op.player;
			stage = PLAYING;
		}
	}
	/* Once, at the end: the referee, whom a child's end may wake at any time, takes all but PLAYING for his turn. */
	__atomic_store_n(&control->stage, stage, __ATOMIC_SEQ_CST);
	if (to == self)
		return true;
	turn_give(to);
	return false;
}
