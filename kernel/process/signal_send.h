/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_SIGNAL_SEND_H
#define KERNEL_PROCESS_SIGNAL_SEND_H

/* Sending signals, for this folder. `_locked`: the tree lock is held. */

#include "kernel/process/signal.h"

struct group;

int signal_send_process_locked(struct process *process, int signal, const struct abi_siginfo *info);
int signal_send_thread_locked(struct thread *thread, int signal, const struct abi_siginfo *info);
void signal_send_group_locked(struct group *group, int signal);
/* To this thread, asked or not. Signal lock held. */
void signal_enqueue(struct thread *thread, const struct abi_siginfo *info);
/* Take a pending signal of the set off the running thread's queues; its number, 0: none. */
int signal_take(uint64_t set, struct abi_siginfo *info);
/* The same for a call that hands it to the program instead of acting on it. No locks. */
int signal_accept(uint64_t set, struct abi_siginfo *info);
/* Signals of the set that wait for the running thread, blocked or not. */
uint64_t signal_waiting(uint64_t set);
/*
 * Woken when a signal comes to the process: for who reads them from a file. Other
 * processes share it, and it is never freed: a waiter may outlive the process.
 */
struct wait_queue *signal_watchers(const struct process *process);
void signals_init(void);
void signal_set_blocked(uint64_t blocked); /* the running thread's mask */
/* Signals pending for the process may have lost the thread that would take them. */
void signal_retarget(struct process *process);
void signal_retarget_locked(struct process *process);
/* Whatever it does, the thread comes to trap_return_work soon. */
void signal_kick(struct thread *thread);
unsigned signal_queue_free(struct list_node *queue);               /* how many there were */
void signal_discard_locked(struct process *process, uint64_t set); /* from all queues */
/* May the running thread send it to the process? kill(2): 0, -EPERM. */
int signal_permission_locked(struct process *target, int signal);
struct abi_siginfo signal_info_kernel(int signal);
struct abi_siginfo signal_info_user(int signal, int code);
/*
 * What a program says about a signal to the process `target`, as it said its
 * number. 0; -EFAULT; -EPERM: it pretends to be the kernel, or kill.
 */
int signal_info_read(struct abi_siginfo *info, uint64_t from, int signal, int32_t target,
		     int *told);
/* The stop and continue that job control wants; the signal lock is not held. */
void process_continue_locked(struct process *process);

#endif
