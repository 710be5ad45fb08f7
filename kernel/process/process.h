/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_PROCESS_H
#define KERNEL_PROCESS_PROCESS_H

/*
 * Processes and threads. A process is a thread group; it owns what threads
 * share. The space may be shared with another process (vfork); files and the
 * working directory may be shared between threads or not (clone flags).
 */

#include "arch/arch.h"
#include "kernel/lib/list.h"
#include "kernel/mm/frame.h"
#include "kernel/process/cpu.h"
#include "kernel/process/cred.h"
#include "kernel/process/group.h"
#include "kernel/process/mutex.h"
#include "kernel/process/pid.h"
#include "kernel/process/signal.h"
#include "kernel/process/timer.h"
#include "kernel/process/wait.h"

struct space;
struct fd_table;
struct fs_context;
struct tty;
struct ipc_namespace;
struct shm_creator;

#define KERNEL_STACK_ORDER 2 /* 16 KiB */
#define KERNEL_STACK_BYTES (PAGE_BYTES << KERNEL_STACK_ORDER)

enum thread_state {
	THREAD_RUNNABLE,
	THREAD_DEAD,
	THREAD_SLEEPING,        /* from here on: asleep, until thread_wake */
	THREAD_UNINTERRUPTIBLE, /* no signal wakes it, unless it waits WAIT_KILLABLE: D in /proc */
};

/* thread.work: why the way back to user mode must call trap_return_work. */
#define WORK_SIGNAL     (1u << 0) /* a signal may be pending, or the process ends */
#define WORK_RESCHEDULE (1u << 1)
#define WORK_RSEQ       (1u << 2) /* rseq(2)'s area is out of date, or a section is to be left */

/* rseq(2): where the thread reads which CPU it runs on, and what we last wrote there. */
struct thread_rseq {
	uint64_t area; /* user address; 0: it has not registered any */
	uint32_t size_bytes, signature;
	uint32_t cpu, id;
};

struct thread {
	struct arch_thread arch;
	uint32_t work;     /* [a] WORK_*; the entry code tests it */
	uint32_t no_fault; /* own: user-memory faults fail at once instead of being resolved */
	uint8_t *stack;    /* [I] KERNEL_STACK_BYTES; the user's frame is at its top */
	struct process *process; /* [I] */
	uint32_t references;     /* [a] */
	/* own; changed under the tree lock, so that others may look under it */
	struct space *space; /* NULL: kernel thread, or exiting */
	struct fd_table *files;
	struct fs_context *fs;
	struct ipc_namespace *ipc; /* kernel/ipc/ipc_namespace.h; NULL: kernel thread, or exiting */
	struct cred *cred;
	struct shm_creator *shm_creators; /* own: of the segments that it made */
	int32_t tid;                      /* changes when a thread other than the first execs */
	struct pid_link by_tid;           /* tree lock */
	struct list_node in_process;      /* tree lock */

	/* scheduling: the run lock of `cpu` */
	enum thread_state state;
	bool wake_pending; /* [a] a wake-up came: the next thread_sleep returns at once */
	bool timed_out;    /* [a] the timer fired */
	struct cpu *cpu;   /* [a] where it runs, waits or ran last */
	uint64_t affinity; /* [a] bit for each CPU it may run on */
	int policy; /* [a] SCHED_OTHER, _BATCH or _IDLE, as the program said; all run alike */
	struct list_node in_run_queue;
	struct timer timer; /* thread_sleep's */
	uint64_t run_ns, run_start_ns;

	struct thread_signals signals;
	uint64_t clear_tid;           /* CLONE_CHILD_CLEARTID */
	uint64_t robust_list;         /* set_robust_list(2) */
	struct thread_rseq rseq;      /* own */
	uint64_t set_child_tid;       /* CLONE_CHILD_SETTID: for its first moment */
	struct thread *vfork_parent;  /* tree lock: whom to release at exec or exit; a reference */
	uint64_t restart_deadline_ns; /* restart_syscall: nanosleep, futex, poll */
	long (*restart)(struct thread *thread);
	uint64_t restart_data[6];
	char name[16];                             /* comm */
	struct sem_undo_list *sem_undo;            /* own: semop(2), SEM_UNDO; NULL: none yet */
	bool keep_capabilities, no_new_privileges; /* prctl(2) */
	bool over_limit;     /* own: setuid(2) went over RLIMIT_NPROC, execve(2) looks again */
	uint64_t locks_held; /* debug: bit for each rank of sleeping lock held */
	struct list_node
		*dying_rights; /* own: files that closing a socket closes: socket/rights.c */
	uint32_t fail_nth;
	uint64_t start_ns;
};

