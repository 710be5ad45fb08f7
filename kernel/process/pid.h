/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_PID_H
#define KERNEL_PROCESS_PID_H

/*
 * Numbers of threads, processes, groups and sessions: one space of numbers, one
 * hash table. A number is free when nothing of any kind has it. All under the
 * tree lock.
 */

#include <stdint.h>

#define PID_MAX 32768 /* numbers are below it, as Linux's default */

enum pid_kind { PID_THREAD, PID_PROCESS, PID_GROUP, PID_SESSION };

struct pid_link {
	struct pid_link *next;
	int32_t id;
	uint32_t kind;
};

int32_t pid_unused(void); /* -EAGAIN: none is left */
void pid_insert(struct pid_link *link, int32_t id, enum pid_kind kind);
void pid_remove(struct pid_link *link);
struct pid_link *pid_find(int32_t id, enum pid_kind kind); /* NULL: none */
int32_t pid_highest(void);                                 /* ever given out */

#endif
