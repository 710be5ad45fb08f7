// SPDX-License-Identifier: MIT
/* /proc/PID/stat and status, in exactly the form that ps and libc parse: proc(5). */

#include "abi/errno.h"
#include "kernel/device/device.h"
#include "kernel/file/open.h"
#include "kernel/file/proc.h"
#include "kernel/lib/print.h"
#include "kernel/lib/string.h"
#include "kernel/mm/frame.h"
#include "kernel/mm/space.h"
#include "kernel/process/process.h"

#define TICK_NS 10000000ull /* of 100 a second: sysconf(_SC_CLK_TCK) */

/* One moment of a process and one of its threads, taken under the tree lock. */
struct portrait {
	char name[16];
	char state;
	int32_t pid, tid, parent, group, session;
	int terminal, foreground;
	unsigned threads, cpu;
	int exit_signal, exit_status;
	uint64_t run_ns, children_ns, start_ns;
	uint64_t affinity;
	uint64_t pending, process_pending, blocked, ignored, caught;
	uint64_t stack_limit, memory_limit;
	struct cred *cred;   /* a reference */
	struct space *space; /* a reference, or NULL */
	struct space_usage usage;
};

static char state_of(const struct process *process, const struct thread *thread)
{
	if (process->zombie || !thread)
		return 'Z';
	if (process->stopped)
		return 'T';
	switch (thread->state) {
	case THREAD_RUNNABLE:
		return 'R';
	case THREAD_UNINTERRUPTIBLE:
		return 'D';
	case THREAD_DEAD:
		return 'X';
	default:
		return 'S';
	}
}

static void portrait_signals(struct portrait *portrait, struct process *process,
			     const struct thread *thread)
{
	spin_lock(&process->signals.lock);
	portrait->process_pending = process->signals.pending;
	if (thread) {
		portrait->pending = thread->signals.pending;
		portrait->blocked = thread->signals.blocked;
	}
	for (int i = 0; i < 64; i++) {
		uint64_t handler = process->signals.actions[i].handler;

		if (handler == SIG_IGN)
			portrait->ignored |= 1ull << i;
		else if (handler != SIG_DFL)
			portrait->caught |= 1ull << i;
	}
	spin_unlock(&process->signals.lock);
}

static void portrait_thread(struct portrait *portrait, const struct thread *thread)
{
	memcpy(portrait->name, thread->name, sizeof(portrait->name));
	portrait->cpu = thread->cpu ? thread->cpu->id : 0;
	portrait->affinity = thread->affinity;
}

/* 0; -ESRCH. portrait_done gives the references back. */
static int portrait_take(struct portrait *portrait, const struct proc_subject *subject)
{
	struct process *process = proc_process(subject);
	struct thread *thread = proc_thread(subject);

	memset(portrait, 0, sizeof(*portrait));
	if (!process) {
		if (thread)
			thread_put(thread);
		return -ESRCH;
	}
	portrait->cred = process_cred_get(process);
	portrait->space = process_space_get(process);
	portrait->run_ns = subject->tid != subject->pid && thread ? thread_run_ns(thread)
								  : process_run_ns(process);
	spin_lock(&tree_lock);
	portrait->pid = subject->pid;
	portrait->tid = subject->tid;
	portrait->parent = process->parent ? process->parent->pid : 0;
	portrait->group = process->group;
	portrait->session = process->session;
	tty_identity(process->terminal, &portrait->terminal, &portrait->foreground);
	portrait->threads = process->thread_count;
	portrait->exit_signal = process->exit_signal;
	portrait->exit_status = process->exit_status;
	portrait->children_ns = process->children_ns;
	portrait->start_ns = process->start_ns;
	portrait->stack_limit = process->limits[3][0];
	portrait->memory_limit = process->limits[5][0];
	portrait->state = state_of(process, thread);
	if (!thread && process->executable_path) { /* a zombie */
		const char *slash = strrchr(process->executable_path, '/');

		string_copy(portrait->name, slash ? slash + 1 : process->executable_path,
			    sizeof(portrait->name));
	}
	if (thread)
		portrait_thread(portrait, thread);
	portrait_signals(portrait, process, thread);
	spin_unlock(&tree_lock);
	if (portrait->space)
		space_usage(portrait->space, &portrait->usage);
	if (thread)
		thread_put(thread);
	process_put(process);
	return 0;
}

static void portrait_done(struct portrait *portrait)
{
	if (portrait->cred)
		cred_put(portrait->cred);
	if (portrait->space)
		space_put(portrait->space);
}

/* ---- stat ---- */

static void add_number(struct text *text, uint64_t value)
{
	text_add(text, " %llu", (unsigned long long)value);
}

