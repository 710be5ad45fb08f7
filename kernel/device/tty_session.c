// SPDX-License-Identifier: MIT
/*
 * Who owns the terminal: controlling terminals and foreground groups,
 * credentials(7), ioctl_tty(2). A terminal belongs to a session; a process whose
 * `terminal` points to one that now belongs to another session, or to none, has
 * none: so losing a terminal needs no walk over the session.
 */

#include "kernel/device/tty.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "abi/signal.h"
#include "kernel/device/device.h"
#include "kernel/process/group.h"
#include "kernel/process/process.h"

#define TERMINAL_NUMBER (5 << 8 | 1) /* of /dev/console, as /proc shows it */

struct tty *tty_of(const struct process *process)
{
	struct tty *tty = process->terminal;

	return tty && tty->session && tty->session == process->session ? tty : NULL;
}

void tty_identity(const struct tty *tty, int *number, int *foreground_group)
{
	bool owned = tty && tty->session;

	*number = owned ? TERMINAL_NUMBER : 0;
	*foreground_group = owned ? tty->foreground_group : -1;
}

/* Would the signal do nothing to the running thread? */
static bool is_held_back(struct process *process, int signal)
{
	bool ignored;

	if (thread_current()->signals.blocked & 1ull << (signal - 1))
		return true;
	spin_lock(&process->signals.lock);
	ignored = process->signals.actions[signal - 1].handler == SIG_IGN;
	spin_unlock(&process->signals.lock);
	return ignored;
}

int tty_check_foreground(struct tty *tty, int signal)
{
	struct process *process = process_current();
	int32_t group = process->group;
	bool background, orphaned = false;

	/* Nobody else changes which session and group we are in while this group is in front. */
	if (__atomic_load_n(&tty->foreground_group, __ATOMIC_RELAXED) == group)
		return 0;
	spin_lock(&tree_lock);
	group = process->group;
	background = tty_of(process) == tty && tty->foreground_group != group;
	if (background)
		orphaned = group_is_orphaned(process->in_group, NULL);
	spin_unlock(&tree_lock);
	if (!background)
		return 0;
	if (is_held_back(process, signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (orphaned)
		return -EIO;
	signal_send_group(group, signal);
	return -ERESTARTSYS;
}

int tty_take(struct tty *tty, bool steal)
{
	struct process *process = process_current();
	int err = 0;

	spin_lock(&tree_lock);
	if (tty_of(process) == tty) {
		/* ours already */
	} else if (process->session != process->pid || tty_of(process) ||
		   (tty->session && !steal)) {
		err = -EPERM;
	} else {
		tty->session = process->session;
		tty->foreground_group = process->group;
		process->terminal = tty;
	}
	spin_unlock(&tree_lock);
	return err;
}

void tty_session_end(struct process *leader)
{
	int32_t group = 0;

	spin_lock(&tree_lock);
	struct tty *tty = tty_of(leader);
	if (tty && leader->session == leader->pid) {
		group = tty->foreground_group;
		tty->session = 0;
		tty->foreground_group = 0;
	}
	leader->terminal = NULL;
	spin_unlock(&tree_lock);
	if (group > 0) {
		signal_send_group(group, SIGHUP);
		signal_send_group(group, SIGCONT);
	}
}

/* TIOCNOTTY: a leader gives it up for the whole session. */
static long give_up(struct tty *tty)
{
	struct process *process = process_current();

	spin_lock(&tree_lock);
	bool ours = tty_of(process) == tty;
	bool leader = process->session == process->pid;
	if (ours && !leader)
		process->terminal = NULL;
	spin_unlock(&tree_lock);
	if (!ours)
		return -ENOTTY;
	if (leader)
		tty_session_end(process);
	return 0;
}

/* TIOCGPGRP and TIOCGSID. */
static long owner_get(struct tty *tty, uint64_t argument, bool session)
{
	spin_lock(&tree_lock);
	bool ours = tty_of(process_current()) == tty;
	int32_t value = session ? tty->session : tty->foreground_group;
	spin_unlock(&tree_lock);
	if (!ours)
		return -ENOTTY;
	return copy_to_user(argument, &value, sizeof(value));
}

/* TIOCSPGRP: tcsetpgrp(3). */
static long foreground_set(struct tty *tty, uint64_t argument)
{
	struct process *process = process_current();
	int32_t id;
	int err = tty_check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&id, argument, sizeof(id)))
		return -EFAULT;
	if (id < 0)
		return -EINVAL;
	spin_lock(&tree_lock);
	struct group *group = group_find(id);
	if (tty_of(process) != tty)
		err = -ENOTTY;
	else if (!group)
		err = -ESRCH;
	else if (group->session->by_id.id != process->session)
		err = -EPERM;
	else
		__atomic_store_n(&tty->foreground_group, id, __ATOMIC_RELAXED);
	spin_unlock(&tree_lock);
	return err;
}

long tty_session_ioctl(struct tty *tty, unsigned command, uint64_t argument)
{
	switch (command) {
	case TIOCSCTTY:
		return tty_take(tty, argument == 1 && cred_has(cred_current(), CAP_SYS_ADMIN));
	case TIOCNOTTY:
		return give_up(tty);
	case TIOCGPGRP:
		return owner_get(tty, argument, false);
	case TIOCGSID:
		return owner_get(tty, argument, true);
	case TIOCSPGRP:
		return foreground_set(tty, argument);
	default:
		return -ENOTTY;
	}
}
