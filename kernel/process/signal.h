/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_SIGNAL_H
#define KERNEL_PROCESS_SIGNAL_H

/* Signals: signal(7). Pending ones are kept for the thread and for the process. */

#include "abi/signal.h"
#include "kernel/lib/list.h"
#include "kernel/lib/spinlock.h"

#define SIGNAL_BIT(signal) (1ull << ((signal) - 1))
/* SIGKILL and SIGSTOP: never blocked, caught or ignored. */
#define SIGNALS_ABSOLUTE (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))
#define SIGNALS_IGNORED_BY_DEFAULT                                                                 \
	(SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

struct thread;
struct process;
struct trap_frame;

struct signal_queue_entry {
	struct list_node node;
	struct abi_siginfo info;
};

struct thread_signals {
	uint64_t blocked;       /* own; process signal lock for others. Bit n - 1 is signal n */
	uint64_t saved_blocked; /* sigsuspend, ppoll: restored after the handler was set up */
	bool restore_blocked;
	uint64_t awaited;       /* signal lock: rt_sigtimedwait takes these though blocked */
	uint64_t pending;       /* signal lock */
	struct list_node queue; /* signal lock */
	uint64_t alt_stack, alt_stack_bytes;
	uint32_t alt_stack_flags;
};

struct process_signals {
	struct spinlock lock;             /* RANK_SIGNAL */
	uint64_t pending;                 /* lock */
	struct list_node queue;           /* lock */
	unsigned queued_count;            /* lock: entries in all queues of the process */
	struct abi_sigaction actions[64]; /* lock; [n - 1] */
};

/* What arch_signal_deliver needs. */
struct signal_delivery {
	int signal;
	struct abi_siginfo info;
	struct abi_sigaction action;
	uint64_t saved_mask; /* to restore at sigreturn */
	uint64_t stack_top; /* where the frame goes, before alignment: alt stack or the user's sp */
	uint64_t alt_stack, alt_stack_bytes;
	uint32_t alt_stack_flags; /* for uc_stack */
};

/* Send; the caller has checked permission. Any context. 0, -EAGAIN (queue full, real-time). */
int signal_send_process(struct process *process, int signal, const struct abi_siginfo *info);
int signal_send_thread(struct thread *thread, int signal, const struct abi_siginfo *info);
/* Group: the terminal's Ctrl-C. From the kernel. */
void signal_send_group(int32_t group, int signal);
/* A fault of the running thread: cannot be blocked or ignored. */
void signal_force(int signal, int code, uint64_t address);
/* Does a signal wait for the running thread that is not blocked (or SIGKILL)? */
bool signal_is_pending(void);
bool signal_kill_is_pending(void);
/*
 * For sigsuspend, ppoll and their like, which wait with another mask: it holds
 * until the call ends; the old one comes back after the handler was set up.
 */
void signal_mask_for_call(uint64_t mask);

#endif
