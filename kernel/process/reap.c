// SPDX-License-Identifier: MIT
/* wait4(2), waitid(2): what happened to the children, and the end of zombies. */

#include "abi/resource.h"
#include "abi/wait.h"
#include "kernel/lib/string.h"
#include "kernel/process/pidfd.h"
#include "kernel/process/tree.h"
#include "kernel/process/usage.h"
#include "kernel/syscall/syscall.h"

struct wait_request {
	int type; /* P_ALL, P_PID, P_PGID */
	int32_t id;
	unsigned options;
};

struct wait_report {
	int32_t pid;
	uint32_t uid;
	int code;   /* CLD_* */
	int status; /* as wait4 has it */
	struct abi_rusage usage;
	struct process *reaped; /* to put, when unlocked */
};

void process_reap_locked(struct process *process)
{
	process->parent->children_ns += process->user_ns + process->children_ns;
	process_remove_locked(process);
}

void process_tell_parent_locked(struct process *process, int code, int status)
{
	struct process *parent = process->parent;
	bool ended = code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED;
	int signal = ended ? process->exit_signal : SIGCHLD;

	if (!parent)
		return;
	if (!ended) {
		spin_lock(&parent->signals.lock);
		if (parent->signals.actions[SIGCHLD - 1].flags & SA_NOCLDSTOP)
			signal = 0;
		spin_unlock(&parent->signals.lock);
	}
	if (signal && signal <= SIGNALS) {
		struct abi_siginfo info = {.signo = signal, .code = code};
		info.child.pid = process->pid;
		info.child.uid = process_cred_locked(process)->uid;
		info.child.status = status;
		info.child.user_ticks = (int64_t)(process->user_ns / (NS_PER_SECOND / USER_HZ));
		signal_send_process_locked(parent, signal, &info);
	}
	wait_wake_all(&parent->child_queue);
}

static bool matches(const struct process *child, const struct wait_request *request)
{
	if (request->type == P_PID && child->pid != request->id)
		return false;
	if (request->type == P_PGID && child->group != request->id)
		return false;
	if (request->options & __WALL)
		return true;
	return (child->exit_signal != SIGCHLD) == !!(request->options & __WCLONE);
}

static void report_fill(struct wait_report *report, struct process *child, int code, int status)
{
	report->pid = child->pid;
	report->uid = process_cred_locked(child)->uid;
	report->code = code;
	report->status = status;
	usage_fill(&report->usage, child->user_ns + child->children_ns);
}

/* Has this child something to tell? Then it is told, unless WNOWAIT, for the last time. */
static bool report_child(struct process *child, unsigned options, struct wait_report *report)
{
	bool keep = options & WNOWAIT;

	if (child->zombie) {
		int status = child->exit_status;
		if (!(options & WEXITED))
			return false;
		report_fill(report, child,
			    (status & 0x7f) == 0 ? CLD_EXITED
			    : status & 0x80      ? CLD_DUMPED
						 : CLD_KILLED,
			    status);
		if (!keep) {
			process_reap_locked(child);
			report->reaped = child;
		}
		return true;
	}
	if (options & WUNTRACED && child->stopped && child->report_stop) {
		report_fill(report, child, CLD_STOPPED, WAIT_STATUS_STOPPED(child->stop_signal));
		child->report_stop = keep;
		return true;
	}
	if (options & WCONTINUED && child->report_continue) {
		report_fill(report, child, CLD_CONTINUED, WAIT_STATUS_CONTINUED);
		child->report_continue = keep;
		return true;
	}
	return false;
}

/* 1: *report is filled; 0: there are children to wait for; -ECHILD: there are none. */
static int scan(const struct wait_request *request, struct wait_report *report)
{
	struct process *parent = process_current();
	bool found = false;

	if (request->type == P_PID) {
		struct process *child = process_find_locked(request->id);
		if (!child || child->parent != parent || !matches(child, request))
			return -ECHILD;
		return report_child(child, request->options, report);
	}
	list_for_each (node, &parent->children) {
		struct process *child = container_of(node, struct process, in_siblings);
		if (!matches(child, request))
			continue;
		if (report_child(child, request->options, report))
			return 1;
		found = true;
		/* Zombies stand first. */
		if (!child->zombie && !(request->options & (WUNTRACED | WCONTINUED)))
			break;
	}
	return found ? 0 : -ECHILD;
}

