// SPDX-License-Identifier: MIT
/*
 * Process groups and sessions. A group lives as long as it has members, a
 * session as long as it has groups, and so long no process gets their number.
 */

#include "kernel/process/group.h"

#include "kernel/process/process.h"
#include "kernel/process/signal_send.h"
#include "kernel/syscall/syscall.h"

struct group *group_find(int32_t id)
{
	struct pid_link *link = pid_find(id, PID_GROUP);

	return link ? container_of(link, struct group, by_id) : NULL;
}

void group_join(struct group *group, struct process *process)
{
	process->in_group = group;
	process->group = group->by_id.id;
	process->session = group->session->by_id.id;
	list_push_back(&group->members, &process->in_group_members);
	group->stopped_count += process->stopped;
}

void group_leave(struct process *process)
{
	struct group *group = process->in_group;
	struct session *session = group->session;

	process->in_group = NULL;
	group->stopped_count -= process->stopped;
	list_remove(&process->in_group_members);
	if (!list_is_empty(&group->members))
		return;
	pid_remove(&group->by_id);
	if (--session->group_count == 0) {
		pid_remove(&session->by_id);
		process_put(session->owner);
	}
	process_put(group->owner);
}

/* A record that is in use is the group of this number, which group_find finds: then it is not started. */
static struct group *group_init(struct group *group, struct session *session, int32_t id,
				struct process *owner)
{
	list_init(&group->members);
	group->session = session;
	group->owner = process_get(owner);
	group->stopped_count = 0;
	session->group_count++;
	pid_insert(&group->by_id, id, PID_GROUP);
	return group;
}

static struct session *session_init(struct session *session, int32_t id, struct process *owner)
{
	session->group_count = 0;
	session->owner = process_get(owner);
	pid_insert(&session->by_id, id, PID_SESSION);
	return session;
}

/* The group that has the process's number, in this session. */
static struct group *group_of_own(struct process *process, struct session *session)
{
	return group_init(&process->own_group, session, process->pid, process);
}

void group_start(struct process *process)
{
	static struct session first_session;
	static struct group first_group;

	/* 0, as on Linux, so that process 1 can still call setsid. */
	group_init(&first_group, session_init(&first_session, 0, NULL), 0, NULL);
	group_join(&first_group, process);
}

/* ---- orphans: POSIX, "orphaned process group" ---- */

bool group_is_orphaned(const struct group *group, const struct process *ignore)
{
	list_for_each (node, &group->members) {
		struct process *member = container_of(node, struct process, in_group_members);
		struct process *parent = member->parent;
		if (member == ignore || member->zombie || !parent || parent == init_process)
			continue;
		if (parent->in_group != group && parent->session == member->session)
			return false;
	}
	return true;
}

static void tell_if_orphaned(struct group *group, const struct process *ignore)
{
	if (!group->stopped_count || !group_is_orphaned(group, ignore))
		return;
	signal_send_group_locked(group, SIGHUP);
	signal_send_group_locked(group, SIGCONT);
}

void group_check_orphans(struct process *process)
{
	struct process *parent = process->parent;

	if (parent && parent->in_group != process->in_group && parent->session == process->session)
		tell_if_orphaned(process->in_group, process);
	list_for_each (node, &process->children) {
		struct process *child = container_of(node, struct process, in_siblings);
		if (child->in_group && child->in_group != process->in_group &&
		    child->session == process->session)
			tell_if_orphaned(child->in_group, child);
	}
}

/* ---- system calls ---- */

/* setpgid(2): the errors in Linux's order. Tree lock held. */
static int setpgid_check(struct process *process, int32_t id)
{
	struct process *caller = process_current();

	if (process->parent == caller) {
		if (process->session != caller->session)
			return -EPERM;
		if (process->did_exec)
			return -EACCES;
	} else if (process != caller) {
		return -ESRCH;
	}
	if (process->session == process->pid)
		return -EPERM; /* a session leader */
	if (id != process->pid) {
		struct group *group = group_find(id);
		if (!group || group->session->by_id.id != caller->session)
			return -EPERM;
	}
	return 0;
}

static int setpgid_locked(int32_t pid, int32_t id)
{
	struct process *process = pid ? process_find_locked(pid) : process_current();

	if (!process)
		return -ESRCH;
	id = id ? id : process->pid;

	int err = setpgid_check(process, id);

	if (err || process->group == id)
		return err;

	struct group *group = group_find(id);

	/* It is the process's own, or the check would have failed. */
	if (!group)
		group = group_of_own(process, process->in_group->session);
	group_leave(process);
	group_join(group, process);
	return 0;
}

long sys_setpgid(const uint64_t *argument)
{
	int32_t pid = (int32_t)argument[0], id = (int32_t)argument[1];

	if (id < 0)
		return -EINVAL;
	spin_lock(&tree_lock);
	int err = setpgid_locked(pid, id);
	spin_unlock(&tree_lock);
	return err;
}

/* One number of a process, by pid or of the caller. */
static long process_number(int32_t pid, bool session)
{
	long result = -ESRCH;

	spin_lock(&tree_lock);
	struct process *process = pid ? process_find_locked(pid) : process_current();
	if (process)
		result = session ? process->session : process->group;
	spin_unlock(&tree_lock);
	return result;
}

long sys_getpgid(const uint64_t *argument)
{
	return process_number((int32_t)argument[0], false);
}

long sys_getpgrp(const uint64_t *argument)
{
	(void)argument;
	return process_number(0, false);
}

long sys_getsid(const uint64_t *argument)
{
	return process_number((int32_t)argument[0], true);
}

long sys_setsid(const uint64_t *argument)
{
	struct process *process = process_current();
	long result = -EPERM;

	(void)argument;
	spin_lock(&tree_lock);
	if (!group_find(process->pid) && process->session != process->pid) {
		struct session *session =
			session_init(&process->own_session, process->pid, process);
		struct group *group = group_of_own(process, session);
		group_leave(process);
		group_join(group, process);
		process->terminal = NULL;
		result = process->pid;
	}
	spin_unlock(&tree_lock);
	return result;
}
