/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_ALARM_H
#define KERNEL_PROCESS_ALARM_H

struct process;

/* The running thread's process took SIGALRM: the next round of its interval begins. */
void alarm_renew(struct process *process);

#endif