/* The report's pid, 0 with WNOHANG, or an error. */
static long wait_for(struct wait_request *request, struct wait_report *report)
{
	struct process *process = process_current();
	int result;

	report->reaped = NULL;
	spin_lock(&tree_lock);
	if (request->type == P_PGID && request->id == 0)
		request->id = process->group;
	for (;;) {
		result = scan(request, report);
		if (result || request->options & WNOHANG)
			break;
		result = wait_sleep(&process->child_queue, &tree_lock, WAIT_FOREVER,
				    WAIT_INTERRUPTIBLE);
		if (result)
			break;
	}
	spin_unlock(&tree_lock);
	process_put(report->reaped);
	return result > 0 ? report->pid : result;
}

long sys_wait4(const uint64_t *argument)
{
	int32_t pid = (int32_t)argument[0];
	unsigned options = (unsigned)argument[2];
	struct wait_request request = {.type = P_ALL, .options = options | WEXITED};
	struct wait_report report;

	if (options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL))
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid > 0) {
		request.type = P_PID;
		request.id = pid;
	} else if (pid != -1) {
		request.type = P_PGID;
		request.id = -pid;
	}
	long result = wait_for(&request, &report);
	if (result <= 0)
		return result;
	if (argument[1] && copy_to_user(argument[1], &report.status, sizeof(report.status)))
		return -EFAULT;
	if (argument[3] && copy_to_user(argument[3], &report.usage, sizeof(report.usage)))
		return -EFAULT;
	return result;
}

/* si_status: the exit code or the signal alone. */
static int status_of_report(const struct wait_report *report)
{
	switch (report->code) {
	case CLD_EXITED:
	case CLD_STOPPED:
		return report->status >> 8 & 0xff;
	case CLD_CONTINUED:
		return SIGCONT;
	default:
		return report->status & 0x7f;
	}
}

/* P_PIDFD becomes P_PID. *nonblocking: the descriptor is. 0; -EINVAL, -EBADF. */
static int pidfd_resolve(struct wait_request *request, bool *nonblocking)
{
	struct process *process;

	if (request->id < 0)
		return -EINVAL;
	int err = pidfd_process(request->id, &process, nonblocking);
	if (err)
		return err;
	request->type = P_PID;
	request->id = process->pid;
	process_put(process);
	return 0;
}

long sys_waitid(const uint64_t *argument)
{
	struct wait_request request = {
		.type = (int)argument[0],
		.id = (int32_t)argument[1],
		.options = (unsigned)argument[3],
	};
	struct wait_report report;
	struct abi_siginfo info = {0};

	if (request.options & ~(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD |
				__WCLONE | __WALL))
		return -EINVAL;
	if (!(request.options & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	bool nonblocking = false;
	int err = request.type == P_PIDFD ? pidfd_resolve(&request, &nonblocking) : 0;
	if (err)
		return err;
	if (request.type < P_ALL || request.type > P_PGID ||
	    (request.type == P_PID && request.id <= 0) ||
	    (request.type == P_PGID && request.id < 0))
		return -EINVAL;
	bool no_hang = request.options & WNOHANG;
	if (nonblocking)
		request.options |= WNOHANG;
	long result = wait_for(&request, &report);
	if (!result && nonblocking && !no_hang)
		result = -EAGAIN;
	if (result < 0)
		return result;
	if (result > 0) {
		info.signo = SIGCHLD;
		info.code = report.code;
		info.child.pid = report.pid;
		info.child.uid = report.uid;
		info.child.status = status_of_report(&report);
		if (argument[4] && copy_to_user(argument[4], &report.usage, sizeof(report.usage)))
			return -EFAULT;
	}
	if (argument[2] && copy_to_user(argument[2], &info, sizeof(info)))
		return -EFAULT;
	return 0;
}
