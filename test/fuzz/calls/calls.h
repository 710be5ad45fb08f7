/* SPDX-License-Identifier: MIT */
#ifndef TEST_FUZZ_CALLS_H
#define TEST_FUZZ_CALLS_H

/* Random system calls: what main.c, child.c and draw.c share. */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdint.h>

#define PAGE  4096ul
#define ARENA (64 * PAGE)

extern uint64_t state; /* of the generator: from the seed */
extern char *arena;    /* memory of the child's */
extern int32_t segments[4], sets[2], queues[2];

uint64_t draw(void);
uint64_t draw_argument(void);  /* anything */
uint64_t draw_kind(char kind); /* a letter of kinds.h */
uint64_t draw_memory(void);
uint64_t draw_flags(void);
void child_run(unsigned calls); /* does not return */
int calls_list(void);           /* names of the calls whose arguments are known; 0 */

#endif
