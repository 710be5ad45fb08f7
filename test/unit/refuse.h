/* SPDX-License-Identifier: MIT */
#ifndef TEST_REFUSE_H
#define TEST_REFUSE_H

/* A wrapper around the simulator's port that refuses calls which may fail, as when memory is short. */

#include <stdbool.h>
#include <stdint.h>

/* Wrap sim.port, after sim_init. Nothing is refused yet. */
void refuse_wrap(void);
/* From now on the Nth call is refused (0: none), and all after it if asked. Counts from 0 again. */
void refuse_from_now(uint64_t nth, bool lasts);
/* How many calls that may fail there were since then. */
uint64_t refuse_calls(void);

#endif