struct process {
	int32_t pid;         /* [I] */
	uint32_t serial;     /* [I] how many there were before: with the pid unique */
	uint32_t references; /* [a] */
	/* tree lock: */
	struct pid_link by_pid;
	struct process *parent;
	struct list_node children, in_siblings;
	struct list_node in_all; /* every process, in order of creation */
	struct list_node threads;
	unsigned thread_count;
	int32_t group, session;
	struct group *in_group;
	struct list_node in_group_members;
	struct group own_group; /* if it started the group, or the session, with its number */
	struct session own_session;
	struct tty *terminal;
	bool exiting; /* all its threads leave */
	bool zombie;
	bool stopped;               /* by job control; its threads halt on their way to user mode */
	struct thread *exec_thread; /* all other threads leave */
	bool report_stop, report_continue; /* not yet told to wait4 */
	int stop_signal;
	int exit_status; /* as wait4 gives it */
	int parent_death_signal;
	/* Of the first thread, when that has ended; its user counts it until the process is reaped. */
	struct cred *zombie_cred;
	int exit_signal; /* to the parent; SIGCHLD mostly */
	bool did_exec;
	bool dumpable;
	struct wait_queue child_queue; /* it waits here for its children */
	struct wait_queue end_queue;   /* who polls a pidfd waits here for the end */
	struct wait_queue exec_queue;  /* exec_thread waits here for the other threads */
	struct process_signals signals;
	uint64_t limits[16][2];        /* RLIMIT_*: soft, hard */
	uint64_t user_ns, children_ns; /* of ended threads; of reaped children */
	uint64_t start_ns;
	struct spinlock alarm_lock;
	struct timer real_timer; /* alarm_lock: ITIMER_REAL */
	uint64_t real_interval_ns;
	bool real_fired; /* [a] the next round of the interval is to be started */
	uint32_t personality;
	char *executable_path; /* kmem, for /proc/PID/exe; NULL: none */
};

extern struct spinlock tree_lock; /* RANK_PROCESS_TREE */
extern struct process *init_process;

static inline struct process *process_current(void)
{
	return thread_current()->process;
}

struct process *process_find_locked(int32_t pid); /* no reference; tree lock held */
/* With a reference, or NULL; a zombie is found too. Takes the tree lock. */
struct process *process_find(int32_t pid);
struct thread *thread_find(int32_t tid);
/* The process with the lowest pid that is at least `pid`, with a reference; NULL: none. For /proc. */
struct process *process_find_from(int32_t pid);
struct process *process_get(struct process *process); /* NULL is fine */
void process_put(struct process *process);
void thread_put(struct thread *thread);
/* The space of a process, with a reference; NULL: exiting, or a kernel thread. */
struct space *process_space_get(struct process *process);
struct cred *process_cred_get(struct process *process);
/* What ptrace(2) asks of the caller: PTRACE_MODE_READ_FSCREDS (/proc), PTRACE_MODE_ATTACH_REALCREDS. */
enum process_access { PROCESS_LOOK, PROCESS_ATTACH };
/* May the running thread? True is true only as long as the tree lock is held: an exec changes it. */
bool process_may_locked(struct process *process, enum process_access access);
bool process_may(struct process *process,
		 enum process_access access); /* at this moment; takes the tree lock */
/* Its files, with a reference; `judge`: for who may look, asked in the same moment. NULL: none. */
struct fd_table *process_files_get(struct process *process, bool judge);
/*
 * The process's memory, for who may: asked and taken in one moment, so that it is not a set-uid program's
 * that came in between. 0 and a reference; -ESRCH: there is none; -EACCES. Takes the tree lock.
 */
int process_space_access(struct process *process, enum process_access access, struct space **found);
uint64_t process_run_ns(struct process *process); /* CPU time of all its threads */
uint64_t thread_run_ns(const struct thread *thread);
extern uint64_t process_count, process_fork_count; /* now; ever */

/* Kernel threads (idle, helpers). */
struct thread *thread_create_kernel(const char *name, void (*entry)(void *), void *argument);
void thread_start(struct thread *thread);
/* Process 1: execs the path in a fresh process. Called once by kernel_main. Panics if it cannot. */
void process_start_init(const char *path);

/* The running thread, or all of its process, ends. */
void thread_exit(int status) __attribute__((noreturn));
void process_exit(int status) __attribute__((noreturn));

/* The scheduler: schedule.c */
void schedule_init(void);
/* Start the other CPUs. On the boot CPU, after arch_init. */
void schedule_start_cpus(void);
void schedule_idle(void) __attribute__((noreturn)); /* the idle loop of this CPU */
void schedule_yield(void); /* let others run first; also leaves a CPU that affinity forbids */
/* The running thread's turn is over in the midst of a system call: as schedule_yield. */
void schedule_give_way(void);
/* For long system calls, between two steps: interrupts are served, and who waits has a turn. No spinlock held. */
static inline void schedule_point(void)
{
	arch_interrupt_point();
	if (__atomic_load_n(&thread_current()->work, __ATOMIC_RELAXED) & WORK_RESCHEDULE)
		schedule_give_way();
}
/* The first thing that a thread does on its own stack: it runs, what ran before is put away. */
void schedule_finish(void);
/* The running thread is dead: never comes back. Its own reference goes after the switch. */
void schedule_dead(void) __attribute__((noreturn));
/* A fresh thread, state RUNNABLE and in no queue: choose a CPU and queue it there. */
void schedule_place(struct thread *thread);
void schedule_set_affinity(struct thread *thread, uint64_t affinity);
/* trap_ipi's part: other threads wait here, so this one's slice must end. */
void schedule_kick(void);
uint64_t schedule_runnable_count(void);

/* Threads that run in the space on other CPUs, or on this one alone (-1: all), leave their section: rseq.c. */
void rseq_interrupt(struct space *space, int cpu_id);

/* Who calls shm: the running thread. Valid until it changes its credentials. (kernel/syscall/shm.c) */
struct shm_caller;
void shm_caller_current(struct shm_caller *caller);

#endif
