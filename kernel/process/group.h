/* SPDX-License-Identifier: MIT */
#ifndef KERNEL_PROCESS_GROUP_H
#define KERNEL_PROCESS_GROUP_H

/*
 * Process groups and sessions: credentials(7), setpgid(2), setsid(2). All under the tree lock.
 *
 * A number can name one group and one session only, those that the process with this number started.
 * So their records are in its own: to start one needs no memory. A process that is
 * gone leaves its record to them for as long as they have members.
 */

#include "kernel/lib/list.h"
#include "kernel/process/pid.h"

struct process;

struct session {
	struct pid_link by_id; /* the leader's pid */
	uint32_t group_count;
	struct process *owner; /* this is in its record; a reference. NULL: process 1 begins here */
};

struct group {
	struct pid_link by_id;
	struct session *session;
	struct process *owner;    /* as the session's */
	struct list_node members; /* process.in_group_members; never empty */
	unsigned stopped_count;   /* of members: whether an orphaned group must be told */
};

struct group *group_find(int32_t id); /* NULL: none */
void group_join(struct group *group, struct process *process);
/* The process leaves its group; with the last one it ends, and its session. */
void group_leave(struct process *process);
/* No member has a parent in another group of the session: nobody can continue it. */
bool group_is_orphaned(const struct group *group, const struct process *ignore);
/* `process` exits: groups that it leaves orphaned and stopped get SIGHUP and SIGCONT. */
void group_check_orphans(struct process *process);
/* Process 1 joins the first session. Before there are others. */
void group_start(struct process *process);

#endif