int proc_show_stat(struct text *text, const struct proc_subject *subject)
{
	struct portrait p;
	int err = portrait_take(&p, subject);

	if (err)
		return err;
	const struct space *space = p.space;
	text_add(text, "%d (%s) %c %d %d %d %d %d", p.tid, p.name, p.state, p.parent, p.group,
		 p.session, p.terminal, p.foreground);
	text_add(text, " %u 0 0 0 0", space ? 0x400000u : 0x200000u); /* flags, faults */
	add_number(text, p.run_ns / TICK_NS);
	add_number(text, 0); /* system time: all counts as the user's */
	add_number(text, p.children_ns / TICK_NS);
	text_add(text, " 0 20 0 %u 0", p.threads); /* priority, nice, threads, itrealvalue */
	add_number(text, p.start_ns / TICK_NS);
	add_number(text, p.usage.mapped << PAGE_SHIFT);
	add_number(text, p.usage.own + p.usage.shared);
	add_number(text, p.memory_limit);
	/* startcode, endcode, startstack, esp, eip */
	text_add(text, " 0 0 %llu 0 0", space ? (unsigned long long)space->stack_start : 0);
	add_number(text, p.pending | p.process_pending);
	add_number(text, p.blocked);
	add_number(text, p.ignored);
	add_number(text, p.caught);
	text_add(text, " %d 0 0 %d %u 0 0 0 0 0", p.state != 'R', p.exit_signal, p.cpu);
	/* start_data, end_data, start_brk, arguments, environment */
	text_add(text, " 0 0");
	add_number(text, space ? space->brk_start : 0);
	add_number(text, space ? space->arguments_start : 0);
	add_number(text, space ? space->arguments_end : 0);
	add_number(text, space ? space->environment_start : 0);
	add_number(text, space ? space->environment_end : 0);
	text_add(text, " %d\n", p.exit_status);
	portrait_done(&p);
	return 0;
}

/* ---- status ---- */

static const char *state_text(char state)
{
	switch (state) {
	case 'R':
		return "R (running)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	case 'Z':
		return "Z (zombie)";
	case 'X':
		return "X (dead)";
	default:
		return "S (sleeping)";
	}
}

static void add_cred(struct text *text, const struct cred *cred)
{
	text_add(text, "Uid:\t%u\t%u\t%u\t%u\n", cred->uid, cred->euid, cred->suid, cred->fsuid);
	text_add(text, "Gid:\t%u\t%u\t%u\t%u\n", cred->gid, cred->egid, cred->sgid, cred->fsgid);
	text_add(text, "FDSize:\t64\nGroups:\t");
	for (uint32_t i = 0; i < cred->group_count; i++)
		text_add(text, "%u ", cred->groups[i]);
	text_add(text, "\n");
}

static void add_size(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%s:\t%8llu kB\n", name, (unsigned long long)pages * 4);
}

static void add_memory(struct text *text, const struct space_usage *usage)
{
	add_size(text, "VmPeak", usage->mapped);
	add_size(text, "VmSize", usage->mapped);
	add_size(text, "VmLck", usage->locked);
	add_size(text, "VmPin", 0);
	add_size(text, "VmHWM", usage->own + usage->shared);
	add_size(text, "VmRSS", usage->own + usage->shared);
	add_size(text, "RssAnon", usage->own);
	add_size(text, "RssFile", 0);
	add_size(text, "RssShmem", usage->shared);
	add_size(text, "VmData", usage->data);
	add_size(text, "VmStk", usage->stack);
	add_size(text, "VmExe", usage->text);
	add_size(text, "VmLib", 0);
	add_size(text, "VmPTE", usage->tables);
	add_size(text, "VmSwap", 0);
}

static void add_mask(struct text *text, const char *name, uint64_t mask)
{
	text_add(text, "%s:\t%016llx\n", name, (unsigned long long)mask);
}

static void add_affinity(struct text *text, uint64_t affinity)
{
	uint64_t present = (1ull << cpu_online_count) - 1;
	const char *comma = "";

	affinity &= present;
	text_add(text, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t", (unsigned long long)affinity);
	for (unsigned i = 0; i < cpu_online_count; i++) {
		unsigned last = i;

		if (!(affinity >> i & 1))
			continue;
		while (last + 1 < cpu_online_count && (affinity >> (last + 1) & 1))
			last++;
		if (last > i)
			text_add(text, "%s%u-%u", comma, i, last);
		else
			text_add(text, "%s%u", comma, i);
		comma = ",";
		i = last;
	}
	text_add(text, "\n");
}

int proc_show_status(struct text *text, const struct proc_subject *subject)
{
	struct portrait p;
	int err = portrait_take(&p, subject);

	if (err)
		return err;
	text_add(text, "Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%d\nNgid:\t0\n", p.name,
		 state_text(p.state), p.pid);
	text_add(text, "Pid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", p.tid, p.parent);
	if (p.cred)
		add_cred(text, p.cred);
	text_add(text, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p.pid, p.tid, p.group,
		 p.session);
	if (p.space)
		add_memory(text, &p.usage);
	text_add(text, "Threads:\t%u\nSigQ:\t0/1024\n", p.threads);
	add_mask(text, "SigPnd", p.pending);
	add_mask(text, "ShdPnd", p.process_pending);
	add_mask(text, "SigBlk", p.blocked);
	add_mask(text, "SigIgn", p.ignored);
	add_mask(text, "SigCgt", p.caught);
	if (p.cred) {
		add_mask(text, "CapInh", p.cred->inheritable);
		add_mask(text, "CapPrm", p.cred->permitted);
		add_mask(text, "CapEff", p.cred->effective);
		add_mask(text, "CapBnd", p.cred->bounding);
		add_mask(text, "CapAmb", p.cred->ambient);
	}
	text_add(text, "NoNewPrivs:\t0\nSeccomp:\t0\n");
	add_affinity(text, p.affinity);
	text_add(text, "voluntary_ctxt_switches:\t0\nnonvoluntary_ctxt_switches:\t0\n");
	portrait_done(&p);
	return 0;
}
